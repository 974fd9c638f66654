"""Estimated beside realised performance over two watched years: ``python -m benchmarks.expected``.

A company of 2,000 accounts lives 42 months. Its model is trained when two years of watching begin and again a year
later, on what is known by then, and scores the company every quarter; when the outcomes are known, they are held
against what the model's own confidence had led to expect at the time. The seeds are those of ``benchmarks.truth``; none
of them was used while the estimate was made (that were 7 and 11). Writes its table into docs/monitoring.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import pickle
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.believe import replace_block
from benchmarks.truth import SEEDS
from churnml import snapshots
from churnml.errors import TooLittleDataError
from churnml.jobs.features import features_of
from churnml.jobs.judging import truth_of
from churnml.jobs.opening import OpenedProject, open_data
from churnml.jobs.training import collect, fit_challenger
from churnml.modelling.evaluation import evaluate
from churnml.modelling.profile import fit_trust
from churnml.modelling.ranking import Stakes
from churnml.modelling.reliability import wilson
from churnml.modelling.training import FittedModel
from churnml.simulate import simulate
from churnml.specs.models import ModelSpec
from churnml.timeline import cutoffs_ending, plus_days
from churnml.watch.expected import expected, in_the_mean, top_of

PAGE = Path(__file__).parents[1] / "docs" / "monitoring.md"
ACCOUNTS, MONTHS = 2_000, 42
QUARTER, YEAR = 91, 364
# Two years of scored dates before the newest one whose outcomes are known.
WATCHED = 728
SHARE = 0.1
FIGURES = ("roc_auc", "average_precision", "brier", "log_loss", "precision_at_capacity", "positives")
NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "log_loss": "log loss",
    "precision_at_capacity": "share of outcomes in the first tenth",
    "positives": "share of outcomes",
}


@dataclass(frozen=True)
class ScoredThen:
    """A date as it was scored, and what came of it.

    Args:
        seed, trained_to, as_of: company, end of the data it was trained on, and scored date.
        is_new: whether the model was new on that date.
        p, y, truth: probabilities, outcomes and true probabilities, shape (rows,).
        unseen: ``account_id, as_of, label, probability`` of the rows its calibration was believed by.
    """

    seed: int
    trained_to: dt.date
    as_of: dt.date
    is_new: bool
    p: np.ndarray
    y: np.ndarray
    truth: np.ndarray | None
    unseen: pd.DataFrame


def lived(seed: int, folder: Path) -> list[ScoredThen]:
    """A company, trained every year and scored every quarter."""
    simulate(folder, accounts=ACCOUNTS, months=MONTHS, seed=seed)
    opened = open_data(folder, dt.date(2030, 1, 1))
    spec = opened.project.model("churn").model_copy(update={"hazard": None})
    newest = spec.label.reach.latest_mature(opened.facts.data_through)
    quarters = cutoffs_ending(newest, QUARTER, WATCHED // QUARTER, plus_days(newest, -WATCHED))
    scored = []
    for first in quarters[:: YEAR // QUARTER]:
        then = _known_through(opened, plus_days(first, -1))
        try:
            collected = collect(then, spec)
        except TooLittleDataError as problem:
            sys.stderr.write(f"expected: {seed} {first}: {problem.what}\n")
            continue
        fitted = fit_challenger(then, spec, collected)
        dates = [date for date in quarters if first <= date < plus_days(first, YEAR)]
        scored += [_scored(opened, spec, fitted, seed, date, first) for date in dates]
        sys.stderr.write(f"expected: company {seed}, trained to {first}\n")
    return scored


def _known_through(opened: OpenedProject, last: dt.date) -> OpenedProject:
    """The project as it was when its data ended with a date: features know what was known, labels are mature."""
    return replace(opened, facts=replace(opened.facts, data_through=last))


def _scored(
    opened: OpenedProject, spec: ModelSpec, fitted: FittedModel, seed: int, as_of: dt.date, first: dt.date
) -> ScoredThen:
    spine = snapshots.population(spec.label, opened.facts, [as_of])
    spine["label"] = snapshots.attach_label(spec.label, opened.facts, spine)["label"].to_numpy()
    spine = spine[spine["label"].notna()].reset_index(drop=True)
    predictor = fitted.predictor
    features = features_of(opened, predictor, "model")
    frame = snapshots.build_snapshots(opened.facts, list(features.values()), spine[["account_id", "as_of"]])
    p, y = predictor.predict(frame), spine["label"].to_numpy(dtype="float64")
    truth = truth_of(opened.project, spec.name, spine)
    return ScoredThen(seed, plus_days(first, -1), as_of, as_of == first, p, y, truth, fitted.out_of_fold)


@dataclass(frozen=True)
class Beside:
    """A figure as estimated and as it came: within the interval, within that of sampling alone, and how far off."""

    figure: str
    estimated: float
    width: float
    realised: float
    held: bool
    held_by_sampling: bool
    by_truth: float | None


def beside(one: ScoredThen) -> list[Beside]:
    """What was estimated of one scored date beside what came."""
    doubted, believed = expected(one.p, fit_trust(one.unseen), SHARE, 7), expected(one.p, None, SHARE, 7)
    rows = len(one.y)
    stakes = Stakes(top_of(SHARE, rows) / rows, np.zeros(rows), 0.0, 0.0)
    measured = evaluate(np.arange(rows).astype(str), one.y, {"model": one.p}, 7, 20, stakes).figures["model"]
    came = {name: figure.value for name, figure in measured.items()} | {"positives": float(one.y.mean())}
    best = None
    if one.truth is not None:
        order = np.argsort(-one.p, kind="stable")
        best = in_the_mean(one.p[order], one.truth[order], top_of(SHARE, rows))
    return [
        Beside(
            figure=name,
            estimated=doubted[name].value,
            width=doubted[name].high - doubted[name].low,
            realised=came[name],
            held=doubted[name].low <= came[name] <= doubted[name].high,
            held_by_sampling=believed[name].low <= came[name] <= believed[name].high,
            by_truth=best[name] if best else None,
        )
        for name in FIGURES
    ]


def table(scored: Sequence[ScoredThen]) -> list[str]:
    """The block of the page."""
    measured = [(one, beside(one)) for one in scored]
    lines = [
        f"{len({one.seed for one in scored})} companies, {len(scored)} quarters, "
        f"{sum(one.is_new for one in scored)} models; in the mean {np.mean([len(one.y) for one in scored]):,.0f} "
        f"accounts a quarter, of which {np.mean([one.y.sum() for one in scored]):.0f} left.",
        "",
        "| figure | estimated, mean | came, mean | mean distance | distance to the mean over all outcomes that could "
        "have come | interval held | of models up to a quarter old | interval of sampling alone held | median width |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for place, name in enumerate(FIGURES):
        of = [(one, figures[place]) for one, figures in measured]
        every, new = [line for _, line in of], [line for one, line in of if one.is_new]
        apart = [abs(line.estimated - line.by_truth) for line in every if line.by_truth is not None]
        lines.append(
            f"| {NAMES[name]} | {np.mean([x.estimated for x in every]):.3f} "
            f"| {np.mean([x.realised for x in every]):.3f} "
            f"| {np.mean([abs(x.estimated - x.realised) for x in every]):.3f} | {np.mean(apart):.3f} "
            f"| {_share([x.held for x in every])} | {_share([x.held for x in new])} "
            f"| {_share([x.held_by_sampling for x in every])} | {np.median([x.width for x in every]):.3f} |"
        )
    return lines


def _share(held: Sequence[bool]) -> str:
    low, high = wilson(float(np.mean(held)), float(len(held)))
    return f"{100 * np.mean(held):.1f} % [{100 * float(low):.0f}, {100 * float(high):.0f}]"


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description="Estimated beside realised performance of simulated companies.")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--keep", type=Path, help="a file of what was scored: read where it is there, else written")
    arguments = parser.parse_args()
    scored: list[ScoredThen] = []
    for seed in [int(text) for text in arguments.seeds.split(",")]:
        kept = arguments.keep and arguments.keep / f"{seed}.pickle"
        if kept and kept.exists():
            scored += pickle.loads(kept.read_bytes())  # noqa: S301 - our own
            continue
        with tempfile.TemporaryDirectory() as scratch:
            of_company = lived(seed, Path(scratch) / "company")
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pickle.dumps(of_company))
        scored += of_company
    lines = table(scored)
    sys.stdout.write("\n".join(lines) + "\n")
    if not arguments.keep:
        replace_block("expected", lines, PAGE)


if __name__ == "__main__":
    main()
