"""How what every account pays moved from the opening of a period to its close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.revenue.calendar import ReportingPeriod
from churnml.revenue.contracts import PaidContracts
from churnml.revenue.exchange import Valuation
from churnml.timeline import day_number_of

# In the order they are added up in: opening, what moved, closing. Losses are below zero.
MOVEMENTS = ("new", "reactivation", "upsell", "cross_sell", "contraction", "churn", "exchange")
AMOUNTS = ("opening", *MOVEMENTS, "closing")


@dataclass(frozen=True)
class RevenueMovements:
    """What every account paid at the two ends of every period, and why it is not the same.

    Args:
        rows: a row an account and period in which it pays at one end at least: period (its name), account_id, the
            columns of :data:`AMOUNTS` in whole hundredths of the project's currency (int64; opening and all movements
            add up to closing), restated (opening at the rates of the close), was_paying and is_paying (at the two
            ends), is_new and is_back, first_day (on which it first paid, days since 1970-01-01) and is_due (whether a
            renewal of what it paid at the opening falls into the period).
        periods: at least one, in order.
    """

    rows: pd.DataFrame
    periods: tuple[ReportingPeriod, ...]


def account_movements(
    contracts: PaidContracts, periods: Sequence[ReportingPeriod], valued: Valuation
) -> RevenueMovements:
    """What moved of every account in every period.

    The two ends of a period are compared, account by account, as by the definitions of MRR movements that billing
    analytics share (ChartMogul, "MRR movements"; Stripe, "MRR roll-forward"):

    - *new*: pays at the close, not at the opening, and never did before the period; *reactivation*: had paid before.
    - *churn*: pays at the opening and no more at the close. Who ends one contract of several has shrunk, not left.
    - *expansion* and *contraction*: pays at both, more or less. Of an expansion, *cross_sell* is what it pays on lines
      that it did not have, unless a line of it went: then those took its place, and all is *upsell*.
    - *exchange*: what the opening gained or lost by rates alone; the other movements are at the rates of the close.
    """
    rows = contracts.rows
    accounts, names = pd.factorize(rows["account_id"])
    lines = pd.factorize(pd.MultiIndex.from_frame(rows[["account_id", "line"]]))[0]
    rows = rows.assign(account=accounts, line=lines)
    first_day = rows.groupby("account")["start_day"].min()
    parts = [_one_period(rows, period, valued, first_day).assign(period=period.name) for period in periods]
    moved = pd.concat(parts, ignore_index=True)
    moved["account_id"] = names.to_numpy(object)[moved.pop("account").to_numpy("int64")]
    return RevenueMovements(moved, tuple(periods))


def _one_period(rows: pd.DataFrame, period: ReportingPeriod, valued: Valuation, first_day: pd.Series) -> pd.DataFrame:
    """The accounts that pay at one end of a period at least, in order of their first contract."""
    lines = _lines(rows, period, valued)
    added = lines["closes"] & ~lines["opens"]
    gone = lines["opens"] & ~lines["closes"]
    lines = lines.assign(beside=lines["closing"].where(added, 0), gone=gone)
    sums = lines.groupby("account")[["opening", "restated", "closing", "beside"]].sum()
    flags = lines.groupby("account")[["opens", "closes", "gone", "is_due"]].any()
    first = first_day.loc[sums.index]
    was, pays, gone_one = flags["opens"], flags["closes"], flags["gone"]
    change = sums["closing"] - sums["restated"]
    grown = change.clip(lower=0).where(was & pays, 0)
    cross_sold = sums["beside"].clip(upper=grown).where(~gone_one, 0)
    began = first >= day_number_of(period.start)
    moved = pd.DataFrame(
        {
            "opening": sums["opening"],
            "new": sums["closing"].where(~was & began, 0),
            "reactivation": sums["closing"].where(~was & ~began, 0),
            "upsell": grown - cross_sold,
            "cross_sell": cross_sold,
            "contraction": change.clip(upper=0).where(was & pays, 0),
            "churn": (-sums["restated"]).where(was & ~pays, 0),
            "exchange": sums["restated"] - sums["opening"],
            "closing": sums["closing"],
            "restated": sums["restated"],
        }
    ).astype("int64")
    flags = flags.assign(is_new=~was & pays & began, is_back=~was & pays & ~began, first_day=first)
    flags = flags.rename(columns={"opens": "was_paying", "closes": "is_paying"}).drop(columns="gone")
    moved = moved.join(flags)
    return moved.rename_axis("account").reset_index()


def _lines(rows: pd.DataFrame, period: ReportingPeriod, valued: Valuation) -> pd.DataFrame:
    """A row a line of an account's: what it pays at the opening, the same at the rates of the close, at the close."""
    start, end = day_number_of(period.start), day_number_of(period.end)
    # the end of a day is the midnight after it: whoever leaves at that midnight has paid to the last moment
    opening = rows[(rows["start_day"] < start) & (rows["end_day"] >= start)]
    closing = rows[(rows["start_day"] < end) & (rows["end_day"] >= end)]
    before, after = len(opening), len(closing)
    none_before, none_after = np.zeros(before, "int64"), np.zeros(after, "int64")
    opens = np.arange(before + after) < before
    at_both = pd.DataFrame(
        {
            "account": np.concatenate([opening["account"], closing["account"]]),
            "line": np.concatenate([opening["line"], closing["line"]]),
            "opening": np.concatenate([valued.cents(opening, start), none_after]),
            "restated": np.concatenate([valued.cents(opening, end), none_after]),
            "closing": np.concatenate([none_before, valued.cents(closing, end)]),
            "opens": opens,
            "closes": ~opens,
            "is_due": np.concatenate([_is_due(opening, period), none_after]).astype(bool),
        }
    )
    sums = at_both.groupby(["account", "line"])[["opening", "restated", "closing"]].sum()
    flags = at_both.groupby(["account", "line"])[["opens", "closes", "is_due"]].any()
    return sums.join(flags).reset_index()


def _is_due(rows: pd.DataFrame, period: ReportingPeriod) -> np.ndarray:
    """Whether a renewal of a contract falls into a period: its first one, or one that its term rolls it on to."""
    opens = period.start.year * 12 + period.start.month - 1
    closes = period.end.year * 12 + period.end.month - 1
    by_months = _comes_between(rows["renewal_month"], rows["term_months"], opens, closes)
    start, end = day_number_of(period.start), day_number_of(period.end)
    by_days = _comes_between(rows["renewal_day"], rows["term_days"], start, end)
    return np.where(rows["term_days"] > 0, by_days, by_months)


def _comes_between(first: pd.Series, term: pd.Series, start: int, end: int) -> np.ndarray:
    """Whether ``first``, or a whole number of terms after it, lies in ``[start, end)``; a term of 0 never recurs."""
    at, step = first.to_numpy("float64", na_value=np.nan), term.to_numpy("float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        rolled = at + np.ceil((start - at) / step) * step
    due = np.where((at < start) & (step > 0), rolled, at)
    return (due >= start) & (due < end)
