"""A table of a database as an input, read by the same rules as a file."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from tests.flows.conftest import churnml

FILE = "crm_accounts: {path: data/crm_accounts.csv}"


def into_database(project: Path, declared: str) -> None:
    frame = pd.read_csv(project / "data/crm_accounts.csv", dtype=str, keep_default_na=False)
    with sqlite3.connect(project / "crm.db") as connection:
        frame.to_sql("customers", connection, index=False)
    connection.close()
    (project / "data/crm_accounts.csv").unlink()
    path = project / "project.yaml"
    text = path.read_text("utf-8")
    assert FILE in text
    path.write_text(text.replace(FILE, f"crm_accounts: {declared}"), "utf-8")


def test_a_table_of_a_database_is_read_as_its_file_was(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads(churnml("check", "--project", company, "--json").out)
    into_database(company, '{database: "${CRM_URL}", table: customers}')
    monkeypatch.setenv("CRM_URL", f"sqlite:///{company / 'crm.db'}")
    said = churnml("check", "--project", company, "--json")
    assert said.code == 0, said.err
    after = json.loads(said.out)
    assert {k: after[k] for k in ("rows", "quarantined", "warned")} == {
        k: before[k] for k in ("rows", "quarantined", "warned")
    }


def test_a_table_the_database_does_not_have_gets_the_nearest_match(company: Path) -> None:
    into_database(company, f'{{database: "sqlite:///{company / "crm.db"}", table: custmers}}')
    said = churnml("check", "--project", company)
    assert said.code == 1
    assert "custmers" in said.err
    assert "Did you mean 'customers'?" in said.err
