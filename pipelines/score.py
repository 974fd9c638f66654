"""The scoring flow: champions and one date in, scores and routing decisions out, whole or not at all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from churnml import jobs
from churnml.acting.scoring import Scores
from churnml.adapters.registry import Registry, registry_of
from churnml.adapters.store import open_store
from pipelines.clock import day
from pipelines.engine import flow, task
from pipelines.progress import say
from pipelines.train import open_data

score_date = task("score, explain and route")(jobs.score_date)


@task("write scores and decisions", retries=2)
def write_scores(opened: jobs.Opened, scores: Scores, fingerprint: str) -> bool:
    """Writes a scored date in one transaction; False when it already stands there."""
    with open_store(opened.project.operational_url) as store:
        return store.record(scores, fingerprint, dt.datetime.now(dt.UTC).replace(tzinfo=None))


def score_one(opened: jobs.Opened, registry: Registry, as_of: dt.date | None) -> tuple[Scores, jobs.InOffice]:
    """Scores one date (the newest when None) and writes it down."""
    office = jobs.models_in_office(opened, registry)
    date = as_of or jobs.default_as_of(opened)
    scores = score_date(opened, office, date, say)
    written = write_scores(opened, scores, jobs.scoring_fingerprint(opened, office, date))
    say(f"{len(scores.accounts):,} accounts scored for {date}" + ("" if written else ", the same as before"))
    return scores, office


@flow("churnml score")
def score(
    project: str, as_of: str | None = None, today: str | None = None, engine: str | None = None
) -> dict[str, Any]:
    """Scores one date of a project and sums it up."""
    opened = open_data(Path(project), day(today), say, engine)
    scores, office = score_one(opened, registry_of(opened.project), dt.date.fromisoformat(as_of) if as_of else None)
    return jobs.summary(opened, scores, {}, office)
