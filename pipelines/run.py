"""The whole job: check, train, judge, score, route, report; and its parts on a schedule, until it is stopped."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

from churnml.adapters.registry import registry_of
from churnml.adapters.warehouse import quarantine_rows
from churnml.jobs.report import run_summary, write_report
from churnml.pages.summary import RunSummary
from pipelines.clock import day
from pipelines.engine import flow, task
from pipelines.progress import say
from pipelines.score import score, score_one
from pipelines.train import open_data, train, train_one

report = task("write report.html")(write_report)


@flow("churnml run")
def run(
    project: str, as_of: str | None = None, today: str | None = None, again: bool = False, engine: str | None = None
) -> RunSummary:
    """Trains what has changed, scores a date, routes it, writes the report, and sums it all up."""
    opened = open_data(Path(project), day(today), say, engine)
    registry = registry_of(opened.project)
    records = {name: train_one(opened, registry, name, again=again) for name in opened.project.model_names}
    settled, champions = score_one(opened, registry, dt.date.fromisoformat(as_of) if as_of else None)
    summary = run_summary(opened, settled, champions, records)
    path = report(opened.project, summary, settled, quarantine_rows(opened.ingested))
    say(f"report written to {path}")
    return replace(summary, report=path)


def serve(project: str, train_cron: str, score_cron: str) -> None:
    """Serves both flows until it is stopped; Prefect records the runs where ``PREFECT_API_URL`` says.

    Args:
        project: the project folder.
        train_cron, score_cron: when, as cron says it.
    """
    # Prefect is set up by then: pipelines.engine was imported with the flows
    from prefect import serve as prefect_serve

    scheduled: list[tuple[Any, str, str]] = [(train, "train", train_cron), (score, "score", score_cron)]
    prefect_serve(*(f.to_deployment(name=n, cron=cron, parameters={"project": project}) for f, n, cron in scheduled))
