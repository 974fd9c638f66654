"""Files of JSON as inputs: an object a line, or one array of objects; every value arrives as text.

An object or an array inside arrives as its JSON, so that a SELECT can look into it (``properties->>'$.plan'``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.outages import outage
from churnml.adapters.warehouse.csv_files import LONGEST_LINE, text_of
from churnml.adapters.warehouse.csv_layout import numbered
from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.reading import first_line, identifier, only, quoted
from churnml.errors import SourceError
from churnml.specs.inputs import Input

if TYPE_CHECKING:
    import duckdb

NO_OBJECT = "NO JSON OBJECT"


def register_json(con: duckdb.DuckDBPyConnection, name: str, path: Path, declared: Input, scratch: Path) -> InputTable:
    """A file of JSON as the table ``name``, and its lines that are no objects; raises SourceError."""
    text = text_of(name, path, declared, scratch / f"input-{name}")
    lines = identifier(f"_lines_{name}")
    try:
        con.execute(f"CREATE TEMP TABLE {lines} AS {_array(text.path) if _is_array(text.path) else _lines(text.path)}")
        # keys in the order they first come in
        keys = [
            str(row[0])
            for row in con.execute(
                f"SELECT key FROM (SELECT unnest(json_keys(line)) AS key, source_row, "
                f"generate_subscripts(json_keys(line), 1) AS place FROM {lines} WHERE is_object) "
                "GROUP BY key ORDER BY min(ROW(source_row, place))"
            ).fetchall()
        ]
        columns = numbered(keys)
        values = ", ".join(
            f"json_extract_string(line, {quoted(_pointer(key))}) AS {identifier(column)}"
            for key, column in zip(keys, columns, strict=True)
        )
        con.execute(
            f"CREATE TEMP TABLE {identifier(name)} AS "
            f"SELECT {values + ', ' if values else ''}source_row FROM {lines} WHERE is_object"
        )
        rejects = con.execute(f"SELECT source_row, line FROM {lines} WHERE NOT is_object ORDER BY 1").fetchall()
        con.execute(f"DROP TABLE {lines}")
    except Exception as problem:
        raise outage(problem, f"Reading input '{name}'", str(path)) or SourceError(
            f"Input '{name}' cannot be read as JSON.",
            where=str(path),
            remedy=f"It must be an object a line, or one array of objects. ({first_line(problem)})",
        ) from None
    if not columns:
        raise SourceError(
            f"Input '{name}' holds no JSON object.",
            where=str(path),
            remedy="It must be an object a line, or one array of objects; declare 'format: csv' if it is one.",
        )
    return InputTable(name, columns, text.noted, tuple((int(row), str(line), NO_OBJECT) for row, line in rejects))


def _is_array(path: Path) -> bool:
    with path.open("r", encoding="utf-8-sig", errors="replace") as file:
        return file.read(4096).lstrip().startswith("[")


def _lines(path: Path) -> str:
    """SQL of the lines with text in them; no JSON has the character that would part their fields."""
    options = (
        "auto_detect = false, hive_partitioning = false, columns = {'line': 'VARCHAR'}, header = false, "
        "delim = '\x01', quote = '', escape = '', comment = '', encoding = 'utf-8', "
        f"max_line_size = {LONGEST_LINE}"
    )
    return (
        "SELECT line, CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END AS is_object, "
        "source_row FROM (SELECT line, row_number() OVER () AS source_row "
        f"FROM read_csv({quoted(only(path))}, {options})) WHERE trim(line) <> ''"
    )


def _array(path: Path) -> str:
    options = f"format = 'array', hive_partitioning = false, maximum_object_size = {LONGEST_LINE}"
    return (
        "SELECT json::VARCHAR AS line, json_type(json) = 'OBJECT' AS is_object, row_number() OVER () AS source_row "
        f"FROM read_json_objects({quoted(only(path))}, {options})"
    )


def _pointer(key: str) -> str:
    """A key as a JSON pointer (RFC 6901), which any key can be written as."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
