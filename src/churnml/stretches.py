"""Many cutoffs and lookbacks out of one roll-up, at little more than the cost of one.

Where a cutoff or a lookback begins, time is cut; between two cuts lies a **stretch** of days. A roll-up is
summed once by account and stretch, and every window is a handful of whole stretches. Users (and rare event
names) become one whole number each, a bit a stretch, and a window asks whether any of its bits is set.

What arrived late is kept apart where it matters: a row is *settled* when every cutoff after its day also
lies after the day it was known, and only the others are looked at cutoff by cutoff.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.lazy import ibis
from churnml.rollups import (
    BITS,
    SHIFT,
    all_known,
    any_bit,
    dated,
    first_day,
    name_bit,
    popcount,
    shifted_one,
    sums_of_events,
    total,
    without_hours,
)
from churnml.tables import Relation, UnrolledUsage
from churnml.timeline import day_number_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import ArrayLike

KEY = ["account_id", "as_of"]


def _zero() -> ir.IntegerScalar:
    return ibis.literal(0, "int64")


@dataclass(frozen=True)
class Stretches:
    """The days before some cutoffs, cut at every cutoff and at the beginning of every lookback.

    Args:
        cutoffs: day numbers, ascending.
        lookbacks: days back, ascending.
        spans: half-open spans of day numbers, ascending, none longer than BITS days and none that no
            window covers.
    """

    cutoffs: tuple[int, ...]
    lookbacks: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    def next_cutoff(self, place: int) -> int:
        """The first cutoff that may look at a stretch."""
        end = self.spans[place][1]
        return next(cutoff for cutoff in self.cutoffs if cutoff >= end)

    def seen_from(self, cutoff: int, lookback: int) -> list[int]:
        """The stretches that make up a window."""
        return [n for n, (start, end) in enumerate(self.spans) if start >= cutoff - lookback and end <= cutoff]


def cut(cutoffs: Iterable[int], lookbacks: Iterable[int]) -> Stretches:
    """Cuts the days before ``cutoffs`` (day numbers) so that every window is made of whole stretches."""
    days, back = tuple(sorted(set(cutoffs))), tuple(sorted(set(lookbacks)))
    points = sorted({day - n for day in days for n in (0, *back)})
    spans = []
    for start, end in pairwise(points):
        if any(start >= day - back[-1] and end <= day for day in days):
            spans += [(at, min(at + BITS, end)) for at in range(start, end, BITS)]
    return Stretches(days, back, tuple(spans))


def cutoff_relation(cutoffs: Iterable[dt.date]) -> Relation:
    """``as_of`` (midnight) and ``as_of_day`` for each cutoff."""
    return _cutoffs(day_number_of(day) for day in cutoffs)


def _cutoffs(days: Iterable[int], **columns: Mapping[int, int]) -> Relation:
    different = sorted(set(days))
    frame = pd.DataFrame({"as_of": _midnights(different), "as_of_day": np.array(different, dtype="int32")})
    for name, values in columns.items():
        frame[name] = np.array([values[day] for day in different], dtype="int64")
    return ibis.memtable(frame)


def _midnights(days: ArrayLike) -> np.ndarray:
    return np.asarray(days, dtype="int64").astype("datetime64[D]").astype("datetime64[us]")


def covered_days(cutoffs: Iterable[int], first: int, last: int) -> Relation:
    """``day, as_of, as_of_day`` for every day from ``as_of + first`` to ``as_of + last``, both included."""
    days = np.array(sorted(set(cutoffs)), dtype="int32")
    reach = np.arange(first, last + 1, dtype="int32")
    as_of_day = np.repeat(days, len(reach))
    day = as_of_day + np.tile(reach, len(days))
    return ibis.memtable(pd.DataFrame({"day": day, "as_of": _midnights(as_of_day), "as_of_day": as_of_day}))


# ---------------------------------------------------------------- additive measures

# How a roll-up's columns are merged; what is not named here is summed.
_MERGED: Mapping[str, Callable[[ir.IntegerColumn], ir.IntegerScalar]] = {
    "quantity_min_micro": lambda column: column.min(),
    "quantity_max_micro": lambda column: column.max(),
    "names": any_bit,
    "days": any_bit,
    "last_day": lambda column: column.max(),
    # of dates without hours it is not known
    "office_events": all_known,
}
_KEPT_APART = {"account_id", "event", "area", "day", "known_day"}


def by_stretch(
    rollup: Relation, cutoffs: Sequence[int], lookbacks: Sequence[int], *, by: str | None = None
) -> Relation:
    """A roll-up by day as one row per account, cutoff and stretch (and ``by``), as known at the cutoff.

    Returns:
        ``account_id, as_of, [by,] age, last_age``, the roll-up's columns merged over the stretch, and
        ``active_days``, ``weekend_events``, ``aged_events`` (events × their age in days). ``age`` is that
        of the stretch's first day, so a row lies within n days exactly when ``age <= n``.
    """
    cuts = cut(cutoffs, lookbacks)
    keys = ["account_id", *([by] if by else [])]
    rows = _with_stretch(rollup, cuts)
    per = rows.group_by([*keys, "stretch", "late_day"]).aggregate(**_merged(rows, rollup))
    return _as_known(per, cuts, keys)


def unrolled_by_stretch(usage: UnrolledUsage, cutoffs: Sequence[int], lookbacks: Sequence[int]) -> Relation:
    """What :func:`by_stretch` gives of ``usage_days``, of events without a roll-up: one row an account and stretch
    comes straight from them, and nothing is kept by the day.

    The same to the bit, unless an account's quantities of a day pass what a sum is cut off at.
    """
    cuts = cut(cutoffs, lookbacks)
    rows = _with_stretch(_covered(usage, cuts), cuts)
    sums = sums_of_events(rows, usage.parts)
    per = rows.group_by(["account_id", "stretch", "late_day"]).aggregate(
        **sums,
        names=any_bit(name_bit(rows["event"], usage.names)),
        days=any_bit(rows["bit"]),
        last_day=rows["day"].max(),
        weekend_events=total(_on_weekend(rows).cast("int32")),
        dated_events=total(rows["day"].cast("int64")),
    )
    return _as_known(per if usage.hours else without_hours(per), cuts, ["account_id"])


def _covered(usage: UnrolledUsage, cuts: Stretches) -> Relation:
    """The events of days that some window covers, with their days; whole parts of a file need not be read."""
    first, after = _midnights([cuts.spans[0][0], cuts.spans[-1][1]]).tolist()
    at = usage.events["occurred_at"]
    return dated(usage.events.filter((at >= ibis.timestamp(first)) & (at < ibis.timestamp(after))), usage.parts)


def _with_stretch(rows: Relation, cuts: Stretches) -> Relation:
    """Rows of covered days with their ``stretch``, their day's ``bit`` in it, and ``late_day``: when they were known
    if some cutoff would have looked at them too early, else 0."""
    rows = rows.join(_stretch_of_day(cuts), "day")
    late = ibis.ifelse(rows["known_day"] >= rows["next_cutoff"], rows["known_day"], ibis.literal(0, "int32"))
    return rows.mutate(late_day=late, bit=shifted_one(rows["day"] - rows["start"]))


def _as_known(per: Relation, cuts: Stretches, keys: list[str]) -> Relation:
    settled = per.filter(per["late_day"] == 0).drop("late_day")
    reach = _reach(cuts)
    in_time = _seen(settled.mutate(active_days=popcount(settled["days"])).join(reach, "stretch"), keys)
    return ibis.union(in_time, _seen(_late(per, settled, reach, keys), keys))


def _merged(rows: Relation, rollup: Relation) -> dict[str, ir.IntegerScalar]:
    merged = {name: _MERGED.get(name, total)(rows[name]) for name in rollup.columns if name not in _KEPT_APART}
    return merged | {
        "days": any_bit(rows["bit"]),
        "last_day": rows["day"].max(),
        "weekend_events": total(ibis.ifelse(_on_weekend(rows), rows["events"], _zero())),
        "dated_events": total(rows["events"] * rows["day"].cast("int64")),
    }


def _on_weekend(rows: Relation) -> ir.BooleanValue:
    return ((rows["day"] + SHIFT + WEEKDAY_OF_DAY_0) % 7) >= 5


# Day number 0 was a Thursday; SHIFT is not a multiple of 7.
WEEKDAY_OF_DAY_0 = (3 - SHIFT) % 7


def _late(per: Relation, settled: Relation, reach: Relation, keys: list[str]) -> Relation:
    """What was known only after some cutoff, cutoff by cutoff; days already seen in time count once."""
    late = per.filter(per["late_day"] > 0).join(reach, "stretch")
    late = late.filter(late["late_day"] < late["as_of_day"])
    kept = [*keys, "stretch", "as_of", "as_of_day", "age"]
    merged = {c: _MERGED.get(c, total)(late[c]) for c in late.columns if c not in {*kept, "late_day"}}
    late = late.group_by(kept).aggregate(**merged)
    in_time = settled.select(*keys, "stretch", days_in_time="days")
    late = late.left_join(in_time, [*keys, "stretch"])
    late = late.mutate(active_days=popcount(late["days"] & ~late["days_in_time"].fill_null(0)))
    return late.drop(*[c for c in late.columns if c.endswith("_right")], "days_in_time")


def _seen(rows: Relation, keys: list[str]) -> Relation:
    dropped = {*keys, "as_of", "as_of_day", "age", "stretch", "days", "last_day", "dated_events"}
    return rows.select(
        *keys,
        "as_of",
        "age",
        *sorted(column for column in rows.columns if column not in dropped),
        last_age=rows["as_of_day"] - rows["last_day"],
        aged_events=rows["as_of_day"].cast("int64") * rows["events"] - rows["dated_events"],
    )


def _stretch_of_day(cuts: Stretches) -> Relation:
    rows = [
        (day, place, start, cuts.next_cutoff(place))
        for place, (start, end) in enumerate(cuts.spans)
        for day in range(start, end)
    ]
    return ibis.memtable(pd.DataFrame(rows, columns=["day", "stretch", "start", "next_cutoff"]).astype("int32"))


def _reach(cuts: Stretches) -> Relation:
    rows = [
        (place, cutoff, cutoff - cuts.spans[place][0])
        for cutoff in cuts.cutoffs
        for place in cuts.seen_from(cutoff, cuts.lookbacks[-1])
    ]
    frame = pd.DataFrame(rows, columns=["stretch", "as_of_day", "age"]).astype("int32")
    return ibis.memtable(frame.assign(as_of=_midnights(frame["as_of_day"])))


# ---------------------------------------------------------------- a whole life


def lives(rollup: Relation, cutoffs: Sequence[int]) -> Relation:
    """One row or more per account and cutoff: ``first_age`` and ``last_age`` of what was known by then, ever."""
    days = sorted(set(cutoffs))
    steps = [(rollup["day"] < day, ibis.literal(place, "int32")) for place, day in enumerate(days)]
    rows = rollup.filter(rollup["day"] < days[-1]).mutate(step=ibis.cases(*steps, else_=ibis.null("int32")))
    next_cutoff = rows["step"].cases(*[(place, day) for place, day in enumerate(days)], else_=days[-1])
    late = ibis.ifelse(rows["known_day"] >= next_cutoff, rows["known_day"], ibis.literal(0, "int32"))
    per = rows.group_by(account_id=rows["account_id"], step=rows["step"], late_day=late).aggregate(
        first_day=rows["day"].min(), last_day=rows["day"].max()
    )
    reach = pd.DataFrame([(early, day) for place, day in enumerate(days) for early in range(place + 1)])
    reach.columns = pd.Index(["step", "as_of_day"])
    frame = reach.astype("int32").assign(as_of=_midnights(reach["as_of_day"]))
    per = per.join(ibis.memtable(frame), "step")
    per = per.filter(per["late_day"] < per["as_of_day"])
    return per.select(*KEY, first_age=per["as_of_day"] - per["first_day"], last_age=per["as_of_day"] - per["last_day"])


# ---------------------------------------------------------------- who was there


def presence(rollup: Relation | UnrolledUsage, who: str, cutoffs: Sequence[int], lookbacks: Sequence[int]) -> Relation:
    """One row per account, cutoff and user (or name) seen within the longest lookback, as known then.

    Returns:
        ``account_id, as_of, <who>, age``: the shortest of ``lookbacks`` within which it was seen, so that
        it was seen within n days exactly when ``age <= n``, for every n of ``lookbacks``.
    """
    back = tuple(sorted(set(lookbacks)))
    parts = [_presence(rollup, who, cut(some, back)) for some in _few(sorted(set(cutoffs)), back)]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def presence_counts(
    rollup: Relation | UnrolledUsage, who: str, cutoffs: Sequence[int], lookbacks: Sequence[int]
) -> Relation:
    """How many users (or names) :func:`presence` gives, without a row for each.

    Returns:
        ``account_id, as_of, seen_<n>`` for every n of ``lookbacks``; a row or two per account and cutoff, to be summed.
    """
    back = tuple(sorted(set(lookbacks)))
    parts = [_presence_counts(rollup, who, cut(some, back)) for some in _few(sorted(set(cutoffs)), back)]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _presence_counts(rollup: Relation | UnrolledUsage, who: str, cuts: Stretches) -> Relation:
    rows = _with_stretch_bits(rollup, who, cuts)
    base = _settled(rows, who, cuts)
    plain = base.filter(base["hidden"] == 0)
    # every window is asked of every user at once; only the counts meet the cutoffs
    masks = {(c, n): sum(1 << p for p in cuts.seen_from(c, n)) for c in cuts.cutoffs for n in cuts.lookbacks}
    wide = plain.group_by("account_id").aggregate(
        **{
            f"seen_{c}_{n}": ((plain["seen"] & ibis.literal(mask, "int64")) != 0).sum().cast("int64")
            for (c, n), mask in masks.items()
        }
    )
    tall = wide.cross_join(_cutoffs(cuts.cutoffs))
    picked = {
        f"seen_{n}": tall["as_of_day"].cases(*[(c, tall[f"seen_{c}_{n}"]) for c in cuts.cutoffs], else_=_zero())
        for n in cuts.lookbacks
    }
    some = _aged(_with_late(base, rows, who, cuts), who, cuts)
    counted = {f"seen_{n}": (some["age"] <= n).sum().cast("int64") for n in cuts.lookbacks}
    return ibis.union(tall.select(*KEY, **picked), some.group_by(KEY).aggregate(**counted).select(*KEY, *picked))


def _few(cutoffs: Sequence[int], lookbacks: Sequence[int]) -> Iterator[list[int]]:
    """The cutoffs in groups whose stretches fit into the bits of one number."""
    group: list[int] = []
    for cutoff in cutoffs:
        if group and len(cut([*group, cutoff], lookbacks).spans) > BITS:
            yield group
            group = []
        group.append(cutoff)
    yield group


def _presence(rollup: Relation | UnrolledUsage, who: str, cuts: Stretches) -> Relation:
    rows = _with_stretch_bits(rollup, who, cuts)
    base = _settled(rows, who, cuts)
    plain = base.filter(base["hidden"] == 0).cross_join(_windows(cuts))
    return ibis.union(_aged(plain, who, cuts), _aged(_with_late(base, rows, who, cuts), who, cuts))


def _settled(rows: Relation, who: str, cuts: Stretches) -> Relation:
    """One row per account and user: the stretches every window may see, and whether there are ``hidden`` ones."""
    rows = _with_hidden(rows, cuts)
    return rows.group_by(["account_id", who]).aggregate(seen=any_bit(rows["settled"]), hidden=any_bit(rows["hidden"]))


def _with_hidden(rows: Relation, cuts: Stretches) -> Relation:
    # settled: its stretches' next cutoff lies after the day it was known, so every window may see it
    if "hidden" not in rows.columns:
        rows = rows.mutate(hidden=rows["seen"] & _before(rows["late_day"], cuts))
    # what is hidden is part of what is seen, so the difference is the rest of the bits
    return rows.mutate(settled=rows["seen"] - rows["hidden"])


def _with_late(base: Relation, rows: Relation, who: str, cuts: Stretches) -> Relation:
    """Those of ``base`` who were also known late, cutoff by cutoff."""
    keys, windows = ["account_id", who], _windows(cuts)
    some = base.filter(base["hidden"] != 0).cross_join(windows)
    rows = _with_hidden(rows, cuts)
    late = rows.filter(rows["hidden"] != 0).select(*keys, "late_day", late="hidden")
    at = windows.select("as_of", "as_of_day")
    late = late.join(at, [late["late_day"] < at["as_of_day"]])
    late = late.group_by([*keys, "as_of"]).aggregate(late=any_bit(late["late"]))
    some = some.left_join(late, [*keys, "as_of"])
    return some.mutate(seen=some["seen"] | some["late"].fill_null(0))


def _with_stretch_bits(rollup: Relation | UnrolledUsage, who: str, cuts: Stretches) -> Relation:
    """A presence roll-up, or events, with ``seen``: a bit for each stretch with at least one of its days."""
    if isinstance(rollup, UnrolledUsage):
        rows = _with_stretch(_covered(rollup, cuts), cuts)
        seen = shifted_one(rows["stretch"])
        # an event lies in one stretch, so that all of it is hidden or nothing
        hidden = ibis.ifelse(rows["late_day"] > 0, seen, _zero())
        return rows.filter(rows[who].notnull()).select("account_id", who, "late_day", seen=seen, hidden=hidden)
    blocks: dict[int, ir.IntegerValue] = {}
    for place, (start, end) in enumerate(cuts.spans):
        for block in range((start + SHIFT) // BITS, (end - 1 + SHIFT) // BITS + 1):
            low, high = max(start - first_day(block), 0), min(end - first_day(block), BITS)
            mask = ibis.literal((1 << high) - (1 << low), "int64")
            bit = ibis.ifelse((rollup["days"] & mask) != 0, ibis.literal(1 << place, "int64"), _zero())
            blocks[block] = blocks[block] + bit if block in blocks else bit
    seen = rollup["block"].cases(*blocks.items(), else_=_zero())
    rows = rollup.filter(rollup["block"].between(min(blocks), max(blocks))).mutate(seen=seen)
    return rows.filter(rows["seen"] != 0)


def _before(late_day: ir.IntegerColumn, cuts: Stretches) -> ir.IntegerValue:
    """The bits of stretches that some cutoff up to ``late_day`` would have looked at too early."""
    steps, bits = [], 0
    for cutoff in cuts.cutoffs:
        steps.append((late_day < cutoff, ibis.literal(bits, "int64")))
        for place in range(len(cuts.spans)):
            if cuts.next_cutoff(place) == cutoff:
                bits |= 1 << place
    return ibis.cases(*steps, else_=ibis.literal(bits, "int64"))


def _windows(cuts: Stretches) -> Relation:
    masks = {
        f"within_{n}": {c: sum(1 << place for place in cuts.seen_from(c, n)) for c in cuts.cutoffs}
        for n in cuts.lookbacks
    }
    return _cutoffs(cuts.cutoffs, **masks)


def _aged(rows: Relation, who: str, cuts: Stretches) -> Relation:
    rows = rows.filter((rows["seen"] & rows[f"within_{cuts.lookbacks[-1]}"]) != 0)
    ages = [((rows["seen"] & rows[f"within_{n}"]) != 0, ibis.literal(n, "int32")) for n in cuts.lookbacks]
    return rows.select("account_id", "as_of", who, age=ibis.cases(*ages, else_=ibis.null("int32")))


def activity(rollup: Relation, who: str, cutoffs: Sequence[int], lookbacks: Sequence[int]) -> Relation:
    """One row per account, cutoff and user: on how many days it was seen within each lookback, as known then.

    Returns:
        ``account_id, as_of, <who>, days_<n>`` for every n of ``lookbacks``.
    """
    back = tuple(sorted(set(lookbacks)))
    spans = []
    for cutoff in sorted(set(cutoffs)):
        for block in range((cutoff - back[-1] + SHIFT) // BITS, (cutoff - 1 + SHIFT) // BITS + 1):
            masks = [_within(block, cutoff - n, cutoff) for n in back]
            spans.append((block, cutoff, *masks))
    columns = [f"mask_{n}" for n in back]
    frame = pd.DataFrame(spans, columns=["block", "as_of_day", *columns])
    frame = frame.astype({"block": "int32", "as_of_day": "int32"}).assign(as_of=_midnights(frame["as_of_day"]))
    windows = ibis.memtable(frame)
    rows = rollup.join(windows, "block")
    rows = rows.filter((rows["late_day"] < rows["as_of_day"]) & ((rows["days"] & rows[columns[-1]]) != 0))
    # a day counts once, whether it was known in time, late, or both
    per = rows.group_by(["account_id", "as_of", who, "block", *columns]).aggregate(days=any_bit(rows["days"]))
    counted = {f"days_{n}": popcount(per["days"] & per[f"mask_{n}"]).sum().cast("int64") for n in back}
    return per.group_by(["account_id", "as_of", who]).aggregate(**counted)


def _within(block: int, start: int, end: int) -> int:
    low, high = max(start - first_day(block), 0), min(end - first_day(block), BITS)
    return (1 << high) - (1 << low) if high > low else 0
