"""Registered models as people and other programs meet them: the commands, a file, the page that explains it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnml.adapters import batch
from churnml.adapters.project import open_project
from churnml.adapters.registry import Registry, registry_of
from churnml.modelling.predictor import Calibration, Predictor
from churnml.modelling.record import ModelRecord
from tests.flows.conftest import churnml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "registry.md").read_text("utf-8")
AS_OF = "2024-12-02"


def said(*words: str | Path) -> Any:
    done = churnml(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def record_like(registry: Registry, predictor: Predictor, like: str, **changed: Any) -> str:
    """Another version, whole, with the record of version ``like``."""
    record = registry.record_of("churn", like).as_data() | {
        "promoted": False,
        "against": registry.champion_version("churn"),
    }
    example = pd.DataFrame({name: [np.nan] for name in predictor.feature_names}).astype(
        dict.fromkeys(predictor.categories, "object")
    )
    print_ = f"made by a test {sorted(changed)}"
    changed_record = ModelRecord.read(record | changed | {"fingerprint": print_})
    return registry.record("simulated-company", predictor, example, changed_record, {}, {}, {})


@pytest.fixture(scope="module")
def three(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company with three versions of 'churn': 1, the champion; 2, calibrated otherwise; 3, whose features changed."""
    project = tmp_path_factory.mktemp("three") / "company"
    shutil.copytree(ran, project)
    registry = registry_of(open_project(project))
    if registry.champion_version("churn") is None:
        assert churnml("models", "promote", "churn", "--because", "a test", "--project", project).code == 0
    first = registry.candidate("churn", "1").predictor
    duller = Calibration("sigmoid", slope=0.5, intercept=2.0)
    assert record_like(registry, replace(first, calibration=duller), "1", because="dull") == "2"
    other = replace(first, features=(replace(first.features[0], lookback=999), *first.features[1:]))
    assert record_like(registry, other, "1", because="it looks back further") == "3"
    return project


