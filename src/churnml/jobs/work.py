"""What a person does to a work item, written down."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from churnml.adapters.project import Project
from churnml.adapters.store import StaleError
from churnml.errors import ChurnmlError
from churnml.ledger import Message, WorkEvent, WorkItem
from churnml.ledger.api import CallKey
from churnml.work.life import Changed, undo
from churnml.work.messages import work_messages

if TYPE_CHECKING:
    from churnml.adapters.store import Store

log = logging.getLogger("churnml.work")

TRIES = 5


def change_item(
    project: Project,
    store: Store,
    name: str,
    change: Callable[[WorkItem], Changed],
    now: dt.datetime,
    call: CallKey | None = None,
) -> Changed:
    """Reads an item, changes it, and writes it with its event and what receivers are to be told.

    When somebody else was faster it is read again, so that a change is never made of what no longer stands.

    Args:
        project: says who is told.
        store: where the work is.
        name: a work id, or an account with one living item.
        change: from the item as it stands to the item as it becomes, with the event.
        now: the moment it is written.
        call: the call of the API that makes it; None where it is made otherwise.

    Raises:
        ChurnmlError: the change cannot be made, or others kept changing the item.
        UnknownNameError: there is no such work.
    """
    for _ in range(TRIES):
        before = store.work.item(name)
        after, event = change(before)
        if again := store.last_change(before.work_id).undone:
            # what is done again after it was taken back is told again
            event = replace(event, details={**event.details, "again": again})
        try:
            store.work.change(before, after, event, now, _messages(project, store, after, event), call)
        except StaleError:
            continue
        log.info("work %(work)s changed: %(what)s", {"work": after.work_id, "what": event.what})
        return after, event
    raise ChurnmlError(f"Others kept changing the work '{name}'.", remedy="Try again.")


def undo_change(
    project: Project,
    store: Store,
    work_id: str,
    *,
    who: str,
    on: dt.date,
    now: dt.datetime,
    within: dt.timedelta,
    check: Callable[[WorkItem], None] = lambda _: None,
    call: CallKey | None = None,
) -> Changed:
    """Takes back what somebody did to an item just now.

    Args:
        project, store: whose work it is.
        work_id: the item.
        who: who did it, and takes it back.
        on: the date it counts for.
        now: the moment it is written.
        within: how long ago it may have been done.
        check: looks at the item as it stands, and raises where it is not to be touched.
        call: the call of the API that makes it; None where it is made otherwise.

    Raises:
        ChurnmlError: something else happened to it since, it is too long ago, or there is new work for the same.
        UnknownNameError: there is no such work.
    """
    last = store.last_change(work_id)
    where = f"work {work_id}"
    if last.before is None or now - last.at > within:
        raise ChurnmlError(
            "It was done too long ago to be taken back.",
            where=where,
            remedy="A new work item is opened when the playbook's rule holds again.",
        )
    same = [
        one
        for one in store.work.items(last.item.account_id, living=True)
        if (one.playbook, one.reason) == (last.item.playbook, last.item.reason) and one.work_id != work_id
    ]
    if same:
        raise ChurnmlError(
            f"New work for the same was opened meanwhile: {same[0].work_id}.", where=where, remedy="Use that."
        )
    before = last.before

    def taken_back(item: WorkItem) -> Changed:
        check(item)
        return undo(item, before, last.event, who=who, on=on)

    return change_item(project, store, work_id, taken_back, now, call)


def _messages(project: Project, store: Store, item: WorkItem, event: WorkEvent) -> tuple[Message, ...]:
    """What receivers are to be told, with the account as it was scored last."""
    spec = project.delivery
    if not spec.receivers:
        return ()
    dates = store.dates()
    recorded = store.recorded(item.account_id, dates[-1]) if dates else None
    return work_messages(spec, item, event, recorded, project=project.name)
