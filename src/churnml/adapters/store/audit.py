"""Who did what to what, when and why: only ever added to, in the transaction of what it tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa

from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import audit_log
from churnml.ledger import AuditEntry


def note(
    connection: sa.Connection,
    at: dt.datetime,
    who: str,
    what: str,
    subject: str,
    why: str,
    details: Mapping[str, object] | None = None,
) -> None:
    """Adds one line in the transaction of ``connection``."""
    connection.execute(
        audit_log.insert().values(at=utc(at), who=who, what=what, subject=subject, why=why, details=dict(details or {}))
    )


class AuditLog:
    """The audit log."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def note(
        self,
        at: dt.datetime,
        who: str,
        what: str,
        subject: str,
        why: str,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Adds one line of its own, for what is done outside the store (a declaration applied, a model promoted)."""
        with self._connections.writing() as connection:
            note(connection, at, who, what, subject, why, details)

    def entries(
        self, subject: str | None = None, since: dt.datetime | None = None, limit: int | None = None
    ) -> list[AuditEntry]:
        """The lines, newest first.

        Args:
            subject: only of this account, work item, override, delivery or date.
            since: only from this moment on.
            limit: at most so many.
        """
        query = sa.select(audit_log).order_by(audit_log.c.audit_id.desc())
        if subject is not None:
            query = query.where(audit_log.c.subject == subject)
        if since is not None:
            query = query.where(audit_log.c.at >= utc(since))
        with self._connections.reading() as connection:
            return [AuditEntry(**row) for row in connection.execute(query.limit(limit)).mappings()]
