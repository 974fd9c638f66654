"""Inputs of health are held against the outcome at training: one that runs the wrong way has no say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from churnml.health.directions import Unheard, heard, unheard_inputs, worse_first
from churnml.health.score import health_of
from churnml.modelling.record import UnheardInput
from churnml.pages.terminal.models import model_text
from churnml.specs.health import HealthSpec
from tests.unit.test_summary import RECORD

POLARITY = {"reads": "healthier", "pays": "healthier", "waits": "riskier", "rated": "healthier", "kinds": "healthier"}


def spec_of(**insist: bool) -> HealthSpec:
    def given(name: str, weight: int = 1) -> dict[str, object]:
        return {"feature": name, "weight": weight, "insist": insist.get(name, False)}

    return HealthSpec.model_validate(
        yaml.safe_load(
            "risk: {weight: 1, points: [[0, 100], [2, 0]]}\nbands: [{name: good, at_least: 50}, {name: bad, at_least: 0}]"
        )
        | {
            "dimensions": {
                "use": {"weight": 3, "means": "use", "inputs": [given("reads", 2), given("kinds")]},
                "service": {"weight": 1, "means": "service", "inputs": [given("waits"), given("rated")]},
            },
            "scorecards": [{"name": "all", "when": {}, "weights": {"use": 2, "service": 2}}],
            "exceptions": [{"name": "poor", "when": {"dimensions": {"use": {"at_most": 20}}}, "cap": 40}],
        }
    )


def rows(n: int = 400, reads: float = 1.0, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Accounts at four cutoffs each; who ``reads`` more stays (1), leaves (-1) or neither (0)."""
    rng = np.random.default_rng(seed)
    leaves = (rng.random(n) < 0.3).astype(float)
    frame = pd.DataFrame(
        {
            "account_id": np.arange(n) // 4,
            "reads": rng.normal(0, 1, n) - reads * leaves,
            "waits": rng.normal(0, 1, n) + leaves,
            "rated": np.where(rng.random(n) < 0.2, 4.0, np.nan),
            "kinds": 1.0,
        }
    )
    return frame, leaves


def test_an_input_that_surely_runs_against_its_declaration_has_no_say():
    for reads, silent in ((1.0, False), (0.0, False), (-1.0, True)):
        found = {one.feature: one for one in unheard_inputs(spec_of(), *rows(reads=reads), POLARITY)}
        assert ("reads" in found) is silent
        assert "waits" not in found
    assert found["reads"].why.startswith("runs against its declaration (healthier): of two accounts the one that left")
    assert found["reads"].weight == pytest.approx(0.75 * 2 / 3)
    # the same the other way round: more waiting is declared riskier, and leavers wait less
    frame, leaves = rows()
    assert "waits" in {
        one.feature for one in unheard_inputs(spec_of(), frame.assign(waits=-frame["waits"]), leaves, POLARITY)
    }


def test_what_is_the_same_for_all_or_unknown_of_most_has_no_say():
    found = {one.feature: one.why for one in unheard_inputs(spec_of(), *rows(), POLARITY)}
    assert found.keys() == {"kinds", "rated"}
    assert found["kinds"] == "is the same for every account"
    assert found["rated"].startswith("is known of ")


def test_outcomes_that_are_not_known_decide_nothing():
    frame, leaves = rows(reads=-1.0)
    nothing = np.full(len(leaves), np.nan)
    assert {one.feature for one in unheard_inputs(spec_of(), frame, nothing, POLARITY)} == {
        "reads",
        "kinds",
        "waits",
        "rated",
    }
    half = np.where(np.arange(len(leaves)) < 200, leaves, np.nan)
    shuffled = frame.copy()
    shuffled.loc[200:, "reads"] = 1e9
    assert (
        unheard_inputs(spec_of(), shuffled, half, POLARITY)[0].why
        == unheard_inputs(spec_of(), frame, half, POLARITY)[0].why
    )


