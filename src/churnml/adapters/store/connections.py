"""How the store is spoken to: SQLite and PostgreSQL made to keep the same promises.

A reader sees one moment, whatever it asks. A writer's transaction is whole or not there. What a driver says of a
failure may repeat the URL with its password, or a customer's data: only its class is told.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from churnml.adapters.outages import CONNECT_SECONDS, outage
from churnml.adapters.project import database_of
from churnml.adapters.store.sqlite_file import PATIENCE_SECONDS, SqliteFile
from churnml.errors import ChurnmlError, ProjectError

Connection = sa.Connection
# The drivers are named, so that the same URL means the same whichever SQLAlchemy is installed.
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
WHERE = "project.yaml, stores: operational"
STORE = "The operational store"


class Connections:
    """The ways into one store.

    Args:
        url: SQLAlchemy's.
        patience_seconds: how long a writer of a SQLite file waits for another.

    Attributes:
        read_only: nothing can be written by whoever runs this.
    """

    def __init__(self, url: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        try:
            self._engine, file = _engine(url, patience_seconds)
        except ChurnmlError:
            raise
        except Exception as problem:
            raise cannot_be_opened(problem) from None
        self.read_only = file is not None and file.read_only
        self._undisturbed = file.undisturbed if file else nullcontext
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
        with _named_by_class(), self._undisturbed(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, undone by any exception.

        On SQLite nobody else writes meanwhile; on PostgreSQL, what must not happen twice locks its own rows.
        """
        with _named_by_class(), self._writer.begin() as connection:
            yield connection

    def compact(self, tables: Sequence[str]) -> bool:
        """Lets the database's files go of what was deleted; False where somebody who reads keeps them from it.

        SQLite's file and its log are written anew. PostgreSQL may write over the room, and overwrites its log in time.
        """
        with _named_by_class():
            raw = self._engine.raw_connection()
            try:
                if self._engine.dialect.name == "postgresql":
                    raw.driver_connection.autocommit = True  # type: ignore[union-attr]
                cursor = raw.cursor()
                if self._engine.dialect.name == "postgresql":
                    cursor.execute(f"VACUUM {', '.join(tables)}")
                    return True
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                (busy, _, _) = cursor.fetchone() or (1, 0, 0)
                return not busy
            finally:
                # its settings are no longer those of a pooled one
                raw.invalidate()

    def close(self) -> None:
        self._engine.dispose()


def cannot_be_opened(problem: Exception) -> ChurnmlError:
    """What the user is told when a store does not open."""
    if isinstance(problem, ImportError):
        return ProjectError(
            "The operational store's driver is not installed.",
            where=WHERE,
            remedy="For PostgreSQL: pip install 'churnml[postgres]'.",
        )
    if isinstance(problem, sa.exc.ArgumentError):
        return ProjectError(
            "The operational store cannot be opened: what is declared is no address of a database.",
            where=WHERE,
            remedy="Use sqlite:///… or postgresql://…, or leave it out for a file in the project's own folder.",
        )
    if _is_damage(problem):
        return _damaged(problem)
    return outage(problem, STORE, WHERE) or ProjectError(
        f"The operational store cannot be opened ({type(problem).__name__}).",
        where=WHERE,
        remedy="Check that the URL, the server and the credentials are right and the folder is writable.",
    )


def _is_damage(problem: BaseException) -> bool:
    """Whether SQLite says that its file is not what it wrote, or JSON in it is none."""
    code = getattr(getattr(problem, "orig", None) or problem, "sqlite_errorcode", 0)
    return isinstance(problem, json.JSONDecodeError) or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _damaged(problem: BaseException) -> ChurnmlError:
    return ProjectError(
        f"The operational store cannot be opened or read: its file is damaged ({type(problem).__name__}).",
        where=f"{WHERE} (.churnml/churnml.db unless declared)",
        remedy="Restore it from a backup, and move the files ending in -wal and -shm beside it away. It holds what "
        "people did and decided, which nothing can make anew. Without a backup, move it away and score again: churnml "
        "score, and churnml backfill for past dates.",
    )


@contextmanager
def _named_by_class() -> Iterator[None]:
    try:
        yield
    except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.DatabaseError, json.JSONDecodeError) as problem:
        told = _damaged(problem) if _is_damage(problem) else outage(problem, STORE, WHERE)
        if told is None and isinstance(problem, sa.exc.OperationalError | sa.exc.InterfaceError):
            told = cannot_be_opened(problem)
        if told is None:
            raise
        raise told from None


def _engine(url: str, patience_seconds: float) -> tuple[sa.Engine, SqliteFile | None]:
    named = sa.make_url(url)
    named = named.set(drivername=DRIVERS.get(named.drivername, named.drivername))
    if named.get_backend_name() not in ("sqlite", "postgresql"):
        raise ProjectError(
            f"The operational store cannot be a {named.get_backend_name()} database.",
            where=WHERE,
            remedy="Use sqlite:///… or postgresql://….",
        )
    plain: dict[str, Any] = {"hide_parameters": True, "json_serializer": to_json}
    if named.get_backend_name() == "postgresql":
        return sa.create_engine(named, pool_pre_ping=True, connect_args=of_server(named), **plain), None
    file = SqliteFile(database_of(url) or Path(named.database or ""), patience_seconds)
    # a file read without locks is read anew each time
    engine = sa.create_engine(named, poolclass=sa.NullPool if file.read_only else None, **plain)
    file.prepare(engine)
    return engine, file


def of_server(url: sa.URL) -> dict[str, int]:
    """How long to wait for a PostgreSQL that is not there, or is there no more, where the URL does not say."""
    waits = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    return {name: seconds for name, seconds in waits.items() if name not in url.query}


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
