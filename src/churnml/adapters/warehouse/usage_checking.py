"""Usage, checked in one pass: what is summed is never copied, and whoever sums it up reads it where it stands.

The pass leaves a tally (the table ``_usage_tally``): what is wrong or warned about, and what came of every event each
day. The rows that are kept are a view. Only rows that may repeat others are looked at beside each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa

from churnml import checks
from churnml.adapters.warehouse.again import EventsView, views_of
from churnml.adapters.warehouse.checking import kept_columns, set_aside, typed_and_accounts, warning_columns
from churnml.adapters.warehouse.content import Content
from churnml.adapters.warehouse.profile import EPOCH, TALLY, USAGE_REPEATS
from churnml.adapters.warehouse.reading import (
    Reading,
    files_of,
    first_line,
    identifier,
    parquet,
    quoted,
    write_parquet,
)
from churnml.adapters.warehouse.repeats import DayRepeats, repeated
from churnml.errors import SourceError
from churnml.rollups import BITS
from churnml.tables import TABLES
from churnml.timeline import midnight

EVENTS = TABLES["usage_events"]
# The checked events of a reading, as a view of its connection.
KEPT_USAGE = "_kept_usage_events"
# Of usage, what the roll-ups need.
USAGE_COLUMNS = ("account_id", "occurred_at", "event", "user_id", "quantity", "known_at")
# Event ids are kept by their hash: of 10⁹ ids, one in 37 billion new ones is taken for a repeat.
IDS = "usage_ids"
# Rows that are looked at together: some 400 MiB of hashes and what holds them.
AT_ONCE = 24_000_000


@dataclass(frozen=True)
class CheckedUsage:
    """What the pass over usage came to.

    Args:
        rows: events kept.
        quarantined, warned: reason → rows.
        newest: the day of the newest event kept, or None.
        names: the event names that get a bit of their own, most frequent first.
        content: what the events kept hold, whatever their order.
        views: what gives the events kept once more, without judging anew; none where only judging anew does.
    """

    rows: int
    quarantined: dict[str, int]
    warned: dict[str, int]
    newest: str | None
    names: tuple[str, ...]
    content: Content
    views: tuple[EventsView, ...] = ()


def check_usage(reading: Reading, end: dt.date, folder: Path, earlier: Sequence[Path] = ()) -> CheckedUsage:
    """Judges every event, sets the bad ones aside, and leaves the rest as the view ``_kept_usage_events``.

    Writes ``usage_repeats.parquet``, and ``usage_ids.parquet`` where events have names.

    Args:
        reading: what is under way; the view ``_typed_usage_events`` is there.
        end: the first date after the data.
        folder: where the files go.
        earlier: folders with the ids of events read before: whoever repeats one is a duplicate.

    Raises:
        SourceError: the source cannot be run.
    """
    try:
        warnings = _judge(reading, end, folder, files_of(earlier, IDS))
        repeats = _tally(reading, warnings)
        checked = _checked(reading, warnings, repeats)
        if checked.quarantined:
            set_aside(reading, EVENTS, "_judged")
    except duckdb.Error as problem:
        where = str(reading.project.source(EVENTS.name))
        raise SourceError("The source cannot be run.", where=where, remedy=first_line(problem)) from None
    columns = ", ".join(kept_columns(EVENTS, USAGE_COLUMNS, warnings))
    # where nothing is wrong, nobody need judge again
    untouched = not checked.quarantined and not checks.emptied(EVENTS, warnings)
    sound = "_typed_usage_events" if untouched else "_judged WHERE problem IS NULL"
    kept = f"SELECT {columns} FROM {sound}"
    reading.con.execute(f"CREATE OR REPLACE TEMP VIEW {KEPT_USAGE} AS {kept}")
    judging = () if untouched else ("_alone", "_judged")
    views = views_of(reading.con, ("_typed_usage_events", *judging, KEPT_USAGE))
    if repeats is not None:
        reading.con.register("_day_repeats", repeats.as_table())
        write_parquet(reading.con, "SELECT * FROM _day_repeats", folder / f"{USAGE_REPEATS}.parquet")
        reading.con.unregister("_day_repeats")
    return replace(checked, views=views)


# ---------------------------------------------------------------- verdicts


def _judge(reading: Reading, end: dt.date, folder: Path, earlier: Sequence[Path]) -> list[str]:
    """Makes the view ``_judged``; its columns that warn."""
    con, declared = reading.con, reading.project.spec.checks
    typed, accounts = typed_and_accounts(reading, EVENTS)
    alone = checks.judged_alone(typed, EVENTS, accounts, midnight(end), declared)
    con.execute(f"CREATE OR REPLACE TEMP VIEW _alone AS {ibis.to_sql(alone, dialect='duckdb')}")
    suspects = _suspects(reading, folder, earlier)
    judged = "SELECT * EXCLUDE (dated) FROM _alone"
    if suspects:
        # repeats are looked for among the few rows whose hash stands there twice, not among all
        suspect = f"problem IS NULL AND ({' OR '.join(suspects)})"
        few = ibis.table(alone.schema(), name="_suspects")
        together = str(ibis.to_sql(checks.judged_together(few, EVENTS, declared), dialect="duckdb"))
        con.execute(f"CREATE OR REPLACE TEMP VIEW _suspects AS SELECT * FROM _alone WHERE {suspect}")
        if earlier and _severity(reading, checks.DUPLICATE) is checks.CheckAction.QUARANTINE:
            again = f"CASE WHEN event_id IS NOT NULL AND {_ID} IN (SELECT id FROM _seen) THEN '{checks.DUPLICATE}' END"
            together = f"SELECT * REPLACE (coalesce(problem, {again}) AS problem) FROM ({together})"
        judged = f"{judged} WHERE ({suspect}) IS NOT TRUE UNION ALL BY NAME ({together})"
    con.execute(f"CREATE OR REPLACE TEMP VIEW _judged AS {judged}")
    return warning_columns([row[0] for row in con.execute("DESCRIBE _judged").fetchall()])


_ID = "hash(event_id)"


def _severity(reading: Reading, reason: str) -> checks.CheckAction:
    return checks.severities(EVENTS, reading.project.spec.checks)[reason]


def _suspects(reading: Reading, folder: Path, earlier: Sequence[Path]) -> list[str]:
    """Conditions on sound rows that may repeat another; none when none does."""
    con, conditions = reading.con, []
    if "event_id" in reading.counts.given[EVENTS.name]:
        ids = folder / f"{IDS}.parquet"
        write_parquet(con, f"SELECT {_ID} AS id FROM _alone WHERE problem IS NULL AND event_id IS NOT NULL", ids)
        twice = repeated(ids)
        _make_table(reading, "_twice", twice)
        # the few new ids are looked for among all that ever were, not the other way round
        both = f"{parquet(earlier)} AS was SEMI JOIN {parquet([ids])} AS new USING (id)"
        again = both if earlier else "_twice WHERE false"
        con.execute(f"CREATE OR REPLACE TEMP TABLE _seen AS SELECT DISTINCT id FROM {again}")
        if twice.num_rows or con.execute("SELECT 1 FROM _seen LIMIT 1").fetchall():
            either = "SELECT id FROM _twice UNION SELECT id FROM _seen"
            conditions.append(f"(event_id IS NOT NULL AND {_ID} IN ({either}))")
    if _severity(reading, checks.REPEATED) is checks.CheckAction.QUARANTINE:
        whole = f"hash({', '.join(identifier(name) for name in EVENTS.column_names)})"
        hashes = reading.out / "input-row-hashes.parquet"
        write_parquet(con, f"SELECT {whole} AS id FROM _alone WHERE problem IS NULL", hashes)
        alike = repeated(hashes)
        _make_table(reading, "_alike", alike)
        if alike.num_rows:
            conditions.append(f"({whole} IN (SELECT id FROM _alike))")
    return conditions


def _make_table(reading: Reading, name: str, rows: pa.Table) -> None:
    reading.con.register("_rows", rows)
    reading.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM _rows")
    reading.con.unregister("_rows")


# ---------------------------------------------------------------- the pass


def _tally(reading: Reading, warnings: Sequence[str]) -> DayRepeats | None:
    """Makes the table ``_usage_tally``; with repeats counted by day, where they are only counted."""
    con = reading.con
    repeats = DayRepeats() if _severity(reading, checks.REPEATED) is checks.CheckAction.WARN else None
    for place, stretch in enumerate(_stretches(reading)):
        groups = con.sql(_groups(reading, warnings, stretch, hashed=repeats is not None)).to_arrow_table()
        if repeats is not None:
            repeats.add(groups)
            groups = groups.drop_columns(["hashes"])
        con.register("_groups", groups)
        con.execute(
            f"INSERT INTO {TALLY} SELECT * FROM _groups"
            if place
            else f"CREATE OR REPLACE TEMP TABLE {TALLY} AS SELECT * FROM _groups"
        )
        con.unregister("_groups")
    return repeats


def _groups(reading: Reading, warnings: Sequence[str], stretch: str, *, hashed: bool) -> str:
    """The events of a stretch, grouped by verdict, and the sound ones by name, day and delay."""
    day = f"(occurred_at::DATE - {EPOCH})::INTEGER"
    delay = "(greatest(known_at, occurred_at)::DATE - occurred_at::DATE)::INTEGER"
    keys = [f"CASE WHEN problem IS NULL THEN {of} END AS {n}" for n, of in _pairs(event="event", day=day, delay=delay)]
    sums = ["count(*) AS rows", "count(user_id) AS users", "count(quantity) AS quantities"]
    sums += [f"count(*) FILTER ({identifier(w)}) AS {identifier(w)}" for w in warnings]
    # what an event is called is no part of what it says
    given = ", ".join(identifier(name) for name in reading.counts.given[EVENTS.name] if name != "event_id")
    row = f"hash({given})"
    sums += [f"bit_xor({row}) AS mixed", f"sum({row}::HUGEINT) AS summed"]
    if hashed:
        # a named event is no repeat of another: its own check speaks of it
        sums.append(f"list({row}) FILTER (problem IS NULL AND event_id IS NULL) AS hashes")
    return f"SELECT problem, {', '.join([*keys, *sums])} FROM _judged WHERE {stretch} GROUP BY ALL"


def _pairs(**named: str) -> list[tuple[str, str]]:
    return list(named.items())


def _stretches(reading: Reading) -> list[str]:
    """Conditions that part the events into stretches of days that fit into memory; one, if all do."""
    con, typed = reading.con, "_typed_usage_events"
    if con.execute(f"SELECT count(*) FROM {typed}").fetchall()[0][0] <= AT_ONCE:
        return ["true"]
    days = con.execute(
        "SELECT day::VARCHAR, rows FROM (SELECT occurred_at::DATE AS day, count(*) AS rows "
        f"FROM {typed} WHERE occurred_at IS NOT NULL GROUP BY 1) ORDER BY day"
    ).fetchall()
    cuts, waiting = [], 0
    for day, rows in days:
        if waiting and waiting + rows > AT_ONCE:
            cuts.append(f"TIMESTAMP {quoted(day)}")
            waiting = 0
        waiting += rows
    if not cuts:
        return ["true"]
    between = [f"occurred_at >= {a} AND occurred_at < {b}" for a, b in pairwise(cuts)]
    return ["occurred_at IS NULL", f"occurred_at < {cuts[0]}", *between, f"occurred_at >= {cuts[-1]}"]


# ---------------------------------------------------------------- what it came to


def _checked(reading: Reading, warnings: Sequence[str], repeats: DayRepeats | None) -> CheckedUsage:
    con = reading.con
    aside = con.execute(
        f"SELECT problem, sum(rows)::BIGINT FROM {TALLY} WHERE problem IS NOT NULL GROUP BY ALL ORDER BY 1"
    ).fetchall()
    sums = ["sum(rows)", *(f"sum({identifier(w)})" for w in warnings)]
    whole = ", ".join(f"coalesce({s}, 0)::BIGINT" for s in sums)
    rows, *warned, newest, mixed, summed = con.execute(
        f"SELECT {whole}, ({EPOCH} + max(day))::VARCHAR, bit_xor(mixed), sum(summed)::HUGEINT "
        f"FROM {TALLY} WHERE problem IS NULL"
    ).fetchall()[0]
    counts = {w.removeprefix("warns_"): int(count) for w, count in zip(warnings, warned, strict=True)}
    if repeats is not None:
        counts[checks.REPEATED] = repeats.repeats
    names = frequent_names(con, f"(SELECT event, rows FROM {TALLY} WHERE problem IS NULL)", "sum(rows)")
    warned_about = {reason: count for reason, count in counts.items() if count}
    content = Content(int(rows), mixed, summed)
    return CheckedUsage(int(rows), dict(aside), warned_about, newest, tuple(names), content)


def frequent_names(con: duckdb.DuckDBPyConnection, events: str = KEPT_USAGE, rows: str = "count(*)") -> list[str]:
    """The event names that get a bit of their own, most frequent first."""
    frequent = con.execute(
        f"SELECT event FROM {events} GROUP BY event ORDER BY {rows} DESC, event LIMIT {BITS}"
    ).fetchall()
    return [row[0] for row in frequent]


def has_rare(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> bool:
    """Whether the tally has events by other names than these."""
    other = f"SELECT 1 FROM {TALLY} WHERE event NOT IN (SELECT unnest(?::VARCHAR[])) LIMIT 1"
    return bool(con.execute(other, [list(names)]).fetchall())
