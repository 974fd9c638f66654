"""A store of an earlier version, with data, becomes one of the newest: nothing lost, nothing unguarded."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from churnml.adapters.store import open_store, schema
from churnml.adapters.store import upgrade as migrating
from churnml.adapters.store.connections import Connections
from churnml.adapters.store.migrations.versions import r2_baseline
from tests.store.days import NOW, account, day, kept_open, message, record, scores, tries
from tests.store.test_migrations import differences

DUMPS = Path(__file__).parent / "versions"
A_WEEK = dt.timedelta(days=7)


def load(url: str, engine: str, version: str) -> None:
    """Makes the store of a version as it was dumped."""
    text = (DUMPS / f"{version}.{engine}.sql").read_text("utf-8")
    if engine == "sqlite":
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(text)
        connection.close()
        return
    import psycopg

    with psycopg.connect(url) as server:
        server.execute(text)


def upgrade_to(url: str, version: str) -> None:
    """As a churnml would have left the store whose newest version was ``version``."""
    connections = Connections(url)
    with connections.writing() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
        command.upgrade(config, version)
    connections.close()


def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Table → its rows, as the driver gives them; the version itself apart."""
    connections = Connections(url)
    with connections.reading() as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name != migrating.VERSION_TABLE]
        rows = {
            name: sorted((tuple(row) for row in connection.execute(sa.text(f'SELECT * FROM "{name}"'))), key=str)
            for name in names
        }
    connections.close()
    return rows


def version_of(url: str) -> str:
    connections = Connections(url)
    with connections.reading() as connection:
        version = connection.scalar(sa.text(f"SELECT version_num FROM {migrating.VERSION_TABLE}"))
    connections.close()
    return str(version)


def test_the_dumped_store_is_of_its_version_and_has_rows_in_every_table(url: str, engine: str) -> None:
    load(url, engine, "2")
    assert version_of(url) == "2"
    held = everything(url)
    assert set(held) == set(r2_baseline.TABLES)
    assert all(held.values())


@pytest.mark.parametrize("version", migrating.EARLIER)
def test_a_store_of_an_earlier_version_keeps_every_row_and_gets_the_newest_tables(
    url: str, engine: str, version: str
) -> None:
    load(url, engine, "2")
    upgrade_to(url, version)
    was = everything(url)
    with open_store(url):
        pass
    assert version_of(url) == migrating.NEWEST
    assert differences(url) == []
    now = everything(url)
    # columns that are new stand after those that were there
    for name, rows in was.items():
        assert [row[: len(rows[0])] for row in now[name]] == rows, name


def test_a_migrated_store_refuses_to_change_what_stays(url: str, engine: str) -> None:
    load(url, engine, "2")
    with open_store(url):
        pass
    was = everything(url)
    for name in (*schema.APPEND_ONLY, *schema.KEPT):
        column = next(iter(schema.metadata.tables[name].c)).name
        statements = [f"DELETE FROM {name}"]
        if name in schema.APPEND_ONLY:
            statements.append(f'UPDATE {name} SET "{column}" = "{column}"')
        if engine == "postgresql":
            statements.append(f"TRUNCATE {name} CASCADE")
        # on SQLite a trigger speaks of a row, and there is none in the tables that are new
        for statement in statements if engine == "postgresql" or was[name] else ():
            with pytest.raises(sa.exc.IntegrityError, match="what is written there stays"):
                tries(url, statement)
    assert everything(url) == was


def test_a_migrated_store_is_read_and_goes_on(url: str, engine: str) -> None:
    load(url, engine, "2")
    with open_store(url) as store:
        assert store.dates() == [day("03-01"), day("03-08")]
        story = store.account("a", day("03-08"))
        assert story.account.timing is not None
        assert story.account.timing.likely_period.probability == 0.125
        assert [point.as_of for point in story.history] == store.dates()
        assert {one.account_id: one.arm for one in store.outcomes.assignments()}["b"] == "holdout"
        assert len(store.outbox.dead()) == 1
        living = [one for one in store.work.items(living=True) if one.state == "open"]
        plan = kept_open(day("03-15"), *living)
        later = NOW + 2 * A_WEEK
        assert record(store, scores(day("03-15"), account("a")), "four", later, plan, messages=[message("9", "z")])
        assert "9" in [one.key for one in store.outbox.claim(later)]
    connections = Connections(url)
    with connections.reading() as connection:
        assert connection.execute(sa.text("SELECT account_id FROM scores_latest")).scalars().all() == ["a"]
        assert connection.scalar(sa.text("SELECT count(*) FROM scores_history")) == 1 + 2 + 1
        assert connection.scalar(sa.text("SELECT count(*) FROM work_open")) == 2
    connections.close()
