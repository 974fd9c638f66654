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


@app.command()
def queue(
    project: ProjectOption = HERE,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    as_of: AsOfOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The work list: which accounts, why, what to do, by when, worth how much."""
    from churnml import output
    from churnml.adapters.project import open_project

    with store_of(open_project(project)) as store:
        day = day_or_newest(store, as_of)
        found = store.queue(day, owner=owner, limit=limit)
    if as_json:
        print_json({"as_of": str(day), "decisions": found})
    else:
        say_lines(output.queue_text(day, found))


@app.command()
def explain(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """One account: score, dimensions, reasons with numbers, decision, history."""
    from churnml import output
    from churnml.adapters.project import open_project

    with store_of(open_project(project)) as store:
        found = store.account(account, day_or_newest(store, as_of))
    if as_json:
        print_json(found)
    else:
        say_lines(output.account_text(found))
