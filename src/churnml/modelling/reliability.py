"""Figures of probabilities: what was said beside what was seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnml.modelling.ranking import Measure

BINS = 10
EPSILON = 1e-12
# Log-odds beyond this say no more than "never" and "always", and would rule a fitted line alone.
FAR = 14.0
NEWTON_STEPS = 50
GAPS = "gaps"  # each bin's share of the gap between said and seen, shape (resamples, BINS): no figure, but behind two
HALVINGS = 7
NOISE = np.random.default_rng(0).normal(size=(1000, BINS))


def bins_of(p: np.ndarray, bins: int = BINS) -> np.ndarray:
    """The bin of each probability: about equally many rows a bin, equal probabilities together."""
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, p, side="right")


def probability_measure(p: np.ndarray, y: np.ndarray) -> Measure:
    """Brier score and its parts, log loss, calibration error, and how the probabilities hold.

    The Brier score is reliability − resolution + uncertainty (Murphy, J. Appl. Meteorol. 12, 1973), over ten bins.
    Resolution takes in what differs inside the bins (Stephenson, Coelho and Jolliffe, Weather and Forecasting 23,
    2008), so that the three add up. Calibration in the large is what was seen less what was said, in the mean.
    Slope and intercept are those of a logistic regression of the outcome on the log-odds said (Cox, Biometrika 45,
    1958): 1 and 0 where the probabilities hold. In a resample they are taken one Newton step from those of all
    rows, which is where they end but for terms of the order 1 / rows.

    Args:
        p: probabilities, shape (rows,).
        y: outcomes 0 or 1, shape (rows,).
    """
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    member = np.eye(BINS)[bins_of(p)]
    z = np.clip(np.log(clipped / (1 - clipped)), -FAR, FAR)
    line = _cox(z, y)
    seen = 1 / (1 + np.exp(-(line[0] + line[1] * z))) if line is not None else y
    rest, spread = y - seen, seen * (1 - seen)
    # every figure comes from weighted sums of these columns, so a resample costs one matrix product
    columns = np.c_[
        np.ones(len(y)),
        (p - y) ** 2,
        -(y * np.log(clipped) + (1 - y) * np.log(1 - clipped)),
        y,
        y - p,
        rest,
        rest * z,
        spread,
        spread * z,
        spread * z * z,
        member,
        member * (p - y)[:, None],
    ]

    def measured(w: np.ndarray) -> dict[str, np.ndarray]:
        sums = w @ columns
        n, squared, loss, positives, surplus = sums[:, :5].T
        rows, gap = sums[:, 10 : 10 + BINS], sums[:, 10 + BINS :]
        brier, rate = squared / n, positives / n
        reliability = np.divide(gap**2, rows, out=np.zeros_like(gap), where=rows > 0).sum(axis=1) / n
        uncertainty = rate * (1 - rate)
        intercept, slope = _one_step(line, sums[:, 5:10])
        return {
            "brier": brier,
            "log_loss": loss / n,
            "calibration_error": np.abs(gap).sum(axis=1) / n,
            "brier_reliability": reliability,
            "brier_resolution": reliability + uncertainty - brier,
            "brier_uncertainty": uncertainty,
            "calibration_in_the_large": surplus / n,
            "seen_over_said": positives / (positives - surplus),
            "calibration_intercept": intercept,
            "calibration_slope": slope,
            GAPS: gap / n[:, None],
        }

    return measured


def _cox(z: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Intercept and slope of the outcome on the log-odds; None where no line can be told."""
    if np.ptp(z) < 1e-9 or not 0 < y.sum() < len(y):
        return None
    x = np.c_[np.ones(len(z)), z]
    found = np.array([0.0, 1.0])
    for _ in range(NEWTON_STEPS):
        seen = 1 / (1 + np.exp(-np.clip(x @ found, -FAR, FAR)))
        curvature = (x * (seen * (1 - seen))[:, None]).T @ x
        if np.linalg.cond(curvature) > 1e12:
            return None  # the outcomes are parted without overlap, or nearly
        step = np.linalg.solve(curvature, x.T @ (y - seen))
        found = found + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            return np.asarray(found)
    return None


