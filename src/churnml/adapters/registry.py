"""The model registry: the only room that knows MLflow.

Every training run is logged whole; the version is registered before, and the alias moved after, all
else has succeeded, so a run that is killed leaves no champion half in office.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# before MLflow is imported: nothing phones home, nothing draws bars over our progress
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)

with warnings.catch_warnings():
    # MLflow warns of its own type hints on import; that is not for our users to mend
    warnings.simplefilter("ignore")
    import mlflow
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

import pandas as pd  # noqa: E402

import churnml  # noqa: E402
from churnml.adapters.project import Project  # noqa: E402
from churnml.errors import ProjectError, RegistryError, UnknownNameError  # noqa: E402
from churnml.modelling.predictor import Predictor  # noqa: E402

CHAMPION = "champion"
CHALLENGER = "challenger"
RECORD_FILE = "record.json"
FINGERPRINT_TAG = "churnml.fingerprint"
VERDICT_TAG = "churnml.verdict"
MODEL_FOLDER = "churnml_model"


@dataclass(frozen=True)
class Registered:
    """A model version: its number, the model, and the record of the run that made it."""

    version: str
    predictor: Predictor
    record: Mapping[str, Any]


class Registry:
    """An opened registry; see :func:`open_registry`."""

    def __init__(self, uri: str, artifacts: Path | None) -> None:
        self._client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._uri, self._artifacts = uri, artifacts

    def champion(self, name: str) -> Registered | None:
        """The champion of model ``name``, or None; raises RegistryError when it cannot be read."""
        version = self._version_with(name, CHAMPION)
        return None if version is None else self._registered(version)

    def newest(self, name: str) -> Registered | None:
        """The newest version that was recorded whole, promoted or not."""
        versions = [v for v in self._versions(name) if FINGERPRINT_TAG in v.tags]
        return self._registered(versions[0]) if versions else None

    def find(self, name: str, fingerprint: str) -> Mapping[str, Any] | None:
        """The record of the version made from exactly these data and declarations, or None."""
        for version in self._versions(name):
            if version.tags.get(FINGERPRINT_TAG) == fingerprint:
                return self._record(version)
        return None

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Every recorded version, newest first: ``version, champion, verdict, created``."""
        champion = self._version_with(name, CHAMPION)
        return [
            {
                "version": str(v.version),
                "champion": champion is not None and v.version == champion.version,
                "verdict": v.tags.get(VERDICT_TAG, ""),
                "created": dt.datetime.fromtimestamp(v.creation_timestamp / 1000, dt.UTC).isoformat(timespec="seconds"),
            }
            for v in self._versions(name)
            if FINGERPRINT_TAG in v.tags
        ]

    def record_of(self, name: str, version: str | None) -> Mapping[str, Any]:
        """The record of a version; of the champion, else the newest, when None."""
        if version is None:
            champion = self._version_with(name, CHAMPION)
            return self._record(champion or self._one(name, None))
        return self._record(self._one(name, version))

    def verdict(self, name: str, version: str) -> str:
        """What the verdict on a version was, in words."""
        return str(self._one(name, version).tags.get(VERDICT_TAG, "not recorded"))

    def promote(self, name: str, version: str | None) -> str:
        """Makes a version (the newest when None) champion; returns it."""
        chosen = self._one(name, version)
        with _quietly(self._uri):
            self._client.set_registered_model_alias(name, CHAMPION, chosen.version)
            self._client.set_model_version_tag(name, str(chosen.version), "churnml.promoted", "by hand")
        return str(chosen.version)

    def record(
        self,
        project: str,
        predictor: Predictor,
        example: pd.DataFrame,
        record: dict[str, Any],
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        files: Mapping[str, str | bytes],
    ) -> str:
        """Logs a run, registers its model, and moves the aliases; returns the version.

        Args:
            project: the project's name, for the experiment.
            predictor: the challenger.
            example: a few rows of features.
            record: all figures and the verdict, as data; ``version`` is added.
            parameters, metrics: shown in MLflow.
            files: further artifacts, name → content.
        """
        name = predictor.about["name"]
        with tempfile.TemporaryDirectory() as scratch, _quietly(self._uri):
            folder = Path(scratch) / MODEL_FOLDER
            predictor.save(folder)
            with mlflow.start_run(experiment_id=self._experiment(f"{project}/{name}")) as run:
                mlflow.log_params(dict(parameters))
                mlflow.log_metrics(dict(metrics))
                mlflow.set_tags({"churnml.project": project, "churnml.verdict": record["because"]})
                for file, content in files.items():
                    _log_file(Path(scratch), file, content)
                logged = mlflow.pyfunc.log_model(
                    name=name,
                    loader_module="churnml.modelling.predictor",
                    data_path=str(folder),
                    signature=_signature(predictor),
                    input_example=example,
                    pip_requirements=[f"churnml=={churnml.__version__}"],
                )
                found = mlflow.register_model(logged.model_uri, name, tags={"churnml.project": project})
                version = str(found.version)
                mlflow.log_dict(record | {"version": version}, RECORD_FILE)
            self._client.set_model_version_tag(name, version, "churnml.run", run.info.run_id)
            self._client.set_model_version_tag(name, version, VERDICT_TAG, record["because"])
            # the last tag says that the version is whole; a version without it is never used
            self._client.set_model_version_tag(name, version, FINGERPRINT_TAG, record["fingerprint"])
            self._client.set_registered_model_alias(name, CHALLENGER, version)
            if record["promoted"]:
                self._client.set_registered_model_alias(name, CHAMPION, version)
        return version

    # ---------------------------------------------------------------- inside

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = (self._artifacts / name).as_uri() if self._artifacts else None
        return str(self._client.create_experiment(name, artifact_location=location))

    def _versions(self, name: str) -> list[Any]:
        with _quietly(self._uri):
            found = list(self._client.search_model_versions(f"name = '{name}'"))
        return sorted(found, key=lambda version: -int(version.version))

    def _one(self, name: str, version: str | None) -> Any:
        recorded = [v for v in self._versions(name) if FINGERPRINT_TAG in v.tags]
        if not recorded:
            raise RegistryError(f"No model '{name}' was trained yet.", remedy="Run 'churnml train' first.")
        if version is None:
            return recorded[0]
        for found in recorded:
            if str(found.version) == version:
                return found
        raise UnknownNameError(f"version of model '{name}'", version, [str(v.version) for v in recorded])

    def _version_with(self, name: str, alias: str) -> Any:
        with _quietly(self._uri):
            try:
                return self._client.get_model_version_by_alias(name, alias)
            except MlflowException as problem:
                if problem.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def _registered(self, version: Any) -> Registered:
        with _quietly(self._uri):
            try:
                folder = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{version.name}/{version.version}")
            except (MlflowException, OSError) as problem:
                raise RegistryError(
                    f"Version {version.version} of model '{version.name}' cannot be read from the registry.",
                    remedy=f"Check the registry's artifacts, or train again. ({type(problem).__name__})",
                ) from None
        return Registered(
            str(version.version), Predictor.load(Path(folder) / "data" / MODEL_FOLDER), self._record(version)
        )

    def _record(self, version: Any) -> Mapping[str, Any]:
        with _quietly(self._uri):
            try:
                path = mlflow.artifacts.download_artifacts(
                    run_id=version.run_id or version.tags["churnml.run"], artifact_path=RECORD_FILE
                )
            except (MlflowException, OSError, KeyError) as problem:
                raise RegistryError(
                    f"The record of version {version.version} of model '{version.name}' cannot be read.",
                    remedy=f"Check the registry's artifacts, or train again. ({type(problem).__name__})",
                ) from None
        found: Mapping[str, Any] = json.loads(Path(path).read_text("utf-8"))
        return found


