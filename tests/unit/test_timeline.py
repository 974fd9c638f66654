"""Dates, windows and cutoffs."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnml.timeline import Reach, cutoffs_ending, day_number_of, end_of_data, midnight, plus_days

D = dt.date
REACH = Reach(gap=7, horizon=30, settle=14)
dates = st.dates(D(2000, 1, 1), D(2040, 1, 1))
reaches = st.builds(Reach, st.integers(0, 60), st.integers(1, 200), st.integers(0, 60))
bounded = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def test_a_window_opens_after_the_gap_and_is_half_open():
    window = REACH.window(D(2024, 6, 1))
    assert (window.start, window.end) == (D(2024, 6, 8), D(2024, 7, 8))


def test_a_label_is_final_after_window_and_settling():
    assert REACH.settled_on(D(2024, 6, 1)) == D(2024, 7, 22)


def test_windows_cross_leap_days_and_years_in_days():
    assert Reach(0, 365).window(D(2024, 1, 1)).end == D(2024, 12, 31)
    assert plus_days(D(2023, 12, 31), 60) == D(2024, 2, 29)


def test_a_cutoff_is_mature_when_its_last_day_is_the_last_full_day_of_the_data():
    assert REACH.is_mature(D(2024, 6, 1), D(2024, 7, 21))
    assert not REACH.is_mature(D(2024, 6, 1), D(2024, 7, 20))


@bounded
@given(reaches, dates)
def test_the_latest_mature_cutoff_is_mature_and_the_day_after_is_not(reach, through):
    latest = reach.latest_mature(through)
    assert reach.is_mature(latest, through)
    assert not reach.is_mature(plus_days(latest, 1), through)


@bounded
@given(reaches, dates, dates, st.integers(0, 60))
def test_a_row_trains_exactly_when_its_label_and_the_embargo_are_over_by_the_judged_cutoff(
    reach, as_of, judged, embargo
):
    last_day_looked_at = as_of + dt.timedelta(days=reach.gap + reach.horizon + reach.settle - 1)
    assert reach.is_purged_for(as_of, judged, embargo) == (last_day_looked_at + dt.timedelta(days=embargo) < judged)


@bounded
@given(dates, st.integers(1, 60), st.integers(1, 20), dates)
def test_cutoffs_end_on_the_last_are_evenly_spaced_and_begin_not_too_early(last, every, at_most, not_before):
    found = cutoffs_ending(last, every, at_most, not_before)
    assert len(found) <= at_most
    assert all((b - a).days == every for a, b in itertools.pairwise(found))
    assert all(cutoff >= not_before for cutoff in found)
    if last >= not_before:
        assert found[-1] == last
        assert len(found) == at_most or found[0] - dt.timedelta(days=every) < not_before
    else:
        assert found == ()


def test_midnight_is_the_first_moment_of_a_day_and_data_end_with_the_day_after_the_last():
    assert midnight(D(2024, 6, 1)) == dt.datetime(2024, 6, 1, 0, 0)  # noqa: DTZ001
    assert end_of_data(D(2024, 2, 29)) == D(2024, 3, 1)


@pytest.mark.parametrize(("day", "number"), [(D(1970, 1, 1), 0), (D(1969, 12, 31), -1), (D(2024, 6, 1), 19875)])
def test_day_numbers_count_from_1970(day, number):
    assert day_number_of(day) == number
