"""Ordered exceptions to the weighted mean, each application written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.health.scorecards import lies_in, matches, within
from churnml.specs.health import HealthException, HealthSpec


@dataclass(frozen=True)
class Applied:
    """An exception that held for an account, and what it did; equal scores: it held and changed nothing."""

    name: str
    before: float
    after: float


def with_exceptions(
    spec: HealthSpec,
    frame: pd.DataFrame,
    stage: np.ndarray,
    dimensions: Mapping[str, np.ndarray],
    worst: np.ndarray,
    score: np.ndarray,
) -> tuple[np.ndarray, list[tuple[Applied, ...]]]:
    """The score after all exceptions in their declared order, and what each did, by row.

    Args:
        spec: the declared exceptions.
        frame: features, one row an account.
        stage: stage of each row.
        dimensions: dimension → 0 to 100, by which exceptions may ask.
        worst: the lowest dimension each account is judged by, shape (rows,).
        score: the weighted mean. Where it is missing, nothing is said and no exception changes that.
    """
    told: list[list[Applied]] = [[] for _ in range(len(frame))]
    for exception in spec.exceptions:
        rows = np.flatnonzero(_holds(exception, frame, stage, dimensions) & ~np.isnan(score))
        before, after = score[rows], _effect(exception, score[rows], worst[rows])
        score = score.copy()
        score[rows] = after
        for row, old, new in zip(rows.tolist(), before.tolist(), after.tolist(), strict=True):
            told[row].append(Applied(exception.name, old, new))
    return score, [tuple(applied) for applied in told]


def _holds(
    exception: HealthException, frame: pd.DataFrame, stage: np.ndarray, dimensions: Mapping[str, np.ndarray]
) -> np.ndarray:
    found = matches(exception.when, frame, stage)
    for feature, between in exception.when.features.items():
        found &= within(between, frame, feature)
    for dimension, between in exception.when.dimensions.items():
        found &= lies_in(between, dimensions[dimension])
    return found


def _effect(exception: HealthException, score: np.ndarray, worst: np.ndarray) -> np.ndarray:
    if exception.cap is not None:
        return np.asarray(np.minimum(score, exception.cap))
    if exception.floor is not None:
        return np.asarray(np.maximum(score, exception.floor))
    return worst
