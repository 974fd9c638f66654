"""The queue of the report: whom to turn to first, why, and what to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.ledger import Decision, ScoredAccount, ScoredDay
from churnml.pages.report.parts import total

DECISIONS_SHOWN = 50


@dataclass(frozen=True)
class Queue:
    """The listed decisions, and the totals of all.

    Args:
        rows: the first :data:`DECISIONS_SHOWN` decisions with their accounts.
        all: how many there are.
        to_keep, to_win: MRR a month that all of them are expected to keep and to win.
        usual_churn, usual_growth: the usual probabilities.
        owners: owner and their listed decisions, most first.
        goals: goal → its listed decisions.
        playbooks: all decisions of each playbook, most decisions first.
        has_probability: whether any listed account has one.
    """

    rows: Sequence[tuple[Decision, ScoredAccount]]
    all: int
    to_keep: float | None
    to_win: float | None
    usual_churn: float | None
    usual_growth: float | None
    owners: Sequence[tuple[str, int]]
    goals: Mapping[str, int]
    playbooks: Sequence[Sequence[Decision]]
    has_probability: bool


def queue_of(scores: ScoredDay, usual: Mapping[str, float | None], risk: str) -> Queue:
    """The queue.

    Args:
        scores: the scored date.
        usual: model → its usual probability.
        risk: the name of the churn model.
    """
    decisions = scores.decisions
    shown = decisions[:DECISIONS_SHOWN]
    accounts = {account.account_id: account for account in scores.accounts}
    rows = [(decision, accounts[decision.account_id]) for decision in shown]
    members: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        members[decision.playbook].append(decision)
    return Queue(
        rows=rows,
        all=len(decisions),
        to_keep=total(d.value for d in decisions if d.goal != "grow"),
        to_win=total(d.value for d in decisions if d.goal == "grow"),
        usual_churn=usual.get(risk),
        usual_growth=next((rate for name, rate in usual.items() if name != risk), None),
        owners=sorted(Counter(d.owner for d in shown).items(), key=lambda pair: (-pair[1], pair[0])),
        goals=Counter(d.goal for d in shown),
        playbooks=sorted(members.values(), key=len, reverse=True),
        has_probability=any(
            account.churn_probability is not None or (d.goal == "grow" and account.upsell_probability is not None)
            for d, account in rows
        ),
    )
