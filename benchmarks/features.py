"""The speed of features: churnml's engine beside a floor and hand-written rivals, each in a process of its own.

Answers are checked equal before anything is told. Figures are seconds of the work itself (no interpreter start, no
imports), peak memory, and the ratio to the floor of the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import company, engine, reading, rivals, transactions
from benchmarks.processes import spent

ROOT = Path(__file__).parents[1]
# What each size is measured by: beyond these, a rival needs more memory or time than this machine has to spare.
SIZES = {
    2_000_000: ("polars", "pandas", "naive_duckdb", "duckdb_per_cutoff"),
    20_000_000: ("polars", "polars_streaming", "pandas", "naive_duckdb", "duckdb_per_cutoff"),
    100_000_000: ("polars", "polars_streaming"),
}
ACCOUNTS = {2_000_000: 10_000, 20_000_000: 10_000, 100_000_000: 100_000}
WORDS = {
    "rivals.floor": "floor: one DuckDB group-by by account and day",
    "engine.cold": "**churnml, cold**: rolled up, then cut",
    "engine.once": "**churnml, once**: cut straight from the events, no roll-up kept",
    "engine.next_day": "**churnml, the next day**: a day rolled up, one new cutoff",
    "engine.from_rollups": "**churnml, from its roll-ups**: the same 12 cutoffs again",
    "rivals.polars": "Polars by hand, a lazy query a cutoff",
    "rivals.polars_streaming": "the same, Polars' streaming engine",
    "rivals.pandas": "pandas",
    "rivals.naive_duckdb": "DuckDB, the naive range join",
    "rivals.duckdb_per_cutoff": "DuckDB by hand, a query a cutoff",
    "engine.transactions": "**churnml**: declared as five families, built in one call",
    "transactions.duckdb": "DuckDB, pivot of nested lookbacks (the repository's way)",
    "transactions.duckdb_case_when": "DuckDB, one filtered aggregate a column (the repository's way)",
    "transactions.duckdb_rolled_up": "DuckDB by hand over a roll-up by day",
    "transactions.polars": "Polars, pivot (the repository's way)",
}


@dataclass(frozen=True)
class Timed:
    """Seconds of the work and peak memory of its process; failed when it did not come to an end."""

    seconds: float
    mebibytes: float
    failed: str = ""


def timed(way: str, folder: Path, cutoffs: Sequence[date] = (), out: Path | None = None) -> Timed:
    """Runs one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.timed", way, str(folder), "--cutoffs", ",".join(map(str, cutoffs))]
    command += ["--out", str(out)] if out else []
    with tempfile.TemporaryDirectory() as scratch:
        done = spent(command, Path(scratch), ROOT)
    if done.code:
        return Timed(float("nan"), float("nan"), (done.err.strip().splitlines() or ["killed"])[-1][:120])
    # the seconds are those of the work, which the process itself tells
    return Timed(json.loads(done.out.splitlines()[-1])["seconds"], done.mebibytes)


def twice(way: str, folder: Path, cutoffs: Sequence[date] = (), out: Path | None = None) -> Timed:
    """The faster of two runs: on a shared machine the slower one measures the neighbours."""
    runs = [timed(way, folder, cutoffs, out) for _ in range(2)]
    return min(runs, key=lambda t: t.seconds if t.seconds == t.seconds else float("inf"))


def row(way: str, measured: Timed, floor: Timed, note: str = "") -> str:
    """A line of a table."""
    if measured.failed:
        return f"| {WORDS[way]} | – | – | did not finish: {measured.failed} |"
    ratio = f"{measured.seconds / floor.seconds:.1f} ×"
    return f"| {WORDS[way]}{note} | {measured.seconds:.2f} | {measured.mebibytes:,.0f} | {ratio} |"


HEAD = ["", "| what | seconds | MiB at peak | beside the floor |", "|---|---|---|---|"]


def table_of(folder: Path, events: int) -> list[str]:
    """The table for one size; raises ValueError when two ways differ."""
    accounts = ACCOUNTS[events]
    say(f"{events:,} events: writing")
    company.write_events(folder, events, accounts)
    engine.write_next_day(folder)
    cutoffs = rivals.default_cutoffs(folder)
    again = twice if events <= 20_000_000 else timed
    say(f"{events:,} events: floor, churnml")
    floor = again("rivals.floor", folder, cutoffs)
    mine = folder / "mine.parquet"
    cold = again("engine.cold", folder, cutoffs, mine)
    lines = [*HEAD, row("rivals.floor", floor, floor), row("engine.cold", cold, floor)]
    straight = folder / "once.parquet"
    lines.append(row("engine.once", again("engine.once", folder, cutoffs, straight), floor))
    rivals.check_equal(rivals.as_result(pq.read_table(mine)), pq.read_table(straight))
    lines.append(row("engine.from_rollups", again("engine.from_rollups", folder, cutoffs), floor))
    day = again("engine.next_day", folder, [])
    lines.append(row("engine.next_day", day, floor, f" ({100 * day.seconds / cold.seconds:.1f} % of cold)"))
    for name in SIZES[events]:
        say(f"{events:,} events: {name}")
        out = folder / f"{name}.parquet"
        measured = (timed if name in ("pandas", "naive_duckdb") else again)(f"rivals.{name}", folder, cutoffs, out)
        if not measured.failed:
            rivals.check_equal(rivals.as_result(pq.read_table(mine)), pq.read_table(out))
        lines.append(row(f"rivals.{name}", measured, floor))
    if events == 2_000_000:
        lines += [featuretools_line(folder, cutoffs)]
    if events == 20_000_000:
        lines += growth(folder, cutoffs, cold)
    return [f"### {events:,} events, {accounts:,} accounts", *lines, ""]


