"""Tickets that arrive late: what a model believes of itself where nobody says when they were known.

``python -m benchmarks.late_tickets [--seeds 1,2,3]`` simulates companies in which whoever leaves is asked why after
the contract has ended; what comes out of it is filed as tickets of the days the trouble began. The export says when
each ticket was received. One model is fitted with that time as ``known_at``, one without; both are held against the
true probabilities, the second once more on what was known in truth, as it would be used. Writes docs/believe.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.believe import replace_block
from churnml.arrivals import would_tell
from churnml.jobs.judging import truth_of
from churnml.jobs.opening import OpenedProject, open_data
from churnml.jobs.training import Collected, collect, fit_challenger
from churnml.modelling.training import FittedModel, at_cutoffs
from churnml.simulate import simulate
from churnml.specs.models import ModelSpec

SEEDS = (1, 2, 3)
ACCOUNTS, MONTHS, EVENTS = 2_000, 24, 300_000
TODAY = dt.date(2026, 1, 1)
TICKETS, TABLE = "helpdesk_tickets.csv", "support_tickets"
MAPPED = ", received AS known_at"
# So long before the notice the trouble began, and so long after the contract's end it is written down; days.
BEGAN, FILED = (5, 75), (1, 21)
OUT_OF_TEN = 7  # of ten who leave, so many say why


@dataclass(frozen=True)
class LateFigures:
    """ROC AUC of one company's judged cutoff.

    Args:
        seed: the company.
        late: the tickets that were filed after a contract's end.
        positives: leavers among the judged.
        best: of the true probabilities.
        honest: of the model that knows when tickets arrived.
        believed: of the model that does not, as it is judged.
        used: of the same model on what was known in truth.
        told: what ``check`` and ``audit`` say of the second project.
    """

    seed: int
    late: int
    positives: int
    best: float
    honest: float
    believed: float
    used: float
    told: str


def file_late_tickets(project: Path, seed: int) -> int:
    """Adds a column ``received`` to the company's tickets, and tickets of those who left, received after they had.

    The SELECT maps it to ``known_at``. What would be received after the last day of the data is not in the export.

    Returns:
        How many tickets were added.
    """
    rng = np.random.default_rng([17, seed])
    tickets = pd.read_csv(project / "data" / TICKETS, dtype=str, keep_default_na=False)
    tickets["received"] = tickets["created"]
    through = pd.to_datetime(tickets["created"], errors="coerce").max()
    filed = [
        ticket
        for contract in _ended(project).itertuples()
        if rng.integers(10) < OUT_OF_TEN
        for ticket in _filed(str(contract.account_no), contract.notice_received, contract.valid_to, rng)
        if ticket["received"] <= through.isoformat(sep=" ")
    ]
    numbered = pd.DataFrame(filed).assign(ticket_no=[f"L-{n:06d}" for n in range(len(filed))])
    written = pd.concat([tickets, numbered.astype(str).reindex(columns=tickets.columns, fill_value="")])
    written.to_csv(project / "data" / TICKETS, index=False)
    source = project / "sources" / f"{TABLE}.sql"
    select = source.read_text("utf-8")
    source.write_text(select.replace("\nFROM", f"{MAPPED}\nFROM"), "utf-8")
    return len(filed)


def without_known_at(project: Path, copy: Path) -> None:
    """The same project whose SELECT does not say when tickets were known."""
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".churnml"))
    source = copy / "sources" / f"{TABLE}.sql"
    source.write_text(source.read_text("utf-8").replace(MAPPED, ""), "utf-8")


def _ended(project: Path) -> pd.DataFrame:
    """Each account's last contract, where it has ended; a row each."""
    contracts = pd.read_csv(project / "data" / "contracts.csv", dtype=str)
    for name in ("valid_from", "valid_to", "notice_received"):
        contracts[name] = pd.to_datetime(contracts[name], errors="coerce")
    last = contracts.sort_values("valid_from").groupby("account_no", sort=True).tail(1).sort_values("account_no")
    # some rows are wrong on purpose
    return last[(last["valid_to"] > last["valid_from"]) & (last["notice_received"] <= last["valid_to"])]


