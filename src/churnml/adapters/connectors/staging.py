"""One table of a system as SQL sees it: its columns under our names, read as what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from churnml.adapters.connectors.declared import (
    AIRBYTE_RECORD,
    LOADED_AT,
    ConnectorColumn,
    ConnectorTable,
    Origin,
    Shape,
)
from churnml.adapters.warehouse.reading import identifier, quoted

SQL_TYPES = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
    "time": "TIMESTAMPTZ",
    "date": "DATE",
    "json": "JSON",
    "sfid": "VARCHAR",
}
LOADED = ConnectorColumn("loaded_at", "time", {shape: tuple(Origin(name) for name in LOADED_AT) for shape in Shape})
# A time of day, and an offset behind it.
OFFSET = r"\d:\d\d.*([zZ]|[+-]\d\d(:?\d\d)?)$"
WRITTEN = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
# Tried on all values of a column; a day and a month that could change places are not guessed.
FORMATS = (
    "%d-%b-%Y %H:%M",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y",
    "%b %d, %Y %I:%M %p",
    "%b %d, %Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%m/%d/%Y, %I:%M %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y, %H:%M",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
)


@dataclass(frozen=True)
class FilledColumn:
    """A column of a system's table and where the company's own file has it.

    Args:
        declared: the column.
        origin: where its value stands; None where the file does not have it.
        written: how a time is written: ``utc`` (ISO, without a zone), ``offset`` (ISO, with one), ``mixed``, ``local``
            (to the minute or the day), ``seconds``, ``milliseconds``, a format; empty where nobody has looked yet.
    """

    declared: ConnectorColumn
    origin: Origin | None
    written: str = ""


@dataclass(frozen=True)
class FilledTable:
    """A system's table as the company has it.

    Args:
        declared: the table.
        input: the name of the input it is read from; empty where the company does not have it.
        shape: who wrote it.
        types: column → type, as the engine sees the file.
        columns: what is read from it.
        account_key: SQL that gives the account's id, over this table's own columns.
    """

    declared: ConnectorTable
    input: str
    shape: Shape
    types: Mapping[str, str]
    columns: tuple[FilledColumn, ...]
    account_key: str = ""

    @property
    def is_there(self) -> bool:
        return bool(self.input)

    def origin_of(self, name: str) -> Origin | None:
        return next((c.origin for c in self.columns if c.declared.name == name), None)


def raw_value(origin: Origin, types: Mapping[str, str]) -> str:
    """SQL for a value as it stands in the file; a record that Airbyte did not flatten is looked into."""
    by_fold = {name.casefold(): name for name in types}
    column = by_fold.get(origin.column.casefold())
    if column is None and AIRBYTE_RECORD in types:
        path = f'$."{origin.column}"' + origin.path.removeprefix("$")
        return f"json_extract_string({identifier(AIRBYTE_RECORD)}, {quoted(path)})"
    named = identifier(column or origin.column)
    if not origin.path:
        return named
    kept_as_text = types.get(column or "", "VARCHAR") in ("VARCHAR", "JSON")
    return f"json_extract_string({named if kept_as_text else f'to_json({named})'}, {quoted(origin.path)})"


def has_origin(origin: Origin, types: Mapping[str, str]) -> bool:
    return origin.column.casefold() in {name.casefold() for name in types}


def sql_type_of(origin: Origin, types: Mapping[str, str]) -> str:
    if origin.path or not has_origin(origin, types):
        return "VARCHAR"
    return next(kind for name, kind in types.items() if name.casefold() == origin.column.casefold())


def value(column: FilledColumn, types: Mapping[str, str]) -> str:
    """SQL that reads a column as what it is; an error of the engine where a value cannot be read so."""
    if column.origin is None:
        return f"CAST(NULL AS {SQL_TYPES[column.declared.read_as]})"
    raw, kind = raw_value(column.origin, types), sql_type_of(column.origin, types)
    match column.declared.read_as:
        case "text":
            return raw if kind == "VARCHAR" else f"CAST({raw} AS VARCHAR)"
        case "sfid":
            # an id of 18 letters is the one of 15 with a checksum behind it
            return f"left(trim({raw if kind == 'VARCHAR' else f'CAST({raw} AS VARCHAR)'}), 15)"
        case "number":
            return f"CAST(nullif(replace(CAST({raw} AS VARCHAR), ',', ''), '') AS DOUBLE)"
        case "flag":
            return f"lower(CAST({raw} AS VARCHAR)) IN ('true', 't', '1', 'yes')"
        case "json":
            return f"CAST({raw} AS JSON)" if kind in ("VARCHAR", "JSON") else f"to_json({raw})"
        case "date":
            return _date(raw, kind, column.written)
        case "time":
            return _time(raw, kind, column.written)


def _time(raw: str, kind: str, written: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return raw
    if kind.startswith(("TIMESTAMP", "DATE")):
        # what a connector lands without a zone is UTC
        return f"timezone('UTC', CAST({raw} AS TIMESTAMP))"
    text = f"nullif(CAST({raw} AS VARCHAR), '')"
    match written:
        case "utc":
            return f"CAST({text} || ' UTC' AS TIMESTAMPTZ)"
        case "seconds":
            return f"to_timestamp(CAST({text} AS DOUBLE))"
        case "milliseconds":
            return f"to_timestamp(CAST({text} AS DOUBLE) / 1000)"
        case "local":
            return f"timezone('UTC', strptime({text}, [{', '.join(quoted(one) for one in WRITTEN)}]))"
        case "" | "mixed":
            return (
                f"CASE WHEN regexp_matches({text}, {quoted(OFFSET)}) THEN CAST({text} AS TIMESTAMPTZ) "
                f"ELSE timezone('UTC', CAST({text} AS TIMESTAMP)) END"
            )
        case "offset":
            return f"CAST({text} AS TIMESTAMPTZ)"
    return f"timezone('UTC', strptime({text}, {quoted(written)}))"


def _date(raw: str, kind: str, written: str) -> str:
    """A day without an hour, which no zone moves to its neighbour."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(timezone('UTC', {raw}) AS DATE)"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"CAST({raw} AS DATE)"
    text = f"nullif(CAST({raw} AS VARCHAR), '')"
    if written in ("seconds", "milliseconds"):
        return f"CAST(timezone('UTC', {_time(raw, kind, written)}) AS DATE)"
    if "%" in written:
        return f"CAST(strptime({text}, {quoted(written)}) AS DATE)"
    return f"CAST({text} AS DATE)"


