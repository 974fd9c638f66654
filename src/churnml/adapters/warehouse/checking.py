"""Which rows are kept: each judged, the bad ones set aside with their reason, all of it counted."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import ibis

from churnml import checks
from churnml.adapters.warehouse.contracts import settle_contracts, tell_contracts
from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.losses import must_not_lose
from churnml.adapters.warehouse.profile import write_usage_repeats
from churnml.adapters.warehouse.reading import Reading, first_line, identifier, parquet, write_parquet
from churnml.adapters.warehouse.tone import write_tone
from churnml.adapters.warehouse.typed import reads
from churnml.adapters.warehouse.versions import PLACE, counted_rows, settle_versions
from churnml.errors import SourceError
from churnml.rollups import TONE
from churnml.tables import CLOCK_SHIFTS, Table
from churnml.timeline import midnight

# Of usage, what the roll-ups need.
USAGE_COLUMNS = ("account_id", "occurred_at", "event", "user_id", "quantity", "known_at")


def make_quarantine(reading: Reading, registered: Mapping[str, InputTable]) -> None:
    """The table ``_quarantine``, with the lines of CSV files that are no rows: booked to the first table that reads
    the file."""
    con, counts, suppression = reading.con, reading.counts, reading.project.suppression
    con.execute(
        "CREATE TABLE _quarantine (contract_table VARCHAR, reason VARCHAR, detail VARCHAR, "
        'source_row BIGINT, "row" VARCHAR)'
    )
    for name, table in registered.items():
        for reason, count in table.warned.items():
            counts.warned.setdefault(name, {})[reason] = count
        readers = [
            reader
            for reader in counts.given
            if reads((reading.project.source(reader) or Path()).read_text("utf-8-sig"), name)
        ]
        if table.rejects and readers:
            con.executemany(
                "INSERT INTO _quarantine VALUES (?, ?, ?, ?, ?)",
                [
                    # what cannot be read may still name somebody who was forgotten
                    (readers[0], checks.MALFORMED, why, line, None if suppression.stands_in(text) else json.dumps(text))
                    for line, text, why in table.rejects
                ],
            )
            counts.quarantined.setdefault(readers[0], {})[checks.MALFORMED] = len(table.rejects)


def check_and_write(reading: Reading, table: Table, end: dt.date, folder: Path, seen_ids: Sequence[Path] = ()) -> None:
    """Judges every row, sets the bad ones aside, keeps the rest as ``_kept_<table>`` and writes ``<table>.parquet``.

    Of usage, no file is written: its roll-ups are kept.

    Args:
        reading: what is under way.
        table: its declaration; the view ``_typed_<table>`` is there.
        end: the first date after the data.
        folder: where the file goes.
        seen_ids: files with the hashed ids of events read before: whoever repeats one is a duplicate.

    Raises:
        SourceError, ContractError: the source cannot be run, or no row is left of a table nothing goes without.
    """
    con, project = reading.con, reading.project
    warnings = _make_verdicts(reading, table, end, seen_ids)
    try:
        if table.name == "subscriptions":
            settle_contracts(reading)
        con.execute(
            "INSERT INTO _quarantine "
            "SELECT ?, problem, unreadable, source_row, source FROM _judged WHERE problem IS NOT NULL",
            [table.name],
        )
        _keep(reading, table, warnings)
        if table.versioned:
            settle_versions(reading, table)
        if table.name == "subscriptions":
            tell_contracts(reading)
        _count_repeats(reading, table, folder)
    except duckdb.Error as problem:
        where = str(project.source(table.name))
        raise SourceError("The source cannot be run.", where=where, remedy=first_line(problem)) from None
    _count(reading, table, warnings)
    if table.name != "usage_events":
        must_not_lose(reading, table)
    kept = identifier("_kept_" + table.name)
    written = {"subject", "body"} & set(reading.counts.given[table.name])
    if table.name == "support_tickets" and TONE in reading.parts and written:
        write_tone(con, kept)
    if table.name != "usage_events":
        write_parquet(con, f"SELECT * FROM {kept} ORDER BY ALL", folder / f"{table.name}.parquet")


def _make_verdicts(reading: Reading, table: Table, end: dt.date, seen_ids: Sequence[Path]) -> list[str]:
    """Makes the view ``_judged``; its columns that warn."""
    declared = reading.project.spec.checks
    accounts = None if table.name == "accounts" else reading.backend.table("_kept_accounts")
    typed = reading.backend.table("_typed_" + table.name)
    judged = checks.verdicts(typed, table, accounts, midnight(end), declared)
    # a view, judged once for the bad rows and once for the rest, so that the good ones are never copied whole
    query = str(ibis.to_sql(judged, dialect="duckdb"))
    if seen_ids and checks.severities(table, declared)[checks.DUPLICATE] is checks.CheckAction.QUARANTINE:
        seen = f"SELECT id FROM {parquet(seen_ids)}"
        repeated = f"CASE WHEN event_id IS NOT NULL AND hash(event_id) IN ({seen}) THEN '{checks.DUPLICATE}' END"
        query = f"SELECT * REPLACE (coalesce(problem, {repeated}) AS problem) FROM ({query})"
    reading.con.execute(f"CREATE OR REPLACE TEMP VIEW _judged AS {query}")
    return [column for column in judged.columns if column.startswith("warns_")]


def _count(reading: Reading, table: Table, warnings: Sequence[str]) -> None:
    """Counts what was set aside, warned about and kept; the columns that warn are dropped."""
    con, counts = reading.con, reading.counts
    aside = con.execute(
        "SELECT reason, count(*) FROM _quarantine WHERE contract_table = ? AND reason <> ? GROUP BY ALL ORDER BY 1",
        [table.name, checks.MALFORMED],
    ).fetchall()
    for reason, count in aside:
        counts.quarantined.setdefault(table.name, {})[reason] = int(count)
    kept = identifier("_kept_" + table.name)
    for column in warnings:
        count = con.execute(f"SELECT count(*) FROM {kept} WHERE {identifier(column)}").fetchall()[0][0]
        if count:
            counts.warned.setdefault(table.name, {})[column.removeprefix("warns_")] = int(count)
        con.execute(f"ALTER TABLE {kept} DROP COLUMN {identifier(column)}")
    counts.rows[table.name] = con.execute(f"SELECT {counted_rows(table)} FROM {kept}").fetchall()[0][0]


def _count_repeats(reading: Reading, table: Table, folder: Path) -> None:
    """Counts rows that repeat others to the letter, where rows have no key to tell; setting them aside is declared."""
    severity = checks.severities(table, reading.project.spec.checks)[checks.REPEATED]
    if set(table.key) & set(table.required) or severity is not checks.CheckAction.WARN:
        return
    columns = ", ".join(identifier(name) for name in reading.counts.given[table.name])
    # a named event is no repeat of another: its own check speaks of it
    unnamed = " ".join(f"AND {identifier(name)} IS NULL" for name in table.key)
    repeats = write_usage_repeats(reading.con, f"FROM _judged WHERE problem IS NULL {unnamed}", columns, folder)
    if repeats:
        reading.counts.warned.setdefault(table.name, {})[checks.REPEATED] = repeats


def _keep(reading: Reading, table: Table, warnings: Sequence[str]) -> None:
    """The rows of ``_judged`` that nothing is wrong with, as the table ``_kept_<name>``."""
    spec = reading.project.spec
    names = [c.name for c in table.columns]
    if table.name == "usage_events":
        grows = any(declared.grows for declared in spec.inputs.values())
        names = [name for name in names if name in USAGE_COLUMNS or (grows and name == "event_id")]
    judged = {row[0] for row in reading.con.execute("DESCRIBE _judged").fetchall()}
    names += [shift for shift in CLOCK_SHIFTS.values() if shift in judged]
    if table.name == "accounts":
        names += [name for name in spec.static if name not in names]
    columns = [identifier(name) for name in [*names, *warnings, *([PLACE] if table.versioned else [])]]
    for name, flag in checks.emptied(table, warnings).items():
        column = identifier(name)
        columns[names.index(name)] = f"CASE WHEN NOT {identifier(flag)} THEN {column} END AS {column}"
    if "known_at" in names and table.name != "subscriptions" and not table.versioned:
        # nothing is known before it happened, whatever a clock says
        columns[names.index("known_at")] = f'greatest("known_at", {identifier(table.dated_by)}) AS "known_at"'
    reading.con.execute(
        f"CREATE TEMP TABLE {identifier('_kept_' + table.name)} AS "
        f"SELECT {', '.join(columns)} FROM _judged WHERE problem IS NULL"
    )
