"""Inputs read again: growing files of every kind, and tables of databases by a watermark, give what reading all gives."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from churnml.adapters.project import open_project
from churnml.adapters.suppression import Suppression, write_suppression
from churnml.adapters.warehouse import ingest, store
from tests.support import TODAY, kept, make_project

ACCOUNTS = "account_id | created_at\na | 2023-01-01\nb | 2023-01-01"


def events(month: int) -> list[dict[str, str]]:
    days = [f"2024-{month:02}-{day:02}" for day in (3, 9, 17)]
    return [{"account_id": who, "occurred_at": day, "event": "seen"} for day in days for who in "ab"]


def as_csv(rows: list[dict[str, str]]) -> bytes:
    return pd.DataFrame(rows).to_csv(index=False).encode()


def as_json_lines(rows: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize(
    ("path", "names", "write"),
    [
        ("data/events/*.csv.gz", "events/{m}.csv.gz", lambda rows: gzip.compress(as_csv(rows))),
        ("data/events", "events/{m}.jsonl", as_json_lines),
        ("data/events", "events/month=2024-0{m}-01/part.csv", as_csv),
    ],
    ids=["gzip", "JSON Lines in a folder", "folders of Hive"],
)
def test_a_new_file_of_any_kind_is_the_only_one_read(path, names, write, tmp_path: Path, monkeypatch) -> None:
    narrowed: list[int] = []
    was = store.register

    def register(con, project, name, declared, scratch, only=None):
        if name == "events":
            narrowed.append(len(only or ()))
        return was(con, project, name, declared, scratch, only)

    monkeypatch.setattr(store, "register", register)

    def with_month(root: Path, *months: int):
        for month in months:
            file = root / "data" / names.format(m=month)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(write(events(month)))
        declared = {"events": {"path": path, "grows": "by_file"}}
        sql = {"usage_events": "SELECT account_id, occurred_at, event FROM events"}
        return ingest(make_project(root, {"accounts": ACCOUNTS}, sources=sql, inputs=declared), TODAY)

    with_month(tmp_path / "grown", 3)
    grown = with_month(tmp_path / "grown", 4)
    whole = with_month(tmp_path / "whole", 3, 4)
    assert narrowed == [1, 1, 2]
    assert grown.rows == whole.rows == {"accounts": 2, "usage_events": 12}


@pytest.fixture
def tickets(tmp_path: Path):
    with sqlite3.connect(tmp_path / "crm.db", isolation_level=None) as db:
        db.execute("CREATE TABLE t (account_id TEXT, ticket_id TEXT, opened_at TEXT, changed TEXT)")
        for day in range(1, 29):
            db.execute("INSERT INTO t VALUES ('a', ?, ?, ?)", (f"t{day}", *2 * (f"2024-05-{day:02} 10:00:00",)))
        make_project(
            tmp_path,
            {"accounts": ACCOUNTS},
            sources={"support_tickets": "SELECT account_id, ticket_id, opened_at FROM tickets"},
            inputs={"tickets": {"database": "sqlite:///crm.db", "table": "t", "watermark": "changed"}},
        )
        yield db
    db.close()


def test_a_database_that_did_not_change_is_not_checked_again_and_one_that_did_is(tickets, tmp_path: Path) -> None:
    project = open_project(tmp_path)
    first = ingest(project, TODAY)
    assert ingest(project, TODAY).path == first.path
    tickets.execute("INSERT INTO t VALUES ('b', 't99', '2024-05-29 10:00:00', '2024-05-29 10:00:00')")
    second = ingest(project, TODAY)
    assert second.path != first.path
    assert second.rows["support_tickets"] == 29
    by_steps = kept(second, "support_tickets").sort_values("ticket_id", ignore_index=True)
    (tmp_path / "again").mkdir()
    plain = make_project(
        tmp_path / "again",
        {"accounts": ACCOUNTS},
        sources={"support_tickets": "SELECT account_id, ticket_id, opened_at FROM tickets"},
        inputs={"tickets": {"database": f"sqlite:///{tmp_path}/crm.db", "table": "t"}},
    )
    whole = kept(ingest(plain, TODAY), "support_tickets").sort_values("ticket_id", ignore_index=True)
    pd.testing.assert_frame_equal(by_steps, whole, check_exact=True)


def test_where_somebody_was_forgotten_no_rows_of_a_database_are_kept(tickets, tmp_path: Path) -> None:
    kept_rows = tmp_path / ".churnml" / "warehouse" / "inputs"
    ingest(open_project(tmp_path), TODAY)
    assert list(kept_rows.glob("tickets/*.parquet"))
    write_suppression(tmp_path, Suppression().with_one_more("account", "b"))
    again = ingest(open_project(tmp_path), TODAY)
    assert again.rows == {"accounts": 1, "support_tickets": 28}
    assert not list(kept_rows.rglob("*.parquet"))
