"""The scoring flow: champions and one date in; scores, bands, work and messages out, whole or not at all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

from pydantic import Field

from churnml.adapters.registry import Registry, registry_of
from churnml.adapters.store import open_store
from churnml.jobs import scoring
from churnml.jobs.backfill import predictions_in_order, standing_dates
from churnml.jobs.opening import OpenedProject
from churnml.jobs.report import run_summary
from churnml.jobs.scoring import Champions, champions_of, dates_between, default_as_of
from churnml.ledger import ScoredDay
from churnml.pages.artifacts import day_table
from churnml.pages.summary import BackfilledDate, RunSummary
from churnml.scoring.predictions import Predictions
from pipelines.artifacts import publish
from pipelines.clock import day, moment
from pipelines.engine import flow, task
from pipelines.following import deliver_after
from pipelines.parameters import Day, Engine
from pipelines.progress import say
from pipelines.train import open_data

read_date = task("read the date with the champions")(scoring.read_date)


@task("settle it, route it, and write it down", retries=2)
def write_day(
    opened: OpenedProject, champions: Champions, predictions: Predictions, *, route: bool
) -> tuple[ScoredDay, bool]:
    """The settled day, and whether it was new."""
    return scoring.write_day(opened, champions, predictions, moment(), route=route)


def score_one(
    opened: OpenedProject, registry: Registry, as_of: dt.date | None, *, route: bool = True
) -> tuple[ScoredDay, Champions]:
    """Scores one date (the newest when None) and writes it down."""
    champions = champions_of(opened, registry)
    predictions = read_date(opened, champions, as_of or default_as_of(opened), say)
    settled, new = write_day(opened, champions, predictions, route=route)
    known = "" if new else ", the same as before"
    say(f"{len(settled.accounts):,} accounts scored for {predictions.as_of}{known}")
    return settled, champions


def publish_day(opened: OpenedProject, summary: RunSummary, settled: ScoredDay) -> None:
    """What the day did, on the run's page."""
    with open_store(opened.project.operational_url) as store:
        outbox = store.outbox.counts()
    publish(day_table(summary, settled.plan.events, outbox, opened.project.spec.currency))


@flow("churnml score")
def score(
    project: Path, as_of: Day | None = None, today: Day | None = None, engine: Engine | None = None
) -> RunSummary:
    """Scores and routes one date of a project and sums it up."""
    opened = open_data(project, day(today), say, engine)
    settled, champions = score_one(opened, registry_of(opened.project), as_of)
    summary = run_summary(opened, settled, champions, {})
    publish_day(opened, summary, settled)
    deliver_after(opened.project)
    return summary


@flow("churnml backfill")
def backfill(
    project: Path,
    first: Day,
    last: Day,
    every: Annotated[int, Field(ge=1)] = 7,
    today: Day | None = None,
    engine: Engine | None = None,
    workers: Annotated[int, Field(ge=1)] = 1,
) -> list[BackfilledDate]:
    """Scores past dates as they were known then, oldest first; nothing is routed.

    Dates that were scored from the same inputs before are left as they are. With more than one of ``workers``, the
    models read the dates in processes of their own.
    """
    opened = open_data(project, day(today), say, engine)
    champions = champions_of(opened, registry_of(opened.project))
    dates = dates_between(first, last, every)
    standing = standing_dates(opened, champions, dates)
    missing = [date for date in dates if date not in standing]
    if standing:
        say(f"{len(standing)} of {len(dates)} dates stand already, scored from the same inputs")
    if workers > 1 and missing[1:]:
        read = predictions_in_order(opened, champions, missing, workers=min(workers, len(missing)), engine=engine)
    else:
        read = (read_date(opened, champions, date, say) for date in missing)
    scored = {one.as_of: one for predictions in read for one in [write_past(opened, champions, predictions)]}
    return [scored.get(date) or BackfilledDate(date, standing[date]) for date in dates]


def write_past(opened: OpenedProject, champions: Champions, predictions: Predictions) -> BackfilledDate:
    """Writes a date that is over, for its history."""
    settled, _ = write_day(opened, champions, predictions, route=False)
    say(f"{len(settled.accounts):,} accounts scored for {predictions.as_of}")
    return BackfilledDate(settled.as_of, len(settled.accounts), run_summary(opened, settled, champions, {}))
