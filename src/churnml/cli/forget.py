"""The right to be forgotten, and what goes by its age."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.app import app
from churnml.cli.shell import HERE, JsonOption, ProjectOption, json_text, project_and_store, say_lines
from churnml.errors import ProjectError


@app.add()
def forget(
    project: ProjectOption = HERE,
    account: Annotated[str | None, typer.Option("--account", help="The account's id.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="The id of a user of an account.")] = None,
    old: Annotated[bool, typer.Option("--old", help="What is older than retention: in project.yaml keeps.")] = False,
    because: Annotated[str, typer.Option("--because", help="Why: the request's number. It must not name them.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who you are; kept in the audit log.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without, it is only shown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove an account, a user or what is old, and say what could not be removed; shown only, unless --yes."""
    if old and account is None and user is None:
        _forget_what_is_old(project, yes, as_json)
        return
    from churnml.jobs.forget import forget as forget_them
    from churnml.pages.terminal.forget import forget_text
    from pipelines.clock import moment

    name = (account or user or "").strip()
    if old or (account is None) == (user is None) or not name:
        raise ProjectError(
            "It is not said whom to forget.", where="churnml forget", remedy="Give --account ID, --user ID, or --old."
        )
    if yes and not (because.strip() and by.strip()):
        raise ProjectError(
            "An erasure needs who asked for it and who does it.",
            where="churnml forget",
            remedy="Give --because (the request's number or date) and --by.",
        )
    with project_and_store(project) as (opened, store):
        report = forget_them(
            opened,
            store,
            "user" if account is None else "account",
            name,
            moment(),
            who=by,
            why=because,
            do=yes,
        )
    say_lines(json_text(report.as_data()) if as_json else forget_text(report))


def _forget_what_is_old(project: Path, yes: bool, as_json: bool) -> None:
    from churnml.jobs.forget import forget_old
    from churnml.pages.terminal.forget import aged_text
    from pipelines.clock import day, moment

    with project_and_store(project) as (opened, store):
        today = opened.today(day())
        rows = forget_old(opened, store, today, moment(), do=yes)
    say_lines(json_text(rows.as_data()) if as_json else aged_text(rows, today, done=yes))
