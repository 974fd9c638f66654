"""The user's own files and database tables, registered under their input names.

What stands in a file is data: every CSV field arrives as text, nothing in it is run or followed.
"""

from __future__ import annotations

import codecs
import csv
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.outages import CONNECT_SECONDS, outage
from churnml.adapters.project import PROJECT_FILE, Project, with_environment
from churnml.adapters.warehouse.reading import first_line, only, quoted
from churnml.errors import SourceError, did_you_mean
from churnml.specs.project import Input

if TYPE_CHECKING:
    import duckdb
    import sqlalchemy as sa

READ_AS_LATIN_1 = "read_as_latin_1"
BATCH_ROWS = 50_000
LONGEST_LINE = 10_000_000


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


def register(
    con: duckdb.DuckDBPyConnection,
    project: Project,
    name: str,
    declared: Input,
    scratch: Path,
    only: Sequence[Path] | None = None,
) -> InputTable:
    """Makes input ``name`` readable as a table of ``con`` (a DuckDB connection); raises SourceError.

    ``only`` narrows an input of several files to some of them.
    """
    if declared.database is not None:
        target = scratch / f"input-{name}.parquet"
        _copy_table(project, name, declared, target)
        return _register_parquet(con, name, target)
    paths = project.input_paths(name, declared)
    several = len(paths) > 1 or any(mark in (declared.path or "") for mark in "*?[")
    if not several:
        return _register_file(con, name, paths[0], declared, scratch)
    return _register_several(con, project.root, name, paths if only is None else only, declared, scratch)


def file_name(root: Path, declared: str | None, path: Path) -> str:
    """A file of an input as it is named whichever way the project's folder was: absolute only if declared so."""
    return str(path if Path(declared or "").is_absolute() else path.relative_to(root))


def _register_file(con: duckdb.DuckDBPyConnection, name: str, path: Path, declared: Input, scratch: Path) -> InputTable:
    kind = declared.format or ("parquet" if path.suffix.lower() in (".parquet", ".pq") else "csv")
    if kind == "parquet":
        return _register_parquet(con, name, path)
    return _register_csv(con, name, path, declared, scratch)


def _register_several(
    con: duckdb.DuckDBPyConnection, root: Path, name: str, paths: Sequence[Path], declared: Input, scratch: Path
) -> InputTable:
    """Several files as one input, each row with its ``source_file`` beside its ``source_row`` in that file."""
    parts = [_register_file(con, f"_{name}_{place}", path, declared, scratch) for place, path in enumerate(paths)]
    selects = [
        f'SELECT *, {quoted(file_name(root, declared.path, path))} AS source_file FROM "{part.name}"'
        for part, path in zip(parts, paths, strict=True)
    ]
    con.execute(f'CREATE VIEW "{name}" AS {" UNION ALL BY NAME ".join(selects)}')
    warned = sum((Counter(part.warned) for part in parts), Counter[str]())
    rejects = tuple(reject for part in parts for reject in part.rejects)
    return InputTable(name, _columns(con, name), dict(warned), rejects, parts[0].delimiter if parts else "")


