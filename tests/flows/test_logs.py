"""What commands log: at either end of the line, in Prefect's record of the run, and nothing that is nobody's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.flows.conftest import churnml
from tests.flows.test_engine import clean_environment

# Prefect's own client over its ephemeral server, as its page reads them
READ_BACK = """
import asyncio, json
from prefect.client.orchestration import get_client

async def read():
    async with get_client() as client:
        runs = {run.id: run.name for run in await client.read_flow_runs()}
        return [[log.name, log.message, log.flow_run_id in runs] for log in await client.read_logs()]

print(json.dumps(asyncio.run(read())))
"""


@pytest.mark.parametrize("words", [("--verbose", "check"), ("check", "--verbose")])
def test_verbose_is_understood_at_either_end(company: Path, words: tuple[str, str]) -> None:
    done = churnml(*words, "--project", company)
    assert done.code == 0, done.err
    assert "INFO    churnml.warehouse: " in done.err


def test_without_verbose_a_look_up_writes_nothing_to_standard_error(ran: Path) -> None:
    assert churnml("queue", "--project", ran).err == ""


@pytest.mark.slow
def test_under_prefect_the_same_lines_are_in_the_log_of_the_run(after_run: Path, tmp_path: Path) -> None:
    environment = clean_environment(PREFECT_HOME=str(tmp_path / "prefect"), CHURNML_LOG="json")
    command = [sys.executable, "-m", "churnml.cli", "score", "--project", str(after_run)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line) for line in done.stderr.splitlines()]
    read = subprocess.run([sys.executable, "-c", "import pipelines.engine\n" + READ_BACK], env=environment,
                          capture_output=True, text=True, check=True)  # fmt: skip
    recorded = json.loads(read.stdout)
    assert all(of_a_run for _, _, of_a_run in recorded)
    inside = [(line["logger"], line["message"]) for line in shown if not line["message"].startswith("starting under")]
    assert {logger for logger, _ in inside} >= {"churnml.progress", "churnml.warehouse", "churnml.store"}
    of_us = [(name, message) for name, message, _ in recorded if name.startswith("churnml")]
    # what the command does when the run is over, such as reading the list to print it, is not the run's
    over = max(place for place, (logger, _) in enumerate(inside) if logger == "churnml.progress") + 1
    assert len(of_us) >= over
    assert sorted(of_us) == sorted(inside[: len(of_us)])


def test_no_secret_and_no_row_of_a_customer_is_logged(after_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, hostile = "s3cr3t-of-ours", "Hostile & Sons; DROP TABLE"
    monkeypatch.setenv("STORE_SECRET", secret)
    with (after_run / "project.yaml").open("a", encoding="utf-8") as file:
        file.write(f"\nstores:\n  operational: sqlite:///{after_run}/${{STORE_SECRET}}.db\n")
    accounts = pd.read_csv(after_run / "data" / "crm_accounts.csv", dtype="str")
    accounts[["account_name", "csm"]] = hostile
    accounts["account_no"] = accounts["account_no"].replace("A000001", f"{hostile} 1")
    accounts.to_csv(after_run / "data" / "crm_accounts.csv", index=False)
    done = churnml("score", "--verbose", "--no-prefect", "--project", after_run)
    assert done.code == 0, done.err
    assert (after_run / f"{secret}.db").is_file(), "the secret was not used"
    for room in ("warehouse", "scoring", "store"):
        assert f"INFO    churnml.{room}: " in done.err
    assert secret not in done.err
    assert hostile not in done.err
