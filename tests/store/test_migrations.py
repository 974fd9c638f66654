"""How a store comes to its tables: made new, perhaps by two at once; and those that are too new or too old."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from churnml.adapters.store import open_store, schema
from churnml.adapters.store import upgrade as migrating
from churnml.adapters.store.connections import Connections
from churnml.adapters.store.outbox import LEASE
from churnml.errors import ProjectError
from churnml.ledger import Assignment, Decision, Override, WorkEvent, WorkItem
from tests.store.at_once import barrier_of, in_processes
from tests.store.days import NOW, day, message, record, scores


def differences(url: str) -> list[object]:
    connections = Connections(url)
    with connections.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrating.VERSION_TABLE})
        found = list(compare_metadata(context, schema.metadata))
    connections.close()
    return found


def run(url: str, *statements: str) -> None:
    connections = Connections(url)
    with connections.writing() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    connections.close()


def test_the_baseline_makes_exactly_the_tables_that_are_declared(url: str) -> None:
    with open_store(url):
        pass
    assert differences(url) == []
    run(url, "ALTER TABLE work ADD COLUMN stranger INTEGER")
    assert len(differences(url)) == 1  # the comparison does see


def test_the_newest_version_is_the_last_migration() -> None:
    folder = migrating.__file__.replace("upgrade.py", "migrations")
    assert ScriptDirectory(folder).get_heads() == [migrating.NEWEST]
    # and every one before it is brought up to date
    before = {script.revision for script in ScriptDirectory(folder).walk_revisions()} - {migrating.NEWEST}
    assert set(migrating.EARLIER) == before


def test_a_store_that_knew_who_held_a_claim_opens_and_sends_on(url: str) -> None:
    """The newest tables have had one column more, which nobody reads."""
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a"), "one", NOW, messages=[message("1")])
        store.outbox.claim(NOW)
    run(
        url,
        "ALTER TABLE deliveries ADD COLUMN leased_by VARCHAR",
        "CREATE INDEX ix_deliveries_leased_by ON deliveries (leased_by)",
        "UPDATE deliveries SET leased_by = '7'",
    )
    with open_store(url) as store:
        assert store.outbox.claim(NOW) == []
        assert [one.key for one in store.outbox.claim(NOW + LEASE)] == ["1"]
        assert record(store, scores(day("03-02"), "a"), "two", NOW, messages=[message("2", "b")])
        assert [one.key for one in store.outbox.due(NOW)] == ["2"]


def test_opening_again_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a"), "one", NOW)
    monkeypatch.setattr(migrating, "_upgrade", lambda _: pytest.fail("it was migrated again"))
    with open_store(url) as store:
        assert store.dates() == [day("03-01")]


def test_a_migration_that_fails_in_the_middle_leaves_the_store_as_it_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(url, "CREATE TABLE notes (text VARCHAR(9))")
    upgrade = migrating._upgrade

    def breaks(connection: sa.Connection) -> None:
        upgrade(connection)
        raise OSError("the disk is full")

    monkeypatch.setattr(migrating, "_upgrade", breaks)
    with pytest.raises(ProjectError), open_store(url):
        pass
    connections = Connections(url)
    with connections.reading() as connection:
        assert sa.inspect(connection).get_table_names() == ["notes"]
    connections.close()
    monkeypatch.undo()
    with open_store(url) as store:
        assert store.dates() == []


def _opens(urls: list[str], together: Any) -> None:
    for url in urls:
        together.wait(60)
        with open_store(url) as store:
            store.dates()


def test_several_may_open_a_store_at_once(new_url: Callable[[], str]) -> None:
    urls = [new_url() for _ in range(6)]
    assert in_processes(_opens, [(urls, barrier_of(3))] * 3) == [0, 0, 0]
    for url in urls:
        assert differences(url) == []


@pytest.mark.parametrize("version", [str(int(migrating.NEWEST) + 1), "99", "f00d"])
def test_a_store_newer_than_the_program_is_refused_and_left_alone(url: str, version: str) -> None:
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a"), "one", NOW)
    run(url, f"UPDATE {migrating.VERSION_TABLE} SET version_num = '{version}'")
    with pytest.raises(ProjectError) as refused, open_store(url):
        pass
    assert f"newer churnml (its tables are version {version}, this one knows {migrating.NEWEST})" in str(refused.value)
    assert "Upgrade churnml" in str(refused.value)
    run(url, f"UPDATE {migrating.VERSION_TABLE} SET version_num = '{migrating.NEWEST}'")
    with open_store(url) as store:
        assert store.dates() == [day("03-01")]


@pytest.mark.parametrize("versioned", [True, False])
def test_a_store_older_than_the_first_release_is_refused_and_left_alone(url: str, versioned: bool) -> None:
    run(url, "CREATE TABLE scorings (scoring_id INTEGER)")
    if versioned:
        run(
            url,
            f"CREATE TABLE {migrating.VERSION_TABLE} (version_num VARCHAR(32))",
            f"INSERT INTO {migrating.VERSION_TABLE} VALUES ('1')",
        )
    with pytest.raises(ProjectError, match="an earlier churnml") as refused, open_store(url):
        pass
    assert "Name another store" in str(refused.value)
    assert differences(url)


def test_other_tables_and_other_programs_migrations_are_nobodys_business(url: str) -> None:
    run(url, "CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('mlflow')")
    with open_store(url) as store:
        assert store.dates() == []


@pytest.mark.parametrize(
    ("shape", "table"),
    [
        (WorkItem, schema.work),
        (Decision, schema.decisions),
        (Assignment, schema.assignments),
        (WorkEvent, schema.work_events),
        (Override, schema.overrides),
    ],
    ids=lambda one: getattr(one, "__name__", None) or one.name,
)
def test_every_field_of_what_acting_writes_has_its_column(shape: type, table: sa.Table) -> None:
    # an override's end is a row of its own; the column of a disposition has an older name
    names = {"outcome" if field.name == "disposition" else field.name for field in fields(shape)}
    assert names - {"withdrawn_on"} <= set(table.c.keys())
