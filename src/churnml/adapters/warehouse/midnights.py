"""Dates that an export wrote as midnights of another clock: west of it, each would be taken for the evening before."""

from __future__ import annotations

from collections import Counter

from churnml.adapters.warehouse.reading import Reading, identifier
from churnml.adapters.warehouse.times import TimeReading, layered, time_of, utc_of
from churnml.adapters.warehouse.zones import suggested_zones
from churnml.remarks import SAMPLES, RemarkKind
from churnml.tables import Table

# Of times that have hours, one in 86,400 stands at midnight: where half of them do, those are dates.
MANY = 0.5
FEWEST = 2
# Midnights of a zone stand at one hour of UTC, or at two where clocks are moved; so do not these many times of so many
# days by chance.
NEARLY_ALL = 0.95
FEWEST_DAYS = 10
HOURS = 2
# The minute of UTC's day from which on midnight is that of the day that comes: in the zones east of UTC.
_EAST_FROM = 10 * 60
_DAY = 24 * 60


def tell_day_before(reading: Reading, table: Table, column: TimeReading, sql_type: str, clock: str) -> None:
    """Tells midnights with an offset from UTC that are no midnight, but the day before, on the project's clock.

    Args:
        reading: under way; ``_raw_<table>`` is there.
        table: whose column it is.
        column: how it is read.
        sql_type: its type in the source.
        clock: SQL of the time as it is written.
    """
    name = column.name
    # what no usual spelling reads has its clock in a layer of its own
    if any(f"_clock {name}" in step for step in column.steps):
        clock = f"coalesce({clock}, {identifier(f'_clock {name}')})"
    day_before = f"written = date_trunc('day', written) AND {identifier(time_of(name))} < written"
    rows, given, samples = reading.con.execute(
        f"SELECT count(*) FILTER ({day_before}), count(written), "
        f"min(DISTINCT shown, {SAMPLES}) FILTER ({day_before}) FROM (SELECT *, {clock} AS written, "
        f"strftime({clock}, '%Y-%m-%d') || ' is read as ' || strftime({identifier(time_of(name))}, '%Y-%m-%d %H:%M') "
        f"AS shown FROM ({layered(identifier(f'_raw_{table.name}'), column.steps)}))"
    ).fetchall()[0]
    if rows < FEWEST or rows < MANY * given:
        return
    of_text = f"substr({name}, 1, 10) AS {name}"
    date = of_text if sql_type == "VARCHAR" else f"timezone('UTC', {name})::DATE AS {name}"
    zone = reading.project.spec.timezone
    detail = f"In {zone} that is the day before. If they are dates, select {date}"
    reading.tell(RemarkKind.DAY_BEFORE, table.name, name, int(rows), samples, detail)


def might_be_dates(given: int, moving: int) -> bool:
    """Whether so many of some times stand at midnight that these may be dates."""
    return given >= FEWEST and moving <= (1 - MANY) * given


def tell_midnights_elsewhere(reading: Reading, table: Table, column: TimeReading) -> None:
    """Tells instants that all are midnights of one zone, whose day the project's clock has not begun then.

    So a program writes dates that it held as midnights of its own zone: 1 March in Tokyo as ``2024-02-29T15:00:00Z``.

    Args:
        reading: under way; ``_raw_<table>`` is there.
        table: whose column it is.
        column: how it is read.
    """
    utc, wall = identifier(utc_of(column.name)), identifier(time_of(column.name))
    rows = reading.con.execute(
        f"SELECT hour(u) * 60 + minute(u) AS clock, date_trunc('month', u) AS month, count(*), min(u), max(u), "
        "count(DISTINCT u::DATE), bool_or(second(u) <> 0), bool_or(hour(w) + minute(w) = 0) "
        f"FROM (SELECT {utc} AS u, {wall} AS w FROM ({layered(identifier(f'_raw_{table.name}'), column.steps)})) "
        "WHERE u IS NOT NULL GROUP BY ALL ORDER BY month, clock"
    ).fetchall()
    counted: Counter[int] = Counter()
    for at, _, count, *_ in rows:
        counted[int(at)] += int(count)
    usual = {at for at, _ in counted.most_common(HOURS) if counted[at] > (1 - NEARLY_ALL) * counted.total()}
    same = [row for row in rows if row[0] in usual]
    if (
        sum(counted[at] for at in usual) < NEARLY_ALL * counted.total()
        or sum(days for *_, days, _, _ in same) < FEWEST_DAYS
        or any(at < _EAST_FROM or seconds or own for at, _, _, _, _, _, seconds, own in same)
    ):
        return
    seen = [(_DAY - int(at), when) for at, _, _, first, last, *_ in same for when in (first, last)]
    if zones := suggested_zones(seen):
        own = reading.project.spec.timezone
        detail = f"All are midnights in {' or '.join(zones)}, the day before in {own}: is timezone: {zones[0]} meant?"
        count = sum(int(row[2]) for row in same)
        samples = [f"{first:%Y-%m-%d %H:%M} UTC" for _, _, _, first, *_ in same]
        reading.tell(RemarkKind.DAY_BEFORE, table.name, column.name, count, samples, detail)
