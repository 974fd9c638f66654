"""The months, quarters and fiscal years that revenue is reported by."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from churnml.timeline import plus_days

Grain = Literal["month", "quarter", "year"]
GRAINS: tuple[Grain, ...] = ("month", "quarter", "year")
MONTHS_OF: dict[Grain, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class ReportingPeriod:
    """Whole months, ``[start, end)``.

    Args:
        name: "2024-05", "2024 Q2" or "2024"; of a fiscal year that begins later than January "FY2024/25 Q1" or
            "FY2024/25".
        start: its first day.
        end: the first day after it.
    """

    name: str
    start: dt.date
    end: dt.date

    @property
    def last(self) -> dt.date:
        """Its last day."""
        return plus_days(self.end, -1)


def period_of(day: dt.date, grain: Grain, fiscal_year_starts: int = 1) -> ReportingPeriod:
    """The period that holds ``day``; ``fiscal_year_starts`` is the month (1 to 12) in which a fiscal year begins."""
    months, first = MONTHS_OF[grain], fiscal_year_starts - 1
    start = (_month(day) - first) // months * months + first
    return ReportingPeriod(_name(start, grain, first), _first_day(start), _first_day(start + months))


def periods_between(first: dt.date, last: dt.date, grain: Grain, fiscal_year_starts: int = 1) -> list[ReportingPeriod]:
    """Every period that has a day from ``first`` to ``last``, oldest first."""
    periods = []
    period = period_of(first, grain, fiscal_year_starts)
    while period.start <= last:
        periods.append(period)
        period = period_of(period.end, grain, fiscal_year_starts)
    return periods


def _month(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _first_day(month: int) -> dt.date:
    return dt.date(month // 12, month % 12 + 1, 1)


def _name(start: int, grain: Grain, first: int) -> str:
    if grain == "month":
        return f"{start // 12}-{start % 12 + 1:02}"
    year = (start - first) // 12
    # a fiscal year is called by its first year here and by its last there: both say which is meant
    named = f"FY{year}/{(year + 1) % 100:02}" if first else str(year)
    return named if grain == "year" else f"{named} Q{(start - first) % 12 // 3 + 1}"
