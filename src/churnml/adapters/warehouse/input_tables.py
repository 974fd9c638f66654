"""What an input becomes: a table the engine can read by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.outages import outage
from churnml.adapters.warehouse.reading import first_line, only, quoted
from churnml.errors import SourceError

if TYPE_CHECKING:
    import duckdb

# What an input is told about, where it had to be guessed or something was left out: reason → what was counted.
# ``docs/contract.md`` is generated from these.
MEANINGS: Mapping[str, str] = {
    "read_as_windows_1252": "lines that are not UTF-8, read as Windows-1252; of a file declared as Latin-1, the "
    "characters that it has none for",
    "read_as_shift_jis": "lines that are not UTF-8 and fit Shift-JIS (code page 932), read so",
    "read_as_utf_16": "a file without a mark whose every second byte is zero, read as UTF-16",
    "mixed_encodings": "lines in UTF-8 among lines in Windows-1252; each was read in its own",
    "declared_encoding_doubtful": "a file that reads as UTF-8 too, while another encoding is declared, and was used",
    "sep_line": "a first line `sep=…`, taken for what it says",
    "lines_above_header": "lines above the names of the columns (titles, blanks), left out",
    "total_rows": "lines of totals below the rows (their first value is Total, Summe, 合計 …; others are empty), "
    "left out",
    "empty_columns": "columns of a CSV file without a name and without a value, left out",
    "files_not_read": "files of a folder whose names are of no kind that is read",
}


@dataclass(frozen=True)
class InputTable:
    """An input the engine can now read by name.

    Args:
        name: its name in the sources.
        columns: its columns.
        warned: reason → count of what was noticed while reading.
        rejects: the lines of a CSV that are no rows: (row below the header, text, why).
        delimiter: a CSV's delimiter; empty otherwise.
    """

    name: str
    columns: tuple[str, ...]
    warned: dict[str, int]
    rejects: tuple[tuple[int, str, str], ...]
    delimiter: str = ""


def register_parquet(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> InputTable:
    """A Parquet file as the view ``name``; raises SourceError."""
    try:
        con.execute(
            f'CREATE VIEW "{name}" AS SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS source_row '
            f"FROM read_parquet({quoted(only(path))}, file_row_number = true, hive_partitioning = false)"
        )
        columns = columns_of(con, name)
    except Exception as problem:
        raise outage(problem, f"Input '{name}'", str(path)) or SourceError(
            f"Input '{name}' cannot be read as Parquet.",
            where=str(path),
            remedy=f"Declare 'format: csv' if it is one. ({first_line(problem)})",
        ) from None
    return InputTable(name, columns, {}, ())


def columns_of(con: duckdb.DuckDBPyConnection, name: str) -> tuple[str, ...]:
    """The columns of a table of an input, but for the place of a row."""
    described = con.execute(f'DESCRIBE "{name}"').fetchall()
    return tuple(row[0] for row in described if row[0] not in ("source_row", "file_row_number"))