def _register_parquet(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> InputTable:
    try:
        con.execute(
            f'CREATE VIEW "{name}" AS SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS source_row '
            f"FROM read_parquet({quoted(only(path))}, file_row_number = true)"
        )
        columns = _columns(con, name)
    except Exception as problem:
        raise outage(problem, f"Input '{name}'", str(path)) or SourceError(
            f"Input '{name}' cannot be read as Parquet.",
            where=str(path),
            remedy=f"Declare 'format: csv' if it is one. ({first_line(problem)})",
        ) from None
    return InputTable(name, columns, {}, ())


def _register_csv(con: duckdb.DuckDBPyConnection, name: str, path: Path, declared: Input, scratch: Path) -> InputTable:
    if path.stat().st_size == 0:
        raise SourceError(
            f"The file of input '{name}' is empty; it does not even have a header.",
            where=str(path),
            remedy="Export it again with its column names in the first line.",
        )
    encoding, guessed = (declared.encoding, False) if declared.encoding else _encoding(path)
    if encoding == "utf-16":  # the engine reads one of its two byte orders only
        path, encoding = _as_utf_8(path, encoding, scratch / f"input-{name}.csv"), "utf-8"
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
        _columns(con, name),
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


def _as_utf_8(path: Path, encoding: str, target: Path) -> Path:
    with (
        path.open("r", encoding=encoding, errors="replace", newline="") as file,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        shutil.copyfileobj(file, out, 1 << 20)
    return target


def _encoding(path: Path) -> tuple[str, bool]:
    """The file's encoding, and whether it had to be guessed (it is not UTF-8)."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", False
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1", True
    return "utf-8", False


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that occurs most in the header line; a comma when none does."""
    with path.open("r", encoding=encoding, errors="replace", newline="") as file:
        header = file.readline(LONGEST_LINE)
    counted = Counter({mark: header.count(mark) for mark in ",;\t|"})
    mark, count = counted.most_common(1)[0]
    return mark if count else ","


def _copy_table(project: Project, name: str, declared: Input, target: Path) -> None:
    """Copies a table of a database into a Parquet file; raises SourceError, UnavailableError."""
    import sqlalchemy as sa

    where = f"{project.root / PROJECT_FILE}, inputs: {name}"
    url = with_environment(declared.database or "", where)
    schema, bare = _schema_and_table(declared)
    try:
        engine = _database(url)
        known = sa.inspect(engine).get_table_names(schema=schema)
        known += sa.inspect(engine).get_view_names(schema=schema)
    except Exception as problem:
        # the driver's message may repeat the URL with its password: only the class is shown
        raise outage(problem, f"The database of input '{name}'", where) or SourceError(
            f"The database of input '{name}' cannot be opened ({type(problem).__name__}).",
            where=where,
            remedy="Check the URL, the network and the credentials.",
        ) from None
    if bare not in known:
        raise SourceError(
            f"The database has no table '{declared.table}'.", where=where, remedy=did_you_mean(bare, known)
        )
    try:
        _copy_rows(engine, sa.table(bare, schema=schema), target)
    except (sa.exc.SQLAlchemyError, OSError) as problem:
        raise outage(problem, f"Reading the database of input '{name}'", where) or SourceError(
            f"Table '{declared.table}' of input '{name}' cannot be read ({type(problem).__name__}).",
            where=where,
            remedy="Check that whoever the URL names may read it.",
        ) from None
    finally:
        engine.dispose()


def _database(url: str) -> sa.Engine:
    import sqlalchemy as sa

    named = sa.make_url(url)
    by_libpq = named.get_backend_name() == "postgresql" and named.get_driver_name() in ("psycopg", "psycopg2")
    # libpq would wait for ever
    waits = by_libpq and "connect_timeout" not in named.query
    return sa.create_engine(named, connect_args={"connect_timeout": CONNECT_SECONDS} if waits else {})


def _schema_and_table(declared: Input) -> tuple[str | None, str]:
    schema, _, bare = (declared.table or "").rpartition(".")
    return schema or None, bare


def _copy_rows(engine: sa.Engine, table: sa.TableClause, target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import sqlalchemy as sa

    with engine.connect().execution_options(stream_results=True) as connection:
        result = connection.execute(sa.select(sa.text("*")).select_from(table))
        # text, like a CSV: the types are read by the same rules whatever the origin
        text = pa.schema([(name, pa.string()) for name in list(result.keys())])
        with pq.ParquetWriter(target, text) as writer:
            for rows in result.partitions(BATCH_ROWS):
                columns = [[None if v is None else str(v) for v in column] for column in zip(*rows, strict=True)]
                writer.write_table(pa.table(columns, schema=text))


def _columns(con: duckdb.DuckDBPyConnection, name: str) -> tuple[str, ...]:
    described = con.execute(f'DESCRIBE "{name}"').fetchall()
    return tuple(row[0] for row in described if row[0] not in ("source_row", "file_row_number"))
