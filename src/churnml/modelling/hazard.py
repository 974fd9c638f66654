"""Fitting the hazards: one row a person-period that was history at the judged cutoff.

An account that was there at a cutoff gives one row for each coming period of which it was final, before the
judged cutoff, whether it left in it; the rows end with its leaving, or where what may be known ends. So cutoffs
whose labels are purged still teach their first periods, and a row that was cut off never counts as one that
stayed. Few accounts leave in a week: all periods with a leaving are taken, of the others a drawn share, each
weighted by what it stands for, so that the base rate stays what it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd

from churnml.errors import TooLittleDataError
from churnml.features import Feature
from churnml.labels import Label
from churnml.modelling.curves import Hazard, HazardFitting, Renewal, person_period_matrix, renewals
from churnml.modelling.predictor import Predictor
from churnml.modelling.splits import Split
from churnml.modelling.training import declared_settings
from churnml.specs.models import ModelSpec
from churnml.terms import TERMS
from churnml.timeline import days

RENEWAL_DAYS = "subscription_days_to_renewal"
BILLING = "subscription_billing_period"
# Periods without a leaving that are drawn: three for each snapshot that teaches, and where those are many,
# twenty for each leaving, which leaves five hundredths of the information out; more cost time and find no more.
DRAWN_A_SNAPSHOT = 3
DRAWN_A_LEAVING = 20
MANY = 100_000
MOST_TREES = 300
# Of two columns one tells when: in a tree that may look at half of them only, it would often be missing.
FEATURE_FRACTION = 0.8
PATIENCE = 40  # trees without a better loss on the fold's own rows


@dataclass(frozen=True)
class PersonPeriods:
    """Rows to learn from.

    Args:
        row: the snapshot's number, shape (person-periods,).
        period: the period's number.
        left: 1 where the account left in it.
        weight: how many person-periods the row stands for.
    """

    row: np.ndarray
    period: np.ndarray
    left: np.ndarray
    weight: np.ndarray


def seen_before(rows: pd.DataFrame, label: Label, before: dt.date) -> tuple[np.ndarray, np.ndarray]:
    """``left_after`` and ``seen_for`` of ``rows`` as they stand when nothing from ``before`` on may be known."""
    most = (pd.Timestamp(before) - rows["as_of"]).dt.days.to_numpy() - label.leaving_settles
    seen_for = np.minimum(rows["seen_for"].to_numpy(dtype="int64"), np.maximum(most, 0))
    left_after = rows["left_after"].to_numpy(dtype="float64")
    return np.where(left_after < seen_for, left_after, np.nan), seen_for


def person_periods(left_after: np.ndarray, seen_for: np.ndarray, edges: Sequence[int]) -> PersonPeriods:
    """Every period of each row that was seen to its end, up to the one in which the account left.

    A period seen in part is left out, leaving or no leaving: its leavings alone would look like a high hazard.
    """
    begins, ends = np.asarray(edges[:-1]), np.asarray(edges[1:])
    gone = np.nan_to_num(left_after, nan=np.inf)[:, None]
    row, period = np.nonzero((ends[None, :] <= seen_for[:, None]) & (gone >= begins[None, :]))
    left = (gone[row, 0] < ends[period]).astype("float64")
    return PersonPeriods(row, period, left, np.ones(len(row)))


def drawn(periods: PersonPeriods, snapshots: int, seed: int) -> PersonPeriods:
    """All periods with a leaving, and a drawn share of the others with the weight of those they stand for."""
    stayed = np.flatnonzero(periods.left == 0)
    wanted = min(DRAWN_A_SNAPSHOT * snapshots, max(DRAWN_A_LEAVING * int(periods.left.sum()), MANY))
    if len(stayed) <= wanted:
        return periods
    kept = np.sort(np.random.default_rng(seed).choice(stayed, wanted, replace=False))
    take = np.sort(np.r_[np.flatnonzero(periods.left == 1), kept])
    weight = np.where(periods.left[take] == 1, 1.0, len(stayed) / wanted)
    return PersonPeriods(periods.row[take], periods.period[take], periods.left[take], weight)


def fit_hazard(
    spec: ModelSpec, features: Sequence[Feature], rows: pd.DataFrame, plan: Split, predictor: Predictor
) -> Hazard | None:
    """The hazards of the coming periods, fitted on what was final before the judged cutoff; None if not declared.

    Args:
        spec: the model's declaration.
        features: its features, in column order.
        rows: snapshots of every cutoff with ``left_after`` and ``seen_for``
            (:func:`churnml.snapshots.attach_leaving_times`).
        plan: the split; the newest fold with leavings on both sides finds the number of trees.
        predictor: the classifier, fitted on the same features.

    Raises:
        TooLittleDataError: no fold has a leaving to learn from and one to check by.
    """
    if spec.hazard is None:
        return None
    setting = _Setting(spec, spec.hazard.edges(spec.label), renewal_of(features), predictor)
    embargo = days(spec.embargo)
    for fold in reversed(plan.folds):
        teach = _gathered(setting, rows[rows["as_of"] < pd.Timestamp(fold.validate)], fold.validate - embargo)
        check = _gathered(setting, rows[rows["as_of"] == pd.Timestamp(fold.validate)], plan.judged - embargo)
        if teach.left.any() and check.left.any():
            break
    else:
        raise TooLittleDataError(
            f"Model '{spec.name}': no fold before the judged cutoff has leavings to learn hazards from.",
            remedy="Give a longer history, or take hazard: out of its spec.yaml.",
        )
    trees, loss = _number_of_trees(spec, features, teach, check)
    final = _gathered(setting, rows[rows["as_of"] < pd.Timestamp(plan.judged)], plan.judged - embargo)
    booster = lgb.train(_parameters(spec, features, len(final.left)), _dataset(features, final), num_boost_round=trees)
    return Hazard(
        booster=lgb.Booster(model_str=booster.model_to_string()),
        edges=setting.edges,
        anchor=spec.label.leaves_in,
        renewal=setting.renewal,
        fitting=HazardFitting(trees, fold.validate, loss, len(final.left), int(final.left.sum())),
    )


def renewal_of(features: Sequence[Feature]) -> Renewal | None:
    """How renewals are counted with these features; None when none of them says when a contract renews."""
    names = {feature.name for feature in features}
    if RENEWAL_DAYS not in names:
        return None
    terms = {term.name: term.mean_days for term in TERMS}
    return Renewal(RENEWAL_DAYS, BILLING if BILLING in names else None, terms)


@dataclass(frozen=True)
class _Setting:
    """What all fits of one model's hazards share."""

    spec: ModelSpec
    edges: tuple[int, ...]
    renewal: Renewal | None
    predictor: Predictor


