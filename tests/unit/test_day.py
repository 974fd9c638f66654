"""A day's plan beyond its worked examples: arms, tracing, what is known only later, and odd books."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any
from unittest import mock

import pandas as pd
import pytest

from churnml.errors import ChurnmlError
from churnml.ledger import Assignment, DayPlan, PriorState
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.team import TeamSpec
from churnml.work import life as work
from churnml.work import planning as day_module
from churnml.work.planning import plan_day
from tests.diary import Diary, playbook
from tests.spec.test_work import facts_of
from tests.support import day, rules_of, table

MONDAY = day("2024-06-03")


def spec_of(*playbooks: dict[str, Any], **beside: Any) -> PlaybooksSpec:
    return PlaybooksSpec.model_validate({"playbooks": list(playbooks), **beside})


def facts_in(text: str) -> pd.DataFrame:
    return facts_of(table(text))


CALL = playbook("call", enter="health < 40")
HALF = playbook("call", enter="health < 40", holdout=0.5)
THIRTY = facts_in("account | owner | health | mrr | churn_probability\n" + "\n".join(
    f"a{i:02} | {'ana' if i % 2 else 'ben'} | {i} | {100 + i} | 0.1" for i in range(30)
))  # fmt: skip


def planned(spec: PlaybooksSpec, facts: pd.DataFrame, before: PriorState = PriorState(), **said: Any) -> DayPlan:  # noqa: B008
    team = TeamSpec.model_validate(said.pop("team", {}))
    return plan_day(rules_of(spec), team, said.pop("as_of", MONDAY), facts, before, seed=said.pop("seed", "s"), **said)


def outcomes(plan: DayPlan) -> dict[str, str]:
    return {decision.account_id: decision.disposition for decision in plan.decisions}


def test_the_words_of_a_feature_and_its_unit_come_from_its_declaration():
    seats = "feature.usage_seat_utilisation_28d"
    spec = spec_of(playbook("call", enter=f"{seats} < 0.4", exit=f"{seats} >= 0.5"))
    facts, diary = THIRTY.iloc[:1].assign(**{seats: 0.31}), Diary()
    diary.record(planned(spec, facts))
    assert diary.events[0].why == "users seen in the last 28 days ÷ seats paid for: 31 %"
    tuesday = MONDAY + dt.timedelta(1)
    (closed,) = planned(spec, facts.assign(**{seats: 0.52}), diary.before(tuesday), as_of=tuesday).events
    assert closed.why == "the reason is gone: users seen in the last 28 days ÷ seats paid for: 52 %"


# ---------------------------------------------------------------- arms


def test_everybody_a_playbook_would_take_is_enrolled_and_only_the_treated_are_on_a_list():
    plan = planned(spec_of(HALF), THIRTY)
    assert {a.account_id for a in plan.assignments} == set(THIRTY["account_id"])
    arms = {a.account_id: a.arm for a in plan.assignments}
    assert set(arms.values()) == {"treated", "holdout"}
    assert outcomes(plan) == {a: "opened" if arm == "treated" else "holdout" for a, arm in arms.items()}
    assert {item.account_id for item in plan.work} == {a for a, arm in arms.items() if arm == "treated"}
    assert all(a.propensity == 0.5 and a.assigned_on == MONDAY for a in plan.assignments)
    assert all((d.arm, d.propensity) == (arms[d.account_id], 0.5) for d in plan.decisions)
    first = plan.assignments[0]
    assert (first.mrr, first.value) == (129.0, 1.29)


def test_another_seed_draws_other_arms_for_the_same_accounts():
    one, other = (planned(spec_of(HALF), THIRTY, seed=seed) for seed in ("s", "t"))
    assert {a.account_id for a in one.assignments} == {a.account_id for a in other.assignments}
    assert one.assignments != other.assignments


@pytest.mark.parametrize(("held", "enrolled"), [("a29", True), ("a20", True), ("a15", False), ("a03", False)])
def test_whether_an_account_is_enrolled_does_not_depend_on_its_own_arm(held, enrolled):
    team = {"people": {"ana": {"open_at_most": 4}, "ben": {"open_at_most": 6}}}
    drawn = day_module.arm_of

    def flipped(seed: str, account: str, name: str, share: float) -> tuple[Any, float]:
        arm, propensity = drawn(seed, account, name, share)
        if account == held:
            arm = "holdout" if arm == "treated" else "treated"
        return arm, propensity

    plan = planned(spec_of(HALF), THIRTY, team=team)
    with mock.patch.object(day_module, "arm_of", flipped):
        other = planned(spec_of(HALF), THIRTY, team=team)
    assert (held in {a.account_id for a in plan.assignments}) is enrolled
    assert (held in {a.account_id for a in other.assignments}) is enrolled
    assert (plan.assignments != other.assignments) is enrolled  # the arm was indeed another


def test_everybody_on_a_list_is_enrolled_and_the_room_is_used():
    team = {"people": {"ana": {"open_at_most": 4}, "ben": {"open_at_most": 6}}}
    plan = planned(spec_of(HALF), THIRTY, team=team)
    listed = [d for d in plan.decisions if d.disposition == "opened"]
    assert sum(d.owner == "ana" for d in listed) == 4
    assert sum(d.owner == "ben" for d in listed) == 6
    assert {d.account_id for d in listed} <= {a.account_id for a in plan.assignments if a.arm == "treated"}
    assert "overflow" in outcomes(plan).values()


def test_an_arm_is_kept_whatever_share_and_seed_are_declared_later():
    diary = Diary()
    diary.record(planned(spec_of(HALF), THIRTY))
    held = {account for (account, _), a in diary.assignments.items() if a.arm == "holdout"}
    for holdout in (0, 0.1, 0.9):
        later = planned(
            spec_of(playbook("call", enter="health < 40", holdout=holdout)),
            THIRTY,
            diary.before(MONDAY + dt.timedelta(1)),
            as_of=MONDAY + dt.timedelta(1),
            seed="another",
        )
        assert {a for a, outcome in outcomes(later).items() if outcome == "holdout"} == held
        assert later.assignments == ()


def test_who_was_treated_once_is_treated_again_without_another_draw():
    before = PriorState(assignments={("acme", "call"): Assignment("acme", "call", "treated", 0.9, day("2024-01-01"))})
    everybody_else = spec_of(playbook("call", enter="health < 40", holdout=0.99))
    plan = planned(everybody_else, facts_in("account | health\nacme | 30"), before)
    assert outcomes(plan) == {"acme": "opened"}
    assert plan.decisions[0].propensity == 0.9
    assert plan.assignments == ()


def test_a_playbook_that_holds_nobody_out_asks_for_no_arm_and_says_so():
    plan = planned(spec_of(CALL), THIRTY)
    assert plan.assignments == ()
    assert {(d.arm, d.propensity) for d in plan.decisions} == {("treated", 1.0)}
    assert all(event.details["propensity"] == 1.0 for event in plan.events)


# ---------------------------------------------------------------- what is known only later


@pytest.mark.parametrize(
    ("today", "later"),
    [
        ({"people": {"ana": {"left": MONDAY}}}, {"people": {"ana": {"left": day("2024-06-04")}}}),
        (
            {"people": {"ana": {"away": [{"from": MONDAY, "to": day("2024-06-10")}]}}},
            {"people": {"ana": {"away": [{"from": day("2024-06-11"), "to": day("2024-06-30")}]}}},
        ),
        ({"holidays": [day("2024-06-10")]}, {"holidays": [day("2024-06-11")]}),
    ],
)
def test_what_the_team_declares_of_later_days_changes_nothing_today(today, later):
    facts = facts_in("account | owner | health\nacme | ana | 30")
    plain = planned(spec_of(CALL), facts)
    assert planned(spec_of(CALL), facts, team=later) == plain
    assert planned(spec_of(CALL), facts, team=today) != plain  # the control


def test_a_snooze_and_a_cooldown_end_on_their_date_and_not_before():
    facts = facts_in("account | health\nacme | 30")
    diary = Diary()
    diary.record(planned(spec_of(CALL), facts))
    (item,) = diary.living("acme")
    snoozed, _ = work.snooze(item, until=day("2024-06-10"), who="ana", why="x", on=MONDAY)
    ended, _ = work.done(item, who="ana", on=MONDAY)
    for before, waits, ends in (
        (snoozed, "snoozed", day("2024-06-10")),
        (ended, "cooling", MONDAY + dt.timedelta(90)),
    ):
        eve = ends - dt.timedelta(1)
        assert outcomes(planned(spec_of(CALL), facts, PriorState(work=(before,)), as_of=eve)) == {"acme": waits}
        on_it = outcomes(planned(spec_of(CALL), facts, PriorState(work=(before,)), as_of=ends))
        assert on_it["acme"] in ("kept", "opened")


def test_a_date_before_open_work_cannot_be_decided():
    diary = Diary()
    diary.record(planned(spec_of(CALL), THIRTY))
    with pytest.raises(ChurnmlError, match="2024-06-02 cannot be decided any more: work was opened on 2024-06-03"):
        planned(spec_of(CALL), THIRTY, PriorState(work=tuple(diary.items.values())), as_of=day("2024-06-02"))


# ---------------------------------------------------------------- tracing


def test_every_decision_says_what_made_it():
    play = playbook("call", enter="health < 40 and tenure_days > 100", effect={"low": 0, "likely": 0.5, "high": 1})
    facts = facts_in(
        "account | health | tenure_days | mrr | churn_probability | band\nacme | 30 | 200 | 100 | 0.2 | watch"
    )
    plan = planned(spec_of(play), facts)
    (decision,) = plan.decisions
    assert decision.rule == "health < 40 and tenure_days > 100"
    assert dict(decision.facts) == {
        "band": "watch",
        "churn_probability": 0.2,
        "health": 30.0,
        "mrr": 100.0,
        "tenure_days": 200.0,
        "upsell_probability": None,
    }
    assert (decision.value_low, decision.value, decision.value_high) == (0, 10, 20)
    assert decision.because
    (item,) = plan.work
    assert (decision.work_id, decision.due, decision.owner) == (item.work_id, item.due, item.owner)
    assert item.value == 10
    (event,) = plan.events
    assert (event.what, event.who, event.on) == ("opened", "churnml", MONDAY)
    json.dumps([dict(decision.facts), dict(event.details)])


def test_kept_work_is_told_with_todays_facts_even_where_its_rule_holds_no_more():
    diary = Diary()
    diary.record(planned(spec_of(CALL), facts_in("account | health | mrr | churn_probability\nacme | 30 | 100 | 0.2")))
    tuesday = MONDAY + dt.timedelta(1)
    facts = facts_in("account | health | mrr | churn_probability\nacme | 50 | 100 | 0.4")
    (decision,) = planned(spec_of(CALL), facts, diary.before(tuesday), as_of=tuesday).decisions
    assert (decision.disposition, decision.facts["health"], decision.value, decision.because) == ("kept", 50, 4, ())
    assert diary.living("acme")[0].value == 2


# ---------------------------------------------------------------- odd books


def test_a_day_without_accounts_closes_what_is_open_and_opens_nothing():
    diary = Diary()
    diary.record(planned(spec_of(CALL), THIRTY))
    plan = planned(spec_of(CALL), THIRTY.iloc[:0], diary.before(MONDAY + dt.timedelta(1)), as_of=day("2024-06-04"))
    assert plan.decisions == ()
    assert {item.state for item in plan.work} == {"closed"}
    assert len(plan.work) == 30


def test_work_of_a_playbook_that_is_no_longer_declared_is_closed():
    diary = Diary()
    diary.record(planned(spec_of(CALL), THIRTY))
    other = spec_of(playbook("mail", enter="health > 99"))
    plan = planned(other, THIRTY, diary.before(day("2024-06-04")), as_of=day("2024-06-04"))
    assert {item.ended_because for item in plan.work} == {"there is no playbook 'call' any more"}


def test_an_account_with_two_rows_is_refused():
    with pytest.raises(ValueError, match="more than one row"):
        planned(spec_of(CALL), pd.concat([THIRTY, THIRTY.iloc[:1]]))


def test_where_even_the_fallback_owner_has_left_work_stays_where_it_is():
    gone = {"people": {"ana": {"left": day("2024-06-04")}, "team:customer-success": {"left": day("2024-06-04")}}}
    facts = facts_in("account | owner | health\nacme | ana | 30")
    diary = Diary()
    diary.record(planned(spec_of(CALL), facts, team=gone))
    tuesday = day("2024-06-04")
    diary.record(planned(spec_of(CALL), facts, diary.before(tuesday), as_of=tuesday, team=gone))
    assert diary.living("acme")[0].owner == "team:customer-success"
    wednesday = day("2024-06-05")
    plan = planned(spec_of(CALL), facts, diary.before(wednesday), as_of=wednesday, team=gone)
    assert plan.events == ()


def test_handing_on_takes_nobody_over_their_limit_and_waits_for_room():
    team = {"people": {"ben": {"open_at_most": 1}}}
    said = "account | owner | health\n{}"
    diary = Diary()
    diary.record(planned(spec_of(CALL), facts_in(said.format("acme | ana | 30\nbolt | ben | 30")), team=team))
    for date, rows, owners in (
        ("2024-06-04", "acme | ben | 30\nbolt | ben | 30", {"acme": "ana", "bolt": "ben"}),
        # what ben hands on makes room for what is handed to him, though it comes later in the alphabet
        ("2024-06-05", "acme | ben | 30\nbolt | cleo | 30", {"acme": "ben", "bolt": "cleo"}),
    ):
        diary.record(
            planned(spec_of(CALL), facts_in(said.format(rows)), diary.before(day(date)), as_of=day(date), team=team)
        )
        assert {p.account_id: p.owner for p in diary.items.values()} == owners


def test_the_projects_time_zone_moves_due_dates():
    facts = facts_in("account | owner | health\nacme | ana | 30")
    team = {"people": {"ana": {"time_zone": "Asia/Tokyo"}}}
    utc = planned(spec_of(CALL), facts, team=team)
    auckland = planned(spec_of(CALL), facts, team=team, zone="Pacific/Auckland")
    assert (utc.work[0].due, auckland.work[0].due) == (day("2024-06-10"), day("2024-06-07"))


def test_work_dismissed_on_the_day_it_was_opened_is_not_opened_again_that_day():
    diary = Diary()
    facts = facts_in("account | health\nacme | 30")
    none = spec_of(playbook("call", enter="health < 40", cooldown_days=0))
    diary.record(planned(none, facts))
    diary.change(work.dismiss(diary.living("acme")[0], who="ana", why="no", on=MONDAY))
    assert outcomes(planned(none, facts, diary.before(MONDAY))) == {"acme": "cooling"}
    tuesday = MONDAY + dt.timedelta(1)
    plan = planned(none, facts, diary.before(tuesday), as_of=tuesday)
    assert outcomes(plan) == {"acme": "opened"}
    assert plan.work[0].work_id not in diary.items


def test_open_work_of_an_earlier_declaration_that_overlaps_is_kept_apart():
    one = planned(spec_of(CALL), facts_in("account | health\nacme | 30")).work[0]
    other = replace(one, work_id="w-x", playbook="mail")
    both = spec_of(CALL, playbook("mail", enter="health < 40"))
    plan = planned(
        both, facts_in("account | health\nacme | 30"), PriorState(work=(one, other)), as_of=day("2024-06-04")
    )
    assert [d.work_id for d in plan.decisions] == [one.work_id, "w-x"]


# ---------------------------------------------------------------- who has it


def run(spec: PlaybooksSpec, team: dict[str, Any], *days: tuple[str, str]) -> tuple[Diary, DayPlan]:
    """A diary of some days, each made of rows ``account | owner | health``, and the last day's plan."""
    diary, plan = Diary(), DayPlan()
    for date, rows in days:
        facts = facts_in(f"account | owner | health\n{rows}")
        plan = planned(spec, facts, diary.before(day(date)), as_of=day(date), team=team)
        diary.record(plan)
    return diary, plan


