"""The notebooks run from top to bottom, draw their charts, and open as notebooks; nothing a run gave is stored in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))
# What a run must have said, so that one that skips its own point is noticed.
SAYS = {
    "01_first_look": "judged: ",
    "02_can_we_believe_it": "'account_lifecycle' gives the outcome away",
    "03_your_own_features": "passed: False",
}
CHARTS = {"01_first_look": 3, "02_can_we_believe_it": 6, "03_your_own_features": 2}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end_and_draws_its_charts(notebook: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("run_notebook.py")), str(notebook), str(tmp_path / "charts")],
        env={
            "CHURNML_NOTEBOOK_FOLDER": str(tmp_path),
            "OMP_NUM_THREADS": "1",
            "PATH": "",
            "PYTHONUTF8": "1",
            "PYTHONWARNINGS": "error::UserWarning",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[notebook.stem] in done.stdout
    charts = sorted((tmp_path / "charts").glob("*.png"))
    assert len(charts) == CHARTS[notebook.stem]
    assert all(chart.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and chart.stat().st_size > 5_000 for chart in charts)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_as_one_and_holds_no_output(notebook: Path) -> None:
    written = jupytext.writes(jupytext.read(notebook), fmt="ipynb")
    found = nbformat.reads(written, as_version=4)
    nbformat.validate(found)
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert found.cells[0].cell_type == "markdown"
    assert found.cells[0].source.startswith("# ")
