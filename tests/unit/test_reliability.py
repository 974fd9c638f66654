"""What was said beside what was seen: the parts of the Brier score, the line through the log-odds, the gaps."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from churnml.modelling.evaluation import evaluate
from churnml.modelling.reliability import (
    BINS,
    GAPS,
    bins_of,
    error_by_chance,
    gap_between_tests,
    gap_interval,
    probability_measure,
    reliability_lead,
    wilson,
)


def said_and_seen(seed=1, rows=2000, slope=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(-2.5, 1, rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-(shift + slope * z)))).astype(float)
    return 1 / (1 + np.exp(-z)), y


def once(p, y):
    return {name: value[0] for name, value in probability_measure(p, y)(np.ones((1, len(p)))).items()}


def test_the_parts_add_up_to_the_brier_score_and_are_murphys_where_bins_hold_one_probability():
    p, y = said_and_seen()
    same = np.where(p > np.median(p), 0.15, 0.05)
    for said in (p, same):
        found = once(said, y)
        parts = found["brier_reliability"] - found["brier_resolution"] + found["brier_uncertainty"]
        assert parts == pytest.approx(found["brier"])
    found = once(same, y)
    groups = [(same == value) for value in np.unique(same)]
    resolution = sum(g.sum() * (y[g].mean() - y.mean()) ** 2 for g in groups) / len(y)
    assert found["brier_resolution"] == pytest.approx(resolution)


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.5, -0.4), (1.6, 0.8)])
def test_slope_and_intercept_are_those_of_a_logistic_regression_on_the_log_odds(slope, shift):
    p, y = said_and_seen(slope=slope, shift=shift)
    found = once(p, y)
    fitted = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(np.log(p / (1 - p)).reshape(-1, 1), y)
    assert found["calibration_slope"] == pytest.approx(fitted.coef_[0, 0], rel=1e-3)
    assert found["calibration_intercept"] == pytest.approx(fitted.intercept_[0], rel=1e-2, abs=1e-3)


def test_in_a_resample_one_newton_step_ends_where_fitting_anew_does():
    p, y = said_and_seen(rows=1500)
    w = np.random.default_rng(2).multinomial(1500, np.full(1500, 1 / 1500), size=20).astype(float)
    found = probability_measure(p, y)(w)["calibration_slope"]
    z = np.log(p / (1 - p)).reshape(-1, 1)
    anew = [LogisticRegression(C=1e9, max_iter=1000).fit(z, y, sample_weight=one).coef_[0, 0] for one in w]
    # well inside the spread of the resamples themselves
    assert np.abs(found - anew).max() < 0.3 * np.std(anew)
    assert np.abs(found - anew).mean() < 0.1 * np.std(anew)


def test_seen_per_said_and_calibration_in_the_large_say_the_same_in_two_ways():
    p, y = said_and_seen(shift=0.5)
    found = once(p, y)
    assert found["seen_over_said"] == pytest.approx(y.mean() / p.mean())
    assert found["calibration_in_the_large"] == pytest.approx(y.mean() - p.mean())


@pytest.mark.parametrize(
    ("p", "y"),
    [
        (np.full(40, 0.2), np.tile([0.0, 1.0], 20)),  # says the same of everybody
        (np.linspace(0.1, 0.9, 40), np.zeros(40)),  # one outcome
        (np.r_[np.zeros(20), np.ones(20)], np.r_[np.zeros(20), np.ones(20)]),  # parted without overlap
    ],
    ids=["constant", "one outcome", "parted"],
)
def test_where_no_line_can_be_told_there_is_none_and_no_warning(p, y):
    figures = evaluate(np.arange(40).astype(str), y, {"model": p}, seed=1, resamples=20).figures["model"]
    assert np.isnan(figures["calibration_slope"].value)
    assert np.isfinite(figures["brier_reliability"].value)


def test_the_error_by_chance_is_what_probabilities_that_hold_show_in_the_mean():
    p, _ = said_and_seen(rows=1300)
    rng = np.random.default_rng(3)
    shown = [once(p, (rng.random(1300) < p).astype(float))["calibration_error"] for _ in range(200)]
    assert error_by_chance(p) == pytest.approx(np.mean(shown), rel=0.06)


def test_probabilities_that_hold_are_not_said_to_err():
    p, y = said_and_seen(rows=1300)
    found = evaluate(np.arange(1300).astype(str), y, {"model": p}, seed=1).figures["model"]
    assert found["calibration_error"].low < 0.002
    off = evaluate(np.arange(1300).astype(str), y, {"model": p * 0.3}, seed=1).figures["model"]
    assert off["calibration_error"].low > 0.02
    for figures in (found, off):
        for name in ("calibration_error", "brier_reliability"):
            assert figures[name].low <= figures[name].value <= figures[name].high


@pytest.mark.parametrize("off", [0.0, 0.02, 0.06], ids=["neither errs", "a little", "much"])
def test_the_lead_in_reliability_is_held_whether_or_not_anybody_errs(off):
    """Gaps drawn around true ones, two models that share most of their noise; the second errs by ``off``."""
    rng = np.random.default_rng(4)
    share = np.full(BINS, 1 / BINS)
    true = np.zeros(BINS), share * off * np.resize([1, -1], BINS)
    lead = float((true[1] ** 2 / share).sum() - (true[0] ** 2 / share).sum())
    root = 0.002 * np.linalg.cholesky(0.4 * np.eye(2 * BINS) + 0.6 * np.kron(np.ones((2, 2)), np.eye(BINS)))
    held = 0
    for _ in range(400):
        seen = np.concatenate(true) + root @ rng.normal(size=2 * BINS)
        again = seen + rng.normal(size=(300, 2 * BINS)) @ root.T
        pair = (seen[:BINS], seen[BINS:]), (again[:, :BINS], again[:, BINS:])
        low, high = reliability_lead((share, share), *pair)
        held += low <= lead <= high
    assert 0.92 <= held / 400 <= 0.985


def test_a_test_at_both_ends_holds_the_figure_and_reaches_less_far_where_nothing_errs():
    rng, reach = np.random.default_rng(6), []
    for seed in range(20):
        p, y = said_and_seen(seed, rows=1300)
        resampled = probability_measure(p, y)(rng.multinomial(1300, np.full(1300, 1 / 1300), 300).astype(float))[GAPS]
        low, high = gap_between_tests(p, y, resampled)
        assert low - 1e-12 <= once(p, y)["calibration_error"] <= high + 1e-12
        reach.append((high, gap_interval(p, y, resampled, power=1)[1]))
    tested, cautious = np.mean(reach, axis=0)
    assert tested < cautious


def test_wilsons_interval_never_leaves_0_to_1_and_narrows_with_rows():
    for seen in (0.0, 0.05, 1.0):
        narrow, wide = wilson(seen, 1000), wilson(seen, 10)
        assert 0 <= wide[0] <= narrow[0] <= seen <= narrow[1] <= wide[1] <= 1
    assert len(np.unique(bins_of(np.full(10, 0.3)))) == 1
