"""The cockpit: the same list and accounts, in a browser."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from churnml.cli.app import web_app
from churnml.cli.logs import set_up_logs
from churnml.cli.shell import HERE, ProjectOption, say_lines

PORT = 8420


@web_app.by_itself()
def web(
    context: typer.Context,
    project: ProjectOption = HERE,
    host: Annotated[str, typer.Option(help="The address to listen on; another needs sign-in declared.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 is a free one.")] = PORT,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Who you are, where nobody signs in.", show_default="your name on this machine"),
    ] = None,
) -> None:
    """The cockpit in a browser: the day's work, every account, what was done; until stopped."""
    if context.invoked_subcommand is not None:
        return
    from churnml.web.cockpit import WallClock
    from churnml.web.serving import serve_cockpit
    from pipelines.clock import day, moment

    set_up_logs(verbose=False, also=("churnml.web",))
    serve_cockpit(project, host, port, by or login(), WallClock(day, moment), say_lines)


def login() -> str:
    """The name on this machine; a container may know none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody here"
