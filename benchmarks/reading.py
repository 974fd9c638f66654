"""What reading a company's tables costs, two versions of churnml in turn: ``python -m benchmarks.reading FOLDER``.

``FOLDER`` holds ``accounts.parquet``, ``events.parquet`` and ``next.parquet``, as ``benchmarks.company`` writes them;
``--against`` is a working copy of another version. Counted are seconds of the processors (user and system), which
others on the machine hardly change; all are ratios to a floor that is measured before each command, in the same way.
Writes its part of docs/performance.md where the folder holds twenty million events.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

from benchmarks import engine
from benchmarks.believe import replace_block
from benchmarks.processes import Spent, spent

HERE = Path(__file__).parents[1]
PAGE = HERE / "docs" / "performance.md"
MARK = "python -m benchmarks.reading"
RUNS = 2
WRITTEN_FROM = 20_000_000
AS_OF = "2026-01-01"
FLOOR = (
    "import sys, time; from pathlib import Path; from benchmarks import rivals; import duckdb, pyarrow; "
    "c = time.process_time(); rivals.floor(Path(sys.argv[1]), []); print(time.process_time() - c)"
)


@dataclass(frozen=True)
class Cost:
    """What one command took: CPU seconds, those of the floor, MiB at peak."""

    what: str
    cpu: float
    floor: float
    mebibytes: float


def floor_of(folder: Path) -> float:
    """CPU seconds of one pass by account and day."""
    done = subprocess.run(
        [sys.executable, "-c", FLOOR, str(folder)], cwd=HERE, capture_output=True, text=True, check=True
    )
    # a slow machine is shown a bar of progress first
    return float(done.stdout.split()[-1])


def run(code: Path, words: Sequence[str]) -> Spent:
    """Runs a command of the churnml in a working copy; raises CalledProcessError."""
    path = os.pathsep.join([str(code / "src"), str(code)])
    command = ["/usr/bin/env", f"PYTHONPATH={path}", sys.executable, "-m", "churnml.cli", *words]
    with tempfile.TemporaryDirectory() as scratch:
        done = spent(command, Path(scratch), code)
    if done.code:
        raise subprocess.CalledProcessError(done.code, command, done.out, done.err)
    return done


def costs(code: Path, folder: Path) -> list[Cost]:
    """What each command takes over the events of a folder."""
    told = []

    def measured(what: str, *words: str) -> None:
        floor = floor_of(folder)
        done = run(code, [*words, "--project", str(root)])
        told.append(Cost(what, done.cpu, floor, done.mebibytes))
        print(code.name, told[-1], file=sys.stderr, flush=True)

    for checks_first in (True, False):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            root = engine.project_of(folder, Path(scratch) / "project")
            features = ("features", "--as-of", AS_OF, "--out", str(root / "f.parquet"))
            if checks_first:
                measured("`check`, cold", "check")
                measured("`features` after `check`", *features)
                continue
            measured("`features`, cold", *features)
            measured("the same again", *features)
            (root / "data" / "events-2.parquet").hardlink_to(folder / "next.parquet")
            measured("with a new day's file", *features)
    return told


def table(folder: Path, versions: Sequence[Path], runs: int) -> list[str]:
    """The table's lines: of every command and version the middle of some runs, in turn."""
    by: dict[tuple[str, str], list[Cost]] = {}
    for _ in range(runs):
        for place, code in enumerate(versions):
            for cost in costs(code, folder):
                by.setdefault((cost.what, ("now", "before")[place]), []).append(cost)
    lines = ["| what | version | CPU seconds | beside the floor | MiB at peak |", "|---|---|---|---|---|"]
    for (what, version), several in sorted(by.items()):
        ratio = median(one.cpu / one.floor for one in several)
        cpu, peak = median(one.cpu for one in several), max(one.mebibytes for one in several)
        lines.append(f"| {what} | {version} | {cpu:.1f} | {ratio:.1f} × | {peak:,.0f} |")
    return lines


def block(lines: Sequence[str]) -> list[str]:
    """The part of the page about reading, with its marks."""
    return [
        "Reading as whole commands, with every check of every row, one cutoff: CPU seconds of all cores, with the",
        "start of Python and its imports (some three seconds), beside a floor measured before each.",
        "",
        f"<!-- {MARK} -->",
        *lines,
        f"<!-- /{MARK} -->",
        "",
    ]


def main() -> None:
    """Measures, prints the table and writes it into the page."""
    parser = argparse.ArgumentParser(description="Measures what reading a company's tables costs.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path, help="A working copy of another version.")
    parser.add_argument("--runs", type=int, default=RUNS)
    asked = parser.parse_args()
    versions = [HERE, *([asked.against.resolve()] if asked.against else [])]
    lines = table(asked.folder.resolve(), versions, asked.runs)
    print("\n".join(lines))
    if pq.read_metadata(asked.folder / "events.parquet").num_rows >= WRITTEN_FROM:
        replace_block(MARK, lines, PAGE)


if __name__ == "__main__":
    main()
