"""From scored accounts to at most one decision each, in the order a manager should take them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from churnml.acting.playbooks import first_match
from churnml.specs import PlaybooksSpec
from churnml.timeline import plus_days


@dataclass(frozen=True)
class Decision:
    """The next right action for one account.

    Args:
        account_id: the account.
        playbook, title, goal: what to do it by.
        steps: what to do.
        owner: a person's id or ``team:…``.
        due: until when.
        because: the conditions that made the rule hold.
        value: expected MRR the decision is about (at risk, or to be won), per month; None unknown.
    """

    account_id: str
    playbook: str
    title: str
    goal: str
    steps: tuple[str, ...]
    owner: str
    due: dt.date
    because: tuple[str, ...]
    value: float | None


def route(spec: PlaybooksSpec, as_of: dt.date, accounts: Iterable[Mapping[str, Any]]) -> list[Decision]:
    """One decision for each account a playbook takes, most valuable first; ties by account id.

    Args:
        spec: the declared playbooks.
        as_of: the date the decisions are of.
        accounts: named facts of each account (see :mod:`churnml.acting.playbooks`).
    """
    decisions: list[tuple[tuple[bool, float, float, str], Decision]] = []
    for facts in accounts:
        matched = first_match(spec, facts)
        if matched is None:
            continue
        playbook, because = matched
        owner = facts.get("owner_id") if playbook.owner == "account_owner" else playbook.owner
        decision = Decision(
            account_id=facts["account_id"],
            playbook=playbook.name,
            title=playbook.title,
            goal=playbook.goal,
            steps=playbook.do,
            owner=owner or spec.fallback_owner,
            due=plus_days(as_of, playbook.due_in_days),
            because=because,
            value=_value(playbook.goal, facts),
        )
        decisions.append((_order(decision, facts), decision))
    return [decision for _, decision in sorted(decisions, key=lambda pair: pair[0])]


def _value(goal: str, facts: Mapping[str, Any]) -> float | None:
    probability = facts.get("upsell_probability") if goal == "grow" else facts.get("churn_probability")
    mrr = facts.get("mrr")
    if probability is None or mrr is None or math.isnan(probability) or math.isnan(mrr):
        return None
    # of an upsell only the declared share of growth is to be won, not the whole contract
    share = facts.get("upsell_share", 1.0) if goal == "grow" else 1.0
    return round(float(probability) * float(mrr) * float(share), 2)


def _order(decision: Decision, facts: Mapping[str, Any]) -> tuple[bool, float, float, str]:
    """Most valuable first; where no model says what is at stake, the unhealthiest first."""
    health = facts.get("health")
    return (
        decision.value is None,
        -(decision.value or 0.0),
        100.0 if health is None else health,
        decision.account_id,
    )
