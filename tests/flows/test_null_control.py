"""With labels shuffled within cutoffs nothing is promoted: the benchmark's own functions, on a small company."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from benchmarks.null_control import outcomes, shuffled
from churnml.jobs.opening import open_data
from churnml.jobs.training import collect

SPEC = """name: churn
means: as ever, on few features
label: {kind: contract, gap: 7, horizon: 91, grace: 28}
features: {families: [usage.recency, usage.active_users, subscriptions.renewal], event_names: 0}
promote_if: {beats: [base_rate, champion], figures: [roc_auc], min_positives: 5}
"""


def test_shuffled_labels_promote_nothing_where_the_true_ones_do(company: Path) -> None:
    (company / "models" / "churn").mkdir(parents=True, exist_ok=True)
    (company / "models" / "churn" / "spec.yaml").write_text(SPEC, "utf-8")
    opened = open_data(company, dt.date(2025, 1, 1))
    spec = opened.project.model("churn")
    true, *null = outcomes(opened, spec, seeds=2)
    assert true.promoted, true.because
    assert [outcome.promoted for outcome in null] == [False, False]
    assert all(abs(outcome.roc_auc - 0.5) < 0.2 for outcome in null)

    rows = collect(opened, spec).rows
    dealt = shuffled(rows, seed=0)
    assert dealt.drop(columns="label").equals(rows.drop(columns="label"))
    assert (dealt["label"].isna() == rows["label"].isna()).all()
    assert dealt.groupby("as_of")["label"].sum().equals(rows.groupby("as_of")["label"].sum())
    assert np.nansum(dealt["label"] != rows["label"]) > 0
