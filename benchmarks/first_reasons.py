"""How much the first reasons of a day's list differ: ``python -m benchmarks.first_reasons PROJECT…``.

Each project must have been scored. Of the first lines of its newest list it prints the first reason of each, how many
different reasons (families) and wordings there are, and how many lines the commonest of either is on. Two wordings are
one where they differ in their numbers alone: a manager who reads the same sentence with other numbers learns little.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from churnml.cli.shell import day_or_newest, project_and_store
from churnml.ledger import QueueLine

LINES = 50
_NUMBER = re.compile(r"−?-?\d[\d,.]*")


@dataclass(frozen=True)
class FirstReasons:
    """The first reasons of the first lines of a list.

    Args:
        lines: how many lines there are.
        without: of them, lines without any reason.
        families: family → lines.
        wordings: sentence without its numbers → lines.
        sentences: as they are read, a line each.
    """

    lines: int
    without: int
    families: Counter[str]
    wordings: Counter[str]
    sentences: tuple[str, ...]

    def row(self, name: str) -> str:
        """A line of the table."""
        commonest = [max(counts.values(), default=0) for counts in (self.families, self.wordings)]
        return (
            f"| {name} | {self.lines} | {self.without} | {len(self.families)} | {commonest[0]} | "
            f"{len(self.wordings)} | {commonest[1]} |"
        )


def first_reasons(queue: Sequence[QueueLine]) -> FirstReasons:
    """The first reasons of ``queue``: of growth where growth is the goal."""
    told = [line.account.growth_reasons if line.decision.goal == "grow" else line.account.reasons for line in queue]
    first = [reasons[0] for reasons in told if reasons]
    return FirstReasons(
        lines=len(queue),
        without=len(queue) - len(first),
        families=Counter(reason.code for reason in first),
        wordings=Counter(_NUMBER.sub("#", reason.sentence) for reason in first),
        sentences=tuple(reasons[0].sentence if reasons else "–" for reasons in told),
    )


def newest_list(folder: Path, lines: int) -> Sequence[QueueLine]:
    """The first lines of a project's newest list."""
    with project_and_store(folder) as (_, store):
        return store.queue(day_or_newest(store, None), limit=lines)


def main() -> None:
    """Prints the sentences and the table."""
    parser = argparse.ArgumentParser(description="How much the first reasons of a day's list differ.")
    parser.add_argument("projects", nargs="+", type=Path)
    parser.add_argument("--lines", type=int, default=LINES)
    asked = parser.parse_args()
    rows = []
    for folder in asked.projects:
        found = first_reasons(newest_list(folder, asked.lines))
        sys.stdout.write("".join(f"{folder.name}: {sentence}\n" for sentence in found.sentences))
        rows.append(found.row(folder.name))
    head = "| project | lines | without a reason | different reasons | commonest | different wordings | commonest |"
    sys.stdout.write("\n".join(["", head, "|---|---:|---:|---:|---:|---:|---:|", *rows, ""]))


if __name__ == "__main__":
    main()
