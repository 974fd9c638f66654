"""Contraction: an account that has less of what it bought, or fewer people who use it, at the window's end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from churnml.labels import Label, at_both_ends
from churnml.lazy import ibis
from churnml.stretches import KEY, presence
from churnml.tables import Facts, Relation
from churnml.timeline import day_number_of

if TYPE_CHECKING:
    import ibis.expr.types as ir


def contraction_label(label: Label, facts: Facts, spine: Relation, cutoffs: Sequence[dt.date]) -> Relation:
    """Contraction: 1 when MRR, seats or active users at the window's end are down by the declared share, else 0.

    ``spine`` carries ``mrr_cents`` and ``seats`` as known at the cutoff. Null where neither would be true: it was down
    already before the cutoff and nobody knew, or it has left altogether and leaving does not count.
    """
    per = spine.select("account_id", "as_of", "mrr_cents", "seats")
    downs: list[ir.BooleanValue] = []
    unclear: list[ir.BooleanValue] = [ibis.literal(False)]
    if label.of_money:
        per = at_both_ends(label, facts, spine)
        gone = per["later_cents"].fill_null(0) <= 0
        if label.mrr_down_by is not None:
            # half a cent of tolerance, so that exactly ten percent down is down whatever the rounding
            most = per["mrr_cents"].cast("float64") * ibis.literal(1.0 - label.mrr_down_by, "float64") + 0.5
            downs.append((per["mrr_cents"] > 0) & (per["later_cents"].fill_null(0).cast("float64") <= most))
            unclear.append(per["now_cents"].fill_null(0).cast("float64") <= most)
        if label.seats_down_by is not None:
            most = per["seats"] * ibis.literal(1.0 - label.seats_down_by, "float64") + 1e-6
            # seats that are not given are not known; only of whoever left altogether there are none
            downs.append((per["seats"] > 0) & (gone | (per["later_seats"] <= most)))
            unclear.append((per["seats"] > 0) & (per["now_seats"] <= most))
        if not label.leaving_counts:
            unclear.append(gone)
    if label.users_down_by is not None:
        end = label.gap + label.horizon
        for name, days_on in (("users_before", 0), ("users_after", end)):
            users = _active_users(label, facts, cutoffs, days_on).rename(**{name: "users"})
            per = per.left_join(users, KEY).drop("account_id_right", "as_of_right")
        before = per["users_before"]
        most = before.cast("float64") * ibis.literal(1.0 - label.users_down_by, "float64") + 1e-6
        downs.append((before > 0) & (per["users_after"].fill_null(0).cast("float64") <= most))
    down = ibis.or_(*(condition.fill_null(False) for condition in downs))
    null = ibis.or_(*(condition.fill_null(False) for condition in unclear))
    return per.select("account_id", "as_of", label=ibis.ifelse(null, ibis.null("int32"), down.cast("int32")))


def _active_users(label: Label, facts: Facts, cutoffs: Sequence[dt.date], days_on: int) -> Relation:
    """``account_id, as_of, users``: who was seen in ``users_within`` days before the day ``days_on`` after a cutoff.

    Final knowledge, on both ends: what came late was use all the same.
    """
    rollup = facts.usage_users.mutate(late_day=ibis.literal(0, "int32"))
    seen = presence(rollup, "user_id", [day_number_of(day) + days_on for day in cutoffs], [label.users_within])
    per = seen.group_by(KEY).aggregate(users=seen["user_id"].nunique().cast("int64"))
    return per.select("account_id", "users", as_of=per["as_of"] - ibis.interval(days=days_on))
