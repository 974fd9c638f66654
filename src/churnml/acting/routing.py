"""From scored accounts to at most one decision each, in the order a manager should take them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.acting.facts import facts_frame
from churnml.acting.rule_checks import PlaybookRules, read_rules
from churnml.acting.rules import Mask, asked_of, names_reason
from churnml.specs import Playbook, PlaybooksSpec
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
        accounts: named facts of each account (see :func:`churnml.acting.facts.facts_frame`).
    """
    rules = read_rules(spec, "playbooks.yaml")
    asked = [f"{group}.{name}" for group in ("feature", "attribute") for name in asked_of(rules.all, group)]
    frame = facts_frame(accounts, asked)
    trouble = rules.trouble.holds(frame) & (not spec.grow_in_trouble)
    free = np.ones(len(frame), dtype=bool)
    decisions: list[tuple[tuple[bool, float, float, str], Decision]] = []
    for one in rules.playbooks:
        takes = free & _takes(one, frame)
        if one.playbook.goal == "grow":
            takes &= ~trouble
        free &= ~takes
        for facts in frame[takes].to_dict("records"):
            named = {str(name): value for name, value in facts.items()}
            decision = _decision(one.playbook, spec, as_of, named, one.enter.because(named))
            decisions.append((_order(decision, named), decision))
    return [decision for _, decision in sorted(decisions, key=lambda pair: pair[0])]


def _takes(rules: PlaybookRules, frame: pd.DataFrame) -> Mask:
    takes = rules.enter.holds(frame)
    if rules.exit is not None:
        takes = takes & ~rules.exit.holds(frame)
    if rules.playbook.reasons:
        takes = takes & np.array([_reason(rules.playbook, codes) for codes in frame["reasons"]], dtype=bool)
    return takes


def _reason(playbook: Playbook, codes: Iterable[str] | None) -> bool:
    return any(names_reason(pattern, code) for code in codes or () for pattern in playbook.reasons)


def _decision(
    playbook: Playbook, spec: PlaybooksSpec, as_of: dt.date, facts: Mapping[str, Any], because: tuple[str, ...]
) -> Decision:
    owner = facts["owner_id"] if playbook.owner == "account_owner" else playbook.owner
    return Decision(
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


def _value(goal: str, facts: Mapping[str, Any]) -> float | None:
    stake = facts["mrr"] * facts["upsell_probability" if goal == "grow" else "churn_probability"]
    if goal == "grow" and not math.isnan(facts["upsell_share"]):
        # of an upsell only the declared share of growth is to be won, not the whole contract
        stake *= facts["upsell_share"]
    return None if math.isnan(stake) else round(float(stake), 2)


def _order(decision: Decision, facts: Mapping[str, Any]) -> tuple[bool, float, float, str]:
    """Most valuable first; where no model says what is at stake, the unhealthiest first."""
    health = facts["health"]
    return (
        decision.value is None,
        -(decision.value or 0.0),
        100.0 if math.isnan(health) else health,
        decision.account_id,
    )
