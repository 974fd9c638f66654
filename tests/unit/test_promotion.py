"""Closed unless proven: when a challenger becomes champion."""

from __future__ import annotations

import pytest

from churnml.modelling.evaluation import Evaluation, Figure
from churnml.modelling.promotion import judge
from churnml.specs import PromoteIf
from tests.support import table

# The paired 95 % interval of the lead on each figure; empty is: no such figures.
EXAMPLES = """
case                                            | base rate AUC | base rate loss | champion AUC  | champion loss | positives | champion | promoted | because
beats both on both                              | 0.05 to 0.20  | 0.01 to 0.02   | 0.01 to 0.03  | 0.001 to 0.01 | 100       | yes      | yes      | it beats the base rate and the present champion
the champion on one only                        | 0.05 to 0.20  | 0.01 to 0.02   | 0.01 to 0.03  | -0.001 to 0.1 | 100       | yes      | no       | not shown to beat the present champion on log loss
an interval that touches zero                   | 0.05 to 0.20  | 0.01 to 0.02   | 0.00 to 0.03  | 0.001 to 0.01 | 100       | yes      | no       | not shown to beat the present champion on ROC AUC
the same as the champion                        | 0.05 to 0.20  | 0.01 to 0.02   | 0.00 to 0.00  | 0.00 to 0.00  | 100       | yes      | no       | not shown to beat the present champion
beats the champion, which is worse than chance  | -0.1 to 0.10  | 0.01 to 0.02   | 0.01 to 0.03  | 0.001 to 0.01 | 100       | yes      | no       | not shown to beat the base rate on ROC AUC
a champion in office without figures            | 0.05 to 0.20  | 0.01 to 0.02   |               |               | 100       | yes      | no       | no figures of the present champion
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
    ahead = {}
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
    asks = PromoteIf(beats=("base_rate", "champion", "recency"), figures=("roc_auc",))
    refused = judge(evaluation(case), asks, has_champion=True)
    assert not refused.promoted
    assert "recency" in refused.because


def test_a_figure_nobody_declared_closes_no_door():
    case = CASES[1]
    assert judge(evaluation(case), PromoteIf(figures=("roc_auc",)), has_champion=True).promoted
