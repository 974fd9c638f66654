"""The engines snapshots are computed on: DuckDB, Spark and PostgreSQL. The only file that knows the latter two.

An engine takes the Parquet files of a checked store and hands them out as Ibis relations. What is asked of
them is said once, in ``snapshots``, ``stretches`` and ``labels``; sessions are set up so that all three give
the same answer: times have no zone, arithmetic that cannot be done is an error, text is compared by its bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from churnml.adapters.outages import CONNECT_SECONDS, outage
from churnml.adapters.warehouse.reading import identifier, only
from churnml.errors import ChurnmlError, ProjectError, UnavailableError, UnknownNameError
from churnml.tables import Relation

if TYPE_CHECKING:
    import ibis.expr.operations as ops
    import ibis.expr.types as ir
    import psycopg
    import pyarrow as pa
    from ibis.backends.sql import SQLBackend
    from pyspark.sql import SparkSession

    Ask = Callable[[str, pa.Schema], pa.Table]

ENGINES = ("duckdb", "spark", "postgres")


@dataclass(frozen=True)
class Engine:
    """An engine that is open.

    Args:
        name: one of ENGINES.
        backend: its Ibis backend.
        relation: from a relation's name and its Parquet files, of one schema, to an Ibis table.
        close: lets go of it; its relations cannot be used after that.
    """

    name: str
    backend: SQLBackend
    relation: Callable[[str, Sequence[Path]], Relation]
    close: Callable[[], None]


def open_engine(name: str, url: str | None, *, project: str, store: str, where: str = "") -> Engine:
    """Opens an engine.

    Args:
        name: one of ENGINES.
        url: spark – ``sc://host:port`` (Spark Connect), a master such as ``spark://host:port`` or ``local[4]``,
            or None for this machine; postgres – ``postgresql://…``; duckdb – None. May hold a password: never shown.
        project: the project's name; an engine that keeps tables keeps only this project's newest ones.
        store: names the content of the files, and so of the tables made from them.
        where: where the user declared it, for messages.

    Raises:
        ProjectError: it cannot be opened; says what to install or to correct.
    """
    if name == "duckdb":
        return _duckdb()
    if name == "spark":
        return _spark(url, where)
    if name == "postgres":
        return _postgres(url, project, store, where)
    raise UnknownNameError("engine", name, ENGINES, where=where)


def _answer_through_arrow(backend: SQLBackend, ask: Ask) -> None:
    """Makes a backend hand out its results as DuckDB's does: the same types, and no object a cell on the way.

    Args:
        backend: the Ibis backend.
        ask: from SQL and the Arrow schema expected to an Arrow table.
    """
    from ibis.formats.pandas import PandasData

    def execute(
        expr: ir.Expr, /, *, params: Mapping[ir.Scalar, object] | None = None, limit: int | None = None, **_: object
    ) -> object:
        backend._run_pre_execute_hooks(expr)
        table = expr.as_table()
        schema = table.schema()
        answer = ask(backend.compile(table, params=params, limit=limit), schema.to_pyarrow())
        columns = (column.to_pylist() if column.null_count else column.to_pandas() for column in answer.columns)
        frame = pd.DataFrame(dict(zip(schema.names, columns, strict=True)))
        return expr.__pandas_result__(PandasData.convert_table(frame, schema))

    backend.execute = execute


def _missing(package: str, engine: str, extra: str, where: str) -> ProjectError:
    return ProjectError(
        f"The engine {engine} needs the package {package}, which is not installed.",
        where=where,
        remedy=f"Install it: pip install 'churnml[{extra}]'",
    )


# ---------------------------------------------------------------- DuckDB


def _duckdb() -> Engine:
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    backend.raw_sql("SET enable_progress_bar = false")

    def relation(name: str, files: Sequence[Path]) -> Relation:
        return backend.read_parquet([only(path) for path in files], table_name=name)

    return Engine("duckdb", backend, relation, backend.disconnect)


# ---------------------------------------------------------------- Spark

# What makes Spark's answers those of the others; set on every session, wherever it runs.
SPARK_ANSWERS = {
    "spark.sql.session.timeZone": "UTC",
    # a time without a zone stays one
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # what cannot be computed is an error, not a wrong number
    "spark.sql.ansi.enabled": "true",
}
OLDEST_JAVA = 17
# On this and newer ones Spark 4.0 does not start; later Sparks do.
TOO_NEW_FOR_SPARK_4_0 = 24
SPARK_MEMORY = "3g"
CONNECT_PORT = 15002


def _spark(url: str | None, where: str) -> Engine:
    try:
        from ibis.backends.pyspark import PySparkSchema
        from pyspark.errors import AnalysisException
    except ImportError:
        raise _missing("pyspark", "spark", "spark", where) from None
    remote = (url or "").startswith("sc://")
    session = _remote_session(url or "", where) if remote else _local_session(url, where)
    for key, value in SPARK_ANSWERS.items():
        session.conf.set(key, value)
    backend = ibis.pyspark.connect(session)
    views: list[str] = []

    def register(op: ops.InMemoryTable) -> None:
        # Ibis goes through pandas, where a whole number that is missing becomes a float
        data = op.data.to_pyarrow(op.schema)
        frame = session.createDataFrame(data, schema=PySparkSchema.from_ibis(op.schema))
        frame.createOrReplaceTempView(op.name)
        views.append(op.name)

    def relation(name: str, files: Sequence[Path]) -> Relation:
        try:
            frame = session.read.parquet(*(_spark_path(path) for path in files))
            frame.createOrReplaceTempView(name)
        except AnalysisException as problem:
            if "PATH_NOT_FOUND" not in str(problem):
                raise
            raise ProjectError(
                f"Spark does not see the folder {files[0].parent}.",
                where=where,
                remedy="Put the project's work folder (stores: work) on storage that this machine and Spark share.",
            ) from None
        views.append(name)
        return backend.table(name)

    def close() -> None:
        for view in views:
            session.catalog.dropTempView(view)
        if remote:  # a local session is one of several in a Spark that ends with this process
            session.stop()

    backend._register_in_memory_table = register
    _answer_through_arrow(backend, lambda sql, _: session.sql(sql).toArrow())
    return Engine("spark", backend, relation, close)


def _spark_path(path: Path) -> str:
    # Spark reads a path as a pattern
    return re.sub(r"([\\\[\]{}*?])", r"\\\1", str(path.resolve())) if os.name != "nt" else str(path.resolve())


def _remote_session(url: str, where: str) -> SparkSession:
    import socket
    from urllib.parse import urlsplit

    from pyspark.sql import SparkSession

    try:
        server = urlsplit(url)
        # the client would try for ten minutes
        socket.create_connection((server.hostname or "", server.port or CONNECT_PORT), timeout=20).close()
        session = SparkSession.builder.remote(url).create()
        session.range(1).count()
    except ImportError:
        raise _missing("grpcio", "spark", "spark", where) from None
    except Exception as problem:
        # the message may repeat the URL with its token: only the class is shown
        raise outage(problem, "The Spark server", where) or ProjectError(
            f"The Spark server cannot be reached ({type(problem).__name__}).",
            where=where,
            remedy="Check the URL (sc://host:port), the network and the token.",
        ) from None
    return session


def _local_session(master: str | None, where: str) -> SparkSession:
    """A session of its own in the Spark of this process, which is started if there is none."""
    import logging

    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    # what fails is raised; Spark would tell it once more, as JSON
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    if SparkContext._active_spark_context is None:
        conf = SparkConf().setAppName("churnml").setMaster(master or "local[*]")
        if master is None or master.startswith("local"):
            _must_have_java(where)
            cores = str(max(2, os.cpu_count() or 2))
            conf.setAll(
                [
                    ("spark.driver.host", "127.0.0.1"),
                    ("spark.driver.bindAddress", "127.0.0.1"),
                    ("spark.driver.memory", SPARK_MEMORY),
                    ("spark.ui.enabled", "false"),
                    # of one machine: the usual 200 would be 200 small tasks a join
                    ("spark.sql.shuffle.partitions", cores),
                    ("spark.default.parallelism", cores),
                ]
            )
        conf.set("spark.ui.showConsoleProgress", "false").set("spark.log.level", "ERROR")
        with tempfile.TemporaryFile() as log:
            try:
                # Java writes its log there; the file is gone when Java is
                gateway = None if SparkContext._gateway else launch_gateway(conf, {"stdout": log, "stderr": log})
                SparkContext(conf=conf, gateway=gateway)
            except Exception as problem:
                log.seek(0)
                lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if "rror" in line]
                raise ProjectError(
                    f"Spark does not start ({type(problem).__name__}).",
                    where=where,
                    remedy=" ".join(["It needs Java 17 or 21, and room for its memory.", *lines[:1]])[:400],
                ) from None
    return SparkSession.builder.getOrCreate().newSession()


def _must_have_java(where: str) -> None:
    import subprocess

    import pyspark

    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    remedy = "Install Java 17 or 21 (on Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to one."
    if java is None:
        why = "JAVA_HOME names a folder without bin/java" if home else "there is none on this machine"
        raise ProjectError(f"The engine spark needs Java, and {why}.", where=where, remedy=remedy)
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    version = re.search(r'version "(\d+)', answer)
    number = int(version.group(1)) if version else OLDEST_JAVA
    too_new = number >= TOO_NEW_FOR_SPARK_4_0 and pyspark.__version__.startswith("4.0.")
    if number < OLDEST_JAVA or too_new:
        shown = "8 or older" if number == 1 else str(number)  # before Java 9, versions began with "1."
        raise ProjectError(f"The engine spark does not run on Java {shown}.", where=where, remedy=remedy)


# ---------------------------------------------------------------- PostgreSQL

# Schemas of earlier data that are kept beside the present one, for whoever still reads them.
SCHEMAS_KEPT = 2
# Raised whenever tables are made differently from the same files.
TABLE_FORMAT = 1
BATCH_ROWS = 100_000


def _postgres(url: str | None, project: str, store: str, where: str) -> Engine:
    try:
        import psycopg
        from ibis.backends.postgres import Backend
    except ImportError:
        raise _missing("psycopg", "postgres", "postgres", where) from None
    con = _postgres_connection(url, where)
    try:
        _set_up(con, where)
        schema = _schema(con, project, store)
        con.execute(f"SET search_path = {identifier(schema)}")
    except (psycopg.Error, ProjectError) as problem:
        con.close()
        raise (problem if isinstance(problem, ChurnmlError) else _refused(problem, where)) from None
    backend = Backend.from_connection(con)

    def register(op: ops.InMemoryTable) -> None:
        # Ibis inserts row by row
        data = op.data.to_pyarrow(op.schema)
        with con.transaction():
            con.execute(f"CREATE TEMP TABLE {identifier(op.name)} ({_columns(data.schema, op.name, where)})")
            _copy(con, identifier(op.name), data.schema, data.to_batches(max_chunksize=BATCH_ROWS), where)
            con.execute(f"ANALYZE {identifier(op.name)}")

    def relation(name: str, files: Sequence[Path]) -> Relation:
        try:
            _load(con, schema, name, files, where)
        except psycopg.Error as problem:
            raise _refused(problem, where) from None
        return backend.table(name, database=schema)

    backend._register_in_memory_table = register
    _answer_through_arrow(backend, lambda sql, expected: _answer(con, sql, expected))
    return Engine("postgres", backend, relation, con.close)


def _postgres_connection(url: str | None, where: str) -> psycopg.Connection:
    import psycopg

    url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url or "")
    if not url.startswith("postgresql://"):
        raise ProjectError(
            "The engine postgres needs the URL of a database.",
            where=where,
            remedy="Write postgresql://user:${PASSWORD}@host:5432/database, with the password in the environment.",
        )
    try:
        waits = {} if "connect_timeout" in url else {"connect_timeout": CONNECT_SECONDS}
        return psycopg.connect(url, autocommit=True, **waits)
    except Exception as problem:
        # the driver's message may repeat the URL with its password: only the class is shown
        raise outage(problem, "The database of the engine", where) or ProjectError(
            f"The database of the engine cannot be opened ({type(problem).__name__}).",
            where=where,
            remedy="Check the URL, the network and the credentials.",
        ) from None


def _set_up(con: psycopg.Connection, where: str) -> None:
    encoding = con.execute("SHOW server_encoding").fetchall()[0][0]
    if encoding != "UTF8":
        raise ProjectError(
            f"The database of the engine is encoded in {encoding}, which cannot hold every name.",
            where=where,
            remedy="Give it a database made with ENCODING 'UTF8'.",
        )
    # compiling takes longer than running, for queries of a hundred measures
    con.execute("SET jit = off")
    # at the default of 4 MB every grouping goes to disk
    con.execute("SET work_mem = '128MB'")
    con.execute("SET client_min_messages = warning")
    con.execute("SET datestyle = 'ISO, YMD'")


def _answer(con: psycopg.Connection, sql: str, expected: pa.Schema) -> pa.Table:
    """What a query gives, by way of CSV, as the types ``expected``."""
    from pyarrow import csv

    rows = io.BytesIO()
    with con.cursor().copy(f"COPY ({sql}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')") as copy:
        for block in copy:
            rows.write(block)
    if rows.tell() == 0:
        return expected.empty_table()
    rows.seek(0)
    return csv.read_csv(
        rows,
        csv.ReadOptions(column_names=expected.names),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=expected,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _refused(problem: Exception, where: str) -> ChurnmlError:
    message = getattr(getattr(problem, "diag", None), "message_primary", None) or type(problem).__name__
    remedy = "The user needs the right to create schemas and temporary tables in it, and room for the tables."
    told = outage(problem, "The database of the engine", where)
    if isinstance(told, UnavailableError):
        return told
    return ProjectError(f"The database of the engine refuses ({message}).", where=where, remedy=remedy)


def _schema(con: psycopg.Connection, project: str, store: str) -> str:
    """The schema of this store, made if need be; the project's older ones are dropped."""
    # a name may have 63 bytes
    prefix = f"churnml_{re.sub(r'[^a-z0-9]+', '_', project.lower())[:24]}_{_digest(project)[:8]}_"
    present = prefix + re.sub(r"[^a-z0-9]+", "_", store.lower())[:20]
    with con.transaction():
        con.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [prefix])
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(present)}")
        now = con.execute("SELECT extract(epoch FROM clock_timestamp())::bigint").fetchall()[0][0]
        con.execute(f"COMMENT ON SCHEMA {identifier(present)} IS '{int(now)}'")
        others = con.execute(
            "SELECT nspname, coalesce(obj_description(oid, 'pg_namespace'), '0') FROM pg_namespace "
            "WHERE starts_with(nspname, %s) AND nspname <> %s",
            [prefix, present],
        ).fetchall()
        used = {name: int(comment) if comment.isdigit() else 0 for name, comment in others}
        for name in sorted(used, key=lambda name: used[name], reverse=True)[SCHEMAS_KEPT - 1 :]:
            if used[name] < now - 86_400:  # somebody may still read what was used a day ago
                con.execute(f"DROP SCHEMA {identifier(name)} CASCADE")
    return present


