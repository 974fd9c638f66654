"""Health in the report: bands by segment, how health is spread, and what its dimensions say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from churnml.ledger import ScoredAccount
from churnml.pages import charts
from churnml.pages.presenter import cut, number, plural, words
from churnml.pages.report.parts import Group, ReportChart, report_chart
from churnml.specs.health import RISK, HealthSpec

SEGMENTS_SHOWN = 12
BIN_WIDTH = 5


@dataclass(frozen=True)
class DimensionRow:
    """A dimension's mean, over all accounts and by band; ``weight`` is its share of all weights."""

    name: str
    means: str
    weight: float
    mean: float | None
    bands: Sequence[float | None]


@dataclass(frozen=True)
class HealthSection:
    """Health; ``bands`` are those that accounts are in."""

    bands: Sequence[str]
    segments: Sequence[Group]
    dimensions: Sequence[DimensionRow]
    segments_chart: ReportChart | None
    histogram: ReportChart | None


def health_section(
    health: HealthSpec, everybody: Group, groups: Sequence[Group], colours: Mapping[str, str]
) -> HealthSection:
    """Health of ``everybody``, whose bands are ``groups``."""
    present = [group for group in groups if group.accounts]
    bands = [group.name for group in present]
    segments = _segments(everybody.accounts)
    named = {words(band): colours[band] for band in bands}
    segments_chart = histogram = None
    if segments:
        segments_chart = report_chart(
            charts.segments_chart(_segment_table(segments, bands), named),
            "Bands by segment",
            "Each bar is all accounts of a segment; its number of accounts stands beside its name.",
        )
    if everybody.health is not None:
        histogram = report_chart(
            charts.health_chart(_bins(everybody.accounts, bands), named),
            "How health is spread",
            "How many accounts have which health, in steps of five points.",
        )
    return HealthSection(bands, segments, _dimension_rows(health, everybody, present), segments_chart, histogram)


def _segments(accounts: Sequence[ScoredAccount]) -> list[Group]:
    """Segments, largest first; those after the first dozen together. Empty when no account has one."""
    sizes = Counter(account.segment for account in accounts)
    if set(sizes) <= {None}:
        return []
    ordered = sorted(sizes, key=lambda name: (name is None, -sizes[name], str(name)))
    own = {name: name if name is not None else "no segment" for name in ordered[:SEGMENTS_SHOWN]}
    rest = plural(len(ordered) - len(own), "other segment")
    members: dict[str, list[ScoredAccount]] = defaultdict(list)
    for account in accounts:
        members[own.get(account.segment, rest)].append(account)
    shown = [*dict.fromkeys(own.values()), *([rest] if rest in members else [])]
    return [Group(name, members[name]) for name in shown]


def _segment_table(segments: Sequence[Group], bands: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "segment": f"{cut(segment.name, 40)}  ({number(len(segment.accounts))})",
                "band": words(band),
                "accounts": segment.in_band(band),
                "place": place,
            }
            for segment in segments
            for place, band in enumerate(bands)
        ]
    )


def _bins(accounts: Sequence[ScoredAccount], bands: Sequence[str]) -> pd.DataFrame:
    last = 100 // BIN_WIDTH - 1
    counts = Counter(
        (min(int(account.health // BIN_WIDTH), last), account.band)
        for account in accounts
        if account.health is not None
    )
    return pd.DataFrame(
        [
            {
                "low": place * BIN_WIDTH,
                "high": (place + 1) * BIN_WIDTH,
                "band": words(band),
                "accounts": n,
                "place": bands.index(band),
            }
            for (place, band), n in sorted(counts.items())
        ]
    )


def _dimension_rows(health: HealthSpec, everybody: Group, bands: Sequence[Group]) -> list[DimensionRow]:
    declared = {name: (d.means, d.weight) for name, d in health.dimensions.items()}
    declared[RISK] = (health.risk.means, health.risk.weight)
    whole = sum(weight for _, weight in declared.values())
    return [
        DimensionRow(name, means, weight / whole, everybody.dimension(name), [band.dimension(name) for band in bands])
        for name, (means, weight) in declared.items()
    ]
