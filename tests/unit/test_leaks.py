"""Features that give the outcome away are named; strong honest ones are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.features import Feature, Grain, Polarity, Unit
from churnml.modelling.evaluation import Evaluation, Figure
from churnml.modelling.leaks import giveaways, too_good

CUTOFFS = pd.date_range("2023-01-01", periods=14, freq="28D")


def feature(name, unit=Unit.COUNT):
    return Feature(name, "ours.own", name, Grain.ACCOUNT, lambda rows: rows, Polarity.NEITHER, unit, "", "")


@pytest.fixture(scope="module")
def company():
    """300 accounts over 14 cutoffs; 25 % leave at some time, the label is 1 in the three cutoffs before."""
    rng = np.random.default_rng(4)
    leaves = np.where(rng.random(300) < 0.25, rng.integers(4, 14, 300), 99)
    parts = []
    for n, as_of in enumerate(CUTOFFS):
        there = leaves > n
        ahead = leaves[there] - n
        parts.append(pd.DataFrame({"account_id": np.flatnonzero(there).astype(str), "as_of": as_of, "ahead": ahead}))
    rows = pd.concat(parts, ignore_index=True)
    rows["label"] = (rows["ahead"] <= 3).astype(float)
    rows["gone"] = rows["account_id"].astype(int).map(lambda i: leaves[i] < 99)
    return rows, rng


def named(rows, column, unit=Unit.COUNT, **given):
    train = rows[rows["as_of"] < CUTOFFS[10]]
    found = giveaways([feature(column, unit)], train, rows, **given)
    return found[0].sentence if found else None


def test_a_field_filled_in_after_leaving_is_named_though_some_are_missed_and_some_filled_by_mistake(company):
    rows, rng = company
    by_account = {a: rng.random() for a in rows["account_id"].unique()}
    luck = rows["account_id"].map(by_account)
    filled = np.where(rows["gone"], luck < 0.93, luck < 0.01)
    code = np.where(filled, np.where(luck * 1000 % 2 < 1, "price", "product"), None)
    assert "already at an account's first cutoff" in named(rows.assign(why=code), "why", Unit.NAME)
    score = np.where(filled, luck * 100, np.nan)
    assert "'score' gives the outcome away" in named(rows.assign(score=score), "score")


def test_a_fact_dated_back_is_named_though_it_marks_but_some_of_those_who_leave(company):
    rows, rng = company
    marked = (rows["ahead"] == 2) & (rng.random(len(rows)) < 0.8)
    sentence = named(rows.assign(closing=marked.astype(float)), "closing")
    assert "100% turn out positive" in sentence
    assert "1 or more" in sentence
    # with a value for everybody else, what marks them may be a low one, or a hole
    assert "or less" in named(rows.assign(visits=np.where(marked, -5.0, rng.random(len(rows)))), "visits")
    assert "empty" in named(rows.assign(visits=np.where(marked, np.nan, rng.random(len(rows)))), "visits")


def test_a_column_that_nearly_is_the_outcome_is_named(company):
    rows, rng = company
    nearly = rows["label"] + rng.normal(0, 0.25, len(rows))
    assert "orders accounts almost perfectly" in named(rows.assign(nearly=nearly), "nearly")
    assert "orders accounts almost perfectly" in named(rows.assign(nearly=-nearly), "nearly")


@pytest.mark.parametrize("strength", [0.5, 1.0, 1.5])
def test_an_honest_signal_is_not_named_however_strong(company, strength):
    rows, rng = company
    # an AUC of 0.64, 0.76 and 0.86
    signal = strength * rows["label"] + rng.normal(0, 1, len(rows))
    assert named(rows.assign(signal=signal), "signal") is None
    half_known = np.where(rng.random(len(rows)) < 0.5, signal, np.nan)
    assert named(rows.assign(signal=half_known), "signal") is None


def test_what_an_account_is_is_not_named_nor_are_many_rare_names(company):
    rows, rng = company
    of = {a: rng.integers(0, 80) for a in rows["account_id"].unique()}
    assert named(rows.assign(city=rows["account_id"].map(of).astype(str)), "city", Unit.NAME) is None
    none_of_them_leaves = np.where(rows["gone"], "smb", np.where(rows["account_id"].map(of) < 40, "gov", "smb"))
    assert named(rows.assign(kind=none_of_them_leaves), "kind", Unit.NAME) is None


def test_long_silence_may_settle_a_lapse(company):
    rows, rng = company
    silent = np.where(rows["ahead"] <= 2, 60 + rng.random(len(rows)), rng.random(len(rows)) * 20)
    assert named(rows.assign(silent=silent), "silent") is not None
    silent = np.where((rows["ahead"] <= 2) & (rng.random(len(rows)) < 0.5), 60, rng.random(len(rows)) * 20)
    assert named(rows.assign(silent=silent), "silent") is not None
    assert named(rows.assign(silent=silent), "silent", lapse=True) is None


def test_nothing_is_said_of_few_positives_or_an_empty_column(company):
    rows, _ = company
    few = rows.assign(label=np.where(rows.index < 5, 1.0, 0.0), copy=np.where(rows.index < 5, 1.0, 0.0))
    assert named(few, "copy") is None
    assert named(rows.assign(nothing=np.nan), "nothing") is None
    assert named(rows.assign(nothing=None), "nothing", Unit.NAME) is None


# ---------------------------------------------------------------- the model as a whole


def judged(low, recency=0.7):
    figures = {"model": {"roc_auc": Figure(low + 0.01, low, low + 0.02)}}
    figures["recency"] = {"roc_auc": Figure(recency, recency - 0.05, recency + 0.05)}
    return Evaluation(figures, {}, 1000, 80)


ONE = {"account.attributes": 2.0, "usage.events": 0.2}
MANY = {f"usage.{i}": 0.5 for i in range(5)}
STRONGEST = {"account.attributes": "account_offboarding"} | {f"usage.{i}": f"usage_{i}" for i in range(5)}


def test_a_model_too_good_to_be_true_is_named_with_the_feature_it_owes_it_to():
    assert "'account_offboarding' above all" in too_good(judged(0.97), ONE, STRONGEST)


@pytest.mark.parametrize(
    ("evaluation", "importance"),
    [(judged(0.90), ONE), (judged(0.97), MANY), (judged(0.97, recency=0.95), ONE), (judged(0.97), {})],
    ids=["good, not too good", "many families", "recency explains it", "nothing moves"],
)
def test_a_good_model_is_not(evaluation, importance):
    assert too_good(evaluation, importance, STRONGEST) is None
