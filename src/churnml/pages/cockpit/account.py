"""One account: where it stands and why, how it came there, what was done about it."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.health.changes import HealthChange
from churnml.health.scorecards import RENEWAL
from churnml.ledger import AccountStory, Override, ScoredAccount, WorkEvent, WorkItem
from churnml.ledger.cockpit import MadeFrom
from churnml.pages.cockpit.history_chart import HistoryChart, Mark, history_chart
from churnml.pages.presenter import number, percent, score, words
from churnml.specs.health import HealthSpec
from churnml.work.life import CHURNML, fingerprint_of, lives

TIMELINE_SHOWN = 60


@dataclass(frozen=True)
class TimelineEntry:
    """Something that happened: when, of which kind, and what, in words. Holds what users wrote."""

    on: dt.date
    kind: str
    text: str
    because: str = ""


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
        health: the project's definition of health.
        today: the date as the project lives.
        hand_to: who work can be handed to.
        snooze_to: the date that is proposed for putting something off.
    """

    story: AccountStory
    made_from: Sequence[MadeFrom]
    change: HealthChange | None
    health: HealthSpec
    today: dt.date
    hand_to: Sequence[str]
    snooze_to: dt.date


def account_view(sources: AccountSources) -> AccountView:
    """The page of an account."""
    story = sources.story
    by_then = [made for made in sources.made_from if made.as_of <= story.scoring.as_of]
    entries = timeline(story, by_then)
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
        timeline=entries[:TIMELINE_SHOWN],
        earlier=max(0, len(entries) - TIMELINE_SHOWN),
        hand_to=sources.hand_to,
        snooze_to=sources.snooze_to,
    )


# ---------------------------------------------------------------- what happened


def marks(story: AccountStory, made_from: Sequence[MadeFrom]) -> tuple[Mark, ...]:
    """Where the score was made otherwise than before: by another model, configuration, or a person's word."""
    seen = [Mark(entry.on, entry.kind, entry.text) for entry in _made_otherwise(made_from)]
    first = story.history[0].as_of if story.history else story.scoring.as_of
    seen += [
        Mark(one.made_on, "override", f"override by {one.author}: {score(one.score)}")
        for one in story.overrides
        if one.made_on >= first
    ]
    return tuple(sorted(seen, key=lambda mark: mark.on))


def timeline(story: AccountStory, made_from: Sequence[MadeFrom]) -> list[TimelineEntry]:
    """What happened to an account, its work and its score; newest first."""
    entries = _made_otherwise(made_from)
    for change in story.health_events:
        if change.kind == "band":
            text = f"Band: {words(change.from_)} → {words(change.to)}"
        else:
            text = f"Health fell from {change.from_} to {change.to}"
        entries.append(TimelineEntry(change.on, "health", text, "; ".join(change.because)))
    items = {item.work_id: item for item in story.work}
    entries += [_of_work(event, items.get(event.work_id)) for event in story.work_events]
    for one in story.overrides:
        made = f"{one.author} put the health at {score(one.score)} until {one.expires_on}"
        entries.append(TimelineEntry(one.made_on, "override", made, one.reason))
        if one.withdrawn_on is not None:
            entries.append(TimelineEntry(one.withdrawn_on, "override", f"The override of {one.author} was taken back"))
    return sorted(entries, key=lambda entry: entry.on, reverse=True)


WORK_WORDS: Mapping[str, str] = {
    "opened": "came onto the list",
    "snoozed": "was put off",
    "woken": "is back on the list",
    "done": "was done",
    "dismissed": "was dismissed",
    "closed": "left the list by itself",
    "escalated": "was escalated",
    "reassigned": "was handed on",
    "due_moved": "has another due date",
    "undone": "is as before",
}


def _of_work(event: WorkEvent, item: WorkItem | None) -> TimelineEntry:
    playbook = words(item.playbook) if item else "work"
    by = "" if event.who == CHURNML else f" by {event.who}"
    to = f" to {event.details['to']}" if event.what == "reassigned" and event.details.get("to") else ""
    until = f" until {event.details['until']}" if event.details.get("until") else ""
    text = f"{playbook.capitalize()} {WORK_WORDS.get(event.what, words(event.what))}{to}{until}{by}"
    return TimelineEntry(event.on, "work", text, event.why)


def _made_otherwise(made_from: Sequence[MadeFrom]) -> list[TimelineEntry]:
    """Where models or declarations of health are not those of the scoring before."""
    entries = []
    for before, after in itertools.pairwise(made_from):
        changed = sorted(name for name in after.models if before.models.get(name) != after.models[name])
        for name in changed:
            version = after.models[name]
            text = f"The {name} model is version {version}" if version else f"No {name} model is in use"
            entries.append(TimelineEntry(after.as_of, "model", text))
        if before.declarations and after.declarations:
            was, now = before.declarations.get("health"), after.declarations.get("health")
            if was != now:
                entries.append(TimelineEntry(after.as_of, "configuration", "Health is declared otherwise"))
        if after.held and not before.held:
            entries.append(TimelineEntry(after.as_of, "held", "The score was held: the data were broken"))
    return entries


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
