"""Revenue as data: what ``churnml metrics --json`` prints and ``--out`` writes."""

from __future__ import annotations

import pandas as pd

from churnml.jsontypes import JsonObject
from churnml.pages.presenter import date, plural
from churnml.revenue.figures import RATES, RevenueFigures, with_flags
from churnml.revenue.movements import AMOUNTS, MOVEMENTS
from churnml.revenue.report import RevenueReport

COUNTS = (
    *("opening_accounts", "new_accounts", "reactivated_accounts", "expanded_accounts", "contracted_accounts"),
    *("churned_accounts", "closing_accounts", "base_accounts", "base_churned_accounts"),
)
# What an account's MRR did → its name beside the account.
MOVED = {"new": "new", "reactivation": "reactivation", "upsell": "upsell", "cross_sell": "cross-sell"} | {
    name: name for name in ("contraction", "churn", "exchange")
}
DENOMINATORS = {
    "opening_mrr": "what was paid when the period opened",
    "renewals_due": "what those paid when the period opened who had a renewal in it",
}
RATES_OF = {
    "contract": "of the contract's beginning",
    "constant": "of one day",
    "dated": "of each date",
}


def in_units(cents: int) -> float:
    """Hundredths as units: a float that is printed with the two decimals it has."""
    return cents / 100


def revenue_data(report: RevenueReport, *, accounts: bool = False) -> JsonObject:
    """The report as JSON: money in units of the currency, shares as numbers, null where there is nothing to divide by.

    With ``accounts``, every account that pays at one end of a period, with what moved.
    """
    data: dict[str, object] = {
        "as_of": str(report.as_of),
        "by": report.grain,
        "per": report.per,
        "currency": report.currency,
        "denominator": report.spec.denominator,
        "returns_within": report.spec.returns_within,
        "cross_sell_by": report.spec.cross_sell_by,
        "exchange_rates": report.spec.exchange_rates,
        "periods": [_figures_data(report, one) for one in report.figures],
        "remarks": remark_lines(report),
    }
    if accounts:
        data["accounts"] = accounts_frame(report).to_dict("records")
    return data  # type: ignore[return-value]


def _figures_data(report: RevenueReport, one: RevenueFigures) -> dict[str, object]:
    period = one.period
    named = {} if report.per is None else {"group": one.group}
    amounts = {name: in_units(getattr(one, name)) for name in ("opening", *MOVEMENTS, "expansion", "closing", "base")}
    if report.spec.cross_sell_by == "none":
        amounts = {name: amount for name, amount in amounts.items() if name not in ("upsell", "cross_sell")}
    counts = {name: getattr(one, name) for name in COUNTS}
    rates = {name: getattr(one, name) for name in RATES}
    return {
        "period": period.name,
        "from": str(period.start),
        "to": str(period.last),
        **named,
        **amounts,
        **counts,
        **rates,
    }


def figures_frame(report: RevenueReport) -> pd.DataFrame:
    """A row a period (and group), as :func:`revenue_data` has it."""
    return pd.DataFrame([_figures_data(report, one) for one in report.figures])


def accounts_frame(report: RevenueReport) -> pd.DataFrame:
    """Whose the figures are: a row an account and period in which it pays at one end at least.

    Columns: period, group (where there are groups), account_id, the amounts of a period in units of the currency,
    moved (what its MRR did, in words) and in_base (whether retention and churn are shares of it).
    """
    rows = with_flags(report.moved.rows, report.spec.denominator)
    shown = pd.DataFrame({"period": rows["period"]})
    if report.groups is not None:
        shown["group"] = report.groups
    shown["account_id"] = rows["account_id"]
    for name in AMOUNTS:
        shown[name] = rows[name] / 100
    moved = pd.Series([""] * len(rows), index=rows.index)
    for name, word in MOVED.items():
        moved = moved.where(rows[name] == 0, moved + " and " + word)
    shown["moved"] = moved.str.removeprefix(" and ")
    shown["in_base"] = rows["base_accounts"].astype(bool)
    if report.spec.cross_sell_by == "none":
        shown = shown.rename(columns={"upsell": "expansion"}).drop(columns="cross_sell")
        shown["moved"] = shown["moved"].str.replace("upsell", "expansion")
    order = {period.name: place for place, period in enumerate(report.moved.periods)}
    keys = shown["period"].map(order)
    return shown.assign(_at=keys).sort_values(["_at", "account_id"], ignore_index=True).drop(columns="_at")


def remark_lines(report: RevenueReport) -> list[str]:
    """What was left out or taken for something else, a sentence each."""
    told, spec = report.remarks, report.spec
    lines = [f"Retention and churn are shares of {DENOMINATORS[spec.denominator]}."]
    if told.survivors_only:
        since = f" before {date(told.first_ended)}" if told.first_ended else ""
        lines.append(
            f"No contract is known to have ended{since}: where those who had left are missing from the data, "
            f"retention{since} is too high."
        )
    if told.bridged:
        lines.append(
            f"{plural(told.bridged, 'gap')} of at most {plural(spec.returns_within, 'day')} without a contract "
            f"{'was' if told.bridged == 1 else 'were'} taken for none (returns_within)."
        )
    if told.free_accounts:
        lines.append(f"{plural(told.free_accounts, 'account')} with free contracts only: no customers here.")
    if told.undated:
        lines.append(f"{plural(told.undated, 'contract')} with no known renewal: never due.")
    if told.unrated:
        lines.append(
            f"No rate of {', '.join(told.unrated)} was known then: the rate of each contract's beginning stands."
        )
    if report.per not in (None, "cohort"):
        lines.append(f"Accounts are grouped by their {report.per} as it is today, in every period.")
    if told.ungrouped:
        lines.append(f"{plural(told.ungrouped, 'account')} without a {report.per}: (not given).")
    return lines
