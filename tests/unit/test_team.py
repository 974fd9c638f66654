"""What a team may declare, and what is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from churnml.errors import SpecError
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.reading import read_spec
from churnml.specs.team import TeamSpec
from tests.diary import playbook

ROOT = Path(__file__).parents[2]


def refused(tmp_path: Path, said: object) -> str:
    path = tmp_path / "team.yaml"
    path.write_text(yaml.safe_dump(said), "utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(TeamSpec, path)
    return str(caught.value)


def test_who_is_not_named_has_no_limit_and_the_week_is_monday_to_friday():
    team = TeamSpec()
    assert team.working_days == ("mon", "tue", "wed", "thu", "fri")
    anybody = team.person("anybody")
    assert (anybody.minutes_a_week, anybody.open_at_most, anybody.left, anybody.away) == (None, None, None, ())
    assert team.budgets == {}
    assert team.time_zone is None


def test_the_example_in_the_docs_can_be_read():
    team = read_spec(TeamSpec, ROOT / "docs" / "examples" / "team.yaml")
    assert team.in_pool("onboarding") == ("ben",)
    assert team.in_pool("scale") == ("ana", "ben")
    assert team.with_skill("french") == ("ana",)
    assert team.person("ana").away[0].last == dt.date(2024, 7, 19)
    assert set(team.pool_names()) == {"onboarding", "scale"}
    assert set(team.skill_names()) == {"renewals", "french"}


def test_a_pool_is_who_names_it_and_whom_it_names():
    team = TeamSpec.model_validate({"people": {"b": {"pools": ["p"]}, "a": {}, "c": {}}, "pools": {"p": ["a"]}})
    assert team.in_pool("p") == ("a", "b")
    assert team.in_pool("q") == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"time_zone": "Europe/Berln"}, "Did you mean 'Europe/Berlin'?"),
        ({"people": {"a": {"time_zone": "Mars"}}}, "there is no time zone 'Mars'"),
        ({"working_days": []}, "at least one"),
        ({"people": {"a": {"working_days": ["mon", "mon"]}}}, "once"),
        ({"working_days": ["monday"]}, "working_days"),
        ({"people": {"a": {"stand_in": "a"}}}, "cannot stand in for themselves"),
        ({"people": {"anna": {}, "b": {"stand_in": "ana"}}}, "Did you mean 'anna'?"),
        ({"people": {"a": {}}, "pools": {"p": ["x"]}}, "a member of the pool 'p'"),
        ({"people": {"a": {"away": [{"from": "2024-07-02", "to": "2024-07-01"}]}}}, "'from' is after 'to'"),
        ({"people": {"a": {"away": [{"from": "2024-07-02", "to": "9999-12-31"}]}}}, "give 'left'"),
        ({"people": {"a": {"minutes_a_week": -1}}}, "minutes_a_week"),
        ({"people": {"a": {"minutes_per_week": 1}}}, "Did you mean 'minutes_a_week'?"),
        ({"budgets": {"p": -1}}, "budgets.p"),
        ({"budgets": {"p": float("inf")}}, "budgets.p"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_how_to_mend_it(tmp_path: Path, said: object, told: str):
    assert told in refused(tmp_path, said)


def test_a_list_that_several_share_may_stand_in():
    team = TeamSpec.model_validate({"people": {"a": {"stand_in": "team:support"}}})
    assert team.person("a").stand_in == "team:support"


def test_people_who_are_named_by_numbers_need_no_quotes():
    said = yaml.safe_load("{people: {1207: {stand_in: 1208}, 1208: {}}, pools: {p: [1207]}}")
    team = TeamSpec.model_validate(said)
    assert team.person("1207").stand_in == "1208"
    assert team.in_pool("p") == ("1207",)


@pytest.mark.parametrize("key", ["due_in_days", "cooldown_days", "escalate_after_days"])
def test_days_beyond_any_calendar_are_refused(key: str):
    with pytest.raises(ValidationError, match=key):
        PlaybooksSpec.model_validate({"playbooks": [playbook("call", enter="health < 40", **{key: 10**9})]})
