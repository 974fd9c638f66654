"""What ``churnml run`` and ``churnml score`` print."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.ledger import QueueLine
from churnml.pages.feeds import BREAKS_SHOWN, breaks_lines, held_text
from churnml.pages.presenter import money, number, percent, plural, words
from churnml.pages.remarks import remark_lines
from churnml.pages.terminal.accounts import queue_lines
from churnml.pages.terminal.data import data_lines
from churnml.pages.terminal.layout import table
from churnml.pages.terminal.models import model_text

if TYPE_CHECKING:
    from churnml.pages.summary import BackfilledDate, RunSummary

QUEUE_SHOWN = 10
DATES_SHOWN = 3


@dataclass(frozen=True)
class RunPlaces:
    """Where a run has put things, and how to look at them from here.

    Args:
        project: the project's folder, as it was named.
        scores: the store of scores, where it is a file of ours.
        mlflow: the URL of MLflow's store, where it is a file of ours.
        churnml_command, mlflow_command: how those programs are called here.
    """

    project: Path
    scores: Path | None
    mlflow: str | None
    churnml_command: str
    mlflow_command: str


def backfill_text(days: Sequence[BackfilledDate]) -> str:
    """What ``churnml backfill`` prints: a line a date it scored, and how many stood already."""
    lines = [f"{day.as_of}: {plural(day.accounts_scored, 'account')} scored" for day in days if day.summary]
    standing = [str(day.as_of) for day in days if not day.summary]
    if standing:
        shown = ", ".join(standing[:DATES_SHOWN]) + (" …" if standing[DATES_SHOWN:] else "")
        lines.append(f"{plural(len(standing), 'date')} scored from the same inputs before, left as it was: {shown}")
    return "\n".join(lines)


def run_text(summary: RunSummary, queue: Sequence[QueueLine], places: RunPlaces, *, risk: str) -> str:
    """What ``churnml run`` and ``churnml score`` print; ``risk`` names the churn model."""
    lines = [
        f"{summary.project} as of {summary.as_of}: {plural(summary.accounts_scored, 'account')} scored",
        *_money_lines(summary),
    ]
    if summary.held is not None:
        lines += ["", f"  {held_text(summary.as_of, summary.held)}"]
    if summary.breaks:
        lines += ["", "BROKEN FEEDS (churnml data status)", "", *breaks_lines(summary.breaks, BREAKS_SHOWN), ""]
    if summary.leaving_accounts:
        lines.append(
            f"  {summary.leaving_accounts:,} more have given notice"
            + (f" (MRR {money(summary.leaving_mrr)}): " if summary.leaving_mrr > 0 else ": ")
            + "nothing is left to predict, so they are not scored"
        )
    for name, by in summary.scored_by.items():
        if by.version is None:
            lines.append(
                f"  '{name}' has no champion: no version was shown to beat the base rate, so no '{name}' probabilities "
                "are given" + (" and health dimensions stand alone." if name == risk else ".")
            )
        else:
            lines.append(f"  '{name}' probabilities by version {by.version} (champion)")
    reasons = data_lines(summary.quarantined, summary.warned)
    told = remark_lines(summary.remarks)
    lines += ["", "DATA", *(reasons or ["", "  every row could be used"]), *told]
    for record in summary.models.values():
        lines += ["", f"MODEL {model_text(record)}"]
    bands = [
        [words(band), number(n), percent(n / summary.accounts_scored)] for band, n in sorted(summary.bands.items())
    ]
    lines += ["", "HEALTH BY BAND", "", *table(["band", "accounts", "share"], bands, right=(1, 2))]
    total = sum(summary.decisions.values())
    lines += ["", f"QUEUE: {total:,} decisions, the first {len(queue)}", "", *queue_lines(queue)]
    lines += _not_listed(summary)
    lines += ["", "WHERE IT LIES", *_place_lines(places, summary.report)]
    return "\n".join(lines)


def _money_lines(summary: RunSummary) -> list[str]:
    """What is paid and what of it is at risk; nothing where nobody is known to pay."""
    if not summary.knows_money:
        return []
    at_risk = "" if summary.mrr_at_risk is None else f", expected at risk {money(summary.mrr_at_risk)}"
    return [f"  MRR {money(summary.mrr)}{at_risk}"]


def _not_listed(summary: RunSummary) -> list[str]:
    """What the team can take, and what is on nobody's list: the holdout, and what did not fit."""
    lines, dispositions = [], summary.dispositions
    if summary.capacity:
        lines.append(f"  capacity: {summary.capacity}")
    if dispositions.get("holdout"):
        lines.append(
            f"  {dispositions['holdout']:,} left alone on purpose, so that the playbooks can be measured "
            "(churnml impact)"
        )
    if dispositions.get("overflow"):
        lying = "" if summary.overflow_value is None else f", worth {money(summary.overflow_value)} a month"
        lines.append(f"  {dispositions['overflow']:,} did not fit into anybody's day{lying} (churnml work overflow)")
    return ["", *lines] if lines else []


def _place_lines(places: RunPlaces, report: Path | None) -> list[str]:
    option = "" if str(places.project) == "." else f" --project {shlex.quote(str(places.project))}"
    lines = []
    if report is not None:
        lines.append(f"  report   {report}  (open it in a browser; it needs no network)")
    if places.scores is not None:
        lines.append(f"  scores   {places.scores}")
    churnml = places.churnml_command
    lines.append(f"  look up  {churnml} queue{option}    {churnml} explain ACCOUNT{option}")
    lines.append(f"  cockpit  {churnml} web{option}  (the list and every account in a browser)")
    if places.mlflow is not None:
        store = shlex.quote(places.mlflow)
        lines.append(f"  MLflow   {places.mlflow_command} ui --backend-store-uri {store}  (then http://127.0.0.1:5000)")
    return lines
