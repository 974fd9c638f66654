"""``churnml forget``: every file of a project is searched afterwards, and the company's own files do not bring it back."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tests.flows.conftest import churnml

BY = ("--because", "request 17", "--by", "rita")


def naming(project: Path, name: str) -> set[str]:
    """The files of a project that name somebody, Parquet read cell by cell; the company's own are named ``own``."""
    found = set()
    for path in (path for path in project.rglob("*") if path.is_file()):
        if path.suffix == ".parquet":
            named = name in str(pq.read_table(path).to_pydict())
        else:
            named = name.encode() in path.read_bytes()
        if named:
            part = path.relative_to(project).parts
            found.add("own" if part[0] in ("data", "truth") else "/".join(part[1:2] if part[0] == ".churnml" else part))
    return found


def sampled(project: Path) -> set[int]:
    """Every hash of an id in the profiles of loads."""
    rows = sqlite3.connect(project / ".churnml/churnml.db").execute("SELECT profile FROM loads").fetchall()
    tables = [table for (profile,) in rows for table in json.loads(profile)["tables"].values()]
    return {one for table in tables for one in table["ids"]["hashes"]}


def an_account_with_work(project: Path) -> str:
    rows = sqlite3.connect(project / ".churnml/churnml.db").execute("SELECT account_id FROM work ORDER BY 1").fetchall()
    return str(rows[0][0])


def test_a_forgotten_account_is_in_no_file_but_the_companys_own_and_does_not_come_back(after_run: Path) -> None:
    name = an_account_with_work(after_run)
    # positive control: it is everywhere before
    before = naming(after_run, name)
    assert before >= {"own", "churnml.db", "warehouse", "mlartifacts", "report.html"}

    hashed = int.from_bytes(hashlib.md5(name.encode(), usedforsecurity=False).digest()[:8], "little")
    assert hashed in sampled(after_run)

    shown = churnml("forget", "--project", after_run, "--account", name)
    assert shown.code == 0, shown.err
    assert "Nothing was removed" in shown.out
    assert naming(after_run, name) == before

    done = churnml("forget", "--project", after_run, "--account", name, "--yes", *BY)
    assert done.code == 0, done.err
    assert naming(after_run, name) == {"own"}
    assert hashed not in sampled(after_run)
    assert len(sampled(after_run)) > 100
    assert "data/crm_accounts.csv" in done.out
    assert "truth/latent.parquet" in done.out  # named because it was looked for

    checked = churnml("check", "--project", after_run, "--json")
    assert checked.code == 0, checked.err
    aside = json.loads(checked.out)["quarantined"]
    assert {table: aside[table]["forgotten"] for table in ("accounts", "subscriptions")} == {
        "accounts": 1,
        "subscriptions": 1,
    }
    assert aside["usage_events"]["forgotten"] > 1
    scored = churnml("score", "--project", after_run, "--no-prefect")
    assert scored.code == 0, scored.err
    assert naming(after_run, name) == {"own"}
    assert churnml("explain", name, "--project", after_run).code == 1

    again = churnml("forget", "--project", after_run, "--account", name, "--json")
    assert json.loads(again.out)["before"]["suppressed"] is True


def test_a_forgotten_user_is_in_no_checked_table_and_the_account_stays(after_run: Path) -> None:
    events = after_run / "data/product_events.parquet"
    query = f"SELECT person, any_value(account) FROM '{events}' WHERE person IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 1"
    columns = set(pq.read_schema(events).names)
    account = next(name for name in ("account", "account_id", "account_no", "customer") if name in columns)
    with duckdb.connect() as con:
        ((user, of_account),) = con.execute(query.replace("account)", f"{account})")).fetchall()
    assert "warehouse" in naming(after_run, user)
    done = churnml("forget", "--project", after_run, "--user", user, "--yes", *BY)
    assert done.code == 0, done.err
    assert naming(after_run, user) == {"own"}
    assert churnml("check", "--project", after_run).code == 0
    assert naming(after_run, user) == {"own"}
    assert of_account in naming_accounts(after_run)


