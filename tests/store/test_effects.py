"""What playbooks were measured to do: kept by what was known when, and only as far as the list may go by it."""

from __future__ import annotations

import datetime as dt

from churnml.adapters.store import open_store
from churnml.ledger import MeasuredEffect
from tests.store.days import NOW, day


def effect(known_through: dt.date, line: tuple[float, float] | None, sentence: str = "it works") -> MeasuredEffect:
    return MeasuredEffect("rescue", known_through, line, sentence)


def test_a_day_goes_by_what_was_known_before_it_and_not_by_what_was_found_later(url: str) -> None:
    with open_store(url) as store:
        assert store.effects.add([effect(day("03-01"), (0.0, 0.2))], NOW) == 1
        assert store.effects.add([effect(day("03-10"), (0.1, 0.0))], NOW) == 1
        # known through a day is known on the next one
        assert store.prior_state(day("03-01")).lines == {}
        assert store.prior_state(day("03-02")).lines == {"rescue": (0.0, 0.2)}
        assert store.prior_state(day("03-10")).lines == {"rescue": (0.0, 0.2)}
        assert store.prior_state(day("03-11")).lines == {"rescue": (0.1, 0.0)}


def test_a_playbook_that_is_no_longer_shown_to_gain_goes_back_to_its_declaration(url: str) -> None:
    with open_store(url) as store:
        store.effects.add([effect(day("03-01"), (0.0, 0.2))], NOW)
        store.effects.add([effect(day("03-10"), None, "not yet estimable")], NOW)
        assert store.prior_state(day("03-09")).lines == {"rescue": (0.0, 0.2)}
        assert store.prior_state(day("03-11")).lines == {}


def test_the_same_finding_is_kept_once_and_a_new_one_makes_plans_stale(url: str) -> None:
    with open_store(url) as store:
        before = store.prior_state(day("03-02")).stamp
        assert store.effects.add([effect(day("03-01"), (0.0, 0.2))], NOW) == 1
        after = store.prior_state(day("03-02")).stamp
        assert after != before
        assert store.effects.add([effect(day("03-01"), (0.0, 0.2))], NOW) == 0
        assert store.prior_state(day("03-02")).stamp == after
        assert [row.sentence for row in store.effects.all()] == ["it works"]
