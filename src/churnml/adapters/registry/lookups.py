"""What a look-up asks of a local registry, read from MLflow's own tables: importing MLflow takes seconds.

Nothing is written, and only a layout of the tables that this code knows is read; everything else goes through
MLflow's client.
"""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from churnml.adapters.project import Project
from churnml.adapters.registry.registered import (
    CHALLENGER,
    CHAMPION,
    CHECKSUM_TAG,
    FINGERPRINT_TAG,
    MODEL_FOLDER,
    VERDICT_TAG,
)
from churnml.adapters.registry.rooted import ARTIFACTS, damaged, folder_of, is_damage
from churnml.errors import RegistryError
from churnml.modelling.tenure import RegisteredVersion

if TYPE_CHECKING:
    from churnml.adapters.registry import Registry
    from churnml.health.changes import Yardstick

log = logging.getLogger("churnml.registry")

REGISTRY_FILE = "mlflow.db"
# MLflow's migrations whose tables are read here as MLflow reads them: 3.17
LAYOUTS = frozenset({"dc11669786a5"})
WHOLE = """
    SELECT v.version, v.creation_time, coalesce(nullif(v.storage_location, ''), v.source) AS artifacts,
           (SELECT value FROM model_version_tags t
             WHERE (t.workspace, t.name, t.version, t.key) = (v.workspace, v.name, v.version, :verdict)) AS verdict,
           (SELECT value FROM model_version_tags t
             WHERE (t.workspace, t.name, t.version, t.key) = (v.workspace, v.name, v.version, :checksum)) AS checksum
      FROM model_versions v
      JOIN model_version_tags f
        ON (f.workspace, f.name, f.version, f.key) = (v.workspace, v.name, v.version, :fingerprint)
     WHERE v.workspace = 'default' AND v.name = :name AND coalesce(v.current_stage, '') <> 'Deleted_Internal'
     ORDER BY v.version DESC
"""
ALIASED = "SELECT alias, version FROM registered_model_aliases WHERE workspace = 'default' AND name = ?"


class Lookups:
    """Reads the registry in the SQLite file ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def knows_layout(self) -> bool:
        """Whether the file is there, with tables this code knows; raises RegistryError when it is damaged."""
        try:
            return {row["version_num"] for row in self._rows("SELECT version_num FROM alembic_version")} <= LAYOUTS
        except sqlite3.Error:
            return False

    def versions(self, name: str) -> list[RegisteredVersion]:
        """As :meth:`churnml.adapters.registry.Registry.versions`."""
        aliased = {row["alias"]: row["version"] for row in self._rows(ALIASED, (name,))}
        return [
            RegisteredVersion(
                version=str(row["version"]),
                champion=aliased.get(CHAMPION) == row["version"],
                challenger=aliased.get(CHALLENGER) == row["version"],
                verdict=row["verdict"] or "",
                created=dt.datetime.fromtimestamp(row["creation_time"] / 1000, dt.UTC),
            )
            for row in self._whole(name)
        ]

    def yardstick(self, name: str, version: str | None) -> Yardstick | None:
        """As :meth:`churnml.adapters.registry.Registry.yardstick`."""
        # pandas comes with them, and a list of versions needs none
        from churnml.health.changes import yardstick_of
        from churnml.modelling.stored import SUMS_FILE, checksum, read_model

        for row in self._whole(name):
            if version in (None, str(row["version"])):
                folder = folder_of(row["artifacts"], self._path.parent / ARTIFACTS) / "data" / MODEL_FOLDER
                model = read_model(folder)
                if checksum(folder / SUMS_FILE) != row["checksum"]:
                    raise RegistryError("The stored model was altered, its checksums with it.", where=str(folder))
                return yardstick_of(model, str(row["version"]), in_use=version is not None)
        if version is None:
            return None
        raise RegistryError(f"There is no version {version} of model '{name}'.")

    def _whole(self, name: str) -> list[sqlite3.Row]:
        """The versions that were registered whole, newest first."""
        tags = {"verdict": VERDICT_TAG, "checksum": CHECKSUM_TAG, "fingerprint": FINGERPRINT_TAG}
        return self._rows(WHOLE, {"name": name} | tags)

    def _rows(self, query: str, values: dict[str, str] | tuple[str, ...] = ()) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.DatabaseError as problem:
                if is_damage(problem):
                    raise damaged(self._path) from None
                raise


def lookups_of(project: Project) -> Lookups | Registry:
    """The project's registry for look-ups: its tables where it is local and of a known layout, else MLflow's client."""
    if project.registry_is_local:
        lookups = Lookups(project.work / REGISTRY_FILE)
        if lookups.knows_layout():
            log.info("the local registry's tables are read directly")
            return lookups
    from churnml.adapters.registry import registry_of

    return registry_of(project)


def versions_of(project: Project, model: str) -> list[RegisteredVersion]:
    """The registered versions of a model, the newest first, for whoever only looks; raises RegistryError.

    A local registry that is not there yet has none: looking does not make one.
    """
    if project.registry_is_local and not (project.work / REGISTRY_FILE).exists():
        return []
    return lookups_of(project).versions(model)
