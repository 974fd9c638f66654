"""How stable reasons are, and what they cost: ``python -m benchmarks.reasons`` writes the table of docs/reasons.md.

The same model is trained with several seeds, and with a twentieth of the accounts left out, a different one each time.
Reasons are then given to the riskiest tenth of the accounts of the judged cutoff, and compared between trainings:
what a manager reads first should not depend on either.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from churnml.features import theme_of
from churnml.jobs.opening import OpenedProject, open_data
from churnml.jobs.training import collect, fit_challenger
from churnml.ledger import Reason
from churnml.modelling.predictor import Predictor
from churnml.modelling.reference import usual_of
from churnml.modelling.training import at_cutoffs
from churnml.scoring.reasons import model_reasons
from churnml.simulate import simulate

PAGE = Path(__file__).parents[1] / "docs" / "reasons.md"
BEGIN, END = "<!-- measured by python -m benchmarks.reasons -->", "<!-- end of what is measured -->"
RUNS = 5
LEFT_OUT = 0.05
DECILE = 0.9
MANY = 200_000
TODAY = dt.date(2026, 1, 1)


@dataclass(frozen=True)
class Training:
    """One training: what was changed in it, its probabilities, and its reasons for the riskiest accounts."""

    changed: str
    predictor: Predictor
    reasons: tuple[tuple[Reason, ...], ...] = ()


def trainings(opened: OpenedProject, name: str, runs: int) -> tuple[list[Training], pd.DataFrame]:
    """Trains with other seeds and with other accounts left out; also the rows of the judged cutoff."""
    # reasons are the classifier's: curves need not be fitted
    spec = opened.project.model(name).model_copy(update={"hazard": None})
    collected = collect(opened, spec)
    judged = at_cutoffs(collected.rows, [collected.split.judged]).reset_index(drop=True)
    accounts = np.array(sorted(collected.rows["account_id"].unique()))
    rng = np.random.default_rng(spec.seed)
    fitted = []
    for changed in ["seed"] * runs + ["accounts"] * runs:
        rows, other = collected.rows, spec
        if changed == "seed":
            # a model is the mean of fits with neighbouring seeds: another one shall share none of them
            other = spec.model_copy(update={"seed": spec.seed + 100 * len(fitted)})
        else:
            out = rng.choice(accounts, size=int(LEFT_OUT * len(accounts)), replace=False)
            rows = rows[~rows["account_id"].isin(out)]
        fitted.append(Training(changed, fit_challenger(opened, other, replace(collected, rows=rows)).predictor))
        sys.stderr.write(f"  {name}: training {len(fitted)} of {2 * runs}\n")
    mean = np.mean([training.predictor.predict(judged) for training in fitted], axis=0)
    riskiest = judged[mean >= np.quantile(mean, DECILE)].reset_index(drop=True)
    return [replace(training, reasons=explain(training.predictor, riskiest, name)) for training in fitted], judged


def explain(predictor: Predictor, rows: pd.DataFrame, name: str) -> tuple[tuple[Reason, ...], ...]:
    """The reasons one training gives."""
    contributions = predictor.contributions(rows)
    usual = usual_of(predictor.reference)
    return tuple(model_reasons(rows, predictor.features, contributions, usual, towards_risk=name != "upsell"))


def line(title: str, fitted: Sequence[Training], changed: str) -> str:
    """One line of the table: how often two trainings agree on an account."""
    of = [training for training in fitted if training.changed == changed]
    # every seed against every other; each training without some accounts against the one with all of them
    pairs = list(itertools.combinations(of, 2)) if changed == "seed" else [(fitted[0], one) for one in of]
    told = [(a, b) for one, other in pairs for a, b in zip(one.reasons, other.reasons, strict=True)]
    first = np.mean([[r.code for r in a[:1]] == [r.code for r in b[:1]] for a, b in told])
    theme = np.mean([[theme_of(r.code) for r in a[:1]] == [theme_of(r.code) for r in b[:1]] for a, b in told])
    whole = np.mean([{r.code for r in a} == {r.code for r in b} for a, b in told])
    number = np.mean([len(a) for a, _ in told])
    words = "another seed" if changed == "seed" else f"{LEFT_OUT:.0%} of the accounts left out"
    return f"| {title} | {words} | {theme:.1%} | {first:.1%} | {whole:.1%} | {number:.1f} |"


def cost(predictor: Predictor, rows: pd.DataFrame, name: str) -> str:
    """One line of the table of costs: drawn again and again from the judged accounts until there are MANY."""
    drawn = np.random.default_rng(0).integers(0, len(rows), MANY)
    many = rows.iloc[drawn].reset_index(drop=True)
    started = time.perf_counter()
    probability = predictor.predict(many)
    predicted = time.perf_counter() - started
    above = many[probability > predictor.base_rate]
    started = time.perf_counter()
    contributions = np.concatenate(
        [predictor.contributions(above.iloc[i : i + 16_384]) for i in range(0, len(above), 16_384)]
    )
    contributed = time.perf_counter() - started
    started = time.perf_counter()
    model_reasons(
        above, predictor.features, contributions, usual_of(predictor.reference), towards_risk=name != "upsell"
    )
    told = time.perf_counter() - started
    whole = (contributed + told) * MANY / max(len(above), 1)
    return (
        f"| {name}, {predictor.booster.num_trees()} trees, {len(predictor.features)} features | {predicted:.1f} | "
        f"{len(above):,} | {contributed:.1f} | {told:.1f} | {whole:.1f} |"
    )


def main() -> None:
    """Measures, and writes the tables into docs/reasons.md."""
    parser = argparse.ArgumentParser(description="Measures reasons, and writes the tables of docs/reasons.md.")
    parser.add_argument("--runs", type=int, default=RUNS, help="trainings of each kind")
    parser.add_argument("--accounts", type=int, default=2000)
    asked = parser.parse_args()
    stable = [
        "| model | what was changed | first reason, theme | first reason, family | the set of families | reasons |",
        "|---|---|---:|---:|---:|---:|",
    ]
    costs = [
        "| model | predict all | above usual | their contributions | their sentences | reasons for all would take |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "company"
        simulate(root, accounts=asked.accounts, seed=7)
        opened = open_data(root, TODAY)
        for name in opened.project.model_names:
            fitted, judged = trainings(opened, name, asked.runs)
            stable += [line(name, fitted, changed) for changed in ("seed", "accounts")]
            costs.append(cost(fitted[0].predictor, judged, name))
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    tables = "\n".join([BEGIN, "", *stable, "", *costs, "", END])
    PAGE.write_text(before + tables + after, "utf-8")
    sys.stdout.write(tables + "\n")


if __name__ == "__main__":
    main()
