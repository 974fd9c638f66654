"""Which offers are worth the most together: matrices, and HiGHS (Huangfu and Hall, 2018) through SciPy.

Offers of the same owners and minutes can stand in for each other, so who does them is counted by class and not said
offer by offer: a pool of 200 owners costs 200 columns a class, not 200 columns an offer, and nothing is lost by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse.csgraph import connected_components

NOBODY = -1  # taken, and by whom does not matter: one of its owners has no limit
WHOLE, ONCE, LINK = 0, 1, 2  # kinds of rows: a limit, one offer an account, a class and who does it
TINY = 1e-6  # of a column, or of the largest value: what the solver cannot tell from nothing
LARGE = 1e6  # a weight that is no longer good company for ones
# What HiGHS is given at once as whole numbers, and how many branches it may look at. A limit of time would make the
# answer the machine's; these make it the same everywhere.
COLUMNS = 2_000
NODES = 500


@dataclass(frozen=True)
class Problem:
    """Offers as arrays, the preferred one of two equal ones first; every offer is worth more than nothing.

    Args:
        value: falling, above zero, shape (offers,).
        minutes, cost: whole numbers, shape (offers,).
        account, playbook, circle: numbers of what each offer is about, shape (offers,).
        circles: sets of owners who may take the same offers, each a sorted array of owner numbers.
        owner_minutes, owner_pieces: limits, shape (owners,); infinite is none.
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
    owner_pieces: np.ndarray
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
    found = _select(problem.only(able))
    take[able], owner[able] = found.take, found.owner
    return Selection(take, owner, found.bound)


def _able(problem: Problem) -> np.ndarray:
    """Which offers would fit if they were alone; shape (offers,)."""
    most = np.full(len(problem.circles), -1.0)
    for number, owners in enumerate(problem.circles):
        with_room = owners[problem.owner_pieces[owners] >= 1]
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
    limited = np.isfinite(problem.owner_minutes) | np.isfinite(problem.owner_pieces)
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
        _rows(who[some], some, np.ones(len(some)), problem.owner_pieces, upper, WHOLE),
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
    """How many pieces of so many minutes an owner can take."""
    by_minutes = np.full(len(owner), np.inf)
    np.divide(problem.owner_minutes[owner], minutes, out=by_minutes, where=minutes > 0)
    return np.asarray(np.minimum(problem.owner_pieces[owner], np.floor(by_minutes)))


