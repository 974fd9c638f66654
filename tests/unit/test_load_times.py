"""Rows that all became known when a load stamped them are told: before it, no cutoff knows any of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import ibis
import pytest

from churnml.adapters.warehouse.load_times import tell_load_time
from churnml.adapters.warehouse.reading import Reading, ReadingCounts
from churnml.errors import ContractError
from churnml.remarks import RemarkKind
from churnml.tables import SUPPORT_TICKETS
from churnml.timeline import days
from tests.support import TODAY, ingest_tables, make_project

FIRST = dt.datetime.fromisoformat("2024-02-05 08:15:00")
LOADED = dt.datetime.fromisoformat("2024-11-20 02:10:00")
ACCOUNTS = "account_id | created_at\nk | 2023-01-01"
Known = Callable[[int, dt.datetime], dt.datetime]


def told(root: Path, known: Known, every: int = 8) -> list[tuple[int, tuple[str, ...]]]:
    """What is told of 30 tickets, one each ``every`` days, known at ``known`` of their place and time."""
    opened = [FIRST + days(every * n) for n in range(30)]
    counts = ReadingCounts(given={"support_tickets": ["known_at"]})
    reading = Reading(
        ibis.duckdb.connect(), make_project(root, {"accounts": ACCOUNTS}), TODAY, root, frozenset(), counts
    )
    reading.con.execute("CREATE TABLE t (happened TIMESTAMP, known TIMESTAMP, rows INTEGER)")
    reading.con.executemany("INSERT INTO t VALUES (?, ?, 1)", [(at, known(n, at)) for n, at in enumerate(opened)])
    tell_load_time(reading, SUPPORT_TICKETS, "FROM t")
    reading.backend.disconnect()
    assert {one.kind for one in counts.remarks} <= {RemarkKind.LOAD_TIME}
    return [(one.rows, one.samples) for one in counts.remarks]


STAMPED: list[tuple[Known, int, str]] = [
    (lambda n, at: LOADED, 30, "2024-11-20 02:10:00"),
    # a load takes its time
    (lambda n, at: LOADED + dt.timedelta(minutes=n), 30, "2024-11-20 02:10 to 02:39"),
    (lambda n, at: LOADED.replace(hour=0, minute=0), 30, "2024-11-20"),
    (lambda n, at: LOADED + days(n % 3), 30, "2024-11-20 to 2024-11-22"),
    # loaded once, and as it comes since
    (lambda n, at: LOADED if n < 25 else at + days(300), 25, "2024-11-20 02:10:00"),
]


@pytest.mark.parametrize(("known", "rows", "sample"), STAMPED)
def test_one_load_that_stamped_most_rows_is_told(known: Known, rows: int, sample: str, tmp_path: Path) -> None:
    assert told(tmp_path, known) == [(rows, (sample,))]


ARRIVING: list[Known] = [
    lambda n, at: at + dt.timedelta(hours=9),
    lambda n, at: at + days(20),
    # a load at the end of each quarter
    lambda n, at: dt.datetime(at.year, 3 * ((at.month - 1) // 3) + 3, 28),  # noqa: DTZ001
    # a third was entered afterwards
    lambda n, at: LOADED if n < 10 else at,
]


@pytest.mark.parametrize("known", ARRIVING)
def test_rows_that_arrive_as_they_happen_are_not(known: Known, tmp_path: Path) -> None:
    assert told(tmp_path, known) == []


def test_rows_of_one_day_that_were_known_on_that_day_are_not(tmp_path: Path) -> None:
    assert told(tmp_path, lambda n, at: at + dt.timedelta(hours=1), every=0) == []


def test_it_is_told_of_each_table_and_of_usage_by_the_day(tmp_path: Path) -> None:
    at = [FIRST + days(20 * n) for n in range(6)]
    header = "known_at | account_id"
    tables = {
        "accounts": ACCOUNTS,
        "subscriptions": f"{header} | subscription_id | starts_at | mrr\n"
        + "\n".join(f"{LOADED} | k | s{n} | {one} | 50" for n, one in enumerate(at)),
        "usage_events": f"{header} | occurred_at | event\n"
        + "\n".join(f"{LOADED} | k | {one} | login" for one in [*at, *at]),
        "support_tickets": f"{header} | ticket_id | opened_at\n"
        + "\n".join(f"{LOADED} | k | t{n} | {one}" for n, one in enumerate(at)),
    }
    remarks = ingest_tables(tmp_path, tables).remarks
    loads = {r.table: (r.rows, r.samples) for r in remarks if r.kind is RemarkKind.LOAD_TIME}
    assert loads == {
        "subscriptions": (6, (str(LOADED),)),
        "usage_events": (12, ("2024-11-20",)),
        "support_tickets": (6, (str(LOADED),)),
    }
    # known only after the data end, no contract is left: the stop says what to mend
    few = {name: tables[name] for name in ("accounts", "subscriptions")}
    with pytest.raises(ContractError) as stop:
        ingest_tables(tmp_path / "earlier", few, data_through="2024-10-31")
    assert "6 × future" in str(stop.value)
    assert "leave known_at out of sources/subscriptions.sql" in str(stop.value.remedy)
