"""The Prefect engine, the wheel, and what the command line imports: each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without what churnml and its engines read."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "MLFLOW_", "CHURNML_", "PYTHON"))}
    return kept | {"PYTHONUTF8": "1"} | more


def test_the_flows_run_under_prefect_without_a_server_and_give_the_same_scores(after_run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "churnml.cli", "run", "--project", str(after_run), "--json"]
    done = subprocess.run(
        command,
        env=clean_environment(PREFECT_HOME=str(tmp_path / "prefect")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    plain = subprocess.run(
        [*command, "--no-prefect"], env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == json.loads(plain.stdout)
    assert (tmp_path / "prefect" / "prefect.db").is_file(), "the run was not recorded by Prefect"
    assert "Traceback" not in done.stderr


def test_a_mistake_under_prefect_is_told_once_and_without_a_traceback(company: Path, tmp_path: Path) -> None:
    # a mistake that shows only after the data were opened, so that there is something to let go of
    spec = company / "models" / "churn" / "spec.yaml"
    spec.parent.mkdir(parents=True, exist_ok=True)
    default = (ROOT / "models" / "churn" / "spec.yaml").read_text("utf-8")
    spec.write_text(default.replace("horizon: 91", "horizon: 3000"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "churnml.cli", "run", "--project", str(company)],
        env=clean_environment(PREFECT_HOME=str(tmp_path / "prefect")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if " INFO    churnml.progress: " not in line]
    assert done.stderr.count("no mature cutoff") == 1, done.stderr
    assert len(told) == 2, done.stderr


def test_help_imports_nothing_heavy() -> None:
    program = """
import sys
sys.argv = ["churnml", "--help"]
from churnml.cli import main
try:
    main()
finally:
    heavy = {"pandas", "numpy", "duckdb", "ibis", "lightgbm", "sklearn", "mlflow", "prefect", "sqlalchemy", "pydantic"}
    loaded = {name.split(".")[0] for name in sys.modules} & heavy
    assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "explain" in done.stdout


def test_the_wheel_runs_in_an_empty_environment_outside_the_checkout(tmp_path: Path) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if not Path(uv).exists():
        pytest.fail("uv is not installed beside this Python: run the tests with make test")
    source = tmp_path / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "examples/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(source),
    ]
    subprocess.run(build, check=True, capture_output=True, text=True)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    python = tmp_path / "empty" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty")], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "--require-hashes", "-r", str(ROOT / "requirements.lock")], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    churnml = str(python.with_name("churnml"))

    def run(*words: str) -> str:
        done = subprocess.run(
            [churnml, *words], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "begun", "--from", "stripe,zendesk")  # the sources' templates travel with it
    assert "WITH" in (tmp_path / "begun" / "sources" / "subscriptions.sql").read_text("utf-8")
    run("simulate", "--out", "company", "--accounts", "300", "--events", "60000")
    found = json.loads(run("run", "--project", "company", "--no-prefect", "--json"))
    assert found["accounts_scored"] > 100
    assert set(found["models"]) == {"churn", "upsell"}
    assert (tmp_path / "company" / ".churnml" / "report.html").is_file()
