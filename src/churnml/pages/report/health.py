"""Health in the report: bands by segment, how health is spread, and what its dimensions say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from churnml.ledger import ScoredAccount, ScoredDay
from churnml.pages import charts
from churnml.pages.presenter import band_name, cut, number, plural
from churnml.pages.report.parts import ReportChart, mean, report_chart, total
from churnml.specs.health import RISK, HealthSpec

SEGMENTS_SHOWN = 12
BIN_WIDTH = 5


@dataclass(frozen=True)
class BandColour:
    name: str
    colour: str


@dataclass(frozen=True)
class SegmentRow:
    """The accounts of one segment; ``bands`` counts them in the order of the bands."""

    name: str
    accounts: int
    mrr: float | None
    at_risk: float | None
    health: float | None
    bands: Sequence[int]


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
    """Health; ``bands`` are those that accounts are in, and ``unknown`` accounts have no health."""

    bands: Sequence[BandColour]
    mean: float | None
    unknown: int
    segments: Sequence[SegmentRow]
    dimensions: Sequence[DimensionRow]
    segments_chart: ReportChart | None
    histogram: ReportChart | None


def health_section(
    health: HealthSpec, scores: ScoredDay, bands: Sequence[str], colours: Mapping[str, str]
) -> HealthSection:
    present = [band for band in bands if any(account.band == band for account in scores.accounts)]
    segments = _segment_rows(scores, present)
    known = [account.health for account in scores.accounts if account.health is not None]
    named = {band_name(band): colour for band, colour in colours.items() if band in present}
    segments_chart = histogram = None
    if segments:
        segments_chart = report_chart(
            charts.segments_chart(_segment_table(segments, present), named),
            "Bands by segment",
            "Each bar is all accounts of a segment; its number of accounts stands beside its name.",
        )
    if known:
        histogram = report_chart(
            charts.health_chart(_bins(scores, present), named),
            "How health is spread",
            "How many accounts have which health, in steps of five points.",
        )
    return HealthSection(
        bands=[BandColour(band, colours[band]) for band in present],
        mean=mean(known),
        unknown=len(scores.accounts) - len(known),
        segments=segments,
        dimensions=_dimension_rows(health, scores, present),
        segments_chart=segments_chart,
        histogram=histogram,
    )


def _segment_rows(scores: ScoredDay, bands: Sequence[str]) -> list[SegmentRow]:
    """Segments, largest first; those after the first dozen together. Empty when no account has one."""
    if all(account.segment is None for account in scores.accounts):
        return []
    sizes = Counter(account.segment for account in scores.accounts)
    ordered = sorted(sizes, key=lambda name: (name is None, -sizes[name], str(name)))
    own = {name: name if name is not None else "no segment" for name in ordered[:SEGMENTS_SHOWN]}
    rest = plural(len(ordered) - len(own), "other segment")
    members: dict[str, list[ScoredAccount]] = defaultdict(list)
    for account in scores.accounts:
        members[own.get(account.segment, rest)].append(account)
    shown = [*dict.fromkeys(own.values()), *([rest] if rest in members else [])]
    return [
        SegmentRow(
            name=name,
            accounts=len(members[name]),
            mrr=total(a.mrr for a in members[name]),
            at_risk=total(a.mrr_at_risk for a in members[name]),
            health=mean(a.health for a in members[name]),
            bands=[sum(a.band == band for a in members[name]) for band in bands],
        )
        for name in shown
    ]


def _segment_table(segments: Sequence[SegmentRow], bands: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "segment": f"{cut(segment.name, 40)}  ({number(segment.accounts)})",
                "band": band_name(band),
                "accounts": count,
                "place": place,
            }
            for segment in segments
            for place, (band, count) in enumerate(zip(bands, segment.bands, strict=True))
        ]
    )


def _bins(scores: ScoredDay, bands: Sequence[str]) -> pd.DataFrame:
    last = 100 // BIN_WIDTH - 1
    counts = Counter(
        (min(int(account.health // BIN_WIDTH), last), account.band)
        for account in scores.accounts
        if account.health is not None
    )
    return pd.DataFrame(
        [
            {
                "low": place * BIN_WIDTH,
                "high": (place + 1) * BIN_WIDTH,
                "band": band_name(band),
                "accounts": n,
                "place": bands.index(band),
            }
            for (place, band), n in sorted(counts.items())
        ]
    )


def _dimension_rows(health: HealthSpec, scores: ScoredDay, bands: Sequence[str]) -> list[DimensionRow]:
    declared = {name: (d.means, d.weight) for name, d in health.dimensions.items()}
    declared[RISK] = (health.risk.means, health.risk.weight)
    whole = sum(weight for _, weight in declared.values())
    rows = []
    for name, (means, weight) in declared.items():
        values: dict[str, list[float]] = defaultdict(list)
        for account in scores.accounts:
            value = account.dimensions.get(name)
            if value is not None:
                values[account.band].append(value)
        everybody = mean(value for inside in values.values() for value in inside)
        rows.append(DimensionRow(name, means, weight / whole, everybody, [mean(values[band]) for band in bands]))
    return rows
