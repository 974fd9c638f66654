"""Reference scales: what is usual, fitted once in training and stored with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churnml.features import Feature
from churnml.modelling.predictor import place

PERCENTILES = np.linspace(0, 1, 101)


def fit_reference(frame: pd.DataFrame, features: Sequence[Feature]) -> dict[str, list[float]]:
    """Each numeric feature's percentiles 0 to 100 over ``frame``; features never known there are left out."""
    scales = {}
    for feature in features:
        if feature.is_category:
            continue
        known = frame[feature.name].dropna().to_numpy(dtype="float64")
        if len(known):
            scales[feature.name] = np.quantile(known, PERCENTILES, method="inverted_cdf").tolist()
    return scales


# A group with fewer known values than this says too little of what is usual in it.
SMALLEST_GROUP = 30


def fit_places(frame: pd.DataFrame, features: Sequence[Feature]) -> dict[str, dict[str, list[float]]]:
    """The scales of PLACED features: feature → group → percentiles 0 to 100 over ``frame``.

    Group ``""`` is everybody: who belongs to a group too small for a scale of its own is placed there.
    """
    places: dict[str, dict[str, list[float]]] = {}
    for feature in features:
        if feature.placed is None:
            continue
        of, among = feature.placed
        known = frame[frame[of].notna()]
        groups: dict[str, pd.DataFrame] = {"": known} | {str(name): rows for name, rows in known.groupby(among)}
        places[feature.name] = {
            name: np.quantile(rows[of].to_numpy(dtype="float64"), PERCENTILES, method="inverted_cdf").tolist()
            for name, rows in groups.items()
            if len(rows) and (not name or len(rows) >= SMALLEST_GROUP)
        }
    return places


def with_places(
    frame: pd.DataFrame, features: Sequence[Feature], places: Mapping[str, Mapping[str, Sequence[float]]]
) -> pd.DataFrame:
    """``frame`` with the columns of its PLACED ``features``."""
    columns = {f.name: place(frame[f.placed[0]], frame[f.placed[1]], places[f.name]) for f in features if f.placed}
    return frame.assign(**columns)


def usual_of(reference: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Each feature's training median."""
    return {name: scale[len(scale) // 2] for name, scale in reference.items()}
