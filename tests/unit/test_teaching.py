"""What hazards teach the classifier: of later leavings and unfinished cutoffs, and never of what was not known yet."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churnml.modelling import teaching
from churnml.modelling.estimator import BoostedClassifier
from churnml.modelling.teaching import TRUST, taught
from churnml.modelling.training import at_cutoffs
from tests.unit.test_hazard import FEATURES, NAMES, PLAN, SPEC, company

BEFORE = PLAN.judged


def targets(rows, train=None, spec=SPEC, before=BEFORE):
    train = at_cutoffs(rows, PLAN.train) if train is None else train
    reads = BoostedClassifier().learn_columns(train[list(NAMES)])
    return taught(spec, FEATURES, rows, train, before, lambda frame: reads.encoded(frame[list(NAMES)]))


@pytest.fixture(scope="module")
def rows():
    return company(np.random.default_rng(5), accounts=600)


@pytest.fixture(scope="module")
def train(rows):
    return at_cutoffs(rows, PLAN.train)


@pytest.fixture(scope="module")
def found(rows):
    return targets(rows)


def test_half_of_what_is_learned_is_the_outcome_and_the_base_rate_stays(train, found):
    label = train["label"].to_numpy()
    said = (found - (1 - TRUST) * label) / TRUST
    assert (said >= 0).all()
    assert (said <= 1).all()
    assert found.mean() == pytest.approx(label.mean(), rel=0.02)


def test_the_teacher_knows_what_the_hazards_know(train, found):
    label = train["label"].to_numpy()
    said = (found - (1 - TRUST) * label) / TRUST
    renews = train["subscription_days_to_renewal"].between(*SPEC.label.leaves_in, inclusive="left").to_numpy()
    team = (train["subscription_plan"] == "team").to_numpy()
    assert said[~renews].mean() < 0.15 * said[renews].mean()
    assert said[renews & team].mean() > 1.4 * said[renews & ~team].mean()


def test_nobodys_own_leaving_is_learned_by_heart():
    rng = np.random.default_rng(3)
    rows = company(rng, accounts=600)
    # a number that tells an account apart at all its cutoffs, and outcomes that follow from nothing else
    own = rng.permutation(600).astype(float)
    rows["subscription_mrr"] = np.tile(own, len(rows) // 600)
    leaves = np.tile(rng.random(600) < 0.5, len(rows) // 600)
    for name in NAMES[:3]:
        rows[name] = rows[name].iloc[0]
    rows["left_after"] = np.where(leaves, 20.0, np.nan)
    rows["left_after"] = rows["left_after"].where(rows["left_after"] < rows["seen_for"])
    rows["label"] = rows["left_after"].notna().astype(float)
    train = at_cutoffs(rows, PLAN.train)
    label = train["label"].to_numpy()
    said = (targets(rows, train) - (1 - TRUST) * label) / TRUST
    assert abs(np.corrcoef(said, label)[0, 1]) < 0.15
    # the control: whoever learned from an account's other cutoffs knows it
    reads = BoostedClassifier(trees=60, min_data_in_leaf=2, num_leaves=31, lambda_l2=0.1).fit(train[list(NAMES)], label)
    assert np.corrcoef(reads.predict_proba(train[list(NAMES)])[:, 1], label)[0, 1] > 0.5


def test_what_is_final_only_later_teaches_nothing_and_what_was_final_the_day_before_does(rows, train, found):
    ends = (rows["as_of"] + pd.to_timedelta(rows["left_after"], "D")).dt.normalize()
    final = ends + pd.Timedelta(days=SPEC.label.leaving_settles + 1)

    def without(which):
        return targets(rows.assign(left_after=rows["left_after"].where(~which)), train)

    late = (final > pd.Timestamp(BEFORE)) & (rows["as_of"] < pd.Timestamp(BEFORE))
    assert late.any()
    np.testing.assert_array_equal(without(late), found)
    week_before = final.between(pd.Timestamp(BEFORE) - pd.Timedelta(days=7), pd.Timestamp(BEFORE))
    assert week_before.any()
    assert (without(week_before) != found).any()


def test_cutoffs_whose_labels_are_purged_teach_and_the_judged_one_does_not(rows, train, found):
    purged = rows["as_of"].isin([pd.Timestamp(cutoff) for cutoff in PLAN.purged])
    assert purged.any()
    assert (targets(rows[~purged], train) != found).any()
    judged = rows["as_of"] >= pd.Timestamp(BEFORE)
    np.testing.assert_array_equal(targets(rows[~judged], train), found)


def test_the_order_of_the_rows_and_the_process_change_nothing(rows, train, found):
    again = targets(rows, train)
    np.testing.assert_array_equal(again, found)


def test_there_is_no_teacher_without_hazards_without_times_and_without_leavings(rows, train):
    assert targets(rows, train, SPEC.model_copy(update={"hazard": None})) is None
    silent = SPEC.model_copy(update={"estimator": SPEC.estimator.model_copy(update={"taught": False})})
    assert targets(rows, train, silent) is None
    assert targets(rows.drop(columns="left_after"), train) is None
    assert targets(rows.assign(left_after=np.nan), train) is None
    assert targets(rows, train, before=dt.date(2024, 1, 2)) is None


def test_what_is_taught_takes_the_place_of_the_outcomes():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2000, 3))
    p = 1 / (1 + np.exp(-2 * x[:, 0]))
    y = (rng.random(2000) < p).astype(int)
    plain = BoostedClassifier(trees=300, lambda_l2=0.1).fit(x, y)
    same = BoostedClassifier(trees=300, lambda_l2=0.1).fit(x, y, taught=y)
    np.testing.assert_allclose(same.decision_function(x), plain.decision_function(x), atol=1e-6)
    knows = BoostedClassifier(trees=300, lambda_l2=0.1).fit(x, y, taught=p)
    assert np.abs(knows.predict_proba(x)[:, 1] - p).mean() < 0.5 * np.abs(plain.predict_proba(x)[:, 1] - p).mean()
    with pytest.raises(ValueError, match="inconsistent"):
        BoostedClassifier().fit(x, y, taught=p[:-1])


def test_training_learns_from_the_teacher_in_the_final_fit_and_in_every_fold_that_calibrates(rows, monkeypatch):
    from churnml.modelling import training

    asked = []

    def spied(spec, features, rows_, train, before, encode):
        asked.append(before)
        return teaching.taught(spec, features, rows_, train, before, encode)

    monkeypatch.setattr(training, "taught", spied)
    fitted = training.fit(SPEC, FEATURES, rows, PLAN, {"name": "churn"})
    assert asked[-1] == PLAN.judged
    assert set(asked[:-1]) == {fold.validate for fold in PLAN.calibrate}
    monkeypatch.setattr(training, "taught", lambda *_: None)
    plain = training.fit(SPEC, FEATURES, rows, PLAN, {"name": "churn"})
    assert (fitted.predictor.predict(rows) != plain.predictor.predict(rows)).any()
