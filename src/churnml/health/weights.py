"""Weights proposed from past renewals, beside the hand-set ones. Nothing here is applied by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from churnml.errors import TooLittleDataError
from churnml.specs.health import HealthSpec

# Of the rarer outcome, for each weight: with fewer, fitted weights are unstable (Peduzzi et al., Journal of Clinical
# Epidemiology 49, 1996).
ACCOUNTS_A_WEIGHT = 10
# Pulls all weights towards nothing: as if it had been seen once. It also keeps them finite where outcomes are parted.
RIDGE = 1.0
RESAMPLES = 200
FOLDS = 5


@dataclass(frozen=True)
class ProposedWeight:
    """One dimension's weight, hand-set and as the past would have it.

    Args:
        dimension: its name.
        declared: the hand-set weight.
        proposed: fitted, on the same sum as the hand-set ones; never negative.
        low, high: 95 % of the resamples, of whole accounts, lie between.
        agrees: whether the hand-set weight lies in that interval.
    """

    dimension: str
    declared: float
    proposed: float
    low: float
    high: float
    agrees: bool


@dataclass(frozen=True)
class WeightProposal:
    """Weights from the past, and what can be said for them.

    Args:
        weights: in declared order.
        left, stayed: accounts of each outcome.
        enough: whether there are enough of either to take the figures seriously.
        auc_declared, auc_proposed: how often who left was scored below who stayed, with the hand-set weights and with
            ones fitted without the accounts they are judged on; 0.5 is chance.
        sentence: what a person should read before touching a weight.
    """

    weights: tuple[ProposedWeight, ...]
    left: int
    stayed: int
    enough: bool
    auc_declared: float
    auc_proposed: float
    sentence: str


def propose_weights(spec: HealthSpec, rows: pd.DataFrame, seed: int = 0, resamples: int = RESAMPLES) -> WeightProposal:
    """Fits weights, none of them negative, by which the dimensions tell who left.

    Args:
        spec: the hand-set weights.
        rows: ``account_id, as_of, label`` (1 left, 0 stayed), and a column of scores (0 to 100, missing allowed: the
            mean of the column stands in) for each dimension that is to be weighed; one row an account and past cutoff.
            ``risk`` belongs among them only where its model had not seen these rows.
        seed: of the resamples.
        resamples: how many.

    Raises:
        TooLittleDataError: fewer than two dimensions are known, or all accounts came out alike.
    """
    names = [name for name in spec.weights if name in rows.columns and rows[name].notna().any()]
    rows = rows[rows["label"].notna()].sort_values(["account_id", "as_of"], ignore_index=True)
    account, number = np.unique(rows["account_id"].astype(str), return_inverse=True)
    left = np.zeros(len(account), dtype=bool)
    np.logical_or.at(left, number, rows["label"].to_numpy() == 1)
    if len(names) < 2 or left.all() or not left.any():
        raise TooLittleDataError(
            "No weights can be proposed: "
            + ("fewer than two dimensions are known." if len(names) < 2 else "all accounts came out alike."),
            remedy="Give more past cutoffs, or keep the hand-set weights.",
        )
    scores = rows[names].fillna(rows[names].mean()).to_numpy(dtype="float64")
    kept = 1.0 - rows["label"].to_numpy(dtype="float64")
    declared = np.array([spec.weights[name] for name in names])
    fitted = _fitted(scores, kept, np.ones(len(kept)))
    proposed = _scaled(fitted, declared)
    rng = np.random.default_rng(seed)
    drawn = np.stack(
        [
            _scaled(_fitted(scores, kept, rng.poisson(1.0, len(account))[number].astype(float), fitted), declared)
            for _ in range(resamples)
        ]
    )
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    fewer, wanted = min(int(left.sum()), int((~left).sum())), ACCOUNTS_A_WEIGHT * len(names)
    enough = fewer >= wanted
    by_hand = auc(scores @ declared, kept)
    by_past = auc(_unseen(scores, kept, number, rng), kept)
    weights = tuple(
        ProposedWeight(name, float(d), round(float(p), 2), round(float(a), 2), round(float(b), 2), bool(a <= d <= b))
        for name, d, p, a, b in zip(names, declared, proposed, low, high, strict=True)
    )
    return WeightProposal(
        weights=weights,
        left=int(left.sum()),
        stayed=int((~left).sum()),
        enough=enough,
        auc_declared=round(by_hand, 4),
        auc_proposed=round(by_past, 4),
        sentence=_sentence(enough, int(left.sum()), len(account), wanted, weights, by_hand, by_past),
    )


def _fitted(scores: np.ndarray, kept: np.ndarray, times: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Coefficients of a logistic regression on scores in tens of points, none negative; shape (dimensions,).

    Args:
        scores: shape (rows, dimensions).
        kept: 1 stayed.
        times: how often each row counts.
        start: where to begin.
    """
    x = (scores - scores.mean(axis=0)) / 10.0

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ theta[1:] + theta[0]
        value = float(np.sum(times * (np.logaddexp(0.0, z) - kept * z)) + RIDGE / 2 * (theta[1:] @ theta[1:]))
        off = times * (expit(z) - kept)
        return value, np.concatenate([[off.sum()], off @ x + RIDGE * theta[1:]])

    first = np.zeros(scores.shape[1]) if start is None else start
    share = np.clip((times @ kept + 0.5) / (times.sum() + 1.0), 1e-6, 1 - 1e-6)
    bounds = [(None, None), *[(0.0, None)] * scores.shape[1]]
    fitted = minimize(loss, np.concatenate([[np.log(share / (1 - share))], first]), jac=True, bounds=bounds)
    return np.asarray(fitted.x[1:])


def _scaled(weights: np.ndarray, declared: np.ndarray) -> np.ndarray:
    """On the sum of the hand-set ones; all the same where nothing tells who left."""
    total = weights.sum()
    shares = weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
    return np.asarray(shares * declared.sum())


def _unseen(scores: np.ndarray, kept: np.ndarray, number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What weights say that were fitted without the account; on one sum, so that folds compare."""
    fold = rng.permutation(np.arange(number.max() + 1) % FOLDS)[number]
    unseen = np.empty(len(kept))
    for held_out in range(FOLDS):
        others = fold != held_out
        if others.any():
            weights = _scaled(_fitted(scores[others], kept[others], np.ones(others.sum())), np.ones(scores.shape[1]))
            unseen[~others] = scores[~others] @ weights
    return unseen


def auc(score: np.ndarray, kept: np.ndarray) -> float:
    """How often who stayed has the higher score than who left, ties counting half (Mann and Whitney, 1947)."""
    rank = pd.Series(score).rank().to_numpy()
    stayed = float(kept.sum())
    return float((rank[kept == 1].sum() - stayed * (stayed + 1) / 2) / (stayed * (len(kept) - stayed)))


def _sentence(
    enough: bool,
    left: int,
    accounts: int,
    wanted: int,
    weights: Sequence[ProposedWeight],
    by_hand: float,
    by_past: float,
) -> str:
    of = f"{left} of {accounts} accounts left."
    if not enough:
        return f"Too few to go by: {of} At least {wanted} of either outcome are wanted for {len(weights)} weights."
    apart = [weight.dimension for weight in weights if not weight.agrees]
    verdict = (
        f"The past contradicts the hand-set weight of {', '.join(apart)}."
        if apart
        else "The past contradicts no hand-set weight."
    )
    better = (
        f"Ordering by the proposed weights would have been right in {by_past:.1%} of pairs, by hand in {by_hand:.1%}."
    )
    return f"{of} {verdict} {better}"
