"""A store whose file is damaged is told as one, with the way back, and left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from churnml.adapters.store import open_store
from churnml.errors import ProjectError
from tests.store.days import NOW, day, record, scores


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a scored date, all of it in one file."""
    path = tmp_path / "churnml.db"
    with open_store(f"sqlite:///{path}") as store:
        record(store, scores(day("01-01"), "ada", "bo"), "f1", NOW)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def read_all(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        for date in store.dates():
            store.scored(date)


@pytest.mark.parametrize("where", [0, 100, 4096])
def test_a_damaged_page_is_told_with_the_way_back(where: int, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[where : where + 2048] = b"\x17" * 2048
    path.write_bytes(content)
    was = path.read_bytes()
    with pytest.raises(ProjectError, match="damaged") as refused:
        read_all(path)
    for words in ("backup", "churnml score", "-wal"):
        assert words in str(refused.value)
    assert path.read_bytes() == was


def test_json_in_it_that_is_none_is_told_too(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'scores'"
        for (name,) in connection.execute(triggers).fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE scores SET dimensions = '{\"usage\": 1'")
    with pytest.raises(ProjectError, match="damaged"), open_store(f"sqlite:///{path}") as store:
        store.scored(store.dates()[0])


def test_a_store_that_is_whole_is_read(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        assert len(store.scored(store.dates()[0])) == 2
