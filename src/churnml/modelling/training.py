"""Fitting LightGBM and its simple rivals on rows that were history at the judged cutoff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from churnml.errors import TooLittleDataError
from churnml.features import RECENCY, Feature, Polarity
from churnml.modelling.calibration import Calibrated, calibrate
from churnml.modelling.estimator import BoostedClassifier
from churnml.modelling.predictor import Predictor
from churnml.modelling.profile import fit_profile
from churnml.modelling.reference import fit_reference
from churnml.modelling.search import HALF_LIFE, NO_TRIES, Changes, Chosen, SearchFold, Settings, Tries, search
from churnml.modelling.splits import Fold, Split
from churnml.modelling.stored import ModelManifest
from churnml.specs.models import ModelSpec

# Trees that can hold little: three leaves speak of two features at most, and few rows move none of them far.
SHRUNK: Changes = {"num_leaves": 3, "lambda_l2": 50.0}
RIVALS = ("base_rate", "recency", "logistic_regression", "health")


@dataclass(frozen=True)
class FittedModel:
    """A fitted challenger and what its fitting showed.

    Args:
        predictor: the model.
        chosen: what the search folds chose, and all that they tried.
        fold_losses: cutoff → mean log loss of the chosen settings on it, uncalibrated, of the folds that searched.
        calibration_losses: kind of calibration → log loss out of sample; empty where the kind was declared.
        out_of_fold: ``account_id, as_of, label, log_odds, probability``: the calibrating folds' predictions of their
            validation cutoffs, made by models that never saw those rows; the probabilities are calibrated by all.
    """

    predictor: Predictor
    chosen: Chosen
    fold_losses: Mapping[str, float]
    calibration_losses: Mapping[str, float]
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
    plan: Split,
    manifest: ModelManifest,
    scales: Sequence[Feature] = (),
    tries: Tries = NO_TRIES,
) -> FittedModel:
    """Fits the challenger: some folds choose its settings, others calibrate it, then all rows train.

    Args:
        spec, features: the model's declaration, and its features in column order.
        rows: labelled snapshots; only those of ``plan.train`` are looked at.
        plan: who trains.
        manifest: what the model shall carry about its origin.
        scales: further features in ``rows`` whose reference scale the model shall carry.
        tries: where a bounded search keeps its tries.

    Raises:
        TooLittleDataError: no fold has both outcomes.
    """
    train = usable(at_cutoffs(rows, plan.train), spec.name)
    columns, declared = [feature.name for feature in features], declared_settings(spec, features)
    searching = _with_both_outcomes(train, plan.search) or _with_both_outcomes(train, plan.calibrate)
    if not searching:
        raise TooLittleDataError(
            f"Model '{spec.name}': no fold before the judged cutoff has both outcomes to learn from.",
            where=_cutoffs_of(train),
            remedy="Give a longer history, or a longer horizon in spec.yaml.",
        )
    chosen = search(
        declared,
        _alternatives(spec, declared),
        list(searching.values()),
        columns,
        max_trees=spec.estimator.max_trees,
        tuning=spec.estimator.tuning,
        seed=spec.seed,
        tries=tries,
        simple=_simpler(spec),
    )
    seeds = spec.estimator.seeds
    calibrating = _with_both_outcomes(train, plan.calibrate) or searching
    out_of_fold = _out_of_fold(chosen, list(calibrating.values()), columns, seeds)
    calibrated = _calibrated(spec, out_of_fold)
    out_of_fold["probability"] = calibrated.calibration.probabilities(out_of_fold["log_odds"].to_numpy())
    final = _fitted(chosen, train, columns, seeds)
    predictor = Predictor(
        booster=final.booster_,
        features=tuple(feature.declaration() for feature in features),
        categories=final.categories_,
        calibration=calibrated.calibration,
        base_rate=float(train["label"].mean()),
        reference=fit_reference(train, [*features, *scales]),
        manifest=manifest,
        profile=fit_profile(train, columns, list(final.categories_), out_of_fold),
    )
    losses = {str(cutoff): loss for cutoff, loss in zip(searching, chosen.by_fold, strict=True)}
    return FittedModel(predictor, chosen, losses, calibrated.losses, out_of_fold)


def _calibrated(spec: ModelSpec, out_of_fold: pd.DataFrame) -> Calibrated:
    return calibrate(
        spec.calibration,
        out_of_fold["log_odds"].to_numpy(),
        out_of_fold["label"].to_numpy(),
        out_of_fold["account_id"].to_numpy(),
        out_of_fold["as_of"].to_numpy().astype("datetime64[D]").astype("int64"),
        spec.label.reach.gap + spec.label.reach.horizon,
    )


def _with_both_outcomes(train: pd.DataFrame, folds: Sequence[Fold]) -> dict[dt.date, SearchFold]:
    """The folds that have something to learn from and something to check by, by validated cutoff."""
    usable_folds = {}
    for fold in folds:
        teach, check = at_cutoffs(train, fold.train), at_cutoffs(train, [fold.validate])
        if teach["label"].nunique() == 2 and check["label"].sum() > 0:
            usable_folds[fold.validate] = SearchFold(teach, check)
    return usable_folds


def declared_settings(spec: ModelSpec, features: Sequence[Feature]) -> Settings:
    """How the spec has its estimator fitted."""
    estimator = spec.estimator
    return Settings(
        {
            "learning_rate": estimator.learning_rate,
            "num_leaves": estimator.num_leaves,
            "min_data_in_leaf": estimator.min_data_in_leaf,
            "feature_fraction": estimator.feature_fraction,
            "bagging_fraction": estimator.bagging_fraction,
            "lambda_l2": estimator.lambda_l2,
            # polarity speaks of health, so it binds only what predicts a leaving
            "monotone": None if spec.plays == "grows" or estimator.monotone is False else signs(features),
            "linear": 0.0 if estimator.linear == "auto" else estimator.linear,
            "random_state": spec.seed,
        },
        estimator.half_life if isinstance(estimator.half_life, int) else None,
    )


def signs(features: Sequence[Feature]) -> list[int]:
    """Which way a leaving may go with each feature, by its declared polarity."""
    sign = {Polarity.HEALTHIER: -1, Polarity.RISKIER: 1, Polarity.NEITHER: 0}
    return [sign[feature.polarity] for feature in features]


def _simpler(spec: ModelSpec) -> dict[str, Changes]:
    """In words → settings for which little has to be learned; with few positives the first is where it starts."""
    shrunk = {"few leaves, strongly shrunk": SHRUNK}
    if spec.estimator.linear != "auto":
        return shrunk
    return shrunk | {
        "half of it a logistic regression": {"linear": 0.5},
        "nothing but a logistic regression": {"linear": 1.0},
    }


def _alternatives(spec: ModelSpec, declared: Settings) -> dict[str, Changes]:
    """In words → what is tried against the declared settings."""
    alternatives: dict[str, Changes] = {}
    if spec.estimator.monotone == "auto" and declared.estimator["monotone"] is not None:
        alternatives["without monotone constraints"] = {"monotone": None}
    if spec.estimator.half_life == "auto":
        alternatives[f"newer rows count more: half as much after {HALF_LIFE} days"] = {"half_life": HALF_LIFE}
    return alternatives


def _fitted(chosen: Chosen, rows: pd.DataFrame, columns: Sequence[str], seeds: int) -> BoostedClassifier:
    estimator = chosen.settings.classifier(trees=chosen.trees, seeds=seeds)
    return estimator.fit(rows[list(columns)], rows["label"], chosen.settings.weight(rows))


def _out_of_fold(chosen: Chosen, folds: Sequence[SearchFold], columns: Sequence[str], seeds: int) -> pd.DataFrame:
    """``account_id, as_of, label, log_odds`` of every fold's validation rows, by a model that never saw them."""

    def predicted(fold: SearchFold) -> pd.DataFrame:
        log_odds = _fitted(chosen, fold.train, columns, seeds).decision_function(fold.validate[list(columns)])
        return fold.validate[["account_id", "as_of", "label"]].assign(log_odds=log_odds)

    # one after the other: two threads inside LightGBM can kill the process (see search)
    return pd.concat([predicted(fold) for fold in folds], ignore_index=True)


# ---------------------------------------------------------------- rivals


def rival_predictions(
    features: Sequence[Feature], train: pd.DataFrame, judged: pd.DataFrame
) -> dict[str, np.ndarray | None]:
    """What the simple rivals, fitted on the same training rows, say of the judged rows.

    ``base_rate`` says the same of everybody; ``recency`` knows only how long ago the account was
    last seen (None without usage data); ``logistic_regression`` knows every feature.
    """
    rate = float(train["label"].mean())
    predictions: dict[str, np.ndarray | None] = {"base_rate": np.full(len(judged), rate), "recency": None}
    if RECENCY in train.columns:
        recency = make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression())
        predictions["recency"] = _probabilities(recency, train, judged, [RECENCY])
    names = [feature.name for feature in features]
    predictions["logistic_regression"] = _probabilities(_logistic_pipeline(features), train, judged, names)
    return predictions


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


def _signed_log(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)))
