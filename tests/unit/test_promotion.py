"""Closed unless proven: when a challenger becomes champion."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from churnml.declarations import Unit
from churnml.modelling.evaluation import Evaluation, Figure
from churnml.modelling.promotion import faded, judge, misfitting, overlapping
from churnml.specs.models import PromoteIf
from churnml.timeline import Reach
from tests.support import declaration, table

# The paired 95 % interval of the lead on each figure; empty is: no such figures.
EXAMPLES = """
case                                            | base rate AUC | base rate loss | champion AUC  | champion loss | positives | champion | promoted | because
beats both on both                              | 0.05 to 0.20  | 0.01 to 0.02   | 0.01 to 0.03  | 0.001 to 0.01 | 100       | yes      | yes      | it beats the base rate, recency and the present champion
the champion on one only                        | 0.05 to 0.20  | 0.01 to 0.02   | 0.01 to 0.03  | -0.001 to 0.1 | 100       | yes      | no       | not shown to beat the present champion on log loss
an interval that touches zero                   | 0.05 to 0.20  | 0.01 to 0.02   | 0.00 to 0.03  | 0.001 to 0.01 | 100       | yes      | no       | not shown to beat the present champion on ROC AUC
the same as the champion                        | 0.05 to 0.20  | 0.01 to 0.02   | 0.00 to 0.00  | 0.00 to 0.00  | 100       | yes      | no       | not shown to beat the present champion
beats the champion, which is worse than chance  | -0.1 to 0.10  | 0.01 to 0.02   | 0.01 to 0.03  | 0.001 to 0.01 | 100       | yes      | no       | not shown to beat the base rate on ROC AUC
a champion without figures                      | 0.05 to 0.20  | 0.01 to 0.02   |               |               | 100       | yes      | no       | no figures of the present champion
no champion yet                                 | 0.05 to 0.20  | 0.01 to 0.02   |               |               | 100       | no       | yes      | there was no champion before
no champion yet, no better than the base rate   | 0.05 to 0.20  | 0.00 to 0.02   |               |               | 100       | no       | no       | not shown to beat the base rate on log loss
no figures of the base rate                     |               |                | 0.01 to 0.03  | 0.001 to 0.01 | 100       | yes      | no       | no figures of the base rate
as few positives as are declared                | 0.05 to 0.20  | 0.01 to 0.02   | 0.01 to 0.03  | 0.001 to 0.01 | 20        | yes      | yes      | it beats
too few positives                               | 0.05 to 0.20  | 0.01 to 0.02   | 0.01 to 0.03  | 0.001 to 0.01 | 19        | yes      | no       | only 19 positives
a lead that cannot be told                      | 0.05 to 0.20  | 0.01 to 0.02   | nan to nan    | 0.001 to 0.01 | 100       | yes      | no       | not shown to beat the present champion on ROC AUC
"""  # fmt: skip

CASES = table(EXAMPLES).to_dict("records")


def lead(text: str) -> Figure:
    low, high = (float(end) for end in text.split(" to "))
    return Figure((low + high) / 2, low, high)


def evaluation(case) -> Evaluation:
    ahead = {"recency": {"roc_auc": lead("0.1 to 0.2"), "log_loss": lead("0.01 to 0.02")}}
    for rival, spoken in (("base_rate", "base rate"), ("champion", "champion")):
        if case[f"{spoken} AUC"]:
            ahead[rival] = {"roc_auc": lead(case[f"{spoken} AUC"]), "log_loss": lead(case[f"{spoken} loss"])}
    return Evaluation({}, ahead, 1000, int(case["positives"]))


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_challenger_is_promoted_only_on_proof(case):
    verdict = judge(evaluation(case), PromoteIf(), has_champion=case["champion"] == "yes")
    assert verdict.promoted is (case["promoted"] == "yes")
    assert case["because"] in verdict.because


def test_every_rival_and_figure_that_is_declared_must_be_beaten():
    case = CASES[0]
    asks = PromoteIf(beats=("base_rate", "champion", "health"), figures=("roc_auc",))
    refused = judge(evaluation(case), asks, has_champion=True)
    assert not refused.promoted
    assert "health dimensions" in refused.because


def test_a_figure_nobody_declared_closes_no_door():
    case = CASES[1]
    assert judge(evaluation(case), PromoteIf(figures=("roc_auc",)), has_champion=True).promoted


# ---------------------------------------------------------------- doors

PROVEN = evaluation(CASES[0])


def test_a_door_found_closed_keeps_it_closed_whatever_was_measured_and_every_reason_is_told():
    verdict = judge(PROVEN, PromoteIf(), True, closed=("a first reason", "a second one"))
    assert verdict == type(verdict)(False, "a first reason; a second one")


def test_recency_is_not_asked_where_there_is_no_usage_and_that_is_said():
    nothing = replace(PROVEN, ahead={who: lead for who, lead in PROVEN.ahead.items() if who != "recency"})
    assert not judge(nothing, PromoteIf(), True).promoted
    verdict = judge(nothing, PromoteIf(), True, absent={"recency": "there is no usage data"})
    assert verdict.promoted
    assert "recency was not asked, as there is no usage data" in verdict.because


def test_an_absent_base_rate_or_champion_can_be_excused_by_nobody():
    # only recency and health can be absent; what is not measured and not excused closes the door
    nothing = replace(PROVEN, ahead={"recency": PROVEN.ahead["recency"]})
    verdict = judge(nothing, PromoteIf(), True, absent={"recency": "there is no usage data"})
    assert not verdict.promoted
    assert "no figures of the base rate" in verdict.because


def test_a_declared_figure_that_was_not_measured_closes_the_door():
    half = {who: {"roc_auc": lead["roc_auc"]} for who, lead in PROVEN.ahead.items()}
    verdict = judge(replace(PROVEN, ahead=half), PromoteIf(), True)
    assert not verdict.promoted
    assert "log loss: there is no such figure" in verdict.because


@pytest.mark.parametrize(
    ("figure", "low", "high", "open_"),
    [
        ("seen_over_said", 0.5, 1.9, True),
        ("seen_over_said", 1.2, 1.6, True),  # off for certain, but by less than is tolerated
        ("seen_over_said", 0.70, 0.81, True),
        ("seen_over_said", 1.26, 1.6, False),
        ("seen_over_said", 0.68, 0.76, False),  # ample data: 44 % said where 32 % left
        ("calibration_slope", 0.40, 1.2, True),
        ("calibration_slope", 0.10, 0.60, False),
        ("calibration_slope", 1.60, 4.0, False),
        ("calibration_slope", float("nan"), float("nan"), True),  # said the same of all: others judge that
    ],
)
def test_a_shift_of_calibration_closes_the_door_only_beyond_chance_and_tolerance(figure, low, high, open_):
    shifted = replace(PROVEN, shift={figure: Figure((low + high) / 2, low, high)})
    verdict = judge(shifted, PromoteIf(), True)
    assert verdict.promoted is open_
    assert open_ or "the calibration has shifted" in verdict.because


@pytest.mark.parametrize("rival", ["logistic_regression", "health", "recency"])
def test_a_rival_that_is_surely_ahead_closes_the_door_also_where_nobody_asked_for_it_to_be_beaten(rival):
    asks = PromoteIf(beats=("base_rate", "champion"))
    behind = replace(PROVEN, ahead={**PROVEN.ahead, rival: {"roc_auc": Figure(-0.029, -0.060, -0.005)}})
    verdict = judge(behind, asks, True)
    assert not verdict.promoted
    assert "is ahead of it on ROC AUC, by 0.0290, 95 % interval 0.0050 to 0.0600" in verdict.because
    unsure = replace(PROVEN, ahead={**PROVEN.ahead, rival: {"roc_auc": Figure(-0.029, -0.060, 0.002)}})
    assert judge(unsure, asks, True).promoted
    assert judge(behind, PromoteIf(beats=asks.beats, figures=("log_loss",)), True).promoted


def test_an_account_that_left_is_one_leaver_however_many_cutoffs_saw_it():
    thrice = replace(PROVEN, positives=57, positive_accounts=19, at="over 3 cutoffs")
    assert "only 19 positives over 3 cutoffs" in judge(thrice, PromoteIf(), True).because
    assert judge(replace(thrice, positive_accounts=20), PromoteIf(), True).promoted


@pytest.mark.parametrize(
    ("order", "seen", "reason"),
    [
        (Figure(0.7, 0.6, 0.8), Figure(1.0, 0.8, 1.3), None),
        (Figure(0.55, 0.48, 0.62), Figure(1.0, 0.8, 1.3), "in the later period it is not shown to rank better"),
        (Figure(0.7, 0.6, 0.8), Figure(2.2, 1.8, 2.6), "the calibration has shifted in the later period"),
    ],
)
def test_a_second_later_period_closes_the_door_where_order_or_calibration_are_gone(order, seen, reason):
    said = Evaluation({"model": {"roc_auc": order}}, {}, 900, 60, {"seen_over_said": seen})
    found = faded(said)
    assert found is None if reason is None else reason in found


REACH = Reach(gap=7, horizon=91, settle=28)


def test_training_rows_whose_labels_were_not_final_at_the_judged_cutoff_overlap_it():
    judged = dt.date(2024, 9, 1)
    last = judged - dt.timedelta(days=7 + 91 + 28)
    assert overlapping("the challenger", [last], judged, REACH) is None
    late = last + dt.timedelta(days=1)
    assert f"rows of {late}" in overlapping("the challenger", [last, late], judged, REACH)
    assert overlapping("the challenger", [last], judged, REACH, embargo=1) is not None
    assert overlapping("the challenger", [judged], judged, REACH) is not None


FEATURES = [declaration("visits"), declaration("plan", unit=Unit.NAME)]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({"visits": [1.0, None], "plan": ["team", None]}, None),
        ({"visits": [1, 2], "plan": ["team", "scale"]}, None),
        ({"visits": [None, None], "plan": [None, None]}, None),
        ({"plan": ["team", "team"]}, "reads feature 'visits', which the judged rows do not have"),
        ({"visits": ["1", "2"], "plan": ["team", "team"]}, "reads feature 'visits' as numbers"),
        ({"visits": [True, False], "plan": ["team", "team"]}, "reads feature 'visits' as numbers"),
        ({"visits": [1.0, 2.0], "plan": [1.0, 2.0]}, "reads feature 'plan' as names"),
    ],
)
def test_rows_that_lack_a_column_or_hold_another_kind_in_it_do_not_fit(rows, reason):
    found = misfitting("the challenger", FEATURES, pd.DataFrame(rows))
    assert found is None if reason is None else reason in found
