"""A held date: what stands, what goes on, and by what nothing is opened or closed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from churnml.adapters.declaring import declare_renames
from churnml.errors import ProjectError
from churnml.ledger import PriorState, ScoredAccount, StandingDay
from churnml.specs.health import HealthSpec
from churnml.specs.project import ProjectSpec
from churnml.specs.reading import read_spec
from churnml.specs.team import TeamSpec
from churnml.timeline import Window
from churnml.work.settling import DaySpecs
from churnml.work.standing import StillKnown, settle_standing, unknown_facts
from tests.diary import Diary, playbook
from tests.store.days import account
from tests.support import default_models, rules_of
from tests.unit.test_day import MONDAY, facts_in, planned, spec_of

TUESDAY = MONDAY + dt.timedelta(1)
HEALTH = read_spec(HealthSpec, default_models() / "health.yaml")
RISKY = playbook("call", enter="health < 40", exit="health > 70")
RENEWS = playbook("renew", enter="days_to_renewal < 30")
FACTS = facts_in("""
    account | owner | health | mrr | days_to_renewal
    ------- | ----- | ------ | --- | ---------------
    a1      | ana   | 20     | 100 | 200
    b2      | ana   | 90     | 100 | 10
""")
STALE = frozenset({"health"})


def test_by_what_is_not_known_no_work_is_opened_and_the_rest_goes_on() -> None:
    spec = spec_of(RISKY, RENEWS)
    as_ever = {item.account_id: item.playbook for item in planned(spec, FACTS).work}
    assert as_ever == {"a1": "call", "b2": "renew"}
    held = planned(spec, FACTS, unknown=STALE)
    assert {item.account_id: item.playbook for item in held.work} == {"b2": "renew"}
    assert held.assignments == tuple(one for one in held.assignments if one.playbook == "renew")


def test_by_what_is_not_known_no_work_is_closed_but_by_what_is() -> None:
    spec, diary = spec_of(RISKY), Diary()
    diary.record(planned(spec, FACTS))
    healthy = FACTS.assign(health=95.0)
    before = diary.before(TUESDAY)
    assert [event.what for event in planned(spec, healthy, before, as_of=TUESDAY).events] == ["closed"]
    assert planned(spec, healthy, before, as_of=TUESDAY, unknown=STALE).events == ()
    # who is no customer any more is known from the contracts
    gone = healthy[healthy["account_id"] != "a1"]
    (closed,) = planned(spec, gone, before, as_of=TUESDAY, unknown=STALE).events
    assert closed.why == "the account is no longer a paying customer"


def test_a_rule_that_enters_by_what_is_known_waits_where_its_exit_asks_what_is_not() -> None:
    spec = spec_of(playbook("renew", enter="days_to_renewal < 30", exit="health > 99"))
    assert planned(spec, FACTS).work
    assert planned(spec, FACTS, unknown=STALE).work == ()


# ---------------------------------------------------------------- the whole day


def scored(name: str, **given: object) -> ScoredAccount:
    return account(name, **{"band_since": MONDAY, "mrr": 100.0, **given})


STANDING = StandingDay(MONDAY, (scored("a1"), scored("b2"), scored("c3")), {"churn": "3"}, "one")
DECLARED = DaySpecs(HEALTH, rules_of(spec_of(RISKY)), TeamSpec(), "s", "UTC", 0.1)


def held_day(known: StillKnown, *, route: bool = True):  # type: ignore[no-untyped-def]
    return settle_standing(
        Window(MONDAY, TUESDAY), STANDING, known, ("usage_events.dead.2024-06-03",), DECLARED, PriorState(), route=route
    )


def test_what_stands_is_marked_and_what_is_known_of_the_date_stands_beside_it() -> None:
    frame = pd.DataFrame(
        {"account_id": ["a1", "b2", "new"], "owner_id": ["kim", "lee", "lee"], "mrr": [250.0, 100.0, 80.0]}
    )
    day = held_day(StillKnown(frame, frozenset({"usage_events"}), {}, None))
    assert [one.account_id for one in day.accounts] == ["a1", "b2"]
    first = day.accounts[0]
    assert (first.owner_id, first.mrr, first.mrr_at_risk) == ("kim", 250.0, 62.5)
    assert (first.health, first.band, first.band_since) == (40.0, "at_risk", MONDAY)
    assert first.trace.stale_since == MONDAY
    assert (day.held.stale_since, day.held.unscored, day.held.breaks) == (MONDAY, 1, ("usage_events.dead.2024-06-03",))
    assert (day.events, day.plan.work, day.models) == ((), (), {"churn": "3"})


def test_where_nobody_knows_who_is_a_customer_every_account_stands_as_it_was() -> None:
    day = held_day(StillKnown(None, frozenset({"subscriptions"}), {}, None))
    marked = [replace(one, trace=replace(one.trace, stale_since=MONDAY)) for one in STANDING.accounts]
    assert list(day.accounts) == marked
    assert day.held.unscored == 0


def test_a_fact_is_known_where_its_table_is_in_order() -> None:
    sources = {"tickets_open": "support_tickets", "usage_events_28d": "usage_events"}
    names = ["feature.tickets_open", "feature.usage_events_28d", "attribute.segment", "dimension.adoption"]
    frame = pd.DataFrame({"account_id": []})
    unknown = unknown_facts(names, StillKnown(frame, frozenset({"usage_events"}), sources, None))
    assert {"feature.usage_events_28d", "dimension.adoption", "health", "band", "churn_probability"} <= unknown
    assert not unknown & {"feature.tickets_open", "attribute.segment", "mrr", "days_to_renewal", "owner_id"}
    everything = unknown_facts(names, StillKnown(None, frozenset({"subscriptions"}), sources, None))
    assert {*names, "mrr", "days_to_renewal", "owner_id"} <= everything


# ---------------------------------------------------------------- a rename in project.yaml

PLAIN = """# our company
name: t
inputs:
  events: {path: e.csv}  # the product's
