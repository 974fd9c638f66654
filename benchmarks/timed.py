"""One way of making features, timed in a process of its own: ``python -m benchmarks.timed WAY FOLDER [--out FILE]``.

Prints the seconds of the work itself, without the interpreter's start and imports.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def way_of(name: str) -> Callable[[Path, list[date]], Any]:
    """The function a name such as ``rivals.polars``, ``engine.cold`` or ``transactions.duckdb`` stands for."""
    module, _, function = name.partition(".")
    if module == "rivals":
        from benchmarks import rivals

        if function.startswith("polars"):
            import polars  # noqa: F401 - imported before the clock starts, as every library is
        elif function == "pandas":
            import pandas  # noqa: F401
        return rivals.RIVALS[function]
    if module == "transactions":
        from benchmarks import transactions

        return lambda folder, _cutoffs: transactions.WAYS[function](folder)
    import ibis.backends.duckdb  # noqa: F401 - the same

    from benchmarks import engine

    if function == "transactions":
        return lambda folder, _cutoffs: engine.transactions(folder)
    return getattr(engine, function)


def main() -> None:
    """Times one way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cutoffs", default="")
    asked = parser.parse_args()
    cutoffs = [date.fromisoformat(text) for text in asked.cutoffs.split(",") if text]
    way = way_of(asked.way)
    started = time.perf_counter()
    table = way(asked.folder, cutoffs)
    seconds = time.perf_counter() - started
    if asked.out:
        pq.write_table(table, asked.out)
    sys.stdout.write(json.dumps({"seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
