"""What came of scoring: the daily list, one account, and whether the work helped."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.app import app
from churnml.cli.shell import (
    HERE,
    MOST,
    AsOfOption,
    EngineOption,
    JsonOption,
    PlainOption,
    ProjectOption,
    data_of,
    day_or_newest,
    json_text,
    project_and_store,
    ready,
    say_lines,
)
from churnml.errors import ChurnmlError, NotScoredError, UnknownNameError


@app.add()
def queue(
    project: ProjectOption = HERE,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    as_of: AsOfOption = None,
    limit: Annotated[int | None, typer.Option(min=1, max=MOST, help="At most so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The work list: which accounts, why, what to do, by when, worth how much."""
    from churnml.pages import data
    from churnml.pages.terminal.accounts import queue_text

    with project_and_store(project) as (_, store):
        day = day_or_newest(store, as_of)
        lines = store.queue(day, owner=owner, limit=limit)
    say_lines(json_text(data.queue_data(day, lines)) if as_json else queue_text(day, lines))


@app.add()
def explain(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """One account: score and what it is made of, curve, reasons with numbers, what changed, work, history."""
    from churnml.adapters.registry.lookups import lookups_of
    from churnml.jobs.explain import change_of
    from churnml.pages import data
    from churnml.pages.terminal.accounts import account_text

    with project_and_store(project) as (opened, store):
        day = day_or_newest(store, as_of)
        try:
            story = store.account(account, day)
        except UnknownNameError as unknown:
            raise _why_not_scored(project, account, day) or unknown from None
        change = change_of(story, store, lookups_of(opened), opened.health.risk.model)
    say_lines(json_text(data.account_data(story, change)) if as_json else account_text(story, change))


def _why_not_scored(project: Path, account: str, day: dt.date) -> NotScoredError | None:
    """Why a known account has no score; None where it is not known, or the tables cannot be read just now."""
    from churnml.jobs.not_scored import why_not_scored

    try:
        return why_not_scored(data_of(project), account, day)
    except ChurnmlError:
        return None


@app.add()
def impact(
    project: ProjectOption = HERE,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Whether the playbooks help: each against its holdout, and what to stop doing."""
    ready(project, no_prefect)
    from churnml.pages.terminal.impact import impact_text
    from pipelines.impact import impact as flow

    report = flow(project=project, engine=engine)
    say_lines(json_text(report.as_data()) if as_json else impact_text(report))
