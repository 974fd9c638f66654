"""Whether a sender still lives: what a dead one had in hand is free at once, without waiting for its lease.

A living sender holds a lock that ends with it, however it ends: on PostgreSQL an advisory lock of a session of its own,
on SQLite the lock of a small file beside the store, which only processes of the same machine can share anyway. Where
neither can be had (a store in memory, Windows), the lease alone counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import IO

import sqlalchemy as sa

try:
    import fcntl
except ImportError:  # not there on Windows
    fcntl = None  # type: ignore[assignment]

# of PostgreSQL's two numbers of an advisory lock, the one that says it is a sender's
SENDERS = 4_870_216


class Session:
    """A sender's lock on PostgreSQL.

    Args:
        engine: where; one of its connections is kept.
    """

    def __init__(self, engine: sa.Engine) -> None:
        number = secrets.randbelow(2**31)
        self.name = str(number)
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.execute(sa.select(sa.func.pg_advisory_lock(SENDERS, number)))

    def close(self) -> None:
        # given back to the pool, its session would live on, and the lock with it
        self._connection.invalidate()
        self._connection.close()


class LockedFile:
    """A sender's lock beside a SQLite file.

    Args:
        store: the file.
    """

    def __init__(self, store: Path) -> None:
        for left in store.parent.glob(f"{store.name}-sender-*"):
            _is_held(left)
        self._file: IO[bytes] | None = None
        while self._file is None:
            self.name = secrets.token_hex(8)
            self._file = _held(path_of(store, self.name))
        self._path = path_of(store, self.name)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        if self._file is not None:
            self._file.close()


def path_of(store: Path, sender: str) -> Path:
    """The file that a sender of a store holds locked."""
    return store.with_name(f"{store.name}-sender-{sender}")


def presence_of(engine: sa.Engine) -> Session | LockedFile | None:
    """The lock of a new sender; None where there can be none."""
    if engine.dialect.name == "postgresql":
        return Session(engine)
    store = _file_of(engine)
    return None if store is None else LockedFile(store)


def dead_of(connection: sa.Connection, senders: Collection[str]) -> set[str]:
    """Those of ``senders`` that live no more."""
    if not senders:
        return set()
    if connection.dialect.name == "postgresql":
        query = sa.text(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = :kind AND objsubid = 2 AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return set(senders) - {str(number) for number in connection.scalars(query, {"kind": SENDERS})}
    store = _file_of(connection.engine)
    return set() if store is None else {name for name in senders if not _is_held(path_of(store, name))}


def _file_of(engine: sa.Engine) -> Path | None:
    """The file of a SQLite store; None where there is none, or none can be locked."""
    said = engine.url.database
    return None if fcntl is None or not said or said == ":memory:" or said.startswith("file:") else Path(said)


def _is_held(path: Path) -> bool:
    """Whether somebody who lives holds it; a file that nobody holds is cleared away."""
    if not path.exists():
        return False
    file = _held(path)
    if file is None:
        return True
    path.unlink(missing_ok=True)
    file.close()
    return False


def _held(path: Path) -> IO[bytes] | None:
    """The file, locked; None when somebody else has it, or has just cleared it away."""
    file = path.open("ab")
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():
            return file
    file.close()
    return None
