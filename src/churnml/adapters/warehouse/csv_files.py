"""CSV files as inputs: every field arrives as text, nothing in it is run or followed."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.outages import outage
from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse.encodings import as_utf_8, encoding_of
from churnml.adapters.warehouse.input_tables import InputTable, columns_of
from churnml.adapters.warehouse.reading import first_line, only, quoted
from churnml.errors import SourceError
from churnml.specs.project import Input

if TYPE_CHECKING:
    import duckdb

READ_AS_LATIN_1 = "read_as_latin_1"
LONGEST_LINE = 10_000_000


def register_csv(con: duckdb.DuckDBPyConnection, name: str, path: Path, declared: Input, scratch: Path) -> InputTable:
    """A CSV file as the table ``name``, and its lines that are no rows; raises SourceError."""
    if path.stat().st_size == 0:
        raise SourceError(
            f"The file of input '{name}' is empty; it does not even have a header.",
            where=str(path),
            remedy="Export it again with its column names in the first line.",
        )
    encoding, guessed = (declared.encoding, False) if declared.encoding else encoding_of(path)
    if encoding == "utf-16":  # the engine reads one of its two byte orders only
        path, encoding = as_utf_8(path, encoding, scratch / f"input-{name}.csv"), "utf-8"
    delimiter = declared.delimiter or _delimiter(path, encoding)
    columns = _header(path, encoding, delimiter)
    # every column is text, as the header names it: nothing is guessed, so one bad line spoils one line
    types = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in columns)
    options = (
        f"auto_detect = false, columns = {{{types}}}, header = true, delim = {quoted(delimiter)}, quote = '\"', "
        f"escape = '\"', comment = '', encoding = {quoted(encoding)}, max_line_size = {LONGEST_LINE}, nullstr = '', "
        f"store_rejects = true, "
        f"rejects_table = {quoted('_rejects_' + name)}, rejects_scan = {quoted('_scans_' + name)}"
    )
    try:
        # a table, not a view: rejected lines are known only once the file is read
        con.execute(
            f'CREATE TEMP TABLE "{name}" AS SELECT *, row_number() OVER () AS source_row '
            f"FROM read_csv({quoted(only(path))}, {options})"
        )
    except Exception as problem:
        raise outage(problem, f"Reading input '{name}'", str(path)) or SourceError(
            f"Input '{name}' cannot be read as CSV.",
            where=str(path),
            remedy=f"Declare its delimiter or encoding in {PROJECT_FILE}. ({first_line(problem)})",
        ) from None
    rejected = con.execute(
        f'SELECT DISTINCT line, csv_line, error_type::VARCHAR FROM "_rejects_{name}" ORDER BY 1'
    ).fetchall()
    rejects = {int(line) - 1: (str(text), str(why)) for line, text, why in rejected}  # the header is line 1
    _count_rejected_rows_too(con, name, sorted(rejects))
    return InputTable(
        name,
        columns_of(con, name),
        {READ_AS_LATIN_1: 1} if guessed else {},
        tuple((row, text, why) for row, (text, why) in sorted(rejects.items())),
        delimiter,
    )


def _count_rejected_rows_too(con: duckdb.DuckDBPyConnection, name: str, rejected: list[int]) -> None:
    """Makes ``source_row`` the row's place in the file, rejected rows counted."""
    if rejected:
        passed = ", ".join(f"({row - i})" for i, row in enumerate(rejected))
        con.execute(
            f'UPDATE "{name}" SET source_row = source_row + '
            f"(SELECT count(*) FROM (VALUES {passed}) AS before(place) WHERE place <= source_row)"
        )


def _header(path: Path, encoding: str, delimiter: str) -> list[str]:
    """The column names of the first line; empty and repeated ones get a number behind them."""
    with path.open(
        "r", encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace", newline=""
    ) as file:
        names = next(csv.reader(file, delimiter=delimiter), [])
    header: list[str] = []
    for place, name in enumerate(names):
        plain = name.strip() or f"column{place}"
        taken = plain.casefold() in {other.casefold() for other in header}
        header.append(f"{plain}_{place}" if taken else plain)
    return header


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that occurs most in the header line; a comma when none does."""
    with path.open("r", encoding=encoding, errors="replace", newline="") as file:
        header = file.readline(LONGEST_LINE)
    counted = Counter({mark: header.count(mark) for mark in ",;\t|"})
    mark, count = counted.most_common(1)[0]
    return mark if count else ","