@pytest.fixture
def project(three: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "company"
    shutil.copytree(three, copy)
    return copy


def champions(project: Path) -> list[str]:
    return [t["version"] for t in said("models", "history", "churn", "--project", project)["champions"]]


def test_a_champion_reads_the_core_events_it_was_trained_with_whatever_is_declared_since(
    project: Path, tmp_path: Path
) -> None:
    ask = ("features", "--champion", "--as-of", AS_OF, "--project", project, "--out")
    assert churnml(*ask, tmp_path / "before.parquet").code == 0
    path = project / "project.yaml"
    path.write_text(re.sub(r"(?m)^core_events: .*$", "core_events: [login]", path.read_text("utf-8")), "utf-8")
    assert churnml(*ask, tmp_path / "after.parquet").code == 0
    before, after = (pd.read_parquet(tmp_path / f"{when}.parquet") for when in ("before", "after"))
    assert before["usage_core_28d"].sum() > 0
    pd.testing.assert_frame_equal(before, after, check_exact=True)
    assert churnml("features", *ask[2:], tmp_path / "new.parquet").code == 0
    new = pd.read_parquet(tmp_path / "new.parquet").merge(before, on=["account_id", "as_of"], suffixes=("", "_was"))
    assert (new["usage_core_28d"] != new["usage_core_28d_was"]).any()


# ---------------------------------------------------------------- by hand


def test_a_version_is_made_champion_by_hand_and_taken_back_with_one_command_and_scores_again(project: Path) -> None:
    def version_scored() -> str:
        return str(said("score", "--project", project, "--no-prefect")["scored_by"]["churn"]["version"])

    assert version_scored() == "1"
    promote = ("models", "promote", "churn", "--version", "2", "--project", project)
    assert churnml(*promote).code == 1  # a reason is asked for
    done = said(*promote, "--because", "the board wants it duller", "--by", "Ada")
    assert (done["version"], done["before"], done["unchecked"]) == ("2", "1", "")
    assert version_scored() == "2"
    text = churnml("models", "history", "churn", "--project", project).out
    assert "by hand, Ada" in text
    assert "the board wants it duller" in text
    assert "it looks back further" in text  # refused, with why
    again = said("models", "rollback", "churn", "--rescore", "--project", project, "--no-prefect")
    assert again["scored_by"]["churn"]["version"] == "1"
    assert champions(project) == ["1", "2", "1"]
    listed = said("models", "list", "--project", project)["churn"]
    assert [v["version"] for v in listed if v["champion"]] == ["1"]
    assert [v["version"] for v in listed if v["challenger"]] == ["3"]


def test_a_version_says_whether_it_is_the_champion_and_what_it_was_made_with(project: Path) -> None:
    found = said("models", "show", "churn", "--project", project)
    assert (found["version"], found["in_office"]) == ("1", True)
    assert set(found["made_with"]) == {"churnml", "lightgbm", "numpy", "pandas", "python"}
    text = churnml("models", "show", "churn", "--version", "2", "--project", project).out
    assert "not the champion; made with churnml" in text


def test_there_is_nothing_to_roll_back_to_before_the_first_champion(project: Path) -> None:
    done = churnml("models", "rollback", "churn", "--project", project)
    assert done.code == 1
    assert "nothing to go back to" in done.err
    done = churnml("models", "rollback", "churn", "--to", "1", "--project", project)
    assert done.code == 1
    assert "champion already" in done.err
    done = churnml("models", "promote", "churn", "--version", "1", "--because", "again", "--project", project)
    assert "nothing was changed" in done.out
    assert champions(project) == ["1"]


def test_a_version_whose_features_the_project_builds_otherwise_is_not_made_champion(project: Path) -> None:
    done = churnml("models", "promote", "churn", "--version", "3", "--because", "why", "--project", project)
    assert done.code == 1
    assert "lookback in days was 999, today it is" in done.err
    assert champions(project) == ["1"]


def test_scoring_refuses_features_that_changed_their_meaning_and_training_does_not_promote_over_them(
    project: Path,
) -> None:
    registry_of(open_project(project)).appoint("churn", "3", "promoted", "by something else", None)
    done = churnml("score", "--project", project, "--no-prefect")
    assert done.code == 1
    assert "champion of 'churn' was trained on other features" in done.err
    assert "lookback in days was 999" in done.err
    found = said("train", "churn", "--again", "--project", project, "--no-prefect")["churn"]
    assert found["promoted"] is False
    assert "trained on other features" in found["because"]
    assert champions(project) == ["1", "3"]


def test_without_its_data_a_project_promotes_by_hand_saying_what_was_not_checked(project: Path) -> None:
    shutil.rmtree(project / "data")
    done = churnml("models", "promote", "churn", "--version", "2", "--because", "why", "--project", project)
    assert done.code == 0, done.err
    assert "could not be held against the project's" in done.out


def test_an_unknown_model_or_version_is_told_with_what_there_is(project: Path) -> None:
    for words in (("history", "chrun"), ("rollback", "chrun"), ("compare", "chrun", "1", "2"), ("show", "chrun")):
        done = churnml("models", *words, "--project", project)
        assert done.code == 1
        assert "Did you mean 'churn'?" in done.err
    done = churnml("models", "compare", "churn", "1", "77", "--project", project)
    assert done.code == 1
    assert "'77'" in done.err


# ---------------------------------------------------------------- compare


def test_two_versions_are_compared_on_the_rows_that_judged_and_the_figures_are_the_recorded_ones(project: Path) -> None:
    found = said("models", "compare", "churn", "1", "2", "--project", project)
    recorded = registry_of(open_project(project)).record_of("churn", "1").as_data()
    assert found["measured"] is True
    assert (found["cutoff"], found["rows"], found["positives"]) == tuple(
        recorded[key] for key in ("cutoff", "rows", "positives")
    )
    for name in ("roc_auc", "log_loss"):
        assert found["figures"]["1"][name]["value"] == pytest.approx(recorded["figures"]["model"][name]["value"])
    # only the probabilities differ, not their order
    assert found["ahead"]["roc_auc"]["value"] == pytest.approx(0)
    assert found["ahead"]["log_loss"]["high"] < 0
    text = churnml("models", "compare", "churn", "1", "2", "--project", project).out
    assert "measured on the same rows" in text
    assert "2 ahead by" in text


def test_a_comparison_with_one_that_has_seen_the_rows_is_called_unfair(project: Path) -> None:
    registry = registry_of(open_project(project))
    first = registry.candidate("churn", "1").predictor
    late = replace(first.manifest, trained_on=(*first.manifest.trained_on, first.manifest.judged_at))
    assert record_like(registry, replace(first, manifest=late), "1", because="late") == "4"
    found = said("models", "compare", "churn", "1", "4", "--project", project)
    assert any("has seen some of the answers" in warning for warning in found["warnings"])
    assert not any("version 1" in w and "seen" in w for w in found["warnings"])


def test_without_the_data_the_recorded_figures_stand_side_by_side_and_say_so(project: Path) -> None:
    shutil.rmtree(project / "data")
    found = said("models", "compare", "churn", "1", "2", "--project", project)
    assert found["measured"] is False
    assert found["why_not"]
    assert set(found["figures"]) == {"1", "2"}
    assert (
        "as recorded when each was judged" in churnml("models", "compare", "churn", "1", "2", "--project", project).out
    )


# ---------------------------------------------------------------- a file of features


@pytest.fixture(scope="module")
def features(three: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("features") / "features.parquet"
    assert churnml("features", "--champion", "--as-of", AS_OF, "--out", out, "--project", three).code == 0
    return out


def score_file(three: Path, source: Path, out: Path, *words: str) -> Any:
    return churnml("score", "--input", source, "--out", out, "--project", three, *words)


def test_a_file_is_scored_as_the_model_itself_scores_it_however_it_is_cut(
    three: Path, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "ROWS", 7)
    out = tmp_path / "scores.parquet"
    # a folder of two files, with a column that is nobody's business
    whole = pd.read_parquet(features).assign(other="x")
    (tmp_path / "in").mkdir()
    whole.iloc[:50].to_parquet(tmp_path / "in" / "part-0.parquet")
    whole.iloc[50:].to_parquet(tmp_path / "in" / "part-1.parquet")
    done = score_file(three, tmp_path / "in", out, "--reasons")
    assert done.code == 0, done.err
    scored = pd.read_parquet(out)
    assert list(scored.columns) == ["account_id", "as_of", "probability", "model", "version", "reasons"]
    predictor = registry_of(open_project(three)).version("churn").predictor
    np.testing.assert_array_equal(scored["probability"], predictor.predict(whole))
    assert list(scored["account_id"]) == list(whole["account_id"])
    assert set(scored["version"]) == {"1"}
    sentences = [reason["sentence"] for reasons in scored["reasons"] for reason in reasons]
    assert sentences
    assert all(sentences)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_a_file_is_scored_as_the_project_scores_the_date(project: Path, features: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    assert score_file(project, features, out, "--reasons").code == 0
    said("score", "--project", project, "--no-prefect", "--as-of", AS_OF)
    scored = pd.read_parquet(out).set_index("account_id")
    with_reasons = scored.index[scored["reasons"].map(len) > 0]
    for account in [*scored.index[:2], *with_reasons[:2]]:
        told = said("explain", account, "--project", project, "--as-of", AS_OF)
        assert told["churn_probability"] == pytest.approx(scored["probability"][account], abs=1e-6)
        if account in with_reasons:
            # a day's list puts first what is particular to an account on it; a file knows no list
            in_file = {reason["code"]: reason["sentence"] for reason in scored["reasons"][account]}
            on_list = {reason["code"]: reason["sentence"] for reason in told["reasons"]}
            both = in_file.keys() & on_list.keys()
            assert both
            assert {code: in_file[code] for code in both} == {code: on_list[code] for code in both}


def test_a_file_is_scored_without_a_project(three: Path, features: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{three / '.churnml' / 'mlflow.db'}"
    out = tmp_path / "scores.parquet"
    found = said("score", "--input", features, "--out", out, "--registry", uri, "--version", "2", "--project", tmp_path)
    assert (found["rows"], found["version"]) == (pq.read_metadata(out).num_rows, "2")


WRONG = {
    "missing": (lambda f, n: f.rename(columns={n: n + "x"}), "the nearest|Did you mean"),
    "text": (lambda f, n: f.assign(**{n: "many"}), "trained on numbers"),
    "dates": (lambda f, n: f.assign(**{n: pd.Timestamp("2024-01-01")}), "trained on numbers"),
    "nobody's": (lambda f, n: f.drop(columns=["account_id", "as_of"]), "--id"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_does_not_fit_is_refused_by_name_and_nothing_is_written(
    kind: str, three: Path, features: Path, tmp_path: Path
) -> None:
    spoil, remedy = WRONG[kind]
    name = "usage_active_days_28d"
    spoil(pd.read_parquet(features), name).to_parquet(tmp_path / "in.parquet")
    done = score_file(three, tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert done.code == 1, done.out
    assert re.search(remedy, done.err)
    assert kind == "nobody's" or f"'{name}'" in done.err
    assert not (tmp_path / "out.parquet").exists()


def test_the_ways_to_name_a_file_wrongly_are_told(three: Path, features: Path, tmp_path: Path) -> None:
    (tmp_path / "no.parquet").write_text("no")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "one.parquet")
    for source, out, words in (
        (tmp_path / "gone.parquet", "out.parquet", "not there"),
        (tmp_path / "no.parquet", "out.parquet", "not a Parquet file"),
        (tmp_path / "one.parquet", "out.parquet", "lack"),
        (features, "out.csv", ".parquet file"),
    ):
        done = score_file(three, source, tmp_path / out)
        assert done.code == 1
        assert words in done.err
    done = score_file(three, features, features)
    assert done.code == 1
    assert "of its own" in done.err
    assert churnml("score", "--input", features, "--project", three).code == 1
    assert churnml("score", "--out", tmp_path / "x.parquet", "--project", three).code == 1
    done = score_file(three, features, tmp_path / "x.parquet", "--id", "acount_id")
    assert done.code == 1
    assert "Did you mean 'account_id'?" in done.err


# ---------------------------------------------------------------- the page


@pytest.fixture
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of another program, in the folder of the project."""
    monkeypatch.chdir(project)
    # another program knows nothing of what this process told MLflow
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return clean | {"MLFLOW_TRACKING_URI": f"sqlite:///{project / '.churnml' / 'mlflow.db'}"}


def test_what_the_page_for_other_programs_shows_works_as_it_stands(inside: dict[str, str]) -> None:
    commands = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert len(commands) >= 6
    for command in commands:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)]
        assert words[0] == "churnml"
        done = churnml(*words[1:])
        assert done.code == 0, f"{command}: {done.err}"
    python = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", python], capture_output=True, text=True, env=inside)
    assert done.returncode == 0, done.stderr
    assert "mean" in done.stdout
    scored = pd.read_parquet("scores.parquet")
    assert f"{scored['probability'].mean():.6f}" in done.stdout
