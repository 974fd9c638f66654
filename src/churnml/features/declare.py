"""The words a feature is declared in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np


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


class Grain(StrEnum):
    """The rows, as known at the cutoff, that a measure aggregates for one account.

    DAY: one per day with usage: ``age`` (days before the cutoff, 1 is yesterday), ``events``, ``quantity_micro``.
    USER: one per user seen: ``age`` of the last visit.
    EVENT: one per event name and day: ``event``, ``age``, ``events``.
    TICKET: one per ticket, masked: ``age`` of opening, ``is_open``, ``response_seconds``, ….
    PERIOD: one per period of a contract, masked: ``is_open``, ``mrr_cents``, ….
    ACCOUNT: the account's own row.
    MADE: none; made of other features of the same account.
    """

    DAY = "day"
    USER = "user"
    EVENT = "event"
    TICKET = "ticket"
    PERIOD = "period"
    ACCOUNT = "account"
    MADE = "made"


@dataclass(frozen=True)
class Wish:
    """What families are expanded over.

    Args:
        lookbacks: days back, ascending.
        event_names: event names that get features of their own.
        static: account attributes declared never to change.
    """

    lookbacks: tuple[int, ...]
    event_names: tuple[str, ...]
    static: tuple[str, ...]

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Neighbouring lookbacks (short, long) between which trends are taken."""
        return tuple(zip(self.lookbacks, self.lookbacks[1:], strict=False))


Measure: TypeAlias = Callable[[Any], Any]


def sum_within(column: str, days: int) -> Measure:
    """The measure that sums ``column`` over the rows of the last ``days`` days."""
    return lambda rows: rows[column].sum(where=rows["age"] <= days)


def count_within(days: int, age: str = "age") -> Measure:
    """The measure that counts the rows of the last ``days`` days."""
    return lambda rows: (rows[age] <= days).sum()


def ratio(top: str, bottom: str, scale: float = 1.0) -> Measure:
    """The measure of a MADE feature: top ÷ bottom × scale, missing where there is nothing to divide by."""

    def measured(f: Mapping[str, Any]) -> np.ndarray:
        over = np.asarray(f[bottom], dtype="float64")
        shares = np.full(over.shape, np.nan)
        np.divide(np.asarray(f[top], dtype="float64") * scale, over, out=shares, where=over > 0)
        return shares

    return measured


@dataclass(frozen=True)
class Feature:
    """One number (or name) known about an account at a cutoff.

    Args:
        name: column name.
        family: the family it belongs to; its reason code.
        means: one sentence for the catalogue.
        grain: the rows its measure aggregates.
        measure: from those rows (an Ibis table; for MADE a mapping of columns) to the value.
        polarity: whether more is healthier, riskier or neither.
        unit: how it is written for a person.
        when_low, when_high: the sentence when it is below or above what is usual; ``{value}``,
            ``{usual}``, ``{change}`` and ``{subject}`` are filled in.
        when_absent: the sentence when there was nothing at all, where the others would read oddly.
        absent: the value where the account has no such rows; None stays missing.
        lookback: how many days back it looks, None for all that is known.
        made_of: names of the features a MADE feature needs.
        needs_columns: (table, column) pairs without which it cannot be answered.
        subject: what ``{subject}`` stands for; data of the user's, shown escaped.
        actionable: whether somebody can do something about it; what an account simply is comes last
            among its reasons.
    """

    name: str
    family: str
    means: str
    grain: Grain
    measure: Measure
    polarity: Polarity
    unit: Unit
    when_low: str
    when_high: str
    absent: float | None = None
    lookback: int | None = None
    made_of: tuple[str, ...] = ()
    needs_columns: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    actionable: bool = True
    when_absent: str = ""

    @property
    def is_category(self) -> bool:
        """Whether its values are names rather than numbers."""
        return self.unit is Unit.NAME

    def declaration(self) -> Mapping[str, Any]:
        """Its declaration as plain data, as a model stores it: names and numbers, no callables."""
        return {
            "name": self.name,
            "family": self.family,
            "means": self.means,
            "polarity": self.polarity.value,
            "unit": self.unit.value,
            "when_low": self.when_low,
            "when_high": self.when_high,
            "absent": self.absent,
            "lookback": self.lookback,
            "subject": self.subject,
            "actionable": self.actionable,
            "when_absent": self.when_absent,
        }


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
