"""An environment of a model's own requirements beside the whole of churnml: ``python -m benchmarks.slim PROJECT``.

Asks a tracking server for the champion, as docs/slim.md says; builds an environment from the ``requirements.txt`` that
lies with it; scores the same rows in both, which must be equal to the bit; measures size, seconds and memory of whole
processes, in turn. Writes its table into ``docs/slim.md``. Some minutes, and a package index.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.believe import replace_block
from benchmarks.processes import Spent, spent
from churnml.adapters.project import open_project
from churnml.adapters.registry import registry_of
from pipelines.serving import free_port

PAGE = Path(__file__).parents[1] / "docs" / "slim.md"
BLOCK = "python -m benchmarks.slim"
RUNS = 3
# what any program does that looks a model up
LOOK_UP = """
import json, sys
import mlflow
import pandas as pd
uri, model, rows, out = sys.argv[1:]
mlflow.set_tracking_uri(uri)
loaded = mlflow.pyfunc.load_model(model)
numbers = [c.name for c in loaded.metadata.get_input_schema().inputs if c.type.name == "double"]
frame = pd.read_json(rows, dtype=False, precise_float=True)
scored = loaded.predict(frame.astype(dict.fromkeys(numbers, float)))
json.dump(scored["probability"].tolist(), open(out, "w"))
"""


@contextmanager
def tracking_server(database: Path, artifacts: Path, scratch: Path) -> Iterator[str]:
    """An MLflow server over a local registry, on a port that is free."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--default-artifact-root", str(artifacts)]
    quiet = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (scratch / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=quiet)
    try:
        uri = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{uri}/health", timeout=5)  # noqa: S310 - our own server
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield uri
    finally:
        server.terminate()
        server.wait(60)


def megabytes(folder: Path) -> int:
    """What a folder takes on disk."""
    return round(sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink()) / 1e6)


def own_environment(model: Path, folder: Path) -> Path:
    """The Python of an environment made of the requirements that lie with a model."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    # relative to the model, as MLflow itself installs them
    install = [str(python), "-m", "pip", "install", "-q", "-r", "requirements.txt"]
    subprocess.run(install, cwd=model, check=True, capture_output=True, env=without_path())
    return python


def without_path() -> dict[str, str]:
    """The environment without a way to this checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def look_up(python: Path, uri: str, model: str, rows: Path, scratch: Path) -> tuple[Spent, list[float]]:
    """A whole process that looks a model up and scores; what it cost, and the probabilities."""
    out = scratch / "scored.json"
    done = spent([str(python), "-c", LOOK_UP, uri, model, str(rows), str(out)], scratch, cwd=scratch)
    if done.code:
        raise RuntimeError(done.err)
    return done, json.loads(out.read_text("utf-8"))


def rows_of(model: Path, file: Path) -> None:
    """The model's example of its input, a thousand times over."""
    example = json.loads((model / "serving_input_example.json").read_text("utf-8"))["dataframe_split"]
    records = [dict(zip(example["columns"], row, strict=True)) for row in example["data"]] * 1000
    file.write_text(json.dumps(records), "utf-8")


def table(project: Path, name: str, alias: str) -> list[str]:
    """Both environments, a line each."""
    opened = open_project(project)
    version = registry_of(opened).version(name, None, alias).version
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        with tracking_server(opened.work / "mlflow.db", opened.work / "mlartifacts", scratch) as uri:
            fetch = ["artifacts", "download", "-u", f"models:/{name}/{version}", "-d", str(scratch / "model")]
            asking = os.environ | {"MLFLOW_TRACKING_URI": uri}
            subprocess.run([sys.executable, "-m", "mlflow", *fetch], check=True, capture_output=True, env=asking)
            (requirements,) = (scratch / "model").rglob("requirements.txt")
            model = requirements.parent
            pythons = {"slim": own_environment(model, scratch / "slim"), "churnml": Path(sys.executable)}
            rows = scratch / "rows.json"
            rows_of(model, rows)
            runs: dict[str, list[Spent]] = {which: [] for which in pythons}
            scored: dict[str, list[float]] = {}
            for _ in range(RUNS + 1):
                for which, python in pythons.items():
                    cost, scored[which] = look_up(python, uri, f"models:/{name}/{version}", rows, scratch)
                    runs[which].append(cost)
        assert scored["slim"] == scored["churnml"], "the probabilities differ"
        sizes = {which: megabytes(python.parents[1]) for which, python in pythons.items()}
    lines = [
        f"{len(scored['slim']):,} rows, the same probabilities to the bit; medians of {RUNS} whole processes:",
        "",
        "| environment | on disk, MB | seconds | memory, MB |",
        "|---|---:|---:|---:|",
    ]
    for which, costs in runs.items():
        seconds = statistics.median(cost.seconds for cost in costs[1:])
        memory = statistics.median(cost.mebibytes for cost in costs[1:])
        what = "the model's own requirements" if which == "slim" else "churnml, as docs/deploy.md installs it"
        lines.append(f"| {what} | {sizes[which]:,} | {seconds:.1f} | {memory:,.0f} |")
    return lines


def main() -> None:
    """Measures, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path, help="a project after churnml train")
    parser.add_argument("--model", default="churn")
    parser.add_argument("--alias", default="champion")
    arguments = parser.parse_args()
    lines = table(arguments.project, arguments.model, arguments.alias)
    replace_block(BLOCK, lines, PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
