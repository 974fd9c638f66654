"""Use with holidays evened out is what the slow obvious way gives: day by day, account by account."""

from __future__ import annotations

import datetime as dt
import math
import statistics

import numpy as np
import pandas as pd
import pytest

from churnml.features.declare import CalendarWish, HolidayRegions
from churnml.workdays import workdays
from tests.oracle.test_features_against_pandas import random_company
from tests.support import features_at, quick_facts

LOOKBACKS, LONGEST, OWN_PAST = (7, 28, 84), 84, 84
AFTER_GOLDEN_WEEK, NO_HOLIDAY_NEAR = dt.date(2024, 5, 8), dt.date(2024, 7, 1)
CUTOFFS = (AFTER_GOLDEN_WEEK, NO_HOLIDAY_NEAR)
EVENED = CalendarWish((7, 98), HolidayRegions("JP", "industry"), even_out=True)
AS_THEY_ARE = CalendarWish((7, 98), HolidayRegions("JP", "industry"))
COUNTED = ("usage.events", "usage.active_days", "usage.quantity")
NOT_COUNTED = ("usage.active_users",)
COMPARED = (
    "usage.slope",
    "usage.acceleration",
    "usage.own_past",
    "usage.recency",
    "calendar.working_days",
    "calendar.use",
)


@pytest.fixture(scope="module")
def company():
    made = random_company(23)
    kept = made["accounts"]["account_id"].head(20)
    tables = {name: frame[frame["account_id"].isin(kept)].reset_index(drop=True) for name, frame in made.items()}
    # some are at home in Germany, some say what nobody knows, some nothing
    tables["accounts"]["industry"] = [("Germany", "JP", "", "somewhere", "us-ca")[n % 5] for n in range(len(kept))]
    return tables


@pytest.fixture(scope="module")
def facts(company):
    return quick_facts(company, static=("industry",))


def at(facts, calendar, *families):
    return features_at(facts, *CUTOFFS, families=families, lookbacks=LOOKBACKS, calendar=calendar)


@pytest.fixture(scope="module")
def evened(facts):
    return at(facts, EVENED, *COUNTED, *NOT_COUNTED, *COMPARED)


def obvious(company, account, cutoff):
    region = {"Germany": "DE", "us-ca": "US-CA"}.get(account.industry, "JP")
    now = pd.Timestamp(cutoff)
    usage = company["usage_events"]
    usage = usage[usage["account_id"] == account.account_id]
    known = usage["known_at"].fillna(usage["occurred_at"])
    usage = usage[(known < now) & (usage["occurred_at"] < now)]
    age_of = (now - usage["occurred_at"].dt.floor("D")).dt.days
    lived = (now - account.created_at.floor("D")).days
    days = workdays(region, cutoff - dt.timedelta(days=366), 366)
    missing = {age: days.usual[-age] - days.worked[-age] if age <= lived else 0.0 for age in range(1, 366)}
    worked = {age: days.worked[-age] if age <= lived else 0.0 for age in range(1, 366)}
    filled = {}
    by_age = usage.groupby(age_of)
    for what, counts in {
        "events": by_age.size(),
        "active_days": by_age.size().clip(upper=1),
        "quantity": by_age["quantity"].sum(),
    }.items():
        each = {age: counts.get(age, 0) for age in range(1, LONGEST + 1)}
        rate = sum(each.values()) / sum(worked[age] for age in each)
        filled[what] = {age: count + missing[age] * rate for age, count in each.items()}
    row = {}
    for n in LOOKBACKS:
        for what, daily in filled.items():
            row[f"usage_{what}_{n}d"] = round(sum(daily[age] for age in range(1, n + 1)), 9)
        row[f"usage_per_working_day_{n}d"] = row[f"usage_events_{n}d"]
    daily = filled["events"]
    for n in LOOKBACKS[1:]:
        line = np.polyfit(np.arange(n), [daily[age] for age in range(n, 0, -1)], 1)
        level = sum(daily[age] for age in range(1, n + 1)) / n
        some = (age_of <= n).any() and lived >= n
        row[f"usage_slope_{n}d"] = line[0] * (n - 1) / level if some else None
    oldest, middle, newest = (sum(daily[age] for age in range(7 * k + 1, 7 * k + 8)) for k in (2, 1, 0))
    known = (age_of <= 21).any() and lived >= 21
    row["usage_acceleration_7d"] = (
        (newest - 2 * middle + oldest) / statistics.mean((oldest, middle, newest)) if known else None
    )
    weeks = [sum(daily[age] for age in range(7 * w + 1, 7 * w + 8)) for w in range(12)]
    row["usage_own_past_11w"] = (
        (weeks[0] - statistics.mean(weeks[1:])) / math.sqrt(statistics.pvariance(weeks[1:]) + 1)
        if lived >= OWN_PAST
        else None
    )
    last = age_of[age_of <= 365].min() if (age_of <= 365).any() else 365
    row["usage_days_since_last"] = last if last == 365 else max(1, last - sum(missing[a] for a in range(1, last)))
    return row


