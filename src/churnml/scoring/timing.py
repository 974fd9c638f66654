"""When an account may leave, as it is told: the chance within so many days, and the likeliest dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from churnml.modelling.curves import MARKS, Curves
from churnml.modelling.predictor import Predictor
from churnml.timeline import plus_days

DIGITS = 6


@dataclass(frozen=True)
class Timing:
    """When one account may leave.

    Args:
        leave_within: days from the cutoff, as text → probability of having left by then, never falling; None
            past the end of the curve.
        likely_period: ``from`` and ``to`` (its first and last day) and ``probability``: the period an account
            most likely leaves in, if it leaves.
        left_by: ``days`` from the cutoff at which the periods end, and ``left``, the probability of having left
            by then.
    """

    leave_within: Mapping[str, float | None]
    likely_period: Mapping[str, Any]
    left_by: Mapping[str, Any]


def timings(predictor: Predictor, as_of: dt.date, frame: pd.DataFrame, eligible: np.ndarray) -> list[Timing | None]:
    """When each row of ``frame`` may leave; None for who is not ``eligible``, and everywhere without a hazard.

    Args:
        predictor: the churn model.
        as_of: the cutoff of the rows.
        frame: snapshots, one row an account.
        eligible: rows the model speaks of, shape (rows,).
    """
    found: list[Timing | None] = [None] * len(frame)
    rows = np.flatnonzero(eligible)
    curves = predictor.curves(frame.iloc[rows])
    if curves is not None:
        for row, timing in zip(rows, _told(curves, as_of), strict=True):
            found[row] = timing
    return found


def _told(curves: Curves, as_of: dt.date) -> list[Timing]:
    within = {str(mark): _rounded(curves.leaves_before(mark)) for mark in MARKS}
    left = np.round(1.0 - curves.survival[:, 1:], DIGITS)
    period, probability = curves.most_likely()
    edges, ends = curves.edges, list(curves.edges[1:])
    spans = [
        {"from": str(plus_days(as_of, begins)), "to": str(plus_days(as_of, last - 1))}
        for begins, last in pairwise(edges)
    ]
    return [
        Timing(
            {mark: values[i] for mark, values in within.items()},
            spans[period[i]] | {"probability": round(float(probability[i]), DIGITS)},
            {"days": ends, "left": left[i].tolist()},
        )
        for i in range(len(left))
    ]


def _rounded(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), DIGITS) for value in values]
