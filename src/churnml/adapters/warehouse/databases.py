"""Tables of databases as inputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.outages import CONNECT_SECONDS, outage
from churnml.adapters.project import PROJECT_FILE, Project, with_environment
from churnml.errors import SourceError, did_you_mean
from churnml.specs.inputs import Input

if TYPE_CHECKING:
    import sqlalchemy as sa

BATCH_ROWS = 50_000


def copy_table(project: Project, name: str, declared: Input, target: Path) -> None:
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
