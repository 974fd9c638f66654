"""The periods of contracts as they stand: what rows written in several ways come to.

A contract may have several rows for one and the same period, each known at another time (versions), and an old row
may have been left open when the terms changed. Of versions the last known stands; a period ends when the next one of
its contract begins. Both are decided among the rows that were known, so at a cutoff nothing known later decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from churnml.lazy import ibis
from churnml.tables import Relation

CONTRACT = ("account_id", "subscription_id")


def standing_periods(rows: Relation, by: Sequence[str] = ()) -> Relation:
    """``rows`` of subscriptions, one a contract and start, none reaching past the next one's start.

    Args:
        rows: rows of subscriptions, all of them known; ends that are not known yet are null.
        by: further columns that part them (the cutoff, where there are several).

    Returns:
        The rows that stand, with their columns; ``ends_at`` is the next period's start where that comes first.
    """
    group = [*by, *CONTRACT]
    versions = ibis.window(group_by=[*group, "starts_at"], order_by=ibis.desc("known_at"))
    newest = rows.mutate(version=ibis.row_number().over(versions))
    newest = newest.filter(newest["version"] == 0).drop("version")
    following = newest["starts_at"].lead().over(ibis.window(group_by=group, order_by="starts_at"))
    ended = newest.mutate(next_starts_at=following)
    # not least(): engines disagree on what it makes of null
    cut = ended["next_starts_at"].notnull() & (ended["ends_at"].isnull() | (ended["ends_at"] > ended["next_starts_at"]))
    return ended.mutate(ends_at=ibis.ifelse(cut, ended["next_starts_at"], ended["ends_at"])).drop("next_starts_at")


def final_periods(rows: Relation) -> Relation:
    """The periods as everything that is known today says."""
    return standing_periods(rows)
