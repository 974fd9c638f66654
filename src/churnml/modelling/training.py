"""Fitting LightGBM and its simple rivals on rows that were history at the judged cutoff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from churnml.errors import TooLittleDataError
from churnml.features import Feature, Polarity
from churnml.modelling.calibration import fit_calibration
from churnml.modelling.predictor import Predictor, encode
from churnml.modelling.reference import fit_reference
from churnml.modelling.splits import Fold, Plan
from churnml.specs import Estimator, ModelSpec

RECENCY = "usage_days_since_last"
# Trees without a better mean log loss before the folds stop growing.
PATIENCE = 80
# Under so many rows a tree takes milliseconds, and on a busy machine threads that wait for each other
# take ten times that.
ROWS_FOR_THREADS = 200_000
RIVALS = ("base_rate", "recency", "logistic_regression", "health")


@dataclass(frozen=True)
class Fitted:
    """A fitted challenger and what its fitting found.

    Args:
        predictor: the model.
        trees: how many trees the folds chose.
        fold_losses: validation cutoff → log loss of the uncalibrated fold model at that many trees.
        out_of_fold: ``account_id, as_of, label, probability``: every fold's predictions of its
            validation cutoff, calibrated; made by models that never saw those rows.
    """

    predictor: Predictor
    trees: int
    fold_losses: Mapping[str, float]
    out_of_fold: pd.DataFrame


def usable(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows with a label; raises TooLittleDataError when only one outcome is among them."""
    labelled = rows[rows["label"].notna()]
    positives = int(labelled["label"].sum())
    if positives == 0 or positives == len(labelled):
        what = "no positive" if positives == 0 else "no negative"
        raise TooLittleDataError(
            f"Model '{name}' has {what} outcome among {len(labelled)} rows, so there is nothing to tell apart.",
            where=_cutoffs_of(rows),
            remedy="Check the label in its spec.yaml against the data (kind, horizon, grace), "
            "or take the model out of models: in project.yaml.",
        )
    return labelled


def _cutoffs_of(rows: pd.DataFrame) -> str:
    dates = sorted({str(pd.Timestamp(as_of).date()) for as_of in rows["as_of"].unique()})
    if not dates:
        return "no cutoffs"
    return f"cutoff {dates[0]}" if len(dates) == 1 else f"cutoffs {dates[0]} to {dates[-1]}"


def at_cutoffs(rows: pd.DataFrame, cutoffs: Sequence[dt.date]) -> pd.DataFrame:
    """The rows of the given cutoffs."""
    return rows[rows["as_of"].isin([pd.Timestamp(cutoff) for cutoff in cutoffs])]


def fit(
    spec: ModelSpec,
    features: Sequence[Feature],
    rows: pd.DataFrame,
    plan: Plan,
    about: Mapping[str, Any],
    scales: Sequence[Feature] = (),
) -> Fitted:
    """Fits the challenger: folds choose the number of trees and the calibration, then all rows train.

    Args:
        spec: the model's declaration.
        features: its features, in column order.
        rows: labelled snapshots; only those of ``plan.train`` are looked at.
        plan: who trains.
        about: what the model shall carry about its origin.
        scales: further features in ``rows`` whose reference scale the model shall carry.
    """
    train = usable(at_cutoffs(rows, plan.train), spec.name)
    categories = {f.name: tuple(sorted(train[f.name].dropna().unique())) for f in features if f.is_category}
    attempts = [_begin_fold(spec, features, categories, train, fold) for fold in plan.folds]
    folds = [fold for fold in attempts if fold is not None]
    if not folds:
        raise TooLittleDataError(
            f"Model '{spec.name}': no fold before the judged cutoff has both outcomes to learn from.",
            where=_cutoffs_of(train),
            remedy="Give a longer history, or a longer horizon in spec.yaml.",
        )
    trees = _best_number_of_trees(folds, spec.estimator.max_trees)
    out_of_fold: pd.DataFrame = pd.concat(
        [
            fold.rows.assign(log_odds=fold.booster.predict(fold.x, raw_score=True, num_iteration=trees))
            for fold in folds
        ],
        ignore_index=True,
    )
    calibration = fit_calibration(spec.calibration, out_of_fold["log_odds"].to_numpy(), out_of_fold["label"].to_numpy())
    data = _dataset(features, categories, train)
    booster = lgb.train(_parameters(spec, features, len(train)), data, num_boost_round=trees)
    predictor = Predictor(
        booster=lgb.Booster(model_str=booster.model_to_string()),
        features=tuple(feature.declaration() for feature in features),
        categories=categories,
        calibration=calibration,
        base_rate=float(train["label"].mean()),
        reference=fit_reference(train, [*features, *scales]),
        about=about,
    )
    out_of_fold["probability"] = predictor.calibrated(out_of_fold["log_odds"].to_numpy())
    return Fitted(
        predictor,
        trees,
        {str(fold.validate): float(fold.losses[trees - 1]) for fold in folds},
        out_of_fold[["account_id", "as_of", "label", "probability"]],
    )


@dataclass(frozen=True)
class _FoldFit:
    """One fold: its booster, its validation rows as a matrix, and the validation loss after each tree."""

    validate: dt.date
    booster: lgb.Booster
    x: np.ndarray
    rows: pd.DataFrame
    losses: list[float]


