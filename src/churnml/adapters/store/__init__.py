"""The operational store: scores, decisions, work, arms, overrides, deliveries, outcomes and who did what.

Everything here and below speaks SQLAlchemy, to SQLite or PostgreSQL alike; nothing else does. A date is scored in
one transaction, so it is visible whole or not at all. See docs/store.md.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from churnml.adapters.store import api_calls, cockpit, forgetting, reading, retention, scorings
from churnml.adapters.store.audit import AuditLog
from churnml.adapters.store.connections import Connection, Connections, cannot_be_opened
from churnml.adapters.store.effects import Effects
from churnml.adapters.store.monitoring import Monitoring
from churnml.adapters.store.notes import Notes
from churnml.adapters.store.outbox import Outbox
from churnml.adapters.store.outcomes import Outcomes
from churnml.adapters.store.overrides import Overrides
from churnml.adapters.store.schema import APPEND_ONLY, KEPT
from churnml.adapters.store.sqlite_file import PATIENCE_SECONDS
from churnml.adapters.store.tokens import Tokens
from churnml.adapters.store.upgrade import migrate
from churnml.adapters.store.views import SavedViews
from churnml.adapters.store.watching import Watched
from churnml.adapters.store.work import Work
from churnml.adapters.store.writing import StaleError
from churnml.errors import ChurnmlError
from churnml.ledger import Delivery, Message, Provenance, ScoredDay
from churnml.ledger.erasure import AgedRows
from churnml.specs.project import Retention

log = logging.getLogger("churnml.store")

__all__ = ["Delivery", "Outbox", "StaleError", "Store", "open_store"]

Asked = ParamSpec("Asked")
Answered = TypeVar("Answered")


def _as_one_moment_sees_it(
    read: Callable[Concatenate[Connection, Asked], Answered],
) -> Callable[Concatenate[Store, Asked], Answered]:
    """The method of a store that asks ``read``, whose signature and docstring it has."""

    @wraps(read)
    def method(store: Store, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answered:
        with store._connections.reading() as connection:
            return read(connection, *args, **kwargs)

    return method


class Store:
    """An opened operational store.

    Args:
        connections: the ways into it.

    Attributes:
        work, overrides, outcomes, effects, monitoring, outbox, audit, watched, views, notes, tokens: its rooms.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.work = Work(connections)
        self.overrides = Overrides(connections)
        self.outcomes = Outcomes(connections)
        self.effects = Effects(connections)
        self.monitoring = Monitoring(connections)
        self.outbox = Outbox(connections)
        self.audit = AuditLog(connections)
        self.watched = Watched(connections)
        self.views = SavedViews(connections)
        self.notes = Notes(connections)
        self.tokens = Tokens(connections)

    prior_state = _as_one_moment_sees_it(scorings.prior_state)
    prior_inputs = _as_one_moment_sees_it(scorings.prior_inputs)
    fingerprint = _as_one_moment_sees_it(scorings.fingerprint)
    dates = _as_one_moment_sees_it(reading.dates)
    accounts_scored = _as_one_moment_sees_it(reading.accounts_scored)
    scored_at = _as_one_moment_sees_it(reading.scored_at)
    scored = _as_one_moment_sees_it(reading.scored)
    queue = _as_one_moment_sees_it(reading.queue)
    decided = _as_one_moment_sees_it(reading.decided)
    overflow = _as_one_moment_sees_it(reading.overflow)
    account = _as_one_moment_sees_it(reading.account)
    recorded = _as_one_moment_sees_it(reading.recorded)
    health_events = _as_one_moment_sees_it(reading.health_changes)
    bands = _as_one_moment_sees_it(reading.bands)
    held = _as_one_moment_sees_it(reading.held)
    standing = _as_one_moment_sees_it(reading.standing)
    healths = _as_one_moment_sees_it(reading.healths)
    declaration = _as_one_moment_sees_it(reading.declaration)

    account_list = _as_one_moment_sees_it(cockpit.account_list)
    renewals = _as_one_moment_sees_it(cockpit.renewals)
    account_choices = _as_one_moment_sees_it(cockpit.account_choices)
    account_names = _as_one_moment_sees_it(cockpit.account_names)
    may_see = _as_one_moment_sees_it(cockpit.may_see)
    taken_accounts = _as_one_moment_sees_it(cockpit.taken_accounts)
    owner_work = _as_one_moment_sees_it(cockpit.owner_work)
    ended_since = _as_one_moment_sees_it(cockpit.ended_since)
    changed_by = _as_one_moment_sees_it(cockpit.changed_by)
    last_change = _as_one_moment_sees_it(cockpit.last_change)
    account_terms = _as_one_moment_sees_it(cockpit.account_terms)
    late_scorings = _as_one_moment_sees_it(cockpit.late_scorings)
    made_from = _as_one_moment_sees_it(cockpit.made_from)
    newest_scoring = _as_one_moment_sees_it(reading.newest_made)
    work_page = _as_one_moment_sees_it(cockpit.work_page)
    work_item = _as_one_moment_sees_it(cockpit.work_item)
    api_call = _as_one_moment_sees_it(api_calls.api_call)

    traces_of_account = _as_one_moment_sees_it(forgetting.traces_of_account)
    traces_of_user = _as_one_moment_sees_it(forgetting.traces_of_user)

    def forget_account(
        self,
        account_id: str,
        digest: str,
        now: dt.datetime,
        *,
        who: str,
        why: str,
        sampled: frozenset[int] = frozenset(),
    ) -> None:
        """Removes an account in one transaction: :func:`churnml.adapters.store.forgetting.erase_account`."""
        with self._connections.writing() as connection:
            forgetting.erase_account(connection, account_id, digest, now, who=who, why=why, sampled=sampled)

    def note_forgotten_user(self, digest: str, now: dt.datetime, *, who: str, why: str) -> None:
        """The audit line of a user who was forgotten."""
        with self._connections.writing() as connection:
            forgetting.note_user(connection, digest, now, who=who, why=why)

    aged = _as_one_moment_sees_it(retention.aged)

    def let_go(self, declared: Retention, today: dt.date, now: dt.datetime) -> AgedRows:
        """Removes what is older than declared: :func:`churnml.adapters.store.retention.let_go`."""
        with self._connections.writing() as connection:
            return retention.let_go(connection, declared, today, now)

    def compact(self) -> bool:
        """Lets the files go of what was deleted; False where a reader keeps them from it."""
        return self._connections.compact((*APPEND_ONLY, *KEPT))

    def record(self, day: ScoredDay, made_from: Provenance, now: dt.datetime, messages: Sequence[Message] = ()) -> bool:
        """Writes a date in one transaction: :func:`churnml.adapters.store.scorings.record`."""
        with self._connections.writing() as connection:
            new = scorings.record(connection, day, made_from, now, messages)
        written = {"as_of": day.as_of, "accounts": len(day.accounts), "new": new}
        log.info("%(as_of)s with %(accounts)d accounts written, new: %(new)s", written)
        return new


@contextmanager
def open_store(url: str, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[Store]:
    """The store at ``url``, its tables made or migrated if need be; raises ProjectError.

    Args:
        url: SQLAlchemy's.
        patience_seconds: how long a writer of a SQLite file waits for another.
    """
    connections = Connections(url, patience_seconds)
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
