"""Cox's proportional hazards, as a careful analyst would fit them: the rival of ``benchmarks.hazard``.

Logarithms of skewed numbers, missing values as a column of their own, names as indicators, and indicators of the
month in which the contract renews, which a straight line in days cannot say; a ridge penalty, chosen on the
newest fold before the judged cutoff. (Cox, J. R. Stat. Soc. B 34, 1972; lifelines: Davidson-Pilon, 2019.)
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from churnml.features import Feature
from churnml.labels import Label
from churnml.modelling.hazard import RENEWAL_DAYS, seen_before
from churnml.modelling.splits import Split
from churnml.modelling.survival_figures import LeftBefore

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1)
MONTHS = 12


def fit_cox(features: Sequence[Feature], rows: pd.DataFrame, plan: Split, label: Label) -> tuple[LeftBefore, float]:
    """What Cox says of the accounts at the judged cutoff, and the penalty the fold chose.

    Args:
        features: the model's features.
        rows: snapshots of every cutoff with ``left_after`` and ``seen_for``.
        plan: the split.
        label: the label.
    """
    fold = plan.folds[-1].validate
    before = rows[rows["as_of"] < pd.Timestamp(fold)]
    check = rows[rows["as_of"] == pd.Timestamp(fold)]
    steps = _steps(features).fit(before)
    teach, held = _table(steps, before, label, fold), _table(steps, check, label, plan.judged)
    fits = {penalty: _fitted(teach, penalty) for penalty in PENALTIES}
    best = max(PENALTIES, key=lambda penalty: fits[penalty].score(held, scoring_method="log_likelihood"))
    history = rows[rows["as_of"] < pd.Timestamp(plan.judged)]
    steps = _steps(features).fit(history)
    fitted = _fitted(_table(steps, history, label, plan.judged), best)
    judged = pd.DataFrame(steps.transform(rows[rows["as_of"] == pd.Timestamp(plan.judged)])).add_prefix("x")
    risk = fitted.predict_partial_hazard(judged).to_numpy()
    baseline = fitted.baseline_cumulative_hazard_.iloc[:, 0]
    days, force = np.r_[0.0, baseline.index], np.r_[0.0, baseline]
    # a leaving on day d stands at d + ½ in the table, so it is before day d + 1
    return lambda day: -np.expm1(-force[np.searchsorted(days, day, side="left") - (day > 0)] * risk), best


def _fitted(table: pd.DataFrame, penalty: float) -> CoxPHFitter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CoxPHFitter(penalizer=penalty).fit(table, "time", "left")


def _table(steps: Pipeline, rows: pd.DataFrame, label: Label, before: object) -> pd.DataFrame:
    left_after, seen_for = seen_before(rows, label, before)
    x = pd.DataFrame(steps.transform(rows)).add_prefix("x")
    time = np.where(np.isnan(left_after), seen_for, left_after + 0.5)
    table = x.assign(time=time, left=~np.isnan(left_after))
    return table[table["time"] > 0].reset_index(drop=True)


def _steps(features: Sequence[Feature]) -> Pipeline:
    numbers = [f.name for f in features if not f.is_category]
    names = [f.name for f in features if f.is_category]
    columns = [
        (
            "numbers",
            make_pipeline(
                FunctionTransformer(lambda x: np.sign(x) * np.log1p(np.abs(x))),
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
                StandardScaler(),
            ),
            numbers,
        ),
        (
            "names",
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="", missing_values=None),
                OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False),
            ),
            names,
        ),
        (
            "month of renewal",
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value=999.0),
                FunctionTransformer(lambda x: np.minimum(np.asarray(x) // 30.4375, MONTHS)),
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            ),
            [RENEWAL_DAYS],
        ),
    ]
    return make_pipeline(ColumnTransformer(columns), VarianceThreshold(1e-4))
