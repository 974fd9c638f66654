"""The operational store: scores, decisions, work, arms, overrides, deliveries, outcomes and who did what.

Everything here and below speaks SQLAlchemy, to SQLite or PostgreSQL alike; nothing else does. A date is scored in
one transaction, so it is visible whole or not at all. See docs/store.md.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from churnml.adapters.store import reading, scorings
from churnml.adapters.store.audit import AuditLog
from churnml.adapters.store.connections import Connections, cannot_be_opened
from churnml.adapters.store.effects import Effects
from churnml.adapters.store.outbox import Outbox
from churnml.adapters.store.outcomes import Outcomes
from churnml.adapters.store.overrides import Overrides
from churnml.adapters.store.upgrade import migrate
from churnml.adapters.store.work import Work
from churnml.adapters.store.writing import StaleError
from churnml.errors import ChurnmlError
from churnml.ledger import (
    AccountStory,
    DatedHealth,
    Delivery,
    HealthEvent,
    Message,
    Overflow,
    PriorState,
    Provenance,
    QueueLine,
    RecordedAccount,
    RecordedBand,
    RecordedDecision,
    RecordedDeclaration,
    ScoredAccount,
    ScoredDay,
)

log = logging.getLogger("churnml.store")

__all__ = ["Delivery", "Outbox", "StaleError", "Store", "open_store"]


class Store:
    """An opened operational store.

    Args:
        connections: the ways into it.

    Attributes:
        work, overrides, outcomes, effects, outbox, audit: its rooms.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.work = Work(connections)
        self.overrides = Overrides(connections)
        self.outcomes = Outcomes(connections)
        self.effects = Effects(connections)
        self.outbox = Outbox(connections)
        self.audit = AuditLog(connections)

    def prior_state(self, as_of: dt.date, cooldown_days: int = 0) -> PriorState:
        """What is on record when a date is scored, as one moment sees it; nothing of a later date is in it.

        Args:
            as_of: the date.
            cooldown_days: the longest cooldown: how long ended work is remembered.
        """
        with self._connections.reading() as connection:
            return scorings.prior_state(connection, as_of, cooldown_days)

    def record(self, day: ScoredDay, made_from: Provenance, now: dt.datetime, messages: Sequence[Message] = ()) -> bool:
        """Writes a scored date in one transaction; False when it already stands there.

        A date before the newest one is scored for the record: of its plan only the decisions are written, and none
        of the messages.

        Args:
            day: the date, with all that was decided.
            made_from: what it was made from.
            now: when it was scored.
            messages: what is to be told; one whose key a receiver was told before is not written again.

        Raises:
            StaleError: what the plan was made from has changed; ask :meth:`prior_state` and plan again.
        """
        with self._connections.writing() as connection:
            new = scorings.record(connection, day, made_from, now, messages)
        written = {"as_of": day.as_of, "accounts": len(day.accounts), "new": new}
        log.info("%(as_of)s with %(accounts)d accounts written, new: %(new)s", written)
        return new

    def fingerprint(self, as_of: dt.date) -> str | None:
        """The fingerprint of the newest scoring of a date."""
        with self._connections.reading() as connection:
            newest = scorings.newest_of(connection, as_of)
        return None if newest is None else newest[1].fingerprint

    def dates(self) -> list[dt.date]:
        """Every scored date, ascending."""
        with self._connections.reading() as connection:
            return reading.dates(connection)

    def scored(self, as_of: dt.date) -> list[ScoredAccount]:
        """The newest scores of a date, by account id; raises TooLittleDataError."""
        with self._connections.reading() as connection:
            return reading.scored(connection, as_of)

    def queue(self, as_of: dt.date, owner: str | None = None, limit: int | None = None) -> list[QueueLine]:
        """The list of a date in order: what was opened or kept, with the account's score and what made the line.

        Of the newest date, what was done, dismissed, closed or snoozed since is left out, and owner and due date are
        the present ones; an earlier date shows its list as it was.
        """
        with self._connections.reading() as connection:
            return reading.queue(connection, as_of, owner, limit)

    def decided(self, as_of: dt.date, dispositions: Sequence[str] | None = None) -> list[RecordedDecision]:
        """The decisions of a date's newest scoring in order, those not offered too, or only those ``dispositions``."""
        with self._connections.reading() as connection:
            return reading.decided(connection, as_of, dispositions)

    def overflow(self, first: dt.date, last: dt.date | None = None) -> list[Overflow]:
        """What did not fit on the dates from ``first`` to ``last``: by date, owner and playbook."""
        with self._connections.reading() as connection:
            return reading.overflow(connection, first, first if last is None else last)

    def account(self, account_id: str, as_of: dt.date) -> AccountStory:
        """One account on a date, with its past; raises UnknownNameError."""
        with self._connections.reading() as connection:
            return reading.account(connection, account_id, as_of)

    def recorded(self, account_id: str, as_of: dt.date) -> RecordedAccount | None:
        """One account as it was scored on a date; None where it was not."""
        with self._connections.reading() as connection:
            return reading.recorded(connection, account_id, as_of)

    def health_events(self, first: dt.date, last: dt.date, account_id: str | None = None) -> list[HealthEvent]:
        """Changes of health on the dates from ``first`` to ``last``, in order."""
        with self._connections.reading() as connection:
            return reading.health_changes(connection, first, last, account_id)

    def bands(self, first: dt.date, last: dt.date) -> list[RecordedBand]:
        """Health and band of every account on every scored date from ``first`` to ``last``."""
        with self._connections.reading() as connection:
            return reading.bands(connection, first, last)

    def healths(self, first: dt.date, last: dt.date) -> dict[str, list[DatedHealth]]:
        """Account → its scored dates from ``first`` to ``last`` with its health, ascending; quick for many accounts."""
        with self._connections.reading() as connection:
            return reading.healths(connection, first, last)

    def declaration(self, fingerprint: str) -> RecordedDeclaration:
        """A declaration as it was; raises UnknownNameError."""
        with self._connections.reading() as connection:
            return reading.declaration(connection, fingerprint)


@contextmanager
def open_store(url: str) -> Iterator[Store]:
    """The store at ``url``, its tables made or migrated if need be; raises ProjectError."""
    connections = Connections(url)
    try:
        try:
            migrate(connections)
        except ChurnmlError:
            raise
        except Exception as problem:
            # the driver's message may repeat the URL with its password: only the class is shown
            raise cannot_be_opened(problem) from None
        log.info("store opened on %(engine)s", {"engine": url.split(":", 1)[0]})
        yield Store(connections)
    finally:
        connections.close()
