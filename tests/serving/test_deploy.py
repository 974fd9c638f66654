"""``churnml deploy``: two projects side by side on a Prefect server that keeps its runs in PostgreSQL, and a worker."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.serving import free_port
from pipelines.serving.children import Child
from tests.engines.servers import not_here, own_postgres
from tests.serving.conftest import Prefect, declare, environment, wait_for

POOL = "team"
# nothing runs by itself while a test looks
OFF: dict[str, Any] = {kind: {"active": False} for kind in ("score", "train", "impact", "deliver")}


@dataclass(frozen=True)
class Team:
    """A server with a worker of the pool, and two projects deployed to it."""

    prefect: Prefect
    north: Path
    south: Path
    environment: dict[str, str]

    def churnml(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "churnml.cli", *map(str, words)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def deploy(self, project: Path, *options: str) -> dict[str, dict[str, Any]]:
        """Deployment → what was done to it."""
        done = self.churnml("deploy", "--project", project, "--pool", POOL, "--json", *options)
        assert done.returncode == 0, done.stderr
        return {one["name"]: one for one in json.loads(done.stdout)}

    def start(self, deployment: str, **parameters: Any) -> str:
        there = self.prefect.deployment(deployment)["id"]
        return self.prefect.post(f"/deployments/{there}/create_flow_run", parameters=parameters)["id"]

    def run(self, run_id: str) -> dict[str, Any]:
        return httpx.get(f"{self.prefect.url}/flow_runs/{run_id}", timeout=20).json()

    def ended(self, run_id: str) -> dict[str, Any]:
        return wait_for("a run to end", lambda: (r := self.run(run_id))["state_type"] in ENDED and r)

    def running(self, run_id: str) -> None:
        """Waits until a run is at its steps."""
        began = wait_for("a run to begin", lambda: (r := self.run(run_id))["state_type"] in ("RUNNING", *ENDED) and r)
        assert began["state_type"] == "RUNNING", began


ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@pytest.fixture(scope="module")
def team(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    if not list(Path("/usr/share/postgresql").glob("*/extension/pg_trgm.control")):
        not_here("Prefect needs a PostgreSQL with pg_trgm, which no wheel has: install Debian's postgresql")
    folder = tmp_path_factory.mktemp("team")
    north, south = folder / "north", folder / "south"
    for project in (north, south):
        shutil.copytree(ran, project)
        declare(project, name=project.name, schedules=OFF | {"collision": "cancel" if project == south else "enqueue"})
    (north / "models").mkdir(exist_ok=True)
    (north / "models" / "delivery.yaml").write_text("receivers: {files: {kind: drop, path: out}}\n", "utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    with own_postgres() as database:
        given = environment(
            PREFECT_HOME=str(folder / "prefect"),
            PREFECT_API_URL=url,
            PREFECT_API_DATABASE_CONNECTION_URL=database.replace("postgresql://", "postgresql+asyncpg://"),
            PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS="2",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            PREFECT_WORKER_QUERY_SECONDS="2",
            DO_NOT_TRACK="true",
        )
        server = Child(
            "server",
            ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"],
            given,
            folder,
            folder / "server.log",
        )
        worker = Child(
            "worker",
            ["prefect", "worker", "start", "--pool", POOL, "--type", "process"],
            given,
            folder,
            folder / "w.log",
        )
        try:
            server.start()
            wait_for("the server", lambda: server.alive and httpx.get(f"{url}/health").status_code == 200)
            worker.start()
            wait_for("the pool", lambda: httpx.get(f"{url}/work_pools/{POOL}").status_code == 200)
            team = Team(Prefect(url), north, south, given)
            assert all(one["created"] for one in team.deploy(north).values())
            assert all(one["created"] for one in team.deploy(south).values())
            yield team
        finally:
            worker.stop(30)
            server.stop(20)


@pytest.mark.slow
def test_deploying_again_changes_only_what_is_declared_otherwise(team: Team) -> None:
    declare(team.north, timezone="Europe/Berlin")
    put = team.deploy(team.north)
    assert not any(one["created"] for one in put.values())
    changed = {name: one["changed"] for name, one in put.items() if one["changed"]}
    assert changed == {f"churnml {kind}/north-{kind}": ["schedule"] for kind in ("score", "train", "impact", "deliver")}
    assert team.prefect.deployment("north-score")["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"
    # a folder that calls itself like another's project is not let in its place
    declare(team.south, name="north")
    done = team.churnml("deploy", "--project", team.south, "--pool", POOL)
    declare(team.south, name="south")
    assert done.returncode == 1
    assert "for another folder" in done.stderr


@pytest.mark.slow
def test_the_prefect_yaml_gives_prefect_deploy_the_same_deployments(team: Team, tmp_path: Path) -> None:
    declare(team.south, name="east")
    printed = team.churnml("deploy", "--project", team.south, "--pool", POOL, "--yaml")
    declare(team.south, name="south")
    assert printed.returncode == 0, printed.stderr
    (tmp_path / "prefect.yaml").write_text(printed.stdout, "utf-8")
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(command, cwd=tmp_path, env=team.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in ("score", "train", "impact", "deliver", "run", "backfill"):
        ours, theirs = team.prefect.deployment(f"south-{kind}"), team.prefect.deployment(f"east-{kind}")
        for key in ("entrypoint", "parameters", "work_pool_name", "enforce_parameter_schema", "description"):
            assert ours[key] == theirs[key], (kind, key)
        whens = [[(one["schedule"], one["active"], one["slug"]) for one in d["schedules"]] for d in (ours, theirs)]
        assert whens[0] == whens[1], kind


@pytest.mark.slow
def test_what_is_no_date_or_no_engine_is_refused_before_there_is_a_run(team: Team) -> None:
    there, before = team.prefect.deployment("north-score")["id"], team.prefect.runs("north-score")
    for wrong in ({"as_of": "2024-13-01"}, {"as_of": "2024-02-30"}, {"engine": "abacus"}, {"day": "2024-12-01"}):
        answer = httpx.post(
            f"{team.prefect.url}/deployments/{there}/create_flow_run", json={"parameters": wrong}, timeout=20
        )
        assert answer.status_code in (409, 422), (wrong, answer.text)
    assert len(team.prefect.runs("north-score")) == len(before)


@pytest.mark.slow
def test_two_projects_side_by_side_and_one_run_of_each_at_a_time(team: Team) -> None:
    training = team.start("north-train", again=True, models=["churn"])
    team.running(training)
    scoring = team.start("north-score", as_of="2024-12-23")
    beside = team.start("south-score")
    wait_for("the scoring to wait", lambda: team.run(scoring)["state_name"] == "AwaitingConcurrencySlot")
    team.running(beside)
    cancelled = team.start("south-run")
    # south cancels what is due beside another of its runs, north lets it wait
    refused = team.ended(cancelled)
    assert (refused["state_type"], refused["state"]["message"]) == (
        "CANCELLED",
        "Deployment concurrency limit reached.",
    )
    assert team.ended(beside)["state_type"] == "COMPLETED"
    ended = [team.ended(training), team.ended(scoring)]
    assert [run["state_type"] for run in ended] == ["COMPLETED", "COMPLETED"], ended
    assert ended[0]["end_time"] <= ended[1]["start_time"]
    assert ended[1]["name"] == "north score 2024-12-23"
    _artifacts_tell(team, scoring)
    (delivery,) = wait_for("a delivery after the scoring", lambda: team.prefect.runs("north-deliver"))
    assert team.ended(delivery["id"])["state_type"] == "COMPLETED"
    assert "after a scoring" in delivery["tags"]


def _artifacts_tell(team: Team, scoring: str) -> None:
    """What the runs put on their pages can be read back, and leads to MLflow's run and from there back."""
    there = {one["key"]: one for one in team.prefect.post("/artifacts/latest/filter", sort="KEY_ASC")}
    day = {row["what"]: row["number"] for row in json.loads(there["north-day"]["data"])}
    assert int(day["accounts scored"]) > 100
    assert there["north-day"]["flow_run_id"] == scoring
    assert "ROC AUC" in json.loads(there["north-churn"]["data"])[0]
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{team.north / '.churnml' / 'mlflow.db'}")
    (run_id,) = [word for word in there["north-churn"]["description"].split("`") if len(word) == 32]
    assert client.get_run(run_id).data.tags["prefect.flow_run_id"] == there["north-churn"]["flow_run_id"]


