"""The daily list: queue and explain."""

from __future__ import annotations

from typing import Annotated

import typer

from churnml.cli.app import app
from churnml.cli.shell import (
    HERE,
    AsOfOption,
    JsonOption,
    ProjectOption,
    day_or_newest,
    print_json,
    say_lines,
    store_of,
)


@app.add()
def queue(
    project: ProjectOption = HERE,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    as_of: AsOfOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The work list: which accounts, why, what to do, by when, worth how much."""
    from churnml.adapters.project import open_project
    from churnml.pages import data
    from churnml.pages.terminal.accounts import queue_text

    with store_of(open_project(project)) as store:
        day = day_or_newest(store, as_of)
        lines = store.queue(day, owner=owner, limit=limit)
    if as_json:
        print_json(data.queue_data(day, lines))
    else:
        say_lines(queue_text(day, lines))


@app.add()
def explain(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """One account: score and what it is made of, curve, reasons with numbers, what changed, work, history."""
    from churnml.adapters.project import open_project
    from churnml.adapters.registry.lookups import lookups_of
    from churnml.jobs.explain import change_of
    from churnml.pages import data
    from churnml.pages.terminal.accounts import account_text

    opened = open_project(project)
    with store_of(opened) as store:
        story = store.account(account, day_or_newest(store, as_of))
        change = change_of(story, store, lookups_of(opened), opened.health.risk.model)
    if as_json:
        print_json(data.account_data(story, change))
    else:
        say_lines(account_text(story, change))
