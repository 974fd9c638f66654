"""Use told without holidays: what a day off would have brought at the account's own usual rate is added.

The usual rate of an account is what it did over the longest lookback, a day worked. A week of holidays then says as
little as it knows: it looks as the account usually does, neither quiet nor busy. Where a lookback holds no holiday its
value stays what it is, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from churnml.features.calendar import DaysAround, DaysKind
from churnml.features.declare import Family, Feature, Grain, HolidayRegions, Measure, Wish
from churnml.features.measures import Acceleration, OwnPast, Quantity, SinceLast, Slope, Sum
from churnml.tables import Relation
from churnml.workdays import Floats

ADDED_UP = frozenset({"events", "active_days"})
USE = frozenset({Grain.STRETCH, Grain.DAY, Grain.LIFE})


@dataclass(frozen=True)
class EvenedOut:
    """A measure of use with holidays evened out.

    The engine measures it as it is; :meth:`evened` then adds what holidays took.

    Args:
        measure: a count over a lookback, a line through its days, or how long ago something was.
        regions: whose holidays are kept.
        longest: the lookback in days that says what is usual for the account itself.
    """

    measure: Measure
    regions: HolidayRegions
    longest: int

    @property
    def ages(self) -> tuple[int, ...]:
        """Those of the measure."""
        asked: tuple[int, ...] = getattr(self.measure, "ages", ())
        return asked

    @property
    def lived(self) -> int:
        """That of the measure."""
        days: int = getattr(self.measure, "lived", 0)
        return days

    @property
    def parts(self) -> frozenset[str]:
        """Those of the measure."""
        asked: frozenset[str] = getattr(self.measure, "parts", frozenset())
        return asked

    def beside(self, rows: Relation) -> Relation:
        """What the measure puts beside the rows."""
        inner = getattr(self.measure, "beside", None)
        return rows if inner is None else inner(rows)

    def __call__(self, rows: Relation) -> object:
        return self.measure(rows)

    @property
    def back(self) -> int:
        """How many days before the cutoff it asks about."""
        cap = self.measure.cap if isinstance(self.measure, SinceLast) else 0
        return max(self.longest, cap, *self.ages, *(one.days for one in self.aids), 0)

    @property
    def aids(self) -> tuple[Sum | Quantity, ...]:
        """What else must be measured on the same rows, holidays and all."""
        measure = self.measure
        if isinstance(measure, Sum | Quantity):
            return (replace(measure, days=self.longest),)
        if isinstance(measure, Slope):
            return (Sum("events", measure.days), Sum("events", self.longest))
        if isinstance(measure, Acceleration):
            return (*(Sum("events", n) for n in measure.ages), Sum("events", self.longest))
        if isinstance(measure, OwnPast):
            return tuple(Sum("events", 7 * week) for week in range(1, measure.weeks + 2))
        return ()

    def evened(self, values: Floats, aids: Mapping[Sum | Quantity, Floats], days: DaysAround, lived: Floats) -> Floats:
        """``values`` with holidays evened out, shape (rows,).

        Args:
            values: as measured.
            aids: the values of :attr:`aids`.
            days: the days around the rows' cutoffs.
            lived: how many days each account has lived; missing where nobody knows.
        """
        known = np.where(np.isnan(lived), np.inf, lived)
        measure, asked = self.measure, [aids[one] for one in self.aids]
        if isinstance(measure, SinceLast):
            return _without_holidays(values, days, measure.cap)
        rest = _Rest(asked[-1], self.longest if not isinstance(measure, OwnPast) else self.aids[-1].days, days, known)
        if isinstance(measure, Sum):
            return np.where(rest.missing(measure.days) == 0, values, np.rint(rest.added(values, measure.days)))
        if isinstance(measure, Quantity):
            return np.where(rest.missing(measure.days) == 0, values, rest.added(values, measure.days))
        if isinstance(measure, Slope):
            return _evened_slope(values, asked[0], measure.days, rest)
        ages = measure.ages if isinstance(measure, Acceleration) else tuple(one.days for one in self.aids)
        sums = [rest.added(column, n) for column, n in zip(asked, ages, strict=False)]
        evened = _bend(sums) if isinstance(measure, Acceleration) else _beside_own_past(sums)
        return np.where((rest.missing(ages[-1]) == 0) | np.isnan(values), values, evened)


class _Rest:
    """What holidays took of some days, at what each account usually does."""

    def __init__(self, usual: Floats, longest: int, days: DaysAround, lived: Floats) -> None:
        self._days, self._lived = days, lived
        worked = days.total(DaysKind.WORKED, -self._within(longest), 0)
        self.rate: Floats = np.divide(usual, worked, out=np.zeros_like(usual), where=worked > 0)

    def _within(self, n: int) -> np.ndarray:
        # nobody has taken a holiday before there was anybody
        return np.minimum(self._lived, n).astype(np.int64)

    def missing(self, n: int) -> Floats:
        """Working days that holidays took of the last ``n`` days."""
        return self._days.total(DaysKind.MISSING, -self._within(n), 0)

    def aged(self, n: int) -> Floats:
        """The same, each times its age."""
        return self._days.missing_by_age(-self._within(n), 0)

    def added(self, counts: Floats, n: int) -> Floats:
        """Counts or quantities of the last ``n`` days with what holidays took of them.

        Days worked in a holiday's place take off no more than there is; quantities below zero stay there.
        """
        missing = self.missing(n)
        with_rest = counts + missing * self.rate
        added: Floats = np.where(missing < 0, np.maximum(with_rest, np.minimum(counts, 0.0)), with_rest)
        return added


def _without_holidays(values: Floats, days: DaysAround, cap: int) -> Floats:
    """Days since something, those that holidays took left out; what is capped stays."""
    whole = np.clip(np.nan_to_num(values, nan=1.0), 1, cap).astype(np.int64)
    missing = days.total(DaysKind.MISSING, 1 - whole, 0)
    shorter: Floats = np.where((missing == 0) | (values >= cap), values, np.maximum(np.rint(values - missing), 1.0))
    return shorter


def _evened_slope(values: Floats, events: Floats, n: int, rest: _Rest) -> Floats:
    """The line through the days, with what holidays took of each: from its two sums (see :class:`Slope`)."""
    aged = (6.0 - values) * (n + 1) / 12.0 * events
    level, rise = rest.added(events, n), aged + rest.aged(n) * rest.rate
    evened = 6.0 - np.divide(rise * 12.0, (n + 1) * level, out=np.full_like(level, np.nan), where=level > 0)
    kept: Floats = np.where((rest.missing(n) == 0) | np.isnan(values), values, evened)
    return kept


def _bend(sums: list[Floats]) -> Floats:
    """Three spans' second difference ÷ their mean (see :class:`Acceleration`)."""
    newest, middle, oldest = sums[0], sums[1] - sums[0], sums[2] - sums[1]
    bend = newest - 2.0 * middle + oldest
    return np.divide(bend, sums[2] / 3.0, out=np.full_like(bend, np.nan), where=sums[2] > 0)


