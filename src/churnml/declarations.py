"""What a feature says of itself, as a model carries it: names and numbers, no code.

A stored model is read through this module, so it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from churnml.jsontypes import JsonObject


class Polarity(StrEnum):
    """Whether more of a feature is healthier, riskier, or neither."""

    HEALTHIER = "healthier"
    RISKIER = "riskier"
    NEITHER = "neither"


class Unit(StrEnum):
    """How a value is written for a person."""

    COUNT = "count"
    DAYS = "days"
    HOURS = "hours"
    SHARE = "share"  # 0.4 is written 40 %
    RATIO = "ratio"  # 0.6 is written "down 40 %"
    MONEY = "money"
    SCORE = "score"
    NAME = "name"  # a category


@dataclass(frozen=True)
class HolidayRegions:
    """Whose holidays accounts keep.

    Args:
        everybody: the region of every account that has none of its own; None where no holidays are known.
        by: the account attribute that names an account's own region.
    """

    everybody: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class CalendarWish:
    """What the features of the calendar go by.

    Args:
        window: days from the cutoff to the first day of the label window, and to the day after its last; None where
            no label is asked.
        regions: whose holidays are kept.
        fiscal_year_starts: the month (1 to 12) in which a fiscal year begins.
        even_out: whether what compares periods of use is told without holidays.
    """

    window: tuple[int, int] | None = None
    regions: HolidayRegions = HolidayRegions()
    fiscal_year_starts: int = 1
    even_out: bool = False

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> CalendarWish:
        """The inverse of ``asdict`` after JSON."""
        window = stored["window"]
        regions = HolidayRegions(**stored["regions"])
        return cls(window and (window[0], window[1]), regions, stored["fiscal_year_starts"], stored["even_out"])


@dataclass(frozen=True)
class Wish:
    """What families are expanded over.

    Args:
        lookbacks: days back, ascending.
        event_names: event names that get features of their own.
        static: account attributes declared never to change.
        core_events: event names declared to be what the product is bought for.
        half_lives: days after which a week counts half in a level, ascending.
        calendar: what the features of the calendar go by.
    """

    lookbacks: tuple[int, ...]
    event_names: tuple[str, ...]
    static: tuple[str, ...]
    core_events: tuple[str, ...] = ()
    half_lives: tuple[int, ...] = ()
    calendar: CalendarWish = CalendarWish()

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Neighbouring lookbacks (short, long) between which trends are taken."""
        return tuple(zip(self.lookbacks, self.lookbacks[1:], strict=False))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Wish:
        """The inverse of ``asdict`` after JSON; models of before there were core events, levels or calendars carry
        none."""
        calendar = CalendarWish.from_json(stored["calendar"]) if "calendar" in stored else CalendarWish()
        return cls(**{n: tuple(values) for n, values in stored.items() if n != "calendar"}, calendar=calendar)


@dataclass(frozen=True)
class FeatureDeclaration:
    """A :class:`churnml.features.Feature` without its callables, which stand here in words.

    Args:
        grain: the rows its measure aggregates.
        measure: what it measures, in words that change when that does.
        lived: how many days an account must have lived before the value is known.
        rows: the same of the rows of its own, None where it has none.

    The others are those of the feature. What a feature has learnt to say since the first models has a default.
    """

    name: str
    family: str
    means: str
    polarity: Polarity
    unit: Unit
    when_low: str
    when_high: str
    absent: float | None = None
    lookback: int | None = None
    subject: str = ""
    actionable: bool = True
    when_absent: str = ""
    placed: tuple[str, str] | None = None
    before: tuple[str, int] | None = None
    grain: str = ""
    measure: str = ""
    lived: int = 0
    rows: str | None = None
    made_of: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    only_low: bool = False
    before_over: str = ""

    @property
    def is_category(self) -> bool:
        """Whether its values are names rather than numbers."""
        return self.unit is Unit.NAME

    def as_json(self) -> JsonObject:
        """As a model's file holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> FeatureDeclaration:
        """The inverse of :meth:`as_json`; keys that an older model lacks keep their defaults."""
        known = {field.name for field in fields(cls)}
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items() if name in known
        }
        return cls(**plain | {"polarity": Polarity(stored["polarity"]), "unit": Unit(stored["unit"])})
