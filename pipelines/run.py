"""The whole job: check, train, judge, score, route, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from churnml.adapters.warehouse import quarantine_rows
from churnml.jobs.report import run_summary, write_report
from churnml.jobs.scoring import must_be_over
from churnml.pages.summary import RunSummary
from pipelines.artifacts import publish_model
from pipelines.clock import day
from pipelines.engine import flow, task
from pipelines.following import deliver_after
from pipelines.parameters import Day, Engine
from pipelines.progress import say
from pipelines.score import publish_day, score_one
from pipelines.train import open_data, open_registry, train_one

report = task("write report.html")(write_report)


@flow("churnml run")
def run(
    project: Path,
    as_of: Day | None = None,
    today: Day | None = None,
    again: bool = False,
    engine: Engine | None = None,
) -> RunSummary:
    """Trains what has changed, scores a date, routes it, writes the report, and sums it all up."""
    opened = open_data(project, day(today), say, engine)
    if as_of is not None:
        # a date that cannot be scored is told before minutes of training, not after them
        must_be_over(opened, as_of)
    registry = open_registry(opened.project)
    records = {name: train_one(opened, registry, name, again=again) for name in opened.project.model_names}
    settled, champions = score_one(opened, registry, as_of)
    summary = run_summary(opened, settled, champions, records)
    path = report(opened.project, summary, settled, quarantine_rows(opened.ingested))
    say(f"report written to {path}")
    for record in records.values():
        publish_model(opened.project, registry, record)
    publish_day(opened, summary, settled)
    deliver_after(opened.project)
    return replace(summary, report=path)
