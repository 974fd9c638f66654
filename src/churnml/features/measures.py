"""What can be measured on rows as known at a cutoff: small typed objects that say what they need.

A project may add its own: any frozen dataclass with a ``__call__`` from an Ibis table to a value, and, where
it needs them, ``ages``, ``parts`` and ``beside``. A measure that compares periods also says ``lived``: how many days
an account must have lived before there is anything to compare. Until then its value is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from churnml.lazy import ibis
from churnml.rollups import OFFICE, QUANTITY, SPREAD, TONE, any_bit, popcount
from churnml.tables import Relation, whole

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.expr.builders import WindowBuilder

MICRO = 1e6
# Whole billionths: natural logarithms are summed as whole numbers, so their order does not matter.
NANO = 1e9


def _float(value: ir.NumericValue) -> ir.FloatingValue:
    return value.cast("float64")


def _over(top: ir.NumericValue, bottom: ir.NumericValue) -> ir.FloatingValue:
    return _float(top) / _float(bottom).nullif(0.0)


def _number(value: float) -> ir.FloatingScalar:
    return ibis.literal(float(value), "float64")


@dataclass(frozen=True)
class Sum:
    """The sum of a whole-number column over the last ``days`` days (STRETCH, DAY, NAME, TICKET)."""

    column: str
    days: int

    @property
    def parts(self) -> frozenset[str]:
        """What the column needs of the roll-ups."""
        return _PARTS_OF.get(self.column, frozenset())

    def __call__(self, rows: Relation) -> ir.Value:
        return rows[self.column].sum(where=rows["age"] <= self.days)


_PARTS_OF: Mapping[str, frozenset[str]] = {
    "quantity_micro": frozenset({QUANTITY}),
    "quantity_events": frozenset({SPREAD}),
    "quantity_min_micro": frozenset({SPREAD}),
    "quantity_max_micro": frozenset({SPREAD}),
    "office_events": frozenset({OFFICE}),
}


@dataclass(frozen=True)
class Count:
    """How many rows are at most ``days`` old (USER, DAY, TICKET)."""

    days: int
    age: str = "age"

    def __call__(self, rows: Relation) -> ir.Value:
        if f"seen_{self.days}" in rows.columns:  # counted before
            return rows[f"seen_{self.days}"].sum()
        return (rows[self.age] <= self.days).sum()


@dataclass(frozen=True)
class Quantity:
    """The sum of the events' quantities over the last ``days`` days (STRETCH)."""

    days: int
    parts: ClassVar[frozenset[str]] = frozenset({QUANTITY})

    def __call__(self, rows: Relation) -> ir.Value:
        return _float(rows["quantity_micro"].sum(where=rows["age"] <= self.days)) / _number(MICRO)


@dataclass(frozen=True)
class MeanQuantity:
    """The mean quantity of the events that have one (STRETCH)."""

    days: int
    parts: ClassVar[frozenset[str]] = frozenset({QUANTITY, SPREAD})

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        mean = _over(rows["quantity_micro"].sum(where=recent), rows["quantity_events"].sum(where=recent))
        return mean / _number(MICRO)


@dataclass(frozen=True)
class ExtremeQuantity:
    """The smallest or largest quantity of one event (STRETCH)."""

    days: int
    largest: bool
    parts: ClassVar[frozenset[str]] = frozenset({QUANTITY, SPREAD})

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        largest, smallest = rows["quantity_max_micro"].max(where=recent), rows["quantity_min_micro"].min(where=recent)
        return _float(largest if self.largest else smallest) / _number(MICRO)


@dataclass(frozen=True)
class DistinctNames:
    """How many different event names (STRETCH)."""

    days: int

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        frequent = popcount(any_bit(rows["names"], where=recent).fill_null(0))
        # names beyond those with a bit of their own come as rows of their own, where there are any
        return frequent + rows["rare"].nunique(where=recent) if "rare" in rows.columns else frequent


