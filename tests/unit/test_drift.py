"""Whether what a model reads has moved since training: by size, and not because there are few rows or many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churnml.modelling.profile import Distribution, expected_by_chance, fit_profile, stability_index
from churnml.watch.drift import column_drift, drift_of, index_interval

ACCOUNTS = 1_500
RNG = np.random.default_rng(0)
TRAIN = pd.DataFrame(
    {
        "account_id": np.tile(np.arange(ACCOUNTS).astype(str), 4),
        "as_of": np.repeat(pd.date_range("2024-01-01", periods=4, freq="28D"), ACCOUNTS),
        "active": RNG.normal(50, 10, 4 * ACCOUNTS),
        "exports": RNG.poisson(0.4, 4 * ACCOUNTS).astype(float),
        "csat": np.where(RNG.random(4 * ACCOUNTS) < 0.3, np.nan, RNG.normal(4, 1, 4 * ACCOUNTS)),
        "segment": RNG.choice(["smb", "large"], 4 * ACCOUNTS),
        "nothing": 0.0,
    }
)
FEATURES = ["active", "exports", "csat", "segment", "nothing"]
UNSEEN = TRAIN[["account_id", "as_of"]].assign(probability=RNG.beta(1, 12, 4 * ACCOUNTS))
UNSEEN["label"] = (RNG.random(4 * ACCOUNTS) < UNSEEN["probability"]).astype(float)
PROFILE = fit_profile(TRAIN, FEATURES, ["segment"], UNSEEN)
ABOVE = 0.25


def now(rows: int, seed: int) -> pd.DataFrame:
    return TRAIN.sample(rows, random_state=seed).reset_index(drop=True)


def test_the_index_is_the_sum_over_bins_of_difference_times_log_ratio() -> None:
    # a half is added to every bin that was met: 10.5, 20.5, 30.5 of 61.5 and 30.5, 20.5, 10.5 of 61.5
    p, q = np.array([10.5, 20.5, 30.5]) / 61.5, np.array([30.5, 20.5, 10.5]) / 61.5
    by_hand = ((q - p) * np.log(q / p)).sum()
    assert stability_index(np.array([10, 20, 30, 0]), np.array([30, 20, 10, 0])) == pytest.approx(by_hand)


def test_without_drift_the_index_is_in_the_mean_what_chance_gives() -> None:
    reference = RNG.multinomial(20_000, np.full(10, 0.1))
    seen = [stability_index(reference, RNG.multinomial(300, np.full(10, 0.1))) for _ in range(400)]
    assert np.mean(seen) == pytest.approx(expected_by_chance(reference, 20_000, 300), rel=0.1)


def test_the_interval_holds_the_true_index_and_is_zero_where_chance_explains_it() -> None:
    p, q = np.full(10, 0.1), np.r_[np.full(5, 0.13), np.full(5, 0.07)]
    true = float(((q - p) * np.log(q / p)).sum())
    intervals = [index_interval(RNG.multinomial(3_000, p), RNG.multinomial(600, q), 3_000) for _ in range(200)]
    assert np.mean([low <= true <= high for low, high in intervals]) > 0.9
    same = [index_interval(RNG.multinomial(3_000, p), RNG.multinomial(600, p), 3_000)[0] for _ in range(200)]
    assert np.mean([low == 0 for low in same]) > 0.94


def test_three_hundred_accounts_of_the_same_business_raise_no_alarm() -> None:
    for seed in range(40):
        rows = now(300, seed)
        drift = drift_of(PROFILE, rows, UNSEEN["probability"].sample(300, random_state=seed).to_numpy(), {}, ABOVE)
        assert drift.moved == ()
        assert not drift.scores.moved


def test_a_mean_that_moved_by_a_whole_deviation_is_seen_among_three_hundred() -> None:
    rows = now(300, 1).assign(active=lambda frame: frame["active"] - 10)
    drift = drift_of(PROFILE, rows, np.full(300, 0.05), {"active": 3.0, "exports": 1.0}, ABOVE)
    assert [feature.feature for feature in drift.moved] == ["active"]
    assert drift.moved[0].shift == pytest.approx(-1.0, abs=0.15)
    assert drift.gain_moved == pytest.approx(0.75)


def test_a_difference_that_is_sure_and_small_is_no_drift() -> None:
    rows = pd.Series(np.random.default_rng(2).normal(50.7, 10, 100_000))
    drift = column_drift("active", PROFILE.features["active"], rows, 100_000, ABOVE)
    assert 0 < drift.low < drift.high < 0.05
    assert not drift.moved


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("csat", lambda column: column.where(np.arange(len(column)) % 5 == 0)),
        ("segment", lambda column: column.where(np.arange(len(column)) % 2 == 0, "partner")),
        ("nothing", lambda column: column + (np.arange(len(column)) % 2)),
        ("exports", lambda column: column * 0),
    ],
    ids=["values that are missing", "a new name", "a constant that is none", "counts that stopped"],
)
def test_it_is_seen(feature: str, change: object) -> None:
    rows = now(600, 3)
    assert not column_drift(feature, PROFILE.features[feature], rows[feature], ACCOUNTS, ABOVE).moved
    changed = change(rows[feature])  # type: ignore[operator]
    assert column_drift(feature, PROFILE.features[feature], changed, ACCOUNTS, ABOVE).moved


def test_what_moved_as_far_in_training_already_is_not_called_moved() -> None:
    rows = now(600, 4)["active"] - 10
    then = PROFILE.features["active"]
    assert column_drift("active", then, rows, ACCOUNTS, ABOVE).moved
    assert not column_drift("active", replace(then, usual=5.0), rows, ACCOUNTS, ABOVE).moved


def test_of_a_single_cutoff_it_is_not_known_what_is_usual_so_nothing_is_called_moved() -> None:
    one = fit_profile(TRAIN[TRAIN["as_of"] == TRAIN["as_of"].min()], FEATURES, ["segment"], UNSEEN)
    drift = column_drift("active", one.features["active"], now(600, 4)["active"] - 30, ACCOUNTS, ABOVE)
    assert drift.low > 1
    assert (drift.usual, drift.moved) == (None, False)


def test_a_season_that_training_knew_stands_in_the_profile() -> None:
    seasonal = TRAIN.assign(active=TRAIN["active"] + np.where(TRAIN["as_of"] == TRAIN["as_of"].max(), 15, 0))
    with_season = fit_profile(seasonal, FEATURES, ["segment"], UNSEEN)
    assert (PROFILE.features["active"].usual or 0) < 0.02
    assert (with_season.features["active"].usual or 0) > 0.3


def test_a_column_that_was_never_known_has_a_distribution_of_nothing_but_missing() -> None:
    empty = fit_profile(TRAIN.assign(csat=np.nan), FEATURES, ["segment"], UNSEEN).features["csat"]
    assert empty == Distribution((), None, (0, 4 * ACCOUNTS), usual=empty.usual)
    assert column_drift("csat", empty, now(600, 5)["csat"], ACCOUNTS, ABOVE).moved
