"""Routing against the exact optimum and against simple rivals: ``python -m benchmarks.routing`` prints it as JSON.

The optimum is found by a program of its own, one column an offer and owner, so that it shares nothing with what it
judges but the solver. Where the solver does not finish in ``PATIENCE`` seconds its bound stands for the optimum, which
only makes everybody look worse.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from churnml.work.capacity import Offer, Room, fit

PATIENCE = 30.0
DAYS = 12
MANY, OWNERS = 100_000, 200
PLAYBOOKS = 8


@dataclass(frozen=True)
class Day:
    """What there is to do, and the limits."""

    offers: list[Offer]
    rooms: dict[str, Room]
    budgets: dict[str, float]


@dataclass(frozen=True)
class Kind:
    """A kind of day.

    Args:
        title: in words.
        minutes: what an owner has, drawn between half and all of it.
        items: what an owner may take at most, drawn up to it.
        pools: how many of the eight playbooks anybody of a pool may do.
        pool: owners of a pool; None is all of them.
        any_minutes: every piece has minutes of its own, and not those of its playbook.
        own_first: of every pool the account's own owner, then the others.
    """

    title: str
    minutes: int | None = 480
    items: int | None = None
    pools: int = 0
    pool: int | None = None
    any_minutes: bool = False


KINDS = (
    Kind("a day of minutes, everybody their own accounts"),
    Kind("at most 8 pieces too", items=8),
    Kind("3 of 8 playbooks to pools of 5", items=8, pools=3, pool=5),
    Kind("6 of 8 playbooks to everybody", pools=6),
    Kind("minutes differ from piece to piece", pools=3, pool=5, any_minutes=True),
    Kind("a week of minutes", minutes=2400, pools=3, pool=5),
)
LARGE = (
    Kind("a day, everybody their own accounts, at most 10 pieces", items=10),
    Kind("3 of 8 playbooks to pools of 20", items=10, pools=3, pool=20),
    Kind("3 of 8 playbooks to all 200", items=10, pools=3),
    Kind("room for half of the book, 3 of 8 playbooks to all 200", minutes=24_000, pools=3),
    Kind("minutes differ from piece to piece, pools of 200", minutes=2400, pools=3, any_minutes=True),
)


def day(kind: Kind, accounts: int, owners: int, seed: int) -> Day:
    """A day drawn at random: skewed contracts, 1.3 offers an account, three playbooks that cost money."""
    draw = np.random.default_rng(seed)
    names = [f"owner {number:03d}" for number in range(owners)]
    effort = draw.choice((20, 30, 45, 60, 90, 120), PLAYBOOKS)
    cost = draw.permutation((0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 50.0, 120.0))
    pools = [
        tuple(sorted(draw.choice(names, kind.pool or owners, replace=False).tolist()))
        for _ in range(max(owners // 5, 1))
    ]
    own, mrr = draw.integers(0, owners, accounts), np.exp(draw.normal(5.5, 1.2, accounts))
    offers = []
    for account in range(accounts):
        for playbook in draw.choice(PLAYBOOKS, min(1 + draw.poisson(0.3), PLAYBOOKS), replace=False).tolist():
            value = round(float(mrr[account] * draw.beta(1, 8) * draw.choice((0.1, 0.2, 0.3))), 2)
            minutes = int(draw.integers(10, 180) if kind.any_minutes else effort[playbook])
            pooled = playbook < kind.pools
            who = pools[own[account] % len(pools)] if pooled else (names[own[account]],)
            offers.append(
                Offer(f"{account:06d}", f"p{playbook}", "", value, minutes, float(cost[playbook]), who, playbook)
            )
    rooms = {}
    for name in names:
        minutes = None if kind.minutes is None else int(kind.minutes * draw.uniform(0.5, 1.0))
        rooms[name] = Room(name, minutes, None if kind.items is None else int(draw.integers(1, kind.items + 1)))
    budgets = {
        f"p{number}": round(float(cost[number]) * owners * 0.7, 2) for number in range(PLAYBOOKS) if cost[number]
    }
    return Day(offers, rooms, budgets)


def optimum(given: Day) -> tuple[float, bool]:
    """The most any choice is worth, and whether it was proven within PATIENCE."""
    pairs = [(i, owner) for i, offer in enumerate(given.offers) for owner in offer.owners]
    value = np.array([given.offers[i].value or 0.0 for i, _ in pairs])
    rows: dict[tuple[str, str], tuple[float, list[int], list[float]]] = {}

    def weigh(key: tuple[str, str], limit: float | None, column: int, weight: float) -> None:
        if limit is not None:
            _, columns, weights = rows.setdefault(key, (limit, [], []))
            columns.append(column)
            weights.append(weight)

    for column, (i, owner) in enumerate(pairs):
        offer = given.offers[i]
        weigh(("account", offer.account_id), 1.0, column, 1.0)
        weigh(("minutes", owner), given.rooms[owner].minutes, column, offer.minutes)
        weigh(("pieces", owner), given.rooms[owner].items, column, 1.0)
        weigh(("budget", offer.playbook), given.budgets.get(offer.playbook), column, offer.cost)
    entries = [(row, c, w) for row, (_, cs, ws) in enumerate(rows.values()) for c, w in zip(cs, ws, strict=True)]
    at, columns, weights = zip(*entries, strict=True)
    matrix = sparse.coo_array((weights, (at, columns)), shape=(len(rows), len(pairs))).tocsr()
    solved = milp(
        -value,
        constraints=LinearConstraint(matrix, -np.inf, [limit for limit, _, _ in rows.values()]),
        bounds=Bounds(0, 1),
        integrality=np.ones(len(pairs)),
        options={"mip_rel_gap": 1e-6, "time_limit": PATIENCE},
    )
    return -float(solved.mip_dual_bound), solved.status == 0


def greedy(given: Day, order: Callable[[Offer], float], *, first_only: bool = False) -> float:
    """Offers in an order, each to the first owner with room; with ``first_only`` to its first owner or to nobody."""
    minutes = {owner: math.inf if room.minutes is None else room.minutes for owner, room in given.rooms.items()}
    items = {owner: math.inf if room.items is None else room.items for owner, room in given.rooms.items()}
    money, helped, worth = dict(given.budgets), set[str](), 0.0
    for offer in sorted(given.offers, key=lambda each: (-order(each), each.account_id)):
        if offer.account_id in helped or offer.cost > money.get(offer.playbook, math.inf):
            continue
        for owner in offer.owners[: 1 if first_only else None]:
            if minutes[owner] >= offer.minutes and items[owner] >= 1:
                minutes[owner] -= offer.minutes
                items[owner] -= 1
                money[offer.playbook] = money.get(offer.playbook, math.inf) - offer.cost
                helped.add(offer.account_id)
                worth += offer.value or 0.0
                break
    return worth


RIVALS: Mapping[str, Callable[[Day], float]] = {
    "churnml": lambda given: fit(given.offers, given.rooms, given.budgets).value,
    "by value": lambda given: greedy(given, lambda offer: offer.value or 0.0),
    "by value a minute": lambda given: greedy(given, lambda offer: (offer.value or 0.0) / offer.minutes),
    "each owner by value": lambda given: greedy(given, lambda offer: offer.value or 0.0, first_only=True),
}


def against_optimum(kind: Kind, days: int) -> dict[str, object]:
    """Shares of the optimum over days of 200 to 2,000 accounts and 5 to 20 owners."""
    shares: dict[str, list[float]] = {name: [] for name in RIVALS}
    proven, seconds = 0, 0.0
    for seed in range(days):
        accounts, owners = (200, 500, 1000, 2000)[seed % 4], (5, 10, 20)[seed % 3]
        given = day(kind, accounts, owners, seed)
        most, sure = optimum(given)
        proven += sure
        for name, rival in RIVALS.items():
            started = time.process_time()
            shares[name].append(rival(given) / most)
            seconds = max(seconds, time.process_time() - started) if name == "churnml" else seconds
    return {"days": days, "proven": proven, "seconds": seconds, "shares": shares}


def large(kind: Kind) -> dict[str, float]:
    """MANY accounts to OWNERS owners; seconds are of the processor, because others may be using the machine."""
    given = day(kind, MANY, OWNERS, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.process_time()
    allocation = fit(given.offers, given.rooms, given.budgets)
    seconds = time.process_time() - started
    rivals = {name: rival(given) for name, rival in RIVALS.items() if name != "churnml"}
    return {
        "offers": len(given.offers),
        "taken": len(allocation.taken),
        "seconds": seconds,
        "gap": 1 - allocation.value / allocation.bound,
        "rival": max(rivals.values()) / allocation.value,
        "before": before,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def section(days: int = DAYS) -> list[str]:
    """The part of the page about routing; every large day in a process of its own, for its peak memory."""

    def measured(*which: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.routing", *which], check=True, stdout=subprocess.PIPE, text=True
        )
        # HiGHS may print a line of its own, whatever it is told
        figures: dict[str, object] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
        return figures

    sizes = [(kind, measured("--large", str(number))) for number, kind in enumerate(LARGE)]
    exact = [(kind, measured("--exact", str(number), "--days", str(days))) for number, kind in enumerate(KINDS)]
    return page(sizes, exact)


def page(
    sizes: Sequence[tuple[Kind, Mapping[str, object]]], exact: Sequence[tuple[Kind, Mapping[str, object]]]
) -> list[str]:
    """The lines of the section."""
    lines = [
        "## Routing",
        "",
        f"{MANY:,} accounts with 1.3 offers each to {OWNERS} owners. The gap is to the bound that `fit` proves itself;",
        "the best rival is the best of the three greedy ones below, as a share of what churnml takes.",
        "",
        "| day | offers | taken | seconds of a core | MiB at peak (before) | short of the bound | best rival |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, figures in sizes:
        memory = f"{figures['mebibytes']:,.0f} ({figures['before']:,.0f})"
        cells = f"{figures['offers']:,} | {figures['taken']:,} | {figures['seconds']:.1f} | {memory}"
        lines.append(f"| {kind.title} | {cells} | {figures['gap']:.3%} | {figures['rival']:.1%} |")
    lines += [
        "",
        "Share of the exact optimum, worst and mean, over days of 200 to 2,000 accounts and 5 to 20 owners with three",
        f"budgets. The optimum is HiGHS's on one column an offer and owner; unproven in {PATIENCE:.0f} s, its bound.",
        "",
        "| days | " + " | ".join(RIVALS) + " | optimum proven | slowest `fit`, s |",
        "|---|" + "---:|" * (len(RIVALS) + 2),
    ]
    for kind, figures in exact:
        shares = figures["shares"]
        assert isinstance(shares, dict)
        cells = " | ".join(f"{min(shares[name]):.2%}, {np.mean(shares[name]):.2%}" for name in RIVALS)
        lines.append(
            f"| {kind.title} | {cells} | {figures['proven']} of {figures['days']} | {figures['seconds']:.2f} |"
        )
    return [*lines, ""]


def main() -> None:
    """Measures one kind of day, or writes the whole section."""
    parser = argparse.ArgumentParser(description="Measures routing.")
    parser.add_argument("--large", type=int, help="number of a large day")
    parser.add_argument("--exact", type=int, help="number of a kind of day to compare with the optimum")
    parser.add_argument("--days", type=int, default=DAYS)
    asked = parser.parse_args()
    if asked.large is not None:
        sys.stdout.write(json.dumps(large(LARGE[asked.large])) + "\n")
    elif asked.exact is not None:
        sys.stdout.write(json.dumps(against_optimum(KINDS[asked.exact], asked.days)) + "\n")
    else:
        sys.stdout.write("\n".join(section(asked.days)) + "\n")


if __name__ == "__main__":
    main()
