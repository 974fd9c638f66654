"""From a model's log-odds to probabilities that can be believed, learned on rows no tree has seen."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from churnml.modelling.predictor import Calibration

# Curves of many steps learn the luck of few outcomes, and two numbers of very few; under so many accounts with the
# outcome one number is tried in place of the curves. The first stands: another takes its place only where the rows are
# sure of it.
POSITIVES_FOR_CURVES = 300
KINDS_OF_FEW = ("none", "shift", "sigmoid")
KINDS_OF_MANY = ("none", "sigmoid", "isotonic", "venn_abers")
# A table of Venn-Abers probabilities needs no more points than that to be read to three digits.
POINTS = 400


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and how it was chosen.

    Args:
        calibration: the calibration.
        losses: kind → log loss out of sample; empty where nothing was there to choose by.
    """

    calibration: Calibration
    losses: dict[str, float]


def calibrate(
    kind: str, log_odds: np.ndarray, label: np.ndarray, account: np.ndarray, day: np.ndarray, apart: int
) -> Calibrated:
    """The declared calibration, or for ``auto`` the one with the least log loss out of sample.

    Where few had the outcome only those of one or two numbers are tried, and of the trees' own.

    What a month with many leavings teaches is no truth about the next: cutoffs whose label windows overlap share
    their outcomes, and a whole market may have a bad spring. So a cutoff is calibrated by what cutoffs with other
    windows teach, and the trees' own probabilities stay unless another kind is better by more than a standard
    error, over accounts and over cutoffs.

    Args:
        kind: as :func:`fit_calibration` has them, or ``auto``.
        log_odds: out-of-fold log-odds, shape (rows,).
        label: 0 or 1, shape (rows,).
        account: whose row, shape (rows,).
        day: day number of the row's cutoff, shape (rows,).
        apart: days between cutoffs from which on their label windows do not overlap.
    """
    if kind != "auto":
        return Calibrated(fit_calibration(kind, log_odds, label), {})
    few = len(np.unique(account[label > 0].astype(str))) < POSITIVES_FOR_CURVES
    kinds = KINDS_OF_FEW if few else KINDS_OF_MANY
    losses = {name: np.full(len(label), np.nan) for name in kinds}
    for teach, check in _periods_apart(label, day, apart):
        for name in kinds:
            p = fit_calibration(name, log_odds[teach], label[teach]).probabilities(log_odds[check])
            losses[name][check] = -(label[check] * np.log(p) + (1 - label[check]) * np.log(1 - p))
    measured = ~np.isnan(losses["none"])
    if not measured.any():
        return Calibrated(fit_calibration("none", log_odds, label), {})
    means = {name: float(loss[measured].mean()) for name, loss in losses.items()}
    best = min(kinds, key=lambda name: means[name])
    gained = (losses["none"] - losses[best])[measured]
    errors = [clustered_error(gained, clusters[measured]) for clusters in (account.astype(str), day)]
    chosen = best if gained.mean() > max(errors) else "none"
    return Calibrated(fit_calibration(chosen, log_odds, label), means)


def _periods_apart(label: np.ndarray, day: np.ndarray, apart: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each cutoff: the rows that may teach it, where they have both outcomes, and its own."""
    for cutoff in np.unique(day):
        teach = np.abs(day - cutoff) >= apart
        if 0 < label[teach].sum() < teach.sum():
            yield teach, day == cutoff


def clustered_error(values: np.ndarray, clusters: np.ndarray) -> float:
    """The standard error of a mean whose rows come in clusters; infinite with a single one."""
    which = np.unique(clusters, return_inverse=True)[1]
    summed = np.bincount(which, weights=values - values.mean())
    if len(summed) == 1:
        return float("inf")
    return float(np.sqrt(len(summed) / (len(summed) - 1) * (summed**2).sum()) / len(values))


def fit_calibration(kind: str, log_odds: np.ndarray, label: np.ndarray) -> Calibration:
    """The calibration of a kind that fits best.

    Args:
        kind: ``none`` (the trees' own probabilities), ``shift`` (one number added to the log-odds, so that as many
            are said as were seen: a prior shift), ``sigmoid`` (Platt, 1999; on the log-odds, so that the
            identity is inside the family), ``isotonic`` (Zadrozny and Elkan, 2002; wants a thousand positives or
            so), or ``venn_abers`` (Vovk, Petej and Fedorova, 2015: two isotonic fits, one for each outcome the new
            row might have, merged into one probability that is never 0 or 1).
        log_odds: out-of-fold log-odds, shape (rows,).
        label: 0 or 1, shape (rows,).
    """
    if kind == "none":
        return Calibration("none")
    if kind == "shift":
        return Calibration("sigmoid", intercept=_shift(log_odds, float(label.mean())))
    if kind == "isotonic":
        fitted = IsotonicRegression(out_of_bounds="clip", y_min=0.0, y_max=1.0).fit(log_odds, label)
        return Calibration("isotonic", x=fitted.X_thresholds_.tolist(), y=fitted.y_thresholds_.tolist())
    if kind == "venn_abers":
        return _venn_abers(log_odds, label)
    # next to no penalty: two numbers from hundreds of rows need none
    fitted = LogisticRegression(C=1e6).fit(log_odds.reshape(-1, 1), label)
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        # the folds' order was no better than chance; a falling curve would only learn that noise
        return Calibration("sigmoid", slope=0.0, intercept=float(np.log(label.mean() / (1 - label.mean()))))
    return Calibration("sigmoid", slope=slope, intercept=float(fitted.intercept_[0]))


def _shift(log_odds: np.ndarray, seen: float) -> float:
    """What added to the log-odds makes their mean probability the share ``seen``."""
    if not 0 < seen < 1:
        return 0.0
    return float(brentq(lambda by: float((1.0 / (1.0 + np.exp(-(log_odds + by)))).mean()) - seen, -60.0, 60.0))


def _venn_abers(log_odds: np.ndarray, label: np.ndarray) -> Calibration:
    from venn_abers import VennAbers

    def pair(x: np.ndarray) -> np.ndarray:
        p = 1.0 / (1.0 + np.exp(-x))
        return np.column_stack([1.0 - p, p])

    fitted = VennAbers()
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # it divides by the width of steps, and the last step has none
        warnings.simplefilter("ignore", RuntimeWarning)
        fitted.fit(pair(log_odds), label.astype(int))
    points = np.unique(np.quantile(log_odds, np.linspace(0, 1, POINTS), method="inverted_cdf"))
    merged, _ = fitted.predict_proba(pair(points))
    # it rises already, up to rounding
    return Calibration("venn_abers", x=points.tolist(), y=np.maximum.accumulate(merged[:, 1]).tolist())
