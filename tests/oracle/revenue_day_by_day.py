"""Revenue the slow and obvious way: what every account pays is written down at the end of every single day."""

from __future__ import annotations

import calendar
import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pandas as pd

TERMS = {"weekly": (0, 7), "monthly": (1, 0), "quarterly": (3, 0), "annual": (12, 0)}
DAY = dt.timedelta(days=1)


def as_known(rows: list[dict], as_of: pd.Timestamp) -> list[dict]:
    """The periods that stand among the rows known then, with the ends known then."""
    versions: dict[tuple, dict] = {}
    for row in sorted(rows, key=lambda row: row["known_at"]):
        if row["known_at"] < as_of:
            told = row["cancelled_at"] if pd.notna(row["cancelled_at"]) else row["ends_at"]
            end = row["ends_at"] if pd.notna(told) and told < as_of else None
            versions[row["account_id"], row["subscription_id"], row["starts_at"]] = {**row, "ends_at": end}
    standing = []
    for (account, contract, start), row in versions.items():
        later = [begin for (a, s, begin) in versions if (a, s) == (account, contract) and begin > start]
        ends = [end for end in (row["ends_at"], min(later, default=None)) if end is not None and pd.notna(end)]
        standing.append({**row, "ends_at": min(ends, default=None)})
    return standing


def days_of(rows: list[dict], last: dt.date, returns_within: int) -> dict[dt.date, list[dict]]:
    """What one account's contracts are at the end of every day, gaps of at most ``returns_within`` days filled."""
    paid: dict[dt.date, list[dict]] = {}
    day = min(row["starts_at"] for row in rows).date()
    while day <= last:
        evening = pd.Timestamp(day + DAY)
        open_then = [r for r in rows if r["starts_at"] < evening and (r["ends_at"] is None or r["ends_at"] >= evening)]
        paid[day] = [row for row in open_then if row["mrr"] > 0]
        day += DAY
    filled = dict(paid)
    gap: list[dt.date] = []
    before: list[dict] = []
    for day, there in paid.items():
        if not there:
            gap.append(day)
            continue
        if before and 0 < len(gap) <= returns_within:
            filled |= dict.fromkeys(gap, before)
        gap, before = [], there
    return filled


def worth(row: dict, evening: dt.date, how: str, rates: list[dict], as_of: pd.Timestamp, fixed: dt.date) -> int:
    """Whole hundredths of what a contract pays, at the rates of a day."""
    own = [r for r in rates if r["currency"] == row["currency_as_written"] and r["known_at"] < as_of]
    if how == "contract" or not own:
        return int((Decimal(repr(row["mrr"])) * 100).to_integral_value(ROUND_HALF_UP))
    day = fixed if how == "constant" else evening
    own = sorted(own, key=lambda r: (r["starts_at"], r["known_at"]))
    held = [r for r in own if r["starts_at"].date() <= day]
    # before them all the first one, as it was last known
    rate = held[-1] if held else [r for r in own if r["starts_at"] == own[0]["starts_at"]][-1]
    amount = Decimal(repr(row["amount_as_written"])).quantize(Decimal("0.01"))
    return int((amount * Decimal(repr(rate["rate"])) * 100).to_integral_value(ROUND_HALF_UP))


def has_renewal(row: dict, first: dt.date, last: dt.date) -> bool:
    """Whether a contract is renewed on one of the days, by its agreed renewal or its start, rolled on by its term."""
    months, days = TERMS.get(row["billing_period"], (0, 0))
    begun = row["renews_at"] if pd.notna(row["renews_at"]) else row["starts_at"]
    step = 0 if pd.notna(row["renews_at"]) else 1
    while True:
        month = begun.year * 12 + begun.month - 1 + step * months
        length = calendar.monthrange(month // 12, month % 12 + 1)[1]
        day = dt.date(month // 12, month % 12 + 1, min(begun.day, length)) + step * days * DAY
        if first <= day <= last:
            return pd.notna(row["renews_at"]) or bool(months or days)
        if day > last or not (months or days):
            return False
        step += 1


def revenue_of(
    rows: list[dict],
    periods: list[tuple[dt.date, dt.date]],
    as_of: pd.Timestamp,
    *,
    returns_within: int = 28,
    how: str = "contract",
    rates: list[dict] = (),
    line: str = "subscription_id",
    due_only: bool = False,
) -> dict[tuple[str, dt.date], dict]:
    """(account, first day of a period) → what its MRR did in that period; ``periods`` are first and last days."""  # fmt: skip
    moved: dict[tuple[str, dt.date], dict] = {}
    standing = as_known(rows, as_of)
    fixed = periods[-1][1]
    far = max([r["starts_at"].date() for r in standing] + [last for _, last in periods], default=fixed)
    for account in sorted({row["account_id"] for row in standing}):
        own = [row for row in standing if row["account_id"] == account]
        paid = days_of(own, far, returns_within)
        paying_days = [day for day, there in paid.items() if there]
        for first, last in periods:
            eve = first - DAY
            before, after = paid.get(eve, []), paid.get(last, [])
            if not before and not after:
                continue
            at = lambda contracts, day: sum(worth(r, day, how, rates, as_of, fixed) for r in contracts)  # noqa: E731
            lines = lambda contracts: {r[line] for r in contracts}  # noqa: E731
            opening, restated, closing = at(before, eve), at(before, last), at(after, last)
            told = dict.fromkeys(("new", "reactivation", "upsell", "cross_sell", "contraction", "churn"), 0)
            if not before:
                told["new" if min(paying_days) >= first else "reactivation"] = closing
            elif not after:
                told["churn"] = -restated
            elif closing < restated:
                told["contraction"] = closing - restated
            else:
                beside = at([r for r in after if r[line] not in lines(before)], last)
                cross = 0 if lines(before) - lines(after) else min(beside, closing - restated)
                told |= {"cross_sell": cross, "upsell": closing - restated - cross}
            based = bool(before) and (not due_only or any(has_renewal(r, first, last) for r in before))
            moved[account, first] = {"opening": opening, **told, "exchange": restated - opening, "closing": closing}
            moved[account, first] |= {"base": restated if based else 0, "in_base": based, "stays": bool(after)}
    return moved


def totals_of(moved: dict[tuple[str, dt.date], dict], first: dt.date) -> dict:
    """The sums of a period, and its rates as fractions (None without anything to divide by)."""
    rows = [row for (_, start), row in moved.items() if start == first]
    total = lambda name, of=rows: sum(row[name] for row in of)  # noqa: E731
    base = [row for row in rows if row["in_base"]]
    grown = total("upsell", base) + total("cross_sell", base)
    kept = total("base") + total("contraction", base) + total("churn", base)
    won = sum(total(name) for name in ("new", "reactivation", "upsell", "cross_sell"))
    lost = -total("contraction") - total("churn")
    share = lambda part, whole: Fraction(part, whole) if whole else None  # noqa: E731
    amounts = ("opening", "new", "reactivation", "upsell", "cross_sell", "contraction", "churn", "exchange", "closing")
    return {name: total(name) for name in amounts} | {
        "gross_retention": share(kept, total("base")),
        "net_retention": share(kept + grown, total("base")),
        "logo_churn": share(sum(not row["stays"] for row in base), len(base)),
        "revenue_churn": share(-total("churn", base), total("base")),
        "quick_ratio": share(won, lost),
    }
