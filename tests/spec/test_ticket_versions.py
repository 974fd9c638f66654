"""Rows of one ticket are its versions: which of them stands when, and what is told of them."""

from __future__ import annotations

import pandas as pd
import pytest

from churnml.adapters.warehouse import facts_of, ingest
from churnml.adapters.warehouse.forgotten import checked_rows
from churnml.adapters.warehouse.profile import read_profile
from churnml.remarks import RemarkKind
from tests.support import TODAY, day, features_at, ingest_tables, kept, make_project, set_aside, table

ACCOUNTS = "account_id | created_at\na | 2023-01-01\nb | 2023-01-01"
CUTOFF = day("2024-07-01")
OPEN, HOURS, CSAT = "tickets_open", "tickets_first_response_hours_180d", "tickets_csat_180d"


def tickets(folder, rows, *cutoffs, account="a", **given):
    """The ticket features of an account, a row a cutoff."""
    found = ingest_tables(folder, {"accounts": ACCOUNTS, "support_tickets": rows}, **given)
    features = features_at(facts_of(found, ()), *(cutoffs or (CUTOFF,)), families=("tickets.*",))
    return features[features["account_id"] == account].set_index("as_of")


def told(found):
    return {(one.kind, one.rows): one for one in found.remarks if one.table == "support_tickets"}


# ---------------------------------------------------------------- without known_at

APPENDED = """
    account_id | ticket_id | opened_at        | first_response_at | resolved_at      | csat | csat_at
    a          | t1        | 2024-05-02 08:00 |                   |                  |      |
    b          | t2        | 2024-05-02 08:00 |                   |                  |      |
    a          | t1        | 2024-05-02 08:00 | 2024-05-02 10:30  |                  |      |
    a          | t1        | 2024-05-02 08:00 | 2024-05-02 10:30  | 2024-05-04 08:00 | 2    | 2024-05-05
"""


def test_without_known_at_the_last_row_of_the_file_stands_and_is_told(tmp_path):
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "support_tickets": APPENDED})
    assert found.rows["support_tickets"] == 2
    assert set_aside(found) == []
    (remark,) = told(found).values()
    assert (remark.kind, remark.rows, remark.samples) == (RemarkKind.FURTHER_VERSION, 2, ("t1",))
    assert "No known_at is mapped" in remark.detail
    row = features_at(facts_of(found, ()), CUTOFF, families=("tickets.*",)).set_index("account_id").loc["a"]
    assert (row[OPEN], row[HOURS], row[CSAT]) == (0, 2.5, 2)


def test_its_facts_still_count_from_their_own_time_on(tmp_path):
    seen = tickets(tmp_path, APPENDED, day("2024-05-03"), day("2024-05-05"), day("2024-05-06"))
    assert list(seen[OPEN]) == [1, 0, 0]
    assert list(seen[CSAT].fillna(0)) == [0, 0, 2]


def test_a_row_that_says_what_the_one_before_it_says_is_a_duplicate(tmp_path):
    twice = """
        account_id | ticket_id | opened_at  | priority
        a          | t1        | 2024-05-02 | low
        a          | t1        | 2024-05-02 | low
        a          | t1        | 2024-05-02 | high
        a          | t1        | 2024-05-02 | high
    """
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "support_tickets": twice})
    assert set_aside(found) == [("support_tickets", "duplicate", 2), ("support_tickets", "duplicate", 4)]
    assert list(kept(found, "support_tickets")["priority"]) == ["high"]


def test_a_row_that_says_again_what_an_earlier_one_said_stands_when_it_is_the_last(tmp_path):
    back = """
        account_id | ticket_id | opened_at  | resolved_at
        a          | t1        | 2024-05-02 |
        a          | t1        | 2024-05-02 | 2024-05-03
        a          | t1        | 2024-05-02 |
    """
    assert tickets(tmp_path, back)[OPEN].iloc[0] == 1


def test_a_version_that_is_set_aside_leaves_the_one_before_it_standing(tmp_path):
    rows = """
        account_id | ticket_id | opened_at        | resolved_at
        a          | t1        | 2024-05-02 08:00 | 2024-05-03 08:00
        a          | t1        | 2024-05-02 08:00 | 2024-04-03 08:00
        nobody     | t1        | 2024-05-02 08:00 |
    """
    seen = tickets(tmp_path, rows)
    assert seen[OPEN].iloc[0] == 0
    assert seen["tickets_resolution_hours_180d"].iloc[0] == 24


