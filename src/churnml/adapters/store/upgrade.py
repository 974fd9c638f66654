"""Brings a store to the tables this program knows, once, whoever else opens it at the same moment."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa

from churnml.adapters.store.connections import WHERE, Connections
from churnml.errors import ProjectError

log = logging.getLogger("churnml.store")

# MLflow keeps its own alembic_version, perhaps in the same database
VERSION_TABLE = "churnml_store_version"
NEWEST = "9"
# those that this program brings up to date
EARLIER = ("2", "3", "4", "5", "6", "7", "8")
# what a store is that was made before tables had a version
UNVERSIONED = "1"
# any number, the same for all who migrate a store
LOCK = 4_870_215


def migrate(connections: Connections) -> None:
    """Makes or migrates the tables in one transaction; raises ProjectError where another churnml made them."""
    with connections.reading() as connection:
        version = _version(connection)
    if version == NEWEST:
        return
    if connections.read_only:
        raise ProjectError(
            f"The operational store's tables are version {version or 'none'}, this churnml knows {NEWEST}, and whoever "
            "runs it may not write there.",
            where=WHERE,
            remedy="Let somebody who may write run a command of this churnml first, for instance 'churnml queue'.",
        )
    with connections.writing() as connection:
        # SQLite's transaction has the whole file already
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        if _version(connection) != NEWEST:
            _upgrade(connection)


def _version(connection: sa.Connection) -> str | None:
    """The version of the tables, which this program knows or brings up to date; None where there are none yet."""
    inspector = sa.inspect(connection)
    version: str | None = UNVERSIONED if inspector.has_table("scorings") else None
    if inspector.has_table(VERSION_TABLE):
        version = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE)))
    if version not in (None, *EARLIER, NEWEST):
        earlier = version == UNVERSIONED
        raise ProjectError(
            f"The operational store was made by {'an earlier' if earlier else 'a newer'} churnml (its tables are "
            f"version {version}, this one knows {NEWEST}).",
            where=WHERE,
            remedy="Name another store." if earlier else "Upgrade churnml, or name another store.",
        )
    return version


def _upgrade(connection: sa.Connection) -> None:
    # a tenth of a second that nobody waits for whose store is up to date
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    command.upgrade(config, "head")
    log.info("the store's tables were made or migrated")
