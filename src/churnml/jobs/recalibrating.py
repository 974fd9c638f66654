"""A champion's calibration fitted anew on outcomes that are known by now; its trees stay as they are.

For a model whose order still holds and whose probabilities do not. It becomes a version of its own, judged on a cutoff
that neither trees nor calibration have seen, and promoted only where its log loss there is shown to be lower.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.adapters.registry import RegisteredModel, Registry
from churnml.errors import TooLittleDataError
from churnml.jobs.features import features_of
from churnml.jobs.judging import stakes_of
from churnml.jobs.opening import OpenedProject
from churnml.labels import Label
from churnml.modelling.calibration import fit_calibration
from churnml.modelling.evaluation import Evaluation, evaluate
from churnml.modelling.predictor import Predictor
from churnml.modelling.profile import SCORE, fit_trust
from churnml.modelling.ranking import gains
from churnml.modelling.record import (
    GainsPoint,
    ModelRecord,
    RecordedCalibration,
    ReliabilityBin,
    recorded,
    recorded_by_who,
)
from churnml.modelling.reliability import error_by_chance, reliability
from churnml.modelling.training import at_cutoffs, usable
from churnml.specs.models import ModelSpec
from churnml.timeline import Reach, cutoffs_ending, plus_days

log = logging.getLogger("churnml.watch")

# Two numbers are fitted; with fewer outcomes they would be mostly noise, and could hardly be shown to help.
LEAST_POSITIVES = 30
EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class CalibrationPlan:
    """Which cutoffs fit the new calibration, and which one judges it."""

    teach: tuple[dt.date, ...]
    judged: dt.date


def calibration_plan(
    trained_on: tuple[dt.date, ...], reach: Reach, data_through: dt.date, every: int
) -> CalibrationPlan:
    """The cutoffs for a model that was trained on others, purged: labels of each are final before the next use.

    Raises:
        TooLittleDataError: not enough time has passed since the training.
    """
    judged = reach.latest_mature(data_through)
    newest = max(trained_on)
    earliest = reach.settled_on(newest)
    last = plus_days(judged, -(reach.settled_on(judged) - judged).days)
    teach = cutoffs_ending(last, every, (judged - earliest).days // every + 1, earliest) if last >= earliest else ()
    if not teach:
        needed = plus_days(data_through, (earliest - last).days)
        raise TooLittleDataError(
            f"The calibration cannot be fitted anew: too few outcomes are known that the model has not trained on "
            f"(its newest training cutoff is {newest}).",
            remedy=f"Data through {needed} would do; until then, train: churnml train.",
        )
    return CalibrationPlan(teach, judged)


def recalibrate(opened: OpenedProject, registry: Registry, name: str) -> ModelRecord:
    """The champion with a new calibration, registered, and promoted if it is shown to be better; its record.

    Raises:
        TooLittleDataError: too little time has passed, or too few had the outcome.
        RegistryError: there is no champion, or the project no longer builds its features.
    """
    spec, champion = opened.project.model(name), registry.version(name)
    manifest = champion.predictor.manifest
    label = Label.model_validate(manifest.label)
    plan = calibration_plan(manifest.trained_on, label.reach, opened.facts.data_through, spec.cutoffs.every)
    rows = _rows(opened, champion, label, plan)
    teach, judged = usable(at_cutoffs(rows, plan.teach), name), usable(at_cutoffs(rows, [plan.judged]), name)
    positives = int(teach["label"].sum())
    if positives < LEAST_POSITIVES:
        raise TooLittleDataError(
            f"The calibration cannot be fitted anew: {positives} accounts had the outcome at the cutoffs "
            f"{plan.teach[0]} to {plan.teach[-1]}, and {LEAST_POSITIVES} are the least.",
            remedy="Wait for further outcomes, or train: churnml train.",
        )
    challenger = _challenger(opened, champion.predictor, teach, plan)
    evaluation = _evaluation(spec, challenger, champion.predictor, judged)
    record = _record(opened, champion, challenger, evaluation, judged, plan)
    example = challenger.with_places(judged)[challenger.feature_names].head(EXAMPLE_ROWS)
    figures = {f"model.{figure}": value.value for figure, value in evaluation.figures["model"].items()}
    version = registry.record(
        opened.project.name,
        challenger,
        example,
        record,
        {"recalibrated": champion.version, "judged_cutoff": str(plan.judged)},
        {figure: value for figure, value in figures.items() if np.isfinite(value)},
        {},
    )
    log.info("%(model)s recalibrated as version %(version)s", {"model": name, "version": version})
    return record.registered_as(version)


def _rows(opened: OpenedProject, champion: RegisteredModel, label: Label, plan: CalibrationPlan) -> pd.DataFrame:
    """Labelled rows of every cutoff, as the champion reads them, with its own log-odds."""
    features = features_of(opened, champion.predictor, f"champion of '{champion.predictor.manifest.name}'")
    spine = snapshots.population(label, opened.facts, [*plan.teach, plan.judged])
    rows = champion.predictor.with_places(snapshots.build_snapshots(opened.facts, list(features.values()), spine))
    labels = snapshots.attach_label(label, opened.facts, spine)["label"].to_numpy()
    return rows.assign(label=labels, log_odds=champion.predictor.log_odds(rows))


def _challenger(opened: OpenedProject, champion: Predictor, teach: pd.DataFrame, plan: CalibrationPlan) -> Predictor:
    log_odds, label = teach["log_odds"].to_numpy(), teach["label"].to_numpy(dtype="float64")
    calibration = fit_calibration("sigmoid", log_odds, label)
    unseen = teach[["account_id", "as_of", "label"]].assign(**{SCORE: calibration.probabilities(log_odds)})
    profile = champion.profile and replace(champion.profile, trust=fit_trust(unseen))
    # what the calibration has learned from is no more unseen than what the trees have
    manifest = replace(
        champion.manifest,
        trained_on=(*champion.manifest.trained_on, *plan.teach),
        judged_at=plan.judged,
        data_fingerprint=opened.facts.fingerprint,
    )
    return replace(champion, calibration=calibration, manifest=manifest, profile=profile)


def _evaluation(spec: ModelSpec, challenger: Predictor, champion: Predictor, judged: pd.DataFrame) -> Evaluation:
    log_odds = judged["log_odds"].to_numpy()
    predictions = {"model": challenger.calibrated(log_odds), "champion": champion.calibrated(log_odds)}
    accounts, labels = judged["account_id"].to_numpy(), judged["label"].to_numpy()
    return evaluate(accounts, labels, predictions, spec.seed, stakes=stakes_of(spec, judged))


def _record(
    opened: OpenedProject,
    champion: RegisteredModel,
    challenger: Predictor,
    evaluation: Evaluation,
    judged: pd.DataFrame,
    plan: CalibrationPlan,
) -> ModelRecord:
    """The champion's record with what is new: the calibration, the judged cutoff and the verdict."""
    ahead = evaluation.ahead["champion"]["log_loss"]
    promoted = ahead.clear_above(0.0)
    shown = "is" if promoted else "is not shown to be"
    because = (
        f"version {champion.version} with its calibration fitted anew at {plan.teach[0]} to {plan.teach[-1]}; its log "
        f"loss at {plan.judged} {shown} lower: ahead by {ahead.value:+.4f}, 95 % interval {ahead.low:+.4f} to "
        f"{ahead.high:+.4f}"
    )
    p, y = challenger.calibrated(judged["log_odds"].to_numpy()), judged["label"].to_numpy(dtype="float64")
    made_from = f"{champion.record.fingerprint} {opened.facts.fingerprint} {plan} {challenger.calibration}"
    calibration = challenger.calibration
    training = champion.record.training.model_copy(
        update={
            "cutoffs": challenger.manifest.trained_on,
            "calibrated_at": plan.teach,
            "calibration": RecordedCalibration(
                kind=calibration.kind, slope=calibration.slope, intercept=calibration.intercept
            ),
        }
    )
    decision, hazard = champion.record.decision, champion.record.hazard
    changes = {
        "version": None,
        "fingerprint": hashlib.sha256(made_from.encode()).hexdigest()[:20],
        "promoted": promoted,
        "because": because,
        "against": champion.version,
        "cutoff": plan.judged,
        "rows": len(y),
        "positives": int(y.sum()),
        "left_in_gap": None,
        "figures": recorded_by_who(evaluation.figures),
        "ahead": recorded_by_who(evaluation.ahead),
        "shift": recorded(evaluation.shift),
        "calibration_error_by_chance": error_by_chance(p),
        "reliability": ReliabilityBin.rows_of(reliability(p, y)),
        "gains": GainsPoint.rows_of(gains({"model": p}, y)),
        "slices": (),
        "later": None,
        "pooled": None,
        "decision": decision and decision.model_copy(update={"contacted": decision.share * len(y)}),
        "hazard": hazard and hazard.model_copy(update={"judged": None}),
        "training": training,
        "data_through": opened.facts.data_through,
        "data_fingerprint": opened.facts.fingerprint,
    }
    return champion.record.model_copy(update=changes)
