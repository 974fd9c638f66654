"""Two years backfilled week by week, killed twice on the way, in one process and in two.

``python -m benchmarks.backfill PROJECT FIRST LAST``
PROJECT is a trained project, which is copied and not changed. Every run must leave the same rows to the last column but
for what the clock wrote, numbers given in the order of writing included. Writes its table into ``docs/backfill.md``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks import same_store
from benchmarks.believe import replace_block

PAGE = Path(__file__).parents[1] / "docs" / "backfill.md"
BLOCK = "python -m benchmarks.backfill"
WROTE = " accounts scored for "
# What names the process that wrote or the moment; everything else is compared.
CLOCK = same_store.CLOCK


@dataclass(frozen=True)
class Lived:
    """A backfill that was killed some times and then went through: seconds of every run, and dates it had to write."""

    seconds: tuple[float, ...]
    written: tuple[int, ...]


def copy_of(project: Path, folder: Path) -> Path:
    """The project without its operational store."""
    shutil.copytree(project, folder)
    for file in (folder / ".churnml").glob("churnml.db*"):
        file.unlink()
    return folder


def run(project: Path, first: str, last: str, workers: int, kill_after: int | None = None) -> tuple[float, int]:
    """Seconds, and dates written; killed with SIGKILL once ``kill_after`` of them are, and its processes with it."""
    words = ["backfill", first, last, "--workers", str(workers), "--no-prefect", "--project", str(project)]
    started, written = time.perf_counter(), 0
    process = subprocess.Popen(
        [sys.executable, "-m", "churnml.cli", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        written += WROTE in line
        if kill_after is not None and written >= kill_after:
            process.send_signal(signal.SIGKILL)
            break
    code = process.wait()
    process.stderr.close()
    if kill_after is None and code:
        raise RuntimeError("".join(lines[-5:]))
    until_nobody_is_left(process.pid)
    return time.perf_counter() - started, written


def until_nobody_is_left(group: int, patience: float = 60.0) -> None:
    """Waits for the further processes of a killed run; raises TimeoutError when they live on."""
    for _ in range(int(patience * 10)):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise TimeoutError("processes of a killed backfill live on")


def live(project: Path, first: str, last: str, workers: int, kills: tuple[int, ...]) -> Lived:
    """Runs a backfill, killed after so many dates each time, and then through."""
    runs = [run(project, first, last, workers, kill) for kill in (*kills, None)]
    return Lived(tuple(seconds for seconds, _ in runs), tuple(written for _, written in runs))


def differences(one: Path, other: Path) -> list[str]:
    """How two projects' stores differ, ids in the order of writing and fingerprints included."""
    engines = [sa.create_engine(same_store.url_of(str(project))) for project in (one, other)]
    kept, same_store.NAMED_BY_CODE = same_store.NAMED_BY_CODE, frozenset()
    try:
        return same_store.differences(*engines)
    finally:
        same_store.NAMED_BY_CODE = kept
        for engine in engines:
            engine.dispose()


VARIANTS = {
    "one process": (1, ()),
    "one process, killed twice": (1, (30, 40)),
    "two processes, killed twice": (2, (30, 40)),
}


def main(arguments: list[str]) -> int:
    """Lives the variants, compares them and writes the table; 1 where a row differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("first")
    parser.add_argument("last")
    given = parser.parse_args(arguments)
    lines = ["| run | dates written, run by run | seconds, run by run | beside the first |", "|---|---|---|---|"]
    odd: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        before: Path | None = None
        for name, (workers, kills) in VARIANTS.items():
            project = copy_of(given.project, Path(scratch) / name.replace(" ", "-"))
            lived = live(project, given.first, given.last, workers, kills)
            differ = differences(before, project) if before else []
            odd += differ
            same = "–" if before is None else "equal" if not differ else "differs"
            before = before or project
            dates, seconds = (" + ".join(f"{n:.0f}" for n in numbers) for numbers in (lived.written, lived.seconds))
            lines.append(f"| {name} | {dates} | {seconds} | {same} |")
            print(lines[-1], flush=True)
    replace_block(BLOCK, lines, PAGE)
    print("\n".join(odd))
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
