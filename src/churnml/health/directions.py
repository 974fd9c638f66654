"""Whether the inputs of health point the way they are declared, measured against what became of accounts.

An input's direction is a belief. In a company where it is wrong (students who read most are those who struggle) it
would praise who leaves, so at training each input is held against the outcome, on the training rows alone. One that
surely runs against its declaration has no say, nor has one that says nothing: the same for all, or not known of most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.features import Polarity
from churnml.specs.health import Dimension, HealthInput, HealthSpec

# Sure: the 99 % interval lies on the wrong side. A dozen inputs are looked at, so 95 % would leave out one by chance.
Z_SURE = 2.576
# With fewer accounts of either outcome no interval is worth its name.
LEAST_ACCOUNTS = 10
# An input known of a smaller share of the training rows is not what health is about.
LEAST_KNOWN = 0.5


@dataclass(frozen=True)
class Unheard:
    """An input of health that has no say, or would have none.

    Args:
        feature: the input.
        why: in words, after its name.
        weight: its share of the weight of all dimensions, risk aside.
        insisted: the project wants it all the same.
    """

    feature: str
    why: str
    weight: float
    insisted: bool


@dataclass(frozen=True)
class WorseFirst:
    """How often, of two accounts, the one that left had the worse value: 0.5 says nothing; with its 99 % interval."""

    share: float
    low: float
    high: float


def unheard_inputs(
    spec: HealthSpec, rows: pd.DataFrame, leaves: np.ndarray, polarity: Mapping[str, str]
) -> tuple[Unheard, ...]:
    """The inputs that have no say by these rows, each once, as declared.

    Args:
        spec: the declared health.
        rows: training snapshots: ``account_id`` and features.
        leaves: the outcome, shape (rows,): 1 left, 0 stayed, NaN not known.
        polarity: feature → whether more of it is healthier or riskier.
    """
    known = ~np.isnan(leaves)
    rows, leaves = rows[known], leaves[known]
    accounts = pd.factorize(rows["account_id"])[0]
    weights = _shares_of_weight(spec)
    silent = []
    for name in dict.fromkeys(given.feature for given in spec.inputs):
        given = [one for one in spec.inputs if one.feature == name]
        why = _without_say(name, rows, leaves, accounts, polarity.get(name, Polarity.NEITHER))
        if why:
            silent.append(Unheard(name, why, weights[name], any(one.insist for one in given)))
    return tuple(silent)


def _shares_of_weight(spec: HealthSpec) -> dict[str, float]:
    whole = sum(dimension.weight for dimension in spec.dimensions.values())
    shares: dict[str, float] = {}
    for dimension in spec.dimensions.values():
        of_inputs = sum(given.weight for given in dimension.inputs)
        for given in dimension.inputs:
            share = dimension.weight / whole * given.weight / of_inputs
            shares[given.feature] = shares.get(given.feature, 0.0) + share
    return shares


def _without_say(name: str, rows: pd.DataFrame, leaves: np.ndarray, accounts: np.ndarray, polarity: str) -> str:
    """Why an input has no say; empty where it has one."""
    if name not in rows.columns or not len(rows):
        return "is not known of any account"
    values = rows[name].to_numpy(dtype="float64", na_value=np.nan)
    known = ~np.isnan(values)
    if known.mean() < LEAST_KNOWN:
        return f"is known of {known.mean() * 100:.0f} % of the accounts only"
    if np.ptp(values[known]) == 0:
        return "is the same for every account"
    worse = worse_first(values[known], leaves[known], accounts[known], riskier=polarity == Polarity.RISKIER)
    if worse is None or worse.high >= 0.5:
        return ""
    shares = " to ".join(f"{end * 100:.0f}" for end in (worse.low, worse.high))
    return (
        f"runs against its declaration ({polarity}): of two accounts the one that left had the worse value "
        f"in {worse.share * 100:.0f} % ({shares} %, 99 % interval)"
    )


def worse_first(values: np.ndarray, leaves: np.ndarray, accounts: np.ndarray, *, riskier: bool) -> WorseFirst | None:
    """How often a leaver's value is the worse one, ties counting half; None with too few accounts of either outcome.

    The variance is DeLong's (DeLong, DeLong and Clarke-Pearson, 1988), summed by account since an account is seen at
    many cutoffs.

    Args:
        values: shape (rows,), none missing.
        leaves: 1 or 0, the same shape.
        accounts: numbers of the accounts, the same shape.
        riskier: whether a high value is the worse one.
    """
    badness, left = (values if riskier else -values), leaves > 0
    if min(len(np.unique(accounts[left])), len(np.unique(accounts[~left]))) < LEAST_ACCOUNTS:
        return None
    of_left, of_stayed = badness[left], badness[~left]
    placed = np.empty(len(values))
    placed[left] = _place(of_left, of_stayed)
    placed[~left] = 1.0 - _place(of_stayed, of_left)
    share = float(placed[left].mean())
    parts = (placed - share) / np.where(left, len(of_left), len(of_stayed))
    by_account = np.bincount(accounts, weights=parts)
    number = len(np.unique(accounts))
    wide = Z_SURE * float(np.sqrt((by_account**2).sum() * number / (number - 1)))
    return WorseFirst(share, max(0.0, share - wide), min(1.0, share + wide))


def _place(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The share of ``among`` below each value, ties counting half."""
    ordered = np.sort(among)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(ordered))


def heard(spec: HealthSpec, unheard: Mapping[str, str]) -> HealthSpec:
    """``spec`` without the inputs that have no say; as it is where none at all would be left.

    Args:
        spec: the declared health.
        unheard: feature → why it has no say. What the project insists on stays.
    """

    def stays(given: HealthInput) -> HealthInput | None:
        return given if given.insist or given.feature not in unheard else None

    kept = {
        name: tuple(given for given in map(stays, dimension.inputs) if given)
        for name, dimension in spec.dimensions.items()
    }
    return with_inputs(spec, kept) if any(kept.values()) else spec


def with_inputs(spec: HealthSpec, inputs: Mapping[str, tuple[HealthInput, ...]]) -> HealthSpec:
    """``spec`` with other inputs of its dimensions; a dimension without any goes, with what is declared about it."""
    if all(inputs[name] == dimension.inputs for name, dimension in spec.dimensions.items()):
        return spec
    dimensions: dict[str, Dimension] = {
        name: dimension.model_copy(update={"inputs": inputs[name]})
        for name, dimension in spec.dimensions.items()
        if inputs[name]
    }
    gone = spec.dimensions.keys() - dimensions.keys()
    cards = (
        card.model_copy(update={"weights": {name: weight for name, weight in card.weights.items() if name not in gone}})
        for card in spec.scorecards
    )
    exceptions = tuple(one for one in spec.exceptions if not gone & one.when.dimensions.keys())
    return spec.model_copy(update={"dimensions": dimensions, "scorecards": tuple(cards), "exceptions": exceptions})
