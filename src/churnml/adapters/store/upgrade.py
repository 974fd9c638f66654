"""Brings a store to the tables this program knows, once, whoever else opens it at the same moment."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from churnml.adapters.store.connections import Connections
from churnml.errors import ProjectError

# MLflow keeps its own alembic_version, perhaps in the same database
VERSION_TABLE = "churnml_store_version"
NEWEST = "2"
# any number, the same for all who migrate a store
LOCK = 4_870_215


def migrate(connections: Connections) -> None:
    """Makes or migrates the tables in one transaction; raises ProjectError where the store is newer than us."""
    if _version(connections) == NEWEST:
        return
    with connections.writing() as connection:
        # SQLite's transaction has the whole file already
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        _refuse_newer(_version_in(connection))
        _upgrade(connection)


def _version(connections: Connections) -> str | None:
    with connections.reading() as connection:
        found = _version_in(connection)
    _refuse_newer(found)
    return found


def _version_in(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE)))
    return None if found is None else str(found)


def _refuse_newer(found: str | None) -> None:
    if found is not None and not (found.isdigit() and int(found) <= int(NEWEST)):
        raise ProjectError(
            f"The operational store was made by a newer churnml (its tables are version {found}, this one knows "
            f"{NEWEST}).",
            where="project.yaml, stores: operational",
            remedy="Upgrade churnml, or name another store.",
        )


def _upgrade(connection: sa.Connection) -> None:
    # a tenth of a second that nobody waits for whose store is up to date
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    command.upgrade(config, "head")