def _load(con: psycopg.Connection, schema: str, name: str, files: Sequence[Path], where: str) -> None:
    """Makes the table of a relation out of its files, whole or not at all, or finds that already done."""
    import pyarrow.parquet as pq

    sizes = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    signature = _digest(json.dumps([TABLE_FORMAT, sizes]))
    place = f"{identifier(schema)}.{identifier(name)}"
    with con.transaction():
        # of two runs that begin together, the second finds the tables of the first
        con.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [place])
        if con.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [place]).fetchall()[0][0] == signature:
            return
        con.execute(f"DROP TABLE IF EXISTS {place}")
        form = pq.read_schema(files[0])
        con.execute(f"CREATE TABLE {place} ({_columns(form, name, where)})")
        for path in files:
            with pq.ParquetFile(path) as file:
                _copy(con, place, form, file.iter_batches(BATCH_ROWS), where)
        con.execute(f"ANALYZE {place}")
        con.execute(f"COMMENT ON TABLE {place} IS '{signature}'")


def _columns(schema: pa.Schema, table: str, where: str) -> str:
    """The columns of a table, as CREATE TABLE wants them."""
    import pyarrow as pa

    types = {
        pa.int8(): "smallint",
        pa.int16(): "smallint",
        pa.int32(): "integer",
        pa.int64(): "bigint",
        pa.float32(): "real",
        pa.float64(): "double precision",
        # compared by its bytes, as on the other engines, not by a dictionary's rules
        pa.string(): 'text COLLATE "C"',
        pa.large_string(): 'text COLLATE "C"',
        pa.bool_(): "boolean",
        pa.date32(): "date",
        pa.timestamp("us"): "timestamp(6) without time zone",
    }
    for field in schema:
        if field.type not in types:
            raise TypeError(f"column {field.name} of {table} is {field.type}, which no table here may hold ({where})")
    return ", ".join(f"{identifier(field.name)} {types[field.type]}" for field in schema)


def _copy(
    con: psycopg.Connection, place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], where: str
) -> None:
    """Fills a table, as CSV: Arrow quotes every text, so that an empty one and a missing one stay apart."""
    from pyarrow import csv

    options = csv.WriteOptions(include_header=False)
    with con.cursor().copy(f"COPY {place} FROM STDIN (FORMAT csv, ENCODING 'UTF8')") as copy:
        for batch in batches:
            _must_have_no_nul(batch, place, where)
            rows = io.BytesIO()
            csv.write_csv(batch.cast(schema), rows, options)
            copy.write(rows.getbuffer())


def _must_have_no_nul(batch: pa.RecordBatch, table: str, where: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if text and pc.any(pc.match_substring(column, "\0")).as_py():
            raise ProjectError(
                f"Column '{name}' of {table} has texts with the character NUL, which PostgreSQL cannot keep.",
                where=where,
                remedy=f"Remove it in the source: replace({name}, chr(0), '').",
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
