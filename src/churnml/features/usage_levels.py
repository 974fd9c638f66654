"""Families of the level of use, smoothly: how much, by how many, of what, and whether the level moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

from churnml.features.declare import Family, Feature, Unit, Wish
from churnml.features.levels import FEWEST_WEEKS, weeks_in
from churnml.features.measured import USAGE, MeasuredFeatures, ratio
from churnml.features.ratios import PeriodRatio

Features = Callable[[Wish], tuple[Feature, ...]]
SEATS = "subscription_seats"
LEVEL = MeasuredFeatures(
    USAGE["level"],
    "usage.level",
    "usage_level_{half_life}d",
    means="events a week, smoothly: a week counts half as much every {half_life} days, each through its square root",
    when_low="Of late only {value:event|events} a week; {usual} is usual.",
    when_high="Of late {value:event|events} a week; {usual} is usual.",
    when_absent="Not used in the last {asked} days; {usual:event|events} a week is usual.",
)
USERS_LEVEL = MeasuredFeatures(
    USAGE["users_level"],
    "usage.users_level",
    "usage_users_level_{half_life}d",
    means="users seen in a week, smoothly: a week counts half as much every {half_life} days, by its square root",
    when_low="People who use it in a week, of late: only {value}; {usual} is usual.",
    when_high="People who use it in a week, of late: {value}; {usual} is usual.",
    when_absent="Nobody used it in the last {asked} days; {usual:person|people} a week is usual.",
)
CORE_LEVEL = MeasuredFeatures(
    USAGE["level"],
    "usage.core_level",
    "usage_core_level_{half_life}d",
    means="core events a week, smoothly: a week counts half as much every {half_life} days, by its square root",
    when_low="Of late core functions were used only {value:time|times} a week; {usual} is usual.",
    when_high="Of late core functions were used {value:time|times} a week; {usual} is usual.",
    when_absent="No core function was used in the last {asked} days; {usual:time|times} a week is usual.",
)


def _levels(measured: MeasuredFeatures, wish: Wish) -> tuple[Feature, ...]:
    """A level a half-life, over the weeks of the longest lookback."""
    longest = wish.lookbacks[-1]
    if weeks_in(longest) < FEWEST_WEEKS:
        return ()
    declared = (
        replace(
            measured,
            kind=measured.kind.halved_every(half_life),
            words={"half_life": str(half_life)},
        )
        for half_life in wish.half_lives
    )
    return tuple(level.feature(longest, longest) for level in declared)


def _with_seats(measured: MeasuredFeatures, per_seat: Callable[[Feature], Feature], wish: Wish) -> tuple[Feature, ...]:
    return tuple(feature for level in _levels(measured, wish) for feature in (level, per_seat(level)))


def _per_seat(level: Feature, words: str, when: str, unit: Unit = Unit.COUNT) -> Feature:
    """A level ÷ seats paid for; ``when`` is the sentence, with ``{only}`` where it is low."""
    return ratio(
        f"{level.name}_per_seat",
        family=level.family,
        means=f"{words} ÷ seats paid for: {level.name} ÷ {SEATS}",
        measure=PeriodRatio(level.name, SEATS, lived=level.lived),
        when_low=when.replace("{only}", "only "),
        when_high=when.replace("{only}", ""),
        lookback=level.lookback,
        unit=unit,
        needs_columns=(*level.needs_columns, ("subscriptions", "seats")),
    )


def _level(wish: Wish) -> tuple[Feature, ...]:
    each = partial(
        _per_seat,
        words="events a week",
        when="Of late {only}{value:event|events} a week for each seat; {usual} is usual.",
    )
    return _with_seats(LEVEL, each, wish)


def _users_level(wish: Wish) -> tuple[Feature, ...]:
    each = partial(
        _per_seat,
        words="users seen in a week",
        when="In a week of late, {only}{value} of the seats are used; {usual} is usual.",
        unit=Unit.SHARE,
    )
    return _with_seats(USERS_LEVEL, each, wish)


def _core(wish: Wish) -> MeasuredFeatures:
    return replace(CORE_LEVEL, only=wish.core_events)


def _core_level(wish: Wish) -> tuple[Feature, ...]:
    if not wish.core_events:
        return ()
    each = partial(
        _per_seat,
        words="core events a week",
        when="Of late core functions were used {only}{value:time|times} a week for each seat; {usual} is usual.",
    )
    levels = _with_seats(_core(wish), each, wish)
    return (*levels, *(_core_share(level) for level in _levels(LEVEL, wish)))


def _core_share(level: Feature) -> Feature:
    core = level.name.replace("usage_level", "usage_core_level")
    return ratio(
        core.replace("level", "level_share"),
        family="usage.core_level",
        means=f"core events a week ÷ all events a week, smoothly: {core} ÷ {level.name}",
        measure=PeriodRatio(core, level.name, lived=level.lived),
        when_low="Of late core functions are only {value} of what is done in a week; {usual} is usual.",
        when_high="Of late core functions are {value} of what is done in a week; {usual} is usual.",
        when_absent="Of late nothing that was done was a core function; {usual} is usual.",
        lookback=level.lookback,
    )


def _level_change(wish: Wish) -> tuple[Feature, ...]:
    subjects = [(LEVEL, "events"), (USERS_LEVEL, "people")]
    subjects += [(_core(wish), "core events")] if wish.core_events else []
    return tuple(
        ratio(
            f"{short.name.rpartition('_')[0].replace('level', 'level_change')}_{recent}d_{before}d",
            family="usage.level_change",
            means=f"{subject} a week, half-life {recent} days ÷ half-life {before} days",
            measure=PeriodRatio(short.name, long.name, lived=long.lookback or 0),
            when_low=f"{subject.capitalize()} a week of late, against the {long.lookback}-day level: {{change}}.",
            lookback=long.lookback,
            unit=Unit.RATIO,
            needs_columns=short.needs_columns,
        )
        for measured, subject in subjects
        for (recent, short), (before, long) in pairwise(zip(wish.half_lives, _levels(measured, wish), strict=False))
    )


def _of_usage(name: str, means: str, features: Features) -> Family:
    return Family(name, "usage_events", means, features)


FAMILIES = (
    _of_usage("usage.level", "how much the product is used in a week, smoothly", _level),
    _of_usage("usage.users_level", "by how many people in a week, smoothly", _users_level),
    _of_usage("usage.core_level", "what it is bought for, in a week, smoothly", _core_level),
    _of_usage("usage.level_change", "whether the level is moving", _level_change),
)
# What makes features only where half-lives are declared.
LEVEL_FAMILIES = tuple(family.name for family in FAMILIES)