@dataclass(frozen=True)
class _Gathered:
    """A matrix to learn from, with its outcomes and weights."""

    x: np.ndarray
    left: np.ndarray
    weight: np.ndarray


def _gathered(setting: _Setting, rows: pd.DataFrame, before: dt.date) -> _Gathered:
    """The person-periods of ``rows`` that were final before a date."""
    left_after, seen_for = seen_before(rows, setting.spec.label, before)
    teaching = int((seen_for >= setting.edges[1]).sum())
    periods = drawn(person_periods(left_after, seen_for, setting.edges), teaching, setting.spec.seed)
    used, row = np.unique(periods.row, return_inverse=True)
    frame = rows.iloc[used]
    ahead, term = renewals(frame, setting.renewal)
    x = person_period_matrix(setting.predictor.matrix(frame), ahead, term, setting.edges, row, periods.period)
    return _Gathered(x, periods.left, periods.weight)


def _number_of_trees(
    spec: ModelSpec, features: Sequence[Feature], teach: _Gathered, check: _Gathered
) -> tuple[int, float]:
    """How many trees lose least on rows of a later cutoff, and that log loss a person-period."""
    data = _dataset(features, teach)
    booster = lgb.train(
        _parameters(spec, features, len(teach.left)),
        data,
        num_boost_round=min(spec.estimator.max_trees, MOST_TREES),
        valid_sets=[lgb.Dataset(check.x, check.left, weight=check.weight, reference=data)],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    return booster.best_iteration, float(booster.best_score["valid_0"]["binary_logloss"])


def _dataset(features: Sequence[Feature], rows: _Gathered) -> lgb.Dataset:
    return lgb.Dataset(
        rows.x,
        rows.left,
        weight=rows.weight,
        feature_name=[f"f{i}" for i in range(rows.x.shape[1])],  # event names may hold any character
        categorical_feature=[i for i, f in enumerate(features) if f.is_category],
    )


def _parameters(spec: ModelSpec, features: Sequence[Feature], rows: int) -> dict[str, object]:
    declared = declared_settings(spec, features)
    signs = declared.estimator["monotone"]
    # neither time nor a renewal date is healthy or risky in itself
    monotone = [*signs, 0, 0] if isinstance(signs, Sequence) else None
    estimator = declared.classifier(feature_fraction=FEATURE_FRACTION, monotone=monotone)
    parameters = estimator.parameters(rows, spec.seed)
    del parameters["max_bin"]  # LightGBM's own bins do
    return parameters
