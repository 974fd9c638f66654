"""Whom a playbook helps most, learned from its own holdout, and switched on only when that is shown to be better.

Until there is proof the list is ordered by what is at stake, probability × MRR × the declared effect: the same share of
every stake. Accounts whose risk is greatest need not be those that can be helped most. So from the scores of
enrolments past (see :mod:`churnml.impact.sequential`; their mean over the draw is the effect on the account) a line is
fitted: share of its own MRR kept, over risk. Each date's accounts are then ordered both ways, and with room for half of
them the two orders choose differently. What that would have been worth is read from the same scores without having been
done: an account that the first chooses and the second does not adds its score in money, the reverse takes it away
(off-policy evaluation by inverse propensity; Dudík, Langford and Li, Doubly robust policy evaluation and learning,
ICML 2011). A line meets only accounts enrolled after all those it was fitted on, so no account judges what it taught.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from churnml.impact.sequential import EffectScores, bounds_of, half_width

# How far the line is believed to lie from the declared effect, before anything is seen: in shares of MRR, and in
# shares of MRR for a risk of 1.
_BELIEVED = (0.05, 0.3)


@dataclass(frozen=True)
class Enrolments:
    """Enrolments of one playbook in their order, with known outcome, risk and MRR: one entry an account.

    Args:
        kept: scores of the share of its own MRR that was kept.
        risk, mrr: known before.
        batch: which were enrolled on one date, never falling.
        treated: the arm.
    """

    kept: EffectScores
    risk: np.ndarray
    mrr: np.ndarray
    batch: np.ndarray
    treated: np.ndarray


@dataclass(frozen=True)
class Targeting:
    """Whether to order a playbook's accounts by measured instead of declared effect.

    Args:
        is_on: whether that was shown to keep more.
        declared: the share of what is at stake that acting is declared to keep.
        measured: that share as measured, with its confidence sequence; None where not yet estimable.
        gain: MRR an account and month that ordering by the line would have kept beyond ordering by what is at stake,
            with room for half of the accounts, and its confidence sequence; None where not yet estimable.
        judged: on how many accounts.
        line: share of MRR that acting keeps, at a risk of 0, and what is added for a risk of 1.
    """

    is_on: bool
    declared: float
    measured: tuple[float, float, float] | None
    gain: tuple[float, float, float] | None
    judged: int
    line: tuple[float, float]

    def worth(self, risk: np.ndarray, mrr: np.ndarray) -> np.ndarray:
        """MRR a month that acting is expected to keep: by the line where targeting is on, else as declared.

        A negative number says that acting is expected to do harm; such an account is better left alone.
        """
        share = self.line[0] + self.line[1] * risk if self.is_on else self.declared * risk
        return np.asarray(share * mrr)

    @property
    def sentence(self) -> str:
        """In words."""
        state = "on" if self.is_on else "off"
        if self.gain is None:
            return f"ordering by measured effect is {state}: too few outcomes to learn from and to judge by"
        value, low, high = self.gain
        gained = (
            f"it would have kept {value:+,.0f} [{low:+,.0f}, {high:+,.0f}] MRR an account and month beyond the order"
        )
        return f"ordering by measured effect is {state}: {gained} by what is at stake, on {self.judged:,} accounts"


def targeting(given: Enrolments, declared: float, alpha: float, expected: int, least_an_arm: int) -> Targeting:
    """Learns the line, judges it on later accounts, and decides.

    Args:
        given: enrolments with an outcome.
        declared: the share of what is at stake that acting is declared to keep; where the line starts from.
        alpha: the probability of ever switching on what is no better.
        expected: accounts at which intervals are to be narrowest.
        least_an_arm: a line is fitted from twice as many outcomes in each arm on, and judged on as many again.
    """
    chosen = np.zeros(len(given.risk))
    judged = np.zeros(len(given.risk), dtype=bool)
    line = (0.0, declared)
    for first, last in pairwise(bounds_of(given.batch)):
        past = slice(0, first)
        if _fewest(given.treated[past]) >= 2 * least_an_arm:
            line = _line(given, past, declared)
            here = slice(first, last)
            by_line = _best_half((line[0] + line[1] * given.risk[here]) * given.mrr[here])
            chosen[here] = by_line.astype(float) - _best_half(given.risk[here] * given.mrr[here])
            judged[here] = True
    gain = None
    if _fewest(given.treated[judged]) >= 2 * least_an_arm:
        weights = (chosen * given.mrr)[judged]
        gain = _interval(_part(given.kept, judged).weighted(weights), 1.0, alpha, expected)
    if _fewest(given.treated) >= 2 * least_an_arm:
        line = _line(given, slice(None), declared)
    return Targeting(
        gain is not None and gain[1] > 0,
        declared,
        _measured(given, alpha, expected, least_an_arm),
        gain,
        int(judged.sum()),
        line,
    )


def _measured(given: Enrolments, alpha: float, expected: int, least_an_arm: int) -> tuple[float, float, float] | None:
    stake = float(np.mean(given.risk * given.mrr)) if len(given.risk) else 0.0
    if stake <= 0 or _fewest(given.treated) < least_an_arm:
        return None
    return _interval(given.kept.weighted(given.mrr), stake, alpha, expected)


def _interval(kept: EffectScores, unit: float, alpha: float, expected: int) -> tuple[float, float, float]:
    n, value = len(kept.effect), float(kept.effect.mean())
    wide = half_width(n, kept.variance, alpha, expected)
    return value / unit, (value - wide) / unit, (value + wide) / unit


def _part(whole: EffectScores, where: np.ndarray | slice) -> EffectScores:
    return EffectScores(whole.effect[where], whole.plain[where])


def _fewest(treated: np.ndarray) -> int:
    return int(min(treated.sum(), (~treated).sum()))


def _line(given: Enrolments, where: slice, declared: float) -> tuple[float, float]:
    """The line through the scores, shrunk towards the declared effect as far as their noise asks for."""
    scores = _part(given.kept, where)
    over = np.column_stack([np.ones(len(scores.effect)), given.risk[where]])
    trust = np.diag(scores.variance / np.square(_BELIEVED))
    start = np.array([0.0, declared])
    line = np.linalg.solve(over.T @ over + trust, over.T @ scores.effect + trust @ start)
    return float(line[0]), float(line[1])


def _best_half(values: np.ndarray) -> np.ndarray:
    """The half with the greatest values, rounded down; of equals, those that stand first."""
    chosen = np.zeros(len(values), dtype=bool)
    chosen[np.argsort(-values, kind="stable")[: len(values) // 2]] = True
    return chosen