def owner_of(spec: PlaybooksSpec, team: dict[str, Any], *days: tuple[str, str]) -> str:
    (item,) = run(spec, team, *days)[0].living("acme")
    return item.owner


def test_work_of_a_pool_does_not_follow_the_accounts_owner():
    pool = spec_of(playbook("call", enter="health < 40", owner="pool:desk"))
    team = {"people": {"ana": {"pools": ["desk"]}, "ben": {"pools": ["desk"]}}}
    days = (("2024-06-03", "acme | ana | 30"), ("2024-06-04", "acme | ben | 30"))
    assert owner_of(pool, team, *days) == "ana"


def test_whoever_stands_in_keeps_what_they_were_given_when_the_owner_is_back():
    team = {"people": {"ana": {"stand_in": "ben", "away": [{"from": MONDAY, "to": day("2024-06-12")}]}, "ben": {}}}
    days = (("2024-06-03", "acme | ana | 30"), ("2024-06-13", "acme | ana | 30"))
    assert owner_of(spec_of(CALL), team, *days) == "ben"


def test_work_waits_for_a_new_owner_who_is_away():
    team = {"people": {"ben": {"away": [{"from": MONDAY, "to": day("2024-06-12")}]}}}
    days = (("2024-06-03", "acme | ana | 30"), ("2024-06-04", "acme | ben | 30"), ("2024-06-13", "acme | ben | 30"))
    assert owner_of(spec_of(CALL), team, *days[:2]) == "ana"
    assert owner_of(spec_of(CALL), team, *days) == "ben"


