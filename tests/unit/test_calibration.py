"""From log-odds to probabilities."""

from __future__ import annotations

import json

import numpy as np
import pytest

from churnml.modelling.calibration import fit_calibration


def drawn(slope=1.0, intercept=0.0, n=20000):
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-2, 1.5, n)
    p = 1 / (1 + np.exp(-(slope * log_odds + intercept)))
    return log_odds, (rng.random(n) < p).astype(float)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -0.5), (2.0, 1.0)])
def test_the_sigmoid_finds_the_line_the_outcomes_were_drawn_from(slope, intercept):
    found = fit_calibration("sigmoid", *drawn(slope, intercept))
    assert found["slope"] == pytest.approx(slope, rel=0.08)
    assert found["intercept"] == pytest.approx(intercept, abs=0.12)


def test_an_order_no_better_than_chance_becomes_the_base_rate_not_a_falling_curve():
    log_odds, label = drawn()
    found = fit_calibration("sigmoid", -log_odds, label)
    assert found["slope"] == 0.0
    assert 1 / (1 + np.exp(-found["intercept"])) == pytest.approx(label.mean())


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_a_calibration_is_names_and_numbers_and_never_falls(kind):
    found = fit_calibration(kind, *drawn())
    assert json.loads(json.dumps(found)) == found
    assert found["kind"] == kind
    if kind == "isotonic":
        assert (np.diff(found["x"]) >= 0).all()
        assert (np.diff(found["y"]) >= 0).all()
        assert 0 <= min(found["y"]) <= max(found["y"]) <= 1
    else:
        assert found["slope"] > 0
