"""Reference scales: what is usual, fitted once in training and stored with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churnml.features import Feature

PERCENTILES = np.linspace(0, 1, 101)


def fit_reference(frame: pd.DataFrame, features: Sequence[Feature]) -> dict[str, list[float]]:
    """Each numeric feature's percentiles 0 to 100 over ``frame``; features never known there are left out."""
    found = {}
    for feature in features:
        if feature.is_category:
            continue
        known = frame[feature.name].dropna().to_numpy(dtype="float64")
        if len(known):
            found[feature.name] = [float(v) for v in np.quantile(known, PERCENTILES, method="inverted_cdf")]
    return found


def usual_of(reference: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Each feature's training median."""
    return {name: scale[len(scale) // 2] for name, scale in reference.items()}
