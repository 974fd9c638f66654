"""What the store knows of the data: the loads that were read, their breaks, and whose word it is that one is meant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import TypeAdapter

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import data_acceptances, data_breaks, loads
from churnml.adapters.store.writing import count_up, hold, insert_new
from churnml.errors import UnknownNameError
from churnml.timeline import plus_days
from churnml.watch.breaks import Acceptance, DataBreak, RecordedBreak, as_recorded
from churnml.watch.profile import LoadProfile

# Whether later loads are compared with a load: yes; only once what it was warned of is a week old; never.
Condition = Literal["fine", "warned", "broken"]
TOLD_FOR_DAYS = 7
# So many loads keep their profile; of older ones it is only known that they were read.
LOADS_KEPT = 60
DETAILS = ("usual", "now", "instead", "share", "aside")
LOAD = TypeAdapter(LoadProfile)


class Watched:
    """The watched data of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def reference(self, data_through: dt.date, data_fingerprint: str) -> LoadProfile | None:
        """The newest load in order that reaches no further than ``data_through`` and is not this one; None if none is.

        Args:
            data_through: of the load that is to be compared.
            data_fingerprint: of the same.
        """
        told = (loads.c.condition == "warned") & (loads.c.data_through <= plus_days(data_through, -TOLD_FOR_DAYS))
        wanted = (loads.c.data_through <= data_through) & ((loads.c.condition == "fine") | told)
        query = sa.select(loads.c.profile).where(
            wanted, loads.c.profile.is_not(None), loads.c.data_fingerprint != data_fingerprint
        )
        query = query.order_by(loads.c.data_through.desc(), loads.c.load_id.desc()).limit(1)
        with self._connections.reading() as connection:
            kept = connection.scalar(query)
        return None if kept is None else LOAD.validate_python(kept)

    def newest(self) -> LoadProfile | None:
        """What was read last, whatever its condition; None where nothing was, or its profile is not kept any more."""
        query = sa.select(loads.c.profile).order_by(loads.c.load_id.desc()).limit(1)
        with self._connections.reading() as connection:
            kept = connection.scalar(query)
        return None if kept is None else LOAD.validate_python(kept)

    def record(
        self,
        load: LoadProfile,
        data_fingerprint: str,
        condition: Condition,
        as_of: dt.date,
        breaks: Sequence[DataBreak],
        now: dt.datetime,
    ) -> list[DataBreak]:
        """Writes a load down with its breaks, and that earlier ones have ended; the breaks by their recorded names.

        A date before one that was judged already changes nothing: its breaks are history.

        Args:
            load, data_fingerprint: what was read.
            condition: whether later loads are compared with it.
            as_of: the date it was judged for.
            breaks: those that last.
            now: the moment.
        """
        with self._connections.writing() as connection:
            hold(connection)
            self._add_load(connection, load, data_fingerprint, condition, now)
            on_record = _breaks(connection, data_breaks.c.ended_on.is_(None))
            named = as_recorded(breaks, on_record)
            newest = connection.scalar(sa.select(sa.func.max(data_breaks.c.last_on)))
            if newest is None or as_of >= newest:
                _write_breaks(connection, named, on_record, as_of, now)
        return named

    def _add_load(
        self,
        connection: sa.Connection,
        load: LoadProfile,
        data_fingerprint: str,
        condition: Condition,
        now: dt.datetime,
    ) -> None:
        row = {
            "data_fingerprint": data_fingerprint,
            "data_through": load.data_through,
            "condition": condition,
            "profile": LOAD.dump_python(load, mode="json"),
            "at": utc(now),
        }
        if not insert_new(connection, loads, [row]):
            same = (loads.c.data_fingerprint == data_fingerprint) & (loads.c.data_through == load.data_through)
            connection.execute(loads.update().where(same).values(condition=condition))
        newest = sa.select(loads.c.load_id).order_by(loads.c.load_id.desc()).limit(LOADS_KEPT)
        old = loads.c.load_id.not_in(newest) & loads.c.profile.is_not(None)
        connection.execute(loads.update().where(old).values(profile=None))

    def breaks(self, *, lasting: bool = False) -> list[RecordedBreak]:
        """Every break on record, or those that last; the newest first."""
        wanted = data_breaks.c.ended_on.is_(None) if lasting else sa.true()
        with self._connections.reading() as connection:
            return _breaks(connection, wanted)

    def accepted(self) -> list[Acceptance]:
        """Everything that was called meant."""
        with self._connections.reading() as connection:
            return _acceptances(connection)

    def accept(self, break_id: str, who: str, why: str, on: dt.date, now: dt.datetime) -> bool:
        """Writes down that a break is meant, with its audit line, and ends it; False when that was done before.

        Raises:
            UnknownNameError: there is no such break.
        """
        with self._connections.writing() as connection:
            hold(connection)
            known = {one.break_id: one.data_break for one in _breaks(connection, sa.true())}
            if break_id not in known:
                raise UnknownNameError("break on record", break_id, known, where="churnml data status")
            one = known[break_id]
            if any(accepted.break_id == break_id for accepted in _acceptances(connection)):
                return False
            row = {"break_id": break_id, "kind": one.kind.value, "contract_table": one.table, "subject": one.subject}
            row_more = {"began_on": one.began_on, "who": who, "why": why, "on": on, "at": utc(now)}
            connection.execute(data_acceptances.insert().values(**row, **row_more))
            mine = (data_breaks.c.break_id == break_id) & data_breaks.c.ended_on.is_(None)
            connection.execute(data_breaks.update().where(mine).values(ended_on=on))
            audit(connection, now, who, "break accepted", break_id, why, {"kind": one.kind.value, "table": one.table})
            count_up(connection)
        return True


