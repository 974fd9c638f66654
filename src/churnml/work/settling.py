"""A date settled: from what the models say, and what is on record, to scores, bands and the day's plan.

The models read a date once (:class:`churnml.scoring.predictions.Predictions`); everything here depends on what was
decided before it, so it is done again when the record has changed meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from churnml.health.bands import settle_bands
from churnml.health.changes import inputs_of
from churnml.health.events import HealthEvent, health_events
from churnml.health.overrides import with_overrides
from churnml.health.score import INSUFFICIENT, Health, health_of, health_reasons
from churnml.ledger import BandState, DayPlan, PriorState
from churnml.modelling.reference import usual_of
from churnml.rules.checking import Rules
from churnml.rules.facts import columns_asked, facts_frame
from churnml.scoring.predictions import CONTEXT, Predictions, ScoredAccount, ScoredDay
from churnml.scoring.reasons import Reason
from churnml.specs import HealthSpec
from churnml.specs.team import TeamSpec
from churnml.work.planning import plan_day

LISTED = ("opened", "kept")


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


@dataclass(frozen=True)
class Day:
    """A settled date: written down whole or not at all.

    Args:
        scores: every account, and the decisions on somebody's list.
        plan: all that was decided.
        bands: the band state of every account, in their order.
        events: what happened to their health.
        extra: account → what made its score, for the record.
        problems: what was wrong with the links of families, in words.
    """

    scores: ScoredDay
    plan: DayPlan
    bands: tuple[BandState, ...] = ()
    events: tuple[HealthEvent, ...] = ()
    extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def settle(
    book: Predictions,
    declared: DaySpecs,
    prior: PriorState,
    earlier: Mapping[str, Sequence[tuple[dt.date, float | None]]] | None = None,
    *,
    route: bool = True,
) -> Day:
    """Health, bands, events, reasons and the plan of a date.

    Args:
        book: the accounts as the models see them.
        declared: the declarations.
        prior: what is on record.
        earlier: account → date and score of earlier scorings; they tell a drop from one that was told before.
        route: whether work is handed out; a date that is over is scored for its history alone.
    """
    spec, frame = declared.health, book.frame
    ids = frame["account_id"].astype(str).tolist()
    computed = health_of(spec, frame, book.polarity, book.reference, book.churn, book.base_rate)
    health = with_overrides(spec, computed, ids, prior.overrides, book.as_of)
    states = settle_bands(spec, book.as_of, ids, health, prior.bands)
    reasons = _with_health_reasons(book, declared, health)
    context: list[dict[Any, Any]] = frame[[name for name in CONTEXT if name in frame.columns]].to_dict("records")
    accounts = tuple(_scored(book, health, states[i], reasons, i, row) for i, row in enumerate(context))
    plan = DayPlan()
    if route:
        facts = facts_frame(_facts(book, declared, health, prior, accounts, context), declared.rules.names)
        plan = plan_day(declared.rules, declared.team, book.as_of, facts, prior, seed=declared.seed, zone=declared.zone)
    return Day(
        scores=ScoredDay(
            book.as_of, accounts, tuple(d for d in plan.decisions if d.disposition in LISTED), book.versions
        ),
        plan=plan,
        bands=tuple(states),
        events=tuple(health_events(spec, states, health, prior.bands, earlier)),
        extra=_extra(spec, book, health, ids),
    )


def _with_health_reasons(book: Predictions, declared: DaySpecs, health: Health) -> list[tuple[Reason, ...]]:
    """What the model does not call a risk, health may still call poor, and says why."""
    spec = declared.health
    others = ~book.at_risk & ~np.isin(health.band, [spec.bands[0].name, INSUFFICIENT])
    poor = health_reasons(spec, book.frame, health, book.features, usual_of(book.reference), declared.currency)
    return [second if other else first for first, second, other in zip(book.reasons, poor, others, strict=True)]


def _scored(
    book: Predictions,
    health: Health,
    state: BandState,
    reasons: Sequence[tuple[Reason, ...]],
    i: int,
    row: Mapping[Any, Any],
) -> ScoredAccount:
    return ScoredAccount(
        account_id=str(row["account_id"]),
        owner_id=text(row.get("owner_id")),
        segment=text(row.get("account_segment")),
        mrr=number(row.get("mrr")),
        churn_probability=number(book.churn[i], 6),
        upsell_probability=number(book.upsell[i], 6),
        health=number(health.score[i], 2),
        band=state.band,
        coverage=float(health.coverage[i]),
        dimensions={name: number(values[i], 2) for name, values in health.dimensions.items()},
        reasons=reasons[i],
        growth_reasons=book.growth_reasons[i],
        mrr_at_risk=number(book.churn[i] * row["mrr"], 2) if row.get("mrr") is not None else None,
        **(vars(timing) if (timing := book.when[i]) else {}),
    )


def _facts(
    book: Predictions,
    declared: DaySpecs,
    health: Health,
    prior: PriorState,
    accounts: Sequence[ScoredAccount],
    context: Sequence[Mapping[Any, Any]],
) -> list[dict[str, Any]]:
    """The named facts a playbook's rule may ask of each account."""
    columns = {
        name: book.frame[column].tolist()
        for name, column in columns_asked(declared.rules.names).items()
        if column in book.frame.columns
    }
    found = []
    for i, account in enumerate(accounts):
        last = prior.bands.get(account.account_id)
        moved = None if last is None or last.health is None or account.health is None else account.health - last.health
        found.append(
            vars(account)
            | {
                "churn_lift": _lift(account.churn_probability, book.base_rate),
                "upsell_lift": _lift(account.upsell_probability, book.growth_rate),
                "upsell_share": declared.upsell_share,
                "health_change": moved,
                "stage": text(health.stage[i]),
                "scorecard": text(health.card[i]),
                "tenure_days": number(context[i].get("subscription_tenure_days")),
                "days_to_renewal": number(context[i].get("subscription_days_to_renewal")),
            }
            | {name: values[i] for name, values in columns.items()}
        )
    return found


def _extra(spec: HealthSpec, book: Predictions, health: Health, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What made each score, so that it can be traced and made again."""
    kept = inputs_of(spec, book.frame)
    return {
        account_id: {
            "raw_health": number(health.raw[i], 2),
            "scorecard": text(health.card[i]),
            "stage": text(health.stage[i]),
            "exceptions": [asdict(applied) for applied in health.exceptions[i]],
            "override_id": override.override_id if (override := health.overrides[i]) else None,
            "health_inputs": kept[i],
            "details": {
                "ruled_health": number(health.ruled[i], 2),
                "weights": {name: number(values[i], 4) for name, values in health.weights.items()},
                "base_rate": book.base_rate,
            },
        }
        for i, account_id in enumerate(ids)
    }


def _lift(probability: float | None, rate: float | None) -> float | None:
    return probability / rate if probability is not None and rate else None


def number(value: Any, digits: int | None = None) -> float | None:
    """Missing is None."""
    if value is None or np.isnan(value):
        return None
    return float(value) if digits is None else round(float(value), digits)


def text(value: Any) -> str | None:
    """What is no text is None."""
    return str(value) if isinstance(value, str) else None