def stage(table: FilledTable, newest: bool) -> str:
    """A CTE with the table's columns under our names; without rows where the company does not have it."""
    name, table_spec = table.declared.name, table.declared.spec
    if not table.is_there:
        empty = [f"CAST(NULL AS {SQL_TYPES[c.read_as]}) AS {c.name}" for c in table.declared.columns]
        return (
            f"-- {name} ({table_spec.means}): you do not have this table{_loses(table_spec.without)}\n"
            f"{name} AS (\n    SELECT\n        {_lines([*empty, *_ours(table, NULL_TIME)])}\n    WHERE false\n)"
        )
    values = [_aliased(column, table.types) for column in table.columns]
    order = "loaded_at DESC NULLS LAST, source_row DESC"
    kept = f"\n    QUALIFY row_number() OVER (PARTITION BY {table_spec.key} ORDER BY {order}) = 1" if newest else ""
    loaded = next((Origin(n) for n in LOADED_AT if n in table.types), None)
    at = value(FilledColumn(LOADED, loaded), table.types) if loaded else NULL_TIME
    return (
        f"-- {name}: {table_spec.means}\n"
        f"{name} AS (\n    SELECT\n        {_lines([*values, *_ours(table, at)])}\n"
        f"    FROM {identifier(table.input)}{kept}\n)"
    )


# How many of its smallest unit make one of a currency.
MINOR_UNITS = """CASE
            WHEN {currency} IN ('BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'UGX', 'VND',
                'VUV', 'XAF', 'XOF', 'XPF') THEN 1
            WHEN {currency} IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 1000
            ELSE 100 END"""
NULL_TIME = "CAST(NULL AS TIMESTAMPTZ)"


def _ours(table: FilledTable, loaded_at: str) -> list[str]:
    own = ["source_row" if table.is_there else "CAST(NULL AS BIGINT) AS source_row", f"{loaded_at} AS loaded_at"]
    if table.declared.spec.account_keys:
        own.append(f"{table.account_key or 'CAST(NULL AS VARCHAR)'} AS account_key")
    return own


def _aliased(column: FilledColumn, types: Mapping[str, str]) -> str:
    note = ""
    if column.origin is None:
        asked = [str(o) for o in column.declared.origins_for(Shape.FIVETRAN)]
        note = f"  -- not in your table{': ' + ', '.join(asked[:2]) if asked else ''}"
    return f"{value(column, types)} AS {column.declared.name}{note}"


def _lines(values: list[str]) -> str:
    """Values of a SELECT, a line each, their comments behind the comma."""
    lines = []
    for place, one in enumerate(values):
        text, mark, note = one.partition("  -- ")
        comma = "," if place < len(values) - 1 else ""
        lines.append(f"{text}{comma}{mark}{note}")
    return "\n        ".join(lines)


def _loses(without: str) -> str:
    return f"; it costs {without}" if without else ""


def filled_in(template: str, stages: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """A template with its stages and notes put in; raises KeyError for one that is not there."""
    text = re.sub(r"\{\{minor_units ([^{}]+)\}\}", lambda m: MINOR_UNITS.format(currency=m.group(1)), template)
    text = re.sub(r"\{\{stage ([a-z_]+(?: newest)?)\}\}", lambda m: stages[m.group(1)], text)
    return re.sub(r"\{\{([a-z_]+)\}\}", lambda m: notes[m.group(1)], text)
