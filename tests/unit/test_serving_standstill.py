"""What lives and does not do its work is told, and started anew: seen from what the server knows of the runs.

The server is a fake of four addresses; that a real runner and a real server go on was seen by hand, with processes that
were stopped and a disk that was full.
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
from pipelines.serving import REFUSED, UNSCHEDULED, UNTOUCHED, Serving
from pipelines.serving.api import PrefectApi
from pipelines.serving.children import Child
from tests.support import LogLines


class AliveChild(Child):
    """A process that lives until it is killed."""

    def __init__(self, folder: Path) -> None:
        super().__init__("a process", [], {}, folder, None)
        self.killed = 0

    @property
    def alive(self) -> bool:
        return True

    def kill(self) -> None:
        self.killed += 1


class Runs:
    """A server that knows runs that are due, under way and to come; or answers with errors."""

    def __init__(self) -> None:
        self.due: list[dt.datetime] = []
        self.under_way: list[dict[str, object]] = []
        self.to_come = ["score", "train", "impact"]
        self.paused = False
        self.broken = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.broken:
            return httpx.Response(500, json={})
        body = json.loads(request.content) if request.content else {}
        if request.url.path == "/api/deployments/filter":
            schedules = [{"active": True}]
            kinds = ["score", "train", "impact", "deliver"]
            return httpx.Response(
                200,
                json=[
                    {"id": kind, "name": f"north-{kind}", "paused": self.paused, "schedules": schedules}
                    for kind in kinds
                ],
            )
        if request.url.path == "/api/flow_runs/count" and "deployment_id" in body["flow_runs"]:
            assert body["flow_runs"]["state"]["type"]["any_"] == ["SCHEDULED"]
            return httpx.Response(
                200, json=sum(kind in self.to_come for kind in body["flow_runs"]["deployment_id"]["any_"])
            )
        if request.url.path == "/api/flow_runs/count":
            assert body["deployments"]["paused"] == {"eq_": False}
            before = dt.datetime.fromisoformat(body["flow_runs"]["next_scheduled_start_time"]["before_"])
            return httpx.Response(200, json=sum(due < before for due in self.due))
        if request.url.path == "/api/flow_runs/filter":
            return httpx.Response(200, json=[] if "end_time" in body["flow_runs"] else self.under_way)
        return httpx.Response(200, json={"active_slots": 0})


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines = LogLines()
    monkeypatch.setattr(logging.getLogger("churnml.serve"), "handlers", [lines])
    return lines.told


@pytest.fixture
def server(tmp_path: Path) -> AliveChild:
    return AliveChild(tmp_path)


@pytest.fixture
def runner(tmp_path: Path) -> AliveChild:
    return AliveChild(tmp_path)


@pytest.fixture
def serving(runs: Runs, server: AliveChild, runner: AliveChild, tmp_path: Path) -> Serving:
    project = Project(tmp_path, ProjectSpec.model_validate({"name": "north", "inputs": {"a": {"path": "a.csv"}}}))
    api = PrefectApi("http://127.0.0.1:1/api", "churnml:north")
    api._http = httpx.Client(transport=httpx.MockTransport(runs.answer))
    return Serving(project, api, server, runner)


def looks(serving: Serving, times: int) -> None:
    for _ in range(times):
        serving._ask_the_server()


def ago(seconds: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)


def a_run() -> dict[str, object]:
    state = {"timestamp": ago(10).isoformat()}
    return {"id": "r", "name": "north score", "deployment_id": "score", "state_type": "RUNNING", "state": state}


def test_a_runner_that_lives_and_starts_nothing_is_told_and_ended(
    runs: Runs, serving: Serving, runner: AliveChild, server: AliveChild, told: list[str]
) -> None:
    runs.due = [ago(300), ago(200), ago(5)]
    looks(serving, UNTOUCHED - 1)
    assert (runner.killed, told) == (0, [])
    looks(serving, 1)
    assert (runner.killed, server.killed) == (1, 0)
    assert told == ["2 runs are over 60 s late: the runner lives and starts nothing"]


def test_a_runner_is_given_as_long_again_after_each_restart(runs: Runs, serving: Serving, runner: AliveChild) -> None:
    runs.due = [ago(300)]
    looks(serving, 3 * UNTOUCHED)
    assert runner.killed == 3


@pytest.mark.parametrize("why", ["only just due", "a run is under way", "taken in time now and then"])
def test_a_runner_that_works_is_left_alone(runs: Runs, serving: Serving, runner: AliveChild, why: str) -> None:
    runs.due = [ago(30 if why == "only just due" else 300)]
    if why == "a run is under way":
        runs.under_way = [a_run()]
    for number in range(4 * UNTOUCHED):
        looks(serving, 1)
        if why == "taken in time now and then":
            runs.due = [ago(300)] if number % (UNTOUCHED - 1) else []
    assert runner.killed == 0


def test_a_server_that_schedules_nothing_more_is_told_and_ended(
    runs: Runs, serving: Serving, server: AliveChild, runner: AliveChild, told: list[str]
) -> None:
    runs.to_come = ["train"]
    looks(serving, UNSCHEDULED - 1)
    assert (server.killed, told) == (0, [])
    looks(serving, 1)
    assert (server.killed, runner.killed) == (1, 0)
    assert told == ["the Prefect server has scheduled no run of north-impact, north-score for 120 s"]


def test_what_somebody_paused_on_the_server_need_not_be_scheduled(
    runs: Runs, serving: Serving, server: AliveChild
) -> None:
    runs.to_come, runs.paused = [], True
    looks(serving, 2 * UNSCHEDULED)
    assert server.killed == 0


def test_a_server_that_is_up_and_fails_at_every_question_is_told_and_ended(
    runs: Runs, serving: Serving, server: AliveChild, told: list[str]
) -> None:
    runs.broken = True
    looks(serving, REFUSED - 1)
    runs.broken = False
    looks(serving, 1)
    runs.broken = True
    looks(serving, REFUSED - 1)
    assert (server.killed, told) == (0, [])
    looks(serving, 1)
    assert server.killed == 1
    assert told == ["the Prefect server has answered with errors for 60 s (500 at /api/flow_runs/filter)"]


def test_the_server_of_others_is_told_of_and_left_alone(
    runs: Runs, serving: Serving, server: AliveChild, told: list[str]
) -> None:
    serving.server = None
    runs.broken = True
    looks(serving, REFUSED)
    assert server.killed == 0
    assert told == ["the Prefect server has answered with errors for 60 s (500 at /api/flow_runs/count)"]
