"""Time travel through the front door: the files themselves are cut back to what was known at a date."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.flows.conftest import churnml

AS_OF = "2024-06-03"
A_DAY = pd.Timedelta(days=1)
KEY = ["account_id", "as_of"]


def features(project: Path, out: Path) -> pd.DataFrame:
    said = churnml("features", "--as-of", AS_OF, "--out", out, "--project", project)
    assert said.code == 0, said.err
    return pd.read_parquet(out).set_index(KEY)


def times(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column, errors="coerce")


def forget_what_came_later(project: Path) -> None:
    """Removes every row known at or after AS_OF, and every later fact from the rows that stay."""
    now = pd.Timestamp(AS_OF)
    events = pd.read_parquet(project / "data/product_events.parquet")
    events[events["received_at"] < now].to_parquet(project / "data/product_events.parquet", index=False)

    contracts = pd.read_csv(project / "data/contracts.csv", dtype=str)
    begun = times(contracts["valid_from"])
    contracts = contracts[(begun < now) | begun.isna()]
    told = times(contracts["notice_received"]).fillna(times(contracts["valid_to"]))
    contracts.loc[told >= now, ["valid_to", "notice_received"]] = None
    contracts.to_csv(project / "data/contracts.csv", index=False)

    tickets = pd.read_csv(project / "data/helpdesk_tickets.csv", dtype=str)
    opened = times(tickets["created"])
    tickets = tickets[(opened < now) | opened.isna()]
    tickets.loc[times(tickets["satisfaction_at"]).fillna(times(tickets["closed"])) >= now, "satisfaction"] = None
    for column in ("first_reply", "closed", "reopened", "escalated", "satisfaction_at"):
        tickets.loc[times(tickets[column]) >= now, column] = None
    tickets.to_csv(project / "data/helpdesk_tickets.csv", index=False)

    accounts = pd.read_csv(project / "data/crm_accounts.csv", dtype=str)
    created = times(accounts["created_on"])
    accounts[(created < now) | created.isna()].to_csv(project / "data/crm_accounts.csv", index=False)


def test_forgetting_all_that_was_known_later_changes_no_feature_by_a_bit(company: Path, tmp_path: Path) -> None:
    before = features(company, tmp_path / "before.parquet")
    forget_what_came_later(company)
    after = features(company, tmp_path / "after.parquet")
    assert len(before) > 100
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_late_rows_made_known_a_day_before_the_date_change_the_features(company: Path, tmp_path: Path) -> None:
    """The positive control: the same files do hold late rows, and the features would show them if they could."""
    before = features(company, tmp_path / "before.parquet")
    now = pd.Timestamp(AS_OF)
    path = company / "data/product_events.parquet"
    events = pd.read_parquet(path)
    late = (events["event_time"] < now) & (events["received_at"] >= now)
    assert late.sum() >= 5
    events.loc[late, "received_at"] = now - A_DAY
    events.to_parquet(path, index=False)
    after = features(company, tmp_path / "after.parquet")
    counts = ["usage_events_7d", "usage_events_28d", "usage_events_90d"]
    assert (after[counts] >= before[counts]).all().all()
    assert (after["usage_events_90d"] > before["usage_events_90d"]).any()