@dataclass(frozen=True)
class Share(Sum):
    """The share of events counted by another column of the roll-up, as on weekends (STRETCH)."""

    def __call__(self, rows: Relation) -> ir.Value:
        return _over(super().__call__(rows), rows["events"].sum(where=rows["age"] <= self.days))


@dataclass(frozen=True)
class KnownShare(Share):
    """The same of a column that may not be known of some events: then the share is not known (STRETCH)."""

    def __call__(self, rows: Relation) -> ir.Value:
        unknown = ((rows["age"] <= self.days) & rows[self.column].isnull()).any()
        return ibis.ifelse(unknown, ibis.null("float64"), super().__call__(rows))


@dataclass(frozen=True)
class Slope:
    """By how much use has risen or fallen over the lookback, as a share of its mean level (STRETCH).

    The least-squares line through the days' events, days without any counting as zero, from its first day to
    its last, ÷ the mean day. With ages 1..n that is 6 − 12 · S₁ / ((n + 1) · S₀), where S₀ sums the events and
    S₁ events × age: two whole sums, whatever the number of days.
    """

    days: int

    @property
    def lived(self) -> int:
        """The line is drawn through all of the days."""
        return self.days

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        aged, events = rows["aged_events"].sum(where=recent), rows["events"].sum(where=recent)
        return _number(6) - _over(aged, events) * _number(12 / (self.days + 1))


@dataclass(frozen=True)
class Acceleration:
    """Whether a rise or fall speeds up: three spans of ``days``, second difference ÷ their mean (STRETCH)."""

    days: int

    @property
    def ages(self) -> tuple[int, ...]:
        """The three spans."""
        return (self.days, 2 * self.days, 3 * self.days)

    @property
    def lived(self) -> int:
        """All three spans."""
        return 3 * self.days

    def __call__(self, rows: Relation) -> ir.Value:
        one, two, three = (_float(rows["events"].sum(where=rows["age"] <= n).fill_null(0)) for n in self.ages)
        newest, middle, oldest = one, two - one, three - two
        return (newest - middle * _number(2) + oldest) / (three / _number(3)).nullif(0.0)


@dataclass(frozen=True)
class SinceLast:
    """Days since the newest usage ever known, at most ``cap`` (LIFE)."""

    cap: int

    def __call__(self, rows: Relation) -> ir.Value:
        return ibis.least(rows["last_age"].min(), self.cap)


@dataclass(frozen=True)
class SinceFirst:
    """Days since the first usage ever known (LIFE)."""

    def __call__(self, rows: Relation) -> ir.Value:
        return rows["first_age"].max()


# ---------------------------------------------------------------- day by day


def _newest_first(rows: Relation) -> WindowBuilder:
    return ibis.window(group_by=["account_id", "as_of"], order_by=rows["age"])


def _with_runs(rows: Relation) -> Relation:
    """``rows`` with ``run_of`` (the age at which a day's run of days in a row is newest) and ``run`` (the day's
    place in it, the newest being 1)."""
    if "run" in rows.columns:
        return rows
    # along a run, ages rise with the row number
    rows = rows.mutate(run_of=rows["age"] - ibis.row_number().over(_newest_first(rows)))
    first = rows["age"].min().over(ibis.window(group_by=["account_id", "as_of", "run_of"]))
    return rows.mutate(run=rows["age"] - first + 1)


@dataclass(frozen=True)
class Streak:
    """The longest run of days in a row with usage; or, ``current``, the one that held until yesterday (DAY)."""

    days: int
    current: bool = False

    @property
    def lived(self) -> int:
        """A run is cut short by an account's first day as by a pause: it counts days once the lookback is lived."""
        return self.days

    def beside(self, rows: Relation) -> Relation:
        """Adds ``run_of`` and ``run``."""
        return _with_runs(rows)

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        if self.current:
            return (recent & (rows["age"] == rows["run"])).sum()
        return rows["run"].max(where=recent)


