"""The scoring flow: champions and one date in; scores, bands, work and messages out, whole or not at all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

from pydantic import Field

from churnml.adapters.registry import Registry, registry_of
from churnml.jobs import scoring
from churnml.jobs.opening import OpenedProject
from churnml.jobs.report import run_summary
from churnml.jobs.scoring import Champions, champions_of, dates_between, default_as_of
from churnml.ledger import ScoredDay
from churnml.pages.summary import RunSummary
from churnml.scoring.predictions import Predictions
from pipelines.clock import day, moment
from pipelines.engine import flow, task
from pipelines.parameters import Engine
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


@flow("churnml score")
def score(
    project: Path, as_of: dt.date | None = None, today: dt.date | None = None, engine: Engine | None = None
) -> RunSummary:
    """Scores and routes one date of a project and sums it up."""
    opened = open_data(project, day(today), say, engine)
    settled, champions = score_one(opened, registry_of(opened.project), as_of)
    return run_summary(opened, settled, champions, {})


@flow("churnml backfill")
def backfill(
    project: Path,
    first: dt.date,
    last: dt.date,
    every: Annotated[int, Field(ge=1)] = 7,
    today: dt.date | None = None,
    engine: Engine | None = None,
) -> list[RunSummary]:
    """Scores past dates as they were known then, oldest first; nothing is routed."""
    opened = open_data(project, day(today), say, engine)
    registry = registry_of(opened.project)
    return [
        run_summary(opened, *score_one(opened, registry, date, route=False), records={})
        for date in dates_between(first, last, every)
    ]
