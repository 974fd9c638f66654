"""A store that is a SQLite file: how it is opened by who may write it, and by who may only read it.

A file in write-ahead mode is read through two files beside it, which whoever may not write in the folder cannot make.
Where they are not there nobody has the store open, so it can be read as a file that does not change; whether that
held is looked at afterwards (https://www.sqlite.org/wal.html#read_only_databases).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from churnml.errors import UnavailableError

# How long one writer waits for another; a hundred thousand accounts are written in less.
PATIENCE_SECONDS = 120
WITHOUT_LOCKS = "immutable=1"
Seen = tuple[int, int] | None


class SqliteFile:
    """The file of a store.

    Args:
        path: where it is.
        patience_seconds: how long a writer waits for another.

    Attributes:
        read_only: it is there, and whoever runs this may not write it or beside it.
    """

    def __init__(self, path: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._path, self._patience = path, patience_seconds
        self.read_only = path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))

    def prepare(self, engine: sa.Engine) -> None:
        """Makes every connection of ``engine`` what a store needs."""
        if self.read_only:
            sa.event.listen(engine, "do_connect", self._read_only)
        sa.event.listen(engine, "connect", self._settings)
        sa.event.listen(engine, "begin", _begins)

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Raises UnavailableError at the end where the file was read without locks and written meanwhile."""
        before = self._seen()
        yield
        if self.read_only and before != self._seen():
            raise UnavailableError(
                "The operational store was written while it was read by somebody who may not lock it.",
                where=str(self._path),
                remedy="Run it again.",
            )

    def _seen(self) -> Seen:
        """What tells that nobody wrote; nothing to be told by where locks can be had."""
        if not self.read_only or self._way() != WITHOUT_LOCKS:
            return None
        stat = self._path.stat()
        return stat.st_size, stat.st_mtime_ns

    def _way(self) -> str:
        beside = self._path.with_name(f"{self._path.name}-wal")
        return "" if beside.exists() else WITHOUT_LOCKS

    def _read_only(self, _dialect: object, _record: object, where: list[str], how: dict[str, object]) -> None:
        where[0] = f"file:{quote(str(self._path.resolve()))}?mode=ro&{self._way()}"
        how["uri"] = True

    def _settings(self, connection: sqlite3.Connection, _record: object) -> None:
        # transactions begin where we say, also before DDL
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={round(self._patience * 1000)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        if not self.read_only:
            _write_ahead(cursor)
        cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Sets the mode of the file; its first change takes a lock that SQLite does not wait for, so we do."""
    for left in range(round(PATIENCE_SECONDS * 20), -1, -1):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as problem:
            if left == 0 or not problem.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise
            time.sleep(0.05)


def _begins(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("churnml_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
