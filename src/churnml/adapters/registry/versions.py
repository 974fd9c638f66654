"""The versions of a model, as MLflow keeps them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from churnml.adapters.registry.client import MlflowException, ModelVersion, mlflow, quietly
from churnml.adapters.registry.registered import (
    CHECKSUM_TAG,
    FINGERPRINT_TAG,
    MODEL_FOLDER,
    RECORD_FILE,
    RUN_TAG,
    RegisteredModel,
    checksum,
)
from churnml.errors import RegistryError, UnknownNameError
from churnml.modelling.predictor import Predictor
from churnml.modelling.record import ModelRecord
from churnml.modelling.stored import SUMS_FILE


class Versions:
    """Reads the versions in the registry at ``uri``; ``artifacts`` is the folder of a local one."""

    def __init__(self, uri: str, artifacts: Path | None) -> None:
        self.client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.uri, self.artifacts = uri, artifacts

    def listed(self, name: str) -> list[ModelVersion]:
        """Every version, whole or not, newest first."""
        with quietly(self.uri):
            versions = list(self.client.search_model_versions(f"name = '{name}'"))
        return sorted(versions, key=lambda version: -int(version.version))

    def whole(self, name: str) -> list[ModelVersion]:
        """The versions that were registered whole, newest first."""
        return [version for version in self.listed(name) if FINGERPRINT_TAG in version.tags]

    def one(self, name: str, version: str | None) -> ModelVersion:
        """A whole version, the newest when None; raises RegistryError, UnknownNameError."""
        whole = self.whole(name)
        if not whole:
            raise RegistryError(f"No model '{name}' was trained yet.", remedy="Run 'churnml train' first.")
        if version is None:
            return whole[0]
        for candidate in whole:
            if str(candidate.version) == version:
                return candidate
        raise UnknownNameError(f"version of model '{name}'", version, [str(v.version) for v in whole])

    def with_alias(self, name: str, alias: str) -> ModelVersion | None:
        """The version that ``alias`` names, or None."""
        with quietly(self.uri):
            try:
                return self.client.get_model_version_by_alias(name, alias)
            except MlflowException as problem:
                if problem.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def loaded(self, version: ModelVersion) -> RegisteredModel:
        """A version read whole, its checksums tested; raises RegistryError."""
        name, number = version.name, str(version.version)
        if FINGERPRINT_TAG not in version.tags:
            raise RegistryError(
                f"Version {number} of model '{name}' was not registered whole, so it is not used.",
                remedy="Something other than churnml moved the alias. Name another version: "
                f"churnml models promote {name} --version V --because WHY.",
            )
        with quietly(self.uri), tempfile.TemporaryDirectory() as scratch:
            # a local registry's files are read where they lie; a server's are fetched, and not kept
            fetched = None if self.artifacts else scratch
            try:
                path = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/{number}", dst_path=fetched)
            except (MlflowException, OSError) as problem:
                raise RegistryError(
                    f"Version {number} of model '{name}' cannot be read from the registry.",
                    remedy=f"Check the registry's artifacts, or train again. ({type(problem).__name__})",
                ) from None
            folder = Path(path) / "data" / MODEL_FOLDER
            predictor = Predictor.load(folder)
            if checksum(folder / SUMS_FILE) != version.tags.get(CHECKSUM_TAG):
                raise RegistryError(
                    f"Version {number} of model '{name}' was altered after it was registered, its checksums with it.",
                    where=str(folder),
                    remedy="Restore the artifact, or train again.",
                )
        return RegisteredModel(number, predictor, self.record(version))

    def record(self, version: ModelVersion) -> ModelRecord:
        """The record of the run that made a version; raises RegistryError."""
        with quietly(self.uri):
            try:
                path = mlflow.artifacts.download_artifacts(
                    run_id=version.run_id or version.tags[RUN_TAG], artifact_path=RECORD_FILE
                )
                return ModelRecord.read(json.loads(Path(path).read_text("utf-8")))
            # a file that is no JSON, or no record, is a ValueError
            except (MlflowException, OSError, KeyError, ValueError) as problem:
                raise RegistryError(
                    f"The record of version {version.version} of model '{version.name}' cannot be read.",
                    remedy=f"Check the registry's artifacts, or train again. ({type(problem).__name__})",
                ) from None
