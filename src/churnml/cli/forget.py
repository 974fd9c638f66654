"""The right to be forgotten, and what goes by its age."""

from __future__ import annotations

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
    because: Annotated[str, typer.Option("--because", help="Why: the request's number. It must not name them.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who you are; kept in the audit log.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without, it is only shown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove an account's or a user's rows everywhere, and say where that cannot be done; shown only, unless --yes."""
    from churnml.jobs.forget import forget as forget_them
    from churnml.pages.terminal.forget import forget_text
    from pipelines.clock import moment

    name = (account or user or "").strip()
    if (account is None) == (user is None) or not name:
        raise ProjectError(
            "It is not said whom to forget.", where="churnml forget", remedy="Give --account ID, or --user ID."
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