def test_whoever_stands_in_for_good_has_it_until_the_crm_names_somebody_new():
    team = {"people": {"ana": {"left": day("2024-06-04"), "stand_in": "dora"}, "dora": {}}}
    days = [("2024-06-03", "acme | ana | 30"), ("2024-06-04", "acme | cleo | 30"), ("2024-06-05", "acme | cleo | 30")]
    assert owner_of(spec_of(CALL), team, *days) == "dora"
    assert owner_of(spec_of(CALL), team, *days, ("2024-06-06", "acme | emil | 30")) == "emil"


def test_who_leaves_hands_on_to_nobody_over_their_limit():
    team = {"people": {"ana": {"left": day("2024-06-04"), "stand_in": "dora"}, "dora": {"open_at_most": 1}}}
    days = (("2024-06-03", "acme | ana | 30\nbolt | dora | 30"), ("2024-06-04", "acme | ana | 30\nbolt | dora | 30"))
    assert owner_of(spec_of(CALL), team, *days) == "team:customer-success"


def test_work_of_a_pool_whose_owner_leaves_stays_in_the_pool():
    pool = spec_of(playbook("call", enter="health < 40", owner="pool:desk"))
    team = {"people": {"ana": {"pools": ["desk"], "left": day("2024-06-04")}, "ben": {"pools": ["desk"]}}}
    days = (("2024-06-03", "acme | ana | 30"), ("2024-06-04", "acme |  | 30"))
    assert owner_of(pool, team, *days) == "ben"


