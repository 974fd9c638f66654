"""What text becomes: a source with its columns read as the contract's types, and what is wrong with a source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import duckdb

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.warehouse.clock_order import ClockOrder, clock_order
from churnml.adapters.warehouse.columns import ColumnReader, SourceColumn, read_column
from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.reading import Reading, first_line, identifier, quoted
from churnml.adapters.warehouse.time_columns import TimeColumn, time_columns
from churnml.adapters.warehouse.times import layered, text_column, time_of
from churnml.adapters.warehouse.values import NUMERIC
from churnml.errors import ContractError, SourceError, did_you_mean, nearest
from churnml.remarks import RemarkKind
from churnml.tables import ColumnKind, Table

SQL_TYPES = {
    ColumnKind.ID: "VARCHAR",
    ColumnKind.TIME: "TIMESTAMP",
    ColumnKind.MONEY: "DOUBLE",
    ColumnKind.NUMBER: "DOUBLE",
    ColumnKind.COUNT: "BIGINT",
    ColumnKind.FLAG: "BOOLEAN",
    ColumnKind.CATEGORY: "VARCHAR",
    ColumnKind.TEXT: "VARCHAR",
}


# Columns that are ours whatever the contract says: where a row stood.
PLACES = ("source_row", "source_file")


def make_typed_view(reading: Reading, table: Table, source: Path, registered: Mapping[str, InputTable]) -> None:
    """A source with its columns read into types, as the view ``_typed_<name>``: rows are read when judged.

    Its column ``source`` is the whole row as the source gives it, which costs nothing until somebody asks for it.

    Raises:
        SourceError, ContractError: the source is no SELECT over the inputs, or lacks what the table must have.
    """
    con, project = reading.con, reading.project
    select = source.read_text("utf-8-sig").strip().rstrip(";")
    # names that begin with an underscore are ours: an input's name cannot
    raw = identifier(f"_raw_{table.name}")
    _must_be_one_select(select, con, source)
    # usage may be too large to be kept; of the rest, columns are looked at one by one before they are read
    made = "TEMP VIEW" if table.name == "usage_events" else "TEMP TABLE"
    try:
        con.execute(f"CREATE {made} {raw} AS {select}")
        empty = not con.execute(f"SELECT 1 FROM {raw} LIMIT 1").fetchall()
    except duckdb.Error as problem:
        raise _source_error(problem, source, registered) from None
    given = {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE {raw}").fetchall()}
    types = _as_the_contract_writes_them(given, table, project.spec.static)
    _must_have_columns(table, types, source, _read_by(select, registered))
    columns = _columns_of(table, types, project, source)
    _tell_unknown_columns(reading, table, types, columns)
    try:
        readers = {
            name: read_column(reading, _source_column(table, name, kind, types, source))
            for name, kind in columns.items()
            if kind is not ColumnKind.TIME
        }
        times = time_columns(reading, table, types, source)
    except duckdb.Error as problem:
        raise _source_error(problem, source, registered) from None
    reading.counts.hourless[table.name] = [name for name, column in times.items() if not column.has_hours]
    respelled = {ours for theirs, ours in zip(given, types, strict=True) if theirs != ours}
    readers |= {name: _under_our_name(readers[name], name) for name in respelled & readers.keys()}
    select = _typed(project, table, columns, readers, times, types)
    con.execute(f"CREATE TEMP VIEW {identifier(f'_typed_{table.name}')} AS {select}")
    reading.counts.given[table.name] = list(columns)
    if empty:
        _must_not_be_empty(reading, table, source)


def _typed(
    project: Project,
    table: Table,
    columns: Iterable[str],
    readers: Mapping[str, ColumnReader],
    times: Mapping[str, TimeColumn],
    types: Mapping[str, str],
) -> str:
    """The SELECT of ``_typed_<name>``: every column of the contract in its type, beside where the row stood."""
    order = clock_order(table, times, project.spec.timezone)
    readers = {**readers, **{name: _time_reader(table, types[name], times[name], order) for name in times}}
    values = {name: readers[name].value for name in columns}
    renamed = project.spec.renamed_events if table.name == "usage_events" else {}
    if renamed:
        values["event"] = _renamed(values["event"], renamed)
    typed = [f"{value} AS {identifier(name)}" for name, value in values.items()]
    # when a fact was known, where the data do not say; of versions, once it is settled which of them stood
    is_filled = "known_at" in table.column_names and not table.versioned
    filled = ["coalesce(known_at, " + table.dated_by + ") AS known_at"] if is_filled else []
    if table.name == "support_tickets":
        filled.append("CASE WHEN csat IS NOT NULL THEN coalesce(csat_at, resolved_at) ELSE csat_at END AS csat_at")
    replaced = f" REPLACE ({', '.join(filled)})" if filled else ""
    absent = [f"NULL::{SQL_TYPES[c.kind]} AS {identifier(c.name)}" for c in table.columns if c.name not in readers]
    # what is optional and cannot be read is missing: no reason to lose the row
    unread = _unreadable({name: readers[name].unread for name in table.required if not readers[name].always})
    number = "source_row::BIGINT" if "source_row" in types else "row_number() OVER ()"
    shifts = [f"{value} AS {identifier(name)}" for name, value in order.shifts.items()]
    steps = [column.reading.steps for column in times.values()]
    depth = max((len(column) for column in steps), default=0)
    rows = f"(SELECT *, r AS _row FROM {identifier(f'_raw_{table.name}')} AS r)"
    return (
        f"SELECT *{replaced} FROM (SELECT {', '.join([*typed, *absent, *shifts])}, {number} AS source_row, "
        f"{unread} AS unreadable, _row AS source "
        f"FROM ({layered(rows, *steps, ({},) * depth + order.steps)}))"
    )


def _unreadable(unread: Mapping[str, str]) -> str:
    """SQL: the columns that hold something that cannot be read, by name; null where all can be."""
    if not unread:
        return "NULL::VARCHAR"
    named = ", ".join(f"CASE WHEN {condition} THEN '{name}' END" for name, condition in unread.items())
    # nearly all rows can be read: for those no text is put together
    return f"CASE WHEN {' OR '.join(f'({c})' for c in unread.values())} THEN concat_ws(', ', {named}) END"


def _time_reader(table: Table, sql_type: str, column: TimeColumn, order: ClockOrder) -> ColumnReader:
    """How a column of times is read from the layers of its reading."""
    name = column.reading.name
    filled = f"{identifier(name)} IS NOT NULL"
    if sql_type == "VARCHAR":
        filled += f" AND {text_column(name)} <> ''"
    # a row needs what is required: there, a word for nothing is something unreadable
    if name not in table.required:
        filled += f" AND NOT coalesce({column.reading.is_nothing}, false)"
    value = identifier(order.times.get(name, time_of(name)))
    # a pattern is dear: it is asked about what was not read, and of nothing else
    return ColumnReader(value, f"CASE WHEN {value} IS NULL THEN {filled} ELSE false END")


def _source_column(table: Table, name: str, kind: ColumnKind, types: Mapping[str, str], source: Path) -> SourceColumn:
    return SourceColumn(
        table=table.name,
        name=name,
        kind=kind,
        sql_type=types[name],
        raw=identifier(f"_raw_{table.name}"),
        where=str(source),
        required=name in table.required,
        currencies="currency" in types,
        neighbours=tuple(
            other.name
            for other in table.columns
            if other.kind in NUMERIC and other.name != name and types.get(other.name) == "VARCHAR"
        ),
    )


def _as_the_contract_writes_them(given: Mapping[str, str], table: Table, static: Sequence[str]) -> dict[str, str]:
    """The source's columns and types; to the engine ``Plan`` is ``plan``, so it is to us."""
    ours = {name.casefold(): name for name in (*table.column_names, *static, *PLACES)}
    return {ours.get(name.casefold(), name): sql_type for name, sql_type in given.items()}


