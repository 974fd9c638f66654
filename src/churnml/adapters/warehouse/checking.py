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
from churnml.adapters.warehouse.load_times import tell_load_time
from churnml.adapters.warehouse.losses import must_not_lose
from churnml.adapters.warehouse.reading import Reading, first_line, identifier, write_parquet
from churnml.adapters.warehouse.regions import tell_regions
from churnml.adapters.warehouse.tone import write_tone
from churnml.adapters.warehouse.typed import reads
from churnml.adapters.warehouse.versions import PLACE, counted_rows, settle_versions
from churnml.errors import SourceError
from churnml.rollups import TONE
from churnml.tables import AMOUNT_AS_WRITTEN, CLOCK_SHIFTS, CURRENCY_AS_WRITTEN, Relation, Table
from churnml.timeline import midnight


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


def check_and_write(reading: Reading, table: Table, end: dt.date, folder: Path) -> None:
    """Judges every row, sets the bad ones aside, keeps the rest as ``_kept_<table>`` and writes ``<table>.parquet``.

    Usage has a way of its own: :mod:`churnml.adapters.warehouse.usage_checking`.

    Args:
        reading: what is under way.
        table: its declaration; the view ``_typed_<table>`` is there.
        end: the first date after the data.
        folder: where the file goes.

    Raises:
        SourceError, ContractError: the source cannot be run, or no row is left of a table nothing goes without.
    """
    con, project = reading.con, reading.project
    typed, accounts = typed_and_accounts(reading, table)
    judged = checks.verdicts(typed, table, accounts, midnight(end), project.spec.checks)
    # a view, judged once for the bad rows and once for the rest, so that the good ones are never copied whole
    con.execute(f"CREATE OR REPLACE TEMP VIEW _judged AS {ibis.to_sql(judged, dialect='duckdb')}")
    warnings = warning_columns(judged.columns)
    try:
        if table.name == "subscriptions":
            settle_contracts(reading)
        set_aside(reading, table, "_judged")
        _keep(reading, table, warnings)
        if table.versioned:
            settle_versions(reading, table)
        if table.name == "subscriptions":
            tell_contracts(reading)
    except duckdb.Error as problem:
        where = str(project.source(table.name))
        raise SourceError("The source cannot be run.", where=where, remedy=first_line(problem)) from None
    _count(reading, table, warnings)
    if table.name == "accounts":
        tell_regions(reading)
    # of contracts, also those that are set aside because they were known only after the data end
    dated = "_contracts" if table.name == "subscriptions" else identifier("_kept_" + table.name)
    if "known_at" in table.column_names:
        happened = f"SELECT {table.dated_by} AS happened, known_at AS known, 1 AS rows FROM {dated}"
        tell_load_time(reading, table, f"{happened} WHERE {table.dated_by} IS NOT NULL")
    must_not_lose(reading, table)
    kept = identifier("_kept_" + table.name)
    written = {"subject", "body"} & set(reading.counts.given[table.name])
    if table.name == "support_tickets" and TONE in reading.parts and written:
        write_tone(con, kept)
    write_parquet(con, f"SELECT * FROM {kept} ORDER BY ALL", folder / f"{table.name}.parquet")


def typed_and_accounts(reading: Reading, table: Table, view: str = "") -> tuple[Relation, Relation | None]:
    """The view ``_typed_<table>`` (or another of its columns), and the kept accounts, as Ibis knows them.

    A row's ``source`` passes through untouched: what types the user's own columns have is nobody's business.
    """
    view, backend = view or "_typed_" + table.name, reading.backend
    reading.con.execute(f"CREATE OR REPLACE TEMP VIEW _columns AS SELECT * EXCLUDE (source) FROM {identifier(view)}")
    typed = ibis.table({**backend.table("_columns").schema(), "source": "string"}, name=view)
    return typed, None if table.name == "accounts" else backend.table("_kept_accounts")


def warning_columns(columns: Sequence[str]) -> list[str]:
    """The columns of judged rows that warn."""
    return [column for column in columns if column.startswith("warns_")]


def set_aside(reading: Reading, table: Table, judged: str) -> None:
    """Puts the rows of the view ``judged`` that something is wrong with into ``_quarantine``, as JSON."""
    # only now: text made of every row would cost more than all the rest
    reading.con.execute(
        "INSERT INTO _quarantine SELECT ?, problem, unreadable, source_row, "
        f"CASE WHEN source IS NOT NULL THEN to_json(source)::VARCHAR END FROM {judged} WHERE problem IS NOT NULL",
        [table.name],
    )


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


def _keep(reading: Reading, table: Table, warnings: Sequence[str]) -> None:
    """The rows of ``_judged`` that nothing is wrong with, as the table ``_kept_<name>``."""
    names = [c.name for c in table.columns]
    judged = {row[0] for row in reading.con.execute("DESCRIBE _judged").fetchall()}
    further = (*CLOCK_SHIFTS.values(), AMOUNT_AS_WRITTEN, CURRENCY_AS_WRITTEN)
    names += [name for name in further if name in judged]
    if table.name == "accounts":
        names += [name for name in reading.project.spec.static if name not in names]
    beside = [*warnings, *([PLACE] if table.versioned else [])]
    columns = ", ".join([*kept_columns(table, names, warnings), *map(identifier, beside)])
    reading.con.execute(
        f"CREATE TEMP TABLE {identifier('_kept_' + table.name)} AS SELECT {columns} FROM _judged WHERE problem IS NULL"
    )


def kept_columns(table: Table, names: Sequence[str], warnings: Sequence[str]) -> list[str]:
    """What is kept of judged rows, as SQL; the columns ``warnings`` say where a value is not."""
    columns = [identifier(name) for name in names]
    for name, flag in checks.emptied(table, warnings).items():
        column = identifier(name)
        columns[names.index(name)] = f"CASE WHEN NOT {identifier(flag)} THEN {column} END AS {column}"
    if "known_at" in names and table.name != "subscriptions" and not table.versioned:
        # nothing is known before it happened, whatever a clock says
        columns[names.index("known_at")] = f'greatest("known_at", {identifier(table.dated_by)}) AS "known_at"'
    return columns
