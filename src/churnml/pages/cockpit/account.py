"""One account: where it stands and why, how it came there, what was done about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.health.changes import HealthChange
from churnml.health.scorecards import RENEWAL
from churnml.ledger import AccountStory, Override, ScoredAccount, WorkItem
from churnml.ledger.cockpit import AccountNote, MadeFrom
from churnml.pages.cockpit.history_chart import HistoryChart, Mark, history_chart
from churnml.pages.cockpit.timeline import BesideTheScores, TimelineEntry, made_otherwise, timeline
from churnml.pages.presenter import number, percent, score, words
from churnml.specs.health import HealthSpec
from churnml.work.life import fingerprint_of, lives

TIMELINE_SHOWN = 60


@dataclass(frozen=True)
class ShownDimension:
    """A dimension of health: its score, and the share of the score's weight it has, where they are known."""

    name: str
    score: float | None
    weight: float | None


@dataclass(frozen=True)
class AccountWork:
    """A work item of an account, what was to be done, and whether the visitor may act on it.

    Args:
        item: as it stands.
        seen: names the item as it stands.
        title, steps: of the playbook, where the newest date listed it.
        living: whether it is open or put off.
    """

    item: WorkItem
    seen: str
    title: str
    steps: tuple[str, ...]
    living: bool


@dataclass(frozen=True)
class ChangePart:
    """A part of a change of the score: where it comes from, and how many points."""

    name: str
    points: float


@dataclass(frozen=True)
class Compared:
    """Two dates beside each other, and what the difference is made of.

    Args:
        first, last: the dates.
        before, after: the scores.
        total: the difference; None where it cannot be taken apart.
        parts: what it is made of; they add up to ``total``.
        of_data: the same of the part of the data.
        note: what a reader should know of it.
    """

    first: dt.date
    last: dt.date
    before: float | None
    after: float | None
    total: float | None
    parts: Sequence[ChangePart]
    of_data: Sequence[ChangePart]
    note: str


@dataclass(frozen=True)
class AccountView:
    """The page.

    Args:
        account: as it was scored.
        as_of: on which date.
        today: the date as the project lives.
        bands: the declared bands, best first.
        renews_on: when its contract renews; None where that is not known.
        chart: its health over time.
        dates: every date it was scored on, newest first.
        compared: why its score changed; None where there is nothing to compare.
        dimensions: what its health is made of.
        work: its work items, living ones first.
        overrides: a person's word against its score, newest first.
        notes: what people wrote down about it, newest first.
        timeline: what happened, newest first.
        earlier: how many older entries are not shown.
        hand_to: who work can be handed to.
        snooze_to: the date that is proposed for putting something off.
    """

    account: ScoredAccount
    as_of: dt.date
    today: dt.date
    bands: tuple[str, ...]
    renews_on: dt.date | None
    chart: HistoryChart
    dates: Sequence[dt.date]
    compared: Compared | None
    dimensions: Sequence[ShownDimension]
    work: Sequence[AccountWork]
    overrides: Sequence[Override]
    notes: Sequence[AccountNote]
    timeline: Sequence[TimelineEntry]
    earlier: int
    hand_to: Sequence[str]
    snooze_to: dt.date


@dataclass(frozen=True)
class AccountSources:
    """What the page is made from.

    Args:
        story: the account with its past.
        made_from: what each of its scorings was made from, later ones too.
        change: why its score changed; None where that is not known.
        beside: what else the store has of it.
        currency: of its money.
        health: the project's definition of health.
        today: the date as the project lives.
        hand_to: who work can be handed to.
        snooze_to: the date that is proposed for putting something off.
    """

    story: AccountStory
    made_from: Sequence[MadeFrom]
    change: HealthChange | None
    beside: BesideTheScores
    currency: str
    health: HealthSpec
    today: dt.date
    hand_to: Sequence[str]
    snooze_to: dt.date


