"""The one place of a project on its server: what was taken and never given back is given back.

The server is a fake of three addresses; that the real one goes on after it was seen by hand, on a disk that was full.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from pathlib import Path

import httpx
import pytest

from churnml.adapters.project import Project
from churnml.specs.project import ProjectSpec
from pipelines.serving import UNCLAIMED, Serving
from pipelines.serving.api import PrefectApi
from pipelines.serving.children import Child
from tests.support import LogLines


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
    child = Child("a process", [], {}, tmp_path, None)
    return Serving(project, api, child if own else None, child)


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
