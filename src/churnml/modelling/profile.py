"""How things stood in training, kept with a model so that it can be watched: distributions, and trust in calibration.

Binned counts and a handful of numbers, never rows: a model's files hold nothing of an account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.errors import RegistryError
from churnml.jsontypes import JsonObject

PROFILE_VERSION = 1
BINS = 10
# The name of the probability among distributions.
SCORE = "probability"
EPSILON = 1e-12


@dataclass(frozen=True)
class Distribution:
    """How many training rows lay where.

    Args:
        edges: of a number: the inner edges of its bins, ascending; a value on an edge belongs above it.
        names: of a name: those that were met, in order; None for a number.
        counts: rows a bin: of a number len(edges) + 1, of a name len(names) and all others; the missing come last.
        mean, deviation: of the known values of a number; None for a name, and where none is known.
        usual: the largest population stability index, above what chance gives, of any one cutoff against them all:
            what season and growth do anyway; None of a single cutoff, which cannot tell.
    """

    edges: tuple[float, ...]
    names: tuple[str, ...] | None
    counts: tuple[int, ...]
    mean: float | None = None
    deviation: float | None = None
    usual: float | None = None

    def count(self, column: pd.Series) -> np.ndarray:
        """How many rows of ``column`` lie in each bin, shape (bins,)."""
        missing = column.isna().to_numpy()
        known = column[~missing]
        if self.names is not None:
            places = {name: place for place, name in enumerate(self.names)}
            bins = np.array([places.get(str(value), len(places)) for value in known], dtype="int64")
        else:
            bins = np.searchsorted(self.edges, known.to_numpy(dtype="float64"), side="right")
        counted = np.bincount(bins, minlength=len(self.counts) - 1)
        return np.asarray(np.r_[counted, missing.sum()])


@dataclass(frozen=True)
class CalibrationTrust:
    """How far the probabilities are to be believed, as rows showed that no tree had seen.

    The true log-odds are taken to be z + a + b (z − middle) of the predicted ones z, with a and b drawn around 0.

    Args:
        periods: calibrating cutoffs.
        rows, positives: over all of them.
        intercept_error, slope_error: standard errors over accounts.
        between_intercepts, between_slopes: standard deviations from period to period beyond what sampling explains
            (DerSimonian and Laird, Controlled Clinical Trials 7, 1986).
    """

    periods: int
    rows: int
    positives: int
    intercept_error: float
    slope_error: float
    between_intercepts: float
    between_slopes: float


@dataclass(frozen=True)
class ModelProfile:
    """How things stood in training.

    Args:
        features: feature → its distribution over the training rows.
        scores: the distribution of probabilities on rows the trees had not seen.
        accounts: distinct accounts among the training rows: a row that repeats an account tells less than a new one.
        scored_accounts: the same of the rows behind ``scores``.
        trust: how far the probabilities are to be believed; None where that could not be told.
    """

    features: Mapping[str, Distribution]
    scores: Distribution
    accounts: int
    scored_accounts: int
    trust: CalibrationTrust | None

    def as_json(self) -> JsonObject:
        """As a model's file holds it."""
        return {"version": PROFILE_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ModelProfile:
        """The inverse of :meth:`as_json`; raises RegistryError for one of a later version."""
        if stored["version"] != PROFILE_VERSION:
            raise RegistryError(
                f"The model's profile is of version {stored['version']}; this churnml reads version {PROFILE_VERSION}.",
                remedy="Update churnml.",
            )
        trust = stored["trust"]
        return cls(
            features={name: _distribution(one) for name, one in stored["features"].items()},
            scores=_distribution(stored["scores"]),
            accounts=stored["accounts"],
            scored_accounts=stored["scored_accounts"],
            trust=CalibrationTrust(**trust) if trust else None,
        )


def _distribution(stored: Mapping[str, Any]) -> Distribution:
    names = stored["names"]
    sequences = {"edges": tuple(stored["edges"]), "counts": tuple(stored["counts"])}
    return Distribution(**{**stored, **sequences, "names": None if names is None else tuple(names)})


# ---------------------------------------------------------------- fitting


def fit_profile(
    rows: pd.DataFrame, features: Sequence[str], categories: Sequence[str], out_of_fold: pd.DataFrame
) -> ModelProfile:
    """The profile of a training.

    Args:
        rows: the training rows, ``account_id, as_of`` and the features.
        features, categories: the features' names, and which of them are names.
        out_of_fold: ``account_id, as_of, label, probability`` of rows the trees had not seen.
    """
    cutoffs = rows["as_of"].to_numpy()
    scored = out_of_fold[SCORE]
    return ModelProfile(
        features={name: _fitted(rows[name], cutoffs, name in categories) for name in features},
        scores=_fitted(scored, out_of_fold["as_of"].to_numpy(), False),
        accounts=int(rows["account_id"].nunique()),
        scored_accounts=int(out_of_fold["account_id"].nunique()),
        trust=fit_trust(out_of_fold),
    )


def _fitted(column: pd.Series, cutoffs: np.ndarray, is_name: bool) -> Distribution:
    known = column.dropna()
    if is_name:
        names = tuple(sorted(str(name) for name in known.unique()))
        empty = Distribution((), names, (0,) * (len(names) + 2))
    else:
        empty = Distribution(edges := _edges(known.to_numpy(dtype="float64")), None, (0,) * (len(edges) + 2))
    by_cutoff = [empty.count(column[cutoffs == cutoff]) for cutoff in np.unique(cutoffs)]
    counts = np.sum(by_cutoff, axis=0)
    some = not is_name and len(known) > 0
    return Distribution(
        empty.edges,
        empty.names,
        tuple(int(count) for count in counts),
        mean=float(known.mean()) if some else None,
        deviation=float(known.std(ddof=0)) if some else None,
        usual=max(_above_chance(counts, part) for part in by_cutoff) if len(by_cutoff) > 1 else None,
    )


def _edges(known: np.ndarray) -> tuple[float, ...]:
    """Inner edges that give about equally many rows a bin; a lone value is a bin of its own."""
    if not len(known):
        return ()
    lowest, highest = known.min(), known.max()
    if lowest == highest:
        return (float(lowest), float(np.nextafter(lowest, np.inf)))
    edges = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf")
    return tuple(float(edge) for edge in np.unique(edges[edges > lowest])) or (float(highest),)


def _above_chance(reference: np.ndarray, part: np.ndarray) -> float:
    return max(0.0, stability_index(reference, part) - expected_by_chance(reference, part.sum(), part.sum()))


def stability_index(reference: np.ndarray, now: np.ndarray) -> float:
    """The population stability index Σ (q − p) ln(q / p) of binned counts, shape (bins,) both.

    It is the symmetric divergence of Jeffreys (Theory of Probability, 1948). Half a row is added to every bin that
    either side has met, so that an empty one is unlikely rather than impossible.
    """
    met = (reference + now) > 0
    p, q = (np.asarray(side[met], dtype="float64") + 0.5 for side in (reference, now))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def expected_by_chance(reference: np.ndarray, independent: float, now: float) -> float:
    """What the index comes to in the mean where nothing has moved: (bins − 1)(1/n + 1/m).

    Its distribution is then about that of (1/n + 1/m) χ² with bins − 1 degrees of freedom (Yurdakul, Statistical
    Properties of Population Stability Index, Western Michigan University, 2018).

    Args:
        reference: counts, shape (bins,).
        independent: n, how many independent rows they are worth.
        now: m, the rows compared with them.
    """
    return (max(int((reference > 0).sum()), 2) - 1) * (1 / max(independent, 1) + 1 / max(now, 1))


# ---------------------------------------------------------------- trust in calibration


def fit_trust(out_of_fold: pd.DataFrame) -> CalibrationTrust | None:
    """How far probabilities are to be believed, from ``account_id, as_of, label, probability`` of unseen rows.

    None where no line of outcomes on log-odds can be told.
    """
    p = np.clip(out_of_fold[SCORE].to_numpy(dtype="float64"), EPSILON, 1 - EPSILON)
    y = out_of_fold["label"].to_numpy(dtype="float64")
    z = np.log(p / (1 - p))
    account, cutoff = out_of_fold["account_id"].to_numpy(dtype=object).astype(str), out_of_fold["as_of"].to_numpy()
    whole = _one_step_line(z, y, account)
    if whole is None:
        return None
    parts = [_one_step_line(z[at], y[at], account[at]) for at in (cutoff == one for one in np.unique(cutoff))]
    told = [part for part in parts if part is not None]
    return CalibrationTrust(
        periods=len(told),
        rows=len(y),
        positives=int(y.sum()),
        intercept_error=float(np.sqrt(whole[1][0])),
        slope_error=float(np.sqrt(whole[1][1])),
        between_intercepts=_between([part[0][0] for part in told], [part[1][0] for part in told]),
        between_slopes=_between([part[0][1] for part in told], [part[1][1] for part in told]),
    )


def _one_step_line(z: np.ndarray, y: np.ndarray, account: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """How far intercept (at the mean log-odds) and slope are from 0 and 1, and their variances over accounts.

    One Newton step from the predicted probabilities, with the sandwich over accounts for its variance.
    """
    if not 0 < y.sum() < len(y) or np.ptp(z) < 1e-9:
        return None
    seen = 1 / (1 + np.exp(-z))
    centred = z - np.average(z, weights=seen * (1 - seen))
    x = np.c_[np.ones(len(z)), centred]
    curvature = (x * (seen * (1 - seen))[:, None]).T @ x
    if np.linalg.cond(curvature) > 1e12:
        return None
    scores = x * (y - seen)[:, None]
    _, member = np.unique(account, return_inverse=True)
    by_account = np.stack([np.bincount(member, weights=column) for column in scores.T], axis=1)
    inverse = np.linalg.inv(curvature)
    variances = np.diag(inverse @ (by_account.T @ by_account) @ inverse)
    return inverse @ scores.sum(axis=0), variances


def _between(values: Sequence[float], variances: Sequence[float]) -> float:
    """The standard deviation between periods, by moments; 0 with a single period."""
    if len(values) < 2:
        return 0.0
    v, w = np.asarray(values), 1 / np.asarray(variances)
    centre = (w * v).sum() / w.sum()
    surplus = (w * (v - centre) ** 2).sum() - (len(v) - 1)
    return float(np.sqrt(max(0.0, surplus / (w.sum() - (w**2).sum() / w.sum()))))
