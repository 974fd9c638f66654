"""Every rule of the health score by its worked examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest
import yaml

from churnml.acting.health import Health, health_of
from churnml.acting.scorecards import RENEWAL, SEGMENT, TENURE
from churnml.specs import HealthSpec
from tests.spec.health_examples import SCORES, SMALLEST, HealthExample
from tests.support import table

BASE_RATE = 0.05
CONTEXT = {"tenure": TENURE, "renewal": RENEWAL, "segment": SEGMENT}
HEALTHIER, RISKIER = [float(v) for v in range(1, 101)], [float(v) for v in range(100)]
Cells = list[dict[str, str]]


def spec_of(said: str) -> HealthSpec:
    return HealthSpec.model_validate(yaml.safe_load(SMALLEST) | (yaml.safe_load(said) or {}))


def number(cell: str) -> float:
    return float(cell) if cell else math.nan


def written(value: float) -> str:
    return "" if np.isnan(value) else f"{round(float(value), 2):g}"


def frame_of(accounts: pd.DataFrame) -> pd.DataFrame:
    columns = {name: accounts[name].map(number) for name in accounts.columns if name not in ("account", "segment")}
    named = {CONTEXT.get(name, name): values for name, values in columns.items()}
    if "segment" in accounts.columns:
        named[SEGMENT] = accounts["segment"].replace("", None)
    return pd.DataFrame({"account_id": accounts["account"]} | named)


def probability_of(accounts: pd.DataFrame) -> np.ndarray:
    """What makes the risk score what the table says: with the smallest points, 100 − 10 × the multiple."""
    if "times_usual" in accounts.columns:
        return accounts["times_usual"].map(number).to_numpy() * BASE_RATE
    return (100 - accounts["risk"].map(number).to_numpy()) / 10 * BASE_RATE


def health_in(spec: HealthSpec, accounts: pd.DataFrame) -> Health:
    polarity = {f: {"polarity": "riskier" if f.endswith("_bad") else "healthier"} for f in spec.features}
    scales = {name: RISKIER if said["polarity"] == "riskier" else HEALTHIER for name, said in polarity.items()}
    return health_of(spec, frame_of(accounts), polarity, scales, probability_of(accounts), BASE_RATE)


def cell_of(health: Health, column: str, row: int) -> str:
    """One cell of a table of scores; a column that is no field is a dimension."""
    if column.startswith("weight of "):
        return f"{np.nan_to_num(health.weights[column.removeprefix('weight of ')][row]):.0%}".replace("%", " %")
    found: Mapping[str, Callable[[], str]] = {
        "score": lambda: written(health.score[row]),
        "before": lambda: written(health.raw[row]),
        "band": lambda: str(health.band[row]),
        "coverage": lambda: f"{math.floor(health.coverage[row] * 100 + 0.5)} %",
        "stage": lambda: str(health.stage[row]),
        "scorecard": lambda: str(health.card[row]),
        "exceptions": lambda: ", ".join(
            f"{a.name} {written(a.before)} → {written(a.after)}" for a in health.exceptions[row]
        ),
    }
    return found[column]() if column in found else written(health.dimensions[column][row])


def scores(example: HealthExample) -> Cells:
    accounts = table(example.given["accounts"])
    health = health_in(spec_of(example.said), accounts)
    columns = [name for name in table(example.expect).columns if name != "account"]
    return [
        {"account": account} | {column: cell_of(health, column, row) for column in columns}
        for row, account in enumerate(accounts["account"])
    ]


@pytest.mark.parametrize("example", SCORES, ids=[e.title for e in SCORES])
def test_health_is_what_its_worked_example_shows(example: HealthExample):
    found = {"score": scores}[example.rule](example)
    assert found == table(example.expect).to_dict("records")
