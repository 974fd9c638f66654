"""What goes by its age, as the project declares it: counted first, then removed in one transaction.

The newest scored date never goes. What impact is measured from never goes either: arms, outcomes, work, effects, and
of an old date the scores of those accounts that were enrolled on it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import utc
from churnml.adapters.store.guards import unguarded
from churnml.adapters.store.schema import (
    assignments,
    audit_log,
    decisions,
    declarations,
    deliveries,
    delivery_attempts,
    health_events,
    held_days,
    metadata,
    scores,
    scorings,
)
from churnml.adapters.store.writing import count_up, hold
from churnml.ledger.erasure import AgedRows
from churnml.specs.project import Retention
from churnml.timeline import midnight, plus_days

Condition = sa.ColumnElement[bool]


def aged(connection: sa.Connection, declared: Retention, today: dt.date) -> AgedRows:
    """What is older than declared on a day.

    Args:
        connection: to the store.
        declared: after how many days what goes.
        today: the day, as the project has it.
    """
    old = _old(declared, today)
    counted = {name: _count(connection, name, condition) for name, condition in old.items()}
    kept = []
    dates = None
    if declared.scores_days is not None:
        dates = _dates(connection, _old_scorings(declared.scores_days, today) & _has(old["scores"]))
        enrolled = _count(connection, "scores", _of_old_scorings(scores, declared.scores_days, today) & _enrolled())
        if enrolled:
            kept.append(
                f"{enrolled:,} scores of accounts on the day they were enrolled, from which impact is measured: those "
                "dates stay, with these accounts alone"
            )
    if declared.messages_days is not None:
        settled = _count(connection, "deliveries", _old_messages(declared.messages_days, today)) - counted["deliveries"]
        if settled:
            kept.append(f"{settled:,} messages that are the newest a receiver has about an account, or still wait")
    return AgedRows({name: many for name, many in counted.items() if many}, dates, tuple(kept))


def let_go(connection: sa.Connection, declared: Retention, today: dt.date, now: dt.datetime) -> AgedRows:
    """Removes what is older than declared, with a line in the audit log; what it was.

    Raises:
        ProjectError: the user does not own the tables.
    """
    hold(connection)
    gone = aged(connection, declared, today)
    if not gone.rows:
        return gone
    old = _old(declared, today)
    with unguarded(connection, list(old)):
        for name, condition in old.items():
            connection.execute(metadata.tables[name].delete().where(condition))
        rows = dict(gone.rows)
        if declared.scores_days is not None:
            rows |= _let_go_of_the_unused(connection, declared.scores_days, today)
    policy = {name: days for name, days in declared.model_dump().items() if days is not None}
    audit(
        connection,
        now,
        "churnml",
        "aged rows removed",
        "retention",
        "retention: in project.yaml",
        policy | {"rows": rows},
    )
    count_up(connection)
    return AgedRows(rows, gone.dates, gone.kept)


def _old(declared: Retention, today: dt.date) -> Mapping[str, Condition]:
    """Table → which of its rows are to go, in the order in which they can."""
    old: dict[str, Condition] = {}
    if declared.audit_days is not None:
        old["audit_log"] = audit_log.c.at < _moment(today, declared.audit_days)
    if declared.messages_days is not None:
        gone = (
            _old_messages(declared.messages_days, today) & deliveries.c.state.in_(("sent", "dead")) & ~_newest_message()
        )
        of_gone = sa.select(deliveries.c.delivery_id).where(gone)
        old["delivery_attempts"] = delivery_attempts.c.delivery_id.in_(of_gone)
        old["deliveries"] = gone
    if declared.scores_days is not None:
        for table in (held_days, health_events, decisions):
            old[table.name] = _of_old_scorings(table, declared.scores_days, today)
        old["scores"] = _of_old_scorings(scores, declared.scores_days, today) & ~_enrolled()
    return old


def _let_go_of_the_unused(connection: sa.Connection, days: int, today: dt.date) -> dict[str, int]:
    """Scorings of which nothing is left, and declarations that no scoring names any more; how many rows."""
    used = [sa.select(table.c.scoring_id).where(table.c.scoring_id.is_not(None)) for table in (scores, assignments)]
    unused = _old_scorings(days, today) & sa.and_(*(scorings.c.scoring_id.not_in(query) for query in used))
    removed = {}
    with unguarded(connection, ["scorings", "declarations"]):
        removed["scorings"] = connection.execute(scorings.delete().where(unused)).rowcount
        named = {
            fingerprint
            for kinds in connection.scalars(sa.select(scorings.c.declarations))
            for fingerprint in (kinds or {}).values()
        }
        known = set(connection.scalars(sa.select(declarations.c.fingerprint)))
        for fingerprint in sorted(known - named):
            connection.execute(declarations.delete().where(declarations.c.fingerprint == fingerprint))
        removed["declarations"] = len(known - named)
    return {name: many for name, many in removed.items() if many}


def _old_scorings(days: int, today: dt.date) -> Condition:
    newest = sa.select(sa.func.max(scorings.c.as_of)).scalar_subquery()
    return (scorings.c.as_of < plus_days(today, -days)) & (scorings.c.as_of < newest)


def _has(gone: Condition) -> Condition:
    return scorings.c.scoring_id.in_(sa.select(scores.c.scoring_id).where(gone))


def _dates(connection: sa.Connection, wanted: Condition) -> tuple[int, dt.date, dt.date] | None:
    """How many scored dates, the first and the last; None where there are none."""
    as_of = scorings.c.as_of
    query = sa.select(sa.func.count(as_of.distinct()), sa.func.min(as_of), sa.func.max(as_of)).where(wanted)
    number, first, last = connection.execute(query).one()
    return (int(number), first, last) if number else None


def _of_old_scorings(table: sa.Table, days: int, today: dt.date) -> Condition:
    return table.c.scoring_id.in_(sa.select(scorings.c.scoring_id).where(_old_scorings(days, today)))


def _enrolled() -> Condition:
    """The scores of accounts that were enrolled in a playbook by that scoring."""
    same = (assignments.c.scoring_id == scores.c.scoring_id) & (assignments.c.account_id == scores.c.account_id)
    return sa.exists().where(same)


def _old_messages(days: int, today: dt.date) -> Condition:
    return deliveries.c.created_at < _moment(today, days)


def _newest_message() -> Condition:
    """What a receiver was told last about an account: what comes later is held against it."""
    other = deliveries.alias("other")
    newest = sa.select(sa.func.max(other.c.delivery_id)).group_by(other.c.receiver, other.c.kind, other.c.subject)
    return deliveries.c.delivery_id.in_(newest)


def _moment(today: dt.date, days: int) -> dt.datetime:
    return utc(midnight(plus_days(today, -days)))


def _count(connection: sa.Connection, name: str, condition: Condition) -> int:
    query = sa.select(sa.func.count()).select_from(metadata.tables[name]).where(condition)
    return int(connection.scalar(query) or 0)
