"""Lists that fit any company: shares of the book, what a team can read, and no money where none is known."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from churnml.adapters.project import default_models
from churnml.features import FAMILIES, Wish
from churnml.health.default import as_far_as_possible, nearest_lookback
from churnml.health.score import check_inputs, stretched
from churnml.ledger import DayPlan, PriorState
from churnml.pages.capacity import capacity_text
from churnml.pages.terminal.run import RunPlaces, run_text
from churnml.rules.checking import read_rules
from churnml.rules.facts import known_facts
from churnml.specs.health import HealthSpec
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.reading import read_spec
from churnml.specs.team import WITHOUT_A_FILE, TeamSpec
from churnml.work.planning import plan_day
from churnml.work.settling import ranks
from tests.diary import playbook
from tests.unit.test_summary import SUMMARY

MONDAY = dt.date(2024, 6, 3)
HEALTH = read_spec(HealthSpec, default_models() / "health.yaml")
DEFAULT = read_spec(PlaybooksSpec, default_models() / "playbooks.yaml")


def features_over(*lookbacks: int):
    wish = Wish(lookbacks, (), ("segment",))
    return {feature.name: feature for family in FAMILIES.values() for feature in family.features(wish)}


FACTS = known_facts(HEALTH, features_over(7, 28, 90), ("segment",))


def book(probability: np.ndarray, *, mrr: float | None, seed: int = 1) -> pd.DataFrame:
    """A book of healthy and unhealthy accounts, whose health says nothing of who leaves."""
    rng, n = np.random.default_rng(seed), len(probability)
    base = probability.mean()
    health = rng.uniform(20, 90, n)
    return pd.DataFrame(
        {
            "account_id": [f"a{i:04}" for i in range(n)],
            "owner_id": [f"csm-{i % 5}" for i in range(n)],
            "band": np.where(health >= 70, "healthy", np.where(health >= 45, "watch", "at_risk")),
            "stage": "steady",
            "reasons": [("usage.trend",)] * n,
            "growth_reasons": [()] * n,
            "churn_probability": probability,
            "churn_lift": probability / base,
            "churn_rank": ranks(probability.tolist()),
            "upsell_probability": np.nan,
            "upsell_lift": np.nan,
            "upsell_rank": np.nan,
            "health": health,
            "mrr": np.nan if mrr is None else mrr,
            "days_to_renewal": np.nan,
        }
    )


def planned(spec: PlaybooksSpec, facts: pd.DataFrame, team: TeamSpec) -> DayPlan:
    return plan_day(read_rules(spec, "playbooks.yaml", FACTS), team, MONDAY, facts, PriorState(), seed="s")


@pytest.mark.parametrize("base", [0.03, 0.28, 0.73])
def test_the_default_playbooks_take_a_share_of_the_book_at_any_base_rate(base):
    logit = np.log(base / (1 - base)) + np.random.default_rng(3).normal(0, 0.7, 600)
    facts = book(1 / (1 + np.exp(-logit)), mrr=100.0)
    plan = planned(DEFAULT, facts, TeamSpec())
    taken = {d.account_id for d in plan.decisions if d.playbook == "usage_is_fading"}
    assert 0.05 <= len(taken) / len(facts) <= 0.15
    ranked = facts.set_index("account_id")["churn_rank"]
    assert ranked[list(taken)].max() <= 0.15


def test_without_a_team_file_a_list_is_as_long_as_it_can_be_read():
    facts = book(np.random.default_rng(2).uniform(0.1, 0.9, 600), mrr=100.0)
    spec = PlaybooksSpec.model_validate({"playbooks": [playbook("call", enter="churn_rank <= 0.5", holdout=0.0)]})
    plan = planned(spec, facts, WITHOUT_A_FILE)
    held = pd.Series([item.owner for item in plan.work]).value_counts()
    assert held.to_dict() == {f"csm-{i}": 5 for i in range(5)}
    assert sum(d.disposition == "overflow" for d in plan.decisions) == 300 - 25
    shared = planned(spec, facts.assign(owner_id=None), WITHOUT_A_FILE)
    assert len(shared.work) == 50


@pytest.mark.parametrize("mrr", [None, 0.0])
def test_where_no_mrr_is_known_the_list_is_in_the_order_of_probability_times_effect(mrr):
    probability = np.random.default_rng(2).uniform(0.1, 0.9, 200)
    facts = book(probability, mrr=mrr)
    call = playbook("call", enter="churn_rank <= 0.5", holdout=0.0)
    call["effect"] = {"low": 0.0, "likely": 0.1, "high": 0.2}
    visit = playbook("visit", enter="churn_rank <= 0.25", holdout=0.0)
    visit["effect"] = {"low": 0.0, "likely": 0.3, "high": 0.4}
    spec = PlaybooksSpec.model_validate({"playbooks": [call, visit]})
    plan = planned(spec, facts, TeamSpec(others={"open_at_most": 8}))
    listed = [d for d in plan.decisions if d.disposition == "opened"]
    effect = {"call": 0.1, "visit": 0.3}
    worth = [d.facts["churn_probability"] * effect[d.playbook] for d in listed]
    assert worth == sorted(worth, reverse=True)
    assert len(listed) == 40
    assert all(d.value is None for d in plan.decisions), "accounts are no money"
    assert all(item.value is None for item in plan.work)
    assert spearmanr([d.facts["churn_probability"] for d in listed], range(len(listed))).statistic < -0.9
    # the capacity is spent by it too: of every owner the first eight
    first = facts.nsmallest(50, "churn_rank").groupby("owner_id").head(8)["account_id"]
    assert {d.account_id for d in listed} >= set(first)


def test_an_account_of_unknown_mrr_among_paying_ones_comes_after_them_by_probability():
    facts = book(np.linspace(0.9, 0.5, 10), mrr=100.0)
    facts.loc[[0, 1, 2], "mrr"] = np.nan
    spec = PlaybooksSpec.model_validate({"playbooks": [playbook("call", enter="churn_rank <= 1", holdout=0.0)]})
    order = [d.account_id for d in planned(spec, facts, TeamSpec()).decisions]
    assert order == [f"a{i:04}" for i in (3, 4, 5, 6, 7, 8, 9, 0, 1, 2)]


def test_ranks_are_shares_of_those_at_least_as_likely():
    assert ranks([0.5, None, 0.9, 0.5, 0.1]) == [0.75, None, 0.25, 0.75, 1.0]
    assert ranks([None]) == [None]
    assert ranks([]) == []


@pytest.mark.parametrize(("days", "due"), [(0, "2024-06-03"), (2, "2024-06-05"), (6, "2024-06-07"), (60, "2024-06-14")])
def test_work_to_keep_an_account_is_due_on_the_day_it_renews_at_the_latest(days, due):
    # due in nine working days; 8 and 9 June are a weekend
    facts = book(np.array([0.9]), mrr=100.0).assign(days_to_renewal=float(days))
    for goal, expected in (("keep", due), ("care", "2024-06-14")):
        call = playbook("call", enter="churn_rank <= 1", holdout=0.0, goal=goal, due_in_days=9)
        (item,) = planned(PlaybooksSpec.model_validate({"playbooks": [call]}), facts, TeamSpec()).work
        assert str(item.due) == expected


# ---------------------------------------------------------------- words


def test_what_a_team_can_take_is_told():
    assert capacity_text(TeamSpec(), {"ana"}) == ""
    assert capacity_text(WITHOUT_A_FILE, ()) == ""
    without = capacity_text(WITHOUT_A_FILE, {"ana", "team:all"})
    assert without.startswith("at most 5 open work items a person and 50 a shared list, since no models/team.yaml")
    team = TeamSpec.model_validate({"people": {"ana": {"minutes_a_week": 90}}, "others": {"minutes_a_week": 240}})
    assert capacity_text(team, {"ana", "ben"}) == "5.5 hours a week of newly given work, of 2 people"
    shared = TeamSpec.model_validate({"shared": {"open_at_most": 7}})
    assert capacity_text(shared, {"team:all", "ana"}) == "7 open work items at once, of 1 person and 1 shared list"


def test_where_nobody_is_known_to_pay_no_sentence_is_about_money():
    places = RunPlaces(project=default_models(), scores=None, mlflow=None, churnml_command="c", mlflow_command="m")
    with_money = run_text(SUMMARY, (), places, risk="churn").partition("DATA")[0]
    assert "MRR 300" in with_money
    poor = dataclasses.replace(SUMMARY, mrr=0.0, leaving_mrr=0.0, overflow_value=None, mrr_at_risk=None, models={})
    text = run_text(poor, (), places, risk="churn")
    assert "MRR" not in text
    assert "worth" not in text
    assert "1 more have given notice: nothing is left" in text


# ---------------------------------------------------------------- the default health


@pytest.mark.parametrize("lookbacks", [(7, 28, 90), (7, 28, 56), (30,), (14, 60, 180, 365)])
def test_the_default_health_needs_no_particular_lookback(lookbacks):
    possible = features_over(*lookbacks)
    spec = as_far_as_possible(HEALTH, possible)
    check_inputs(spec, possible, "health.yaml")
    if lookbacks == (7, 28, 90):
        assert spec is HEALTH
    assert {"adoption", "engagement", "support", "commercial"} == set(spec.dimensions)
    # what cannot be compared with a longer lookback is left out, never taken for something else
    trends = [one.feature for one in spec.inputs if "trend" in one.feature]
    assert bool(trends) is (len(lookbacks) > 1)


def test_the_nearest_lookback_is_taken_and_of_two_as_near_the_shorter():
    assert nearest_lookback("use_28d", ["use_14d", "use_42d", "other_28d"]) == "use_14d"
    assert nearest_lookback("use_trend_28d_90d", ["use_trend_7d_28d", "use_trend_28d_56d"]) == "use_trend_28d_56d"
    assert nearest_lookback("use_28d", ["use_trend_28d_56d"]) is None
    assert nearest_lookback("tickets_open", ["tickets_open_28d"]) is None


@pytest.mark.parametrize("base", [0.28, 0.5, 0.73, 0.99])
def test_the_points_of_risk_can_be_reached_at_any_base_rate(base):
    lift = np.array([0.0, 0.5, 1.0, 1.0 / base])
    found = stretched(lift, base, 10.0)
    assert found[[0, 2, 3]] == pytest.approx([0.0, 1.0, 10.0])
    assert (np.diff(found) > 0).all()


def test_where_the_last_point_can_be_reached_a_multiple_is_what_it_is():
    lift = np.array([0.3, 1.0, 4.0])
    assert stretched(lift, 0.06, 10.0) is lift
    assert stretched(lift, 0.1, 10.0) == pytest.approx(lift)
    assert stretched(lift, 1.0, 10.0) is lift
