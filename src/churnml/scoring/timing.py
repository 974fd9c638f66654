"""When an account may leave: the chance within so many days, and the likeliest dates."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from churnml.ledger import LeavingCurve, LikelyPeriod, Timing
from churnml.modelling.curves import MARKS, Curves
from churnml.modelling.predictor import Predictor
from churnml.timeline import plus_days

DIGITS = 6


def timings(predictor: Predictor, as_of: dt.date, frame: pd.DataFrame, eligible: np.ndarray) -> list[Timing | None]:
    """When each row of ``frame`` may leave; None for who is not ``eligible``, and everywhere without a hazard.

    Args:
        predictor: the churn model.
        as_of: the cutoff of the rows.
        frame: snapshots, one row an account.
        eligible: rows the model speaks of, shape (rows,).
    """
    when: list[Timing | None] = [None] * len(frame)
    rows = np.flatnonzero(eligible)
    curves = predictor.curves(frame.iloc[rows])
    if curves is not None:
        for row, timing in zip(rows, _timings(curves, as_of), strict=True):
            when[row] = timing
    return when


def _timings(curves: Curves, as_of: dt.date) -> list[Timing]:
    within = {str(mark): _rounded(curves.leaves_before(mark)) for mark in MARKS}
    left = np.round(1.0 - curves.survival[:, 1:], DIGITS)
    period, probability = curves.most_likely()
    ends = tuple(curves.edges[1:])
    first = [plus_days(as_of, begins) for begins in curves.edges]
    last = [plus_days(as_of, end - 1) for end in ends]
    return [
        Timing(
            leave_within={mark: values[i] for mark, values in within.items()},
            likely_period=LikelyPeriod(first[at], last[at], round(float(probability[i]), DIGITS)),
            left_by=LeavingCurve(ends, tuple(left[i].tolist())),
        )
        for i, at in enumerate(period.tolist())
    ]


def _rounded(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), DIGITS) for value in values]
