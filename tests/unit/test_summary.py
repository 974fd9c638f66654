"""What ``--json`` prints of a run and of a model keeps its keys."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from churnml.modelling.record import ModelRecord
from churnml.pages.summary import RunSummary, ScoredBy, model_data

RECORD = ModelRecord.read(json.loads((Path(__file__).parent / "records" / "version_1.json").read_text("utf-8")))
SUMMARY = RunSummary(
    project="tiny",
    as_of=dt.date(2025, 1, 1),
    data_through=dt.date(2024, 12, 31),
    accounts_scored=3,
    scored_by={"churn": ScoredBy("1", 0.05), "upsell": ScoredBy(None, None)},
    rows={"accounts": 3},
    quarantined={"usage_events": {"future": 2}},
    warned={},
    models={"churn": RECORD},
    bands={"healthy": 3},
    decisions={"in_trouble": 1},
    dispositions={"opened": 1, "overflow": 1},
    overflow_value=12.5,
    hierarchy_problems=(),
    health_events={},
    mrr=300.0,
    leaving_accounts=1,
    leaving_mrr=50.0,
    mrr_at_risk=None,
)


def test_a_run_is_printed_under_the_keys_it_always_had() -> None:
    data = SUMMARY.as_data()
    assert json.loads(json.dumps(data)) == data | {"models": {"churn": model_data(RECORD)}}
    assert " ".join(data) == (
        "project as_of data_through accounts_scored scored_by rows quarantined warned models bands decisions outcomes "
        "left_lying capacity family_problems health_events mrr leaving mrr_at_risk breaks held remarks"
    )
    assert data["as_of"] == "2025-01-01"
    assert data["scored_by"] == {
        "churn": {"version": "1", "health_only": False, "base_rate": 0.05},
        "upsell": {"version": None, "health_only": True, "base_rate": None},
    }
    assert (data["outcomes"], data["left_lying"]) == ({"opened": 1, "overflow": 1}, 12.5)
    assert data["leaving"] == {"accounts": 1, "mrr": 50.0}


def test_a_model_is_printed_under_the_keys_it_always_had() -> None:
    data = model_data(RECORD)
    assert " ".join(data) == (
        "version promoted because cutoff rows positives roc_auc average_precision brier log_loss calibration_error "
        "calibration calibration_error_by_chance at_capacity decision rivals ahead_of shift slices leaks when later "
        "pooled trained_on data_fingerprint made_with best_possible"
    )
    assert data["roc_auc"] == RECORD.figures["model"]["roc_auc"].model_dump()
    assert data["cutoff"] == str(RECORD.cutoff)
