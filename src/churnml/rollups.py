"""Usage, rolled up once: raw events become compact relations that any cutoff and lookback is cut from.

Every sum is of whole numbers, so a roll-up is the same in any order of the rows, on any number of
threads and on any engine; roll-ups of different batches of events are simply read together. When a fact
was known is kept by the day, so an ``as_of`` of long ago can be replayed as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from churnml.lazy import ibis
from churnml.tables import Relation, whole
from churnml.timeline import day_number

if TYPE_CHECKING:
    import ibis.expr.types as ir

# Days of a block, and event names with a bit of their own: what fits into a whole number on every engine.
BITS = 60
# Makes day numbers positive before they are divided (a multiple of BITS): engines round negatives differently.
SHIFT = 12_200 * BITS
# Quantities are kept in whole millionths; beyond this a sum is cut off.
LARGEST_MICRO = 9_000_000_000_000 * 1_000_000
OFFICE_HOURS = (9, 18)

# What a project's features may ask of the roll-ups beyond counting; each costs time on every event.
USERS, NAMED, QUANTITY, SPREAD, OFFICE = "users", "named", "quantity", "spread", "office"
# The tone of tickets: read once a text, and so asked for like a roll-up.
TONE = "tone"
PARTS = frozenset({USERS, NAMED, QUANTITY, SPREAD, OFFICE, TONE})

RELATIONS: Mapping[str, str] = {
    "usage_days": "account and day",
    "usage_users": "account, user and block of days",
    "usage_rare": "account, rare event name and block of days",
    "usage_named": "account, event name and day",
}


def block_of(day: ir.IntegerValue) -> ir.IntegerValue:
    """The block of BITS days a day number lies in."""
    return ((day + SHIFT) // BITS).cast("int32")


def bit_of(day: ir.IntegerValue) -> ir.IntegerValue:
    """The bit of a day within its block."""
    return shifted_one((day + SHIFT) % BITS)


def first_day(block: int) -> int:
    """The first day number of a block."""
    return block * BITS - SHIFT


def shifted_one(places: ir.IntegerValue) -> ir.IntegerValue:
    """1, shifted left by a column."""
    # a literal 1 is a small number to the engines and would overflow; the largest bit is wide by itself
    return ibis.literal(1 << (BITS - 1), "int64") >> ((BITS - 1) - places).cast("int32")


@cache
def _bit_or(*, filtered: bool) -> Callable[..., ir.IntegerScalar]:
    # a condition that always holds would still be asked of every row
    def bit_or(bits: int) -> int:
        raise NotImplementedError("the engine's own")

    def bit_or_where(bits: int, where: bool = True) -> int:
        raise NotImplementedError("the engine's own")

    aggregate: Callable[..., ir.IntegerScalar] = ibis.udf.agg.builtin(
        bit_or_where if filtered else bit_or, name="bit_or"
    )
    return aggregate


def any_bit(bits: ir.IntegerColumn, where: ir.BooleanValue | None = None) -> ir.IntegerScalar:
    """The bits set in any of the rows (``where``); Ibis has no such aggregate for Spark, though Spark itself has."""
    return _bit_or(filtered=False)(bits) if where is None else _bit_or(filtered=True)(bits, where=where)


def total(column: ir.IntegerColumn) -> ir.IntegerScalar:
    """The sum of a whole-number column, whole, 0 of nothing, cut off at ±LARGEST_MICRO.

    Ibis takes the sum of an int64 for an int64 and drops a cast to it, but engines sum into something wider: the
    detour by a decimal makes it one, in the stored roll-ups too.
    """
    bounded = ibis.greatest(ibis.least(column.sum().fill_null(0), LARGEST_MICRO), -LARGEST_MICRO)
    return bounded.cast("decimal(38, 0)").cast("int64")


def popcount(bits: ir.IntegerValue) -> ir.IntegerValue:
    """How many bits of a non-negative whole number are set (Warren, Hacker's Delight, 2012, ch. 5-1).

    Written out, because no two engines agree on a function for it.
    """

    def mask(pattern: int) -> ir.IntegerScalar:
        return ibis.literal(pattern & ((1 << BITS) - 1), "int64")

    pairs = mask(0x5555555555555555)
    fours = mask(0x3333333333333333)
    bytes_ = mask(0x0F0F0F0F0F0F0F0F)
    counts = bits - ((bits >> 1) & pairs)
    counts = (counts & fours) + ((counts >> 2) & fours)
    counts = (counts + (counts >> 4)) & bytes_
    counts = counts + (counts >> 8)
    counts = counts + (counts >> 16)
    counts = counts + (counts >> 32)
    return counts & ibis.literal(127, "int64")


def roll_up(events: Relation, names: Sequence[str], parts: frozenset[str]) -> dict[str, Relation]:
    """The roll-ups of checked usage events.

    Args:
        events: account_id, occurred_at, known_at, event, user_id, quantity; ``known_at`` filled and not
            before ``occurred_at``.
        names: event names that get a bit of ``usage_days.names``, at most BITS, the same for every batch.
        parts: which of PARTS to keep.

    Returns:
        relation name → relation; see :class:`churnml.tables.Facts` for their columns.
    """
    rows = dated(events, parts)
    rolled = {}
    if NAMED in parts:
        named = rows.group_by(["account_id", "event", "stamp"]).aggregate(**sums_of_events(rows, parts))
        rolled["usage_named"] = _unstamped(named)
    days = rows.group_by(["account_id", "stamp"]).aggregate(
        **sums_of_events(rows, parts), names=any_bit(name_bit(rows["event"], names))
    )
    rolled["usage_days"] = _unstamped(days)
    if USERS in parts:
        rolled["usage_users"] = _presence(rows.filter(rows["user_id"].notnull()), "user_id")
    rare = rows.filter(_place(rows["event"], names) < 0) if names else rows
    rolled["usage_rare"] = _presence(rare, "event")
    return rolled


# Room for the days until a row was known; nobody waits for a row longer than 2,800 years.
_DELAYS = 1 << 20


def _stamped(day: ir.IntegerValue, known_day: ir.IntegerValue) -> ir.IntegerValue:
    """Both days in one number: engines group by one key faster than by two."""
    return (day.cast("int64") + SHIFT) * _DELAYS + (known_day - day)


def _unstamped(rows: Relation) -> Relation:
    shift = _DELAYS.bit_length() - 1
    day = ((rows["stamp"] >> shift) - SHIFT).cast("int32")
    delay = (rows["stamp"] & (_DELAYS - 1)).cast("int32")
    return rows.mutate(day=day, known_day=day + delay).drop("stamp")


_SUMMED = ("events", "quantity_micro", "quantity_events", "office_events")


def days_from_named(named: Relation, names: Sequence[str], parts: frozenset[str]) -> Relation:
    """``usage_days`` out of ``usage_named``, which holds all it needs."""
    sums = {column: total(named[column]) for column in _SUMMED if column in named.columns}
    if SPREAD in parts:
        sums |= _spread(named["quantity_min_micro"], named["quantity_max_micro"])
    return named.group_by(["account_id", "day", "known_day"]).aggregate(
        **sums, names=any_bit(name_bit(named["event"], names))
    )


def without_hours(rolled: Relation) -> Relation:
    """A roll-up of events whose times are dates: which of them fell into office hours nobody knows."""
    if "office_events" not in rolled.columns:
        return rolled
    return rolled.mutate(office_events=ibis.null("int64"))


def all_known(column: ir.IntegerColumn) -> ir.IntegerScalar:
    """The :func:`total` of a column; null where some of it is not known."""
    return ibis.ifelse(column.isnull().any(), ibis.null("int64"), total(column))


def dated(events: Relation, parts: frozenset[str]) -> Relation:
    """Events with what roll-ups ask of each: ``account_id, event, day, known_day``, both in one number as ``stamp``,
    and by ``parts`` user_id, micro (the quantity in whole millionths) and office (whether in office hours)."""
    columns = {"account_id": events["account_id"], "event": events["event"]}
    if USERS in parts:
        columns["user_id"] = events["user_id"]
    if {QUANTITY, SPREAD} & parts:
        million = ibis.literal(1e6, "float64")
        columns["micro"] = whole(events["quantity"].cast("float64") * million)
    if OFFICE in parts:
        hour, weekday = events["occurred_at"].hour(), events["occurred_at"].date().day_of_week.index()
        inside = (hour >= OFFICE_HOURS[0]) & (hour < OFFICE_HOURS[1]) & (weekday < 5)
        columns["office"] = inside
    day, known_day = day_number(events["occurred_at"]), day_number(events["known_at"])
    return events.select(**columns, day=day, known_day=known_day, stamp=_stamped(day, known_day))


def sums_of_events(rows: Relation, parts: frozenset[str]) -> dict[str, ir.IntegerScalar]:
    """The sums of ``usage_days`` (without ``names``) over :func:`dated` events."""
    sums = {"events": rows.count().cast("int64")}
    if QUANTITY in parts:
        sums["quantity_micro"] = total(rows["micro"])
    if SPREAD in parts:
        sums["quantity_events"] = rows["micro"].count().cast("int64")
        sums |= _spread(rows["micro"], rows["micro"])
    if OFFICE in parts:
        sums["office_events"] = total(rows["office"].cast("int32"))
    return sums


def _spread(low: ir.IntegerColumn, high: ir.IntegerColumn) -> dict[str, ir.IntegerScalar]:
    return {"quantity_min_micro": low.min(), "quantity_max_micro": high.max()}


def name_bit(event: ir.StringColumn, names: Sequence[str]) -> ir.IntegerValue:
    """The bit of an event name; 0 of a name without one of its own."""
    if not names:
        return ibis.literal(0, "int64")
    # 1, shifted by −1, is shifted out: a name without a bit of its own
    return shifted_one(_place(event, names))


def _place(event: ir.StringColumn, names: Sequence[str]) -> ir.IntegerValue:
    """Where a name stands among ``names``, −1 where it does not: looked up once a different name, not once a row."""
    return ibis.array(list(names)).index(event)


def _presence(rows: Relation, who: str) -> Relation:
    """On which days somebody (or a name) was seen, a block of days a row; what was known late stands apart."""
    late = ibis.ifelse(rows["known_day"] > rows["day"], rows["known_day"], ibis.literal(0, "int32"))
    rows = rows.mutate(block=block_of(rows["day"]), late_day=late.cast("int32"), bit=bit_of(rows["day"]))
    return rows.group_by(["account_id", who, "block", "late_day"]).aggregate(days=any_bit(rows["bit"]))
