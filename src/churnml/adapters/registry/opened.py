"""The registry, opened: versions are read, recorded and promoted through it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from churnml.adapters.project import Project, database_of
from churnml.adapters.registry import rooted
from churnml.adapters.registry.client import (
    WHERE,
    ColSpec,
    MlflowException,
    ModelSignature,
    ModelVersion,
    RegisteredModelInfo,
    Schema,
    impatiently,
    make_tables,
    mlflow,
    quietly,
)
from churnml.adapters.registry.loading import Place, load, record_of
from churnml.adapters.registry.registered import (
    AGAINST_TAG,
    CHALLENGER,
    CHAMPION,
    CHECKSUM_TAG,
    EVENT_TAG,
    FINGERPRINT_TAG,
    LONGEST_REASON,
    MODEL_FOLDER,
    PROMOTED_TAG,
    RECORD_CHECKSUM_TAG,
    RECORD_FILE,
    RUN_TAG,
    UNFINISHED_TAG,
    VERDICT_TAG,
    RegisteredModel,
    RegisteredRun,
    RunDetails,
)
from churnml.adapters.registry.scoring_wheel import requirements, scoring_wheel
from churnml.adapters.registry.showing import describe, log_details, log_files
from churnml.adapters.registry.watching import log_watch
from churnml.errors import ChurnmlError, ProjectError, RegistryError, UnknownNameError
from churnml.health.changes import Yardstick, yardstick_of
from churnml.ledger.monitoring import ModelWatch, WatchedFigure
from churnml.modelling.predictor import Predictor
from churnml.modelling.record import ModelRecord
from churnml.modelling.stored import SUMS_FILE, checksum
from churnml.modelling.tenure import (
    BY_HAND,
    BY_VERDICT,
    ChampionHistory,
    Event,
    RegisteredVersion,
    What,
    ever_champion,
    previous,
    tenures,
)

log = logging.getLogger("churnml.registry")

NO_DETAILS = RunDetails()


class Registry:
    """The registry at ``uri``; ``artifacts`` is the folder of a local one, ``now`` the clock decisions are dated by."""

    def __init__(self, uri: str, artifacts: Path | None, now: Callable[[], dt.datetime]) -> None:
        self.client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.uri, self.artifacts, self.now = uri, artifacts, now
        # further tags of the runs that are recorded: where they came from
        self.run_tags: dict[str, str] = {}

    def champion(self, name: str) -> RegisteredModel | None:
        """The champion of model ``name``, or None; raises RegistryError when it cannot be read."""
        version = self._with_alias(name, CHAMPION)
        if version is None:
            self._must_not_be_gone(name)
            return None
        return self._loaded(version)

    def _must_not_be_gone(self, name: str) -> None:
        """Raises RegistryError where there was a champion whose version was deleted, which takes its alias along."""
        line = tenures(self._events(name), None)
        if line and line[-1].version not in {str(version.version) for version in self.listed(name)}:
            raise _gone(name, line[-1].version, "it was the champion")

    def newest(self, name: str) -> RegisteredModel | None:
        """The newest version that was recorded whole, promoted or not."""
        versions = self._whole(name)
        return self._loaded(versions[0]) if versions else None

    def candidate(self, name: str, version: str | None) -> RegisteredModel:
        """A version (the newest when None) read whole, its checksums tested; raises RegistryError."""
        return self._loaded(self._one(name, version))

    def version(self, name: str, version: str | None = None, alias: str | None = None) -> RegisteredModel:
        """A version by its number or its alias (the champion when neither is given); raises RegistryError."""
        if version is not None:
            return self.candidate(name, version)
        wanted = alias or CHAMPION
        aliased = self._with_alias(name, wanted)
        if aliased is None:
            self._one(name, None)
            raise RegistryError(
                f"No version of model '{name}' has the alias '{wanted}'.",
                remedy=f"Name a version (churnml models list shows them), or promote one: churnml models promote {name}"
                " --because WHY.",
            )
        return self._loaded(aliased)

    def find(self, name: str, fingerprint: str) -> ModelRecord | None:
        """The record of the version made from exactly these data and declarations, or None."""
        for version in self._whole(name):
            if version.tags.get(FINGERPRINT_TAG) == fingerprint:
                try:
                    return self._record_of(version)
                except RegistryError as problem:
                    # made from the same data again, it is there again
                    log.warning("%(problem)s It is trained anew.", {"problem": problem.what})
        return None

    def versions(self, name: str) -> list[RegisteredVersion]:
        """Every version that was registered whole, newest first."""
        champion, challenger = (self._aliased(name, alias) for alias in (CHAMPION, CHALLENGER))
        return [
            RegisteredVersion(
                version=str(v.version),
                champion=str(v.version) == champion,
                challenger=str(v.version) == challenger,
                verdict=v.tags.get(VERDICT_TAG, ""),
                created=dt.datetime.fromtimestamp(v.creation_timestamp / 1000, dt.UTC),
            )
            for v in self._whole(name)
        ]

    def yardstick(self, name: str, version: str | None) -> Yardstick | None:
        """What a version (None: the newest, which only lends its scales) gives a health score; raises RegistryError."""
        model = self.version(name, version) if version else self.newest(name)
        if model is None:
            return None
        return yardstick_of(model.predictor, model.version, in_use=version is not None)

    def record_of(self, name: str, version: str | None) -> ModelRecord:
        """The record of a version; of the champion, else the newest, when None."""
        champion = self._with_alias(name, CHAMPION) if version is None else None
        return self._record_of(champion or self._one(name, version))

    def run_of(self, name: str, version: str) -> RegisteredRun:
        """The run that made a version; its page only where the registry's address holds no secret."""
        run_id = str(self._one(name, version).tags.get(RUN_TAG, ""))
        with quietly(self.uri):
            experiment = self.client.get_run(run_id).info.experiment_id
        pages = self.uri.startswith(("http://", "https://")) and "@" not in self.uri
        return RegisteredRun(
            run_id, f"{self.uri.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}" if pages else None
        )

    def verdict(self, name: str, version: str) -> str:
        """What the verdict on a version was, in words."""
        return str(self._one(name, version).tags.get(VERDICT_TAG, "not recorded"))

    # ---------------------------------------------------------------- who is champion

    def history(self, name: str) -> ChampionHistory:
        """Who was champion when and why, and which challengers were refused, oldest first; raises RegistryError."""
        self._one(name, None)
        events = self._events(name)
        refused = tuple(event for event in events if event.what == "refused")
        return ChampionHistory(name, tuple(tenures(events, self.champion_version(name))), refused)

    def previous(self, name: str) -> str:
        """The version that was champion before the present one; raises RegistryError when there was none."""
        version = previous(self._events(name), self.champion_version(name))
        if version is None:
            raise RegistryError(
                f"There was no champion of '{name}' before the present one, so there is nothing to go back to.",
                remedy=f"Name a version with --to; churnml models list shows them, churnml models history {name} "
                "who was champion.",
            )
        return version

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
        details: RunDetails = NO_DETAILS,
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
            details: what else MLflow shows of the run.
        """
        name, signature, about = predictor.manifest.name, _signature(predictor), {"churnml.project": project}
        with tempfile.TemporaryDirectory() as scratch, quietly(self.uri):
            folder = Path(scratch) / MODEL_FOLDER
            predictor.save(folder)
            wheel = scoring_wheel(folder)
            with mlflow.start_run(experiment_id=self._experiment(f"{project}/{name}")) as run:
                mlflow.log_params(dict(parameters))
                mlflow.set_tags(about | {VERDICT_TAG: record.because, **self.run_tags})
                log_details(self.client, run.info.run_id, signature.inputs, details)
                log_files(files, Path(scratch))
                logged = mlflow.pyfunc.log_model(
                    name=name,
                    loader_module="churnml.modelling.predictor",
                    data_path=str(folder),
                    signature=signature,
                    input_example=example,
                    pip_requirements=requirements(f"data/{MODEL_FOLDER}/{wheel.name}"),
                )
                mlflow.log_metrics(dict(metrics))  # before the model, each one's history would be asked for
                version = str(mlflow.register_model(logged.model_uri, name, tags=about).version)
                written = json.dumps(record.registered_as(version).as_data(), indent=2, ensure_ascii=False)
                mlflow.log_text(written, RECORD_FILE)
            tags = {
                RUN_TAG: run.info.run_id,
                VERDICT_TAG: record.because[:LONGEST_REASON],
                PROMOTED_TAG: "yes" if record.promoted else "no",
                AGAINST_TAG: record.against or "",
                CHECKSUM_TAG: checksum(folder / SUMS_FILE),
                RECORD_CHECKSUM_TAG: hashlib.sha256(written.encode()).hexdigest(),
                FINGERPRINT_TAG: record.fingerprint,
            }
            describe(self.client, name, version, details)
            for key, value in tags.items():
                self.client.set_model_version_tag(name, version, key, value)
            self._conclude(self.client.get_model_version(name, version))
        log.info("version %(version)s of %(model)s registered", {"model": name, "version": version})
        return version

    def log_watch(self, project: str, watch: ModelWatch, news: Sequence[WatchedFigure], now: dt.datetime) -> None:
        """Adds a look's ``news`` to its version's run of looks; raises RegistryError where there is no such version."""
        version = self._one(watch.model, watch.version)
        with quietly(self.uri):
            log_watch(self.client, self._experiment(f"{project}/{watch.model}"), version, watch, news, now)

    def _experiment(self, name: str) -> str:
        location = (self.artifacts / name).as_uri() if self.artifacts else None
        experiment = self.client.get_experiment_by_name(name)
        if experiment is not None and location not in (None, experiment.artifact_location):
            # the project's folder was moved or copied: what is new lies in it, and not where it came from
            name = f"{name}-{hashlib.sha256(str(location).encode()).hexdigest()[:8]}"
            experiment = self.client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self.client.create_experiment(name, artifact_location=location))

    # ---------------------------------------------------------------- versions as MLflow keeps them

    def listed(self, name: str) -> list[ModelVersion]:
        """Every version, whole or not, newest first."""
        with quietly(self.uri):
            versions = list(self.client.search_model_versions(f"name = '{name}'"))
        return sorted(versions, key=lambda version: -int(version.version))

    def _whole(self, name: str) -> list[ModelVersion]:
        return [version for version in self.listed(name) if FINGERPRINT_TAG in version.tags]

    def _one(self, name: str, version: str | None) -> ModelVersion:
        """A whole version, the newest when None; raises RegistryError, UnknownNameError."""
        whole = self._whole(name)
        if not whole:
            raise RegistryError(f"No model '{name}' was trained yet.", remedy="Run 'churnml train' first.")
        if version is None:
            return whole[0]
        for candidate in whole:
            if str(candidate.version) == version:
                return candidate
        raise UnknownNameError(f"version of model '{name}'", version, [str(v.version) for v in whole])

    def _aliased(self, name: str, alias: str) -> str | None:
        """The version that an alias names, whether or not it is there; None where there is no such alias."""
        model = self._model(name)
        return None if model is None or alias not in model.aliases else str(model.aliases[alias])

    def _model(self, name: str) -> RegisteredModelInfo | None:
        with quietly(self.uri):
            try:
                return self.client.get_registered_model(name)
            except MlflowException as problem:
                if problem.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise

    def _with_alias(self, name: str, alias: str) -> ModelVersion | None:
        """The version with an alias, or None; raises RegistryError where the version is gone."""
        number = self._aliased(name, alias)
        if number is None:
            return None
        with quietly(self.uri):
            try:
                return self.client.get_model_version(name, number)
            except MlflowException as problem:
                if problem.error_code == "RESOURCE_DOES_NOT_EXIST":
                    raise _gone(name, number, f"the alias '{alias}' names it") from None
                raise

    def _loaded(self, version: ModelVersion) -> RegisteredModel:
        return load(Place(self.client, self.uri, self.artifacts), version)

    def _record_of(self, version: ModelVersion) -> ModelRecord:
        return record_of(Place(self.client, self.uri, self.artifacts), version)

    # ---------------------------------------------------------------- what was decided: only ever added

    def _events(self, name: str) -> list[Event]:
        model = self._model(name)
        tags = {} if model is None else model.tags
        return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(EVENT_TAG)]

    def champion_version(self, name: str) -> str | None:
        """The champion's version, or None; it may be gone."""
        return self._aliased(name, CHAMPION)

    def appoint(self, name: str, version: str, what: What, why: str, by: str | None, how: str = BY_HAND) -> None:
        """Makes a version champion without a verdict and writes down why."""
        chosen = self._one(name, version)
        before = self.champion_version(name)
        with quietly(self.uri):
            self.client.set_registered_model_alias(name, CHAMPION, chosen.version)
            self._add(name, what, version, why, how, by, before)
            self._point_to_challenger(name)

    def mend(self, project: str, name: str) -> None:
        """Finishes or marks what an earlier training left when it was killed.

        A whole version whose verdict was not yet acted upon is given its due; one that is not whole, and a run
        that never ended, are marked as such and never used.
        """
        versions, decided = self.listed(name), {event.version for event in self._events(name)}
        with quietly(self.uri):
            for version in reversed(versions):
                if FINGERPRINT_TAG in version.tags:
                    if UNFINISHED_TAG in version.tags or str(version.version) not in decided:
                        self._conclude(version)
                elif UNFINISHED_TAG not in version.tags:
                    self.client.set_model_version_tag(name, version.version, UNFINISHED_TAG, self._at())
            kept = self.client.get_experiment_by_name(f"{project}/{name}")
            running = "attributes.status = 'RUNNING'"
            for run in self.client.search_runs([kept.experiment_id], running) if kept else ():
                self.client.set_tag(run.info.run_id, UNFINISHED_TAG, self._at())
                self.client.set_terminated(run.info.run_id, "KILLED")

    def _conclude(self, version: ModelVersion) -> None:
        """Does what the verdict on a whole version says, once: the alias first, then the note of it.

        Killed between the two, the next call finds the alias moved and adds the note.
        """
        name, number, tags = version.name, str(version.version), version.tags
        if UNFINISHED_TAG in tags:
            self.client.delete_model_version_tag(name, number, UNFINISHED_TAG)
        if PROMOTED_TAG not in tags or any(event.version == number for event in self._events(name)):
            return
        champion, against = self.champion_version(name), tags[AGAINST_TAG] or None
        why, before = tags[VERDICT_TAG], champion
        what: What = "refused"
        if tags[PROMOTED_TAG] == "yes" and champion in (against, number):
            what, before = "promoted", against
            if champion != number:
                self.client.set_registered_model_alias(name, CHAMPION, number)
        elif tags[PROMOTED_TAG] == "yes":
            why = (
                f"version {champion or 'none'} became champion while this one was judged against version "
                f"{against or 'none'}, so it was not promoted; the verdict was: {why}"
            )
        self._add(name, what, number, why, BY_VERDICT, None, before)
        self._point_to_challenger(name)

    def _at(self) -> str:
        return self.now().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _add(self, name: str, what: What, version: str, why: str, how: str, by: str | None, before: str | None) -> None:
        known = self._events(name)
        # a clock that was set back does not turn what happened round
        at = max(self._at(), known[-1].at) if known else self._at()
        event = Event(at, what, version, why[:LONGEST_REASON], how, by, before)
        # a name nobody else can take: two trainings at once add two events
        key = f"{EVENT_TAG}{at}.{len(known):06d}.{uuid.uuid4().hex[:8]}"
        self.client.set_registered_model_tag(name, key, json.dumps(event.as_data(), ensure_ascii=False))
        log.info("version %(version)s of %(model)s %(what)s", {"model": name, "version": version, "what": what})

    def _point_to_challenger(self, name: str) -> None:
        """The alias ``challenger`` names the newest version that never was champion."""
        champions = ever_champion(self._events(name), self.champion_version(name))
        left = [version for version in self._whole(name) if str(version.version) not in champions]
        if left:
            self.client.set_registered_model_alias(name, CHALLENGER, left[0].version)
        elif self._aliased(name, CHALLENGER) is not None:
            self.client.delete_registered_model_alias(name, CHALLENGER)


