"""A calibration fitted anew, where the first one did not hold on the cutoffs that judge.

The first calibration is chosen carefully: the trees' own probabilities stay unless other periods are sure, and only
periods that were final before the oldest judge have a say. Where that does not hold, caution has cost too much. So it
is learned again at every cutoff whose label was final before the judge it is for, the newest with them, and one of few
kinds is taken whatever the standard error. No cutoff that judges and none that chose settings calibrates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnml.features import Feature
from churnml.modelling.calibration import fit_calibration
from churnml.modelling.pooling import log_odds_then
from churnml.modelling.predictor import Calibration
from churnml.modelling.profile import SCORE, fit_profile
from churnml.modelling.splits import LEAST_POSITIVES, Fold, Split
from churnml.modelling.training import FittedModel, at_cutoffs
from churnml.specs.models import ModelSpec
from churnml.timeline import Reach


@dataclass(frozen=True)
class Kind:
    """A way to calibrate anew: a kind of curve, learned at all cutoffs or at those of the newest label window."""

    curve: str
    newest: bool

    @property
    def words(self) -> str:
        """As a part of a sentence."""
        curves = {"shift": "a shift of all log-odds", "venn_abers": "Venn-Abers prediction", "sigmoid": "a sigmoid"}
        at = "the newest cutoffs" if self.newest else "all cutoffs"
        return f"{curves.get(self.curve, 'an isotonic curve')}, learned at {at} that may calibrate"


# The first stands where no cutoff is there to compare by.
KINDS = (Kind("shift", False), Kind("shift", True), Kind("sigmoid", False))


@dataclass(frozen=True)
class Anew:
    """A calibration learned anew for one judge.

    Args:
        kind: how.
        calibration: the calibration.
        taught: the cutoffs that taught it, oldest first.
        losses: each kind in words → mean log loss at cutoffs that later ones were calibrated before.
    """

    kind: Kind
    calibration: Calibration
    taught: tuple[dt.date, ...]
    losses: Mapping[str, float]


def kinds_for(spec: ModelSpec) -> tuple[Kind, ...]:
    """The kinds that are compared: those of ``auto``, or the declared curve; none where none shall be."""
    if spec.calibration == "none":
        return ()
    if spec.calibration == "auto":
        return KINDS
    return Kind(spec.calibration, False), Kind(spec.calibration, True)


def unseen_rows(
    fitted: FittedModel, features: Sequence[Feature], rows: pd.DataFrame, plan: Split, seeds: int
) -> pd.DataFrame:
    """``account_id, as_of, label, log_odds`` at every cutoff that may calibrate, by models that never saw them.

    Args:
        fitted: the challenger, with what its calibrating folds predicted.
        features, rows: its features, and all labelled rows.
        plan: whose ``newer`` cutoffs calibrate too.
        seeds: how many fits are averaged.
    """
    parts = [fitted.out_of_fold[["account_id", "as_of", "label", "log_odds"]]]
    for fold in plan.newer:
        there, taught = at_cutoffs(rows, [fold.validate]), at_cutoffs(rows, fold.train)
        if there.empty or taught["label"].nunique() < 2:
            continue
        log_odds = log_odds_then(fitted, features, rows, fold, seeds)
        parts.append(there[["account_id", "as_of", "label"]].assign(log_odds=log_odds))
    return pd.concat(parts, ignore_index=True)


def calibrated_for(
    unseen: pd.DataFrame, judge: dt.date, kinds: Sequence[Kind], reach: Reach, embargo: int
) -> Anew | None:
    """The calibration that stands for a judge, by what was final before it; None where too few had the outcome.

    Args:
        unseen: as :func:`unseen_rows` gives it.
        judge: the cutoff that judges.
        kinds: what is compared: each cutoff is predicted by what was final before it, and the least log loss is taken.
        reach, embargo: of the label.
    """
    known = _final_before(unseen, judge, reach, embargo)
    if known.empty or not LEAST_POSITIVES <= known["label"].sum() < len(known):
        return None
    losses: dict[Kind, list[np.ndarray]] = {kind: [] for kind in kinds}
    for cutoff in _cutoffs(known):
        teach, check = _final_before(known, cutoff, reach, embargo), at_cutoffs(known, [cutoff])
        if any(_taught(teach, kind, reach)["label"].nunique() < 2 for kind in kinds):
            continue
        for kind in kinds:
            losses[kind].append(_loss(_fitted(teach, kind, reach), check))
    means = {kind: float(np.concatenate(of_rows).mean()) for kind, of_rows in losses.items() if of_rows}
    best = min(means, key=lambda kind: means[kind]) if means else kinds[0]
    taught = _taught(known, best, reach)
    if taught["label"].nunique() < 2:
        return None
    in_words = {kind.words: loss for kind, loss in means.items()}
    return Anew(best, _fitted(known, best, reach), tuple(_cutoffs(taught)), in_words)


def with_calibration(
    fitted: FittedModel, anew: Anew, unseen: pd.DataFrame, rows: pd.DataFrame, plan: Split
) -> FittedModel:
    """The challenger with that calibration, and with the profile it has then."""
    predictor, columns = fitted.predictor, fitted.predictor.feature_names
    of_it = unseen.assign(**{SCORE: anew.calibration.probabilities(unseen["log_odds"].to_numpy())})
    profile = fit_profile(at_cutoffs(rows, plan.train), columns, list(predictor.categories), of_it)
    calibrated = replace(predictor, calibration=anew.calibration, profile=profile)
    return replace(fitted, predictor=calibrated, out_of_fold=of_it)


def folds_used(plan: Split, anew: Anew) -> tuple[Fold, ...]:
    """The folds, oldest first, with those that calibrated anew."""
    return (*plan.folds, *(fold for fold in plan.newer if fold.validate in anew.taught))


def _cutoffs(rows: pd.DataFrame) -> list[dt.date]:
    return sorted(pd.Timestamp(as_of).date() for as_of in rows["as_of"].unique())


def _final_before(rows: pd.DataFrame, cutoff: dt.date, reach: Reach, embargo: int) -> pd.DataFrame:
    return at_cutoffs(rows, [c for c in _cutoffs(rows) if reach.is_purged_for(c, cutoff, embargo)])


def _taught(rows: pd.DataFrame, kind: Kind, reach: Reach) -> pd.DataFrame:
    """The rows a kind learns from: all, or those of the newest cutoffs, one label window long."""
    if not kind.newest or rows.empty:
        return rows
    newest = _cutoffs(rows)[-1]
    return at_cutoffs(rows, [c for c in _cutoffs(rows) if (newest - c).days < reach.horizon])


def _fitted(rows: pd.DataFrame, kind: Kind, reach: Reach) -> Calibration:
    taught = _taught(rows, kind, reach)
    return fit_calibration(kind.curve, taught["log_odds"].to_numpy(), taught["label"].to_numpy(dtype="float64"))


def _loss(calibration: Calibration, rows: pd.DataFrame) -> np.ndarray:
    p, y = calibration.probabilities(rows["log_odds"].to_numpy()), rows["label"].to_numpy(dtype="float64")
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)))
