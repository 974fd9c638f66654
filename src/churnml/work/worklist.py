"""Every work item as a day goes by, and what happens to the open ones before anything new is opened."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

from churnml.ledger import WorkEvent, WorkItem
from churnml.rules.parsing import Rule
from churnml.work import life as work
from churnml.work.candidates import AccountFacts, PlaybookMatches
from churnml.work.life import Changed, lives
from churnml.work.owners import Roster


class Worklist:
    """The items as they now stand, and what has happened to them since the day began or was last done."""

    def __init__(self, items: Iterable[WorkItem], as_of: dt.date) -> None:
        self.as_of = as_of
        by_account = sorted(items, key=lambda item: (item.account_id, item.opened_on, item.work_id))
        self.items = {item.work_id: item for item in by_account}
        self.events: list[WorkEvent] = []
        # items that count against an owner's limit
        self.load: Counter[str] = Counter(item.owner for item in self.items.values() if self.counts(item))
        self._changed: dict[str, None] = {}
        self._of: dict[str, list[str]] = {}
        for item in self.items.values():
            self._of.setdefault(item.account_id, []).append(item.work_id)

    def of(self, account_id: str) -> list[WorkItem]:
        """The items of an account, oldest first."""
        return [self.items[work_id] for work_id in self._of.get(account_id, ())]

    def living(self) -> list[WorkItem]:
        """Every item that is open or snoozed, in the order of accounts."""
        return [item for item in self.items.values() if lives(item)]

    def change(self, changed: Changed) -> None:
        """Takes down what happened to an item."""
        item, event = changed
        before = self.items.get(item.work_id)
        if before is None:
            self._of.setdefault(item.account_id, []).append(item.work_id)
        elif self.counts(before):
            self.load[before.owner] -= 1
        if self.counts(item):
            self.load[item.owner] += 1
        self.items[item.work_id] = item
        self.events.append(event)
        self._changed[item.work_id] = None

    def changed(self) -> tuple[WorkItem, ...]:
        """The items that are new or have changed today, as they now stand."""
        return tuple(self.items[work_id] for work_id in self._changed)

    def counts(self, item: WorkItem) -> bool:
        """Whether it counts against the limit of its owner.

        Snoozed work does, or waking up could take somebody over it. What was superseded today does until tomorrow, so
        that a day that is done twice comes to the same.
        """
        return lives(item) or self.superseded_today(item)

    def superseded_today(self, item: WorkItem) -> bool:
        """Whether a more pressing item took its place today."""
        return item.ended_on == self.as_of and (item.ended_because or "").startswith(work.SUPERSEDED)

    def stood_before(self, item: WorkItem) -> bool:
        """Whether it was the account's open work when today's work was handed out."""
        return item.opened_on < self.as_of and self.counts(item)


def tend(
    worklist: Worklist, by_playbook: dict[str, PlaybookMatches], trouble: Trouble, facts: AccountFacts, roster: Roster
) -> None:
    """What happens to open work by itself: it is closed, woken, handed on, escalated; in this order."""
    for item in worklist.living():
        why = _over(item, by_playbook, trouble, facts)
        if why is not None:
            worklist.change(work.closed(item, why, worklist.as_of))
    for item in worklist.living():
        if item.snoozed_until is not None and item.snoozed_until <= worklist.as_of:
            _wake(worklist, item, by_playbook[item.playbook], roster)
    _hand_on(worklist, by_playbook, facts, roster)
    for item in worklist.living():
        _escalate(worklist, item, by_playbook[item.playbook], roster)


class Trouble:
    """Who is in trouble: plays for growth leave them alone, unless that is allowed."""

    def __init__(self, rule: Rule, facts: AccountFacts, *, allowed: bool) -> None:
        self._rule, self._facts = rule, facts
        holds = rule.holds(facts.frame)
        self._mask = [False] * len(holds) if allowed else holds.tolist()

    def forbids(self, goal: str, i: int) -> bool:
        """Whether a play of this goal must leave the account in place ``i`` alone."""
        return goal == "grow" and bool(self._mask[i])

    def because(self, i: int) -> str:
        """What trouble it is, in words."""
        return "the account is in trouble: " + "; ".join(self._rule.because(self._facts.values(self._rule.names, i)))


def _over(item: WorkItem, by_playbook: dict[str, PlaybookMatches], trouble: Trouble, facts: AccountFacts) -> str | None:
    """Why an item has nothing to be done any more; None where it has."""
    i = facts.place.get(item.account_id)
    if i is None:
        return "the account is no longer a paying customer"
    matches = by_playbook.get(item.playbook)
    if matches is None:
        return f"there is no playbook '{item.playbook}' any more"
    if trouble.forbids(matches.playbook.goal, i):
        return trouble.because(i)
    if (exit_rule := matches.rules.exit) is not None and matches.leaves[i]:
        return "the reason is gone: " + "; ".join(exit_rule.because(facts.values(exit_rule.names, i)))
    return None


def _wake(worklist: Worklist, item: WorkItem, matches: PlaybookMatches, roster: Roster) -> None:
    worklist.change(work.woken(item, worklist.as_of))
    item = worklist.items[item.work_id]
    if item.due < roster.today(item.owner):
        due = roster.due(item.owner, matches.playbook.due_in_days)
        worklist.change(work.due_moved(item, due, "it was snoozed past its due date", worklist.as_of))


def _hand_on(worklist: Worklist, by_playbook: dict[str, PlaybookMatches], facts: AccountFacts, roster: Roster) -> None:
    """Work of whoever left goes to somebody who is there; the rest follows the account's owner.

    Nobody is taken over their limit by it: what finds no room stays where it is until there is some. Handing on one
    item makes room for another, so it is tried until nothing moves.
    """
    waiting = worklist.living()
    moved = True
    while moved and waiting:
        still, moved = [], False
        for item in waiting:
            i = facts.place[item.account_id]
            playbook = by_playbook[item.playbook].playbook
            account_owner = facts.text("owner_id", i)
            if roster.has_left(item.owner):
                chain = roster.successors(playbook, item.owner, item.account_id, account_owner)
                to = next((who for who in chain if _has_room(worklist, roster, who)), roster.fallback_owner)
                why = f"{item.owner} has left"
            elif item.follows is not None and account_owner not in (None, item.follows, item.owner):
                to, why = account_owner, f"the account's owner is now {account_owner}"
                if not roster.can_take(to, playbook.due_in_days) or not _has_room(worklist, roster, to):
                    still.append(item)
                    continue
            else:
                continue
            if to == item.owner:  # even the fallback owner has left: there is nobody to give it to
                continue
            due = item.due
            if not roster.calendar(to).works_between(roster.today(to), due):
                due = roster.due(to, playbook.due_in_days)
            follows = None if item.follows is None else account_owner or ""
            worklist.change(work.given(item, to=to, due=due, follows=follows, why=why, on=worklist.as_of))
            moved = True
        waiting = still


def _has_room(worklist: Worklist, roster: Roster, who: str) -> bool:
    limit = roster.person(who).open_at_most
    return limit is None or worklist.load[who] < limit


def _escalate(worklist: Worklist, item: WorkItem, matches: PlaybookMatches, roster: Roster) -> None:
    playbook = matches.playbook
    if playbook.escalate_after_days is None or item.state != "open" or item.escalated_on is not None:
        return
    today = roster.today(item.owner)
    if today <= item.due:
        return
    overdue = roster.calendar(item.owner).working_days_past(item.due, today)
    if overdue >= playbook.escalate_after_days:
        why = f"it was due on {item.due} and is overdue by {overdue} working day{'' if overdue == 1 else 's'}"
        worklist.change(work.escalated(item, playbook.escalate_to, why, worklist.as_of))