def _filed(account: str, notice: pd.Timestamp, end: pd.Timestamp, rng: np.random.Generator) -> list[dict[str, str]]:
    tickets = []
    for _ in range(1 + int(rng.poisson(1.0))):
        created = notice - pd.Timedelta(hours=int(rng.integers(24 * BEGAN[0], 24 * BEGAN[1])))
        received = (end + pd.Timedelta(hours=int(rng.integers(24 * FILED[0], 24 * FILED[1])))).isoformat(sep=" ")
        row = {"account_no": account, "created": created.isoformat(sep=" "), "received": received, "closed": received}
        tickets.append({**row, "prio": "normal", "topic": "how_to", "subject": "Told us why they left"})
    return tickets


def measured(seed: int, folder: Path) -> LateFigures:
    """Simulates a company, and fits and judges both models."""
    with_times, without_times = folder / "with", folder / "without"
    simulate(with_times, accounts=ACCOUNTS, months=MONTHS, seed=seed, events=EVENTS)
    late = file_late_tickets(with_times, seed)
    without_known_at(with_times, without_times)
    honest, opened, rows = _fitted(with_times)
    leaking, unmapped, believed = _fitted(without_times)
    truth = truth_of(opened.project, "churn", rows)
    if truth is None or not rows["account_id"].equals(believed["account_id"]):
        raise ValueError("the truth is not known for every judged row, or the rows are not the same")
    y = rows["label"].to_numpy()
    return LateFigures(
        seed=seed,
        late=late,
        positives=int(y.sum()),
        best=float(roc_auc_score(y, truth)),
        honest=float(roc_auc_score(y, honest.predictor.predict(rows))),
        believed=float(roc_auc_score(y, leaking.predictor.predict(believed))),
        used=float(roc_auc_score(y, leaking.predictor.predict(rows))),
        told=would_tell(TABLE, unmapped.ingested.arrival_columns.get(TABLE, ())),
    )


def _fitted(project: Path) -> tuple[FittedModel, OpenedProject, pd.DataFrame]:
    """The churn model of a project, and its judged rows with a known outcome, by account."""
    opened = open_data(project, TODAY)
    spec = _spec(opened)
    collected = collect(opened, spec)
    fitted = fit_challenger(opened, spec, collected)
    return fitted, opened, _judged(collected)


def _spec(opened: OpenedProject) -> ModelSpec:
    """The project's own declaration; no curve, and one fit of each setting, which is enough to compare."""
    spec = opened.project.model("churn")
    estimator = spec.estimator.model_copy(update={"half_life": None, "seeds": 1, "folds": 6})
    return spec.model_copy(update={"hazard": None, "estimator": estimator})


def _judged(collected: Collected) -> pd.DataFrame:
    rows = at_cutoffs(collected.rows, [collected.split.judged])
    return rows[rows["label"].notna()].sort_values("account_id", ignore_index=True)


def section(every: Sequence[LateFigures]) -> list[str]:
    """The block of the page."""
    lines = [
        "| company | late tickets | leavers judged | best possible | arrival mapped | not mapped, as judged "
        "| not mapped, as used |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {one.seed} | {one.late} | {one.positives} | {one.best:.3f} | {one.honest:.3f} | {one.believed:.3f} "
            f"| {one.used:.3f} |"
            for one in every
        ),
    ]
    best, honest, believed, used = (
        float(np.mean([getattr(one, name) for one in every])) for name in ("best", "honest", "believed", "used")
    )
    return [
        *lines,
        "",
        "In the mean the model that is not told when tickets arrived takes itself for "
        f"{believed - honest:+.3f} from the one that is told, {believed - best:+.3f} from the best possible; used, it "
        f"is {used - honest:+.3f} from the one that is told, which is {honest - best:+.3f} from the best possible.",
        "",
        *(f"> {told}" for told in dict.fromkeys(one.told for one in every)),
    ]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description="Models of companies whose leavers' tickets arrive late.")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--dry", action="store_true", help="print, and leave docs/believe.md alone")
    asked = parser.parse_args()
    every = []
    for seed in map(int, asked.seeds.split(",")):
        with tempfile.TemporaryDirectory() as scratch:
            every.append(measured(seed, Path(scratch)))
        sys.stderr.write(f"late tickets: {every[-1]}\n")
    lines = section(every)
    if not asked.dry:
        replace_block("late-tickets", lines)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
