"""What several sections of the report share: charts with their words, sums and shares of what is known."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from churnml.jsontypes import Json
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
