"""Days on which a quiet feed is no broken one: public holidays, the days that bridge them, and the turn of the year."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from churnml.timeline import plus_days
from churnml.workdays import bridges, public_holidays, within_year

# First and last (month, day). The turn of the year is quiet everywhere.
YEAR_END = ((12, 23), (1, 3))
# Without a region: Golden Week with May Day; days on which half of the world is closed.
ANYWHERE = (((4, 28), (5, 7)),)


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
    quiet = np.array([any(within_year(date, *span) for span in spans) for date in dates], dtype=bool)
    if region is None or not days:
        return quiet
    public = public_holidays(region, {date.year for date in dates})
    off = np.array([date in public for date in dates], dtype=bool)
    bridged = bridges(off, np.array([date.weekday() >= 5 for date in dates], dtype=bool))
    every: NDArray[np.bool_] = quiet | off | bridged
    return every