def _rows(
    row: np.ndarray, column: np.ndarray, weight: np.ndarray, limits: np.ndarray, upper: np.ndarray, kind: int
) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Rows of one kind, their limits and that kind; limits that can never be reached are left out.

    Weights are divided by what all of a row have in common and limits cut to whole multiples of it: with pieces of 60
    minutes alone, 500 minutes are eight pieces.
    """
    limits = limits.astype(float)
    if kind == WHOLE:
        step = np.zeros(len(limits), dtype=np.int64)
        np.gcd.at(step, row, weight.astype(np.int64))
        step[step == 0] = 1
        weight, limits = weight / step[row], np.floor(limits / step)
        largest = np.zeros(len(limits))
        np.maximum.at(largest, row, weight)
        scale = np.where(largest > LARGE, largest, 1.0)
        weight, limits = weight / scale[row], limits / scale
    block = sparse.coo_array((weight, (row, column)), shape=(len(limits), len(upper))).tocsr()
    binds = np.ones(len(limits), dtype=bool) if kind == LINK else block @ upper > limits
    return block[np.flatnonzero(binds)], limits[binds], np.full(int(binds.sum()), kind)


@dataclass(frozen=True)
class _Relaxed:
    """The program solved without whole numbers.

    Args:
        x: of each column.
        regret: at least what deciding an offer otherwise would cost; shape (offers,).
        profit: an offer's worth less the prices of what it takes up; shape (offers,).
    """

    x: np.ndarray
    regret: np.ndarray
    profit: np.ndarray


def _relaxed(worth: np.ndarray, made: _Program) -> _Relaxed:
    offers, columns = len(worth), len(made.upper)
    once = made.kind == ONCE
    shared = made.rows[np.flatnonzero(once)].tocoo()
    # the row of its account already says that it is taken once: without the second saying, its price is whole
    upper = made.upper.copy()
    upper[shared.col] = np.inf
    solved = linprog(
        -np.concatenate([worth, np.zeros(columns - offers)]),
        A_ub=made.rows,
        b_ub=made.limits,
        bounds=np.stack([np.zeros(columns), upper], axis=1),
        method="highs-ds",
    )
    if solved.status != 0:
        raise RuntimeError(f"HiGHS did not solve the relaxed day: {solved.message}")
    price = -solved.ineqlin.marginals
    regret = np.abs(solved.lower.marginals + solved.upper.marginals)[:offers]
    # an account's own offer gives way to another of its offers, or to none
    least = np.where(once, price, 0.0)[np.flatnonzero(once)]
    other = solved.x[shared.col] < 0.5
    np.minimum.at(least, shared.row[other], regret[shared.col[other]])
    regret[shared.col[~other]] = np.maximum(regret[shared.col[~other]], least[shared.row[~other]])
    broken = np.abs(solved.x[:offers] - np.round(solved.x[:offers])) > TINY
    regret[broken] = 0.0
    profit = worth - (made.rows.T @ np.where(once, 0.0, price))[:offers]
    return _Relaxed(solved.x, regret, np.round(profit, 12))


def _select(problem: Problem) -> Selection:
    largest = float(problem.value.max())
    worth = problem.value / largest  # HiGHS tells small from large by absolute size
    made = _program(problem)
    offers = len(worth)
    relaxed = _relaxed(worth, made)
    whole = relaxed.x[:offers] > 1 - TINY
    order = np.lexsort([np.arange(offers), -relaxed.profit, ~whole])
    take, owner = _booked(problem, made, order, np.floor(relaxed.x[offers:] + TINY))
    x = np.concatenate([take.astype(float), _counted(made, take, owner)])
    weight = np.concatenate([worth, np.zeros(len(made.upper) - offers)])
    bound = 0.0
    for columns in _parts(made):
        most, least = float(weight[columns] @ relaxed.x[columns]), float(weight[columns] @ x[columns])
        if most - least > TINY:
            most = min(most, _improve(weight, made, relaxed, x, columns, most - least))
        bound += most
    order = np.lexsort([np.arange(offers), -relaxed.profit, x[:offers] < 0.5])
    take, owner = _booked(problem, made, order, x[offers:])
    return Selection(*_settled(problem, take, owner), bound * largest)


def _counted(made: _Program, take: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """How many of each class each owner takes, in the order of the columns after the offers."""
    owners = 1 + max(made.count_owner.max(initial=0), owner.max(initial=0))
    some = take & (owner >= 0)
    found = np.bincount(made.of_class[some] * owners + owner[some], minlength=len(made.alone) * owners)
    return np.asarray(found[made.count_class * owners + made.count_owner], dtype=float)


def _parts(made: _Program) -> list[np.ndarray]:
    """Columns that have no limit in common with others; each part is a problem of its own."""
    rows, columns = made.rows.shape
    graph = sparse.block_array([[None, made.rows], [sparse.csr_array((columns, rows)), None]])
    _, label = connected_components(graph, directed=False)
    of_column = label[rows:]
    order = np.argsort(of_column, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_column[order])) + 1)


def _improve(
    weight: np.ndarray, made: _Program, relaxed: _Relaxed, x: np.ndarray, columns: np.ndarray, gain: float
) -> float:
    """Puts a better selection of one part into ``x`` where there is one, and returns a bound of the part's worth."""
    offers = len(relaxed.regret)
    own, counts = columns[columns < offers], columns[columns >= offers]
    most = float(weight[columns] @ relaxed.x[columns])
    open_ = own[np.argsort(relaxed.regret[own], kind="stable")]
    undecided = open_[relaxed.regret[open_] <= gain + TINY]
    proven = len(undecided) + len(counts) <= COLUMNS
    if not proven:
        undecided = undecided[:COLUMNS]
    fixed = np.setdiff1d(own, undecided, assume_unique=True)
    tried = np.concatenate([np.sort(undecided), counts])
    settled = np.zeros(len(x))
    settled[fixed] = np.round(relaxed.x[fixed])
    here = made.rows[:, tried]
    rows = np.flatnonzero(np.diff(here.indptr))
    solved = milp(
        -weight[tried],
        constraints=LinearConstraint(here[rows], -np.inf, (made.limits - made.rows @ settled)[rows]),
        bounds=Bounds(0, made.upper[tried]),
        integrality=np.ones(len(tried)),
        options={"mip_rel_gap": 0.0 if proven else 1e-4, "node_limit": NODES},
    )
    already = float(weight @ settled)
    if solved.x is not None and already - solved.fun > float(weight[columns] @ x[columns]):
        x[columns] = settled[columns]
        x[tried] = np.round(solved.x)
    if proven and solved.mip_dual_bound is not None:
        return already - float(solved.mip_dual_bound)
    return most


def _booked(problem: Problem, made: _Program, order: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Takes offers in this order where they fit, by exact counts; ``counts`` says who is to have how many of a class.

    Returns whether and by whom each is taken, shapes (offers,).
    """
    take, owner = np.zeros(len(order), dtype=bool), np.full(len(order), NOBODY)
    minutes, pieces, money = problem.owner_minutes.copy(), problem.owner_pieces.copy(), problem.budgets.copy()
    limited = np.isfinite(minutes) | np.isfinite(pieces)
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
            who = _who(owners, planned[number], minutes, pieces, effort)
            if who == NOBODY:
                full[number] = True
                continue
            minutes[who] -= effort
            pieces[who] -= 1
            owner[offer] = who
        money[playbook] -= cost
        helped.add(account)
        take[offer] = True
    return take, owner


def _who(owners: np.ndarray, planned: dict[int, float], minutes: np.ndarray, pieces: np.ndarray, effort: int) -> int:
    """Who of these takes a piece: as planned if that fits, else whoever has the least room that is enough."""
    for who in planned:
        if minutes[who] >= effort and pieces[who] >= 1:
            planned[who] -= 1
            if planned[who] < 1:
                del planned[who]
            return who
    fits = owners[(minutes[owners] >= effort) & (pieces[owners] >= 1)]
    return int(fits[np.argmin(minutes[fits])]) if len(fits) else NOBODY


def _settled(problem: Problem, take: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the places of offers that can stand in for each other to the first of them: ties are stable.

    Offers of the same owners, minutes and, where there is a budget, playbook and cost take up the same. The first are
    those of the most value, then of the lower precedence and the smaller account id.
    """
    take, owner = take.copy(), owner.copy()
    budgeted = np.isfinite(problem.budgets[problem.playbook])
    keys = np.stack(
        [
            problem.circle,
            problem.minutes,
            np.where(budgeted, problem.playbook, -1),
            np.where(budgeted, problem.cost, 0),
        ]
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