def naming_accounts(project: Path) -> set[str]:
    (accounts,) = project.glob(".churnml/warehouse/*/accounts.parquet")
    return set(pq.read_table(accounts)["account_id"].to_pylist())


def test_lines_that_are_no_rows_and_children_do_not_name_a_forgotten_parent(company: Path) -> None:
    """Positive control: without forgotten.yaml both name it."""
    accounts = company / "data/crm_accounts.csv"
    with accounts.open(newline="", encoding="utf-8") as file:
        header, first, *_ = csv.reader(file)
    with accounts.open("a", encoding="utf-8") as file:
        file.write(f"GONE-1,{','.join(first[1:])}\n")
        file.write("GONE-1,one,field,too,many" + ",x" * len(header) + "\n")
    source = company / "sources/accounts.sql"
    # the child is the first account
    text = source.read_text("utf-8")
    parent = f"CASE WHEN {header[0]} = '{first[0]}' THEN 'GONE-1' END AS parent_account_id"
    source.write_text(text.replace("SELECT", f"SELECT\n  {parent},", 1), "utf-8")
    assert churnml("check", "--project", company).code == 0
    assert naming(company, "GONE-1") == {"own", "warehouse", "sources/accounts.sql"}

    done = churnml("forget", "--project", company, "--account", "GONE-1", "--yes", *BY)
    assert done.code == 0, done.err
    assert "sources/accounts.sql" in done.out
    assert churnml("check", "--project", company).code == 0
    assert naming(company, "GONE-1") == {"own", "sources/accounts.sql"}
    assert first[0] in naming_accounts(company)


def test_what_is_kept_of_an_erasure_may_not_name_who_is_forgotten(after_run: Path) -> None:
    name = an_account_with_work(after_run)
    refused = churnml(
        "forget", "--project", after_run, "--account", name, "--yes", "--because", f"for {name}", "--by", "r"
    )
    assert refused.code == 1
    assert "--because" in refused.message
    assert "churnml.db" in naming(after_run, name)


def test_an_erasure_asks_who_wants_it_and_whom(after_run: Path) -> None:
    for words in ((), ("--account", "a", "--user", "b"), ("--account", " ")):
        assert "whom to forget" in churnml("forget", "--project", after_run, *words).message
    assert "who asked" in churnml("forget", "--project", after_run, "--account", "a", "--yes").message
    name = an_account_with_work(after_run)
    unknown = churnml("forget", "--project", after_run, "--account", f"{name}9")
    assert unknown.code == 1
    assert "Did you mean" in unknown.message


def test_what_is_old_goes_by_a_command_and_only_as_declared(after_run: Path) -> None:
    undeclared = churnml("forget", "--old", "--project", after_run)
    assert (undeclared.code, "does not say how long" in undeclared.message) == (1, True)
    declared = (after_run / "project.yaml").read_text("utf-8")

    def keep(text: str) -> None:
        (after_run / "project.yaml").write_text(f"{declared}retention: {{{text}}}\n", "utf-8")

    keep("scores_days: 100")
    too_little = churnml("forget", "--old", "--yes", "--project", after_run)
    assert (too_little.code, "456 days or more" in too_little.message) == (1, True)
    keep("scores_days: 456, audit_days: 90")
    shown = churnml("forget", "--old", "--project", after_run)
    assert shown.code == 0, shown.err
    assert "nothing is older" in shown.out
    database = sqlite3.connect(after_run / ".churnml/churnml.db")
    # as an old store has it
    database.execute(
        "INSERT INTO audit_log (at, who, what, subject, why, details) VALUES ('2020-01-01 00:00:00.000000', 'a', 'b', 'c', 'd', '{}')"
    )
    database.commit()
    count = "SELECT count(*) FROM audit_log WHERE at < '2021-01-01'"
    assert "audit_log" in churnml("forget", "--old", "--project", after_run).out
    assert database.execute(count).fetchall() == [(1,)]
    done = churnml("forget", "--old", "--yes", "--project", after_run)
    assert done.out.startswith("Removed:")
    assert database.execute(count).fetchall() == [(0,)]
    database.close()
