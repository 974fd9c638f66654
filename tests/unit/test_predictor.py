"""A model as data: the same before and after it is stored, refused when it was altered."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from churnml.errors import RegistryError
from churnml.modelling.agreement import differences
from churnml.modelling.predictor import Calibration, Predictor, PyfuncModel, encode
from churnml.modelling.stored import BOOSTER_FILE, MODEL_FILE, SUMS_FILE
from tests.support import day, declaration, manifest

CATEGORIES = {"plan": ("scale", "team")}
FEATURES = (declaration("usage_events_28d"), declaration("plan"), declaration('usage "quoted", 日本語'))


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    n = 400
    return pd.DataFrame({
        "usage_events_28d": rng.poisson(5, n).astype(float), "plan": rng.choice(["team", "scale", None], n),
        FEATURES[2].name: np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
    })  # fmt: skip


@pytest.fixture(scope="module")
def predictor(frame):
    y = (frame["usage_events_28d"] + 3 * (frame["plan"] == "team") < 5).astype(float)
    data = lgb.Dataset(encode(frame, [f.name for f in FEATURES], CATEGORIES), y, categorical_feature=[1])
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 1}, data, 20)
    return Predictor(
        booster=lgb.Booster(model_str=booster.model_to_string()),
        features=FEATURES,
        categories=CATEGORIES,
        calibration=Calibration("sigmoid", slope=0.8, intercept=-0.1),
        base_rate=float(y.mean()),
        reference={"usage_events_28d": [float(v) for v in range(101)]},
        manifest=manifest(means="日本語", trained_on=(day("2024-01-01"), day("2024-01-29"))),
    )


def test_a_stored_model_predicts_the_same_to_the_bit(predictor, frame, tmp_path):
    predictor.save(tmp_path / "model")
    again = Predictor.load(tmp_path / "model")
    assert (again.predict(frame) == predictor.predict(frame)).all()
    assert (again.contributions(frame) == predictor.contributions(frame)).all()
    assert again.feature_names == predictor.feature_names
    assert again.manifest == predictor.manifest
    assert again.features == predictor.features
    assert dict(again.categories) == dict(predictor.categories)
    assert again.base_rate == predictor.base_rate
    again.save(tmp_path / "copy")
    for name in (BOOSTER_FILE, MODEL_FILE, SUMS_FILE):
        assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


@pytest.mark.parametrize("name", [BOOSTER_FILE, MODEL_FILE])
def test_an_altered_file_is_refused_and_named(name, predictor, tmp_path):
    predictor.save(tmp_path)
    path = tmp_path / name
    path.write_text(path.read_text("utf-8").replace("0.", "1.", 1), "utf-8")
    with pytest.raises(RegistryError, match=name):
        Predictor.load(tmp_path)


@pytest.mark.parametrize("name", [BOOSTER_FILE, MODEL_FILE, SUMS_FILE])
def test_a_missing_file_is_refused(name, predictor, tmp_path):
    predictor.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(RegistryError, match=r"incomplete|altered"):
        Predictor.load(tmp_path)


def test_sums_that_are_no_sums_are_refused(predictor, tmp_path):
    predictor.save(tmp_path)
    for said in ("{}", "not json", "[]"):
        (tmp_path / SUMS_FILE).write_text(said)
        with pytest.raises(RegistryError):
            Predictor.load(tmp_path)


def test_a_stored_model_is_text_and_json_and_nothing_else(predictor, tmp_path):
    predictor.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {BOOSTER_FILE, MODEL_FILE, SUMS_FILE}
    json.loads((tmp_path / MODEL_FILE).read_text("utf-8"))
    (tmp_path / BOOSTER_FILE).read_text("utf-8")


def test_a_link_out_of_the_folder_or_a_file_beyond_any_model_is_refused(predictor, tmp_path, monkeypatch):
    predictor.save(tmp_path / "model")
    predictor.save(tmp_path / "other")
    (tmp_path / "model" / BOOSTER_FILE).unlink()
    (tmp_path / "model" / BOOSTER_FILE).symlink_to(tmp_path / "other" / BOOSTER_FILE)
    with pytest.raises(RegistryError, match="incomplete") as refused:
        Predictor.load(tmp_path / "model")
    assert "plain file" in refused.value.remedy
    monkeypatch.setattr("churnml.modelling.stored.LARGEST_FILE", 100)
    with pytest.raises(RegistryError, match="incomplete") as refused:
        Predictor.load(tmp_path / "other")
    assert "larger than" in refused.value.remedy


def stored_again(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The model in ``folder`` with its file changed, and the sum that belongs to it."""
    stored = json.loads((folder / MODEL_FILE).read_text("utf-8"))
    change(stored)
    text = json.dumps(stored)
    (folder / MODEL_FILE).write_text(text, "utf-8")
    sums = json.loads((folder / SUMS_FILE).read_text("utf-8"))
    sums[MODEL_FILE] = hashlib.sha256(text.encode()).hexdigest()
    (folder / SUMS_FILE).write_text(json.dumps(sums), "utf-8")
    return folder


