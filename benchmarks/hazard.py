"""When accounts leave: the curves beside Cox, the plain classifier and the simulator's truth.

``python -m benchmarks.hazard`` simulates three companies, trains on each what ``churnml train`` would, fits Cox on
the same history, judges all of them together at the judged cutoffs, and writes the table into ``docs/hazard.md``.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cox import fit_cox
from churnml.jobs.opening import open_data
from churnml.jobs.training import collect, fit_challenger
from churnml.modelling.curves import Curves, renewals
from churnml.modelling.hazard import fit_hazard
from churnml.modelling.record import JudgedCurves, RecordedFigure
from churnml.modelling.survival_figures import LeftBefore, evaluate_curves, evenly
from churnml.modelling.training import at_cutoffs
from churnml.simulate.clock import WEEK_DAYS, Weeks, clock_of, taken, weeks_of
from churnml.simulate.company import CHURN, UPSELL, simulate, streams
from churnml.simulate.history import live
from churnml.simulate.population import draw_accounts
from churnml.simulate.truth import _groups, cases_of, churn_of
from churnml.simulate.world import LONGEST_CHURN_WEEKS, TERMS_FIXED_WEEKS

PAGE = Path(__file__).parents[1] / "docs" / "hazard.md"
START, MONTHS = dt.date(2023, 1, 2), 24
BEGIN, END = "<!-- figures: written by python -m benchmarks.hazard -->", "<!-- end of figures -->"
TRUE_WEEKS = (4, 9, 13, 26)
WHO = {
    "curve": "the curve",
    "own_height": "its hazards, not anchored",
    "cox": "Cox",
    "classifier": "the classifier, spread evenly",
    "truth": "the true probabilities",
}
FIGURES = {
    "roc_auc_30": "ROC AUC, 30 days",
    "roc_auc_60": "ROC AUC, 60 days",
    "roc_auc_90": "ROC AUC, 90 days",
    "concordance": "concordance",
    "brier_30": "Brier × 1000, 30 days",
    "brier_60": "Brier × 1000, 60 days",
    "brier_90": "Brier × 1000, 90 days",
    "integrated_brier": "Brier × 1000, integrated",
}


@dataclass(frozen=True)
class JudgedCompany:
    """One company's judged accounts: what everybody says of them, and what is true.

    Args:
        rows: the judged rows.
        said: who → curve.
        true: weeks → true probability of having left by then, of ``rows``.
        until: the day on which the curves end.
        seconds: of the classifier's fit, the hazard's and Cox's.
        penalty: Cox's, as its fold chose it.
        trees: the hazard's.
    """

    rows: pd.DataFrame
    curves: Mapping[str, LeftBefore]
    true: Mapping[int, np.ndarray]
    until: int
    seconds: Mapping[str, float]
    penalty: float
    trees: int


def true_curves(accounts: int, seed: int, as_of: dt.date, weeks: Sequence[int]) -> pd.DataFrame:
    """True P(left within so many weeks) of every account at a Monday; a column for each of ``weeks``.

    Lives the company's history again from its seed, and asks the simulator of other windows than the label's.
    """
    clock = clock_of(START, MONTHS)
    rngs = streams(seed)
    people = draw_accounts(accounts, clock, rngs["accounts"])
    reaches = weeks_of(CHURN, "churn", LONGEST_CHURN_WEEKS), weeks_of(UPSELL, "upsell", TERMS_FIXED_WEEKS)
    history = live(people, clock, max(reach.end for reach in reaches), rngs["history"])
    cases = cases_of(history)
    cases = taken(cases, np.flatnonzero(cases.week == (as_of - START).days // WEEK_DAYS))
    left = np.zeros((len(weeks), len(cases)))
    for rows in _groups(history.states, cases):
        group = taken(cases, rows)
        for place, week in enumerate(weeks):
            left[place, rows] = churn_of(history.states, group, Weeks(0, week, reaches[0].grace)) if week else 0.0
    ids = people.ids[history.states.account[cases.unit]]
    assert len(set(ids)) == len(ids), "one contract an account"
    return pd.DataFrame(left.T, index=ids, columns=list(weeks))


def company(folder: Path, accounts: int, seed: int) -> JudgedCompany:
    """Simulates a company, trains, and lets everybody speak of the judged accounts."""
    simulate(folder, accounts=accounts, months=MONTHS, seed=seed, start=START)
    opened = open_data(folder, START)
    spec = opened.project.model("churn")
    collected = collect(opened, spec)
    plain = spec.model_copy(update={"hazard": None})
    seconds = {}
    started = time.perf_counter()
    fitted = fit_challenger(opened, plain, collected)
    seconds["the classifier"] = time.perf_counter() - started
    started = time.perf_counter()
    hazard = fit_hazard(spec, collected.features, collected.rows, collected.split, fitted.predictor)
    seconds["the hazards"] = time.perf_counter() - started
    assert hazard is not None
    predictor = dataclasses.replace(fitted.predictor, hazard=hazard)
    started = time.perf_counter()
    cox, penalty = fit_cox(collected.features, collected.rows, collected.split, spec.label)
    seconds["Cox, its penalty included"] = time.perf_counter() - started
    rows = at_cutoffs(collected.rows, [collected.split.judged])
    truth = true_curves(accounts, seed, collected.split.judged, range(hazard.edges[-1] // WEEK_DAYS + 1))
    known = rows["account_id"].isin(truth.index).to_numpy()
    true = truth.loc[rows["account_id"][known]]
    curves = predictor.curves(rows)
    assert curves is not None
    ahead, term = renewals(rows, hazard.renewal)
    force = np.logaddexp(0.0, hazard.log_odds(predictor.matrix(rows), ahead, term))
    own = Curves(curves.edges, np.cumsum(np.c_[np.zeros(len(rows)), force], axis=1))
    everybody: dict[str, LeftBefore] = {
        "curve": curves.leaves_before,
        "own_height": own.leaves_before,
        "cox": cox,
        "classifier": evenly(predictor.predict(rows), spec.label.horizon),
    }
    curves = {who: _of(p, known) for who, p in everybody.items()} | {"truth": _stepped(true)}
    return JudgedCompany(
        rows[known].assign(account_id=f"{seed}-" + rows["account_id"][known]),
        curves,
        {week: true[week].to_numpy() for week in TRUE_WEEKS},
        hazard.edges[-1],
        seconds,
        penalty,
        hazard.fitting.trees,
    )


def _of(p: LeftBefore, rows: np.ndarray) -> LeftBefore:
    return lambda day: p(day)[rows]


def _stepped(true: pd.DataFrame) -> LeftBefore:
    """The truth between whole weeks, its force even inside a week."""
    days = np.array([week * WEEK_DAYS for week in true.columns], dtype="float64")
    force = -np.log1p(-true.to_numpy())

    def left_before(day: float) -> np.ndarray:
        after = int(np.clip(np.searchsorted(days, day), 1, len(days) - 1))
        part = (day - days[after - 1]) / (days[after] - days[after - 1])
        return -np.expm1(-(force[:, after - 1] * (1 - part) + force[:, after] * part))

    return left_before


def judged(companies: Sequence[JudgedCompany], seed: int) -> JudgedCurves:
    """All companies' judged accounts together."""
    rows = pd.concat([one.rows for one in companies], ignore_index=True)
    curves = {who: _together([one.curves[who] for one in companies]) for who in WHO}
    times = (rows[name].to_numpy() for name in ("account_id", "left_after", "seen_for"))
    measured = evaluate_curves(*times, curves, int(min(one.until for one in companies)), seed)
    assert measured is not None
    return measured


