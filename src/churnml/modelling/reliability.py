"""Figures of probabilities: what was predicted beside what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np
import pandas as pd

from churnml.modelling.ranking import Measure

Shares = TypeVar("Shares", float, np.ndarray)

BINS = 10
EPSILON = 1e-12
# Log-odds beyond this say no more than "never" and "always", and would rule a fitted line alone.
FAR = 14.0
NEWTON_STEPS = 50
GAPS = "gaps"  # each bin's share of the gap between predicted and seen, (resamples, BINS): no figure, but behind two
SHARES = "shares"  # each bin's share of the rows, of the same shape
HALVINGS = 10
FARTHEST = 8.0  # no true gaps are looked for beyond so many times the observed ones
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
            SHARES: rows / n[:, None],
        }

    return measured


def _cox(z: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Intercept and slope of the outcome on the log-odds; None where no line can be told."""
    if np.ptp(z) < 1e-9 or not 0 < y.sum() < len(y):
        return None
    x = np.c_[np.ones(len(z)), z]
    line = np.array([0.0, 1.0])
    for _ in range(NEWTON_STEPS):
        seen = 1 / (1 + np.exp(-np.clip(x @ line, -FAR, FAR)))
        curvature = (x * (seen * (1 - seen))[:, None]).T @ x
        if np.linalg.cond(curvature) > 1e12:
            return None  # the outcomes are parted without overlap, or nearly
        step = np.linalg.solve(curvature, x.T @ (y - seen))
        line = line + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            return np.asarray(line)
    return None