def test_a_later_opening_in_the_last_row_is_a_correction_and_not_a_later_arrival(tmp_path):
    rows = """
        account_id | ticket_id | opened_at  | resolved_at
        a          | t1        | 2024-05-09 | 2024-05-11
        a          | t1        | 2024-05-02 |
    """
    seen = tickets(tmp_path, rows, day("2024-05-05"), day("2024-05-20"))
    assert list(seen["tickets_oldest_open_days"]) == [3, 18]


@pytest.mark.parametrize("select", ["SELECT source_row, * EXCLUDE (source_row)", "SELECT * EXCLUDE (source_row)"])
def test_files_of_one_input_follow_each_other_by_name_whatever_their_rows_are_numbered(select, tmp_path):
    (tmp_path / "data").mkdir()
    first = "account_id,ticket_id,opened_at,resolved_at\nb,t2,2024-05-02,\na,t1,2024-05-02,\n"
    second = "account_id,ticket_id,opened_at,resolved_at\na,t1,2024-05-02,2024-05-03\n"
    # written in the other order, so that the name decides and not the time of writing
    (tmp_path / "data/tickets-2024-05-03.csv").write_text(second)
    (tmp_path / "data/tickets-2024-05-02.csv").write_text(first)
    project = make_project(
        tmp_path,
        {"accounts": ACCOUNTS},
        inputs={"desk": {"path": "data/tickets-*.csv"}},
        sources={"support_tickets": f"{select} FROM desk"},
    )
    found = ingest(project, TODAY)
    assert list(kept(found, "support_tickets").set_index("ticket_id")["resolved_at"].notna()[["t1", "t2"]]) == [
        True,
        False,
    ]


# ---------------------------------------------------------------- with known_at

SYNCED = """
    account_id | ticket_id | opened_at        | first_response_at | resolved_at      | priority | known_at
    a          | t1        | 2024-05-01 08:00 |                   |                  | low      | 2024-05-10 06:00
    a          | t1        | 2024-05-01 08:00 | 2024-05-02 08:00  | 2024-05-03 08:00 | low      | 2024-05-20 06:00
    a          | t1        | 2024-05-01 08:00 | 2024-05-04 08:00  |                  | urgent   | 2024-05-30 06:00
"""
ON = [day(f"2024-05-{n}") for n in ("10", "11", "20", "21", "30", "31")]


def test_as_of_any_cutoff_the_last_version_known_then_stands(tmp_path):
    seen = tickets(tmp_path, SYNCED, *ON)
    assert list(seen["tickets_opened_90d"]) == [0, 1, 1, 1, 1, 1], "not seen before it arrived"
    assert list(seen[OPEN]) == [0, 1, 1, 0, 0, 1], "reopened only once the correction was known"
    assert list(seen[HOURS].fillna(0)) == [0, 0, 0, 24, 24, 72], "corrected only then"
    assert list(seen["tickets_serious_180d"]) == [0, 0, 0, 0, 0, 1]


def test_the_order_of_the_rows_is_nothing_where_known_at_says_it(tmp_path):
    rows = table(SYNCED)
    pd.testing.assert_frame_equal(
        tickets(tmp_path / "1", rows, *ON), tickets(tmp_path / "2", rows.iloc[::-1], *ON), check_exact=True
    )


def test_a_version_known_a_day_earlier_is_seen_a_day_earlier(tmp_path):
    earlier = SYNCED.replace("2024-05-20 06:00", "2024-05-19 06:00")
    assert tickets(tmp_path / "1", earlier, day("2024-05-20"))[OPEN].iloc[0] == 0
    assert tickets(tmp_path / "2", SYNCED, day("2024-05-20"))[OPEN].iloc[0] == 1


def test_of_versions_known_at_one_moment_the_last_in_the_file_stands(tmp_path):
    rows = """
        account_id | ticket_id | opened_at        | resolved_at      | known_at
        a          | t1        | 2024-05-01 09:00 | 2024-05-01 12:00 | 2024-05-02
        a          | t1        | 2024-05-01 09:00 |                  | 2024-05-02
        b          | t2        | 2024-05-01 09:00 |                  | 2024-05-01
        b          | t2        | 2024-05-01 09:00 | 2024-05-01 12:00 | 2024-05-01
    """
    assert tickets(tmp_path / "1", rows)[OPEN].iloc[0] == 1
    # known on the day it was opened, by dates: both count from its opening
    assert tickets(tmp_path / "2", rows, day("2024-05-02"), account="b")[OPEN].iloc[0] == 0


