"""What happened to an account, one after the other: its score, its contract, work, messages, notes."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.ledger import AccountStory, Delivery, WorkEvent, WorkItem
from churnml.ledger.cockpit import AccountNote, AccountTerms, MadeFrom
from churnml.pages.presenter import date, has_cents, money, score, words
from churnml.work.life import CHURNML

# What a receiver is told of, where that is news of the account.
TOLD_OF: Mapping[str, str] = {"work": "of work", "event": "that its health changed"}


@dataclass(frozen=True)
class TimelineEntry:
    """Something that happened: when, of which kind, and what, in words. Holds what users wrote."""

    on: dt.date
    kind: str
    text: str
    because: str = ""


@dataclass(frozen=True)
class BesideTheScores:
    """What the store has of an account beside its scores and its work.

    Args:
        notes: what people wrote down, in that order.
        messages: to receivers, in the order of writing.
        terms: what it paid, whose it was and when it renews, scoring by scoring.
    """

    notes: Sequence[AccountNote] = ()
    messages: Sequence[Delivery] = ()
    terms: Sequence[AccountTerms] = ()


def timeline(
    story: AccountStory, made_from: Sequence[MadeFrom], beside: BesideTheScores, currency: str
) -> list[TimelineEntry]:
    """What happened to an account, its contract, its work and its score, and what was said of it; newest first."""
    entries = made_otherwise(made_from)
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
    entries += [TimelineEntry(note.on, "note", f"Note by {note.author}", note.text) for note in beside.notes]
    entries += [entry for one in beside.messages if (entry := _of_message(one))]
    entries += _of_terms(beside.terms, currency)
    return sorted(entries, key=lambda entry: entry.on, reverse=True)


def _of_message(one: Delivery) -> TimelineEntry | None:
    """That a receiver was told; of health they are told daily, which is no news."""
    if one.kind not in TOLD_OF:
        return None
    state = {"pending": "is to be told", "sent": "was told", "dead": "could not be told"}[one.state]
    return TimelineEntry(
        (one.sent_at or one.created_at).date(), "message", f"{one.receiver} {state} {TOLD_OF[one.kind]}"
    )


def _of_terms(terms: Sequence[AccountTerms], currency: str) -> list[TimelineEntry]:
    """Where what it pays, whose it is or when it renews is not as at the scoring before; the unknown is no change."""
    entries = []
    for before, after in itertools.pairwise(terms):
        if None not in (before.mrr, after.mrr) and before.mrr != after.mrr:
            cents = has_cents(after.mrr)
            paid = (money(one.mrr, currency, cents=cents) for one in (before, after))
            entries.append(TimelineEntry(after.as_of, "contract", f"MRR: {' → '.join(paid)}"))
        if before.renews_on and after.renews_on and before.renews_on != after.renews_on:
            text = f"The renewal moved from {date(before.renews_on)} to {date(after.renews_on)}"
            entries.append(TimelineEntry(after.as_of, "contract", text))
        if before.owner_id != after.owner_id:
            owners = (one.owner_id or "nobody" for one in (before, after))
            entries.append(TimelineEntry(after.as_of, "owner", f"Owner: {' → '.join(owners)}"))
    return entries


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


def made_otherwise(made_from: Sequence[MadeFrom]) -> list[TimelineEntry]:
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
