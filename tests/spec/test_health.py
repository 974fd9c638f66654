"""Every rule of the health score by its worked examples."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from churnml.errors import OverrideError
from churnml.health.bands import flap_rates, settle_bands
from churnml.health.changes import ScoreInputs, Yardstick, explain_change
from churnml.health.directions import Unheard, heard, unheard_inputs
from churnml.health.events import health_events
from churnml.health.hierarchies import Hierarchies, roll_up
from churnml.health.override_judging import ModelScore, judge_overrides
from churnml.health.overrides import make_override, with_overrides
from churnml.health.preview import Preview, preview
from churnml.health.score import Health, health_of
from churnml.health.scorecards import RENEWAL, SEGMENT, TENURE
from churnml.health.weights import propose_weights
from churnml.ledger import BandState
from churnml.specs.health import HealthSpec
from docs import health_page as health_page_module
from tests.spec.health_examples import EXAMPLES, SMALLEST, HealthExample
from tests.support import day, table

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
    polarity = polarity_of(spec)
    scales = {name: RISKIER if which == "riskier" else HEALTHIER for name, which in polarity.items()}
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
    accounts, spec = table(example.given["accounts"]), spec_of(example.said)
    if "training" in example.given:
        spec = heard(spec, {one.feature: one.why for one in silent_inputs(example) if not one.insisted})
    health = health_in(spec, accounts)
    columns = [name for name in table(example.expect).columns if name != "account"]
    return [
        {"account": account} | {column: cell_of(health, column, row) for column in columns}
        for row, account in enumerate(accounts["account"])
    ]


def silent_inputs(example: HealthExample) -> tuple[Unheard, ...]:
    """The inputs without a say by the training rows, which the table counts."""
    kinds = table(example.given["training"])
    rows = kinds.loc[kinds.index.repeat(kinds["accounts"].astype(int))].reset_index(drop=True)
    spec, leaves = spec_of(example.said), (rows["left"] == "yes").to_numpy(dtype="float64")
    frame = rows.drop(columns=["accounts", "left"]).map(number).assign(account_id=rows.index.astype(str))
    return unheard_inputs(spec, frame, leaves, polarity_of(spec))


def directions(example: HealthExample) -> Cells:
    silent = {one.feature: one for one in silent_inputs(example)}
    return [
        {
            "input": name,
            "has a say": "yes" if name not in silent else "it is wanted" if silent[name].insisted else "no",
            "why": silent[name].why.partition(":")[0] if name in silent else "",
        }
        for name in spec_of(example.said).features
    ]


def polarity_of(spec: HealthSpec) -> dict[str, str]:
    return {f: "riskier" if f.endswith("_bad") else "healthier" for f in spec.features}


def scoring(spec: HealthSpec, row: Mapping[str, str], on: dt.date) -> Health:
    """The health of the one account ``a`` on a date, as the table says it, with its override applied."""
    health = health_in(spec, table("account | use | risk\na | 50 | 50"))
    coverage = float(row.get("coverage", "100 %").removesuffix(" %")) / 100
    health = replace(health, ruled=np.array([number(row["score"])]), coverage=np.array([coverage]))
    said = row.get("override")
    made = [make_override(spec, "a", float(said), "kim", "the sponsor left", on, 1)] if said else []
    return with_overrides(spec, health, ["a"], made, on)


def played(example: HealthExample) -> Iterator[tuple[dt.date, BandState, Mapping[str, BandState], Health]]:
    """Every scoring in turn: date, state, what was on record before, and the health."""
    spec, before = spec_of(example.said), {}
    for row in table(example.given["scorings"]).to_dict("records"):
        on = day(row["date"])
        health = scoring(spec, row, on)
        (state,) = settle_bands(spec, on, ["a"], health, before)
        yield on, state, before, health
        before = {"a": state}


def bands(example: HealthExample) -> Cells:
    columns = table(example.expect).columns
    return [
        {
            name: {
                "date": str(on),
                "band": state.band,
                "since": str(state.band_since),
                "points to": state.pending or "",
                "first": str(state.pending_since or ""),
            }[name]
            for name in columns
        }
        for on, state, _, _ in played(example)
    ]


def events(example: HealthExample) -> Cells:
    spec, found, history = spec_of(example.said), [], []
    for on, state, before, health in played(example):
        told = health_events(spec, [state], health, before, {"a": history})
        found += [
            {"date": str(e.on), "event": e.kind, "from": e.from_, "to": e.to, "because": "; ".join(e.because)}
            for e in told
        ]
        history = [*history, (on, state.health)]
    return found


def flaps(example: HealthExample) -> Cells:
    rows = table(example.given["scorings"]).rename(columns={"account": "account_id", "date": "as_of"})
    rows = rows.assign(score=rows["score"].map(number), coverage=1.0)
    return [
        {
            "bands": name,
            "changes": str(rate.changes),
            "flaps": str(rate.flaps),
            "account-years": f"{rate.account_years:.1f}",
            "flaps a year": written(rate.per_account_year),
        }
        for name, rate in flap_rates(spec_of(example.said), rows).items()
    ]


def made_of(example: HealthExample, side: str) -> ScoreInputs:
    said = dict(table(example.given["scores"])[["what", side]].itertuples(index=False))
    spec = spec_of(example.said)
    if "weight of use" in said:
        dimension = spec.dimensions["use"].model_copy(update={"weight": float(said["weight of use"])})
        spec = spec.model_copy(update={"dimensions": {"use": dimension}})
    top = float(said.get("top of use's scale", "100"))
    polarity = {f: "riskier" if f.endswith("_bad") else "healthier" for f in spec.features}
    scales = {f: RISKIER if said == "riskier" else HEALTHIER for f, said in polarity.items()}
    scales["use"] = [value * top / 100 for value in HEALTHIER]
    on = day("2024-06-01") if side == "before" else day("2024-06-08")
    override = make_override(spec, "a", float(said["override"]), "kim", "I know", on) if said.get("override") else None
    inputs = {f: float(said[f]) if said[f] else None for f in spec.features if f in said}
    probability = (100 - float(said["risk"])) / 10 * BASE_RATE
    return ScoreInputs(on, inputs, probability, Yardstick(said["model"], scales, polarity, BASE_RATE), spec, override)


def changes(example: HealthExample) -> Cells:
    said = table(example.given["scores"]).set_index("what")["after"].get("says earlier model")
    earlier = (100 - float(said)) / 10 * BASE_RATE if said else None
    change = explain_change(made_of(example, "before"), made_of(example, "after"), earlier)
    by_data = {f"– {name}": points for name, points in change.by_data.items() if name != "stage"}
    parts = {"data": change.data, **by_data} | {
        name: getattr(change, name) for name in ("model", "configuration", "override", "total")
    }
    return [{"part": name, "points": written(points)} for name, points in parts.items()]


def previewed(example: HealthExample) -> Preview:
    accounts = table(example.given["accounts"])
    now = spec_of(example.said)
    then = HealthSpec.model_validate(now.model_dump() | yaml.safe_load(example.given["then"]))
    frame = frame_of(accounts)
    polarity, scales = {"use": "healthier"}, {"use": HEALTHIER}
    return preview(now, then, day("2024-06-01"), frame, polarity, scales, probability_of(accounts), BASE_RATE)


def moves(example: HealthExample) -> Cells:
    return [
        {"now": row.band_now, "then": row.band_then, "accounts": str(row.accounts), "mrr": written(row.mrr)}
        for row in previewed(example).moves.itertuples()
    ]


def movers(example: HealthExample) -> Cells:
    return [
        {
            "account": row.account_id,
            "now": row.band_now,
            "then": row.band_then,
            "score now": written(row.score_now),
            "score then": written(row.score_then),
            "moved": written(row.moved),
        }
        for row in previewed(example).biggest().itertuples()
    ]


def weights(example: HealthExample) -> Cells:
    rows = table(example.given["renewals"])
    rows = rows.rename(columns={"account": "account_id", "left": "label"}).assign(as_of="2024")
    rows = rows.assign(**{name: rows[name].map(number) for name in rows.columns if name != "account_id"})
    proposal = propose_weights(spec_of(example.said), rows, resamples=20)
    return [
        {
            "weight of": weight.dimension,
            "by hand": written(weight.declared),
            "from the past": written(weight.proposed),
            "enough to go by": "yes" if proposal.enough else "no",
        }
        for weight in proposal.weights
    ]


def overridden(example: HealthExample) -> Cells:
    spec, accounts = spec_of(example.said), table(example.given["accounts"])
    (name,) = [name for name in example.given if name.startswith("overrides on ")]
    made = []
    for row in table(example.given[name]).to_dict("records"):
        days = int(row["days"]) if row["days"] else None
        one = make_override(
            spec, row["account"], float(row["score"]), row["author"], row["reason"], day(row["made"]), days
        )
        made.append(replace(one, withdrawn_on=day(row["withdrawn"])) if row["withdrawn"] else one)
    ids = accounts["account"].tolist()
    health = with_overrides(spec, health_in(spec, accounts), ids, made, day(name.removeprefix("overrides on ")))
    return [
        {
            "account": account,
            "without it": written(health.ruled[row]),
            "score": written(health.score[row]),
            "band": str(health.band[row]),
            "said by": f"{said.author}: {said.reason}" if (said := health.overrides[row]) else "",
        }
        for row, account in enumerate(ids)
    ]


def refused(example: HealthExample) -> Cells:
    found = []
    for row in table(example.expect).to_dict("records"):
        days = int(row["days"]) if row["days"] else None
        try:
            made = make_override(
                spec_of(""), "a", float(row["score"]), row["author"], row["reason"], day("2024-06-01"), days
            )
            answer = f"holds until {made.expires_on}"
        except OverrideError as problem:
            answer = problem.what
        found.append(row | {"answer": answer})
    return found


def judged(example: HealthExample) -> Cells:
    spec, made, was, left = spec_of(""), [], {}, {}
    for row in table(example.given["overrides"]).to_dict("records"):
        for _ in range(int(row["times"])):
            one = make_override(
                spec, f"account {len(made)}", float(row["said"]), row["author"], "I know", day("2024-01-01")
            )
            made.append(one)
            chance = float(row["churn probability"].removesuffix(" %")) / 100
            was[one.override_id] = ModelScore(float(row["model's score"]), chance)
            if row["left"] == "yes":
                left[one.account_id] = day("2024-02-01")
    records = judge_overrides(spec, made, was, left, day("2024-04-01"), 91).records
    return [
        {
            "author": record.author or "all",
            "direction": record.direction,
            "judged": str(record.judged),
            "came out so": str(record.as_said),
            "interval": f"{record.low * 100:.0f} to {record.high * 100:.0f} %",
            "the model expected": f"{record.expected * 100:.0f} %",
            "verdict": record.verdict,
        }
        for record in records
    ]


def rolled_up(example: HealthExample) -> Hierarchies:
    accounts = table(example.given["accounts"])
    ids = accounts["account"].tolist()
    scores = [float(cell) if cell else None for cell in accounts["score"]]
    parents = dict(zip(ids, accounts["parent"], strict=True))
    return roll_up(spec_of(example.said).rollup, ids, scores, accounts["mrr"].map(float).tolist(), parents, ids)


def families(example: HealthExample) -> Cells:
    return [
        {
            "parent": family.parent,
            "members": ", ".join(family.members),
            "score": written(family.score),
            "known": str(family.known),
            "mrr": written(family.mrr),
            "worst": family.worst or "",
        }
        for family in rolled_up(example).hierarchies
    ]


def problems(example: HealthExample) -> Cells:
    return [{"told": told} for told in rolled_up(example).problems]


WORKED: Mapping[str, Callable[[HealthExample], Cells]] = {
    "score": scores,
    "directions": directions,
    "band": bands,
    "events": events,
    "flaps": flaps,
    "change": changes,
    "preview": moves,
    "movers": movers,
    "weights": weights,
    "override": overridden,
    "refused": refused,
    "judging": judged,
    "family": families,
    "problems": problems,
}


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.title for e in EXAMPLES])
def test_health_is_what_its_worked_example_shows(example: HealthExample):
    assert WORKED[example.rule](example) == table(example.expect).to_dict("records")


def test_every_kind_of_rule_has_an_example():
    assert {example.rule for example in EXAMPLES} == set(WORKED)


def test_the_page_is_up_to_date():
    page = Path(health_page_module.__file__).with_name("health.md").read_text("utf-8")
    assert page == health_page_module.health_page(), "docs/health.md is out of date: run make docs"
