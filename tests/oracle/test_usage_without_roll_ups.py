"""Usage cut straight from its events beside the roll-ups: the same features to the bit, and known as of a cutoff."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pandas as pd
import pytest

from churnml.adapters.warehouse.once import facts_once
from churnml.rollups import BITS, PARTS, without_hours
from churnml.tables import Facts
from tests.oracle.test_features_against_pandas import random_company
from tests.support import features_at, quick_facts

# a month apart, a day apart, and so far apart that their stretches do not fit into the bits of one number
CUTOFFS = (dt.date(2024, 2, 29), dt.date(2024, 3, 31), dt.date(2024, 4, 1), dt.date(2024, 9, 1))
LOOKBACKS = (7, 28, 90)
AS_OF = dt.date(2024, 3, 1)


def without_roll_ups(rolled: Facts, *, hours: bool = True) -> Facts:
    """The same company, its usage as it is in the table the roll-ups were made from."""
    backend = rolled.accounts.get_backend()
    events = backend.table("_kept_usage_events")
    return facts_once(rolled.accounts, events, PARTS, rolled.data_through, hours=hours)


def usage_of(facts: Facts, *cutoffs: dt.date, lookbacks=LOOKBACKS) -> pd.DataFrame:
    return features_at(
        facts,
        *cutoffs,
        families=("usage.*",),
        lookbacks=lookbacks,
        event_names=("login", "Export PDF"),
        core_events=("login", "Export PDF"),
    )


def company_of(events: list[tuple[str, str, str | None, str, str | None]]) -> Facts:
    columns = ["account_id", "event", "user_id", "occurred_at", "known_at"]
    accounts = pd.DataFrame({"account_id": ["a"], "created_at": ["2023-01-01"]})
    return quick_facts({"accounts": accounts, "usage_events": pd.DataFrame(events, columns=columns)})


@pytest.fixture(scope="module")
def rolled() -> Facts:
    company = random_company(38)
    return quick_facts({name: company[name] for name in ("accounts", "usage_events")})


@pytest.mark.parametrize("lookbacks", [LOOKBACKS, (1, 30, 200)], ids=str)
def test_usage_cut_straight_from_events_gives_the_features_of_the_roll_ups_to_the_bit(rolled, lookbacks):
    expected = usage_of(rolled, *CUTOFFS, lookbacks=lookbacks)
    pd.testing.assert_frame_equal(
        usage_of(without_roll_ups(rolled), *CUTOFFS, lookbacks=lookbacks), expected, check_exact=True
    )
    assert (expected.drop(columns=["account_id", "as_of"]).nunique() > 1).sum() > 30


def test_many_cutoffs_whose_stretches_do_not_fit_into_one_number_give_the_same(rolled):
    cutoffs = [dt.date(2024, 1, 1) + dt.timedelta(days=11 * n) for n in range(25)]
    families = {"families": ("usage.events", "usage.active_users", "usage.breadth"), "lookbacks": LOOKBACKS}
    expected = features_at(rolled, *cutoffs, **families)
    pd.testing.assert_frame_equal(
        features_at(without_roll_ups(rolled), *cutoffs, **families), expected, check_exact=True
    )


def test_names_without_a_bit_of_their_own_count_without_roll_ups_too():
    events = [("a", f"event {n}", "u", "2024-02-20", None) for n in range(BITS + 5)]
    counted = usage_of(without_roll_ups(company_of(events)), AS_OF)
    assert counted["usage_distinct_events_28d"].tolist() == [BITS + 5]


def test_where_times_are_dates_nobody_knows_the_office_hours(rolled):
    dated = dataclasses.replace(
        rolled, usage_days=without_hours(rolled.usage_days), usage_named=without_hours(rolled.usage_named)
    )
    expected = usage_of(dated, *CUTOFFS)
    assert expected.filter(like="office").isna().all(axis=None)
    pd.testing.assert_frame_equal(usage_of(without_roll_ups(rolled, hours=False), *CUTOFFS), expected, check_exact=True)


@pytest.mark.parametrize(("known_at", "seen"), [("2024-03-01", 1), ("2024-02-29 23:59", 2)])
def test_an_event_counts_without_roll_ups_only_once_it_was_known(known_at, seen):
    """The second row is the positive control: known a day earlier, it counts."""
    events = [
        ("a", "login", "u1", "2024-02-20", None),
        ("a", "Export PDF", "u2", "2024-02-21", known_at),
    ]
    counted = usage_of(without_roll_ups(company_of(events)), AS_OF, dt.date(2024, 3, 2))
    before, after = counted.to_dict("records")
    for name in ("usage_events_28d", "usage_active_days_28d", "usage_active_users_28d", "usage_distinct_events_28d"):
        assert (before[name], after[name]) == (seen, 2), name
