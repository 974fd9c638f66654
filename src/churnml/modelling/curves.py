"""When, not only whether: hazards by period become each account's curve of survival.

A hazard is the chance of leaving in a period, given that the account is still there when it begins. The curve
is anchored to the classifier: one shift of an account's log-odds, the same in all its periods, makes the curve
say over the label's own window exactly what the classifier's calibrated probability says. The hazards give the
shape, the classifier the height. (Discrete-time hazards: Singer and Willett, J. Educ. Stat. 18, 1993; the shift
is one of proportional odds.)

A stored model is read through this module, so it imports numpy, pandas and LightGBM and nothing else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from churnml.jsontypes import JsonObject

# Days from the cutoff for which a person is told the probability of leaving.
MARKS = (30, 60, 90, 180)
ROWS_AT_ONCE = 200_000  # person-periods predicted together: bounds memory
STEPS = 60  # of Newton's method; ten suffice


@dataclass(frozen=True)
class Renewal:
    """How the periods to an account's renewal are counted, from what was known at the cutoff.

    Args:
        days: the feature that says in how many days the contract renews.
        billing: the feature that names its billing period; None where the data have none.
        terms: billing period in small letters → days between renewals.
    """

    days: str
    billing: str | None
    terms: Mapping[str, float]


@dataclass(frozen=True)
class HazardFitting:
    """How hazards were fitted.

    Args:
        trees: how many.
        checked_at: the cutoff whose rows found that number, and ``check_loss`` their log loss a person-period.
        person_periods, leavings: what was learned from.
    """

    trees: int
    checked_at: dt.date
    check_loss: float
    person_periods: int
    leavings: int


@dataclass(frozen=True)
class Hazard:
    """The chance of leaving in each coming period, as data.

    Args:
        booster: trees over the model's features and two columns more: the day the period begins, and the days
            from then to the next renewal.
        edges: days from the cutoff at which periods begin, the last one's end at the end; ``edges[0] == 0``.
        anchor: days ``[start, end)`` over which the curve says what the classifier says.
        renewal: how renewals are counted; None without renewal dates.
        fitting: how it was fitted, for the record.
    """

    booster: lgb.Booster
    edges: tuple[int, ...]
    anchor: tuple[int, int]
    renewal: Renewal | None
    fitting: HazardFitting

    def curves(self, x: np.ndarray, renewal: np.ndarray, term: np.ndarray, probability: np.ndarray) -> Curves:
        """The curves of accounts, anchored to the classifier.

        Args:
            x: the model's features, shape (rows, features).
            renewal: days from the cutoff to the next known renewal, shape (rows,); nan where unknown.
            term: days between renewals, shape (rows,); nan where unknown.
            probability: the classifier's calibrated probabilities, shape (rows,), each in (0, 1).
        """
        return anchored(self.log_odds(x, renewal, term), self.edges, self.anchor, probability)

    def log_odds(self, x: np.ndarray, renewal: np.ndarray, term: np.ndarray) -> np.ndarray:
        """The trees' log-odds of leaving in each period, not yet anchored, shape (rows, periods)."""
        periods = len(self.edges) - 1
        log_odds = np.empty((len(x), periods))
        step = max(1, ROWS_AT_ONCE // periods)
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            row, period = np.divmod(np.arange(len(x[rows]) * periods), periods)
            long = person_period_matrix(x[rows], renewal[rows], term[rows], self.edges, row, period)
            log_odds[rows] = np.asarray(self.booster.predict(long, raw_score=True)).reshape(-1, periods)
        return log_odds

    def as_data(self) -> JsonObject:
        """All but the trees, for JSON."""
        counted = self.renewal
        renewal = None if counted is None else vars(counted) | {"terms": dict(sorted(counted.terms.items()))}
        return {
            "edges": list(self.edges),
            "anchor": list(self.anchor),
            "renewal": renewal,
            "about": vars(self.fitting) | {"checked_at": str(self.fitting.checked_at)},
        }

    @classmethod
    def from_data(cls, stored: Mapping[str, Any], booster: lgb.Booster) -> Hazard:
        """The inverse of :meth:`as_data`."""
        start, end = stored["anchor"]
        renewal = stored["renewal"] and Renewal(**stored["renewal"])
        about = stored["about"]
        fitting = HazardFitting(**about | {"checked_at": dt.date.fromisoformat(about["checked_at"])})
        return cls(booster, tuple(stored["edges"]), (start, end), renewal, fitting)


def renewals(frame: pd.DataFrame, counted: Renewal | None) -> tuple[np.ndarray, np.ndarray]:
    """Days to the next renewal, and between renewals, as known at the cutoff, each (rows,); nan where unknown."""
    unknown = np.full(len(frame), np.nan)
    if counted is None:
        return unknown, unknown
    ahead = frame[counted.days].to_numpy(dtype="float64")
    if counted.billing is None:
        return ahead, unknown
    terms = {name: counted.terms.get(str(name).lower(), np.nan) for name in frame[counted.billing].dropna().unique()}
    return ahead, frame[counted.billing].map(terms).to_numpy(dtype="float64")


def person_period_matrix(
    x: np.ndarray,
    renewal: np.ndarray,
    term: np.ndarray,
    edges: Sequence[int],
    row: np.ndarray,
    period: np.ndarray,
) -> np.ndarray:
    """What the trees read of person-periods, shape (person-periods, features + 2).

    Args:
        x, renewal, term: of the accounts, as for :meth:`Hazard.curves`.
        edges: where periods begin and end.
        row, period: the account's row and the period's number of each person-period.
    """
    begins = np.asarray(edges, dtype="float64")[period]
    ahead = days_to_renewal(renewal[row], term[row], begins)
    return np.column_stack([x[row], begins, ahead])


def days_to_renewal(renewal: np.ndarray, term: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Days from ``begins`` to the next renewal at or after it; what is past is rolled on by the term.

    All three count from the cutoff and have the same shape; nan where the renewal, or its term once it is past,
    is not known.
    """
    with np.errstate(invalid="ignore"):
        passed = np.ceil(np.maximum(begins - renewal, 0.0) / term)
        rolled = np.where(begins > renewal, renewal + passed * term, renewal)
    return np.asarray(rolled - begins)


def anchored(log_odds: np.ndarray, edges: Sequence[int], anchor: tuple[int, int], probability: np.ndarray) -> Curves:
    """Curves whose probability over ``anchor`` is ``probability``: one shift of an account's log-odds.

    Args:
        log_odds: of leaving in each period, shape (rows, periods).
        edges, anchor: as in :class:`Hazard`; inside a period the force of leaving is even.
        probability: shape (rows,), each in (0, 1).
    """
    at = np.asarray(edges, dtype="float64")
    lengths = np.diff(at)
    inside = (np.minimum(at[1:], anchor[1]) - np.maximum(at[:-1], anchor[0])).clip(0.0) / lengths
    shift = _shift(log_odds[:, inside > 0], inside[inside > 0], -np.log1p(-probability))
    force = np.logaddexp(0.0, log_odds + shift[:, None])  # −log(1 − hazard)
    return Curves(tuple(int(edge) for edge in edges), np.cumsum(np.c_[np.zeros(len(force)), force], axis=1))


def _shift(log_odds: np.ndarray, share: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """``c`` with ``Σ share · log(1 + exp(log_odds + c)) = wanted``, shape (rows,), to the last digits.

    Newton's method on the logarithm of both sides, which has slope 1 where the hazards are small; a step is
    bounded, so that it cannot run away where the curve is flat.
    """
    target = np.log(wanted)
    shift = target - np.log(np.logaddexp(0.0, log_odds) @ share)
    for _ in range(STEPS):
        z = log_odds + shift[:, None]
        total = np.logaddexp(0.0, z) @ share
        slope = (1.0 / (1.0 + np.exp(-z))) @ share / total
        step = np.clip((target - np.log(total)) / slope, -8.0, 8.0)
        shift = shift + step
        if not len(step) or np.abs(step).max() < 1e-14:
            break
    return np.asarray(shift)


@dataclass(frozen=True)
class Curves:
    """Curves of survival, one a row.

    Args:
        edges: days from the cutoff, shape (periods + 1,).
        force: accumulated force of leaving at the edges, −log of survival, shape (rows, periods + 1); never
            falling, 0 at the cutoff.
    """

    edges: tuple[int, ...]
    force: np.ndarray

    @property
    def survival(self) -> np.ndarray:
        """The chance of still being there at each edge, shape (rows, periods + 1)."""
        return np.asarray(np.exp(-self.force))

    def leaves_before(self, day: float) -> np.ndarray:
        """P(left before ``day`` days have passed), shape (rows,); nan past the curve's end."""
        return np.asarray(-np.expm1(-self._force_at(day)))

    def leaves_between(self, start: float, end: float) -> np.ndarray:
        """P(leaves in ``[start, end)`` | still there at ``start``), shape (rows,); nan past the curve's end."""
        return np.asarray(-np.expm1(self._force_at(start) - self._force_at(end)))

    def most_likely(self) -> tuple[np.ndarray, np.ndarray]:
        """The period an account most likely leaves in, the first of equals, and P(leaves in it); each (rows,)."""
        survival = self.survival
        mass = survival[:, :-1] - survival[:, 1:]
        # per day, so that a first period of another length is neither favoured nor passed over
        period = np.argmax(mass / np.diff(self.edges), axis=1)
        return period, mass[np.arange(len(mass)), period]

    def _force_at(self, day: float) -> np.ndarray:
        if day > self.edges[-1]:
            return np.full(len(self.force), np.nan)
        after = int(np.clip(np.searchsorted(self.edges, day, side="left"), 1, len(self.edges) - 1))
        begins, ends = self.edges[after - 1], self.edges[after]
        part = (day - begins) / (ends - begins)
        force = self.force[:, after - 1] * (1.0 - part) + self.force[:, after] * part
        return np.asarray(force)