def test_too_few_leavers_leave_nothing_out():
    frame, leaves = rows(reads=-3.0)
    few = np.where(frame["account_id"] < 8, leaves, 0.0)
    assert "reads" not in {one.feature for one in unheard_inputs(spec_of(), frame, few, POLARITY)}


def test_the_share_is_that_of_pairs_and_its_interval_knows_that_an_account_is_seen_many_times():
    rng = np.random.default_rng(4)
    values, leaves = rng.integers(0, 6, 120).astype(float), rng.integers(0, 2, 120).astype(float)
    accounts = np.arange(120)
    pairs = [1.0 if a < b else 0.5 if a == b else 0.0 for a in values[leaves > 0] for b in values[leaves == 0]]
    found = worse_first(values, leaves, accounts, riskier=False)
    assert found.share == pytest.approx(np.mean(pairs))
    again = worse_first(*(np.repeat(one, 9) for one in (values, leaves, accounts)), riskier=False)
    assert (again.share, again.low) == pytest.approx((found.share, found.low), abs=1e-9)
    as_if_others = worse_first(np.repeat(values, 9), np.repeat(leaves, 9), np.arange(1080), riskier=False)
    assert as_if_others.low > again.low


def test_by_chance_alone_hardly_anything_is_left_out():
    wrong = sum(
        "reads" in {one.feature for one in unheard_inputs(spec_of(), *rows(200, reads=0.0, seed=seed), POLARITY)}
        for seed in range(200)
    )
    assert wrong <= 6  # one side of a 99 % interval: one in two hundred


def test_what_has_no_say_changes_no_score_and_no_coverage_and_its_weight_goes_to_the_rest():
    spec, frame = spec_of(), pd.DataFrame({"reads": [0.9], "waits": [0.5], "rated": [np.nan], "kinds": [1.0]})
    scale = list(np.linspace(0, 1, 101))
    reference = dict.fromkeys(("reads", "waits", "rated", "kinds"), scale)

    def scored(of: HealthSpec) -> tuple[float, float]:
        health = health_of(of, frame, POLARITY, reference, np.array([np.nan]), None)
        return float(health.score[0]), float(health.coverage[0])

    with_all, without = scored(spec), scored(heard(spec, {"reads": "…", "rated": "…"}))
    assert without == (pytest.approx(75.25), 1.0)  # kinds 100, waits 50.5, each half by the card
    assert with_all != without
    gone = heard(spec, {"reads": "…", "kinds": "…"})
    assert (set(gone.dimensions), gone.exceptions) == ({"service"}, ())
    assert gone.scorecards[0].weights == {"service": 2}
    assert scored(gone)[0] == pytest.approx(50.5)
    assert heard(spec, {}) is spec
    assert heard(spec, dict.fromkeys(POLARITY, "…")) is spec, "where nothing would be left health is as declared"


def test_what_the_project_insists_on_is_heard_and_told():
    spec = spec_of(reads=True)
    found = {one.feature: one for one in unheard_inputs(spec, *rows(reads=-1.0), POLARITY)}
    assert found["reads"].insisted
    assert "reads" in heard(spec, {"reads": found["reads"].why}).features
    assert "reads" not in heard(spec_of(), {"reads": found["reads"].why}).features


def test_the_terminal_tells_what_has_no_say_and_what_is_left_of_the_weight():
    silent, kept = Unheard("kinds", "is the same for every account", 0.25, False), Unheard("reads", "runs", 0.5, True)
    told = RECORD.model_copy(update={"unheard": tuple(UnheardInput(**vars(one)) for one in (silent, kept))})
    text = model_text(told)
    assert "In health 1 input has no say, 75 % of the weight of its dimensions is left:" in text
    assert "    kinds is the same for every account\n" in text
    assert "reads runs; it is heard all the same, since health.yaml insists" in text
    assert "In health" not in model_text(RECORD)
