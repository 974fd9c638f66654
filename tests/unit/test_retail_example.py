"""The example on Online Retail II: short, and of the customers and the outcome that its README says."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from churnml import snapshots
from churnml.jobs.opening import open_data

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "retail"
# the day after the last one known: the public project counts its cutoff's day as known
AS_OF = dt.date(2011, 9, 11)


def test_the_example_is_declared_in_at_most_forty_lines():
    declared = [
        path for path in EXAMPLE.rglob("*") if path.suffix in (".yaml", ".sql", ".py") and ".churnml" not in path.parts
    ]
    assert sum(len(path.read_text("utf-8").splitlines()) for path in declared) <= 40


def test_the_example_speaks_of_the_customers_and_the_outcome_of_its_readme(tmp_path):
    shutil.copytree(EXAMPLE, tmp_path / "retail", ignore=shutil.ignore_patterns(".churnml"))
    opened = open_data(tmp_path / "retail", dt.date(2011, 12, 10))
    label = opened.project.model("churn").label
    assert label.reach.latest_mature(opened.facts.data_through) == AS_OF
    rows = snapshots.attach_label(label, opened.facts, snapshots.population(label, opened.facts, [AS_OF]))
    assert f"{len(rows):,} and {rows['label'].mean():.3f}" in (EXAMPLE / "README.md").read_text("utf-8").replace(
        "\n", " "
    )
