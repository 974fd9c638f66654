"""The day's work under what the team can take: the most value that fits, and what is left lying.

A linear program with whole numbers, solved by HiGHS (Huangfu and Hall, 2018) through SciPy; see
docs/decisions/0015-capacity.md. Whatever the solver says, every piece is then booked against exact counts, so that no
limit and no budget is ever exceeded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from churnml.acting.selection import Problem, select

# Money is counted in whole ten-thousandths, so that three times 0.1 fits into 0.3.
MONEY = 10_000
TINY = 1e-6
VAST = 2**40  # more minutes or money than there are, and still a whole number to the solver


@dataclass(frozen=True)
class Offer:
    """One way to help one account.

    Args:
        account_id, playbook, reason: who, by what, because of what.
        value: expected MRR kept or won, per month; None unknown.
        minutes: effort, of one owner.
        cost: money, of the playbook's budget.
        owners: who may take it, preferred first; never empty.
        precedence: 0 is declared first; breaks ties of value.
    """

    account_id: str
    playbook: str
    reason: str
    value: float | None
    minutes: int
    cost: float
    owners: tuple[str, ...]
    precedence: int


@dataclass(frozen=True)
class Room:
    """What an owner can still take; None is no limit, under zero is as zero."""

    owner: str
    minutes: int | None
    pieces: int | None


@dataclass(frozen=True)
class Fit:
    """An offer that is taken, and by whom."""

    offer: Offer
    owner: str


@dataclass(frozen=True)
class Fitted:
    """What fits.

    Args:
        taken: most valuable first; those of unknown value last, in the order they were given.
        left: the overflow, in the same order.
        value: of what is taken, per month; unknown values count nothing.
        bound: no way of fitting these offers is worth more; ``value`` where the solver has proven it the best.
    """

    taken: tuple[Fit, ...]
    left: tuple[Offer, ...]
    value: float = 0.0
    bound: float = 0.0


def fit(offers: Sequence[Offer], rooms: Mapping[str, Room], budgets: Mapping[str, float]) -> Fitted:
    """Takes the offers worth the most together, at most one an account.

    Offers of no value and of unknown value are taken only where room is left after all that are worth something; one
    that would lose money never is. The same offers are taken in whatever order those of known value are given: of
    equal ones that of the lower precedence, then of the smaller account id.

    Args:
        offers: what could be done. Those of unknown value in the order they are wanted.
        rooms: owner → what is left of their limits; who is absent has no limit.
        budgets: playbook → money left; absent is no limit.

    Raises:
        ValueError: a number that is none, an effort or a cost under zero, an offer that nobody may take.
    """
    _check(offers, budgets)
    unknown = [offer for offer in offers if offer.value is None]
    listed = sorted((offer for offer in offers if offer.value is not None), key=_order) + unknown
    worth = [offer for offer in listed if offer.value is not None and offer.value > 0]  # the first of those listed
    owners = sorted(rooms)
    selection = select(_problem(worth, owners, rooms, budgets)) if worth else None
    owner_of: dict[int, str] = {}
    left = _Left(rooms, budgets)
    if selection is not None:
        chosen = [(int(i), selection.owner[i]) for i in np.flatnonzero(selection.take)]
        named = {i: owners[who] if who >= 0 else _unlimited(worth[i], rooms) for i, who in chosen}
        owner_of = _preferred(worth, named, rooms)
        for i, owner in owner_of.items():
            left.take(listed[i], owner)
    for i, offer in enumerate(listed):
        if i not in owner_of and (offer.value is None or offer.value >= 0):
            found = left.owner_for(offer)
            if found is not None:
                left.take(offer, found)
                owner_of[i] = found
    taken = tuple(Fit(offer, owner_of[i]) for i, offer in enumerate(listed) if i in owner_of)
    value = math.fsum(one.offer.value or 0.0 for one in taken)
    overflow = tuple(offer for i, offer in enumerate(listed) if i not in owner_of)
    return Fitted(taken, overflow, value, max(value, selection.bound if selection else 0.0))


def _check(offers: Iterable[Offer], budgets: Mapping[str, float]) -> None:
    for offer in offers:
        what = f"the offer of playbook '{offer.playbook}' for account '{offer.account_id}'"
        if offer.value is not None and not math.isfinite(offer.value):
            raise ValueError(f"{what} has the value {offer.value}, which is no amount")
        if not offer.minutes >= 0 or not 0 <= offer.cost < math.inf:
            raise ValueError(f"{what} takes {offer.minutes} minutes and costs {offer.cost}; neither may be under zero")
        if not offer.owners:
            raise ValueError(f"{what} may be taken by nobody")
    for playbook, money in budgets.items():
        if math.isnan(money):
            raise ValueError(f"the budget of playbook '{playbook}' is no number")


def _order(offer: Offer) -> tuple[object, ...]:
    """Most valuable first; ties by precedence, then by account id; the rest so that the order is always the same."""
    rest = (offer.playbook, offer.reason, offer.minutes, offer.cost, offer.owners)
    return (-(offer.value or 0.0), offer.precedence, offer.account_id, *rest)


def _price(cost: float) -> int:
    """Money in whole units, never less than it is; what binary fractions add is none of it."""
    return math.ceil(cost * MONEY - TINY)


def _purse(budget: float) -> float:
    """Money in whole units, never more than it is; infinite is no limit."""
    return budget if math.isinf(budget) else max(math.floor(budget * MONEY + TINY), 0)


class _Left:
    """What is left of everybody's limits and of the budgets while offers are taken, in exact counts."""

    def __init__(self, rooms: Mapping[str, Room], budgets: Mapping[str, float]) -> None:
        self._minutes = {owner: max(room.minutes, 0) for owner, room in rooms.items() if room.minutes is not None}
        self._pieces = {owner: room.pieces for owner, room in rooms.items() if room.pieces is not None}
        self._money = {playbook: _purse(money) for playbook, money in budgets.items()}
        self._helped: set[str] = set()

    def owner_for(self, offer: Offer) -> str | None:
        """The most preferred owner who can take it; None where it does not fit."""
        if offer.account_id in self._helped or not self._affords(offer):
            return None
        return next((owner for owner in offer.owners if self._has_room(offer, owner)), None)

    def take(self, offer: Offer, owner: str) -> None:
        """Books it; raises RuntimeError where it does not fit, for then a limit would be broken."""
        if offer.account_id in self._helped or not self._affords(offer) or not self._has_room(offer, owner):
            raise RuntimeError(f"'{offer.playbook}' for '{offer.account_id}' does not fit into what '{owner}' has left")
        self._helped.add(offer.account_id)
        if owner in self._minutes:
            self._minutes[owner] -= offer.minutes
        if owner in self._pieces:
            self._pieces[owner] -= 1
        if offer.playbook in self._money:
            self._money[offer.playbook] -= _price(offer.cost)

    def _affords(self, offer: Offer) -> bool:
        return _price(offer.cost) <= self._money.get(offer.playbook, math.inf)

    def _has_room(self, offer: Offer, owner: str) -> bool:
        return offer.minutes <= self._minutes.get(owner, math.inf) and self._pieces.get(owner, math.inf) >= 1