def _write_breaks(
    connection: sa.Connection,
    breaks: Sequence[DataBreak],
    on_record: Sequence[RecordedBreak],
    as_of: dt.date,
    now: dt.datetime,
) -> None:
    lasting = {one.break_id for one in breaks}
    for recorded in on_record:
        if recorded.break_id not in lasting:
            mine = data_breaks.c.break_id == recorded.break_id
            connection.execute(data_breaks.update().where(mine).values(ended_on=as_of))
    for one in breaks:
        changing = {
            "last_on": as_of,
            "ended_on": None,
            "action": one.action.value,
            "details": {name: getattr(one, name) for name in DETAILS},
        }
        fixed = {"break_id": one.break_id, "kind": one.kind.value, "contract_table": one.table, "subject": one.subject}
        dates = {"began_on": one.began_on, "noticed_on": as_of, "at": utc(now)}
        if not insert_new(connection, data_breaks, [{**fixed, **dates, **changing}]):
            connection.execute(data_breaks.update().where(data_breaks.c.break_id == one.break_id).values(**changing))


def _breaks(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> list[RecordedBreak]:
    accepted = {one.break_id: one for one in _acceptances(connection)}
    query = sa.select(data_breaks).where(wanted).order_by(data_breaks.c.began_on.desc(), data_breaks.c.break_id)
    return [_recorded(dict(row), accepted) for row in connection.execute(query).mappings()]


def _recorded(row: Mapping[str, Any], accepted: Mapping[str, Acceptance]) -> RecordedBreak:
    one = TypeAdapter(DataBreak).validate_python(
        {"kind": row["kind"], "table": row["contract_table"], "subject": row["subject"], "began_on": row["began_on"]}
        | {"action": row["action"]}
        | dict(row["details"])
    )
    return RecordedBreak(one, row["noticed_on"], row["last_on"], row["ended_on"], accepted.get(row["break_id"]))


def _acceptances(connection: sa.Connection) -> list[Acceptance]:
    query = sa.select(data_acceptances).order_by(data_acceptances.c.acceptance_id)
    return [
        Acceptance(
            kind=row["kind"],
            table=row["contract_table"],
            subject=row["subject"],
            began_on=row["began_on"],
            break_id=row["break_id"],
            who=row["who"],
            why=row["why"],
            on=row["on"],
        )
        for row in connection.execute(query).mappings()
    ]
