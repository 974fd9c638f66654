"""The life of a work item: what can happen to it, and what each happening is called.

Every function takes an item as it stands and gives it back as it stands afterwards, with the event to write down.
Nothing that has ended changes any more; when its rule holds again later, a new item is opened with a name of its own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from typing import Literal

from churnml.errors import ChurnmlError
from churnml.jsontypes import Json, JsonObject
from churnml.ledger import ENDED, WorkEvent, WorkItem

CHURNML = "churnml"
SUPERSEDED = "superseded by "
# What a person does, and can take back.
BY_HAND = ("done", "dismissed", "snoozed", "reassigned")

Changed = tuple[WorkItem, WorkEvent]
Ending = Literal["done", "dismissed", "closed"]


def work_id_of(account_id: str, playbook: str, reason: str, opened_on: dt.date) -> str:
    """The name of a work item: short enough to type, and the same whenever the same day is done again."""
    named = json.dumps([account_id, playbook, reason, opened_on.isoformat()])
    return f"w-{hashlib.sha256(named.encode()).hexdigest()[:16]}"


def lives(item: WorkItem) -> bool:
    """Whether it is open or snoozed."""
    return item.state not in ENDED


# ---------------------------------------------------------------- what a person does


def done(item: WorkItem, *, who: str, on: dt.date, why: str = "") -> Changed:
    """It has been done; ``why`` says what came of it, if anybody cares to.

    Raises:
        ChurnmlError: it has ended already, or nobody is named.
    """
    _may_change(item, who, on)
    return _ended(item, "done", who, why.strip() or "done", on)


def dismiss(item: WorkItem, *, who: str, why: str, on: dt.date) -> Changed:
    """It will not be done, because ``why``.

    Raises:
        ChurnmlError: it has ended already, or who or why is missing.
    """
    _may_change(item, who, on)
    return _ended(item, "dismissed", who, _reason(item, why, "dismissing"), on)


def snooze(item: WorkItem, *, until: dt.date, who: str, why: str, on: dt.date) -> Changed:
    """It is off the list until a date, because ``why``; on that date it is on it again.

    Raises:
        ChurnmlError: it has ended already, ``until`` is not after ``on``, or who or why is missing.
    """
    _may_change(item, who, on)
    reason = _reason(item, why, "snoozing")
    if until <= on:
        raise _refused(item, f"{until} is not after {on}, so it would never be off the list.", "Give a later date.")
    after = replace(item, state="snoozed", snoozed_until=until)
    return after, WorkEvent(item.work_id, on, "snoozed", who.strip(), reason, {"until": until.isoformat()})


def reassign(item: WorkItem, *, to: str, who: str, why: str, on: dt.date) -> Changed:
    """Somebody else has it from now on, because ``why``; it then stays there whoever comes to own the account.

    Raises:
        ChurnmlError: it has ended already, ``to`` has it already, or to, who or why is missing.
    """
    _may_change(item, who, on)
    reason = _reason(item, why, "reassigning")
    to = to.strip()
    if not to:
        raise _refused(item, "Nobody is named to have it.", "Name a person.")
    if to == item.owner:
        raise _refused(item, f"{to} has it already.", "Name another person, or leave it as it is.")
    return given(item, to=to, due=item.due, follows=None, who=who.strip(), why=reason, on=on)


def undo(item: WorkItem, before: WorkItem, last: WorkEvent, *, who: str, on: dt.date) -> Changed:
    """What somebody did last is taken back, by whoever did it: the item is as it was ``before``.

    Raises:
        ChurnmlError: what happened last is not of their doing, or was itself a taking back.
    """
    if last.who != who.strip() or last.what not in BY_HAND:
        raise _refused(
            item,
            f"What happened to it last ({last.what.replace('_', ' ')}, by {last.who}) is not yours to take back.",
            "Look at it as it stands now.",
        )
    details: dict[str, Json] = {"undoes": last.what, "state_from": item.state, "state_to": before.state}
    if before.owner != item.owner:
        # who loses it again is told too
        details |= {"from": item.owner, "to": before.owner}
    why = f"{last.what} was taken back"
    return before, WorkEvent(item.work_id, on, "undone", who.strip(), why, details)


def _may_change(item: WorkItem, who: str, on: dt.date) -> None:
    if not lives(item):
        raise _refused(
            item,
            f"It was {item.state} on {item.ended_on} and cannot change any more: {item.ended_because}.",
            "Where there is something to do again, a new work item is opened when the playbook's rule holds.",
        )
    if on < item.opened_on:
        raise _refused(item, f"It was opened on {item.opened_on}, after {on}.", "Give a date on which it was open.")
    if not who.strip():
        raise _refused(item, "Nobody is named who does this.", "Say who you are.")


def _reason(item: WorkItem, why: str, doing: str) -> str:
    if not why.strip():
        remedy = "Say why in a few words; whoever measures the playbook will read it."
        raise _refused(item, f"No reason is given for {doing} it.", remedy)
    return why.strip()


def _refused(item: WorkItem, what: str, remedy: str) -> ChurnmlError:
    return ChurnmlError(what, where=f"work {item.work_id}", remedy=remedy)


# ---------------------------------------------------------------- what happens by itself


def closed(item: WorkItem, why: str, on: dt.date) -> Changed:
    """It leaves the list by itself."""
    return _ended(item, "closed", CHURNML, why, on)


def woken(item: WorkItem, on: dt.date) -> Changed:
    """It is on the list again."""
    why = f"it was snoozed until {item.snoozed_until}"
    return replace(item, state="open", snoozed_until=None), WorkEvent(item.work_id, on, "woken", CHURNML, why)


def due_moved(item: WorkItem, due: dt.date, why: str, on: dt.date) -> Changed:
    """It may take until another date."""
    details = {"from": item.due.isoformat(), "to": due.isoformat()}
    return replace(item, due=due), WorkEvent(item.work_id, on, "due_moved", CHURNML, why, details)


def escalated(item: WorkItem, to: str | None, why: str, on: dt.date) -> Changed:
    """Somebody else is told that it is overdue; its owner keeps it."""
    return replace(item, escalated_on=on), WorkEvent(item.work_id, on, "escalated", CHURNML, why, {"to": to})


def given(
    item: WorkItem, *, to: str, due: dt.date, follows: str | None, why: str, on: dt.date, who: str = CHURNML
) -> Changed:
    """It changes hands."""
    details = {"from": item.owner, "to": to}
    if due != item.due:
        details |= {"due_from": item.due.isoformat(), "due_to": due.isoformat()}
    after = replace(item, owner=to, due=due, follows=follows)
    return after, WorkEvent(item.work_id, on, "reassigned", who, why, details)


def opened(item: WorkItem, why: str, details: JsonObject) -> Changed:
    """It is new."""
    return item, WorkEvent(item.work_id, item.opened_on, "opened", CHURNML, why, details)


def _ended(item: WorkItem, state: Ending, who: str, why: str, on: dt.date) -> Changed:
    after = replace(item, state=state, snoozed_until=None, ended_on=on, ended_because=why)
    return after, WorkEvent(item.work_id, on, state, who.strip(), why)


# ---------------------------------------------------------------- as it was seen


def fingerprint_of(item: WorkItem) -> str:
    """Names an item as it stands, so that nobody changes what they have not seen."""
    stands = json.dumps([item.state, item.owner, str(item.due), str(item.snoozed_until), item.work_id])
    return hashlib.sha256(stands.encode()).hexdigest()[:12]
