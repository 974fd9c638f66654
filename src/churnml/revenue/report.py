"""What ``churnml metrics`` tells: the figures, whose they are, and what was left out or taken for something else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from churnml.revenue.calendar import Grain, ReportingPeriod
from churnml.revenue.contracts import PaidContracts
from churnml.revenue.exchange import valuation
from churnml.revenue.figures import RevenueFigures, revenue_figures
from churnml.revenue.groups import NOT_GIVEN, group_of_rows
from churnml.revenue.movements import RevenueMovements, account_movements
from churnml.specs.metrics import MetricsSpec
from churnml.tables import Facts
from churnml.timeline import date_of, day_number_of

# Where one account in three leaves or changes its terms in a year, nothing ends in so many account-years with a
# probability of 4 %.
UNENDED_ACCOUNT_YEARS = 10


@dataclass(frozen=True)
class RevenueRemarks:
    """What a reader of the figures has to know.

    Args:
        free_accounts: accounts without any contract that costs something: no customers here.
        bridged: gaps without a contract so short that the account never left.
        undated: contracts of which nobody knows when they are renewed; never due.
        unrated: currencies without a rate that was known then.
        ungrouped: accounts whose group is not given.
        survivors_only: whether some periods shown lie before anybody's terms ended, and hold so many accounts that
            those who had left by then must be missing from the data.
        first_ended: when terms first ended; None where none ever did.
    """

    free_accounts: int = 0
    bridged: int = 0
    undated: int = 0
    unrated: tuple[str, ...] = ()
    ungrouped: int = 0
    survivors_only: bool = False
    first_ended: dt.date | None = None


@dataclass(frozen=True)
class RevenueReport:
    """Revenue by period, as known at a date.

    Args:
        as_of: rows that became known on that day or later are not there.
        grain: what a period is.
        per: what groups are; None without.
        currency: of money; may be empty.
        spec: what is declared.
        figures: by period, and by group within it.
        moved: what every account's MRR did.
        groups: the group of each row of ``moved.rows``; None without.
        remarks: what was left out or taken for something else.
    """

    as_of: dt.date
    grain: Grain
    per: str | None
    currency: str
    spec: MetricsSpec
    figures: tuple[RevenueFigures, ...]
    moved: RevenueMovements
    groups: pd.Series | None
    remarks: RevenueRemarks


def _shows_survivors_only(figures: Sequence[RevenueFigures], first_ended: int | None) -> bool:
    """Whether so many accounts lived through periods in which nothing ended that it cannot be chance."""
    unseen = [one for one in figures if first_ended is None or day_number_of(one.period.end) <= first_ended]
    days = sum(one.opening_accounts * (one.period.end - one.period.start).days for one in unseen)
    return days >= UNENDED_ACCOUNT_YEARS * 365


def reckon(
    facts: Facts,
    contracts: PaidContracts,
    spec: MetricsSpec,
    periods: Sequence[ReportingPeriod],
    *,
    as_of: dt.date,
    grain: Grain,
    per: str | None = None,
    fiscal_year_starts: int = 1,
    currency: str = "",
) -> RevenueReport:
    """Revenue of some periods.

    Args:
        facts: the project's tables.
        contracts: what accounts pay, as known before ``as_of``.
        spec: what is declared.
        periods: at least one, in order, all over by ``as_of``.
        as_of: what is known was known before.
        grain: what a period is.
        per: an attribute of accounts, or ``cohort``; None is all together.
        fiscal_year_starts: the month in which a fiscal year begins.
        currency: of the project.

    Raises:
        UnknownNameError: accounts have no attribute ``per``.
    """
    valued = valuation(facts, spec, as_of, periods[-1].end)
    moved = account_movements(contracts, periods, valued)
    groups = None if per is None else group_of_rows(facts, moved, per, grain, fiscal_year_starts)
    figures = revenue_figures(moved, spec.denominator, groups)
    remarks = RevenueRemarks(
        contracts.free_accounts,
        contracts.bridged,
        contracts.undated if spec.denominator == "renewals_due" else 0,
        valued.unrated,
        0 if groups is None else moved.rows.loc[groups == NOT_GIVEN, "account_id"].nunique(),
        _shows_survivors_only(figures, contracts.first_ended),
        None if contracts.first_ended is None else date_of(contracts.first_ended),
    )
    return RevenueReport(as_of, grain, per, currency, spec, figures, moved, groups, remarks)
