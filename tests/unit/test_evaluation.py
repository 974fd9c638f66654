"""The figures: the same as scikit-learn's where it has them, and intervals that know accounts repeat."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from churnml.modelling.evaluation import FIGURES, Figure, evaluate
from churnml.modelling.ranking import gains, order_measure
from churnml.modelling.record import recorded_by_who
from churnml.modelling.reliability import bins_of, reliability

RNG = np.random.default_rng(5)


def drawn(n=400, seed=5, ties=True):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, n).clip(0.001, 0.999)
    if ties:
        p = np.round(p, 1).clip(0.05, 0.95)
    return np.array([f"a{i}" for i in range(n)]), (rng.random(n) < p).astype(float), p


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [True, False], ids=["ties", "no ties"])
def test_the_figures_are_scikit_learns(seed, ties):
    account, y, p = drawn(seed=seed, ties=ties)
    found = evaluate(account, y, {"model": p}, seed=1, resamples=10).figures["model"]
    expect = {
        "roc_auc": metrics.roc_auc_score(y, p),
        "average_precision": metrics.average_precision_score(y, p),
        "brier": metrics.brier_score_loss(y, p),
        "log_loss": metrics.log_loss(y, p),
    }
    for name, value in expect.items():
        assert found[name].value == pytest.approx(value, rel=1e-12), name


def test_a_resample_is_measured_as_if_its_rows_stood_there_as_often_as_drawn():
    account, y, p = drawn(60, ties=True)
    found = evaluate(account, y, {"model": p}, seed=3, resamples=200).figures["model"]
    _, member = np.unique(account, return_inverse=True)
    drawn_counts = np.random.default_rng(3).multinomial(60, np.full(60, 1 / 60), size=100)
    more = np.random.default_rng(3)
    weights = np.concatenate([more.multinomial(60, np.full(60, 1 / 60), size=100) for _ in range(2)])[:, member]
    assert (weights[:100] == drawn_counts[:, member]).all()
    measured = order_measure(p, y)(weights)
    assert measured["roc_auc"] == pytest.approx([metrics.roc_auc_score(y, p, sample_weight=w) for w in weights])
    precisions = [metrics.average_precision_score(y, p, sample_weight=w) for w in weights]
    assert measured["average_precision"] == pytest.approx(precisions)
    # what is known of a figure's interval is where its resamples lie
    for name, figure in (("roc_auc", found["roc_auc"]), ("average_precision", found["average_precision"])):
        inside = (measured[name] >= figure.low) & (measured[name] <= figure.high)
        assert 0.85 < inside.mean() < 1.0


def test_the_interval_holds_the_figure():
    account, y, p = drawn()
    for name, figure in evaluate(account, y, {"model": p}, seed=1).figures["model"].items():
        assert figure.low <= figure.value <= figure.high, name


def test_rows_of_one_account_are_not_as_good_as_so_many_accounts():
    account, y, p = drawn(100, ties=False)
    repeated = np.repeat(account, 9), np.repeat(y, 9), np.repeat(p, 9)
    strangers = np.array([f"b{i}" for i in range(900)])
    by_account = evaluate(*repeated[:2], {"model": repeated[2]}, seed=1).figures["model"]
    by_row = evaluate(strangers, repeated[1], {"model": repeated[2]}, seed=1).figures["model"]
    for name in ("roc_auc", "log_loss", "brier", "average_precision"):
        width = by_account[name].high - by_account[name].low
        assert width > 2 * (by_row[name].high - by_row[name].low), name


def test_repeating_every_account_alike_leaves_the_interval_as_it_is():
    account, y, p = drawn(100, ties=False)
    once = evaluate(account, y, {"model": p}, seed=1).figures["model"]["brier"]
    thrice = evaluate(np.repeat(account, 3), np.repeat(y, 3), {"model": np.repeat(p, 3)}, seed=1).figures["model"][
        "brier"
    ]
    assert (thrice.value, thrice.low, thrice.high) == pytest.approx((once.value, once.low, once.high))


def test_a_model_is_ahead_of_itself_by_exactly_nothing():
    account, y, p = drawn()
    ahead = evaluate(account, y, {"model": p, "champion": p.copy()}, seed=1).ahead["champion"]
    assert all(figure == Figure(0.0, 0.0, 0.0) for figure in ahead.values())
    assert not any(figure.clear_above(0.0) for figure in ahead.values())


def test_ahead_is_positive_for_the_better_whatever_way_the_figure_counts():
    account, y, p = drawn(ties=False)
    rng = np.random.default_rng(2)
    worse = {"champion": rng.permutation(p), "base_rate": np.full(len(p), 0.9)}
    found = evaluate(account, y, {"model": p, **worse}, seed=1)
    for name in FIGURES:
        if name != "calibration_error":
            assert found.ahead["champion"][name].value > 0, name
        sign = 1 if FIGURES[name] else -1
        gap = sign * (found.figures["model"][name].value - found.figures["base_rate"][name].value)
        assert found.ahead["base_rate"][name].value == pytest.approx(gap)


def test_a_lead_in_calibration_is_surer_the_more_two_models_share():
    account, y, p = drawn(n=1500, ties=False)
    noise = np.random.default_rng(1).normal(0, 0.15, len(p))
    rivals = {"alike": (p * 1.2).clip(0.001, 0.999), "apart": (0.2 + noise).clip(0.001, 0.999)}
    found = evaluate(account, y, {"model": p, **rivals}, seed=1, resamples=400)

    def width(figure):
        return figure.high - figure.low

    for name in ("calibration_error", "brier_reliability"):
        ours = width(found.figures["model"][name])
        shared = {
            who: width(found.ahead[who][name]) / np.hypot(ours, width(found.figures[who][name])) for who in rivals
        }
        assert shared["alike"] < 0.9 * shared["apart"], name
        for who in rivals:
            lead = found.ahead[who][name]
            assert lead.low <= lead.value <= lead.high


def test_the_same_seed_gives_the_same_intervals_and_the_row_order_does_not_matter():
    account, y, p = drawn()
    one = evaluate(account, y, {"model": p}, seed=1, resamples=50)
    assert evaluate(account, y, {"model": p}, seed=1, resamples=50) == one
    assert evaluate(account, y, {"model": p}, seed=2, resamples=50) != one
    turned = np.random.default_rng(1).permutation(len(y))
    other = evaluate(account[turned], y[turned], {"model": p[turned]}, seed=1, resamples=50).figures["model"]
    for name, figure in one.figures["model"].items():
        assert (figure.value, figure.low, figure.high) == pytest.approx(
            (other[name].value, other[name].low, other[name].high)
        )


def test_the_calibration_error_of_what_is_always_right_is_zero():
    y = np.tile([0.0, 1.0], 50)
    account = np.arange(100).astype(str)
    found = evaluate(account, y, {"model": y}, seed=1, resamples=50).figures["model"]["calibration_error"]
    assert (found.value, found.low) == (0.0, 0.0)
    half = evaluate(account, y, {"model": np.full(100, 0.5)}, seed=1, resamples=50).figures["model"]
    assert half["calibration_error"].value == pytest.approx(0.0, abs=1e-12)


def test_the_calibration_error_is_the_mean_gap_between_said_and_seen():
    y = np.r_[np.zeros(50), np.ones(50)]
    p = np.r_[np.full(50, 0.2), np.full(50, 0.7)]
    found = evaluate(np.arange(100).astype(str), y, {"model": p}, seed=1, resamples=50).figures["model"]
    assert found["calibration_error"].value == pytest.approx(0.25)


def test_one_outcome_alone_gives_no_order_and_no_failure():
    account, _, p = drawn(50)
    found = evaluate(account, np.zeros(50), {"model": p}, seed=1, resamples=20)
    assert np.isnan(found.figures["model"]["roc_auc"].value)
    assert not found.figures["model"]["roc_auc"].clear_above(0.0)
    assert found.positives == 0


def test_few_positives_leave_resamples_without_any_and_still_an_interval():
    account, _, p = drawn(50)
    y = np.r_[1.0, np.zeros(49)]
    found = evaluate(account, y, {"model": p, "champion": p}, seed=1, resamples=200)
    assert np.isfinite(found.figures["model"]["roc_auc"].low)


def test_the_figures_of_an_evaluation_can_be_written_as_json():
    account, y, p = drawn(50)
    measured = evaluate(account, y, {"model": p, "champion": p}, seed=1, resamples=20)
    assert measured.rows == 50
    figures = {
        who: {name: figure.model_dump() for name, figure in named.items()}
        for who, named in recorded_by_who(measured.figures).items()
    }
    assert set(json.loads(json.dumps(figures, allow_nan=False))) == {"model", "champion"}


@pytest.mark.parametrize("p", [np.full(100, 0.3), np.linspace(0, 1, 100), np.r_[np.zeros(95), np.linspace(0.1, 1, 5)]])
def test_equal_probabilities_share_a_bin_and_bins_rise(p):
    member = bins_of(p)
    assert member.min() >= 0
    assert member.max() < 10
    assert pd.Series(member).groupby(p).nunique().max() == 1
    assert (np.diff(member[np.argsort(p, kind="stable")]) >= 0).all()


def test_reliability_counts_every_row_once_and_its_intervals_hold_what_was_seen():
    _, y, p = drawn(500, ties=False)
    found = reliability(p, y)
    assert found["rows"].sum() == 500
    assert (found["rows"] * found["seen"]).sum() == pytest.approx(y.sum())
    assert ((found["low"] <= found["seen"]) & (found["seen"] <= found["high"])).all()
    assert found["said"].is_monotonic_increasing


def test_the_gains_of_the_base_rate_lie_on_the_diagonal():
    _, y, p = drawn()
    found = gains({"model": p, "base_rate": np.full(len(y), y.mean())}, y)
    base = found[found["who"] == "base_rate"]
    assert np.allclose(base["caught"], base["contacted"])
    best = gains({"model": y}, y, points=100)
    assert best.loc[best["contacted"] >= y.mean() + 0.01, "caught"].min() == pytest.approx(1.0)
    assert found[found["who"] == "model"]["caught"].is_monotonic_increasing
