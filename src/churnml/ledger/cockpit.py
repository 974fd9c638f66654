"""What the cockpit asks of the store, and what it is answered: part of all accounts, a day's work, marks of change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from churnml.ledger.work import WorkEvent, WorkItem

SortKey = Literal[
    "account", "owner", "segment", "mrr", "health", "band", "churn", "upsell", "risk", "since", "renews", "work"
]
WorkKey = Literal["", "open", "none"]
# Whose accounts may be seen: those of these owners; None is everybody's.
Owners = tuple[str, ...] | None
# Asks for accounts without an owner or a segment.
WITHOUT = "-"


@dataclass(frozen=True)
class AccountFilter:
    """Which accounts are asked for, and in which order; what is empty or None asks for nothing.

    Args:
        text: part of the account's id or name, upper and lower case alike.
        owner, segment, band: exactly these; an owner or a segment of :data:`WITHOUT` asks for accounts without one.
        work: ``open`` only with open work, ``none`` only without.
        health_from, health_to: of the score, 0 to 100, both ends belong to it.
        mrr_from: MRR a month of at least this.
        churn_from: probability of churn of at least this, 0 to 1.
        renews: a month in which the contract renews, as 2025-01.
        sort: what they are ordered by; accounts without that value come last, equal ones by id.
        descending: the highest first.
    """

    text: str = ""
    owner: str = ""
    segment: str = ""
    band: str = ""
    work: WorkKey = ""
    health_from: float | None = None
    health_to: float | None = None
    mrr_from: float | None = None
    churn_from: float | None = None
    renews: str = ""
    sort: SortKey = "risk"
    descending: bool = True


@dataclass(frozen=True)
class AccountPlace:
    """A place in the order of accounts: what they are ordered by there, and the account; a date as a date."""

    value: float | str | dt.date | None
    account_id: str


@dataclass(frozen=True)
class AccountLine:
    """One account of a list: its score as :class:`churnml.ledger.ScoredAccount` has it, and how much open work."""

    account_id: str
    name: str | None
    owner_id: str | None
    segment: str | None
    mrr: float | None
    health: float | None
    band: str
    band_since: dt.date | None
    churn_probability: float | None
    upsell_probability: float | None
    mrr_at_risk: float | None
    renews_on: dt.date | None
    open_work: int

    def value_of(self, key: SortKey) -> float | str | dt.date | None:
        """What it is ordered by, under that key."""
        value: float | str | dt.date | None = getattr(self, SORTED_BY[key])
        return value


# What accounts are ordered by → the field of a line that holds it.
SORTED_BY: Mapping[SortKey, str] = {
    "account": "account_id",
    "owner": "owner_id",
    "segment": "segment",
    "mrr": "mrr",
    "health": "health",
    "band": "band",
    "churn": "churn_probability",
    "upsell": "upsell_probability",
    "risk": "mrr_at_risk",
    "since": "band_since",
    "renews": "renews_on",
    "work": "open_work",
}


@dataclass(frozen=True)
class AccountList:
    """A stretch of the accounts that were asked for, and the sums of all of them.

    Args:
        as_of: the scored date.
        lines: the stretch.
        accounts: how many there are in all.
        mrr, at_risk: sums over all of them, a month; None where nothing is known.
    """

    as_of: dt.date
    lines: tuple[AccountLine, ...]
    accounts: int
    mrr: float | None
    at_risk: float | None


@dataclass(frozen=True)
class AccountChoices:
    """What accounts can be chosen by on a date, each in its order; of the owners asked for only."""

    owners: tuple[str, ...]
    segments: tuple[str, ...]
    bands: tuple[str, ...]


WorkWanted = Literal["", "living", "open", "snoozed", "done", "dismissed", "closed"]


@dataclass(frozen=True)
class WorkFilter:
    """Which work items are asked for; what is empty asks for nothing. ``living`` is open or snoozed."""

    owner: str = ""
    playbook: str = ""
    state: WorkWanted = ""


@dataclass(frozen=True)
class WorkPlace:
    """A place in the order in which work was opened."""

    opened_on: dt.date
    work_id: str


@dataclass(frozen=True)
class SavedView:
    """What somebody keeps to look at again: their name for it, and what it asks for, as the address has it."""

    name: str
    asked: Mapping[str, str]


@dataclass(frozen=True)
class AccountNote:
    """What somebody wrote down about an account, and on which date."""

    account_id: str
    author: str
    text: str
    on: dt.date


@dataclass(frozen=True)
class AccountTerms:
    """What an account paid, whose it was, and when its contract was to renew, as it was scored on a date."""

    as_of: dt.date
    mrr: float | None
    owner_id: str | None
    renews_on: dt.date | None


@dataclass(frozen=True)
class RenewingDay:
    """The accounts whose contracts renew on a day; None is the day that is not known.

    Args:
        day: which.
        accounts: how many.
        mrr, at_risk: sums a month; None where nothing is known.
    """

    day: dt.date | None
    accounts: int
    mrr: float | None
    at_risk: float | None


@dataclass(frozen=True)
class OwnerWork:
    """How much open work an owner has."""

    owner: str
    items: int


@dataclass(frozen=True)
class TakenAccount:
    """An account that a playbook has open work for: which, with whom, since when, worth what a month."""

    playbook: str
    account_id: str
    name: str | None
    owner: str
    opened_on: dt.date
    value: float | None


@dataclass(frozen=True)
class LastChange:
    """What happened to a work item last.

    Args:
        item: as it now stands.
        before: as it stood before; None where this is the first thing that happened to it.
        event: what happened.
        at: when it was written, UTC without a zone.
        undone: how often something was taken back of it by then.
    """

    item: WorkItem
    before: WorkItem | None
    event: WorkEvent
    at: dt.datetime
    undone: int


@dataclass(frozen=True)
class LateScoring:
    """A scored date as it now stands.

    Args:
        as_of, revision, scored_at: the date, how often it was scored, and when last (UTC, without a zone).
        models: model → version.
        accounts: how many were scored.
        stale_since: the date its scores are of, where broken data held it; None where they are its own.
    """

    as_of: dt.date
    revision: int
    scored_at: dt.datetime
    models: Mapping[str, str | None]
    accounts: int
    stale_since: dt.date | None


@dataclass(frozen=True)
class MadeFrom:
    """What the newest scoring of a date was made from, for marks on a line of dates.

    Args:
        as_of: the date.
        models: model → version.
        declarations: kind → fingerprint; None where none were kept.
        held: whether its scores are those of an earlier date.
    """

    as_of: dt.date
    models: Mapping[str, str | None]
    declarations: Mapping[str, str] | None
    held: bool
