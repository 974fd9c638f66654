"""Looking up what is stored: the same answers as through MLflow, and nothing imported that only computing needs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from churnml.adapters.project import open_project
from churnml.adapters.registry import Registry, registry_of
from churnml.adapters.registry.lookups import Lookups, lookups_of
from churnml.adapters.store import open_store
from churnml.errors import ChurnmlError, RegistryError
from tests.flows.conftest import churnml
from tests.flows.test_engine import clean_environment

FOR_COMPUTING = {"duckdb", "mlflow", "lightgbm", "sklearn", "alembic", "prefect", "ibis", "altair"}
PROGRAM = """
import json, sys
from churnml.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def imported_by(*words: str | Path) -> set[str]:
    """The packages a command imports, run in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def an_account(project: Path) -> str:
    """An account of the list; one that was scored on every date."""
    with open_store(open_project(project).operational_url) as store:
        dates = store.dates()
        always = set.intersection(*({account.account_id for account in store.scored(date)} for date in dates))
        return next(name for line in store.queue(dates[-1]) if (name := line.account.account_id) in always)


def test_look_ups_import_nothing_that_only_computing_needs(after_run: Path) -> None:
    account = an_account(after_run)
    for words in (["queue"], ["work", "list"], ["models", "list"], ["explain", account]):
        assert not imported_by(*words, "--project", after_run) & FOR_COMPUTING, words


def test_explain_imports_no_more_where_it_has_a_change_to_explain(after_run: Path) -> None:
    day = open_project(after_run).spec.data_through
    assert day is not None
    earlier = day.replace(day=1)
    assert churnml("backfill", earlier, earlier, "--project", after_run, "--no-prefect").code == 0
    account = an_account(after_run)
    assert json.loads(churnml("explain", account, "--project", after_run, "--json").out)["change"] is not None
    assert not imported_by("explain", account, "--project", after_run) & FOR_COMPUTING


def test_a_command_that_computes_shows_that_the_test_sees_imports(after_run: Path) -> None:
    assert imported_by("check", "--project", after_run) >= {"duckdb", "ibis"}


@pytest.mark.slow
def test_tables_and_client_give_the_same_versions_and_scales(after_run: Path) -> None:
    assert churnml("train", "churn", "--again", "--project", after_run, "--no-prefect").code == 0
    project = open_project(after_run)
    direct, through_client = lookups_of(project), registry_of(project)
    assert isinstance(direct, Lookups)
    assert len(direct.versions("churn")) == 2
    for name in (*project.model_names, "nothing"):
        assert direct.versions(name) == through_client.versions(name)
        for version in (None, *(listed.version for listed in direct.versions(name))):
            assert direct.yardstick(name, version) == through_client.yardstick(name, version)
    for registry in (direct, through_client):
        with pytest.raises(ChurnmlError, match="77"):
            registry.yardstick("churn", "77")


def test_a_model_altered_after_it_was_registered_gives_no_scales(after_run: Path) -> None:
    kept = after_run / ".churnml"
    with closing(sqlite3.connect(kept / "mlflow.db")) as connection, connection:
        # the copy's own artifacts: MLflow keeps where they were
        query = "SELECT storage_location FROM model_versions WHERE name = 'churn'"
        location = connection.execute(query).fetchone()[0].split("/.churnml/")[1]
        moved = "UPDATE model_versions SET storage_location = ? WHERE name = 'churn'"
        connection.execute(moved, (f"{kept.as_uri()}/{location}",))
    lookups = lookups_of(open_project(after_run))
    assert lookups.yardstick("churn", None) is not None
    booster = next((kept / location).rglob("booster.txt"))
    booster.write_text(booster.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(RegistryError, match="altered"):
        lookups.yardstick("churn", None)


def test_tables_of_a_layout_nobody_here_knows_are_left_to_mlflow(after_run: Path) -> None:
    tables = after_run / ".churnml" / "mlflow.db"
    with closing(sqlite3.connect(tables)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'of tomorrow'")
    assert not Lookups(tables).knows_layout()
    with closing(sqlite3.connect(tables)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'dc11669786a5'")
    assert Lookups(tables).knows_layout()


def test_without_a_registry_there_is_mlflow(simulated: Path, company: Path) -> None:
    assert not Lookups(company / ".churnml" / "mlflow.db").knows_layout()
    assert isinstance(lookups_of(open_project(company)), Registry)
