"""Work items and what happened to them, as printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from churnml.ledger import AuditEntry, Overflow, WorkEvent, WorkItem
from churnml.pages.presenter import called, money, number, plural, printable, words
from churnml.pages.terminal.layout import table

NO_NAMES: Mapping[str, str] = MappingProxyType({})
STATES = {"done": "done", "dismissed": "dismissed", "closed": "closed by itself", "open": "open", "snoozed": "snoozed"}


def work_list_text(items: Sequence[WorkItem], names: Mapping[str, str] = NO_NAMES) -> str:
    """What ``churnml work list`` prints; ``names`` are accounts' names by their ids."""
    if not items:
        return "There is no such work."
    of_money = any(item.value is not None for item in items)
    rows = [
        [
            item.work_id,
            printable(called(item.account_id, names.get(item.account_id))),
            item.playbook,
            printable(item.owner),
            _state(item),
            str(item.opened_on),
            str(item.due),
            *([money(item.value)] if of_money else []),
        ]
        for item in items
    ]
    header = [
        "work",
        "account",
        "playbook",
        "owner",
        "state",
        "opened",
        "due",
        *(["worth a month"] if of_money else []),
    ]
    return "\n".join(table(header, rows, right=(7,) if of_money else ()))


def item_text(item: WorkItem, events: Sequence[WorkEvent], name: str | None = None) -> str:
    """What ``churnml work show`` prints; ``name`` is the account's."""
    because = f" because of {item.reason}" if item.reason else ""
    lines = [
        f"{item.work_id}: {item.playbook} for {printable(called(item.account_id, name))}{because}",
        f"  {_state(item)}, with {printable(item.owner)}, due {item.due}, {item.minutes} minutes"
        + ("" if item.value is None else f", worth {money(item.value)} a month"),
    ]
    if item.ended_because:
        lines.append(f"  {printable(item.ended_because)}")
    rows = [[str(event.on), words(event.what), printable(event.who), printable(event.why)] for event in events]
    return "\n".join([*lines, "", *table(["on", "what", "who", "why"], rows)])


def changed_text(item: WorkItem, event: WorkEvent) -> str:
    """What a change of a work item prints."""
    return (
        f"{item.work_id}: {item.playbook} for {printable(item.account_id)} is {_state(item)}, "
        f"with {printable(item.owner)} ({printable(event.why)})"
    )


def overflow_text(day: dt.date, rows: Sequence[Overflow]) -> str:
    """What ``churnml work overflow`` prints."""
    if not rows:
        return f"{day}: everything that was worth doing fitted."
    known = [row.value for row in rows if row.value is not None]
    total = f", {money(sum(known))} of expected MRR a month left lying" if known else ""
    head = f"{day}: {plural(sum(row.items for row in rows), 'work item')} did not fit{total}"
    header, cells = (
        ["for", "playbook", "items"],
        [[printable(row.owner), row.playbook, number(row.items)] for row in rows],
    )
    if known:
        header += ["worth a month", "low to high effect"]
        worth = ([money(row.value), f"{money(row.value_low)} to {money(row.value_high)}"] for row in rows)
        cells = [[*cell, *value] for cell, value in zip(cells, worth, strict=True)]
    return "\n".join([head, "", *table(header, cells, right=tuple(range(2, len(header))))])


def log_text(entries: Sequence[AuditEntry]) -> str:
    """What ``churnml work log`` prints."""
    if not entries:
        return "Nothing is on record."
    rows = [[str(e.at)[:19], printable(e.who), e.what, printable(e.subject), printable(e.why)] for e in entries]
    return "\n".join(table(["at (UTC)", "who", "what", "of", "why"], rows))


def _state(item: WorkItem) -> str:
    if item.state == "snoozed":
        return f"snoozed until {item.snoozed_until}"
    ended = f" on {item.ended_on}" if item.ended_on else ""
    return STATES[item.state] + ended
