"""How long look-ups take, beside importing what any of them could need: ``python -m benchmarks.lookups PROJECT``.

Each look-up runs in turn with the floor, in processes of their own, so that a busy moment of the machine falls on both;
the ratio is the median of the pairs'. Writes its table into ``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.believe import replace_block
from benchmarks.processes import spent
from churnml.adapters.project import open_project
from churnml.adapters.store import open_store

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BLOCK = "python -m benchmarks.lookups"
FLOOR = [sys.executable, "-c", "import pandas, sqlalchemy"]


def seconds(command: list[str]) -> float:
    """Wall seconds of a process; raises when it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        done = spent(command, Path(scratch))
    if done.code:
        raise RuntimeError(done.err)
    return done.seconds


def pairs(words: list[str], runs: int) -> list[tuple[float, float]]:
    """Seconds of a look-up and of the floor, in turn, after one pair that is not counted."""
    command = [sys.executable, "-m", "churnml.cli", *words]
    return [(seconds(command), seconds(FLOOR)) for _ in range(runs + 1)][1:]


def table(project: Path, runs: int = 9) -> list[str]:
    """The table of a project's look-ups."""
    with open_store(open_project(project).operational_url) as store:
        account = store.queue(store.dates()[-1])[0].account.account_id
    lines = ["| look-up | seconds | beside the floor |", "|---|---:|---:|"]
    for words in (["queue"], ["explain", account], ["work", "list"], ["models", "list"]):
        measured = pairs([*words, "--project", str(project)], runs)
        took = statistics.median(lookup for lookup, _ in measured)
        ratio = statistics.median(lookup / floor for lookup, floor in measured)
        shown = " ".join("ACCOUNT" if word == account else word for word in words)
        lines.append(f"| `churnml {shown}` | {took:.2f} | {ratio:.1f} × |")
    return lines


def section(lines: list[str]) -> list[str]:
    """The part of the page about look-ups."""
    return [
        "## Look-ups",
        "",
        'On the demo, whole processes; the floor is `python -c "import pandas, sqlalchemy"`, run in turn with each.',
        "",
        f"<!-- {BLOCK} -->",
        *lines,
        f"<!-- /{BLOCK} -->",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path, help="a project after churnml run")
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    lines = table(arguments.project, arguments.runs)
    replace_block(BLOCK, lines, PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
