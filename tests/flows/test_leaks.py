"""A leak planted in a source is flagged in training and not promoted; the same company without it is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tests.flows.conftest import churnml

SPEC = """name: churn
means: as ever, on few features
label: {kind: contract, gap: 7, horizon: 91, grace: 28}
features: {families: [usage.recency, usage.by_event, account.attributes], event_names: [workspace_archived]}
promote_if: {min_positives: 5}
"""


def trained(project: Path) -> dict:
    said = churnml("train", "churn", "--project", project, "--no-prefect", "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)["churn"]


def with_few_features(project: Path) -> None:
    spec = project / "models" / "churn" / "spec.yaml"
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(SPEC, "utf-8")


def left(project: Path) -> pd.Series:
    """When each account that has left for good did so."""
    contracts = pd.read_csv(project / "data" / "contracts.csv", dtype=str)
    last = contracts.sort_values("valid_from").drop_duplicates("account_no", keep="last").set_index("account_no")
    return pd.to_datetime(last["valid_to"], errors="coerce", format="mixed").dropna()


def plant_a_reason(project: Path) -> None:
    """A CRM field that somebody fills in for most of those who have left, and now and then for others."""
    rng, path = np.random.default_rng(1), project / "data" / "crm_accounts.csv"
    accounts = pd.read_csv(path, dtype=str)
    gone = accounts["account_no"].isin(left(project).index)
    filled = np.where(gone, rng.random(len(accounts)) < 0.95, rng.random(len(accounts)) < 0.01)
    accounts["why"] = np.where(filled, rng.choice(["price", "product", "closed"], len(accounts)), None)
    accounts.to_csv(path, index=False)
    source = project / "sources" / "accounts.sql"
    source.write_text(source.read_text("utf-8").replace("region,", "region, why AS cancel_reason,"), "utf-8")
    project_file = project / "project.yaml"
    project_file.write_text(project_file.read_text("utf-8").replace("static: [", "static: [cancel_reason, "), "utf-8")


def plant_an_event(project: Path) -> None:
    """Usage that is logged when an account has left, and dated back to weeks before."""
    path = project / "data" / "product_events.parquet"
    events, gone = pd.read_parquet(path), left(project)
    gone = gone[gone < "2024-12-01"]
    back = [
        events.iloc[: len(gone)].assign(
            account_no=gone.index, event_name="workspace_archived", event_time=gone.to_numpy() - pd.Timedelta(days=days)
        )
        for days in (40, 70, 95)
    ]
    added = pd.concat(back, ignore_index=True)
    if "received_at" in added:
        added["received_at"] = added["event_time"]
    pd.concat([events, added.astype(events.dtypes)], ignore_index=True).to_parquet(path, index=False)


def test_a_leak_planted_in_a_source_is_named_and_never_promoted(company: Path) -> None:
    with_few_features(company)
    plant_a_reason(company)
    plant_an_event(company)
    found = trained(company)
    assert found["promoted"] is False
    assert "'account_cancel_reason' gives the outcome away" in found["because"]
    assert "'usage_event_workspace_archived" in found["because"]
    named = {leak["feature"] for leak in found["leaks"]}
    assert "account_cancel_reason" in named
    assert not named & {"account_segment", "account_industry", "account_region", "usage_days_since_last"}
    # the version is there to be looked at, and there is no champion
    versions = json.loads(churnml("models", "list", "--project", company, "--json").out)["churn"]
    assert [version["champion"] for version in versions] == [False]
    assert "gives the outcome away" in versions[0]["verdict"]


def test_the_same_company_without_the_plants_is_not_flagged(company: Path) -> None:
    with_few_features(company)
    found = trained(company)
    assert found["leaks"] == []
    assert "gives the outcome away" not in found["because"]
