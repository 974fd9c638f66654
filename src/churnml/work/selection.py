"""Which offers are worth the most together: matrices, and HiGHS (Huangfu and Hall, 2018) through SciPy.

Offers of the same owners and minutes can stand in for each other, so who does them is counted by class and not
offer by offer: a pool of 200 owners costs 200 columns a class, not 200 columns an offer, and nothing is lost by it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse.csgraph import connected_components

NOBODY = -1  # taken, and by whom does not matter: one of its owners has no limit
WHOLE, ONCE, LINK = 0, 1, 2  # kinds of rows: a limit, one offer an account, a class and who does it
TINY = 1e-6  # of a column, or of the largest value: what the solver cannot tell from nothing
# What HiGHS is given at once in whole numbers, and how many branches it may look at. A limit of time would make the
# answer the machine's; these make it the same everywhere.
COLUMNS = 6_000  # of a part that is solved once and for all
REACH = 2_000  # of what is solved at a time of a larger part
NODE_COLUMNS, LEAST_NODES = 50_000, 10  # branches × columns
FEW = 500  # columns so few that the very best is worth waiting for; else
CLOSE = 1e-3  # this share short of it is close enough
TURNS = 4


@dataclass(frozen=True)
class Problem:
    """Offers as arrays, the preferred one of two equal ones first; every offer is worth more than nothing.

    Args:
        value: falling, above zero, shape (offers,).
        minutes, cost: whole numbers, shape (offers,).
        account, playbook, circle: numbers of what each offer is about, shape (offers,).
        circles: sets of owners who may take the same offers, each a sorted array of owner numbers.
        owner_minutes, owner_items: limits, shape (owners,); infinite is none.
        budgets: shape (playbooks,); infinite is none.
    """

    value: np.ndarray
    minutes: np.ndarray
    cost: np.ndarray
    account: np.ndarray
    playbook: np.ndarray
    circle: np.ndarray
    circles: tuple[np.ndarray, ...]
    owner_minutes: np.ndarray
    owner_items: np.ndarray
    budgets: np.ndarray

    def only(self, offers: np.ndarray) -> Problem:
        """The same with some of the offers alone."""
        of_offers = ("value", "minutes", "cost", "account", "playbook", "circle")
        return replace(self, **{name: getattr(self, name)[offers] for name in of_offers})


@dataclass(frozen=True)
class Selection:
    """What is taken.

    Args:
        take: shape (offers,).
        owner: number of the owner, or NOBODY; shape (offers,).
        bound: no selection is worth more.
    """

    take: np.ndarray
    owner: np.ndarray
    bound: float


def select(problem: Problem) -> Selection:
    """The offers worth the most together, and who does them.

    First without whole numbers, which gives the bound and the price of every limit. What costs more to decide
    otherwise than there is still to be gained stays as it is; the rest is solved part by part in whole numbers.
    """
    take, owner = np.zeros(len(problem.value), dtype=bool), np.full(len(problem.value), NOBODY)
    able = np.flatnonzero(_able(problem))
    if not len(able):
        return Selection(take, owner, 0.0)
    chosen = _select(problem.only(able))
    take[able], owner[able] = chosen.take, chosen.owner
    return Selection(take, owner, chosen.bound)


def _able(problem: Problem) -> np.ndarray:
    """Which offers would fit if they were alone; shape (offers,)."""
    most = np.full(len(problem.circles), -1.0)
    for number, owners in enumerate(problem.circles):
        with_room = owners[problem.owner_items[owners] >= 1]
        most[number] = problem.owner_minutes[with_room].max(initial=-1.0)
    fits = (problem.minutes <= most[problem.circle]) & (problem.cost <= problem.budgets[problem.playbook])
    return np.asarray(fits)


@dataclass(frozen=True)
class _Program:
    """max worth · x where rows · x ≤ limits; columns are the offers, then how many of a class an owner takes.

    Args:
        rows: sparse, shape (rows, columns).
        limits, kind: of each row.
        upper: of each column.
        of_class: the class of each offer.
        alone: of each class its one owner; NOBODY where there are several, or none with a limit.
        count_class, count_owner: of each column after the offers.
    """

    rows: sparse.csr_array
    limits: np.ndarray
    kind: np.ndarray
    upper: np.ndarray
    of_class: np.ndarray
    alone: np.ndarray
    count_class: np.ndarray
    count_owner: np.ndarray


def _program(problem: Problem) -> _Program:
    offers = len(problem.value)
    pairs, of_class = np.unique(np.stack([problem.circle, problem.minutes]), axis=1, return_inverse=True)
    of_class = of_class.reshape(-1)
    limited = np.isfinite(problem.owner_minutes) | np.isfinite(problem.owner_items)
    members = [problem.circles[circle] for circle in pairs[0]]
    binding = [owners if limited[owners].all() else owners[:0] for owners in members]
    alone = np.array([owners[0] if len(owners) == 1 else NOBODY for owners in binding])
    pooled = np.array([len(owners) > 1 for owners in binding])
    count_class = np.repeat(np.arange(len(members)), [len(owners) if len(owners) > 1 else 0 for owners in binding])
    count_owner = np.concatenate([owners[:0] if len(owners) == 1 else owners for owners in binding]).astype(int)
    most = np.minimum(_most(problem, count_owner, pairs[1][count_class]), np.bincount(of_class)[count_class])
    count_class, count_owner, most = (part[most > 0] for part in (count_class, count_owner, most))

    upper = np.concatenate([np.ones(offers), most])
    who = np.concatenate([alone[of_class], count_owner])  # the owner a column weighs on
    minutes = np.concatenate([problem.minutes, pairs[1][count_class]])
    some = np.flatnonzero(who >= 0)
    each = np.arange(offers)
    _, account = np.unique(problem.account, return_inverse=True)
    in_pool = np.flatnonzero(pooled[of_class])
    number = np.cumsum(pooled) - 1
    rows = [
        _rows(account, each, np.ones(offers), np.ones(account.max() + 1), upper, ONCE),
        _rows(problem.playbook, each, problem.cost, problem.budgets, upper, WHOLE),
        _rows(who[some], some, minutes[some], problem.owner_minutes, upper, WHOLE),
        _rows(who[some], some, np.ones(len(some)), problem.owner_items, upper, WHOLE),
        _rows(
            np.concatenate([number[of_class[in_pool]], number[count_class]]),
            np.concatenate([in_pool, offers + np.arange(len(count_class))]),
            np.concatenate([np.ones(len(in_pool)), -np.ones(len(count_class))]),
            np.zeros(int(pooled.sum())),
            upper,
            LINK,
        ),
    ]
    return _Program(
        sparse.vstack([block for block, _, _ in rows], format="csr"),
        np.concatenate([limits for _, limits, _ in rows]),
        np.concatenate([kind for _, _, kind in rows]),
        upper,
        of_class,
        alone,
        count_class,
        count_owner,
    )


def _most(problem: Problem, owner: np.ndarray, minutes: np.ndarray) -> np.ndarray:
    """How many items of so many minutes an owner can take."""
    by_minutes = np.full(len(owner), np.inf)
    np.divide(problem.owner_minutes[owner], minutes, out=by_minutes, where=minutes > 0)
    return np.asarray(np.minimum(problem.owner_items[owner], np.floor(by_minutes)))


def _rows(
    row: np.ndarray, column: np.ndarray, weight: np.ndarray, limits: np.ndarray, upper: np.ndarray, kind: int
) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Rows of one kind, their limits and that kind; limits that can never be reached are left out.

    Weights are divided by what all of a row have in common and limits cut to whole multiples of it: with items of 60
    minutes alone, 500 minutes are eight items.
    """
    limits = limits.astype(float)
    if kind == WHOLE:
        step = np.zeros(len(limits), dtype=np.int64)
        np.gcd.at(step, row, weight.astype(np.int64))
        step[step == 0] = 1
        weight, limits = weight / step[row], np.floor(limits / step)
        largest = np.zeros(len(limits))
        np.maximum.at(largest, row, weight)
        scale = np.where(largest > 0, largest, 1.0)
        weight, limits = weight / scale[row], limits / scale
    block = sparse.coo_array((weight, (row, column)), shape=(len(limits), len(upper))).tocsr()
    binds = np.ones(len(limits), dtype=bool) if kind == LINK else block @ upper > limits
    return block[np.flatnonzero(binds)], limits[binds], np.full(int(binds.sum()), kind)


