"""How the store is spoken to: SQLite and PostgreSQL made to keep the same promises.

A reader sees one moment, whatever it asks. A writer's transaction is whole or not there. What a driver says of a
failure may repeat the URL with its password, or a customer's data: only its class is told.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import sqlalchemy as sa

from churnml.errors import ProjectError

Connection = sa.Connection
# The drivers are named, so that the same URL means the same whichever SQLAlchemy is installed.
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
WHERE = "project.yaml, stores: operational"
# How long one writer of a SQLite file waits for another; a hundred thousand accounts are written in less.
PATIENCE_SECONDS = 120


class Connections:
    """The ways into one store."""

    def __init__(self, url: str) -> None:
        try:
            self._engine = _engine(url)
        except Exception as problem:
            raise cannot_be_opened(problem) from None
        reads: dict[str, Any] = {}
        writes: dict[str, Any] = {"churnml_writes": True}
        if self._engine.dialect.name == "postgresql":
            # whatever the server's default is: a writer waits for the row it holds, and sees it as it then is
            reads, writes = {"isolation_level": "REPEATABLE READ"}, {"isolation_level": "READ COMMITTED"}
        self._reader = self._engine.execution_options(**reads)
        self._writer = self._engine.execution_options(**writes)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment of the store."""
        with _named_by_class(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, undone by any exception.

        On SQLite nobody else writes meanwhile; on PostgreSQL, what must not happen twice locks its own rows.
        """
        with _named_by_class(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def cannot_be_opened(problem: Exception) -> ProjectError:
    """What the user is told when a store does not open."""
    if isinstance(problem, ImportError):
        return ProjectError(
            "The operational store's driver is not installed.",
            where=WHERE,
            remedy="For PostgreSQL: pip install 'churnml[postgres]'.",
        )
    return ProjectError(
        f"The operational store cannot be opened ({type(problem).__name__}).",
        where=WHERE,
        remedy="Check that the URL, the server and the credentials are right and the folder is writable.",
    )


@contextmanager
def _named_by_class() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as problem:
        raise ProjectError(
            f"The operational store does not answer ({type(problem).__name__}).",
            where=WHERE,
            remedy="Check that the URL, the server and the credentials are right, the folder is writable and the disk "
            "not full, and run it again: what was not written whole was not written.",
        ) from None


def _engine(url: str) -> sa.Engine:
    named = sa.make_url(url)
    named = named.set(drivername=DRIVERS.get(named.drivername, named.drivername))
    if named.get_backend_name() not in ("sqlite", "postgresql"):
        raise ProjectError(
            f"The operational store cannot be a {named.get_backend_name()} database.",
            where=WHERE,
            remedy="Use sqlite:///… or postgresql://….",
        )
    on_sqlite = named.get_backend_name() == "sqlite"
    patience = {"connect_args": {"timeout": PATIENCE_SECONDS}} if on_sqlite else {}
    engine = sa.create_engine(
        named, hide_parameters=True, json_serializer=to_json, pool_pre_ping=not on_sqlite, **patience
    )
    if on_sqlite:
        sa.event.listen(engine, "connect", _sqlite_settings)
        sa.event.listen(engine, "begin", _sqlite_begins)
    return engine


def _sqlite_settings(connection: Any, _record: Any) -> None:
    # transactions begin where we say, also before DDL
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={PATIENCE_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys=ON")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Sets the mode of the file; its first change takes a lock that SQLite does not wait for, so we do."""
    for left in range(PATIENCE_SECONDS * 20, -1, -1):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if left == 0:
                raise
            time.sleep(0.05)


def _sqlite_begins(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("churnml_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def utc(moment: dt.datetime) -> dt.datetime:
    """A moment as the tables keep it: UTC, without a zone; one without a zone is UTC."""
    return moment if moment.tzinfo is None else moment.astimezone(dt.UTC).replace(tzinfo=None)


def to_json(value: Any) -> str:
    """JSON that both engines take: what is not a number is null, a date is its ISO text."""
    try:
        return ENCODER.encode(value)
    except ValueError:
        return ENCODER.encode(_finite(value))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    # numpy's numbers and arrays
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return _finite(_plain(value))


# made once: a large book has a million values
ENCODER = json.JSONEncoder(default=_plain, allow_nan=False)
