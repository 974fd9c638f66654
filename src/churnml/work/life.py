"""The life of a piece of work: what can happen to it, and what each happening is called.

Every function takes a piece as it stands and gives it back as it stands afterwards, with the event to write down.
Nothing that has ended changes any more; when its rule holds again later, a new piece is opened with a name of its own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from churnml.errors import ChurnmlError
from churnml.ledger import ENDED, WorkEvent, WorkItem

CHURNML = "churnml"
SUPERSEDED = "superseded by "

Changed = tuple[WorkItem, WorkEvent]


def work_id_of(account_id: str, playbook: str, reason: str, opened_on: dt.date) -> str:
    """The name of a piece of work: short enough to type, and the same whenever the same day is done again."""
    said = json.dumps([account_id, playbook, reason, opened_on.isoformat()])
    return f"w-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def lives(piece: WorkItem) -> bool:
    """Whether it is open or snoozed."""
    return piece.state not in ENDED


# ---------------------------------------------------------------- what a person does


def done(piece: WorkItem, *, who: str, on: dt.date, why: str = "") -> Changed:
    """It has been done; ``why`` says what came of it, if anybody cares to.

    Raises:
        ChurnmlError: it has ended already, or nobody is named.
    """
    _may_change(piece, who, on)
    return _ended(piece, "done", who, why.strip() or "done", on)


def dismiss(piece: WorkItem, *, who: str, why: str, on: dt.date) -> Changed:
    """It will not be done, because ``why``.

    Raises:
        ChurnmlError: it has ended already, or who or why is missing.
    """
    _may_change(piece, who, on)
    return _ended(piece, "dismissed", who, _reason(piece, why, "dismissing"), on)


def snooze(piece: WorkItem, *, until: dt.date, who: str, why: str, on: dt.date) -> Changed:
    """It is off the list until a date, because ``why``; on that date it is on it again.

    Raises:
        ChurnmlError: it has ended already, ``until`` is not after ``on``, or who or why is missing.
    """
    _may_change(piece, who, on)
    said = _reason(piece, why, "snoozing")
    if until <= on:
        raise ChurnmlError(
            f"{until} is not after {on}, so it would never be off the list.",
            where=f"work {piece.work_id}",
            remedy="Give a later date.",
        )
    after = replace(piece, state="snoozed", snoozed_until=until)
    return after, WorkEvent(piece.work_id, on, "snoozed", who.strip(), said, {"until": until.isoformat()})


def reassign(piece: WorkItem, *, to: str, who: str, why: str, on: dt.date) -> Changed:
    """Somebody else has it from now on, because ``why``; it then stays there whoever comes to own the account.

    Raises:
        ChurnmlError: it has ended already, ``to`` has it already, or to, who or why is missing.
    """
    _may_change(piece, who, on)
    said = _reason(piece, why, "reassigning")
    to = to.strip()
    if not to:
        raise ChurnmlError("Nobody is named to have it.", where=f"work {piece.work_id}", remedy="Name a person.")
    if to == piece.owner:
        raise ChurnmlError(
            f"{to} has it already.", where=f"work {piece.work_id}", remedy="Name another person, or leave it as it is."
        )
    return given(piece, to=to, due=piece.due, follows=None, who=who.strip(), why=said, on=on)


def _may_change(piece: WorkItem, who: str, on: dt.date) -> None:
    where = f"work {piece.work_id}"
    if not lives(piece):
        raise ChurnmlError(
            f"It was {piece.state} on {piece.ended_on} and cannot change any more: {piece.ended_because}.",
            where=where,
            remedy="Where there is something to do again, a new piece is opened when the playbook's rule holds.",
        )
    if on < piece.opened_on:
        raise ChurnmlError(
            f"It was opened on {piece.opened_on}, after {on}.", where=where, remedy="Give a date on which it was open."
        )
    if not who.strip():
        raise ChurnmlError("Nobody is named who does this.", where=where, remedy="Say who you are.")


def _reason(piece: WorkItem, why: str, doing: str) -> str:
    if not why.strip():
        raise ChurnmlError(
            f"No reason is given for {doing} it.",
            where=f"work {piece.work_id}",
            remedy="Say why in a few words; whoever measures the playbook will read it.",
        )
    return why.strip()


# ---------------------------------------------------------------- what happens by itself


def closed(piece: WorkItem, why: str, on: dt.date) -> Changed:
    """It leaves the list by itself."""
    return _ended(piece, "closed", CHURNML, why, on)


def woken(piece: WorkItem, on: dt.date) -> Changed:
    """It is on the list again."""
    why = f"it was snoozed until {piece.snoozed_until}"
    return replace(piece, state="open", snoozed_until=None), WorkEvent(piece.work_id, on, "woken", CHURNML, why)


def due_moved(piece: WorkItem, due: dt.date, why: str, on: dt.date) -> Changed:
    """It may take until another date."""
    details = {"from": piece.due.isoformat(), "to": due.isoformat()}
    return replace(piece, due=due), WorkEvent(piece.work_id, on, "due_moved", CHURNML, why, details)


def escalated(piece: WorkItem, to: str | None, why: str, on: dt.date) -> Changed:
    """Somebody else is told that it is overdue; its owner keeps it."""
    return replace(piece, escalated_on=on), WorkEvent(piece.work_id, on, "escalated", CHURNML, why, {"to": to})


def given(
    piece: WorkItem, *, to: str, due: dt.date, follows: str | None, why: str, on: dt.date, who: str = CHURNML
) -> Changed:
    """It changes hands."""
    details: dict[str, Any] = {"from": piece.owner, "to": to}
    if due != piece.due:
        details |= {"due_from": piece.due.isoformat(), "due_to": due.isoformat()}
    after = replace(piece, owner=to, due=due, follows=follows)
    return after, WorkEvent(piece.work_id, on, "reassigned", who, why, details)


def opened(piece: WorkItem, why: str, details: Mapping[str, Any]) -> Changed:
    """It is new."""
    return piece, WorkEvent(piece.work_id, piece.opened_on, "opened", CHURNML, why, details)


def _ended(piece: WorkItem, state: Any, who: str, why: str, on: dt.date) -> Changed:
    after = replace(piece, state=state, snoozed_until=None, ended_on=on, ended_because=why)
    return after, WorkEvent(piece.work_id, on, state, who.strip(), why)
