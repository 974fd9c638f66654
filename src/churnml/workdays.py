"""Which days a region works: weekends, public holidays, the days that bridge them, and the turn of the year.

The holidays are those of the library of that name, whose version is part of what a training is made from: what the
law will say of a coming year may still change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from churnml.errors import did_you_mean, nearest
from churnml.timeline import plus_days

if TYPE_CHECKING:
    from holidays import HolidayBase

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# Working days between two holidays, and between a holiday and a weekend, that are taken off too.
BRIDGED, BRIDGED_TO_WEEKEND = 3, 1
# How much of a working day's use a day off brings, and a day that some take off and some do not: the first is what
# weekends bring where a product is used at work, the second lies between the two that it may be.
DAY_OFF, HALF_OFF = 0.1, 0.5
# First and last (month, day) of the turn of the year: with Christmas where that is a public holiday, and without.
YEAR_END_WITH_CHRISTMAS, YEAR_END = ((12, 23), (1, 3)), ((12, 29), (1, 3))
CHRISTMAS = (12, 25)
SATURDAY = 5
# What lies so far outside of the days asked for can still decide whether a day bridges two holidays.
_MARGIN = 2 * BRIDGED + 4


@dataclass(frozen=True)
class Workdays:
    """Days one after another as a region works them; arrays have the shape (days,).

    Args:
        first: the first of them.
        working: whether it is a working day: no weekend there, and no public holiday.
        usual: the share of a full working day that its weekday brings where there is no holiday.
        worked: the share that it brings as it is.
    """

    first: dt.date
    working: Bools
    usual: Floats
    worked: Floats


def workdays(region: str | None, first: dt.date, days: int) -> Workdays:
    """The ``days`` days from ``first`` on.

    Args:
        region: an ISO country, or a country and a part of it (``US-CA``), as :func:`read_region` gives it; None where
            it is not known: then there are weekends and nothing else.
        first: the first day.
        days: how many, 0 or more.
    """
    dates = [plus_days(first, n) for n in range(-_MARGIN, days + _MARGIN)]
    weekday = np.array([date.weekday() for date in dates], dtype=np.int64)
    if region is None:
        weekend = weekday >= SATURDAY
        usual: Floats = np.where(weekend, DAY_OFF, 1.0)
        return _within(Workdays(first, ~weekend, usual, usual), days)
    calendar = _calendar(region, dates)
    weekend = np.isin(weekday, sorted(calendar.weekend))
    usual = np.where(weekend, DAY_OFF, 1.0)
    # where a holiday is worked for on a Saturday, that is a working day
    closed = weekend & np.array([date not in calendar.weekend_workdays for date in dates], dtype=bool)
    off = np.array([date in calendar for date in dates], dtype=bool)
    half = bridges(off, closed) | np.array([_turns(date, calendar) for date in dates], dtype=bool)
    worked = np.where(off | closed, DAY_OFF, np.where(half, HALF_OFF, 1.0))
    return _within(Workdays(first, ~(off | closed), usual, worked), days)


def _within(wider: Workdays, days: int) -> Workdays:
    inside = slice(_MARGIN, _MARGIN + days)
    return Workdays(wider.first, wider.working[inside], wider.usual[inside], wider.worked[inside])


def bridges(off: Bools, weekend: Bools) -> Bools:
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


def within_year(date: dt.date, first: tuple[int, int], last: tuple[int, int]) -> bool:
    """Whether a date lies between two days of the year (month, day), which may span its turn."""
    here = (date.month, date.day)
    return first <= here <= last if first <= last else here >= first or here <= last


def public_holidays(region: str, years: Iterable[int]) -> frozenset[dt.date]:
    """The public holidays of some years."""
    import holidays

    country, _, part = region.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=sorted(set(years))))


def read_region(value: str) -> str:
    """A region's code as it is kept, ``US-CA`` of ``us_ca``, ``JP`` of ``Japan``; raises ValueError with the nearest
    that there is."""
    # a tenth of a second that nobody waits for who declares none
    import holidays

    written, codes = value.strip().upper(), _codes()
    if written in codes:
        return codes[written]
    country, _, part = written.replace("_", "-").partition("-")
    if country not in codes:
        where = f"there is no country '{value}' (an ISO code: DE, or US-CA for a part of one)"
        raise ValueError(f"{where}. {_nearest_country(written, codes)}")
    country = codes[country]
    known = holidays.list_supported_countries(include_aliases=False)[country]
    parts = {name.upper(): name for name in known}
    if part not in parts:
        raise ValueError(f"{country} has no part '{part}'. {did_you_mean(part, known)}")
    return f"{country}-{parts[part]}"


@cache
def _codes() -> Mapping[str, str]:
    """What a country goes by, in capitals → its ISO code of two letters."""
    from holidays.registry import COUNTRIES

    # the library's name, its class, the ISO codes of two and three letters, and what else it goes by
    return {
        word.upper(): codes[0] for name, (_, *codes) in COUNTRIES.items() for word in (name.replace("_", " "), *codes)
    }


def _nearest_country(written: str, codes: Mapping[str, str]) -> str:
    # a code is near to a code, a name to a name
    near = nearest(written, [word for word in codes if (len(word) > 3) == (len(written) > 3)])
    return f"Did you mean '{codes[near]}'?" if near else did_you_mean("", [code for code in codes if len(code) == 2])


def _calendar(region: str, dates: Sequence[dt.date]) -> HolidayBase:
    """The holidays of the dates' years, those on which only banks and offices are closed among them."""
    import holidays

    country, _, part = region.partition("-")
    years = sorted({date.year for date in dates})
    calendar = holidays.country_holidays(country, subdiv=part or None, years=years)
    if "bank" not in calendar.supported_categories:
        return calendar
    return holidays.country_holidays(country, subdiv=part or None, years=years, categories=("public", "bank"))


def _turns(date: dt.date, calendar: HolidayBase) -> bool:
    """Whether it lies at the turn of the year, when hardly anybody works whatever the law says."""
    christmas = dt.date(date.year - (date.month == 1), *CHRISTMAS)
    return within_year(date, *(YEAR_END_WITH_CHRISTMAS if christmas in calendar else YEAR_END))


def holidays_version() -> str:
    """The version of the library that the holidays come from."""
    from importlib.metadata import version

    return version("holidays")
