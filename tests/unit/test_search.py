"""Settings are changed only where older folds are sure of it, and a search that was stopped goes on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.modelling import search as searching
from churnml.modelling.search import SearchFold, Settings, Tries, search
from churnml.specs.models import Tuning

COLUMNS = ["a", "b", "c"]
ESTIMATOR = {"learning_rate": 0.2, "num_leaves": 8, "min_data_in_leaf": 20, "monotone": None, "random_state": 7}
DAYS = pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"]).astype("datetime64[us]")


def rows(day, seed, strength=1.5, n=700):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = rng.random(n) < 1 / (1 + np.exp(2 - strength * x[:, 0]))
    frame = pd.DataFrame(x, columns=COLUMNS).assign(label=y.astype(float), as_of=day)
    return frame.assign(account_id=[f"a{place}" for place in range(n)])


def folds(strength=(1.5, 1.5, 1.5)):
    made = [rows(day, seed, s) for seed, (day, s) in enumerate(zip(DAYS, strength, strict=True))]
    return [SearchFold(made[0], made[1]), SearchFold(pd.concat(made[:2], ignore_index=True), made[2])]


def found(alternatives=None, trials=0, over=None, **more):
    return search(
        Settings(ESTIMATOR),
        alternatives or {},
        over or folds(),
        COLUMNS,
        max_trees=60,
        tuning=Tuning(trials=trials),
        seed=7,
        **more,
    )


def test_what_is_declared_stays_where_nothing_is_surely_better():
    chosen = found({"hardly anything else": {"lambda_l2": 10.5}})
    assert chosen.settings == Settings(ESTIMATOR)
    assert [tried.taken for tried in chosen.tried] == [True, False]
    assert chosen.trees == chosen.tried[0].trees


def test_what_is_surely_better_takes_office():
    wrong = Settings({**ESTIMATOR, "monotone": [-1, 0, 0]})
    chosen = search(wrong, {"free": {"monotone": None}}, folds(), COLUMNS, max_trees=60, tuning=Tuning(), seed=7)
    assert chosen.settings.estimator["monotone"] is None
    gained, error = chosen.tried[1].ahead, chosen.tried[1].standard_error
    assert gained > error > 0
    assert chosen.tried[1].loss == pytest.approx(chosen.tried[0].loss - gained)


def test_newer_rows_count_more_where_the_world_has_changed():
    turned = folds((-1.5, 1.5, 1.5))[1:]
    chosen = found({"newer": {"half_life": 30}}, over=turned)
    assert chosen.settings.half_life == 30
    assert found({"newer": {"half_life": 30}}).settings.half_life is None
    weight = Settings(ESTIMATOR, 30).weight(turned[0].train)
    assert weight.mean() == pytest.approx(1)
    assert weight.max() / weight.min() == pytest.approx(2 ** (91 / 30))


def test_the_number_of_trees_has_the_least_loss_over_all_folds():
    chosen = found()
    assert 1 <= chosen.trees < 60
    assert chosen.tried[0].loss == pytest.approx(np.average(chosen.by_fold, weights=[700, 700]))


def test_a_search_that_was_stopped_ends_as_one_that_was_not(tmp_path, monkeypatch):
    whole = found(trials=6)
    where = Tries(f"sqlite:///{tmp_path / 'tries.db'}", "s")
    growing, begun = searching._growing, []

    def dies(*given):
        begun.append(1)
        if len(begun) == 5:
            raise KeyboardInterrupt
        return growing(*given)

    with monkeypatch.context() as patched:
        patched.setattr(searching, "_growing", dies)
        with pytest.raises(KeyboardInterrupt):
            found(trials=6, tries=where)
    resumed = found(trials=6, tries=where)
    assert resumed.tried == whole.tried
    assert resumed.settings == whole.settings
    tries = []
    monkeypatch.setattr(searching, "_one_try", lambda *given: tries.append(given) or (1.0, None))
    assert found(trials=6, tries=where).settings == whole.settings
    assert tries == []


def test_where_few_had_the_outcome_the_simple_setting_stands_unless_it_is_surely_worse(monkeypatch):
    simple = {"half a line": {"linear": 0.5}, "a line": {"linear": 1.0}}
    few = [SearchFold(fold.train, fold.validate.head(200)) for fold in folds()]
    assert searching._with_outcome(few) < searching.FEW_POSITIVES <= searching._with_outcome(folds())
    chosen = found(over=few, simple=simple)
    assert chosen.tried[1].taken
    assert "few had the outcome" in chosen.tried[1].what
    assert "few had the outcome" not in chosen.tried[2].what
    assert "few had the outcome" not in found(simple=simple).tried[1].what


def test_what_a_line_cannot_know_is_left_to_trees():
    bent = folds()
    for fold in bent:
        for frame in (fold.train, fold.validate):
            frame["label"] = (frame["a"].abs() < 0.7).astype(float)
    chosen = found(over=bent, simple={"a line": {"linear": 1.0}})
    assert not chosen.settings.estimator.get("linear")


def test_a_line_is_taken_where_the_outcome_follows_one():
    rng, straight = np.random.default_rng(4), []
    for fold in folds():
        parts = [fold.train.head(250).copy(), fold.validate.copy()]
        for frame in parts:
            log_odds = -1 + frame[COLUMNS].sum(axis=1)
            frame["label"] = (rng.random(len(frame)) < 1 / (1 + np.exp(-log_odds))).astype(float)
        straight.append(SearchFold(*parts))
    chosen = found(over=straight, simple={"a line": {"linear": 1.0}})
    assert chosen.settings.estimator["linear"] == 1.0
    final = chosen.settings.classifier(trees=chosen.trees).fit(parts[0][COLUMNS], parts[0]["label"])
    assert final.booster_.num_trees() <= len(COLUMNS)