@dataclass(frozen=True)
class Gap:
    """Days from one day with usage to the next: the mean, or the longest (DAY)."""

    days: int
    longest: bool

    def beside(self, rows: Relation) -> Relation:
        """Adds ``gap``: from this day to the next newer one; missing for the newest."""
        if "gap" in rows.columns:
            return rows
        return rows.mutate(gap=rows["age"] - rows["age"].lag().over(_newest_first(rows)))

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        if self.longest:
            return rows["gap"].max(where=recent)
        return _over(rows["gap"].sum(where=recent), rows["gap"].count(where=recent))


@dataclass(frozen=True)
class DailyQuantile:
    """A quantile of the events of a day with usage: the smallest with at least that share at or below it (DAY)."""

    days: int
    share: float

    def beside(self, rows: Relation) -> Relation:
        """Adds the rank of each day among those of the lookback, and their number."""
        if self._rank in rows.columns:
            return rows
        recent = rows["age"] <= self.days
        among = [rows["account_id"], rows["as_of"], recent]
        ordered = ibis.window(group_by=among, order_by=[rows["events"], rows["age"]])
        return rows.mutate(
            **{
                self._rank: ibis.row_number().over(ordered) + 1,
                self._of: rows.count().over(ibis.window(group_by=among)),
            }
        )

    @property
    def _rank(self) -> str:
        return f"rank_{self.days}"

    @property
    def _of(self) -> str:
        return f"of_{self.days}"

    def __call__(self, rows: Relation) -> ir.Value:
        wanted = (_float(rows[self._of]) * _number(self.share)).ceil()
        return rows["events"].min(where=(rows["age"] <= self.days) & (_float(rows[self._rank]) >= wanted))


