"""The operational store: scores, decisions, work, arms, overrides, deliveries, outcomes and who did what.

Everything here and below speaks SQLAlchemy, to SQLite or PostgreSQL alike; nothing else does. A date is scored in
one transaction, so it is visible whole or not at all. See docs/store.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from churnml.adapters.store import reading, scorings
from churnml.adapters.store.audit import AuditLog
from churnml.adapters.store.connections import Connections, cannot_be_opened
from churnml.adapters.store.effects import Effects
from churnml.adapters.store.outbox import Delivery, Outbox
from churnml.adapters.store.outcomes import Outcomes
from churnml.adapters.store.overrides import Overrides
from churnml.adapters.store.upgrade import migrate
from churnml.adapters.store.work import Work
from churnml.adapters.store.writing import StaleError
from churnml.errors import ChurnmlError
from churnml.ledger import BandState, DayPlan, Message, PriorState

if TYPE_CHECKING:
    # what comes with it takes a second to load, and reading a list needs none of it
    from churnml.scoring.predictions import ScoredDay

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

    def before(self, as_of: dt.date, cooldown_days: int = 0) -> PriorState:
        """What is on record when a date is scored, as one moment sees it; nothing of a later date is in it.

        Args:
            as_of: the date.
            cooldown_days: the longest cooldown: how long ended work is remembered.
        """
        with self._connections.reading() as connection:
            return scorings.before(connection, as_of, cooldown_days)

    def record(
        self,
        scored: ScoredDay,
        fingerprint: str,
        now: dt.datetime,
        plan: DayPlan = DayPlan(),  # noqa: B008 - frozen
        *,
        bands: Sequence[BandState] = (),
        events: Sequence[Mapping[str, Any]] = (),
        messages: Sequence[Message] = (),
        declarations: Mapping[str, str] | None = None,
        data: str | None = None,
        extra: Mapping[str, Mapping[str, Any]] | None = None,
        stamp: int | None = None,
    ) -> bool:
        """Writes a scored date in one transaction; False when it already stands there.

        A date before the newest one is scored for the record: of its plan only the decisions are written, and none
        of the messages.

        Args:
            scored: the date.
            fingerprint: names data, models and declarations; equal means nothing would change.
            now: when it was scored.
            plan: what was decided, and the work and the arms that come of it.
            bands: the band state of each account on this date.
            events: changes of health; each has ``account_id`` and ``kind``, and plain JSON values beside them.
            messages: what is to be told; one whose key a receiver was told before is not written again.
            declarations: kind (health, playbooks …) → its YAML as it was. Must hold no secret.
            data: fingerprint of the data.
            extra: account → further values of its row, by column; what has no column is kept under ``details``.
            stamp: that of the :class:`churnml.ledger.PriorState` the plan was made from.

        Raises:
            StaleError: what the plan was made from has changed; ask :meth:`before` and plan again.
        """
        with self._connections.writing() as connection:
            return scorings.record(
                connection,
                scored,
                fingerprint,
                now,
                plan,
                bands=bands,
                events=events,
                messages=messages,
                declared=declarations or {},
                data=data,
                extra=extra or {},
                stamp=stamp,
            )

    def fingerprint(self, as_of: dt.date) -> str | None:
        """The fingerprint of the newest scoring of a date."""
        with self._connections.reading() as connection:
            present = scorings.newest_of(connection, as_of)
        return None if present is None else str(present.fingerprint)

    def dates(self) -> list[dt.date]:
        """Every scored date, ascending."""
        with self._connections.reading() as connection:
            return reading.dates(connection)

    def scored(self, as_of: dt.date) -> list[dict[str, Any]]:
        """The newest scores of a date, by account id; raises TooLittleDataError."""
        with self._connections.reading() as connection:
            return reading.scored(connection, as_of)

    def queue(self, as_of: dt.date, owner: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """The list of a date in order: what was opened or kept, with the account's score and what made the line.

        Of the newest date, what was done, dismissed, closed or snoozed since is left out, and owner and due date are
        the present ones; an earlier date shows its list as it was.
        """
        with self._connections.reading() as connection:
            return reading.queue(connection, as_of, owner, limit)

    def decided(self, as_of: dt.date, outcomes: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The decisions of a date's newest scoring in order, those not offered too, or only those ``outcomes``."""
        with self._connections.reading() as connection:
            return reading.decided(connection, as_of, outcomes)

    def overflow(self, first: dt.date, last: dt.date | None = None) -> list[dict[str, Any]]:
        """What did not fit on the dates from ``first`` to ``last``: by date, owner and playbook.

        Returns:
            a row each: as_of, owner, playbook, items, and the sums of value, value_low and value_high (MRR a month
            left lying; None where no value is known).
        """
        with self._connections.reading() as connection:
            return reading.overflow(connection, first, first if last is None else last)

    def account(self, account_id: str, as_of: dt.date) -> dict[str, Any]:
        """One account on a date; raises UnknownNameError.

        Returns:
            its score and what made it; ``decision`` (on the list, or None) and ``decisions`` (all of that date);
            ``history`` (date by date), ``previous`` (the whole row of the scoring before), ``health_events``;
            ``work``, ``work_events`` and ``overrides`` as they stand now.
        """
        with self._connections.reading() as connection:
            return reading.account(connection, account_id, as_of)

    def health_events(self, first: dt.date, last: dt.date, account_id: str | None = None) -> list[dict[str, Any]]:
        """Changes of health on the dates from ``first`` to ``last``, in order."""
        with self._connections.reading() as connection:
            return reading.health_changes(connection, first, last, account_id)

    def bands(self, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
        """Health and band of every account on every scored date from ``first`` to ``last``."""
        with self._connections.reading() as connection:
            return reading.bands(connection, first, last)

    def healths(self, first: dt.date, last: dt.date) -> dict[str, list[tuple[dt.date, float | None]]]:
        """Account → its scored dates from ``first`` to ``last`` with its health, ascending; quick for a large book."""
        with self._connections.reading() as connection:
            return reading.healths(connection, first, last)

    def declaration(self, fingerprint: str) -> dict[str, Any]:
        """A declaration as it was: kind, text, first_seen_at; raises UnknownNameError."""
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
            # the driver's message may repeat the URL with its password: only the class is told
            raise cannot_be_opened(problem) from None
        yield Store(connections)
    finally:
        connections.close()