def test_a_model_of_another_form_is_refused_with_what_to_do(predictor, tmp_path):
    predictor.save(tmp_path)
    with pytest.raises(RegistryError, match="another version of churnml"):
        Predictor.load(stored_again(tmp_path, lambda stored: stored.update(format=1)))


def test_a_model_of_before_features_and_manifests_said_all_they_say_today_is_still_read(predictor, frame, tmp_path):
    def older(stored: dict[str, Any]) -> None:
        for feature in stored["features"]:
            for key in ("before", "grain", "made_of", "measure", "only", "placed", "rows", "when_absent"):
                del feature[key]
        del stored["about"]["wish"]["core_events"]
        del stored["about"]["currency"]
        stored["about"]["a_word_of_a_later_version"] = 1

    predictor.save(tmp_path)
    again = Predictor.load(stored_again(tmp_path, older))
    assert (again.predict(frame) == predictor.predict(frame)).all()
    assert again.manifest == predictor.manifest
    assert differences(again.features, {feature.name: feature for feature in predictor.features}) == []


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("usage_events_28d", "many", "text, 'many' for one"),
        ("usage_events_28d", pd.Timestamp("2024-01-01"), "dates"),
        ("usage_events_28d", ["1"], "mixed|text"),
        ("plan", 3, "numbers"),
        ("plan", 3.5, "numbers"),
        ("plan", True, "yes and no|numbers"),
    ],
)
def test_a_column_of_the_wrong_kind_is_named_with_what_it_holds(predictor, frame, name, values, told):
    with pytest.raises(RegistryError) as refused:
        predictor.predict(frame.assign(**{name: values if not isinstance(values, list) else values * len(frame)}))
    assert f"'{name}'" in refused.value.what
    assert re.search(told, refused.value.what)


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32", "Int64", "object", "boolean"])
def test_a_number_may_come_in_any_form_of_number(dtype, predictor, frame):
    few = frame.head(50).assign(usage_events_28d=[0, 1] * 25)
    assert (predictor.predict(few.astype({"usage_events_28d": dtype})) == predictor.predict(few)).all()


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_a_name_may_come_in_any_form_of_text(dtype, predictor, frame):
    assert (predictor.predict(frame.astype({"plan": dtype})) == predictor.predict(frame)).all()


def test_columns_of_which_nothing_is_known_are_of_no_kind(predictor, frame):
    for unknown in (None, np.nan, pd.NA):
        nothing = frame.assign(usage_events_28d=unknown, plan=unknown)
        assert np.isfinite(predictor.predict(nothing)).all()


def test_a_missing_feature_is_named_with_the_nearest_column(predictor, frame):
    with pytest.raises(RegistryError) as refused:
        predictor.predict(frame.rename(columns={"usage_events_28d": "usage_event_28d"}))
    assert "'usage_events_28d'" in refused.value.what
    assert "'usage_event_28d'" in refused.value.remedy


def test_a_category_unseen_in_training_counts_as_missing(predictor, frame):
    unseen = predictor.predict(frame.assign(plan="enterprise"))
    missing = predictor.predict(frame.assign(plan=None))
    assert (unseen == missing).all()
    assert (predictor.predict(frame.assign(plan="team")) != missing).any()


def test_columns_may_come_in_any_order_and_with_others(predictor, frame):
    turned = frame[frame.columns[::-1]].assign(other="x")
    assert (predictor.predict(turned) == predictor.predict(frame)).all()


def test_probabilities_lie_strictly_between_zero_and_one_and_rise_with_the_log_odds(predictor):
    for calibration in (
        Calibration("sigmoid", slope=5.0),
        Calibration("isotonic", x=[-1.0, 1.0], y=[0.0, 1.0]),
    ):
        model = Predictor(**(predictor.__dict__ | {"calibration": calibration}))
        found = model.calibrated(np.array([-100.0, -1.0, 0.0, 1.0, 100.0]))
        assert ((found > 0) & (found < 1)).all()
        assert (np.diff(found) >= 0).all()
        assert found[2] == pytest.approx(0.5)


def test_contributions_add_up_to_the_calibrated_log_odds(predictor, frame):
    found = predictor.contributions(frame)
    p = predictor.predict(frame)
    rest = np.log(p / (1 - p)) - found.sum(axis=1)
    assert found.shape == (len(frame), len(FEATURES))
    assert np.allclose(rest, rest[0])


def test_no_rows_give_no_probabilities(predictor, frame):
    assert predictor.predict(frame.iloc[:0]).shape == (0,)


def test_the_loaded_mlflow_model_gives_one_probability_a_row_on_the_rows_index(predictor, frame):
    some = frame.iloc[[5, 3, 9]]
    found = PyfuncModel(predictor).predict(some)
    assert list(found.columns) == ["probability"]
    assert list(found.index) == [5, 3, 9]
