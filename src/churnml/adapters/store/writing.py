"""Writing that all rooms of the store share: rows in bulk, rows that may be there, and the count of changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from churnml.adapters.store.schema import stamps

BATCH = 5_000
NAMES_IN_A_QUERY = 500


class StaleError(Exception):
    """What this was made from has changed meanwhile: read it again, and make it again."""


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows, some thousands at a time."""
    for start in range(0, len(rows), BATCH):
        connection.execute(table.insert(), rows[start : start + BATCH])


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Adds those rows whose key is not there; how many that were."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    # of an INSERT the drivers' count is otherwise not asked
    statement = dialect.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return sum(
        connection.execute(statement, rows[start : start + BATCH]).rowcount for start in range(0, len(rows), BATCH)
    )


def stamp_of(connection: sa.Connection) -> int:
    """The count of changes as this reader sees it."""
    return int(connection.scalar(sa.select(stamps.c.stamp)) or 0)


def hold(connection: sa.Connection) -> int:
    """The count of changes; until this transaction ends nobody else can hold it, or write what a plan is made from."""
    return int(connection.scalar(sa.select(stamps.c.stamp).with_for_update()) or 0)


def count_up(connection: sa.Connection) -> None:
    """Says that what a plan is made from has changed: plans made before are stale."""
    connection.execute(stamps.update().values(stamp=stamps.c.stamp + 1))


def some_at_a_time(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Names in parts that one query may list."""
    for start in range(0, len(names), NAMES_IN_A_QUERY):
        yield names[start : start + NAMES_IN_A_QUERY]
