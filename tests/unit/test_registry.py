"""The registry keeps its promises: whole versions only, one history, checksums, and death at any moment."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from churnml.adapters.registry import Registry, open_registry
from churnml.adapters.registry.registered import EVENT_TAG, MODEL_FOLDER
from churnml.errors import RegistryError, UnknownNameError
from churnml.modelling.predictor import Calibration, Predictor
from churnml.modelling.record import ModelRecord
from tests.support import declaration, manifest

RECORD = json.loads((Path(__file__).parent / "records" / "version_1.json").read_text("utf-8"))
FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 20})


def model(seed: int) -> Predictor:
    y = (FRAME["a"].to_numpy() + np.random.default_rng(seed).normal(size=len(FRAME)) > 1.5).astype(float)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
    booster = lgb.train(settings, lgb.Dataset(FRAME.to_numpy(), y), 3)
    return Predictor(
        booster=lgb.Booster(model_str=booster.model_to_string()),
        features=(declaration("a"),),
        categories={},
        calibration=Calibration("sigmoid", intercept=float(seed)),
        base_rate=0.5,
        reference={},
        manifest=manifest("churn"),
    )


def clock() -> Callable[[], dt.datetime]:
    minutes = itertools.count()
    return lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=next(minutes))


def opened(folder: Path, artifacts: Path | None = None) -> Registry:
    return open_registry(f"sqlite:///{folder / 'mlflow.db'}", artifacts or folder / "mlartifacts", clock())


def recorded(registry: Registry, seed: int, promoted: bool = True, against: str | None = None) -> str:
    changes = {"fingerprint": f"print {seed}", "promoted": promoted, "because": f"reason {seed}", "against": against}
    record = ModelRecord.read(RECORD | changes)
    return registry.record("tiny", model(seed), FRAME.head(2), record, {}, {"auc": 0.7}, {"note.txt": "n"})


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one version, champion; never to be changed."""
    folder = tmp_path_factory.mktemp("registry")
    registry = opened(folder)
    recorded(registry, 1)
    return folder


@pytest.fixture
def registry(first: Path, tmp_path: Path) -> Registry:
    """A copy of it; artifacts of further versions lie beside those of the first."""
    shutil.copy(first / "mlflow.db", tmp_path / "mlflow.db")
    return opened(tmp_path, first / "mlartifacts")


# ---------------------------------------------------------------- history


def test_history_says_who_was_champion_when_and_why_and_who_was_refused(registry: Registry) -> None:
    recorded(registry, 2, promoted=False, against="1")
    recorded(registry, 3, promoted=True, against="1")
    registry.appoint("churn", "2", "promoted", "the board wants it", "Ada")
    registry.appoint("churn", "3", "rolled back", "they saw it", None)
    history = registry.history("churn")
    assert [(t.version, t.why, t.how, t.by, t.is_champion) for t in history.champions] == [
        ("1", "reason 1", "verdict", None, False),
        ("3", "reason 3", "verdict", None, False),
        ("2", "the board wants it", "by hand", "Ada", False),
        ("3", "they saw it", "by hand", None, True),
    ]
    ends = [(t.since, t.until) for t in history.champions]
    assert all(until == since for (_, until), (since, _) in itertools.pairwise(ends))
    assert [(e.version, e.why) for e in history.refused] == [("2", "reason 2")]
    assert [t["in_office"] for t in json.loads(json.dumps(history.as_data()))["champions"]] == [
        False,
        False,
        False,
        True,
    ]


def test_what_was_decided_is_only_ever_added_to(registry: Registry) -> None:
    def tags() -> dict[str, str]:
        kept = registry.client.get_registered_model("churn").tags
        return {key: value for key, value in kept.items() if key.startswith(EVENT_TAG)}

    before = tags()
    recorded(registry, 2, promoted=False, against="1")
    registry.appoint("churn", "2", "promoted", "x" * 9000, "Ada")
    after = tags()
    assert before.items() < after.items()
    # as much as a registry on PostgreSQL takes
    assert all(len(value) < 5000 for value in after.values())


def test_an_alias_moved_in_mlflow_itself_is_seen_and_does_not_lose_the_rest(registry: Registry) -> None:
    recorded(registry, 2, promoted=False, against="1")
    registry.client.set_registered_model_alias("churn", "champion", "2")
    tenures = [(t.version, t.how, t.is_champion) for t in registry.history("churn").champions]
    assert tenures == [("1", "verdict", False), ("2", "found as champion", True)]
    assert registry.previous("churn") == "1"


