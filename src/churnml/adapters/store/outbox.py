"""The outbox: what is to be told to receivers, each fact once, and what became of telling it.

Messages are written in the transaction of what they tell (:mod:`churnml.adapters.store.scorings`). A sender claims
some, sends them, and says for each how it went. A claim is a lease: what a sender that died had in hand is claimed
again when it ends, so a message is sent at least once, and its key lets the receiver see it is the same. Messages of
one kind about one account go to a receiver in the order they were written: a later one is not due while an earlier
one is pending.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import deliveries, delivery_attempts
from churnml.adapters.store.writing import insert, insert_new
from churnml.errors import UnknownNameError
from churnml.ledger import Delivery, DeliveryAttempt, Message

Select = sa.Select[tuple[Any, ...]]
LEASE = dt.timedelta(minutes=5)
# Of what a receiver answered; it may be a whole page.
ERROR_KEPT = 2_000


def put(connection: sa.Connection, messages: Sequence[Message], now: dt.datetime) -> int:
    """Adds messages to the outbox in the transaction of ``connection``; how many of them are new."""
    rows = [
        {
            **vars(message),
            "state": "pending",
            "attempts": 0,
            "next_attempt_at": utc(now),
            "created_at": utc(now),
        }
        for message in messages
    ]
    return insert_new(connection, deliveries, rows)


class Outbox:
    """The outbox of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def due(self, now: dt.datetime, limit: int | None = None, *, receiver: str | None = None) -> list[Delivery]:
        """What could be claimed at ``now``, oldest first; nothing is changed."""
        with self._connections.reading() as connection:
            return _deliveries(connection, _due(utc(now), receiver).limit(limit))

    def claim(
        self, now: dt.datetime, limit: int | None = None, *, receiver: str | None = None, lease: dt.timedelta = LEASE
    ) -> list[Delivery]:
        """Takes what is due, oldest first, so that nobody else gets it before ``lease`` is over.

        At most one of a kind an account comes at a time: claim again until nothing comes.

        Args:
            now: the moment.
            limit: at most so many.
            receiver: only of this receiver.
            lease: longer than sending all of them takes.
        """
        moment = utc(now)
        with self._connections.writing() as connection:
            query = _due(moment, receiver).limit(limit)
            # PostgreSQL: what another sender is claiming is passed over; SQLite has one writer at a time anyway
            due = _deliveries(connection, query.with_for_update(skip_locked=True, of=deliveries))
            until = moment + lease
            if due:
                connection.execute(
                    deliveries.update()
                    .where(deliveries.c.delivery_id == sa.bindparam("taken"))
                    .values(leased_until=until, attempts=deliveries.c.attempts + 1),
                    [{"taken": delivery.delivery_id} for delivery in due],
                )
        return [replace(delivery, leased_until=until, attempts=delivery.attempts + 1) for delivery in due]

    def sent(self, delivery_id: int, now: dt.datetime, note: str = "") -> bool:
        """It arrived; False when it is not pending any more."""
        return self._settle(delivery_id, now, "sent", note, state="sent", sent_at=utc(now))

    def all_sent(self, notes: Mapping[int, str], now: dt.datetime) -> int:
        """Those named arrived, each with its note: one transaction for all; how many were still pending."""
        where = (deliveries.c.delivery_id == sa.bindparam("one")) & (deliveries.c.state == "pending")
        settled = deliveries.update().where(where)
        settled = settled.values(state="sent", sent_at=utc(now), leased_until=None)
        with self._connections.writing() as connection:
            done = [one for one in sorted(notes) if connection.execute(settled, {"one": one}).rowcount == 1]
            rows = [{"delivery_id": one, "at": utc(now), "result": "sent", "note": notes[one]} for one in done]
            insert(connection, delivery_attempts, rows)
        return len(done)

    def failed(self, delivery_id: int, now: dt.datetime, error: str, next_attempt_at: dt.datetime | None) -> bool:
        """It did not arrive; False when it is not pending any more.

        Args:
            delivery_id: which.
            now: the moment.
            error: what happened; it is kept and shown, so it must hold no secret.
            next_attempt_at: not tried again before; None gives it up: it is dead until it is revived.
        """
        kept = error[:ERROR_KEPT]
        if next_attempt_at is None:
            return self._settle(delivery_id, now, "dead", kept, state="dead", last_error=kept)
        return self._settle(
            delivery_id, now, "failed", kept, state="pending", last_error=kept, next_attempt_at=utc(next_attempt_at)
        )

    def released(self, delivery_id: int, now: dt.datetime) -> bool:
        """It was claimed and not tried after all: due again at once, the attempt not counted."""
        counted_back = deliveries.c.attempts - 1
        return self._settle(
            delivery_id, now, "released", "", state="pending", attempts=counted_back, next_attempt_at=utc(now)
        )

    def dead(self, receiver: str | None = None) -> list[Delivery]:
        """What was given up, oldest first."""
        return self.all(state="dead", receiver=receiver)

    def all(
        self, *, state: str | None = None, receiver: str | None = None, subject: str | None = None
    ) -> list[Delivery]:
        """Everything in the outbox, or what matches, oldest first."""
        query = sa.select(deliveries).order_by(deliveries.c.delivery_id)
        for column, wanted in (("state", state), ("receiver", receiver), ("subject", subject)):
            if wanted is not None:
                query = query.where(deliveries.c[column] == wanted)
        with self._connections.reading() as connection:
            return _deliveries(connection, query)

    def newest(self, receiver: str, kind: str) -> dict[str, int]:
        """Subject → the newest message of a kind a receiver was or will be told about it; the dead ones left out."""
        query = (
            sa.select(deliveries.c.subject, sa.func.max(deliveries.c.delivery_id))
            .where(deliveries.c.receiver == receiver, deliveries.c.kind == kind, deliveries.c.state != "dead")
            .group_by(deliveries.c.subject)
        )
        with self._connections.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def counts(self) -> dict[str, dict[str, int]]:
        """Receiver → state → how many."""
        query = sa.select(deliveries.c.receiver, deliveries.c.state, sa.func.count()).group_by("receiver", "state")
        counts: dict[str, dict[str, int]] = {}
        with self._connections.reading() as connection:
            for receiver, state, many in connection.execute(query.order_by("receiver", "state")):
                counts.setdefault(receiver, {})[state] = many
        return counts

    def attempts(self, delivery_id: int) -> list[DeliveryAttempt]:
        """What became of every attempt, oldest first."""
        query = (
            sa.select(delivery_attempts.c.at, delivery_attempts.c.result, delivery_attempts.c.note)
            .where(delivery_attempts.c.delivery_id == delivery_id)
            .order_by(delivery_attempts.c.attempt_id)
        )
        with self._connections.reading() as connection:
            return [DeliveryAttempt(*row) for row in connection.execute(query)]

    def revive(self, delivery_id: int, now: dt.datetime, *, who: str, why: str) -> None:
        """Makes a dead one due again, its attempts counted anew; raises UnknownNameError where none such is dead."""
        with self._connections.writing() as connection:
            if not _revive(connection, delivery_id, now, why):
                known = connection.scalars(sa.select(deliveries.c.delivery_id).where(deliveries.c.state == "dead"))
                raise UnknownNameError("dead delivery", str(delivery_id), map(str, known))
            audit(connection, now, who, "delivery revived", str(delivery_id), why)

    def revive_all(self, delivery_ids: Sequence[int], now: dt.datetime, *, who: str, why: str) -> int:
        """Makes those of them that are dead due again, all or none; how many they were."""
        with self._connections.writing() as connection:
            revived = [each for each in sorted(delivery_ids) if _revive(connection, each, now, why)]
            for each in revived:
                audit(connection, now, who, "delivery revived", str(each), why)
        return len(revived)

    def _settle(self, delivery_id: int, now: dt.datetime, result: str, note: str, **values: object) -> bool:
        with self._connections.writing() as connection:
            done = _update(connection, delivery_id, "pending", leased_until=None, **values)
            if done:
                _attempt(connection, delivery_id, now, result, note)
        return done


