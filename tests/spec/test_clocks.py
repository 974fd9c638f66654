"""Hours that pass while clocks are moved, and hours that nobody wrote down."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from churnml.adapters.warehouse import Ingested, facts_of
from churnml.remarks import RemarkKind
from tests.support import day, features_at, ingest_tables, kept

ACCOUNTS = "account_id | created_at\na | 2023-01-01"
ANSWER, RESOLUTION = "tickets_first_response_hours_180d", "tickets_resolution_hours_180d"


def with_tickets(root: Path, rows: str, timezone: str) -> Ingested:
    tickets = f"account_id | ticket_id | opened_at | first_response_at | resolved_at\n{rows}"
    names = sorted({line.split("|")[0].strip() for line in rows.strip().splitlines()})
    tables = {
        "accounts": "account_id | created_at\n" + "\n".join(f"{name} | 2023-01-01" for name in names),
        "support_tickets": tickets,
    }
    return ingest_tables(root, tables, timezone=timezone)


def hours(found: Ingested, *as_of: str) -> pd.DataFrame:
    """By account and cutoff: hours to the first answer, and to resolution."""
    facts = facts_of(found, ())
    families = ("tickets.backlog", "tickets.response", "tickets.resolution")
    return features_at(facts, *map(day, as_of), families=families).set_index(["account_id", "as_of"]).round(3)


def test_hours_of_a_ticket_are_those_that_passed(tmp_path: Path) -> None:
    # the night of 27 October has two hours from two to three in Berlin: the second begins at 01:00 UTC
    rows = """
        both | t1 | 2024-10-27T00:50:00Z | 2024-10-27T01:10:00Z | 2024-10-27T01:20:00Z
        wall | t2 | 2024-10-27 02:50     | 2024-10-27 02:10     | 2024-10-27 02:20
        once | t3 | 2024-10-27 02:10     | 2024-10-27 02:50     | 2024-10-27 03:10
        long | t4 | 2024-10-26 12:00     | 2024-10-26 13:00     | 2024-10-27 12:00
        none | t5 | 2024-10-22 12:00     | 2024-10-22 13:30     | 2024-10-23 12:00
        lost | t6 | 2024-03-30 12:00     | 2024-03-30 13:00     | 2024-03-31 12:00
    """
    found = with_tickets(tmp_path, rows, "Europe/Berlin")
    assert found.rows["support_tickets"] == 6
    known = hours(found, "2024-04-10", "2024-11-10")
    expected = {
        "both": [0.333, 0.5],
        "wall": [0.333, 0.5],  # the reading that keeps what came first before what came after
        "once": [0.667, 2.0],
        "long": [1.0, 25.0],
        "none": [1.5, 24.0],
    }
    autumn, spring = pd.Timestamp("2024-11-10"), pd.Timestamp("2024-04-10")
    assert {name: list(known.loc[(name, autumn), [ANSWER, RESOLUTION]]) for name in expected} == expected
    assert list(known.loc[("lost", spring), [ANSWER, RESOLUTION]]) == [1.0, 23.0]


def test_an_answer_after_the_cutoff_is_not_known_whatever_stands_beside_it(tmp_path: Path) -> None:
    rows = "a | t | 2024-10-27T00:50:00Z | 2024-10-28T01:10:00Z | 2024-10-29T01:20:00Z"
    known = hours(with_tickets(tmp_path, rows, "Europe/Berlin"), "2024-10-28", "2024-10-29")[ANSWER]
    assert [pd.isna(value) for value in known] == [True, False]
    assert known.iloc[1] == 24.333


def test_what_came_before_is_set_aside_all_the_same(tmp_path: Path) -> None:
    rows = "a | t | 2024-10-27T01:20:00Z | | 2024-10-27T01:10:00Z\na | u | 2024-10-28 02:20 | | 2024-10-28 02:10"
    found = with_tickets(tmp_path, rows, "Europe/Berlin")
    assert found.quarantined["support_tickets"] == {"resolved_before_opened": 2}


def test_where_clocks_are_not_moved_nothing_stands_beside_a_ticket(tmp_path: Path) -> None:
    rows = "a | t | 2024-10-22 12:00 | 2024-10-22 13:30 | 2024-10-23 12:00"
    assert not [c for c in kept(with_tickets(tmp_path, rows, "UTC"), "support_tickets") if c.endswith("_shift_seconds")]


def test_an_event_that_arrived_in_the_second_of_two_hours_arrived_after_it_happened(tmp_path: Path) -> None:
    events = """
        account_id | occurred_at          | event | known_at
        a          | 2024-10-27T00:50:00Z | login | 2024-10-27T01:05:00Z
        a          | 2024-10-27T01:50:00Z | login | 2024-10-27T01:05:00Z
    """
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": events}, timezone="Europe/Berlin")
    assert found.warned["usage_events"] == {"known_before_occurred": 1}


def test_hours_between_dates_are_not_known(tmp_path: Path) -> None:
    rows = "a | t | 2024-10-22 | 2024-10-22 | 2024-10-24\na | u | 2024-10-23 | 2024-10-24 | 2024-10-25"
    found = with_tickets(tmp_path, rows, "UTC")
    row = hours(found, "2024-11-10").iloc[0]
    assert [pd.isna(row[name]) for name in (ANSWER, RESOLUTION)] == [True, True]
    assert row["tickets_open"] == 0
    told = {one.column for one in found.remarks if one.kind is RemarkKind.NO_HOURS}
    assert told == {"opened_at", "first_response_at", "resolved_at"}


@pytest.mark.parametrize(("clock", "share"), [("", None), (" 22:00", 0.0), (" 10:00", 1.0)])
def test_the_share_of_office_hours_is_not_known_of_dates(clock: str, share: float | None, tmp_path: Path) -> None:
    events = pd.DataFrame(
        {"account_id": "a", "occurred_at": [f"2024-10-{n}{clock}" for n in (21, 22, 23)], "event": "login"}
    )
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": events})
    row = features_at(facts_of(found, ()), day("2024-11-01"), families=("usage.rhythm",)).iloc[0]
    office = row["usage_office_share_90d"]
    assert pd.isna(office) if share is None else office == share
    assert row["usage_weekend_share_90d"] == 0
