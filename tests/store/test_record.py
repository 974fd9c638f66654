"""A scored date with all that comes of it: whole or not at all, once, and traceable to what made it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from churnml.adapters.store import StaleError, Store, scorings
from churnml.errors import ProjectError
from churnml.ledger import AppliedException, Assignment, BandState, DayPlan, HealthEvent, HealthTrace
from tests.store.days import (
    NOW,
    account,
    arm,
    day,
    decision,
    event,
    item,
    kept_open,
    message,
    opening,
    record,
    scores,
)

FIRST, SECOND = day("03-04"), day("03-11")
DECLARED = {"health": "bands: [healthy, at_risk]\n", "playbooks": "rescue: {}\n"}


def everything(store: Store) -> dict[str, Any]:
    """What a person or the next day could see."""
    dates = store.dates()
    return {
        "queues": [store.queue(on) for on in dates],
        "decided": [store.decided(on) for on in dates],
        "scored": [store.scored(on) for on in dates],
        "work": store.work.items(),
        "work events": store.work.events(),
        "arms": store.outcomes.assignments(),
        "outbox": store.outbox.all(),
        "audit": store.audit.entries(),
        "before": store.prior_state(day("12-31"), 90),
    }


def test_one_recording_writes_everything(store: Store) -> None:
    state = BandState("a", FIRST, 40.0, "at_risk", day("02-01"), "healthy", day("03-01"))
    changes = [HealthEvent("a", FIRST, "band", "healthy", "at_risk", ("a score of 40 is under 45",))]
    trace = HealthTrace(raw_health=44.5, scorecard="smb", inputs={"active_days_28": 2})
    assert record(
        store,
        scores(FIRST, account("a", trace=trace)),
        "one",
        NOW,
        opening(FIRST, "a"),
        bands=[state],
        events=changes,
        messages=[message("1")],
        declarations=DECLARED,
        data="the data",
    )
    (row,) = store.scored(FIRST)
    assert (row.band_since, row.pending, row.pending_since) == (day("02-01"), "healthy", day("03-01"))
    assert row.trace == trace
    (line,) = store.queue(FIRST)
    made = line.decision
    assert (made.work_id, made.arm, made.propensity) == (item("a", FIRST).work_id, "treated", 0.9)
    assert store.work.items() == [item("a", FIRST)]
    assert [(one.what, one.on, one.details) for one in store.work.events()] == [("opened", FIRST, {"seen": 1})]
    assert store.outcomes.assignments() == [arm("a", FIRST)]
    assert store.health_events(FIRST, FIRST) == changes
    assert [one.key for one in store.outbox.due(NOW)] == ["1"]
    (entry,) = store.audit.entries(str(FIRST))
    assert (entry.who, entry.what, entry.at) == ("churnml", "scored", NOW)
    assert entry.details["fingerprint"] == "one"


def test_every_line_of_a_list_can_be_traced_to_what_made_it(store: Store) -> None:
    record(store, scores(FIRST, "a"), "one", NOW, opening(FIRST, "a"), declarations=DECLARED, data="the data")
    record(store, scores(SECOND, "a"), "two", NOW, declarations=DECLARED | {"playbooks": "rescue: {holdout: 0}\n"})
    (line,) = store.queue(FIRST)
    assert (line.scoring.models, line.scoring.fingerprint, line.scoring.data_fingerprint) == (
        {"churn": "3", "upsell": None},
        "one",
        "the data",
    )
    assert line.decision == opening(FIRST, "a").decisions[0]
    declared, later = line.scoring.declarations, store.account("a", SECOND).scoring.declarations
    assert declared is not None
    assert later is not None
    assert {kind: store.declaration(name).text for kind, name in declared.items()} == DECLARED
    assert later["health"] == declared["health"]
    assert later["playbooks"] != declared["playbooks"]


def test_the_same_again_changes_nothing(store: Store) -> None:
    def again() -> bool:
        return record(store, scores(FIRST, "a"), "one", NOW, opening(FIRST, "a"), messages=[message("1")])

    assert again()
    was = everything(store)
    assert not again()
    assert everything(store) == was


def test_from_other_data_a_date_gets_a_revision_and_keeps_the_old(store: Store) -> None:
    record(store, scores(FIRST, account("a", health=40.0)), "one", NOW, opening(FIRST, "a"))
    plan = kept_open(FIRST, item("a", FIRST))
    assert record(store, scores(FIRST, account("a", health=30.0)), "two", NOW, plan)
    assert store.fingerprint(FIRST) == "two"
    assert [row.health for row in store.scored(FIRST)] == [30.0]
    assert [(line.decision.disposition, line.scoring.revision) for line in store.queue(FIRST)] == [("kept", 2)]
    assert [entry.details["revision"] for entry in store.audit.entries(str(FIRST))] == [2, 1]
    assert store.dates() == [FIRST]


@pytest.mark.parametrize("where", ["put_plan", "put", "audit", "count_up"])
def test_what_fails_in_the_middle_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    record(store, scores(FIRST, "a"), "one", NOW, opening(FIRST, "a"), messages=[message("1")])
    was = everything(store)
    original = getattr(scorings, where)

    def breaks(*given: Any) -> None:
        original(*given)
        raise RuntimeError("here the power went")

    monkeypatch.setattr(scorings, where, breaks)
    with pytest.raises(RuntimeError):
        record(store, scores(SECOND, "a", "b"), "two", NOW, opening(SECOND, "b"), messages=[message("2", "b")])
    assert everything(store) == was
    monkeypatch.undo()
    assert record(store, scores(SECOND, "a", "b"), "two", NOW, opening(SECOND, "b"), messages=[message("2", "b")])


def test_a_plan_made_before_somebody_else_changed_something_is_refused_and_made_again(store: Store) -> None:
    record(store, scores(FIRST, "a"), "one", NOW, opening(FIRST, "a"))
    known = store.prior_state(SECOND, 90)
    (open_item,) = known.work
    done = item("a", FIRST, state="done", ended_on=day("03-06"), ended_because="spoke to them")
    store.work.change(open_item, done, event(done.work_id, day("03-06"), "done", "olga", "spoke to them"), NOW)
    was = everything(store)
    with pytest.raises(StaleError):
        record(store, scores(SECOND, "a"), "two", NOW, kept_open(SECOND, open_item), stamp=known.stamp)
    assert everything(store) == was
    again = store.prior_state(SECOND, 90)
    assert again.work == (done,)
    assert record(store, scores(SECOND, "a"), "two", NOW, DayPlan(), stamp=again.stamp)


def test_a_stale_plan_of_what_already_stands_there_is_no_trouble(store: Store) -> None:
    known = store.prior_state(FIRST)
    record(store, scores(FIRST, "a"), "one", NOW, opening(FIRST, "a"), stamp=known.stamp)
    assert not record(store, scores(FIRST, "a"), "one", NOW, opening(FIRST, "a"), stamp=known.stamp)


def test_sending_does_not_make_a_plan_stale(store: Store) -> None:
    record(store, scores(FIRST, "a"), "one", NOW, messages=[message("1")])
    known = store.prior_state(SECOND)
    store.outbox.sent(store.outbox.claim(NOW)[0].delivery_id, NOW)
    assert record(store, scores(SECOND, "a"), "two", NOW, opening(SECOND, "a"), stamp=known.stamp)


def test_a_date_before_the_newest_is_scored_for_the_record_alone(store: Store) -> None:
    record(store, scores(SECOND, "a"), "two", NOW, opening(SECOND, "a"), messages=[message("2")])
    was = everything(store)
    assert record(store, scores(FIRST, "a", "b"), "one", NOW, opening(FIRST, "b"), messages=[message("1", "b")])
    now = everything(store)
    for untouched in ("work", "work events", "arms", "outbox"):
        assert now[untouched] == was[untouched]
    assert [line.account.account_id for line in store.queue(FIRST)] == ["b"]
    assert store.audit.entries(str(FIRST))[0].details["for_the_record"]
    assert not store.audit.entries(str(SECOND))[0].details["for_the_record"]
    # the newest date itself may be scored again, and then its plan counts
    again = opening(SECOND, "c")
    assert record(store, scores(SECOND, "a", "c"), "three", NOW, again, messages=[message("3", "c")])
    assert [one.account_id for one in store.work.items()] == ["a", "c"]


def test_an_arm_once_drawn_is_kept_whatever_is_drawn_later(store: Store) -> None:
    record(store, scores(FIRST, "a"), "one", NOW, DayPlan(assignments=(arm("a", FIRST),)))
    other = Assignment("a", "rescue", "holdout", 0.5, SECOND)
    record(store, scores(SECOND, "a"), "two", NOW, DayPlan(assignments=(other, arm("b", SECOND))))
    assert store.outcomes.assignments() == [arm("a", FIRST), arm("b", SECOND)]


def test_work_that_changes_without_an_event_is_a_mistake_of_the_caller(store: Store) -> None:
    with pytest.raises(ValueError, match="no event says so"):
        record(store, scores(FIRST, "a"), "one", NOW, DayPlan(work=(item("a", FIRST),)))
    record(store, scores(FIRST, "a"), "one", NOW, opening(FIRST, "a"))
    changed = item("a", FIRST, owner="otto")
    with pytest.raises(ValueError, match="no event says so"):
        record(store, scores(SECOND, "a"), "two", NOW, DayPlan(work=(changed,)))
    assert record(store, scores(SECOND, "a"), "two", NOW, kept_open(SECOND, item("a", FIRST)))


def test_what_ends_makes_room_for_what_begins_in_one_plan(store: Store) -> None:
    record(store, scores(FIRST, "z"), "one", NOW, opening(FIRST, "z"))
    old = item("z", FIRST, state="closed", ended_on=SECOND, ended_because="over")
    new = item("z", SECOND)
    plan = DayPlan(work=(new, old), events=(event(new.work_id, SECOND, "opened"), event(old.work_id, SECOND, "closed")))
    record(store, scores(SECOND, "z"), "two", NOW, plan)
    assert store.work.items() == [old, new]


def test_no_number_and_foreign_numbers_are_kept_as_json_both_engines_take(store: Store) -> None:
    inputs: dict[str, Any] = {"x": math.nan, "y": np.float64(2.5), "z": np.int64(3), "w": np.inf}
    applied = AppliedException("cap", np.float64(80.5), math.nan)
    record(store, scores(FIRST, account("a", trace=HealthTrace(inputs=inputs, exceptions=(applied,)))), "one", NOW)
    (row,) = store.scored(FIRST)
    assert row.trace.inputs == {"x": None, "y": 2.5, "z": 3, "w": None}
    assert row.trace.exceptions == (AppliedException("cap", 80.5, None),)
    assert row.reasons[0].code == "usage.active_days"


def test_what_is_not_a_number_is_missing_on_both_engines(store: Store) -> None:
    rows = scores(FIRST, account("a", health=math.nan, mrr=np.float64(7.5), upsell_probability=math.inf))
    one = item("a", FIRST, value=math.nan)
    plan = DayPlan(
        (decision(one, "a", value=math.nan, value_low=np.float32(0.5)),), (one,), (event(one.work_id, FIRST, "opened"),)
    )
    record(store, rows, "one", NOW, plan)
    (row,) = store.scored(FIRST)
    assert (row.health, row.mrr, row.upsell_probability) == (None, 7.5, None)
    assert [(line.decision.value, line.decision.value_low) for line in store.queue(FIRST)] == [(None, 0.5)]
    assert [kept.value for kept in store.work.items()] == [None]


def test_a_text_that_postgresql_cannot_keep_is_told_and_nothing_is_written(store: Store, engine: str) -> None:
    odd = scores(FIRST, account("a", segment="s\0b"))
    if engine == "postgresql":
        with pytest.raises(ProjectError, match=r"segment.* NUL"):
            record(store, odd, "one", NOW)
        assert store.dates() == []
    else:
        assert record(store, odd, "one", NOW)
        assert store.scored(FIRST)[0].segment == "s\0b"


def test_long_and_hostile_texts_are_data(store: Store) -> None:
    name = "'; DROP TABLE scores; -- " + "長" * 400
    record(store, scores(FIRST, account(name, owner_id=name, segment=name)), "one", NOW, opening(FIRST, name))
    assert store.account(name, FIRST).account.segment == name
    assert store.queue(FIRST)[0].account.account_id == name


def test_decisions_of_every_outcome_are_kept_and_the_list_has_only_what_is_to_be_done(store: Store) -> None:
    plan = opening(FIRST, "a")
    others = [
        decision(None, "b", "overflow", owner="otto", value=7.0, note="no room"),
        decision(None, "a", "elsewhere", playbook="grow"),
        decision(None, "c", "holdout", arm="holdout"),
    ]
    plan = DayPlan((*plan.decisions, *others), plan.work, plan.events, plan.assignments)
    record(store, scores(FIRST, "a", "b", "c"), "one", NOW, plan)
    assert [line.account.account_id for line in store.queue(FIRST)] == ["a"]
    assert [(made.decision.account_id, made.decision.disposition) for made in store.decided(FIRST)] == [
        ("a", "opened"),
        ("b", "overflow"),
        ("a", "elsewhere"),
        ("c", "holdout"),
    ]
    assert [made.decision.note for made in store.decided(FIRST, ["overflow"])] == ["no room"]
