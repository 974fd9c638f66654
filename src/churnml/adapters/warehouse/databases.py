"""Tables of databases as inputs: read whole, in one transaction, a column at a time.

Every value arrives as text, like a field of a CSV: the types are read by the same rules whatever the origin. PostgreSQL
writes that text itself (COPY); what any other driver gives is turned into text by column, not by cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churnml.adapters.environment import PROJECT_FILE, with_environment
from churnml.adapters.outages import CONNECT_SECONDS, outage
from churnml.adapters.project import Project
from churnml.errors import ChurnmlError, SourceError, did_you_mean
from churnml.specs.inputs import Input

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

BATCH_ROWS = 100_000
# Of the drivers there are for a database, the one that comes with our extras.
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
# In COPY's text: a value that is written so is quoted, an absent one is not.
NULL = "\\N"


@dataclass(frozen=True)
class OpenTable:
    """A table of a database in one transaction, which sees one moment of it.

    Args:
        connection: where it is.
        table: its name.
    """

    connection: sa.Connection
    table: sa.TableClause

    def one(self, *expressions: sa.ColumnElement[Any], where: sa.ColumnElement[bool] | None = None) -> sa.Row[Any]:
        """A row of aggregates over the table; of any type, as the database has them."""
        import sqlalchemy as sa

        statement = sa.select(*expressions).select_from(self.table)
        return self.connection.execute(statement if where is None else statement.where(where)).one()

    def copy(self, target: Path, where: sa.ColumnElement[bool] | None = None) -> None:
        """Writes the rows as a Parquet file of text."""
        import sqlalchemy as sa

        statement = sa.select(sa.text("*")).select_from(self.table)
        if where is not None:
            statement = statement.where(where)
        if self.connection.dialect.name == "postgresql" and self.connection.dialect.driver == "psycopg":
            self._copy_by_postgresql(statement, target)
        else:
            self._copy_by_column(statement, target)

    def columns(self) -> list[str]:
        """The names of its columns."""
        import sqlalchemy as sa

        statement = sa.select(sa.text("*")).select_from(self.table).where(sa.false())
        return list(self.connection.execute(statement).keys())

    def _copy_by_column(self, statement: sa.Select[Any], target: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        in_process = self.connection.dialect.name == "sqlite"
        result: Any = self.connection.execution_options(stream_results=not in_process).execute(statement)
        names = list(result.keys())
        # SQLite's own rows, a batch at a time: what SQLAlchemy makes of each costs as much as all the rest. Where a
        # server streams, SQLAlchemy has taken the first rows itself
        fetched = result.cursor.fetchmany if in_process else result.fetchmany
        text = pa.schema([(name, pa.string()) for name in names])
        with pq.ParquetWriter(target, text) as writer:
            while rows := fetched(BATCH_ROWS):
                columns = [_as_text(column) for column in zip(*rows, strict=True)]
                writer.write_table(pa.table(columns, schema=text))

    def _copy_by_postgresql(self, statement: sa.Select[Any], target: Path) -> None:
        """Through a file of CSV, which PostgreSQL writes and Arrow reads, both without a loop in Python."""
        names = self.columns()
        compiled = statement.compile(self.connection)
        written = target.with_suffix(".copy")
        raw: Any = self.connection.connection.driver_connection
        params = compiled.params or None
        # without parameters, the driver leaves a doubled sign doubled
        query = str(compiled) if params else str(compiled).replace("%%", "%")
        copying = f"COPY ({query}) TO STDOUT (FORMAT csv, NULL '{NULL}', ENCODING 'UTF8')"
        try:
            with (
                raw.cursor() as cursor,
                written.open("wb") as out,
                cursor.copy(copying, params) as copy,
            ):
                out.writelines(copy)
            _csv_to_parquet(written, names, target)
        finally:
            written.unlink(missing_ok=True)


def _csv_to_parquet(written: Path, names: Sequence[str], target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    text = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(target, text) as writer:
        if not written.stat().st_size:
            return
        reader = csv.open_csv(
            written,
            csv.ReadOptions(column_names=list(names), block_size=16 << 20),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[NULL],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            writer.write_batch(batch)


def _as_text(values: Sequence[Any]) -> pa.Array:
    """A column's values as text: by its type where it has one, cell by cell where it has several or a strange one."""
    import pyarrow as pa

    try:
        column = pa.array(values)
        if pa.types.is_string(column.type):
            return column
        # times, flags and bytes are written as Python writes them
        if any(is_of(column.type) for is_of in (pa.types.is_integer, pa.types.is_floating, pa.types.is_null)):
            return column.cast(pa.string())
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        pass
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def copy_table(project: Project, name: str, declared: Input, target: Path) -> None:
    """Copies a table of a database into a Parquet file; raises SourceError, UnavailableError."""
    with open_table(project, name, declared) as table:
        table.copy(target)


