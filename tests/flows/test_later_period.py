"""A second, later period checks what was promoted on the first, and is touched by nothing before."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from churnml.jobs.judging import judge_challenger
from churnml.jobs.opening import open_data
from churnml.jobs.recording import record_of
from churnml.jobs.training import Collected, collect, fit_challenger
from churnml.labels import Label
from churnml.pages.summary import model_data
from churnml.pages.terminal.models import model_text
from churnml.specs.models import Cutoffs, ModelSpec

TODAY = dt.date(2026, 1, 1)


@pytest.fixture(scope="module")
def long(ran):
    """Churn with a short window, so that two years hold two periods to judge by."""
    opened = open_data(ran, TODAY)
    said = opened.project.model("churn")
    label = Label(kind="contract", gap=7, horizon=56, grace=0)
    features = said.features.model_copy(update={"families": ("usage.active_days", "subscriptions.*"), "event_names": 0})
    spec = ModelSpec.model_validate(
        said.model_copy(
            update={"label": label, "features": features, "cutoffs": Cutoffs(every=21, at_most=40), "hazard": None}
        ).model_dump(mode="json", exclude_unset=True)
    )
    collected = collect(opened, spec)
    fitted = fit_challenger(opened, spec, collected)
    return opened, spec, collected, fitted


def test_the_later_periods_figures_stand_in_the_record(long):
    opened, spec, collected, fitted = long
    split = collected.split
    assert split.later is not None
    assert spec.label.reach.settled_on(split.judged) <= split.later
    judged = judge_challenger(opened, spec, collected, fitted, None)
    record = record_of(opened, spec, collected, fitted, judged).registered_as("1")
    later = record.later
    rows = collected.rows[collected.rows["as_of"] == pd.Timestamp(split.later)]
    assert later.cutoff == split.later
    assert later.rows == rows["label"].notna().sum()
    assert {"model", "base_rate", "recency", "logistic_regression"} <= set(later.figures)
    assert later.figures != record.figures
    assert model_data(record)["later"] == later.model_dump(mode="json")
    auc = later.figures["model"]["roc_auc"]
    assert f"at {split.later}" in model_text(record)
    assert f"ROC AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]," in model_text(record)


def test_what_no_longer_holds_in_the_later_period_is_not_promoted(long):
    opened, spec, collected, fitted = long
    rows = collected.rows.copy()
    at = rows["as_of"] == pd.Timestamp(collected.split.later)
    # nobody who left then is among those the model would name
    p = fitted.predictor.predict(rows[at])
    rows.loc[at, "label"] = (pd.Series(p).rank(pct=True).to_numpy() < rows.loc[at, "label"].mean()).astype(float)
    turned = Collected(**{**collected.__dict__, "rows": rows})
    verdict = judge_challenger(opened, spec, turned, fitted, None).verdict
    assert not verdict.promoted
    assert "in the later period it is not shown to rank better than chance" in verdict.because


def test_the_later_period_teaches_nothing(long):
    opened, spec, collected, fitted = long
    rows = collected.rows.copy()
    at = rows["as_of"] >= pd.Timestamp(collected.split.judged)
    rows.loc[at, "label"] = 1 - rows.loc[at, "label"]
    turned = Collected(**{**collected.__dict__, "rows": rows})
    again = fit_challenger(opened, spec, turned)
    assert again.predictor.booster.model_to_string() == fitted.predictor.booster.model_to_string()
    assert again.predictor.calibration == fitted.predictor.calibration
    # and it would show if it did
    rows.loc[rows["as_of"] == pd.Timestamp(collected.split.train[-1]), "label"] = 1.0
    other = fit_challenger(opened, spec, Collected(**{**collected.__dict__, "rows": rows}))
    assert other.predictor.booster.model_to_string() != fitted.predictor.booster.model_to_string()
