"""What the store answers: the list of a date, an account with its past, what did not fit, what was sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from churnml.jsontypes import Json, JsonObject
from churnml.ledger.days import HealthEvent, ScoredAccount
from churnml.ledger.work import LISTED, Decision, Override, WorkEvent, WorkItem


@dataclass(frozen=True)
class Scoring:
    """One scoring of a date, and what it was made from.

    Args:
        as_of, revision: the date, and how often it was scored by then.
        fingerprint, data_fingerprint: of everything, and of the data alone.
        models: model name → version used.
        declarations: kind → the fingerprint of its YAML as it was; None where none were kept.
        scored_at: UTC, without a zone.
    """

    as_of: dt.date
    revision: int
    fingerprint: str
    models: Mapping[str, str | None]
    data_fingerprint: str | None
    declarations: Mapping[str, str] | None
    scored_at: dt.datetime


@dataclass(frozen=True)
class RecordedDecision:
    """A decision, its place in the order of its date (1 is first), and the scoring that made it."""

    scoring: Scoring
    place: int
    decision: Decision


@dataclass(frozen=True)
class QueueLine:
    """A line of a date's list.

    Args:
        scoring, place, decision: as for :class:`RecordedDecision`; of the newest date, owner and due date are the
            present ones.
        account: the account's score.
        work: the work item as it stands now; None on an earlier date.
    """

    scoring: Scoring
    place: int
    decision: Decision
    account: ScoredAccount
    work: WorkItem | None


@dataclass(frozen=True)
class RecordedAccount:
    """An account as it was scored, and the scoring that did."""

    scoring: Scoring
    account: ScoredAccount


@dataclass(frozen=True)
class HistoryPoint:
    """An account's figures at one of its scorings, as in :class:`churnml.ledger.ScoredAccount`."""

    as_of: dt.date
    health: float | None
    band: str
    churn_probability: float | None
    upsell_probability: float | None
    raw_health: float | None
    coverage: float
    override_id: str | None


@dataclass(frozen=True)
class AccountStory:
    """One account on a date, with its past.

    Args:
        scoring, account: its score, and the scoring that made it.
        previous: the same at the scoring before; None at its first.
        decisions: all of that date, in order.
        history: scoring by scoring, up to that date.
        health_events: what happened to its health up to that date.
        work, work_events, overrides: as they stand now.
    """

    scoring: Scoring
    account: ScoredAccount
    previous: RecordedAccount | None
    decisions: tuple[RecordedDecision, ...]
    history: tuple[HistoryPoint, ...]
    health_events: tuple[HealthEvent, ...]
    work: tuple[WorkItem, ...]
    work_events: tuple[WorkEvent, ...]
    overrides: tuple[Override, ...]

    @property
    def listed(self) -> RecordedDecision | None:
        """The decision on somebody's list, if there is one."""
        return next((made for made in self.decisions if made.decision.disposition in LISTED), None)


@dataclass(frozen=True)
class Overflow:
    """What did not fit into a date, for one owner and playbook.

    Args:
        as_of, owner, playbook: of what.
        items: how many.
        value, value_low, value_high: sums of MRR a month left lying; None where no value is known.
    """

    as_of: dt.date
    owner: str
    playbook: str
    items: int
    value: float | None
    value_low: float | None
    value_high: float | None


@dataclass(frozen=True)
class RecordedBand:
    """Health and band of an account on a scored date, as in :class:`churnml.ledger.ScoredAccount`."""

    as_of: dt.date
    account_id: str
    health: float | None
    raw_health: float | None
    coverage: float
    band: str
    band_since: dt.date | None
    override_id: str | None
    mrr: float | None


class DatedHealth(NamedTuple):
    """A health score and the date of its scoring; a tuple, for there are as many as accounts times dates."""

    on: dt.date
    health: float | None


@dataclass(frozen=True)
class RecordedDeclaration:
    """A declaration as it was: what names it, its kind, its YAML, and when it was first seen."""

    fingerprint: str
    kind: str
    text: str
    first_seen_at: dt.datetime


@dataclass(frozen=True)
class Delivery:
    """One message to one receiver.

    Args:
        delivery_id: its number, in the order of writing.
        receiver, kind, key, subject, payload: those of the :class:`churnml.ledger.Message`.
        state: ``dead`` will not be tried again by itself.
        attempts: how often sending was begun; of a claimed one, this time included.
        created_at, next_attempt_at, leased_until, sent_at: UTC, without a zone.
        last_error: what the newest failure said.
    """

    delivery_id: int
    receiver: str
    kind: str
    key: str
    subject: str
    payload: JsonObject
    state: Literal["pending", "sent", "dead"]
    attempts: int
    created_at: dt.datetime
    next_attempt_at: dt.datetime
    leased_until: dt.datetime | None
    last_error: str | None
    sent_at: dt.datetime | None


@dataclass(frozen=True)
class DeliveryAttempt:
    """What became of one attempt to send a message: when (UTC), sent, failed or dead, and what was answered."""

    at: dt.datetime
    result: str
    note: str


@dataclass(frozen=True)
class AuditEntry:
    """Who did what to what, when (UTC) and why."""

    audit_id: int
    at: dt.datetime
    who: str
    what: str
    subject: str
    why: str
    details: Mapping[str, Json]


@dataclass(frozen=True)
class EnrolmentOutcome:
    """What became of an account that was given an arm, as known through a date.

    Args:
        account_id, playbook: whose arm.
        known_through: the last day the data knew.
        churn_state, upsell_state: counted, or why not (waiting, vanished, gone, unasked).
        left, grew: 1 it did, 0 it did not; None not known.
        kept: what it pays beside what it paid, 1 is the same; None not known.
        won: what it pays more, as a share of what it paid; None not known.
    """

    account_id: str
    playbook: str
    known_through: dt.date
    churn_state: str
    left: float | None
    kept: float | None
    upsell_state: str
    grew: float | None
    won: float | None


@dataclass(frozen=True)
class MeasuredEffect:
    """What a playbook was measured to do.

    Args:
        playbook: which.
        known_through: the last day the data knew.
        line: the share of MRR that acting keeps at a risk of 0, and what is added for a risk of 1; None where the
            list may not go by it.
        sentence: the same in words.
    """

    playbook: str
    known_through: dt.date
    line: tuple[float, float] | None
    sentence: str