def test_an_owner_without_room_leaves_it_lying_rather_than_to_whoever_stands_in():
    team = {"people": {"ana": {"open_at_most": 0, "stand_in": "ben"}, "ben": {}}}
    _, plan = run(spec_of(CALL), team, ("2024-06-03", "acme | ana | 30"))
    assert [(d.disposition, d.owner) for d in plan.decisions] == [("overflow", "ana")]


def test_a_pool_shares_the_work_where_nobody_has_a_limit():
    pool = spec_of(playbook("call", enter="health < 40", owner="pool:desk"))
    plan = planned(pool, THIRTY.assign(owner_id=None), team={"people": {w: {"pools": ["desk"]} for w in "xyz"}})
    shares = pd.Series([item.owner for item in plan.work]).value_counts()
    assert set(shares.index) == {"x", "y", "z"}
    assert shares.min() >= 5


def test_room_for_one_goes_to_the_unhealthiest_where_no_value_is_known():
    _, plan = run(
        spec_of(CALL), {"people": {"ana": {"open_at_most": 1}}}, ("2024-06-03", "acme | ana | 30\nbolt | ana | 9")
    )
    assert outcomes(plan) == {"bolt": "opened", "acme": "overflow"}


def test_escalation_after_no_days_is_the_day_after_it_was_due():
    spec = spec_of(playbook("call", enter="health < 40", due_in_days=4, escalate_after_days=0))
    days = [(f"2024-06-{n:02}", "acme | ana | 30") for n in (3, 7, 8)]  # due on Friday the 7th
    assert run(spec, {}, *days[:2])[1].events == ()
    assert [event.what for event in run(spec, {}, *days)[1].events] == ["escalated"]


