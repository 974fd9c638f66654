"""``churnml serve``: scheduled runs that really start, and what becomes of them when its processes are killed."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from pipelines.serving import free_port
from tests.serving.conftest import declare, environment, living_members, served, wait_for

NAME = "simulated-company"


@pytest.mark.slow
def test_what_is_scheduled_runs_and_a_missed_run_is_made_up_once_after_server_and_runner_were_killed(
    ran: Path, tmp_path: Path
) -> None:
    project = tmp_path / "company"
    shutil.copytree(ran, project)
    declare(
        project, schedules={"score": {"every_seconds": 10}, "train": {"every_seconds": 30}, "impact": {"active": False}}
    )
    port = free_port()
    with served(project, tmp_path / "serve.log", "--port", str(port)) as serving:
        api = serving.api()
        for kind in ("train", "score"):
            wait_for(f"a scheduled {kind}", lambda kind=kind: api.runs(f"{NAME}-{kind}", "COMPLETED"))
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").json() == {"alive": True}
        ready = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30)
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": []})
        groups = [*serving.pids("Prefect server"), *serving.pids("runner")]
        killed = dt.datetime.now(dt.UTC)
        for pid in groups:
            os.kill(pid, signal.SIGKILL)
        # what was due every 10 s meanwhile was missed by a server that takes longer to come back
        wait_for("the runner to be started again", lambda: len(serving.pids("runner")) == 2)
        back = dt.datetime.now(dt.UTC)
        assert not living_members(groups)
        wait_for("the missed scoring to be told", lambda: serving.seen(rf"{NAME}-score: the run due at .* made up now"))
        after = wait_for("a scoring after that", lambda: _completed_since(api.runs(f"{NAME}-score", "COMPLETED"), back))
        assert all(dt.datetime.fromisoformat(run["expected_start_time"]) > killed for run in after)
        missed = [run for run in api.runs(f"{NAME}-score") if killed < _due(run) < back]
        assert sum(run["state_type"] != "CANCELLED" for run in missed) <= 1, [run["state_name"] for run in missed]
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        for line in (
            'churnml_last_success_timestamp_seconds{flow="score"} ',
            'churnml_accounts{band="',
            "churnml_runner_up 1",
        ):
            assert line in metrics, metrics
        groups += [*serving.pids("Prefect server"), *serving.pids("runner")]
        assert serving.stop() == 0, serving.log
        assert not living_members(groups)
        assert "Traceback" not in serving.log
    with sqlite3.connect(project / ".churnml" / "serve" / "prefect" / "prefect.db") as database:
        stuck = database.execute(
            "SELECT name, state_type FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING', 'CANCELLING')"
        ).fetchall()
    assert stuck == []


def _due(run: dict) -> dt.datetime:
    return dt.datetime.fromisoformat(run["expected_start_time"])


def _completed_since(runs: list[dict], moment: dt.datetime) -> list[dict]:
    return [run for run in runs if dt.datetime.fromisoformat(run["start_time"]) > moment]


def test_a_server_that_does_not_answer_is_refused_and_nothing_is_started(ran: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "churnml.cli", "serve", "--project", str(ran)],
        env=environment(PREFECT_API_URL="http://127.0.0.1:9/api"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 75, done.stderr
    assert "The Prefect server does not answer" in done.stderr
    assert "started as process" not in done.stderr
