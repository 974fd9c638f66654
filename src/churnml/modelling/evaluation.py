"""Figures with intervals: every number a person reads about a model is computed here, once.

Intervals are 95 % bootstrap intervals that resample accounts, not rows, because rows of one account
are alike (cluster bootstrap: Davison and Hinkley, Bootstrap Methods, 1997, ch. 3). All models and
rivals are measured on the same resamples, so differences between them are paired. What each figure
is stands in ``ranking`` and ``reliability``; how often the intervals cover, in ``docs/believe.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from churnml.modelling.ranking import PROFIT_VARIANCE, Stakes, order_measure
from churnml.modelling.reliability import (
    GAPS,
    SHARES,
    gap_between_tests,
    gap_interval,
    probability_measure,
    reliability_lead,
)

RESAMPLES = 1000
CHUNK = 100  # resamples at once: bounds memory at CHUNK × rows × 8 bytes a figure


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def clear_above(self, threshold: float) -> bool:
        """Whether the whole interval lies above ``threshold``."""
        return bool(np.isfinite(self.low) and self.low > threshold)


# For each figure: whether more is better.
FIGURES: Mapping[str, bool] = {
    "roc_auc": True,
    "average_precision": True,
    "brier": False,
    "log_loss": False,
    "calibration_error": False,
}
# What the probabilities are made of; None where neither more nor less is better.
CALIBRATION_FIGURES: Mapping[str, bool | None] = {
    "brier_reliability": False,
    "brier_resolution": True,
    "brier_uncertainty": None,
    "calibration_in_the_large": None,
    "seen_over_said": None,
    "calibration_intercept": None,
    "calibration_slope": None,
}
# What the first accounts of the list are worth, as many as the team can contact.
DECISION_FIGURES: Mapping[str, bool] = {
    "precision_at_capacity": True,
    "lift_at_capacity": True,
    "caught_at_capacity": True,
    "mrr_caught_at_capacity": True,
    "profit_at_capacity": True,
}
ALL_FIGURES: Mapping[str, bool | None] = {**FIGURES, **CALIBRATION_FIGURES, **DECISION_FIGURES}
GAP_POWERS = {"calibration_error": 1, "brier_reliability": 2}
SHIFT_FIGURES = ("seen_over_said", "calibration_slope")
SURE = 0.99  # a door is not closed by what one cutoff in twenty shows by chance
POOLED_SURE = 0.95  # several cutoffs are looked at together, and once


@dataclass(frozen=True)
class Evaluation:
    """All figures of one judged cutoff, or of several pooled.

    Args:
        figures: who (``model``, each rival, ``champion``) → figure name → figure.
        ahead: rival → figure name → how far the model is ahead of it, paired; positive is better.
        rows, positives: what was judged.
        shift: how the model's probabilities held, with intervals of ``sure``: ``seen_over_said`` (positives seen per
            positive predicted) and ``calibration_slope``; both 1 where they hold.
        sure: how often such an interval covers.
        positive_accounts: how many accounts the positives are of, as one may stand in several cutoffs; None where
            that was not counted.
        at: where it was judged, in words that end a sentence.
    """

    figures: Mapping[str, Mapping[str, Figure]]
    ahead: Mapping[str, Mapping[str, Figure]]
    rows: int
    positives: int
    shift: Mapping[str, Figure] = field(default_factory=dict)
    sure: float = SURE
    positive_accounts: int | None = None
    at: str = "at the judged cutoff"

    @property
    def leavers(self) -> int:
        """How many had the outcome, each counted once."""
        return self.positives if self.positive_accounts is None else self.positive_accounts


def evaluate(
    account: np.ndarray,
    y: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    seed: int,
    resamples: int = RESAMPLES,
    stakes: Stakes | None = None,
    sure: float = SURE,
) -> Evaluation:
    """Measures everybody in ``predictions`` on the same rows and the same resamples.

    Args:
        account: account of each row, shape (rows,).
        y: outcomes 0 or 1, shape (rows,).
        predictions: who → probabilities, shape (rows,); must contain ``model``.
        seed: of the bootstrap.
        resamples: how many.
        stakes: the team's capacity and what it is worth; without it there are no figures at capacity.
        sure: how often the intervals of a shift are to cover.
    """
    y = y.astype("float64")
    known = {who: np.asarray(p, dtype="float64") for who, p in predictions.items()}
    measures = {who: (order_measure(p, y, stakes), probability_measure(p, y)) for who, p in known.items()}

    def measured(w: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        return {who: by_order(w) | by_probability(w) for who, (by_order, by_probability) in measures.items()}

    points = measured(np.ones((1, len(y))))
    drawn = [measured(w) for w in resampled_weights(account, seed, resamples)]
    resampled = {}
    for who, p in known.items():
        samples = {name: np.concatenate([chunk[who][name] for chunk in drawn]) for name in points[who]}
        resampled[who] = _Resampled(p, points[who], samples, gap_between_tests(p, y, samples[GAPS]))
    model = resampled["model"]
    ahead = {
        who: {
            name: _lead(name, better, model, rival)
            for name, better in ALL_FIGURES.items()
            if better is not None and name in rival.points
        }
        for who, rival in resampled.items()
        if who != "model"
    }
    shift = {name: interval(model.value(name), model.samples[name], sure) for name in SHIFT_FIGURES}
    figures = {who: _figures(one, y) for who, one in resampled.items()}
    return Evaluation(figures, ahead, len(y), int(y.sum()), shift, sure, len(np.unique(account[y > 0].astype(str))))


@dataclass(frozen=True)
class _Resampled:
    """Somebody's probabilities, measured once and on every resample.

    Args:
        p: probabilities, shape (rows,).
        points: what is measured on all rows → of shape (1,), or (1, BINS) for what is behind a figure.
        samples: the same of each resample, shape (resamples,) or (resamples, BINS).
        tested: the calibration error's interval between tests.
    """

    p: np.ndarray
    points: Mapping[str, np.ndarray]
    samples: Mapping[str, np.ndarray]
    tested: tuple[float, float]

    def value(self, name: str) -> float:
        """A figure on all rows."""
        return float(self.points[name][0])


def resampled_weights(account: np.ndarray, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """How often each row is drawn, shape (≤ CHUNK, rows) at a time: whole accounts with replacement."""
    rng = np.random.default_rng(seed)
    _, member = np.unique(account.astype(str), return_inverse=True)
    n = int(member.max()) + 1
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=size)
        yield drawn[:, member].astype("float64")


def interval(value: float, samples: np.ndarray, within: float = 0.95) -> Figure:
    """``value`` with the percentile interval of its resamples."""
    if not np.isfinite(samples).any():
        return Figure(float(value), float("nan"), float("nan"))
    low, high = np.nanpercentile(samples, [50 * (1 - within), 50 * (1 + within)])
    return Figure(float(value), float(low), float(high))


def _figures(of: _Resampled, y: np.ndarray) -> dict[str, Figure]:
    """Every figure with the interval that covers for its kind (``benchmarks/coverage.py``)."""
    figures = {}
    for name in ALL_FIGURES:
        if name not in of.points:
            continue
        value, samples = of.value(name), of.samples[name]
        if name in GAP_POWERS and np.isfinite(value):
            figures[name] = Figure(value, *gap_interval(of.p, y, of.samples[GAPS], GAP_POWERS[name]))
        elif name == "profit_at_capacity":
            figures[name] = _studentized(value, samples, of.value(PROFIT_VARIANCE), of.samples[PROFIT_VARIANCE])
        elif name == "brier_resolution":
            # it grows with noise as reliability does; percentiles cover, and taking the bias out twice does not
            figures[name] = interval(value, samples)
        else:
            figures[name] = accelerated(value, samples)
    return figures


def _lead(name: str, better: bool, model: _Resampled, rival: _Resampled) -> Figure:
    """How far the model is ahead of a rival: paired, on the same resamples.

    Of figures that noise inflates, each by its own measure, the resamples' differences do not cover.
    """
    sign = 1 if better else -1
    ours, theirs = model.samples[name], rival.samples[name]
    value = sign * float(model.points[name][0] - rival.points[name][0])
    if name not in GAP_POWERS or np.array_equal(ours, theirs):
        return interval(value, sign * (ours - theirs))
    if name == "brier_reliability":
        shares, gaps = ((model.points[part][0], rival.points[part][0]) for part in (SHARES, GAPS))
        low, high = reliability_lead(shares, gaps, (model.samples[GAPS], rival.samples[GAPS]))
    else:
        low, high = _calibration_lead(model, rival)
    return Figure(value, min(low, value), max(high, value))


def _calibration_lead(model: _Resampled, rival: _Resampled) -> tuple[float, float]:
    """The interval of a lead in calibration error, put together from two.

    Their errors are as much alike as the resamples show (Zou and Donner, Statistics in Medicine 27, 2008).
    """
    sides = []
    for side in (model, rival):
        value = side.value("calibration_error")
        low, high = side.tested
        sides.append((value, value - low, high - value))
    (ours, our_low, our_high), (theirs, their_low, their_high) = sides
    alike = _correlation(model.samples["calibration_error"], rival.samples["calibration_error"])
    lead = theirs - ours
    return lead - _joined(their_low, our_high, alike), lead + _joined(their_high, our_low, alike)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of two figures' resamples; 0 where one of them does not move."""
    one, other = one - one.mean(), other - other.mean()
    spread = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / spread) if spread > 0 else 0.0


