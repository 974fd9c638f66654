"""How far the data reach: to the last full day, whatever single rows of a wrong clock say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from churnml.adapters.warehouse import Ingested, ingest
from churnml.adapters.warehouse.extent import StandsAlone, stands_alone
from churnml.remarks import RemarkKind
from churnml.timeline import plus_days
from tests.support import day, make_project

FIRST, TODAY = day("2024-03-01"), day("2024-12-31")
ACCOUNTS = "account_id | created_at\na | 2023-01-01"


def rows_on(*spans: tuple[str, int, int]) -> dict[dt.date, int]:
    """Day → rows, from (first day, days, rows a day)."""
    return {plus_days(day(first), n): rows for first, days, rows in spans for n in range(days)}


def test_a_few_rows_long_after_all_others_stand_alone() -> None:
    days = rows_on(("2024-03-01", 40, 5), ("2024-08-01", 1, 1), ("2024-10-01", 1, 1))
    assert stands_alone(days) == StandsAlone(rows=2, of=202, days=114, after=day("2024-04-09"))


@pytest.mark.parametrize(
    "days",
    [
        rows_on(("2024-03-01", 40, 5), ("2024-05-02", 1, 1)),  # not long after
        rows_on(("2024-03-01", 40, 5), ("2024-08-01", 3, 5)),  # days like all others
        rows_on(("2024-03-01", 1, 1), ("2024-04-20", 1, 1), ("2024-06-20", 1, 1)),  # it is seldom used
        rows_on(("2024-01-01", 20, 1), ("2024-03-20", 20, 1), ("2024-06-20", 1, 1)),  # it has paused so before
        rows_on(("2024-03-01", 1, 1)),
        {},
    ],
)
def test_other_rows_do_not(days: dict[dt.date, int]) -> None:
    assert stands_alone(days) is None


def test_a_few_rows_long_before_all_others_hide_none_that_stand_alone() -> None:
    days = rows_on(("2001-01-01", 1, 1), ("2024-03-01", 40, 5), ("2024-08-01", 1, 1))
    assert stands_alone(days) == StandsAlone(rows=1, of=202, days=114, after=day("2024-04-09"))


def read(root: Path, events: list[str], today: dt.date = TODAY, **tables: str) -> Ingested:
    usage = pd.DataFrame({"account_id": "a", "occurred_at": events, "event": "login"})
    project = make_project(root, {"accounts": ACCOUNTS, "usage_events": usage, **tables}, data_through=None)
    return ingest(project, today)


def daily(days: int) -> list[str]:
    return [f"{plus_days(FIRST, n)} 10:00" for n in range(days)]


def test_today_is_not_over_so_the_data_end_yesterday(tmp_path: Path) -> None:
    today = plus_days(FIRST, 30)
    found = read(tmp_path, [*daily(30), f"{today} 00:20"], today)
    assert found.data_through == plus_days(today, -1)
    assert found.quarantined["usage_events"] == {"future": 1}


def test_an_event_of_a_wrong_clock_sets_no_date_and_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, [*daily(60), "2024-10-15 08:30"])
    assert found.data_through == plus_days(FIRST, 59)
    assert found.quarantined["usage_events"] == {"future": 1}
    (told,) = [one for one in found.remarks if one.kind is RemarkKind.STANDS_ALONE]
    assert (told.table, told.rows, told.samples) == ("usage_events", 1, ("2024-10-15 08:30:00",))
    assert "1 of 61 lies 169 days after all others" in told.detail


def test_it_sets_the_date_where_another_table_has_rows_of_that_time(tmp_path: Path) -> None:
    tickets = "account_id | ticket_id | opened_at\na | t1 | 2024-10-03 09:00"
    found = read(tmp_path, [*daily(60), "2024-10-15 08:30"], support_tickets=tickets)
    assert found.data_through == day("2024-10-15")
    assert RemarkKind.STANDS_ALONE in {one.kind for one in found.remarks}


def test_an_export_that_ends_yesterday_ends_there_however_long_nothing_came(tmp_path: Path) -> None:
    assert read(tmp_path, [*daily(60), "2024-12-30 08:30"]).data_through == day("2024-12-30")
