"""Whether what a model reads, and what it answers, still looks as it did in training: by size, not by significance.

A test would call every difference one once there are rows enough. The measure here is the population stability index
with an interval, so that few rows raise no alarm and many rows do not raise one over nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chndtr, chndtrinc

from churnml.modelling.profile import SCORE, Distribution, ModelProfile, expected_by_chance, stability_index


@dataclass(frozen=True)
class FeatureDrift:
    """How far one column has moved since training.

    Args:
        feature: the column, or ``probability``.
        index: the population stability index as it is counted.
        low, high: the 95 % interval of what it is without the noise of so many rows; low is 0 where chance explains it.
        by_chance: what the index comes to in the mean where nothing has moved.
        usual: the largest index, above chance, that any one training cutoff had against them all; None not known.
        missing_then, missing_now: shares of rows without a value.
        shift: by how many of training's standard deviations the mean has moved; None for names, or where one is
            not known.
        moved: whether the interval lies wholly above both the declared index and the usual one; False where that is
            not known.
    """

    feature: str
    index: float
    low: float
    high: float
    by_chance: float
    usual: float | None
    missing_then: float
    missing_now: float
    shift: float | None
    moved: bool


@dataclass(frozen=True)
class Drift:
    """What has moved since training at one date.

    Args:
        rows: how many were looked at.
        scores: the probabilities.
        features: every feature, the furthest moved first.
        gain_moved: the share of the trees' gain that lies on features that moved.
    """

    rows: int
    scores: FeatureDrift
    features: tuple[FeatureDrift, ...]
    gain_moved: float

    @property
    def moved(self) -> tuple[FeatureDrift, ...]:
        """The features that moved, the furthest first."""
        return tuple(feature for feature in self.features if feature.moved)


def drift_of(
    profile: ModelProfile, frame: pd.DataFrame, probability: np.ndarray, gains: Mapping[str, float], above: float
) -> Drift:
    """What has moved since training.

    Args:
        profile: how things stood then.
        frame: the rows of one date as the model reads them, one an account.
        probability: what it says of them, shape (rows,).
        gains: feature → the trees' gain on it.
        above: the index from which a column has moved.
    """
    features = [column_drift(name, of, frame[name], profile.accounts, above) for name, of in profile.features.items()]
    scores = column_drift(SCORE, profile.scores, pd.Series(probability), profile.scored_accounts, above)
    features.sort(key=lambda drift: (-drift.low, -drift.index, drift.feature))
    total = sum(gains.values())
    moved = sum(gains.get(drift.feature, 0.0) for drift in features if drift.moved)
    return Drift(len(frame), scores, tuple(features), moved / total if total else 0.0)


def column_drift(name: str, then: Distribution, column: pd.Series, independent: int, above: float) -> FeatureDrift:
    """How far one column has moved; ``independent`` is how many rows the training is worth."""
    reference, now = np.asarray(then.counts), then.count(column)
    index = stability_index(reference, now)
    low, high = index_interval(reference, now, independent)
    known = column.dropna()
    shift = None
    if then.mean is not None and then.deviation and len(known):
        shift = (float(known.astype("float64").mean()) - then.mean) / then.deviation
    return FeatureDrift(
        feature=name,
        index=index,
        low=low,
        high=high,
        by_chance=expected_by_chance(reference, independent, len(column)),
        usual=then.usual,
        missing_then=float(reference[-1] / max(reference.sum(), 1)),
        missing_now=float(now[-1] / max(now.sum(), 1)),
        shift=shift,
        moved=then.usual is not None and low > max(above, then.usual),
    )


def index_interval(reference: np.ndarray, now: np.ndarray, independent: int) -> tuple[float, float]:
    """The 95 % interval of the population stability index without the noise of so many rows.

    The index times nm / (n + m) is about a non-central χ² whose non-centrality is the true index times the same
    (for its χ² twin: Potgieter et al., The Population Resemblance Statistic, arXiv 2307.11878, 2023); the interval
    holds the non-centralities that a test at either end does not refuse.

    Args:
        reference, now: binned counts, shape (bins,).
        independent: n, how many independent rows the reference is worth.
    """
    met = (reference + now) > 0
    freedom = max(int(met.sum()) - 1, 1)
    scale = 1 / (1 / max(independent, 1) + 1 / max(int(now.sum()), 1))
    seen = stability_index(reference, now) * scale
    return _noncentrality(seen, freedom, 0.975) / scale, _noncentrality(seen, freedom, 0.025) / scale


def _noncentrality(seen: float, freedom: int, below: float) -> float:
    """The non-centrality that puts ``seen`` at the quantile ``below``; 0 where even none puts it lower."""
    if chndtr(seen, freedom, 0.0) <= below:
        return 0.0
    return float(chndtrinc(seen, freedom, below))
