"""What YAML may say, and how a mistake in it is told: what, where, and the remedy."""

from __future__ import annotations

import copy

import pytest
import yaml
from pydantic import ValidationError

from churnml.adapters.project import default_models, open_project
from churnml.errors import ChurnmlError, ProjectError, SpecError, UnknownNameError
from churnml.labels import Label
from churnml.rules.checking import read_rules
from churnml.rules.facts import known_facts
from churnml.specs.health import HealthSpec
from churnml.specs.models import ModelSpec
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.project import ProjectSpec
from churnml.specs.reading import read_spec
from churnml.specs.team import WITHOUT_A_FILE, TeamSpec, check_team_fits

MODEL = {
    "name": "churn",
    "means": "it leaves",
    "label": {"kind": "contract", "gap": 7, "horizon": 91},
    "features": {"families": ["usage.*"]},
}
HEALTH = {
    "dimensions": {"adoption": {"weight": 1, "means": "use", "inputs": [{"feature": "usage_events_28d"}]}},
    "risk": {"weight": 1, "points": [[0, 100], [1, 60], [4, 0]]},
    "bands": [{"name": "good", "at_least": 60}, {"name": "bad", "at_least": 0}],
}
PLAYBOOKS = {"playbooks": [{"name": "call", "title": "Call", "goal": "keep", "enter": "band == 'bad'", "do": ["call"]}]}
PROJECT = {"name": "tiny", "inputs": {"crm": {"path": "crm.csv"}}}
KINDS = {"model": (ModelSpec, MODEL), "health": (HealthSpec, HEALTH), "playbooks": (PlaybooksSpec, PLAYBOOKS),
         "project": (ProjectSpec, PROJECT)}  # fmt: skip


def changed(said, path, value):
    """``said`` with the value at a dotted path replaced, or removed by ``...``."""
    said = copy.deepcopy(said)
    node = said
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return said


