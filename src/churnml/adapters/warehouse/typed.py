"""What text becomes: a source with its columns read as the contract's types, and what is wrong with a source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import duckdb

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.warehouse.inputs import InputTable
from churnml.adapters.warehouse.reading import Reading, first_line, identifier, quoted
from churnml.errors import ContractError, SourceError, did_you_mean
from churnml.tables import ColumnKind, Table

# Larger numbers than this cannot be kept to six decimals, and are no quantity of anything.
LARGEST = 9_000_000_000_000
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
NUMERIC_SQL = ("TINY", "SMALL", "INT", "BIG", "HUGE", "U", "DOUBLE", "FLOAT")


def make_typed_view(reading: Reading, table: Table, source: Path, registered: Mapping[str, InputTable]) -> None:
    """A source with its columns read into types, as the view ``_typed_<name>``: rows are read when judged.

    Raises:
        SourceError, ContractError: the source is no SELECT over the inputs, or lacks what the table must have.
    """
    con, project = reading.con, reading.project
    select = source.read_text("utf-8-sig").strip().rstrip(";")
    # names that begin with an underscore are ours: an input's name cannot
    raw, view = identifier(f"_raw_{table.name}"), identifier(f"_typed_{table.name}")
    _must_be_one_select(select, con, source)
    try:
        con.execute(f"CREATE TEMP VIEW {raw} AS {select}")
    except duckdb.Error as problem:
        raise _source_error(problem, source, registered) from None
    types = {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE {raw}").fetchall()}
    _must_have_columns(table, types, source, _read_by(select, registered))
    columns = _columns_of(table, types, project, source)
    values = {name: _typed(name, kind, types[name], project) for name, kind in columns.items()}
    renamed = project.spec.renamed_events if table.name == "usage_events" else {}
    if renamed:
        values["event"] = _renamed(values["event"], renamed)
    typed = [f"{value} AS {identifier(name)}" for name, value in values.items()]
    # when a fact was known, where the data do not say
    filled = ["coalesce(known_at, " + table.dated_by + ") AS known_at"] if "known_at" in table.column_names else []
    if table.name == "support_tickets":
        filled.append("CASE WHEN csat IS NOT NULL THEN coalesce(csat_at, resolved_at) ELSE csat_at END AS csat_at")
    replaced = f" REPLACE ({', '.join(filled)})" if filled else ""
    absent = [f"NULL::{SQL_TYPES[c.kind]} AS {identifier(c.name)}" for c in table.columns if c.name not in columns]
    unreadable = ", ".join(
        f"CASE WHEN {_is_given(name, types[name])} AND {value} IS NULL THEN '{name}' END"
        for name, value in values.items()
    )
    number = "source_row::BIGINT" if "source_row" in types else "row_number() OVER ()"
    con.execute(
        f"CREATE TEMP VIEW {view} AS SELECT *{replaced} FROM ("
        f"SELECT {', '.join(typed + absent)}, {number} AS source_row, "
        f"nullif(concat_ws(', ', {unreadable}), '') AS unreadable, to_json(r)::VARCHAR AS source FROM {raw} AS r)"
    )
    reading.counts.given[table.name] = list(columns)
    try:
        empty = not con.execute(f"SELECT 1 FROM {raw} LIMIT 1").fetchall()
    except duckdb.Error as problem:
        raise _source_error(problem, source, registered) from None
    if empty:
        _must_not_be_empty(reading, table, source)


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
    return SourceError("The source cannot be run.", where=str(source), remedy=message)


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
    for name, kind in columns.items():
        if kind is ColumnKind.TIME and types[name].startswith(NUMERIC_SQL):
            raise ContractError(
                f"Column '{name}' of table {table.name} must be a time, but it holds numbers ({types[name]}).",
                where=str(source),
                remedy=f"Convert it in the SELECT, for instance make_timestamp_ms({name}) AS {name}.",
            )
    return columns


def _is_given(name: str, sql_type: str) -> str:
    column = identifier(name)
    return f"{column} IS NOT NULL AND trim({column}) <> ''" if sql_type == "VARCHAR" else f"{column} IS NOT NULL"


def _typed(name: str, kind: ColumnKind, sql_type: str, project: Project) -> str:
    """SQL that reads a column of the source as ``kind``; null where it cannot be read."""
    column = identifier(name)
    if kind is ColumnKind.TIME:
        return _time(column, sql_type, project)
    if kind in (ColumnKind.MONEY, ColumnKind.NUMBER):
        number = f"TRY_CAST({column} AS DOUBLE)"
        return f"CASE WHEN abs({number}) < {LARGEST} THEN {number} END"
    if kind is ColumnKind.COUNT:
        number = f"TRY_CAST({column} AS DOUBLE)"
        return f"CASE WHEN {number} = floor({number}) AND abs({number}) < {LARGEST} THEN {number}::BIGINT END"
    if kind is ColumnKind.FLAG:
        text = f"lower(trim({column}::VARCHAR))"
        spoken = f"CASE {text} WHEN 'yes' THEN true WHEN 'y' THEN true WHEN 'no' THEN false WHEN 'n' THEN false"
        return f"{spoken} ELSE TRY_CAST({text} AS BOOLEAN) END"
    # names are compared to the letter, but blanks around them are an export's, not a name's
    return (
        f"nullif(trim({column}::VARCHAR), '')" if kind in (ColumnKind.ID, ColumnKind.CATEGORY) else f"{column}::VARCHAR"
    )


def _renamed(value: str, renamed: Mapping[str, str]) -> str:
    """SQL that calls events by the names they had before: ``renamed`` is old name → new name."""
    cases = " ".join(f"WHEN {quoted(new)} THEN {quoted(old)}" for old, new in renamed.items())
    return f"CASE {value} {cases} ELSE {value} END"


def _time(column: str, sql_type: str, project: Project) -> str:
    zone = quoted(project.spec.timezone)
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({zone}, {column})"
    if sql_type != "VARCHAR":
        return f"TRY_CAST({column} AS TIMESTAMP)"
    formats = ", ".join(quoted(f) for f in project.spec.time_formats)
    own = f"TRY_STRPTIME(trim({column}), [{formats}])::TIMESTAMP, " if formats else ""
    # a time with an offset is an instant; one without is the project's wall clock
    has_offset = f"regexp_matches(trim({column}), '\\d\\d:\\d\\d.*([zZ]|[+-]\\d\\d(:?\\d\\d)?)$')"
    iso = f"TRY_CAST(trim({column}) AS TIMESTAMP)"
    instant = f"timezone({zone}, TRY_CAST(trim({column}) AS TIMESTAMPTZ))"
    return f"coalesce({own}CASE WHEN {has_offset} THEN {instant} ELSE {iso} END)"


def _must_not_be_empty(reading: Reading, table: Table, source: Path) -> None:
    if table.name in ("accounts", "subscriptions"):
        raise ContractError(
            f"Table {table.name} has no rows.",
            where=str(source),
            remedy="Check the input file and the SELECT's WHERE.",
        )
    reading.counts.warned.setdefault(table.name, {})["empty_table"] = 1
