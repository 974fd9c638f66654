"""The words a feature is declared in."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from churnml.declarations import CalendarWish as CalendarWish
from churnml.declarations import FeatureDeclaration
from churnml.declarations import HolidayRegions as HolidayRegions
from churnml.declarations import Polarity as Polarity
from churnml.declarations import Unit as Unit
from churnml.declarations import Wish as Wish
from churnml.rollups import NAMED, USERS
from churnml.tables import Facts, Relation


class Grain(StrEnum):
    """The rows, as known at the cutoff, that a measure aggregates for one account.

    STRETCH: usage, summed over stretches of days: ``age`` of the stretch's first day, ``last_age`` of the
        newest day in it, ``events``, ``active_days``, ``weekend_events``, ``aged_events``, ``names`` and what
        the roll-up was asked to keep. Whole stretches lie within each of the measure's ``ages``.
    DAY: one per day with usage: ``age`` (1 is yesterday) and the sums of that day.
    LIFE: ``first_age`` and ``last_age`` of all usage ever known.
    USER: one per user seen: ``age``, the shortest of the measures' ``ages`` within which it was seen.
    ACTIVITY: one per user: ``days_<n>``, the days it was seen on within each of the ``ages``.
    NAME: one per event name and stretch: as STRETCH, with ``event``.
    WEEK: one per week with usage that lies within the longest of the ``ages`` and that the account has lived whole:
        ``week`` (0 is the newest), ``events``, and ``weeks_lived``, how many it has lived.
    WEEK_USERS: the same of users: ``week``, ``users``, ``weeks_lived``.
    TICKET: one per ticket, masked: ``age`` of opening, ``is_open``, ``response_seconds``, ….
    PERIOD: one per period of a contract, masked: ``is_open``, ``mrr_cents``, ….
    ACCOUNT: the account's own row.
    CALENDAR: none; the days around the cutoff in the account's region
        (:class:`churnml.features.calendar.DaysAround`).
    OWN: rows of the feature's own making, by ``Feature.rows``; ``churnml audit`` watches them.
    MADE: none; made of other features of the same account.
    PLACED: none; the place of another feature on a scale fitted in training.
    """

    STRETCH = "stretch"
    DAY = "day"
    LIFE = "life"
    USER = "user"
    ACTIVITY = "activity"
    NAME = "name"
    WEEK = "week"
    WEEK_USERS = "week_users"
    TICKET = "ticket"
    PERIOD = "period"
    ACCOUNT = "account"
    CALENDAR = "calendar"
    OWN = "own"
    MADE = "made"
    PLACED = "placed"


# Rises when measures come to mean something else though no declaration and no version of churnml changed: a training
# of before is then not taken for one of now. 2: what compares periods is unknown until they are lived.
MEASURES_VERSION = 2

# Grains that are cut from usage, and so can be narrowed to some event names.
NARROWABLE = frozenset({Grain.STRETCH, Grain.DAY, Grain.LIFE, Grain.WEEK})


# From the rows of its grain (an Ibis table; for MADE a mapping of columns) to the value. A measure may also
# say which ``ages`` it asks about, which ``parts`` of the roll-ups it needs, how many days an account must have
# ``lived`` for its periods to be compared, and columns to put ``beside`` the rows first; the ones in
# churnml.features.measures do, and any object with a ``__call__`` can.
Measure: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Feature:
    """One number (or name) known about an account at a cutoff.

    Args:
        name: column name.
        family: the family it belongs to; its reason code.
        means: one sentence for the catalogue.
        grain: the rows its measure aggregates.
        measure: from those rows to the value.
        polarity: whether more is healthier, riskier or neither.
        unit: how it is written for a person.
        when_low, when_high: the sentence when it is below or above what is usual (one for both: when_low);
            ``{value}``, ``{usual}``, ``{own}`` (what was usual for the account itself, where that is known),
            ``{change}`` and ``{subject}`` are filled in.
        when_absent: the sentence when there was nothing at all, where the others would read oddly.
        absent: the value where the account has no such rows; None stays missing.
        lookback: how many days back it looks, None for all that is known.
        made_of: names of the features a MADE feature needs; its measure may say them instead.
        needs_columns: (table, column) pairs without which it cannot be answered.
        subject: what ``{subject}`` stands for; data of the user's, shown escaped.
        actionable: whether somebody can do something about it; what an account simply is comes last
            among its reasons.
        only: event names that usage is narrowed to; empty is all of it.
        only_low: whether it is a reason to leave only below what is usual: that a customer is an old one is none.
        rows: for OWN: from the facts and the cutoffs (``as_of, as_of_day``) to rows with ``account_id`` and
            ``as_of``. Nothing keeps such rows from looking ahead but ``churnml audit``.
        placed: for PLACED: (feature, static attribute or empty): whose place, among which accounts.
        before: for what adds up over days: (the same over a longer lookback, its days). What that holds
            beyond this one's own days is what was usual for the account itself.
        before_over: for a share of two such features: ``before`` is its upper part over the longer lookback, and this
            its lower part over it.
    """

    name: str
    family: str
    means: str
    grain: Grain
    measure: Measure
    polarity: Polarity
    unit: Unit
    when_low: str
    when_high: str = ""
    absent: float | None = None
    lookback: int | None = None
    made_of: tuple[str, ...] = ()
    needs_columns: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    actionable: bool = True
    when_absent: str = ""
    only: tuple[str, ...] = ()
    rows: Callable[[Facts, Relation], Relation] | None = None
    placed: tuple[str, str] | None = None
    before: tuple[str, int] | None = None
    only_low: bool = False
    before_over: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "when_high", self.when_high or self.when_low)
        object.__setattr__(self, "made_of", self.made_of or getattr(self.measure, "made_of", ()))

    @property
    def ages(self) -> tuple[int, ...]:
        """The ages, in days, that its measure asks about."""
        asked: tuple[int, ...] = getattr(self.measure, "ages", ())
        return asked or ((self.lookback,) if self.lookback else ())

    @property
    def lived(self) -> int:
        """How many days an account must have lived before its value is known; 0 where it compares no periods."""
        asked: int = getattr(self.measure, "lived", 0)
        return asked

    @property
    def parts(self) -> frozenset[str]:
        """The parts of the roll-ups it needs (:data:`churnml.rollups.PARTS`)."""
        asked: frozenset[str] = getattr(self.measure, "parts", frozenset())
        by_grain = {Grain.USER: USERS, Grain.ACTIVITY: USERS, Grain.WEEK_USERS: USERS, Grain.NAME: NAMED}
        own = {by_grain[self.grain]} if self.grain in by_grain else set()
        return asked | own | ({NAMED} if self.only else set())

    @property
    def is_category(self) -> bool:
        """Whether its values are names rather than numbers."""
        return self.unit is Unit.NAME

    def declaration(self) -> FeatureDeclaration:
        """Its declaration as a model stores it."""
        shared = {field.name: getattr(self, field.name) for field in fields(FeatureDeclaration)}
        rows = described(self.rows) if self.rows else None
        return FeatureDeclaration(
            **shared | {"grain": self.grain.value, "measure": described(self.measure), "rows": rows}
        )


def described(value: object) -> str:
    """A measure in words that change when what it measures does: ``Sum(column='events', days=28)``.

    Code of a project's own also names its own text, comments and layout aside; ours goes by churnml's version.
    """
    if is_dataclass(value) and not isinstance(value, type):
        inside = ", ".join(f"{field.name}={described(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__name__}({inside}){_text_of(type(value))}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(described(each) for each in value) + "]"
    if isinstance(value, frozenset | set):
        return "{" + ", ".join(sorted(described(each) for each in value)) + "}"
    if not callable(value):
        return repr(value)
    if hasattr(value, "__qualname__"):
        return f"{value.__qualname__.rpartition('.')[2]}{_text_of(value)}"
    return f"{type(value).__name__}{_text_of(type(value))}"


def _text_of(code: type | Callable[..., object]) -> str:
    if code.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return ""
    try:
        text = textwrap.dedent(inspect.getsource(code))
    except (OSError, TypeError):
        return ""  # made without a file, as in a notebook: its name is all that is known
    try:
        text = ast.unparse(ast.parse(text))
    except SyntaxError:  # a lambda inside a longer line
        text = " ".join(text.split())
    return f" #{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Family:
    """Features that measure the same thing over several lookbacks.

    Args:
        name: ``<group>.<what>``; also the reason code.
        source: the contract table it needs.
        means: one sentence for the catalogue.
        features: from a wish to the features.
    """

    name: str
    source: str
    means: str
    features: Callable[[Wish], tuple[Feature, ...]]

    @classmethod
    def fixed(cls, name: str, means: str, *features: Feature, source: str) -> Family:
        """A family of features that no wish changes; each gets the family's name."""
        named = tuple(replace(feature, family=name) for feature in features)
        return cls(name, source, means, lambda _wish: named)
