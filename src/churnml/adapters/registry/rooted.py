"""Where a local registry's artifacts are: beside its tables, wherever the project's folder is now.

MLflow keeps absolute places. When a project was moved or copied they still name the old folder, so they are set right
as soon as the registry is opened, and read as if they had been where that cannot be written.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from churnml.errors import RegistryError

log = logging.getLogger("churnml.registry")

ARTIFACTS = "mlartifacts"
# Where MLflow's tables hold places of artifacts.
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
# The experiment that MLflow makes with the tables: its place says where the registry was then.
FIRST_EXPERIMENT = 0
# How long another process that writes is waited for.
PATIENCE_SECONDS = 60
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def folder_of(place: str, artifacts: Path) -> Path:
    """The folder that MLflow calls ``place``, looked for in ``artifacts`` too where it was moved."""
    path = Path(url2pathname(urlsplit(place).path)) if place.startswith("file:") else Path(place)
    if path.is_relative_to(artifacts):
        return path
    inside = _inside(path, artifacts)
    return path if inside is None else artifacts / inside


def follow(database: Path, artifacts: Path) -> None:
    """Sets the places in a registry's tables right after its folder was moved or copied; else nothing is written.

    Args:
        database: the SQLite file.
        artifacts: the folder of its artifacts, where it is now.

    Raises:
        RegistryError: the file is damaged.
    """
    if not database.exists():
        return
    try:
        with closing(_connection(database, "ro")) as connection:
            roots = _former_roots(connection, artifacts)
        if not roots:
            return
        with closing(_connection(database, "rw")) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            moved = sum(_move(connection, root, f"{artifacts.as_uri()}/") for root in roots)
        log.info("the project was moved: %(places)d places of artifacts set right", {"places": moved})
    except sqlite3.DatabaseError as problem:
        if is_damage(problem):
            raise damaged(database) from None
        # a folder that may only be read, or tables of another MLflow: what is read is looked for here all the same
        log.warning("places of artifacts could not be set right (%(why)s)", {"why": problem})


def is_damage(problem: BaseException | None) -> bool:
    """Whether SQLite says that the file is not what it wrote."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def is_damaged(database: Path) -> bool:
    """Whether SQLite's own check finds the file damaged."""
    try:
        with closing(_connection(database, "ro")) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as problem:
        return is_damage(problem)


def damaged(database: Path) -> RegistryError:
    """What is told of a registry that nothing can make anew."""
    return RegistryError(
        "The model registry's file is damaged.",
        where=str(database),
        remedy="Restore it from a backup, together with the folder mlartifacts beside it. Without one, move both away "
        "and train again ('churnml train'): the new versions count from 1, and who was champion when is lost.",
    )


def _connection(database: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(database))}?mode={mode}", uri=True, timeout=PATIENCE_SECONDS)


def _inside(path: Path, artifacts: Path) -> Path | None:
    """The part of ``path`` below a folder for artifacts, when it is there in ``artifacts``."""
    for place in range(len(path.parts) - 1, 0, -1):
        inside = Path(*path.parts[place:])
        if path.parts[place - 1] == ARTIFACTS and (artifacts / inside).exists():
            return inside
    return None


def _former_roots(connection: sqlite3.Connection, artifacts: Path) -> list[str]:
    """The URIs, with a slash behind, under which this registry's artifacts were before."""
    roots = set()
    for number, place in connection.execute("SELECT experiment_id, artifact_location FROM experiments"):
        path = Path(url2pathname(urlsplit(place or "").path))
        if not (place or "").startswith("file:") or path.is_relative_to(artifacts):
            continue
        if number == FIRST_EXPERIMENT and path.parent.name == ARTIFACTS:
            roots.add(f"{path.parent.as_uri()}/")
        elif (inside := _inside(path, artifacts)) is not None:
            roots.add(f"{path.parents[len(inside.parts) - 1].as_uri()}/")
    return sorted(roots)


def _move(connection: sqlite3.Connection, before: str, now: str) -> int:
    moved = 0
    for table, column in PLACES:
        there = [row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (table,))]
        if column in there:
            statement = f"UPDATE {table} SET {column} = :now || substr({column}, :length + 1) "  # noqa: S608
            statement += f"WHERE substr({column}, 1, :length) = :before"
            moved += connection.execute(statement, {"now": now, "before": before, "length": len(before)}).rowcount
    return moved
