"""What a day decides and what it knows beforehand: decisions, work, arms, overrides, messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from churnml.jsontypes import Json, JsonObject

Arm = Literal["treated", "holdout"]
WorkState = Literal["open", "snoozed", "done", "dismissed", "closed"]
ENDED = ("done", "dismissed", "closed")
# Decisions that put an account on somebody's list.
LISTED = ("opened", "kept")
WorkEventKind = Literal[
    "opened", "snoozed", "woken", "done", "dismissed", "closed", "escalated", "reassigned", "due_moved", "undone"
]
# opened: new on somebody's list. kept: was open and stays. holdout: would have been opened, and is left alone so
# that the playbook can be measured. overflow: no capacity left. cooling, snoozed, elsewhere (the account has other
# open work), trouble (an upsell play for an account in trouble): not offered, and why.
Disposition = Literal["opened", "kept", "holdout", "overflow", "cooling", "snoozed", "elsewhere", "trouble"]


@dataclass(frozen=True)
class BandState:
    """The band an account was in when it was last scored, for hysteresis and dwell.

    Args:
        account_id: the account.
        scored_on: the date of that scoring.
        health: 0 to 100; None unknown.
        band, band_since: the band and the first date it was in it without a break.
        pending, pending_since: the band its score has pointed to since, while dwell holds it back; else None.
    """

    account_id: str
    scored_on: dt.date
    health: float | None
    band: str
    band_since: dt.date
    pending: str | None = None
    pending_since: dt.date | None = None


@dataclass(frozen=True)
class Override:
    """A person's word against the score, with an end.

    Args:
        override_id: its name.
        account_id: whose.
        score: what the author says the health is, 0 to 100.
        author, reason: who and why; never empty.
        made_on, expires_on: from the first date on, up to but not including the second.
        withdrawn_on: taken back on; None while it stands.
    """

    override_id: str
    account_id: str
    score: float
    author: str
    reason: str
    made_on: dt.date
    expires_on: dt.date
    withdrawn_on: dt.date | None = None

    def holds_on(self, day: dt.date) -> bool:
        """Whether it counts on ``day``."""
        ends = self.expires_on if self.withdrawn_on is None else min(self.expires_on, self.withdrawn_on)
        return self.made_on <= day < ends


@dataclass(frozen=True)
class WorkItem:
    """A work item: one playbook for one account, because of one reason, on one person's list.

    Args:
        work_id: its name, made from account, playbook, reason and opened_on.
        account_id, playbook, reason: what it is about; reason is a code, or empty where the rule asks for none.
        owner: who has it: a person's id or ``team:…``.
        state: open or snoozed while it lives.
        opened_on, due: dates; due is the last day, in the owner's own calendar.
        minutes, cost: declared effort and money.
        value: expected MRR it was opened for, per month; None unknown.
        snoozed_until: not shown before; None unless snoozed.
        escalated_on: when it went overdue and to whom escalation goes; None unless so.
        ended_on, ended_because: when and why it left the list.
        follows: the account's owner whom it follows when the CRM names another (empty: it had none); None where it
            follows nobody: it belongs to a pool, a skill or a team, or a person gave it to whoever has it.
    """

    work_id: str
    account_id: str
    playbook: str
    reason: str
    owner: str
    state: WorkState
    opened_on: dt.date
    due: dt.date
    minutes: int = 0
    value: float | None = None
    snoozed_until: dt.date | None = None
    escalated_on: dt.date | None = None
    ended_on: dt.date | None = None
    ended_because: str | None = None
    cost: float = 0.0
    follows: str | None = None


@dataclass(frozen=True)
class WorkEvent:
    """Something that happened to a work item; never changed afterwards.

    Args:
        work_id: which.
        on: the date it counts for.
        what: the kind.
        who: a person's id, or ``churnml``.
        why: in words; never empty.
        details: whatever else is to be traced (from and to of a reassignment …).
    """

    work_id: str
    on: dt.date
    what: WorkEventKind
    who: str
    why: str
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Assignment:
    """The arm of an account for a playbook; made once, and kept whatever is declared later.

    Args:
        account_id, playbook: for which.
        arm: treated or holdout.
        propensity: the probability of ``treated`` when it was drawn.
        assigned_on: the date the account was first about to be treated: its enrolment.
        value: expected MRR at stake then, per month; None unknown.
        mrr: what it paid then.
    """

    account_id: str
    playbook: str
    arm: Arm
    propensity: float
    assigned_on: dt.date
    value: float | None = None
    mrr: float | None = None


@dataclass(frozen=True)
class Decision:
    """What one date decided about one playbook for one account, and all that is needed to see why.

    Args:
        account_id, playbook, reason: about what.
        disposition: what was decided.
        title, goal, steps: the playbook's own words on that date.
        owner: whose list it is on, or would have been on.
        due: until when.
        rule: the entry rule as declared.
        because: the parts of the rule that held, in words.
        facts: the facts the rule read, by name, as they were.
        value, value_low, value_high: expected MRR kept or won, per month, at the likely, the low and the high effect.
        arm, propensity: of the holdout, None where it was not asked.
        work_id: the work item, where there is one.
        note: why not, where it was not offered.
    """

    account_id: str
    playbook: str
    reason: str
    disposition: Disposition
    title: str
    goal: str
    steps: tuple[str, ...]
    owner: str
    due: dt.date | None
    rule: str
    because: tuple[str, ...]
    facts: Mapping[str, Json]
    value: float | None
    value_low: float | None = None
    value_high: float | None = None
    arm: Arm | None = None
    propensity: float | None = None
    work_id: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class PriorState:
    """What is on record when a day begins. Everything in it is of earlier dates, or of this one done before.

    Args:
        bands: account → its band state at the newest scoring before this date.
        overrides: those that hold on this date.
        work: every item that lives, and those that ended within the longest cooldown.
        assignments: (account, playbook) → its arm.
        minutes: owner → effort of the work opened for them earlier in this ISO week, this date's own included.
        spent: playbook → cost of the work opened earlier in this calendar month, this date's own included.
        lines: playbook → the share of MRR that acting was measured to keep at a churn probability of 0, and what is
            added for one of 1; only of those that were shown to keep more when the list goes by it.
        stamp: counts the changes of what is above; a plan is only written down if nobody changed it meanwhile.
    """

    bands: Mapping[str, BandState] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    work: tuple[WorkItem, ...] = ()
    assignments: Mapping[tuple[str, str], Assignment] = field(default_factory=dict)
    minutes: Mapping[str, int] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    lines: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    stamp: int = 0


@dataclass(frozen=True)
class DayPlan:
    """What a day comes to: written down with its scores in one transaction, or not at all.

    Args:
        decisions: in the order of the list: opened and kept by value first, then what was not offered.
        work: the items that are new or changed, as they now stand.
        events: what happened to them.
        assignments: arms drawn today.
    """

    decisions: tuple[Decision, ...] = ()
    work: tuple[WorkItem, ...] = ()
    events: tuple[WorkEvent, ...] = ()
    assignments: tuple[Assignment, ...] = ()


@dataclass(frozen=True)
class Message:
    """Something to be delivered to a receiver, written in the same transaction as what it tells.

    Args:
        receiver: the name of a receiver in ``models/delivery.yaml``.
        kind: ``work`` (an item opened, reassigned, escalated or closed), ``health`` (an account's score and band),
            ``event`` (a change of band or a drop).
        key: idempotency key: the same fact told twice has the same key.
        subject: the account id.
        payload: plain JSON data.
    """

    receiver: str
    kind: Literal["work", "health", "event"]
    key: str
    subject: str
    payload: JsonObject
