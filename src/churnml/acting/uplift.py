"""Whom acting helps most, learned from a playbook's holdout over many features, and whether to go by it.

:mod:`churnml.acting.targeting` learns one line over risk. Here the effect may depend on anything known before: a ridge
line over the features is fitted to doubly robust scores (the DR-learner: Kennedy, Towards optimal doubly robust
estimation of heterogeneous causal effects, Electronic Journal of Statistics 17(2), 2023), and any policy is judged by
the mean of such scores (AIPW: Robins, Rotnitzky and Zhao 1994; for policies Athey and Wager, Policy learning with
observational data, Econometrica 89(1), 2021). Every account is scored by what others taught, in folds. The
probabilities of the arms are those that were logged when they were drawn; none is ever estimated, so the scores are
right on average however wrong the lines are.

A line, because holdouts see tens or hundreds of outcomes, and more than a line they do not carry.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from churnml.acting.sequential import half_width, needed
from churnml.errors import TooLittleDataError
from churnml.modelling.evaluation import Figure

FOLDS = 5
LEAST_ROWS = 20  # in each arm; fewer cannot be dealt into folds within folds and still hold a line
PENALTIES = tuple(10.0**power for power in range(-1, 6))
TAIL = 0.01  # features are cut to their middle 98 %: one whale must not tilt the line

Need = Literal["outcomes", "proof"]


@dataclass(frozen=True)
class Trial:
    """Enrolments of one playbook, one entry an account.

    Args:
        account_id: texts; each once.
        features: numbers known before the arm was drawn, one row an account; missing is allowed.
        treated: the arm that was drawn.
        propensity: of ``treated`` as it was logged, strictly between 0 and 1.
        outcome: what more of is better: 1 where kept and 0 where lost, or MRR kept or won.
        event: whether what the playbook is about happened (left, or grew); the outcomes that are counted.
        value: the expected value the list goes by without uplift.

    Raises:
        TooLittleDataError: an account whose arm was not left to chance.
        ValueError: entries that do not belong together, or are no numbers.
    """

    account_id: np.ndarray
    features: pd.DataFrame
    treated: np.ndarray
    propensity: np.ndarray
    outcome: np.ndarray
    event: np.ndarray
    value: np.ndarray

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in self.__dataclass_fields__}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"a trial has as many entries of everything as accounts: {lengths}")
        if len(set(self.account_id.tolist())) != len(self.account_id):
            raise ValueError("an account is enrolled in a playbook once")
        if not np.isfinite(self.outcome).all() or not np.isfinite(self.value).all():
            raise ValueError("an outcome, or an expected value, is no number")
        drawn = (self.propensity > 0) & (self.propensity < 1)  # missing is neither
        if not drawn.all():
            raise TooLittleDataError(
                f"{int((~drawn).sum())} of {len(drawn)} accounts were certain of their arm.",
                where="the logged propensities",
                remedy="Leave out assignments of a time when the playbook's holdout was 0 or 1.",
            )


@dataclass(frozen=True)
class Crossed:
    """Every account as those of other folds see it.

    Args:
        fold: of each account.
        treated, held_out: doubly robust scores; their means are the mean outcome if everybody were treated, if nobody.
        effect: the expected gain of acting, from others' outcomes alone.
    """

    fold: np.ndarray
    treated: np.ndarray
    held_out: np.ndarray
    effect: np.ndarray


def crossed(trial: Trial, seed: int = 0) -> Crossed:
    """Cross-fits a trial; raises TooLittleDataError under ``LEAST_ROWS`` accounts in either arm.

    Folds are dealt by account id and seed, so the order of the entries changes nothing but rounding.
    """
    _enough(trial)
    matrix = trial.features.to_numpy(dtype=float)
    fold = _folds(trial, np.arange(len(trial.account_id)), FOLDS, seed)
    treated, held_out, effect = (np.empty(len(fold)) for _ in range(3))
    for number in range(FOLDS):
        here, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        treated[here], held_out[here] = _scores(trial, matrix, others, here)
        effect[here] = _learned(trial, matrix, others, seed).at(matrix[here])
    return Crossed(fold, treated, held_out, effect)


def effects(trial: Trial, features: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """The expected gain of acting on accounts of today, in the outcome's unit; shape (rows,).

    With MRR as the outcome it stands in place of probability × MRR × declared effect. A negative number says that
    acting is expected to do harm. To be used where :func:`ready` says so.

    Args:
        trial: the accounts to learn from.
        features: one row an account of today, with the trial's columns; others are passed over.
        seed: of the folds.
    """
    _enough(trial)
    matrix = trial.features.to_numpy(dtype=float)
    line = _learned(trial, matrix, np.arange(len(matrix)), seed)
    return line.at(features[list(trial.features.columns)].to_numpy(dtype=float))


def value_of(found: Crossed, policy: np.ndarray, cost: float = 0.0, alpha: float = 0.05) -> Figure:
    """The mean outcome an account if accounts had been treated by ``policy``, with its interval for one look.

    Args:
        found: the cross-fitted trial.
        policy: the probability of treating each account, from 0 to 1; of what was known before, or from other folds.
        cost: of treating an account, in the outcome's unit.
        alpha: 0.05 for an interval of 95 %.
    """
    return _figure(found.held_out + policy * (found.treated - found.held_out - cost), alpha)


def lead_of(found: Crossed, policy: np.ndarray, rival: np.ndarray, cost: float = 0.0, alpha: float = 0.05) -> Figure:
    """By how much one policy is worth more an account than another, with the interval of the difference."""
    return _figure(_ahead(found, policy, rival, cost), alpha)


@dataclass(frozen=True)
class Readiness:
    """Whether to go by learned effects.

    Args:
        is_ready: whether it was shown to be better than both rivals.
        outcomes: arm → how many outcomes it has seen.
        leads: rival → by how much going by learned effects is worth more an account, with an interval that may be
            looked at as often as one likes; empty where it could not be estimated.
        need: what is missing: outcomes, or proof; None where ready.
        more: about how many more accounts have to be enrolled until it can be told, if all goes on as it has; None
            where that cannot be foretold, because nothing happens at all or the lead is none.
    """

    is_ready: bool
    outcomes: Mapping[str, int]
    leads: Mapping[str, Figure]
    need: Need | None
    more: int | None

    @property
    def sentence(self) -> str:
        """In words."""
        if self.is_ready:
            told = ", ".join(
                f"{lead.low:+,.3g} to {lead.high:+,.3g} beyond '{name}'" for name, lead in self.leads.items()
            )
            return f"going by learned effects is worth more an account: {told}"
        more = "nobody can say how many" if self.more is None else f"about {self.more:,}"
        if self.need == "outcomes":
            seen = " and ".join(f"{count} {arm}" for arm, count in self.outcomes.items())
            return f"too few outcomes to learn from, {seen}: {more} more accounts needed"
        behind = [f"'{name}'" for name, lead in self.leads.items() if not lead.clear_above(0.0)]
        return f"not shown to be better than {' and '.join(behind)}: {more} more accounts needed"


def ready(
    trial: Trial,
    *,
    least: int = 50,
    capacity: float = 1.0,
    cost: float = 0.0,
    alpha: float = 0.05,
    expected: int = 500,
    seed: int = 0,
) -> Readiness:
    """Whether randomised data suffice to go by learned effects.

    The policy of learned effects treats those whose gain is expected to exceed ``cost``, at most ``capacity`` of them,
    the greatest first. It has to beat, off-policy, ``treat by expected value`` (as many accounts, those of the greatest
    ``value``) and ``treat all`` (as large a share of everybody as there is capacity for, chosen by chance). Intervals
    are confidence sequences (see :mod:`churnml.acting.sequential`), so asking every week switches nothing on by luck.

    Args:
        trial: the accounts so far.
        least: outcomes that either arm must have seen.
        capacity: the share of accounts that can be treated.
        cost: of treating an account, in the outcome's unit.
        alpha: the probability of ever switching on what is no better than one of the rivals.
        expected: accounts at which intervals are to be narrowest; declared before anything is seen.
        seed: of the folds.
    """
    if not 0 < capacity <= 1 or not 0 < alpha < 1:
        raise ValueError(f"capacity {capacity} and alpha {alpha} must be shares")
    seen = {
        "treated": int((trial.treated & trial.event).sum()),
        "holdout": int((~trial.treated & trial.event).sum()),
    }
    rows = min(int(trial.treated.sum()), int((~trial.treated).sum()))
    if min(seen.values()) < least or rows < LEAST_ROWS:
        return Readiness(False, seen, {}, "outcomes", _until_least(trial, seen, least))
    found = crossed(trial, seed)
    learned, by_value = _policies(found, trial, capacity, cost)
    rivals = {"treat by expected value": by_value, "treat all": np.full(len(learned), capacity)}
    leads, more = {}, 0
    hopeless = False
    for name, rival in rivals.items():
        ahead = _ahead(found, learned, rival, cost)
        variance = float(np.var(ahead, ddof=1))
        lead, wide = float(ahead.mean()), half_width(len(ahead), variance, alpha, expected)
        leads[name] = Figure(lead, lead - wide, lead + wide)
        if not leads[name].clear_above(0.0):
            hopeless |= not lead > 0
            more = max(more, needed(variance, alpha, expected, lead) - len(ahead)) if lead > 0 else more
    is_ready = all(lead.clear_above(0.0) for lead in leads.values())
    return Readiness(is_ready, seen, leads, None if is_ready else "proof", None if hopeless else max(more, 0))


def _policies(found: Crossed, trial: Trial, capacity: float, cost: float) -> tuple[np.ndarray, np.ndarray]:
    """Whom learned effects would treat, and whom the expected value would, as many of each fold."""
    learned, by_value = np.zeros(len(found.fold)), np.zeros(len(found.fold))
    for number in range(FOLDS):
        here = np.flatnonzero(found.fold == number)
        here = here[np.argsort(trial.account_id[here], kind="stable")]
        best = here[np.argsort(-found.effect[here], kind="stable")]
        best = best[: math.floor(capacity * len(here))]
        best = best[found.effect[best] > cost]
        learned[best] = 1.0
        by_value[here[np.argsort(-trial.value[here], kind="stable")][: len(best)]] = 1.0
    return learned, by_value


def _until_least(trial: Trial, seen: Mapping[str, int], least: int) -> int | None:
    """How many more accounts until either arm has seen ``least`` outcomes, at the rates so far."""
    rate = float(trial.event.mean()) if len(trial.event) else 0.0
    share = float(trial.propensity.mean()) if len(trial.event) else 0.0
    if not rate:
        return None
    per_account = {"treated": rate * share, "holdout": rate * (1 - share)}
    return max(math.ceil((least - count) / per_account[arm]) for arm, count in seen.items())


def _ahead(found: Crossed, policy: np.ndarray, rival: np.ndarray, cost: float) -> np.ndarray:
    return np.asarray((policy - rival) * (found.treated - found.held_out - cost))


def _figure(scores: np.ndarray, alpha: float) -> Figure:
    value = float(scores.mean())
    wide = float(stats.norm.ppf(1 - alpha / 2)) * float(scores.std(ddof=1)) / math.sqrt(len(scores))
    return Figure(value, value - wide, value + wide)


def _enough(trial: Trial) -> None:
    treated = int(trial.treated.sum())
    if min(treated, len(trial.treated) - treated) < LEAST_ROWS:
        raise TooLittleDataError(
            f"{treated} treated and {len(trial.treated) - treated} held-out accounts are too few to learn from.",
            where="the assignments with an outcome",
            remedy=f"Wait until either arm has {LEAST_ROWS}.",
        )


def _folds(trial: Trial, rows: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """A fold for each of these rows, as many of either arm in each as can be; by account id and seed alone."""
    fold = np.empty(len(rows), dtype=int)
    draw = np.random.default_rng(seed)
    for arm in (True, False):
        of_arm = np.flatnonzero(trial.treated[rows] == arm)
        of_arm = of_arm[np.argsort(trial.account_id[rows][of_arm], kind="stable")]
        fold[draw.permutation(of_arm)] = np.arange(len(of_arm)) % folds
    return fold


@dataclass(frozen=True)
class _Line:
    """A ridge line over features that are cut to ``low`` and ``high`` and, where missing, ``usual``."""

    low: np.ndarray
    high: np.ndarray
    usual: np.ndarray
    scale: np.ndarray
    slope: np.ndarray
    intercept: float

    def at(self, matrix: np.ndarray) -> np.ndarray:
        cut = np.where(np.isnan(matrix), self.usual, np.clip(matrix, self.low, self.high))
        return np.asarray((cut - self.usual) / self.scale @ self.slope + self.intercept)


def _line(matrix: np.ndarray, target: np.ndarray) -> _Line:
    """Fits it; the penalty is chosen by generalised cross-validation (Golub, Heath and Wahba, Technometrics 21, 1979).

    By hand, because readiness takes dozens of these small fits and scikit-learn's checks take ten times the algebra's.
    """
    known = np.where(np.isnan(matrix).all(axis=0), 0.0, matrix)  # a column of which nothing is known says nothing
    low, usual, high = np.nanquantile(known, (TAIL, 0.5, 1 - TAIL), axis=0)
    cut = np.where(np.isnan(known), usual, np.clip(known, low, high))
    scale = cut.std(axis=0)
    scale[scale == 0] = 1.0
    given = (cut - usual) / scale
    centre, mean = given.mean(axis=0), float(target.mean())
    left, size, right = np.linalg.svd(given - centre, full_matrices=False)
    along = left.T @ (target - mean)
    kept = size**2 / (size**2 + np.array(PENALTIES)[:, None])  # of each direction, by penalty
    unexplained = np.square(target - mean - (kept * along) @ left.T).sum(axis=1)
    best = int(np.argmin(unexplained / np.square(len(target) - 1 - kept.sum(axis=1))))
    slope = right.T @ (size / (size**2 + PENALTIES[best]) * along)
    return _Line(low, high, usual, scale, slope, mean - float(centre @ slope))


def _scores(trial: Trial, matrix: np.ndarray, learn: np.ndarray, here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Doubly robust scores of the rows ``here``, with a line for each arm from the rows ``learn``."""
    treated = trial.treated[learn]
    outcome, drawn, share = trial.outcome[here], trial.treated[here], trial.propensity[here]
    with_it = _line(matrix[learn[treated]], trial.outcome[learn[treated]]).at(matrix[here])
    without = _line(matrix[learn[~treated]], trial.outcome[learn[~treated]]).at(matrix[here])
    return (
        with_it + drawn / share * (outcome - with_it),
        without + ~drawn / (1 - share) * (outcome - without),
    )


def _learned(trial: Trial, matrix: np.ndarray, rows: np.ndarray, seed: int) -> _Line:
    """The line of the effect, from the scores of these rows alone; they are cross-fitted among themselves."""
    half = _folds(trial, rows, 2, seed)
    gain = np.empty(len(rows))
    for number in (0, 1):
        here, others = half == number, half != number
        with_it, without = _scores(trial, matrix, rows[others], rows[here])
        gain[here] = with_it - without
    return _line(matrix[rows], gain)
