"""Arms, and what became of the accounts that were given one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.connections import Connections, to_json, utc
from churnml.adapters.store.schema import assignments, outcomes, scores
from churnml.adapters.store.writing import insert
from churnml.ledger import Assignment

KEY = ("account_id", "playbook", "known_through")


class Outcomes:
    """The assignments of a store and their outcomes."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def assignments(self, playbook: str | None = None, through: dt.date | None = None) -> list[Assignment]:
        """Arms as they were drawn, by playbook, date and account.

        Args:
            playbook: only of this one.
            through: only such as were drawn by then.
        """
        with self._connections.reading() as connection:
            return assignments_by(connection, playbook=playbook, through=through)

    def risks(self) -> dict[tuple[str, dt.date], float]:
        """(account, date of enrolment) → its churn probability as it was scored that day, before anything was done."""
        with self._connections.reading() as connection:
            return _risks(connection)

    def add(self, rows: Sequence[Mapping[str, Any]], now: dt.datetime) -> int:
        """Adds what became of assignments; how many rows said something new.

        Args:
            rows: each with ``account_id``, ``playbook`` and ``known_through`` (a date: the last day the data knew),
                and whatever was found, as plain JSON values. Found otherwise later, a row is added and the old stays.
            now: when it was found.
        """
        with self._connections.writing() as connection:
            known = {_key(row): row for row in _newest(connection)}
            new = [
                {
                    **{name: row[name] for name in KEY},
                    "details": {name: value for name, value in row.items() if name not in KEY},
                    "at": utc(now),
                }
                for row in rows
                if _key(row) not in known or _found(known[_key(row)]) != _found(row)
            ]
            insert(connection, outcomes, new)
        return len(new)

    def all(self, playbook: str | None = None, through: dt.date | None = None) -> list[dict[str, Any]]:
        """The newest word for each assignment and date, by playbook, account and date.

        Args:
            playbook: only of this one.
            through: only such as were known by then.
        """
        with self._connections.reading() as connection:
            found = [row for row in _newest(connection) if playbook in (None, row["playbook"])]
        if through is not None:
            found = [row for row in found if row["known_through"] <= through]
        return sorted(found, key=lambda row: (row["playbook"], row["account_id"], row["known_through"]))


def _risks(connection: sa.Connection) -> dict[tuple[str, dt.date], float]:
    same = (scores.c.scoring_id == assignments.c.scoring_id) & (scores.c.account_id == assignments.c.account_id)
    query = (
        sa.select(assignments.c.account_id, assignments.c.assigned_on, scores.c.churn_probability)
        .select_from(assignments.join(scores, same))
        .where(scores.c.churn_probability.is_not(None))
    )
    return {(row.account_id, row.assigned_on): row.churn_probability for row in connection.execute(query)}


def assignments_by(
    connection: sa.Connection, *, playbook: str | None = None, through: dt.date | None = None
) -> list[Assignment]:
    """Arms as they were drawn, by playbook, date and account."""
    names = ("account_id", "playbook", "arm", "propensity", "assigned_on", "value", "mrr")
    query = sa.select(*(assignments.c[name] for name in names))
    if playbook is not None:
        query = query.where(assignments.c.playbook == playbook)
    if through is not None:
        query = query.where(assignments.c.assigned_on <= through)
    query = query.order_by(assignments.c.playbook, assignments.c.assigned_on, assignments.c.account_id)
    return [Assignment(**row) for row in connection.execute(query).mappings()]


def _newest(connection: sa.Connection) -> list[dict[str, Any]]:
    """The newest row of each key, its findings beside it."""
    newest = sa.select(sa.func.max(outcomes.c.outcome_id)).group_by(*(outcomes.c[name] for name in KEY))
    query = sa.select(outcomes).where(outcomes.c.outcome_id.in_(newest))
    return [
        {**{name: row["details"][name] for name in row["details"]}, **{name: row[name] for name in KEY}}
        for row in connection.execute(query).mappings()
    ]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _found(row: Mapping[str, Any]) -> Any:
    """What was found, as it is kept, for comparing."""
    return json.loads(to_json({name: value for name, value in row.items() if name not in KEY}))
