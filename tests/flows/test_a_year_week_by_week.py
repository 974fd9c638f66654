"""A small company lived week by week through the real flows: what has to hold of every list it was given.

Whether the impact report finds the truth is measured on a large one: ``python -m benchmarks.year``.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from benchmarks.living_company import LivingCompany
from benchmarks.year import DECLARED, EFFECTS, WINDOW, Enrolled, live, score_week
from benchmarks.year_checks import Trace, above_the_items, above_the_minutes, checked, twice
from churnml.adapters.project import open_project
from churnml.adapters.registry import registry_of
from churnml.adapters.store import open_store
from churnml.specs.team import Person, TeamSpec
from tests.flows.conftest import churnml

WEEKS = 8
QUICK = {"max_trees": 60, "learning_rate": 0.1, "monotone": True, "half_life": None, "seeds": 1, "folds": 2}
# so tight that every limit is reached with so few accounts, whatever the model says of them
TEAM = {
    "people": {
        "ana": {"minutes_a_week": 120, "open_at_most": 2, "skills": ["reviews"]},
        "ben": {"minutes_a_week": 120, "open_at_most": 2, "skills": ["reviews"]},
        "edda": {"minutes_a_week": 60, "open_at_most": 2, "pools": ["renewals"]},
        "team:marketing": {"minutes_a_week": 16},
    }
}


@dataclass(frozen=True)
class Lived:
    """A project after its weeks, and whom they took in."""

    root: Path
    enrolled: list[Enrolled]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    root = tmp_path_factory.mktemp("year") / "company"
    company = LivingCompany(accounts=300, months=24, weeks=84, seed=5, events=30_000, churn=WINDOW)
    company.write(root)
    project = root / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("models: [churn, upsell]", "models: [churn]"), "utf-8")
    shutil.copytree(DECLARED / "experiment", root / "models")
    (root / "models" / "team.yaml").write_text(yaml.safe_dump(TEAM), "utf-8")
    spec = yaml.safe_load((DECLARED / "churn" / "spec.yaml").read_text("utf-8"))
    spec |= {"estimator": QUICK, "calibration": "sigmoid"}
    spec["features"] |= {"families": ["usage.events", "subscriptions.*"], "lookbacks": [28, 90]}
    (root / "models" / "churn").mkdir()
    (root / "models" / "churn" / "spec.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    said = churnml("train", "--project", root, "--no-prefect")
    assert said.code == 0, said.err
    # so few accounts prove nothing; what is asked here is what becomes of the scores
    said = churnml("models", "promote", "churn", "--version", "1", "--because", "a test", "--project", root)
    assert said.code == 0, said.err
    return Lived(root, live(company, root, WEEKS, EFFECTS, report=lambda _: None))


def test_no_list_of_the_year_has_an_account_twice_or_breaks_a_limit_and_every_line_is_traced(lived: Lived) -> None:
    found = checked(lived.root)
    assert found.problems == []
    assert found.dates == WEEKS
    assert found.lines > 50
    assert found.accounts > 40
    assert found.overflow > 0
    assert found.versions == ["1"]
    assert found.replayed > 5
    assert found.same == found.replayed
    # limits that nobody reached would prove nothing
    assert found.fullest["ana"] == "120 of 120 minutes a week, 2 of 2 pieces"
    assert found.fullest["team:marketing"] == "16 of 16 minutes a week"


def test_the_checks_see_what_is_wrong(lived: Lived) -> None:
    project = open_project(lived.root)
    with open_store(project.operational_url) as store:
        day = store.dates()[3]
        lines = store.decided(day, ("opened", "kept"))
        assert list(twice({day: [*lines, lines[0]]})) == [f"{lines[0].decision.account_id} has 2 lines on {day}"]
        less = TeamSpec(people={"ana": Person(minutes_a_week=119, open_at_most=1)})
        assert list(above_the_minutes(store, less))
        assert list(above_the_items(store, less, store.dates()))
        trace = Trace(project, store, registry_of(project))
        opened = next(line for line in lines if line.decision.disposition == "opened")
        assert list(trace.gaps(day, [opened])) == []
        facts = opened.decision.facts
        for wrong, says in (
            ({"rule": "churn_lift >= 9"}, "the declaration on record has another rule"),
            ({"facts": {**facts, "attribute.industry": "none"}}, "the rule does not hold"),
            ({"facts": {**facts, "churn_probability": 0.5}}, "not those of the score"),
            ({"facts": {"churn_probability": facts["churn_probability"]}}, "the facts lack"),
        ):
            other = replace(opened, decision=replace(opened.decision, **wrong))
            assert any(says in gap for gap in trace.gaps(day, [other])), says
        for wrong, says in (({"data_fingerprint": None}, "no fingerprint"), ({"declarations": None}, "another rule")):
            other = replace(opened, scoring=replace(opened.scoring, **wrong))
            assert any(says in gap for gap in trace.gaps(day, [other])), says


def test_whoever_is_held_out_of_a_playbook_never_gets_its_work(lived: Lived) -> None:
    with open_store(open_project(lived.root).operational_url) as store:
        held = {(one.account_id, one.playbook) for one in store.outcomes.assignments() if one.arm == "holdout"}
        worked = {(item.account_id, item.playbook) for item in store.work.items()}
    assert len(held) > 15
    assert worked
    assert not held & worked


def test_the_simulator_treats_exactly_those_whose_work_was_opened(lived: Lived) -> None:
    with open_store(open_project(lived.root).operational_url) as store:
        opened = {(item.account_id, item.playbook, item.opened_on) for item in store.work.items()}
        drawn = {(one.account_id, one.playbook): one for one in store.outcomes.assignments()}
    assert {(one.account_id, one.playbook, one.on) for one in lived.enrolled if one.treated} == opened
    for one in lived.enrolled:
        assert (drawn[one.account_id, one.playbook].arm == "treated") is one.treated
        assert drawn[one.account_id, one.playbook].assigned_on <= one.on


def test_scoring_the_newest_week_again_changes_no_line(lived: Lived) -> None:
    with open_store(open_project(lived.root).operational_url) as store:
        newest = store.dates()[-1]
        before = store.decided(newest), store.work.items(), store.work.events(), store.outcomes.assignments()
        assert score_week(lived.root) == newest
        after = store.decided(newest), store.work.items(), store.work.events(), store.outcomes.assignments()
    assert after == before