def test_what_takes_the_place_of_work_makes_room_tomorrow_so_that_the_day_can_be_done_again():
    spec = spec_of(
        playbook("call", enter="health < 40"),
        playbook("rescue", enter="health < 10", owner="team:rescue", supersedes=["call"]),
    )
    team = {"people": {"ana": {"open_at_most": 1}}}
    diary, _ = run(spec, team, ("2024-06-03", "acme | ana | 30"))
    for date, bolt in (("2024-06-04", "overflow"), ("2024-06-05", "opened")):
        facts = facts_in("account | owner | health\nacme | ana | 5\nbolt | ana | 30")
        plan = planned(spec, facts, diary.before(day(date)), as_of=day(date), team=team)
        diary.record(plan)
        again = planned(spec, facts, diary.before(day(date)), as_of=day(date), team=team)
        assert again == DayPlan(decisions=plan.decisions)
        assert outcomes(plan)["bolt"] == bolt


# ---------------------------------------------------------------- growth


def test_a_play_for_growth_is_about_a_reason_to_grow():
    spec = spec_of(playbook("grow", goal="grow", enter="mrr > 1", reasons=["usage.*"]))
    facts = facts_in("account | mrr | reasons\nacme | 100 | usage.trend\nbolt | 100 |")
    facts["growth_reasons"] = [("tickets.csat",), ("usage.depth",)]
    plan = planned(spec, facts)
    assert [(d.account_id, d.reason) for d in plan.decisions] == [("bolt", "usage.depth")]


