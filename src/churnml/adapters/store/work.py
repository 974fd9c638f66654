"""Work items: as they stand now, as they stood on an earlier date, and everything that happened to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.api_calls import put_call
from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.kept_items import item_of
from churnml.adapters.store.outbox import put
from churnml.adapters.store.schema import columns_of, work, work_events
from churnml.adapters.store.writing import StaleError, as_kept, count_up, hold, insert, some_at_a_time
from churnml.errors import ChurnmlError, UnknownNameError
from churnml.ledger import ENDED, DayPlan, Message, WorkEvent, WorkItem
from churnml.ledger.api import CallKey
from churnml.timeline import plus_days

COLUMNS = columns_of(work, WorkItem)


class Work:
    """The work of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def item(self, name: str) -> WorkItem:
        """An item by its id, or the living one of an account by the account's.

        Raises:
            UnknownNameError: there is none; or the account has several living ones, whose ids are then told.
        """
        with self._connections.reading() as connection:
            living = items_where(connection, work.c.work_id == name) or items_where(
                connection, (work.c.account_id == name) & work.c.state.not_in(ENDED)
            )
            if len(living) == 1:
                return living[0]
            if living:
                known = [item.work_id for item in living]
                raise UnknownNameError("single work item", name, known, where="the account has several")
            names = sa.select(work.c.work_id, work.c.account_id).where(work.c.state.not_in(ENDED))
            known = sorted({one for row in connection.execute(names) for one in row})
        raise UnknownNameError("work item or account with open work", name, known)

    def items(self, account_id: str | None = None, *, owner: str | None = None, living: bool = False) -> list[WorkItem]:
        """Items as they stand now, in the order they were opened; those that match."""
        wanted: sa.ColumnElement[bool] = sa.true()
        if account_id is not None:
            wanted &= work.c.account_id == account_id
        if owner is not None:
            wanted &= work.c.owner == owner
        if living:
            wanted &= work.c.state.not_in(ENDED)
        with self._connections.reading() as connection:
            return items_where(connection, wanted)

    def events(self, work_id: str | None = None, *, account_id: str | None = None) -> list[WorkEvent]:
        """What happened to an item, or to all of an account, or to all there are, in order of their dates."""
        with self._connections.reading() as connection:
            return events_of(connection, work_id=work_id, account_id=account_id)

    def change(
        self,
        was: WorkItem,
        becomes: WorkItem,
        event: WorkEvent,
        now: dt.datetime,
        messages: Sequence[Message] = (),
        call: CallKey | None = None,
    ) -> None:
        """Writes what a person did to an item, with its event, its audit line and its messages, or nothing.

        Args:
            was: the item as it was read.
            becomes: as it now stands.
            event: what was done.
            now: when.
            messages: what is to be told of it.
            call: the call of the API that it is made by; None where it is made otherwise.

        Raises:
            StaleError: somebody changed the item since it was read, or the same call has changed something already.
            ChurnmlError: something happened to it on a later date already.
        """
        if not was.work_id == becomes.work_id == event.work_id:
            raise ValueError("the work item before, the work item after and the event are of different work")
        with self._connections.writing() as connection:
            hold(connection)
            stored = _stored(connection, [was.work_id]).get(was.work_id)
            if stored is None or stored[0] != was:
                raise StaleError(f"the work {was.work_id} has changed meanwhile")
            last_on = stored[1]
            if event.on < last_on:
                # what was on record at the end of a day stays so
                raise ChurnmlError(
                    f"Something happened to it on {last_on} already, so nothing can be written of it on {event.on}.",
                    where=f"work {was.work_id}",
                    remedy=f"Give {last_on} or a later date.",
                )
            if call is not None and not put_call(connection, call, becomes, now):
                raise StaleError(f"the call {call.key} was made meanwhile")
            _update(connection, [(becomes, event.on)])
            insert(connection, work_events, [_event_row(event, becomes, now)])
            details = {"on": event.on, "work_id": event.work_id, **event.details}
            audit(connection, now, event.who, f"work {event.what}", was.account_id, event.why, details)
            put(connection, messages, now)
            count_up(connection)


def put_plan(connection: sa.Connection, as_of: dt.date, plan: DayPlan, now: dt.datetime) -> None:
    """Writes the items and events of a date's plan in the transaction of ``connection``.

    The present state of an item is that of its newest date: what a person did on a later one stands.
    """
    newest: dict[str, dt.date] = {}
    for event in plan.events:
        newest[event.work_id] = max(newest.get(event.work_id, event.on), event.on)
    stored = _stored(connection, {*newest, *(item.work_id for item in plan.work)})
    planned = {item.work_id: item for item in plan.work}
    # what stood on the date: of what a person changed on a later one, the plan knows the state before that
    stood = {name: item for name, (item, last_on) in stored.items() if last_on <= as_of}
    silent = [
        name
        for name, item in planned.items()
        if name not in newest and (name not in stored or stood.get(name, item) != item)
    ]
    if silent:
        raise ValueError(f"work is new or changed and no event says so: {', '.join(sorted(silent)[:5])}")
    changed = [(planned[name], on) for name, on in newest.items() if name in planned and name in stood]
    risen = [item.work_id for item, _ in changed if stood[item.work_id].state in ENDED and item.state not in ENDED]
    if risen:
        raise ValueError(f"work that has ended would come back: {', '.join(sorted(risen)[:5])}")
    # what ends makes room for what begins: an account has one living item for the same playbook and reason
    changed.sort(key=lambda change: change[0].state not in ENDED)
    _update(connection, changed)
    opened = [(planned[name], on) for name, on in newest.items() if name not in stored]
    insert(connection, work, [_row(item, on) | {"opened_for": item.owner} for item, on in opened])
    after = {name: item for name, (item, _) in stored.items()} | planned
    insert(connection, work_events, [_event_row(event, after[event.work_id], now) for event in plan.events])


