"""The list and the account, as printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from churnml.ledger import AccountStory, Override, QueueLine, Reason, ScoredAccount, Timing
from churnml.pages.presenter import called, money, number, percent, plural, printable, score, words
from churnml.pages.terminal.layout import table
from churnml.pages.terminal.work import work_list_text

if TYPE_CHECKING:
    from churnml.health.changes import HealthChange


def queue_text(day: dt.date, queue: Sequence[QueueLine]) -> str:
    """What ``churnml queue`` prints."""
    if not queue:
        return f"{day}: no account is in the queue."
    return "\n".join([f"{day}: {plural(len(queue), 'decision')}", "", *queue_lines(queue)])


def queue_lines(queue: Sequence[QueueLine]) -> list[str]:
    """A few lines a decision: who, what, by when, worth how much, why."""
    lines: list[str] = []
    for line in queue:
        decision, account = line.decision, line.account
        work = f"  [{decision.work_id}]" if decision.work_id else ""
        lines.append(
            f"  {line.place:>3}. {printable(called(decision.account_id, account.name))}  {decision.title}  "
            f"→ {printable(decision.owner)} by {decision.due}{work}"
        )
        grow = decision.goal == "grow"
        chance = account.upsell_probability if grow else account.churn_probability
        lines.append(
            f"       health {score(account.health)} ({words(account.band)})"
            + ("" if chance is None else f", {'upsell' if grow else 'churn'} {percent(chance)}")
            + (f", MRR {money(account.mrr)}" if account.mrr else "")
            + ("" if decision.value is None else f", worth {money(decision.value)} a month")
        )
        lines += _reason_lines(account.growth_reasons if grow else account.reasons, " " * 7)
    return lines or ["  nobody needs attention today"]


def account_text(story: AccountStory, change: HealthChange | None) -> str:
    """What ``churnml explain`` prints."""
    account, as_of = story.account, story.scoring.as_of
    lines = [
        f"{printable(called(account.account_id, account.name))} as of {as_of}",
        f"  health {score(account.health)} ({_band(account)}), {percent(account.coverage)} of the weight known",
        *_stale_lines(account),
        *_made_lines(account, story.overrides),
        f"  churn {percent(account.churn_probability)}, upsell {percent(account.upsell_probability)}",
        *([f"  MRR {money(account.mrr)}, at risk {money(account.mrr_at_risk)}"] if account.mrr else []),
        f"  owner {printable(account.owner_id or '–')}",
        *_when_lines(account.timing, as_of),
        "",
        *table(
            ["dimension", "0–100"],
            [[name, score(value)] for name, value in account.dimensions.items()],
            right=(1,),
        ),
        "",
        "  why",
        *_reason_lines(account.reasons),
    ]
    if account.growth_reasons:
        lines += ["", "  what speaks for growth", *_reason_lines(account.growth_reasons)]
    if change is not None and story.previous is not None:
        lines += _change_lines(change, story.previous.scoring.as_of)
    if story.listed:
        decision = story.listed.decision
        lines += [
            "",
            f"  {decision.title} → {printable(decision.owner)} by {decision.due} "
            f"(playbook {decision.playbook}: {printable('; '.join(decision.because))})",
            *(f"    {i}. {step}" for i, step in enumerate(decision.steps, start=1)),
        ]
    lines += _not_offered_lines(story)
    if story.work:
        lines += ["", "  work", "", work_list_text(story.work)]
    if len(story.history) > 1:
        rows = [
            [str(point.as_of), score(point.health), words(point.band), percent(point.churn_probability)]
            for point in story.history
        ]
        lines += ["", *table(["as of", "health", "band", "churn"], rows, right=(1, 3))]
    return "\n".join(lines)


def _reason_lines(reasons: Sequence[Reason], indent: str = "  ") -> list[str]:
    sentences = [printable(reason.sentence) for reason in reasons] or ["no single reason stands out"]
    return [f"{indent}· {sentence}" for sentence in sentences]


def _band(account: ScoredAccount) -> str:
    since = f" since {account.band_since}" if account.band_since else ""
    pending = f", {words(account.pending)} since {account.pending_since} if it lasts" if account.pending else ""
    return f"{words(account.band)}{since}{pending}"


def _stale_lines(account: ScoredAccount) -> list[str]:
    since = account.trace.stale_since
    return [] if since is None else [f"  as it was scored on {since}: the data have been broken since (churnml data)"]


def _made_lines(account: ScoredAccount, overrides: Sequence[Override]) -> list[str]:
    """What the score is made of beyond its dimensions: scorecard, exceptions, a person's word."""
    lines, trace = [], account.trace
    if trace.scorecard:
        stage = f", stage {trace.stage}" if trace.stage else ""
        lines.append(f"  judged by scorecard {trace.scorecard}{stage}")
    for applied in trace.exceptions:
        lines.append(f"  exception {applied.name}: {score(applied.before)} → {score(applied.after)}")
    for hierarchy in trace.hierarchies:
        lines.append(
            f"  parent {printable(hierarchy.parent)}: {score(hierarchy.score)} over {hierarchy.members} accounts"
            + (f", worst {printable(hierarchy.worst)}" if hierarchy.worst else "")
        )
    override = next((one for one in overrides if one.override_id == trace.override_id), None)
    if override:
        lines.append(
            f"  overridden by {printable(override.author)} until {override.expires_on} "
            f"(it would be {score(trace.ruled_health)}): {printable(override.reason)}"
        )
    return lines


