"""How a store comes to its tables: made new, or of before, or by two at once; and the one that is too new."""

from __future__ import annotations

import json
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
from churnml.errors import ProjectError
from churnml.ledger import Assignment, Decision, Override, WorkEvent, WorkItem
from tests.store import before
from tests.store.at_once import barrier_of, in_processes
from tests.store.days import NOW, day, scores


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


def test_the_migrations_make_exactly_the_tables_that_are_declared(url: str) -> None:
    with open_store(url):
        pass
    assert differences(url) == []
    run(url, "ALTER TABLE work ADD COLUMN stranger INTEGER")
    assert len(differences(url)) == 1  # the comparison does see


def test_the_newest_version_is_the_last_migration() -> None:
    folder = migrating.__file__.replace("upgrade.py", "migrations")
    assert ScriptDirectory(folder).get_heads() == [migrating.NEWEST]


@pytest.mark.parametrize("knew_when", [True, False], ids=["", "before it knew when an account leaves"])
def test_a_store_from_before_is_adopted_with_all_it_holds(url: str, knew_when: bool) -> None:
    before.make(url, knew_when=knew_when)
    reasons = json.dumps([{"code": "usage", "feature": "f", "sentence": "Less: 50 %", "weight": 0.5}])
    run(
        url,
        "INSERT INTO scorings (as_of, revision, fingerprint, models, scored_at) VALUES ('2024-03-01', 1, 'one', '{\"churn\": \"1\"}', '2024-03-01 08:00:00')",
        "INSERT INTO scorings (as_of, revision, fingerprint, models, scored_at) VALUES ('2024-03-01', 2, 'two', '{\"churn\": \"2\"}', '2024-03-01 09:00:00')",
        *(
            f"INSERT INTO scores ({', '.join(before.SCORE_COLUMNS)}, scoring_id) VALUES ('a', 'olga', 'smb', 100, 0.25, "
            f"NULL, 40, 'at_risk', 1, '{{\"usage\": 40.0}}', '{reasons.replace(':', chr(92) + ':')}', '[]', 25, {n})"
            for n in (1, 2)
        ),
        *(
            f"INSERT INTO decisions VALUES ({n}, 'a', 1, 'rescue', 'Call', 'keep', '[\"Call\"]', 'olga', '2024-03-08', "
            "'[\"at risk\"]', 25)"
            for n in (1, 2)
        ),
    )
    with open_store(url) as store:
        (line,) = store.queue(day("03-01"))
        assert (line["account_id"], line["outcome"], line["due"], line["value"]) == ("a", "opened", day("03-08"), 25)
        assert (line["steps"], line["because"], line["reason"]) == (["Call"], ["at risk"], "")
        assert (line["models"], line["revision"], line["facts"]) == ({"churn": "2"}, 2, {})
        (row,) = store.scored(day("03-01"))
        assert row["reasons"][0]["sentence"] == "Less: 50 %"
        assert (row["leave_within"], row["raw_health"], row["health_inputs"]) == (None, None, None)
        assert store.before(day("03-02")).bands["a"].band_since == day("03-01")
        # and it goes on from there
        assert store.record(scores(day("03-01"), "a"), "three", NOW)
        assert store.record(scores(day("03-02"), "a", "b"), "four", NOW)
        assert [one["as_of"] for one in store.account("a", day("03-02"))["history"]] == [day("03-01"), day("03-02")]
    assert differences(url) == []


@pytest.mark.parametrize("upto", [1, 2])
def test_a_store_whose_making_was_cut_short_before_is_completed(url: str, upto: int) -> None:
    before.make(url, upto=upto)
    with open_store(url) as store:
        assert store.dates() == []
    assert differences(url) == []


def test_opening_again_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(url) as store:
        store.record(scores(day("03-01"), "a"), "one", NOW)
    monkeypatch.setattr(migrating, "_upgrade", lambda _: pytest.fail("it was migrated again"))
    with open_store(url) as store:
        assert store.dates() == [day("03-01")]


def test_a_migration_that_fails_in_the_middle_leaves_the_store_as_it_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before.make(url)
    run(
        url,
        "INSERT INTO scorings (as_of, revision, fingerprint, models, scored_at) VALUES ('2024-03-01', 1, 'one', '{}', '2024-03-01 08:00:00')",
    )
    upgrade = migrating._upgrade

    def breaks(connection: sa.Connection) -> None:
        upgrade(connection)
        raise OSError("the disk is full")

    monkeypatch.setattr(migrating, "_upgrade", breaks)
    with pytest.raises(ProjectError), open_store(url):
        pass
    connections = Connections(url)
    with connections.reading() as connection:
        assert set(sa.inspect(connection).get_table_names()) == set(before.TABLES)
    connections.close()
    monkeypatch.undo()
    with open_store(url) as store:
        assert store.dates() == [day("03-01")]


def _opens(urls: list[str], together: Any) -> None:
    for url in urls:
        together.wait(60)
        with open_store(url) as store:
            store.dates()


def test_several_may_open_a_store_at_once(new_url: Callable[[], str]) -> None:
    urls = [new_url() for _ in range(6)]
    for url in urls[3:]:
        before.make(url)
    assert in_processes(_opens, [(urls, barrier_of(3))] * 3) == [0, 0, 0]
    for url in urls:
        assert differences(url) == []


@pytest.mark.parametrize("version", ["3", "99", "f00d"])
def test_a_store_newer_than_the_program_is_refused_and_left_alone(url: str, version: str) -> None:
    with open_store(url) as store:
        store.record(scores(day("03-01"), "a"), "one", NOW)
    run(url, f"UPDATE {migrating.VERSION_TABLE} SET version_num = '{version}'")
    with pytest.raises(ProjectError) as refused, open_store(url):
        pass
    assert f"newer churnml (its tables are version {version}, this one knows {migrating.NEWEST})" in str(refused.value)
    assert "Upgrade churnml" in str(refused.value)
    run(url, f"UPDATE {migrating.VERSION_TABLE} SET version_num = '{migrating.NEWEST}'")
    with open_store(url) as store:
        assert store.dates() == [day("03-01")]


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
    # an override's end is a row of its own
    assert {field.name for field in fields(shape)} - {"withdrawn_on"} <= set(table.c.keys())
