"""What compares periods is not known of an account that has not lived them; what it has lived trains and scores."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from churnml import snapshots
from churnml.adapters.project import default_models
from churnml.declarations import FeatureDeclaration
from churnml.features import FAMILIES, Feature, Grain, Wish, choose
from churnml.features.declared import DeclaredFamily, family_of
from churnml.health.scorecards import scorecards_of
from churnml.jobs.training import _within_data
from churnml.modelling.agreement import differences
from churnml.modelling.young import young_accounts
from churnml.pages.training_rows import young_sentence
from churnml.specs.health import HealthSpec
from churnml.specs.models import ModelSpec
from churnml.specs.reading import read_spec
from tests.support import quick_facts

AS_OF = dt.date(2024, 6, 1)
NOW = pd.Timestamp(AS_OF)
WISH = Wish((7, 28, 90), ("report",), (), ("report",), (14, 42))
# Days by which an account is old, and what it did on a day of that age (1 is yesterday): events and people.
AGES = range(1, 100)
HABITS = {
    "steady": lambda age: (2, 2),
    "fading": lambda age: (1 + age // 4, 1 + age // 30),
    "gone": lambda age: (3, 2) if age > 5 else (0, 0),
}
COMPARING = {
    "usage.trend",
    "usage.days_trend",
    "usage.core_trend",
    "usage.users_trend",
    "usage.key_users",
    "usage.slope",
    "usage.acceleration",
    "usage.own_past",
    "usage.streak",
    "usage.level",
    "usage.users_level",
    "usage.core_level",
    "usage.level_change",
    "tickets.trend",
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What an account of each habit and age shows."""

    features: tuple[Feature, ...]
    rows: pd.DataFrame

    def of(self, habit: str, name: str) -> pd.Series:
        """A feature by age in days."""
        return self.rows[self.rows["habit"] == habit].set_index("lived")[name]


def _company():
    accounts, usage, tickets = [], [], []
    for habit, did in HABITS.items():
        for lived in AGES:
            who = {"account_id": f"{habit}-{lived}"}
            accounts.append(who | {"created_at": NOW - pd.Timedelta(days=lived)})
            for age in range(1, lived + 1):
                events, people = did(age)
                at = NOW - pd.Timedelta(days=age) + pd.Timedelta(hours=10)
                usage += [
                    who | {"occurred_at": at, "event": "report", "user_id": f"u{n % max(people, 1)}", "quantity": 1.0}
                    for n in range(events)
                ]
                if age % 5 == 1:
                    tickets.append(who | {"ticket_id": f"{habit}-{lived}-{age}", "opened_at": at})
    return {"accounts": accounts, "usage_events": usage, "support_tickets": tickets}


@pytest.fixture(scope="module")
def facts():
    return quick_facts(_company())


def _measured(facts, *families):
    pace = DeclaredFamily(name="own.pace", means="pace", measure="count", trend=True)
    catalogue = FAMILIES | {"own.pace": family_of(pace)}
    features = choose(families or tuple(catalogue), (), WISH, facts, catalogue)
    names = [row["account_id"] for row in _company()["accounts"]]
    spine = pd.DataFrame({"account_id": names, "as_of": NOW})
    spine["as_of"] = spine["as_of"].astype("datetime64[us]")
    rows = snapshots.build_snapshots(facts, features, spine)
    rows[["habit", "lived"]] = [name.split("-") for name in names]
    return Measured(features, rows.astype({"lived": int}))


@pytest.fixture(scope="module")
def measured(facts):
    return _measured(facts)


def test_every_family_that_compares_periods_says_how_long_it_needs(measured):
    assert {feature.family for feature in measured.features if feature.lived} == COMPARING | {"own.pace"}


def test_what_compares_periods_is_unknown_until_they_are_lived_and_known_from_then_on(measured):
    for feature in measured.features:
        for habit in HABITS if feature.lived else ():
            known = measured.of(habit, feature.name).notna()
            assert not known[known.index < feature.lived].any(), (feature.name, habit)
            assert known[known.index >= feature.lived].all(), (feature.name, habit)


