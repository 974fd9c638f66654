"""At-risk alarms in holiday weeks: ``python -m benchmarks.golden_week [--seeds 1,2,3,4] [--accounts 600]``.

Simulated companies whose customers all are in Japan: on holidays their use thins out, and nothing else. Every account
is scored on Mondays, without a model, by scales of the months before; an alarm is a score in the band ``at_risk``. The
alarms of the Mondays right after Golden Week and the turn of the year, and of those up to four weeks after, stand
beside those of the same company on the same Mondays had there been no holidays (incidents and leavers are the same),
with the project as it is written, and with ``even_out_holidays: true``. Writes its table into docs/believe.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.believe import replace_block
from churnml.health.score import health_of
from churnml.jobs.opening import CONTEXT_FEATURES, OpenedProject, features_by_name, open_data, wish_for
from churnml.modelling.reference import fit_reference
from churnml.simulate import simulate
from churnml.snapshots import build_snapshots, population
from churnml.timeline import plus_days
from churnml.workdays import workdays

REGION = "JP"
SEEDS = (1, 2, 3, 4)
ACCOUNTS = 600
START, TODAY = dt.date(2023, 1, 2), dt.date(2025, 1, 31)
# The scales come from cutoffs as a training has them; the Mondays that are scored lie around the two holidays.
SCALES = tuple(plus_days(dt.date(2023, 4, 3), 28 * n) for n in range(7))
MONDAYS = {
    "the turn of the year": tuple(plus_days(dt.date(2023, 11, 13), 7 * n) for n in range(16)),
    "Golden Week": tuple(plus_days(dt.date(2024, 4, 1), 7 * n) for n in range(14)),
}
WEEK, MONTH = 7, 28
MUCH = 1.5  # working days that holidays took of the week before, or of the four weeks before
WITHOUT = "there are none"
SWITCH = {WITHOUT: "", "as they are": "", "evened out": "even_out_holidays: true\n"}
Figures = dict[tuple[str, str], tuple[float, float, float]]


def taken(monday: dt.date, days: int) -> float:
    """Working days that holidays took of the days before a Monday."""
    before = workdays(REGION, plus_days(monday, -days), days)
    return float((before.usual - before.worked).sum())


def told(opened: OpenedProject) -> pd.DataFrame:
    """Monday → share of the eligible accounts whose score lies in the band at_risk, and the mean score before
    exceptions."""
    project, facts = opened.project, opened.facts
    spec, scored = project.model("churn"), [day for days in MONDAYS.values() for day in days]
    wish = wish_for(opened, spec, SCALES[-1])
    features = features_by_name(opened, [*project.health.features, *CONTEXT_FEATURES], wish)
    rows = build_snapshots(facts, features, population(spec.label, facts, [*SCALES, *scored]))
    trains = rows["as_of"].isin([pd.Timestamp(day) for day in SCALES])
    polarity = {feature.name: feature.polarity for feature in features}
    judged = rows[~trains].reset_index(drop=True)
    unknown = np.full(len(judged), np.nan)
    health = health_of(project.health, judged, polarity, fit_reference(rows[trains], features), unknown, None)
    columns = {"alarms": (health.band == "at_risk").astype("float64"), "score": health.raw}
    return pd.DataFrame(columns, index=judged["as_of"].dt.date).groupby(level=0).mean()


def company(asked: tuple[int, int]) -> Figures:
    """(holiday, switch) → shares at risk right after the holiday and up to four weeks after, and the mean score."""
    seed, accounts = asked
    figures: Figures = {}
    for switch, line in SWITCH.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "company"
            region = None if switch == WITHOUT else REGION
            simulate(root, accounts=accounts, seed=seed, start=START, region=region, events=300 * accounts)
            with (root / "project.yaml").open("a", encoding="utf-8") as declared:
                declared.write(line)
            by_day = told(open_data(root, TODAY))
        for holiday, mondays in MONDAYS.items():
            after = by_day.loc[[day for day in mondays if taken(day, WEEK) >= MUCH]].mean()
            weeks = by_day.loc[[day for day in mondays if taken(day, MONTH) >= MUCH]].mean()
            figures[holiday, switch] = (float(after["alarms"]), float(weeks["alarms"]), float(weeks["score"]))
    sys.stderr.write(f"golden week: seed {seed}: {figures}\n")
    return figures


def table(companies: Sequence[Figures], accounts: int) -> list[str]:
    """The block of the page."""
    lines = [
        f"Mean of {len(companies)} companies of {accounts} accounts each; the same companies without holidays beside "
        "them. Shares of accounts at risk, without a model.",
        "",
        "| holiday | holidays are | right after | ÷ without | up to four weeks after | ÷ without | mean score |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for holiday in MONDAYS:
        first, second, _ = np.mean([one[holiday, WITHOUT] for one in companies], axis=0)
        for switch in SWITCH:
            after, weeks, score = np.mean([one[holiday, switch] for one in companies], axis=0)
            shares = f"{after:.1%} | {after / first:.2f} | {weeks:.1%} | {weeks / second:.2f}".replace("%", " %")
            lines.append(f"| {holiday} | {switch} | {shares} | {score:.1f} |")
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="At-risk alarms in holiday weeks.")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    seeds = [(int(seed), asked.accounts) for seed in asked.seeds.split(",")]
    with ProcessPoolExecutor(asked.workers) as pool:
        companies = list(pool.map(company, seeds))
    replace_block("golden-week", table(companies, asked.accounts))


if __name__ == "__main__":
    main()