def growth(folder: Path, cutoffs: Sequence[date], cold: Timed) -> list[str]:
    """How the cost grows with cutoffs and lookbacks."""
    more = sorted({*cutoffs, *(day.replace(day=15) for day in cutoffs)})
    say("twice the cutoffs, half of them")
    double = twice("engine.cold", folder, more)
    rolled = {len(days): twice("engine.from_rollups", folder, days) for days in (cutoffs[-1:], cutoffs[-6:], more)}
    told = ", ".join(f"{n} in {t.seconds:.2f} s" for n, t in sorted(rolled.items()))
    return [
        "",
        f"Twice the cutoffs (24), cold: {double.seconds:.2f} s, {double.seconds / cold.seconds:.2f} times as long. "
        f"From the roll-ups, cutoffs: {told}.",
    ]


def featuretools_line(folder: Path, cutoffs: Sequence[date]) -> str:
    """featuretools on a slice of a thousand accounts, beside churnml and Polars on the same slice."""
    python = rivals.featuretools_python()
    if python is None:
        return "| featuretools | – | – | could not be installed |"
    part = rivals.write_slice(folder, folder / "slice", 1_000)
    out = part / "featuretools.parquet"
    mine, polars = timed("engine.cold", part, cutoffs, part / "mine.parquet"), timed("rivals.polars", part, cutoffs)
    started = time.perf_counter()
    subprocess.run(rivals.featuretools_command(python, part, cutoffs, out), check=True, capture_output=True)
    seconds = time.perf_counter() - started
    rivals.check_equal(rivals.as_result(pq.read_table(part / "mine.parquet")), rivals.as_result(pq.read_table(out)))
    rows = pq.ParquetFile(part / "events.parquet").metadata.num_rows
    return (
        f"| featuretools, on a slice of 1,000 accounts ({rows:,} events), its start included | {seconds:.2f} | – "
        f"| churnml {mine.seconds:.2f} s, Polars {polars.seconds:.2f} s on the same slice |"
    )


def transactions_table(folder: Path, customers: int = 600) -> list[str]:
    """The public task of SemyonSinchenko/feature-generation-benchmark."""
    say(f"the public task, {customers} customers")
    transactions.write_transactions(folder, customers)
    transactions.contract_tables(folder)
    measured = {}
    for way in ("engine.transactions", *(f"transactions.{name}" for name in transactions.WAYS)):
        out = folder / f"{way}.parquet"
        measured[way] = timed(way, folder, [], out)
        if way != "engine.transactions" and not measured[way].failed:
            rivals.check_equal(
                pq.read_table(folder / "engine.transactions.parquet").select(pq.read_schema(out).names),
                pq.read_table(out),
                keys=("customer_id",),
            )
    least = min((t for t in measured.values() if not t.failed), key=lambda t: t.seconds)
    rows = sum(pq.ParquetFile(path).metadata.num_rows for path in (folder / "transactions").glob("*.parquet"))
    return [
        "## The public task of SemyonSinchenko/feature-generation-benchmark",
        "",
        "Count, mean, sum, min and max of an amount over two groupings of 26 combinations and eight lookbacks: 2,080",
        f"columns a customer, {customers:,} customers, {rows:,} transactions. Declared as five families with",
        "`by:`. Its ways are written afresh; our data give every day its own age, which its generator does",
        "not, so these figures stand beside each other and not beside those it publishes.",
        "",
        "| what | seconds | MiB at peak | beside the fastest |",
        "|---|---|---|---|",
        *(row(way, t, least) for way, t in measured.items()),
        "",
    ]


def say(text: str) -> None:
    """Progress."""
    sys.stderr.write(f"bench: {text}\n")


def section(scratch: Path, sizes: Sequence[int]) -> list[str]:
    """The part of the page about features."""
    lines = [
        "## Features",
        "",
        "Events, active days, active users, distinct event names and the sum of quantities over 7, 28 and 90 days, at",
        "12 monthly cutoffs, of skewed events over 730 days with 24 event names, 1.5 % of them known late; every way",
        "respects when a row was known, and all answers are checked equal first (whole numbers alike, fractions to",
        "10⁻⁹). The faster of two runs below 100 million events.",
        "",
    ]
    for events in sizes:
        folder = scratch / f"events-{events}"
        folder.mkdir()
        lines += table_of(folder, events)
        if events == 20_000_000:
            say("the whole command over 20,000,000 events")
            lines += reading.block(reading.table(folder, [ROOT], reading.RUNS))
        for file in folder.glob("**/*.parquet"):
            file.unlink()
    task = scratch / "transactions-task"
    task.mkdir()
    return lines + transactions_table(task)