def _under_our_name(reader: ColumnReader, name: str) -> ColumnReader:
    """The reader of a column that the source writes in capitals.

    A view describes a column that it only passes on as the table below spells it, whatever it is called there.
    """
    return replace(reader, value=f"coalesce({reader.value}, NULL)") if reader.value == identifier(name) else reader


def _tell_unknown_columns(
    reading: Reading, table: Table, types: Mapping[str, str], columns: Mapping[str, ColumnKind]
) -> None:
    """Tells the columns of a SELECT that the contract does not know, each with what it may have been meant for."""
    extra = {name.casefold() for name in reading.project.spec.extra.get(table.name, ())}
    unmapped = [name for name in types if name not in columns and name not in PLACES]
    reading.counts.unmapped[table.name] = unmapped
    absent = [name for name in table.column_names if name not in columns]
    for name in unmapped:
        if name.casefold() in extra:
            continue
        meant = nearest(name, absent)
        detail = f"Did you mean '{meant}'? If" if meant else "If"
        detail = f"{detail} it is meant to be extra, name it under extra: {table.name}: in {PROJECT_FILE}"
        reading.tell(RemarkKind.UNKNOWN_COLUMN, table.name, name, 0, (), detail)


def _must_be_one_select(select: str, con: duckdb.DuckDBPyConnection, source: Path) -> None:
    try:
        statements = con.extract_statements(select)
    except duckdb.Error as problem:
        raise SourceError("This is not valid SQL.", where=str(source), remedy=first_line(problem)) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise SourceError(
            "A source must be one SELECT.",
            where=str(source),
            remedy="Write a single SELECT over the declared inputs.",
        )


