"""The time of year, and working days: what is known of a date before anybody has done anything.

Features of the grain CALENDAR are made of the cutoff and the region of the account alone, so no engine is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from churnml.features.declare import Family, Feature, Grain, HolidayRegions, Measure, Polarity, Unit, Wish
from churnml.features.ratios import Ratio
from churnml.timeline import date_of
from churnml.workdays import Floats, workdays

Days = NDArray[np.int64]
TENTHS = 10


class DaysKind(StrEnum):
    """Which days are counted.

    WORKING: neither weekend nor public holiday.
    WEEKDAYS: no weekend, holidays included.
    WORKED: by the share of a full working day's use that is to be expected of each.
    MISSING: by the share that holidays take of each, and what bridges them.
    """

    WORKING = "working"
    WEEKDAYS = "weekdays"
    WORKED = "worked"
    MISSING = "missing"


class DaysAround:
    """The days around the cutoffs of some rows, each as the region of the row's account works them.

    Args:
        as_of: the rows' cutoffs as day numbers (days since 1970-01-01), shape (rows,).
        regions: the rows' regions, None where none is known, shape (rows,).
        back, ahead: how many days before the oldest cutoff and after the newest are asked for.
    """

    def __init__(self, as_of: Days, regions: Sequence[str | None], back: int, ahead: int) -> None:
        self.as_of = as_of
        first = int(as_of.min()) - back
        span = int(as_of.max()) + ahead - first + 1
        known = list(dict.fromkeys(regions))
        self._place = np.array([known.index(region) for region in regions], dtype=np.int64)
        self._at = as_of - first
        by_region = [workdays(region, date_of(first), span) for region in known]
        # whole tenths add up to the same in every order; before the first day there is nothing
        usual, worked = (
            np.rint(np.array([getattr(days, name) for days in by_region]) * TENTHS).astype(np.int64)
            for name in ("usual", "worked")
        )
        self._sums = {
            DaysKind.WORKING: _running(np.array([days.working for days in by_region], dtype=np.int64)),
            DaysKind.WEEKDAYS: _running((usual == TENTHS).astype(np.int64)),
            DaysKind.WORKED: _running(worked),
            DaysKind.MISSING: _running(usual - worked),
        }
        self._dated = _running((usual - worked) * np.arange(span))

    def total(self, kind: DaysKind, first: Days | int, after: Days | int) -> Floats:
        """How many days of a kind lie from ``first`` days after the cutoff to the day before ``after``, shape (rows,).

        Both may be negative and differ from row to row. Days that are worked or missing count by their shares.
        """
        days = self._between(self._sums[kind], first, after).astype(np.float64)
        return days if kind in (DaysKind.WORKING, DaysKind.WEEKDAYS) else days / TENTHS

    def missing_by_age(self, first: Days | int, after: Days | int) -> Floats:
        """The missing days before a cutoff, each times its age in days, added up, shape (rows,)."""
        dated = self._between(self._dated, first, after)
        aged: Floats = (self._at * self._between(self._sums[DaysKind.MISSING], first, after) - dated) / TENTHS
        return aged

    def _between(self, sums: Days, first: Days | int, after: Days | int) -> Days:
        between: Days = sums[self._place, self._at + after] - sums[self._place, self._at + first]
        return between


def _running(counts: Days) -> Days:
    """Sums up to each day, that day left out, shape (regions, days + 1)."""
    return np.concatenate([np.zeros((len(counts), 1), dtype=np.int64), counts.cumsum(axis=1)], axis=1)


@dataclass(frozen=True)
class WindowMonth:
    """The month (1 to 12) in which the middle of the label window lies; ``starts`` is the first of them (CALENDAR)."""

    window: tuple[int, int]
    starts: int = 1

    def __call__(self, days: DaysAround) -> Floats:
        month = (days.as_of + sum(self.window) // 2).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        place: Floats = ((month - (self.starts - 1)) % 12 + 1).astype(np.float64)
        return place


@dataclass(frozen=True)
class WindowQuarter(WindowMonth):
    """The quarter (1 to 4) of the same (CALENDAR)."""

    def __call__(self, days: DaysAround) -> Floats:
        quarter: Floats = np.ceil(super().__call__(days) / 3)
        return quarter


@dataclass(frozen=True)
class CountedDays:
    """How many days of a kind lie between two days counted from the cutoff, the later one left out (CALENDAR)."""

    kind: DaysKind
    first: int
    after: int
    regions: HolidayRegions

    def __call__(self, days: DaysAround) -> Floats:
        return days.total(self.kind, self.first, self.after)


def _season(wish: Wish) -> tuple[Feature, ...]:
    window = wish.calendar.window
    if window is None:
        return ()
    return (
        _of_calendar(
            "calendar_window_month",
            "calendar.season",
            "month (1 to 12) in which the middle of the label window lies",
            WindowMonth(window),
            "The coming weeks lie in month {value} of the year.",
        ),
        _of_calendar(
            "calendar_window_quarter",
            "calendar.season",
            "quarter (1 to 4) in which the middle of the label window lies",
            WindowQuarter(window),
            "The coming weeks lie in quarter {value} of the year.",
        ),
    )


def _fiscal_year(wish: Wish) -> tuple[Feature, ...]:
    window, starts = wish.calendar.window, wish.calendar.fiscal_year_starts
    if window is None or starts == 1:  # a fiscal year that is the calendar's says nothing new
        return ()
    return (
        _of_calendar(
            "calendar_fiscal_month",
            "calendar.fiscal_year",
            "month of the fiscal year (1 is its first) in which the middle of the label window lies",
            WindowMonth(window, starts),
            "The coming weeks lie in month {value} of the fiscal year.",
        ),
    )


def _working_days(wish: Wish) -> tuple[Feature, ...]:
    calendar = wish.calendar
    counted = _counted_back(wish, DaysKind.WORKING, "working day", ", in the account's region")
    if calendar.window is not None:
        counted.append(
            _of_calendar(
                "calendar_working_days_window",
                "calendar.working_days",
                "working days in the label window, in the account's region",
                CountedDays(DaysKind.WORKING, *calendar.window, calendar.regions),
                "The coming weeks have {value:working day|working days}; {usual} is usual.",
            )
        )
    if calendar.even_out:
        counted += _counted_back(wish, DaysKind.WEEKDAYS, "weekday", ", holidays included")
    return tuple(counted)


def _counted_back(wish: Wish, kind: DaysKind, word: str, which: str) -> list[Feature]:
    """Days of a kind, one of which is a ``word``, in each lookback; ``which`` tells them from other days."""
    return [
        _of_calendar(
            f"calendar_{word.replace(' ', '_')}s_{n}d",
            "calendar.working_days",
            f"{word}s among the last {n} days{which}",
            CountedDays(kind, -n, 0, wish.calendar.regions),
            f"The last {n} days had {{value:{word}|{word}s}}; {{usual}} is usual.",
            lookback=n,
        )
        for n in wish.lookbacks
    ]


def _use(wish: Wish) -> tuple[Feature, ...]:
    # where holidays are evened out already, so that they do not count twice
    days = "weekdays" if wish.calendar.even_out else "working_days"
    return tuple(
        Feature(
            name=f"usage_per_working_day_{n}d",
            family="calendar.use",
            means=f"events a working day in the last {n} days",
            grain=Grain.MADE,
            measure=Ratio(f"usage_events_{n}d", f"calendar_{days}_{n}d"),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Only {{value:event|events}} a working day in the last {n} days; {{usual}} is usual.",
            when_high=f"{{value:event|events}} a working day in the last {n} days; {{usual}} is usual.",
            lookback=n,
        )
        for n in wish.lookbacks
    )


def _of_calendar(
    name: str, family: str, means: str, measure: Measure, tells: str, lookback: int | None = None
) -> Feature:
    return Feature(
        name=name,
        family=family,
        means=means,
        grain=Grain.CALENDAR,
        measure=measure,
        polarity=Polarity.NEITHER,
        unit=Unit.COUNT,
        when_low=tells,
        lookback=lookback,
        actionable=False,
    )


FAMILIES = (
    Family("calendar.season", "accounts", "the time of year", _season),
    Family("calendar.fiscal_year", "accounts", "the time of the fiscal year", _fiscal_year),
    Family("calendar.working_days", "accounts", "how many days are worked", _working_days),
    Family("calendar.use", "usage_events", "how much it is used on a working day", _use),
)