def _together(curves: Sequence[LeftBefore]) -> LeftBefore:
    return lambda day: np.concatenate([one(day) for one in curves])


def _cell(name: str, figure: RecordedFigure, signed: bool = False) -> str:
    scale, digits = (1000, 2) if "brier" in name else (1, 3)
    sign = "+" if signed else ""
    value, low, high = (f"{scale * x:{sign}.{digits}f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def figure_lines(measured: JudgedCurves) -> list[str]:
    """The two tables of figures: everybody's, and how far the curve is ahead."""
    rivals = [who for who in WHO if who not in ("curve", "truth")]
    own = [
        f"| {spoken} | " + " | ".join(_cell(name, measured.figures[who][name]) for who in WHO) + " |"
        for name, spoken in FIGURES.items()
    ]
    ahead = [
        f"| {spoken} | " + " | ".join(_cell(name, measured.ahead[who][name], True) for who in rivals) + " |"
        for name, spoken in FIGURES.items()
    ]
    return [
        *_head(WHO.values()),
        *own,
        "",
        "How far the curve is ahead of each, paired; above zero is better, whatever the figure:",
        "",
        *_head(WHO[who] for who in rivals),
        *ahead,
    ]


def _head(names: Iterable[str]) -> list[str]:
    names = list(names)
    return ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]


