"""Days that are planned from the store and written to it: what is on record is what happened, number for number."""

from __future__ import annotations

import datetime as dt

import pytest

from churnml.adapters.store import Store
from churnml.ledger import DayPlan, PriorState
from churnml.work.life import Changed
from tests.diary import Diary
from tests.spec.test_work import agrees
from tests.spec.work_examples import EXAMPLES, WorkExample
from tests.store.days import NOW, record, scores

LONGEST_COOLDOWN = 90
# those in which what is read back the next day matters most
TOLD = (
    "takes the place",
    "after work was done or dismissed",
    "snoozed work is off the list",
    "when the CRM names another",
    "is escalated, once",
    "effort is counted by the week",
    "money is counted by the month",
    "left alone by it",
)


class Kept(Diary):
    """A diary that is kept in a store beside, and is read from there."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.as_of, self.stamp, self.runs = store, dt.date.min, 0, 0

    def before(self, as_of: dt.date) -> PriorState:
        known, mine = self.store.prior_state(as_of, LONGEST_COOLDOWN), super().before(as_of)
        assert {item.work_id: item for item in known.work} == {item.work_id: item for item in mine.work}
        assert known.assignments == mine.assignments
        assert known.minutes == mine.minutes
        assert known.spent == mine.spent
        self.as_of, self.stamp = as_of, known.stamp
        return known

    def record(self, plan: DayPlan) -> None:
        super().record(plan)
        self.runs += 1
        accounts = sorted({decision.account_id for decision in plan.decisions})
        assert record(self.store, scores(self.as_of, *accounts), str(self.runs), NOW, plan, stamp=self.stamp)

    def change(self, changed: Changed) -> None:
        self.store.work.change(self.items[changed[0].work_id], *changed, NOW)
        super().change(changed)


@pytest.mark.parametrize("told", TOLD)
def test_a_day_planned_from_the_store_is_the_day_of_the_worked_example(store: Store, told: str) -> None:
    (example,) = [one for one in EXAMPLES if told in one.title]
    diary = Kept(store)
    agrees(example, diary)
    assert store.work.events() == sorted(diary.events, key=lambda event: event.on)


def test_the_comparison_with_the_store_can_fail(store: Store) -> None:
    class Forgetful(Kept):
        def change(self, changed: Changed) -> None:
            Diary.change(self, changed)

    (example,) = [one for one in EXAMPLES if "after work was done or dismissed" in one.title]
    assert isinstance(example, WorkExample)
    with pytest.raises(AssertionError):
        agrees(example, Forgetful(store))