def test_no_value_that_compares_periods_follows_from_the_age_alone(measured):
    for feature in measured.features:
        if not feature.lived or feature.family == "usage.streak":
            continue
        of_age = measured.of("steady", feature.name).dropna()
        # whoever always did the same looks the same at every age; tickets come every fifth day, not every day
        tolerance = 0.3 if feature.family == "tickets.trend" else 1e-9
        assert np.ptp(of_age) <= tolerance, feature.name


def test_without_the_rule_the_age_alone_would_decide(facts, measured, monkeypatch):
    monkeypatch.setattr(snapshots, "known_once_lived", lambda column, feature, lived: column)
    bare = _measured(facts, "usage.events", "usage.trend", "usage.slope")
    young = [lived for lived in AGES if 5 < lived <= 28]
    for habit in HABITS:
        np.testing.assert_allclose(bare.of(habit, "usage_events_trend_28d_90d")[young], 90 / 28)
    assert bare.of("gone", "usage_slope_90d")[25] > 1
    changed = {f.name for f in bare.features if not bare.rows[f.name].equals(measured.rows[f.name])}
    assert changed == {f.name for f in bare.features if f.lived}


def test_what_a_young_account_has_done_counts_from_its_first_day(measured):
    assert measured.of("steady", "usage_events_90d")[[1, 20, 99]].tolist() == [2, 40, 180]
    assert measured.of("gone", "usage_days_since_last")[[3, 6, 50]].tolist() == [365, 6, 6]


def test_a_model_of_before_the_rule_is_told_apart_from_one_of_today(measured):
    today = {f.name: f.declaration() for f in measured.features if f.grain is not Grain.PLACED}
    older = today["usage_slope_90d"].as_json()
    del older["lived"]
    (found,) = differences([FeatureDeclaration.from_json(older)], today)
    assert found.sentence == "feature 'usage_slope_90d': its days an account must have lived was 0, today it is 90"


# ---------------------------------------------------------------- who trains


def _spec():
    return read_spec(ModelSpec, default_models() / "churn" / "spec.yaml")


def _early(created: dict[str, str]):
    """Accounts at a cutoff 20 days after the data began, whose longest lookback is 90 days."""
    usage = [{"account_id": who, "occurred_at": NOW, "event": "a", "user_id": "u"} for who in created]
    accounts = [{"account_id": who, "created_at": pd.Timestamp(at)} for who, at in created.items()]
    facts = quick_facts({"accounts": accounts, "usage_events": usage})
    spine = pd.DataFrame({"account_id": list(created), "as_of": NOW + pd.Timedelta(days=20)})
    kept, left_out = _within_data(facts, spine, _spec(), AS_OF)
    return list(kept["account_id"]), left_out


def test_an_account_that_began_with_the_data_trains_from_its_first_weeks():
    assert _early({"a": "2024-06-01", "b": "2024-06-10", "older": "2024-05-31"}) == (["a", "b"], 1)


def test_a_cutoff_of_whose_accounts_most_are_older_than_the_data_does_not_train():
    assert _early({"a": "2024-06-10", "older": "2024-01-01", "oldest": "2020-01-01"}) == ([], 3)


def test_the_record_says_how_many_young_accounts_trained():
    young = young_accounts(np.array([1.0, 0.0, 0.0, np.nan]), np.array([10, 89, 90, 5]), 90, 3)
    assert (young.rows, young.of, young.positives, young.left_out) == (2, 3, 1, 3)
    told = young_sentence(young, 9)
    assert told.startswith("2 of 3 training rows (67 %, 1 of them positive) are of accounts that had not yet")
    assert "3 rows of the earliest cutoffs did not train" in told
    assert young_sentence(young.model_copy(update={"of": None}), 20).startswith("2 of 20 training rows (10 %"), (
        "records of before"
    )
    assert young_sentence(young_accounts(np.array([1.0]), np.array([400.0]), 90, 0), 1) == ""


# ---------------------------------------------------------------- stages of health


def test_the_stage_goes_by_the_accounts_age_where_there_is_no_contract():
    spec = read_spec(HealthSpec, default_models() / "health.yaml")
    ages = pd.DataFrame({"account_age_days": [10.0, 89.0, 90.0]})
    assert list(scorecards_of(spec, ages).stage) == ["onboarding", "onboarding", "steady"]
    contracts = ages.assign(subscription_tenure_days=[400.0, np.nan, np.nan])
    assert list(scorecards_of(spec, contracts).stage) == ["steady", "onboarding", "steady"]
