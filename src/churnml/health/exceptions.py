"""Ordered exceptions to the weighted mean, each application written down."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from churnml.health.scorecards import lies_in, matches, within
from churnml.ledger import AppliedException
from churnml.specs.health import HealthException, HealthSpec


def with_exceptions(
    spec: HealthSpec,
    frame: pd.DataFrame,
    stage: np.ndarray,
    dimensions: Mapping[str, np.ndarray],
    worst: np.ndarray,
    score: np.ndarray,
) -> tuple[np.ndarray, list[tuple[AppliedException, ...]]]:
    """The score after all exceptions in their declared order, and what each did, by row.

    Args:
        spec: the declared exceptions.
        frame: features, one row an account.
        stage: stage of each row.
        dimensions: dimension → 0 to 100, by which exceptions may ask.
        worst: the lowest dimension each account is judged by, shape (rows,).
        score: the weighted mean. Where it is missing, nothing is said and no exception changes that.
    """
    applied: list[list[AppliedException]] = [[] for _ in range(len(frame))]
    for exception in spec.exceptions:
        rows = np.flatnonzero(_holds(exception, frame, stage, dimensions) & ~np.isnan(score))
        before, after = score[rows], _effect(exception, score[rows], worst[rows])
        score = score.copy()
        score[rows] = after
        for row, old, new in zip(rows.tolist(), before.tolist(), after.tolist(), strict=True):
            applied[row].append(AppliedException(exception.name, old, new))
    return score, [tuple(some) for some in applied]


def _holds(
    exception: HealthException, frame: pd.DataFrame, stage: np.ndarray, dimensions: Mapping[str, np.ndarray]
) -> np.ndarray:
    holds = matches(exception.when, frame, stage)
    for feature, between in exception.when.features.items():
        holds &= within(between, frame, feature)
    for dimension, between in exception.when.dimensions.items():
        holds &= lies_in(between, dimensions[dimension])
    return holds


def _effect(exception: HealthException, score: np.ndarray, worst: np.ndarray) -> np.ndarray:
    if exception.cap is not None:
        return np.asarray(np.minimum(score, exception.cap))
    if exception.floor is not None:
        return np.asarray(np.maximum(score, exception.floor))
    return worst
