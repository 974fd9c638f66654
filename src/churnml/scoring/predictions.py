"""Scoring a date: features and models in, one scored account each out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration
from churnml.ledger import LeavingCurve, LikelyPeriod, Reason, Timing
from churnml.modelling.curves import MARKS, Curves
from churnml.modelling.predictor import Predictor
from churnml.modelling.reference import usual_of
from churnml.scoring.peers import Peers
from churnml.scoring.reasons import Candidates, model_candidates, pick, tell
from churnml.timeline import plus_days

DIGITS = 6  # of probabilities over time
# Rows whose contributions are in memory together: some tens of megabytes.
ROWS_AT_ONCE = 16_384


@dataclass(frozen=True)
class ScoringModel:
    """A champion, and who in the frame it speaks of.

    Args:
        predictor: the model.
        version: its version in the registry.
        eligible: rows of its own population, shape (rows,).
    """

    predictor: Predictor
    version: str
    eligible: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """All accounts of a date as the models see them; nothing in it depends on what was decided before.

    Args:
        as_of: the date.
        frame: snapshots, one row an account, with context columns.
        features: feature → declaration, for all features in the frame.
        models: model name → champion, or None where there is none.
        risk, grows: the names of the churn and of the upsell model, the latter where the project has one.
        churn, upsell: calibrated probabilities, shape (rows,); missing where no model speaks.
        reference: feature → percentiles fitted in training.
        reasons, growth_reasons: what the models say is unusual, of whoever is more likely than usual.
        when: when an account may leave.
    """

    as_of: dt.date
    frame: pd.DataFrame
    features: Mapping[str, FeatureDeclaration]
    models: Mapping[str, ScoringModel | None]
    risk: str
    grows: str | None
    churn: np.ndarray
    upsell: np.ndarray
    reference: Mapping[str, Sequence[float]]
    reasons: Sequence[tuple[Reason, ...]]
    growth_reasons: Sequence[tuple[Reason, ...]]
    when: Sequence[Timing | None]

    @property
    def polarity(self) -> dict[str, str]:
        """Feature → whether more of it is healthier or riskier."""
        return {name: feature.polarity for name, feature in self.features.items()}

    @property
    def risk_model(self) -> ScoringModel | None:
        return self.models.get(self.risk)

    @property
    def growth_model(self) -> ScoringModel | None:
        return self.models.get(self.grows or "")

    @property
    def base_rate(self) -> float | None:
        """The usual probability of churn; None without a model."""
        return self.risk_model.predictor.base_rate if self.risk_model else None

    @property
    def growth_rate(self) -> float | None:
        """The usual probability of growth; None without a model."""
        return self.growth_model.predictor.base_rate if self.growth_model else None

    @property
    def at_risk(self) -> np.ndarray:
        """Whom the risk model calls more likely than usual, shape (rows,); nobody without a model."""
        if self.risk_model is None:
            return np.zeros(len(self.frame), dtype=bool)
        return _above_usual(self.churn, self.risk_model)

    @property
    def versions(self) -> dict[str, str | None]:
        return {name: model.version if model else None for name, model in self.models.items()}


def predictions_of(
    as_of: dt.date,
    frame: pd.DataFrame,
    features: Mapping[str, FeatureDeclaration],
    models: Mapping[str, ScoringModel | None],
    reference: Mapping[str, Sequence[float]],
    *,
    risk: str,
    grows: str | None,
    currency: str = "",
    reasons: bool = True,
) -> Predictions:
    """Probabilities, reasons and times of every row of ``frame``; see :class:`Predictions`.

    ``currency`` is shown behind money; without ``reasons`` nobody has any, which is much sooner done.
    """
    probabilities = {name: _probabilities(model, frame) for name, model in models.items()}
    unknown = np.full(len(frame), np.nan)
    churn, upsell = probabilities.get(risk, unknown), probabilities.get(grows or "", unknown)
    usual = usual_of(reference)
    model, growth = models.get(risk), models.get(grows or "")

    def told(of: ScoringModel | None, probability: np.ndarray, *, towards_risk: bool) -> list[tuple[Reason, ...]]:
        asked = of if reasons else None
        return reasons_of(
            asked, frame, probability, usual, towards_risk=towards_risk, currency=currency, declared=features
        )

    return Predictions(
        as_of=as_of,
        frame=frame,
        features=features,
        models=models,
        risk=risk,
        grows=grows,
        churn=churn,
        upsell=upsell,
        reference=reference,
        reasons=told(model, churn, towards_risk=True),
        growth_reasons=told(growth, upsell, towards_risk=False),
        when=_when(model.predictor, as_of, frame, model.eligible) if model else [None] * len(frame),
    )


def _probabilities(model: ScoringModel | None, frame: pd.DataFrame) -> np.ndarray:
    if model is None:
        return np.full(len(frame), np.nan)
    return np.where(model.eligible, model.predictor.predict(frame), np.nan)


def _above_usual(probability: np.ndarray, model: ScoringModel) -> np.ndarray:
    """Whom the message is about: more likely than usual by the model; shape (rows,)."""
    return np.asarray(np.nan_to_num(probability, nan=0.0) > model.predictor.base_rate)


def reasons_of(
    model: ScoringModel | None,
    frame: pd.DataFrame,
    probability: np.ndarray,
    usual: Mapping[str, float],
    *,
    towards_risk: bool,
    currency: str,
    declared: Mapping[str, FeatureDeclaration] = MappingProxyType({}),
    of_list: bool = True,
) -> list[tuple[Reason, ...]]:
    """Reasons for whoever is more likely than usual; nobody asks why something is unlikely.

    Exact contributions are by far the dearest step of scoring, so they are computed for those rows alone, and some
    at a time, which bounds the memory. ``declared`` holds today's words for what the model was trained on. ``of_list``
    says that the rows are one day's list: what most of them share is put behind.
    """
    reasons: list[tuple[Reason, ...]] = [() for _ in range(len(frame))]
    if model is None:
        return reasons
    rows = np.flatnonzero(_above_usual(probability, model))
    parts, features = [], [declared.get(feature.name, feature) for feature in model.predictor.features]
    peers = Peers.of(model.predictor.with_places(frame))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        places = np.arange(start, min(start + ROWS_AT_ONCE, len(rows)))
        some = model.predictor.with_places(frame.iloc[rows[places]])
        contributions = model.predictor.contributions(some)
        candidates = model_candidates(
            some, features, contributions, usual, peers, rows[places], towards_risk=towards_risk
        )
        parts.append((places, candidates))
    if parts:
        picked = pick(Candidates.joined(parts), of_list=of_list)
        told = tell(picked, peers.frame.iloc[rows], features, usual, currency, towards_risk=towards_risk)
        for row, some_reasons in zip(rows.tolist(), told, strict=True):
            reasons[row] = some_reasons
    return reasons


# ---------------------------------------------------------------- when


def _when(predictor: Predictor, as_of: dt.date, frame: pd.DataFrame, eligible: np.ndarray) -> list[Timing | None]:
    """When each row may leave; None for who is not ``eligible``, and everywhere without a hazard."""
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
