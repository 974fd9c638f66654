"""Rows a week, as known at a cutoff: the whole weeks before it that an account has lived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.features.levels import WEEK_DAYS
from churnml.lazy import ibis
from churnml.rollups import BITS, SHIFT, any_bit, first_day
from churnml.snapshots.known import usage_seen
from churnml.stretches import KEY, cutoff_relation
from churnml.tables import Facts, Relation
from churnml.timeline import day_number

if TYPE_CHECKING:
    import datetime as dt

    import ibis.expr.types as ir


def weeks_known(
    rollup: Relation, facts: Facts, days: Sequence[int], cutoffs: Sequence[dt.date], lookback: int
) -> Relation:
    """One row per account, cutoff and week with usage inside the lookback, as known then.

    Args:
        rollup: usage by day.
        facts: the project's tables.
        days: the day numbers of ``cutoffs``.
        cutoffs: what is known before each.
        lookback: how many days back; weeks it holds in part are left out.

    Returns:
        ``account_id, as_of, week`` (0 is the newest), ``weeks_lived`` and ``events``.
    """
    rows = usage_seen(rollup, days, lookback // WEEK_DAYS * WEEK_DAYS)
    rows = rows.mutate(week=((rows["as_of_day"] - rows["day"] - 1) // WEEK_DAYS).cast("int32"))
    weeks = rows.group_by([*KEY, "week"]).aggregate(events=rows["events"].sum().cast("int64"))
    return _lived(weeks, facts, cutoffs)


def user_weeks_known(facts: Facts, days: Sequence[int], cutoffs: Sequence[dt.date], lookback: int) -> Relation:
    """One row per account, cutoff and week with users inside the lookback, as known then.

    Returns:
        ``account_id, as_of, week, weeks_lived`` and ``users``, how many different ones the week saw.
    """
    weeks = range(lookback // WEEK_DAYS)
    rows = facts.usage_users.join(_blocks(days, len(weeks)), "block")
    rows = rows.filter(rows["late_day"] < rows["as_of_day"])
    bits = [_bit(rows, week, 1 << week) for week in weeks]
    rows = rows.select(*KEY, "user_id", seen=sum(bits[1:], bits[0]))
    # a week counts once, whether its days were known in time, late, or both, and in whichever blocks they lie
    users = rows.group_by([*KEY, "user_id"]).aggregate(seen=any_bit(rows["seen"]))
    counts = users.group_by(KEY).aggregate(
        **{f"users_{week}": ((users["seen"] & ibis.literal(1 << week, "int64")) != 0).sum() for week in weeks}
    )
    tall = counts.cross_join(ibis.memtable(pd.DataFrame({"week": np.arange(len(weeks), dtype="int32")})))
    picked = tall["week"].cases(*[(week, tall[f"users_{week}"]) for week in weeks], else_=0).cast("int64")
    return _lived(tall.select(*KEY, "week", users=picked), facts, cutoffs)


def _bit(rows: Relation, week: int, bit: int) -> ir.IntegerValue:
    seen = (rows["days"] & rows[f"mask_{week}"]) != 0
    return ibis.ifelse(seen, ibis.literal(bit, "int64"), ibis.literal(0, "int64"))


def _blocks(days: Sequence[int], weeks: int) -> Relation:
    """Every block of days that a cutoff's weeks reach into, with the days of each week in it as ``mask_<week>``."""
    rows = []
    for cutoff in sorted(set(days)):
        oldest = cutoff - WEEK_DAYS * weeks
        for block in range((oldest + SHIFT) // BITS, (cutoff - 1 + SHIFT) // BITS + 1):
            starts = (cutoff - WEEK_DAYS * (week + 1) - first_day(block) for week in range(weeks))
            rows.append((block, cutoff, *(_days_of_week(start) for start in starts)))
    frame = pd.DataFrame(rows, columns=["block", "as_of_day", *(f"mask_{week}" for week in range(weeks))])
    return ibis.memtable(
        frame.astype({"block": "int32", "as_of_day": "int32"}).assign(
            as_of=frame["as_of_day"].to_numpy("int64").astype("datetime64[D]").astype("datetime64[us]")
        )
    )


def _days_of_week(start: int) -> int:
    """The bits of a week's days within a block; ``start`` is the week's first day counted from the block's."""
    low, high = max(start, 0), min(start + WEEK_DAYS, BITS)
    return (1 << high) - (1 << low) if high > low else 0


def _lived(weeks: Relation, facts: Facts, cutoffs: Sequence[dt.date]) -> Relation:
    """``weeks`` without those an account has not lived whole, and with ``weeks_lived``, how many it has."""
    at, accounts = cutoff_relation(cutoffs), facts.accounts
    lives = accounts.join(at, [accounts["created_at"] < at["as_of"]])
    lived = (lives["as_of_day"] - day_number(lives["created_at"])) // WEEK_DAYS
    lives = lives.select(*KEY, weeks_lived=lived.cast("int32"))
    rows = weeks.join(lives, KEY)
    return rows.filter(rows["week"] < rows["weeks_lived"])
