"""What fits into the day: the best that can be, whatever the order, and never more than a limit."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from churnml.work import capacity, selection
from churnml.work.capacity import Allocation, Offer, Room, fit

OWNERS = ("ada", "bea", "cleo")


def offer(account: str, value: float | None, owners: str = "ada", **given) -> Offer:
    said = {"playbook": "call", "reason": "", "minutes": 60, "cost": 0.0, "precedence": 0} | given
    return Offer(account_id=account, value=value, owners=tuple(owners.split()), **said)


def rooms(*given: tuple[str, int | None, int | None]) -> dict[str, Room]:
    return {owner: Room(owner, minutes, items) for owner, minutes, items in given}


def names(fitted: Allocation) -> list[str]:
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


def broken(fitted: Allocation, limits: dict[str, Room], budgets: dict[str, float]) -> list[str]:
    """Every limit that is exceeded, in words."""
    taken = fitted.taken
    found = [f"{account} twice" for account, n in Counter(one.offer.account_id for one in taken).items() if n > 1]
    found += [f"{one.owner} may not" for one in taken if one.owner not in one.offer.owners]
    for owner, room in limits.items():
        own = [one.offer for one in taken if one.owner == owner]
        if room.minutes is not None and sum(each.minutes for each in own) > max(room.minutes, 0):
            found.append(f"{owner} has too many minutes")
        if room.items is not None and len(own) > max(room.items, 0):
            found.append(f"{owner} has too many pieces")
    for playbook, money in budgets.items():
        spent = math.fsum(one.offer.cost for one in taken if one.offer.playbook == playbook)
        if spent > money + 1e-9:
            found.append(f"{playbook} costs {spent}")
    return found


def best(offers: Sequence[Offer], limits: dict[str, Room], budgets: dict[str, float]) -> float:
    """The most that can be, by looking at every way there is."""
    accounts = [list(group) for _, group in itertools.groupby(offers, lambda each: each.account_id)]

    def ways(i: int, minutes: dict[str, float], items: dict[str, float], money: dict[str, float]) -> float:
        if i == len(accounts):
            return 0.0
        most = ways(i + 1, minutes, items, money)
        for each, owner in ((one, owner) for one in accounts[i] for owner in one.owners):
            if (
                minutes.get(owner, math.inf) >= each.minutes
                and items.get(owner, math.inf) >= 1
                and money.get(each.playbook, math.inf) + 1e-9 >= each.cost
            ):
                most = max(
                    most,
                    (each.value or 0.0)
                    + ways(
                        i + 1,
                        minutes | {owner: minutes.get(owner, math.inf) - each.minutes},
                        items | {owner: items.get(owner, math.inf) - 1},
                        money | {each.playbook: money.get(each.playbook, math.inf) - each.cost},
                    ),
                )
        return most

    def known(limit: int | None) -> float:
        return math.inf if limit is None else limit

    return ways(
        0,
        {owner: known(room.minutes) for owner, room in limits.items()},
        {owner: known(room.items) for owner, room in limits.items()},
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


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_the_offers_and_of_the_rooms_changes_nothing(seed):
    offers, limits, budgets = instance(seed, 60)
    fitted = fit(offers, limits, budgets)
    for again in range(3):
        shuffled, turned = list(offers), list(limits.items())
        random.Random(again).shuffle(shuffled)
        random.Random(again).shuffle(turned)
        assert fit(shuffled, dict(turned), dict(reversed(budgets.items()))) == fitted
    assert broken(fitted, limits, budgets) == []


def exact(offers: Sequence[Offer], limits: dict[str, Room], budgets: dict[str, float]) -> float:
    """The most that can be, by one column an offer and owner: another program than the one that is tested."""
    pairs = [(each, owner) for each in offers for owner in each.owners]
    rows: dict[tuple[str, str], tuple[float, dict[int, float]]] = {}
    for column, (each, owner) in enumerate(pairs):
        room = limits.get(owner, Room(owner, None, None))
        for key, limit, weight in (
            (("account", each.account_id), 1, 1),
            (("minutes", owner), room.minutes, each.minutes),
            (("pieces", owner), room.items, 1),
            (("budget", each.playbook), budgets.get(each.playbook), each.cost),
        ):
            if limit is not None and math.isfinite(limit):
                rows.setdefault(key, (limit, {}))[1][column] = weight
    matrix = np.zeros((len(rows), len(pairs)))
    for row, (_, weights) in enumerate(rows.values()):
        matrix[row, list(weights)] = list(weights.values())
    solved = milp(
        [-(each.value or 0.0) for each, _ in pairs],
        constraints=LinearConstraint(matrix, -np.inf, [limit for limit, _ in rows.values()]),
        bounds=Bounds(0, 1),
        integrality=np.ones(len(pairs)),
    )
    return -float(solved.fun)


@pytest.mark.parametrize("seed", range(100, 115))
def test_a_day_of_hundreds_is_within_a_hundredth_of_the_exact_optimum_and_under_its_own_bound(seed):
    offers, limits, budgets = instance(seed, 250)
    fitted, most = fit(offers, limits, budgets), exact(offers, limits, budgets)
    assert broken(fitted, limits, budgets) == []
    assert most * 0.99 <= fitted.value <= fitted.bound + 1e-6
    assert fitted.bound >= most * (1 - 1e-6)


def test_parts_that_are_too_large_for_whole_numbers_at_once_keep_every_limit_and_a_bound(monkeypatch):
    # the way of the largest days, on one that is small enough to know its optimum
    monkeypatch.setattr(selection, "COLUMNS", 0)
    monkeypatch.setattr(selection, "REACH", 40)
    for seed in range(200, 206):
        offers, limits, budgets = instance(seed, 250)
        fitted, most = fit(offers, limits, budgets), exact(offers, limits, budgets)
        assert broken(fitted, limits, budgets) == []
        assert most * 0.97 <= fitted.value <= fitted.bound + 1e-6
        assert fitted.bound >= most * (1 - 1e-6)


def test_two_hundred_owners_of_ten_thousand_accounts_are_no_matter_of_minutes():
    draw = random.Random(1)
    names = tuple(f"owner {number:03d}" for number in range(200))
    offers = [
        offer(
            f"{i:05d}", round(draw.lognormvariate(5, 1), 2), playbook=f"p{i % 5}", minutes=(30, 45, 60, 90, 120)[i % 5]
        )
        for i in range(10_000)
    ]
    offers = [
        replace(each, owners=names if i % 5 == 0 else (names[draw.randrange(200)],)) for i, each in enumerate(offers)
    ]
    limits = rooms(*((name, draw.randint(200, 480), draw.randint(1, 8)) for name in names))
    began = time.perf_counter()
    fitted = fit(offers, limits, {})
    assert time.perf_counter() - began < 20  # a second where nothing else runs
    assert broken(fitted, limits, {}) == []
    assert fitted.value > 0.99 * fitted.bound


def test_of_equal_offers_the_lower_precedence_and_then_the_smaller_account_id_is_taken():
    limits = rooms(("ada", None, 2))
    equal = [offer("c", 100.0), offer("a", 100.0), offer("b", 100.0, precedence=1), offer("d", 100.0)]
    assert names(fit(equal, limits, {})) == ["a", "c"]
    one_account = [offer("a", 100.0, playbook="second", precedence=1), offer("a", 100.0, playbook="first")]
    assert [one.offer.playbook for one in fit(one_account, limits, {}).taken] == ["first"]


def test_many_equal_offers_are_taken_by_account_id_in_a_part_the_solver_has_to_break():
    limits = rooms(("ada", 480, None), ("bea", 300, 4))
    equal = [offer(f"{i:03d}", 10.0, "ada bea", playbook=("call", "mail")[i % 2]) for i in range(50)]
    assert sorted(names(fit(equal, limits, {"mail": 0.0}))) == [f"{i:03d}" for i in range(12)]


def test_unknown_values_come_last_in_the_order_given_and_those_that_lose_money_never():
    limits = rooms(("ada", None, 3))
    offers = [offer("z", None), offer("y", None), offer("m", 0.0), offer("b", 5.0), offer("lost", -1.0)]
    fitted = fit(offers, limits, {})
    assert names(fitted) == ["b", "m", "z"]
    assert [each.account_id for each in fitted.left] == ["lost", "y"]
    assert fitted.value == fitted.bound == 5.0
    assert names(fit(offers, {}, {})) == ["b", "m", "z", "y"]


def test_an_unknown_value_is_not_taken_for_an_account_that_is_helped_already():
    fitted = fit([offer("a", None, playbook="mail"), offer("a", 5.0)], {}, {})
    assert [one.offer.value for one in fitted.taken] == [5.0]
    assert [each.value for each in fitted.left] == [None]


def test_work_goes_to_whom_it_prefers_where_there_is_room():
    limits = rooms(("ada", None, 1), ("bea", None, 1))
    fitted = fit([offer("a", 9.0, "ada bea"), offer("b", 8.0, "ada bea")], limits, {})
    assert {one.offer.account_id: one.owner for one in fitted.taken} == {"a": "ada", "b": "bea"}
    fitted = fit([offer("a", 9.0, "ada bea"), offer("b", 8.0, "ada")], limits, {})
    assert {one.offer.account_id: one.owner for one in fitted.taken} == {"a": "bea", "b": "ada"}
    fitted = fit([offer("a", 9.0, "ada team:all"), offer("b", 8.0, "team:all ada")], limits, {})
    assert {one.offer.account_id: one.owner for one in fitted.taken} == {"a": "ada", "b": "team:all"}


@pytest.mark.parametrize("seed", range(20))
def test_no_two_items_would_both_rather_change_places(seed):
    draw = random.Random(seed)
    offers = [offer(f"{i:02d}", float(draw.randint(1, 9)), " ".join(draw.sample(OWNERS, 3))) for i in range(12)]
    limits = rooms(*((owner, None, 4) for owner in OWNERS))
    taken = fit(offers, limits, {}).taken
    assert len(taken) == 12
    for one, other in itertools.combinations(taken, 2):
        content = one.owner == one.offer.owners[0] or other.owner == other.offer.owners[0]
        assert content or (one.owner, other.owner) != (other.offer.owners[0], one.offer.owners[0])


def test_nothing_to_do_and_nobody_to_do_it():
    assert fit([], {}, {}) == Allocation((), (), 0.0, 0.0)
    for limits in (rooms(("ada", 0, None)), rooms(("ada", None, 0)), rooms(("ada", -60, 3)), rooms(("ada", 60, -1))):
        fitted = fit([offer("a", 5.0), offer("b", None)], limits, {})
        assert (fitted.taken, len(fitted.left), fitted.bound) == ((), 2, 0.0)


def test_who_has_no_room_written_down_has_no_limit():
    many = [offer(f"{i:02d}", 1.0, "team:success") for i in range(50)]
    assert len(fit(many, rooms(("ada", 60, 1)), {}).taken) == 50
    assert len(fit(many, rooms(("team:success", 60, None)), {}).taken) == 1


def test_what_is_larger_than_any_room_is_left_and_does_not_stand_in_the_way():
    fitted = fit([offer("a", 1e6, minutes=481), offer("b", 5.0)], rooms(("ada", 480, None)), {})
    assert names(fitted) == ["b"]
    assert fitted.bound == fitted.value == 5.0


def test_budgets_hold_to_the_last_cent_and_binary_fractions_take_nothing_away():
    dimes = [offer(f"{i}", 1.0, cost=0.1) for i in range(5)]
    assert len(fit(dimes, {}, {"call": 0.3}).taken) == 3
    assert len(fit(dimes, {}, {"call": 0.29}).taken) == 2
    assert len(fit(dimes, {}, {"call": -5.0}).taken) == 0
    assert len(fit(dimes, {}, {"call": math.inf, "mail": 0.0}).taken) == 5
    thirds = [offer(f"{i}", 1.0, cost=100 / 3) for i in range(5)]
    assert len(fit(thirds, {}, {"call": 66.66}).taken) == 1


def test_the_hugest_values_and_limits_are_told_apart():
    limits = rooms(("ada", 10**30, 1))
    assert names(fit([offer("small", 1.0), offer("huge", 1e300), offer("next", 9e299)], limits, {})) == ["huge"]
    vast = [offer("a", 1.0, cost=1e9, minutes=10**9), offer("b", 2.0, cost=9e8), offer("c", 3.0, cost=3e8)]
    assert names(fit(vast, rooms(("ada", 10**9, None)), {"call": 1.2e9})) == ["c", "b"]
    assert names(fit(vast, rooms(("ada", 10**9 + 60, None)), {"call": 1e30})) == ["c", "b"]


def test_a_selection_that_breaks_a_limit_is_not_believed(monkeypatch):
    def everything(problem):
        return selection.Selection(
            np.ones(len(problem.value), dtype=bool), np.zeros(len(problem.value), dtype=int), 9.0
        )

    monkeypatch.setattr(capacity, "select", everything)
    fitted = fit([offer("a", 5.0), offer("b", 4.0), offer("c", 3.0)], rooms(("ada", None, 2)), {})
    assert names(fitted) == ["a", "b"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": math.nan},
        {"value": math.inf},
        {"value": 1.0, "minutes": -1},
        {"value": 1.0, "minutes": 10**9 + 1},
        {"value": 1.0, "cost": 1e12},
        {"value": 1.0, "cost": -0.5},
        {"value": 1.0, "cost": math.nan},
        {"value": 1.0, "cost": math.inf},
        {"value": 1.0, "owners": ""},
    ],
    ids=str,
)
def test_what_is_no_number_and_what_nobody_may_take_is_refused(wrong):
    with pytest.raises(ValueError, match=r"'call'.* 'a'"):
        fit([offer("a", **wrong)], {}, {})
    with pytest.raises(ValueError, match="budget"):
        fit([offer("a", 1.0)], {}, {"call": math.nan})
