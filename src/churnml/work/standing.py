"""A date whose data cannot be believed: what was last known of every account stands, and the day's work goes on.

Scores and bands are those of the newest date that was in order, marked with it. By what is not known no work is opened
and none closed; due dates, snoozes, escalations and the rules that ask only what is known (a contract that renews) go
on. Nothing here is new to bands or drops: the next date in order follows on the one that stands.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from churnml.ledger import HeldDay, PriorState, ScoredAccount, ScoredDay, StandingDay
from churnml.rules.facts import FACTS
from churnml.timeline import Window
from churnml.work.planning import plan_day
from churnml.work.settling import DaySpecs, facts_of_day, number

# Facts that no model and no score is needed for, by the table they are read from.
READ_FROM = {
    "mrr": "subscriptions",
    "tenure_days": "subscriptions",
    "days_to_renewal": "subscriptions",
    "segment": "accounts",
    "owner_id": "accounts",
}
# What the project declares, whatever its data say.
DECLARED = ("upsell_share",)


@dataclass(frozen=True)
class StillKnown:
    """What of a held date is known.

    Args:
        frame: a row an account that is a customer, with the features whose tables are in order; None where the
            tables that say who is a customer are not.
        held: contract tables that cannot be believed.
        sources: feature → the contract table it is read from.
        growth_rate: the usual probability of growth; None without a model.
    """

    frame: pd.DataFrame | None
    held: frozenset[str]
    sources: dict[str, str]
    growth_rate: float | None


def settle_standing(
    span: Window,
    standing: StandingDay,
    known: StillKnown,
    breaks: tuple[str, ...],
    declared: DaySpecs,
    prior: PriorState,
    *,
    route: bool = True,
) -> ScoredDay:
    """A held date.

    Args:
        span: from the date that stands to the held one.
        standing: the date that stands.
        known: what is known all the same.
        breaks: the names of the breaks that are the reason.
        declared: the declarations.
        prior: what is on record.
        route: whether work is handed out.
    """
    frame, accounts = _still_there(standing, known)
    unscored = 0 if known.frame is None else len(known.frame) - len(frame)
    day = ScoredDay(
        as_of=span.end,
        accounts=accounts,
        models=standing.models,
        held=HeldDay(standing.as_of, breaks, unscored),
    )
    if not route:
        return day
    base_rate = next((one.trace.base_rate for one in accounts if one.trace.base_rate is not None), None)
    facts = facts_of_day(frame, (base_rate, known.growth_rate), declared, prior, accounts)
    unknown = unknown_facts(facts.columns, known)
    plan = plan_day(
        declared.rules, declared.team, span.end, facts, prior, seed=declared.seed, zone=declared.zone, unknown=unknown
    )
    return replace(day, plan=plan)


def unknown_facts(names: Collection[str], known: StillKnown) -> frozenset[str]:
    """Those of the named facts that stand as they were, or are not known at all: all but what good tables say."""
    good = {name for name, table in READ_FROM.items() if table not in known.held} | set(DECLARED)
    if known.frame is None:
        # a row that is carried has no features
        good = set(DECLARED)
    for name in names:
        group, _, rest = name.partition(".")
        table = "accounts" if group == "attribute" else known.sources.get(rest) if group == "feature" else None
        if known.frame is not None and table is not None and table not in known.held:
            good.add(name)
    return frozenset({*FACTS, *names}) - good - {"account_id"}


def _still_there(standing: StandingDay, known: StillKnown) -> tuple[pd.DataFrame, tuple[ScoredAccount, ...]]:
    """The accounts that stand, with what is known of them today, and the frame of their features, in their order."""
    if known.frame is None:
        accounts = [_stale(one, standing) for one in standing.accounts]
        return pd.DataFrame({"account_id": [one.account_id for one in accounts]}), tuple(accounts)
    today = known.frame.set_index(known.frame["account_id"].astype(str), drop=False)
    there = [one for one in standing.accounts if one.account_id in today.index]
    frame = today.loc[[one.account_id for one in there]].reset_index(drop=True)
    rows = frame.to_dict("records")
    return frame, tuple(_with_today(_stale(one, standing), row) for one, row in zip(there, rows, strict=True))


def _stale(account: ScoredAccount, standing: StandingDay) -> ScoredAccount:
    return replace(account, trace=replace(account.trace, stale_since=standing.as_of))


def _with_today(account: ScoredAccount, row: Mapping[Hashable, object]) -> ScoredAccount:
    """What the accounts and the contracts say today beside the scores that stand."""
    owner, segment = row.get("owner_id"), row.get("account_segment", account.segment)
    paid = row.get("mrr")
    mrr = number(paid) if isinstance(paid, float) else account.mrr
    at_risk = None if mrr is None or account.churn_probability is None else round(account.churn_probability * mrr, 2)
    return replace(
        account,
        owner_id=owner if isinstance(owner, str) else None,
        segment=segment if isinstance(segment, str) else None,
        mrr=mrr,
        mrr_at_risk=at_risk,
    )
