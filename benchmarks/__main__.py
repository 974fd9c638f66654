"""Measures whole commands on this machine and writes ``docs/performance.md``.

Single times on a shared machine mean little, so each figure stands beside a floor measured in the same
run: what any program must pay, or the least work that could answer the question.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import features, lookups, overhead, routing, scoring
from benchmarks.processes import spent

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
CHURNML = [sys.executable, "-m", "churnml.cli"]
RUNS = 5
# One pass over the raw events by account and day: nothing that builds features from them can be cheaper.
FLOOR = """
import duckdb, sys
con = duckdb.connect()
con.execute(f"CREATE TABLE t AS SELECT account_no, event_time::DATE AS d, count(*) AS n, count(DISTINCT person) AS u "
            f"FROM read_parquet('{sys.argv[1]}/data/product_events.parquet') GROUP BY ALL")
"""


@dataclass(frozen=True)
class Measured:
    """Wall seconds and peak memory of a finished process."""

    seconds: float
    mebibytes: float


def measure(command: Sequence[str]) -> Measured:
    """Runs a command to its end; raises CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        run = spent(command, Path(scratch))
    if run.code:
        raise subprocess.CalledProcessError(run.code, command, run.out, run.err)
    return Measured(run.seconds, run.mebibytes)


def median(command: Sequence[str], runs: int = RUNS) -> Measured:
    """The median of several runs, after one that is not counted."""
    measure(command)
    runs_measured = [measure(command) for _ in range(runs)]
    return Measured(statistics.median(m.seconds for m in runs_measured), max(m.mebibytes for m in runs_measured))


def line(what: str, measured: Measured, floor: Measured, beside: str) -> str:
    ratio = measured.seconds / floor.seconds
    return f"| {what} | {measured.seconds:.2f} | {measured.mebibytes:,.0f} | {ratio:.1f} × {beside} |"


def commands() -> list[str]:
    """The part of the page about whole commands."""
    with tempfile.TemporaryDirectory() as folder:
        company, large = Path(folder) / "company", Path(folder) / "large"
        bare = median([sys.executable, "-c", "pass"])
        rows = [line("`churnml --help`", median([*CHURNML, "--help"]), bare, "a bare Python")]
        simulated = measure([*CHURNML, "simulate", "--out", str(company)])
        floor = median([sys.executable, "-c", FLOOR, str(company)])
        beside = "one DuckDB pass by account and day"
        rows.append(line("`churnml simulate`, 2,000 accounts, 2.6 million events", simulated, floor, beside))
        run = [*CHURNML, "run", "--project", str(company), "--no-prefect"]
        rows.append(line("`churnml run --no-prefect`, first: two models trained", measure(run), floor, beside))
        rows.append(line("the same again: nothing has changed", measure(run), floor, beside))
        rows.append(line("`churnml run`, again, under Prefect", measure(run[:-1]), floor, beside))
        looked_up = lookups.section(lookups.table(company))
        made = measure([*CHURNML, "simulate", "--out", str(large), "--events", "10000000", "--seed", "8"])
        large_floor = median([sys.executable, "-c", FLOOR, str(large)], 3)
        rows.append(line("`churnml simulate --events 10000000`", made, large_floor, "the same pass over them"))
        check = measure([*CHURNML, "check", "--project", str(large)])
        rows.append(line("`churnml check` of those: read, check", check, large_floor, "the same pass over them"))
    return [
        "## Commands",
        "",
        "Wall seconds of whole processes, start-up included (medians of five runs where a run is short), peak memory",
        "of the process, and the ratio to a floor measured in the same run.",
        "",
        "| what | seconds | MiB at peak | beside |",
        "|---|---|---|---|",
        *rows,
        "",
        *looked_up,
    ]


def main() -> None:
    """Measures and writes the page; ``--sizes 2000000`` measures features on those sizes only."""
    parser = argparse.ArgumentParser(description="Measures, and writes docs/performance.md.")
    parser.add_argument("--sizes", default=",".join(map(str, features.SIZES)), help="events, by commas")
    sizes = [int(text) for text in parser.parse_args().sizes.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        parts = [
            *features.section(Path(scratch), sizes),
            *scoring.section(Path(scratch)),
            *routing.section(),
            *commands(),
            *overhead.section(overhead.table(overhead.ACCOUNTS, overhead.EVENTS)),
        ]
    about = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
    PAGE.write_text(page(parts, about), "utf-8")
    sys.stdout.write(PAGE.read_text("utf-8"))


def page(parts: Sequence[str], about: dict[str, object]) -> str:
    """The page's text."""
    return "\n".join(
        [
            "# Performance",
            "",
            "Written by `make bench`. Compare the ratios: seconds belong to one machine on one day.",
            "",
            *parts,
            f"Measured on: `{json.dumps(about)}`.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
