"""CSV files as inputs: every field arrives as text, nothing in it is run or followed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.outages import outage
from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse.compressed import decompressed
from churnml.adapters.warehouse.csv_layout import CsvLayout, csv_layout
from churnml.adapters.warehouse.encodings import TextFile, as_utf_8
from churnml.adapters.warehouse.input_tables import InputTable, columns_of
from churnml.adapters.warehouse.reading import first_line, identifier, only, quoted
from churnml.errors import SourceError
from churnml.specs.inputs import Input

if TYPE_CHECKING:
    import duckdb

NOTHING_IN_IT = "empty_columns"
LONGEST_LINE = 10_000_000
BLOCK = 1 << 20


def register_csv(con: duckdb.DuckDBPyConnection, name: str, path: Path, declared: Input, scratch: Path) -> InputTable:
    """A CSV file as the table ``name``, and its lines that are no rows; raises SourceError."""
    text = text_of(name, path, declared, scratch / f"input-{name}")
    layout = csv_layout(text.path, declared.delimiter, declared.skip_lines)
    if not layout.columns:
        raise SourceError(
            f"The file of input '{name}' has no header.",
            where=str(path),
            remedy="Export it again with its column names in the first line.",
        )
    rows = text.path
    if layout.starts_at or layout.ends_at is not None:
        rows = _rows_alone(text.path, layout, scratch / f"input-{name}.rows")
    # every column is text, as the header names it: nothing is guessed, so one bad line spoils one line
    types = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in layout.columns)
    options = (
        f"auto_detect = false, hive_partitioning = false, columns = {{{types}}}, header = true, "
        f"delim = {quoted(layout.delimiter)}, quote = '\"', escape = '\"', comment = '', encoding = 'utf-8', "
        f"max_line_size = {LONGEST_LINE}, nullstr = '', store_rejects = true, "
        f"rejects_table = {quoted('_rejects_' + name)}, rejects_scan = {quoted('_scans_' + name)}"
    )
    try:
        # a table, not a view: rejected lines are known only once the file is read
        con.execute(
            f'CREATE TEMP TABLE "{name}" AS SELECT *, row_number() OVER () AS source_row '
            f"FROM read_csv({quoted(only(rows))}, {options})"
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
    # the header is line 1
    rejects = {int(line) - 1: (str(line_text).strip("\r\n"), str(why)) for line, line_text, why in rejected}
    _count_rejected_rows_too(con, name, sorted(rejects))
    empty = _drop_columns_of_nothing(con, name, layout.unnamed)
    return InputTable(
        name,
        columns_of(con, name),
        text.noted | layout.noted | ({NOTHING_IN_IT: empty} if empty else {}),
        tuple((row, line_text, why) for row, (line_text, why) in sorted(rejects.items())),
        layout.delimiter,
    )


def _drop_columns_of_nothing(con: duckdb.DuckDBPyConnection, name: str, unnamed: Sequence[str]) -> int:
    """Leaves out the columns with neither a name nor a value, as a delimiter at each line's end makes one; how many."""
    if not unnamed:
        return 0
    counts = con.execute(f'SELECT {", ".join(f"count({identifier(c)})" for c in unnamed)} FROM "{name}"').fetchall()[0]
    empty = [column for column, count in zip(unnamed, counts, strict=True) if not count]
    for column in empty:
        con.execute(f'ALTER TABLE "{name}" DROP COLUMN {identifier(column)}')
    return len(empty)


def text_of(name: str, path: Path, declared: Input, target: Path) -> TextFile:
    """A file of text, decompressed, as UTF-8 with line ends that the engine knows; raises SourceError.

    ``target`` is where copies are written, with a suffix of their own.
    """
    if path.stat().st_size == 0:
        raise _empty(name, path)
    plain = decompressed(name, path, target.with_name(target.name + ".plain"))
    text = as_utf_8(name, plain, declared.encoding, target.with_name(target.name + ".utf8"), path)
    if text.path.stat().st_size == 0:
        raise _empty(name, path)
    if plain not in (path, text.path):
        plain.unlink()
    if _ends_lines_alike(text.path):
        return text
    ended = target.with_name(target.name + ".lines")
    _end_lines_alike(text.path, ended)
    return TextFile(ended, text.noted)


def _empty(name: str, path: Path) -> SourceError:
    return SourceError(
        f"The file of input '{name}' is empty; it does not even have a header.",
        where=str(path),
        remedy="Export it again with its column names in the first line.",
    )


def _ends_lines_alike(path: Path) -> bool:
    """Whether all lines end in one of the two usual ways: of a mixture, the engine loses rows without a word."""
    returns = feeds = both = 0
    with path.open("rb") as file:
        last = b""
        while block := file.read(BLOCK):
            returns += block.count(b"\r")
            feeds += block.count(b"\n")
            both += block.count(b"\r\n") + (last == b"\r" and block.startswith(b"\n"))
            last = block[-1:]
    return returns == 0 or returns == feeds == both


def _end_lines_alike(path: Path, target: Path) -> None:
    with path.open("rb") as file, target.open("wb") as out:
        last = b""
        while block := file.read(BLOCK):
            if last == b"\r" and block.startswith(b"\n"):
                block = block[1:]
            last = block[-1:] or last
            out.write(block.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))


def _rows_alone(path: Path, layout: CsvLayout, target: Path) -> Path:
    """A copy of the file from its header to its last row."""
    left = (path.stat().st_size if layout.ends_at is None else layout.ends_at) - layout.starts_at
    with path.open("rb") as file, target.open("wb") as out:
        file.seek(layout.starts_at)
        while left > 0 and (block := file.read(min(left, BLOCK))):
            left -= len(block)
            out.write(block)
    return target


def _count_rejected_rows_too(con: duckdb.DuckDBPyConnection, name: str, rejected: list[int]) -> None:
    """Makes ``source_row`` the row's place in the file, rejected rows counted."""
    if rejected:
        passed = ", ".join(f"({row - i})" for i, row in enumerate(rejected))
        con.execute(
            f'UPDATE "{name}" SET source_row = source_row + '
            f"(SELECT count(*) FROM (VALUES {passed}) AS before(place) WHERE place <= source_row)"
        )
