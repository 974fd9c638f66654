"""From figures to what is due: on whole intervals, and only what can be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from churnml.adapters.project import default_models
from churnml.errors import SpecError
from churnml.modelling.evaluation import Figure
from churnml.specs.monitoring import MonitoringSpec, WatchTrigger
from churnml.specs.reading import read_spec
from churnml.watch.verdict import MEANINGS, Recourse, alarms_of

FREE = Recourse()
AUC = "realised_roc_auc"


def trigger(figure: str = AUC, then: str = "train_now", **bound: float) -> WatchTrigger:
    return WatchTrigger.model_validate({"figure": figure, "then": then, **(bound or {"below": 0.6})})


@pytest.mark.parametrize(
    ("figure", "fires"),
    [
        (Figure(0.5, 0.45, 0.59), True),
        (Figure(0.5, 0.45, 0.61), False),
        (Figure(0.7, 0.65, 0.75), False),
        (Figure(0.5, float("nan"), float("nan")), False),
    ],
    ids=["wholly beyond", "perhaps beyond", "inside", "not known"],
)
def test_a_trigger_fires_only_where_the_whole_interval_is_beyond(figure: Figure, fires: bool) -> None:
    assert bool(alarms_of([trigger()], "churn", {AUC: figure}, FREE)) is fires


def test_a_figure_that_was_not_measured_fires_nothing() -> None:
    assert alarms_of([trigger()], "churn", {}, FREE) == ()


def test_the_strongest_action_comes_first_and_the_sentence_says_figure_and_bound() -> None:
    triggers = [trigger("score_drift", "warn", above=0.25), trigger(then="fall_back", below=0.5)]
    figures = {"score_drift": Figure(0.5, 0.4, 0.6), AUC: Figure(0.4, 0.35, 0.45)}
    alarms = alarms_of(triggers, "churn", figures, FREE)
    assert [alarm.action for alarm in alarms] == ["fall_back", "warn"]
    assert "0.400, 95 % interval 0.350 to 0.450, below 0.5 as a whole" in alarms[0].sentence


@pytest.mark.parametrize(
    ("recourse", "action", "why"),
    [
        (Recourse(fell_back="there was no champion before"), "train_now", "there was no champion before"),
        (Recourse(of_champion=False), "train_now", "not of the present champion"),
        (Recourse("none before", "version 3 was trained 2 days ago"), "warn", "version 3 was trained 2 days ago"),
        (FREE, "fall_back", ""),
    ],
    ids=["nothing before", "another version's scores", "neither", "free"],
)
def test_what_cannot_be_done_becomes_the_milder_action_and_says_why(recourse: Recourse, action: str, why: str) -> None:
    (alarm,) = alarms_of([trigger(then="fall_back")], "churn", {AUC: Figure(0.4, 0.3, 0.5)}, recourse)
    assert alarm.action == action
    assert why in alarm.sentence


def test_drift_is_of_the_champion_itself_so_older_scores_do_not_keep_it_in_place() -> None:
    drift = trigger("score_drift", "fall_back", above=0.25)
    (alarm,) = alarms_of([drift], "churn", {"score_drift": Figure(1, 0.9, 1.1)}, Recourse(of_champion=False))
    assert alarm.action == "fall_back"


def test_a_trigger_may_be_for_some_models_only() -> None:
    only = WatchTrigger.model_validate({"figure": AUC, "below": 0.6, "models": ["upsell"]})
    figures = {AUC: Figure(0.4, 0.3, 0.5)}
    assert alarms_of([only], "churn", figures, FREE) == ()
    assert len(alarms_of([only], "upsell", figures, FREE)) == 1


def test_every_figure_that_may_be_declared_has_its_sentence() -> None:
    assert set(MEANINGS) == set(WatchTrigger.model_json_schema()["properties"]["figure"]["enum"])


def test_the_declaration_that_ships_can_be_read() -> None:
    assert read_spec(MonitoringSpec, default_models() / "monitoring.yaml").triggers


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("triggers: [{figure: realised_roc_auc}]", "either 'above' or 'below'"),
        ("triggers: [{figure: realised_roc_auc, below: 0.5, above: 0.1}]", "either 'above' or 'below'"),
        ("triggers: [{figure: roc, below: 0.5}]", "triggers.0.figure"),
        ("triggers: [{figure: realised_roc_auc, below: 0.5, then: pray}]", "triggers.0.then"),
        ("moved_fom: 0.3", "'moved_fom' is not a key"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "monitoring.yaml").write_text(text, "utf-8")
    with pytest.raises(SpecError) as refused:
        read_spec(MonitoringSpec, tmp_path / "monitoring.yaml")
    assert what in str(refused.value)