def _beside_own_past(sums: list[Floats]) -> Floats:
    """The newest week against those before, in standard deviations (see :class:`OwnPast`)."""
    weeks = np.diff(np.array([np.zeros_like(sums[0]), *sums]), axis=0)
    before = weeks[1:]
    beside: Floats = (weeks[0] - before.mean(axis=0)) / np.sqrt(before.var(axis=0) + 1.0)
    return beside


def even_out(family: Family) -> Family:
    """The family with holidays evened out where the wish asks for that and its measures know how."""
    return replace(family, features=lambda wish: tuple(_evened(feature, wish) for feature in family.features(wish)))


def _evened(feature: Feature, wish: Wish) -> Feature:
    measure, calendar = feature.measure, wish.calendar
    if not calendar.even_out or feature.grain not in USE or not _knows_how(measure):
        return feature
    longest = max(wish.lookbacks[-1], *feature.ages, 0)
    low, high = (_told(text, measure) for text in (feature.when_low, feature.when_high))
    return replace(
        feature,
        means=f"{feature.means}, {_words(measure)}",
        measure=EvenedOut(measure, calendar.regions, longest),
        when_low=low,
        when_high=high,
    )


def _knows_how(measure: Measure) -> bool:
    counts = type(measure) is Sum and measure.column in ADDED_UP
    return counts or isinstance(measure, Quantity | Slope | Acceleration | OwnPast | SinceLast)


def _words(measure: Measure) -> str:
    return "holidays not counted" if isinstance(measure, SinceLast) else "holidays evened out"


def _told(text: str, measure: Measure) -> str:
    """The sentence, which says that holidays are evened out before what it goes on with."""
    head, stop, rest = text.partition(";")
    return f"{head} ({_words(measure)}){stop}{rest}" if stop else f"{text.rstrip('.')} ({_words(measure)})."
