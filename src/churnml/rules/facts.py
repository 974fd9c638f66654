"""The named facts a rule may ask of an account, and the frame they are read from.

A day's facts are a DataFrame, one row an account: ``account_id`` first, then a column a fact. Numbers are float64 and
missing as NaN; texts are str or None; words (reason codes, most important first) are a tuple of str or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from churnml.features import FAMILIES, Catalogue, Feature, Unit
from churnml.health.scorecards import DEFAULT
from churnml.language.facts import Fact, FactKind
from churnml.specs.health import INSUFFICIENT, RISK, HealthSpec

# A multiple of what is usual; no feature has this unit.
TIMES = "times"
POINTS = "points"
# The groups of facts whose names depend on the project.
GROUPS = ("dimension", "feature", "attribute")


FACTS: Mapping[str, Fact] = {
    fact.name: fact
    for fact in (
        Fact("band", "text", "the health band, as it is told", always=True),
        Fact("segment", "text", "the account's segment"),
        Fact("owner_id", "text", "whose account it is"),
        Fact("stage", "text", "where in its life the account is, by health.yaml"),
        Fact("scorecard", "text", "the scorecard it is judged by"),
        Fact("reasons", "words", "reason codes of its risk or its poor health, the heaviest first", always=True),
        Fact("growth_reasons", "words", "reason codes of its chance to grow, the heaviest first", always=True),
        Fact("churn_probability", "number", "calibrated probability of churn", Unit.SHARE.value, 0, 1),
        Fact("churn_lift", "number", "that probability beside the usual one; 1 is usual", TIMES, 0),
        Fact("churn_rank", "number", "its place by that, as a share of the day's accounts; 0.1 ends the riskiest tenth",
             Unit.SHARE.value, 0, 1),
        Fact("upsell_probability", "number", "calibrated probability of growth", Unit.SHARE.value, 0, 1),
        Fact("upsell_lift", "number", "that probability beside the usual one; 1 is usual", TIMES, 0),
        Fact("upsell_rank", "number", "its place by that, as a share of the day's accounts; 0.1 ends the first tenth",
             Unit.SHARE.value, 0, 1),
        Fact("upsell_share", "number", "the share by which growth raises MRR", Unit.SHARE.value, 0),
        Fact("health", "number", "the health score, 100 is best", POINTS, 0, 100),
        Fact("health_change", "number", "points of health won (below 0 lost) since last time", POINTS, -100, 100),
        Fact("coverage", "number", "share of the score's weight that was known", Unit.SHARE.value, 0, 1),
        Fact("mrr", "number", "what it pays a month", Unit.MONEY.value),
        Fact("mrr_at_risk", "number", "MRR × probability of churn", Unit.MONEY.value),
        Fact("tenure_days", "number", "days since it first paid", Unit.DAYS.value, 0),
        Fact("days_to_renewal", "number", "days until the contract renews; below 0 it should have", Unit.DAYS.value),
    )
}  # fmt: skip


def known_facts(
    health: HealthSpec, features: Mapping[str, Feature], static: Sequence[str], families: Catalogue = FAMILIES
) -> dict[str, Fact]:
    """Every fact the rules of a project may name, with all that each can be.

    Args:
        health: declares bands, stages, scorecards and dimensions.
        features: feature → declaration, of all the project can build.
        static: attributes of accounts that are declared static.
        families: the feature families there are; reason codes.
    """
    closed = {
        "band": (*(band.name for band in health.bands), INSUFFICIENT),
        "stage": tuple(stage.name for stage in health.stages),
        "scorecard": (DEFAULT, *(card.name for card in health.scorecards)),
        "reasons": tuple(families),
        "growth_reasons": tuple(families),
    }
    lacks = {}
    if "segment" not in static:
        lacks["segment"] = "Add 'segment' to static: in project.yaml if it never changes, or drop the condition."
    if not health.stages:
        lacks["stage"] = "Declare stages: in health.yaml, or drop the condition."
    known = {
        name: replace(fact, values=closed.get(name, ()), lacks=lacks.get(name, "")) for name, fact in FACTS.items()
    }
    dimensions = {name: dimension.means for name, dimension in health.dimensions.items()} | {RISK: health.risk.means}
    for name, means in dimensions.items():
        score = f"score of the dimension {name}: {means}"
        known[f"dimension.{name}"] = Fact(f"dimension.{name}", "number", score, POINTS, 0, 100)
    for name, feature in features.items():
        kind: FactKind = "text" if feature.is_category else "number"
        known[f"feature.{name}"] = Fact(f"feature.{name}", kind, feature.means, feature.unit.value)
    for name in static:
        known[f"attribute.{name}"] = Fact(f"attribute.{name}", "text", f"the account's {name}", Unit.NAME.value)
    return known


def facts_table(
    account_ids: Sequence[str], columns: Mapping[str, Sequence[object]], asked: Iterable[str] = ()
) -> pd.DataFrame:
    """The facts of accounts, one row each in the order given.

    Args:
        account_ids: whose.
        columns: fact → its value for each of them, None where it is missing; reasons are tuples of codes. A fact
            without a column is missing.
        asked: names of further facts the table is to have.
    """
    names = dict.fromkeys([*FACTS, *asked, *columns])
    unknown = [None] * len(account_ids)
    table: dict[str, np.ndarray | pd.Series] = {"account_id": np.array(account_ids, dtype=object)}
    table |= {name: _column(name, columns.get(name, unknown)) for name in names}
    return pd.DataFrame(table)


def _column(name: str, values: Sequence[object]) -> np.ndarray | pd.Series:
    declared = FACTS.get(name)
    kind = declared.kind if declared else _kind_of(name, values)
    if kind == "number":
        return np.array([np.nan if value is None or value is pd.NA else value for value in values], dtype="float64")
    return pd.Series([_codes(value) if kind == "words" else _text(value) for value in values], dtype=object)


def _kind_of(name: str, values: Sequence[object]) -> FactKind:
    if name.startswith("attribute."):
        return "text"
    return "text" if any(isinstance(value, str) for value in values) else "number"


def _text(value: object) -> str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    return str(value)


def _codes(value: object) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if isinstance(value, tuple | list) else None


def columns_asked(facts: Sequence[str]) -> dict[str, str]:
    """Fact → the column of the frame it stands in, of those that are features or attributes."""
    prefixes = {"feature": "", "attribute": "account_"}
    groups = {name: name.partition(".") for name in facts}
    return {name: prefixes[group] + rest for name, (group, _, rest) in groups.items() if group in prefixes}
