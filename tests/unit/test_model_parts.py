"""Who plays which part: one model gives the risk, one the chance to grow, whatever it is called and of whatever kind."""

from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from churnml.errors import ChurnmlError, ProjectError, SpecError, UnknownNameError
from churnml.labels import KINDS_OF_KEY, Label, check_keys_of_kind, part_played
from churnml.snapshots.narrowing import check_population
from churnml.specs.models import ModelSpec
from churnml.specs.parts import ModelParts, parts_of
from docs.labels_page import EXAMPLES, KEYS
from tests.support import make_project

LABELS = {
    "contract": {"kind": "contract"},
    "lapse": {"kind": "lapse"},
    "event": {"kind": "event"},
    "upsell": {"kind": "upsell", "starts_paying": True},
    "contraction": {"kind": "contraction", "mrr_down_by": 0.1},
}
TABLES = {
    "accounts": "account_id | created_at\na | 2022-01-01",
    "subscriptions": "account_id | subscription_id | starts_at | mrr\na | s | 2023-01-01 | 100",
}


def spec(name, kind, **more):
    features = {"families": ["account.*"]}
    return ModelSpec.model_validate({"name": name, "means": name, "label": LABELS[kind], "features": features} | more)


def parts(*specs, asked=None):
    return parts_of({one.name: one for one in specs}, asked, "project.yaml, models:", "models/health.yaml")


@pytest.mark.parametrize("kind", LABELS)
def test_a_model_of_any_kind_may_play_any_part_alone(kind):
    for part in ("risk", "grows"):
        declared = parts(spec("own", kind, part=part))
        assert declared == ModelParts(**{"risk": None, "grows": None, part: "own"})
        assert declared.names == ("own",)
    assert parts(spec("own", kind, part="none")).names == ()
    assert part_played(kind) == ("grows" if kind == "upsell" else "risk")


def test_two_models_of_one_part_are_refused_and_the_part_named():
    for one, other, words in (
        (spec("churn", "contract"), spec("upsell", "event"), "gives the risk"),
        (spec("plan", "upsell"), spec("upsell", "upsell"), "gives the chance to grow"),
    ):
        with pytest.raises(ProjectError, match=f"'{one.name}' and '{other.name}' {words}") as refused:
            parts(one, other)
        assert "part: none" in refused.value.remedy
    assert parts(spec("churn", "contract"), spec("upsell", "event", part="grows")) == ModelParts("churn", "upsell")


def test_health_that_names_a_model_needs_one_that_gives_the_risk():
    assert parts(spec("quiet", "lapse"), asked="quiet").risk == "quiet"
    with pytest.raises(ProjectError, match="which the project does not have"):
        parts(spec("quiet", "lapse"), asked="churn")
    with pytest.raises(ProjectError, match="which does not give the risk"):
        parts(spec("more", "upsell"), asked="more")


def test_a_project_of_upsell_alone_is_read_and_its_health_stands_without_a_risk(tmp_path):
    project = make_project(tmp_path, TABLES, models=["upsell"])
    project.check_declarations()
    assert (project.parts, project.main_model) == (ModelParts(None, "upsell"), "upsell")
    with pytest.raises(ProjectError, match="no model of the project gives the risk"):
        project.risk_spec("Weights are proposed by who left")


def test_health_takes_the_risk_of_the_model_that_gives_it_whatever_it_is_called(tmp_path):
    (tmp_path / "models" / "gone").mkdir(parents=True)
    text = "name: gone\nmeans: it leaves\nlabel: {kind: contract}\nfeatures: {families: [account.*]}\n"
    (tmp_path / "models" / "gone" / "spec.yaml").write_text(text, encoding="utf-8")
    project = make_project(tmp_path, TABLES, models=["gone", "upsell"])
    assert project.health.risk.model == "gone"


def test_a_curve_of_leaving_is_refused_where_nothing_says_when():
    for kind, more in (("upsell", {}), ("contraction", {}), ("event", {"part": "grows"})):
        with pytest.raises(ValidationError, match="hazard"):
            spec("own", kind, hazard={"every": 7}, **more)


# ---------------------------------------------------------------- keys and rules


@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "lapse", "mrr_down_by": 0.1},
        {"kind": "contraction", "mrr_down_by": 0.1, "users_within": 7},
        {"kind": "contraction", "mrr_down_by": 0.1, "settle": 3},
        {"kind": "contraction", "users_down_by": 0.1, "leaving_counts": False},
        {"kind": "lapse", "due_within": [0, 9], "active_within": 28},
        {"kind": "contract", "due_within": [0, 9]},
        {"kind": "event", "starts_paying": True},
    ],
    ids=str,
)
def test_a_key_that_is_not_read_is_refused(keys):
    with pytest.raises(ValueError, match=r"needs|only for|declare one"):
        check_keys_of_kind(Label.model_validate(keys))


def test_every_key_of_a_label_is_explained_and_every_example_can_be_declared():
    assert set(KEYS) == set(Label.model_fields) >= set(KINDS_OF_KEY)
    for text, _ in EXAMPLES.values():
        label = Label.model_validate(yaml.safe_load(text))
        check_keys_of_kind(label)
        check_population(label, ["segment"], contracts=True, where="spec.yaml")


@pytest.mark.parametrize(
    ("rule", "kind", "words"),
    [
        ("segmnt == 'smb'", UnknownNameError, "segment"),
        ("region == 'north'", SpecError, "static"),
        ("segment == 3", SpecError, "quotes"),
        ("plan == free", SpecError, "quotes"),
        ("age_days", SpecError, "rule"),
        ("paying == 'maybe'", UnknownNameError, "yes"),
        ("health < 40", UnknownNameError, "fact"),
    ],
)
def test_a_population_that_cannot_be_asked_is_refused_with_the_place(rule, kind, words):
    label = Label(kind="lapse", population=rule)
    with pytest.raises(ChurnmlError) as refused:
        check_population(label, ["segment"], contracts=True, where="models/churn/spec.yaml")
    assert isinstance(refused.value, kind)
    assert "models/churn/spec.yaml, label: population" in refused.value.where
    assert words in f"{refused.value.what} {refused.value.remedy}"


def test_a_population_that_asks_who_pays_needs_subscriptions():
    with pytest.raises(SpecError, match="paying") as refused:
        check_population(Label(kind="lapse", population="not paying"), [], contracts=False, where="spec.yaml")
    assert "sources/subscriptions.sql" in refused.value.remedy
