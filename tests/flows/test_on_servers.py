"""A team's day: the operational store and MLflow on PostgreSQL, MLflow behind its server, started by the test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.serving import free_port
from tests.engines.servers import own_postgres
from tests.flows.conftest import churnml
from tests.support import be_brisk


@contextmanager
def mlflow_server(backend: str, artifacts: Path, log: Path) -> Iterator[str]:
    """An MLflow server on a free port, as docs/deploy/compose.yaml starts it."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [f"--backend-store-uri={backend}", f"--artifacts-destination={artifacts}"]
    quiet = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=quiet)
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text("utf-8", errors="replace")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


@pytest.mark.slow
def test_a_day_on_servers_is_done_looked_up_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    project = tmp_path / "company"
    small = ("--accounts", "200", "--months", "18", "--events", "30000")
    assert churnml("simulate", "--out", project, *small).code == 0
    be_brisk(project)
    with (project / "project.yaml").open("a", encoding="utf-8") as file:
        file.write("stores: {operational: '${CHURNML_STORE}', registry: '${CHURNML_REGISTRY}'}\n")
    with own_postgres() as url:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("CREATE DATABASE mlflow")
        backend = url.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", "/mlflow?")
        with mlflow_server(backend, tmp_path / "artifacts", tmp_path / "server.log") as registry:
            monkeypatch.setenv("CHURNML_STORE", url)
            monkeypatch.setenv("CHURNML_REGISTRY", registry)
            ran = churnml("run", "--project", project, "--no-prefect")
            assert ran.code == 0, ran.err
            listed = churnml("models", "list", "--project", project)
            assert "challenger" in listed.out, listed.out + listed.err
            # nothing of either lies in the project
            assert not list((project / ".churnml").glob("*.db"))
            assert not (project / ".churnml" / "mlartifacts").exists()
            with psycopg.connect(url) as server:
                ((name, _),) = server.execute("SELECT account_id, owner FROM work_open ORDER BY 1 LIMIT 1").fetchall()
                count = "SELECT count(*), count(*) FILTER (WHERE account_id = %s) FROM scores_latest"
                ((many, own),) = server.execute(count, [name]).fetchall()
            assert many > 50
            assert own == 1
            told = churnml(
                "forget", "--project", project, "--account", name, "--yes", "--because", "17", "--by", "rita"
            )
            assert told.code == 0, told.err
            assert "judged.csv" in told.out
            assert "looked into again" in told.out
            with psycopg.connect(url) as server:
                assert server.execute(count, [name]).fetchall() == [(many - 1, 0)]
            # the artifacts lie with the server, and are rewritten through it
            files = list((tmp_path / "artifacts").rglob("judged.csv"))
            assert files
            assert all(name not in file.read_text("utf-8") for file in files)
            again = churnml("forget", "--project", project, "--account", name)
            assert "forgotten before" in again.out
