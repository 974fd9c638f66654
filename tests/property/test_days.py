"""Whatever happens over many days, the list keeps its promises."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from churnml.ledger import ENDED, DayPlan, WorkItem
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.team import TeamSpec
from churnml.timeline import plus_days
from churnml.work import life as work
from churnml.work.planning import plan_day
from tests.diary import Diary, playbook
from tests.spec.test_work import NUMBERS
from tests.support import examples, rules_of

MONDAY = dt.date(2024, 6, 3)
ACCOUNTS = [f"a{i}" for i in range(7)]
SPEC = PlaybooksSpec.model_validate(
    {
        "playbooks": [
            playbook(
                "rescue",
                enter="days_to_renewal < 30",
                supersedes=["call"],
                holdout=0.3,
                due_in_days=2,
                cooldown_days=20,
                minutes=90,
                escalate_after_days=2,
                escalate_to="lead",
            ),
            playbook(
                "call", enter="health < 40", exit="health > 60", holdout=0.5, cooldown_days=5, minutes=30, cost=10
            ),
            playbook("tickets", enter="health < 70", reasons=["tickets.*"], owner="pool:desk", cooldown_days=0),
            playbook(
                "grow", goal="grow", enter="upsell_probability > 0.3", owner="skill:sales", holdout=0.2, minutes=45
            ),
        ]
    }
)
RULES = rules_of(SPEC)
LIMITS = {"ana": (120, 2), "ben": (None, 1), "cleo": (90, None), "dora": (None, None)}
# an odd owner that no team declares, and nobody
OWNERS = ["ana", "ben", "cleo", "elsa", None]

facts_of_account = st.fixed_dictionaries(
    {
        "health": st.sampled_from([None, 10.0, 35.0, 50.0, 80.0]),
        "mrr": st.sampled_from([None, 100.0, 1000.0]),
        "churn_probability": st.sampled_from([None, 0.05, 0.4]),
        "upsell_probability": st.sampled_from([None, 0.1, 0.5]),
        "days_to_renewal": st.sampled_from([None, 10.0, 100.0]),
        "band": st.sampled_from(["healthy", "at_risk", None]),
        "owner_id": st.sampled_from(OWNERS),
        "reasons": st.sampled_from([(), ("usage.trend",), ("usage.trend", "tickets.csat"), ("tickets.backlog",)]),
    }
)


@dataclass(frozen=True)
class Act:
    """What a person does with an account's open work; ``days`` for a snooze."""

    account: str
    kind: str
    days: int


acts = st.lists(
    st.builds(
        Act, st.sampled_from(ACCOUNTS), st.sampled_from(["done", "dismiss", "snooze", "give"]), st.integers(1, 9)
    ),
    max_size=3,
)
days_of = st.lists(
    st.tuples(
        st.integers(1, 5),  # days since the one before
        # what is new of an account; None: it is no longer a customer
        st.dictionaries(
            st.sampled_from(ACCOUNTS), st.one_of(facts_of_account, facts_of_account, st.none()), max_size=3
        ),
        acts,
        st.randoms(use_true_random=False),
    ),
    min_size=4,
    max_size=10,
)
leaves = st.dictionaries(st.sampled_from(list(LIMITS)), st.integers(0, 20), max_size=2)
absences = st.dictionaries(st.sampled_from(list(LIMITS)), st.tuples(st.integers(0, 15), st.integers(0, 10)), max_size=2)


def team_of(leaving: dict[str, int], away: dict[str, tuple[int, int]]) -> TeamSpec:
    people: dict[str, dict[str, object]] = {}
    for who, (minutes, items) in LIMITS.items():
        said: dict[str, object] = {"minutes_a_week": minutes, "open_at_most": items, "pools": ["desk"]}
        if who in leaving:
            said["left"] = plus_days(MONDAY, leaving[who])
        if who in away:
            first = plus_days(MONDAY, away[who][0])
            said["away"] = [{"from": first, "to": plus_days(first, away[who][1])}]
        people[who] = said
    people["ana"] |= {"stand_in": "ben", "skills": ["sales"]}
    people["dora"] |= {"time_zone": "America/New_York", "skills": ["sales"], "working_days": ["mon", "wed", "sun"]}
    return TeamSpec.model_validate({"people": people, "budgets": {"call": 20}, "holidays": ["2024-06-12"]})


def frame(accounts: dict[str, dict[str, object]]) -> pd.DataFrame:
    rows = [dict.fromkeys(NUMBERS) | {"segment": None, "account_id": a} | said for a, said in accounts.items()]
    columns = ["account_id", *NUMBERS, "band", "segment", "owner_id", "reasons"]
    told = pd.DataFrame(rows, columns=columns, dtype=object)
    return told.astype(dict.fromkeys(NUMBERS, "float64"))


