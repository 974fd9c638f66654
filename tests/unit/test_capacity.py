"""What fits into the day: the best that can be, whatever the order, and never more than a limit."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from churnml.acting.capacity import Fitted, Offer, Room, fit

OWNERS = ("ada", "bea", "cleo")


def offer(account: str, value: float | None, owners: str = "ada", **given) -> Offer:
    said = {"playbook": "call", "reason": "", "minutes": 60, "cost": 0.0, "precedence": 0} | given
    return Offer(account_id=account, value=value, owners=tuple(owners.split()), **said)


def rooms(*given: tuple[str, int | None, int | None]) -> dict[str, Room]:
    return {owner: Room(owner, minutes, pieces) for owner, minutes, pieces in given}


def names(fitted: Fitted) -> list[str]:
    return [one.offer.account_id for one in fitted.taken]


def instance(seed: int, accounts: int) -> tuple[list[Offer], dict[str, Room], dict[str, float]]:
    """A day drawn at random: some offers share accounts, owners, budgets; limits are tight."""
    draw = random.Random(seed)
    offers = []
    for account in range(accounts):
        for playbook in draw.sample(("call", "visit", "mail"), draw.choice((1, 1, 2))):
            value = draw.choice((round(draw.lognormvariate(5, 1), 2), draw.randint(1, 5) * 100.0))
            owners = tuple(draw.sample(OWNERS, draw.choice((1, 1, 2, 3))))
            minutes = draw.choice((0, 30, 45, 60, 100, 170))
            cost = {"call": 0.0, "visit": draw.choice((0.1, 50.0, 120.0)), "mail": 10.0}[playbook]
            offers.append(Offer(f"a{account:03d}", playbook, "", value, minutes, cost, owners, draw.randint(0, 1)))
    limits = [
        (owner, draw.choice((None, 0, 90, 200, 480)), draw.choice((None, 0, 1, 3, 6)))
        for owner in OWNERS[: draw.choice((2, 3, 3))]
    ]
    budgets = {"visit": draw.choice((0.0, 0.3, 100.0, 300.0)), "mail": draw.choice((10.0, 30.0, math.inf))}
    return offers, rooms(*limits), {name: budgets[name] for name in budgets if draw.random() < 0.7}


def broken(fitted: Fitted, limits: dict[str, Room], budgets: dict[str, float]) -> list[str]:
    """Every limit that is exceeded, in words."""
    taken = fitted.taken
    found = [f"{account} twice" for account, n in Counter(one.offer.account_id for one in taken).items() if n > 1]
    found += [f"{one.owner} may not" for one in taken if one.owner not in one.offer.owners]
    for owner, room in limits.items():
        own = [one.offer for one in taken if one.owner == owner]
        if room.minutes is not None and sum(each.minutes for each in own) > max(room.minutes, 0):
            found.append(f"{owner} has too many minutes")
        if room.pieces is not None and len(own) > max(room.pieces, 0):
            found.append(f"{owner} has too many pieces")
    for playbook, money in budgets.items():
        spent = math.fsum(one.offer.cost for one in taken if one.offer.playbook == playbook)
        if spent > money + 1e-9:
            found.append(f"{playbook} costs {spent}")
    return found


def best(offers: Sequence[Offer], limits: dict[str, Room], budgets: dict[str, float]) -> float:
    """The most that can be, by looking at every way there is."""
    accounts = [list(group) for _, group in itertools.groupby(offers, lambda each: each.account_id)]

    def ways(i: int, minutes: dict[str, float], pieces: dict[str, float], money: dict[str, float]) -> float:
        if i == len(accounts):
            return 0.0
        most = ways(i + 1, minutes, pieces, money)
        for each, owner in ((one, owner) for one in accounts[i] for owner in one.owners):
            if (
                minutes.get(owner, math.inf) >= each.minutes
                and pieces.get(owner, math.inf) >= 1
                and money.get(each.playbook, math.inf) + 1e-9 >= each.cost
            ):
                most = max(
                    most,
                    (each.value or 0.0)
                    + ways(
                        i + 1,
                        minutes | {owner: minutes.get(owner, math.inf) - each.minutes},
                        pieces | {owner: pieces.get(owner, math.inf) - 1},
                        money | {each.playbook: money.get(each.playbook, math.inf) - each.cost},
                    ),
                )
        return most

    def known(limit: int | None) -> float:
        return math.inf if limit is None else limit

    return ways(
        0,
        {owner: known(room.minutes) for owner, room in limits.items()},
        {owner: known(room.pieces) for owner, room in limits.items()},
        dict(budgets),
    )


@pytest.mark.parametrize("seed", range(60))
def test_a_small_day_is_worth_what_looking_at_every_way_finds(seed):
    offers, limits, budgets = instance(seed, 6)
    fitted = fit(offers, limits, budgets)
    assert broken(fitted, limits, budgets) == []
    assert fitted.value == pytest.approx(best(offers, limits, budgets), rel=1e-9)
    assert fitted.bound == pytest.approx(fitted.value, rel=1e-4)
    assert Counter(one.offer for one in fitted.taken) + Counter(fitted.left) == Counter(offers)
