"""The level of use: steady accounts have what they do, one busy week is not the level, and mistakes are told."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from pydantic import ValidationError

from churnml.declarations import Wish
from churnml.features import FAMILIES, choose
from churnml.features.declared import DeclaredFamily, family_of
from churnml.features.levels import weeks_in, weights
from churnml.features.usage_levels import LEVEL_FAMILIES
from churnml.scoring.people import about_people
from churnml.snapshots import build_snapshots
from churnml.specs.models import FeatureChoice
from tests.support import everybody, features_at, quick_facts

AS_OF = dt.date(2024, 9, 2)
# Events in each of the last twelve weeks, the newest first; both sum to the same.
WEEKLY = {"steady": [3] * 12, "burst": [36, *[0] * 11]}


@pytest.fixture(scope="module")
def facts():
    usage = [
        {
            "account_id": who,
            "occurred_at": pd.Timestamp(AS_OF) - pd.Timedelta(days=7 * week + 3),
            "event": "a",
            "user_id": f"u{n}",
        }
        for who, by_week in WEEKLY.items()
        for week, events in enumerate(by_week)
        for n in range(events)
    ]
    accounts = [{"account_id": who, "created_at": pd.Timestamp("2023-01-01")} for who in WEEKLY]
    return quick_facts({"accounts": accounts, "usage_events": usage})


def test_a_steady_account_has_its_level_and_a_burst_counts_less_than_its_share(facts):
    rows = features_at(facts, AS_OF, families=("usage.level", "usage.users_level")).set_index("account_id")
    for name in ("usage_level_14d", "usage_level_42d", "usage_users_level_42d"):
        assert rows.loc["steady", name] == pytest.approx(3, rel=1e-8)
    each = weights(12, 42)
    assert rows.loc["burst", "usage_level_42d"] == pytest.approx(36 * (each[0] / sum(each)) ** 2, rel=1e-8)
    assert rows.loc["burst", "usage_level_42d"] < 36 * each[0] / sum(each)


def test_a_week_counts_half_after_a_half_life():
    assert weights(3, 7) == (1.0, 0.5, 0.25)
    assert weights(5, 14)[4] == 0.25


def test_a_level_looks_at_whole_weeks_of_the_lookback_and_at_a_year_at_most():
    assert [weeks_in(days) for days in (5, 7, 90, 730)] == [1, 1, 12, 52]


def test_a_project_declares_levels_of_its_own(facts):
    declared = DeclaredFamily(name="own.pace", means="pace", measure="level", half_life=42, lookbacks=(90,))
    (feature,) = choose(("own.pace",), (), Wish((7, 90), (), ()), facts, FAMILIES | {"own.pace": family_of(declared)})
    own = build_snapshots(facts, [feature], everybody(facts, AS_OF))[feature.name]
    built_in = features_at(facts, AS_OF, families=("usage.level",))["usage_level_42d"]
    assert own.tolist() == built_in.tolist()
    assert feature.lookback == 84


def test_without_half_lives_every_family_gives_what_it_gave_before(facts):
    assert not any(FAMILIES[name].features(Wish((7, 28, 90), (), (), ("a",))) for name in LEVEL_FAMILIES)
    assert FeatureChoice(families=("usage.*",)).half_lives == ()


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"families": ("usage.level",)}, "needs half_lives"),
        ({"families": ("usage.level_change",), "half_lives": (14,)}, "compares two half_lives"),
        ({"families": ("usage.*",), "half_lives": (14,), "lookbacks": (7, 14)}, "needs a lookback of 3 weeks"),
    ],
)
def test_half_lives_that_make_no_level_are_refused(choice, told):
    with pytest.raises(ValidationError, match=told):
        FeatureChoice(**choice)


def test_a_half_life_belongs_to_a_level():
    with pytest.raises(ValidationError, match="belongs to a level"):
        DeclaredFamily(name="own.pace", means="pace", measure="count", half_life=14)


def test_users_of_a_week_are_no_news_of_an_account_of_one_person():
    wish = Wish((7, 28, 90), (), (), ("a",), (14, 42))
    features = {f.name: f for name in LEVEL_FAMILIES for f in FAMILIES[name].features(wish)}
    people = {name for name, feature in features.items() if about_people(feature.declaration())}
    assert people == {name for name in features if "users" in name}
