"""Up to which day a project's data reach: the last full one, whatever single rows of a wrong clock say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from churnml.adapters.warehouse.increments import Increment
from churnml.adapters.warehouse.profile import USAGE_FEED
from churnml.adapters.warehouse.reading import Reading, files_of, identifier, parquet, quoted
from churnml.remarks import SAMPLES, RemarkKind, remark
from churnml.tables import TABLES
from churnml.timeline import end_of_data, plus_days

# The tables that may say how far the data reach, the one that says it best first.
DATED = ("usage_events", "support_tickets", "subscriptions")
# After so many days without a row, a few further rows may be those of a wrong clock.
EMPTY_DAYS = 28
# Of all rows, and of what an ordinary day has: rows that are fewer say nothing of how far the data reach.
FEW_OF_ALL, FEW_OF_A_DAY = 0.05, 0.5
FEWEST = 2
# Rows near the day of the reading are what an export ends with, however long nothing came before.
FRESH_DAYS = 7


@dataclass(frozen=True)
class StandsAlone:
    """Rows that lie long after all others of their table.

    Args:
        rows, of: how many, of how many.
        days: days between the last of the others and the first of them.
        after: the day of the last of the others.
    """

    rows: int
    of: int
    days: int
    after: dt.date


def data_end(reading: Reading, kept: Sequence[Increment]) -> dt.date:
    """The first date after the data: as declared, else after the last full day of the newest usage.

    Today is not over, so its rows do not count. Rows that stand alone long after all others are those of a wrong clock,
    unless another table has rows of that time: the data end before them, and it is told. Without usage, tickets
    say it, and without those subscriptions.
    """
    declared = reading.project.spec.data_through
    if declared is not None:
        return end_of_data(declared)
    given = {name for name in DATED if name in reading.counts.given} | ({"usage_events"} if kept else set())
    for name in [name for name in DATED if name in given]:
        days = _days(reading, name, kept)
        if days:
            return end_of_data(_last_day(reading, name, days))
    return reading.today


def _days(reading: Reading, name: str, kept: Sequence[Increment] = ()) -> dict[dt.date, int]:
    """Rows of each day before today, of increments read before too, in order."""
    parts = []
    if name in reading.counts.given:
        dated = TABLES[name].dated_by
        parts.append(f"SELECT {dated}::DATE AS day, count(*) AS rows FROM {identifier('_typed_' + name)} GROUP BY ALL")
    if name == "usage_events" and (files := files_of([increment.path for increment in kept], USAGE_FEED)):
        parts.append(f"SELECT DATE '1970-01-01' + day AS day, rows FROM {parquet(files)} WHERE event = ''")
    if not parts:
        return {}
    counted = reading.con.execute(
        f"SELECT day, sum(rows)::BIGINT FROM ({' UNION ALL '.join(parts)}) "
        f"WHERE day < DATE {quoted(str(reading.today))} GROUP BY day ORDER BY day"
    ).fetchall()
    return {day: int(rows) for day, rows in counted}


def _last_day(reading: Reading, name: str, days: Mapping[dt.date, int]) -> dt.date:
    newest = max(days)
    alone = stands_alone(days)
    if alone is None:
        return newest
    fresh = newest >= plus_days(reading.today, -FRESH_DAYS)
    borne_out = fresh or _others_reach(reading, name, plus_days(newest, -EMPTY_DAYS), alone.after)
    _tell(reading, name, alone, counts=borne_out)
    return newest if borne_out else alone.after


def stands_alone(days: Mapping[dt.date, int]) -> StandsAlone | None:
    """The few rows, if any, that lie long after all others.

    Long is more than EMPTY_DAYS, and more than twice as long as any pause before. Few is at most FEW_OF_ALL of all
    rows, and at most FEWEST or less than FEW_OF_A_DAY of what an ordinary day has.

    Args:
        days: day → rows, in order.
    """
    ordered, total = list(days), sum(days.values())
    before, longest = 0, 0
    for place, (day, next_day) in enumerate(pairwise(ordered)):
        before += days[day]
        pause, after = (next_day - day).days, total - before
        if pause > EMPTY_DAYS and pause > 2 * longest and after <= FEW_OF_ALL * total:
            ordinary = median(days[d] for d in ordered[: place + 1])
            if after <= FEWEST or after / (len(ordered) - place - 1) < FEW_OF_A_DAY * ordinary:
                return StandsAlone(after, total, pause, day)
        if before > FEW_OF_ALL * total:  # a pause after a few early rows says nothing of how often rows come
            longest = max(longest, pause)
    return None


def _others_reach(reading: Reading, name: str, since: dt.date, after: dt.date) -> bool:
    """Whether another table has rows, known before today, of the time of the rows that stand alone."""
    known = {
        "usage_events": "occurred_at",
        "support_tickets": "opened_at",
        "accounts": "created_at",
        # a contract may be written long before it starts
        "subscriptions": "known_at" if "known_at" in reading.counts.given.get("subscriptions", ()) else "cancelled_at",
        "churn_events": "churned_at",
    }
    first = max(since, plus_days(after, 1))
    return any(
        reading.con.execute(
            f"SELECT 1 FROM {identifier('_typed_' + other)} WHERE {at} >= TIMESTAMP {quoted(str(first))} "
            f"AND {at} < TIMESTAMP {quoted(str(reading.today))} LIMIT 1"
        ).fetchall()
        for other, at in known.items()
        if other != name and other in reading.counts.given
    )


def _tell(reading: Reading, name: str, alone: StandsAlone, *, counts: bool) -> None:
    dated = TABLES[name].dated_by
    samples: Sequence[str] = ()
    if name in reading.counts.given:
        samples = [
            at
            for (at,) in reading.con.execute(
                f"SELECT {dated}::VARCHAR FROM {identifier('_typed_' + name)} "
                f"WHERE {dated} >= TIMESTAMP {quoted(str(end_of_data(alone.after)))} "
                f"AND {dated} < TIMESTAMP {quoted(str(reading.today))} ORDER BY {dated} LIMIT {SAMPLES}"
            ).fetchall()
        ]
    lie, they, are = ("lies", "it", "is") if alone.rows == 1 else ("lie", "they", "are")
    end = (
        f"the data end with {'it' if alone.rows == 1 else 'them'}"
        if counts
        else f"the data end with {alone.after}, and {they} {are} set aside as future"
    )
    detail = f"{alone.rows:,} of {alone.of:,} {lie} {alone.days} days after all others: {end}."
    reading.counts.remarks.append(remark(RemarkKind.STANDS_ALONE, name, dated, alone.rows, samples, detail))
