"""Families a project declares in YAML: measure × where × lookback × by, each with its meaning and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from string import Formatter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churnml.features.declare import Family, Feature, Grain, Measure, Polarity, Unit, Wish, longest
from churnml.features.measures import (
    Acceleration,
    Count,
    DailyQuantile,
    DistinctNames,
    Entropy,
    ExtremeQuantity,
    Gap,
    MatchingShare,
    MeanQuantity,
    OwnPast,
    Quantity,
    Ratio,
    Share,
    SinceFirst,
    SinceLast,
    Slope,
    Streak,
    Sum,
    placed,
)
from churnml.features.usage import RECENCY_CAP, column_safe


@dataclass(frozen=True)
class MeasureKind:
    """What a measure's name in YAML stands for.

    Args:
        grain: the rows it aggregates.
        of: from the lookback in days (and ``at``, the quantile) to the measure.
        unit: how its values are written.
        absent: its value where there is nothing.
        means: one sentence for the documentation; ``{days}`` is the lookback.
        column: a column of usage_events it cannot do without.
        narrow: whether ``where`` and ``by`` can narrow it to event names.
        once: it has no lookback, so it gives one feature.
    """

    grain: Grain
    of: Callable[[int, float], Measure]
    unit: Unit
    absent: float | None
    means: str
    column: str = ""
    narrow: bool = True
    once: bool = False


USAGE: Mapping[str, MeasureKind] = {
    "count": MeasureKind(Grain.STRETCH, lambda n, _: Sum("events", n), Unit.COUNT, 0.0, "how many events"),
    "sum": MeasureKind(Grain.STRETCH, lambda n, _: Quantity(n), Unit.COUNT, 0.0, "sum of quantities", "quantity"),
    "mean": MeasureKind(
        Grain.STRETCH, lambda n, _: MeanQuantity(n), Unit.COUNT, None, "mean quantity of an event", "quantity"
    ),
    "min": MeasureKind(
        Grain.STRETCH, lambda n, _: ExtremeQuantity(n, False), Unit.COUNT, None, "smallest quantity", "quantity"
    ),
    "max": MeasureKind(
        Grain.STRETCH, lambda n, _: ExtremeQuantity(n, True), Unit.COUNT, None, "largest quantity", "quantity"
    ),
    "active_days": MeasureKind(
        Grain.STRETCH, lambda n, _: Sum("active_days", n), Unit.COUNT, 0.0, "days with at least one event"
    ),
    "users": MeasureKind(
        Grain.USER, lambda n, _: Count(n), Unit.COUNT, 0.0, "different users", "user_id", narrow=False
    ),
    "event_names": MeasureKind(
        Grain.STRETCH, lambda n, _: DistinctNames(n), Unit.COUNT, 0.0, "different event names", narrow=False
    ),
    "entropy": MeasureKind(
        Grain.NAME, lambda n, _: Entropy(n), Unit.SCORE, None, "how evenly events are spread over names", narrow=False
    ),
    "quantile": MeasureKind(
        Grain.DAY,
        lambda n, at: DailyQuantile(n, at),
        Unit.COUNT,
        0.0,
        "a quantile (at:) of the events of days with use",
    ),
    "streak": MeasureKind(Grain.DAY, lambda n, _: Streak(n), Unit.COUNT, 0.0, "most days in a row with use"),
    "current_streak": MeasureKind(
        Grain.DAY, lambda n, _: Streak(n, current=True), Unit.COUNT, 0.0, "days in a row with use, up to yesterday"
    ),
    "gap_mean": MeasureKind(Grain.DAY, lambda n, _: Gap(n, False), Unit.DAYS, None, "mean days between days with use"),
    "gap_longest": MeasureKind(
        Grain.DAY, lambda n, _: Gap(n, True), Unit.DAYS, None, "longest pause between days with use"
    ),
    "weekend_share": MeasureKind(
        Grain.STRETCH, lambda n, _: Share("weekend_events", n), Unit.SHARE, None, "share on Saturdays and Sundays"
    ),
    "office_share": MeasureKind(
        Grain.STRETCH, lambda n, _: Share("office_events", n), Unit.SHARE, None, "share in office hours"
    ),
    "slope": MeasureKind(Grain.STRETCH, lambda n, _: Slope(n), Unit.SHARE, None, "rise or fall as a share of the mean"),
    "acceleration": MeasureKind(
        Grain.STRETCH, lambda n, _: Acceleration(n), Unit.SHARE, None, "whether a rise or fall speeds up (three spans)"
    ),
    "own_past": MeasureKind(
        Grain.DAY, lambda n, _: OwnPast(max(n // 7 - 1, 1)), Unit.SCORE, 0.0, "newest week against its own weeks before"
    ),
    "days_since_last": MeasureKind(
        Grain.LIFE,
        lambda _n, _a: SinceLast(RECENCY_CAP),
        Unit.DAYS,
        float(RECENCY_CAP),
        f"days since the last, at most {RECENCY_CAP}",
        once=True,
    ),
    "days_since_first": MeasureKind(
        Grain.LIFE, lambda _n, _a: SinceFirst(), Unit.DAYS, None, "days since the first", once=True
    ),
}

TICKETS: Mapping[str, MeasureKind] = {
    "count": MeasureKind(Grain.TICKET, lambda n, _: Count(n), Unit.COUNT, 0.0, "how many tickets were opened"),
    "share": MeasureKind(Grain.TICKET, lambda n, _: Count(n), Unit.SHARE, None, "their share of the tickets opened"),
}

# Measures of which twice the days hold twice as much, where nothing changes.
ADDS_UP = ("count", "sum", "active_days")

MEASURES = tuple(dict.fromkeys([*USAGE, *TICKETS, "ratio"]))


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

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$", max_length=60)]
    means: str
    source: Literal["usage_events", "support_tickets"] = "usage_events"
    measure: str
    at: Annotated[float, Field(gt=0, le=1)] = 0.5
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
    when_low: str = "{means}, last {days} days: {value}; {usual} is usual{own}."
    when_high: str = "{means}, last {days} days: {value}; {usual} is usual{own}."

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
        narrowed = bool(self.where.event or self.by)
        if self.source == "usage_events":
            if self.where.priority or self.where.category:
                raise ValueError("where: priority and category are columns of support_tickets")
            if narrowed and not kinds[self.measure].narrow:
                raise ValueError(
                    f"'{self.measure}' cannot be narrowed to event names: roll-ups keep no event by user"
                    if self.measure == "users"
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
    return [f"{name}{spec and ':' + spec}{'!' + way if way else ''}" for name, spec, way in parsed]


def family_of(said: DeclaredFamily) -> Family:
    """The family that a declaration stands for."""
    return Family(said.name, said.source, said.means, lambda wish: _features(said, wish))


def _features(said: DeclaredFamily, wish: Wish) -> tuple[Feature, ...]:
    lookbacks = tuple(sorted(set(said.lookbacks))) or wish.lookbacks
    if said.measure == "ratio":
        return tuple(_ratio(said, n) for n in lookbacks)
    areas: Mapping[str, tuple[str, ...]] = dict(said.by) or {"": said.where.event}
    found = []
    for area, only in areas.items():
        made = [_feature(said, area, only, n, lookbacks) for n in (lookbacks[-1:] if _kind(said).once else lookbacks)]
        if said.trend:
            made += [_trend(said, short, long) for short, long in pairwise(made)]
        if said.among and said.among in wish.static:
            made += [_placed(said, feature, said.among) for feature in made if feature.grain is not Grain.MADE]
        found += made
    return tuple(found)


def _kind(said: DeclaredFamily) -> MeasureKind:
    return (USAGE if said.source == "usage_events" else TICKETS)[said.measure]


def _stem(said: DeclaredFamily, area: str) -> str:
    stem = said.name.replace(".", "_")
    return f"{stem}_{column_safe(area).removeprefix('event_')}" if area else stem


def _feature(said: DeclaredFamily, area: str, only: tuple[str, ...], n: int, lookbacks: tuple[int, ...]) -> Feature:
    kind = _kind(said)
    measure = kind.of(n, said.at)
    if said.source == "support_tickets":
        measure = MatchingShare(n, said.where.priority, said.where.category, share=said.measure == "share")
    asked = max(getattr(measure, "ages", ()), default=n)
    needs = [(said.source, kind.column)] if kind.column else []
    needs += [(said.source, column) for column in ("priority", "category") if getattr(said.where, column)]
    words = {"{means}": said.means, "{days}": str(n), "{area}": area}
    return Feature(
        name=_stem(said, area) if kind.once else f"{_stem(said, area)}_{n}d",
        family=said.name,
        means=f"{said.means}{f', {area}' if area else ''}"
        + ("" if kind.once else f", in the last {asked} days")
        + f": {kind.means}",
        grain=kind.grain,
        measure=measure,
        polarity=said.polarity,
        unit=said.unit or kind.unit,
        when_low=_filled(said.when_low, words),
        when_high=_filled(said.when_high, words),
        absent=kind.absent if said.absent is None else _absent(said),
        lookback=RECENCY_CAP if kind.once else asked,
        needs_columns=tuple(needs),
        subject=area,
        actionable=said.actionable,
        only=only,
        before=longest(_stem(said, area), n, lookbacks) if said.measure in ADDS_UP else None,
    )


def _absent(said: DeclaredFamily) -> float | None:
    return None if said.absent == "missing" else said.absent


def _filled(sentence: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        # what stays in braces is filled in when a person reads it
        sentence = sentence.replace(name, word.replace("{", "{{").replace("}", "}}"))
    return sentence[:1].upper() + sentence[1:]


def _trend(said: DeclaredFamily, short: Feature, long: Feature) -> Feature:
    days, more = short.lookback or 1, long.lookback or 1
    additive = said.measure in ADDS_UP
    sentence = f"{said.means[:1].upper()}{said.means[1:]}, last {days} days against its {more}-day level: {{change}}."
    return Feature(
        name=f"{short.name.removesuffix(f'_{days}d')}_trend_{days}d_{more}d",
        family=said.name,
        means=f"{said.means}: the last {days} days ÷ the last {more}" + (", a day" if additive else ""),
        grain=Grain.MADE,
        measure=Ratio(short.name, long.name, more / days if additive else 1.0),
        polarity=said.polarity,
        unit=Unit.RATIO,
        when_low=sentence,
        when_high=sentence,
        lookback=more,
        made_of=(short.name, long.name),
        needs_columns=short.needs_columns,
        subject=short.subject,
    )


def _ratio(said: DeclaredFamily, n: int) -> Feature:
    top, bottom = f"{said.top}_{n}d", f"{said.bottom}_{n}d"
    words = {"{means}": said.means, "{days}": str(n), "{area}": ""}
    return Feature(
        name=f"{_stem(said, '')}_{n}d",
        family=said.name,
        means=f"{said.means}: {top} ÷ {bottom}",
        grain=Grain.MADE,
        measure=Ratio(top, bottom),
        polarity=said.polarity,
        unit=said.unit or Unit.SHARE,
        when_low=_filled(said.when_low, words),
        when_high=_filled(said.when_high, words),
        absent=_absent(said),
        lookback=n,
        made_of=(top, bottom),
        actionable=said.actionable,
    )


def _placed(said: DeclaredFamily, of: Feature, among: str) -> Feature:
    sentence = f"Of its {among.replace('_', ' ')}, {{value}} of the accounts had no more: {said.means}."
    attribute = f"account_{among}"
    return Feature(
        name=f"{of.name}_in_{among}",
        family=said.name,
        means=f"share of the accounts of its {among} in training with no more {of.name}",
        grain=Grain.PLACED,
        measure=placed,
        polarity=said.polarity,
        unit=Unit.SHARE,
        when_low=sentence,
        when_high=sentence,
        lookback=of.lookback,
        made_of=(of.name, attribute),
        needs_columns=of.needs_columns,
        subject=of.subject,
        placed=(of.name, attribute),
    )


def measures_page() -> list[str]:
    """The measures a family can name, as lines of a table."""
    lines = ["| source | measure | what it is | narrowed by event |", "|---|---|---|---|"]
    for source, kinds in (("usage_events", USAGE), ("support_tickets", TICKETS)):
        for name, kind in kinds.items():
            narrowed = "yes" if source == "usage_events" and kind.narrow else "–"
            lines.append(f"| `{source}` | `{name}` | {kind.means} | {narrowed} |")
    lines.append("| any | `ratio` | one feature ÷ another (`top`, `bottom`) of the same lookback | – |")
    return lines