def _joined(one: float, other: float, alike: float) -> float:
    """How far a difference reaches when its parts reach so far and are correlated ``alike``."""
    return float(np.sqrt(max(one**2 + other**2 - 2 * alike * one * other, 0.0)))


def accelerated(value: float, samples: np.ndarray) -> Figure:
    """Percentiles corrected for bias and skewness (BCa: Efron, JASA 82, 1987).

    The acceleration is a sixth of the resamples' own skewness, which it equals for sums and their smooth functions.
    """
    known = samples[np.isfinite(samples)]
    spread = known.std() if len(known) else 0.0
    if not np.isfinite(value) or spread <= 1e-12 * max(1.0, abs(value)):
        return interval(value, samples)
    below = ((known < value).mean() + (known <= value).mean()) / 2
    normal = NormalDist()
    bias = normal.inv_cdf(min(max(below, 1 / len(known)), 1 - 1 / len(known)))
    skew = ((known - known.mean()) ** 3).mean() / spread**3 / 6
    ends = [bias + normal.inv_cdf(end) for end in (0.025, 0.975)]
    low, high = np.quantile(known, [normal.cdf(bias + end / (1 - skew * end)) for end in ends])
    return Figure(value, float(min(low, value)), float(max(high, value)))


def _studentized(value: float, samples: np.ndarray, variance: float, variances: np.ndarray) -> Figure:
    """Bootstrap-t (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 12).

    Money sits on few accounts, some of them large, and percentiles end too low.
    """
    known = variances > 0
    if not known.any() or variance <= 0:
        return interval(value, samples)
    distance = (samples[known] - value) / np.sqrt(variances[known])
    low, high = np.percentile(distance, [2.5, 97.5]) * np.sqrt(variance)
    return Figure(value, value - max(float(high), 0.0), value - min(float(low), 0.0))