def _one_step(line: np.ndarray | None, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if line is None:
        return np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    r, rz, v, vz, vzz = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = v * vzz - vz * vz
        return line[0] + (vzz * r - vz * rz) / whole, line[1] + (v * rz - vz * r) / whole


@dataclass(frozen=True)
class _Gaps:
    """The gaps between predicted and seen in the bins that have rows, and what noise makes of them."""

    share: np.ndarray
    predicted: np.ndarray
    seen: np.ndarray
    rows: int
    alike: float  # how much more the gaps vary than those of independent rows
    power: int
    noise: np.ndarray

    def shown(self, gap: np.ndarray) -> np.ndarray:
        """The figure of such gaps, over their last axis."""
        return np.asarray((np.abs(gap) ** self.power * self.share ** (1 - self.power)).sum(axis=-1))

    @property
    def value(self) -> float:
        return float(self.shown(self.share * (self.predicted - self.seen)))

    def shown_by(self, part: float) -> np.ndarray:
        """What is shown where the true gaps are ``part`` of the observed ones, with the noise of so many rows on top.

        The noise of a bin is what its rate gives, more where resampling whole accounts shows that rows are alike.
        """
        gap = part * (self.predicted - self.seen)
        rate = np.clip(self.predicted - gap, 1e-4, 1 - 1e-4)
        deviation = np.sqrt(self.alike * rate * (1 - rate) * self.share / self.rows)
        return self.shown(self.share * gap + deviation * self.noise)

    def least_part(self) -> float:
        """The smallest part, at most 1, that shows as much as was seen in at least one of forty cases."""
        return 0.0 if self._may_show(0.0) else _boundary(lambda part: not self._may_show(part), 0.0, 1.0)

    def largest_part(self) -> float:
        """The largest part, at least 1, that shows as little as was seen in at least one of forty cases."""
        return _boundary(lambda part: bool(np.percentile(self.shown_by(part), 2.5) <= self.value), 1.0, FARTHEST)

    def _may_show(self, part: float) -> bool:
        return bool(np.percentile(self.shown_by(part), 97.5) >= self.value)


def _boundary(below: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``below`` ends to hold between ``low`` and ``high``, found to a thousandth of the way."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def _gaps_of(p: np.ndarray, y: np.ndarray, gaps: np.ndarray, power: int) -> _Gaps:
    member = np.eye(BINS)[bins_of(p)]
    there = member.any(axis=0)
    rows, member = member.sum(axis=0)[there], member[:, there]
    share, predicted, seen = rows / len(p), p @ member / rows, y @ member / rows
    apart = (share * seen * (1 - seen)).sum() / len(p)
    alike = max(1.0, float(gaps.var(axis=0).sum() / apart)) if apart else 1.0
    return _Gaps(share, predicted, seen, len(p), alike, power, NOISE[:, there])


def gap_interval(p: np.ndarray, y: np.ndarray, gaps: np.ndarray, power: int) -> tuple[float, float]:
    """The 95 % interval of the calibration error (``power`` 1) or of the Brier score's reliability (2).

    Both only grow with noise, so resampling them adds to noise that is in them already, and neither percentiles
    nor the basic interval cover. The lower end is the smallest part of the observed gaps which, with noise on top,
    may show as much as was seen: a test turned round. The upper end lies as far above the figure as the resamples
    reach above their mean; as the figure holds one share of noise too many, that errs to the cautious side.

    Args:
        p, y: probabilities and outcomes, shape (rows,).
        gaps: resampled ``GAPS``, shape (resamples, BINS).
        power: 1 for the mean absolute gap, 2 for the mean squared one.
    """
    observed = _gaps_of(p, y, gaps, power)
    resampled = observed.shown(gaps[:, np.unique(bins_of(p))])
    above = float(np.percentile(resampled, 97.5) - resampled.mean())
    return observed.least_part() ** power * observed.value, observed.value + above


def gap_between_tests(p: np.ndarray, y: np.ndarray, gaps: np.ndarray) -> tuple[float, float]:
    """The calibration error's interval with a test turned round at both ends, shape of arguments as above.

    The figure alone it covers a little too rarely where rows repeat; a difference of two such figures it covers,
    which the more cautious ``gap_interval`` does nearly always (``benchmarks/coverage.py``).
    """
    observed = _gaps_of(p, y, gaps, power=1)
    return observed.least_part() * observed.value, observed.largest_part() * observed.value


def reliability_lead(
    shares: tuple[np.ndarray, np.ndarray], gaps: tuple[np.ndarray, np.ndarray], resampled: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    """The 95 % interval of how far the first Brier score's reliability lies under the second's.

    Both are sums of squared gaps, so their difference d is a quadratic form g'Qg of gaps g that are about normal
    with the resamples' covariance S. Noise adds tr(QS) to it and gives it the variance 4γ'QSQγ + 2tr(QSQS) around
    true gaps γ; putting g for γ says 4tr(QSQS) too much (Searle, Linear Models, 1971, ch. 2). Both are taken out.

    Args:
        shares: of the rows in each bin, shape (BINS,), of the first and of the second.
        gaps: ``GAPS`` of all rows, shape (BINS,).
        resampled: ``GAPS`` of the same resamples, shape (resamples, BINS).
    """
    one, other = (np.divide(1, share, out=np.zeros(BINS), where=share > 0) for share in shares)
    q, g = np.r_[-one, other], np.concatenate(gaps)
    covariance = np.cov(np.concatenate(resampled, axis=1), rowvar=False, bias=True)
    form = q[:, None] * covariance
    noise = 2 * float((form * form.T).sum())
    variance = max(4 * float((q * g) @ covariance @ (q * g)) - noise, noise)
    middle, half = float(q @ g**2 - np.trace(form)), NormalDist().inv_cdf(0.975) * np.sqrt(variance)
    return middle - half, middle + half


def wilson(seen: Shares, rows: Shares, z: float = 1.96) -> tuple[Shares, Shares]:
    """The interval of a share (Wilson, JASA 22, 1927): it holds what is seen, and never leaves 0 to 1."""
    centre = (seen + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * np.sqrt(seen * (1 - seen) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def reliability(p: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Per bin: ``said`` (mean probability), ``seen`` (share of positives) with Wilson's ``low, high``, ``rows``."""
    frame = pd.DataFrame({"bin": bins_of(p), "p": p, "y": y})
    per = frame.groupby("bin").agg(said=("p", "mean"), seen=("y", "mean"), rows=("y", "size")).reset_index(drop=True)
    low, high = wilson(per["seen"].to_numpy(), per["rows"].to_numpy())
    return per.assign(low=low, high=high)


def error_by_chance(p: np.ndarray) -> float:
    """The calibration error that probabilities which hold exactly would show on so many rows, in the mean.

    The gap of a bin is then about normal with variance Σ p (1 − p), and its mean distance from zero is
    √(2/π) of its deviation. Rows are taken as independent: at one cutoff an account is one row.
    """
    variance = np.bincount(bins_of(p), weights=p * (1 - p))
    return float(np.sqrt(2 / np.pi * variance).sum() / len(p))
