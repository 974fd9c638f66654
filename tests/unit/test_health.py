"""What ``health.yaml`` may say, and what the tables of the worked examples do not reach."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from churnml.adapters.project import default_models
from churnml.errors import SpecError, TooLittleDataError, UnknownNameError
from churnml.features import FAMILIES, Wish
from churnml.health.bands import flap_rate, ladder_of, settle, settle_bands
from churnml.health.changes import ScoreInputs, Yardstick, explain_change, inputs_of, score_of
from churnml.health.events import health_events
from churnml.health.hierarchies import DEEPEST, roll_up
from churnml.health.override_judging import ModelScore, judge_overrides
from churnml.health.overrides import make_override, with_overrides
from churnml.health.preview import preview
from churnml.health.score import check_inputs, health_of, health_reasons
from churnml.health.scorecards import SEGMENT, TENURE
from churnml.health.weights import auc, propose_weights
from churnml.ledger import BandState, PriorState
from churnml.specs.health import HealthSpec
from churnml.specs.reading import read_spec
from tests.spec.health_examples import STAGES, TWO
from tests.spec.test_health import BASE_RATE, HEALTHIER, frame_of, health_in, probability_of, spec_of
from tests.support import day, table

CATALOGUE = {f.name: f for family in FAMILIES.values() for f in family.features(Wish((7, 28, 90), (), ("segment",)))}
DEFAULT = read_spec(HealthSpec, default_models() / "health.yaml")


# ---------------------------------------------------------------- what may be said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("scorecards: [{name: x, when: {}, weights: {suport: 1}}]", "Did you mean 'support'"),
        ("scorecards: [{name: x, when: {stage: [onbording]}, weights: {use: 1}}]", "Did you mean 'onboarding'"),
        ("scorecards: [{name: x, when: {}, weights: {use: 0, support: 0, risk: 0}}]", "every weight is 0"),
        ("scorecards: [{name: x, when: {}, weights: {}}]", "at least 1"),
        (
            "scorecards: [{name: x, when: {}, weights: {use: 1}}, {name: x, when: {}, weights: {use: 1}}]",
            "two scorecards",
        ),
        ("exceptions: [{name: x, cap: 1, floor: 2}]", "exactly one"),
        ("exceptions: [{name: x}]", "exactly one"),
        ("exceptions: [{name: x, cap: 101}]", "100"),
        ("exceptions: [{name: x, cap: 1, when: {dimensions: {usage: {at_most: 1}}}}]", "Did you mean 'use'"),
        ("exceptions: [{name: x, cap: 1, when: {features: {use: {}}}}]", "at_least, at_most or both"),
        ("exceptions: [{name: x, cap: 1, when: {features: {use: {at_least: 2, at_most: 1}}}}]", "nothing can match"),
        ("stages: [{name: a, tenure_days: {at_most: 1}}]", "the last stage"),
        ("stages: [{name: a}, {name: b}]", "the last stage"),
        ("settling: {margin: 40}", "could never be entered"),
        (
            "bands: [{name: top, at_least: 98}, {name: rest, at_least: 0}]\nsettling: {margin: 3}",
            "could never be entered",
        ),
        ("bands: [{name: insufficient_data, at_least: 50}, {name: bad, at_least: 0}]", "may not be named"),
        ("dimensions: {risk: {weight: 1, means: x, inputs: [{feature: use}]}}", "may not be named"),
        ("dimensions: {use: {weight: 1, means: x, inputs: [{feature: use, age: a}]}}", "go together"),
        ("dimensions: {use: {weight: 1, means: x, inputs: [{feature: use, stale_after: 3}]}}", "go together"),
        ("dimensions: {use: {weight: 1, means: x, inputs: [{feature: use, half_life: 3}]}}", "half_life needs"),
        ("dimensions: {use: {weight: 1, means: x, inputs: [{feature: use, missing: zero}]}}", "'neutral'"),
        ("rollup: sum", "'worst'"),
        ("override_days: 0", "greater than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_nearest_name(said: str, told: str):
    stages = "" if said.startswith("stages") else STAGES
    dimensions = "" if said.startswith("dimensions") else TWO
    spec_of(stages + dimensions)
    with pytest.raises(ValidationError, match=told):
        spec_of(stages + dimensions + "\n" + said)


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ("{feature: usage_event_28d}", UnknownNameError, "usage_events_28d"),
        ("{feature: usage_acceleration_7d}", SpecError, "neither healthier nor riskier"),
        (
            "{feature: usage_events_28d, age: usage_days_since_lst, stale_after: 3}",
            UnknownNameError,
            "usage_days_since_last",
        ),
        ("{feature: usage_events_28d, age: subscription_plan, stale_after: 3}", SpecError, "is a name, not a number"),
    ],
)
def test_an_input_must_be_a_feature_with_a_direction_and_its_age_a_number(said, error, told):
    spec = spec_of(f"dimensions: {{use: {{weight: 1, means: x, inputs: [{said}]}}}}")
    with pytest.raises(error, match=told):
        check_inputs(spec, CATALOGUE, "health.yaml")


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ("when: {features: {ticket_open: {at_least: 1}}}", UnknownNameError, "tickets_open"),
        ("when: {features: {subscription_plan: {at_least: 1}}}", SpecError, "is a name, not a number"),
        ("when: {segment: [smb]}", SpecError, "does not declare segment static"),
    ],
)
def test_what_an_exception_asks_of_an_account_must_be_known_of_it(said, error, told):
    spec = spec_of(
        "dimensions: {use: {weight: 1, means: x, inputs: [{feature: usage_events_28d}]}}\n"
        f"exceptions: [{{name: x, cap: 1, {said}}}]"
    )
    known = {name: feature for name, feature in CATALOGUE.items() if name != SEGMENT}
    with pytest.raises(error, match=told):
        check_inputs(spec, known, "health.yaml")
    if "segment" in said:
        check_inputs(spec, CATALOGUE, "health.yaml")


def test_the_defaults_fit_the_catalogue_and_use_every_kind_of_rule():
    check_inputs(DEFAULT, CATALOGUE, "health.yaml")
    assert DEFAULT.stages
    assert DEFAULT.scorecards
    assert DEFAULT.exceptions
    assert (DEFAULT.settling.margin, DEFAULT.settling.dwell_days, DEFAULT.override_days) == (3, 14, 30)
    onboarding = next(card for card in DEFAULT.scorecards if card.name == "onboarding")
    assert onboarding.weights["commercial"] == 0


# ---------------------------------------------------------------- the score


def test_the_score_of_an_account_does_not_depend_on_who_else_is_scored():
    accounts = table("account | use | people | tickets_bad | risk\na | 80 | 20 | 3 | 50\nb | 1 | | 99 |\nc | | | |")
    together = health_in(spec_of(TWO), accounts)
    for row in range(3):
        alone = health_in(spec_of(TWO), accounts.iloc[[row]].reset_index(drop=True))
        np.testing.assert_equal(alone.score, together.score[[row]])


def test_shares_of_the_inputs_and_the_risk_make_up_the_whole_score():
    accounts = table("account | use | people | tickets_bad | risk\na | 80 | 20 | 30 | 50\nb | 10 | | 90 |")
    health = health_in(spec_of(TWO), accounts)
    parts = [health.shares[f] * np.nan_to_num(health.inputs[f]) for f in health.inputs]
    whole = sum(parts) + health.weights["risk"] * np.nan_to_num(health.dimensions["risk"])
    np.testing.assert_allclose(whole, health.raw, atol=0.005)
    assert health.raw[0] == 56.67


def test_an_input_nobody_is_judged_by_is_no_reason():
    spec = spec_of(STAGES + TWO + "\nscorecards: [{name: new, when: {stage: [onboarding]}, weights: {support: 0}}]")
    accounts = table(
        "account | use | people | tickets_bad | risk | tenure\nnew | 90 | 90 | 95 | 50 | 3\nold | 90 | 90 | 95 | 50 | 300"
    )
    health = health_in(spec, accounts)
    declared = {name: replace(CATALOGUE["usage_events_28d"].declaration(), name=name) for name in spec.features}
    frame = accounts[["use", "people", "tickets_bad"]].astype("float64")
    new, old = health_reasons(spec, frame, health, declared, {"tickets_bad": 3.0})
    assert [reason.feature for reason in old] == ["tickets_bad"]
    assert new == ()


def test_without_a_model_coverage_speaks_of_the_data_alone():
    frame = pd.DataFrame({"use": [80.0]})
    health = health_of(spec_of(""), frame, {"use": "healthier"}, {"use": HEALTHIER}, np.array([np.nan]), None)
    assert (health.score[0], health.coverage[0]) == (80, 1)


def test_an_input_the_data_or_the_scale_no_longer_give_is_not_known():
    spec, polarity = spec_of(TWO), dict.fromkeys(("use", "people", "tickets_bad"), "healthier")
    frame = pd.DataFrame({"use": [80.0], "people": [20.0]})
    health = health_of(spec, frame, polarity, {"use": HEALTHIER}, np.array([np.nan]), None)
    assert (health.score[0], health.coverage[0]) == (80, 0.25)


def test_two_hundred_thousand_accounts_take_seconds():
    rng, n = np.random.default_rng(0), 200_000
    frame = pd.DataFrame(
        {name: rng.normal(size=n) for name in DEFAULT.features} | {TENURE: rng.integers(0, 400, n) * 1.0}
    )
    polarity = dict.fromkeys(DEFAULT.features, "healthier")
    scales = {name: list(np.linspace(-2, 2, 101)) for name in DEFAULT.features}
    ids = [f"a{i}" for i in range(n)]
    start = time.process_time()
    health = health_of(DEFAULT, frame, polarity, scales, rng.beta(1, 20, n), 0.05)
    states = settle_bands(DEFAULT, day("2024-01-01"), ids, health, {})
    later = settle_bands(DEFAULT, day("2024-02-01"), ids, health, {s.account_id: s for s in states})
    assert health_events(DEFAULT, later, health, {s.account_id: s for s in states}) == []
    assert time.process_time() - start < 15


# ---------------------------------------------------------------- bands and events


def test_a_band_that_is_no_longer_declared_is_left_at_once_and_told_so():
    spec = spec_of("settling: {margin: 3, dwell_days: 14}")
    old = BandState("a", day("2024-03-04"), 71.0, "green", day("2024-03-04"))
    health = health_in(spec, table("account | use | risk\na | 71 | 71"))
    (state,) = settle_bands(spec, day("2024-03-05"), ["a"], health, {"a": old})
    assert (state.band, state.band_since) == ("healthy", day("2024-03-05"))
    (event,) = health_events(spec, [state], health, {"a": old})
    assert event.because == ("the band 'green' is no longer declared",)


def test_the_exception_behind_a_change_is_told():
    spec = spec_of("exceptions: [{name: escalation, when: {features: {escalated_bad: {at_least: 1}}}, cap: 40}]")
    before = BandState("a", day("2024-03-04"), 80.0, "healthy", day("2024-03-04"))
    health = health_in(spec, table("account | use | risk | escalated_bad\na | 80 | 80 | 1"))
    states = settle_bands(spec, day("2024-03-11"), ["a"], health, {"a": before})
    drop, band = health_events(spec, states, health, {"a": before})
    assert (drop.kind, band.kind) == ("drop", "band")
    assert drop.because[1] == band.because[1] == "exception 'escalation' took the score from 80 to 40"


def test_flaps_are_counted_account_by_account_and_only_when_they_come_soon():
    bands = pd.DataFrame(
        {
            "account_id": ["a", "a", "b", "b", "a", "c", "c", "c"],
            "as_of": pd.to_datetime(
                [
                    "2024-01-01",
                    "2024-02-01",
                    "2024-02-05",
                    "2024-02-06",
                    "2024-04-01",
                    "2024-01-01",
                    "2024-02-01",
                    "2024-04-02",
                ]
            ),
            "band": ["good", "bad", "good", "bad", "good", "good", "bad", "good"],
        }
    )
    rate = flap_rate(bands, within_days=60)
    assert (rate.changes, rate.flaps) == (5, 1)  # a is back after 60 days, c after 61, b never
    assert flap_rate(bands, within_days=61).flaps == 2
    assert flap_rate(bands.iloc[:0]).per_account_year is None


# ---------------------------------------------------------------- overrides


def test_the_same_words_make_the_same_override_and_others_another():
    said = ("a", 30, "kim", "the sponsor left", day("2024-06-01"))
    assert make_override(DEFAULT, *said) == make_override(DEFAULT, *said)
    assert make_override(DEFAULT, *said).expires_on == day("2024-07-01")
    others = [("b", *said[1:]), ("a", 31, *said[2:]), (*said[:2], "lee", *said[3:]), (*said[:4], day("2024-06-02"))]
    names = {make_override(DEFAULT, *one).override_id for one in [said, *others]}
    assert len(names) == 5


def test_a_reason_and_an_author_of_blanks_alone_are_none_and_nan_is_no_score():
    for score, author, reason in ((30.0, "  ", "x"), (30.0, "kim", " \n "), (float("nan"), "kim", "x")):
        with pytest.raises(Exception, match="override"):
            make_override(DEFAULT, "a", score, author, reason, day("2024-06-01"))


def judged_with(left: dict[str, dt.date], known_before: dt.date, **changes):
    made = replace(make_override(DEFAULT, "a", 90, "kim", "x", day("2024-01-01")), **changes)
    return judge_overrides(DEFAULT, [made], {made.override_id: ModelScore(20.0, 0.3)}, left, known_before, 91)


def test_an_override_is_judged_only_when_it_is_over_and_its_time_has_passed():
    assert judged_with({}, day("2024-03-31")).not_yet == 1
    assert len(judged_with({}, day("2024-04-01")).judged) == 1
    assert judged_with({}, day("2024-04-01"), expires_on=day("2024-05-01")).not_yet == 1
    assert judged_with({}, day("2024-04-01"), withdrawn_on=day("2024-01-05")).withdrawn == 1


def test_who_left_after_the_time_has_stayed_and_who_left_in_it_has_left():
    (stayed,) = judged_with({"a": day("2024-04-01")}, day("2024-06-01")).judged
    (left,) = judged_with({"a": day("2024-03-31")}, day("2024-06-01")).judged
    assert (stayed.left, stayed.closer, stayed.person_right, stayed.model_right) == (False, "person", True, False)
    assert (left.left, left.closer, left.person_right, left.model_right) == (True, "model", False, True)


def test_an_override_the_model_said_nothing_else_to_is_not_judged():
    made = make_override(DEFAULT, "a", 90, "kim", "x", day("2024-01-01"))
    for was in ({}, {made.override_id: ModelScore(None)}, {made.override_id: ModelScore(90.0)}):
        judgement = judge_overrides(DEFAULT, [made], was, {}, day("2025-01-01"), 91)
        assert (judgement.unclear, judgement.records) == (1, ())


# ---------------------------------------------------------------- families


def test_a_chain_of_parents_ends_somewhere():
    ids = [f"a{i:05}" for i in range(5_000)]
    parents = dict(zip(ids[1:], ids, strict=False))
    found = roll_up("mean", ids, [50.0] * len(ids), [1.0] * len(ids), parents, ids)
    assert len(found.hierarchies[0].members) == DEEPEST + 1
    assert "only 20 are rolled up" in found.problems[0]


def test_a_family_without_a_known_score_has_none_and_of_no_mrr_counts_alike():
    hierarchies = roll_up("mrr", ["a", "b"], [None, None], [1.0, 2.0], {"b": "a"}, ["a", "b"]).hierarchies
    assert [(f.score, f.worst, f.mrr) for f in hierarchies] == [(None, None, 3.0)]
    hierarchies = roll_up(
        "mrr", ["b", "c"], [10.0, 30.0], [0.0, None], {"b": "a", "c": "a"}, ["a", "b", "c"]
    ).hierarchies
    assert [(f.parent, f.score, f.members) for f in hierarchies] == [("a", 20.0, ("b", "c"))]


def test_who_hangs_under_a_circle_still_has_its_own_parent():
    links = {"child": "a", "a": "b", "b": "a"}
    found = roll_up("worst", ["a", "b", "child"], [50.0, 40.0, 30.0], [1.0] * 3, links, ["a", "b", "child"])
    assert [(f.parent, f.members, f.score) for f in found.hierarchies] == [("a", ("a", "child"), 30.0)]


# ---------------------------------------------------------------- changes


def test_what_is_kept_of_an_account_is_json_and_makes_its_score_again():
    spec = spec_of(STAGES + TWO + "\nscorecards: [{name: new, when: {segment: [smb]}, weights: {use: 3}}]")
    accounts = table(
        "account | use | people | tickets_bad | risk | segment | tenure\na | 80 | 3 | 3 | 20 | smb | 5\nb | | | 3 | | | "
    )
    health, frame, chances = health_in(spec, accounts), frame_of(accounts), probability_of(accounts)
    polarity = {"use": "healthier", "people": "healthier", "tickets_bad": "riskier"}
    scales = {"use": HEALTHIER, "people": HEALTHIER, "tickets_bad": [float(v) for v in range(100)]}
    for row, kept in enumerate(inputs_of(spec, frame)):
        kept = json.loads(json.dumps(kept, allow_nan=False))
        chance = None if np.isnan(chances[row]) else float(chances[row])
        made = ScoreInputs(day("2024-06-01"), kept, chance, Yardstick("1", scales, polarity, BASE_RATE), spec)
        assert score_of(made) == round(health.score[row] * 100)


def test_a_score_is_made_again_from_a_probability_as_it_is_kept():
    spec, yardstick = spec_of(""), Yardstick("1", {"use": HEALTHIER}, {"use": "healthier"}, 0.0004)
    chances = np.random.default_rng(0).uniform(0, 0.004, 200)
    frame = pd.DataFrame({"use": [50.0] * 200})
    health = health_of(spec, frame, {"use": "healthier"}, yardstick.reference, chances, 0.0004)
    again = [
        score_of(ScoreInputs(day("2024-06-01"), {"use": 50.0}, round(float(p), 6), yardstick, spec)) for p in chances
    ]
    assert again == [round(score * 100) for score in health.score]


def test_a_score_that_is_not_known_on_one_side_has_no_parts():
    spec, yardstick = spec_of(""), Yardstick(None, {"use": HEALTHIER}, {"use": "healthier"}, None)
    known = ScoreInputs(day("2024-06-01"), {"use": 50.0}, None, yardstick, spec)
    change = explain_change(known, replace(known, inputs={"use": None}))
    assert (change.before, change.after, change.total, change.data) == (50, None, None, None)
    assert change.note
    override = make_override(spec, "a", 30, "kim", "x", day("2024-06-01"))
    change = explain_change(known, replace(known, inputs={"use": None}, override=override))
    assert (change.total, change.override, change.model) == (-20, -20, 0)


def test_a_feature_that_only_the_later_declaration_asks_is_the_configurations_part():
    narrow, wide = spec_of(""), spec_of(TWO)
    polarity = {"use": "healthier", "people": "healthier", "tickets_bad": "riskier"}
    scales = dict.fromkeys(polarity, HEALTHIER)
    before = ScoreInputs(
        day("2024-06-01"), {"use": 80.0}, None, Yardstick("1", {"use": HEALTHIER}, polarity, None), narrow
    )
    after = ScoreInputs(
        day("2024-06-08"),
        {"use": 80.0, "people": 20.0, "tickets_bad": 1.0},
        None,
        Yardstick("2", scales, polarity, None),
        wide,
    )
    there, back = explain_change(before, after), explain_change(after, before)
    assert (there.data, there.model) == (back.data, back.model) == (0, 0)
    assert there.configuration == there.total == -back.configuration == 75.0 - 80.0


def test_an_input_the_data_no_longer_give_is_the_datas_part():
    polarity = {"use": "healthier", "people": "healthier", "tickets_bad": "riskier"}
    yardstick = Yardstick("1", {"use": HEALTHIER, "people": HEALTHIER}, polarity, None)
    before = ScoreInputs(day("2024-06-01"), {"use": 80.0, "people": 20.0}, None, yardstick, spec_of(TWO))
    change = explain_change(before, replace(before, inputs={"use": 80.0}))
    assert (change.total, change.data, change.by_data["use"]) == (30, 30, 30)


# ---------------------------------------------------------------- preview


def test_a_preview_settles_by_what_was_before_and_names_what_has_no_scale():
    now = spec_of("settling: {margin: 0, dwell_days: 14}")
    then = HealthSpec.model_validate(
        now.model_dump() | {"dimensions": {"use": {"weight": 1, "means": "x", "inputs": [{"feature": "use"}, {"feature": "new"}]}},
                            "bands": [{"name": "healthy", "at_least": 90}, {"name": "at_risk", "at_least": 0}]}
    )  # fmt: skip
    frame = pd.DataFrame({"account_id": ["a", "b"], "mrr": [10.0, None], "use": [80.0, 95.0], "new": [1.0, 1.0]})
    before = {"a": BandState("a", day("2024-05-30"), 80.0, "healthy", day("2024-05-30"))}
    polarity = {"use": "healthier", "new": "healthier"}
    said = (frame, polarity, {"use": HEALTHIER}, np.full(2, np.nan), None)
    held = preview(now, then, day("2024-06-01"), *said, PriorState(bands=before))
    assert held.accounts["band_then"].tolist() == ["healthy", "healthy"]
    assert held.accounts["held_back_then"].tolist() == ["at_risk", None]
    assert held.unscaled == ("new",)
    assert held.changed == (0, 0.0)
    free = preview(now, then, day("2024-06-01"), *said)
    assert free.changed == (1, 10.0)
    assert free.then == {"healthy": 1, "at_risk": 1, "insufficient_data": 0}


# ---------------------------------------------------------------- weights


def renewals(weights: dict[str, float], accounts: int = 1500, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({name: rng.uniform(0, 100, accounts) for name in weights})
    logit = sum(weight * (rows[name] - 50) / 10 for name, weight in weights.items())
    rows["label"] = (rng.uniform(size=accounts) > 1 / (1 + np.exp(-logit - 0.5))).astype(float)
    return rows.assign(account_id=[f"a{i}" for i in range(accounts)], as_of="2024-01-01")


def test_weights_of_the_past_are_found_again_and_contradict_wrong_ones():
    spec = spec_of(TWO.replace("support: {weight: 1", "support: {weight: 3"))
    proposal = propose_weights(spec, renewals({"use": 0.6, "support": 0.2}), resamples=40)
    use, support = proposal.weights
    assert proposal.enough
    assert use.low <= 3 <= use.high
    assert use.proposed + support.proposed == pytest.approx(4, abs=0.02)
    assert not use.agrees
    assert not support.agrees
    assert "contradicts the hand-set weight of use, support" in proposal.sentence
    assert proposal.auc_proposed > proposal.auc_declared + 0.02


def test_no_weight_is_negative_also_where_more_of_it_went_with_leaving():
    proposal = propose_weights(spec_of(TWO), renewals({"use": 0.5, "support": -0.4}), resamples=20)
    assert proposal.weights[1].proposed == proposal.weights[1].low == 0


def test_a_proposal_is_the_same_again_whatever_the_order_of_the_rows():
    rows = renewals({"use": 0.6, "support": 0.2}, accounts=200)
    first = propose_weights(spec_of(TWO), rows, seed=3, resamples=10)
    assert propose_weights(spec_of(TWO), rows.sample(frac=1, random_state=0), seed=3, resamples=10) == first
    assert propose_weights(spec_of(TWO), rows, seed=4, resamples=10) != first


def test_accounts_and_not_rows_count_as_evidence():
    few = renewals({"use": 0.6, "support": 0.2}, accounts=30)
    rows = pd.concat([few] * 20, ignore_index=True)
    proposal = propose_weights(spec_of(TWO), rows, resamples=10)
    assert not proposal.enough
    assert proposal.left + proposal.stayed == 30
    assert "Too few" in proposal.sentence


@pytest.mark.parametrize("change", [{"label": 0.0}, {"label": 1.0}, {"support": np.nan}])
def test_where_nothing_can_be_learnt_that_is_told(change):
    with pytest.raises(TooLittleDataError, match="No weights"):
        propose_weights(spec_of(TWO), renewals({"use": 0.6, "support": 0.2}, accounts=50).assign(**change))


def test_the_share_of_pairs_in_order_counts_ties_half():
    assert auc(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0, 0, 1, 1])) == (0.5 + 3) / 4


def test_settling_reads_nothing_of_its_own_date_or_later():
    spec = spec_of("settling: {margin: 3, dwell_days: 14}")
    ladder, on = ladder_of(spec), day("2024-03-11")
    fresh = settle(ladder, on, "a", 68.0, 1.0, None)
    for scored in ("2024-03-11", "2024-03-12", "2025-01-01"):
        later = BandState("a", day(scored), 80.0, "healthy", day(scored))
        assert settle(ladder, on, "a", 68.0, 1.0, later) == fresh
    # the control: a day earlier it holds the band
    earlier = BandState("a", day("2024-03-10"), 80.0, "healthy", day("2024-03-10"))
    assert settle(ladder, on, "a", 68.0, 1.0, earlier).band == "healthy" != fresh.band


def test_an_override_made_later_changes_nothing_and_one_made_that_day_does():
    spec, health = spec_of(""), health_in(spec_of(""), table("account | use | risk\na | 80 | 80"))
    later, same = (make_override(spec, "a", 10, "kim", "x", day(on)) for on in ("2024-06-02", "2024-06-01"))
    assert with_overrides(spec, health, ["a"], [later], day("2024-06-01")).score[0] == 80
    assert with_overrides(spec, health, ["a"], [same], day("2024-06-01")).score[0] == 10
