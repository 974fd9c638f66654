"""What ``--json`` prints of what the store answers; names outside never change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from churnml.ledger import (
    AccountStory,
    HealthEvent,
    Overflow,
    QueueLine,
    RecordedAccount,
    RecordedDecision,
    WorkEvent,
    WorkItem,
)
from churnml.ledger.rows import account_row, decision_row, event_details

if TYPE_CHECKING:
    from churnml.health.changes import HealthChange

# Of a work item, what a line of the list shows.
WORK_SHOWN = ("state", "opened_on", "minutes", "snoozed_until", "escalated_on")


def queue_data(day: dt.date, lines: Sequence[QueueLine]) -> dict[str, object]:
    """What ``churnml queue --json`` prints."""
    return {"as_of": str(day), "decisions": [_line(line) for line in lines]}


def _line(line: QueueLine) -> dict[str, object]:
    work = {name: getattr(line.work, name) for name in WORK_SHOWN} if line.work else {}
    account = account_row(line.account)
    return {"place": line.place, **decision_row(line.decision), **work, **account, **asdict(line.scoring)}


def account_data(story: AccountStory, change: HealthChange | None) -> dict[str, object]:
    """What ``churnml explain --json`` prints."""
    return {
        **_recorded(RecordedAccount(story.scoring, story.account)),
        "decision": _decision(story.listed) if story.listed else None,
        "decisions": [_decision(made) for made in story.decisions],
        "history": [asdict(point) for point in story.history],
        "previous": _recorded(story.previous) if story.previous else None,
        "health_events": [_event(event) for event in story.health_events],
        "work": [asdict(item) for item in story.work],
        "work_events": [asdict(event) for event in story.work_events],
        "overrides": [asdict(override) for override in story.overrides],
        "change": asdict(change) if change else None,
    }


def _recorded(recorded: RecordedAccount) -> dict[str, object]:
    return {**account_row(recorded.account), **asdict(recorded.scoring)}


def _decision(made: RecordedDecision) -> dict[str, object]:
    return {"place": made.place, **decision_row(made.decision), **asdict(made.scoring)}


def _event(event: HealthEvent) -> dict[str, object]:
    return {**event_details(event), "as_of": event.on, "account_id": event.account_id, "kind": event.kind}


def item_data(item: WorkItem, events: Sequence[WorkEvent]) -> dict[str, object]:
    """What ``churnml work show --json`` prints."""
    return {**asdict(item), "events": [asdict(event) for event in events]}


def overflow_data(day: dt.date, rows: Sequence[Overflow]) -> dict[str, object]:
    """What ``churnml work overflow --json`` prints."""
    renamed = {"items": "pieces"}
    overflow = [{renamed.get(name, name): value for name, value in asdict(row).items()} for row in rows]
    return {"as_of": day, "overflow": overflow}