def read(tmp_path, kind, said):
    path = tmp_path / f"{kind}.yaml"
    path.write_text(said if isinstance(said, str) else yaml.safe_dump(said), encoding="utf-8")
    return read_spec(KINDS[kind][0], path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_declaration_is_read_and_frozen(kind, tmp_path):
    spec = read(tmp_path, kind, KINDS[kind][1])
    with pytest.raises(ValidationError):
        setattr(spec, next(iter(type(spec).model_fields)), "other")


@pytest.mark.parametrize(
    ("kind", "path", "value", "told", "remedy"),
    [
        # unknown keys, each with the nearest that may stand there
        ("model", "feature", {}, "'feature'", "'features'"),
        ("model", "label.horizn", 3, "'label.horizn'", "'horizon'"),
        ("model", "features.lookback", [7], "'features.lookback'", "'lookbacks'"),
        ("model", "estimator.leaves", 3, "'estimator.leaves'", "'num_leaves'"),
        ("model", "promote_if.beat", [], "'promote_if.beat'", "'beats'"),
        ("health", "risk.point", [], "'risk.point'", "'points'"),
        ("health", "dimensions.adoption.wieght", 1, "'dimensions.adoption.wieght'", "'weight'"),
        ("health", "dimensions.adoption.inputs.0.featur", 1, "inputs.0.featur'", "'feature'"),
        ("health", "bands.0.at_most", 1, "'bands.0.at_most'", "'at_least'"),
        ("playbooks", "playbooks.0.titel", "x", "'playbooks.0.titel'", "'title'"),
        ("playbooks", "playbooks.0.effect.likly", 0.1, "effect.likly'", "'likely'"),
        ("project", "input", {}, "'input'", "'inputs'"),
        ("project", "inputs.crm.delimeter", ";", "'inputs.crm.delimeter'", "'delimiter'"),
        ("project", "stores.wrok", "x", "'stores.wrok'", "'work'"),
        # missing keys
        ("model", "label", ..., "'label' is missing", "Add 'label:'"),
        ("model", "label.kind", ..., "'label.kind' is missing", "Add 'kind:'"),
        ("health", "bands", ..., "'bands' is missing", "Add 'bands:'"),
        ("playbooks", "playbooks.0.do", ..., "'playbooks.0.do' is missing", "Add 'do:'"),
        ("playbooks", "playbooks.0.enter", ..., "'playbooks.0.enter' is missing", "Add 'enter:'"),
        ("project", "inputs", ..., "'inputs' is missing", "Add 'inputs:'"),
        # values that cannot be meant
        ("model", "label.horizon", "soon", "'label.horizon'", "Correct the value"),
        ("model", "label.horizon", 0, "'label.horizon'", "Correct the value"),
        ("model", "label.kind", "chrun", "'label.kind'", "Correct the value"),
        ("model", "label.grace", -1, "'label.grace'", "Correct the value"),
        ("model", "cutoffs.at_most", 1, "'cutoffs.at_most'", "Correct the value"),
        ("model", "features.families", [], "'features.families'", "Correct the value"),
        ("model", "features.lookbacks", [0], "'features.lookbacks.0'", "Correct the value"),
        ("model", "estimator.num_leaves", 1, "'estimator.num_leaves'", "Correct the value"),
        ("model", "estimator.learning_rate", "fast", "'estimator.learning_rate'", "Correct the value"),
        ("model", "name", "Churn Model", "'name'", "Correct the value"),
        ("model", "promote_if.figures", ["auc"], "'promote_if.figures.0'", "Correct the value"),
        ("health", "min_coverage", 1.5, "'min_coverage'", "Correct the value"),
        ("playbooks", "playbooks.0.effect", {"low": 0.2}, "must rise in this order", "Correct the value"),
        ("playbooks", "playbooks.0.holdout", 1, "'playbooks.0.holdout'", "Correct the value"),
        ("playbooks", "playbooks.0.cost", float("inf"), "'playbooks.0.cost'", "Correct the value"),
        ("playbooks", "playbooks.0.escalate_to", "kim", "escalate_to needs escalate_after_days", "Correct the value"),
        ("playbooks", "playbooks.0.supersedes", ["cal"], "Did you mean 'call'?", "Correct the value"),
        ("project", "timezone", "Asia/Tokio", "Did you mean 'Asia/Tokyo'", "Correct the value"),
        ("project", "data_through", "31.12.2024", "'data_through'", "Correct the value"),
        ("project", "inputs.crm.encoding", "utf9", "'inputs.crm.encoding'", "Correct the value"),
    ],
)
def test_a_mistake_is_told_with_its_key_its_file_and_the_remedy(kind, path, value, told, remedy, tmp_path):
    with pytest.raises(SpecError) as refused:
        read(tmp_path, kind, changed(KINDS[kind][1], path, value))
    assert told in refused.value.what
    assert str(tmp_path / f"{kind}.yaml") in refused.value.where
    assert remedy in refused.value.remedy


@pytest.mark.parametrize("key", ["features.families", "features.exclude"])
def test_an_unknown_feature_family_is_told_with_the_nearest(key, tmp_path):
    with pytest.raises(ChurnmlError, match=r"usage\.events"):
        read(tmp_path, "model", changed(MODEL, key, ["usage.event"]))


def test_a_reason_no_family_answers_to_is_told_with_the_nearest(tmp_path):
    with pytest.raises(ChurnmlError, match=r"tickets\.backlog"):
        read(tmp_path, "playbooks", changed(PLAYBOOKS, "playbooks.0.reasons", ["tickets.backlogs"]))


def test_several_mistakes_are_counted_and_the_unknown_key_is_told_first(tmp_path):
    said = changed(changed(MODEL, "label", ...), "lable", {"kind": "contract"})
    with pytest.raises(SpecError) as refused:
        read(tmp_path, "model", said)
    assert "'lable'" in refused.value.what
    assert "'label'" in refused.value.remedy
    assert "1 more" in refused.value.where


def test_a_syntax_error_is_told_with_its_line(tmp_path):
    with pytest.raises(SpecError) as refused:
        read(tmp_path, "model", "name: churn\nmeans: [unclosed\nlabel: {}\n")
    assert "not valid YAML" in refused.value.what
    assert "line 3" in refused.value.where


@pytest.mark.parametrize("said", ["", "- a\n- b\n", "just words\n"], ids=["empty", "a list", "words"])
def test_a_file_that_is_no_mapping_is_told(said, tmp_path):
    with pytest.raises(SpecError, match="mapping"):
        read(tmp_path, "model", said)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(SpecError, match="not there"):
        read_spec(ModelSpec, tmp_path / "no.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(SpecError, match="cannot be read"):
        read_spec(ModelSpec, tmp_path / "binary.yaml")


def test_yaml_cannot_make_objects(tmp_path):
    with pytest.raises(SpecError, match="not valid YAML"):
        read(tmp_path, "model", "name: !!python/object/apply:os.getcwd []\n")


# ---------------------------------------------------------------- single rules


@pytest.mark.parametrize("beats", [["base_rate"], ["champion"], ["recency", "logistic_regression"], []])
def test_promotion_always_asks_to_beat_the_base_rate_and_the_champion(beats, tmp_path):
    with pytest.raises(SpecError, match="base_rate and champion"):
        read(tmp_path, "model", changed(MODEL, "promote_if.beats", beats))


def test_promotion_asks_for_at_least_one_figure(tmp_path):
    with pytest.raises(SpecError):
        read(tmp_path, "model", changed(MODEL, "promote_if.figures", []))


@pytest.mark.parametrize(
    "bands",
    [
        [("good", 60), ("bad", 10)],
        [("bad", 0), ("good", 60)],
        [("good", 60), ("fair", 60), ("bad", 0)],
        [("good", 60), ("good", 30), ("bad", 0)],
        [("all", 0)],
        [("good", 101), ("bad", 0)],
    ],
    ids=["no floor", "wrong way", "two at one", "one name twice", "a single one", "above 100"],
)
def test_bands_go_from_best_to_worst_down_to_zero(bands, tmp_path):
    with pytest.raises(SpecError, match="bands"):
        read(tmp_path, "health", changed(HEALTH, "bands", [{"name": n, "at_least": a} for n, a in bands]))


@pytest.mark.parametrize(
    "points",
    [[[0, 100]], [[1, 50], [0, 100]], [[0, 50], [1, 60]], [[0, 100], [0, 50]], [[0, 101], [1, 0]], [[-1, 100], [1, 0]]],
)
def test_points_go_from_low_to_high_risk_with_scores_that_never_rise(points, tmp_path):
    with pytest.raises(SpecError, match="points"):
        read(tmp_path, "health", changed(HEALTH, "risk.points", points))


def test_points_may_stay_level(tmp_path):
    read(tmp_path, "health", changed(HEALTH, "risk.points", [[0, 100], [1, 50], [2, 50]]))


def test_two_playbooks_may_not_share_a_name(tmp_path):
    with pytest.raises(SpecError, match="'call'"):
        read(tmp_path, "playbooks", {"playbooks": PLAYBOOKS["playbooks"] * 2})


@pytest.mark.parametrize("owner", ["Team:x", "team:", "kim", "team:Sales"])
def test_a_playbook_belongs_to_the_account_owner_a_skill_a_pool_or_a_team(owner, tmp_path):
    for right in ("account_owner", "skill:security", "pool:renewals", "team:support"):
        read(tmp_path, "playbooks", changed(PLAYBOOKS, "playbooks.0.owner", right))
    with pytest.raises(SpecError):
        read(tmp_path, "playbooks", changed(PLAYBOOKS, "playbooks.0.owner", owner))


@pytest.mark.parametrize("lookbacks", [[28, 7], [7, 7, 28], []], ids=["falling", "one twice", "none"])
def test_lookbacks_rise_or_are_refused(lookbacks, tmp_path):
    # trends are taken between neighbours, and a lookback said twice would name two features alike
    try:
        found = read(tmp_path, "model", changed(MODEL, "features.lookbacks", lookbacks)).features.lookbacks
    except SpecError:
        return
    assert found
    assert list(found) == sorted(set(found))


@pytest.mark.parametrize(
    "said",
    [{}, {"path": "a.csv", "database": "sqlite://", "table": "t"}, {"database": "sqlite://"}, {"table": "t"}],
    ids=["neither", "both", "no table", "no database"],
)
def test_an_input_is_a_file_or_a_table_of_a_database(said, tmp_path):
    with pytest.raises(SpecError):
        read(tmp_path, "project", changed(PROJECT, "inputs.crm", said))


# ---------------------------------------------------------------- between files


def check(tmp_path, enter, static=()):
    health = read(tmp_path, "health", HEALTH)
    playbooks = read(tmp_path, "playbooks", changed(PLAYBOOKS, "playbooks.0.enter", enter))
    read_rules(playbooks, "playbooks.yaml", known_facts(health, {}, static))


@pytest.mark.parametrize(
    ("enter", "told"),
    [("band == 'god'", "'good'"), ("dimension.adaption <= 30", "'dimension.adoption'")],
    ids=["band", "dimension"],
)
def test_a_playbook_that_names_no_band_or_dimension_of_health_is_told_with_the_nearest(enter, told, tmp_path):
    with pytest.raises(UnknownNameError) as refused:
        check(tmp_path, enter)
    assert told in refused.value.remedy
    assert "'call'" in refused.value.where


def test_a_playbook_may_name_the_band_of_those_without_data(tmp_path):
    check(tmp_path, "band == 'insufficient_data'")


def test_a_playbook_asks_for_a_segment_only_where_segments_are_static(tmp_path):
    with pytest.raises(SpecError, match="Add 'segment' to static"):
        check(tmp_path, "segment == 'smb'")
    check(tmp_path, "segment == 'smb'", ("segment",))


@pytest.mark.parametrize(
    ("said", "owner", "told"),
    [
        ({"pools": {"renewals": []}}, "pool:renewal", "'renewals'"),
        ({"people": {"kim": {"skills": ["security"]}}}, "skill:securty", "'security'"),
        ({"budgets": {"cal": 100}}, "account_owner", "'call'"),
        ({}, "pool:renewals", "nothing to choose from"),
    ],
)
def test_a_pool_a_skill_or_a_budget_of_nobody_is_told_with_the_nearest(said, owner, told, tmp_path):
    playbooks = read(tmp_path, "playbooks", changed(PLAYBOOKS, "playbooks.0.owner", owner))
    with pytest.raises(UnknownNameError, match=told):
        check_team_fits(playbooks, TeamSpec.model_validate(said), "team.yaml")


def test_pools_skills_and_budgets_that_are_declared_fit(tmp_path):
    team = TeamSpec.model_validate(
        {"people": {"kim": {"skills": ["security"], "pools": ["renewals"]}}, "budgets": {"call": 5}}
    )
    for owner in ("pool:renewals", "skill:security", "team:support", "account_owner"):
        check_team_fits(read(tmp_path, "playbooks", changed(PLAYBOOKS, "playbooks.0.owner", owner)), team, "team.yaml")


@pytest.mark.parametrize("name", ["churn", "upsell"])
def test_the_models_that_ship_with_the_program_are_readable(name):
    spec = read_spec(ModelSpec, default_models() / name / "spec.yaml")
    assert spec.name == name
    assert isinstance(spec.label, Label)


def test_the_health_and_playbooks_that_ship_with_the_program_fit_each_other():
    health = read_spec(HealthSpec, default_models() / "health.yaml")
    playbooks = read_spec(PlaybooksSpec, default_models() / "playbooks.yaml")
    read_rules(playbooks, "playbooks.yaml", known_facts(health, {}, ()))


def test_a_folder_that_is_no_project_is_told_what_to_do(tmp_path):
    with pytest.raises(ProjectError, match="churnml init"):
        open_project(tmp_path)
    with pytest.raises(ProjectError, match="not there"):
        open_project(tmp_path / "no")


def test_a_project_is_read_again_only_where_what_it_declares_has_changed(tmp_path):
    file = tmp_path / "project.yaml"
    file.write_text(yaml.safe_dump(PROJECT), encoding="utf-8")
    first = open_project(tmp_path)
    assert open_project(tmp_path) is first
    assert first.team == WITHOUT_A_FILE
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "team.yaml").write_text("people: {kim: {minutes_a_week: 60}}", encoding="utf-8")
    assert open_project(tmp_path).team.people["kim"].minutes_a_week == 60
    file.write_text(yaml.safe_dump({**PROJECT, "name": "another"}), encoding="utf-8")
    assert open_project(tmp_path).name == "another"
