"""Where the store is, who may know it, and what is told when it cannot be had."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from churnml.adapters.store import open_store, reading
from churnml.errors import ProjectError
from tests.store.days import NOW, day, record, scores


def test_postgresql_is_spoken_to_through_psycopg_3_however_its_url_begins(postgres_server: str) -> None:
    for beginning in ("postgresql://", "postgres://", "postgresql+psycopg://"):
        with open_store(postgres_server.replace("postgresql://", beginning)) as store:
            assert store.dates() == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://churnml:hunter2@127.0.0.1:1/store",
        "postgresql://churnml:hunter2@/store?host=/nowhere",
        "sqlite:////nowhere/hunter2/store.db",
        "mysql://churnml:hunter2@127.0.0.1/store",
        "hunter2 is no url",
        "postgresql+nothing://churnml:hunter2@127.0.0.1/store",
        "postgresql://churnml:hunter2@127.0.0.1:port/store",
    ],
)
def test_a_store_that_cannot_be_had_is_told_without_its_url(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ProjectError) as refused, open_store(url):
        pass
    told: BaseException | None = refused.value
    assert "operational" in str(told)
    while told is not None:
        assert told.__suppress_context__ or told.__context__ is None
        assert "hunter2" not in str(told)
        told = told.__cause__
    assert "hunter2" not in caplog.text


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my precious notes, longer than the header of a database\n" * 20, "utf-8")
    was = path.read_bytes()
    with pytest.raises(ProjectError, match="cannot be opened"), open_store(f"sqlite:///{path}"):
        pass
    assert path.read_bytes() == was


def test_sqlite_writes_ahead_and_whole(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/store.db") as store, store._connections.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_reader_sees_one_moment_while_others_write(url: str) -> None:
    with open_store(url) as store, open_store(url) as other:
        record(store, scores(day("03-01"), "a"), "one", NOW)
        with store._connections.reading() as connection:
            assert reading.dates(connection) == [day("03-01")]
            assert record(other, scores(day("03-02"), "a"), "two", NOW)
            assert reading.dates(connection) == [day("03-01")]
        assert store.dates() == [day("03-01"), day("03-02")]


def test_reading_a_list_loads_neither_models_nor_migrations(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a"), "one", NOW)
    program = (
        "import sys\nfrom churnml.adapters.store import open_store\n"
        f"with open_store({url!r}) as store: store.queue(store.dates()[-1])\n"
        "print([name for name in ('pandas', 'lightgbm', 'alembic') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
