"""Kills a training with ``kill -9`` at ten random moments, and writes what became of it into ``docs/registry.md``.

``python -m benchmarks.kill_training``. After each kill the registry is looked at as any program would, and the
training is run again: it must end with the champion of a training that nobody disturbed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from churnml.adapters.project import open_project
from churnml.adapters.registry import registry_of
from churnml.modelling.predictor import Predictor

PAGE = Path(__file__).parents[1] / "docs" / "registry.md"
BEGIN, END = "<!-- python -m benchmarks.kill_training -->\n", "<!-- end -->\n"
MODEL = "churn"
COMPANY = ("--accounts", "700", "--events", "60000", "--seed", "5")
MOMENTS = 10


@dataclass(frozen=True)
class Killed:
    """What one kill left, and what the next run made of it.

    Args:
        after: seconds into the training.
        listed: versions the registry listed then.
        half: versions in the registry that were not whole, and so not listed.
        seconds: how long the next run took.
    """

    after: float
    listed: int
    half: int
    seconds: float


def churnml(*words: str) -> subprocess.Popen[bytes]:
    """The command line in a process (group) of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "churnml.cli", *words], stdout=subprocess.DEVNULL, start_new_session=True
    )


def finished(process: subprocess.Popen[bytes]) -> float:
    """Seconds until the process ended well; raises CalledProcessError."""
    started = time.perf_counter()
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return time.perf_counter() - started


def training(project: Path) -> subprocess.Popen[bytes]:
    return churnml("train", MODEL, "--no-prefect", "--project", str(project))


def essence(predictor: Predictor) -> Mapping[str, bytes]:
    """A model's files: what makes two models the same."""
    with tempfile.TemporaryDirectory() as folder:
        predictor.save(Path(folder))
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def look(project: Path) -> tuple[int, int]:
    """How many versions are listed, and how many are not whole; every listed one and the champion must load."""
    opened = open_project(project)
    if not (opened.work / "mlflow.db").exists():
        return 0, 0
    registry = registry_of(opened)
    listed = [version.version for version in registry.versions(MODEL)]
    for version in listed:
        registry.candidate(MODEL, version)
    champion = registry.champion(MODEL)
    assert champion is None or champion.version in listed, "a version that is not whole is champion"
    return len(listed), len(registry.listed(MODEL)) - len(listed)


def killed_at(moment: float, company: Path, folder: Path, expected: Mapping[str, bytes]) -> Killed:
    """Trains, kills after ``moment`` seconds, looks, trains again, and holds the champion against ``expected``."""
    shutil.copytree(company, folder)
    process = training(folder)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    else:  # the machine was less busy than when the time was taken: nothing was killed
        shutil.rmtree(folder)
        return killed_at(moment * 0.9, company, folder, expected)
    listed, half = look(folder)
    seconds = finished(training(folder))
    champion = registry_of(open_project(folder)).champion(MODEL)
    assert champion is not None
    after = essence(champion.predictor)
    assert after == expected, [key for key in after if after[key] != expected[key]]
    history = registry_of(open_project(folder)).history(MODEL).champions
    assert [tenure.version for tenure in history] == [champion.version]
    return Killed(moment, listed, half, seconds)


def main() -> None:
    """Kills, and writes the table."""
    parser = argparse.ArgumentParser(description="Kills a training at random moments.")
    parser.add_argument("--seed", type=int, default=1)
    rng = random.Random(parser.parse_args().seed)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as scratch:
        company, whole = Path(scratch) / "company", Path(scratch) / "whole"
        finished(churnml("simulate", "--out", str(company), *COMPANY))
        spec = company / "models" / MODEL / "spec.yaml"
        spec.parent.mkdir(parents=True, exist_ok=True)
        defaults = Path(__file__).parents[1] / "models" / MODEL / "spec.yaml"
        # so small a company proves little; what is tried here is dying, so the least is asked of the verdict
        declared = defaults.read_text("utf-8").replace("min_positives: 20", "min_positives: 1")
        spec.write_text(declared.replace("figures: [roc_auc, log_loss]", "figures: [roc_auc]"), "utf-8")
        shutil.copytree(company, whole)
        lasting = finished(training(whole))
        champion = registry_of(open_project(whole)).champion(MODEL)
        assert champion is not None, "the undisturbed training promoted nothing, so there is nothing to compare with"
        expected = essence(champion.predictor)
        # one moment in each tenth of the time, so that every stage is struck
        moments = [(tenth + rng.random()) * lasting * 0.97 / MOMENTS for tenth in range(MOMENTS)]
        kills = [killed_at(m, company, Path(scratch) / str(i), expected) for i, m in enumerate(moments)]
    rows = [f"| {k.after:.1f} | {k.listed} | {k.half} | {k.seconds:.1f} | the same |" for k in kills]
    text = "\n".join(
        [
            f"A training of {lasting:.1f} s, killed with `kill -9` at {MOMENTS} random moments, one in each tenth:",
            "",
            "| killed after, s | versions listed | versions half done, not listed | next run, s | its champion |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + BEGIN + text + END + rest.partition(END)[2], "utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
