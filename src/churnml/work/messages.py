"""What each receiver is told of a day: of the work, of every account's health, and of its changes.

Only what was decided is told. A held-out account is on nobody's list and has no work item, so no message says it
would have been on one; its health is told like everybody's.

A message's key names the fact and the receiver: the same day done again writes nothing twice. Health is a snapshot
named by its date and by what it says, so that a date scored again from other data is told again where it says
something else. A change of work is named by the item, the change and its date.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from churnml.jsontypes import Json, JsonObject
from churnml.ledger import (
    DayPlan,
    Decision,
    HealthEvent,
    Message,
    RecordedAccount,
    ScoredAccount,
    ScoredDay,
    WorkEvent,
    WorkItem,
)
from churnml.specs.delivery import CrmWhen, DeliverySpec, When

SCHEMA = 1
# Of what happened to a work item: what tells two changes of one kind on one date apart.
TELLING = ("from", "to", "until", "again")


def canonical(value: object) -> bytes:
    """A value as JSON that is always the same: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def messages_for(spec: DeliverySpec, day: ScoredDay, *, project: str) -> tuple[Message, ...]:
    """The messages of a scored date, by receiver in declared order: health, then its changes, then work.

    Args:
        spec: the receivers, what they are sent and when.
        day: the date.
        project: its name; two projects may tell the same receiver of accounts with the same ids.
    """
    if not spec.receivers:
        return ()
    head = _head(project, day.as_of, day.models)
    accounts = {account.account_id: account for account in sorted(day.accounts, key=lambda one: one.account_id)}
    events = sorted(day.events, key=lambda event: (event.account_id, event.kind))
    messages: list[Message] = []
    for name, receiver in spec.receivers.items():
        if "health" in receiver.sends:
            messages += [
                _health(name, head, account) for account in accounts.values() if _wants(receiver.when, account)
            ]
        if "event" in receiver.sends:
            messages += [
                _event(name, head, event, accounts.get(event.account_id))
                for event in events
                if _wants(receiver.when, accounts.get(event.account_id)) and _falls_enough(receiver.when, event)
            ]
        if "work" in receiver.sends:
            messages += _work(name, receiver.when, head, accounts, day.plan)
    return tuple(messages)


def work_messages(
    spec: DeliverySpec,
    item: WorkItem,
    event: WorkEvent,
    recorded: RecordedAccount | None = None,
    decision: Decision | None = None,
    *,
    project: str,
) -> tuple[Message, ...]:
    """What is told when a person does something to a work item, between two scorings.

    Args:
        spec: the receivers.
        item: as it stands afterwards.
        event: what was done.
        recorded: the account as it was scored last; None where it was not.
        decision: the one that made the item, where it is at hand.
        project: its name.
    """
    head = _head(project, event.on, recorded.scoring.models if recorded else {})
    accounts = {item.account_id: recorded.account} if recorded else {}
    plan = DayPlan(decisions=() if decision is None else (decision,), work=(item,), events=(event,))
    return tuple(
        message
        for name, receiver in spec.receivers.items()
        if "work" in receiver.sends
        for message in _work(name, receiver.when, head, accounts, plan)
    )


def _head(project: str, as_of: dt.date, models: Mapping[str, str | None]) -> JsonObject:
    """What every message of a day begins with."""
    return {"schema": SCHEMA, "project": project, "as_of": as_of.isoformat(), "models": dict(sorted(models.items()))}


def _health(name: str, head: JsonObject, account: ScoredAccount) -> Message:
    about = _about(account)
    digest = hashlib.sha256(canonical([about, head["models"]])).hexdigest()
    return _message(name, "health", account.account_id, [head["as_of"], digest], {**head, **about})


def _event(name: str, head: JsonObject, event: HealthEvent, account: ScoredAccount | None) -> Message:
    change = {"because": list(event.because), "from": event.from_, "kind": event.kind, "to": event.to}
    facts = [head["as_of"], event.kind, event.from_, event.to]
    return _message(name, "event", event.account_id, facts, {**head, **_about(account), "event": change})


