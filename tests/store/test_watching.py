"""What the store knows of loads, breaks and held dates."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from churnml.adapters.store import open_store
from churnml.errors import UnknownNameError
from churnml.ledger import HeldDay
from churnml.specs.watching import BreakAction, BreakKind
from churnml.watch.breaks import DataBreak
from churnml.watch.profile import IdSample, LoadProfile, TableProfile
from tests.store.days import NOW, day, record, scores

ONE, TWO, THREE = day("03-01"), day("03-02"), day("03-03")
TABLE = TableProfile(
    5, ("mrr",), {"unreadable": 1}, 2, {"plan": 0.5}, {"plan": None}, IdSample((1, 2**63), True, (1.5, 2.0))
)


def load(through: dt.date) -> LoadProfile:
    return LoadProfile(through, through, True, {"subscriptions": TABLE}, 3, 12.5)


def broken(began: dt.date) -> DataBreak:
    return DataBreak(BreakKind.DEAD, "usage_events", "", began, 10.0, 0.0, action=BreakAction.HOLD)


def test_a_load_is_compared_with_the_newest_in_order_that_reaches_no_further(url: str) -> None:
    with open_store(url) as store:
        assert store.watched.reference(THREE, "c") is None
        store.watched.record(load(ONE), "a", "fine", TWO, [], NOW)
        store.watched.record(load(TWO), "b", "broken", THREE, [], NOW)
        store.watched.record(load(THREE), "c", "fine", day("03-04"), [], NOW)
        assert store.watched.reference(TWO, "b") == load(ONE)
        assert store.watched.reference(day("03-05"), "d") == load(THREE)
        assert store.watched.reference(THREE, "c") == load(ONE)  # not with itself


def test_a_load_that_was_only_warned_of_is_compared_with_after_a_week(url: str) -> None:
    with open_store(url) as store:
        store.watched.record(load(ONE), "a", "warned", TWO, [], NOW)
        assert store.watched.reference(day("03-07"), "b") is None
        assert store.watched.reference(day("03-08"), "b") == load(ONE)


def test_a_break_keeps_its_name_until_it_ends_and_is_history_then(url: str) -> None:
    with open_store(url) as store:
        store.watched.record(load(ONE), "a", "fine", TWO, [broken(ONE)], NOW)
        (named,) = store.watched.record(load(TWO), "b", "fine", THREE, [broken(TWO)], NOW)
        assert named.began_on == ONE
        (lasting,) = store.watched.breaks(lasting=True)
        assert (lasting.noticed_on, lasting.last_on, lasting.ended_on) == (TWO, THREE, None)
        assert lasting.data_break == broken(ONE)
        store.watched.record(load(THREE), "c", "fine", day("03-04"), [], NOW)
        assert store.watched.breaks(lasting=True) == []
        assert [one.ended_on for one in store.watched.breaks()] == [day("03-04")]


def test_an_earlier_date_changes_nothing_of_what_was_noticed(url: str) -> None:
    with open_store(url) as store:
        store.watched.record(load(TWO), "b", "fine", THREE, [broken(ONE)], NOW)
        store.watched.record(load(ONE), "a", "fine", TWO, [], NOW)
        assert [one.ended_on for one in store.watched.breaks()] == [None]


def test_what_is_meant_has_a_name_and_a_reason_and_ends_the_break(url: str) -> None:
    with open_store(url) as store:
        store.watched.record(load(ONE), "a", "fine", TWO, [broken(ONE)], NOW)
        name = broken(ONE).break_id
        with pytest.raises(UnknownNameError, match="Did you mean"):
            store.watched.accept(name[:-1], "ana", "sold", TWO, NOW)
        assert store.watched.accept(name, "ana", "sold", TWO, NOW)
        assert not store.watched.accept(name, "ana", "sold", TWO, NOW)
        (accepted,) = store.watched.accepted()
        assert (accepted.who, accepted.why, accepted.covers(broken(ONE))) == ("ana", "sold", True)
        assert not accepted.covers(broken(day("03-20")))
        assert [one.what for one in store.audit.entries(subject=name)] == ["break accepted"]
        assert store.watched.breaks(lasting=True) == []


def test_a_held_date_stands_for_nothing_later(url: str) -> None:
    with open_store(url) as store:
        assert store.standing(TWO) is None
        record(store, scores(ONE, "a"), "one", NOW)
        held = HeldDay(ONE, ("usage_events.dead.2024-03-01",), 4)
        record(store, replace(scores(TWO, "a"), held=held), "two", NOW)
        assert (store.held(ONE), store.held(TWO)) == (None, held)
        standing = store.standing(THREE)
        assert standing is not None
        assert (standing.as_of, standing.fingerprint, len(standing.accounts)) == (ONE, "one", 1)
        # drops are looked for in what was scored, not in what stood
        assert [one[0] for one in store.healths(ONE, THREE)["a"]] == [ONE]
        # mended: the date is scored after all
        record(store, scores(TWO, "a"), "three", NOW)
        assert store.held(TWO) is None
        assert [one[0] for one in store.healths(ONE, THREE)["a"]] == [ONE, TWO]
