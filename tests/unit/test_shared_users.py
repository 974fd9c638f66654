"""Users that are nobody or many, and event names that look alike, are told of usage as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from churnml.adapters.warehouse.shared_users import hardly_one
from churnml.remarks import RemarkKind
from tests.support import ingest_tables

ACCOUNTS = [f"c{n}" for n in range(6)]
# account, user, events
Users = list[tuple[str, str | None, int]]


def people(events: int, names: Iterable[str] = ("ann", "ben", "cho")) -> Users:
    return [(account, f"{name}@{account}", events) for account in ACCOUNTS for name in names]


def each(user: str | None, events: int) -> Users:
    return [(account, user, events) for account in ACCOUNTS]


def ids_told(users: Users) -> dict[str, int]:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE _users (account_id VARCHAR, user_id VARCHAR, n BIGINT)")
        con.executemany("INSERT INTO _users VALUES (?, ?, ?)", users)
        return {row[0]: row[1] for row in con.execute(hardly_one()).fetchall()}


@pytest.mark.parametrize(
    "user",
    ["anonymous", "Guest", "system", "0", "-1", "00000000-0000-0000-0000-000000000000", "no-one", "api@c.example"],
)
def test_an_id_for_nobody_with_a_large_share_of_the_events_is_told(user: str) -> None:
    assert ids_told([*people(10), *each(user, 40)]) == {user: 240}
    assert ids_told([*people(1000), (ACCOUNTS[0], user, 1)]) == {}
    # of one account it may be nearly all
    assert ids_told([*people(1000), ("other", user, 9)]) == {user: 9}


@pytest.mark.parametrize("user", ["0", "portal"])
def test_so_is_one_that_stands_out_among_ids_that_every_account_uses(user: str) -> None:
    again = [row for name in ("u1", "u2", "u3") for row in each(name, 10)]
    assert ids_told([*again, *each(user, 40)]) == {user: 240}


def test_so_is_one_that_most_accounts_share_and_a_program_among_people() -> None:
    assert ids_told([*people(10), *each("k-4711", 40)]) == {"k-4711": 240}
    assert ids_told([*people(10, "abcdef"), (ACCOUNTS[0], "worker", 3000)]) == {"worker": 3000}


@pytest.mark.parametrize(
    "users",
    [
        people(10),
        each(None, 100),
        # each account counts its users from 0
        [*each("0", 30), *each("1", 30), *each("2", 30)],
        # somebody who looks after two customers, and whoever is busy in an account of few
        [*people(10), (ACCOUNTS[0], "agency", 500), (ACCOUNTS[1], "agency", 500)],
        [*people(3), (ACCOUNTS[0], "dora", 400)],
    ],
)
def test_people_are_not(users: Users) -> None:
    assert ids_told(users) == {}


def test_usage_is_told_of_with_counts_and_what_to_write(tmp_path: Path) -> None:
    names = ["view_all", "View_All", "view all", " login", "login"]
    users = ["anonymous", "Ann", "ann", "anonymous", "anonymous"]
    rows = [
        {"account_id": account, "occurred_at": f"2024-05-{day:02} 10:00", "event": names[n], "user_id": users[n]}
        for account in ("a", "b")
        for day in range(1, 11)
        for n in range(5)
        if n != 2 or day < 3
    ]
    accounts = "account_id | created_at\na | 2023-01-01\nb | 2023-01-01"
    remarks = ingest_tables(tmp_path, {"accounts": accounts, "usage_events": pd.DataFrame(rows)}).remarks
    told = {(one.kind, one.column): one for one in remarks if one.table == "usage_events"}
    names_told = told[RemarkKind.NEAR_NAME, "event"]
    assert names_told.samples == ("View_All (20) and view_all (20) and view all (4)",)
    assert (names_told.rows, told[RemarkKind.NEAR_NAME, "user_id"].samples) == (24, ("Ann (20) and ann (4)",))
    assert told[RemarkKind.SPELLING, "event"].samples == ("' login'",)
    shared = told[RemarkKind.SHARED_USER, "user_id"]
    assert (shared.rows, shared.samples) == (60, ("anonymous (71 % of the events, 2 accounts)",))
    assert "nullif(user_id, 'anonymous') AS user_id" in shared.detail
