"""What is to be expected of scores whose outcomes nobody knows: against nannyml's figures, and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from churnml.modelling.profile import CalibrationTrust
from churnml.watch.expected import FIGURES, expected, in_the_mean, top_of

# The first probabilities of nannyml's published example (its synthetic car loans, analysis period), rounded to two
# digits, and what nannyml 0.13.1 estimates of them, run beside ours with the libraries it asks for.
CAR_LOANS = np.r_[
    [0.99, 0.98, 0.98, 0.97, 0.92, 0.25, 0.89, 1.0, 0.08, 0.95, 0.02, 0.98, 0.01, 0.99, 0.97, 0.92, 0.99, 0.07, 0.97],
    [0.98, 0.96, 0.99, 0.93, 0.99, 0.07, 0.96, 0.95, 0.84, 0.98, 0.08, 0.29, 0.94, 0.03, 0.99, 0.03, 0.94, 0.99],
    [0.99, 0.92, 1.0],
]
FEW = np.array([0.01, 0.02, 0.02, 0.05, 0.1, 0.3, 0.6])
NANNYML = [(CAR_LOANS, 0.962754261847153, 0.9823755178054623), (FEW, 0.8713405238828966, 0.5008573593073593)]
CHURN = np.random.default_rng(3).beta(1, 12, 400)
TOP = 40


def estimated(p: np.ndarray) -> dict[str, float]:
    ordered = np.sort(np.clip(p, 1e-12, 1 - 1e-12))[::-1]
    return in_the_mean(ordered, ordered, top_of(0.1, len(p)))


@pytest.mark.parametrize(("p", "auc", "_"), NANNYML)
def test_the_expected_roc_auc_is_that_of_nannyml(p: np.ndarray, auc: float, _: float) -> None:
    assert expected(p, None, 0.1, 0)["roc_auc"].value == pytest.approx(auc, abs=2e-5)


@pytest.mark.parametrize(("p", "_", "precision"), NANNYML)
def test_the_expected_average_precision_is_that_of_nannyml_with_a_positive_counted_as_a_whole_hit(
    p: np.ndarray, _: float, precision: float
) -> None:
    ordered = np.sort(p)[::-1]
    counted = (ordered * (1 - ordered) / np.arange(1, len(p) + 1)).sum() / ordered.sum()
    assert estimated(p)["average_precision"] - counted == pytest.approx(precision, abs=2e-5)


def test_every_expected_figure_is_the_mean_over_outcomes_drawn_from_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    drawn = [rng.random(len(CHURN)) < CHURN for _ in range(250)]
    first = np.argsort(-CHURN)[:TOP]
    brute = {
        "roc_auc": [roc_auc_score(y, CHURN) for y in drawn],
        "average_precision": [average_precision_score(y, CHURN) for y in drawn],
        "brier": [brier_score_loss(y, CHURN) for y in drawn],
        "log_loss": [log_loss(y, CHURN) for y in drawn],
        "precision_at_capacity": [y[first].mean() for y in drawn],
        "positives": [y.mean() for y in drawn],
    }
    figures = estimated(CHURN)
    for name in FIGURES:
        error = np.std(brute[name]) / np.sqrt(len(drawn))
        assert abs(figures[name] - np.mean(brute[name])) < 4 * error, name
    # nannyml's would be told from brute force on these rows
    counted = (CHURN * (1 - CHURN))[np.argsort(-CHURN)] / np.arange(1, len(CHURN) + 1)
    gap = counted.sum() / CHURN.sum()
    assert gap > 4 * np.std(brute["average_precision"]) / np.sqrt(len(drawn))


def test_what_came_lies_in_the_interval_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    figures = expected(CHURN, None, 0.1, 0)
    drawn = [rng.random(len(CHURN)) < CHURN for _ in range(300)]
    aucs = np.array([roc_auc_score(y, CHURN) for y in drawn])
    rates = np.array([y.mean() for y in drawn])
    for name, came in (("roc_auc", aucs), ("positives", rates)):
        held = ((figures[name].low <= came) & (came <= figures[name].high)).mean()
        assert 0.91 <= held <= 0.99, name


def test_a_calibration_that_was_seen_to_wander_widens_the_interval_and_leaves_the_estimate() -> None:
    sure, unsure = (
        CalibrationTrust(8, 9000, 500, 0.02, 0.02, 0.0, 0.0),
        CalibrationTrust(8, 9000, 500, 0.1, 0.1, 0.4, 0.2),
    )
    narrow, wide = (expected(CHURN, trust, 0.1, 0) for trust in (sure, unsure))
    for name in FIGURES:
        assert wide[name].value == narrow[name].value
        assert wide[name].high - wide[name].low > narrow[name].high - narrow[name].low, name


def test_the_same_seed_gives_the_same_interval_to_the_bit() -> None:
    assert expected(CHURN, None, 0.1, 5) == expected(CHURN, None, 0.1, 5)
    assert expected(CHURN, None, 0.1, 5) != expected(CHURN, None, 0.1, 6)


def test_a_model_that_says_the_same_of_all_is_expected_to_guess() -> None:
    figures = expected(np.full(200, 0.1), None, 0.1, 0)
    assert figures["roc_auc"].value == pytest.approx(0.5)
    assert figures["precision_at_capacity"].value == pytest.approx(0.1)
