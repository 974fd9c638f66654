"""The day's work under what the team can take: the most value that fits, and what is left lying.

A linear program with whole numbers, solved by HiGHS (Huangfu and Hall, 2018) through SciPy; see
docs/decisions/0015-capacity.md. Whatever the solver says, every item is then booked against exact counts, so that no
limit and no budget is ever exceeded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from churnml.work.selection import Problem, select

# Money is counted in whole ten-thousandths, so that three times 0.1 fits into 0.3.
MONEY = 10_000
TINY = 1e-6
VAST = 10**9  # minutes or money of one work item: more is a slip, and past what the solver can count


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
    items: int | None


@dataclass(frozen=True)
class Fit:
    """An offer that is taken, and by whom."""

    offer: Offer
    owner: str


@dataclass(frozen=True)
class Allocation:
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


def fit(offers: Sequence[Offer], rooms: Mapping[str, Room], budgets: Mapping[str, float]) -> Allocation:
    """Takes the offers worth the most together, at most one an account.

    Offers of no value and of unknown value are taken only where room is left after all that are worth something; one
    that would lose money never is. The same offers are taken in whatever order those of known value are given: of
    equal ones that of the lower precedence, then of the smaller account id.

    Args:
        offers: what could be done. Those of unknown value in the order they are wanted.
        rooms: owner → what is left of their limits; who is absent has no limit.
        budgets: playbook → money left; absent is no limit.

    Raises:
        ValueError: a number that is none, an effort or a cost under 0 or over VAST, an offer that nobody may take.
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
        owner_of = _Hands(worth, named, rooms).preferred()
        owner_of = {i: owner for i, owner in owner_of.items() if left.take(listed[i], owner)}
    hopeless: set[tuple[tuple[str, ...], int]] = set()  # room only gets less: what fits nowhere now fits nowhere later
    for i, offer in enumerate(listed):
        asks = offer.owners, offer.minutes
        if i in owner_of or asks in hopeless or not left.may_have(offer) or (offer.value or 0.0) < 0:
            continue
        owner = left.owner_for(offer)
        if owner is None:
            hopeless.add(asks)
        elif left.take(offer, owner):
            owner_of[i] = owner
    taken = tuple(Fit(offer, owner_of[i]) for i, offer in enumerate(listed) if i in owner_of)
    value = math.fsum(one.offer.value or 0.0 for one in taken)
    overflow = tuple(offer for i, offer in enumerate(listed) if i not in owner_of)
    return Allocation(taken, overflow, value, max(value, selection.bound if selection else 0.0))


def _check(offers: Iterable[Offer], budgets: Mapping[str, float]) -> None:
    for offer in offers:
        what = f"the offer of playbook '{offer.playbook}' for account '{offer.account_id}'"
        if offer.value is not None and not math.isfinite(offer.value):
            raise ValueError(f"{what} has the value {offer.value}, which is no amount")
        if not 0 <= offer.minutes <= VAST or not 0 <= offer.cost <= VAST:
            raise ValueError(f"{what} takes {offer.minutes} minutes and costs {offer.cost}: from 0 to {VAST:,} may be")
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
    """What is left of everybody's limits and of the budgets, in exact counts."""

    def __init__(self, rooms: Mapping[str, Room], budgets: Mapping[str, float]) -> None:
        self._minutes = {owner: max(room.minutes, 0) for owner, room in rooms.items() if room.minutes is not None}
        self._items = {owner: max(room.items, 0) for owner, room in rooms.items() if room.items is not None}
        self._money = {playbook: _purse(money) for playbook, money in budgets.items()}
        self._helped: set[str] = set()

    def may_have(self, offer: Offer) -> bool:
        """Whether the account is not helped yet and the budget allows it."""
        affords = _price(offer.cost) <= self._money.get(offer.playbook, math.inf)
        return affords and offer.account_id not in self._helped

    def owner_for(self, offer: Offer) -> str | None:
        """The most preferred owner who has room for it, if there is one."""
        return next((owner for owner in offer.owners if self.has_room(offer.minutes, owner)), None)

    def take(self, offer: Offer, owner: str) -> bool:
        """Books it; False, and nothing is booked, where it does not fit: no limit is broken, whoever asks."""
        if not self.may_have(offer) or not self.has_room(offer.minutes, owner):
            return False
        self.give(offer.minutes, owner)
        self._helped.add(offer.account_id)
        if offer.playbook in self._money:
            self._money[offer.playbook] -= _price(offer.cost)
        return True

    def has_room(self, minutes: int, owner: str) -> bool:
        """Whether the owner can take one more item of so many minutes."""
        return self.has_minutes(minutes, owner) and self._items.get(owner, 1) >= 1

    def has_minutes(self, minutes: int, owner: str) -> bool:
        """Whether the owner has so many minutes left."""
        return minutes <= self._minutes.get(owner, math.inf)

    def give(self, minutes: int, owner: str, items: int = 1) -> None:
        """Books items of so many minutes in all, or takes them back; what is right is for the caller to know."""
        if owner in self._minutes:
            self._minutes[owner] -= minutes
        if owner in self._items:
            self._items[owner] -= items


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
        return np.array([*(math.inf if limit is None else float(max(limit, 0)) for limit in given), math.inf])

    return Problem(
        value=np.array([offer.value for offer in offers]),
        minutes=np.array([offer.minutes for offer in offers]),
        cost=np.array([_price(offer.cost) for offer in offers]),
        account=np.array([accounts[offer.account_id] for offer in offers]),
        playbook=np.array([playbooks[offer.playbook] for offer in offers]),
        circle=np.array([of_owners[offer.owners] for offer in offers]),
        circles=tuple(np.array(circle) for circle in circles),
        owner_minutes=limits(rooms[owner].minutes for owner in owners),
        owner_items=limits(rooms[owner].items for owner in owners),
        budgets=np.array([float(_purse(budgets.get(playbook, math.inf))) for playbook in playbooks]),
    )


