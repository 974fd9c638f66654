"""No row that trains or calibrates has a label that looks past the cutoff it helps to predict."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score

from churnml.errors import TooLittleDataError
from churnml.modelling.splits import (
    LEAST_FOLDS,
    MOST_JUDGES,
    TRAIN_BESIDE_LATER,
    PurgedRollingOrigin,
    plan,
    rolling_origin,
)
from churnml.timeline import Reach

D = dt.date
bounded = settings(max_examples=200, deadline=None, derandomize=True, database=None)
reaches = st.builds(Reach, st.integers(0, 30), st.integers(1, 60), st.integers(0, 30))
# of eighty weeks the newest one is a second, later period: the judged cutoff lies a whole reach of 126 days before it
BEHIND = 18
cutoff_sets = st.lists(st.integers(0, 700), min_size=1, max_size=30, unique=True).map(
    lambda numbers: [D(2023, 1, 1) + dt.timedelta(days=n) for n in numbers]
)


@bounded
@given(cutoff_sets, reaches, st.integers(0, 20), st.integers(1, 6))
def test_nothing_that_trains_looks_past_what_it_predicts(cutoffs, reach, embargo, folds):
    try:
        found = plan(cutoffs, reach, embargo, folds)
    except TooLittleDataError:
        return
    margin = dt.timedelta(days=embargo)
    newest = [found.judged] if found.later is None else [found.judged, found.later]
    assert newest[-1] == max(cutoffs)
    if found.later is not None:
        assert reach.is_purged_for(found.judged, found.later, embargo)
        assert len(found.train) >= TRAIN_BESIDE_LATER
    assert not set(newest) & set(found.train)
    assert all(reach.settled_on(c) + margin <= found.judged for c in found.train)
    assert all(reach.settled_on(c) + margin > found.judged for c in found.purged)
    assert sorted([*found.train, *found.purged, *newest]) == sorted(cutoffs)
    assert 1 <= len(found.folds) <= folds
    assert found.search
    assert found.calibrate
    if len(found.folds) > 1:
        assert not set(found.search) & set(found.calibrate)
    for fold in found.folds:
        assert fold.validate in found.train
        assert fold.train
        assert set(fold.train) < set(found.train)
        assert all(reach.settled_on(c) + margin <= fold.validate for c in fold.train)


@bounded
@given(cutoff_sets, reaches, st.integers(0, 20))
def test_the_folds_are_the_newest_each_once_oldest_first(cutoffs, reach, embargo):
    every = rolling_origin(cutoffs, reach, embargo, 1000)
    newest = rolling_origin(cutoffs, reach, embargo, 2)
    assert newest == every[-2:]
    assert [f.validate for f in every] == sorted({f.validate for f in every})


def test_the_purge_is_as_wide_as_gap_horizon_settling_and_embargo_and_no_wider():
    cutoffs = [D(2024, 1, 1) + dt.timedelta(days=n) for n in range(0, 100, 10)]
    found = plan(cutoffs, Reach(gap=5, horizon=10, settle=5), 0, 4)
    assert found.train[-1] == D(2024, 1, 1) + dt.timedelta(days=70)  # settled exactly on the judged cutoff
    assert plan(cutoffs, Reach(5, 10, 5), 1, 4).train[-1] == D(2024, 1, 1) + dt.timedelta(days=60)


def test_the_order_in_which_cutoffs_come_does_not_matter():
    cutoffs = [D(2024, 1, 1) + dt.timedelta(days=n) for n in range(0, 100, 10)]
    assert plan(cutoffs[::-1], Reach(5, 10), 0, 4) == plan(cutoffs, Reach(5, 10), 0, 4)


@pytest.mark.parametrize("cutoffs", [[], [D(2024, 1, 1)], [D(2024, 1, 1), D(2024, 2, 1)]], ids=["none", "one", "two"])
def test_too_little_history_is_told_with_what_is_needed(cutoffs):
    with pytest.raises(TooLittleDataError) as refused:
        plan(cutoffs, Reach(7, 30), 0, 4)
    assert "days" in refused.value.remedy


def monthly(count):
    return [D(2022, 1, 3) + dt.timedelta(days=28 * n) for n in range(count)]


def test_a_second_later_period_is_held_out_only_where_enough_is_left_to_learn_from():
    reach = Reach(7, 91, 28)  # five cutoffs
    short, long = plan(monthly(25), reach, 0, 9), plan(monthly(26), reach, 0, 9)
    assert short.later is None
    assert (long.judged, long.later) == (monthly(26)[-6], monthly(26)[-1])
    assert len(long.train) == TRAIN_BESIDE_LATER


def test_search_and_calibration_are_spread_over_the_whole_history_before_the_oldest_judge():
    found = plan(monthly(20), Reach(7, 91, 28), 0, 9)
    roles = ["search" if fold in found.search else "calibrate" for fold in found.folds]
    assert roles == ["calibrate", *["calibrate", "search", "calibrate"] * 2]


@bounded
@given(cutoff_sets, reaches, st.integers(0, 20), st.integers(1, 9))
def test_what_chooses_what_calibrates_and_what_judges_are_kept_apart(cutoffs, reach, embargo, folds):
    try:
        found = plan(cutoffs, reach, embargo, folds)
    except TooLittleDataError:
        return
    assert found.judges[-1] == found.judged
    assert list(found.judges) == sorted(set(found.judges))
    assert len(found.judges) <= MOST_JUDGES
    for fold in found.earlier:
        assert fold.train == tuple(c for c in sorted(cutoffs) if reach.is_purged_for(c, fold.validate, embargo))
    if found.earlier:
        assert len(found.folds) >= LEAST_FOLDS
        assert all(reach.is_purged_for(fold.validate, found.judges[0], embargo) for fold in found.folds)


def test_the_cutoffs_that_judge_cover_about_a_label_window_together():
    assert plan(monthly(20), Reach(7, 91, 28), 0, 9).judges == tuple(monthly(20)[-4:])
    weekly = [D(2022, 1, 3) + dt.timedelta(days=7 * n) for n in range(80)]
    assert plan(weekly, Reach(7, 91, 28), 0, 9).judges == tuple(weekly[-n - 1 - BEHIND] for n in (12, 8, 4, 0))


def test_a_short_history_or_few_who_left_early_leave_fewer_cutoffs_to_judge():
    reach, cutoffs = Reach(7, 91, 28), monthly(20)
    assert len(plan(monthly(12), reach, 0, 9).judges) < 4
    nobody_early = {cutoff: 0 if cutoff < cutoffs[14] else 50 for cutoff in cutoffs}
    assert plan(cutoffs, reach, 0, 9, nobody_early).judges == (cutoffs[-1],)
    some = dict.fromkeys(cutoffs, 20)
    assert plan(cutoffs, reach, 0, 9, some) == plan(cutoffs, reach, 0, 9)


def test_the_splitter_is_scikit_learns_and_purges_by_the_calendar():
    cutoffs = np.repeat(np.array(monthly(12), dtype="datetime64[D]"), 3)
    splitter = PurgedRollingOrigin(Reach(7, 91, 28), embargo=7, at_most=3)
    x = np.arange(len(cutoffs), dtype=float).reshape(-1, 1)
    scores = cross_val_score(DummyClassifier(), x, np.arange(len(x)) % 2, groups=cutoffs, cv=splitter)
    assert len(scores) == splitter.get_n_splits(groups=cutoffs) == 3
    for train, validate in splitter.split(x, groups=cutoffs):
        assert len(set(cutoffs[validate])) == 1
        assert len(train) % 3 == 0  # whole cutoffs
        assert cutoffs[train].max() + np.timedelta64(7 + 91 + 28 + 7, "D") <= cutoffs[validate][0]
    with pytest.raises(ValueError, match="as_of"):
        splitter.get_n_splits()
