"""Tickets that were filed after their customer had left, dated back: what a project sees that says when they arrived."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.late_tickets import file_late_tickets, without_known_at
from churnml.adapters.project import open_project
from churnml.adapters.warehouse import facts_of, ingest
from churnml.features import Wish, choose
from churnml.simulate import simulate
from churnml.snapshots import build_snapshots

CUTOFFS = [dt.date(2023, month, 1) for month in (5, 7, 9, 11)]
TODAY = dt.date(2026, 1, 1)


def ticket_features(project: Path) -> pd.DataFrame:
    ingested = ingest(open_project(project), TODAY, parts=frozenset())
    facts = facts_of(ingested, (), None)
    accounts = pd.read_parquet(ingested.path / "accounts.parquet", columns=["account_id"])
    spine = accounts.merge(pd.DataFrame({"as_of": pd.to_datetime(CUTOFFS).astype("datetime64[us]")}), how="cross")
    built = build_snapshots(
        facts, choose(("tickets.opened", "tickets.backlog"), (), Wish((28, 90), (), (), ()), facts), spine
    )
    return built.set_index(["as_of", "account_id"]).sort_index()


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The company without late tickets, with them and their arrival, and with them alone."""
    folders = {name: tmp_path_factory.mktemp("late") / name for name in ("without", "mapped", "unmapped")}
    simulate(folders["mapped"], accounts=120, months=12, seed=5, events=2_000)
    shutil.copytree(folders["mapped"], folders["without"])
    assert file_late_tickets(folders["mapped"], seed=5) > 10
    without_known_at(folders["mapped"], folders["unmapped"])
    return folders


def test_a_ticket_that_arrives_late_changes_no_feature_before_unless_its_arrival_is_not_mapped(
    companies: dict[str, Path],
) -> None:
    features = {name: ticket_features(folder) for name, folder in companies.items()}
    tickets = pd.read_csv(companies["mapped"] / "data" / "helpdesk_tickets.csv", dtype=str)
    late = tickets[tickets["ticket_no"].str.startswith("L-")]
    first = late.assign(received=pd.to_datetime(late["received"])).groupby("account_no")["received"].min()
    arrives = features["without"].index.get_level_values("account_id").map(first)
    before = arrives >= features["without"].index.get_level_values("as_of")
    plain, mapped, unmapped = (features[name][before] for name in ("without", "mapped", "unmapped"))
    assert len(plain) > 20
    pd.testing.assert_frame_equal(mapped, plain, check_exact=True)
    assert not unmapped.equals(plain)