@dataclass(frozen=True)
class _Relaxed:
    """The program solved without whole numbers.

    Args:
        x: of each column.
        profit: an offer's worth less the prices of what it takes up; shape (offers,).
        wanted: whether an offer is its account's best and has a profit; shape (offers,).
        regret: at least what deciding it otherwise costs; shape (offers,).
        most: what each part is worth at most; shape (parts,).
    """

    x: np.ndarray
    profit: np.ndarray
    wanted: np.ndarray
    regret: np.ndarray
    most: np.ndarray


def _relaxed(worth: np.ndarray, account: np.ndarray, made: _Program, part: np.ndarray) -> _Relaxed:
    """Solves it, and reckons regrets and bound from the prices of limits alone.

    At any prices a selection is worth no more than the limits at these prices and, of each account, the profit of its
    best offer (Lagrange's bound; Geoffrion 1974). So neither rests on how exactly the solver has solved.
    """
    offers = len(worth)
    weight = np.concatenate([worth, np.zeros(len(made.upper) - offers)])
    solved = linprog(
        -weight,
        A_ub=made.rows,
        b_ub=made.limits,
        bounds=np.stack([np.zeros(len(weight)), made.upper], axis=1),
        method="highs-ds",
    )
    if solved.status != 0:
        raise RuntimeError(f"HiGHS did not solve the relaxed day: {solved.message}")
    price = np.where(made.kind == ONCE, 0.0, np.maximum(-solved.ineqlin.marginals, 0.0))
    profit = np.round(weight - made.rows.T @ price, 12)
    _, number = np.unique(account, return_inverse=True)
    order = np.lexsort([-profit[:offers], number])
    place = np.flatnonzero(np.diff(number[order], prepend=-1))  # where the best offer of each account stands
    best, second = np.zeros(len(place)), np.zeros(len(place))
    np.maximum.at(best, number, profit[:offers])
    others = np.delete(order, place)
    np.maximum.at(second, number[others], profit[others])
    regret = best[number] - profit[:offers]
    winners = order[place]
    regret[winners] = np.abs(profit[winners] - second[number[winners]])
    wanted = np.zeros(offers, dtype=bool)
    wanted[winners] = profit[winners] > 0
    regret[np.abs(solved.x[:offers] - wanted) > TINY] = 0.0  # what the solver itself has not decided
    parts = int(part.max()) + 1
    most = np.bincount(part[len(weight) :], price * made.limits, parts).astype(float)  # of no rows it makes integers
    most += np.bincount(part[winners], best, parts)
    most += np.bincount(part[offers : len(weight)], (np.maximum(profit, 0.0) * made.upper)[offers:], parts)
    return _Relaxed(solved.x, profit[:offers], wanted, regret, most)


