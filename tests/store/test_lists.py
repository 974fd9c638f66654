"""What people are shown: the list of a date, an account with its past, what did not fit."""

from __future__ import annotations

from typing import Any

import pytest

from churnml.adapters.store import Store
from churnml.errors import TooLittleDataError, UnknownNameError
from churnml.ledger import DayPlan, HealthEvent, HealthTrace, Override, WorkItem
from tests.store.days import NOW, account, day, decision, event, item, kept_open, opening, record, scores

FIRST, SECOND = day("03-04"), day("03-11")


@pytest.fixture
def week(store: Store) -> Store:
    """Four items opened on one date and kept on the next."""
    names = ("a", "b", "c", "d")
    record(store, scores(FIRST, *names), "one", NOW, opening(FIRST, *names))
    record(store, scores(SECOND, *names), "two", NOW, kept_open(SECOND, *(item(name, FIRST) for name in names)))
    return store


def change(store: Store, account_id: str, what: Any, **to: Any) -> None:
    was = store.work.item(account_id)
    store.work.change(was, WorkItem(**(vars(was) | to)), event(was.work_id, SECOND, what, "olga", "said so"), NOW)


def listed(store: Store, on: Any, **given: Any) -> list[str]:
    return [line.account.account_id for line in store.queue(on, **given)]


def test_the_newest_list_leaves_out_what_was_done_dismissed_or_snoozed_since(week: Store) -> None:
    assert listed(week, SECOND) == ["a", "b", "c", "d"]
    change(week, "a", "done", state="done", ended_on=SECOND, ended_because="spoke")
    change(week, "b", "dismissed", state="dismissed", ended_on=SECOND, ended_because="nonsense")
    change(week, "c", "snoozed", state="snoozed", snoozed_until=day("03-20"))
    assert listed(week, SECOND) == ["d"]
    assert listed(week, FIRST) == ["a", "b", "c", "d"]  # an earlier list stays as it was


def test_the_newest_list_goes_by_who_has_the_work_now(week: Store) -> None:
    change(week, "b", "reassigned", owner="otto", due=day("04-01"))
    assert listed(week, SECOND, owner="otto") == ["b"]
    assert listed(week, SECOND, owner="olga", limit=2) == ["a", "c"]
    assert week.queue(SECOND, owner="otto")[0].decision.due == day("04-01")
    assert listed(week, FIRST, owner="olga") == ["a", "b", "c", "d"]
    with pytest.raises(UnknownNameError, match="Did you mean 'olga'"):
        week.queue(SECOND, owner="holga")


def test_a_line_carries_the_score_and_the_state_of_its_work(week: Store) -> None:
    line = week.queue(SECOND, limit=1)[0]
    assert (line.account.health, line.account.band, line.account.churn_probability) == (40.0, "at_risk", 0.25)
    assert line.work == item("a", FIRST)
    assert (line.place, line.decision.disposition, line.scoring.as_of) == (1, "kept", SECOND)
    assert line.account.reasons[0].sentence == "Active on 2 days; usually 12."
    assert week.queue(FIRST, limit=1)[0].work is None


def test_a_date_nobody_scored_says_which_were(week: Store) -> None:
    with pytest.raises(TooLittleDataError, match="2024-03-04, 2024-03-11"):
        week.queue(day("03-05"))


