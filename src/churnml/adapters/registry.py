"""The model registry: the only room that knows MLflow.

Every training run is logged whole; the version is registered before, and the alias moved after, all
else has succeeded, so a run that is killed leaves no champion half in office. What was decided about a
version is added to the registered model as a tag of its own, never changed afterwards (docs/decisions/0012).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import json
import logging
import os
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
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
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._model_registry import utils as _model_registry
    from mlflow.tracking._tracking_service import utils as _tracking_service
    from mlflow.types import ColSpec, Schema

import pandas as pd  # noqa: E402

import churnml  # noqa: E402
from churnml.adapters.project import Project  # noqa: E402
from churnml.errors import ProjectError, RegistryError, UnknownNameError  # noqa: E402
from churnml.modelling.predictor import SUMS_FILE, Predictor  # noqa: E402
from churnml.modelling.tenure import (  # noqa: E402
    BY_HAND,
    BY_VERDICT,
    Event,
    What,
    ever_champion,
    previous,
    tenures,
)

CHAMPION = "champion"
CHALLENGER = "challenger"
RECORD_FILE = "record.json"
# the last tag of a version to be written: a version without it is not whole, and never listed or used
FINGERPRINT_TAG = "churnml.fingerprint"
VERDICT_TAG = "churnml.verdict"
PROMOTED_TAG = "churnml.promoted"
# the champion a version was judged against, empty where there was none
AGAINST_TAG = "churnml.against"
# of the model's own checksums, kept beside the artifact so that nobody can alter both by altering the artifact
CHECKSUM_TAG = "churnml.checksum"
UNFINISHED_TAG = "churnml.unfinished"
# one tag of the registered model an event, in order of their names
EVENT_TAG = "churnml.event."
# MLflow keeps up to 5,000 letters in such a tag
LONGEST_REASON = 2000
SAID_BY_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
SQLITE = "sqlite:///"
# Making the tables takes seconds: a file of this age that was not put in its place was left by a process that died.
ABANDONED_SECONDS = 3600
MODEL_FOLDER = "churnml_model"


@dataclass(frozen=True)
class RegisteredModel:
    """A model version: its number, the model, and the record of the run that made it."""

    version: str
    predictor: Predictor
    record: Mapping[str, Any]


class Registry:
    """An opened registry; see :func:`open_registry`."""

    def __init__(self, uri: str, artifacts: Path | None, now: Callable[[], dt.datetime]) -> None:
        self._client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._uri, self._artifacts, self._now = uri, artifacts, now

    def champion(self, name: str) -> RegisteredModel | None:
        """The champion of model ``name``, or None; raises RegistryError when it cannot be read."""
        version = self._version_with(name, CHAMPION)
        return None if version is None else self._registered(version)

    def newest(self, name: str) -> RegisteredModel | None:
        """The newest version that was recorded whole, promoted or not."""
        versions = self._whole(name)
        return self._registered(versions[0]) if versions else None

    def version(self, name: str, version: str | None = None, alias: str | None = None) -> RegisteredModel:
        """A version by its number or its alias (the champion when neither is given); raises RegistryError."""
        if version is not None:
            return self._registered(self._one(name, version))
        wanted = alias or CHAMPION
        found = self._version_with(name, wanted)
        if found is None:
            self._one(name, None)
            raise RegistryError(
                f"No version of model '{name}' has the alias '{wanted}'.",
                remedy=f"Name a version (churnml models list shows them), or promote one: churnml models promote {name}"
                " --because WHY.",
            )
        return self._registered(found)

    def find(self, name: str, fingerprint: str) -> Mapping[str, Any] | None:
        """The record of the version made from exactly these data and declarations, or None."""
        for version in self._whole(name):
            if version.tags.get(FINGERPRINT_TAG) == fingerprint:
                return self._record(version)
        return None

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Every recorded version, newest first: ``version, champion, challenger, verdict, created``."""
        aliased = {alias: self._version_with(name, alias) for alias in (CHAMPION, CHALLENGER)}
        return [
            {
                "version": str(v.version),
                **{alias: found is not None and v.version == found.version for alias, found in aliased.items()},
                "verdict": v.tags.get(VERDICT_TAG, ""),
                "created": dt.datetime.fromtimestamp(v.creation_timestamp / 1000, dt.UTC).isoformat(timespec="seconds"),
            }
            for v in self._whole(name)
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

    # ---------------------------------------------------------------- who is champion

    def events(self, name: str) -> list[Event]:
        """What was decided about the versions of a model, oldest first."""
        with _quietly(self._uri):
            try:
                tags = self._client.get_registered_model(name).tags
            except MlflowException as problem:
                if problem.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return []
                raise
        return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(EVENT_TAG)]

    def in_office(self, name: str) -> str | None:
        """The champion's version, or None."""
        version = self._version_with(name, CHAMPION)
        return None if version is None else str(version.version)

    def history(self, name: str) -> dict[str, Any]:
        """Who was champion when and why, and which challengers were refused, as plain data, oldest first."""
        self._one(name, None)
        events = self.events(name)
        return {
            "model": name,
            "champions": [tenure.__dict__ for tenure in tenures(events, self.in_office(name))],
            "refused": [event.as_data() for event in events if event.what == "refused"],
        }

    def previous(self, name: str) -> str:
        """The version in office before the present champion; raises RegistryError when there was none."""
        found = previous(self.events(name), self.in_office(name))
        if found is None:
            raise RegistryError(
                f"There was no champion of '{name}' before the present one, so there is nothing to go back to.",
                remedy=f"Name a version with --to; churnml models list shows them, churnml models history {name} "
                "who was champion.",
            )
        return found

    def candidate(self, name: str, version: str | None) -> RegisteredModel:
        """A version (the newest when None) read whole, its checksums tested; raises RegistryError."""
        return self._registered(self._one(name, version))

    def appoint(self, name: str, version: str, what: What, why: str, by: str | None) -> None:
        """Makes a version champion by hand and writes down why."""
        chosen = self._one(name, version)
        before = self.in_office(name)
        with _quietly(self._uri):
            self._client.set_registered_model_alias(name, CHAMPION, chosen.version)
            self._add(name, what, version, why, BY_HAND, by, before)
            self._point_to_challenger(name)

    def mend(self, project: str, name: str) -> None:
        """Finishes or marks what an earlier training left when it was killed.

        A whole version whose verdict was not yet acted upon is given its due; one that is not whole, and a run
        that never ended, are marked as such and never used.
        """
        versions, noted = self._versions(name), {event.version for event in self.events(name)}
        with _quietly(self._uri):
            for version in reversed(versions):
                if FINGERPRINT_TAG in version.tags:
                    if UNFINISHED_TAG in version.tags or str(version.version) not in noted:
                        self._conclude(version)
                elif UNFINISHED_TAG not in version.tags:
                    self._client.set_model_version_tag(name, version.version, UNFINISHED_TAG, self._at())
            experiment = self._client.get_experiment_by_name(f"{project}/{name}")
            running = "attributes.status = 'RUNNING'"
            for run in self._client.search_runs([experiment.experiment_id], running) if experiment else ():
                self._client.set_tag(run.info.run_id, UNFINISHED_TAG, self._at())
                self._client.set_terminated(run.info.run_id, "KILLED")

    def _at(self) -> str:
        return self._now().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _add(self, name: str, what: What, version: str, why: str, how: str, by: str | None, before: str | None) -> None:
        known = self.events(name)
        # a clock that was set back does not turn what happened round
        at = max(self._at(), known[-1].at) if known else self._at()
        event = Event(at, what, version, why[:LONGEST_REASON], how, by, before)
        # a name nobody else can take: two trainings at once add two events
        key = f"{EVENT_TAG}{at}.{len(known):06d}.{uuid.uuid4().hex[:8]}"
        self._client.set_registered_model_tag(name, key, json.dumps(event.as_data(), ensure_ascii=False))

    def _conclude(self, version: Any) -> None:
        """Does what the verdict on a whole version says, once: the alias first, then the note of it.

        Killed between the two, the next call finds the alias moved and adds the note.
        """
        name, number, tags = version.name, str(version.version), version.tags
        if UNFINISHED_TAG in tags:
            self._client.delete_model_version_tag(name, number, UNFINISHED_TAG)
        if PROMOTED_TAG not in tags or any(event.version == number for event in self.events(name)):
            return
        champion, against = self.in_office(name), tags[AGAINST_TAG] or None
        why, before = tags[VERDICT_TAG], champion
        what: What = "refused"
        if tags[PROMOTED_TAG] == "yes" and champion in (against, number):
            what, before = "promoted", against
            if champion != number:
                self._client.set_registered_model_alias(name, CHAMPION, number)
        elif tags[PROMOTED_TAG] == "yes":
            why = (
                f"version {champion or 'none'} came into office while this one was judged against version "
                f"{against or 'none'}, so it was not promoted; the verdict was: {why}"
            )
        self._add(name, what, number, why, BY_VERDICT, None, before)
        self._point_to_challenger(name)

    def _point_to_challenger(self, name: str) -> None:
        """The alias ``challenger`` names the newest version that never was champion."""
        been = ever_champion(self.events(name), self.in_office(name))
        left = [version for version in self._whole(name) if str(version.version) not in been]
        if left:
            self._client.set_registered_model_alias(name, CHALLENGER, left[0].version)
        elif self._version_with(name, CHALLENGER) is not None:
            self._client.delete_registered_model_alias(name, CHALLENGER)

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
        """Logs a run, registers its model, and does what the verdict says; returns the version.

        Args:
            project: the project's name, for the experiment.
            predictor: the challenger.
            example: a few rows of features.
            record: all figures and the verdict, as data; ``version`` is added. ``against`` names the champion
                it was judged against: should another be in office by now, it is not promoted.
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
            tags = {
                "churnml.run": run.info.run_id,
                VERDICT_TAG: record["because"][:LONGEST_REASON],
                PROMOTED_TAG: "yes" if record["promoted"] else "no",
                AGAINST_TAG: record["against"] or "",
                CHECKSUM_TAG: _sum(folder / SUMS_FILE),
                FINGERPRINT_TAG: record["fingerprint"],
            }
            for key, value in tags.items():
                self._client.set_model_version_tag(name, version, key, value)
            self._conclude(self._client.get_model_version(name, version))
        return version

    # ---------------------------------------------------------------- inside

    def _experiment(self, name: str) -> str:
        location = (self._artifacts / name).as_uri() if self._artifacts else None
        found = self._client.get_experiment_by_name(name)
        if found is not None and location not in (None, found.artifact_location):
            # the project's folder was moved or copied: what is new lies in it, and not where it came from
            name = f"{name}-{hashlib.sha256(str(location).encode()).hexdigest()[:8]}"
            found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=location))

    def _versions(self, name: str) -> list[Any]:
        with _quietly(self._uri):
            found = list(self._client.search_model_versions(f"name = '{name}'"))
        return sorted(found, key=lambda version: -int(version.version))

    def _whole(self, name: str) -> list[Any]:
        return [version for version in self._versions(name) if FINGERPRINT_TAG in version.tags]

    def _one(self, name: str, version: str | None) -> Any:
        recorded = self._whole(name)
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

    def _registered(self, version: Any) -> RegisteredModel:
        name, number = version.name, str(version.version)
        if FINGERPRINT_TAG not in version.tags:
            raise RegistryError(
                f"Version {number} of model '{name}' was not registered whole, so it is not used.",
                remedy="Something other than churnml moved the alias. Name another version: "
                f"churnml models promote {name} --version V --because WHY.",
            )
        with _quietly(self._uri), tempfile.TemporaryDirectory() as scratch:
            # a local registry's files are read where they lie; a server's are fetched, and not kept
            fetched = None if self._artifacts else scratch
            try:
                found = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/{number}", dst_path=fetched)
            except (MlflowException, OSError) as problem:
                raise RegistryError(
                    f"Version {number} of model '{name}' cannot be read from the registry.",
                    remedy=f"Check the registry's artifacts, or train again. ({type(problem).__name__})",
                ) from None
            folder = Path(found) / "data" / MODEL_FOLDER
            predictor = Predictor.load(folder)
            if _sum(folder / SUMS_FILE) != version.tags.get(CHECKSUM_TAG):
                raise RegistryError(
                    f"Version {number} of model '{name}' was altered after it was registered, its checksums with it.",
                    where=str(folder),
                    remedy="Restore the artifact, or train again.",
                )
        return RegisteredModel(number, predictor, self._record(version))

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
    # a place on the model's own scales is found from its ingredients where it is not given
    inputs = [
        ColSpec("string", feature["name"], required=False)
        if feature["name"] in predictor.categories
        else ColSpec("double", feature["name"], required=not feature.get("placed"))
        for feature in predictor.features
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec("double", "probability")]))


def _log_file(scratch: Path, name: str, content: str | bytes) -> None:
    path = scratch / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, "utf-8")
    mlflow.log_artifact(str(path))


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def _quietly(uri: str) -> Iterator[None]:
    """MLflow's global settings for one call, and its chatter kept from the user's screen."""
    # as set, not as resolved: what follows from something else shall go on following it
    before = _tracking_service._tracking_uri, _model_registry._registry_uri
    told = {name: os.environ.get(name) for name in SAID_BY_MLFLOW}
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
        # MLflow says it to the environment too, and so to every process started from here
        for variable, value in told.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


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
        with _quietly(uri):
            _begin(uri)
            registry = Registry(uri, artifacts, now)
            registry._client.search_experiments(max_results=1)
    except Exception as problem:
        # the driver's message may repeat the URI with its password: only the class is told
        raise ProjectError(
            f"The model registry cannot be opened ({type(problem).__name__}).",
            where="project.yaml, stores: registry",
            remedy="Check that the URI, the server and the credentials are right and the folder is writable.",
        ) from None
    return registry


def _begin(uri: str) -> None:
    """Makes the tables of a registry in a file of its own, aside: one half made would never open again."""
    path = Path(uri.removeprefix(SQLITE))
    if not uri.startswith(SQLITE) or "?" in uri or path.exists():
        return
    for left in path.parent.glob(f".{path.name}.*.part"):
        if left.stat().st_mtime < time.time() - ABANDONED_SECONDS:
            left.unlink(missing_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    SqlAlchemyStore(f"{SQLITE}{aside}", (path.parent / "mlartifacts").as_uri()).engine.dispose()
    try:
        os.link(aside, path)  # unlike a rename, takes no place that another process has filled meanwhile
    except FileExistsError:
        aside.unlink()
    except OSError:  # a file system without links
        aside.replace(path)
    else:
        aside.unlink()


def registry_of(project: Project) -> Registry:
    """The project's registry, opened; raises ProjectError."""
    return open_registry(project.registry_url, project.work / "mlartifacts" if project.registry_is_local else None)
