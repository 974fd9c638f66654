"""Tokens of the HTTP API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, get_args

import typer

from churnml.cli.app import token_app
from churnml.cli.shell import HERE, JsonOption, ProjectOption, json_text, project_and_store, say_lines
from churnml.cli.web import login
from churnml.rights import Role, Scope

SCOPES = ", ".join(get_args(Scope))
TokenArgument = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")]
AuthorOption = Annotated[
    str | None,
    typer.Option("--by", help="Who you are; kept with what you did.", show_default="your name on this machine"),
]


@token_app.add("new")
def token_new(
    name: TokenArgument,
    role: Annotated[Role, typer.Option(help="What it may do at most.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may be used for: {SCOPES}; once for each.")],
    owner: Annotated[list[str] | None, typer.Option(help="Whose accounts it may see; once for each.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="The same of a team's list, without 'team:'.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="After how many days it ends.", show_default="never")
    ] = None,
    by: AuthorOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, this once: only a digest of it is kept."""
    from churnml.jobs.tokens import make_token, scopes_of
    from churnml.specs.team import SHARED
    from pipelines.clock import moment

    owners = (*(owner or ()), *(f"{SHARED}{one.removeprefix(SHARED)}" for one in team or ()))
    with project_and_store(project) as (_, store):
        token, shown = make_token(
            store,
            name,
            role=role,
            owners=tuple(dict.fromkeys(owners)) or None,
            scopes=scopes_of(scope),
            who=by or login(),
            now=moment(),
            days=days,
        )
    if as_json:
        say_lines(json_text({**asdict(token), "token": shown}))
        return
    say_lines(
        shown,
        "",
        f"Keep it where only {name} reads it: it is not shown again. What it changes stands under {token.author}.",
    )


@token_app.add("list")
def token_list(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Every token there ever was, and which are in force."""
    from churnml.pages.terminal.tokens import tokens_text
    from pipelines.clock import moment

    with project_and_store(project) as (_, store):
        tokens = store.tokens.all()
    say_lines(json_text([asdict(one) for one in tokens]) if as_json else tokens_text(tokens, moment()))


@token_app.add("revoke")
def token_revoke(
    name: TokenArgument,
    because: Annotated[str, typer.Option("--because", help="Why; kept with what you did.")] = "",
    by: AuthorOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """End a token at once."""
    from pipelines.clock import moment

    with project_and_store(project) as (_, store):
        token = store.tokens.revoke(name, moment(), who=by or login(), why=because)
    say_lines(json_text(asdict(token)) if as_json else f"{token.name} is answered no more.")
