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
from typing import Any, Literal

from churnml.ledger import DayPlan, Decision, Message, WorkEvent, WorkItem
from churnml.specs.delivery import AnyReceiver, CrmWhen, DeliverySpec, When

SCHEMA = 1
# Of an account, as it stands in a row of its scores.
FIGURES = ("segment", "mrr", "churn_probability", "upsell_probability", "mrr_at_risk")
# Of what happened to a work item: what tells two changes of one kind on one date apart.
TELLING = ("from", "to", "until")


def canonical(value: Any) -> bytes:
    """A value as JSON that is always the same: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def messages_for(
    spec: DeliverySpec,
    as_of: dt.date,
    plan: DayPlan,
    rows: Mapping[str, Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]] = (),
    *,
    models: Mapping[str, str | None],
    project: str,
) -> tuple[Message, ...]:
    """The messages of a scored date, by receiver in declared order: health, then its changes, then work.

    Args:
        spec: the receivers, what they are sent and when.
        as_of: the date.
        plan: what was decided.
        rows: account → its row, by the names of :class:`churnml.scoring.predictions.ScoredAccount` and what was found
            beside them; reasons as objects or mappings with a ``sentence``.
        events: changes of health, each with ``account_id``, ``kind`` (drop, band) and what is said of it beside them.
        models: model → the version that scored the date.
        project: its name; two projects may tell the same receiver of accounts with the same ids.
    """
    if not spec.receivers:
        return ()
    about = {account_id: _about(rows[account_id]) for account_id in sorted(rows)}
    day = {"schema": SCHEMA, "project": project, "as_of": as_of.isoformat(), "models": dict(sorted(models.items()))}
    ordered = sorted(events, key=lambda event: (str(event["account_id"]), str(event["kind"])))
    told: list[Message] = []
    for name, receiver in spec.receivers.items():
        if "health" in receiver.sends:
            told += _health(name, receiver, day, about)
        if "event" in receiver.sends:
            told += _events(name, receiver, day, about, ordered)
        if "work" in receiver.sends:
            told += _work(name, receiver, day, about, plan)
    return tuple(told)


def work_messages(
    spec: DeliverySpec,
    item: WorkItem,
    event: WorkEvent,
    row: Mapping[str, Any] | None = None,
    decision: Decision | None = None,
    *,
    models: Mapping[str, str | None] | None = None,
    project: str,
) -> tuple[Message, ...]:
    """What is told when a person does something to a work item, between two scorings.

    Args:
        spec: the receivers.
        item: as it stands afterwards.
        event: what was done.
        row: the account's newest row, as for :func:`messages_for`.
        decision: the one that made the item, where it is at hand.
        models: model → the version that scored the row.
        project: its name.
    """
    day = {
        "schema": SCHEMA,
        "project": project,
        "as_of": event.on.isoformat(),
        "models": dict(sorted((models or {}).items())),
    }
    about = {item.account_id: _about(row)} if row is not None else {}
    plan = DayPlan(decisions=() if decision is None else (decision,), work=(item,), events=(event,))
    told: list[Message] = []
    for name, receiver in spec.receivers.items():
        if "work" in receiver.sends:
            told += _work(name, receiver, day, about, plan)
    return tuple(told)


def _health(
    name: str, receiver: AnyReceiver, day: Mapping[str, Any], about: Mapping[str, Mapping[str, Any]]
) -> Iterable[Message]:
    for account_id, said in about.items():
        if _wants(receiver.when, said):
            said_digest = hashlib.sha256(canonical([said, day["models"]])).hexdigest()
            yield _message(name, "health", account_id, [day["as_of"], said_digest], {**day, **said})


def _events(
    name: str,
    receiver: AnyReceiver,
    day: Mapping[str, Any],
    about: Mapping[str, Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
) -> Iterable[Message]:
    for event in events:
        account_id = str(event["account_id"])
        said = about.get(account_id, {})
        found = {
            key.rstrip("_"): _plain(value) for key, value in sorted(event.items()) if key not in ("account_id", "on")
        }
        if _wants(receiver.when, said) and _falls_enough(receiver.when, found):
            facts = [day["as_of"], found["kind"], found.get("from"), found.get("to")]
            yield _message(name, "event", account_id, facts, {**day, **said, "event": found})


def _work(
    name: str,
    receiver: AnyReceiver,
    day: Mapping[str, Any],
    about: Mapping[str, Mapping[str, Any]],
    plan: DayPlan,
) -> Iterable[Message]:
    items = {item.work_id: item for item in plan.work}
    decisions = {decision.work_id: decision for decision in plan.decisions if decision.work_id}
    for event in plan.events:
        item = items.get(event.work_id)
        if item is None or not _wants_work(receiver.when, item, event, about.get(item.account_id, {})):
            continue
        telling = {key: _plain(event.details[key]) for key in TELLING if key in event.details}
        said = {
            **day,
            **about.get(item.account_id, {}),
            "work": _item(item, event, decisions.get(event.work_id), telling),
        }
        facts = [event.work_id, event.what, event.on.isoformat(), telling]
        yield _message(name, "work", item.account_id, facts, said)


def _message(
    receiver: str,
    kind: Literal["work", "health", "event"],
    account_id: str,
    facts: Sequence[Any],
    payload: Mapping[str, Any],
) -> Message:
    named = [payload["project"], receiver, kind, account_id, *facts]
    key = f"{kind}-{hashlib.sha256(canonical(named)).hexdigest()[:40]}"
    return Message(receiver, kind, key, account_id, {**payload, "account_id": account_id, "kind": kind, "key": key})


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    """What every message says of an account."""
    return {
        "owner": _plain(row.get("owner_id")),
        **{figure: _plain(row.get(figure)) for figure in FIGURES},
        "health": {
            "score": _plain(row.get("health")),
            "band": _plain(row.get("band")),
            "coverage": _plain(row.get("coverage")),
            "dimensions": _plain(row.get("dimensions") or {}),
        },
        "reasons": _sentences(row.get("reasons") or ()),
        "growth_reasons": _sentences(row.get("growth_reasons") or ()),
    }


def _sentences(reasons: Iterable[Any]) -> list[str]:
    return [str(reason["sentence"] if isinstance(reason, Mapping) else reason.sentence) for reason in reasons]


def _item(item: WorkItem, event: WorkEvent, decision: Decision | None, telling: Mapping[str, Any]) -> dict[str, Any]:
    said = {
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
        "snoozed_until": _plain(item.snoozed_until),
        "escalated_on": _plain(item.escalated_on),
        "value": _plain(item.value),
        "minutes": item.minutes,
    }
    if decision is not None:
        said |= {
            "title": decision.title,
            "goal": decision.goal,
            "steps": list(decision.steps),
            "because": list(decision.because),
            "value_low": _plain(decision.value_low),
            "value_high": _plain(decision.value_high),
        }
    return said


def _wants(when: CrmWhen, said: Mapping[str, Any]) -> bool:
    """Whether what is said of an account concerns a receiver."""
    if when.segments and said.get("segment") not in when.segments:
        return False
    if not isinstance(when, When):
        return True
    if when.owners and said.get("owner") not in when.owners:
        return False
    return not when.bands or (said.get("health") or {}).get("band") in when.bands


def _falls_enough(when: CrmWhen, found: Mapping[str, Any]) -> bool:
    if not isinstance(when, When) or when.min_drop is None or found["kind"] != "drop":
        return True
    try:
        return float(found["from"]) - float(found["to"]) >= when.min_drop
    except (KeyError, TypeError, ValueError):
        return True  # a drop that does not say how far it fell is told rather than lost


def _wants_work(when: CrmWhen, item: WorkItem, event: WorkEvent, said: Mapping[str, Any]) -> bool:
    if when.playbooks and item.playbook not in when.playbooks:
        return False
    if when.min_value is not None and (item.value is None or item.value < when.min_value):
        return False
    # an account that is not scored any more: its open work must still be told to end
    if when.segments and said and said.get("segment") not in when.segments:
        return False
    if not isinstance(when, When):
        return True
    if when.changes and event.what not in when.changes:
        return False
    # who loses an item is told too
    return not when.owners or item.owner in when.owners or event.details.get("from") in when.owners


def _plain(value: Any) -> Any:
    """A value as plain JSON data; what is not a number is not known."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else float(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if hasattr(value, "item"):  # a number of numpy's
        return _plain(value.item())
    return str(value)
