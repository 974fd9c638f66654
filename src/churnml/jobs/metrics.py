"""``churnml metrics``: MRR movements and retention by period, as known at a date."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from churnml.adapters.project import Project
from churnml.errors import ContractError, ProjectError, TooLittleDataError
from churnml.jobs.opening import OpenedProject, default_as_of
from churnml.revenue.calendar import Grain, ReportingPeriod, period_of, periods_between
from churnml.revenue.contracts import PaidContracts, paid_contracts
from churnml.revenue.report import RevenueReport, reckon
from churnml.timeline import date_of, plus_days

log = logging.getLogger("churnml.metrics")

# So many periods are shown where nobody says from when on.
SHOWN: dict[Grain, int] = {"month": 12, "quarter": 8, "year": 5}


@dataclass(frozen=True)
class WantedMetrics:
    """What is asked for.

    Args:
        grain: what a period is.
        per: an attribute of accounts, or their cohort; None is all together.
        first, last: the periods from the one that holds the one day to the one that holds the other; None: the last
            twelve months, eight quarters or five years that are over.
        as_of: what was known before that day; None is all there is.
    """

    grain: Grain = "month"
    per: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    as_of: dt.date | None = None


def revenue_report(opened: OpenedProject, wanted: WantedMetrics) -> RevenueReport:
    """MRR movements and retention of a project.

    Raises:
        ContractError: there are no contracts.
        TooLittleDataError: a period is not over by ``as_of``, or that lies after the data.
        UnknownNameError: accounts have no attribute of that name.
    """
    facts, project = opened.facts, opened.project
    if facts.subscriptions is None:
        raise ContractError(
            "Revenue is told by contracts, and the project has none.",
            where=str(project.root / "sources" / "subscriptions.sql"),
            remedy="Write one SELECT over your inputs that gives the contracts; see docs/contract.md.",
        )
    spec, as_of = project.metrics, _as_of(opened, wanted.as_of)
    contracts = paid_contracts(facts, as_of, spec.returns_within, spec.cross_sell_by)
    _must_know_renewals(project, contracts)
    periods = _periods(project, wanted, as_of, contracts)
    log.info("revenue as of %(as_of)s in %(periods)d periods", {"as_of": as_of, "periods": len(periods)})
    return reckon(
        facts,
        contracts,
        spec,
        periods,
        as_of=as_of,
        grain=wanted.grain,
        per=wanted.per,
        fiscal_year_starts=project.spec.fiscal_year_starts,
        currency=project.spec.currency,
    )


def _as_of(opened: OpenedProject, asked: dt.date | None) -> dt.date:
    newest = default_as_of(opened)
    if asked is not None and asked > newest:
        raise TooLittleDataError(
            f"Revenue as of {asked} cannot be known: the data end with {opened.facts.data_through}.",
            where="--as-of",
            remedy=f"Ask for {newest} or earlier.",
        )
    return asked or newest


def _must_know_renewals(project: Project, contracts: PaidContracts) -> None:
    asked = project.metrics.denominator == "renewals_due"
    if asked and len(contracts.rows) and contracts.rows["renewal_day"].isna().all():
        raise ContractError(
            "Retention is declared to be of renewals that are due, and no contract says when it is renewed.",
            where=f"{project.declaration('metrics.yaml')}, denominator, and {project.source('subscriptions')}",
            remedy="Select renews_at or billing_period in subscriptions, or declare denominator: opening_mrr.",
        )


def _periods(
    project: Project, wanted: WantedMetrics, as_of: dt.date, contracts: PaidContracts
) -> list[ReportingPeriod]:
    """The periods asked for, all of them over by ``as_of``."""
    grain, starts = wanted.grain, project.spec.fiscal_year_starts
    if wanted.first is not None and wanted.last is not None and wanted.first > wanted.last:
        raise ProjectError(
            f"{wanted.first} is after {wanted.last}.", where="--from, --to", remedy="Name the earlier day with --from."
        )
    newest = period_of(plus_days(as_of, -1), grain, starts)
    if newest.end > as_of:
        newest = period_of(plus_days(newest.start, -1), grain, starts)
    last = newest if wanted.last is None else period_of(wanted.last, grain, starts)
    first = last.start if wanted.first is None else period_of(wanted.first, grain, starts).start
    late = max(last.end, period_of(first, grain, starts).end)
    if late > as_of:
        raise TooLittleDataError(
            f"{period_of(plus_days(late, -1), grain, starts).name} is not over: what is known ends before {as_of}.",
            where="--to" if wanted.last is not None else "--from",
            remedy=f"The last {grain} that is over ends on {newest.last}; ask for a day of it or earlier.",
        )
    if wanted.first is not None:
        return periods_between(first, last.start, grain, starts)
    if len(contracts.rows):
        began = date_of(int(contracts.rows["start_day"].min()))
        first = min(first, period_of(began, grain, starts).start)
    return periods_between(first, last.start, grain, starts)[-SHOWN[grain] :]
