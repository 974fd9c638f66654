"""What the command line logs, and for whom."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from churnml.cli.logs import set_up_logs
from pipelines.progress import say


class Terminal(io.StringIO):
    """A standard error that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    logger = logging.getLogger("churnml")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def lines(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, verbose: bool) -> list[str]:
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logs(verbose=verbose)
    say("scoring")
    logging.getLogger("churnml.store").info("%(rows)d rows of %(day)s written", {"rows": 3, "day": "2024-01-01"})
    logging.getLogger("churnml.store").debug("a detail")
    return stream.getvalue().splitlines()


def test_a_terminal_sees_progress_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = lines(monkeypatch, Terminal(), verbose=False)
    assert line.endswith(" s  scoring")


def test_where_no_terminal_looks_on_progress_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = lines(monkeypatch, io.StringIO(), verbose=False)
    assert line.endswith(" INFO    churnml.progress: scoring")


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_verbose_shows_every_room(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    progress, room = lines(monkeypatch, stream, verbose=True)
    assert progress.endswith("INFO    churnml.progress: scoring")
    assert room.endswith("INFO    churnml.store: 3 rows of 2024-01-01 written")


def test_for_machines_each_line_is_an_object_with_what_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURNML_LOG", "json")
    progress, room = map(json.loads, lines(monkeypatch, Terminal(), verbose=False))
    assert (progress["logger"], progress["message"], progress["level"]) == ("churnml.progress", "scoring", "INFO")
    assert room.pop("time").endswith("+00:00")
    assert room == {
        "level": "INFO", "logger": "churnml.store", "message": "3 rows of 2024-01-01 written",
        "rows": 3, "day": "2024-01-01",
    }  # fmt: skip


def test_set_up_again_a_line_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_logs(verbose=True)
    assert len(lines(monkeypatch, io.StringIO(), verbose=True)) == 2