@pytest.mark.slow
def test_a_run_that_is_cancelled_or_given_up_leaves_nothing_half_made(team: Team) -> None:
    def known() -> dict[str, Any]:
        """Everything the store says was scored and done, and every version of the registry."""
        with sqlite3.connect(team.south / ".churnml" / "churnml.db") as store:
            rows = {t: store.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("scorings", "scores", "work")}
        with sqlite3.connect(team.south / ".churnml" / "mlflow.db") as registry:
            tagged = registry.execute(
                "SELECT name, version FROM model_version_tags WHERE key = 'churnml.fingerprint' ORDER BY 1, 2"
            )
            aliases = registry.execute("SELECT name, alias, version FROM registered_model_aliases ORDER BY 1, 2")
            return rows | {"versions": tagged.fetchall(), "aliases": aliases.fetchall()}

    before = known()
    for deployment, parameters in (("south-train", {"again": True}), ("south-score", {"as_of": "2024-12-09"})):
        run = team.start(deployment, **parameters)
        team.running(run)
        team.prefect.post(f"/flow_runs/{run}/set_state", state={"type": "CANCELLING"})
        assert team.ended(run)["state_type"] == "CANCELLED"
    declare(team.south, schedules=OFF | {"train": {"active": False, "timeout_minutes": 0.05}})
    given_up = team.ended(team.start("south-train", again=True))
    # interrupted within a library's import it is told as a failure of that, so its name is not looked at
    assert (given_up["state_type"], given_up["total_run_time"] >= 3) == ("FAILED", True), given_up["state"]
    assert known() == before
    # and the next one goes on as if there had been none
    assert team.ended(team.start("south-score"))["state_type"] == "COMPLETED"
