"""My day: the work of one owner, why, until when and worth what; what is new, what ended, what did not fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.ledger import Overflow, QueueLine, Reason, WorkItem
from churnml.ledger.cockpit import OwnerWork
from churnml.pages.presenter import percent, plural, words
from churnml.work.life import fingerprint_of

REASONS_SHOWN = 3


@dataclass(frozen=True)
class DayItem:
    """One line of the list.

    Args:
        work_id: the work item; None where the line has none and nothing can be done to it.
        seen: names the item as it stands; an action is refused where it no longer does.
        account_id, name, owner, title, goal, steps: what is to be done, for whom, by whom.
        why: the account's reasons, as sentences.
        because: the parts of the playbook's rule that held.
        due, late, due_words: until when.
        new: whether it came onto the list on the newest date.
        value, value_low, value_high: expected MRR a month, at the likely, the low and the high effect.
        chance: the probability the playbook is about, in words; empty where none is known.
        health, band: of the account.
    """

    work_id: str | None
    seen: str
    account_id: str
    name: str | None
    owner: str
    title: str
    goal: str
    steps: tuple[str, ...]
    why: tuple[str, ...]
    because: tuple[str, ...]
    due: dt.date | None
    late: bool
    due_words: str
    new: bool
    value: float | None
    value_low: float | None
    value_high: float | None
    chance: str
    health: float | None
    band: str


@dataclass(frozen=True)
class EndedItem:
    """Work that left the list: what, for whom, how and why."""

    account_id: str
    name: str | None
    playbook: str
    state: str
    on: dt.date | None
    because: str


@dataclass(frozen=True)
class MyDay:
    """The page.

    Args:
        owner: whose list; None is everybody's.
        owners: whose list can be chosen, with how much open work each has.
        everybody: whether the list of all can be chosen.
        today: the date as the project lives.
        as_of, previous: the newest scored date and the one before it.
        items: the list, in its order.
        more: how many lines are not shown.
        snoozed: what is off the list until a date.
        names: account → its name, of those whose work is off the list.
        closed: what left the list by itself since the date before.
        finished: what people ended since then.
        overflow: what did not fit.
        hand_to: who work can be handed to.
        snooze_to: the date that is proposed for putting something off.
        focus: the work item that comes next, where something was just done.
    """

    owner: str | None
    owners: Sequence[OwnerWork]
    everybody: bool
    today: dt.date
    as_of: dt.date
    previous: dt.date | None
    items: Sequence[DayItem]
    more: int
    snoozed: Sequence[WorkItem]
    names: Mapping[str, str]
    closed: Sequence[EndedItem]
    finished: Sequence[EndedItem]
    overflow: Sequence[Overflow]
    hand_to: Sequence[str]
    snooze_to: dt.date
    focus: str = ""

    @property
    def new(self) -> int:
        """How many of those shown are new."""
        return sum(item.new for item in self.items)


def day_item(line: QueueLine, today: dt.date) -> DayItem:
    """A line of the store's list as the page shows it."""
    decision, account, work = line.decision, line.account, line.work
    grows = decision.goal == "grow"
    chance = account.upsell_probability if grows else account.churn_probability
    due = work.due if work else decision.due
    return DayItem(
        work_id=work.work_id if work else None,
        seen=fingerprint_of(work) if work else "",
        account_id=account.account_id,
        name=account.name,
        owner=decision.owner,
        title=decision.title,
        goal=decision.goal,
        steps=decision.steps,
        why=_sentences(account.growth_reasons if grows else account.reasons),
        because=decision.because,
        due=due,
        late=due is not None and due < today,
        due_words=due_words(due, today),
        new=work is not None and work.opened_on == line.scoring.as_of,
        value=decision.value,
        value_low=decision.value_low,
        value_high=decision.value_high,
        chance="" if chance is None else f"{percent(chance, 0)} {'upsell' if grows else 'churn'}",
        health=account.health,
        band=account.band,
    )


def due_words(due: dt.date | None, today: dt.date) -> str:
    """How far off a due date is: "due today", "3 days late"."""
    if due is None:
        return "no due date"
    days = (due - today).days
    if days < 0:
        return f"{plural(-days, 'day')} late"
    return {0: "due today", 1: "due tomorrow"}.get(days, f"due in {days} days")


def ended_items(items: Sequence[WorkItem], names: Mapping[str, str]) -> tuple[EndedItem, ...]:
    """Work items that ended, as the page shows them; ``names`` are accounts' names by their ids."""
    return tuple(
        EndedItem(
            item.account_id,
            names.get(item.account_id),
            words(item.playbook),
            item.state,
            item.ended_on,
            item.ended_because or "",
        )
        for item in items
    )


def _sentences(reasons: Sequence[Reason]) -> tuple[str, ...]:
    return tuple(reason.sentence for reason in reasons[:REASONS_SHOWN])