def test_growth_without_a_declared_share_is_worth_the_whole_contract():
    spec = spec_of(playbook("grow", goal="grow", enter="mrr > 1", effect={"low": 0, "likely": 0.1, "high": 1}))
    facts = facts_in("account | mrr | upsell_probability | upsell_share\nacme | 100 | 0.5 |\nbolt | 100 | 0.5 | 0.2")
    plan = planned(spec, facts)
    assert {d.account_id: d.value for d in plan.decisions} == {"acme": 5, "bolt": 1}
    bare = facts.drop(columns=["upsell_share", "upsell_probability"])
    assert {d.value for d in planned(spec, bare).decisions} == {None}


def test_the_list_goes_by_the_measured_effect_and_leaves_alone_whom_acting_would_harm():
    facts = facts_in(
        """
        account  | owner | churn_probability | mrr
        likely   | ana   | 0.60              | 100
        unlikely | ana   | 0.20              | 100
        """
    )
    rescue = spec_of(playbook("rescue", enter="mrr > 0", holdout=0.0))
    declared = planned(rescue, facts)
    assert [(d.account_id, d.value) for d in declared.decisions] == [("likely", 6.0), ("unlikely", 2.0)]
    # acting was measured to lose 30 % of the MRR of whoever would stay anyway, and to keep more the likelier they leave
    measured = planned(rescue, facts, PriorState(lines={"rescue": (-0.3, 1.0)}))
    assert outcomes(measured) == {"likely": "opened", "unlikely": "overflow"}
    assert [(d.account_id, d.value) for d in measured.decisions] == [("likely", 30.0), ("unlikely", -10.0)]
    assert "more harm than good" in str(measured.decisions[1].note)
