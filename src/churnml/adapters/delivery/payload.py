"""What stands in a message's payload, as :mod:`churnml.work.messages` writes it and the outbox keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from churnml.jsontypes import Json
from churnml.ledger import Delivery


class HealthPayload(TypedDict):
    """An account's health."""

    score: float | None
    band: str | None
    coverage: float | None
    dimensions: Mapping[str, float | None]


# By its keys, of which "from" is no name.
EventPayload = Mapping[str, Json]


class WorkPayload(TypedDict, total=False):
    """A work item and what happened to it, in the order of a file's columns.

    ``title``, ``goal``, ``steps``, ``because``, ``value_low`` and ``value_high`` only where its decision is at hand.
    """

    work_id: str
    what: str
    on: str
    who: str
    why: str
    playbook: str
    reason: str
    title: str
    goal: str
    steps: Sequence[str]
    because: Sequence[str]
    owner: str
    state: str
    opened_on: str
    due: str
    snoozed_until: str | None
    escalated_on: str | None
    value: float | None
    value_low: float | None
    value_high: float | None
    minutes: int


class Payload(TypedDict, total=False):
    """A message: which it is, and what is known of its account."""

    project: str
    as_of: str
    account_id: str
    kind: str
    key: str
    models: Mapping[str, str | None]
    account_name: str
    owner: str | None
    segment: str | None
    mrr: float | None
    churn_probability: float | None
    upsell_probability: float | None
    mrr_at_risk: float | None
    health: HealthPayload
    reasons: Sequence[str]
    growth_reasons: Sequence[str]
    event: EventPayload
    work: WorkPayload


def payload_of(delivery: Delivery) -> Payload:
    """A delivery's payload, by its parts."""
    return cast(Payload, delivery.payload)
