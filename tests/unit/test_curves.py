"""Curves of survival: they never rise, agree with the classifier, and know renewals as they were known."""

from __future__ import annotations

import numpy as np
import pytest

from churnml.modelling.curves import MARKS, Curves, anchored, days_to_renewal

EDGES = (0, *range(7, 7 + 7 * 27, 7))
ANCHOR = (7, 98)
ANCHORS = {"whole periods": (EDGES, ANCHOR), "parts of periods": ((0, 7, 35, 63, 91, 119, 147, 203), ANCHOR),
           "from the cutoff": (EDGES, (0, 8)), "one period": ((0, 200), (0, 200))}  # fmt: skip


def draw(edges, rows=500, seed=1):
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-5, 2, (rows, len(edges) - 1))
    probability = np.r_[1e-6, 1 - 1e-6, 0.5, rng.beta(0.5, 5, rows - 3)].clip(1e-6, 1 - 1e-6)
    return log_odds, probability


@pytest.mark.parametrize(("edges", "anchor"), ANCHORS.values(), ids=ANCHORS)
def test_over_the_labels_window_the_curve_says_what_the_classifier_says(edges, anchor):
    log_odds, probability = draw(edges)
    found = anchored(log_odds, edges, anchor, probability).leaves_between(*anchor)
    assert np.abs(found - probability).max() < 1e-9


@pytest.mark.parametrize(("edges", "anchor"), ANCHORS.values(), ids=ANCHORS)
def test_survival_starts_at_one_and_never_rises_so_probabilities_never_fall(edges, anchor):
    curves = anchored(*draw(edges)[:1], edges, anchor, draw(edges)[1])
    assert (curves.survival[:, 0] == 1.0).all()
    assert (np.diff(curves.survival, axis=1) <= 0).all()
    within = np.array([curves.leaves_before(mark) for mark in MARKS])
    assert ((within >= 0) & (within <= 1)).all()
    assert (np.diff(within, axis=0) >= 0).all()
    daily = np.array([curves.leaves_before(day) for day in range(edges[-1] + 1)])
    assert (daily[0] == 0).all()
    assert (np.diff(daily, axis=0) >= 0).all()


def test_the_shift_is_one_of_proportional_odds_the_same_in_every_period():
    log_odds, probability = draw(EDGES)
    survival = anchored(log_odds, EDGES, ANCHOR, probability).survival[3:]  # the extremes lose digits
    hazard = 1 - survival[:, 1:] / survival[:, :-1]
    shift = np.log(hazard / (1 - hazard)) - log_odds[3:]
    assert np.allclose(shift, shift[:, :1], atol=1e-5)


def test_a_probability_past_the_end_of_the_curve_is_not_said():
    curves = Curves((0, 7, 35), np.array([[0.0, 0.1, 0.2]]))
    assert curves.leaves_before(35)[0] == pytest.approx(1 - np.exp(-0.2))
    assert curves.leaves_before(21)[0] == pytest.approx(1 - np.exp(-0.15))
    assert np.isnan(curves.leaves_before(36)[0])


def test_the_most_likely_period_is_the_one_with_most_leavings_a_day():
    stays = 1 - np.cumsum([[0.0, 0.1, 0.4, 0.1], [0.0, 0.2, 0.1, 0.3], [0.0, 0.1, 0.2, 0.2]], axis=1)
    period, probability = Curves((0, 7, 14, 28), -np.log(stays)).most_likely()
    assert list(period) == [1, 0, 1]
    assert list(probability) == pytest.approx([0.4, 0.2, 0.2])


def test_no_rows_give_no_curves():
    curves = anchored(np.empty((0, len(EDGES) - 1)), EDGES, ANCHOR, np.empty(0))
    assert curves.leaves_before(30).shape == (0,)
    assert curves.most_likely()[0].shape == (0,)


@pytest.mark.parametrize(
    ("renewal", "term", "begins", "ahead"),
    [
        (40, 365.25, 7, 33),
        (40, 365.25, 40, 0),
        (40, 365.25, 41, 364.25),
        (3, 30.0, 7, 26),
        (3, 30.0, 33, 0),
        (3, 30.0, 34, 29),
        (40, np.nan, 7, 33),
        (40, np.nan, 41, np.nan),
        (np.nan, 30.0, 7, np.nan),
    ],
)
def test_a_renewal_counts_down_and_once_past_comes_again_after_its_term(renewal, term, begins, ahead):
    found = days_to_renewal(np.array([float(renewal)]), np.array([term]), np.array([float(begins)]))
    assert found == pytest.approx([ahead], nan_ok=True)


def test_the_worked_example_of_the_page_is_true():
    hazard = np.array([[0.002, 0.01, 0.05, 0.01]])
    curves = anchored(np.log(hazard / (1 - hazard)), (0, 7, 35, 63, 98), (7, 98), np.array([0.12]))
    assert 1 - np.prod(1 - hazard[0, 1:]) == pytest.approx(0.069, abs=5e-4)
    shifted = 1 - curves.survival[0, 1:] / curves.survival[0, :-1]
    assert shifted == pytest.approx([0.0036, 0.0180, 0.0874, 0.0180], abs=5e-5)
    assert (shifted / (1 - shifted)) / (hazard[0] / (1 - hazard[0])) == pytest.approx(1.82, abs=5e-3)
    assert curves.survival[0, 1:] == pytest.approx([0.996, 0.978, 0.893, 0.877], abs=5e-4)
    assert curves.leaves_before(60)[0] == pytest.approx(0.098, abs=5e-4)
    assert curves.leaves_before(30)[0] == pytest.approx(0.018, abs=5e-4)
    assert curves.most_likely()[0][0] == 2
