"""What accounts pay, as known at a date: paying periods in whole days and whole hundredths of the currency."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.lazy import ibis
from churnml.snapshots.known import standing_at
from churnml.specs.metrics import CrossSellBy
from churnml.stretches import cutoff_relation
from churnml.tables import AMOUNT_AS_WRITTEN, CURRENCY_AS_WRITTEN, Facts, cents
from churnml.terms import term_of
from churnml.timeline import day_number, month_number

# A day number after all others.
NEVER_ENDS = 10**7


@dataclass(frozen=True)
class PaidContracts:
    """Paying periods, and what was left out of them or joined.

    Args:
        rows: a row a period with an MRR above zero: account_id, line (what cross-sell tells apart), start_day and
            end_day (days since 1970-01-01; it pays at the end of every day from start_day to end_day − 1), cents
            (MRR in hundredths of the project's currency), own_cents and currency (as the contract says it), and of its
            renewal the month (months since the year 0) and day it comes on first and the term it is rolled on by
            (months or days, 0 without).
        free_accounts: accounts whose contracts known by then are all free of charge: they are no customers here.
        bridged: gaps so short that the account is taken never to have left.
        undated: contracts of which nobody knows when they are renewed.
        first_ended: day on which terms of anybody first ended; None where none ever did.
    """

    rows: pd.DataFrame
    free_accounts: int
    bridged: int
    undated: int
    first_ended: int | None = None


def paid_contracts(facts: Facts, as_of: dt.date, returns_within: int, cross_sell_by: CrossSellBy) -> PaidContracts:
    """What accounts paid, as known before ``as_of``.

    Args:
        facts: the project's tables, with subscriptions.
        as_of: rows, corrections and ends that became known on that day or later are not there.
        returns_within: days for which an account may pay nothing without having left.
        cross_sell_by: what is another line of an account's.
    """
    rows = _rows(facts, as_of)
    paying = rows["cents"] > 0
    free = len(set(rows["account_id"]) - set(rows.loc[paying, "account_id"]))
    rows = rows[paying & (rows["end_day"] > rows["start_day"])].copy()
    rows["line"] = rows["plan"].fillna("") if cross_sell_by == "plan" else rows["subscription_id"]
    rows = _with_renewals(rows)
    ended = rows.loc[rows["end_day"] < NEVER_ENDS, "end_day"]
    rows, bridged = bridge_gaps(rows.sort_values(["account_id", "start_day"], ignore_index=True), returns_within)
    undated = rows.loc[rows["renewal_month"].isna(), ["account_id", "subscription_id"]].drop_duplicates()
    return PaidContracts(rows, free, bridged, len(undated), None if ended.empty else int(ended.min()))


def _rows(facts: Facts, as_of: dt.date) -> pd.DataFrame:
    s = standing_at(facts, cutoff_relation([as_of]))
    written = AMOUNT_AS_WRITTEN in s.columns
    rows: pd.DataFrame = s.select(
        "account_id",
        "subscription_id",
        "plan",
        "billing_period",
        start_day=day_number(s["starts_at"]).cast("int64"),
        end_day=ibis.coalesce(day_number(s["end"]).cast("int64"), NEVER_ENDS),
        start_month=month_number(s["starts_at"]),
        renews_day=day_number(s["renews_at"]).cast("int64"),
        renews_month=month_number(s["renews_at"]),
        cents=s["mrr_cents"],
        own_cents=cents(s[AMOUNT_AS_WRITTEN]) if written else s["mrr_cents"],
        currency=s[CURRENCY_AS_WRITTEN] if written else ibis.null("string"),
    ).to_pandas()
    return rows


def _with_renewals(rows: pd.DataFrame) -> pd.DataFrame:
    """Renewals as agreed; else the contract's beginning, rolled on by its term; without a term they are not known."""
    terms = {text: term_of(text) for text in rows["billing_period"].dropna().unique()}
    known = {text: term for text, term in terms.items() if term is not None}
    months = rows["billing_period"].map({text: term.months for text, term in known.items()}).fillna(0).astype("int64")
    days = rows["billing_period"].map({text: term.days for text, term in known.items()}).fillna(0).astype("int64")
    rolled = (months > 0) | (days > 0)
    month = rows["renews_month"].astype("Float64").fillna((rows["start_month"] + months).where(rolled))
    day = rows["renews_day"].astype("Float64").fillna((rows["start_day"] + days).where(rolled))
    return rows.assign(renewal_month=month, renewal_day=day, term_months=months, term_days=days)


def bridge_gaps(rows: pd.DataFrame, returns_within: int) -> tuple[pd.DataFrame, int]:
    """``rows`` in which an account that pays nothing for at most so many days goes on paying what it did; how often.

    Args:
        rows: account_id, start_day, end_day, in that order of account and start.
        returns_within: days.
    """
    accounts = rows["account_id"]
    latest = rows.groupby("account_id")["end_day"].cummax()
    before = latest.groupby(accounts).shift()
    begins = (rows["start_day"] > before) | before.isna()
    island = begins.cumsum()
    ends = rows["end_day"].groupby(island).max()
    first = ~island.duplicated()
    returns = rows.loc[first, "start_day"].groupby(accounts[first]).shift(-1)
    returns.index = island[first].to_numpy()
    short = (returns - ends) <= returns_within
    until = island.map(returns.where(short, np.nan))
    stays = until.notna() & (rows["end_day"] == island.map(ends))
    bridged = rows.assign(end_day=rows["end_day"].where(~stays, until).astype("int64"))
    return bridged, int(short.sum())