def test_a_champion_that_is_gone_is_told_by_its_number_and_none_is_no_error(registry: Registry) -> None:
    assert registry.champion("upsell") is None
    recorded(registry, 2, promoted=True, against="1")
    registry.client.delete_model_version("churn", "2")  # which takes the alias along
    with pytest.raises(RegistryError, match="Version 2 of model 'churn' is not in the registry any more"):
        registry.champion("churn")
    assert [version.version for version in registry.versions("churn")] == ["1"]
    registry.appoint("churn", "1", "promoted", "the other is gone", "Ada")
    champion = registry.champion("churn")
    assert champion is not None
    assert champion.version == "1"
    registry.client.delete_registered_model_alias("churn", "champion")  # somebody wants none: the versions are there
    assert registry.champion("churn") is None


def test_the_alias_challenger_names_the_newest_version_that_never_was_champion(registry: Registry) -> None:
    def challenger() -> list[str]:
        return [v.version for v in registry.versions("churn") if v.challenger]

    assert challenger() == []
    recorded(registry, 2, promoted=False, against="1")
    assert challenger() == ["2"]
    recorded(registry, 3, promoted=False, against="1")
    assert challenger() == ["3"]
    registry.appoint("churn", "3", "promoted", "why", None)
    assert challenger() == ["2"]
    registry.appoint("churn", "2", "promoted", "why", None)
    assert challenger() == []


def test_a_challenger_judged_against_somebody_who_left_meanwhile_is_not_promoted(registry: Registry) -> None:
    recorded(registry, 2, promoted=False, against="1")
    registry.appoint("churn", "2", "promoted", "why", None)
    recorded(registry, 3, promoted=True, against="1")
    assert registry.champion_version("churn") == "2"
    assert "became champion while this one was judged" in registry.history("churn").refused[-1].why