def _problem(
    offers: Sequence[Offer], owners: Sequence[str], rooms: Mapping[str, Room], budgets: Mapping[str, float]
) -> Problem:
    """The offers as arrays; whoever has no room written down is one more owner without a limit."""
    number = {owner: i for i, owner in enumerate(owners)}
    anybody = len(owners)
    circles: dict[tuple[int, ...], int] = {}
    of_owners: dict[tuple[str, ...], int] = {}
    for offer in offers:
        if offer.owners not in of_owners:
            circle = tuple(sorted({number.get(owner, anybody) for owner in offer.owners}))
            of_owners[offer.owners] = circles.setdefault(circle, len(circles))
    accounts = _numbers(offer.account_id for offer in offers)
    playbooks = _numbers(offer.playbook for offer in offers)

    def limits(given: Iterable[float | None]) -> np.ndarray:
        return np.array([*(math.inf if limit is None else min(max(limit, 0), VAST) for limit in given), math.inf])

    return Problem(
        value=np.array([offer.value for offer in offers]),
        minutes=np.array([min(offer.minutes, VAST) for offer in offers], dtype=np.int64),
        cost=np.array([min(_price(offer.cost), VAST) for offer in offers], dtype=np.int64),
        account=np.array([accounts[offer.account_id] for offer in offers]),
        playbook=np.array([playbooks[offer.playbook] for offer in offers]),
        circle=np.array([of_owners[offer.owners] for offer in offers]),
        circles=tuple(np.array(circle) for circle in circles),
        owner_minutes=limits(rooms[owner].minutes for owner in owners),
        owner_pieces=limits(rooms[owner].pieces for owner in owners),
        budgets=np.array([_purse(budgets.get(playbook, math.inf)) for playbook in playbooks], dtype=float),
    )