@dataclass(frozen=True)
class OwnPast:
    """The newest week's events against the account's own ``weeks`` before it, in standard deviations (DAY).

    Weeks without usage count as zero. One is added to the variance, so that an account that never varied is
    not infinitely far from itself.
    """

    weeks: int

    @property
    def ages(self) -> tuple[int, ...]:
        """The newest week and those before it."""
        return (7 * (self.weeks + 1),)

    @property
    def lived(self) -> int:
        """The newest week and those before it."""
        return 7 * (self.weeks + 1)

    def beside(self, rows: Relation) -> Relation:
        """Adds ``week`` (0 is the newest), its events, and a mark on one row of each."""
        if "week_events" in rows.columns:
            return rows
        rows = rows.mutate(week=((rows["age"] - 1) // 7).cast("int32"))
        week = ibis.window(group_by=["account_id", "as_of", "week"])
        ordered = ibis.window(group_by=["account_id", "as_of", "week"], order_by=rows["age"])
        return rows.mutate(
            week_events=rows["events"].sum().over(week).cast("int64"), in_week=ibis.row_number().over(ordered)
        )

    def __call__(self, rows: Relation) -> ir.Value:
        before = (rows["in_week"] == 0) & rows["week"].between(1, self.weeks)
        newest = _float(rows["events"].sum(where=rows["week"] == 0).fill_null(0))
        total = _float(rows["week_events"].sum(where=before).fill_null(0))
        squares = _float((rows["week_events"] * rows["week_events"]).sum(where=before).fill_null(0))
        mean = total / _number(self.weeks)
        variance = squares / _number(self.weeks) - mean * mean
        return (newest - mean) / (variance + _number(1)).sqrt()


# ---------------------------------------------------------------- names and people


@dataclass(frozen=True)
class Entropy:
    """How evenly use is spread over event names, in nats (Shannon, 1948); 0 is all of one kind (NAME)."""

    days: int

    def beside(self, rows: Relation) -> Relation:
        """Adds the events of the row's name within the lookback, and a mark on one row of each name."""
        if self._of_name in rows.columns:
            return rows
        name = ibis.window(group_by=["account_id", "as_of", "event"])
        ordered = ibis.window(group_by=["account_id", "as_of", "event"], order_by=[rows["age"], rows["last_age"]])
        recent = ibis.ifelse(rows["age"] <= self.days, rows["events"], ibis.literal(0, "int64"))
        return rows.mutate(
            **{self._of_name: recent.sum().over(name).cast("int64"), self._first: ibis.row_number().over(ordered)}
        )

    @property
    def _of_name(self) -> str:
        return f"name_events_{self.days}"

    @property
    def _first(self) -> str:
        return f"name_row_{self.days}"

    def __call__(self, rows: Relation) -> ir.Value:
        counted = rows[self._of_name]
        once = (rows[self._first] == 0) & (counted > 0)
        positive = _float(ibis.greatest(counted, 1))
        weighted = whole(positive * positive.ln() * _number(NANO))
        total = _float(counted.sum(where=once)).nullif(0.0)
        spread = total.ln() - _float(weighted.sum(where=once)) / _number(NANO) / total
        # of one name it is nothing, whatever the last billionth says
        return ibis.ifelse(once.sum() == 1, _number(0), spread)


@dataclass(frozen=True)
class KeyUsersQuiet:
    """Of the ``top`` users (and who ties with them) seen on most days of the long lookback before the short
    one, the share not seen within the short one (ACTIVITY)."""

    short: int
    long: int
    top: int = 3

    @property
    def ages(self) -> tuple[int, ...]:
        """Both lookbacks."""
        return (self.short, self.long)

    @property
    def lived(self) -> int:
        """The long lookback, before whose end nobody can have gone quiet."""
        return self.long

    def beside(self, rows: Relation) -> Relation:
        """Adds the rank of each user by days seen before the short lookback."""
        if self._rank in rows.columns:
            return rows
        before = rows[f"days_{self.long}"] - rows[f"days_{self.short}"]
        window = ibis.window(group_by=["account_id", "as_of"], order_by=ibis.desc(before))
        # users seen on as many days share a rank: text has no order that all engines agree on
        return rows.mutate(**{self._rank: ibis.rank().over(window)})

    @property
    def _rank(self) -> str:
        return f"rank_{self.short}_{self.long}"

    def __call__(self, rows: Relation) -> ir.Value:
        before = rows[f"days_{self.long}"] - rows[f"days_{self.short}"]
        key = (rows[self._rank] < self.top) & (before > 0)
        quiet = key & (rows[f"days_{self.short}"] == 0)
        return _over(quiet.sum(), key.sum())


# ---------------------------------------------------------------- tickets


@dataclass(frozen=True)
class MatchingShare:
    """Tickets of the last ``days`` days with one of the priorities and categories: how many, or their share (TICKET).

    Names are compared without regard to upper and lower case; no names is any.
    """

    days: int
    priorities: tuple[str, ...]
    categories: tuple[str, ...]
    share: bool

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        matching = recent
        for column, names in (("priority", self.priorities), ("category", self.categories)):
            if names:
                known = rows[column].lower().isin([name.lower() for name in names])
                matching = matching & known.fill_null(False)
        return _over(matching.sum(), recent.sum()) if self.share else matching.sum()


@dataclass(frozen=True)
class Tone:
    """The mean tone of the tickets opened in the last ``days`` days, −1 to 1 (TICKET)."""

    days: int
    parts: ClassVar[frozenset[str]] = frozenset({TONE})

    def __call__(self, rows: Relation) -> ir.Value:
        recent = rows["age"] <= self.days
        return _over(rows["tone_milli"].sum(where=recent), rows["tone_milli"].count(where=recent)) / _number(1000)


@dataclass(frozen=True)
class Annoyed:
    """How many tickets of the last ``days`` days have a tone of ``at_most`` thousandths (TICKET)."""

    days: int
    at_most: int
    parts: ClassVar[frozenset[str]] = frozenset({TONE})

    def __call__(self, rows: Relation) -> ir.Value:
        return ((rows["age"] <= self.days) & (rows["tone_milli"] <= self.at_most)).fill_null(False).sum()
