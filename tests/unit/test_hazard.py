"""Hazards: censoring, purging, drawing, and the model as data."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from churnml.errors import RegistryError, TooLittleDataError
from churnml.features import FAMILIES, Wish
from churnml.labels import Label
from churnml.modelling.curves import Renewal
from churnml.modelling.hazard import PersonPeriods, drawn, fit_hazard, person_periods, renewal_of, seen_before
from churnml.modelling.predictor import Calibration, Predictor, encode
from churnml.modelling.splits import plan
from churnml.modelling.stored import HAZARD_FILE, MODEL_FILE, SUMS_FILE
from churnml.specs.models import ModelSpec
from tests.support import declaration, features_at, manifest, quick_facts

EDGES = (0, 7, 14, 21)
EDGES_OF_MODEL = tuple(range(0, 70, 7))
SPEC = ModelSpec.model_validate({
    "name": "churn", "means": "it leaves", "label": {"kind": "contract", "gap": 7, "horizon": 28, "grace": 14},
    "features": {"families": ["usage.*"]}, "hazard": {"every": 7, "periods": 8},
    "estimator": {"min_data_in_leaf": 20, "max_trees": 60},
})  # fmt: skip
CUTOFFS = tuple(dt.date(2024, 1, 1) + dt.timedelta(28 * n) for n in range(8))
PLAN = plan(CUTOFFS, SPEC.label.reach, 0, 3)
WISH = Wish((7, 28), (), ())
NAMES = ("subscription_days_to_renewal", "subscription_plan", "subscription_billing_period", "subscription_mrr")
FEATURES = tuple(f for n in NAMES for family in FAMILIES.values() for f in family.features(WISH) if f.name == n)


def rows_of(found: PersonPeriods):
    return list(zip(found.row.tolist(), found.period.tolist(), found.left.tolist(), strict=True))


# ---------------------------------------------------------------- rows


def test_a_row_gives_the_periods_seen_to_their_end_up_to_its_leaving():
    left_after = np.array([np.nan, np.nan, 0.0, 6.0, 7.0, 20.0])
    seen_for = np.array([21, 20, 21, 21, 21, 21])
    found = rows_of(person_periods(left_after, seen_for, EDGES))
    assert found == [
        (0, 0, 0), (0, 1, 0), (0, 2, 0),
        (1, 0, 0), (1, 1, 0),
        (2, 0, 1),
        (3, 0, 1),
        (4, 0, 0), (4, 1, 1),
        (5, 0, 0), (5, 1, 0), (5, 2, 1),
    ]  # fmt: skip


def test_a_row_that_is_cut_off_never_counts_as_one_that_stayed_and_a_leaving_in_a_cut_period_not_either():
    found = rows_of(person_periods(np.array([np.nan, 9.0, 2.0]), np.array([10, 10, 6]), EDGES))
    assert found == [(0, 0, 0), (1, 0, 0)]


def test_what_was_not_final_before_a_date_is_cut_off():
    label = SPEC.label
    rows = pd.DataFrame({
        "as_of": pd.Timestamp("2024-01-01"), "left_after": [np.nan, 5.0, 16.0, 17.0, 40.0], "seen_for": [90, 90, 90, 90, 90],
    })  # fmt: skip
    # 31 days to 1 February, 14 of them for the grace period
    left_after, seen_for = seen_before(rows, label, dt.date(2024, 2, 1))
    assert list(seen_for) == [17] * 5
    assert np.isnan(left_after).tolist() == [True, False, False, True, True]
    _, none = seen_before(rows, label, dt.date(2024, 1, 10))
    assert list(none) == [0] * 5


def test_drawing_keeps_every_leaving_and_the_base_rate():
    rng = np.random.default_rng(0)
    left = (rng.random(50_000) < 0.01).astype(float)
    found = PersonPeriods(np.arange(50_000), np.zeros(50_000, dtype=int), left, np.ones(50_000))
    fewer = drawn(found, 2_000, 1)
    assert len(fewer.left) < 10_000
    assert fewer.left.sum() == left.sum()
    assert np.average(fewer.left, weights=fewer.weight) == pytest.approx(left.mean())
    many = PersonPeriods(*(np.tile(of, 10) for of in (found.row, found.period, found.left, found.weight)))
    assert (drawn(many, 500_000, 1).left == 0).sum() == 20 * many.left.sum()  # twenty a leaving are enough
    again, other = drawn(found, 2_000, 1), drawn(found, 2_000, 2)
    assert (again.row == fewer.row).all()
    assert (other.row != fewer.row).any()
    assert drawn(found, 50_000, 1) is found


# ---------------------------------------------------------------- fitted


def company(rng, cutoffs=CUTOFFS, accounts=300):
    """Annual contracts that may end at their renewal, more often on one plan; and how far each was seen."""
    n = accounts * len(cutoffs)
    rows = pd.DataFrame({
        "account_id": np.tile([f"a{i}" for i in range(accounts)], len(cutoffs)),
        "as_of": np.repeat(pd.to_datetime(cutoffs), accounts).astype("datetime64[us]"),
        "subscription_days_to_renewal": rng.integers(0, 365, n).astype(float),
        "subscription_plan": rng.choice(["team", "scale", None], n),
        "subscription_billing_period": "annual",
        "subscription_mrr": rng.integers(1, 500, n).astype(float),
    })  # fmt: skip
    leaves = rng.random(n) < np.where(rows["subscription_plan"] == "team", 0.8, 0.3)
    left = rows["subscription_days_to_renewal"].where(leaves)
    rows["seen_for"] = (pd.Timestamp("2024-12-01") - rows["as_of"]).dt.days - 14
    rows["left_after"] = left.where(left < rows["seen_for"])
    start, end = SPEC.label.leaves_in
    rows["label"] = ((left >= start) & (left < end)).astype(float)
    return rows


@pytest.fixture(scope="module")
def rows():
    return company(np.random.default_rng(5))


@pytest.fixture(scope="module")
def classifier(rows):
    train = rows[rows["as_of"] < pd.Timestamp(PLAN.judged)]
    categories = {f.name: tuple(sorted(train[f.name].dropna().unique())) for f in FEATURES if f.is_category}
    data = lgb.Dataset(encode(train, NAMES, categories), train["label"].to_numpy(), categorical_feature=[1, 2])
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 1}, data, 20)
    return Predictor(
        booster=lgb.Booster(model_str=booster.model_to_string()),
        features=tuple(declaration(name) for name in NAMES),
        categories=categories,
        calibration=Calibration("sigmoid"),
        base_rate=float(train["label"].mean()),
        reference={},
        manifest=manifest("churn"),
    )


@pytest.fixture(scope="module")
def predictor(rows, classifier):
    return dataclasses.replace(classifier, hazard=fit_hazard(SPEC, FEATURES, rows, PLAN, classifier))


def test_a_fitted_curve_agrees_with_the_classifier_over_the_labels_window(rows, predictor):
    curves = predictor.curves(rows)
    assert np.abs(curves.leaves_between(*SPEC.label.leaves_in) - predictor.predict(rows)).max() < 1e-9
    assert (np.diff(curves.survival, axis=1) <= 0).all()


def test_a_known_renewal_is_where_the_curve_expects_the_leaving(rows, predictor):
    some = rows.iloc[:200].assign(subscription_days_to_renewal=30.0)
    period, _ = predictor.curves(some).most_likely()
    assert set(period) == {4}  # days 28 to 34
    moved, _ = predictor.curves(some.assign(subscription_days_to_renewal=45.0)).most_likely()
    assert set(moved) == {6}


def test_a_renewal_moved_changes_the_curve_only_when_that_was_known_at_the_cutoff(predictor):
    as_of = dt.date(2024, 6, 1)
    period = {
        "account_id": "a", "subscription_id": "s", "starts_at": pd.Timestamp("2023-09-01"), "mrr": 100.0, "plan": "team",
        "billing_period": "annual", "renews_at": pd.Timestamp("2024-09-01"),
    }  # fmt: skip
    moved = period | {"starts_at": pd.Timestamp("2024-05-01"), "renews_at": pd.Timestamp("2024-07-15")}
    found = {}
    for what, rows in {
        "not moved": [period],
        "known later": [period, moved | {"known_at": pd.Timestamp(as_of)}],
        "known by then": [period, moved | {"known_at": pd.Timestamp(as_of) - pd.Timedelta(hours=1)}],
    }.items():
        accounts = [{"account_id": "a", "created_at": pd.Timestamp("2022-01-01")}]
        facts = quick_facts({"accounts": accounts, "subscriptions": rows})
        found[what] = predictor.curves(features_at(facts, as_of, families=("subscriptions.*",)))
    assert (found["known later"].force == found["not moved"].force).all()
    assert (found["known by then"].force != found["not moved"].force).any()
    assert EDGES_OF_MODEL[found["known by then"].most_likely()[0][0]] == 42  # the week of day 44, 15 July


def test_the_same_rows_and_seed_give_the_same_hazard(rows, classifier, predictor):
    again = fit_hazard(SPEC, FEATURES, rows, PLAN, classifier)
    assert again.booster.model_to_string() == predictor.hazard.booster.model_to_string()
    assert again.as_data() == predictor.hazard.as_data()


def test_what_was_not_final_before_the_judged_cutoff_changes_nothing_and_what_was_does(rows, classifier, predictor):
    known = (pd.Timestamp(PLAN.judged) - rows["as_of"]).dt.days - SPEC.label.leaving_settles
    late, early = rows.copy(), rows.copy()
    # everybody of whom nothing was known yet leaves the day after that; nobody is there at the judged cutoff
    late["left_after"] = late["left_after"].where(late["left_after"] < known, known.clip(lower=0))
    late = late[late["as_of"] < pd.Timestamp(PLAN.judged)]
    early["left_after"] = early["left_after"].where(early["left_after"] < known, known.clip(lower=1) - 1)
    found = [fit_hazard(SPEC, FEATURES, r, PLAN, classifier).booster.model_to_string() for r in (late, early)]
    was = predictor.hazard.booster.model_to_string()
    assert found[0] == was
    assert found[1] != was


def test_a_row_whose_label_is_purged_still_teaches_its_first_periods(rows, classifier, predictor):
    purged = rows["as_of"].isin([pd.Timestamp(c) for c in PLAN.purged])
    assert purged.any()
    without = fit_hazard(SPEC, FEATURES, rows[~purged], PLAN, classifier)
    assert without.fitting.person_periods < predictor.hazard.fitting.person_periods


def test_without_a_leaving_in_any_fold_it_is_said_that_the_history_is_too_short(rows, classifier):
    with pytest.raises(TooLittleDataError, match="no fold"):
        fit_hazard(SPEC, FEATURES, rows.assign(left_after=np.nan), PLAN, classifier)


def test_where_no_hazard_is_declared_none_is_fitted_and_no_curve_is_given(rows, classifier):
    assert fit_hazard(SPEC.model_copy(update={"hazard": None}), FEATURES, rows, PLAN, classifier) is None
    assert classifier.curves(rows) is None


def test_without_a_renewal_date_the_curve_goes_by_time_alone(rows, classifier):
    others = tuple(f for f in FEATURES if f.name == "subscription_mrr")
    assert renewal_of(others) is None
    assert renewal_of(FEATURES[:1]).billing is None
    names = [f.name for f in others]
    bare = dataclasses.replace(classifier, features=(declaration(names[0]),), categories={})
    hazard = fit_hazard(SPEC, others, rows, PLAN, bare)
    assert hazard.renewal is None
    assert hazard.booster.num_feature() == 3


# ---------------------------------------------------------------- as files


def test_a_stored_hazard_gives_the_same_curves_to_the_bit(rows, predictor, tmp_path):
    predictor.save(tmp_path / "model")
    again = Predictor.load(tmp_path / "model")
    assert (again.curves(rows).force == predictor.curves(rows).force).all()
    assert again.hazard.as_data() == predictor.hazard.as_data()
    assert isinstance(again.hazard.renewal, Renewal)
    again.save(tmp_path / "copy")
    for path in (tmp_path / "model").iterdir():
        assert (tmp_path / "copy" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("wrong", ["altered", "missing", "its sum missing", "unsaid"])
def test_a_hazard_that_is_not_the_stored_one_is_refused(wrong, predictor, tmp_path):
    predictor.save(tmp_path)
    path, sums = tmp_path / HAZARD_FILE, json.loads((tmp_path / SUMS_FILE).read_text("utf-8"))
    if wrong == "altered":
        path.write_text(path.read_text("utf-8").replace("0.", "1.", 1), "utf-8")
    elif wrong == "missing":
        path.unlink()
    else:
        (tmp_path / SUMS_FILE).write_text(json.dumps({k: v for k, v in sums.items() if k != HAZARD_FILE}))
    if wrong == "unsaid":
        path.unlink()
    with pytest.raises(RegistryError, match=r"hazard|incomplete"):
        Predictor.load(tmp_path)


def test_a_model_stored_before_there_were_hazards_still_loads(classifier, rows, tmp_path):
    classifier.save(tmp_path)
    assert "hazard" not in json.loads((tmp_path / MODEL_FILE).read_text("utf-8"))
    assert not (tmp_path / HAZARD_FILE).exists()
    again = Predictor.load(tmp_path)
    assert again.hazard is None
    assert (again.predict(rows) == classifier.predict(rows)).all()


# ---------------------------------------------------------------- declared


def test_the_periods_begin_with_the_gap_and_a_lapse_counts_from_the_windows_first_day():
    periods = SPEC.hazard
    assert periods.edges(SPEC.label)[:4] == (0, 7, 14, 21)
    assert periods.edges(Label(kind="event", gap=0, horizon=30))[:3] == (0, 7, 14)
    assert periods.edges(Label(kind="lapse", gap=7, horizon=30))[:3] == (0, 8, 15)
