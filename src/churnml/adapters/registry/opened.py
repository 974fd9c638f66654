"""The registry, opened: versions are read, recorded and promoted through it."""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

import churnml
from churnml.adapters.project import Project
from churnml.adapters.registry.client import ColSpec, ModelSignature, Schema, make_tables, mlflow, quietly
from churnml.adapters.registry.decisions import Decisions
from churnml.adapters.registry.registered import (
    AGAINST_TAG,
    CHALLENGER,
    CHAMPION,
    CHECKSUM_TAG,
    FINGERPRINT_TAG,
    LONGEST_REASON,
    MODEL_FOLDER,
    PROMOTED_TAG,
    RECORD_FILE,
    RUN_TAG,
    VERDICT_TAG,
    RegisteredModel,
    checksum,
)
from churnml.adapters.registry.versions import Versions
from churnml.errors import ProjectError, RegistryError
from churnml.health.changes import Yardstick, yardstick_of
from churnml.modelling.predictor import Predictor
from churnml.modelling.record import ModelRecord
from churnml.modelling.stored import SUMS_FILE
from churnml.modelling.tenure import ChampionHistory, RegisteredVersion, What, previous, tenures


class Registry:
    """An opened registry; see :func:`open_registry`."""

    def __init__(self, uri: str, artifacts: Path | None, now: Callable[[], dt.datetime]) -> None:
        self._versions = Versions(uri, artifacts)
        self._decisions = Decisions(self._versions, now)

    def champion(self, name: str) -> RegisteredModel | None:
        """The champion of model ``name``, or None; raises RegistryError when it cannot be read."""
        version = self._versions.with_alias(name, CHAMPION)
        return None if version is None else self._versions.loaded(version)

    def newest(self, name: str) -> RegisteredModel | None:
        """The newest version that was recorded whole, promoted or not."""
        versions = self._versions.whole(name)
        return self._versions.loaded(versions[0]) if versions else None

    def candidate(self, name: str, version: str | None) -> RegisteredModel:
        """A version (the newest when None) read whole, its checksums tested; raises RegistryError."""
        return self._versions.loaded(self._versions.one(name, version))

    def version(self, name: str, version: str | None = None, alias: str | None = None) -> RegisteredModel:
        """A version by its number or its alias (the champion when neither is given); raises RegistryError."""
        if version is not None:
            return self.candidate(name, version)
        wanted = alias or CHAMPION
        aliased = self._versions.with_alias(name, wanted)
        if aliased is None:
            self._versions.one(name, None)
            raise RegistryError(
                f"No version of model '{name}' has the alias '{wanted}'.",
                remedy=f"Name a version (churnml models list shows them), or promote one: churnml models promote {name}"
                " --because WHY.",
            )
        return self._versions.loaded(aliased)

    def find(self, name: str, fingerprint: str) -> ModelRecord | None:
        """The record of the version made from exactly these data and declarations, or None."""
        for version in self._versions.whole(name):
            if version.tags.get(FINGERPRINT_TAG) == fingerprint:
                return self._versions.record(version)
        return None

    def versions(self, name: str) -> list[RegisteredVersion]:
        """Every version that was registered whole, newest first."""
        champion, challenger = (self._versions.with_alias(name, alias) for alias in (CHAMPION, CHALLENGER))
        return [
            RegisteredVersion(
                version=str(v.version),
                champion=champion is not None and v.version == champion.version,
                challenger=challenger is not None and v.version == challenger.version,
                verdict=v.tags.get(VERDICT_TAG, ""),
                created=dt.datetime.fromtimestamp(v.creation_timestamp / 1000, dt.UTC),
            )
            for v in self._versions.whole(name)
        ]

    def yardstick(self, name: str, version: str | None) -> Yardstick | None:
        """What a version (None: the newest, which only lends its scales) gives a health score; raises RegistryError."""
        model = self.version(name, version) if version else self.newest(name)
        if model is None:
            return None
        return yardstick_of(model.predictor, model.version, in_use=version is not None)

    def record_of(self, name: str, version: str | None) -> ModelRecord:
        """The record of a version; of the champion, else the newest, when None."""
        champion = self._versions.with_alias(name, CHAMPION) if version is None else None
        return self._versions.record(champion or self._versions.one(name, version))

    def verdict(self, name: str, version: str) -> str:
        """What the verdict on a version was, in words."""
        return str(self._versions.one(name, version).tags.get(VERDICT_TAG, "not recorded"))

    # ---------------------------------------------------------------- who is champion

    def champion_version(self, name: str) -> str | None:
        """The champion's version, or None."""
        return self._decisions.champion_version(name)

    def history(self, name: str) -> ChampionHistory:
        """Who was champion when and why, and which challengers were refused, oldest first; raises RegistryError."""
        self._versions.one(name, None)
        events = self._decisions.events(name)
        refused = tuple(event for event in events if event.what == "refused")
        return ChampionHistory(name, tuple(tenures(events, self.champion_version(name))), refused)

    def previous(self, name: str) -> str:
        """The version that was champion before the present one; raises RegistryError when there was none."""
        version = previous(self._decisions.events(name), self.champion_version(name))
        if version is None:
            raise RegistryError(
                f"There was no champion of '{name}' before the present one, so there is nothing to go back to.",
                remedy=f"Name a version with --to; churnml models list shows them, churnml models history {name} "
                "who was champion.",
            )
        return version

    def appoint(self, name: str, version: str, what: What, why: str, by: str | None) -> None:
        """Makes a version champion by hand and writes down why."""
        self._decisions.appoint(name, version, what, why, by)

    def mend(self, project: str, name: str) -> None:
        """Finishes or marks what an earlier training left when it was killed."""
        self._decisions.mend(f"{project}/{name}", name)

    # ---------------------------------------------------------------- a new version

    def record(
        self,
        project: str,
        predictor: Predictor,
        example: pd.DataFrame,
        record: ModelRecord,
        parameters: Mapping[str, object],
        metrics: Mapping[str, float],
        files: Mapping[str, str | bytes],
    ) -> str:
        """Logs a run, registers its model, and does what the verdict says; returns the version.

        Args:
            project: the project's name, for the experiment.
            predictor: the challenger.
            example: a few rows of features.
            record: all figures and the verdict; ``version`` is added. ``against`` names the champion
                it was judged against: should there be another by now, it is not promoted.
            parameters, metrics: shown in MLflow.
            files: further artifacts, name → content.
        """
        name, client = predictor.manifest.name, self._versions.client
        with tempfile.TemporaryDirectory() as scratch, quietly(self._versions.uri):
            folder = Path(scratch) / MODEL_FOLDER
            predictor.save(folder)
            with mlflow.start_run(experiment_id=self._experiment(f"{project}/{name}")) as run:
                mlflow.log_params(dict(parameters))
                mlflow.log_metrics(dict(metrics))
                mlflow.set_tags({"churnml.project": project, VERDICT_TAG: record.because})
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
                registered = mlflow.register_model(logged.model_uri, name, tags={"churnml.project": project})
                version = str(registered.version)
                mlflow.log_dict(record.registered_as(version).as_data(), RECORD_FILE)
            tags = {
                RUN_TAG: run.info.run_id,
                VERDICT_TAG: record.because[:LONGEST_REASON],
                PROMOTED_TAG: "yes" if record.promoted else "no",
                AGAINST_TAG: record.against or "",
                CHECKSUM_TAG: checksum(folder / SUMS_FILE),
                FINGERPRINT_TAG: record.fingerprint,
            }
            for key, value in tags.items():
                client.set_model_version_tag(name, version, key, value)
            self._decisions.conclude(client.get_model_version(name, version))
        return version

    def _experiment(self, name: str) -> str:
        client, artifacts = self._versions.client, self._versions.artifacts
        location = (artifacts / name).as_uri() if artifacts else None
        experiment = client.get_experiment_by_name(name)
        if experiment is not None and location not in (None, experiment.artifact_location):
            # the project's folder was moved or copied: what is new lies in it, and not where it came from
            name = f"{name}-{hashlib.sha256(str(location).encode()).hexdigest()[:8]}"
            experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(client.create_experiment(name, artifact_location=location))


