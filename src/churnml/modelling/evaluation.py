"""Figures with intervals: every number a person reads about a model is computed here, once.

Intervals are 95 % bootstrap intervals that resample accounts, not rows, because rows of one account
are alike (cluster bootstrap: Davison and Hinkley, Bootstrap Methods, 1997, ch. 3). All models and
rivals are measured on the same resamples, so differences between them are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

RESAMPLES = 1000
BINS = 10
EPSILON = 1e-12
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


@dataclass(frozen=True)
class _Ranked:
    """Rows sorted by falling probability, with where each run of equal probabilities ends."""

    order: np.ndarray
    ends: np.ndarray
    label: np.ndarray


def _rank(p: np.ndarray, y: np.ndarray) -> _Ranked:
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) != 0, True])
    return _Ranked(order, ends, y[order])


def _cumulative(ranked: _Ranked, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of positives and of negatives at or above each distinct probability, shape (resamples, runs)."""
    sorted_w = w[:, ranked.order]
    positives = np.cumsum(sorted_w * ranked.label, axis=1)[:, ranked.ends]
    negatives = np.cumsum(sorted_w * (1 - ranked.label), axis=1)[:, ranked.ends]
    return positives, negatives


def _roc_auc(p: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    ranked = _rank(p, y)

    def measured(w: np.ndarray) -> np.ndarray:
        tp, fp = _cumulative(ranked, w)
        zero = np.zeros((len(w), 1))
        heights = (np.c_[zero, tp[:, :-1]] + tp) / 2
        area = (heights * np.diff(np.c_[zero, fp], axis=1)).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(area / (tp[:, -1] * fp[:, -1]))

    return measured


def _average_precision(p: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    ranked = _rank(p, y)

    def measured(w: np.ndarray) -> np.ndarray:
        tp, fp = _cumulative(ranked, w)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
            gained = np.diff(np.c_[np.zeros((len(w), 1)), tp], axis=1) / tp[:, -1:]
            return np.asarray((precision * gained).sum(axis=1))

    return measured


def _mean_loss(loss: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda w: np.asarray(w @ loss / w.sum(axis=1))


def bins_of(p: np.ndarray, bins: int = BINS) -> np.ndarray:
    """The bin of each probability: about equally many rows a bin, equal probabilities together."""
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, p, side="right")


def _calibration_error(p: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    member = np.eye(BINS)[bins_of(p)]

    def measured(w: np.ndarray) -> np.ndarray:
        gap = np.abs((w * (p - y)) @ member)
        return np.asarray(gap.sum(axis=1) / w.sum(axis=1))

    return measured


def _measures(p: np.ndarray, y: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return {
        "roc_auc": _roc_auc(p, y),
        "average_precision": _average_precision(p, y),
        "brier": _mean_loss((p - y) ** 2),
        "log_loss": _mean_loss(-(y * np.log(clipped) + (1 - y) * np.log(1 - clipped))),
        "calibration_error": _calibration_error(p, y),
    }


@dataclass(frozen=True)
class Evaluation:
    """All figures of one judged cutoff.

    Args:
        figures: who (``model``, each rival, ``champion``) → figure name → figure.
        ahead: rival → figure name → how far the model is ahead of it, paired; positive is better.
        rows, positives: what was judged.
    """

    figures: Mapping[str, Mapping[str, Figure]]
    ahead: Mapping[str, Mapping[str, Figure]]
    rows: int
    positives: int

    def as_data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


def evaluate(
    account: np.ndarray, y: np.ndarray, said: Mapping[str, np.ndarray], seed: int, resamples: int = RESAMPLES
) -> Evaluation:
    """Measures everybody in ``said`` on the same rows and the same resamples.

    Args:
        account: account of each row, shape (rows,).
        y: outcomes 0 or 1, shape (rows,).
        said: who → probabilities, shape (rows,); must contain ``model``.
        seed: of the bootstrap.
        resamples: how many.
    """
    y = y.astype("float64")
    measures = {who: _measures(np.asarray(p, dtype="float64"), y) for who, p in said.items()}
    once = np.ones((1, len(y)))
    points = {who: {name: float(m(once)[0]) for name, m in named.items()} for who, named in measures.items()}
    drawn: dict[str, dict[str, list[np.ndarray]]] = {who: {name: [] for name in FIGURES} for who in said}
    for w in _resampled_weights(account, seed, resamples):
        for who, named in measures.items():
            for name, measured in named.items():
                drawn[who][name].append(measured(w))
    samples = {who: {n: np.concatenate(parts) for n, parts in named.items()} for who, named in drawn.items()}
    figures = {who: {name: _figure(name, points[who][name], samples[who][name]) for name in FIGURES} for who in said}
    ahead = {
        who: {
            name: _interval(
                (1 if better else -1) * (points["model"][name] - points[who][name]),
                (1 if better else -1) * (samples["model"][name] - samples[who][name]),
            )
            for name, better in FIGURES.items()
        }
        for who in said
        if who != "model"
    }
    return Evaluation(figures, ahead, len(y), int(y.sum()))


def _resampled_weights(account: np.ndarray, seed: int, resamples: int) -> Any:
    """How often each row is drawn, shape (≤ CHUNK, rows) at a time: whole accounts with replacement."""
    rng = np.random.default_rng(seed)
    _, member = np.unique(account.astype(str), return_inverse=True)
    n = int(member.max()) + 1
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=size)
        yield drawn[:, member].astype("float64")


def _interval(value: float, samples: np.ndarray) -> Figure:
    low, high = np.nanpercentile(samples, [2.5, 97.5]) if np.isfinite(samples).any() else (np.nan, np.nan)
    return Figure(float(value), float(low), float(high))


def _figure(name: str, value: float, samples: np.ndarray) -> Figure:
    plain = _interval(value, samples)
    if name != "calibration_error":
        return plain
    # an average of absolute gaps only grows by resampling: the basic interval takes that growth back
    low, high = 2 * value - plain.high, 2 * value - plain.low
    return Figure(value, max(0.0, min(low, value)), max(high, value))


def reliability(p: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Per bin: ``said`` (mean probability), ``seen`` (share of positives) with Wilson's ``low, high``, ``rows``."""
    frame = pd.DataFrame({"bin": bins_of(p), "p": p, "y": y})
    per = frame.groupby("bin").agg(said=("p", "mean"), seen=("y", "mean"), rows=("y", "size")).reset_index(drop=True)
    z = 1.96
    n, s = per["rows"], per["seen"]
    centre = (s + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(s * (1 - s) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return per.assign(low=(centre - half).clip(lower=0), high=(centre + half).clip(upper=1))


def gains(said: Mapping[str, np.ndarray], y: np.ndarray, points: int = 50) -> pd.DataFrame:
    """Share of positives among the riskiest share of accounts: ``who, contacted, caught``.

    Equal probabilities count as if drawn by chance, so the base rate lies on the diagonal.
    """
    found = []
    shares = np.linspace(0, 1, points + 1)
    for who, p in said.items():
        ranked = _rank(np.asarray(p, dtype="float64"), y.astype("float64"))
        tp, fp = _cumulative(ranked, np.ones((1, len(y))))
        reached = np.r_[0.0, (tp + fp)[0] / len(y)]
        caught = np.r_[0.0, tp[0] / max(y.sum(), 1)]
        found.append(pd.DataFrame({"who": who, "contacted": shares, "caught": np.interp(shares, reached, caught)}))
    return pd.concat(found, ignore_index=True)