def _begin_fold(
    spec: ModelSpec,
    features: Sequence[Feature],
    categories: Mapping[str, Sequence[str]],
    rows: pd.DataFrame,
    fold: Fold,
) -> _FoldFit | None:
    train, validate = at_cutoffs(rows, fold.train), at_cutoffs(rows, [fold.validate])
    if train["label"].nunique() < 2 or validate["label"].sum() == 0:
        return None
    data = _dataset(features, categories, train)
    x = encode(validate, [f.name for f in features], categories)
    booster = lgb.Booster(_parameters(spec, features, len(train)), data)
    booster.add_valid(data.create_valid(x, validate["label"].to_numpy()), "validate")
    kept = validate[["account_id", "as_of", "label"]].reset_index(drop=True)
    return _FoldFit(fold.validate, booster, x, kept, [])


def _best_number_of_trees(folds: Sequence[_FoldFit], at_most: int) -> int:
    """Grows all folds together, tree by tree, to the least mean log loss, each row counting the same."""
    weights = np.array([len(fold.rows) for fold in folds], dtype="float64")
    curve: list[float] = []
    while len(curve) < at_most and len(curve) - int(np.argmin(curve or [0.0])) <= PATIENCE:
        for fold in folds:
            fold.booster.update()
            fold.losses.append(float(fold.booster.eval_valid()[0][2]))
        curve.append(float(np.average([fold.losses[-1] for fold in folds], weights=weights)))
    return int(np.argmin(curve)) + 1


def _dataset(features: Sequence[Feature], categories: Mapping[str, Sequence[str]], rows: pd.DataFrame) -> lgb.Dataset:
    return lgb.Dataset(
        encode(rows, [f.name for f in features], categories),
        rows["label"].to_numpy(),
        feature_name=[f"f{i}" for i in range(len(features))],  # event names may hold any character
        categorical_feature=[i for i, f in enumerate(features) if f.is_category],
        free_raw_data=False,
    )


def _parameters(spec: ModelSpec, features: Sequence[Feature], rows: int) -> dict[str, Any]:
    chosen: Estimator = spec.estimator
    parameters: dict[str, Any] = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": chosen.learning_rate,
        "num_leaves": chosen.num_leaves,
        "min_data_in_leaf": chosen.min_data_in_leaf,
        "feature_fraction": chosen.feature_fraction,
        "bagging_fraction": chosen.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": chosen.lambda_l2,
        "cat_smooth": 50,  # categories are few rows each: their own mean is not to be believed
        "seed": spec.seed,
        # the same rows and seed give the same trees, whatever the machine's load
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < ROWS_FOR_THREADS else 0,
        "verbosity": -1,
    }
    # polarity speaks of health, so it binds only what predicts a leaving
    if chosen.monotone and spec.label.kind != "upsell":
        sign = {Polarity.HEALTHIER: -1, Polarity.RISKIER: 1, Polarity.NEITHER: 0}
        parameters["monotone_constraints"] = [sign[feature.polarity] for feature in features]
        parameters["monotone_constraints_method"] = "intermediate"
    return parameters


# ---------------------------------------------------------------- rivals


def rival_predictions(
    features: Sequence[Feature], train: pd.DataFrame, judged: pd.DataFrame
) -> dict[str, np.ndarray | None]:
    """What the simple rivals, fitted on the same training rows, say of the judged rows.

    ``base_rate`` says the same of everybody; ``recency`` knows only how long ago the account was
    last seen (None without usage data); ``logistic_regression`` knows every feature.
    """
    rate = float(train["label"].mean())
    said: dict[str, np.ndarray | None] = {"base_rate": np.full(len(judged), rate), "recency": None}
    if RECENCY in train.columns:
        said["recency"] = _probabilities(_recency_pipeline(), train, judged, [RECENCY])
    names = [feature.name for feature in features]
    said["logistic_regression"] = _probabilities(_logistic_pipeline(features), train, judged, names)
    return said


def score_as_rival(score: np.ndarray, label: np.ndarray, judged: np.ndarray) -> np.ndarray | None:
    """A score that knows no labels, as probabilities: a logistic curve over it, fitted on the training rows.

    Args:
        score: of the training rows, missing where nothing is known.
        label: their outcomes.
        judged: the score of the judged rows.

    Returns:
        Probabilities of the judged rows; a missing score counts as the middle one. None where no score is known.
    """
    if np.isnan(score).all():
        return None
    middle = np.nanmedian(score)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline.fit(np.where(np.isnan(score), middle, score).reshape(-1, 1), label)
    return np.asarray(pipeline.predict_proba(np.where(np.isnan(judged), middle, judged).reshape(-1, 1))[:, 1])


def _probabilities(pipeline: Pipeline, train: pd.DataFrame, judged: pd.DataFrame, names: list[str]) -> np.ndarray:
    pipeline.fit(train[names], train["label"])
    return np.asarray(pipeline.predict_proba(judged[names])[:, 1])


def _recency_pipeline() -> Pipeline:
    return make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression())


def _logistic_pipeline(features: Sequence[Feature]) -> Pipeline:
    numbers = [f.name for f in features if not f.is_category]
    names = [f.name for f in features if f.is_category]
    # counts and money are skewed; their logarithms are what a careful analyst would use
    number_steps = make_pipeline(
        FunctionTransformer(_signed_log),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    name_steps = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="", missing_values=None),
        OneHotEncoder(handle_unknown="ignore", min_frequency=20),
    )
    columns = [("numbers", number_steps, numbers)] + ([("names", name_steps, names)] if names else [])
    return make_pipeline(ColumnTransformer(columns), LogisticRegression(C=0.05, max_iter=2000))


def _signed_log(x: Any) -> Any:
    return np.sign(x) * np.log1p(np.abs(x))
