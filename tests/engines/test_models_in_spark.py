"""A registered model as Spark's own function: the same probabilities as everywhere else, or a clear refusal."""

from __future__ import annotations

import datetime as dt
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from churnml.adapters.registry import open_registry
from churnml.modelling.predictor import Calibration, Predictor, encode
from churnml.modelling.record import ModelRecord
from tests.support import declaration, manifest

RECORD = json.loads((Path(__file__).parents[1] / "unit" / "records" / "version_1.json").read_text("utf-8"))
CATEGORIES = {"plan": ("scale", "team")}
NAMES = ("events", "plan", "Ärger, \"quoted\"")  # fmt: skip
PAGE = (Path(__file__).parents[2] / "docs" / "registry.md").read_text("utf-8")


def rows(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({
        "account_id": [f"a{i}" for i in range(n)],
        NAMES[0]: np.where(rng.random(n) < 0.1, np.nan, rng.poisson(5, n).astype(float)),
        NAMES[1]: rng.choice(["team", "scale", "unseen", None], n),
        NAMES[2]: rng.normal(size=n),
    })  # fmt: skip


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("registry")
    frame = rows(400)
    y = (frame["events"].fillna(9) + 3 * (frame["plan"] == "team") + frame[NAMES[2]] < 6).astype(float)
    data = lgb.Dataset(encode(frame, NAMES, CATEGORIES), y, categorical_feature=[1])
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 1}, data, 20)
    predictor = Predictor(
        booster=lgb.Booster(model_str=booster.model_to_string()),
        features=tuple(declaration(name) for name in NAMES),
        categories=CATEGORIES,
        calibration=Calibration("sigmoid", slope=0.8, intercept=-0.1),
        base_rate=float(y.mean()),
        reference={},
        manifest=manifest("churn"),
    )
    url = f"sqlite:///{folder / 'mlflow.db'}"
    registry = open_registry(url, folder / "mlartifacts", lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    changes = {"fingerprint": "f", "promoted": True, "because": "a test", "against": None}
    registry.record("tiny", predictor, frame[list(NAMES)].head(3), ModelRecord.read(RECORD | changes), {}, {}, {})
    return url


@pytest.fixture
def session(spark: None, uri: str) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    # told by the environment: what is set within MLflow would stay set for the other tests of this process
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MLflow and Spark say to each other
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_REGISTRY_URI", uri)
        yield SparkSession.builder.getOrCreate()


def test_spark_says_what_pyfunc_and_a_scored_file_say(session: Any, uri: str, tmp_path: Path) -> None:
    import mlflow

    from churnml.adapters.batch import Job, score_file

    frame = rows(1000)
    path = tmp_path / "features.parquet"
    frame.to_parquet(path)
    known = {"spark": session}
    # the page's own lines, but that Spark was not started in this folder
    lines = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    exec(lines.replace("features.parquet", str(path)), known)  # noqa: S102
    told = known["scored"].toPandas().set_index("account_id")["probability"].reindex(frame["account_id"])
    here = mlflow.pyfunc.load_model("models:/churn@champion").predict(frame)["probability"]
    np.testing.assert_allclose(told.to_numpy(), here.to_numpy(), rtol=0, atol=1e-12)
    found = open_registry(uri, None).version("churn")
    out = tmp_path / "out.parquet"
    score_file(Job(found.predictor, found.version), path, out, lambda _: None)
    np.testing.assert_allclose(pd.read_parquet(out)["probability"], here, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["missing", "text"])
def test_rows_that_do_not_fit_are_refused_by_the_columns_name(session: Any, tmp_path: Path, kind: str) -> None:
    import mlflow
    from pyspark.sql.functions import struct

    frame = rows(10)
    frame = frame.drop(columns="events") if kind == "missing" else frame.assign(events="many")
    frame.to_parquet(tmp_path / "features.parquet")
    score = mlflow.pyfunc.spark_udf(session, "models:/churn@champion", env_manager="local")
    given = session.read.parquet(str(tmp_path / "features.parquet"))
    with pytest.raises(Exception, match="events"):
        given.select(score(struct(*given.columns))).collect()
    with pytest.raises(mlflow.MlflowException, match="events"):
        mlflow.pyfunc.load_model("models:/churn@champion").predict(frame)
