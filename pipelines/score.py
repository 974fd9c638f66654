"""The scoring flow: champions and one date in; scores, bands, work and messages out, whole or not at all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

from pydantic import Field

from churnml.adapters.registry import Registry
from churnml.adapters.store import open_store
from churnml.jobs import holding, scoring, watching
from churnml.jobs.backfill import predictions_in_order, standing_dates
from churnml.jobs.holding import depends_on
from churnml.jobs.opening import OpenedProject, default_as_of
from churnml.jobs.report import run_summary
from churnml.jobs.scoring import Champions, champions_of, dates_between
from churnml.jobs.watching import WatchedData
from churnml.ledger import ScoredDay
from churnml.pages.artifacts import day_table, feeds_table
from churnml.pages.summary import BackfilledDate, RunSummary
from churnml.scoring.predictions import Predictions
from pipelines.artifacts import publish
from pipelines.clock import day, moment
from pipelines.engine import flow, task
from pipelines.following import deliver_after
from pipelines.parameters import Day, Engine
from pipelines.progress import say
from pipelines.train import open_data, open_registry
from pipelines.watch import watch_after

watch_data = task("watch the data")(watching.watch_data)
read_champions = task("read the champions")(champions_of)
read_date = task("read the date with the champions")(scoring.read_date)


@task("settle it, route it, and write it down")
def write_day(
    opened: OpenedProject, champions: Champions, predictions: Predictions, *, route: bool
) -> tuple[ScoredDay, bool]:
    """The settled day, and whether it was new."""
    return scoring.write_day(opened, champions, predictions, moment(), route=route)


@task("let the newest date in order stand")
def hold_day(
    opened: OpenedProject, champions: Champions, watched: WatchedData, *, route: bool
) -> tuple[ScoredDay, bool]:
    """The held day, and whether it was new."""
    return holding.hold_day(opened, champions, watched, moment(), route=route)


def score_one(
    opened: OpenedProject, registry: Registry, as_of: dt.date | None, *, route: bool = True
) -> tuple[ScoredDay, Champions]:
    """Scores one date (the newest when None) and writes it down."""
    watched = watch_data(opened, as_of, moment())
    present = read_champions(opened, registry)
    if depends_on(opened, present, watched):
        settled, new = hold_day(opened, present, watched, route=route)
    else:
        predictions = read_date(opened, present, as_of or default_as_of(opened), say)
        settled, new = write_day(opened, present, predictions, route=route)
        watch_after(opened, registry, present, predictions)
    say(_what_was_done(settled) + ("" if new else ", the same as before"))
    return settled, present


def _what_was_done(settled: ScoredDay) -> str:
    how = "scored" if settled.held is None else f"held at their scores of {settled.held.stale_since}"
    return f"{len(settled.accounts):,} accounts {how} for {settled.as_of}"


def publish_day(opened: OpenedProject, summary: RunSummary, settled: ScoredDay) -> None:
    """What the day did, on the run's page."""
    with open_store(opened.project.operational_url) as store:
        outbox = store.outbox.counts()
    publish(day_table(summary, settled.plan.events, outbox, opened.project.spec.currency))
    publish(feeds_table(summary.project, summary.breaks))


@flow("churnml score")
def score(
    project: Path, as_of: Day | None = None, today: Day | None = None, engine: Engine | None = None
) -> RunSummary:
    """Scores and routes one date of a project and sums it up."""
    opened = open_data(project, day(today), say, engine)
    settled, champions = score_one(opened, open_registry(opened.project), as_of)
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
    champions = read_champions(opened, open_registry(opened.project))
    dates = dates_between(first, last, every)
    standing = standing_dates(opened, champions, dates)
    missing = [date for date in dates if date not in standing]
    if standing:
        say(f"{len(standing)} of {len(dates)} dates stand already, scored from the same inputs")
    watched = {date: watch_data(opened, date, moment()) for date in missing}
    held = {date: data for date, data in watched.items() if depends_on(opened, champions, data)}
    believed = [date for date in missing if date not in held]
    if workers > 1 and believed[1:]:
        say(f"reading {len(believed)} dates in {min(workers, len(believed))} processes")
        read = predictions_in_order(opened, champions, believed, workers=min(workers, len(believed)), engine=engine)
    else:
        read = (read_date(opened, champions, date, say) for date in believed)
    # in order: a held date stands as the one before it
    scored = {date: write_past(opened, champions, held.get(date) or next(read)) for date in missing}
    return [scored.get(date) or BackfilledDate(date, standing[date]) for date in dates]


def write_past(opened: OpenedProject, champions: Champions, of: Predictions | WatchedData) -> BackfilledDate:
    """Writes a date that is over, for its history: as the models see it, or held where its data cannot be believed."""
    if isinstance(of, WatchedData):
        settled, _ = hold_day(opened, champions, of, route=False)
    else:
        settled, _ = write_day(opened, champions, of, route=False)
    say(_what_was_done(settled))
    return BackfilledDate(settled.as_of, len(settled.accounts), run_summary(opened, settled, champions, {}))
