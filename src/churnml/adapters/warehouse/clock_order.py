"""What came first where clocks were moved: wall-clock times in the order of their instants, and hours between them.

On the night on which clocks are put back, 01:50 comes before 01:10, and a day has 25 hours. Days and cutoffs are those
of the wall clock all the same, so a time is moved only where it would stand before what came before it, and never to
another day than the one it shares with that. What the clock then hides of the seconds in between stands beside it
(:data:`churnml.tables.CLOCK_SHIFTS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from churnml.adapters.warehouse.reading import identifier, quoted
from churnml.adapters.warehouse.time_columns import TimeColumn
from churnml.adapters.warehouse.times import time_of, utc_of
from churnml.adapters.warehouse.zones import moves_clocks, set_back_by
from churnml.tables import CLOCK_SHIFTS, Table


@dataclass(frozen=True)
class ClockOrder:
    """How a table's times are put into order.

    Args:
        steps: layers upon those that read them (:func:`churnml.adapters.warehouse.times.layered`).
        times: contract column → the column of the layers that now holds it, where that is another.
        shifts: column of :data:`churnml.tables.CLOCK_SHIFTS` → SQL over the layers.
    """

    steps: tuple[Mapping[str, str], ...] = ()
    times: Mapping[str, str] = field(default_factory=dict)
    shifts: Mapping[str, str] = field(default_factory=dict)


def clock_order(table: Table, times: Mapping[str, TimeColumn], zone: str) -> ClockOrder:
    """How the times of a table are put into order.

    Args:
        table: its declaration.
        times: the columns of times that its source gives.
        zone: the project's.
    """
    dated, later = table.dated_by, [name for name in times if name != table.dated_by]
    if dated not in times:
        return ClockOrder()
    hourless = {
        shift: "NULL::BIGINT"
        for name, shift in CLOCK_SHIFTS.items()
        if name in later and not (times[name].has_hours and times[dated].has_hours)
    }
    if not moves_clocks(zone):
        return ClockOrder(shifts=hourless)
    if table.name == "usage_events":
        return _of_usage(times)
    steps: tuple[Mapping[str, str], ...] = (
        {f"_last {name}": _last_instant(name, zone) for name in times},
        {f"_first {name}": _first_instant(times[name], zone) for name in times},
        {f"_at {name}": _instant(name, dated) for name in later},
        {f"_ordered {name}": _not_before(name, dated) for name in later},
    )
    shifts = {shift: _shift(name, dated) for name, shift in CLOCK_SHIFTS.items() if name in later}
    return ClockOrder(steps if later else (), {name: f"_ordered {name}" for name in later}, shifts | hourless)


def _of_usage(times: Mapping[str, TimeColumn]) -> ClockOrder:
    """Of usage, whose rows are many: only whether it arrived first matters, and only instants can tell."""
    names = ("occurred_at", "known_at")
    if not all(name in times and times[name].reading.has_utc for name in names):
        return ClockOrder()
    (occurred, known), (happened, arrived) = ([identifier(of(n)) for n in names] for of in (time_of, utc_of))
    ordered = f"CASE WHEN {known} < {occurred} AND {arrived} >= {happened} THEN {occurred} ELSE {known} END"
    return ClockOrder(({"_ordered known_at": ordered},), {"known_at": "_ordered known_at"})


def _last_instant(name: str, zone: str) -> str:
    """The last instant, in UTC, at which the clocks stood like this: the engine's own choice of two."""
    return f"timezone('UTC', timezone({quoted(zone)}, {identifier(time_of(name))}))"


def _first_instant(column: TimeColumn, zone: str) -> str:
    """The first such instant: earlier by what clocks were set back in between. An instant is that one only."""
    name = column.reading.name
    last, time = identifier(f"_last {name}"), identifier(time_of(name))
    earlier = [f"{last} - INTERVAL '{minutes} minutes'" for minutes in set_back_by(zone)]
    cases = " ".join(f"WHEN timezone({quoted(zone)}, timezone('UTC', {at})) = {time} THEN {at}" for at in earlier)
    first = f"CASE {cases} ELSE {last} END" if cases else last
    return f"coalesce({identifier(utc_of(name))}, {first})" if column.reading.has_utc else first


def _instant(name: str, dated_by: str) -> str:
    """The instant of something that comes after what the row is dated by: of two, the first that does."""
    first, last, began = (identifier(column) for column in (f"_first {name}", f"_last {name}", f"_first {dated_by}"))
    return f"CASE WHEN {first} < {began} AND {last} >= {began} THEN {last} ELSE {first} END"


def _not_before(name: str, dated_by: str) -> str:
    column, dated = identifier(time_of(name)), identifier(time_of(dated_by))
    at, began = identifier(f"_at {name}"), identifier(f"_first {dated_by}")
    return f"CASE WHEN {column} < {dated} AND {at} >= {began} THEN {dated} ELSE {column} END"


def _shift(name: str, dated_by: str) -> str:
    """Seconds between two times by the wall clock, less those that passed."""
    by_clock = f"date_diff('second', {identifier(time_of(dated_by))}, {identifier(f'_ordered {name}')})"
    passed = f"date_diff('second', {identifier(f'_first {dated_by}')}, {identifier(f'_at {name}')})"
    return f"coalesce({by_clock} - {passed}, 0)"
