"""Every figure that the terminal, the card and MLflow show comes from one computation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from churnml.adapters.project import open_project
from churnml.adapters.registry import registry_of
from churnml.modelling.evaluation import ALL_FIGURES
from tests.flows.conftest import churnml


@pytest.mark.parametrize("model", ["churn", "upsell"])
def test_mlflow_the_terminal_and_the_card_say_what_the_record_says(after_run: Path, model: str) -> None:
    registry = registry_of(open_project(after_run))
    record = registry.record_of(model, "1").as_data()
    shown = json.loads(churnml("models", "show", model, "--version", "1", "--project", after_run, "--json").out)
    text = churnml("models", "show", model, "--version", "1", "--project", after_run).out

    # MLflow, asked as anybody would
    version = registry.client.get_model_version(model, "1")
    run = registry.client.get_run(version.run_id or version.tags["churnml.run"])
    figures = record["figures"]
    assert set(figures) >= {"model", "base_rate", "recency", "logistic_regression", "health", "truth"}
    metrics = {
        f"{who}.{name}{suffix}": figure[end]
        for who, named in figures.items()
        for name, figure in named.items()
        for end, suffix in (("value", ""), ("low", ".low"), ("high", ".high"))
        if figure[end] is not None
    }
    assert set(figures["model"]) == set(ALL_FIGURES)
    assert {key: run.data.metrics[key] for key in metrics} == metrics

    # the terminal, as data and as text
    told = {**{name: shown[name] for name in figures["model"] if name in shown}, **shown["calibration"]}
    assert told | shown["at_capacity"] == figures["model"]
    assert shown["rivals"] == {who: figures[who] for who in shown["rivals"]}
    assert shown["best_possible"] == figures["truth"]
    for key, under in (("ahead", "ahead_of"), ("slices", "slices"), ("shift", "shift"), ("decision", "decision")):
        assert shown[under] == record[key]
    auc, slope = figures["model"]["roc_auc"], figures["model"]["calibration_slope"]
    for figure in (auc, slope, figures["health"]["roc_auc"], figures["model"]["caught_at_capacity"]):
        assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in text
    for part in record["slices"]:
        assert part["part"] in text

    # the card
    card = churnml("models", "card", model, "--version", "1", "--project", after_run).out
    assert f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]" in card
