"""The triggers that keep what is written, let go of for one transaction: to forget somebody, or by declared age.

Nothing else deletes. Who does needs to own the tables; on PostgreSQL nobody else writes them until the transaction
ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from churnml.errors import ProjectError


@contextmanager
def unguarded(connection: sa.Connection, tables: Sequence[str]) -> Iterator[None]:
    """While it lasts, rows of ``tables`` may change and go; afterwards, or undone with the transaction, none may.

    Raises:
        ProjectError: the user does not own the tables.
    """
    if connection.dialect.name != "postgresql":
        query = sa.text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = [row for row in connection.execute(query).mappings() if row["tbl_name"] in tables]
        for trigger in triggers:
            connection.exec_driver_sql(f'DROP TRIGGER "{trigger["name"]}"')
        yield
        for trigger in triggers:
            connection.exec_driver_sql(trigger["sql"])
        return
    guarded = [
        table
        for table in tables
        if connection.scalar(
            sa.text("SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(:name) AND tgname = :trigger"),
            {"name": table, "trigger": f"{table}_stays"},
        )
    ]
    _each(connection, guarded, "DISABLE")
    yield
    _each(connection, guarded, "ENABLE")


def _each(connection: sa.Connection, tables: Sequence[str], what: str) -> None:
    for table in tables:
        try:
            connection.exec_driver_sql(f'ALTER TABLE "{table}" {what} TRIGGER "{table}_stays"')
        except sa.exc.ProgrammingError:
            raise ProjectError(
                "Rows of the operational store can only be removed by the owner of its tables.",
                where="project.yaml, stores: operational",
                remedy="Run this once with a URL whose user owns the tables.",
            ) from None
