"""The queue of the report: whom to turn to first, why, and what to do."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.ledger import Decision, ScoredAccount, ScoredDay, Timing
from churnml.pages import charts
from churnml.pages.presenter import date_range, goal_name, times
from churnml.pages.report.parts import total
from churnml.pages.summary import RunSummary

DECISIONS_SHOWN = 50


@dataclass(frozen=True)
class QueueRow:
    """One decision and what is known of its account."""

    place: int
    account: str
    segment: str | None
    owner: str
    title: str
    goal: str
    goal_name: str
    due: dt.date | None
    because: Sequence[str]
    steps: Sequence[str]
    band: str | None
    colour: str
    health: float | None
    churn: float | None
    churn_times: str | None
    leaves: str | None
    upsell: float | None
    upsell_times: str | None
    mrr: float | None
    at_risk: float | None
    to_win: float | None
    to_keep: float | None
    reasons: Sequence[str]


@dataclass(frozen=True)
class PlaybookRow:
    """All decisions of one playbook."""

    title: str
    goal: str
    steps: Sequence[str]
    decisions: int
    value: float | None
    grows: bool


@dataclass(frozen=True)
class Queue:
    """The listed decisions, and the totals of all.

    Args:
        rows: the first :data:`DECISIONS_SHOWN` decisions.
        all: how many there are.
        to_keep, to_win: MRR a month that all of them are expected to keep and to win.
        holdout, overflow: candidates left alone on purpose, and those that did not fit into anybody's day.
        left_lying: MRR a month that did not fit.
        unvalued: decisions without a value.
        owners: owner and their decisions, most first.
        goals: goal, its name and its decisions.
        playbooks: most decisions first.
        has_probability: whether any listed account has one.
    """

    rows: Sequence[QueueRow]
    all: int
    to_keep: float | None
    to_win: float | None
    holdout: int
    overflow: int
    left_lying: float | None
    unvalued: int
    owners: Sequence[tuple[str, int]]
    goals: Sequence[tuple[str, str, int]]
    playbooks: Sequence[PlaybookRow]
    has_probability: bool


def queue_of(
    summary: RunSummary,
    scores: ScoredDay,
    usual: Mapping[str, float | None],
    risk: str,
    colours: Mapping[str, str],
) -> Queue:
    """The queue.

    Args:
        summary: the run summed up.
        scores: the scored date.
        usual: model → its usual probability.
        risk: the name of the churn model.
        colours: band → colour.
    """
    shown = scores.decisions[:DECISIONS_SHOWN]
    wanted = {decision.account_id for decision in shown}
    accounts = {account.account_id: account for account in scores.accounts if account.account_id in wanted}
    growth = next((rate for name, rate in usual.items() if name != risk), None)
    rows = [
        _queue_row(place, decision, accounts.get(decision.account_id), usual.get(risk), growth, colours)
        for place, decision in enumerate(shown, start=1)
    ]
    return Queue(
        rows=rows,
        all=len(scores.decisions),
        to_keep=total(d.value for d in scores.decisions if d.goal != "grow"),
        to_win=total(d.value for d in scores.decisions if d.goal == "grow"),
        holdout=summary.dispositions.get("holdout", 0),
        overflow=summary.dispositions.get("overflow", 0),
        left_lying=summary.overflow_value,
        unvalued=sum(d.value is None for d in scores.decisions),
        owners=sorted(Counter(d.owner for d in shown).items(), key=lambda pair: (-pair[1], pair[0])),
        goals=[(goal, goal_name(goal), n) for goal, n in Counter(d.goal for d in shown).items()],
        playbooks=_playbook_rows(scores.decisions),
        has_probability=any(row.churn is not None or row.upsell is not None for row in rows),
    )


def _queue_row(
    place: int,
    decision: Decision,
    account: ScoredAccount | None,
    usual_churn: float | None,
    usual_growth: float | None,
    colours: Mapping[str, str],
) -> QueueRow:
    grows = decision.goal == "grow"
    reasons = () if account is None else account.growth_reasons if grows else account.reasons
    churn = account.churn_probability if account else None
    upsell = account.upsell_probability if account and grows else None
    return QueueRow(
        place=place,
        account=decision.account_id,
        segment=account.segment if account else None,
        owner=decision.owner,
        title=decision.title,
        goal=decision.goal,
        goal_name=goal_name(decision.goal),
        due=decision.due,
        because=decision.because,
        steps=decision.steps,
        band=account.band if account else None,
        colour=colours.get(account.band, charts.UNKNOWN_COLOUR) if account else charts.UNKNOWN_COLOUR,
        health=account.health if account else None,
        churn=churn,
        churn_times=times(churn, usual_churn),
        leaves=None if grows or account is None else _leaves(account.timing),
        upsell=upsell,
        upsell_times=times(upsell, usual_growth),
        mrr=account.mrr if account else None,
        at_risk=account.mrr_at_risk if account else None,
        to_win=decision.value if grows else None,
        to_keep=None if grows else decision.value,
        reasons=[reason.sentence for reason in reasons],
    )


def _leaves(timing: Timing | None) -> str | None:
    """The dates an account most likely leaves on, if it leaves."""
    return None if timing is None else date_range(timing.likely_period.first, timing.likely_period.last)


def _playbook_rows(decisions: Sequence[Decision]) -> list[PlaybookRow]:
    """All decisions, also those the page does not list, by playbook; most frequent first."""
    members: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        members[decision.playbook].append(decision)
    rows = [
        PlaybookRow(
            title=inside[0].title,
            goal=goal_name(inside[0].goal),
            steps=inside[0].steps,
            decisions=len(inside),
            value=total(d.value for d in inside),
            grows=inside[0].goal == "grow",
        )
        for inside in members.values()
    ]
    return sorted(rows, key=lambda row: -row.decisions)
