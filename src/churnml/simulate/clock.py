"""The simulator's clock: weeks that start on Mondays, days and seconds counted from the first of them.

Inside the simulator a time is a whole number of seconds and a day a whole number of days since the
start; both may be negative, for contracts older than the data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from churnml.errors import ProjectError
from churnml.timeline import Reach, day_number_of, days, end_of_data, plus_days

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Dates = npt.NDArray[np.datetime64]
Columns = TypeVar("Columns", bound="DataclassInstance")  # a dataclass whose fields are arrays of one length

DAY_SECONDS = 86_400
WEEK_DAYS = 7
NEVER = np.int64(-(10**9))  # a day or second that does not come


@dataclass(frozen=True)
class Clock:
    """Weeks ``0 … weeks − 1``, week 0 beginning on ``start``."""

    start: dt.date
    weeks: int

    @property
    def data_through(self) -> dt.date:
        """The last full day: the Sunday of the last week."""
        return plus_days(self.start, self.weeks * WEEK_DAYS - 1)

    @property
    def end(self) -> dt.date:
        """The first date after the data."""
        return end_of_data(self.data_through)

    @property
    def end_second(self) -> int:
        return self.weeks * WEEK_DAYS * DAY_SECONDS

    def dates(self, offsets: Ints) -> Dates:
        """Days since the start, as dates."""
        return np.datetime64(self.start, "D") + offsets.astype("timedelta64[D]")

    def offsets(self, dates: Dates) -> Ints:
        """Dates, as days since the start."""
        return (dates.astype("datetime64[D]") - np.datetime64(self.start, "D")).astype(np.int64)

    def microseconds(self, seconds: Ints) -> Ints:
        """Seconds since the start, as microseconds since 1970-01-01."""
        return (seconds + day_number_of(self.start) * DAY_SECONDS) * 1_000_000

    def times(self, seconds: Ints) -> Dates:
        """Seconds since the start, as times; ``NEVER`` becomes missing."""
        times = np.datetime64(self.start, "s") + seconds.astype("timedelta64[s]")
        return np.where(seconds == NEVER, np.datetime64("NaT", "s"), times)


def clock_of(start: dt.date, months: int) -> Clock:
    """The clock of a simulation; raises ProjectError when it cannot run on whole weeks."""
    if start.weekday() != 0:
        raise ProjectError(
            "The simulated company's first day must be a Monday, because its clock counts weeks.",
            where=f"start: {start}",
            remedy=f"Use {start - days(start.weekday())}.",
        )
    if months < 6:
        raise ProjectError(
            "The simulated company needs at least 6 months to have a past and a quarter to look into.",
            where=f"months: {months}",
            remedy="Use 6 or more; 24 is usual.",
        )
    return Clock(start, months * 52 // 12)


@dataclass(frozen=True)
class Weeks:
    """A label's reach in whole weeks: ``[gap, end)`` from the cutoff, and the grace period."""

    gap: int
    end: int
    grace: int


def weeks_of(reach: Reach, what: str, longest: int) -> Weeks:
    """``reach`` in weeks; raises ProjectError when it is not whole weeks or too long to be exact.

    Args:
        reach: gap, horizon and (as ``settle``) the grace period, in days.
        what: the label, for the message.
        longest: the most weeks from cutoff to the window's end for which the truth is exact.
    """
    for name, value in (("gap", reach.gap), ("horizon", reach.horizon), ("grace", reach.settle)):
        if value % WEEK_DAYS or value < 0:
            raise ProjectError(
                f"The {name} of a simulated {what} must be whole weeks, because the true probabilities are "
                "computed on a weekly clock.",
                where=f"{what}: {name}: {value}",
                remedy=f"Use {max(0, value) // WEEK_DAYS * WEEK_DAYS} or "
                f"{(max(0, value) // WEEK_DAYS + 1) * WEEK_DAYS} days.",
            )
    weeks = Weeks(reach.gap // WEEK_DAYS, (reach.gap + reach.horizon) // WEEK_DAYS, reach.settle // WEEK_DAYS)
    if reach.horizon == 0 or weeks.end > longest:
        raise ProjectError(
            f"The window of a simulated {what} must hold a week and end at most {longest} weeks after the "
            "cutoff; beyond that the true probabilities would not be exact.",
            where=f"{what}: gap + horizon: {reach.gap + reach.horizon} days",
            remedy=f"Shorten it to {longest * WEEK_DAYS} days or less.",
        )
    return weeks


def taken(columns: Columns, rows: Ints, **replaced: Ints) -> Columns:
    """The elements ``rows`` of every array, but for the ones ``replaced``."""
    return type(columns)(**{f.name: getattr(columns, f.name)[rows] for f in fields(columns)} | replaced)


def joined(parts: Sequence[Columns]) -> Columns:
    """The arrays of all parts, one after another."""
    return type(parts[0])(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(parts[0])))
