"""How often the door for the probabilities closes: ``python -m benchmarks.doors [--repetitions 200]``.

Companies are drawn in which every account has a rate of leaving of its own, and four cutoffs, four weeks apart, look
13 weeks ahead each; an account that leaves is positive at every cutoff that sees it coming. A model that knows the
probabilities but for one factor is judged on them together, as training judges. The null control says probabilities
that know nothing of the account. Writes its table into docs/believe.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.believe import replace_block
from churnml.modelling.pooling import JudgedRows, measured_together
from churnml.modelling.promotion import Verdict, judge
from churnml.specs.models import PromoteIf

LEAVERS = (20, 50, 100, 200, 400, 800)
REPETITIONS = 200
CUTOFFS, EVERY, HORIZON, REACH = 4, 28, 91, 126
RATE = 0.06  # of leaving within a label window, in the mean
SPREAD = 0.9  # of the logarithms of the accounts' rates
# Seen per said: 1 holds; 30 % too much said, 30 % too little, and 30 % fewer seen.
OFF = {"holds": 1.0, "1 / 1.3": 1 / 1.3, "1.3": 1.3, "0.7": 0.7}
ASKS = PromoteIf(beats=("base_rate", "champion"))
RESAMPLES = 300
FIRST = dt.date(2024, 1, 1)


@dataclass(frozen=True)
class Drawn:
    """A company: each account's chance of leaving in a window, and the day it leaves, shape (accounts,)."""

    chance: np.ndarray
    leaves: np.ndarray


def drawn(leavers: int, rng: np.random.Generator) -> Drawn:
    """A company in which about so many accounts leave where four cutoffs see it."""
    seen = 1 + (CUTOFFS - 1) * EVERY / HORIZON
    accounts = round(leavers / (RATE * seen))
    rate = RATE * np.exp(rng.normal(0, SPREAD, accounts) - SPREAD**2 / 2)
    return Drawn(1 - np.exp(-rate), rng.exponential(HORIZON / rate))


def judged(company: Drawn, seen_per_said: float, rng: np.random.Generator | None = None) -> list[JudgedRows]:
    """The cutoffs, and what a model says there; with ``rng`` it says the probabilities of other accounts."""
    cutoffs = []
    for place in range(CUTOFFS):
        there = company.leaves > place * EVERY
        label = (company.leaves[there] <= place * EVERY + HORIZON).astype("float64")
        said = company.chance[there] / seen_per_said
        if rng is not None:
            said = rng.permutation(said)
        rows = pd.DataFrame({"account_id": np.flatnonzero(there).astype(str), "label": label})
        day = FIRST + dt.timedelta(days=place * EVERY)
        everybody = {"model": np.clip(said, 0, 0.99), "base_rate": np.full(len(rows), company.chance.mean())}
        cutoffs.append(JudgedRows(day, day - dt.timedelta(days=REACH), rows, everybody))
    return cutoffs


def verdict(cutoffs: Sequence[JudgedRows], seed: int) -> Verdict:
    """What training would say of them."""
    return judge(measured_together(cutoffs, ["model", "base_rate"], seed, RESAMPLES), ASKS, has_champion=False)


def line(leavers: int, repetitions: int) -> list[str]:
    """A row of the table: the share refused for its probabilities, by how far they are off; the null control's."""
    refused = dict.fromkeys(OFF, 0)
    promoted, counted = 0, []
    for repetition in range(repetitions):
        rng = np.random.default_rng([leavers, repetition])
        company = drawn(leavers, rng)
        for name, off in OFF.items():
            cutoffs = judged(company, off)
            refused[name] += "the calibration has shifted" in verdict(cutoffs, repetition).because
        counted.append(len({who for one in cutoffs for who in one.rows.loc[one.rows["label"] == 1, "account_id"]}))
        promoted += verdict(judged(company, 1.0, rng), repetition).promoted
    sys.stderr.write(f"doors: {leavers} leavers: {refused}, null control promoted {promoted} of {repetitions}\n")
    shares = [f"{100 * count / repetitions:.0f} %" for count in refused.values()]
    return [str(leavers), f"{np.mean(counted):.0f}", *shares, f"{promoted} of {repetitions}"]


def table(lines: Sequence[Sequence[str]], repetitions: int) -> list[str]:
    """The block of the page."""
    head = ["leavers", "in the mean", *(f"seen per said {name}" if name != "holds" else name for name in OFF)]
    head.append("null control promoted")
    return [
        f"Refused because the probabilities do not hold, of {repetitions} companies each; intervals of {RESAMPLES} "
        "resamples. Leavers are accounts, each counted once over the four cutoffs.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---:|' * len(head)}",
        *(f"| {' | '.join(cells)} |" for cells in lines),
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="How often a model whose probabilities are off is refused.")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--leavers", default=",".join(map(str, LEAVERS)))
    asked = parser.parse_args()
    lines = []
    for leavers in asked.leavers.split(","):
        lines.append(line(int(leavers), asked.repetitions))
        replace_block("doors", table(lines, asked.repetitions))


if __name__ == "__main__":
    main()