def _select(problem: Problem) -> Selection:
    largest = float(problem.value.max())
    worth = problem.value / largest  # HiGHS tells small from large by absolute size
    made = _program(problem)
    offers, columns = len(worth), len(made.upper)
    part = _parts(made)
    relaxed = _relaxed(worth, problem.account, made, part)
    order = np.lexsort([np.arange(offers), -relaxed.profit, relaxed.x[:offers] < 1 - TINY])
    take, owner = _booked(problem, made, order, np.floor(relaxed.x[offers:] + TINY))
    x = np.concatenate([take.astype(float), _counted(made, take, owner)])
    weight = np.concatenate([worth, np.zeros(columns - offers)])
    most = relaxed.most.copy()
    least = np.bincount(part[:columns], weight * x, len(most))
    members = np.split(np.argsort(part[:columns], kind="stable"), np.cumsum(np.bincount(part[:columns]))[:-1])
    for number in np.flatnonzero(most - least > TINY):
        most[number] = _improve(weight, made, relaxed, x, members[number], float(most[number]))
    order = np.lexsort([np.arange(offers), -relaxed.profit, x[:offers] < 0.5])
    take, owner = _booked(problem, made, order, x[offers:])
    return Selection(*_settled(problem, take, owner), float(most.sum()) * largest)


