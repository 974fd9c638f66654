"""What is on record when a day begins: nothing of a later date, everything of an earlier one.

Each rule comes with its positive control: the same thing a day earlier is seen.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from churnml.adapters.store import Store
from churnml.ledger import BandState, DayPlan, Override, WorkItem
from tests.store.days import NOW, account, arm, day, event, item, opening, record, scores

AS_OF = day("03-11")
BEFORE, LATER = AS_OF - dt.timedelta(days=1), AS_OF + dt.timedelta(days=1)


def scored(store: Store, on: dt.date, *accounts: Any, plan: DayPlan | None = None, **given: Any) -> None:
    assert record(store, scores(on, *accounts), f"{on} {len(store.audit.entries())}", NOW, plan or DayPlan(), **given)


def change(store: Store, on: dt.date, what: Any, **to: Any) -> WorkItem:
    (was,) = store.work.items()
    becomes = WorkItem(**(vars(was) | to))
    store.work.change(was, becomes, event(was.work_id, on, what, "olga", "because"), NOW)
    return becomes


def test_nothing_is_on_record_of_an_empty_store(store: Store) -> None:
    known = store.prior_state(AS_OF, 90)
    assert (known.bands, known.overrides, known.work, known.assignments) == ({}, (), (), {})
    assert (known.minutes, known.spent, known.stamp) == ({}, {}, 0)


@pytest.mark.parametrize(("on", "seen"), [(BEFORE, True), (AS_OF, False), (LATER, False)])
def test_bands_are_of_scorings_before_the_date(store: Store, on: dt.date, seen: bool) -> None:
    state = BandState("a", on, 40.0, "at_risk", day("02-01"), "healthy", day("03-01"))
    scored(store, on, "a", bands=[state])
    assert store.prior_state(AS_OF).bands == ({"a": state} if seen else {})


def test_the_band_of_an_account_is_that_of_its_own_newest_scoring(store: Store) -> None:
    scored(store, day("03-01"), account("a", band="at_risk"), account("gone", band="healthy"))
    scored(store, day("03-02"), account("a", band="neutral"), account("left", band="at_risk"))
    scored(store, day("03-03"), account("a", band="healthy"))
    scored(store, day("03-03"), account("a", band="at_risk"))  # a revision of that date counts instead
    scored(store, LATER, account("a", band="neutral"), account("gone", band="neutral"))
    found = {name: (state.band, state.scored_on) for name, state in store.prior_state(AS_OF).bands.items()}
    assert found == {
        "a": ("at_risk", day("03-03")),
        "gone": ("healthy", day("03-01")),
        "left": ("at_risk", day("03-02")),
    }
    # the same a day later, when the later scoring is of the past
    assert store.prior_state(LATER + dt.timedelta(days=1)).bands["gone"].band == "neutral"


def test_a_date_scored_late_is_no_newer_than_its_date(store: Store) -> None:
    scored(store, day("03-03"), account("a", band="healthy"), "b")
    scored(store, day("03-02"), account("a", band="at_risk"))
    assert store.prior_state(AS_OF).bands["a"].band == "healthy"
    assert store.prior_state(day("03-03")).bands["a"].band == "at_risk"


@pytest.mark.parametrize(("on", "seen"), [(BEFORE, True), (AS_OF, True), (LATER, False)])
def test_work_and_arms_of_a_later_date_are_not_seen(store: Store, on: dt.date, seen: bool) -> None:
    scored(store, on, "a", plan=opening(on, "a"))
    known = store.prior_state(AS_OF, 90)
    assert known.work == ((item("a", on),) if seen else ())
    assert known.assignments == ({("a", "rescue"): arm("a", on)} if seen else {})
    assert known.minutes == ({"olga": 60} if on == AS_OF else {})  # a Monday: the day before is of another week
    assert known.spent == ({"rescue": 10.0} if seen else {})


@pytest.mark.parametrize(("on", "seen"), [(BEFORE, True), (AS_OF, True), (LATER, False)])
def test_what_happened_to_work_later_is_not_seen(store: Store, on: dt.date, seen: bool) -> None:
    scored(store, day("03-01"), "a", plan=opening(day("03-01"), "a"))
    snoozed = change(store, on, "snoozed", state="snoozed", snoozed_until=day("03-20"))
    assert store.prior_state(AS_OF, 90).work == ((snoozed,) if seen else (item("a", day("03-01")),))


def test_work_is_seen_as_it_stood_whatever_happened_after(store: Store) -> None:
    first = day("03-01")
    scored(store, first, "a", plan=opening(first, "a"))
    states = {first: item("a", first)}
    states[day("03-05")] = change(store, day("03-05"), "snoozed", state="snoozed", snoozed_until=day("03-20"))
    states[day("03-20")] = change(store, day("03-20"), "woken", state="open", snoozed_until=None)
    states[day("03-21")] = change(store, day("03-21"), "reassigned", owner="otto")
    states[day("03-25")] = change(store, day("03-25"), "done", state="done", ended_on=day("03-25"), ended_because="ok")
    for on, state in states.items():
        assert store.prior_state(on, 90).work == (state,)
        assert store.prior_state(on + dt.timedelta(days=1), 90).work[0].state in (state.state, "done")
    assert store.prior_state(first - dt.timedelta(days=1), 90).work == ()


@pytest.mark.parametrize(("days_ago", "seen"), [(30, True), (31, False)])
def test_ended_work_is_remembered_for_the_cooldown(store: Store, days_ago: int, seen: bool) -> None:
    scored(store, day("01-02"), "a", plan=opening(day("01-02"), "a"))
    ended = AS_OF - dt.timedelta(days=days_ago)
    done = change(store, ended, "done", state="done", ended_on=ended, ended_because="spoke")
    assert store.prior_state(AS_OF, 30).work == ((done,) if seen else ())


def test_minutes_are_of_this_week_and_money_of_this_month(store: Store) -> None:
    # 2024-03-29 is a Friday, 04-01 a Monday
    for n, on in enumerate((day("03-22"), day("03-25"), day("03-29"), day("04-01"))):
        scored(store, on, "a", plan=opening(on, f"account {n}", owner="otto" if n == 2 else "olga"))
    at = {on: store.prior_state(on) for on in (day("03-24"), day("03-29"), day("04-01"), day("04-02"))}
    assert at[day("03-24")].minutes == {"olga": 60}
    assert at[day("03-29")].minutes == {"olga": 60, "otto": 60}
    assert at[day("03-29")].spent == {"rescue": 30.0}
    assert (at[day("04-01")].minutes, at[day("04-01")].spent) == ({"olga": 60}, {"rescue": 10.0})
    assert at[day("04-02")].minutes == {"olga": 60}


def test_the_effort_of_work_counts_where_it_was_opened_also_when_it_went_on_or_ended(store: Store) -> None:
    scored(store, AS_OF, "a", plan=opening(AS_OF, "a"))
    change(store, AS_OF, "reassigned", owner="otto")
    change(store, AS_OF, "done", state="done", ended_on=AS_OF, ended_because="at once")
    assert store.prior_state(AS_OF).minutes == {"olga": 60}


def override(made_on: dt.date, days: int = 30, name: str = "o1") -> Override:
    return Override(name, "a", 80.0, "olga", "they renewed", made_on, made_on + dt.timedelta(days=days))


@pytest.mark.parametrize(("made_on", "seen"), [(BEFORE, True), (AS_OF, True), (LATER, False)])
def test_an_override_made_later_is_not_seen(store: Store, made_on: dt.date, seen: bool) -> None:
    store.overrides.add(override(made_on), NOW)
    assert store.prior_state(AS_OF).overrides == ((override(made_on),) if seen else ())


@pytest.mark.parametrize(("days", "seen"), [(1, False), (2, True)])
def test_an_override_ends_on_its_day(store: Store, days: int, seen: bool) -> None:
    store.overrides.add(override(BEFORE, days), NOW)
    assert bool(store.prior_state(AS_OF).overrides) is seen


@pytest.mark.parametrize(("on", "holds"), [(BEFORE, False), (AS_OF, False), (LATER, True)])
def test_a_withdrawal_later_is_not_seen(store: Store, on: dt.date, holds: bool) -> None:
    made = override(day("03-01"))
    store.overrides.add(made, NOW)
    store.overrides.withdraw("o1", on, NOW, who="rita", why="they did not")
    assert store.prior_state(AS_OF).overrides == ((made,) if holds else ())


def test_the_order_is_that_of_the_accounts(store: Store) -> None:
    scored(store, day("03-01"), "a", plan=opening(day("03-01"), "c", "a", "b"))
    known = store.prior_state(AS_OF)
    assert [one.account_id for one in known.work] == ["a", "b", "c"]