def _due(now: dt.datetime, receiver: str | None) -> Select:
    earlier = deliveries.alias("earlier")
    ahead = sa.exists().where(
        earlier.c.receiver == deliveries.c.receiver,
        earlier.c.kind == deliveries.c.kind,
        earlier.c.subject == deliveries.c.subject,
        earlier.c.state == "pending",
        earlier.c.delivery_id < deliveries.c.delivery_id,
    )
    query = (
        sa.select(deliveries)
        .where(
            deliveries.c.state == "pending",
            deliveries.c.next_attempt_at <= now,
            deliveries.c.leased_until.is_(None) | (deliveries.c.leased_until <= now),
            ~ahead,
        )
        .order_by(deliveries.c.delivery_id)
    )
    return query if receiver is None else query.where(deliveries.c.receiver == receiver)


def _deliveries(connection: sa.Connection, query: Select) -> list[Delivery]:
    return [Delivery(**row) for row in connection.execute(query).mappings()]


def _update(connection: sa.Connection, delivery_id: int, present: str, **values: object) -> bool:
    """Changes one whose state is ``present``; whether there was one."""
    where = (deliveries.c.delivery_id == delivery_id) & (deliveries.c.state == present)
    return connection.execute(deliveries.update().where(where).values(**values)).rowcount == 1


def _revive(connection: sa.Connection, delivery_id: int, now: dt.datetime, why: str) -> bool:
    """Makes a dead one due again; whether it was dead."""
    anew = {"state": "pending", "attempts": 0, "next_attempt_at": utc(now), "leased_until": None}
    done = _update(connection, delivery_id, "dead", **anew)
    if done:
        _attempt(connection, delivery_id, now, "revived", why)
    return done


def _attempt(connection: sa.Connection, delivery_id: int, now: dt.datetime, result: str, note: str) -> None:
    connection.execute(
        delivery_attempts.insert().values(delivery_id=delivery_id, at=utc(now), result=result, note=note)
    )
