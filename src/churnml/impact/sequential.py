"""Intervals that may be looked at as often as one likes.

An interval of 95 % made for one look fails far oftener than one time in twenty when it is read every week and acted on
the first time it excludes nothing. A *confidence sequence* is made so that the whole sequence holds the truth, at
every look at once, with the declared probability. These are the asymptotic confidence sequences of Waudby-Smith,
Arbour, Sinha, Kennedy and Ramdas (Time-uniform central limit theory and asymptotic confidence sequences, Annals of
Statistics 52(6), 2024, theorem 2.2 and the choice of rho in appendix B.2).

What they are made of is randomisation alone: the score of an account is its outcome's distance from a guess made before
its arm was looked at, weighted by one over the probability of the arm it got. Whatever the guess, the score's mean
over the draw is the effect on that account (inverse-propensity weighting; with the guess, the augmented form, Robins,
Rotnitzky and Zhao, 1994). So nothing is assumed about the accounts, nor that effects are alike or stay alike: the
interval is about the mean effect on those enrolled so far.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import special, stats

# What the guess starts from counts as so many accounts, the slope's as a twentieth of it: risks differ by tenths.
_PRIOR = 20.0
_PRIOR_SLOPE = 1.0


@dataclass(frozen=True)
class EffectScores:
    """One entry an account, in the order of enrolment.

    Args:
        effect: an unbiased word on the effect on the account.
        plain: what ``effect`` would vary by if the treatment did nothing: its square's expectation then.
    """

    effect: np.ndarray
    plain: np.ndarray

    def weighted(self, weights: np.ndarray) -> EffectScores:
        """The same of an outcome that is ``weights`` times this one; weights are of before the enrolment."""
        return EffectScores(self.effect * weights, self.plain * weights**2)

    @property
    def variance(self) -> float:
        """The larger of the variance seen and the one that would hold without an effect.

        Where few are held out and outcomes are rare, the smaller arm has often seen none or too few of them, and the
        variance seen is far too small just when the estimate is far off; both arms together know better. Without this
        the sequence is wrong in up to an eighth of the years of ``benchmarks/impact_coverage.py``, where a tenth is
        held out.
        """
        return float(max(np.var(self.effect, ddof=1), np.mean(self.plain)))


def scores(
    outcome: np.ndarray,
    treated: np.ndarray,
    propensity: np.ndarray,
    risk: np.ndarray,
    batch: np.ndarray,
    start: tuple[float, float] = (0.0, 0.0),
) -> EffectScores:
    """The scores of accounts in the order of their enrolment.

    Args:
        outcome: what came of each.
        treated: whether it was in that arm.
        propensity: of ``treated``, strictly between 0 and 1.
        risk: what was known of it before (a churn probability); missing is taken as the mean of the others.
        batch: which accounts were enrolled together, never falling. The guess for a batch rests on the outcomes of
            earlier ones only; were an account's own outcome in its guess, its score would be biased towards nothing.
        start: intercept and slope over risk that the guess starts from.

    The guess is one ridge-shrunk line over risk for both arms. With weights (1 − p) / p for treated and p / (1 − p) for
    held out it aims at (1 − p) × the treated's mean + p × the held-outs', which makes the score the same as with a
    line an arm (the "tyranny of the minority" regression of Lin, Annals of Applied Statistics 7(1), 2013).
    """
    risk = np.where(np.isnan(risk), np.nanmean(risk) if np.isfinite(risk).any() else 0.0, risk)
    lines = np.column_stack([np.ones(len(risk)), risk])
    weights = np.where(treated, (1 - propensity) / propensity, propensity / (1 - propensity))
    seen = np.diag([_PRIOR, _PRIOR_SLOPE])
    summed = seen @ np.asarray(start, float)
    guess = np.empty(len(outcome))
    for first, last in pairwise(bounds_of(batch)):
        here = lines[first:last]
        guess[first:last] = here @ np.linalg.solve(seen, summed)
        heavy = here * weights[first:last, None]
        seen, summed = seen + heavy.T @ here, summed + heavy.T @ outcome[first:last]
    off = outcome - guess
    spread = propensity * (1 - propensity)
    return EffectScores(off * (treated - propensity) / spread, off**2 / spread)


def bounds_of(batch: np.ndarray) -> list[int]:
    """Where each batch begins, and where the last one ends."""
    return [0, *(np.flatnonzero(batch[1:] != batch[:-1]) + 1).tolist(), len(batch)] if len(batch) else [0]


def half_width(n: int, variance: float, alpha: float, expected: int) -> float:
    """Half the width of the confidence sequence after ``n`` accounts.

    Args:
        n: how many scores, at least 1.
        variance: of a score.
        alpha: the probability that the sequence ever excludes the truth.
        expected: where it is narrowest for its kind. Declared before anything is seen; a tenth of it costs a
            quarter of the width, ten times it a tenth.
    """
    tuned = n * rho_squared(alpha, expected)
    return math.sqrt(variance * 2 * (tuned + 1) / (n * tuned) * math.log(math.sqrt(tuned + 1) / alpha))


def rho_squared(alpha: float, expected: int) -> float:
    """The square of the sequence's one setting, for it to be narrowest around ``expected`` accounts."""
    log = -2 * math.log(alpha)
    return (log + math.log(log + 1)) / expected


def once_half_width(n: int, variance: float, alpha: float) -> float:
    """The same for whoever looks once, at an ``n`` fixed beforehand: the usual normal interval."""
    return float(stats.norm.ppf(1 - alpha / 2)) * math.sqrt(variance / n)


def needed(variance: float, alpha: float, expected: int, smallest: float, power: float = 0.8) -> int:
    """How many accounts until an effect of ``smallest`` is found with probability ``power``.

    The first n at which the interval's half width, with the estimate's own spread at that power, is no more than it.
    """
    slack = float(stats.norm.ppf(power))

    def finds(n: int) -> bool:
        return half_width(n, variance, alpha, expected) + slack * math.sqrt(variance / n) <= smallest

    return first_that(finds)


def decided(variance: float, alpha: float, expected: int, smallest: float) -> int:
    """How many accounts until the interval cannot hold both no effect and one of ``smallest``."""
    return first_that(lambda n: 2 * half_width(n, variance, alpha, expected) <= smallest)


def first_that(holds: Callable[[int], bool], most: int = 10**9) -> int:
    """The smallest whole number from 1 on for which ``holds``, which once true stays true; at most ``most``."""
    low, high = 0, 1
    while high < most and not holds(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return min(high, most)


def mismatch(treated: Sequence[int], held_out: Sequence[int], propensity: Sequence[float]) -> float:
    """The evidence that arms were not drawn with their propensities: an e-value, valid however often one looks.

    Were all as it should be, it would ever reach 1000 with probability 1 / 1000 at most. One entry of each argument
    for each propensity in use: how many treated and held out were drawn with it. The mixture likelihood ratio of
    Lindon and Malek (Anytime-valid inference for multinomial count data, NeurIPS 2022), its prior worth ten accounts.
    """
    log = 0.0
    for ones, noughts, share in zip(treated, held_out, propensity, strict=True):
        a, b = 10 * share, 10 * (1 - share)
        log += special.betaln(a + ones, b + noughts) - special.betaln(a, b)
        log -= ones * math.log(share) + noughts * math.log1p(-share)
    return math.exp(min(log, 700.0))
