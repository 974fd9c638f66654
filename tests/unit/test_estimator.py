"""The estimator is scikit-learn's, an average over seeds is one model, and unseen names are missing."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from churnml.modelling.estimator import BoostedClassifier, averaged


def drawn(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    x[rng.random(x.shape) < 0.05] = np.nan
    y = (rng.random(n) < 1 / (1 + np.exp(2 - 2 * np.nan_to_num(x[:, 0])))).astype(float)
    return x, y


@parametrize_with_checks(
    [BoostedClassifier(trees=20, min_data_in_leaf=1)],
    expected_failed_checks=lambda _: {
        # bagging draws rows, and a row of weight two is drawn once
        "check_sample_weight_equivalence_on_dense_data": "rows are drawn before they are weighted",
    },
)
def test_it_keeps_to_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


def test_the_average_over_seeds_is_one_model_that_says_the_mean_and_explains_the_mean():
    x, y = drawn()
    together = BoostedClassifier(trees=30, seeds=3, random_state=7).fit(x, y)
    alone = [BoostedClassifier(trees=30, random_state=seed).fit(x, y) for seed in (7, 8, 9)]
    said = [one.decision_function(x) for one in alone]
    assert np.abs(said[0] - said[1]).max() > 0.01
    np.testing.assert_allclose(together.decision_function(x), np.mean(said, axis=0), atol=1e-12)
    explained = [one.booster_.predict(x, pred_contrib=True) for one in alone]
    np.testing.assert_allclose(together.booster_.predict(x, pred_contrib=True), np.mean(explained, axis=0), atol=1e-12)
    assert together.booster_.num_trees() == 90
    again = lgb.Booster(model_str=together.booster_.model_to_string())
    np.testing.assert_array_equal(again.predict(x, raw_score=True), together.decision_function(x))


def test_an_average_of_one_is_that_one():
    x, y = drawn()
    one = BoostedClassifier(trees=10).fit(x, y).booster_
    np.testing.assert_array_equal(averaged([one]).predict(x), one.predict(x))


def test_the_same_rows_and_seed_give_the_same_trees():
    x, y = drawn()
    first, second = (BoostedClassifier(trees=20, seeds=2).fit(x, y).booster_.model_to_string() for _ in range(2))
    assert first == second


def test_a_category_that_was_never_seen_counts_as_missing():
    x, y = drawn()
    frame = pd.DataFrame({"number": x[:, 0], "plan": np.where(y == 1, "team", "scale").astype(object)})
    frame.loc[::10, "plan"] = None
    fitted = BoostedClassifier(trees=20).fit(frame, y)
    assert fitted.categories_ == {"plan": ("scale", "team")}
    unseen, missing, known = (fitted.predict_proba(frame.assign(plan=name))[:, 1] for name in ("new", None, "team"))
    np.testing.assert_array_equal(unseen, missing)
    assert (known > missing).any()


@pytest.mark.filterwarnings("error")
def test_more_than_a_hundred_columns_with_text_among_them_warn_of_nothing():
    rng = np.random.default_rng(1)
    x = pd.DataFrame(rng.normal(size=(300, 130)), columns=[f"n{k}" for k in range(130)])
    x["text"] = np.where(x["n0"] > 0, "up", "down")
    model = BoostedClassifier(trees=3).fit(x, (x["n0"] > 0).astype(int))
    assert model.predict_proba(x).shape == (300, 2)


@pytest.mark.parametrize("sign", [1, -1])
def test_with_a_sign_the_outcome_only_goes_that_way(sign):
    x, y = drawn()
    fitted = BoostedClassifier(trees=40, monotone=[sign, 0, 0, 0, 0]).fit(x, y)
    rows = np.zeros((50, 5))
    rows[:, 0] = np.linspace(-3, 3, 50)
    assert (sign * np.diff(fitted.decision_function(rows)) >= 0).all()
    if sign == 1:  # what the data say is let through, what they do not say is not
        assert np.ptp(fitted.decision_function(rows)) > 1
    else:
        assert np.ptp(fitted.decision_function(rows)) < 0.1


def test_as_many_signs_as_columns():
    with pytest.raises(ValueError, match="2 signs for 5 columns"):
        BoostedClassifier(monotone=[1, 0]).fit(*drawn())


def test_every_day_of_a_year_is_told_apart():
    days = np.tile(np.arange(366.0), 40)
    model = BoostedClassifier()
    data = model.learn_columns(days[:, None]).dataset(days[:, None], (days > 90).astype(float))
    assert data.construct().feature_num_bin(0) >= 366
