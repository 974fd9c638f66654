"""From log-odds to probabilities."""

from __future__ import annotations

import json

import numpy as np
import pytest

from churnml.modelling.calibration import calibrate, fit_calibration
from churnml.modelling.predictor import Calibration


def drawn(slope=1.0, intercept=0.0, n=20000):
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-2, 1.5, n)
    p = 1 / (1 + np.exp(-(slope * log_odds + intercept)))
    return log_odds, (rng.random(n) < p).astype(float)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -0.5), (2.0, 1.0)])
def test_the_sigmoid_finds_the_line_the_outcomes_were_drawn_from(slope, intercept):
    found = fit_calibration("sigmoid", *drawn(slope, intercept))
    assert found.slope == pytest.approx(slope, rel=0.08)
    assert found.intercept == pytest.approx(intercept, abs=0.12)


def test_an_order_no_better_than_chance_becomes_the_base_rate_not_a_falling_curve():
    log_odds, label = drawn()
    found = fit_calibration("sigmoid", -log_odds, label)
    assert found.slope == 0.0
    assert 1 / (1 + np.exp(-found.intercept)) == pytest.approx(label.mean())


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic", "venn_abers"])
def test_a_calibration_is_names_and_numbers_and_never_falls(kind):
    found = fit_calibration(kind, *drawn())
    assert Calibration(**json.loads(json.dumps(found.as_json()))) == found
    assert found.kind == kind
    if kind != "sigmoid":
        assert (np.diff(found.x) >= 0).all()
        assert (np.diff(found.y) >= 0).all()
        assert 0 <= min(found.y) <= max(found.y) <= 1
    else:
        assert found.slope > 0


def periods(shifts, n=3000, slope=1.0):
    """Out-of-fold log-odds of some cutoffs 100 days apart, each with a mood of its own on the outcomes."""
    rng = np.random.default_rng(3)
    log_odds, label, account, day = [], [], [], []
    for place, shift in enumerate(shifts):
        said = rng.normal(-2, 1.2, n)
        log_odds.append(said)
        label.append((rng.random(n) < 1 / (1 + np.exp(-(slope * said + shift)))).astype(float))
        account.append(np.arange(n))
        day.append(np.full(n, 100 * place))
    return (np.concatenate(log_odds), np.concatenate(label), np.concatenate(account), np.concatenate(day))


def test_a_bad_spring_is_no_reason_to_expect_a_bad_summer():
    found = calibrate("auto", *periods([0.5, -0.4, 0.4, -0.5]), apart=98)
    assert found.calibration == Calibration("none")
    assert set(found.losses) == {"none", "sigmoid", "isotonic", "venn_abers"}


def test_where_few_had_the_outcome_no_curve_of_many_steps_is_tried():
    assert set(calibrate("auto", *periods([0.0, 0.1, 0.0], n=200), apart=98).losses) == {"none", "shift", "sigmoid"}


def test_few_who_leave_less_than_is_said_in_every_period_shift_what_is_said():
    log_odds, label, account, day = periods([-1.4, -1.4, -1.5, -1.4], n=400)
    found = calibrate("auto", log_odds, label, account, day, apart=98)
    assert found.calibration.probabilities(log_odds).mean() == pytest.approx(label.mean(), rel=0.1)
    assert Calibration("none").probabilities(log_odds).mean() > 2 * label.mean()


def test_a_shift_says_as_many_as_were_seen_and_keeps_the_odds_apart():
    log_odds, label = drawn(intercept=-1.0)
    found = fit_calibration("shift", log_odds, label)
    assert (found.kind, found.slope) == ("sigmoid", 1.0)
    assert found.probabilities(log_odds).mean() == pytest.approx(label.mean(), rel=1e-6)


def test_what_is_wrong_in_every_period_is_mended():
    found = calibrate("auto", *periods([-0.8, -0.7, -0.8, -0.7], slope=0.6), apart=98)
    assert found.calibration.kind != "none"
    assert found.losses[found.calibration.kind] < found.losses["none"]


def test_cutoffs_that_share_outcomes_do_not_teach_each_other():
    log_odds, label, account, day = periods([-0.8, -0.7, -0.8, -0.7], slope=0.6)
    found = calibrate("auto", log_odds, label, account, day // 4, apart=98)
    assert found.calibration == Calibration("none")
    assert found.losses == {}


def test_a_declared_kind_is_not_asked_again():
    assert calibrate("sigmoid", *periods([0.0, 0.0]), apart=98).calibration.kind == "sigmoid"
    assert calibrate("none", *periods([0.9, 0.9]), apart=98).calibration == Calibration("none")


def test_a_venn_abers_probability_is_never_sure_and_close_to_what_happened():
    log_odds, label = drawn(slope=1.3, intercept=0.4, n=2000)
    found = fit_calibration("venn_abers", log_odds, label)
    p = found.probabilities(np.linspace(-12, 8, 50))
    assert 0 < p.min() < p.max() < 1
    middle = np.linspace(-4, 1, 20)
    truth = 1 / (1 + np.exp(-(1.3 * middle + 0.4)))
    assert np.abs(found.probabilities(middle) - truth).mean() < 0.05


def test_without_calibration_the_trees_own_probabilities_stay():
    np.testing.assert_allclose(Calibration("none").probabilities(np.array([0.0, 2.0])), [0.5, 1 / (1 + np.exp(-2.0))])
