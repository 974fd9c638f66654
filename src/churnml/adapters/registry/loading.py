"""A registered version read whole: its files held against their checksums, and its record."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from churnml.adapters.outages import outage
from churnml.adapters.registry import rooted
from churnml.adapters.registry.client import REGISTRY, WHERE, MlflowException, ModelVersion, mlflow, quietly
from churnml.adapters.registry.registered import (
    CHECKSUM_TAG,
    FINGERPRINT_TAG,
    MODEL_FOLDER,
    RECORD_CHECKSUM_TAG,
    RECORD_FILE,
    RUN_TAG,
    RegisteredModel,
)
from churnml.errors import RegistryError
from churnml.modelling.predictor import Predictor
from churnml.modelling.record import ModelRecord
from churnml.modelling.stored import SUMS_FILE, checksum

log = logging.getLogger("churnml.registry")


@dataclass(frozen=True)
class Place:
    """Where versions are: MLflow's client, its URI, and the folder of the artifacts where it is a local one."""

    client: mlflow.MlflowClient
    uri: str
    artifacts: Path | None


def load(place: Place, version: ModelVersion) -> RegisteredModel:
    """A version read whole, its checksums tested; raises RegistryError."""
    name, number = version.name, str(version.version)
    if FINGERPRINT_TAG not in version.tags:
        raise RegistryError(
            f"Version {number} of model '{name}' was not registered whole, so it is not used.",
            remedy="Something other than churnml moved the alias. Name another version: "
            f"churnml models promote {name} --version V --because WHY.",
        )
    with quietly(place.uri), tempfile.TemporaryDirectory() as scratch:
        folder = _fetched(place, version, Path(scratch)) / "data" / MODEL_FOLDER
        try:
            predictor = Predictor.load(folder)
        except RegistryError as problem:
            raise RegistryError(
                f"Version {number} of model '{name}' cannot be used. {problem.what}",
                where=problem.where,
                # what it advises of an altered file is the same, in fewer words
                remedy=_way_back(name, "" if "altered" in problem.what else f"({problem.remedy})"),
            ) from None
        if checksum(folder / SUMS_FILE) != version.tags.get(CHECKSUM_TAG):
            raise RegistryError(
                f"Version {number} of model '{name}' was altered after it was registered, its checksums with it.",
                where=str(folder),
                remedy=_way_back(name),
            )
    log.info("version %(version)s of %(model)s read", {"model": name, "version": number})
    return RegisteredModel(number, predictor, record_of(place, version))


def _fetched(place: Place, version: ModelVersion, scratch: Path) -> Path:
    """A version's folder: a local registry's where it lies, a server's fetched, to be thrown away."""
    name, number = version.name, str(version.version)
    try:
        if place.artifacts:
            at = place.client.get_model_version_download_uri(name, number)
            folder = rooted.folder_of(at, place.artifacts)
            if not at.startswith("models:") and folder.is_dir():
                return folder
        fetched = None if place.artifacts else str(scratch)
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/{number}", dst_path=fetched))
    except (MlflowException, OSError) as problem:
        raise outage(problem, REGISTRY, WHERE) or RegistryError(
            f"Version {number} of model '{name}' cannot be read from the registry.",
            remedy=_way_back(name, f"({type(problem).__name__})"),
        ) from None


def record_of(place: Place, version: ModelVersion) -> ModelRecord:
    """The record of the run that made a version; raises RegistryError."""
    with quietly(place.uri):
        try:
            run_id = version.run_id or version.tags[RUN_TAG]
            path = Path()
            if place.artifacts:
                at = place.client.get_run(run_id).info.artifact_uri
                path = rooted.folder_of(at, place.artifacts) / RECORD_FILE
            if not path.is_file():
                path = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=RECORD_FILE))
            content = path.read_bytes()
            # versions of before have no checksum of it
            kept = version.tags.get(RECORD_CHECKSUM_TAG)
            if kept is not None and kept != hashlib.sha256(content).hexdigest():
                raise ValueError("altered after it was registered")
            return ModelRecord.read(json.loads(content))
        # a file that is no JSON, or no record, is a ValueError
        except (MlflowException, OSError, KeyError, ValueError, TypeError, AttributeError) as problem:
            how = str(problem) if type(problem) is ValueError else type(problem).__name__
            raise outage(problem, REGISTRY, WHERE) or RegistryError(
                f"The record of version {version.version} of model '{version.name}' cannot be read.",
                remedy=_way_back(version.name, f"({how})"),
            ) from None


def _way_back(name: str, why: str = "") -> str:
    return (
        "Restore its artifacts from a backup; or use another version: "
        f"churnml models rollback {name} --because WHY, or "
        f"churnml models promote {name} --version V --because WHY (churnml models list shows them); or train one more: "
        f"churnml train {name} --again. {why}"
    ).rstrip()