def _change_lines(change: HealthChange, since: dt.date) -> list[str]:
    """What changed since the scoring before, in parts that add up."""
    if change.total is None:
        return []
    parts = {
        "data": change.data,
        "model": change.model,
        "configuration": change.configuration,
        "override": change.override,
    }
    moved = [f"{name} {number(value, 2, signed=True)}" for name, value in parts.items() if value]
    lines = [
        "",
        f"  since {since}: {number(change.total, 2, signed=True)} points" + (f" ({', '.join(moved)})" if moved else ""),
    ]
    of_data = [f"{name} {number(value, 2, signed=True)}" for name, value in change.by_data.items() if value]
    if of_data:
        lines.append(f"    of the data: {', '.join(of_data)}")
    return [*lines, *([f"    {change.note}"] if change.note else [])]


DISPOSITIONS = {
    "holdout": "left alone on purpose, so that the playbook can be measured",
    "overflow": "did not fit into anybody's day",
    "cooling": "was done lately",
    "snoozed": "is snoozed",
    "elsewhere": "has other open work",
    "trouble": "is in trouble, so nothing is sold to it",
}


def _not_offered_lines(story: AccountStory) -> list[str]:
    """Playbooks whose rule holds and that are on nobody's list, with why."""
    others = [made.decision for made in story.decisions if made.decision.disposition in DISPOSITIONS]
    if not others:
        return []
    lines = ["", "  not on a list"]
    for decision in others:
        lines.append(f"    {decision.title}: {printable(decision.note or DISPOSITIONS[decision.disposition])}")
    return lines


BARS = "▁▂▃▄▅▆▇█"


def _when_lines(timing: Timing | None, as_of: dt.date) -> list[str]:
    """When an account may leave: in words, and a bar a period as high as its chance of leaving in it."""
    if timing is None:
        return []
    within = ", ".join(f"{days} days {percent(p)}" for days, p in timing.leave_within.items() if p is not None)
    likely = timing.likely_period
    left, days = [0.0, *timing.left_by.left], [0, *timing.left_by.days]
    daily = [(b - a) / (d - c) for a, b, c, d in zip(left, left[1:], days, days[1:], strict=False)]
    most = max(daily) or 1.0
    bar = "".join(BARS[round(each / most * (len(BARS) - 1))] for each in daily)
    return [
        f"  leaves within {within}",
        f"  if it leaves, most likely from {likely.first} to {likely.last} ({percent(likely.probability)})",
        f"  {bar}  {days[-1]} days from {as_of}",
    ]