def _work(
    name: str, when: CrmWhen, head: JsonObject, accounts: Mapping[str, ScoredAccount], plan: DayPlan
) -> Iterable[Message]:
    items = {item.work_id: item for item in plan.work}
    decisions = {decision.work_id: decision for decision in plan.decisions if decision.work_id}
    for event in plan.events:
        item = items.get(event.work_id)
        account = accounts.get(item.account_id) if item else None
        if item is None or not _wants_work(when, item, event, account):
            continue
        telling = {key: event.details[key] for key in TELLING if key in event.details}
        work = _item(item, event, decisions.get(event.work_id), telling)
        facts: list[Json] = [event.work_id, event.what, event.on.isoformat(), telling]
        yield _message(name, "work", item.account_id, facts, {**head, **_about(account), "work": work})


def _message(
    receiver: str, kind: Literal["work", "health", "event"], account_id: str, facts: Sequence[Json], payload: JsonObject
) -> Message:
    named = [payload["project"], receiver, kind, account_id, *facts]
    key = f"{kind}-{hashlib.sha256(canonical(named)).hexdigest()[:40]}"
    return Message(receiver, kind, key, account_id, {**payload, "account_id": account_id, "kind": kind, "key": key})


def _about(account: ScoredAccount | None) -> JsonObject:
    """What every message says of an account that is scored."""
    if account is None:
        return {}
    return {
        # what has no name is told as before there were any
        **({} if account.name is None else {"account_name": account.name}),
        "owner": account.owner_id,
        "segment": account.segment,
        "mrr": _known(account.mrr),
        "churn_probability": _known(account.churn_probability),
        "upsell_probability": _known(account.upsell_probability),
        "mrr_at_risk": _known(account.mrr_at_risk),
        "health": {
            "score": _known(account.health),
            "band": account.band,
            "coverage": _known(account.coverage),
            "dimensions": {name: _known(value) for name, value in account.dimensions.items()},
        },
        "reasons": [reason.sentence for reason in account.reasons],
        "growth_reasons": [reason.sentence for reason in account.growth_reasons],
    }


def _item(item: WorkItem, event: WorkEvent, decision: Decision | None, telling: JsonObject) -> JsonObject:
    work: dict[str, Json] = {
        "work_id": item.work_id,
        "what": event.what,
        "on": event.on.isoformat(),
        "who": event.who,
        "why": event.why,
        **telling,
        "playbook": item.playbook,
        "reason": item.reason,
        "owner": item.owner,
        "state": item.state,
        "opened_on": item.opened_on.isoformat(),
        "due": item.due.isoformat(),
        "snoozed_until": _date(item.snoozed_until),
        "escalated_on": _date(item.escalated_on),
        "value": _known(item.value),
        "minutes": item.minutes,
    }
    if decision is not None:
        work |= {
            "title": decision.title,
            "goal": decision.goal,
            "steps": list(decision.steps),
            "because": list(decision.because),
            "value_low": _known(decision.value_low),
            "value_high": _known(decision.value_high),
        }
    return work


def _wants(when: CrmWhen, account: ScoredAccount | None) -> bool:
    """Whether an account concerns a receiver; one that is not scored any more only where nothing is asked of it."""
    if when.segments and (account is None or account.segment not in when.segments):
        return False
    if not isinstance(when, When):
        return True
    if when.owners and (account is None or account.owner_id not in when.owners):
        return False
    return not when.bands or (account is not None and account.band in when.bands)


def _falls_enough(when: CrmWhen, event: HealthEvent) -> bool:
    if not isinstance(when, When) or when.min_drop is None or event.kind != "drop":
        return True
    return float(event.from_) - float(event.to) >= when.min_drop


def _wants_work(when: CrmWhen, item: WorkItem, event: WorkEvent, account: ScoredAccount | None) -> bool:
    if when.playbooks and item.playbook not in when.playbooks:
        return False
    if when.min_value is not None and (item.value is None or item.value < when.min_value):
        return False
    # an account that is not scored any more: its open work must still be told to end
    if when.segments and account is not None and account.segment not in when.segments:
        return False
    if not isinstance(when, When):
        return True
    if when.changes and event.what not in when.changes:
        return False
    # who loses an item is told too
    return not when.owners or item.owner in when.owners or event.details.get("from") in when.owners


def _known(value: float | None) -> float | None:
    """A plain number; one that is none is not known."""
    return float(value) if value is not None and math.isfinite(value) else None


def _date(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
