"""What the tables hold at all, whenever it became known: event names, accounts, and when they begin."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from churnml.lazy import ibis
from churnml.tables import Facts
from churnml.timeline import day_number_of


def frequent_events(facts: Facts, known_before: dt.date, at_most: int) -> tuple[str, ...]:
    """The ``at_most`` most frequent event names among events known before a date, most frequent first."""
    if facts.usage_named is None or at_most == 0:
        return ()
    day = day_number_of(known_before)
    rows = facts.usage_named.filter(facts.usage_named["known_day"] < day)
    counted = rows.group_by("event").aggregate(n=rows["events"].sum())
    top = counted.order_by([ibis.desc("n"), ibis.asc("event")]).limit(at_most).to_pandas()
    return tuple(top["event"])


def usage_begins(facts: Facts) -> dt.date | None:
    """The day usage data begin: by then one event in a thousand has occurred; None without usage.

    A cutoff whose lookback reaches before it would show every account as hardly used. A few stray rows
    with an old date do not count as a beginning.
    """
    if facts.usage_days is None:
        return None
    per_day = facts.usage_days.group_by("day").aggregate(n=facts.usage_days["events"].sum()).order_by("day").to_pandas()
    if per_day.empty:
        return None
    reached = per_day["n"].cumsum() * 1000 >= per_day["n"].sum()
    return pd.Timestamp(int(per_day["day"][reached].iloc[0]), unit="D").date()


def accounts_begin(facts: Facts) -> dt.date:
    """The day the first account was created."""
    return pd.Timestamp(facts.accounts["created_at"].min().to_pandas()).date()


def account_ids(facts: Facts) -> frozenset[str]:
    """Every account the tables hold."""
    return frozenset(facts.accounts.select("account_id").to_pandas()["account_id"])


def parents(facts: Facts) -> dict[str, str | None]:
    """Account → the account it belongs to, or None; empty where the project's accounts do not say."""
    if "parent_account_id" not in facts.given["accounts"]:
        return {}
    accounts = facts.accounts.select("account_id", "parent_account_id").to_pandas()
    named = accounts["parent_account_id"]
    return dict(zip(accounts["account_id"], named.astype(object).where(named.notna(), None), strict=True))


def account_names(facts: Facts) -> dict[str, str]:
    """Account → what people call it, of those that have a name; empty where the project's accounts do not say.

    It is today's name: people are shown it, and no feature reads one.
    """
    if "name" not in facts.given["accounts"]:
        return {}
    accounts = facts.accounts.select("account_id", "name").to_pandas()
    named = accounts[accounts["name"].notna()]
    return dict(zip(named["account_id"], named["name"], strict=True))