@pytest.mark.parametrize("cutoff", CUTOFFS, ids=str)
def test_holidays_are_evened_out_as_the_slow_obvious_way_does(company, evened, cutoff):
    found = evened[evened["as_of"] == pd.Timestamp(cutoff)].set_index("account_id")
    for account in company["accounts"].itertuples():
        if account.account_id not in found.index:
            continue
        for name, value in obvious(company, account, cutoff).items():
            given = found.loc[account.account_id, name]
            if name.startswith(("usage_events", "usage_active_days", "usage_days")):
                assert abs(given - value) <= 0.5 + 1e-9, (account.account_id, name)
                assert given == round(given)
            elif name.startswith("usage_per_working_day"):
                n = int(name.rpartition("_")[2].removesuffix("d"))
                assert given == pytest.approx(found.loc[account.account_id, f"usage_events_{n}d"] / (n // 7 * 5))
            elif value is None:
                assert math.isnan(given), (account.account_id, name)
            else:
                assert given == pytest.approx(value, rel=1e-9, abs=1e-9), (account.account_id, name)


def test_what_no_holiday_touches_stays_to_the_bit(facts, evened):
    """Of a lookback without holidays in the account's region, and of what is no count of use."""
    as_it_is = at(facts, AS_THEY_ARE, *COUNTED, *NOT_COUNTED)
    july = evened["as_of"] == pd.Timestamp(NO_HOLIDAY_NEAR)
    short = ["usage_events_7d", "usage_active_days_7d", "usage_active_users_28d"]
    pd.testing.assert_frame_equal(evened.loc[july, short], as_it_is.loc[july, short], check_exact=True)
    assert not evened.loc[~july, "usage_events_28d"].equals(as_it_is.loc[~july, "usage_events_28d"])


def test_an_event_known_a_day_earlier_changes_what_holidays_are_evened_out_with():
    """Time travel: what becomes known at the cutoff says nothing of an account's usual rate, the day before it does."""
    cutoff = pd.Timestamp(AFTER_GOLDEN_WEEK)
    day = cutoff - pd.Timedelta(days=40)
    rows = [("early", cutoff - pd.Timedelta(days=1)), ("late", cutoff), ("never", None)]
    usage = pd.DataFrame(
        [
            {"account_id": name, "occurred_at": day + pd.Timedelta(minutes=n), "event": "a", "known_at": known}
            for name, known in rows
            for n in range(60)
            if known is not None
        ]
    )
    accounts = pd.DataFrame({"account_id": [name for name, _ in rows], "created_at": pd.Timestamp("2023-01-01")})
    facts = quick_facts({"accounts": accounts, "usage_events": usage})
    found = features_at(facts, AFTER_GOLDEN_WEEK, families=COUNTED, lookbacks=LOOKBACKS, calendar=EVENED)
    events = found.set_index("account_id")["usage_events_28d"]
    assert events["late"] == events["never"] == 0
    assert events["early"] > 0


def test_the_window_s_month_moves_with_the_cutoff_alone(facts):
    """Time travel: whatever is in the data, and known a day earlier only by the date itself."""
    calendar = CalendarWish((0, 1))
    last, first = dt.date(2024, 6, 30), dt.date(2024, 7, 1)
    found = features_at(facts, last, first, families=("calendar.*",), lookbacks=LOOKBACKS, calendar=calendar)
    assert found.groupby("as_of")["calendar_window_month"].unique().map(list).tolist() == [[6], [7]]
    assert found.groupby("as_of")["calendar_window_quarter"].unique().map(list).tolist() == [[2], [3]]
