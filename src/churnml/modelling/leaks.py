"""Features that give the outcome away: what is filled in, or dated back, once the account has left.

An honest feature makes an outcome likelier; it hardly ever settles it. So a feature is named when it alone orders
accounts almost perfectly, or when there are values of it with which almost every account turns out positive. Both
are looked at twice: on the rows as they train, and on each account's first row against all that later became of
it, where even a good honest feature says little, but a field of today's state says all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.features import Feature
from churnml.modelling.evaluation import Evaluation, interval, resampled_weights
from churnml.modelling.ranking import order_measure
from churnml.modelling.record import Leak
from churnml.modelling.reliability import wilson

# The whole 95 % interval of a single feature's ROC AUC lies above this. The best honest single feature of the demo,
# oulad and ravenstack reaches 0.75 on the rows, and 0.70 on first rows.
TOO_GOOD = 0.95
TOO_GOOD_AT_FIRST = 0.90
# Of the accounts with such a value at least so many turn out positive, by the lower end of Wilson's interval: 16 of
# 16 or 24 of 25. The purest honest value of the three reaches 0.31 on the rows, and 0.56 on first rows.
PURE = 0.80
# Where so many of all turn out positive, a pure group is no wonder.
COMMON = 0.50
LEAST_POSITIVES = 10
BOOTSTRAPS = 200
MOST_ROWS = 50_000  # more show no more
# A model whose whole interval lies above this, most of it owed to one family and little of it to recency, knows
# something that nobody can have told it in time.
IMPLAUSIBLE = 0.95
ONE_FAMILY = 0.6
EXPLAINED_BY_RECENCY = 0.9


def giveaways(
    features: Sequence[Feature], train: pd.DataFrame, mature: pd.DataFrame, *, lapse: bool = False
) -> tuple[Leak, ...]:
    """The features that give the outcome away, each once.

    Args:
        features: what the model sees.
        train: labelled rows that train: account_id, as_of, label and a column a feature.
        mature: all labelled rows, so that an account's first row can be held against all that became of it.
        lapse: the outcome is that nothing is used; then not having been used for long may honestly settle it.
    """
    train = _some(train)
    outcome = mature.groupby("account_id")["label"].max()
    first = mature.sort_values("as_of", kind="stable").drop_duplicates("account_id")
    first = _some(first.assign(label=first["account_id"].map(outcome)))
    leaks = []
    for feature in features:
        why = _at_first(feature, first) or _on_rows(feature, train, lapse=lapse)
        if why:
            leaks.append(Leak(feature=feature.name, sentence=f"'{feature.name}' gives the outcome away: {why}"))
    return tuple(leaks)


def _some(rows: pd.DataFrame) -> pd.DataFrame:
    return rows if len(rows) <= MOST_ROWS else rows.sample(MOST_ROWS, random_state=0)


def _at_first(feature: Feature, first: pd.DataFrame) -> str | None:
    how = _evidence(feature, first, TOO_GOOD_AT_FIRST)
    return how and f"already at an account's first cutoff {how}; it may hold today's state, written afterwards"


def _on_rows(feature: Feature, train: pd.DataFrame, *, lapse: bool) -> str | None:
    how = _evidence(feature, train, TOO_GOOD, pure=not lapse)
    return how and f"{how}; it may be written, or dated back, once the outcome is known"


def _evidence(feature: Feature, rows: pd.DataFrame, too_good: float, *, pure: bool = True) -> str | None:
    """How the feature alone tells the outcome of ``rows``; None where it does not."""
    y = rows["label"].to_numpy(dtype="float64")
    account = pd.factorize(rows["account_id"])[0]
    if y.sum() < LEAST_POSITIVES or y.sum() > len(y) - LEAST_POSITIVES:
        return None
    names = rows[feature.name].astype("object").to_numpy() if feature.is_category else None
    x = rows[feature.name].to_numpy(dtype="float64") if names is None else _by_rate(names, y, account)
    if np.isnan(x).all():
        return None
    tails = _Tails.of(x, y)
    least = _least_auc(tails, account, y, too_good)
    if least:
        return f"it alone orders accounts almost perfectly (ROC AUC at least {least:.2f})"
    if not pure or y.mean() > COMMON:
        return None
    purest = _purest_tail(tails, account) if names is None else _purest_name(names, y, account)
    if purest is None:
        return None
    values, size, share = purest
    return f"of the {size:,} rows where it is {values} {share:.0%} turn out positive, of all {y.mean():.1%}"


@dataclass(frozen=True)
class _Tails:
    """Rows by rising value, what is empty first.

    Args:
        values: shape (rows,), sorted.
        empty: how many of them are empty.
        order: which rows they are.
        label: their outcomes.
        ends: how many rows there are up to the end of each run of equal values.
    """

    values: np.ndarray
    empty: int
    order: np.ndarray
    label: np.ndarray
    ends: np.ndarray

    @staticmethod
    def of(x: np.ndarray, y: np.ndarray) -> _Tails:
        empty = np.isnan(x)
        filled = np.where(empty, np.min(x[~empty]) - 1.0, x)
        order = np.argsort(filled, kind="stable")
        values = filled[order]
        ends = np.flatnonzero(np.r_[np.diff(values) != 0, True]) + 1
        return _Tails(values, int(empty.sum()), order, y[order], ends)

    def auc(self) -> float:
        """ROC AUC of the value, ties counting half."""
        positives = np.cumsum(self.label)[self.ends - 1]
        negatives = self.ends - positives
        below = np.r_[0.0, negatives[:-1]]
        won = np.diff(np.r_[0.0, positives]) * (below + negatives) / 2
        return float(won.sum() / (positives[-1] * negatives[-1]))


def _least_auc(tails: _Tails, account: np.ndarray, y: np.ndarray, too_good: float) -> float | None:
    """The lower end of the 95 % interval of the ROC AUC, whichever way it points, where it is too good."""
    auc = tails.auc()
    if max(auc, 1 - auc) < too_good:
        return None
    x = np.empty(len(y))
    x[tails.order] = tails.values
    measured = order_measure(x, y)
    samples = np.concatenate([measured(w)["roc_auc"] for w in resampled_weights(account, 0, BOOTSTRAPS)])
    figure = interval(max(auc, 1 - auc), samples if auc > 0.5 else 1 - samples)
    return figure.low if figure.clear_above(too_good) else None


def _by_rate(names: np.ndarray, y: np.ndarray, account: np.ndarray) -> np.ndarray:
    """Each name as the share of positives it has among the other half of the accounts: its own rows tell nothing."""
    code, half = pd.factorize(names, use_na_sentinel=False)[0], account % 2
    rates = np.empty(len(y))
    for this in (0, 1):
        other = half != this
        count = np.bincount(code[other], minlength=code.max() + 1)
        positive = np.bincount(code[other], weights=y[other], minlength=code.max() + 1)
        usual = y[other].mean() if other.any() else 0.0
        rates[~other] = np.divide(positive, count, out=np.full(len(count), usual), where=count > 0)[code[~other]]
    return rates


def _too_pure(rows: np.ndarray, positives: np.ndarray, accounts: np.ndarray) -> int | None:
    """Which group is the purest, where it is too pure; None where none is.

    Rows of one account say the same thing again, so rows are taken for as many as their positive accounts are.

    Args:
        rows, positives: of each group.
        accounts: how many accounts the positives are of.
    """
    alike = np.divide(accounts, positives, out=np.ones(len(rows)), where=positives > 0)
    low, _ = wilson(positives / rows, rows * alike)
    low = np.where(accounts >= LEAST_POSITIVES, low, 0.0)
    best = int(np.argmax(low))
    return best if low[best] >= PURE else None


def _purest_name(names: np.ndarray, y: np.ndarray, account: np.ndarray) -> tuple[str, int, float] | None:
    """The name, or being empty or filled, with which almost all rows are positive: words, rows, share."""
    code, known = pd.factorize(names, use_na_sentinel=True)
    code = np.where(code < 0, len(known), code)
    rows = np.bincount(code, minlength=len(known) + 1)
    positives = np.bincount(code, weights=y, minlength=len(known) + 1)
    pairs = np.unique(np.c_[code, account][y == 1], axis=0)
    accounts = np.bincount(pairs[:, 0], minlength=len(known) + 1)
    filled = np.unique(account[(y == 1) & (code < len(known))]).size
    rows, positives = np.r_[rows, rows[:-1].sum()], np.r_[positives, positives[:-1].sum()]
    words = [*(f"'{name}'" for name in known), "empty", "filled"]
    there = np.flatnonzero(rows)
    best = _too_pure(rows[there], positives[there], np.r_[accounts, filled][there])
    return None if best is None else _group(words[there[best]], rows[there[best]], positives[there[best]])


def _purest_tail(tails: _Tails, account: np.ndarray) -> tuple[str, int, float] | None:
    """The values from one on, upwards or downwards, with which almost all rows are positive: words, rows, share."""
    n = len(tails.order)
    for falling in (True, False):
        order = tails.order[::-1] if falling else tails.order
        label = tails.label[::-1] if falling else tails.label
        rows = np.r_[n - tails.ends[:-1][::-1], n] if falling else tails.ends
        hits = np.flatnonzero(label)
        newly = np.zeros(n)
        newly[hits[np.unique(account[order[hits]], return_index=True)[1]]] = 1.0
        positives, accounts = np.cumsum(label)[rows - 1], np.cumsum(newly)[rows - 1]
        best = _too_pure(rows, positives, accounts)
        if best is not None:
            return _group(_tail_in_words(tails, int(rows[best]), falling=falling), rows[best], positives[best])
    return None


def _tail_in_words(tails: _Tails, rows: int, *, falling: bool) -> str:
    if falling:
        filled = tails.empty and rows == len(tails.order) - tails.empty
        return "filled" if filled else f"{tails.values[len(tails.order) - rows]:g} or more"
    if rows == tails.empty:
        return "empty"
    return f"{tails.values[rows - 1]:g} or less" + (", or empty" if tails.empty else "")


def _group(words: str, rows: float, positives: float) -> tuple[str, int, float]:
    return words, int(rows), float(positives / rows)


# ---------------------------------------------------------------- the model as a whole


def too_good(evaluation: Evaluation, importance: Mapping[str, float], strongest: Mapping[str, str]) -> str | None:
    """That the model is better than anything could honestly be, and owes it to one family; None where it is not.

    Args:
        evaluation: the judged figures.
        importance: feature family → mean absolute contribution to the log-odds.
        strongest: family → its feature with the largest contributions.
    """
    auc = evaluation.figures["model"]["roc_auc"]
    recency = evaluation.figures.get("recency", {}).get("roc_auc")
    whole = sum(importance.values())
    if not auc.clear_above(IMPLAUSIBLE) or not whole:
        return None
    first = max(importance, key=lambda family: importance[family])
    share = importance[first] / whole
    if share < ONE_FAMILY or (recency and recency.value > EXPLAINED_BY_RECENCY):
        return None
    return (
        f"too good to be true: ROC AUC {auc.value:.3f} at least {auc.low:.3f}, {share:.0%} of it "
        f"owed to {first}, '{strongest[first]}' above all; it may be known only afterwards"
    )
