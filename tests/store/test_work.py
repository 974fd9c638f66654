"""What a person does to a work item: once, on what they saw, with a line in the audit log."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from churnml.adapters.store import StaleError, Store
from churnml.errors import ChurnmlError, UnknownNameError
from churnml.ledger import DayPlan, EnrolmentOutcome, Override, WorkItem
from tests.store.days import NOW, account, day, event, item, message, opening, record, scores

FIRST = day("03-04")
THEN = day("03-06")


@pytest.fixture
def opened(store: Store) -> Store:
    record(store, scores(FIRST, "a", "b"), "one", NOW, opening(FIRST, "a", "b"))
    return store


def snooze(store: Store, was: WorkItem, why: str = "on holiday") -> WorkItem:
    becomes = WorkItem(**(vars(was) | {"state": "snoozed", "snoozed_until": day("03-20")}))
    store.work.change(was, becomes, event(was.work_id, THEN, "snoozed", "olga", why), NOW)
    return becomes


def test_an_item_is_found_by_its_own_id_or_its_accounts(opened: Store) -> None:
    assert opened.work.item("a") == opened.work.item(item("a", FIRST).work_id) == item("a", FIRST)
    with pytest.raises(UnknownNameError, match="Did you mean"):
        opened.work.item(item("a", FIRST).work_id + "x")


def test_an_account_with_several_open_items_wants_the_id(opened: Store) -> None:
    record(opened, scores(THEN, "a"), "two", NOW, opening(THEN, "a", playbook="grow"))
    with pytest.raises(UnknownNameError) as refused:
        opened.work.item("a")
    assert item("a", THEN, playbook="grow").work_id in str(refused.value)


def test_a_change_is_written_with_its_event_its_audit_line_and_its_message(opened: Store) -> None:
    was = opened.work.item("a")
    becomes = WorkItem(**(vars(was) | {"state": "done", "ended_on": THEN, "ended_because": "spoke to them"}))
    said = event(was.work_id, THEN, "done", "olga", "spoke to them")
    opened.work.change(was, becomes, said, NOW, [message("done")])
    assert opened.work.items("a") == [becomes]
    assert [one.what for one in opened.work.events(was.work_id)] == ["opened", "done"]
    assert opened.work.events(account_id="a")[-1] == said
    entry = opened.audit.entries("a")[0]
    assert (entry.who, entry.what, entry.why) == ("olga", "work done", "spoke to them")
    assert entry.details["work_id"] == was.work_id
    assert [one.key for one in opened.outbox.due(NOW)] == ["done"]
    # an ended item is found by its own id alone
    assert opened.work.item(was.work_id) == becomes
    with pytest.raises(UnknownNameError):
        opened.work.item("a")
    assert opened.work.items(living=True) == [item("b", FIRST)]


def test_a_change_of_what_somebody_else_changed_is_refused(opened: Store) -> None:
    was = opened.work.item("a")
    snoozed = snooze(opened, was)
    with pytest.raises(StaleError):
        snooze(opened, was, "for another reason")
    assert opened.work.items("a") == [snoozed]
    assert len(opened.work.events(was.work_id)) == 2
    assert len(opened.audit.entries("a")) == 1


def test_nothing_is_written_of_an_item_before_what_happened_last(opened: Store) -> None:
    snoozed = snooze(opened, opened.work.item("a"))
    done = WorkItem(**(vars(snoozed) | {"state": "done", "ended_on": day("03-05"), "ended_because": "spoke"}))
    with pytest.raises(ChurnmlError, match="on 2024-03-06 already"):
        opened.work.change(snoozed, done, event(done.work_id, day("03-05"), "done", "olga", "spoke"), NOW)
    assert opened.work.items("a") == [snoozed]
    opened.work.change(snoozed, done, event(done.work_id, THEN, "done", "olga", "spoke"), NOW)
    assert opened.work.items("a") == [done]


def test_a_change_of_another_item_than_its_event_is_a_mistake_of_the_caller(opened: Store) -> None:
    a, b = opened.work.item("a"), opened.work.item("b")
    with pytest.raises(ValueError, match="different work"):
        opened.work.change(a, a, event(b.work_id, THEN, "done"), NOW)


def test_a_day_planned_late_does_not_undo_what_a_person_did_after_it(opened: Store) -> None:
    was = opened.work.item("a")
    known = opened.prior_state(day("03-05"), 90)
    snoozed = snooze(opened, was)
    known = opened.prior_state(day("03-05"), 90)
    assert was in known.work  # as it was on that date
    closed = WorkItem(**(vars(was) | {"state": "closed", "ended_on": day("03-05"), "ended_because": "over"}))
    plan = DayPlan(work=(closed,), events=(event(was.work_id, day("03-05"), "closed"),))
    record(opened, scores(day("03-05"), "a"), "two", NOW, plan, stamp=known.stamp)
    assert opened.work.items("a") == [snoozed]
    assert [one.what for one in opened.work.events(was.work_id)] == ["opened", "closed", "snoozed"]


def test_a_day_scored_again_may_keep_what_a_person_changed_after_it(opened: Store) -> None:
    was = opened.work.item("a")
    snoozed = snooze(opened, was)
    late = WorkItem(**(vars(opened.work.item("b")) | {"escalated_on": FIRST}))
    plan = DayPlan(work=(was, late), events=(event(late.work_id, FIRST, "escalated"),))
    assert record(opened, scores(FIRST, "a"), "two", NOW, plan)
    assert opened.work.items() == [snoozed, late]


def test_work_that_has_ended_does_not_come_back(opened: Store) -> None:
    was = opened.work.item("a")
    done = WorkItem(**(vars(was) | {"state": "done", "ended_on": FIRST, "ended_because": "spoke"}))
    opened.work.change(was, done, event(was.work_id, FIRST, "done", "olga", "spoke"), NOW)
    with pytest.raises(ValueError, match="would come back"):
        record(opened, scores(THEN, "a"), "two", NOW, DayPlan(work=(was,), events=(event(was.work_id, THEN, "woken"),)))
    assert opened.work.items("a") == [done]


def test_work_is_listed_by_account_and_owner(opened: Store) -> None:
    assert [one.account_id for one in opened.work.items(owner="olga")] == ["a", "b"]
    assert opened.work.items(owner="otto") == []
    assert [one.account_id for one in opened.work.items("b")] == ["b"]


# ---------------------------------------------------------------- overrides


def override(name: str = "o1", account_id: str = "a") -> Override:
    return Override(name, account_id, 80.0, "olga", "they renewed", FIRST, FIRST + dt.timedelta(days=30))


def test_an_override_is_made_once_with_its_author_and_reason_in_the_audit_log(store: Store) -> None:
    assert store.overrides.add(override(), NOW)
    assert not store.overrides.add(override(), NOW)
    assert store.overrides.all() == [override()]
    (entry,) = store.audit.entries("a")
    assert (entry.who, entry.what, entry.why) == ("olga", "override made", "they renewed")
    assert entry.details["score"] == 80.0


def test_a_withdrawal_is_a_row_of_its_own(store: Store) -> None:
    store.overrides.add(override(), NOW)
    assert store.overrides.withdraw("o1", THEN, NOW, who="rita", why="they did not")
    assert not store.overrides.withdraw("o1", FIRST, NOW, who="rita", why="again")
    assert [one.withdrawn_on for one in store.overrides.all("a")] == [THEN]
    assert store.overrides.all(holding_on=THEN) == []
    assert store.overrides.all("b", holding_on=FIRST) == []
    assert [one.override_id for one in store.overrides.all("a", holding_on=FIRST)] == ["o1"]
    assert [(one.who, one.what) for one in store.audit.entries("a")] == [
        ("rita", "override withdrawn"),
        ("olga", "override made"),
    ]
    with pytest.raises(UnknownNameError, match="Did you mean 'o1'"):
        store.overrides.withdraw("o11", THEN, NOW, who="rita", why="x")


# ---------------------------------------------------------------- outcomes


def test_outcomes_are_only_added_to_and_the_newest_word_counts(opened: Store) -> None:
    stayed = EnrolmentOutcome("a", "rescue", THEN, "counted", 0.0, 1.0, "unasked", None, None)
    left = replace(stayed, left=1.0, kept=0.0)
    assert opened.outcomes.add([stayed], NOW) == 1
    assert opened.outcomes.add([stayed], NOW) == 0
    assert opened.outcomes.add([left], NOW) == 1
    assert opened.outcomes.add([left], NOW) == 0
    later = replace(left, known_through=day("04-01"))
    assert opened.outcomes.add([later], NOW) == 1
    assert opened.outcomes.all() == [left, later]
    assert opened.outcomes.all(through=THEN) == [left]
    assert opened.outcomes.all("grow") == []


def test_arms_are_listed_by_playbook_and_date(opened: Store) -> None:
    record(opened, scores(THEN, "c"), "two", NOW, opening(THEN, "c", playbook="grow"))
    assert [(one.playbook, one.account_id) for one in opened.outcomes.assignments()] == [
        ("grow", "c"),
        ("rescue", "a"),
        ("rescue", "b"),
    ]
    assert [one.account_id for one in opened.outcomes.assignments(through=FIRST)] == ["a", "b"]
    assert [one.account_id for one in opened.outcomes.assignments("grow")] == ["c"]


def test_the_risk_of_an_arm_is_that_of_the_scoring_that_drew_it(store: Store) -> None:
    record(store, scores(FIRST, account("a", churn_probability=0.2)), "one", NOW, opening(FIRST, "a"))
    record(store, scores(FIRST, account("a", churn_probability=0.6)), "two", NOW)
    record(store, scores(THEN, account("a", churn_probability=0.9)), "three", NOW, opening(THEN, "b"))
    assert store.outcomes.risks() == {("a", FIRST): 0.2}  # b was not scored


# ---------------------------------------------------------------- the audit log


def test_what_is_done_outside_the_store_can_be_noted_in_the_audit_log(store: Store) -> None:
    later = NOW + dt.timedelta(days=1)
    store.audit.note(NOW, "rita", "health.yaml applied", "health", "new weights", {"from": "aa", "to": "bb"})
    store.audit.note(later, "otto", "model promoted", "churn", "better", None)
    assert [(one.who, one.what, one.details) for one in store.audit.entries()] == [
        ("otto", "model promoted", {}),
        ("rita", "health.yaml applied", {"from": "aa", "to": "bb"}),
    ]
    assert [one.who for one in store.audit.entries(since=later)] == ["otto"]
    assert [one.who for one in store.audit.entries("health")] == ["rita"]
    assert len(store.audit.entries(limit=1)) == 1
