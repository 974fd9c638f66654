"""The language of rules by its worked examples."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from churnml.adapters.project import default_models
from churnml.errors import ChurnmlError
from churnml.language.facts import Fact
from churnml.rules.checking import findings, read_rules
from churnml.rules.facts import FACTS, facts_table, known_facts
from churnml.rules.parsing import parse_rule
from churnml.specs.health import HealthSpec
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.reading import read_spec
from tests.spec.rule_examples import EXAMPLES, FindingExample, RefusedExample, RuleExample
from tests.support import KNOWN, facts_of_rows, rules_of, table


def spec_of(playbooks: str) -> PlaybooksSpec:
    said = [
        {"name": name, "title": name, "goal": "keep", "do": ["Call."]} | more
        for name, more in yaml.safe_load(playbooks).items()
    ]
    return PlaybooksSpec.model_validate({"playbooks": said})


def value(name: str, cell: str) -> Any:
    if not cell:
        return None
    kind = KNOWN[name].kind
    if kind == "words":
        return () if cell == "none" else tuple(code.strip() for code in cell.split(","))
    return float(cell) if kind == "number" else cell


def like(told: str, wanted: str) -> bool:
    """Whether it is as the example says, ``…`` at its end standing for more words."""
    return told.startswith(wanted.removesuffix("…").rstrip()) if wanted.endswith("…") else told == wanted


@pytest.mark.parametrize("example", [e for e in EXAMPLES if isinstance(e, RuleExample)], ids=lambda e: e.title)
def test_a_rule_holds_of_whom_its_example_says(example: RuleExample) -> None:
    rows = table(example.accounts).to_dict("records")
    facts = [{name: value(name, cell) for name, cell in row.items() if name in KNOWN} for row in rows]
    rule = parse_rule(example.rule, "the example", KNOWN)
    frame = facts_of_rows([{"account_id": row["account"]} | said for row, said in zip(rows, facts, strict=True)])
    assert ["yes" if holds else "no" for holds in rule.holds(frame)] == [row["holds"] for row in rows]
    for row, said in zip(rows, facts, strict=True):
        because = rule.because(said)
        assert bool(because) == (row["holds"] == "yes"), f"what holds says why, of {row['account']}"
        if "because" in row:
            assert "; ".join(because) == row["because"]


REFUSED = [
    (e.title, row) for e in EXAMPLES if isinstance(e, RefusedExample) for row in table(e.refused).to_dict("records")
]


@pytest.mark.parametrize(("title", "row"), REFUSED, ids=[row["rule"] for _, row in REFUSED])
def test_a_rule_that_cannot_be_meant_is_refused_with_its_place_and_the_remedy(title: str, row: dict[str, str]) -> None:
    spec = spec_of("call: {enter: health < 40}")
    spec = spec.model_copy(update={"playbooks": (spec.playbooks[0].model_copy(update={"enter": row["rule"]}),)})
    with pytest.raises(ChurnmlError) as refused:
        rules_of(spec)
    assert like(refused.value.what, row["told"]), refused.value.what
    assert like(refused.value.remedy, row["remedy"]), refused.value.remedy
    assert refused.value.where.startswith("playbooks.yaml, playbook 'call', enter")


@pytest.mark.parametrize("example", [e for e in EXAMPLES if isinstance(e, FindingExample)], ids=lambda e: e.title)
def test_what_is_hardly_meant_is_found(example: FindingExample) -> None:
    spec = spec_of(example.playbooks)
    found = findings(rules_of(spec), KNOWN)
    wanted = table(example.found)
    assert [one.playbook for one in found] == wanted["playbook"].tolist()
    for one, what in zip(found, wanted["what"], strict=True):
        assert like(one.what, what)
    assert all(one.remedy for one in found)


def test_a_mistake_is_shown_with_a_caret_under_it_on_its_own_line() -> None:
    with pytest.raises(ChurnmlError) as refused:
        parse_rule("health < 40\n  and band = 'x'", "here", KNOWN)
    assert refused.value.where.splitlines() == ["here, line 2, column 12", "      and band = 'x'", "               ^"]


def test_the_playbooks_that_ship_with_the_program_are_meant_as_they_stand() -> None:
    spec = read_spec(PlaybooksSpec, default_models() / "playbooks.yaml")
    assert findings(rules_of(spec), KNOWN) == ()


def test_a_play_to_grow_accounts_in_trouble_is_meant_where_that_is_declared() -> None:
    spec = spec_of("grow: {goal: grow, enter: churn_rank <= 0.1}")
    assert len(findings(rules_of(spec), KNOWN)) == 1
    assert findings(rules_of(spec.model_copy(update={"grow_in_trouble": True})), KNOWN) == ()


def test_what_reasons_asks_for_beside_the_rule_is_part_of_it() -> None:
    said = "call: {enter: not reasons has 'usage.*', reasons: %s}"
    rules_of(spec_of(said % "[tickets.*]"))
    with pytest.raises(ChurnmlError, match="can never hold"):
        rules_of(spec_of(said % "[usage.recency]"))


def test_a_project_with_other_bands_that_does_not_say_who_is_in_trouble_is_told_so() -> None:
    health = read_spec(HealthSpec, default_models() / "health.yaml")
    renamed = health.model_copy(
        update={"bands": tuple(band.model_copy(update={"name": f"{band.name}_too"}) for band in health.bands)}
    )
    known = known_facts(renamed, {}, ())
    spec = spec_of("call: {enter: health < 40}")
    (found,) = findings(read_rules(spec, "playbooks.yaml", known), known)
    assert (found.playbook, found.remedy) == ("trouble", "Add trouble: band == 'at_risk_too' or churn_rank <= 0.15")


def test_a_project_without_stages_or_static_segment_is_told_what_to_declare() -> None:
    bare = read_spec(HealthSpec, default_models() / "health.yaml").model_copy(update={"stages": ()})
    known = known_facts(bare, {}, ())
    for rule, remedy in (("segment == 'smb'", "project.yaml"), ("stage == 'new'", "health.yaml")):
        with pytest.raises(ChurnmlError) as refused:
            parse_rule(rule, "here", known)
        assert remedy in refused.value.remedy


def test_a_days_facts_are_a_column_each_and_what_is_not_given_is_missing() -> None:
    columns: dict[str, list[object]] = {
        "health": [None, 30.0],
        "reasons": [None, ("usage.recency", "usage.recency")],
        "band": ["watch", None],
        "dimension.risk": [None, 5.0],
        "feature.seats": [3, None],
        "attribute.plan": ["pro", None],
    }
    frame = facts_table(["a", "b"], columns, asked=["feature.other"])
    assert list(frame.columns[:2]) == ["account_id", "band"]
    assert frame["reasons"].tolist() == [None, ("usage.recency", "usage.recency")]
    said = {"health < 40": "b", "dimension.risk == 5": "b", "feature.seats == 3": "a", "attribute.plan == 'pro'": "a"}
    said |= {"feature.other is missing": "ab", "reasons has 'usage.*'": "b", "segment is missing": "ab"}
    known = KNOWN | {
        "feature.seats": Fact("feature.seats", "number", "seats"),
        "feature.other": Fact("feature.other", "number", "another"),
        "attribute.plan": Fact("attribute.plan", "text", "the account's plan"),
    }
    for text, accounts in said.items():
        assert "".join(frame["account_id"][parse_rule(text, "here", known).holds(frame)]) == accounts, text
    assert all(frame[name].dtype == "float64" for name, fact in FACTS.items() if fact.kind == "number")


def test_no_accounts_have_facts_of_the_right_kind() -> None:
    frame = facts_of_rows([])
    assert parse_rule("health < 40 and reasons has 'usage.*'", "here", KNOWN).holds(frame).shape == (0,)


@pytest.mark.parametrize("name", ["helth", "feature.x", "dimension.x", "attribute.x"])
def test_a_name_that_is_no_fact_of_the_project_is_refused(name: str) -> None:
    with pytest.raises(ChurnmlError, match=f"no fact named '{name}'"):
        parse_rule(f"{name} < 3", "here", KNOWN)


@pytest.mark.parametrize(
    ("text", "accounts", "because"),
    [
        ("feature.plan is missing", "b", "plan is not known"),
        ("feature.plan is not missing", "ac", "plan is pro"),
        ("feature.plan == feature.tier", "a", "plan is pro; tier is pro"),
        ("feature.plan in ['pro', 'free'] and feature.plan is not missing", "a", "plan is pro"),
        ("feature.seats is not missing and feature.seats < 4", "a", "seats: 3"),
    ],
)
def test_a_feature_that_is_a_name_may_be_asked_for_like_any_text(text, accounts, because) -> None:
    said = [
        {"account_id": "a", "feature.plan": "pro", "feature.tier": "pro", "feature.seats": 3.0},
        {"account_id": "b", "feature.plan": None, "feature.tier": "pro", "feature.seats": 5.0},
        {"account_id": "c", "feature.plan": "big", "feature.tier": "pro", "feature.seats": 5.0},
    ]
    known = {
        "feature.plan": Fact("feature.plan", "text", "plan"),
        "feature.tier": Fact("feature.tier", "text", "tier"),
        "feature.seats": Fact("feature.seats", "number", "seats"),
    }
    rule = parse_rule(text, "here", known)
    frame = facts_of_rows(said)
    assert "".join(frame["account_id"][rule.holds(frame)]) == accounts
    first = next(row for row in said if row["account_id"] == accounts[0])
    assert "; ".join(rule.because(first)) == because


def test_the_same_condition_said_twice_is_told_once() -> None:
    assert parse_rule("health < 40 and health < 50", "here", KNOWN).because({"health": 30}) == ("health is 30",)
