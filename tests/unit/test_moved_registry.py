"""A registry goes where its project goes; what is damaged in it is told, with the way back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from churnml.adapters.registry.client import quietly
from churnml.adapters.registry.lookups import Lookups
from churnml.adapters.registry.registered import MODEL_FOLDER
from churnml.adapters.registry.rooted import PLACES
from churnml.errors import RegistryError
from tests.unit.test_registry import FRAME, opened, recorded


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of two versions, the first of them champion; never to be changed."""
    folder = tmp_path_factory.mktemp("made") / ".churnml"
    folder.mkdir()
    registry = opened(folder)
    recorded(registry, 1)
    recorded(registry, 2, promoted=False, against="1")
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """A copy of it, in another folder."""
    folder = tmp_path / "a copy" / ".churnml"
    shutil.copytree(made, folder)
    return folder


def places(folder: Path) -> set[str]:
    """Every place that the tables name."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        kept = {row[0] for t, c in PLACES for row in connection.execute(f"SELECT {c} FROM {t} WHERE {c} IS NOT NULL")}
    return {place for place in kept if not place.startswith("models:")}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_version_of_a_moved_registry_is_read_and_the_plain_door_of_mlflow_opens_too(
    made: Path, copied: Path
) -> None:
    assert all(str(made) in place for place in places(copied)), "else this proves nothing"
    away = made.rename(made.with_name("elsewhere"))
    try:
        registry = opened(copied)
        assert [registry.version("churn", number).version for number in ("1", "2")] == ["1", "2"]
        assert registry.record_of("churn", "1").because == "reason 1"
        assert all(place.startswith(f"{(copied / 'mlartifacts').as_uri()}/") for place in places(copied))
        uri = f"sqlite:///{copied / 'mlflow.db'}"
        with quietly(uri):
            plain = mlflow.pyfunc.load_model("models:/churn@champion")
            scores = plain.predict(FRAME)
        assert len(scores) == len(FRAME)
    finally:
        away.rename(made)


def test_what_a_copy_records_lies_in_the_copy_and_the_original_stays_as_it_was(made: Path, copied: Path) -> None:
    before = contents(made)
    registry = opened(copied)
    number = recorded(registry, 3, against="1")
    assert registry.champion_version("churn") == number
    assert contents(made) == before
    experiments = registry.client.search_experiments()
    assert sorted(one.name for one in experiments) == ["Default", "tiny/churn"]


def test_a_registry_that_did_not_move_is_not_written(made: Path) -> None:
    before = contents(made)
    opened(made)
    assert contents(made)["mlflow.db"] == before["mlflow.db"]


def test_look_ups_find_a_moved_model_before_anything_was_set_right(made: Path, copied: Path) -> None:
    away = made.rename(made.with_name("elsewhere"))
    try:
        assert Lookups(copied / "mlflow.db").yardstick("churn", "1") is not None
        assert all(str(made) in place for place in places(copied)), "a look-up writes nothing"
    finally:
        away.rename(made)


def test_experiments_of_others_in_the_same_tables_stay_where_they_are(made: Path, copied: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(copied / "mlflow.db")) as connection, connection:
        columns = "experiment_id, name, artifact_location, lifecycle_stage, workspace"
        row = (99, "theirs", (tmp_path / "theirs").as_uri(), "active", "default")
        connection.execute(f"INSERT INTO experiments ({columns}) VALUES (?, ?, ?, ?, ?)", row)
    registry = opened(copied)
    assert registry.client.get_experiment("99").artifact_location == (tmp_path / "theirs").as_uri()


# ---------------------------------------------------------------- damage


def file_of(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_record(folder: Path, harm: Callable[[Path], None]) -> None:
    for path in folder.glob("mlartifacts/tiny/churn/*/artifacts/record.json"):
        harm(path)


RECORDS: dict[str, Callable[[Path], None]] = {
    "a byte altered": flip,
    "gone": Path.unlink,
    "no JSON": lambda path: path.write_bytes(b"\xff{"),
    "something else": lambda path: path.write_text("[1, 2]", "utf-8"),
}


@pytest.mark.parametrize("harm", RECORDS)
def test_a_damaged_record_is_refused_with_the_way_back(harm: str, copied: Path) -> None:
    registry = opened(copied)
    damage_record(copied, RECORDS[harm])
    with pytest.raises(RegistryError, match="record of version 1") as refused:
        registry.champion("churn")
    for way in ("backup", "churnml models rollback churn", "--version V", "train churn --again"):
        assert way in str(refused.value)


def test_a_training_on_the_same_data_trains_anew_where_the_record_of_the_first_is_damaged(copied: Path) -> None:
    registry = opened(copied)
    assert registry.find("churn", "print 1") is not None
    damage_record(copied, flip)
    assert registry.find("churn", "print 1") is None


def test_another_version_takes_the_place_of_a_damaged_champion(copied: Path) -> None:
    registry = opened(copied)
    run = registry.client.get_model_version("churn", "1").run_id
    flip(copied / "mlartifacts" / "tiny" / "churn" / run / "artifacts" / "record.json")
    with pytest.raises(RegistryError, match="altered"):
        registry.champion("churn")
    registry.appoint("churn", "2", "promoted", "the first is damaged", None)
    champion = registry.champion("churn")
    assert champion is not None
    assert champion.version == "2"


@pytest.mark.parametrize("file", ["booster.txt", "model.json", "sha256.json"])
def test_a_damaged_model_is_refused_with_the_way_back(file: str, copied: Path) -> None:
    registry = opened(copied)
    for path in copied.glob(f"mlartifacts/tiny/churn/models/*/artifacts/data/{MODEL_FOLDER}/{file}"):
        flip(path)
    with pytest.raises(RegistryError, match="Version 1 of model 'churn'") as refused:
        registry.champion("churn")
    assert "models rollback churn" in str(refused.value)


@pytest.mark.parametrize("where", [0, 100, 4096 * 3])
def test_a_damaged_registry_is_told_at_once_with_the_way_back(where: int, copied: Path) -> None:
    path = copied / "mlflow.db"
    content = bytearray(path.read_bytes())
    content[where : where + 4096] = b"\x17" * 4096
    path.write_bytes(content)
    with pytest.raises(RegistryError, match="damaged") as refused:
        opened(copied).versions("churn")
    assert "backup" in str(refused.value)
    with pytest.raises(RegistryError, match="damaged"):
        assert Lookups(path).knows_layout() and Lookups(path).versions("churn")  # noqa: PT018 - whichever sees it first
