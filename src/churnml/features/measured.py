"""One door to features of one measure: ours and a project's own are both declared, and made into features here.

A declaration names a measure (:data:`USAGE`, :data:`TICKETS`), says what it means in words, and becomes a feature a
lookback.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from churnml.features.declare import Feature, Grain, Measure, Polarity, Unit
from churnml.features.levels import level_of
from churnml.features.measures import (
    Acceleration,
    Count,
    DailyQuantile,
    DistinctNames,
    Entropy,
    ExtremeQuantity,
    Gap,
    KnownShare,
    MeanQuantity,
    OwnPast,
    Quantity,
    Share,
    SinceFirst,
    SinceLast,
    Slope,
    Streak,
    Sum,
)
from churnml.features.ratios import PeriodRatio

Columns = tuple[tuple[str, str], ...]
# Recency stops here: whoever was last seen longer ago counts as seen this long ago.
RECENCY_CAP = 365
_QUANTITY: Columns = (("usage_events", "quantity"),)
USER: Columns = (("usage_events", "user_id"),)


@dataclass(frozen=True)
class MeasureKind:
    """What a measure's name in YAML stands for.

    Args:
        grain: the rows it aggregates.
        of: from the lookback in days to the measure.
        unit: how its values are written.
        absent: its value where there is nothing.
        means: one sentence for the documentation; ``{days}`` is the lookback.
        needs: columns it cannot do without.
        narrow: whether ``where`` and ``by`` can narrow it to event names.
        once: it has no lookback, so it gives one feature.
        adds_up: twice the days hold twice as much, where nothing changes.
        level: of a level, what is counted a week.
    """

    grain: Grain
    of: Callable[[int], Measure]
    unit: Unit
    absent: float | None
    means: str
    needs: Columns = ()
    narrow: bool = True
    once: bool = False
    adds_up: bool = False
    level: str = ""

    def halved_every(self, half_life: int) -> MeasureKind:
        """The level with a half-life of its own, in days."""
        return replace(self, of=partial(level_of, self.level, half_life=half_life))


_stretch = partial(MeasureKind, Grain.STRETCH)
_day = partial(MeasureKind, Grain.DAY)

USAGE: Mapping[str, MeasureKind] = {
    "count": _stretch(lambda n: Sum("events", n), Unit.COUNT, 0.0, "how many events", adds_up=True),
    "sum": _stretch(Quantity, Unit.COUNT, 0.0, "sum of quantities", _QUANTITY, adds_up=True),
    "mean": _stretch(MeanQuantity, Unit.COUNT, None, "mean quantity of an event", _QUANTITY),
    "min": _stretch(lambda n: ExtremeQuantity(n, False), Unit.COUNT, None, "smallest quantity", _QUANTITY),
    "max": _stretch(lambda n: ExtremeQuantity(n, True), Unit.COUNT, None, "largest quantity", _QUANTITY),
    "active_days": _stretch(
        lambda n: Sum("active_days", n), Unit.COUNT, 0.0, "days with at least one event", adds_up=True
    ),
    "users": MeasureKind(Grain.USER, Count, Unit.COUNT, 0.0, "different users", USER, narrow=False),
    "event_names": _stretch(DistinctNames, Unit.COUNT, 0.0, "different event names", narrow=False),
    "entropy": MeasureKind(
        Grain.NAME, Entropy, Unit.SCORE, None, "how evenly events are spread over names", narrow=False
    ),
    "quantile": _day(
        lambda n: DailyQuantile(n, 0.5), Unit.COUNT, 0.0, "a quantile (at:) of the events of days with use"
    ),
    "streak": _day(Streak, Unit.COUNT, 0.0, "most days in a row with use"),
    "current_streak": _day(
        lambda n: Streak(n, current=True), Unit.COUNT, 0.0, "days in a row with use, up to yesterday"
    ),
    "gap_mean": _day(lambda n: Gap(n, False), Unit.DAYS, None, "mean days between days with use"),
    "gap_longest": _day(lambda n: Gap(n, True), Unit.DAYS, None, "longest pause between days with use"),
    "weekend_share": _stretch(lambda n: Share("weekend_events", n), Unit.SHARE, None, "share on Saturdays and Sundays"),
    "office_share": _stretch(lambda n: KnownShare("office_events", n), Unit.SHARE, None, "share in office hours"),
    "slope": _stretch(Slope, Unit.SHARE, None, "rise or fall as a share of the mean"),
    "acceleration": _stretch(Acceleration, Unit.SHARE, None, "whether a rise or fall speeds up (three spans)"),
    "own_past": _day(
        lambda n: OwnPast(max(n // 7 - 1, 1)), Unit.SCORE, 0.0, "newest week against its own weeks before"
    ),
    "level": MeasureKind(
        Grain.WEEK,
        partial(level_of, "events"),
        Unit.COUNT,
        0.0,
        "level of events a week, smoothly (`half_life:` in days)",
        level="events",
    ),
    "users_level": MeasureKind(
        Grain.WEEK_USERS,
        partial(level_of, "users"),
        Unit.COUNT,
        0.0,
        "level of users a week, smoothly (`half_life:` in days)",
        USER,
        narrow=False,
        level="users",
    ),
    "days_since_last": MeasureKind(
        Grain.LIFE,
        lambda _: SinceLast(RECENCY_CAP),
        Unit.DAYS,
        float(RECENCY_CAP),
        f"days since the last, at most {RECENCY_CAP}",
        once=True,
    ),
    "days_since_first": MeasureKind(
        Grain.LIFE, lambda _: SinceFirst(), Unit.DAYS, None, "days since the first", once=True
    ),
}

TICKETS: Mapping[str, MeasureKind] = {
    "count": MeasureKind(Grain.TICKET, Count, Unit.COUNT, 0.0, "how many tickets were opened", adds_up=True),
    "share": MeasureKind(Grain.TICKET, Count, Unit.SHARE, None, "their share of the tickets opened"),
}


@dataclass(frozen=True)
class MeasuredFeatures:
    """Features of one measure, a feature a lookback.

    Args:
        kind: what is measured.
        family: the family they belong to.
        name: their name; ``{days}`` is the lookback, ``{weeks}`` the whole weeks in it before the newest.
        means, when_low, when_high, when_absent: as in :class:`Feature`; ``{days}`` and ``words`` are filled in, and
            ``{asked}``, how far back the measure looks for that.
        polarity, only, subject, actionable: as in :class:`Feature`.
        only_low: as in :class:`Feature`.
        words: what else is filled in.
    """

    kind: MeasureKind
    family: str
    name: str
    means: str
    when_low: str
    when_high: str = ""
    when_absent: str = ""
    polarity: Polarity = Polarity.HEALTHIER
    only: tuple[str, ...] = ()
    subject: str = ""
    actionable: bool = True
    only_low: bool = False
    words: Mapping[str, str] = field(default_factory=dict)

    def features(self, lookbacks: tuple[int, ...]) -> tuple[Feature, ...]:
        """A feature a lookback, each beside the longest."""
        return tuple(self.feature(days, max(lookbacks)) for days in lookbacks)

    def feature(self, days: int, longest: int) -> Feature:
        """The feature of a lookback; ``longest`` is the one that tells what was usual for the account itself."""
        kind, measure = self.kind, self.kind.of(days)
        asked = max(getattr(measure, "ages", ()), default=days)
        words = {**self.words, "days": str(days), "weeks": str(days // 7 - 1), "asked": str(asked)}
        low, high, absent = (sentence(text, words) for text in (self.when_low, self.when_high, self.when_absent))
        return Feature(
            name=_filled(self.name, words),
            family=self.family,
            means=_filled(self.means, words),
            grain=kind.grain,
            measure=measure,
            polarity=self.polarity,
            unit=kind.unit,
            when_low=low,
            when_high=high,
            when_absent=absent,
            absent=kind.absent,
            lookback=RECENCY_CAP if kind.once else asked,
            needs_columns=kind.needs,
            subject=self.subject,
            actionable=self.actionable,
            only_low=self.only_low,
            only=self.only,
            before=(_filled(self.name, {"days": str(longest)}), longest) if kind.adds_up and longest > days else None,
        )


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: words.get(match.group(1), match.group(0)), text)


def sentence(text: str, words: Mapping[str, str]) -> str:
    """A sentence with ``words`` filled in, their own braces kept as they are."""
    # what stays in braces is filled in when a person reads it
    filled = _filled(text, {name: word.replace("{", "{{").replace("}", "}}") for name, word in words.items()})
    return filled[:1].upper() + filled[1:]


# One feature ÷ another: its measure is a Ratio, or a PeriodRatio where that compares two periods.
ratio = partial(Feature, grain=Grain.MADE, polarity=Polarity.HEALTHIER, unit=Unit.SHARE)


def trend(stem: str, family: str, subject: str, short: int, long: int) -> Feature:
    """What adds up over days, a day, in a short lookback ÷ the same in a long one."""
    return ratio(
        f"{stem}_trend_{short}d_{long}d",
        family=family,
        means=f"{subject} a day in the last {short} days ÷ the same in the last {long} days",
        measure=PeriodRatio(f"{stem}_{short}d", f"{stem}_{long}d", long / short, lived=long),
        when_low=f"{subject.capitalize()} in the last {short} days, against its {long}-day level: {{change}}.",
        when_absent=f"No {subject} in the last {short} days, though there were some in the last {long}.",
        lookback=long,
        unit=Unit.RATIO,
    )


def column_safe(event: str) -> str:
    """A column name for an event name, whatever characters that has; different names stay different."""
    plain = re.sub(r"[^a-z0-9]+", "_", event.lower()).strip("_")
    if plain == event:
        return f"event_{plain}"
    return f"event_{plain[:40]}_{hashlib.sha256(event.encode()).hexdigest()[:8]}".replace("__", "_")


def measures_page() -> list[str]:
    """The measures a family can name, as lines of a table."""
    lines = ["| source | measure | what it is | narrowed by event |", "|---|---|---|---|"]
    for source, kinds in (("usage_events", USAGE), ("support_tickets", TICKETS)):
        for name, kind in kinds.items():
            narrowed = "yes" if source == "usage_events" and kind.narrow else "–"
            lines.append(f"| `{source}` | `{name}` | {kind.means} | {narrowed} |")
    lines.append("| any | `ratio` | one feature ÷ another (`top`, `bottom`) of the same lookback | – |")
    return lines
