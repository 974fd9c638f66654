"""The same facts, had what a label may not look at come out otherwise, and had what it must look at.

A label is final knowledge: it counts what happened in its window whenever that became known. So these variants
go by when something happened, not by when it was known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from churnml.audit.rows import MARK, Row, Visits, wide, with_rows
from churnml.audit.variants import PlantedFacts, changed, counted, planted, seen_until, tickets_until, until
from churnml.labels import Label
from churnml.lazy import ibis
from churnml.tables import Facts, Relation
from churnml.timeline import day_number_of, midnight, plus_days

if TYPE_CHECKING:
    import ibis.expr.types as ir

# What a contract period says of its end.
ENDS = ("ends_at", "cancelled_at")


# ---------------------------------------------------------------- left out


def as_settled(facts: Facts, settled: dt.date) -> Facts:
    """The facts without what happened from ``settled`` on."""
    day, now = day_number_of(settled), midnight(settled)
    return changed(
        facts,
        plus_days(settled, -1),
        accounts=lambda accounts: until(accounts, "created_at", now),
        subscriptions=lambda periods: until(periods, "starts_at", now, ENDS),
        support_tickets=lambda tickets: tickets_until(tickets, now, "opened_at"),
        churn_events=lambda leavings: until(leavings, "churned_at", now),
        usage_days=lambda usage: until(usage, "day", day),
        usage_named=lambda usage: until(usage, "day", day),
        usage_users=lambda presence: seen_until(presence, day),
        usage_rare=lambda presence: seen_until(presence, day),
    )


def later_counts(facts: Facts, settled: dt.date) -> dict[str, int]:
    """By contract table that labels read, how many rows (of usage: events) are dated from ``settled`` on."""
    now = midnight(settled)
    counts: dict[str, ir.IntegerScalar] = {}
    if facts.usage_days is not None:
        counts["usage_events"] = facts.usage_days["events"].sum(where=facts.usage_days["day"] >= day_number_of(settled))
    if (periods := facts.subscriptions) is not None:
        ends = (periods["ends_at"] >= now).fill_null(False)
        counts["subscriptions"] = ((periods["starts_at"] >= now) | ends).sum()
    if facts.churn_events is not None:
        counts["churn_events"] = (facts.churn_events["churned_at"] >= now).sum()
    return counted(counts)


# ---------------------------------------------------------------- come out otherwise


def settled_otherwise(facts: Facts, accounts: Sequence[str], label: Label, as_of: dt.date) -> PlantedFacts:
    """The facts with all that happened once the label of ``as_of`` was settled changed, and more of it.

    Where the label is about single events (lapse, event), some from just before the window are added too.
    """
    settled = label.reach.settled_on(as_of)
    day, now = day_number_of(settled), midnight(settled)
    dates = [settled, plus_days(settled, 9)]
    if label.kind in ("lapse", "event"):
        dates.append(plus_days(as_of, -1))
    visits = Visits((), np.random.default_rng(0))
    for account in accounts:
        for date in dates:
            visits.add(account, [f"{MARK} user"] if label.users_down_by else [], date, date)
    others = changed(
        facts,
        facts.data_through,
        usage_days=lambda usage: _more_from(usage, day),
        churn_events=lambda leavings: until(leavings, "churned_at", now),
        subscriptions=lambda periods: _periods_from(periods, settled),
    )
    made_up: dict[str, Sequence[Row] | Visits] = {
        "usage_events": visits,
        "churn_events": [_leaving(account, date) for account in accounts for date in dates],
        "subscriptions": [_period(n, account, settled) for n, account in enumerate(accounts)],
    }
    return planted(others, made_up)


def _more_from(usage: Relation, day: int) -> Relation:
    usage = wide(usage)
    more = ibis.ifelse(usage["day"] >= day, usage["events"] * 7, usage["events"])
    return usage.mutate(events=more.cast(usage["events"].type()))


def _periods_from(periods: Relation, settled: dt.date) -> Relation:
    """Whoever is still there on the day the label is settled leaves that day; later contracts are larger."""
    now = midnight(settled)
    open_then = periods["ends_at"].isnull() | (periods["ends_at"] >= now)
    time = periods["ends_at"].type()
    ends = ibis.greatest(periods["starts_at"], ibis.literal(now).cast(time))
    larger = ibis.ifelse(periods["starts_at"] >= now, periods["mrr"] * 7 + 1, periods["mrr"])
    return periods.mutate(
        ends_at=ibis.ifelse(open_then, ends, periods["ends_at"]), mrr=larger.cast(periods["mrr"].type())
    )


def _leaving(account: str, day: dt.date) -> Row:
    return {"account_id": account, "churned_at": midnight(day), "known_at": midnight(day), "voluntary": True}


def _period(n: int, account: str, begins: dt.date, plan: str = MARK) -> Row:
    return {
        "account_id": account,
        "subscription_id": f"{MARK} {n}",
        "starts_at": midnight(begins),
        "known_at": midnight(begins),
        "mrr": 99_999_999.0,
        "seats": 99_999,
        "plan": plan,
    }


# ---------------------------------------------------------------- the control


def inside_window(facts: Facts, accounts: Sequence[str], label: Label, as_of: dt.date) -> Facts:
    """The facts with something changed in the middle of the label window of ``accounts`` that decides the label."""
    window = label.reach.window(as_of)
    middle = plus_days(window.start, label.horizon // 2)
    if label.kind == "contract":
        return replace(facts, subscriptions=_all_ended(facts.subscriptions, accounts, middle))
    if label.kind == "event":
        return replace(facts, churn_events=with_rows(facts.churn_events, [_leaving(a, middle) for a in accounts]))
    if label.kind == "contraction":
        return _shrunk(facts, accounts, label, middle)
    if label.kind == "upsell":
        plan = label.plans[-1] if label.plans else MARK
        rows = [_period(n, account, middle, plan) for n, account in enumerate(accounts)]
        return replace(facts, subscriptions=with_rows(facts.subscriptions, rows))
    # lapse: half of them fall silent, the others show up
    silent, there = accounts[::2], accounts[1::2]
    visits = Visits((), np.random.default_rng(0))
    for account in there:
        visits.add(account, [], middle, middle)
    start, end = day_number_of(window.start), day_number_of(window.end)
    usage = facts.usage_days
    within = (usage["day"] >= start) & (usage["day"] < end)
    kept = usage.filter(~(usage["account_id"].isin(list(silent)) & within))
    return replace(facts, usage_days=with_rows(kept, visits.by_relation()["usage_days"]))


def _shrunk(facts: Facts, accounts: Sequence[str], label: Label, day: dt.date) -> Facts:
    """The facts with hardly anything left of the contracts of ``accounts`` from ``day`` on, or nobody who uses them."""
    if not label.of_money:
        theirs = facts.usage_users["account_id"].isin(list(accounts))
        gone = seen_until(facts.usage_users.filter(theirs), day_number_of(day))
        return replace(facts, usage_users=ibis.union(facts.usage_users.filter(~theirs), gone))
    periods = _all_ended(facts.subscriptions, accounts, day)
    little: Row = {"mrr": 0.01, "seats": 1}
    rows = (
        [] if label.leaving_counts else [{**_period(n, account, day), **little} for n, account in enumerate(accounts)]
    )
    return replace(facts, subscriptions=with_rows(periods, rows) if rows else periods)


def _all_ended(periods: Relation, accounts: Sequence[str], day: dt.date) -> Relation:
    """The contracts of ``accounts`` end on ``day``, and none begins any more."""
    at = midnight(day)
    theirs = periods["account_id"].isin(list(accounts))
    periods = periods.filter(~(theirs & (periods["starts_at"] >= at)))
    theirs = periods["account_id"].isin(list(accounts))
    open_then = periods["ends_at"].isnull() | (periods["ends_at"] > at)
    ends = ibis.literal(at).cast(periods["ends_at"].type())
    return periods.mutate(ends_at=ibis.ifelse(theirs & open_then, ends, periods["ends_at"]))
