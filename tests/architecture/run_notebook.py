"""Runs a notebook cell by cell, as Jupyter would, and draws every chart it shows: ``python run_notebook.py PATH OUT``.

A cell's last expression is shown: charts as ``OUT/<cell>.png``, everything else as text.
"""

from __future__ import annotations

import ast
import shutil
import sys
from pathlib import Path
from typing import Any

import altair as alt
import jupytext
import pandas as pd

from churnml.adapters import project
from churnml.pages.charts import png

sys.path.append(str(Path(__file__).parents[2]))  # started as a program: the tests' own modules are not in reach
from tests.support import be_brisk


def show(value: Any, out: Path, cell: int) -> None:
    if isinstance(value, alt.TopLevelMixin):
        (out / f"{cell:02d}.png").write_bytes(png(value))
    elif isinstance(value, pd.DataFrame):
        print(value.to_string())  # noqa: T201
    elif value is not None:
        print(value)  # noqa: T201


def be_quick(folder: Path) -> None:
    """Lets the models that come with churnml be fitted in a fraction of the time, in this process."""
    usual, models = project.default_models(), folder / "models"
    shutil.copytree(usual, models)
    be_brisk(folder)
    project.default_models = lambda: models


def main() -> None:
    path, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    be_quick(out.parent)
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
