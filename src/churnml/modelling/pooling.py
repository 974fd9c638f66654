"""Judged on more than one day: the last mature cutoffs together, each by a model fitted as it would have been then.

The model of an earlier cutoff learns from what was final before it, with the settings, the number of trees and the
calibration of the challenger: those were chosen on cutoffs that were final before the oldest judge. So what is judged
is the way the model is made, over about two label windows of outcomes instead of one. An account stands in several
cutoffs, and a leaving in most of them, so intervals resample accounts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnml.features import Feature
from churnml.modelling.evaluation import POOLED_SURE, RESAMPLES, Evaluation, evaluate
from churnml.modelling.splits import Fold
from churnml.modelling.training import FittedModel, at_cutoffs

# Resamples of one cutoff's figures: they are there to be looked at, and decide nothing.
RESAMPLES_BY_CUTOFF = 200


@dataclass(frozen=True)
class JudgedRows:
    """A cutoff that judges.

    Args:
        cutoff: the cutoff.
        taught: the newest cutoff that taught the model judged here.
        rows: its rows with a known outcome.
        predictions: who → probabilities of those rows, shape (rows,); holds ``model``.
    """

    cutoff: dt.date
    taught: dt.date
    rows: pd.DataFrame
    predictions: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Pooled:
    """What several cutoffs show together.

    Args:
        evaluation: the figures of all rows; the verdict's.
        by_cutoff: cutoff → the figures of its rows, with intervals of few resamples; oldest first.
        taught: cutoff → the newest cutoff that taught the model judged there.
        champion_at: the cutoffs whose rows the champion was compared on: those it has not trained on.
    """

    evaluation: Evaluation
    by_cutoff: Mapping[dt.date, Evaluation]
    taught: Mapping[dt.date, dt.date]
    champion_at: tuple[dt.date, ...] = ()


def log_odds_then(
    fitted: FittedModel, features: Sequence[Feature], rows: pd.DataFrame, fold: Fold, seeds: int
) -> np.ndarray:
    """The model as it would have been at an earlier cutoff: its log-odds of the labelled ``rows`` there, (rows there,).

    They are not calibrated yet.
    """
    columns, settings = [feature.name for feature in features], fitted.chosen.settings
    teach, judged = at_cutoffs(rows, fold.train), at_cutoffs(rows, [fold.validate])
    estimator = settings.classifier(trees=fitted.chosen.trees, seeds=seeds)
    estimator.fit(teach[columns], teach["label"], settings.weight(teach))
    return np.asarray(estimator.decision_function(judged[columns]))


def pool(
    judged: Sequence[JudgedRows],
    seed: int,
    champion: Mapping[dt.date, np.ndarray] | None = None,
    resamples: int = RESAMPLES,
) -> Pooled:
    """All cutoffs measured together, and one by one.

    Args:
        judged: every cutoff that judges, oldest first, with the newest last.
        seed: of the bootstrap.
        champion: cutoff → the champion's probabilities of its rows, where it may be compared.
        resamples: of the figures of all rows.
    """
    champion = champion or {}
    asked = [who for who in judged[-1].predictions if all(who in one.predictions for one in judged)]
    evaluation = measured_together(judged, asked, seed, resamples)
    met = [
        replace(one, predictions={**one.predictions, "champion": champion[one.cutoff]})
        for one in judged
        if one.cutoff in champion
    ]
    if met:
        ahead = measured_together(met, ["model", "champion"], seed, resamples).ahead["champion"]
        evaluation = replace(evaluation, ahead={**evaluation.ahead, "champion": ahead})
    by_cutoff = {
        one.cutoff: measured_together([one], asked, seed, min(resamples, RESAMPLES_BY_CUTOFF)) for one in judged
    }
    taught = {one.cutoff: one.taught for one in judged}
    return Pooled(evaluation, by_cutoff, taught, tuple(one.cutoff for one in met))


def measured_together(judged: Sequence[JudgedRows], who: Sequence[str], seed: int, resamples: int) -> Evaluation:
    """The figures of those asked for over the rows of all cutoffs, resampled by account."""
    rows = pd.concat([one.rows[["account_id", "label"]] for one in judged], ignore_index=True)
    predictions = {name: np.concatenate([one.predictions[name] for one in judged]) for name in who}
    account, label = rows["account_id"].to_numpy(), rows["label"].to_numpy()
    measured = evaluate(account, label, predictions, seed, resamples, sure=POOLED_SURE)
    if len(judged) == 1:
        return replace(measured, at=f"at {judged[0].cutoff}")
    return replace(measured, at=f"over {len(judged)} cutoffs, {judged[0].cutoff} to {judged[-1].cutoff}")
