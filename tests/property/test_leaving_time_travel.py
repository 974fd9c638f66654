"""The time of leaving looks no further than it says.

As in :mod:`tests.property.test_time_travel`: a company as it was and as it would look had everything after a day
come out differently; and the positive controls without which that would prove nothing.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnml.snapshots import attach_leaving_times, population
from tests.property.test_time_travel import (
    ACCOUNTS,
    AS_OF,
    LABELS,
    NOW,
    PERIOD,
    USAGE,
    bounded,
    companies,
    frames,
    together,
)
from tests.support import quick_facts

BEFORE = LABELS["contract"].reach.settled_on(AS_OF)  # some day; each kind has seen less of its own by then
KINDS = ("contract", "lapse", "event")


def from_then_on(kind, tables, before, rng):
    """The same company with everything that happens on ``before`` or later changed."""
    end = pd.Timestamp(before)
    later = lambda: end + pd.Timedelta(hours=int(rng.choice([0, int(rng.integers(0, 2000))])))  # noqa: E731
    changed = dict(tables)
    if kind == "lapse":
        kept = [row for row in tables["usage_events"] if row["occurred_at"] < end]
        changed["usage_events"] = kept + [
            USAGE | {"account_id": f"o{n}", "occurred_at": later(), "known_at": later()} for n in range(ACCOUNTS)
        ]
    elif kind == "event":
        kept = [row for row in tables["churn_events"] if row["churned_at"] < end]
        changed["churn_events"] = kept + [{"account_id": f"o{n}", "churned_at": later()} for n in range(ACCOUNTS)]
    else:
        changed["subscriptions"] = [
            row | ({"ends_at": later() if rng.random() < 0.7 else None} if _runs_on(row, end) else {})
            for row in tables["subscriptions"]
            if row["starts_at"] < end
        ]
        changed["subscriptions"] += [
            PERIOD | {"account_id": f"o{n}", "subscription_id": f"ol{n}", "starts_at": later(), "known_at": later()}
            for n in range(ACCOUNTS)
        ]
    return changed


def _runs_on(row, end):
    return row["ends_at"] is None or row["ends_at"] >= end


@pytest.mark.parametrize("kind", KINDS)
def test_a_time_of_leaving_looks_at_nothing_from_the_given_day_on(kind):
    seen = []

    @bounded
    @given(companies, st.integers(0, 2**31))
    def check(company, seed):
        was = frames(company)
        was["subscriptions"] += [
            PERIOD | {"account_id": f"o{n}", "subscription_id": f"oa{n}", "ends_at": end}
            for n, end in enumerate([None, pd.Timestamp("2024-06-20"), NOW + pd.Timedelta(days=200)])
        ]
        was["usage_events"] += [USAGE | {"account_id": f"o{n}"} for n in range(ACCOUNTS)]
        was["churn_events"] += [{"account_id": "o0", "churned_at": pd.Timestamp("2024-06-20")}]
        original = quick_facts(together(was))
        changed = quick_facts(together(from_then_on(kind, was, BEFORE, np.random.default_rng(seed))))
        spine = population(LABELS[kind], original, [AS_OF])
        before = attach_leaving_times(LABELS[kind], original, spine, BEFORE)
        seen.extend(before["left_after"])
        pd.testing.assert_frame_equal(
            attach_leaving_times(LABELS[kind], changed, spine, BEFORE), before, check_exact=True
        )

    check()
    assert np.isnan(seen).any(), "the examples must show some who stay and some who leave, else they prove nothing"
    assert not np.isnan(seen).all()


# what ends a leaving's being seen: the last hour that still counts, and the first that does not
LAST_DAYS = {
    "contract": ("subscriptions", lambda when: [PERIOD | {"ends_at": when}]),
    "event": ("churn_events", lambda when: [{"account_id": "o0", "churned_at": when}]),
}


@pytest.mark.parametrize("kind", LAST_DAYS)
def test_a_leaving_on_the_last_day_that_is_final_is_seen_and_one_an_hour_later_is_not(kind):
    source, rows = LAST_DAYS[kind]
    label = LABELS[kind]
    days = (BEFORE - AS_OF).days - label.leaving_settles
    midnight = NOW + pd.Timedelta(days=days)
    base = frames(([], [], [], [])) | {"subscriptions": [PERIOD]}
    found = {}
    for hours in (-1, 0):
        facts = quick_facts(together(base | {source: rows(midnight + pd.Timedelta(hours=hours))}))
        times = attach_leaving_times(label, facts, population(label, facts, [AS_OF]), BEFORE)
        found[hours] = times.set_index("account_id").loc["o0"]
    assert found[-1]["left_after"] == days - 1
    assert np.isnan(found[0]["left_after"])
    assert found[-1]["seen_for"] == found[0]["seen_for"] == days


def test_a_visit_that_ends_a_silence_a_day_earlier_changes_the_time_of_a_lapse():
    label = LABELS["lapse"]
    last = NOW + pd.Timedelta(days=10)
    found = []
    for days in (label.horizon, label.horizon + 1):
        back = last + pd.Timedelta(days=days)
        rows = [
            USAGE | {"account_id": "o0", "occurred_at": when, "known_at": when}
            for when in (NOW - dt.timedelta(1), last, back)
        ]
        facts = quick_facts(together(frames(([], [], [], [])) | {"usage_events": rows}))
        times = attach_leaving_times(label, facts, population(label, facts, [AS_OF]), dt.date(2024, 10, 1))
        found.append(times.set_index("account_id").loc["o0", "left_after"])
    assert found == [10 + label.horizon + 1, 11]
