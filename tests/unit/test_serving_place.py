"""The one place of a project on its server: what was taken and never given back is given back.

The server is a fake of three addresses; that the real one goes on after it was seen by hand, on a disk that was full.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from churnml.adapters.project import Project
from churnml.specs.project import ProjectSpec
from pipelines.serving import PROCESSLESS, UNCLAIMED, Serving
from pipelines.serving.api import PrefectApi
from pipelines.serving.children import Child
from tests.support import LogLines


class WithOrWithoutARun(Child):
    """A runner that lives, with the process of a run or without."""

    without = False

    @property
    def childless(self) -> bool:
        return self.without


class PlaceOnServer:
    """A server with one limit."""

    def __init__(self) -> None:
        self.taken, self.asked_of = 1, set[str]()
        self.under_way: list[dict[str, object]] = []
        self.ended: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked_of.add(request.url.path)
        if request.url.path == "/api/flow_runs/filter":
            return httpx.Response(200, json=self.under_way)
        if request.url.path == "/api/deployments/filter":
            return httpx.Response(200, json=[{"id": "d-1", "name": "north-score"}])
        if request.url.path.endswith("/set_state"):
            self.ended.append(request.url.path.split("/")[3])
            assert json.loads(request.content)["state"]["type"] == "CRASHED"
            return httpx.Response(201, json={})
        if request.method == "PATCH":
            self.taken = json.loads(request.content)["active_slots"]
            return httpx.Response(204)
        return httpx.Response(200, json={"active_slots": self.taken})


def a_run(run_id: str, state: str, minutes: float) -> dict[str, object]:
    """A run that has been in its state for so many minutes."""
    since = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    return {
        "id": run_id,
        "name": f"north score {run_id}",
        "deployment_id": "d-1",
        "state_type": state,
        "state": {"timestamp": since.isoformat()},
    }


def serving_of(place: PlaceOnServer, tmp_path: Path, *, own: bool = True) -> Serving:
    project = Project(tmp_path, ProjectSpec.model_validate({"name": "north", "inputs": {"a": {"path": "a.csv"}}}))
    api = PrefectApi("http://127.0.0.1:1/api", "churnml:north")
    api._http = httpx.Client(transport=httpx.MockTransport(place.answer))
    runner = WithOrWithoutARun("the runner", [], {}, tmp_path, None)
    return Serving(project, api, Child("the server", [], {}, tmp_path, None) if own else None, runner)


def looks(serving: Serving, times: int) -> None:
    for _ in range(times):
        serving._look_after_place()


def test_a_place_that_no_run_holds_is_given_back_after_some_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, lines = PlaceOnServer(), LogLines()
    monkeypatch.setattr(logging.getLogger("churnml.serve"), "handlers", [lines])
    serving = serving_of(place, tmp_path)
    looks(serving, UNCLAIMED - 1)
    assert place.taken == 1
    looks(serving, 1)
    assert place.taken == 0
    assert "/api/v2/concurrency_limits/churnml-north" in place.asked_of
    assert lines.told == ["a run that is over kept the project's place for 30 s; it is given back"]


def test_a_place_that_a_run_holds_is_left_to_it_and_the_looks_are_counted_anew(tmp_path: Path) -> None:
    place = PlaceOnServer()
    serving = serving_of(place, tmp_path)
    looks(serving, UNCLAIMED - 1)
    place.under_way = [a_run("r-1", "RUNNING", 1)]
    looks(serving, 2 * UNCLAIMED)
    assert place.taken == 1
    place.under_way = []
    looks(serving, UNCLAIMED - 1)
    assert place.taken == 1


def test_on_a_server_of_others_no_place_is_touched(tmp_path: Path) -> None:
    place = PlaceOnServer()
    looks(serving_of(place, tmp_path, own=False), 2 * UNCLAIMED)
    assert place.taken == 1
    assert place.asked_of == set()


def test_a_run_whose_process_must_be_gone_is_given_up_and_others_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, lines = PlaceOnServer(), LogLines()
    monkeypatch.setattr(logging.getLogger("churnml.serve"), "handlers", [lines])
    place.under_way = [
        a_run("never-began", "PENDING", 6),
        a_run("about-to", "PENDING", 1),
        a_run("at-work", "RUNNING", 230),
        a_run("too-long", "RUNNING", 250),
    ]
    looks(serving_of(place, tmp_path), 1)
    assert place.ended == ["never-began", "too-long"]
    assert lines.told[0] == "north score never-began is given up. Nothing was heard of it for 6 minutes."


def test_a_run_without_a_process_is_given_up_after_some_looks_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, lines = PlaceOnServer(), LogLines()
    monkeypatch.setattr(logging.getLogger("churnml.serve"), "handlers", [lines])
    place.under_way = [a_run("killed", "RUNNING", 3), a_run("waits", "PAUSED", 3), a_run("just-begun", "PENDING", 0.1)]
    serving = serving_of(place, tmp_path)
    assert isinstance(serving.runner, WithOrWithoutARun)
    for without in (True,) * (PROCESSLESS - 1) + (False,) + (True,) * (PROCESSLESS - 1):
        serving.runner.without = without
        looks(serving, 1)
    assert place.ended == []
    looks(serving, 1)
    assert place.ended == ["killed"]
    assert lines.told == ["north score killed is given up. Its process is gone, and how it ended was lost."]


def test_whether_what_a_process_started_lives_is_seen_even_where_nobody_waited_for_it(tmp_path: Path) -> None:
    (tmp_path / "starter.py").write_text(
        "import subprocess, sys, time\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(one.pid, flush=True)\ntime.sleep(60)\n"
    )
    log = tmp_path / "log"
    child = Child("a process", ["starter"], dict(os.environ), tmp_path, log)
    assert not child.childless
    child.start()
    try:
        wait_until(lambda: log.read_text().endswith("\n"))
        assert not child.childless
        os.kill(int(log.read_text()), signal.SIGKILL)
        wait_until(lambda: child.childless)
    finally:
        child.kill()
    assert not child.childless


def wait_until(true: Callable[[], bool]) -> None:
    """Waits some seconds at most."""
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