def items_on(connection: sa.Connection, as_of: dt.date, cooldown_days: int) -> tuple[WorkItem, ...]:
    """What lived on a date or had ended within the cooldown, as it then stood; by account and then id."""
    since = plus_days(as_of, -cooldown_days)
    known = (work.c.opened_on <= as_of) & (work.c.state.not_in(ENDED) | (work.c.ended_on >= since))
    stood = {item.work_id: item for item in items_where(connection, known & (work.c.last_on <= as_of))}
    # of those that something happened to later: what their newest event by then left
    newest = (
        sa.select(
            work_events.c.after,
            sa.func.row_number()
            .over(partition_by=work_events.c.work_id, order_by=[work_events.c.on.desc(), work_events.c.event_id.desc()])
            .label("place"),
        )
        .join(work, work.c.work_id == work_events.c.work_id)
        .where(known, work.c.last_on > as_of, work_events.c.on <= as_of)
        .subquery()
    )
    for (after,) in connection.execute(sa.select(newest.c.after).where(newest.c.place == 1)):
        item = item_of(after)
        stood[item.work_id] = item
    return tuple(sorted(stood.values(), key=lambda item: (item.account_id, item.work_id)))


def minutes_of_week(connection: sa.Connection, as_of: dt.date) -> dict[str, int]:
    """Owner → minutes of the work opened for them in the ISO week of a date, up to and on it."""
    monday = plus_days(as_of, -as_of.weekday())
    query = (
        sa.select(work.c.opened_for, sa.func.sum(work.c.minutes))
        .where(work.c.opened_on.between(monday, as_of))
        .group_by(work.c.opened_for)
    )
    return {owner: int(minutes) for owner, minutes in connection.execute(query)}


def spent_in_month(connection: sa.Connection, as_of: dt.date) -> dict[str, float]:
    """Playbook → cost of the work opened in the calendar month of a date, up to and on it."""
    query = (
        sa.select(work.c.playbook, sa.func.sum(work.c.cost))
        .where(work.c.opened_on.between(as_of.replace(day=1), as_of))
        .group_by(work.c.playbook)
    )
    return {playbook: float(cost) for playbook, cost in connection.execute(query)}


def events_of(
    connection: sa.Connection, *, work_id: str | None = None, account_id: str | None = None
) -> list[WorkEvent]:
    """What happened to an item, or to all of an account, or to all there are, in order of their dates."""
    query = sa.select(*columns_of(work_events, WorkEvent))
    if work_id is not None:
        query = query.where(work_events.c.work_id == work_id)
    if account_id is not None:
        query = query.join(work, work.c.work_id == work_events.c.work_id).where(work.c.account_id == account_id)
    query = query.order_by(work_events.c.on, work_events.c.event_id)
    return [WorkEvent(**row) for row in connection.execute(query).mappings()]


def items_where(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> list[WorkItem]:
    """Items as they stand now, in the order they were opened."""
    query = sa.select(*COLUMNS).where(wanted).order_by(work.c.opened_on, work.c.work_id)
    return [WorkItem(**row) for row in connection.execute(query).mappings()]


def _stored(connection: sa.Connection, names: Iterable[str]) -> dict[str, tuple[WorkItem, dt.date]]:
    """Work id → the item as it stands, and the date of its newest event."""
    stored: dict[str, tuple[WorkItem, dt.date]] = {}
    for some in some_at_a_time(sorted(names)):
        query = sa.select(*COLUMNS, work.c.last_on).where(work.c.work_id.in_(some))
        for *values, last_on in connection.execute(query):
            item = WorkItem(*values)
            stored[item.work_id] = (item, last_on)
    return stored


def _update(connection: sa.Connection, changed: Sequence[tuple[WorkItem, dt.date]]) -> None:
    if not changed:
        return
    names = [column.name for column in (*COLUMNS, work.c.last_on) if column is not work.c.work_id]
    new: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    statement = work.update().where(work.c.work_id == sa.bindparam("which")).values(new)
    kept = [_row(item, on) for item, on in changed]
    rows = [{"which": row["work_id"]} | {f"new_{name}": row[name] for name in names} for row in kept]
    connection.execute(statement, as_kept(connection, work, rows, prefix="new_"))


def _row(item: WorkItem, on: dt.date) -> dict[str, object]:
    return {**vars(item), "last_on": on}


def _event_row(event: WorkEvent, after: WorkItem, now: dt.datetime) -> dict[str, object]:
    return {**vars(event), "details": dict(event.details), "after": dict(vars(after)), "at": utc(now)}
