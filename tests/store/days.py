"""Small scored dates, plans and messages for the tests of the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store import Store
from churnml.adapters.store.connections import Connections
from churnml.ledger import (
    Assignment,
    BandState,
    DayPlan,
    Decision,
    HealthEvent,
    Message,
    Provenance,
    Reason,
    ScoredAccount,
    ScoredDay,
    WorkEvent,
    WorkItem,
)

NOW = dt.datetime(2024, 3, 1, 8, 0, 0)  # noqa: DTZ001 - the store keeps UTC without a zone
MODELS = {"churn": "3", "upsell": None}
NOTHING = DayPlan()


def day(text: str) -> dt.date:
    """``03-01`` is that day of 2024."""
    return dt.date.fromisoformat(f"2024-{text}")


def account(account_id: str, **given: Any) -> ScoredAccount:
    said: dict[str, Any] = {
        "owner_id": "olga",
        "segment": "smb",
        "mrr": 100.0,
        "churn_probability": 0.25,
        "upsell_probability": None,
        "health": 40.0,
        "band": "at_risk",
        "coverage": 1.0,
        "dimensions": {"usage": 40.0, "support": None},
        "reasons": (Reason("usage.active_days", "active_days_28", "Active on 2 days; usually 12.", 0.5),),
        "growth_reasons": (),
        "mrr_at_risk": 25.0,
    }
    return ScoredAccount(account_id=account_id, **(said | given))


def scores(as_of: dt.date, *accounts: str | ScoredAccount) -> ScoredDay:
    rows = [one if isinstance(one, ScoredAccount) else account(one) for one in accounts]
    return ScoredDay(as_of, tuple(sorted(rows, key=lambda row: row.account_id)), MODELS)


def in_bands(scored: ScoredDay, states: Sequence[BandState]) -> ScoredDay:
    """The day with the band states of those that have one."""
    known = {
        state.account_id: {
            "band_since": state.band_since,
            "pending": state.pending,
            "pending_since": state.pending_since,
        }
        for state in states
    }
    return replace(scored, accounts=tuple(replace(one, **known.get(one.account_id, {})) for one in scored.accounts))


def record(
    store: Store,
    scored: ScoredDay,
    fingerprint: str,
    now: dt.datetime,
    plan: DayPlan = NOTHING,
    *,
    bands: Sequence[BandState] = (),
    events: Sequence[HealthEvent] = (),
    messages: Sequence[Message] = (),
    declarations: Mapping[str, str] | None = None,
    data: str | None = None,
    stamp: int | None = None,
) -> bool:
    """Writes a scored date with a plan, as the flows write it."""
    day = replace(in_bands(scored, bands), plan=plan, events=tuple(events))
    return store.record(day, Provenance(fingerprint, declarations or {}, data, stamp), now, messages)


def item(account_id: str, opened_on: dt.date, **given: Any) -> WorkItem:
    playbook, reason = given.pop("playbook", "rescue"), given.pop("reason", "usage.active_days")
    said: dict[str, Any] = {
        "work_id": f"{account_id}/{playbook}/{reason}/{opened_on}",
        "account_id": account_id,
        "playbook": playbook,
        "reason": reason,
        "owner": "olga",
        "state": "open",
        "opened_on": opened_on,
        "due": opened_on + dt.timedelta(days=7),
        "minutes": 60,
        "cost": 10.0,
        "value": 5.0,
    }
    return WorkItem(**(said | given))


def event(work_id: str, on: dt.date, what: Any, who: str = "churnml", why: str = "the rule held") -> WorkEvent:
    return WorkEvent(work_id, on, what, who, why, {"seen": 1})


def decision(work: WorkItem | None, account_id: str, disposition: Any = "opened", **given: Any) -> Decision:
    said: dict[str, Any] = {
        "account_id": account_id,
        "playbook": "rescue",
        "reason": "usage.active_days",
        "disposition": disposition,
        "title": "Call",
        "goal": "keep",
        "steps": ("Call them", "Write it down"),
        "owner": "olga",
        "due": None if work is None else work.due,
        "rule": "band == 'at_risk'",
        "because": ("band is at_risk",),
        "facts": {"band": "at_risk", "churn_lift": 2.5},
        "value": 5.0,
        "value_low": 0.0,
        "value_high": 9.0,
        "arm": "treated",
        "propensity": 0.9,
        "work_id": None if work is None else work.work_id,
    }
    return Decision(**(said | given))


def arm(account_id: str, on: dt.date, **given: Any) -> Assignment:
    said: dict[str, Any] = {"playbook": "rescue", "arm": "treated", "propensity": 0.9, "value": 5.0, "mrr": 100.0}
    return Assignment(account_id=account_id, assigned_on=on, **(said | given))


def opening(on: dt.date, *account_ids: str, **given: Any) -> DayPlan:
    """A plan that opens one item for each."""
    items = [item(account_id, on, **given) for account_id in account_ids]
    return DayPlan(
        decisions=tuple(decision(one, one.account_id) for one in items),
        work=tuple(items),
        events=tuple(event(one.work_id, on, "opened") for one in items),
        assignments=tuple(arm(one.account_id, on, playbook=one.playbook) for one in items),
    )


def message(key: str, subject: str = "a", receiver: str = "crm", **payload: Any) -> Message:
    return Message(receiver, "work", key, subject, payload or {"text": "hello"})


def kept_open(on: dt.date, *items: WorkItem, also: Sequence[Decision] = ()) -> DayPlan:
    """A plan that changes nothing: the items stay."""
    return DayPlan(decisions=(*(decision(one, one.account_id, "kept") for one in items), *also), work=tuple(items))


def tries(url: str, statement: str) -> None:
    """Runs a statement in a transaction; what the database says of it comes through."""
    connections = Connections(url)
    try:
        with connections.writing() as connection:
            connection.execute(sa.text(statement))
    finally:
        connections.close()