@given(
    first=st.fixed_dictionaries(dict.fromkeys(ACCOUNTS, facts_of_account)), days=days_of, leaving=leaves, away=absences
)
@settings(
    max_examples=examples(30),
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_the_list_keeps_its_promises_whatever_happens(first, days, leaving, away):
    team, diary, as_of, accounts = team_of(leaving, away), Diary(), MONDAY, dict(first)
    given_away: set[str] = set()
    for gap, news, doings, shuffle in days:
        as_of = plus_days(as_of, gap)
        accounts = {account: said for account, said in (accounts | news).items() if said is not None}
        facts = frame(accounts)
        before = dict(diary.items)
        arms = dict(diary.assignments)
        plan = plan_day(RULES, team, as_of, facts, diary.before(as_of), seed="s")
        diary.record(plan)

        mixed = facts.sample(frac=1, random_state=shuffle.randint(0, 999))
        assert plan_day(RULES, team, as_of, mixed, Diary().before(as_of), seed="s") == plan_day(
            RULES, team, as_of, facts, Diary().before(as_of), seed="s"
        )
        assert plan_day(RULES, team, as_of, mixed, diary.before(as_of), seed="s") == DayPlan(decisions=plan.decisions)

        once_at_a_time(plan, diary, accounts)
        within_limits(diary, team, as_of, given_away)
        nobody_who_left(plan, diary, team, as_of, given_away)
        what_ended_stays_so(before, diary)
        rested(plan, diary)
        proven(plan, diary, arms)
        told_as_it_happened(plan, diary)
        for item in diary.items.values():
            if item.playbook == "grow" and item.state not in ENDED:
                assert accounts[item.account_id]["band"] != "at_risk"

        for act in doings:
            for item in diary.living(act.account):
                do(diary, act, item, as_of, given_away)


def do(diary: Diary, act: Act, item: WorkItem, on: dt.date, given_away: set[str]) -> None:
    if act.kind == "done":
        diary.change(work.done(item, who="x", on=on))
    elif act.kind == "dismiss":
        diary.change(work.dismiss(item, who="x", why="x", on=on))
    elif act.kind == "snooze":
        diary.change(work.snooze(item, until=plus_days(on, act.days), who="x", why="x", on=on))
    elif item.owner != "dora":
        diary.change(work.reassign(item, to="dora", who="x", why="x", on=on))
        given_away.add(item.work_id)


def once_at_a_time(plan: DayPlan, diary: Diary, accounts: dict[str, object]) -> None:
    listed = Counter(d.account_id for d in plan.decisions if d.disposition in ("opened", "kept"))
    assert not listed or max(listed.values()) == 1
    living = Counter(item.account_id for item in diary.items.values() if item.state not in ENDED)
    assert not living or max(living.values()) == 1
    assert set(living) <= set(accounts)
    said = Counter((d.account_id, d.playbook) for d in plan.decisions)
    assert not said or max(said.values()) == 1
    on_list = [d.disposition in ("opened", "kept") for d in plan.decisions]
    assert on_list == sorted(on_list, reverse=True)
    values = [d.value for d in plan.decisions if d.disposition in ("opened", "kept")]
    assert values == sorted(values, key=lambda v: (v is None, -(v or 0)))


def within_limits(diary: Diary, team: TeamSpec, as_of: dt.date, given_away: set[str]) -> None:
    has = Counter(p.owner for p in diary.items.values() if p.state not in ENDED and p.work_id not in given_away)
    week = diary.before(as_of).minutes
    for who, person in team.people.items():
        assert person.open_at_most is None or has[who] <= person.open_at_most
        assert person.minutes_a_week is None or week.get(who, 0) <= person.minutes_a_week
    for playbook_name, money in team.budgets.items():
        assert diary.before(as_of).spent.get(playbook_name, 0) <= money


def nobody_who_left(plan: DayPlan, diary: Diary, team: TeamSpec, as_of: dt.date, given_away: set[str]) -> None:
    # on a person's own calendar it may still be the day before
    gone = {who for who, person in team.people.items() if person.left is not None and person.left < as_of}
    assert not {p.owner for p in diary.items.values() if p.state not in ENDED} & gone


def what_ended_stays_so(before: dict[str, WorkItem], diary: Diary) -> None:
    for work_id, item in before.items():
        if item.state in ENDED:
            assert diary.items[work_id] == item


def rested(plan: DayPlan, diary: Diary) -> None:
    by_name = {playbook.name: playbook for playbook in SPEC.playbooks}
    for event in plan.events:
        if event.what != "opened":
            continue
        new = diary.items[event.work_id]
        for item in diary.items.values():
            same = (item.account_id, item.playbook) == (new.account_id, new.playbook)
            if same and item.state in ("done", "dismissed") and item.ended_on is not None:
                assert new.opened_on >= plus_days(item.ended_on, by_name[item.playbook].cooldown_days)
                assert new.work_id != item.work_id


def proven(plan: DayPlan, diary: Diary, arms: dict[tuple[str, str], object]) -> None:
    assert arms.items() <= diary.assignments.items()
    shares = {playbook.name: playbook.holdout for playbook in SPEC.playbooks}
    for item in plan.work:
        if shares[item.playbook]:
            assert diary.assignments[item.account_id, item.playbook].arm == "treated"
    for decision in plan.decisions:
        if decision.disposition in ("opened", "kept", "holdout"):
            assigned = diary.assignments.get((decision.account_id, decision.playbook))
            assert decision.propensity == (assigned.propensity if assigned else 1.0)
            assert (decision.disposition == "holdout") == (decision.arm == "holdout")


def told_as_it_happened(plan: DayPlan, diary: Diary) -> None:
    told = {event.work_id for event in plan.events}
    assert told == {item.work_id for item in plan.work}
    assert all(event.why for event in plan.events)
    for decision in plan.decisions:
        if decision.disposition in ("opened", "kept", "snoozed"):
            item = diary.items[str(decision.work_id)]
            assert (decision.owner, decision.due) == (item.owner, item.due)
        else:
            assert decision.note
