"""Arms, and what became of the accounts that were given one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import assignments, columns_of, outcomes, scores
from churnml.adapters.store.writing import insert
from churnml.ledger import Assignment, EnrolmentOutcome

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
        same = (scores.c.scoring_id == assignments.c.scoring_id) & (scores.c.account_id == assignments.c.account_id)
        query = (
            sa.select(assignments.c.account_id, assignments.c.assigned_on, scores.c.churn_probability)
            .select_from(assignments.join(scores, same))
            .where(scores.c.churn_probability.is_not(None))
        )
        with self._connections.reading() as connection:
            return {(account, on): probability for account, on, probability in connection.execute(query)}

    def add(self, collected: Sequence[EnrolmentOutcome], now: dt.datetime) -> int:
        """Adds what became of enrolled accounts; how many of them say something new.

        Args:
            collected: the outcomes. One that is another than before is added, and the old one stays.
            now: when they were collected.
        """
        with self._connections.writing() as connection:
            known = set(_newest(connection))
            new = [outcome for outcome in collected if outcome not in known]
            insert(connection, outcomes, [_row(outcome, now) for outcome in new])
        return len(new)

    def all(self, playbook: str | None = None, through: dt.date | None = None) -> list[EnrolmentOutcome]:
        """The newest word for each assignment and date, by playbook, account and date.

        Args:
            playbook: only of this one.
            through: only such as were known by then.
        """
        with self._connections.reading() as connection:
            newest = [outcome for outcome in _newest(connection) if playbook in (None, outcome.playbook)]
        if through is not None:
            newest = [outcome for outcome in newest if outcome.known_through <= through]
        return sorted(newest, key=lambda outcome: (outcome.playbook, outcome.account_id, outcome.known_through))


def assignments_by(
    connection: sa.Connection, *, playbook: str | None = None, through: dt.date | None = None
) -> list[Assignment]:
    """Arms as they were drawn, by playbook, date and account."""
    query = sa.select(*columns_of(assignments, Assignment))
    if playbook is not None:
        query = query.where(assignments.c.playbook == playbook)
    if through is not None:
        query = query.where(assignments.c.assigned_on <= through)
    query = query.order_by(assignments.c.playbook, assignments.c.assigned_on, assignments.c.account_id)
    return [Assignment(**row) for row in connection.execute(query).mappings()]


def _newest(connection: sa.Connection) -> list[EnrolmentOutcome]:
    """The newest of each account, playbook and date."""
    columns = [outcomes.c[name] for name in KEY]
    newest = sa.select(sa.func.max(outcomes.c.outcome_id)).group_by(*columns)
    query = sa.select(*columns, outcomes.c.details).where(outcomes.c.outcome_id.in_(newest))
    return [EnrolmentOutcome(*row[:3], **row[3]) for row in connection.execute(query)]


def _row(outcome: EnrolmentOutcome, now: dt.datetime) -> dict[str, object]:
    details = dict(vars(outcome))
    return {**{name: details.pop(name) for name in KEY}, "details": details, "at": utc(now)}