"""


def renamed(tmp_path: Path, text: str, **renames: str) -> str:
    path = tmp_path / "project.yaml"
    path.write_text(text, encoding="utf-8")
    declare_renames(path, renames)
    return path.read_text("utf-8")


def test_a_rename_is_added_and_nothing_else_in_the_file_is_touched(tmp_path: Path) -> None:
    once = renamed(tmp_path, PLAIN, viewed="opened")
    assert once == PLAIN + 'renamed_events:\n  "viewed": "opened"\n'
    twice = renamed(tmp_path, once, **{'odd: "name"': "x # y"})
    assert twice.startswith(PLAIN)
    assert yaml.safe_load(twice)["renamed_events"] == {"viewed": "opened", 'odd: "name"': "x # y"}


@pytest.mark.parametrize("text", ["renamed_events: {}\n", "renamed_events: {a: b}\n"])
def test_a_rename_that_no_line_can_be_added_for_is_told_and_not_written(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProjectError) as refused:
        renamed(tmp_path, PLAIN + text, viewed="opened")
    assert '"viewed": "opened"' in str(refused.value)
    assert (tmp_path / "project.yaml").read_text("utf-8") == PLAIN + text


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"renamed_events": {"a": "a"}}, "renamed to itself"),
        ({"renamed_events": {"a": "b", "b": "c"}}, "a new name and an old one"),
        ({"renamed_events": {"a": "c", "b": "c"}}, "the new name of two events"),
        ({"watch": {"usage": {"dead": "warn"}}}, "there is no contract table 'usage'"),
        ({"watch": {"all": {"deed": "warn"}}}, "watch"),
        ({"region": "XX"}, "there is no country 'XX'"),
        ({"region": "DE-XX"}, "DE has no part 'XX'"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ProjectSpec.model_validate({"name": "t", "inputs": {"events": {"path": "e.csv"}}, **said})
    ProjectSpec.model_validate(
        {
            "name": "t",
            "inputs": {"events": {"path": "e.csv"}},
            "renamed_events": {"a": "b"},
            "watch": {"all": {"dead": "warn"}},
            "region": "DE-BY",
        }
    )