def true_lines(companies: Sequence[JudgedCompany]) -> list[str]:
    """How far everybody is from the true probabilities."""
    lines = [
        "| days | true mean | " + " | ".join(WHO[who] for who in WHO if who != "truth") + " |",
        "|---" * (len(WHO) + 1) + "|",
    ]
    for week in TRUE_WEEKS:
        true = np.concatenate([one.true[week] for one in companies])
        cells = []
        for who in WHO:
            if who == "truth":
                continue
            p = np.concatenate([one.curves[who](week * WEEK_DAYS) for one in companies])
            cells.append(f"{p.mean():.3f}, {np.abs(p - true).mean():.4f}, {np.corrcoef(p, true)[0, 1]:.2f}")
        lines.append(f"| {week * WEEK_DAYS} | {true.mean():.3f} | " + " | ".join(cells) + " |")
    return lines


def section(companies: Sequence[JudgedCompany], measured: JudgedCurves, accounts: int, seeds: Sequence[int]) -> str:
    """The part of the page that is measured."""
    marks = ", ".join(f"{m.seen * 100:.1f} % within {m.day}" for m in measured.marks)
    seconds = {what: np.mean([one.seconds[what] for one in companies]) for what in companies[0].seconds}
    return "\n".join(
        [
            BEGIN,
            "",
            f"{len(companies)} simulated companies of {accounts:,} accounts (seeds {', '.join(map(str, seeds))}), "
            f"judged together: {measured.rows:,} accounts, {measured.leavings:,} of which left within {measured.last} "
            f"days ({marks}).",
            "95 % intervals, accounts resampled.",
            "",
            *figure_lines(measured),
            "",
            "Beside the true probabilities of the same accounts; in each cell the mean, the mean absolute distance "
            "from the truth, and the correlation with it. The last row looks further than anything at the judged "
            "cutoff could be checked by:",
            "",
            *true_lines(companies),
            "",
            f"Trees of the hazards: {', '.join(str(one.trees) for one in companies)}; Cox's penalty: "
            f"{', '.join(f'{one.penalty:g}' for one in companies)}. Seconds of a fit, on a shared machine: "
            + ", ".join(f"{what} {value:.0f}" for what, value in seconds.items())
            + ".",
            "",
            END,
        ]
    )


def main() -> None:
    """Measures, and writes the page's figures."""
    parser = argparse.ArgumentParser(description="Curves beside Cox, the classifier and the truth; docs/hazard.md.")
    parser.add_argument("--accounts", type=int, default=2_500)
    parser.add_argument("--seeds", default="21,22,23", help="by commas")
    asked = parser.parse_args()
    seeds = [int(text) for text in asked.seeds.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        companies = [company(Path(scratch) / str(seed), asked.accounts, seed) for seed in seeds]
    text = section(companies, judged(companies, seeds[0]), asked.accounts, seeds)
    page = PAGE.read_text("utf-8")
    PAGE.write_text(page[: page.index(BEGIN)] + text + page[page.index(END) + len(END) :], "utf-8")
    print(text)


if __name__ == "__main__":
    main()
