"""A store of one: what a plan wrote down, and what is on record when the next day begins. For tests of many days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from churnml.ledger import Assignment, DayPlan, PriorState, WorkEvent, WorkItem
from churnml.work.life import Changed


class Diary:
    """What is on record, in memory."""

    def __init__(self) -> None:
        self.items: dict[str, WorkItem] = {}
        self.events: list[WorkEvent] = []
        self.assignments: dict[tuple[str, str], Assignment] = {}
        # whose list an item was opened on, whoever has it now
        self.opened_for: dict[str, str] = {}

    def before(self, as_of: dt.date) -> PriorState:
        """What is on record on a date."""
        monday = as_of - dt.timedelta(as_of.weekday())
        minutes: Counter[str] = Counter()
        spent: dict[str, float] = {}
        for work_id, owner in self.opened_for.items():
            item = self.items[work_id]
            if monday <= item.opened_on <= as_of:
                minutes[owner] += item.minutes
            if as_of.replace(day=1) <= item.opened_on <= as_of:
                spent[item.playbook] = spent.get(item.playbook, 0.0) + item.cost
        return PriorState(
            work=tuple(self.items.values()), assignments=dict(self.assignments), minutes=dict(minutes), spent=spent
        )

    def record(self, plan: DayPlan) -> None:
        """Writes a plan down."""
        for assignment in plan.assignments:
            key = (assignment.account_id, assignment.playbook)
            assert key not in self.assignments, f"{key} was assigned before"
            self.assignments[key] = assignment
        for item in plan.work:
            self.items[item.work_id] = item
        for event in plan.events:
            if event.what == "opened":
                self.opened_for[event.work_id] = event.details["owner"]
        self.events += plan.events

    def change(self, changed: Changed) -> None:
        """Writes down what a person did."""
        item, event = changed
        self.items[item.work_id] = item
        self.events.append(event)

    def living(self, account_id: str) -> list[WorkItem]:
        """An account's open and snoozed work."""
        return [p for p in self.items.values() if p.account_id == account_id and p.state in ("open", "snoozed")]


def playbook(name: str, **said: Any) -> dict[str, Any]:
    """A playbook as YAML would say it, nobody held out unless it is said."""
    plain = {"name": name, "title": name.replace("_", " ").capitalize(), "goal": "keep", "do": ["Call them."]}
    return plain | {"holdout": 0} | said
