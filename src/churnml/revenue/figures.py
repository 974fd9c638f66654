"""Retention, churn and growth, out of what every account's MRR did.

The definitions are those of the SaaS Metrics Standards Board where it has one (gross revenue retention, net revenue
retention, customer retention: saasmetricsboard.com); the others name where they are from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pandas as pd

from churnml.revenue.calendar import ReportingPeriod
from churnml.revenue.movements import AMOUNTS, RevenueMovements
from churnml.specs.metrics import Denominator


@dataclass(frozen=True)
class RevenueFigures:
    """A period, of all accounts or of a group of them. Money is in whole hundredths, losses are below zero.

    Args:
        period: which.
        group: of whom; None is all.
        opening: MRR at the end of the day before the period.
        new, reactivation, upsell, cross_sell, contraction, churn, exchange: what moved
            (:func:`~churnml.revenue.movements.account_movements`).
        closing: MRR at the end of its last day.
        opening_accounts, new_accounts, reactivated_accounts, expanded_accounts, contracted_accounts, churned_accounts,
            closing_accounts: whose they are.
        base_accounts: of how many accounts retention and churn are shares: those that paid at the opening, or those of
            them with a renewal in the period, as declared.
        base: what those paid at the opening, at the rates of the close.
        base_upsell, base_cross_sell, base_contraction, base_churn, base_churned_accounts: what moved of theirs.
    """

    period: ReportingPeriod
    group: str | None
    opening: int
    new: int
    reactivation: int
    upsell: int
    cross_sell: int
    contraction: int
    churn: int
    exchange: int
    closing: int
    opening_accounts: int
    new_accounts: int
    reactivated_accounts: int
    expanded_accounts: int
    contracted_accounts: int
    churned_accounts: int
    closing_accounts: int
    base_accounts: int
    base: int
    base_upsell: int
    base_cross_sell: int
    base_contraction: int
    base_churn: int
    base_churned_accounts: int

    @property
    def expansion(self) -> int:
        """Upsell and cross-sell together."""
        return self.upsell + self.cross_sell

    @property
    def logo_churn(self) -> float | None:
        """Accounts of the base that pay no more at the close, of all of the base (SaaS Metrics Standards Board: 1 less
        customer retention); None without a base."""
        return _share(self.base_churned_accounts, self.base_accounts)

    @property
    def revenue_churn(self) -> float | None:
        """MRR of the base's accounts that pay no more at the close, of the base's (ChartMogul: MRR churn, without
        contraction); None without a base."""
        return _share(-self.base_churn, self.base)

    @property
    def gross_retention(self) -> float | None:
        """GRR: what is left of the base's MRR without any growth, never above 1 (SaaS Metrics Standards Board); None
        without a base."""
        return _share(self.base + self.base_contraction + self.base_churn, self.base)

    @property
    def net_retention(self) -> float | None:
        """NRR: what the base's accounts pay at the close, growth included, of what they paid at the opening (SaaS
        Metrics Standards Board). New and returning accounts are in no base. None without one."""
        grown = self.base_upsell + self.base_cross_sell
        return _share(self.base + grown + self.base_contraction + self.base_churn, self.base)

    @property
    def quick_ratio(self) -> float | None:
        """MRR won for each unit lost: new, returning and expanding over churning and contracting (Social Capital's SaaS
        quick ratio, with returns); None where nothing was lost."""
        return _share(self.new + self.reactivation + self.expansion, -self.churn - self.contraction)


RATES = ("gross_retention", "net_retention", "logo_churn", "revenue_churn", "quick_ratio")
_COUNTED = {
    "opening_accounts": "was_paying",
    "new_accounts": "is_new",
    "reactivated_accounts": "is_back",
    "expanded_accounts": "has_grown",
    "contracted_accounts": "has_shrunk",
    "churned_accounts": "has_left",
    "closing_accounts": "is_paying",
}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def revenue_figures(
    moved: RevenueMovements, denominator: Denominator, groups: pd.Series | None = None
) -> tuple[RevenueFigures, ...]:
    """The figures of every period; of every group in it that has any, where ``groups`` names one for each row.

    Args:
        moved: what every account's MRR did.
        denominator: what retention and churn are shares of.
        groups: a name for each row of ``moved.rows``.

    Returns:
        In order of the periods, and within them of the groups' names.
    """
    rows = with_flags(moved.rows, denominator)
    summed = [*AMOUNTS, *_COUNTED.values(), *(name for name in rows if str(name).startswith("base"))]
    keys = [rows["period"], groups.rename("group") if groups is not None else pd.Series("", rows.index, name="group")]
    sums = rows.groupby(keys)[summed].sum()
    by_key = {
        (str(name), str(group)): {column: int(value) for column, value in zip(sums.columns, values, strict=True)}
        for (name, group), values in zip(sums.index, sums.to_numpy(), strict=True)
    }
    if groups is None:
        return tuple(_figures(period, None, by_key.get((period.name, ""), {})) for period in moved.periods)
    return tuple(
        _figures(period, group, by_key[period.name, group])
        for period in moved.periods
        for group in sorted(group for name, group in by_key if name == period.name)
    )


def with_flags(rows: pd.DataFrame, denominator: Denominator) -> pd.DataFrame:
    """Rows of :class:`RevenueMovements` with who moved how, and what of it counts in the base of retention."""
    was, pays = rows["was_paying"].astype(bool), rows["is_paying"].astype(bool)
    based = was & rows["is_due"].astype(bool) if denominator == "renewals_due" else was
    flags = {
        "has_grown": rows["upsell"] + rows["cross_sell"] > 0,
        "has_shrunk": rows["contraction"] < 0,
        "has_left": was & ~pays,
        "base_accounts": based,
        "base_churned_accounts": based & ~pays,
        "base": rows["restated"].where(based, 0),
    }
    of_base = {f"base_{name}": rows[name].where(based, 0) for name in ("upsell", "cross_sell", "contraction", "churn")}
    return rows.assign(**flags, **of_base)


def _figures(period: ReportingPeriod, group: str | None, sums: Mapping[str, int]) -> RevenueFigures:
    names = {field.name: _COUNTED.get(field.name, field.name) for field in fields(RevenueFigures)}
    counts = {name: sums.get(column, 0) for name, column in names.items() if name not in ("period", "group")}
    return RevenueFigures(period, group, **counts)
