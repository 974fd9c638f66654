"""What running by itself costs: ``python -m benchmarks.overhead``, written into docs/performance.md.

The same scoring of ten thousand accounts as plain functions, under Prefect with a server, and under ``churnml serve``;
the share of a run that watching takes; and the peak memory of each flow.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.believe import replace_block
from benchmarks.processes import Spent, spent
from pipelines.serving import free_port

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
CHURNML = [sys.executable, "-m", "churnml.cli"]
ROUNDS = 3
MARK = "python -m benchmarks.overhead"
# some ten thousand of them pay at the end
ACCOUNTS, EVENTS = 14_000, 4_000_000
QUICK = "schedules: {score: {active: false}, train: {active: false}, impact: {every_seconds: 86000}}\n"
# What is watched, timed where it is done, in one process that checks the tables and scores a date.
WATCHED = """
import json, os, sys, time
os.environ["CHURNML_ENGINE"] = "plain"
spent = {}
def timed(module, name):
    function = getattr(module, name)
    def called(*args, **kwargs):
        begun = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - begun
    setattr(module, name, called)
from churnml.adapters.warehouse import store
from churnml.jobs import watching
timed(store, "write_profile")
timed(watching, "watch_data")
import pipelines.score
pipelines.score.watch_data = watching.watch_data
begun = time.process_time()
pipelines.score.score(sys.argv[1])
print(json.dumps(spent | {"all": time.process_time() - begun}))
"""


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Spent:
    """A whole command; raises RuntimeError when it fails."""
    with tempfile.TemporaryDirectory() as scratch, changed(environment or {}):
        done = spent([*CHURNML, *arguments], Path(scratch))
    if done.code:
        raise RuntimeError(done.err)
    return done


@contextlib.contextmanager
def changed(environment: Mapping[str, str]) -> Iterator[None]:
    """The environment with some of it changed."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def forget_scores(project: Path) -> None:
    """Every scoring is to be a new one."""
    for file in (project / ".churnml").glob("churnml.db*"):
        file.unlink()


@contextlib.contextmanager
def served(project: Path) -> Iterator[str]:
    """``churnml serve`` of a project, and the address of its Prefect server."""
    port = free_port()
    log = project / "serve.log"
    with open(log, "wb") as file:
        command = [*CHURNML, "serve", "--project", str(project), "--prefect-port", str(port)]
        process = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            while b"runs by its schedules" not in log.read_bytes():
                if process.poll() is not None:
                    raise RuntimeError(log.read_text("utf-8"))
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


