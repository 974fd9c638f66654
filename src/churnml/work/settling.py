"""A date settled: from what the models say, and what is on record, to scores, bands and the day's plan.

The models read a date once (:class:`churnml.scoring.predictions.Predictions`); everything here depends on what was
decided before it, so it is done again when the record has changed meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.health.bands import settle_bands
from churnml.health.changes import inputs_of
from churnml.health.events import health_events
from churnml.health.overrides import with_overrides
from churnml.health.score import INSUFFICIENT, Health, health_of, health_reasons
from churnml.ledger import BandState, DatedHealth, DayPlan, HealthTrace, PriorState, Reason, ScoredAccount, ScoredDay
from churnml.modelling.reference import usual_of
from churnml.rules.checking import Rules
from churnml.rules.facts import columns_asked, facts_table
from churnml.scoring.predictions import Predictions
from churnml.specs.health import HealthSpec
from churnml.specs.team import TeamSpec
from churnml.timeline import plus_days
from churnml.work.planning import plan_day


@dataclass(frozen=True)
class DaySpecs:
    """What RevOps declares about acting, and what of the project it needs.

    Args:
        health, team: the files.
        rules: the playbooks, read.
        seed: of the arms.
        zone: the project's time zone.
        upsell_share: the share by which the label of growth says MRR is up.
        currency: shown behind money.
    """

    health: HealthSpec
    rules: Rules
    team: TeamSpec
    seed: str
    zone: str
    upsell_share: float
    currency: str = ""


def settle(
    predictions: Predictions,
    declared: DaySpecs,
    prior: PriorState,
    earlier: Mapping[str, Sequence[DatedHealth]] | None = None,
    *,
    route: bool = True,
) -> ScoredDay:
    """Health, bands, events, reasons and the plan of a date.

    Args:
        predictions: the accounts as the models see them.
        declared: the declarations.
        prior: what is on record.
        earlier: account → date and score of earlier scorings; they tell a drop from one that was reported before.
        route: whether work is handed out; a date that is over is scored for its history alone.
    """
    spec, frame, as_of = declared.health, predictions.frame, predictions.as_of
    ids = frame["account_id"].astype(str).tolist()
    computed = health_of(
        spec, frame, predictions.polarity, predictions.reference, predictions.churn, predictions.base_rate
    )
    health = with_overrides(spec, computed, ids, prior.overrides, as_of)
    states = settle_bands(spec, as_of, ids, health, prior.bands)
    accounts = _accounts(predictions, declared, health, states)
    plan = DayPlan()
    if route:
        rates = predictions.base_rate, predictions.growth_rate
        facts = facts_of_day(predictions.frame, rates, declared, prior, accounts)
        plan = plan_day(declared.rules, declared.team, as_of, facts, prior, seed=declared.seed, zone=declared.zone)
    return ScoredDay(
        as_of=as_of,
        accounts=accounts,
        models=predictions.versions,
        plan=plan,
        events=tuple(health_events(spec, states, health, prior.bands, earlier)),
    )


def _accounts(
    predictions: Predictions, declared: DaySpecs, health: Health, states: Sequence[BandState]
) -> tuple[ScoredAccount, ...]:
    frame = predictions.frame
    owners, segments, paid = _texts(frame, "owner_id"), _texts(frame, "account_segment"), _numbers(frame, "mrr")
    renewals = _numbers(frame, "subscription_days_to_renewal")
    reasons = _with_health_reasons(predictions, declared, health)
    inputs = inputs_of(declared.health, frame)
    return tuple(
        ScoredAccount(
            account_id=state.account_id,
            owner_id=owners[i],
            segment=segments[i],
            mrr=(mrr := paid[i]),
            churn_probability=number(predictions.churn[i], 6),
            upsell_probability=number(predictions.upsell[i], 6),
            health=number(health.score[i], 2),
            band=state.band,
            coverage=float(health.coverage[i]),
            dimensions={name: number(values[i], 2) for name, values in health.dimensions.items()},
            reasons=reasons[i],
            growth_reasons=predictions.growth_reasons[i],
            mrr_at_risk=None if mrr is None else number(predictions.churn[i] * mrr, 2),
            timing=predictions.when[i],
            band_since=state.band_since,
            pending=state.pending,
            pending_since=state.pending_since,
            renews_on=renewal(predictions.as_of, renewals[i]),
            trace=HealthTrace(
                raw_health=number(health.raw[i], 2),
                ruled_health=number(health.ruled[i], 2),
                weights={name: number(values[i], 4) for name, values in health.weights.items()},
                base_rate=predictions.base_rate,
                scorecard=_text(health.card[i]),
                stage=_text(health.stage[i]),
                exceptions=health.exceptions[i],
                override_id=override.override_id if (override := health.overrides[i]) else None,
                inputs=inputs[i],
            ),
        )
        for i, state in enumerate(states)
    )


def renewal(as_of: dt.date, days: float | None) -> dt.date | None:
    """When a contract renews that does so in ``days`` days; None where that is not known."""
    return None if days is None else plus_days(as_of, round(days))


def _with_health_reasons(predictions: Predictions, declared: DaySpecs, health: Health) -> list[tuple[Reason, ...]]:
    """What the model does not call a risk, health may still call poor, and says why."""
    spec = declared.health
    others = ~predictions.at_risk & ~np.isin(health.band, [spec.bands[0].name, INSUFFICIENT])
    usual = usual_of(predictions.reference)
    poor = health_reasons(spec, predictions.frame, health, predictions.features, usual, declared.currency)
    return [second if other else first for first, second, other in zip(predictions.reasons, poor, others, strict=True)]


def facts_of_day(
    frame: pd.DataFrame,
    rates: tuple[float | None, float | None],
    declared: DaySpecs,
    prior: PriorState,
    accounts: Sequence[ScoredAccount],
) -> pd.DataFrame:
    """The named facts a playbook's rule may ask of each account.

    Args:
        frame: features, a row an account, in the order of ``accounts``; a column it lacks is not known.
        rates: the usual probabilities of churn and of growth; None without a model.
        declared: the declarations.
        prior: what is on record.
        accounts: as they are scored.
    """
    base_rate, growth_rate = rates
    columns: dict[str, Sequence[object]] = {
        "band": [account.band for account in accounts],
        "segment": [account.segment for account in accounts],
        "owner_id": [account.owner_id for account in accounts],
        "stage": [account.trace.stage for account in accounts],
        "scorecard": [account.trace.scorecard for account in accounts],
        "reasons": [tuple(reason.code for reason in account.reasons) for account in accounts],
        "growth_reasons": [tuple(reason.code for reason in account.growth_reasons) for account in accounts],
        "churn_probability": [account.churn_probability for account in accounts],
        "churn_lift": [_lift(account.churn_probability, base_rate) for account in accounts],
        "churn_rank": ranks([account.churn_probability for account in accounts]),
        "upsell_probability": [account.upsell_probability for account in accounts],
        "upsell_lift": [_lift(account.upsell_probability, growth_rate) for account in accounts],
        "upsell_rank": ranks([account.upsell_probability for account in accounts]),
        "upsell_share": [declared.upsell_share] * len(accounts),
        "health": [account.health for account in accounts],
        "health_change": [_health_change(account, prior.bands.get(account.account_id)) for account in accounts],
        "coverage": [account.coverage for account in accounts],
        "mrr": [account.mrr for account in accounts],
        "mrr_at_risk": [account.mrr_at_risk for account in accounts],
        "tenure_days": _numbers(frame, "subscription_tenure_days"),
        "days_to_renewal": _numbers(frame, "subscription_days_to_renewal"),
    }
    dimensions = dict.fromkeys(name for one in accounts for name in one.dimensions)
    columns |= {f"dimension.{name}": [one.dimensions.get(name) for one in accounts] for name in dimensions}
    asked = columns_asked(declared.rules.names)
    columns |= {name: frame[column].tolist() for name, column in asked.items() if column in frame.columns}
    return facts_table([account.account_id for account in accounts], columns, declared.rules.names)


def _health_change(account: ScoredAccount, last: BandState | None) -> float | None:
    return None if last is None or last.health is None or account.health is None else account.health - last.health


def _lift(probability: float | None, rate: float | None) -> float | None:
    return probability / rate if probability is not None and rate else None


def ranks(probabilities: Sequence[float | None]) -> list[float | None]:
    """The share of the known ones that are at least as high, above 0 and at most 1; None where it is not known."""
    values = np.array([np.nan if value is None else value for value in probabilities], dtype="float64")
    known = np.sort(values[~np.isnan(values)])
    lower = np.searchsorted(known, values, side="left")
    return [None if np.isnan(p) else (len(known) - int(n)) / len(known) for p, n in zip(values, lower, strict=True)]


def _numbers(frame: pd.DataFrame, column: str) -> list[float | None]:
    """A column's numbers; all None where the frame lacks it."""
    return [number(value) for value in frame[column].tolist()] if column in frame.columns else [None] * len(frame)


def _texts(frame: pd.DataFrame, column: str) -> list[str | None]:
    """A column's texts; all None where the frame lacks it."""
    return [_text(value) for value in frame[column].tolist()] if column in frame.columns else [None] * len(frame)


def number(value: float | None, digits: int | None = None) -> float | None:
    """Missing is None."""
    if value is None or np.isnan(value):
        return None
    return float(value) if digits is None else round(float(value), digits)


def _text(value: object) -> str | None:
    """What is no text is None."""
    return value if isinstance(value, str) else None
