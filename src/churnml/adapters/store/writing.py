"""Writing that all rooms of the store share: rows in bulk, rows that may be there, and the count of changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from churnml.adapters.store.schema import stamps
from churnml.errors import ProjectError

BATCH = 5_000
NAMES_IN_A_QUERY = 500


class StaleError(Exception):
    """What this was made from has changed meanwhile: read it again, and make it again."""


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Adds rows, some thousands at a time."""
    for start in range(0, len(rows), BATCH):
        connection.execute(table.insert(), as_kept(connection, table, rows[start : start + BATCH]))


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> int:
    """Adds those rows whose key is not there; how many that were."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # of an INSERT the drivers' count is otherwise not asked
    statement = dialect.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return sum(
        connection.execute(statement, as_kept(connection, table, rows[start : start + BATCH])).rowcount
        for start in range(0, len(rows), BATCH)
    )


def as_kept(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]], prefix: str = ""
) -> list[dict[str, object]]:
    """Rows as both engines keep them: what is not a number is missing.

    Args:
        connection: to which they go.
        table: whose.
        rows: column → value; ``prefix`` stands before a column's name.
        prefix: empty where the names are the columns' own.

    Raises:
        ProjectError: a text that PostgreSQL cannot keep.
    """
    numbers = {prefix + column.name for column in table.c if isinstance(column.type, sa.Float)}
    texts: set[str] = set()
    if connection.dialect.name == "postgresql":
        texts = {prefix + column.name for column in table.c if isinstance(column.type, sa.String)}
    return [{name: _kept(name, value, name in numbers, name in texts) for name, value in row.items()} for row in rows]


def _kept(name: str, value: Any, number: bool, text: bool) -> object:
    if number and value is not None:
        # also a numpy number, which not every driver knows
        plain = float(value)
        return plain if math.isfinite(plain) else None
    if text and value is not None and "\0" in value:
        raise ProjectError(
            f"A text ({name}) has the character NUL, which PostgreSQL cannot keep.",
            where="the operational store",
            remedy="Remove it in the source: replace(…, chr(0), '').",
        )
    return value


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
