"""Figures of curves: against the slow obvious way, and paired with their rivals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from churnml.modelling.survival_figures import evaluate_curves, evenly

LAST = 98


@pytest.fixture(scope="module")
def company():
    """Accounts with a force of leaving of their own each, and a few that were cut off."""
    rng = np.random.default_rng(4)
    n = 600
    force = rng.gamma(0.5, 0.01, n)
    left = np.floor(rng.exponential(1 / force))
    seen = np.where(rng.random(n) < 0.03, rng.integers(0, LAST, n), LAST)
    left = np.where(left < seen, left, np.nan)
    return np.array([f"a{i}" for i in range(n)]), left, seen, force


def knowing(force):
    return lambda day: 1 - np.exp(-force * day)


@pytest.fixture(scope="module")
def measured(company):
    account, left, seen, force = company
    said = {"curve": knowing(force), "nothing": knowing(np.full(len(force), force.mean())), "same": knowing(force)}
    return evaluate_curves(account, left, seen, said, 200, seed=1, resamples=200)


def test_figures_are_what_the_slow_obvious_way_gives(company, measured):
    _, left, seen, force = company
    kept = (seen == LAST) | ~np.isnan(left)
    gone, force = np.where(np.isnan(left), np.inf, left)[kept], force[kept]
    assert (measured.rows, measured.leavings, measured.last) == (kept.sum(), np.isfinite(gone).sum(), LAST)
    found = {name: figure.value for name, figure in measured.figures["curve"].items()}
    for day in (30, 60, 90):
        p = knowing(force)(day)
        assert found[f"roc_auc_{day}"] == pytest.approx(roc_auc_score(gone < day, p))
        assert found[f"brier_{day}"] == pytest.approx(np.mean((p - (gone < day)) ** 2))
    daily = [np.mean((knowing(force)(day) - (gone < day)) ** 2) for day in range(LAST + 1)]
    assert found["integrated_brier"] == pytest.approx(np.trapezoid(daily) / LAST, rel=0.02)
    pairs = [
        (force[i] > force[j]) for i in np.flatnonzero(np.isfinite(gone)) for j in range(len(gone)) if gone[j] > gone[i]
    ]
    assert found["concordance"] == pytest.approx(np.mean(pairs))
    assert "roc_auc_180" not in found


def test_who_knows_nothing_is_behind_and_who_says_the_same_is_level(measured):
    assert measured.figures["nothing"]["concordance"].value == 0.5
    assert measured.figures["nothing"]["roc_auc_60"].value == 0.5
    for name, figure in measured.ahead["nothing"].items():
        assert figure.value > 0, name
    assert measured.ahead["nothing"]["concordance"].low > 0
    for figure in measured.ahead["same"].values():
        assert (figure.value, figure.low, figure.high) == (0, 0, 0)


def test_marks_show_what_was_said_beside_what_was_seen(measured):
    assert [mark.day for mark in measured.marks] == [30, 60, 90]
    for mark in measured.marks:
        assert mark.predicted["curve"] == pytest.approx(mark.seen, abs=0.05)


def test_spread_evenly_the_classifier_keeps_its_probability_over_its_horizon():
    p = np.array([0.0, 0.3, 0.9])
    assert evenly(p, 91)(91) == pytest.approx(p)
    assert evenly(p, 91)(45.5) == pytest.approx(1 - np.sqrt(1 - p))


def test_where_nobody_left_or_no_mark_was_seen_there_are_no_figures(company):
    account, left, seen, force = company
    said = {"curve": knowing(force)}
    assert evaluate_curves(account, np.full(len(left), np.nan), seen, said, 200, 1, 10) is None
    assert evaluate_curves(account, left, np.minimum(seen, 29), said, 200, 1, 10) is None
    assert evaluate_curves(account[:0], left[:0], seen[:0], {"curve": lambda day: np.empty(0)}, 200, 1, 10) is None


def test_what_happens_past_the_end_of_the_curves_is_not_looked_at(company):
    account, left, seen, force = company

    def ending(day):
        return knowing(force)(day) if day <= 70 else np.full(len(force), np.nan)

    found = evaluate_curves(account, left, seen, {"curve": ending}, 70, 1, 10)
    as_if = evaluate_curves(
        account, np.where(left < 70, left, np.nan), np.minimum(seen, 70), {"curve": knowing(force)}, 200, 1, 10
    )
    assert found == as_if
    assert found.last == 70
    assert found.leavings < np.isfinite(left).sum()
