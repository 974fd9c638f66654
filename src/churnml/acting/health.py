"""The health score: 0 to 100, 100 is best, from declared dimensions on scales fitted in training.

An input's score is the share of the training population that was no healthier: 80 means "as good as
or better than 80 % of accounts". The scale is stored with the model, so today's score of an account
does not depend on who else is scored today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.acting.reasons import POOR, Reason, numbered, pick, strongest, tell
from churnml.errors import SpecError, UnknownNameError
from churnml.features import Feature, Polarity, theme_of
from churnml.specs import HealthSpec

INSUFFICIENT = "insufficient_data"


def check_inputs(spec: HealthSpec, possible: Mapping[str, Feature], where: str) -> None:
    """Every input must be a declared feature with a direction; raises UnknownNameError or SpecError."""
    for name, dimension in spec.dimensions.items():
        for given in dimension.inputs:
            if given.feature not in possible:
                raise UnknownNameError("feature", given.feature, possible, where=f"{where}, dimension '{name}'")
            if possible[given.feature].polarity is Polarity.NEITHER:
                raise SpecError(
                    f"Feature '{given.feature}' is declared neither healthier nor riskier, so it has no direction "
                    "on a health scale.",
                    where=f"{where}, dimension '{name}'",
                    remedy="Use a feature with a polarity; docs/features.md lists them.",
                )


def on_scale(values: np.ndarray, scale: Sequence[float], polarity: str) -> np.ndarray:
    """0 to 100: the share of the reference that is no healthier; missing stays missing."""
    points = np.asarray(scale)
    if polarity == Polarity.HEALTHIER:
        share = np.searchsorted(points, values, side="right") / len(points)
    else:
        share = 1 - np.searchsorted(points, values, side="left") / len(points)
    return np.where(np.isnan(values), np.nan, 100.0 * share)


@dataclass(frozen=True)
class Health:
    """Health of every row.

    Args:
        score: 0 to 100, shape (rows,); missing where nothing is known.
        band: its name; ``insufficient_data`` where coverage is under the declared least.
        coverage: share of the declared weight that was known.
        dimensions: dimension → 0 to 100, missing where none of its inputs is known.
        inputs: feature → 0 to 100 on its reference scale.
    """

    score: np.ndarray
    band: np.ndarray
    coverage: np.ndarray
    dimensions: Mapping[str, np.ndarray]
    inputs: Mapping[str, np.ndarray]


def health_of(
    spec: HealthSpec,
    frame: pd.DataFrame,
    features: Mapping[str, Mapping[str, Any]],
    reference: Mapping[str, Sequence[float]],
    churn_probability: np.ndarray,
    base_rate: float | None,
) -> Health:
    """Scores every row of ``frame``.

    Args:
        spec: the declared dimensions and bands.
        frame: features, one row an account.
        features: feature → declaration (its polarity gives the direction).
        reference: feature → percentiles fitted in training.
        churn_probability: calibrated, shape (rows,); missing where there is no model.
        base_rate: the usual probability; None without a model.
    """
    inputs = {
        given.feature: on_scale(
            frame[given.feature].to_numpy(dtype="float64"),
            reference[given.feature],
            features[given.feature]["polarity"],
        )
        for dimension in spec.dimensions.values()
        for given in dimension.inputs
        if given.feature in frame.columns and given.feature in reference
    }
    nothing = np.full(len(frame), np.nan)
    dimensions: dict[str, np.ndarray] = {}
    known_weight = np.zeros(len(frame))
    for name, dimension in spec.dimensions.items():
        parts = [(inputs.get(given.feature, nothing), given.weight) for given in dimension.inputs]
        dimensions[name], share = _weighted(parts, len(frame))
        known_weight += dimension.weight * share
    dimensions["risk"] = nothing
    if base_rate:
        lifts, points = zip(*spec.risk.points, strict=True)
        lift = churn_probability / base_rate
        dimensions["risk"] = np.where(np.isnan(lift), np.nan, np.interp(np.nan_to_num(lift), lifts, points))
        known_weight += spec.risk.weight * ~np.isnan(dimensions["risk"])
    weights = {name: dimension.weight for name, dimension in spec.dimensions.items()} | {"risk": spec.risk.weight}
    score, _ = _weighted([(dimensions[name], weight) for name, weight in weights.items()], len(frame))
    # without a model its weight is nobody's fault: coverage speaks of the data
    possible = sum(d.weight for d in spec.dimensions.values()) + (spec.risk.weight if base_rate else 0.0)
    coverage = known_weight / possible
    score = np.round(score, 6)
    return Health(score, _bands(spec, score, coverage), np.round(coverage, 6), dimensions, inputs)


def _weighted(parts: Sequence[tuple[np.ndarray, float]], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of what is known, and the share of the weight that was."""
    total, weight, whole = np.zeros(rows), np.zeros(rows), 0.0
    for values, w in parts:
        known = ~np.isnan(values)
        total += np.where(known, values, 0.0) * w
        weight += known * w
        whole += w
    mean = np.divide(total, weight, out=np.full(rows, np.nan), where=weight > 0)
    return mean, weight / whole


def _bands(spec: HealthSpec, score: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    band = np.full(len(score), INSUFFICIENT, dtype=object)
    for declared in reversed(spec.bands):  # worst first, so that a better band overwrites
        band[score >= declared.at_least] = declared.name
    band[(coverage < spec.min_coverage) | np.isnan(score)] = INSUFFICIENT
    return band


def health_reasons(
    spec: HealthSpec,
    frame: pd.DataFrame,
    health: Health,
    features: Mapping[str, Mapping[str, Any]],
    usual: Mapping[str, float],
    currency: str = "",
) -> list[tuple[Reason, ...]]:
    """Without a model: the inputs that cost each account the most, where they are poor on their scale."""
    whole = sum(dimension.weight for dimension in spec.dimensions.values())
    costs = {}
    for dimension in spec.dimensions.values():
        inside = sum(given.weight for given in dimension.inputs)
        for given in dimension.inputs:
            if given.feature in health.inputs:
                costs[given.feature] = dimension.weight / whole * given.weight / inside
    if not costs:
        return [() for _ in range(len(frame))]
    declared = [features[name] for name in costs]
    scaled = np.column_stack([health.inputs[name] for name in costs])
    poor = scaled <= POOR  # never where it is not known
    lost = np.where(poor, (100 - scaled) * np.array(list(costs.values())), 0.0)
    theme, _ = numbered([theme_of(feature["family"]) for feature in declared])
    speakers, eligible = strongest(lost, poor, theme)
    weights = np.take_along_axis(lost, speakers, axis=1)
    return tell(pick(weights, speakers, np.zeros_like(eligible), eligible), frame, declared, usual, currency)
