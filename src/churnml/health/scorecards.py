"""Which stage of its life an account is in, and by which weights it is judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.specs.health import Between, HealthSpec, Who

SEGMENT, TENURE, RENEWAL = "account_segment", "subscription_tenure_days", "subscription_days_to_renewal"
# What stands in for the tenure of whoever has no contract.
AGE = "account_age_days"
# The card of whoever no declared card takes.
DEFAULT = "default"


@dataclass(frozen=True)
class AccountScorecards:
    """How each account is judged; all arrays have the shape (rows,).

    Args:
        stage: name of the stage; empty where none is declared.
        card: name of the scorecard.
        weights: dimension, and risk → its weight on that card; 0 is not judged by.
    """

    stage: np.ndarray
    card: np.ndarray
    weights: dict[str, np.ndarray]


def scorecards_of(spec: HealthSpec, frame: pd.DataFrame) -> AccountScorecards:
    """Stage, scorecard and weights of every row of ``frame``; the first that matches is taken.

    What the frame does not hold (a segment that is not declared static, a renewal that is not known) matches nothing.
    """
    stage = np.full(len(frame), "", dtype=object)
    for declared in reversed(spec.stages):  # so that an earlier one overwrites
        inside = _of_tenure(declared.tenure_days, frame) & within(declared.days_to_renewal, frame, RENEWAL)
        stage[inside] = declared.name
    card = np.zeros(len(frame), dtype=int)
    for number, scorecard in reversed(list(enumerate(spec.scorecards, start=1))):
        card[matches(scorecard.when, frame, stage)] = number
    cards = [spec.weights, *(spec.weights | scorecard.weights for scorecard in spec.scorecards)]
    names = np.array([DEFAULT, *(scorecard.name for scorecard in spec.scorecards)], dtype=object)
    weights = {name: np.array([weights[name] for weights in cards], dtype="float64")[card] for name in spec.weights}
    return AccountScorecards(stage, names[card], weights)


def matches(who: Who, frame: pd.DataFrame, stage: np.ndarray) -> np.ndarray:
    """Whether each row of ``frame`` is one of ``who``, shape (rows,)."""
    matching = np.asarray(_of_tenure(who.tenure_days, frame) & within(who.days_to_renewal, frame, RENEWAL))
    if who.stage:
        matching &= np.isin(stage.astype(str), who.stage)
    if who.segment:
        matching &= frame[SEGMENT].isin(who.segment).to_numpy() if SEGMENT in frame.columns else False
    return matching


def _of_tenure(between: Between | None, frame: pd.DataFrame) -> np.ndarray:
    """Whether each row's tenure lies in ``between``: days since it first paid, or of its age where it never has."""
    if between is None or AGE not in frame.columns:
        return within(between, frame, TENURE)
    if TENURE not in frame.columns:
        return within(between, frame, AGE)
    tenure = frame[TENURE].astype("float64")
    return within(between, pd.DataFrame({TENURE: tenure.fillna(frame[AGE].astype("float64"))}), TENURE)


def within(between: Between | None, frame: pd.DataFrame, column: str) -> np.ndarray:
    """Whether each row's number lies in ``between``; without a condition always, unknown never."""
    if between is None:
        return np.ones(len(frame), dtype=bool)
    if column not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return lies_in(between, frame[column].to_numpy(dtype="float64", na_value=np.nan))


def lies_in(between: Between, values: np.ndarray) -> np.ndarray:
    """Whether each of ``values`` lies in ``between``; a missing one never does."""
    low = -np.inf if between.at_least is None else between.at_least
    high = np.inf if between.at_most is None else between.at_most
    return np.asarray((values >= low) & (values <= high))
