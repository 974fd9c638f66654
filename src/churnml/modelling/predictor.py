"""A fitted model as data: LightGBM's own text, and JSON. Loading it runs nothing out of the artifact.

This module is what another program loads ``models:/churn@champion`` through, so it (with ``curves``, which it
reads hazards by) imports numpy, pandas and LightGBM and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration
from churnml.errors import RegistryError, did_you_mean
from churnml.jsontypes import JsonObject
from churnml.modelling.curves import Curves, Hazard, renewals
from churnml.modelling.profile import ModelProfile
from churnml.modelling.stored import (
    BOOSTER_FILE,
    FORMAT,
    HAZARD_FILE,
    MODEL_FILE,
    SUMS_FILE,
    ModelManifest,
    checksum,
    read_model,
)

EPSILON = 1e-6


@dataclass(frozen=True)
class Calibration:
    """How log-odds become probabilities.

    Args:
        kind: ``none``; ``sigmoid``, by slope and intercept on the log-odds; ``isotonic`` or ``venn_abers``, by straight
            lines between points.
        slope, intercept: of a sigmoid.
        x, y: log-odds and probabilities of the points, ascending.
    """

    kind: str
    slope: float = 1.0
    intercept: float = 0.0
    x: Sequence[float] = ()
    y: Sequence[float] = ()

    def probabilities(self, log_odds: np.ndarray) -> np.ndarray:
        """Probabilities in (0, 1) for uncalibrated log-odds, shape (rows,)."""
        if self.kind == "none":
            probabilities = 1.0 / (1.0 + np.exp(-log_odds))
        elif self.kind == "sigmoid":
            probabilities = 1.0 / (1.0 + np.exp(-(self.slope * log_odds + self.intercept)))
        else:
            probabilities = np.interp(log_odds, self.x, self.y)
        return np.asarray(np.clip(probabilities, EPSILON, 1 - EPSILON))

    def as_json(self) -> JsonObject:
        """As a model's file holds it: what its kind has."""
        used = {"none": (), "sigmoid": ("slope", "intercept")}.get(self.kind, ("x", "y"))
        return {"kind": self.kind} | {name: getattr(self, name) for name in used}


