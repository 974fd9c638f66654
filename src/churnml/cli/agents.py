"""Agents: what they may ask, by the Model Context Protocol."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from churnml.cli.app import app
from churnml.cli.shell import HERE, ProjectOption
from churnml.cli.web import login

TOKEN = "CHURNML_TOKEN"  # noqa: S105 - the name of a variable


@app.add()
def mcp(
    project: ProjectOption = HERE,
    by: Annotated[
        str | None, typer.Option("--by", help="Whose list is theirs.", show_default="your name on this machine")
    ] = None,
) -> None:
    """Answer an agent (Model Context Protocol) on standard input and output; CHURNML_TOKEN limits what it sees."""
    from churnml.web.agents.server import serve_agent
    from churnml.web.cockpit import WallClock
    from pipelines.clock import day, moment

    serve_agent(project, by or login(), os.environ.get(TOKEN) or None, WallClock(day, moment))
