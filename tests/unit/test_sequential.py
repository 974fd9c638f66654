"""Intervals that may be looked at as often as one likes: what they are, and that they keep their word."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.impact_coverage import looked_at_weekly, year
from churnml.impact.measures import Terms
from churnml.impact.sequential import (
    decided,
    first_that,
    half_width,
    mismatch,
    needed,
    once_half_width,
    rho_squared,
    scores,
)

LOOKS = 52


# ---------------------------------------------------------------- scores


def test_the_score_of_an_account_by_hand() -> None:
    """The first batch is guessed from the start; the second from the first's outcomes, shrunk."""
    found = scores(
        outcome=np.array([1.0, 0.0, 1.0]),
        treated=np.array([True, False, True]),
        propensity=np.array([0.5, 0.5, 0.75]),
        risk=np.zeros(3),
        batch=np.array([0, 0, 1]),
        start=(0.2, 0.0),
    )
    # before: 20 accounts that say 0.2; then two more of weight 1 that say 1 and 0
    guess = (20 * 0.2 + 1 + 0) / 22
    assert found.effect == pytest.approx([(1 - 0.2) / 0.5, -(0 - 0.2) / 0.5, (1 - guess) / 0.75])
    assert found.plain == pytest.approx([0.8**2 / 0.25, 0.2**2 / 0.25, (1 - guess) ** 2 / (0.75 * 0.25)])


def test_the_mean_score_over_the_draw_is_the_effect_whatever_the_guess() -> None:
    """One account, both arms weighed with their probabilities: exact for any start, any propensity."""
    for share in (0.5, 0.9):
        for start in ((0.0, 0.0), (0.4, -1.0), (7.0, 3.0)):
            as_treated, as_held = (
                scores(np.array([y]), np.array([arm]), np.array([share]), np.array([0.3]), np.array([0]), start).effect
                for y, arm in ((0.25, True), (0.75, False))
            )
            assert share * as_treated[0] + (1 - share) * as_held[0] == pytest.approx(0.25 - 0.75)


def test_no_outcome_changes_a_score_of_its_own_batch_or_an_earlier_one() -> None:
    rng = np.random.default_rng(3)
    outcome, treated = rng.random(40), rng.random(40) < 0.7
    rest = (treated, np.full(40, 0.7), rng.random(40), np.repeat(np.arange(4), 10))
    before = scores(outcome, *rest).effect
    changed = outcome.copy()
    changed[25] += 5.0
    after = scores(changed, *rest).effect
    same = np.flatnonzero(before == after)
    assert set(same) == set(range(30)) - {25}
    assert not np.isclose(before[30:], after[30:]).any()  # the control: later batches have learned of it


def test_a_risk_that_foretells_the_outcome_makes_the_interval_narrower() -> None:
    rng = np.random.default_rng(4)
    risk = rng.random(2_000)
    outcome, treated = (rng.random(2_000) < risk).astype(float), rng.random(2_000) < 0.5
    rest = (treated, np.full(2_000, 0.5))
    batch = np.repeat(np.arange(20), 100)
    knowing = scores(outcome, *rest, risk, batch).variance
    blind = scores(outcome, *rest, np.full(2_000, np.nan), batch).variance
    # a uniform risk explains a third of the variance of a coin of mean one half: 1/12 of 1/4
    assert knowing == pytest.approx(blind * 2 / 3, rel=0.08)


def test_the_variance_knows_of_outcomes_that_only_the_larger_arm_has_seen() -> None:
    """Thirty held out, none of whom left, is no proof that none ever leaves."""
    treated = np.repeat([True, False], [270, 30])
    outcome = np.zeros(300)
    outcome[:27] = 1.0  # a tenth of the treated
    found = scores(outcome, treated, np.full(300, 0.9), np.zeros(300), np.zeros(300, int))
    seen_only = float(np.var(found.effect, ddof=1))
    pooled = 0.09 / (0.9 * 0.1)
    assert seen_only < pooled / 5
    assert found.variance >= pooled * 0.99


# ---------------------------------------------------------------- widths


def test_the_width_is_the_papers_formula() -> None:
    n, alpha, expected, variance = 200, 0.05, 500, 0.3
    log = -2 * math.log(alpha)
    rho2 = (log + math.log(log + 1)) / expected
    by_hand = math.sqrt(variance) * math.sqrt(
        2 * (n * rho2 + 1) / (n**2 * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha)
    )
    assert rho_squared(alpha, expected) == pytest.approx(rho2)
    assert half_width(n, variance, alpha, expected) == pytest.approx(by_hand)
    assert once_half_width(n, variance, alpha) == pytest.approx(1.959964 * math.sqrt(variance / n), rel=1e-6)


def test_it_is_narrowest_beside_the_plain_interval_where_it_was_declared_to_be() -> None:
    ratio = {n: half_width(n, 1.0, 0.05, 500) / once_half_width(n, 1.0, 0.05) for n in (50, 500, 5_000)}
    assert min(ratio, key=ratio.__getitem__) == 500
    assert 1.4 < ratio[500] < 1.6
    assert max(ratio.values()) < 1.35 * ratio[500]  # a wrong guess by a factor of ten is no disaster


