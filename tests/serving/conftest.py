"""What runs by itself, in processes of its own: ``churnml serve``, Prefect's server and its workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.flows.conftest import ran, simulated

__all__ = ["ran", "simulated"]

ROOT = Path(__file__).parents[2]
# for a machine that does much else
PATIENCE = 240.0


def environment(**more: str) -> dict[str, str]:
    """This environment for a process of churnml's, without what it and its engines read; with this checkout's code."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "MLFLOW_", "CHURNML_"))}
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return kept | {"PYTHONPATH": paths, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"} | more


def wait_for(what: str, look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What ``look`` finds, as soon as it finds something."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            if answer := look():
                return answer
        except httpx.TransportError:
            pass  # a server that is down for a moment
        time.sleep(0.5)
    pytest.fail(f"waited {patience:.0f} s for {what}")


def declare(project: Path, **changed: Any) -> None:
    """Changes keys of project.yaml."""
    path = project / "project.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | changed), "utf-8")


@dataclass
class Prefect:
    """A server's API, as a test asks it."""

    url: str

    def post(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.url}{path}", json=body, timeout=20)
        assert answer.status_code < 300, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def runs(self, deployment: str, *states: str) -> list[dict[str, Any]]:
        """Runs of a deployment, by its name, in order of when they were due."""
        wanted: dict[str, Any] = {"state": {"type": {"any_": list(states)}}} if states else {}
        body = {"flow_runs": wanted, "deployments": {"name": {"any_": [deployment]}}}
        return self.post("/flow_runs/filter", sort="EXPECTED_START_TIME_ASC", **body)

    def deployment(self, name: str) -> dict[str, Any]:
        found = self.post("/deployments/filter", deployments={"name": {"any_": [name]}})
        assert len(found) == 1, found
        return found[0]


class Served:
    """``churnml serve`` as a process, with its log."""

    def __init__(self, project: Path, log: Path, *options: str, **more: str) -> None:
        self.log_file = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "churnml.cli", "serve", "--project", str(project), *options],
                env=environment(**more),
                stdout=out,
                stderr=out,
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8", errors="replace")

    def seen(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.log)

    def pids(self, child: str) -> list[int]:
        return [int(pid) for pid in self.seen(rf"the {child} started as process (\d+)")]

    def api(self) -> Prefect:
        url = wait_for("serve to be ready", lambda: self._alive() and self.seen(r"Prefect's pages are at (\S+)"))[-1]
        return Prefect(f"{url}/api")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.log
        return True


@contextmanager
def served(project: Path, log: Path, *options: str, **more: str) -> Iterator[Served]:
    serving = Served(project, log, *options, **more)
    try:
        yield serving
    finally:
        if serving.process.poll() is None:
            serving.process.kill()
            serving.process.wait()


def living_members(groups: list[int]) -> list[int]:
    """The processes of these process groups that live."""
    living = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z" and int(fields[2]) in groups:
            living.append(int(folder.name))
    return living