def test_an_account_is_shown_with_all_its_past(store: Store) -> None:
    record(store, scores(FIRST, account("a", health=60.0), "b"), "one", NOW, opening(FIRST, "a"))
    record(
        store,
        scores(SECOND, account("a", health=30.0, trace=HealthTrace(inputs={"active_days_28": 1})), "b"),
        "two",
        NOW,
        DayPlan((decision(None, "a", "elsewhere", playbook="grow"), decision(item("a", FIRST), "a", "kept"))),
        events=[HealthEvent(name, SECOND, "drop", "60", "30", ("fell 30 points",)) for name in ("a", "b")],
    )
    made = Override("o1", "a", 80.0, "olga", "they renewed", SECOND, day("04-01"))
    store.overrides.add(made, NOW)
    story = store.account("a", SECOND)
    assert (story.account.health, story.account.trace.inputs) == (30.0, {"active_days_28": 1})
    assert story.scoring.as_of == SECOND
    assert story.listed is not None
    assert story.listed.decision.disposition == "kept"
    assert [one.decision.disposition for one in story.decisions] == ["elsewhere", "kept"]
    assert [(one.as_of, one.health) for one in story.history] == [(FIRST, 60.0), (SECOND, 30.0)]
    assert story.previous is not None
    assert (story.previous.scoring.as_of, story.previous.account.health) == (FIRST, 60.0)
    assert story.previous.scoring.fingerprint == "one"
    assert story.health_events == (HealthEvent("a", SECOND, "drop", "60", "30", ("fell 30 points",)),)
    assert story.work == (item("a", FIRST),)
    assert [one.what for one in story.work_events] == ["opened"]
    assert story.overrides == (made,)
    first = store.account("a", FIRST)
    assert (first.previous, len(first.history), first.health_events) == (None, 1, ())


def test_an_account_without_anything_to_do_has_no_decision(store: Store) -> None:
    record(store, scores(FIRST, "a", "b"), "one", NOW, opening(FIRST, "a"))
    assert store.account("b", FIRST).listed is None
    with pytest.raises(UnknownNameError):
        store.account("nobody", FIRST)


def test_what_did_not_fit_is_summed_by_owner_and_playbook(store: Store) -> None:
    def over(account_id: str, owner: str, value: float | None, playbook: str = "rescue") -> Any:
        return decision(None, account_id, "overflow", owner=owner, value=value, playbook=playbook)

    first = DayPlan(
        (over("a", "olga", 5.0), over("b", "olga", 2.5), over("c", "otto", None), decision(None, "d", "cooling"))
    )
    record(store, scores(FIRST, "a"), "zero", NOW, DayPlan((over("a", "olga", 99.0),)))
    record(store, scores(FIRST, "a"), "one", NOW, first)  # the revision counts
    record(store, scores(SECOND, "a"), "two", NOW, DayPlan((over("a", "olga", 4.0, "grow"),)))
    rows = [(row.as_of, row.owner, row.playbook, row.items, row.value) for row in store.overflow(FIRST)]
    assert rows == [(FIRST, "olga", "rescue", 2, 7.5), (FIRST, "otto", "rescue", 1, None)]
    assert [row.value for row in store.overflow(day("03-01"), day("03-31"))] == [7.5, None, 4.0]


def test_bands_are_told_date_by_date_from_the_newest_revisions(store: Store) -> None:
    record(store, scores(FIRST, account("a", band="healthy")), "zero", NOW)
    record(store, scores(FIRST, account("a", band="at_risk")), "one", NOW)
    record(store, scores(SECOND, account("a", band="healthy")), "two", NOW)
    assert [(row.as_of, row.band) for row in store.bands(FIRST, SECOND)] == [
        (FIRST, "at_risk"),
        (SECOND, "healthy"),
    ]
    assert len(store.bands(FIRST, FIRST)) == 1


def test_healths_are_told_account_by_account_from_the_newest_revisions(store: Store) -> None:
    record(store, scores(FIRST, account("a", health=1.0), account("b", health=None)), "zero", NOW)
    record(store, scores(SECOND, account("a", health=3.0)), "two", NOW)
    record(store, scores(FIRST, account("a", health=2.0), account("b", health=None)), "one", NOW)
    assert store.healths(FIRST, SECOND) == {"a": [(FIRST, 2.0), (SECOND, 3.0)], "b": [(FIRST, None)]}
    assert store.healths(SECOND, SECOND) == {"a": [(SECOND, 3.0)]}