def _gone(name: str, number: str, because: str) -> RegistryError:
    return RegistryError(
        f"Version {number} of model '{name}' is not in the registry any more, and {because}.",
        where=WHERE,
        remedy=f"Restore it, or make another champion: churnml models promote {name} --version V --because WHY "
        f"(churnml models list shows them).",
    )


def _signature(predictor: Predictor) -> ModelSignature:
    # a place on the model's own scales is found from its ingredients where it is not given
    inputs = [
        ColSpec("string", feature.name, required=False)
        if feature.name in predictor.categories
        else ColSpec("double", feature.name, required=not feature.placed)
        for feature in predictor.features
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec("double", "probability")]))


def open_registry(
    uri: str, artifacts: Path | None, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
) -> Registry:
    """The registry at ``uri``; raises UnavailableError, ProjectError.

    Args:
        uri: MLflow tracking URI.
        artifacts: folder for artifacts when the registry is local; None to leave it to the server.
        now: the clock that promotions are dated by.
    """
    try:
        with quietly(uri), impatiently():
            make_tables(uri)
            database = database_of(uri)
            if artifacts is not None and database is not None:
                rooted.follow(database, artifacts)
            registry = Registry(uri, artifacts, now)
            registry.client.search_experiments(max_results=1)
    except ChurnmlError:
        raise
    except ImportError as problem:
        raise ProjectError(
            f"The model registry needs a driver that is not installed ({problem.name}).",
            where=WHERE,
            remedy="Name an MLflow server (https://…), or a database whose driver is there: postgresql+psycopg://… "
            "after pip install 'churnml[postgres]'.",
        ) from None
    except Exception as problem:
        # the driver's message may repeat the URI with its password: only the class is shown
        raise ProjectError(
            f"The model registry cannot be opened ({type(problem).__name__}).",
            where=WHERE,
            remedy="Check that the URI, the server and the credentials are right and the folder is writable.",
        ) from None
    return registry


def registry_of(project: Project) -> Registry:
    """The registry, opened; raises UnavailableError, ProjectError, RegistryError."""
    return open_registry(project.registry_url, project.work / rooted.ARTIFACTS if project.registry_is_local else None)
