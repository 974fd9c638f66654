"""Relations with rows of the audit's own making beside the project's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from churnml.lazy import ibis
from churnml.rollups import BITS, SHIFT
from churnml.tables import MaybeRelation, Relation
from churnml.timeline import day_number_of, midnight

Row = Mapping[str, object]
MARK = "churnml audit"
_DAYS = frozenset({"day", "known_day", "block", "late_day"})
ALL_BITS = (1 << BITS) - 1


def with_rows(relation: MaybeRelation, rows: Sequence[Row]) -> MaybeRelation:
    """``relation`` with ``rows`` (columns they do not say are null) added; None stays None."""
    if relation is None or not rows:
        return relation
    relation = wide(relation)
    schema = relation.schema()
    known = [{name: row.get(name) for name in schema.names} for row in rows]
    added = ibis.memtable(pa.Table.from_pylist(known, schema=schema.to_pyarrow()), schema=schema)
    return ibis.union(relation, added)


def wide(relation: Relation) -> Relation:
    """The same with sums wide enough for larger ones: a store keeps whole numbers as narrow as they are."""
    narrow = {
        name: relation[name].cast("int64")
        for name, kind in relation.schema().items()
        if kind.is_integer() and name not in _DAYS and kind != ibis.dtype("int64")
    }
    return relation.mutate(**narrow) if narrow else relation


def at_hour(day: dt.date, hour: int) -> dt.datetime:
    """A time of a day."""
    return midnight(day).replace(hour=hour)


# ---------------------------------------------------------------- usage, a row a visit


class Visits:
    """Made-up usage as rows of the roll-ups.

    Args:
        events: event names that are used on every visit.
        rng: how much of it there is.

    Attributes:
        happened: how many events they hold.
    """

    def __init__(self, events: Sequence[str], rng: np.random.Generator) -> None:
        self._events, self._rng = events, rng
        self._days: list[Row] = []
        self._named: list[Row] = []
        self.happened = 0
        self._seen: dict[tuple[str, str, str, int, int], int] = {}

    def add(self, account: str, users: Iterable[str], day: dt.date, known: dt.date) -> None:
        """A visit of ``users`` on a day, known on the same or a later one."""
        happened, arrived = day_number_of(day), day_number_of(known)
        for event in ("", *self._events):
            sums = self._sums()
            row: Row = {**sums, "account_id": account, "day": happened, "known_day": arrived}
            if event:
                self._named.append({**row, "event": event})
            else:
                self._days.append({**row, "names": ALL_BITS})
                self.happened += sums["events"]
        for user in users:
            self._see("user_id", account, user, happened, arrived)
        self._see("event", account, f"{MARK} event", happened, arrived)

    def _sums(self) -> dict[str, int]:
        events = int(self._rng.integers(1, 60))
        million = 1_000_000
        return {
            "events": events,
            "quantity_micro": 7 * events * million,
            "quantity_events": events,
            "quantity_min_micro": -777 * million,
            "quantity_max_micro": 7777 * million,
            "office_events": events // 2,
        }

    def _see(self, who: str, account: str, name: str, day: int, known: int) -> None:
        block, place = divmod(day + SHIFT, BITS)
        key = (who, account, name, block, known if known > day else 0)
        self._seen[key] = self._seen.get(key, 0) | 1 << place

    def by_relation(self) -> dict[str, list[Row]]:
        """The rows by the roll-up they belong to."""
        seen = {"usage_users": self._presence("user_id"), "usage_rare": self._presence("event")}
        return {"usage_days": self._days, "usage_named": self._named, **seen}

    def _presence(self, who: str) -> list[Row]:
        return [
            {"account_id": account, who: name, "block": block, "late_day": late, "days": days}
            for (kind, account, name, block, late), days in self._seen.items()
            if kind == who
        ]