@pytest.mark.parametrize("width", [half_width, lambda n, v, a, e: once_half_width(n, v, a)])
def test_more_accounts_less_variance_and_less_confidence_make_it_narrower(width) -> None:
    assert width(100, 1.0, 0.05, 500) > width(200, 1.0, 0.05, 500)
    assert width(100, 1.0, 0.05, 500) > width(100, 0.5, 0.05, 500)
    assert width(100, 1.0, 0.01, 500) > width(100, 1.0, 0.05, 500)


def test_needed_is_the_first_number_at_which_the_effect_would_be_found() -> None:
    n = needed(0.25, 0.05, 500, 0.1)
    slack = float(stats.norm.ppf(0.8))

    def reach(m: int) -> float:
        return half_width(m, 0.25, 0.05, 500) + slack * math.sqrt(0.25 / m)

    assert reach(n) <= 0.1 < reach(n - 1)
    assert needed(0.25, 0.05, 500, 0.05) > 3 * n
    assert decided(0.25, 0.05, 500, 0.1) > n  # to be sure to decide takes more than to find what is there


def test_what_is_needed_finds_the_effect_about_as_often_as_it_says() -> None:
    n = needed(0.25, 0.05, 500, 0.1, power=0.8)
    rng = np.random.default_rng(8)
    means = 0.1 + rng.standard_normal(4_000) * math.sqrt(0.25 / n)
    assert np.mean(means > half_width(n, 0.25, 0.05, 500)) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("least", [1, 2, 3, 17, 1_000])
def test_the_first_number_that_holds_is_found(least: int) -> None:
    assert first_that(lambda n: n >= least) == least
    assert first_that(lambda n: False, most=100) == 100


# ---------------------------------------------------------------- the word it keeps


def ever_wrong(runs: int, seed: int, alpha: float, effect: float) -> tuple[float, float]:
    """The share of runs in which the sequence, and the plain interval, ever exclude the truth in a year of weeks."""
    rng, n, share = np.random.default_rng(seed), 1_040, 0.8
    batch = np.repeat(np.arange(LOOKS), n // LOOKS)
    ends = np.arange(n // LOOKS, n + 1, n // LOOKS)[4:]
    wrong = np.zeros((runs, 2), bool)
    for run in range(runs):
        risk = rng.beta(2, 8, n)
        treated = rng.random(n) < share
        truth = np.clip(risk + effect, 0, 1) - risk
        left = (rng.random(n) < np.where(treated, risk + truth, risk)).astype(float)
        found = scores(left, treated, np.full(n, share), risk, batch, (0.0, 1.0))
        for end in ends:
            part = type(found)(found.effect[:end], found.plain[:end])
            off = abs(part.effect.mean() - truth[:end].mean())
            wrong[run, 0] |= off > half_width(end, part.variance, alpha, 500)
            wrong[run, 1] |= off > once_half_width(end, part.variance, alpha)
    return float(wrong[:, 0].mean()), float(wrong[:, 1].mean())


@pytest.mark.parametrize("effect", [0.0, -0.1, 0.1])
def test_a_year_of_weekly_looks_breaks_the_plain_interval_and_not_the_sequence(effect: float) -> None:
    sequence, plain = ever_wrong(150, 5, 0.2, effect)
    # of 150 runs a sequence that keeps its 0.2 is above 0.3 once in a thousand
    assert sequence <= 0.3
    assert plain > 0.45


# ---------------------------------------------------------------- arms that are not as drawn


def test_evidence_of_a_mismatch_by_hand() -> None:
    """One account drawn at one half is no evidence of anything: the prior's mean is one half."""
    assert mismatch([1], [0], [0.5]) == pytest.approx(1.0)
    # two of two: (5 · 6) / (10 · 11) against 1/4
    assert mismatch([2], [0], [0.5]) == pytest.approx((5 * 6) / (10 * 11) / 0.25)
    assert mismatch([2, 1], [0, 0], [0.5, 0.9]) == pytest.approx((5 * 6) / (10 * 11) / 0.25)


def test_a_lost_half_of_the_holdout_is_noticed_and_chance_is_not() -> None:
    assert mismatch([900], [50], [0.9]) > 1_000
    assert mismatch([450, 500], [25, 500], [0.9, 0.5]) > 1
    rng, alarms = np.random.default_rng(6), 0
    for _ in range(300):
        arms = np.cumsum(rng.random(500) < 0.9)
        alarms += any(mismatch([int(arms[n - 1])], [n - int(arms[n - 1])], [0.9]) >= 20 for n in range(10, 501, 10))
    assert alarms <= 27  # at most a twentieth ever reaches 20; above 27 of 300 once in a thousand
    assert mismatch([10**6], [0], [0.5]) > 1e300  # and no overflow


def test_the_table_of_a_year_of_looks_states_only_what_the_report_would_and_finds_the_broken_interval() -> None:
    rng = np.random.default_rng(9)
    tiny = looked_at_weekly(year(rng, 200, 0.1, 1.0), Terms())
    assert tiny.stated == 0  # twenty held out are fewer than are asked for
    years = [looked_at_weekly(year(rng, 1_000, 0.5, 1.0), Terms()) for _ in range(60)]
    assert all(0 < one.stated < LOOKS for one in years)
    assert np.mean([one.sequence for one in years]) <= 0.15  # of 60 at 0.05 more than that once in a thousand
    assert np.mean([one.shares for one in years]) > 0.15
