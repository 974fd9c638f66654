"""Judging fails closed: whatever goes wrong is recorded as not promoted, and no alias moves by mistake."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churnml.errors import TooLittleDataError
from churnml.jobs import judging
from churnml.jobs.judging import Judgement, judge_challenger
from churnml.jobs.opening import OpenedProject, open_data
from churnml.jobs.recording import record_of
from churnml.jobs.training import Collected, collect, fit_challenger
from churnml.modelling.anew import KINDS, calibrated_for, kinds_for, unseen_rows
from churnml.modelling.pooling import log_odds_then
from churnml.modelling.predictor import Calibration
from churnml.modelling.record import ModelRecord
from churnml.modelling.training import FittedModel
from churnml.pages.card import card
from churnml.pages.terminal.models import model_text
from churnml.specs.models import ModelSpec
from tests.flows.conftest import churnml

SPEC = """name: churn
means: as ever, on few features
label: {kind: contract, gap: 7, horizon: 91, grace: 28}
features: {families: [usage.recency, usage.active_users, subscriptions.renewal], event_names: 0}
promote_if: {beats: [base_rate, champion], figures: [roc_auc], min_positives: 5}
"""


@dataclass(frozen=True)
class Ready:
    """A company with a fitted challenger that has not been judged."""

    root: Path
    opened: OpenedProject
    spec: ModelSpec
    collected: Collected
    fitted: FittedModel

    def judged(self, **changed: Any) -> Judgement:
        given = {"collected": self.collected, "fitted": self.fitted, "champion": None} | changed
        return judge_challenger(self.opened, self.spec, **given)


@pytest.fixture(scope="module")
def ready(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Ready:
    root = tmp_path_factory.mktemp("judging") / "company"
    shutil.copytree(simulated, root)
    (root / "models" / "churn").mkdir(parents=True, exist_ok=True)
    (root / "models" / "churn" / "spec.yaml").write_text(SPEC, "utf-8")
    opened = open_data(root, dt.date(2025, 1, 1))
    spec = opened.project.model("churn")
    collected = collect(opened, spec)
    return Ready(root, opened, spec, collected, fit_challenger(opened, spec, collected))


def test_the_control_an_honest_challenger_is_promoted(ready: Ready) -> None:
    found = ready.judged()
    assert found.verdict.promoted, found.verdict.because
    assert set(found.predictions) >= {"model", "base_rate", "recency", "logistic_regression", "health", "truth"}


def test_the_verdict_rests_on_several_cutoffs_and_the_record_shows_each(ready: Ready) -> None:
    found = ready.judged()
    record = record_of(ready.opened, ready.spec, ready.collected, ready.fitted, found).registered_as("1")
    judges = ready.collected.split.judges
    assert len(judges) == 4
    assert record.pooled
    assert tuple(one.cutoff for one in record.pooled.by_cutoff) == judges
    assert record.pooled.rows == sum(one.rows for one in record.pooled.by_cutoff) > record.rows
    assert record.pooled.by_cutoff[-1].positives == record.positives
    for page in (model_text(record), card(record)):
        assert f"{record.pooled.positives:,} of {record.pooled.rows:,} snapshots positive" in page
        assert all(str(one.cutoff) in page for one in record.pooled.by_cutoff)
    assert ModelRecord.read(json.loads(json.dumps(record.as_data()))) == record


def test_the_model_of_an_earlier_cutoff_knows_nothing_that_was_not_final_then(ready: Ready) -> None:
    fold, rows = ready.collected.split.earlier[0], ready.collected.rows
    rows = rows[rows["label"].notna()]

    def predicted(turned: np.ndarray) -> np.ndarray:
        changed = rows.assign(label=np.where(turned, 1 - rows["label"], rows["label"]))
        return log_odds_then(ready.fitted, ready.collected.features, changed, fold, 1)

    days = rows["as_of"].dt.date
    late = ~days.isin(fold.train).to_numpy()
    assert late.any()
    assert (predicted(late) == predicted(np.zeros(len(rows), dtype=bool))).all()
    # and it would show if it knew
    assert (predicted((days == fold.train[-1]).to_numpy()) != predicted(late)).any()


def test_training_rows_that_overlap_the_judged_cutoff_close_the_door(ready: Ready) -> None:
    split = ready.collected.split
    overlapping = replace(split, train=(*split.train, split.purged[0]))
    found = ready.judged(collected=replace(ready.collected, split=overlapping))
    assert not found.verdict.promoted
    assert (
        f"trained on rows of {split.purged[0]}, which the judged cutoff {split.judged} overlaps"
        in found.verdict.because
    )


def test_a_champion_that_trained_on_them_closes_it_too(ready: Ready) -> None:
    predictor = ready.fitted.predictor
    manifest = replace(predictor.manifest, trained_on=(ready.collected.split.judged,))
    found = ready.judged(champion=replace(predictor, manifest=manifest))
    assert not found.verdict.promoted
    assert "the present champion has trained on rows of" in found.verdict.because
    assert "champion" not in found.predictions


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda rows: rows.drop(columns="usage_days_since_last"), "'usage_days_since_last', which the judged rows"),
        (lambda rows: rows.assign(usage_days_since_last="3"), "'usage_days_since_last' as numbers"),
    ],
    ids=["a column that is missing", "a column of another kind"],
)
def test_judged_rows_that_do_not_fit_the_model_close_the_door(ready: Ready, spoil: Callable, reason: str) -> None:
    found = ready.judged(collected=replace(ready.collected, rows=spoil(ready.collected.rows)))
    assert not found.verdict.promoted
    assert reason in found.verdict.because


def test_probabilities_that_have_shifted_close_the_door_where_nothing_may_calibrate_them(ready: Ready) -> None:
    moved = Calibration("sigmoid", slope=1.0, intercept=np.log(6))
    fitted = replace(ready.fitted, predictor=replace(ready.fitted.predictor, calibration=moved))
    spec = ready.spec.model_copy(update={"calibration": "none"})
    found = judge_challenger(ready.opened, spec, ready.collected, fitted, None)
    assert not found.verdict.promoted
    assert "the calibration has shifted" in found.verdict.because


def test_a_judged_cutoff_with_one_outcome_is_recorded_and_not_promoted(ready: Ready) -> None:
    rows = ready.collected.rows.copy()
    at = rows["as_of"].dt.date == ready.collected.split.judged
    rows.loc[at, "label"] = 0.0
    found = ready.judged(collected=replace(ready.collected, rows=rows))
    assert not found.verdict.promoted
    assert "it could not be judged" in found.verdict.because
    record = record_of(ready.opened, ready.spec, replace(ready.collected, rows=rows), ready.fitted, found)
    assert record.promoted is False
    json.dumps(record.as_data(), allow_nan=False)


def champion_of(project: Path) -> list[str]:
    found = json.loads(churnml("models", "list", "--project", project, "--json").out)["churn"]
    return [version["version"] for version in found if version["champion"]]


def test_an_error_while_judging_is_recorded_and_a_bug_leaves_no_trace(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ready.root
    train = ("train", "churn", "--project", project, "--no-prefect", "--again", "--json")
    assert churnml(*train).code == 0
    assert champion_of(project) == ["1"]

    def mistaken(*_: Any) -> None:
        raise TooLittleDataError("the rivals cannot be fitted", remedy="Give more.")

    monkeypatch.setattr(judging, "rival_predictions", mistaken)
    said = churnml(*train)
    assert said.code == 0, said.err
    found = json.loads(said.out)["churn"]
    assert (found["version"], found["promoted"]) == ("2", False)
    assert "it could not be judged: the rivals cannot be fitted" in found["because"]
    assert champion_of(project) == ["1"]
    # what has no figures can be shown all the same
    assert churnml("models", "show", "churn", "--version", "2", "--project", project).code == 0

    def broken(*_: Any) -> None:
        raise ValueError("a bug of ours")

    monkeypatch.setattr(judging, "rival_predictions", broken)
    assert churnml(*train).code == 2
    assert champion_of(project) == ["1"]
    versions = json.loads(churnml("models", "list", "--project", project, "--json").out)["churn"]
    assert [version["version"] for version in versions] == ["2", "1"]


def _off_by(ready: Ready, factor: float) -> Judgement:
    """Judged with a first calibration that multiplies the odds by ``factor``."""
    predictor = ready.fitted.predictor
    moved = Calibration("sigmoid", slope=1.0, intercept=float(np.log(factor)))
    return ready.judged(fitted=replace(ready.fitted, predictor=replace(predictor, calibration=moved)))


def test_probabilities_that_do_not_hold_are_made_anew_on_the_spot_and_promoted_where_they_then_hold(
    ready: Ready,
) -> None:
    found = _off_by(ready, 6.0)
    anew, split = found.anew, ready.collected.split
    assert found.verdict.promoted, found.verdict.because
    assert anew is not None
    assert anew.holds
    assert "calibrated anew" in found.verdict.because
    assert anew.before["seen_over_said"].high < 0.8 <= anew.after["seen_over_said"].high
    record = record_of(ready.opened, ready.spec, ready.collected, ready.fitted, found)
    assert record.training.calibrated_at == anew.anew.taught
    assert record.training.anew is not None
    assert record.training.calibration.intercept == found.judged_model(ready.fitted).predictor.calibration.intercept
    assert "Calibrated anew" in card(record)
    assert ModelRecord.read(json.loads(json.dumps(record.as_data()))) == record
    # kept apart: nothing that judges or chose settings calibrates, and what calibrates was final before its judge
    assert not set(anew.anew.taught) & {*split.judges, *(fold.validate for fold in split.search)}
    reach = ready.spec.label.reach
    assert all(reach.is_purged_for(cutoff, split.judged) for cutoff in anew.anew.taught)


def test_no_row_that_judges_teaches_a_calibration_made_anew(ready: Ready) -> None:
    rows, split = ready.collected.rows, ready.collected.split

    def learned(turned: np.ndarray) -> Calibration:
        label = rows["label"].where(~turned, 1 - rows["label"])
        mature = rows.assign(label=label)[rows["label"].notna()]
        unseen = unseen_rows(ready.fitted, ready.collected.features, mature, split, 1)
        anew = calibrated_for(unseen, split.judged, KINDS, ready.spec.label.reach, 0)
        assert anew is not None
        return anew.calibration

    days = rows["as_of"].dt.date
    nobody = np.zeros(len(rows), dtype=bool)
    assert learned((days >= split.judges[0]).to_numpy()) == learned(nobody)
    # and it would show if one did
    assert learned((days == split.newer[-1].validate).to_numpy()) != learned(nobody)


def test_a_declared_none_is_refused_rather_than_calibrated(ready: Ready) -> None:
    assert kinds_for(ready.spec.model_copy(update={"calibration": "none"})) == ()
    assert [kind.curve for kind in kinds_for(ready.spec.model_copy(update={"calibration": "shift"}))] == ["shift"] * 2