def _source_error(problem: duckdb.Error, source: Path, registered: Mapping[str, InputTable]) -> SourceError:
    message = first_line(problem)
    if match := re.search(r"Table with name (.+?) does not exist", message):
        return SourceError(
            f"There is no input named '{match.group(1)}'.",
            where=str(source),
            remedy=f"{did_you_mean(match.group(1), registered)} Inputs are declared in {PROJECT_FILE}.",
        )
    if match := re.search(r'column "(.+?)" not found', message):
        used = _read_by(source.read_text("utf-8-sig"), registered)
        columns = [column for table in used for column in table.columns]
        return SourceError(
            f"The inputs have no column '{match.group(1)}'.",
            where=str(source),
            remedy=did_you_mean(match.group(1), columns) + _delimiter_hint(used),
        )
    if re.search(r"explicit (type )?cast|Could not convert string|Conversion Error", message):
        cause = re.split(r" - an explicit| You might need| In order to select| Candidate functions", message)[0]
        return SourceError(
            f"The source computes with text{_near(problem)}: what comes from a CSV file is text, numbers too.",
            where=str(source),
            remedy=(
                "Say what it is, for instance TRY_CAST(seats AS DOUBLE) > 0 or "
                f"TRY_CAST(day AS DATE) >= DATE '2024-01-01'. ({cause})"
            ),
        )
    return SourceError("The source cannot be run.", where=str(source), remedy=message)


def _near(problem: duckdb.Error) -> str:
    """Where in the SELECT the engine points, if it does."""
    lines = str(problem).splitlines()
    for line, below in pairwise(lines):
        if line.startswith("LINE ") and set(below.strip()) == {"^"}:
            return f" at '{line[below.index('^') : below.rindex('^') + 1]}'"
    return ""


def reads(select: str, name: str) -> bool:
    """Whether a SELECT names an input."""
    return re.search(rf"\b{re.escape(name)}\b", select) is not None


def _read_by(select: str, registered: Mapping[str, InputTable]) -> list[InputTable]:
    return [table for name, table in registered.items() if reads(select, name)]


def _delimiter_hint(used: list[InputTable]) -> str:
    for registered in used:
        only = registered.columns[0] if len(registered.columns) == 1 else ""
        for mark, spoken in ((";", ";"), ("\t", "\\t"), ("|", "|"), (",", ",")):
            if mark in only and mark != registered.delimiter:
                return (
                    f" Input '{registered.name}' has a single column with '{spoken}' in its name: "
                    f"set its delimiter to '{spoken}' in {PROJECT_FILE}."
                )
    return ""


def _must_have_columns(table: Table, types: Mapping[str, str], source: Path, used: list[InputTable]) -> None:
    for name in table.required:
        if name not in types:
            have = [column for column in types if column not in table.column_names] or list(types)
            raise ContractError(
                f"Table {table.name} lacks its required column '{name}' ({table.column(name).means}).",
                where=str(source),
                remedy=f"Select it, for instance as '… AS {name}'. {did_you_mean(name, have)}{_delimiter_hint(used)}",
            )


def _columns_of(table: Table, types: Mapping[str, str], project: Project, source: Path) -> dict[str, ColumnKind]:
    """The columns of the source that are taken: the contract's, and on accounts the declared static ones."""
    columns = {column.name: column.kind for column in table.columns if column.name in types}
    if table.name == "accounts":
        for name in project.spec.static:
            if name not in types:
                raise ContractError(
                    f"The project declares '{name}' static, but table accounts has no such column.",
                    where=f"{project.root / PROJECT_FILE}, static:",
                    remedy=did_you_mean(
                        name, [c for c in types if c not in ("account_id", "created_at", "source_row")]
                    ),
                )
            columns[name] = ColumnKind.CATEGORY
    return columns


def _renamed(value: str, renamed: Mapping[str, str]) -> str:
    """SQL that calls events by the names they had before: ``renamed`` is old name → new name."""
    cases = " ".join(f"WHEN {quoted(new)} THEN {quoted(old)}" for old, new in renamed.items())
    return f"CASE {value} {cases} ELSE {value} END"


def _must_not_be_empty(reading: Reading, table: Table, source: Path) -> None:
    if table.name in ("accounts", "subscriptions"):
        raise ContractError(
            f"Table {table.name} has no rows.",
            where=str(source),
            remedy="Check the input file and the SELECT's WHERE.",
        )
    reading.counts.warned.setdefault(table.name, {})["empty_table"] = 1