def test_what_is_not_there_is_told_with_what_is(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'1'"):
        registry.candidate("churn", "7")
    with pytest.raises(RegistryError, match="There was no champion of 'churn' before"):
        registry.previous("churn")
    with pytest.raises(RegistryError, match="No version of model 'churn' has the alias 'challenger'"):
        registry.version("churn", alias="challenger")
    for asking in (registry.history, registry.previous, registry.version):
        with pytest.raises(RegistryError):
            asking("upsell")
    with pytest.raises(RegistryError, match="trained yet"):
        registry.history("upsell")


def test_mlflows_own_settings_are_left_as_they_were(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////tmp/somebody_elses.db")
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    registry.versions("churn")
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri()) == before
    # the environment too, for processes started from here
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:////tmp/somebody_elses.db"
    assert "MLFLOW_REGISTRY_URI" not in os.environ
    # and a program that says where its models are finds them there, not where we last looked
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    assert mlflow.get_registry_uri() == registry.uri


# ---------------------------------------------------------------- altered artifacts


def test_an_artifact_altered_with_its_own_checksums_is_refused_too(first: Path, registry: Registry) -> None:
    known = set((first / "mlartifacts").rglob(MODEL_FOLDER))
    recorded(registry, 2, promoted=True, against="1")
    (folder,) = set((first / "mlartifacts").rglob(MODEL_FOLDER)) - known
    other = model(3)
    other.save(folder)
    assert Predictor.load(folder).calibration == other.calibration  # whole in itself
    with pytest.raises(RegistryError, match="its checksums with it"):
        registry.champion("churn")


def test_an_alias_on_a_version_that_is_not_whole_is_refused(registry: Registry) -> None:
    registry.client.create_model_version("churn", "file:///nowhere")
    registry.client.set_registered_model_alias("churn", "champion", "2")
    with pytest.raises(RegistryError, match="not registered whole"):
        registry.champion("churn")
    assert [v.version for v in registry.versions("churn")] == ["1"]


# ---------------------------------------------------------------- death


class KilledError(BaseException):
    """As by ``kill -9``: nothing of this process writes any more."""


class Death:
    """Kills before the nth thing that is written anywhere in MLflow: a row or a file."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Versions
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Runs

        self.left: int | None = None
        self.passed: list[str] = []
        writes = ("create_", "log_", "set_", "delete_", "update_", "finalize_", "record_", "rename_", "transition_")
        for owner in (Runs, Versions, LocalArtifactRepository):
            for name in [n for n in dir(owner) if n.startswith(writes) and callable(getattr(owner, n))]:
                patch.setattr(owner, name, self._counted(name, getattr(owner, name)))

    def _counted(self, name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            if self.left is not None:
                if self.left == 0:
                    raise KilledError(name)
                self.left -= 1
            self.passed.append(name)
            return write(*given, **named)

        return counted


@pytest.fixture
def death() -> Iterator[Death]:
    import mlflow

    with pytest.MonkeyPatch.context() as patch:
        yield Death(patch)
    while mlflow.active_run():
        mlflow.end_run()


def test_killed_at_any_write_no_half_version_is_used_and_the_next_run_goes_through(
    first: Path, tmp_path: Path, death: Death
) -> None:
    import mlflow

    expected, moments = model(2).calibration, 0
    while True:
        folder = tmp_path / str(moments)
        folder.mkdir()
        shutil.copy(first / "mlflow.db", folder / "mlflow.db")
        registry = opened(folder, first / "mlartifacts")
        death.left, death.passed = moments, []
        try:
            recorded(registry, 2, promoted=True, against="1")
            survived, whole = True, death.passed
        except KilledError:
            survived = False
        at = f"killed after {death.passed}"
        death.left = None
        while mlflow.active_run():  # what a dead process would not have done
            mlflow.tracking.fluent._active_run_stack.get().pop()

        registry = opened(folder, first / "mlartifacts")
        listed = [v.version for v in registry.versions("churn")]
        champion = registry.champion("churn")
        assert champion is not None, at
        assert champion.version in listed, at
        assert [registry.candidate("churn", version).version for version in listed] == listed, at

        registry.mend("tiny", "churn")
        if registry.find("churn", "print 2") is None:
            recorded(registry, 2, promoted=True, against="1")
        champion = registry.champion("churn")
        assert champion is not None
        assert champion.predictor.calibration == expected, at
        champions = [(t.version, t.why) for t in registry.history("churn").champions]
        assert champions == [("1", "reason 1"), (champion.version, "reason 2")], at
        left = registry.client.search_runs(
            [registry.client.get_experiment_by_name("tiny/churn").experiment_id],
            "attributes.status = 'RUNNING'",
        )
        assert not left, at
        if survived:
            break
        moments += 1
    # that every kind of write was counted, down to the alias and the note of it
    assert {"create_run", "log_artifacts", "create_model_version", "set_registered_model_alias"} <= set(whole)
    assert moments == len(whole)


def test_a_runs_figures_are_its_models_too_and_no_history_of_a_figure_is_asked_for(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    asked: list[str] = []
    monkeypatch.setattr(mlflow.MlflowClient, "get_metric_history", lambda _, run, key: asked.append(key) or [])
    version = registry.client.get_model_version("churn", recorded(registry, 2, promoted=True, against="1"))
    assert registry.client.get_run(version.run_id).data.metrics == {"auc": 0.7}
    logged = registry.client.get_logged_model(version.source.removeprefix("models:/"))
    assert [(figure.key, figure.value, figure.run_id) for figure in logged.metrics] == [("auc", 0.7, version.run_id)]
    assert asked == [], "a question for each of some 350 figures, to a server each of them a way there and back"


def test_a_clock_set_back_does_not_turn_the_history_round(registry: Registry) -> None:
    recorded(registry, 2, promoted=True, against="1")
    registry.now = lambda: dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    registry.appoint("churn", "1", "rolled back", "why", None)
    assert [t.version for t in registry.history("churn").champions] == ["1", "2", "1"]


def test_a_version_left_half_done_is_marked_and_never_promoted_by_a_later_run(registry: Registry) -> None:
    registry.client.create_model_version("churn", "file:///nowhere")
    registry.mend("tiny", "churn")
    assert "churnml.unfinished" in registry.client.get_model_version("churn", "2").tags
    assert registry.champion_version("churn") == "1"
    assert recorded(registry, 3, promoted=True, against="1") == "3"
    assert registry.champion_version("churn") == "3"


def test_a_version_taken_back_stays_taken_back_when_nothing_has_changed(registry: Registry) -> None:
    recorded(registry, 2, promoted=True, against="1")
    registry.appoint("churn", "1", "rolled back", "why", None)
    registry.mend("tiny", "churn")
    assert registry.champion_version("churn") == "1"


def test_a_registry_whose_making_was_killed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from churnml.adapters.registry import client as room

    make = room.SqlAlchemyStore

    def dying(uri: str, artifacts: str) -> None:
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"half")
        raise KilledError

    monkeypatch.setattr(room, "SqlAlchemyStore", dying)
    with pytest.raises(KilledError):
        opened(tmp_path)
    assert not (tmp_path / "mlflow.db").exists()
    monkeypatch.setattr(room, "SqlAlchemyStore", make)
    assert opened(tmp_path).versions("churn") == []
