"""Every piece of work as a day goes by, and what happens to the open ones before anything new is opened."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

from churnml.ledger import WorkEvent, WorkItem
from churnml.rules.parsing import Rule
from churnml.work import life as work
from churnml.work.candidates import AccountFacts, Reading
from churnml.work.life import Changed, lives
from churnml.work.owners import Roster


class Desk:
    """The pieces as they now stand, and what has happened to them today.

    Args:
        pieces: as they stood when the day began, or when it was last done.
        as_of: the date.
    """

    def __init__(self, pieces: Iterable[WorkItem], as_of: dt.date) -> None:
        self.as_of = as_of
        self.pieces = {piece.work_id: piece for piece in sorted(pieces, key=_by_account)}
        self.events: list[WorkEvent] = []
        # pieces that count against an owner's limit
        self.load: Counter[str] = Counter(piece.owner for piece in self.pieces.values() if self.counts(piece))
        self._changed: dict[str, None] = {}
        self._of: dict[str, list[str]] = {}
        for piece in self.pieces.values():
            self._of.setdefault(piece.account_id, []).append(piece.work_id)

    def of(self, account_id: str) -> list[WorkItem]:
        """The pieces of an account, oldest first."""
        return [self.pieces[work_id] for work_id in self._of.get(account_id, ())]

    def living(self) -> list[WorkItem]:
        """Every piece that is open or snoozed, in the order of accounts."""
        return [piece for piece in self.pieces.values() if lives(piece)]

    def change(self, changed: Changed) -> None:
        """Takes down what happened to a piece."""
        piece, event = changed
        before = self.pieces.get(piece.work_id)
        if before is None:
            self._of.setdefault(piece.account_id, []).append(piece.work_id)
        elif self.counts(before):
            self.load[before.owner] -= 1
        if self.counts(piece):
            self.load[piece.owner] += 1
        self.pieces[piece.work_id] = piece
        self.events.append(event)
        self._changed[piece.work_id] = None

    def changed(self) -> tuple[WorkItem, ...]:
        """The pieces that are new or have changed today, as they now stand."""
        return tuple(self.pieces[work_id] for work_id in self._changed)

    def counts(self, piece: WorkItem) -> bool:
        """Whether it counts against the limit of its owner.

        Snoozed work does, or waking up could take somebody over it. What was superseded today does until tomorrow, so
        that a day that is done twice comes to the same.
        """
        return lives(piece) or self.superseded_today(piece)

    def superseded_today(self, piece: WorkItem) -> bool:
        """Whether a more pressing piece took its place today."""
        return piece.ended_on == self.as_of and (piece.ended_because or "").startswith(work.SUPERSEDED)

    def stood_before(self, piece: WorkItem) -> bool:
        """Whether it was the account's open work when today's work was handed out."""
        return piece.opened_on < self.as_of and self.counts(piece)


def tend(desk: Desk, readings: dict[str, Reading], trouble: Trouble, book: AccountFacts, roster: Roster) -> None:
    """What happens to open work by itself: it is closed, woken, handed on, escalated; in this order."""
    for piece in desk.living():
        why = _over(piece, readings, trouble, book)
        if why is not None:
            desk.change(work.closed(piece, why, desk.as_of))
    for piece in desk.living():
        if piece.snoozed_until is not None and piece.snoozed_until <= desk.as_of:
            _wake(desk, piece, readings[piece.playbook], roster)
    _hand_on(desk, readings, book, roster)
    for piece in desk.living():
        _escalate(desk, piece, readings[piece.playbook], roster)


class Trouble:
    """Who is in trouble: upsell plays leave them alone.

    Args:
        rule: the declared rule.
        book: the day's facts.
        allowed: plays for growth go to them all the same.
    """

    def __init__(self, rule: Rule, book: AccountFacts, *, allowed: bool) -> None:
        self._rule, self._book = rule, book
        holds = rule.holds(book.frame)
        self._mask = [False] * len(holds) if allowed else holds.tolist()

    def forbids(self, goal: str, i: int) -> bool:
        """Whether a play of this goal must leave the account in place ``i`` alone."""
        return goal == "grow" and bool(self._mask[i])

    def said(self, i: int) -> str:
        """What trouble it is, in words."""
        return "the account is in trouble: " + "; ".join(self._rule.because(self._book.said(self._rule.names, i)))


def _over(piece: WorkItem, readings: dict[str, Reading], trouble: Trouble, book: AccountFacts) -> str | None:
    """Why a piece has nothing to be done any more; None where it has."""
    i = book.place.get(piece.account_id)
    if i is None:
        return "the account is no longer a paying customer"
    reading = readings.get(piece.playbook)
    if reading is None:
        return f"there is no playbook '{piece.playbook}' any more"
    if trouble.forbids(reading.playbook.goal, i):
        return trouble.said(i)
    if reading.exit is not None and reading.leaves[i]:
        return "the reason is gone: " + "; ".join(reading.exit.because(book.said(reading.exit.names, i)))
    return None


def _wake(desk: Desk, piece: WorkItem, reading: Reading, roster: Roster) -> None:
    desk.change(work.woken(piece, desk.as_of))
    piece = desk.pieces[piece.work_id]
    if piece.due < roster.today(piece.owner):
        due = roster.due(piece.owner, reading.playbook.due_in_days)
        desk.change(work.due_moved(piece, due, "it was snoozed past its due date", desk.as_of))


def _hand_on(desk: Desk, readings: dict[str, Reading], book: AccountFacts, roster: Roster) -> None:
    """Work of whoever left goes to somebody who is there; the rest follows the account's owner.

    Nobody is taken over their limit by it: what finds no room stays where it is until there is some. Handing on one
    piece makes room for another, so it is tried until nothing moves.
    """
    waiting = desk.living()
    moved = True
    while moved and waiting:
        still, moved = [], False
        for piece in waiting:
            i = book.place[piece.account_id]
            playbook = readings[piece.playbook].playbook
            account_owner = book.value("owner_id", i)
            if roster.has_left(piece.owner):
                chain = roster.successors(playbook, piece.owner, piece.account_id, account_owner)
                to = next((who for who in chain if _has_room(desk, roster, who)), roster.fallback_owner)
                why = f"{piece.owner} has left"
            elif piece.follows is not None and account_owner not in (None, piece.follows, piece.owner):
                to, why = account_owner, f"the account's owner is now {account_owner}"
                if not roster.can_take(to, playbook.due_in_days) or not _has_room(desk, roster, to):
                    still.append(piece)
                    continue
            else:
                continue
            if to == piece.owner:  # even the fallback owner has left: there is nobody to give it to
                continue
            due = piece.due
            if not roster.calendar(to).works_between(roster.today(to), due):
                due = roster.due(to, playbook.due_in_days)
            follows = None if piece.follows is None else account_owner or ""
            desk.change(work.given(piece, to=to, due=due, follows=follows, why=why, on=desk.as_of))
            moved = True
        waiting = still


def _has_room(desk: Desk, roster: Roster, who: str) -> bool:
    limit = roster.person(who).open_at_most
    return limit is None or desk.load[who] < limit


def _escalate(desk: Desk, piece: WorkItem, reading: Reading, roster: Roster) -> None:
    playbook = reading.playbook
    if playbook.escalate_after_days is None or piece.state != "open" or piece.escalated_on is not None:
        return
    today = roster.today(piece.owner)
    if today <= piece.due:
        return
    overdue = roster.calendar(piece.owner).working_days_past(piece.due, today)
    if overdue >= playbook.escalate_after_days:
        why = f"it was due on {piece.due} and is overdue by {overdue} working day{'' if overdue == 1 else 's'}"
        desk.change(work.escalated(piece, playbook.escalate_to, why, desk.as_of))


def _by_account(piece: WorkItem) -> tuple[str, dt.date, str]:
    return piece.account_id, piece.opened_on, piece.work_id
