"""What several sections of the report share: groups of accounts, charts with their words, sums of what is known."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from churnml.jsontypes import Json
from churnml.ledger import ScoredAccount
from churnml.pages import charts

STILL_WIDTH = 560


@dataclass(frozen=True)
class ReportChart:
    """A chart with its words: a live specification, and a still picture for readers without scripts."""

    title: str
    caption: str
    spec: Mapping[str, Json]
    still: str


def report_chart(chart: charts.Chart, title: str, caption: str) -> ReportChart:
    spec = charts.page_spec(chart, f"{title}. {caption}")
    still = base64.b64encode(charts.svg(spec, STILL_WIDTH).encode()).decode()
    return ReportChart(title, caption, spec, f"data:image/svg+xml;base64,{still}")


@dataclass(frozen=True)
class Group:
    """Accounts that have something in common, and what is known of them together."""

    name: str
    accounts: Sequence[ScoredAccount]

    @property
    def mrr(self) -> float | None:
        return total(account.mrr for account in self.accounts)

    @property
    def at_risk(self) -> float | None:
        return total(account.mrr_at_risk for account in self.accounts)

    @property
    def health(self) -> float | None:
        return mean(account.health for account in self.accounts)

    def dimension(self, name: str) -> float | None:
        """The mean of a health dimension."""
        return mean(account.dimensions.get(name) for account in self.accounts)

    def in_band(self, band: str) -> int:
        return sum(account.band == band for account in self.accounts)


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
