"""Facts for a build that is made once: usage is cut straight from its checked events, and no roll-up is kept."""

from __future__ import annotations

import datetime as dt

from churnml.rollups import BITS, RELATIONS, roll_up, without_hours
from churnml.tables import TABLES, Facts, Relation, UnrolledUsage


def facts_once(
    accounts: Relation, events: Relation, parts: frozenset[str], data_through: dt.date, *, hours: bool = True
) -> Facts:
    """The facts of accounts and their usage, without roll-ups.

    Args:
        accounts: the checked accounts, of a DuckDB that stays open, with every contract column.
        events: the checked usage events, as :class:`churnml.tables.UnrolledUsage` says.
        parts: what the features ask of usage, of :data:`churnml.rollups.PARTS`.
        data_through: the last full day in the data.
        hours: whether the events' times have hours.
    """
    counted = events.group_by("event").aggregate(n=events.count()).to_pandas()
    names = tuple(counted.sort_values(["n", "event"], ascending=[False, True])["event"].head(BITS))
    rolled = roll_up(events, names, parts)
    if not hours:
        rolled = {name: without_hours(relation) for name, relation in rolled.items()}
    if len(counted) <= BITS:
        rolled.pop("usage_rare")
    return Facts(
        accounts=accounts,
        subscriptions=None,
        support_tickets=None,
        churn_events=None,
        **{name: rolled.get(name) for name in RELATIONS},
        data_through=data_through,
        static=(),
        fingerprint="once",
        given={name: frozenset(TABLES[name].column_names) for name in ("accounts", "usage_events")},
        unrolled=UnrolledUsage(events, names, parts, hours),
    )
