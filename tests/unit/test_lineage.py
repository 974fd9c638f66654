"""OpenLineage events of a run, as a lineage server receives them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from churnml.errors import ProjectError
from pipelines.lineage import with_lineage
from tests.support import LogLines, make_project

ACCOUNTS = "account_id | created_at\na | 2024-01-01"


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("CHURNML_ENGINE", "plain")
        yield events
        server.shutdown()


def scored(project: Path) -> str:
    return "done"


def spoiled(project: Path) -> str:
    raise ProjectError("The store is not there.", where="postgresql://u:secret@host/db")


def test_a_run_starts_and_completes_with_what_it_reads_and_writes(
    tmp_path: Path, received: list[dict[str, Any]]
) -> None:
    make_project(tmp_path, {"accounts": ACCOUNTS})
    assert with_lineage("churnml score", scored)(tmp_path) == "done"
    assert [event["eventType"] for event in received] == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in received}) == 1
    assert {event["job"]["name"] for event in received} == {"tiny.score"}
    assert [one["name"] for one in received[0]["inputs"]] == ["raw_accounts"]
    assert "scores" in [one["name"] for one in received[0]["outputs"]]


def test_a_run_that_fails_says_so_and_tells_no_secret(tmp_path: Path, received: list[dict[str, Any]]) -> None:
    make_project(tmp_path, {"accounts": ACCOUNTS})
    with pytest.raises(ProjectError):
        with_lineage("churnml score", spoiled)(tmp_path)
    assert [event["eventType"] for event in received] == ["START", "FAIL"]
    assert received[1]["run"]["facets"]["errorMessage"]["message"] == "The store is not there."
    assert "secret" not in json.dumps(received)


def test_a_lineage_server_that_does_not_answer_is_told_once_and_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path, {"accounts": ACCOUNTS})
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CHURNML_ENGINE", "plain")
    lines = LogLines()
    monkeypatch.setattr(logging.getLogger("churnml.lineage"), "handlers", [lines])
    assert with_lineage("churnml score", scored)(tmp_path) == "done"
    assert len(lines.told) == 1, lines.told
    assert "OPENLINEAGE_URL is set, but lineage events cannot be sent" in lines.told[0]


def test_without_an_address_nobody_is_told(tmp_path: Path, received: list[dict[str, Any]], monkeypatch) -> None:
    monkeypatch.delenv("OPENLINEAGE_URL")
    assert with_lineage("churnml score", scored)(tmp_path) == "done"
    assert received == []
