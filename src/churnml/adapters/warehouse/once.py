"""Facts for a build that is made once: usage is cut straight from its checked events, and no roll-up is kept."""

from __future__ import annotations

import datetime as dt

from churnml.adapters.warehouse.engines import Engine
from churnml.rollups import BITS, NAMED, OFFICE, QUANTITY, RELATIONS, SPREAD, USERS, roll_up, without_hours
from churnml.tables import TABLES, Facts, Relation, UnrolledUsage

# All that usage may be asked for: what no feature looks at, the engine does not compute.
EVERYTHING = frozenset({USERS, NAMED, QUANTITY, SPREAD, OFFICE})


def facts_once(
    engine: Engine, accounts: Relation, events: Relation, data_through: dt.date, *, hours: bool = True
) -> Facts:
    """The facts of accounts and their usage, without roll-ups.

    Args:
        engine: the DuckDB the relations are of; must stay open.
        accounts: the checked accounts, with every contract column.
        events: the checked usage events, as :class:`churnml.tables.UnrolledUsage` says.
        data_through: the last full day in the data.
        hours: whether the events' times have hours.
    """
    counted = events.group_by("event").aggregate(n=events.count()).to_pandas()
    names = tuple(counted.sort_values(["n", "event"], ascending=[False, True])["event"].head(BITS))
    rolled = roll_up(events, names, EVERYTHING)
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
        unrolled=UnrolledUsage(events, names, EVERYTHING, hours),
    )
