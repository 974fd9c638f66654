"""The data as they come: what is broken, and what somebody says is meant."""

from __future__ import annotations

from typing import Annotated

import typer

from churnml.cli.app import data_app
from churnml.cli.shell import HERE, AsOfOption, JsonOption, ProjectOption, data_of, date_of, json_text, say_lines


@data_app.add("status")
def data_status(project: ProjectOption = HERE, as_of: AsOfOption = None, as_json: JsonOption = False) -> None:
    """Every table as it comes: what is broken and since when, what was, and whether scores stand meanwhile."""
    from churnml.jobs.opening import open_checked
    from churnml.jobs.watching import status_of_data
    from churnml.pages.feeds import status_data
    from churnml.pages.terminal.feeds import status_text
    from pipelines.clock import day
    from pipelines.progress import say

    on = None if as_of is None else date_of(as_of)
    status = status_of_data(open_checked(project, day(), say), on)
    say_lines(json_text(status_data(status)) if as_json else status_text(status))


@data_app.add("accept")
def data_accept(
    breaks: Annotated[list[str], typer.Argument(metavar="BREAK...", help="As 'churnml data status' names them.")],
    by: Annotated[str, typer.Option("--by", help="Who you are; kept with what you did.")],
    why: Annotated[str, typer.Option("--why", "--because", help="Why; kept with what you did.")],
    as_rename: Annotated[
        bool, typer.Option("--as-rename", help="Write into project.yaml that the new event is the old one.")
    ] = False,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Say that a break is meant: from the next run on it is what is usual, and holds nothing."""
    from churnml.jobs.accepting import accept_breaks
    from churnml.pages.feeds import accepted_data
    from churnml.pages.terminal.feeds import accepted_text
    from pipelines.clock import day, moment

    opened = data_of(project)
    on = opened.project.today(day())
    done = accept_breaks(opened, breaks, who=by, why=why, on=on, now=moment(), as_rename=as_rename)
    say_lines(json_text(accepted_data(done)) if as_json else accepted_text(done))