def _counted(made: _Program, take: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """How many of each class each owner takes, in the order of the columns after the offers."""
    owners = 1 + max(made.count_owner.max(initial=0), owner.max(initial=0))
    some = take & (owner >= 0)
    counts = np.bincount(made.of_class[some] * owners + owner[some], minlength=len(made.alone) * owners)
    return np.asarray(counts[made.count_class * owners + made.count_owner], dtype=float)


def _parts(made: _Program) -> np.ndarray:
    """The part each column, then each row, belongs to: parts have no limit in common and are problems of their own."""
    rows, columns = made.rows.shape
    graph = sparse.block_array([[None, made.rows.T], [sparse.csr_array((rows, columns)), None]], format="csr")
    return np.asarray(connected_components(graph, directed=False)[1])


def _improve(
    weight: np.ndarray, made: _Program, relaxed: _Relaxed, x: np.ndarray, columns: np.ndarray, most: float
) -> float:
    """Puts better selections of the part with these columns into ``x``, as long as one is found; returns its bound.

    ``most`` is what the part is worth at most by the prices alone.
    """
    offers = len(relaxed.regret)
    own, counts = columns[columns < offers], columns[columns >= offers]
    own = own[np.argsort(relaxed.regret[own], kind="stable")]
    for _ in range(TURNS):
        least = float(weight[columns] @ x[columns])
        undecided = own[relaxed.regret[own] <= most - least + TINY]
        if len(undecided) + len(counts) <= COLUMNS:
            settled = x.copy()
            settled[own] = relaxed.wanted[own]
            return min(most, _solved(weight, made, x, settled, columns, np.concatenate([undecided, counts])))
        # as much as is within reach, around the selection so far, and first what the prices would have otherwise
        disputed = (x[undecided] > 0.5) != relaxed.wanted[undecided]
        undecided = np.concatenate([undecided[disputed], undecided[~disputed]])
        _solved(weight, made, x, x.copy(), columns, _within_reach(made, undecided, counts))
        if float(weight[columns] @ x[columns]) <= least * (1 + CLOSE):
            break
    return most


def _solved(
    weight: np.ndarray, made: _Program, x: np.ndarray, settled: np.ndarray, columns: np.ndarray, tried: np.ndarray
) -> float:
    """Solves for the columns ``tried``, others as ``settled``, puts what is better into ``x``; returns the bound."""
    least = float(weight[columns] @ x[columns])
    tried = np.sort(tried)
    settled[tried] = 0.0
    here = made.rows[:, tried]
    rows = np.flatnonzero(np.diff(here.indptr))
    solved = milp(
        -weight[tried],
        constraints=LinearConstraint(here[rows], -np.inf, (made.limits - made.rows @ settled)[rows]),
        bounds=Bounds(0, made.upper[tried]),
        integrality=np.ones(len(tried)),
        options={
            "mip_rel_gap": 0.0 if len(tried) <= FEW else CLOSE,
            "node_limit": max(NODE_COLUMNS // len(tried), LEAST_NODES),
        },
    )
    already = float(weight[columns] @ settled[columns])
    if solved.x is not None and already - solved.fun > least:
        x[columns] = settled[columns]
        x[tried] = np.round(solved.x)
    bound = math.inf if solved.mip_dual_bound is None else already - float(solved.mip_dual_bound)
    return max(bound, float(weight[columns] @ x[columns]))


def _within_reach(made: _Program, undecided: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The first of these offers, with the counts of their classes, as many as may be solved at once."""
    size = np.bincount(made.count_class, minlength=len(made.alone))
    classes, first = np.unique(made.of_class[undecided], return_index=True)
    columns = np.ones(len(undecided), dtype=int)
    columns[first] += size[classes]
    chosen = undecided[np.cumsum(columns) <= REACH]
    of_these = np.isin(made.count_class[counts - len(made.of_class)], made.of_class[chosen])
    return np.concatenate([chosen, counts[of_these]])


def _booked(problem: Problem, made: _Program, order: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Takes offers in this order where they fit, by exact counts; ``counts`` says who is to have how many of a class.

    Returns whether and by whom each is taken, shapes (offers,).
    """
    take, owner = np.zeros(len(order), dtype=bool), np.full(len(order), NOBODY)
    minutes, items, money = problem.owner_minutes.copy(), problem.owner_items.copy(), problem.budgets.copy()
    limited = np.isfinite(minutes) | np.isfinite(items)
    planned = [dict[int, float]() for _ in made.alone]
    for number, who, count in zip(made.count_class.tolist(), made.count_owner.tolist(), counts.tolist(), strict=True):
        if count >= 1:
            planned[number][who] = count
    helped: set[int] = set()
    full = np.zeros(len(made.alone), dtype=bool)  # a class that does not fit will not fit later
    columns = (problem.account, problem.playbook, problem.minutes, problem.cost, made.of_class)
    listed = zip(order.tolist(), *(column[order].tolist() for column in columns), strict=True)
    for offer, account, playbook, effort, cost, number in listed:
        if full[number] or account in helped or cost > money[playbook]:
            continue
        owners = problem.circles[problem.circle[offer]]
        if limited[owners].all():
            who = _who(owners, planned[number], minutes, items, effort)
            if who == NOBODY:
                full[number] = True
                continue
            minutes[who] -= effort
            items[who] -= 1
            owner[offer] = who
        money[playbook] -= cost
        helped.add(account)
        take[offer] = True
    return take, owner


def _who(owners: np.ndarray, planned: dict[int, float], minutes: np.ndarray, items: np.ndarray, effort: int) -> int:
    """Who of these takes an item: as planned if that fits, else whoever has the least room that is enough."""
    for who in planned:
        if minutes[who] >= effort and items[who] >= 1:
            planned[who] -= 1
            if planned[who] < 1:
                del planned[who]
            return who
    fits = owners[(minutes[owners] >= effort) & (items[owners] >= 1)]
    return int(fits[np.argmin(minutes[fits])]) if len(fits) else NOBODY


def _settled(problem: Problem, take: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the places of offers that can stand in for each other to the first of them: ties are stable.

    Offers of the same owners, minutes and, where there is a budget, playbook and cost take up the same. The first are
    those of the most value, then of the lower precedence and the smaller account id.
    """
    take, owner = take.copy(), owner.copy()
    budgeted = np.isfinite(problem.budgets[problem.playbook])
    keys = np.stack(
        [problem.circle, problem.minutes, np.where(budgeted, problem.playbook, -1), np.where(budgeted, problem.cost, 0)]
    )
    _, kind = np.unique(keys, axis=1, return_inverse=True)
    kind = kind.reshape(-1)
    helped = set(problem.account[take].tolist())
    order = np.argsort(kind, kind="stable")
    for alike in np.split(order, np.flatnonzero(np.diff(kind[order])) + 1):
        before = alike[take[alike]]
        if not 0 < len(before) < len(alike):
            continue
        helped -= set(problem.account[before].tolist())
        after: list[int] = []
        for offer in alike.tolist():
            if len(after) == len(before):
                break
            if problem.account[offer] not in helped:
                after.append(offer)
                helped.add(int(problem.account[offer]))
        owners = owner[before]
        take[before], owner[before] = False, NOBODY
        take[after], owner[after] = True, owners
    return take, owner
