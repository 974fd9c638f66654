"""The null control: with labels shuffled within each cutoff nothing can be learned, so nothing may be promoted.

``python -m benchmarks.null_control`` writes its table into docs/believe.md. Features are built once; each seed
shuffles the labels of every cutoff among its accounts, and the project's own functions fit and judge.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.believe import replace_block
from churnml.jobs.judging import judge_challenger
from churnml.jobs.opening import OpenedProject, open_data
from churnml.jobs.training import Collected, collect, fit_challenger
from churnml.simulate import simulate
from churnml.specs.models import ModelSpec

ROOT = Path(__file__).parents[1]
SEEDS = 20
ACCOUNTS = 2_000
TODAY = dt.date(2026, 1, 1)
# what is known of an account's outcome; hazards read the last two
OUTCOME = ("label", "left_after", "seen_for")


@dataclass(frozen=True)
class Outcome:
    """What came of one training: the judged ROC AUC and its interval, what judged, and the verdict."""

    roc_auc: float
    interval: str
    judged_on: str
    promoted: bool
    because: str


def shuffled(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same rows with the outcomes of each cutoff dealt anew among its accounts that have one."""
    rng, dealt_rows = np.random.default_rng(seed), rows.copy()
    columns = [name for name in OUTCOME if name in rows.columns]
    labelled = rows.index[rows["label"].notna()]
    for _, index in rows.loc[labelled].groupby("as_of").groups.items():
        dealt = rng.permutation(len(index))
        dealt_rows.loc[index, columns] = rows.loc[index, columns].to_numpy()[dealt]
    return dealt_rows


def outcomes(opened: OpenedProject, spec: ModelSpec, seeds: int) -> Iterator[Outcome]:
    """The outcome with the true labels, then with those of every seed."""
    # curves of survival play no part in a verdict
    spec = spec.model_copy(update={"hazard": None})
    collected = collect(opened, spec)
    for rows in (collected.rows, *(shuffled(collected.rows, seed) for seed in range(seeds))):
        yield judged(opened, spec, replace(collected, rows=rows))


def judged(opened: OpenedProject, spec: ModelSpec, collected: Collected) -> Outcome:
    """Fits and judges as training does, without a champion."""
    judgement = judge_challenger(opened, spec, collected, fit_challenger(opened, spec, collected), None)
    if judgement.evaluation is None:
        return Outcome(float("nan"), "", "", judgement.verdict.promoted, judgement.verdict.because)
    auc = judgement.evaluation.figures["model"]["roc_auc"]
    judged_on = f"{judgement.evaluation.positives} of {judgement.evaluation.rows}"
    return Outcome(
        auc.value, f"[{auc.low:.3f}, {auc.high:.3f}]", judged_on, judgement.verdict.promoted, judgement.verdict.because
    )


def _opened(name: str, folder: Path) -> OpenedProject:
    project = folder / name
    if name == "demo":
        simulate(project, accounts=ACCOUNTS)
    else:
        shutil.copytree(ROOT / "examples" / name, project, ignore=shutil.ignore_patterns(".churnml"))
    return open_data(project, TODAY)


def section(projects: list[str], seeds: int) -> list[str]:
    """The table."""
    lines = [
        "| data | model | positives | seeds | promoted | ROC AUC, shuffled | ROC AUC, as it is | verdict, as it is |",
        "|---|---|---:|---:|---:|---|---|---|",
    ]
    reasons: Counter[str] = Counter()
    for name in projects:
        with tempfile.TemporaryDirectory() as folder:
            opened, started = _opened(name, Path(folder)), time.perf_counter()
            true, *null = outcomes(opened, opened.project.model("churn"), seeds)
        aucs = np.array([outcome.roc_auc for outcome in null])
        reasons.update(outcome.because.split(":")[0] for outcome in null)
        lines.append(
            f"| {name} | churn | {true.judged_on} | {seeds} | {sum(outcome.promoted for outcome in null)} | "
            f"{np.median(aucs):.3f} ({aucs.min():.3f} to {aucs.max():.3f}) | {true.roc_auc:.3f} {true.interval} | "
            f"{'promoted' if true.promoted else 'not promoted'}: {true.because} |"
        )
        sys.stderr.write(f"{name}: {time.perf_counter() - started:.0f} s\n")
    why_not = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    return [*lines, "", f"Why not, with labels shuffled: {why_not}."]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train on shuffled labels and count promotions.")
    parser.add_argument("projects", nargs="*", default=["demo", "ravenstack"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    asked = parser.parse_args()
    lines = section(asked.projects, asked.seeds)
    replace_block("null-control", lines)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
