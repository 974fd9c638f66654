"""The measurement of playbooks by its worked examples."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churnml.impact.effects import impact
from churnml.impact.measures import About, Terms
from churnml.impact.report import ImpactReport
from tests.spec.impact_examples import COUNTS, EFFECTS, VERDICTS, CountExample, ImpactExample
from tests.support import table

THROUGH = dt.date(2024, 12, 31)
CASES = table(VERDICTS).to_dict("records")


def enrolled(text: str) -> pd.DataFrame:
    said = table(text).replace("", np.nan)
    rows = pd.DataFrame({"account_id": said["account_id"], "arm": said["arm"]})
    rows["playbook"] = said.get("playbook", "rescue")
    rows["propensity"] = said.get("propensity", pd.Series("0.5", index=said.index)).astype(float)
    on = said.get("assigned_on", pd.Series("2024-01-01", index=said.index))
    rows["assigned_on"] = [dt.date.fromisoformat(day) for day in on]
    for name in ("risk", "mrr", "left", "kept", "grew", "won"):
        rows[name] = said.get(name, pd.Series(np.nan, index=said.index)).astype(float)
    rows["worked"] = said.get("worked", rows["arm"].map({"treated": "yes", "holdout": "no"})) == "yes"
    rows["elsewhere"] = said.get("elsewhere", pd.Series("no", index=said.index)) == "yes"
    rows["churn_state"] = said.get("state", "counted")
    rows["upsell_state"] = "unasked"
    return rows


def report_of(example: ImpactExample) -> ImpactReport:
    return impact(enrolled(example.enrolled), {}, THROUGH, Terms(**example.terms))


@pytest.mark.parametrize("example", EFFECTS, ids=[e.title for e in EFFECTS])
def test_an_effect_is_what_its_worked_example_shows(example: ImpactExample) -> None:
    (found,) = report_of(example).playbooks
    fields = {"once low": "once_low", "once high": "once_high", "treated mean": "treated_mean", "effect": "value"}
    for expected in table(example.expect).to_dict("records"):
        effect = found.effects[expected.pop("measure")]
        assert (effect.treated, effect.holdout) == (int(expected.pop("treated")), int(expected.pop("holdout")))
        for column, said in expected.items():
            if said:
                name = fields.get(column, column.replace(" ", "_"))
                assert getattr(effect, name) == pytest.approx(float(said), abs=6e-4), column


@pytest.mark.parametrize("example", COUNTS, ids=[e.title for e in COUNTS])
def test_accounts_are_counted_as_the_worked_example_shows(example: CountExample) -> None:
    (found,) = impact(enrolled(example.enrolled), {}, THROUGH).playbooks
    for expected in table(example.expect).to_dict("records"):
        counts = dataclasses.asdict(getattr(found, expected.pop("arm")))
        assert counts == {name: int(said) for name, said in expected.items()}


def of_counts(case: dict[str, str]) -> pd.DataFrame:
    """Accounts of both arms, dealt over ten dates so that each holds its share of both and of what came of them."""
    parts = []
    for arm, n, ones in (("treated", "treated", "of them"), ("holdout", "held out", "of these")):
        number, happened = int(case[n]), int(case[ones])
        outcome = (np.arange(number) * happened // max(number, 1)) != (
            (np.arange(number) + 1) * happened // max(number, 1)
        )
        parts.append(pd.DataFrame({"arm": arm, "happened": outcome.astype(float), "turn": np.arange(number) % 10}))
    rows = pd.concat(parts, ignore_index=True)
    grows = case["goal"] == "grow"
    return rows.assign(
        account_id=[f"a{n:06d}" for n in range(len(rows))],
        playbook="it",
        propensity=float(case["propensity"]),
        assigned_on=[dt.date(2024, 1, 1 + int(turn)) for turn in rows["turn"]],
        risk=np.nan,
        mrr=100.0,
        worked=rows["arm"] == "treated",
        churn_state="counted",
        upsell_state="counted",
        left=0.0 if grows else rows["happened"],
        grew=rows["happened"] if grows else 0.0,
        kept=1.0,
        won=0.0,
    )


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_verdict_is_what_its_row_shows(case: dict[str, str]) -> None:
    report = impact(of_counts(case), {"it": About("It", case["goal"])}, THROUGH, Terms(worth=float(case["worth"])))
    (found,) = report.playbooks
    assert found.verdict == case["verdict"], found.sentence
    assert bool(report.stop) is (case["verdict"] in ("harms", "no_sign"))
    assert (found.more_needed is not None) is (case["verdict"] == "not_yet")


def test_every_verdict_has_an_example() -> None:
    assert {case["verdict"] for case in CASES} == {"works", "harms", "no_sign", "not_yet", "unsound", "not_measured"}
