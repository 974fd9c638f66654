"""Companies with few leavers: ``python -m benchmarks.few_leavers [--companies 20] [--leavers 20,50,100,200]``.

Simulated companies of such a size that about so many accounts have the outcome at the judged cutoff. Model, logistic
regression and health without a model are fitted and judged by the functions the product itself runs, and each is held
against the true probabilities, so that the luck of a few outcomes plays no part in the comparison. Writes its table
into docs/believe.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.believe import replace_block
from benchmarks.truth import expected_auc
from churnml.errors import TooLittleDataError
from churnml.jobs.judging import judge_challenger
from churnml.jobs.opening import open_data
from churnml.jobs.training import collect, fit_challenger
from churnml.simulate import simulate

LEAVERS = (20, 50, 100, 200)
COMPANIES = 20
# Of all accounts there ever are, so many are at the judged cutoff and leave in its window.
LEAVE = 0.0385
# Seeds that no other benchmark and no choice of settings has used.
FIRST_SEED = 101
TODAY = dt.date(2026, 1, 1)
RIVALS = {"logistic_regression": "logistic regression", "health": "health", "recency": "recency"}


@dataclass(frozen=True)
class Company:
    """What came of one company: ROC AUC by the true probabilities of everybody, and the verdict."""

    leavers: int
    positives: int
    seen_per_said: float
    auc: dict[str, float]
    promoted: bool
    taken: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of what can be known above chance."""
        return (self.auc["model"] - 0.5) / (self.auc["truth"] - 0.5)


def measured(leavers: int, seed: int, folder: Path) -> Company | None:
    """Simulates a company and trains its churn model; None where it is refused as too little to learn from."""
    simulate(folder, accounts=round(leavers / LEAVE), months=24, seed=seed)
    opened = open_data(folder, TODAY)
    spec = opened.project.model("churn").model_copy(update={"hazard": None})
    try:
        collected = collect(opened, spec)
        fitted = fit_challenger(opened, spec, collected)
    except TooLittleDataError as refused:
        sys.stderr.write(f"few_leavers: {leavers}, company {seed}: {refused.what}\n")
        return None
    judgement = judge_challenger(opened, spec, collected, fitted, None)
    if judgement.evaluation is None:
        sys.stderr.write(f"few_leavers: {leavers}, company {seed}: {judgement.verdict.because}\n")
        return None
    truth = judgement.predictions["truth"]
    auc = {who: expected_auc(p, truth) for who, p in judgement.predictions.items()}
    pooled = judgement.pooled.evaluation if judgement.pooled else judgement.evaluation
    said = pooled.figures["model"]["seen_over_said"].value
    taken = tuple(trial.what.split(";")[0] for trial in fitted.chosen.tried[1:] if trial.taken)
    company = Company(leavers, judgement.evaluation.positives, said, auc, judgement.verdict.promoted, taken)
    sys.stderr.write(f"few_leavers: company {seed}: {company}: {judgement.verdict.because}\n")
    return company


def table(companies: Sequence[Company], asked: int) -> list[str]:
    """The block of the page."""
    lines = [
        "| leavers | companies | positives | share of what can be known | "
        + " | ".join(f"ahead of {name}" for name in RIVALS.values())
        + " | seen per said | promoted | what was taken most |",
        "|---:|---:|---:|---:|" + "---:|" * len(RIVALS) + "---:|---:|---|",
    ]
    for leavers in sorted({one.leavers for one in companies}):
        these = [one for one in companies if one.leavers == leavers]
        leads = [np.mean([one.auc["model"] - one.auc[who] for one in these if who in one.auc]) for who in RIVALS]
        takings = [", ".join(one.taken) or "as declared" for one in these]
        lines.append(
            f"| {leavers} | {len(these)} of {asked} | {np.mean([one.positives for one in these]):.0f} | "
            f"{np.mean([one.share for one in these]):.3f} | {' | '.join(f'{lead:+.3f}' for lead in leads)} | "
            f"{np.mean([one.seen_per_said for one in these]):.2f} | {sum(one.promoted for one in these)} | "
            f"{max(takings, key=takings.count)} |"
        )
    return [
        "Means over companies, ROC AUC by the true probabilities; *leavers* and *positives* are those of the newest",
        "cutoff that judges, seen per said is that of all cutoffs that judge.",
        "",
        *lines,
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Companies with few leavers, beside the truth.")
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument("--leavers", default=",".join(map(str, LEAVERS)))
    asked = parser.parse_args()
    companies = []
    for leavers in map(int, asked.leavers.split(",")):
        for seed in range(FIRST_SEED, FIRST_SEED + asked.companies):
            with tempfile.TemporaryDirectory() as scratch:
                found = measured(leavers, seed, Path(scratch) / "company")
            companies += [found] if found else []
            replace_block("few-leavers", table(companies, asked.companies))


if __name__ == "__main__":
    main()