def _signature(predictor: Predictor) -> ModelSignature:
    inputs = [
        ColSpec("string", name, required=False) if name in predictor.categories else ColSpec("double", name)
        for name in predictor.feature_names
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec("double", "probability")]))


def _log_file(scratch: Path, name: str, content: str | bytes) -> None:
    path = scratch / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, "utf-8")
    mlflow.log_artifact(str(path))


@contextlib.contextmanager
def _quietly(uri: str) -> Iterator[None]:
    """MLflow's global settings for one call, and its chatter kept from the user's screen."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    levels = {name: logging.getLogger(name).level for name in ("mlflow", "alembic")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        silent = io.StringIO()
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(silent),
            contextlib.redirect_stderr(silent),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])


def open_registry(uri: str, artifacts: Path | None) -> Registry:
    """The registry at ``uri``; raises ProjectError.

    Args:
        uri: MLflow tracking URI.
        artifacts: folder for artifacts when the registry is local; None to leave it to the server.
    """
    try:
        with _quietly(uri):
            registry = Registry(uri, artifacts)
            registry._client.search_experiments(max_results=1)
    except Exception as problem:
        # the driver's message may repeat the URI with its password: only the class is told
        raise ProjectError(
            f"The model registry cannot be opened ({type(problem).__name__}).",
            where="project.yaml, stores: registry",
            remedy="Check that the URI, the server and the credentials are right and the folder is writable.",
        ) from None
    return registry


def registry_of(project: Project) -> Registry:
    """The project's registry, opened; raises ProjectError."""
    return open_registry(project.registry_url, project.work / "mlartifacts" if project.registry_is_local else None)