def _one_step(line: np.ndarray | None, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if line is None:
        return np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    r, rz, v, vz, vzz = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = v * vzz - vz * vz
        return line[0] + (vzz * r - vz * rz) / whole, line[1] + (v * rz - vz * r) / whole


def gap_interval(p: np.ndarray, y: np.ndarray, gaps: np.ndarray, power: int) -> tuple[float, float]:
    """The 95 % interval of the calibration error (``power`` 1) or of the Brier score's reliability (2).

    Both only grow with noise, so resampling them adds to noise that is in them already, and neither percentiles
    nor the basic interval cover. The lower end is the smallest share of the observed gaps which, with the noise
    of so many rows on top, shows as much as was seen in at least one of forty cases: a test turned round. The
    noise of a bin is what its rate gives, and no less than what resampling shows. The upper end lies as far above
    the figure as the resamples reach above their mean; as the figure holds one share of noise too many, that
    errs to the cautious side.

    Args:
        p, y: probabilities and outcomes, shape (rows,).
        gaps: resampled ``GAPS``, shape (resamples, BINS).
        power: 1 for the mean absolute gap, 2 for the mean squared one.
    """
    member = np.eye(BINS)[bins_of(p)]
    there = member.any(axis=0)
    member, gaps, noise = member[:, there], gaps[:, there], NOISE[:, there]
    rows = member.sum(axis=0)
    share, said, seen = rows / len(p), p @ member / rows, y @ member / rows
    gap = share * (said - seen)

    def shown(gap: np.ndarray) -> np.ndarray:
        return np.asarray((np.abs(gap) ** power * share ** (1 - power)).sum(axis=-1))

    value, resampled, spread = float(shown(gap)), shown(gaps), gaps.var(axis=0)
    apart = (seen * (1 - seen) * rows).sum() / len(p) ** 2
    alike = max(1.0, float(spread.sum() / apart)) if apart else 1.0

    def may_show_it(part: float) -> bool:
        rate = np.clip(said - part * (said - seen), 1e-4, 1 - 1e-4)
        deviation = np.sqrt(np.maximum(alike * rate * (1 - rate) * rows / len(p) ** 2, spread))
        return bool(np.percentile(shown(part * gap + deviation * noise), 97.5) >= value)

    low, high = 0.0, 1.0
    if may_show_it(0.0):
        high = 0.0
    for _ in range(HALVINGS if high else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if may_show_it(middle) else (middle, high)
    return low**power * value, value + float(np.percentile(resampled, 97.5) - resampled.mean())


def wilson(seen: Any, rows: Any, z: float = 1.96) -> tuple[Any, Any]:
    """The interval of a share (Wilson, JASA 22, 1927): it holds what is seen, and never leaves 0 to 1."""
    centre = (seen + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * np.sqrt(seen * (1 - seen) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return (centre - half).clip(0, 1), (centre + half).clip(0, 1)


def reliability(p: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Per bin: ``said`` (mean probability), ``seen`` (share of positives) with Wilson's ``low, high``, ``rows``."""
    frame = pd.DataFrame({"bin": bins_of(p), "p": p, "y": y})
    per = frame.groupby("bin").agg(said=("p", "mean"), seen=("y", "mean"), rows=("y", "size")).reset_index(drop=True)
    low, high = wilson(per["seen"], per["rows"])
    return per.assign(low=low, high=high)


def error_by_chance(p: np.ndarray) -> float:
    """The calibration error that probabilities which hold exactly would show on so many rows, in the mean.

    The gap of a bin is then about normal with variance Σ p (1 − p), and its mean distance from zero is
    √(2/π) of its deviation. Rows are taken as independent: at one cutoff an account is one row.
    """
    variance = np.bincount(bins_of(p), weights=p * (1 - p))
    return float(np.sqrt(2 / np.pi * variance).sum() / len(p))
