"""Ordering by measured effect: off until randomised data have shown, off-policy, that it keeps more."""

from __future__ import annotations

import numpy as np
import pytest

from churnml.impact.sequential import EffectScores, scores
from churnml.impact.targeting import Enrolments, Targeting, targeting


def enrolments(n: int, seed: int, base: float, slope: float, per_date: int = 50) -> Enrolments:
    """Acting keeps ``base`` + ``slope`` × risk of an account's MRR; half are treated; MRR from 50 to 150."""
    rng = np.random.default_rng(seed)
    risk, mrr, treated = rng.uniform(0.05, 0.6, n), rng.uniform(50, 150, n), rng.random(n) < 0.5
    batch = np.arange(n) // per_date
    kept = 1 - risk + rng.normal(0, 0.2, n) + treated * (base + slope * risk)
    found = scores(kept, treated, np.full(n, 0.5), risk, batch, (1.0, -1.0))
    return Enrolments(found, risk, mrr, batch, treated)


def learned(n: int, seed: int, base: float, slope: float, alpha: float = 0.05) -> Targeting:
    return targeting(enrolments(n, seed, base, slope), 0.1, alpha, 500, 25)


def test_it_switches_on_where_the_riskiest_are_beyond_help() -> None:
    found = learned(3_000, 1, 0.3, -0.6)
    assert found.is_on
    assert found.gain is not None
    assert found.gain[1] > 0
    assert found.line == pytest.approx((0.3, -0.6), abs=0.15)
    assert found.worth(np.array([0.1, 0.6]), np.array([100.0, 100.0])).tolist()[0] > 0
    assert "is on" in found.sentence


def test_it_stays_off_where_help_is_as_declared_or_does_nothing() -> None:
    for base, slope in ((0.0, 0.1), (0.0, 0.0), (0.0, 0.5)):
        found = learned(3_000, 2, base, slope)
        assert not found.is_on, (base, slope)
        worth = found.worth(np.array([0.1, 0.6]), np.array([100.0, 50.0]))
        assert worth == pytest.approx([1.0, 3.0])  # probability × MRR × the declared tenth


def test_it_is_switched_on_by_chance_no_oftener_than_declared() -> None:
    """Nothing to be gained: help is the same share of every MRR, MRR is alike, so any order of risk is as good."""
    wrong = 0
    for seed in range(100):
        given = enrolments(1_000, seed, 0.1, 0.0)
        given = Enrolments(given.kept, given.risk, np.full(1_000, 100.0), given.batch, given.treated)
        wrong += any(targeting(_first(given, n), 0.1, 0.2, 500, 25).is_on for n in range(200, 1_001, 100))
    assert wrong <= 33  # of 100 at 0.2 more than that once in a thousand


def _first(given: Enrolments, n: int) -> Enrolments:
    kept = EffectScores(given.kept.effect[:n], given.kept.plain[:n])
    return Enrolments(kept, given.risk[:n], given.mrr[:n], given.batch[:n], given.treated[:n])


def test_the_gain_off_policy_is_what_the_other_order_would_have_kept() -> None:
    """Told by the truth: the accounts each order would choose of every date, and what acting keeps of each."""
    gains, truths = [], []
    for seed in range(30):
        given = enrolments(1_000, seed, 0.3, -0.6)
        found = targeting(given, 0.1, 0.05, 500, 25)
        truth, n = 0.0, 0
        for date in range(20):
            here = given.batch == date
            past = given.batch < date
            if min(given.treated[past].sum(), (~given.treated[past]).sum()) >= 50:
                helped = (0.3 - 0.6 * given.risk[here]) * given.mrr[here]
                line = targeting(_first(given, int(past.sum())), 0.1, 0.05, 500, 25).line
                mine = np.argsort(-(line[0] + line[1] * given.risk[here]) * given.mrr[here], kind="stable")[:25]
                theirs = np.argsort(-given.risk[here] * given.mrr[here], kind="stable")[:25]
                truth, n = truth + helped[mine].sum() - helped[theirs].sum(), n + int(here.sum())
        assert found.judged == n
        assert found.gain is not None
        assert found.gain[1] <= truth / n <= found.gain[2]
        gains.append(found.gain[0])
        truths.append(truth / n)
    assert np.mean(gains) == pytest.approx(np.mean(truths), abs=3 * np.std(np.subtract(gains, truths)) / np.sqrt(30))
    assert np.mean(truths) > 3


def test_the_measured_share_of_what_is_at_stake_is_told_beside_the_declared_one() -> None:
    found = learned(4_000, 3, 0.0, 0.4)
    assert found.declared == 0.1
    assert found.measured is not None
    assert found.measured[1] < 0.4 < found.measured[2]
    assert found.measured[1] > 0.1  # better than declared, surely


def test_no_outcome_changes_what_was_learned_before_it() -> None:
    given = enrolments(1_000, 4, 0.3, -0.6)
    before = targeting(_first(given, 500), 0.1, 0.05, 500, 25)
    changed = given.kept.effect.copy()
    changed[700] += 100
    after = Enrolments(EffectScores(changed, given.kept.plain), given.risk, given.mrr, given.batch, given.treated)
    assert targeting(_first(after, 500), 0.1, 0.05, 500, 25) == before
    assert targeting(after, 0.1, 0.05, 500, 25) != targeting(given, 0.1, 0.05, 500, 25)  # the control


@pytest.mark.parametrize("n", [0, 1, 60, 150])
def test_too_few_outcomes_leave_it_off_and_say_so(n: int) -> None:
    found = learned(n, 5, 0.3, -0.6)
    assert not found.is_on
    assert found.gain is None
    assert "too few outcomes" in found.sentence
