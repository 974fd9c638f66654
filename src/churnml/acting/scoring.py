"""Scoring a date: features and models in, one scored account each out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.acting.health import INSUFFICIENT, Health, health_of, health_reasons
from churnml.acting.reasons import Reason, model_reasons
from churnml.acting.routing import Decision, route
from churnml.acting.timing import Timing, timings
from churnml.modelling.predictor import Predictor
from churnml.modelling.reference import usual_of
from churnml.specs import HealthSpec, PlaybooksSpec

# Columns of the frame, beside the features, that an account's own record and the playbooks read.
CONTEXT = (
    "account_id",
    "owner_id",
    "account_segment",
    "mrr",
    "subscription_tenure_days",
    "subscription_days_to_renewal",
)
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
class ScoredAccount:
    """All that is said of one account on one date. Probabilities are None without a champion.

    ``leave_within``, ``likely_period`` and ``left_by`` are those of :class:`churnml.acting.timing.Timing`, None
    where the champion has no hazard.
    """

    account_id: str
    owner_id: str | None
    segment: str | None
    mrr: float | None
    churn_probability: float | None
    upsell_probability: float | None
    health: float | None
    band: str
    coverage: float
    dimensions: Mapping[str, float | None]
    reasons: tuple[Reason, ...]
    growth_reasons: tuple[Reason, ...]
    mrr_at_risk: float | None
    leave_within: Mapping[str, float | None] | None = None
    likely_period: Mapping[str, Any] | None = None
    left_by: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Scores:
    """A scored date.

    Args:
        as_of: the date.
        accounts: every scored account, sorted by id.
        decisions: at most one an account, most valuable first.
        models: model name → version used, None where health stands alone.
    """

    as_of: dt.date
    accounts: tuple[ScoredAccount, ...]
    decisions: tuple[Decision, ...]
    models: Mapping[str, str | None]


@dataclass(frozen=True)
class Book:
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
    features: Mapping[str, Mapping[str, Any]]
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
    def versions(self) -> dict[str, str | None]:
        return {name: model.version if model else None for name, model in self.models.items()}


def read_book(
    as_of: dt.date,
    frame: pd.DataFrame,
    features: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, ScoringModel | None],
    reference: Mapping[str, Sequence[float]],
    *,
    risk: str,
    grows: str | None,
    currency: str = "",
) -> Book:
    """Probabilities, reasons and times of every row of ``frame``; see :class:`Book`. ``currency`` is shown behind
    money."""
    said = {name: _probabilities(model, frame) for name, model in models.items()}
    nothing = np.full(len(frame), np.nan)
    churn, upsell = said.get(risk, nothing), said.get(grows or "", nothing)
    usual = usual_of(reference)
    model, growth = models.get(risk), models.get(grows or "")
    return Book(
        as_of=as_of,
        frame=frame,
        features=features,
        models=models,
        risk=risk,
        grows=grows,
        churn=churn,
        upsell=upsell,
        reference=reference,
        reasons=reasons_of(model, frame, churn, usual, towards_risk=True, currency=currency),
        growth_reasons=reasons_of(growth, frame, upsell, usual, towards_risk=False, currency=currency),
        when=timings(model.predictor, as_of, frame, model.eligible) if model else [None] * len(frame),
    )


def settle(
    book: Book, health_spec: HealthSpec, playbooks: PlaybooksSpec, *, upsell_share: float, currency: str = ""
) -> Scores:
    """Health, band, reasons and routing of every account of the book.

    Args:
        book: the accounts.
        health_spec, playbooks: the declarations.
        upsell_share: the share by which the label of growth says MRR is up.
        currency: shown behind money.
    """
    frame = book.frame
    health = health_of(health_spec, frame, book.features, book.reference, book.churn, book.base_rate)
    reasons = _with_health_reasons(book, health_spec, health, currency)
    context: list[dict[Any, Any]] = frame[[name for name in CONTEXT if name in frame.columns]].to_dict("records")
    accounts = tuple(_scored(book, health, reasons, i, row) for i, row in enumerate(context))
    facts = (
        _facts(account, context[i], book.base_rate, book.growth_rate, upsell_share)
        for i, account in enumerate(accounts)
    )
    decisions = route(playbooks, book.as_of, facts)
    return Scores(book.as_of, accounts, tuple(decisions), book.versions)


def _with_health_reasons(book: Book, spec: HealthSpec, health: Health, currency: str) -> list[tuple[Reason, ...]]:
    """What the model does not call a risk, health may still call poor, and says why."""
    others = np.ones(len(book.frame), dtype=bool)
    if book.risk_model:
        others = ~_above_usual(book.churn, book.risk_model) & ~np.isin(health.band, [spec.bands[0].name, INSUFFICIENT])
    poor = health_reasons(spec, book.frame, health, book.features, usual_of(book.reference), currency)
    return [second if other else first for first, second, other in zip(book.reasons, poor, others, strict=True)]


def _scored(
    book: Book, health: Health, reasons: Sequence[tuple[Reason, ...]], i: int, row: Mapping[Any, Any]
) -> ScoredAccount:
    return ScoredAccount(
        account_id=str(row["account_id"]),
        owner_id=_text(row.get("owner_id")),
        segment=_text(row.get("account_segment")),
        mrr=_number(row.get("mrr")),
        churn_probability=_number(book.churn[i], 6),
        upsell_probability=_number(book.upsell[i], 6),
        health=_number(health.score[i], 2),
        band=str(health.band[i]),
        coverage=float(health.coverage[i]),
        dimensions={name: _number(values[i], 2) for name, values in health.dimensions.items()},
        reasons=reasons[i],
        growth_reasons=book.growth_reasons[i],
        mrr_at_risk=_number(book.churn[i] * row["mrr"], 2) if row.get("mrr") is not None else None,
        **(vars(timing) if (timing := book.when[i]) else {}),
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
) -> list[tuple[Reason, ...]]:
    """Reasons for whoever is more likely than usual; nobody asks why something is unlikely.

    Exact contributions are by far the dearest step of scoring, so they are computed for those rows alone, and some
    at a time, which bounds the memory.
    """
    found: list[tuple[Reason, ...]] = [() for _ in range(len(frame))]
    if model is None:
        return found
    rows = np.flatnonzero(_above_usual(probability, model))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        some = model.predictor.with_places(frame.iloc[part])
        contributions = model.predictor.contributions(some)
        told = model_reasons(
            some, model.predictor.features, contributions, usual, towards_risk=towards_risk, currency=currency
        )
        for row, reasons in zip(part.tolist(), told, strict=True):
            found[row] = reasons
    return found


def _facts(
    account: ScoredAccount,
    row: Mapping[str, Any],
    base_rate: float | None,
    growth_rate: float | None,
    upsell_share: float,
) -> dict[str, Any]:
    """The named facts a playbook's rule may ask of an account."""

    def lift(probability: float | None, rate: float | None) -> float | None:
        return probability / rate if probability is not None and rate else None

    return {
        "account_id": account.account_id,
        "owner_id": account.owner_id,
        "band": account.band,
        "segment": account.segment,
        "reasons": [reason.code for reason in account.reasons],
        "churn_probability": account.churn_probability,
        "churn_lift": lift(account.churn_probability, base_rate),
        "upsell_probability": account.upsell_probability,
        "upsell_lift": lift(account.upsell_probability, growth_rate),
        "upsell_share": upsell_share,
        "health": account.health,
        "mrr": account.mrr,
        "tenure_days": row.get("subscription_tenure_days"),
        "days_to_renewal": row.get("subscription_days_to_renewal"),
        "dimensions": account.dimensions,
    }


def _number(value: Any, digits: int | None = None) -> float | None:
    if value is None or np.isnan(value):
        return None
    return float(value) if digits is None else round(float(value), digits)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) else None