def run_under_serve(url: str) -> float:
    """Wall seconds from asking for a scoring to its end."""

    def asked(path: str, body: Mapping[str, Any]) -> Any:
        answer = httpx.post(f"{url}{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    deployment = asked("/deployments/filter", {"flows": {"name": {"any_": ["churnml score"]}}})[0]["id"]
    begun = time.perf_counter()
    run_id = asked(f"/deployments/{deployment}/create_flow_run", {})["id"]
    while True:
        state = httpx.get(f"{url}/flow_runs/{run_id}", timeout=30).json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            if state["type"] != "COMPLETED":
                raise RuntimeError(state["message"])
            return time.perf_counter() - begun
        time.sleep(0.2)


def scorings(project: Path) -> list[str]:
    """The table of one scoring in four ways."""
    score = ("score", "--project", str(project))
    seconds: dict[str, list[float]] = {"plain": [], "ephemeral": [], "server": [], "serve": []}
    memory: dict[str, float] = {}
    with served(project) as url:
        for _ in range(ROUNDS):
            for way, environment in (("plain", {}), ("ephemeral", {}), ("server", {"PREFECT_API_URL": url})):
                forget_scores(project)
                done = run(*score, *(["--no-prefect"] if way == "plain" else []), environment=environment)
                seconds[way].append(done.seconds)
                memory[way] = max(memory.get(way, 0.0), done.mebibytes)
            forget_scores(project)
            seconds["serve"].append(run_under_serve(url))
    plain = statistics.median(seconds["plain"])
    names = {
        "plain": "`churnml score --no-prefect`: plain functions",
        "ephemeral": "`churnml score`: under Prefect, its server made up for the run",
        "server": "the same with a Prefect server that runs already",
        "serve": "a run of its deployment under `churnml serve`, from asking to its end",
    }
    return [
        f"| {names[way]} | {statistics.median(times):.1f} | {memory.get(way, float('nan')):,.0f} | "
        f"{statistics.median(times) / plain:.2f} × |".replace("nan", "–")
        for way, times in seconds.items()
    ]


def watching(project: Path) -> list[str]:
    """The share of a run that looking at the data takes: tables read anew, and read before."""
    lines = []
    for what, anew in (("tables read anew", True), ("tables as they were", False)):
        shares = []
        for number in range(ROUNDS):
            forget_scores(project)
            if anew:
                text = (project / "project.yaml").read_text("utf-8")
                text = re.sub(r"(?m)^# round.*\n", "", text) + f"# round {number}\n"
                (project / "project.yaml").write_text(text, "utf-8")
                for store in (project / ".churnml" / "warehouse").glob("*/manifest.json"):
                    store.unlink()
            done = subprocess.run(
                [sys.executable, "-c", WATCHED, str(project)], capture_output=True, text=True, check=True
            )
            shares.append(json.loads(done.stdout.splitlines()[-1]))
        looked = statistics.median(one.get("write_profile", 0.0) + one["watch_data"] for one in shares)
        whole = statistics.median(one["all"] for one in shares)
        lines.append(f"| {what} | {whole:.1f} | {looked:.2f} | {100 * looked / whole:.1f} % |")
    return lines


def memory_of_flows(project: Path) -> list[str]:
    """Peak memory and seconds of every flow, as plain functions."""
    where = ("--project", str(project))
    flows = {
        "train": ("train", "--again", "--no-prefect", *where),
        "score": ("score", "--no-prefect", *where),
        "backfill": ("backfill", "2024-10-07", "2024-10-21", "--no-prefect", *where),
        "impact": ("impact", "--no-prefect", *where),
        "run": ("run", "--no-prefect", *where),
        "deliver": ("deliver", *where),
    }
    lines = []
    for name, command in flows.items():
        done = run(*command)
        lines.append(f"| `{name}` | {done.seconds:.1f} | {done.mebibytes:,.0f} |")
    return lines


def table(accounts: int, events: int) -> list[str]:
    """Measures on a company of ``accounts`` accounts there ever were."""
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "company"
        run("simulate", "--out", str(project), "--accounts", str(accounts), "--events", str(events))
        with open(project / "project.yaml", "a", encoding="utf-8") as file:
            file.write(QUICK)
        run("train", "--project", str(project), "--no-prefect")
        scored = json.loads(run("score", "--project", str(project), "--no-prefect", "--json").out)["accounts_scored"]
        return [
            f"One scoring of {scored:,} accounts, medians of {ROUNDS} in turn; tables read before.",
            "",
            "| way | seconds | MiB at peak | beside plain functions |",
            "|---|---:|---:|---:|",
            *scorings(project),
            "",
            "CPU seconds of a scoring in one process, and what of them goes into looking at the data.",
            "",
            "| scoring | all | watching | share |",
            "|---|---:|---:|---:|",
            *watching(project),
            "",
            "Every flow on that company, as plain functions.",
            "",
            "| flow | seconds | MiB at peak |",
            "|---|---:|---:|",
            *memory_of_flows(project),
        ]


def section(lines: Sequence[str]) -> list[str]:
    """The part of the page about running by itself."""
    return ["## Running by itself", "", f"<!-- {MARK} -->", *lines, f"<!-- /{MARK} -->", ""]


def main() -> None:
    """Measures, and writes its part of the page."""
    parser = argparse.ArgumentParser(description="What running by itself costs; writes docs/performance.md.")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--events", type=int, default=EVENTS)
    asked = parser.parse_args()
    lines = table(asked.accounts, asked.events)
    replace_block(MARK, lines, PAGE)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
