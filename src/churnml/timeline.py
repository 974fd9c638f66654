"""Dates, windows and cutoffs: the only room that adds days to a date.

All contract times are wall-clock times of the project's own time zone, so a day is a business day
as its people live it, and every cutoff is a midnight. See ``docs/decisions/0002-time.md``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

DAY = dt.timedelta(days=1)
# Outside of these days there are no customers, and a calendar comes to its ends.
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 1), dt.date(2199, 12, 31)


def midnight(day: dt.date) -> dt.datetime:
    """The instant at which ``day`` begins."""
    return dt.datetime.combine(day, dt.time())


def days(n: int) -> dt.timedelta:
    """A span of ``n`` days."""
    return dt.timedelta(days=n)


def plus_days(day: dt.date, n: int) -> dt.date:
    """The date ``n`` days after ``day``."""
    return day + days(n)


def month_of(text: str) -> tuple[dt.date, dt.date]:
    """The first day of a month that is written as 2025-01, and that of the next; raises ValueError."""
    first = dt.date.fromisoformat(f"{text}-01")
    return first, (first.replace(day=28) + days(4)).replace(day=1)


def month_text(day: dt.date) -> str:
    """The month of a day, as :func:`month_of` reads it."""
    return f"{day:%Y-%m}"


def end_of_data(data_through: dt.date) -> dt.date:
    """The first date the data no longer cover: ``data_through`` is the last full day in it."""
    return data_through + DAY


@dataclass(frozen=True)
class Window:
    """A half-open span of dates ``[start, end)``."""

    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class Reach:
    """How far past a cutoff a label looks.

    Args:
        gap: days from the cutoff to the start of the label window (time to act).
        horizon: length of the label window in days.
        settle: further days that must be seen before the label is final (a grace period).
    """

    gap: int
    horizon: int
    settle: int = 0

    def window(self, as_of: dt.date) -> Window:
        """The label window ``[as_of + gap, as_of + gap + horizon)``."""
        start = as_of + days(self.gap)
        return Window(start, start + days(self.horizon))

    def settled_on(self, as_of: dt.date) -> dt.date:
        """The first date on which the label of ``as_of`` is final."""
        return self.window(as_of).end + days(self.settle)

    def is_mature(self, as_of: dt.date, data_through: dt.date) -> bool:
        """Whether everything the label of ``as_of`` looks at lies inside the data."""
        return self.settled_on(as_of) <= end_of_data(data_through)

    def latest_mature(self, data_through: dt.date) -> dt.date:
        """The last date that is still a mature cutoff."""
        return end_of_data(data_through) - days(self.gap + self.horizon + self.settle)

    def is_purged_for(self, as_of: dt.date, judged: dt.date, embargo: int = 0) -> bool:
        """Whether a row at ``as_of`` may train a model judged at ``judged``.

        It may when its own label was final before the judged cutoff, with the embargo as a margin
        (purging and embargo: López de Prado, Advances in Financial Machine Learning, 2018, ch. 7).
        """
        return self.settled_on(as_of) + days(embargo) <= judged


def cutoffs_ending(last: dt.date, every: int, at_most: int, not_before: dt.date) -> tuple[dt.date, ...]:
    """Cutoffs ``every`` days apart, the newest on ``last``, none before ``not_before``; oldest first."""
    cutoffs: list[dt.date] = []
    cutoff = last
    while cutoff >= not_before and len(cutoffs) < at_most:
        cutoffs.append(cutoff)
        cutoff -= days(every)
    return tuple(reversed(cutoffs))


def day_number(at: ir.TimestampValue) -> ir.IntegerValue:
    """Days since 1970-01-01 of a time column, as a whole number (an expression of any engine)."""
    import ibis

    return at.date().delta(ibis.date(1970, 1, 1), unit="day").cast("int32")


def day_number_of(day: dt.date) -> int:
    """Days since 1970-01-01 of a date."""
    return (day - dt.date(1970, 1, 1)).days


def date_of(number: int) -> dt.date:
    """The date of a number of days since 1970-01-01."""
    return dt.date(1970, 1, 1) + days(number)


def month_number(at: ir.TimestampValue) -> ir.IntegerValue:
    """Months since the year 0 of a time column, as a whole number (an expression of any engine)."""
    return at.year().cast("int64") * 12 + at.month().cast("int64") - 1


def day_of_month(month: ir.IntegerValue, day: ir.IntegerValue) -> ir.IntegerValue:
    """Days since 1970-01-01 of a day of a month (:func:`month_number`); where the month is shorter, of its last."""
    import ibis

    first = _first_of_month(month)
    return first + ibis.least(day, _first_of_month(month + 1) - first) - 1


def _first_of_month(month: ir.IntegerValue) -> ir.IntegerValue:
    # years that begin in March, so that the leap day is their last: the Gregorian calendar in whole numbers, since
    # engines do not agree on how a number of months is added to a date
    march = month - 2
    year = march // 12
    days = year * 365 + year // 4 - year // 100 + year // 400 + ((march - year * 12) * 153 + 2) // 5
    return days - 719_468