@contextmanager
def open_table(project: Project, name: str, declared: Input) -> Iterator[OpenTable]:
    """The table of an input that lies in a database; whatever goes wrong inside is told without a secret.

    Raises:
        SourceError, UnavailableError, ProjectError: the database, or the table, cannot be read.
    """
    import sqlalchemy as sa

    where = f"{project.root / PROJECT_FILE}, inputs: {name}"
    schema, _, bare = with_environment(declared.table or "", where).rpartition(".")
    engine = _opened(project, name, declared, where)
    try:
        known = _tables(engine, name, schema or None, where)
        if bare not in known:
            raise SourceError(
                f"The database has no table '{declared.table}'.", where=where, remedy=did_you_mean(bare, known)
            )
        with _one_moment(engine) as connection:
            yield OpenTable(connection, sa.table(bare, schema=schema or None))
    except ChurnmlError:
        raise
    except Exception as problem:
        # the driver's message may repeat the URL with its password, or a customer's data: only the class is shown
        raise outage(problem, f"Reading the database of input '{name}'", where) or SourceError(
            f"Table '{declared.table}' of input '{name}' cannot be read ({type(problem).__name__}).",
            where=where,
            remedy="Check that whoever the URL names may read it.",
        ) from None
    finally:
        engine.dispose()


@contextmanager
def _one_moment(engine: sa.Engine) -> Iterator[sa.Connection]:
    if engine.dialect.name in ("postgresql", "mysql", "mariadb"):
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # what its text looks like is not left to the server's settings
            for setting in ("datestyle TO ISO", "timezone TO 'UTC'", "extra_float_digits TO 1", "bytea_output TO hex"):
                connection.exec_driver_sql(f"SET LOCAL {setting}")
        elif engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # its driver would begin with the first change only
        yield connection


def _tables(engine: sa.Engine, name: str, schema: str | None, where: str) -> list[str]:
    import sqlalchemy as sa

    try:
        inspector = sa.inspect(engine)
        return [
            *inspector.get_table_names(schema=schema),
            *inspector.get_view_names(schema=schema),
            *(inspector.get_materialized_view_names(schema=schema) if engine.dialect.name == "postgresql" else ()),
        ]
    except Exception as problem:
        raise _cannot_be_opened(problem, name, where) from None


def _opened(project: Project, name: str, declared: Input, where: str) -> sa.Engine:
    import sqlalchemy as sa

    address = with_environment(declared.database or "", where)
    try:
        url = sa.make_url(address)
    except Exception:
        raise SourceError(
            f"The database of input '{name}' is not declared as a URL.",
            where=where,
            remedy="Write it as kind://user:${PASSWORD}@host/database, a file of SQLite as sqlite:///file.db.",
        ) from None
    if url.drivername in DRIVERS and find_spec("psycopg"):
        url = url.set(drivername=DRIVERS[url.drivername])
    if url.get_backend_name() == "sqlite":
        url = _read_only(project.root, name, url, where)
    by_libpq = url.drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2")
    # libpq would wait for ever
    waits = by_libpq and "connect_timeout" not in url.query
    try:
        return sa.create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS} if waits else {})
    except Exception as problem:
        raise _cannot_be_opened(problem, name, where) from None


def _read_only(root: Path, name: str, url: sa.URL, where: str) -> sa.URL:
    """The URL of a SQLite file as one that is only read: SQLite makes an empty file of one that is not there."""
    from urllib.parse import quote, unquote

    plain = re.sub(r"^file:(//)?", "", url.database or "") if url.query.get("uri") else url.database or ""
    path = root / (unquote(plain.partition("?")[0]) if url.query.get("uri") else plain)
    if not plain or not path.is_file():
        raise SourceError(
            f"The database file of input '{name}' is not there.",
            where=f"{where}: {path}",
            remedy="Correct the path (sqlite:///… is relative to the project folder, sqlite:////… absolute).",
        )
    return url.set(database=f"file:{quote(str(path.resolve()))}", query={"mode": "ro", "uri": "true"})


def _cannot_be_opened(problem: Exception, name: str, where: str) -> ChurnmlError:
    """What the user is told; the driver's words may repeat the URL with its password, so only the class is shown."""
    if isinstance(problem, ImportError):
        remedy = "Install it; for PostgreSQL: pip install 'churnml[postgres]'."
        return SourceError(f"The driver of input '{name}'s database is not installed.", where=where, remedy=remedy)
    kind = type(problem).__name__
    if kind == "NoSuchModuleError":
        return SourceError(
            f"The database of input '{name}' is of a kind that is not known here.",
            where=where,
            remedy="Its URL begins with postgresql://, mysql+pymysql://, sqlite:/// …; other kinds need the package "
            "with their dialect of SQLAlchemy.",
        )
    return outage(problem, f"The database of input '{name}'", where) or SourceError(
        f"The database of input '{name}' cannot be opened ({kind}).",
        where=where,
        remedy="Check the URL, the network and the credentials.",
    )
