"""Figures of an order: who stands above whom, and what the top of the list catches.

Every measure takes weights of shape (resamples, rows), how often each row was drawn, and gives each of its
figures, shape (resamples,). Equal probabilities count as if their order were drawn by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

Measure = Callable[[np.ndarray], dict[str, np.ndarray]]
# of the profit, as a sum over a few accounts drawn by chance: no figure, but its interval needs it
PROFIT_VARIANCE = "profit_variance"


@dataclass(frozen=True)
class Stakes:
    """What a list is good for: how much of it the team can work off, and what that is worth.

    Args:
        share: of the judged accounts that can be contacted, above 0 and at most 1.
        mrr: of each row, shape (rows,); missing counts as nothing.
        contact_cost: of one contact, in the currency of ``mrr``.
        kept: what of an account's MRR a contact keeps (or wins), over all months, if the outcome was coming.
    """

    share: float
    mrr: np.ndarray
    contact_cost: float
    kept: float


@dataclass(frozen=True)
class _Order:
    """Rows by falling probability: ``run`` of each, and where each run of equal probabilities starts and ends."""

    rows: np.ndarray
    run: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def _ordered(p: np.ndarray) -> _Order:
    rows = np.argsort(-p, kind="stable")
    is_end = np.r_[np.diff(p[rows]) != 0, True]
    ends = np.flatnonzero(is_end)
    starts = np.r_[0, ends[:-1] + 1]
    return _Order(rows, np.cumsum(np.r_[0, is_end[:-1]]), starts, ends)


def order_measure(p: np.ndarray, y: np.ndarray, stakes: Stakes | None = None) -> Measure:
    """ROC AUC, average precision and, with ``stakes``, what the top of the list catches.

    Args:
        p: probabilities, shape (rows,).
        y: outcomes 0 or 1, shape (rows,).
        stakes: the team's capacity and what it is worth.
    """
    order = _ordered(p)
    hits = np.flatnonzero(y[order.rows] == 1)
    runs, first = np.unique(order.run[hits], return_index=True)

    def measured(w: np.ndarray) -> dict[str, np.ndarray]:
        drawn = w.take(order.rows, axis=1)
        upto = np.c_[np.zeros((len(w), 1)), np.cumsum(drawn, axis=1)]
        hit = drawn[:, hits]
        figures = {"roc_auc": np.full(len(w), np.nan), "average_precision": np.full(len(w), np.nan)}
        if len(hits):
            positives = np.add.reduceat(hit, first, axis=1)
            figures = _areas(positives, upto[:, order.starts[runs]], upto[:, order.ends[runs] + 1], upto[:, -1:])
        return figures if stakes is None else figures | _at_capacity(order, hits, hit, upto, stakes)

    return measured


def _areas(positives: np.ndarray, above: np.ndarray, upto: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    """From the runs that hold positives: their weight, and the weight of all rows above and up to each run's end."""
    caught = np.cumsum(positives, axis=1)
    whole = caught[:, -1:]
    negatives_upto = upto - caught
    tied = negatives_upto - (above - (caught - positives))
    with np.errstate(invalid="ignore", divide="ignore"):
        below = n - whole - negatives_upto
        auc = (positives * (below + tied / 2)).sum(axis=1) / (whole * (n - whole))[:, 0]
        precision = np.where(upto > 0, caught / upto, 0.0)
        return {"roc_auc": auc, "average_precision": (precision * positives / whole).sum(axis=1)}


def _at_capacity(
    order: _Order, hits: np.ndarray, hit: np.ndarray, upto: np.ndarray, stakes: Stakes
) -> dict[str, np.ndarray]:
    """What the first ``stakes.share`` of the list holds; of the run it ends in, the same share of everybody."""
    contacted = stakes.share * upto[:, -1]
    last = np.array([np.searchsorted(row, k) for row, k in zip(upto[:, 1:], contacted, strict=True)])
    run = order.run[last.clip(max=len(order.run) - 1)]
    resample = np.arange(len(upto))
    before, after = upto[resample, order.starts[run]], upto[resample, order.ends[run] + 1]
    part = ((contacted - before) / (after - before)).clip(0, 1)
    hits_before, hits_after = np.searchsorted(hits, order.starts[run]), np.searchsorted(hits, order.ends[run] + 1)

    def caught_and_all(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        reached = np.c_[np.zeros((len(hit), 1)), np.cumsum(hit * value, axis=1)]
        low, high = reached[resample, hits_before], reached[resample, hits_after]
        return low + part * (high - low), reached[:, -1]

    caught, positives = caught_and_all(np.ones(len(hits)))
    money = np.nan_to_num(stakes.mrr[order.rows][hits])
    mrr, all_mrr = caught_and_all(money)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = caught / contacted
        return {
            "precision_at_capacity": precision,
            "lift_at_capacity": precision / (positives / upto[:, -1]),
            "caught_at_capacity": caught / positives,
            "mrr_caught_at_capacity": mrr / all_mrr,
            # where nobody is known to pay, there is no profit to speak of
            "profit_at_capacity": np.where(
                np.nansum(stakes.mrr) > 0, stakes.kept * mrr - stakes.contact_cost * contacted, np.nan
            ),
            PROFIT_VARIANCE: stakes.kept**2 * caught_and_all(money**2)[0],
        }


def gains(predictions: Mapping[str, np.ndarray], y: np.ndarray, points: int = 50) -> pd.DataFrame:
    """Share of positives among the riskiest share of accounts: ``who, contacted, caught``.

    Equal probabilities count as if drawn by chance, so the base rate lies on the diagonal.
    """
    curves = []
    shares = np.linspace(0, 1, points + 1)
    for who, p in predictions.items():
        order = _ordered(np.asarray(p, dtype="float64"))
        reached = np.r_[0.0, (order.ends + 1) / len(y)]
        caught = np.r_[0.0, np.cumsum(y[order.rows])[order.ends] / max(y.sum(), 1)]
        curves.append(pd.DataFrame({"who": who, "contacted": shares, "caught": np.interp(shares, reached, caught)}))
    return pd.concat(curves, ignore_index=True)