@dataclass(frozen=True)
class Predictor:
    """A churn or upsell model, calibrated.

    Args:
        booster: the trees.
        features: each feature's declaration, in column order.
        categories: feature → its names, in code order; a name unseen in training counts as missing.
        calibration: from log-odds to probabilities.
        base_rate: share of positives among the training rows.
        reference: feature → its percentiles 0 to 100 among the training rows: the scale of health and
            the "usual" of reasons.
        manifest: everything else it was made from: name, label, cutoffs, spec, fingerprints.
        hazard: when accounts leave; None where the model's declaration asks for no curve.
        profile: how things stood in training, to watch the model by; None in one from before it was kept.
    """

    booster: lgb.Booster
    features: tuple[FeatureDeclaration, ...]
    categories: Mapping[str, tuple[str, ...]]
    calibration: Calibration
    base_rate: float
    reference: Mapping[str, Sequence[float]]
    manifest: ModelManifest
    hazard: Hazard | None = None
    profile: ModelProfile | None = None

    @property
    def feature_names(self) -> list[str]:
        return [feature.name for feature in self.features]

    def matrix(self, frame: pd.DataFrame) -> np.ndarray:
        """``frame`` as the float64 matrix the trees read, shape (rows, features).

        Columns may come in any order, and others with them. A category unseen in training counts as missing.

        Raises:
            RegistryError: a feature's column is missing, or holds text for a number or numbers for a name.
        """
        frame = self.with_places(frame)
        self.check_columns([str(column) for column in frame.columns])
        for name in self.feature_names:
            given = _wrong_kind(frame[name], name in self.categories)
            if given:
                raise self.wrong_kind(name, given)
        return encode(frame, self.feature_names, self.categories)

    def check_columns(self, given: Sequence[str]) -> None:
        """Raises RegistryError when a feature is not among the ``given`` columns, nor all it is made from."""
        known = set(given)
        missing = [
            feature.name
            for feature in self.features
            if feature.name not in known and not (feature.placed and set(feature.placed) <= known)
        ]
        if missing:
            raise RegistryError(
                f"The rows lack {len(missing)} of the {len(self.features)} features model "
                f"'{self.manifest.name}' was trained on, the first being '{missing[0]}' "
                f"({'a name' if missing[0] in self.categories else 'a number'}).",
                remedy=did_you_mean(missing[0], known),
            )

    def wrong_kind(self, name: str, given: str) -> RegistryError:
        """The error for a column whose values are not what the feature ``name`` is."""
        wanted = "names, as text" if name in self.categories else "numbers"
        return RegistryError(
            f"Column '{name}' holds {given}, but model '{self.manifest.name}' was trained on {wanted}.",
            remedy="Give the feature as 'churnml features' writes it.",
        )

    def with_places(self, frame: pd.DataFrame) -> pd.DataFrame:
        """``frame`` with the features that are a place on one of the model's own scales, where it lacks them."""
        columns = {}
        for feature in self.features:
            if feature.placed and feature.name not in frame.columns:
                of, among = feature.placed
                if {of, among} <= set(frame.columns):
                    columns[feature.name] = place(frame[of], frame[among], self.manifest.places[feature.name])
        return frame.assign(**columns) if columns else frame

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Calibrated probabilities, shape (rows,), each in (0, 1)."""
        return self.calibrated(self.log_odds(frame))

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """The trees' uncalibrated log-odds, shape (rows,)."""
        return np.asarray(self.booster.predict(self.matrix(frame), raw_score=True), dtype="float64")

    def calibrated(self, log_odds: np.ndarray) -> np.ndarray:
        """Probabilities for uncalibrated log-odds."""
        return self.calibration.probabilities(log_odds)

    def curves(self, frame: pd.DataFrame) -> Curves | None:
        """Each row's curve of survival, saying of the label's window what :meth:`predict` says; None without hazard."""
        if self.hazard is None:
            return None
        renewal, term = renewals(frame, self.hazard.renewal)
        return self.hazard.curves(self.matrix(frame), renewal, term, self.predict(frame))

    def contributions(self, frame: pd.DataFrame) -> np.ndarray:
        """Exact TreeSHAP contributions to the log-odds, shape (rows, features) (Lundberg et al., 2018).

        A sigmoid calibration stretches the log-odds by its slope, and so their parts; the contributions are then
        those to the calibrated log-odds. No other calibration can be split among features: they are the trees' own.
        """
        by_feature = self.booster.predict(self.matrix(frame), pred_contrib=True)
        return np.asarray(by_feature, dtype="float64")[:, :-1] * self.calibration.slope

    # -------------------------------------------------------- as files

    def save(self, folder: Path) -> None:
        """Writes the model into ``folder`` (made if needed) with the checksum of every file."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / BOOSTER_FILE).write_text(self.booster.model_to_string(), encoding="utf-8")
        stored = {
            "format": FORMAT,
            "features": [feature.as_json() for feature in self.features],
            "categories": {name: list(names) for name, names in self.categories.items()},
            "calibration": self.calibration.as_json(),
            "base_rate": self.base_rate,
            "reference": {name: list(scale) for name, scale in self.reference.items()},
            "about": self.manifest.as_json(),
        }
        if self.profile is not None:
            stored["profile"] = self.profile.as_json()
        written = [BOOSTER_FILE, MODEL_FILE]
        if self.hazard is not None:
            stored["hazard"] = self.hazard.as_data()
            (folder / HAZARD_FILE).write_text(self.hazard.booster.model_to_string(), encoding="utf-8")
            written.append(HAZARD_FILE)
        (folder / MODEL_FILE).write_text(json.dumps(stored, indent=1, sort_keys=True, ensure_ascii=False), "utf-8")
        sums = {name: checksum(folder / name) for name in written}
        (folder / SUMS_FILE).write_text(json.dumps(sums, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Predictor:
        """The model in ``folder``; raises RegistryError when a file is missing or was altered."""
        stored = read_model(folder)
        hazard = stored.hazard
        fitted = {
            "booster": lgb.Booster(model_str=stored.booster.decode("utf-8")),
            "calibration": Calibration(**stored.calibration),
            "hazard": Hazard.from_data(hazard[0], lgb.Booster(model_str=hazard[1].decode("utf-8"))) if hazard else None,
            "profile": ModelProfile.from_json(stored.profile) if stored.profile else None,
        }
        return cls(**vars(stored) | fitted)


def _wrong_kind(column: pd.Series, is_category: bool) -> str | None:
    """What the values of a column are, in words, where they are not what the feature is; None where they are."""
    dtype = column.dtype
    if not is_category and (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)):
        return None
    if is_category and isinstance(dtype, pd.StringDtype):
        return None
    known = column.dropna()
    kind = pd.api.types.infer_dtype(known)
    numbers = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")
    if known.empty or kind == "empty" or (kind in ("string", "categorical") if is_category else kind in numbers):
        if kind == "categorical" and not pd.api.types.is_string_dtype(known.cat.categories.dtype):
            return "numbers"
        return None
    example = f", '{str(known.iloc[0])[:40]}' for one"
    return f"{KINDS.get(kind, kind)}{example}"


KINDS = {
    "string": "text",
    "integer": "whole numbers",
    "floating": "numbers",
    "boolean": "yes and no",
    "datetime64": "dates",
    "datetime": "dates",
    "date": "dates",
    "mixed": "values of several kinds",
    "mixed-integer": "values of several kinds",
    "categorical": "categories",
    "bytes": "bytes",
}


def place(values: pd.Series, groups: pd.Series, scales: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Where each value lies on the scale of its group, from 0 to 1, shape (rows,); missing stays missing.

    Args:
        values: numbers.
        groups: each row's group; one without a scale of its own is placed on that of ``""``, of them all.
        scales: group → percentiles 0 to 100 in training.
    """
    numbers = values.to_numpy(dtype="float64")
    which = groups.where(groups.isin([name for name in scales if name]), "").to_numpy(dtype=object)
    places = np.full(len(numbers), np.nan)
    for name, scale in scales.items():
        rows = (which == name) & ~np.isnan(numbers)
        places[rows] = np.searchsorted(np.asarray(scale), numbers[rows], side="right") / len(scale)
    return places


def encode(frame: pd.DataFrame, names: Sequence[str], categories: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Columns ``names`` as float64, categories by their code; unseen and missing become nan."""
    columns = []
    for name in names:
        column = frame[name]
        if name in categories:
            codes = {category: float(code) for code, category in enumerate(categories[name])}
            # few names are met often: each is looked up once
            which, met = pd.factorize(column)
            columns.append(np.array([*(codes.get(category, np.nan) for category in met), np.nan])[which])
        elif column.dtype == object:
            columns.append(column.to_numpy(dtype="float64", na_value=np.nan))
        else:
            columns.append(column.astype("float64").to_numpy())
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


class PyfuncModel:
    """What ``mlflow.pyfunc.load_model`` hands out: features in, ``probability`` out."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, object] | None = None) -> pd.DataFrame:
        """One calibrated ``probability`` a row of ``model_input``, on its index."""
        return pd.DataFrame({"probability": self.predictor.predict(model_input)}, index=model_input.index)


def _load_pyfunc(data_path: str) -> PyfuncModel:
    """MLflow's loader hook (``loader_module``): reads data, runs nothing out of the artifact."""
    return PyfuncModel(Predictor.load(Path(data_path)))
