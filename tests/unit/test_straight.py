"""A logistic regression as trees: it says what a line says, and is an ordinary LightGBM model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.modelling.estimator import BoostedClassifier


def rows(n=1500, seed=5):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"use": rng.normal(size=n), "noise": rng.normal(size=n), "tickets": rng.poisson(2.0, n)})
    frame.loc[rng.random(n) < 0.3, "tickets"] = np.nan
    frame["plan"] = rng.choice(["pro", "free"], n)
    log_odds = -1.5 - 1.2 * frame["use"] + 1.0 * frame["tickets"].isna() + 0.8 * (frame["plan"] == "free")
    return frame, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float), log_odds.to_numpy()


def fitted(frame, y, **more):
    return BoostedClassifier(trees=5, min_data_in_leaf=20, **more).fit(frame, y)


def test_it_finds_the_line_the_outcomes_were_drawn_from():
    frame, y, log_odds = rows()
    said = fitted(frame, y, linear=1.0).decision_function(frame)
    assert np.corrcoef(said, log_odds)[0, 1] > 0.97
    assert (1 / (1 + np.exp(-said))).mean() == pytest.approx(y.mean(), abs=0.01)


def test_its_parts_add_up_to_what_it_says_also_for_what_was_never_missing_in_training():
    frame, y, _ = rows()
    model = fitted(frame, y, linear=0.5)
    unknown = frame.assign(use=np.nan, plan=None).astype({"plan": "object"})
    for asked in (frame, unknown):
        parts = model.booster_.predict(model.encoded(asked), pred_contrib=True)
        assert parts.sum(axis=1) == pytest.approx(model.decision_function(asked))


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_share_of_the_line_is_the_mean_of_line_and_trees(share):
    frame, y, _ = rows()
    line, trees, both = (fitted(frame, y, linear=s).decision_function(frame) for s in (1.0, 0.0, share))
    assert both == pytest.approx(share * line + (1 - share) * trees)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_line_keeps_the_sign_that_was_declared(sign):
    frame, y, _ = rows()
    model = fitted(frame, y, linear=1.0, monotone=[sign, 0, 0, 0])
    steps = pd.concat([frame.iloc[:1]] * 50, ignore_index=True).assign(use=np.linspace(-3, 3, 50))
    risen = np.diff(model.decision_function(steps))
    assert (sign * risen >= 0).all()
    assert risen.any() == (sign == -1)  # the other way it has no weight at all


def test_where_nothing_varies_it_says_the_base_rate():
    frame, y = pd.DataFrame({"use": np.ones(400), "gone": np.nan}), np.r_[np.ones(100), np.zeros(300)]
    said = fitted(frame, y, linear=1.0).decision_function(frame)
    assert said == pytest.approx(np.log(1 / 3), abs=1e-6)
