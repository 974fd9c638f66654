"""Runs a notebook cell by cell, as Jupyter would, and draws every chart it shows: ``python run_notebook.py PATH OUT``.

A cell's last expression is shown: charts as ``OUT/<cell>.png``, everything else as text.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import altair as alt
import jupytext
import pandas as pd

from churnml.pages.charts import png


def show(value: Any, out: Path, cell: int) -> None:
    if isinstance(value, alt.TopLevelMixin):
        (out / f"{cell:02d}.png").write_bytes(png(value))
    elif isinstance(value, pd.DataFrame):
        print(value.to_string())  # noqa: T201
    elif value is not None:
        print(value)  # noqa: T201


def main() -> None:
    path, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    known: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(jupytext.read(path).cells):
        if cell.cell_type != "code":
            continue
        body = ast.parse(cell.source).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        where = f"{path.name}, cell {number}"
        exec(compile(ast.Module(body, []), where, "exec"), known)  # noqa: S102
        if last is not None:
            show(eval(compile(ast.Expression(last.value), where, "eval"), known), out, number)  # noqa: S307


if __name__ == "__main__":
    main()