def account_view(sources: AccountSources) -> AccountView:
    """The page of an account."""
    story = sources.story
    by_then = [made for made in sources.made_from if made.as_of <= story.scoring.as_of]
    entries = timeline(story, by_then, sources.beside, sources.currency)
    account = story.account
    return AccountView(
        account=account,
        as_of=story.scoring.as_of,
        today=sources.today,
        bands=tuple(band.name for band in sources.health.bands),
        renews_on=_renewal(story),
        chart=history_chart(
            story.history, {band.name: band.at_least for band in sources.health.bands}, marks(story, by_then)
        ),
        dates=[made.as_of for made in reversed(sources.made_from)],
        compared=_compared(story, sources.change),
        dimensions=[
            ShownDimension(name, value, account.trace.weights.get(name)) for name, value in account.dimensions.items()
        ],
        work=_work(story),
        overrides=list(reversed(story.overrides)),
        notes=list(reversed(sources.beside.notes)),
        timeline=entries[:TIMELINE_SHOWN],
        earlier=max(0, len(entries) - TIMELINE_SHOWN),
        hand_to=sources.hand_to,
        snooze_to=sources.snooze_to,
    )


# ---------------------------------------------------------------- what happened


def marks(story: AccountStory, made_from: Sequence[MadeFrom]) -> tuple[Mark, ...]:
    """Where the score was made otherwise than before: by another model, configuration, or a person's word."""
    seen = [Mark(entry.on, entry.kind, entry.text) for entry in made_otherwise(made_from)]
    first = story.history[0].as_of if story.history else story.scoring.as_of
    seen += [
        Mark(one.made_on, "override", f"override by {one.author}: {score(one.score)}")
        for one in story.overrides
        if one.made_on >= first
    ]
    return tuple(sorted(seen, key=lambda mark: mark.on))


# ---------------------------------------------------------------- where it stands


def _renewal(story: AccountStory) -> dt.date | None:
    """The renewal date; of a scoring from before that was kept, where the score or a rule read how far off it is."""
    if story.account.renews_on is not None:
        return story.account.renews_on
    inputs = story.account.trace.inputs or {}
    read = [inputs.get(RENEWAL), *(made.decision.facts.get(RENEWAL) for made in story.decisions)]
    days = next((value for value in read if isinstance(value, int | float) and not isinstance(value, bool)), None)
    return None if days is None else story.scoring.as_of + dt.timedelta(days=round(days))


def _compared(story: AccountStory, change: HealthChange | None) -> Compared | None:
    if story.previous is None:
        return None
    first, last = story.previous, story.account
    whole = change is not None and change.total is not None
    named = (
        {
            "what the data say": change.data,
            "the model": change.model,
            "the configuration": change.configuration,
            "an override": change.override,
        }
        if change is not None and whole
        else {}
    )
    note = change.note if change is not None else "What the scores were made of is not on record for both dates."
    return Compared(
        first=first.scoring.as_of,
        last=story.scoring.as_of,
        before=first.account.health,
        after=last.health,
        total=change.total if change is not None else None,
        parts=[ChangePart(name, points) for name, points in named.items() if points],
        of_data=[ChangePart(name, points) for name, points in change.by_data.items() if points] if change else [],
        note=note,
    )


def _work(story: AccountStory) -> list[AccountWork]:
    listed = {made.decision.work_id: made.decision for made in story.decisions if made.decision.work_id}
    rows = []
    for item in story.work:
        decision = listed.get(item.work_id)
        title = decision.title if decision else words(item.playbook).capitalize()
        steps = decision.steps if decision else ()
        rows.append(AccountWork(item, fingerprint_of(item), title, steps, lives(item)))
    return sorted(rows, key=lambda row: (not row.living, -row.item.opened_on.toordinal(), row.item.work_id))


def made_of(account: ScoredAccount) -> list[str]:
    """What the score is made of beyond its dimensions, in sentences."""
    trace = account.trace
    lines = [f"{percent(account.coverage, 0)} of the score's weight is known."]
    if trace.scorecard:
        lines.append(f"Judged by the scorecard {words(trace.scorecard)}{_stage(trace.stage)}.")
    for applied in trace.exceptions:
        lines.append(f"Exception {words(applied.name)}: {score(applied.before)} → {score(applied.after)}.")
    for hierarchy in trace.hierarchies:
        lines.append(
            f"With all under {hierarchy.parent}: {score(hierarchy.score)} over {number(hierarchy.members)} accounts."
        )
    if account.pending:
        lines.append(f"Its score has pointed to {words(account.pending)} since {account.pending_since}.")
    if trace.stale_since:
        lines.append(f"As it was scored on {trace.stale_since}: the data have been broken since.")
    return lines


def _stage(stage: str | None) -> str:
    return f", stage {words(stage)}" if stage else ""
