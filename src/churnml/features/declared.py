"""Families a project declares in YAML: measure × where × lookback × by, each with its meaning and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from string import Formatter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churnml.features.declare import Family, Feature, Grain, Polarity, Unit, Wish
from churnml.features.measured import TICKETS, USAGE, MeasuredFeatures, MeasureKind, column_safe, ratio, sentence
from churnml.features.measures import DailyQuantile, MatchingShare
from churnml.features.ratios import PeriodRatio, Ratio, placed

# The sentence of a family that declares none.
PLAIN = "{means}, last {days} days: {value}; {usual} is usual{own}."
# What a sentence may have in braces.
FILLED_IN = ("means", "days", "area", "value", "usual", "own", "change", "subject")


class Where(BaseModel):
    """Which rows count: those with one of the names in every list given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    category: tuple[str, ...] = ()


class DeclaredFamily(BaseModel):
    """A family of features of the project's own: one feature a lookback and, with ``by``, an area."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$", max_length=60)]
    means: str
    source: Literal["usage_events", "support_tickets"] = "usage_events"
    measure: str
    at: Annotated[float, Field(gt=0, le=1)] = 0.5
    half_life: Annotated[int, Field(gt=0, le=730)] | None = None
    top: str | None = None
    bottom: str | None = None
    where: Where = Where()
    by: dict[str, tuple[str, ...]] = {}
    lookbacks: Annotated[tuple[Annotated[int, Field(gt=0, le=730)], ...], Field(max_length=20)] = ()
    trend: bool = False
    among: str | None = None
    polarity: Polarity = Polarity.NEITHER
    unit: Unit | None = None
    # what nothing at all counts as: a number, missing, or (left out) what the measure itself says
    absent: float | Literal["missing"] | None = None
    actionable: bool = True
    when_low: str = PLAIN
    when_high: str = PLAIN

    @model_validator(mode="after")
    def _says_what_it_can(self) -> DeclaredFamily:
        from churnml.errors import did_you_mean

        for key in ("when_low", "when_high"):
            for name in _filled_in(key, getattr(self, key)):
                if name not in FILLED_IN:
                    raise ValueError(f"'{key}' has nothing to put for {{{name}}}. {did_you_mean(name, FILLED_IN)}")
        kinds = USAGE if self.source == "usage_events" else TICKETS
        if self.measure == "ratio":
            if not (self.top and self.bottom):
                raise ValueError("a ratio needs 'top' and 'bottom': names of features without their _<days>d")
            return self
        if self.measure not in kinds:
            raise ValueError(
                f"{self.source} has no measure '{self.measure}'. {did_you_mean(self.measure, [*kinds, 'ratio'])}"
            )
        if self.half_life is not None and not kinds[self.measure].level:
            levels = " or ".join(name for name, kind in USAGE.items() if kind.level)
            raise ValueError(f"'half_life' belongs to a level ({levels}), not to '{self.measure}'")
        narrowed = bool(self.where.event or self.by)
        if self.source == "usage_events":
            if self.where.priority or self.where.category:
                raise ValueError("where: priority and category are columns of support_tickets")
            if narrowed and not kinds[self.measure].narrow:
                raise ValueError(
                    f"'{self.measure}' cannot be narrowed to event names: roll-ups keep no event by user"
                    if self.measure in ("users", "users_level")
                    else f"'{self.measure}' is about all event names and cannot be narrowed to some"
                )
            if self.where.event and self.by:
                raise ValueError("give 'where: event' (one set of names) or 'by' (several), not both")
        elif narrowed:
            raise ValueError("where: event and by: belong to usage_events")
        if self.trend and kinds[self.measure].once:
            raise ValueError(f"'{self.measure}' has no lookback, so it has no trend")
        return self


def _filled_in(key: str, sentence: str) -> list[str]:
    """What stands in the braces of a sentence."""
    try:
        parsed = [part[1:] for part in Formatter().parse(sentence) if part[1] is not None]
    except ValueError:
        raise ValueError(f"'{key}' has a brace that stands alone; write {{{{ or }}}} where one is meant") from None
    # numbers are written by their unit: a format of one's own would be one more thing that can fail
    return [f"{name}{spec and ':' + spec}{'!' + convert if convert else ''}" for name, spec, convert in parsed]


def family_of(declared: DeclaredFamily) -> Family:
    """The family that a declaration stands for."""
    return Family(declared.name, declared.source, declared.means, lambda wish: _features(declared, wish))


def _features(declared: DeclaredFamily, wish: Wish) -> tuple[Feature, ...]:
    lookbacks = tuple(sorted(set(declared.lookbacks))) or wish.lookbacks
    if declared.measure == "ratio":
        return tuple(_ratio(declared, days) for days in lookbacks)
    areas: Mapping[str, tuple[str, ...]] = dict(declared.by) or {"": declared.where.event}
    features: list[Feature] = []
    for area, only in areas.items():
        measured = _measured(declared, area, only)
        made = list(measured.features(lookbacks[-1:] if measured.kind.once else lookbacks))
        if declared.trend:
            made += [_trend(declared, measured.kind, short, long) for short, long in pairwise(made)]
        if declared.among and declared.among in wish.static:
            made += [_placed(declared, feature, declared.among) for feature in made if feature.grain is not Grain.MADE]
        features += made
    return tuple(features)


def _measured(declared: DeclaredFamily, area: str, only: tuple[str, ...]) -> MeasuredFeatures:
    kind = _kind(declared)
    return MeasuredFeatures(
        kind,
        declared.name,
        _stem(declared, area) + ("" if kind.once else "_{days}d"),
        means="{means}"
        + (", {area}" if area else "")
        + ("" if kind.once else ", in the last {asked} days")
        + f": {kind.means}",
        when_low=_sentence_of(declared, declared.when_low),
        when_high=_sentence_of(declared, declared.when_high),
        polarity=declared.polarity,
        only=only,
        subject=area,
        actionable=declared.actionable,
        words={"means": declared.means, "area": area},
    )


def _sentence_of(declared: DeclaredFamily, sentence: str) -> str:
    """Its sentence; where it declares none, a slope is told as a rise or a fall rather than as a share of its mean."""
    if declared.measure != "slope" or sentence != PLAIN:
        return sentence
    return sentence.replace("{value}", "{value:course}").replace("{usual}", "{usual:course}")


def _kind(declared: DeclaredFamily) -> MeasureKind:
    """The kind of measure it names, as it declares it."""
    kind = (USAGE if declared.source == "usage_events" else TICKETS)[declared.measure]
    if declared.measure == "quantile":
        kind = replace(kind, of=partial(DailyQuantile, share=declared.at))
    if declared.half_life is not None:
        kind = kind.halved_every(declared.half_life)
    if declared.source == "support_tickets":
        where, share = declared.where, declared.measure == "share"
        needs = tuple((declared.source, column) for column in ("priority", "category") if getattr(where, column))
        kind = replace(kind, of=lambda days: MatchingShare(days, where.priority, where.category, share), needs=needs)
    absent = kind.absent if declared.absent is None else _absent(declared)
    return replace(kind, unit=declared.unit or kind.unit, absent=absent)


def _stem(declared: DeclaredFamily, area: str) -> str:
    stem = declared.name.replace(".", "_")
    return f"{stem}_{column_safe(area).removeprefix('event_')}" if area else stem


def _absent(declared: DeclaredFamily) -> float | None:
    return None if declared.absent == "missing" else declared.absent


def _trend(declared: DeclaredFamily, kind: MeasureKind, short: Feature, long: Feature) -> Feature:
    days, more = short.lookback or 1, long.lookback or 1
    means = declared.means
    return ratio(
        f"{short.name.removesuffix(f'_{days}d')}_trend_{days}d_{more}d",
        family=declared.name,
        means=f"{means}: the last {days} days ÷ the last {more}" + (", a day" if kind.adds_up else ""),
        measure=PeriodRatio(short.name, long.name, more / days if kind.adds_up else 1.0, lived=more),
        when_low=f"{means[:1].upper()}{means[1:]}, last {days} days against its {more}-day level: {{change}}.",
        lookback=more,
        polarity=declared.polarity,
        unit=Unit.RATIO,
        needs_columns=short.needs_columns,
        subject=short.subject,
    )


def _ratio(declared: DeclaredFamily, days: int) -> Feature:
    top, bottom = f"{declared.top}_{days}d", f"{declared.bottom}_{days}d"
    words = {"means": declared.means, "days": str(days), "area": ""}
    return ratio(
        f"{_stem(declared, '')}_{days}d",
        family=declared.name,
        means=f"{declared.means}: {top} ÷ {bottom}",
        measure=Ratio(top, bottom),
        when_low=sentence(declared.when_low, words),
        when_high=sentence(declared.when_high, words),
        lookback=days,
        absent=_absent(declared),
        polarity=declared.polarity,
        unit=declared.unit or Unit.SHARE,
        actionable=declared.actionable,
    )


def _placed(declared: DeclaredFamily, of: Feature, among: str) -> Feature:
    place = (of.name, f"account_{among}")
    return Feature(
        name=f"{of.name}_in_{among}",
        family=declared.name,
        means=f"share of the accounts of its {among} in training with no more {of.name}",
        grain=Grain.PLACED,
        measure=placed,
        polarity=declared.polarity,
        unit=Unit.SHARE,
        when_low=f"Of its {among.replace('_', ' ')}, {{value}} of the accounts had no more: {declared.means}.",
        lookback=of.lookback,
        made_of=place,
        needs_columns=of.needs_columns,
        subject=of.subject,
        placed=place,
    )