def _numbers(names: Iterable[str]) -> dict[str, int]:
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _unlimited(offer: Offer, rooms: Mapping[str, Room]) -> str:
    """The most preferred of its owners who has no limit."""
    nothing = Room("", None, None)
    rooms_of = {owner: rooms.get(owner, nothing) for owner in offer.owners}
    return next(owner for owner, room in rooms_of.items() if room.minutes is None and room.pieces is None)


def _preferred(offers: Sequence[Offer], owner_of: Mapping[int, str], rooms: Mapping[str, Room]) -> dict[int, str]:
    """The same work with owners nearer to those it prefers, the most valuable first.

    A piece moves to whoever it prefers where there is room, and changes places with another one to come to its first
    choice where the two together come nearer to what they prefer. It never gets worse for both.
    """
    owner_of = dict(owner_of)
    minutes: dict[str, float] = {}
    pieces: dict[str, float] = {}
    holds: dict[str, list[int]] = {}
    for owner, room in rooms.items():
        minutes[owner] = math.inf if room.minutes is None else max(room.minutes, 0)
        pieces[owner] = math.inf if room.pieces is None else max(room.pieces, 0)
    for i in sorted(owner_of):
        owner = owner_of[i]
        holds.setdefault(owner, []).append(i)
        minutes[owner] = minutes.get(owner, math.inf) - offers[i].minutes
        pieces[owner] = pieces.get(owner, math.inf) - 1

    def move(i: int, owner: str) -> None:
        before = owner_of[i]
        holds[before].remove(i)
        holds.setdefault(owner, []).append(i)
        minutes[before] += offers[i].minutes
        pieces[before] += 1
        minutes[owner] = minutes.get(owner, math.inf) - offers[i].minutes
        pieces[owner] = pieces.get(owner, math.inf) - 1
        owner_of[i] = owner

    def other_for(i: int) -> int | None:
        """Who could change places with ``i``, so that it comes to its first choice."""
        here, first = owner_of[i], offers[i].owners[0]
        gained = offers[i].owners.index(here)
        for j in holds.get(first, ()):
            more = offers[i].minutes - offers[j].minutes
            if here in offers[j].owners and minutes[here] + more >= 0 and minutes[first] - more >= 0:
                lost = offers[j].owners.index(here) - offers[j].owners.index(first)
                if lost < gained:
                    return j
        return None

    changed = True
    while changed:
        changed = False
        for i in sorted(owner_of):
            here, wanted = owner_of[i], offers[i].owners
            for owner in wanted[: wanted.index(here)]:
                if offers[i].minutes <= minutes.get(owner, math.inf) and pieces.get(owner, math.inf) >= 1:
                    move(i, owner)
                    changed = True
                    break
            if owner_of[i] != wanted[0] and (j := other_for(i)) is not None:
                here, there = owner_of[i], wanted[0]
                move(i, there)
                move(j, here)
                changed = True
    return owner_of