def _numbers(names: Iterable[str]) -> dict[str, int]:
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _unlimited(offer: Offer, rooms: Mapping[str, Room]) -> str:
    """The most preferred of its owners who has no limit."""
    nothing = Room("", None, None)
    rooms_of = {owner: rooms.get(owner, nothing) for owner in offer.owners}
    return next(owner for owner, room in rooms_of.items() if room.minutes is None and room.items is None)


class _Hands:
    """Who has what, while it changes hands; every change makes the sum of the places in ``owners`` smaller.

    An item moves to whoever it prefers where there is room, and changes places with another one to come to its first
    choice where the two together come nearer to what they prefer.
    """

    def __init__(self, offers: Sequence[Offer], owner_of: Mapping[int, str], rooms: Mapping[str, Room]) -> None:
        self.owner_of = dict(owner_of)
        self._offers = offers
        self._left = _Left(rooms, {})
        wishes = dict.fromkeys(offers[i].owners for i in owner_of)
        self._place = {wish: {owner: n for n, owner in reversed(list(enumerate(wish)))} for wish in wishes}
        # by owner and wish, so that items with the same wish, which gain nothing by changing places, are passed over
        self._has: dict[str, dict[tuple[str, ...], dict[int, None]]] = {}
        for i in sorted(owner_of):
            self._left.give(offers[i].minutes, owner_of[i])
            self._has.setdefault(owner_of[i], {}).setdefault(offers[i].owners, {})[i] = None

    def preferred(self) -> dict[int, str]:
        """The same work with owners nearer to those it prefers, the most valuable first."""
        several = [i for i in sorted(self.owner_of) if len(self._offers[i].owners) > 1]
        moved = True
        while moved:
            moved = sum(self._better(i) for i in several) > 0
        return self.owner_of

    def _better(self, i: int) -> bool:
        """Moves one item nearer to its first choice; False where it stays."""
        offer, here = self._offers[i], self.owner_of[i]
        for owner in offer.owners[: self._place[offer.owners][here]]:
            if self._left.has_room(offer.minutes, owner):
                self._move(i, owner)
                return True
        other = self._other_for(i)
        if other is None:
            return False
        self._move(i, offer.owners[0])
        self._move(other, here)
        return True

    def _other_for(self, i: int) -> int | None:
        """Which item of its first choice could change places with it."""
        offer, here, first = self._offers[i], self.owner_of[i], self._offers[i].owners[0]
        gained = self._place[offer.owners][here]
        if not gained:
            return None
        for wish, items in self._has.get(first, {}).items():
            place = self._place[wish]
            if here in place and place[here] - place[first] < gained:
                for j in items:
                    more = offer.minutes - self._offers[j].minutes
                    if self._left.has_minutes(more, first) and self._left.has_minutes(-more, here):
                        return j
        return None

    def _move(self, i: int, owner: str) -> None:
        before, offer = self.owner_of[i], self._offers[i]
        del self._has[before][offer.owners][i]
        self._has.setdefault(owner, {}).setdefault(offer.owners, {})[i] = None
        self._left.give(-offer.minutes, before, -1)
        self._left.give(offer.minutes, owner)
        self.owner_of[i] = owner
