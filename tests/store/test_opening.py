"""Where the store is, who may know it, and what is told when it cannot be had."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from churnml.adapters.store import connections, open_store, reading, sqlite_file
from churnml.errors import ChurnmlError, ProjectError, UnavailableError
from tests.store.days import NOW, day, record, scores


def test_postgresql_is_spoken_to_through_psycopg_3_however_its_url_begins(postgres_server: str) -> None:
    for beginning in ("postgresql://", "postgres://", "postgresql+psycopg://"):
        with open_store(postgres_server.replace("postgresql://", beginning)) as store:
            assert store.dates() == []


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://churnml:hunter2@127.0.0.1:1/store", UnavailableError),
        ("postgresql://churnml:hunter2@/store?host=/nowhere", UnavailableError),
        ("postgresql://churnml:hunter2@nowhere.invalid/store", UnavailableError),
        ("sqlite:////nowhere/hunter2/store.db", ProjectError),
        ("mysql://churnml:hunter2@127.0.0.1/store", ProjectError),
        ("hunter2 is no url", ProjectError),
        ("postgresql+nothing://churnml:hunter2@127.0.0.1/store", ProjectError),
        ("postgresql://churnml:hunter2@127.0.0.1:port/store", ProjectError),
    ],
)
def test_a_store_that_cannot_be_had_is_told_without_its_url(
    url: str, kind: type[ChurnmlError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ChurnmlError) as refused, open_store(url):
        pass
    assert type(refused.value) is kind
    told: BaseException | None = refused.value
    assert "operational" in str(told)
    while told is not None:
        assert told.__suppress_context__ or told.__context__ is None
        assert "hunter2" not in str(told)
        told = told.__cause__
    assert "hunter2" not in caplog.text


def test_a_server_that_lets_nobody_in_is_a_mistake_and_one_that_says_nothing_an_outage(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 2)
    named = sa.make_url(postgres_server)
    for wrong in (named.set(database="nowhere"), named.set(username="nobody_here")):
        with pytest.raises(ProjectError), open_store(wrong.render_as_string(hide_password=False)):
            pass
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://churnml@127.0.0.1:{mute.getsockname()[1]}/store"
        with pytest.raises(UnavailableError), open_store(url):
            pass


def test_a_server_that_ends_a_connection_is_an_outage_and_the_next_command_goes_through(postgres_server: str) -> None:
    with open_store(postgres_server) as store:
        with pytest.raises(UnavailableError), store._connections.writing() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        assert store.dates() == []


def test_a_file_that_may_only_be_read_is_read_and_whoever_writes_it_meanwhile_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a"), "one", NOW)
    # who may write where is the system's to say (tests/flows/test_outages.py); here it says no
    with monkeypatch.context() as may, open_store(url) as writer:
        may.setattr(sqlite_file.os, "access", lambda *_: False)
        with open_store(url) as store:
            assert store.dates() == [day("03-01")]  # beside a writer, whose locks are used
            with pytest.raises(ProjectError, match="refuses churnml"):
                record(store, scores(day("03-02"), "a"), "two", NOW)
        may.undo()
        assert record(writer, scores(day("03-02"), "a"), "two", NOW)
    with monkeypatch.context() as may:
        may.setattr(sqlite_file.os, "access", lambda *_: False)
        with open_store(url) as store:
            assert store.dates() == [day("03-01"), day("03-02")]
            may.undo()
            with pytest.raises(UnavailableError, match="written while it was read"), store._connections.reading():
                _write_beside(url)
            assert store.dates()[-1] == day("03-03")


def _write_beside(url: str) -> None:
    with open_store(url) as writer:
        record(writer, scores(day("03-03"), "a"), "three", NOW)


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