def _signature(predictor: Predictor) -> ModelSignature:
    # a place on the model's own scales is found from its ingredients where it is not given
    inputs = [
        ColSpec("string", feature.name, required=False)
        if feature.name in predictor.categories
        else ColSpec("double", feature.name, required=not feature.placed)
        for feature in predictor.features
    ]
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema([ColSpec("double", "probability")]),
    )


def _log_file(scratch: Path, name: str, content: str | bytes) -> None:
    path = scratch / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, "utf-8")
    mlflow.log_artifact(str(path))


def open_registry(
    uri: str, artifacts: Path | None, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
) -> Registry:
    """The registry at ``uri``; raises ProjectError.

    Args:
        uri: MLflow tracking URI.
        artifacts: folder for artifacts when the registry is local; None to leave it to the server.
        now: the clock that promotions are dated by.
    """
    try:
        with quietly(uri):
            make_tables(uri)
            registry = Registry(uri, artifacts, now)
            registry._versions.client.search_experiments(max_results=1)
    except Exception as problem:
        # the driver's message may repeat the URI with its password: only the class is shown
        raise ProjectError(
            f"The model registry cannot be opened ({type(problem).__name__}).",
            where="project.yaml, stores: registry",
            remedy="Check that the URI, the server and the credentials are right and the folder is writable.",
        ) from None
    return registry


def registry_of(project: Project) -> Registry:
    """The project's registry, opened; raises ProjectError."""
    return open_registry(project.registry_url, project.work / "mlartifacts" if project.registry_is_local else None)