def test_a_full_export_every_day_makes_no_versions_of_what_did_not_change(tmp_path):
    days = pd.date_range("2024-05-02", "2024-05-20")
    rows = pd.DataFrame(
        {
            "account_id": "a",
            "ticket_id": "t1",
            "opened_at": "2024-05-01",
            "resolved_at": ["2024-05-09" if at >= pd.Timestamp("2024-05-10") else "" for at in days],
            "known_at": days.astype(str),
        }
    )
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "support_tickets": rows})
    assert list(kept(found, "support_tickets").sort_values("known_at")["known_at"].astype(str)) == [
        "2024-05-02",
        "2024-05-10",
    ]
    assert found.rows["support_tickets"] == 1
    assert found.quarantined == {}


def test_a_rating_whose_time_is_not_given_was_known_with_the_version_that_first_carried_it(tmp_path):
    rows = """
        account_id | ticket_id | opened_at  | csat | known_at
        a          | t1        | 2024-05-01 |      | 2024-05-01
        a          | t1        | 2024-05-01 | 4    | 2024-05-10
        b          | t2        | 2024-05-01 |      | 2024-05-01
    """
    seen = tickets(tmp_path, rows, day("2024-05-10"), day("2024-05-11"), day("2024-12-01"))
    assert list(seen[CSAT].fillna(0)) == [0, 4, 0], "and is half a year old in December"


def test_a_fact_dated_after_its_version_arrived_counts_from_its_own_time(tmp_path):
    rows = """
        account_id | ticket_id | opened_at  | resolved_at | known_at
        a          | t1        | 2024-05-01 | 2024-05-08  | 2024-05-02
    """
    assert list(tickets(tmp_path, rows, day("2024-05-08"), day("2024-05-09"))[OPEN]) == [1, 0]


def test_an_arrival_before_the_opening_is_told_and_counts_from_the_opening(tmp_path):
    rows = """
        account_id | ticket_id | opened_at  | resolved_at | known_at
        a          | t1        | 2024-05-09 | 2024-05-20  | 2024-05-03
        a          | t1        | 2024-05-05 |             | 2024-05-04
    """
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "support_tickets": rows})
    # the version known later stands, though the clock of the other one makes it count from a later day
    assert list(kept(found, "support_tickets")["known_at"].astype(str)) == ["2024-05-05"]
    assert found.warned["support_tickets"] == {"known_before_occurred": 1}


def test_a_ticket_that_moves_to_another_account_does_so_when_that_was_known_and_is_told(tmp_path):
    rows = """
        account_id | ticket_id | opened_at  | resolved_at | known_at
        a          | t1        | 2024-05-01 |             | 2024-05-01
        b          | t1        | 2024-05-01 |             | 2024-05-10
    """
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "support_tickets": rows})
    features = features_at(facts_of(found, ()), day("2024-05-10"), day("2024-05-11"), families=("tickets.*",))
    assert features.set_index(["as_of", "account_id"])[OPEN].tolist() == [1, 0, 0, 1]
    moved = told(found)[RemarkKind.MOVED, 1]
    assert moved.samples == ("t1",)
    assert "not unique" in moved.detail


# ---------------------------------------------------------------- what counts tickets counts no versions


def test_the_profile_of_a_load_counts_tickets_and_not_their_versions(tmp_path):
    once = "\n".join(line for line in SYNCED.splitlines() if "05-10 06" not in line and "05-20 06" not in line)
    for name, rows in (("versions", SYNCED), ("once", once)):
        given = {"accounts": ACCOUNTS, "support_tickets": rows}
        found = ingest_tables(tmp_path / name, given, data_through="2024-06-15")
        profile, feeds = read_profile(found.path)
        counted = profile.tables["support_tickets"]
        assert (counted.rows, counted.recent_rows, counted.by_day) == (1, 0, {"2024-05-01": 1})
        assert counted.nulls["resolved_at"] == 1.0, "as the ticket stands last"
        assert feeds.cells.query("contract_table == 'support_tickets'")["rows"].tolist() == [1]


def test_what_is_kept_of_somebody_counts_tickets_and_not_their_versions(tmp_path):
    project = make_project(tmp_path, {"accounts": ACCOUNTS, "support_tickets": SYNCED})
    ingest(project, TODAY)
    assert checked_rows(project, "account", "a") == {"accounts": 1, "support_tickets": 1}
