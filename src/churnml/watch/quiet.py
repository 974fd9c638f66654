"""Days on which a quiet feed is no broken one: public holidays, the days that bridge them, and the turn of the year."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from churnml.timeline import plus_days

# First and last (month, day). The turn of the year is quiet everywhere.
YEAR_END = ((12, 23), (1, 3))
# Without a region: Golden Week with May Day; days on which half of the world is closed.
ANYWHERE = (((4, 28), (5, 7)),)
# Working days between two holidays, and between a holiday and a weekend, that are taken off too.
BRIDGED, BRIDGED_TO_WEEKEND = 3, 1


def quiet_days(first: dt.date, days: int, region: str | None) -> NDArray[np.bool_]:
    """Which of ``days`` days from ``first`` on are quiet, shape (days,).

    Args:
        first: the first day.
        days: how many.
        region: whose public holidays are kept: a country, or a country and a part of it (``DE-BY``); None where that
            is not declared.
    """
    dates = [plus_days(first, n) for n in range(days)]
    spans = (YEAR_END,) if region else (YEAR_END, *ANYWHERE)
    quiet = np.array([any(_within(date, *span) for span in spans) for date in dates], dtype=bool)
    if region is None or not days:
        return quiet
    public = _public_holidays(region, {date.year for date in dates})
    off = np.array([date in public for date in dates], dtype=bool)
    bridges = _bridges(off, np.array([date.weekday() >= 5 for date in dates], dtype=bool))
    every: NDArray[np.bool_] = quiet | off | bridges
    return every


def _within(date: dt.date, first: tuple[int, int], last: tuple[int, int]) -> bool:
    here = (date.month, date.day)
    return first <= here <= last if first <= last else here >= first or here <= last


def _public_holidays(region: str, years: set[int]) -> set[dt.date]:
    import holidays

    country, _, part = region.partition("-")
    return set(holidays.country_holidays(country, subdiv=part or None, years=sorted(years)))


def _bridges(off: NDArray[np.bool_], weekend: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Working days between days off that are few enough to be taken off too, shape as given."""
    bridged = np.zeros_like(off)
    begins = 0
    while begins < len(off):
        ends = begins
        while ends < len(off) and not off[ends] and not weekend[ends]:
            ends += 1
        closed = begins > 0 and ends < len(off)
        holidays_at = int(closed and off[begins - 1]) + int(closed and off[ends])
        at_most = {0: 0, 1: BRIDGED_TO_WEEKEND, 2: BRIDGED}[holidays_at]
        bridged[begins:ends] = ends - begins <= at_most
        begins = max(ends, begins) + 1
    return bridged
