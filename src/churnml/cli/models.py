"""The registry: models list, show, card, history, compare, promote, rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from churnml.cli.app import models_app
from churnml.cli.shell import (
    HERE,
    ByOption,
    JsonOption,
    NameArgument,
    PlainOption,
    ProjectOption,
    choose_engine,
    data_of,
    print_json,
    registry_of_project,
    say_lines,
    tell_run,
)

if TYPE_CHECKING:
    from churnml.modelling.tenure import Appointed


@models_app.add("list")
def models_list(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Every registered version, its verdict, and who is champion."""
    from churnml.adapters.project import open_project
    from churnml.adapters.registry.lookups import lookups_of
    from churnml.pages.terminal.models import versions_text

    opened = open_project(project)
    lookups = lookups_of(opened)
    versions = {name: lookups.versions(name) for name in opened.model_names}
    if as_json:
        print_json({name: [version.as_data() for version in of_model] for name, of_model in versions.items()})
    else:
        say_lines(versions_text(versions))


@models_app.add("show")
def models_show(
    name: NameArgument,
    version: Annotated[str | None, typer.Option(help="Its version.", show_default="champion, else newest")] = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """The figures of one version beside its rivals."""
    from churnml.pages.summary import model_data
    from churnml.pages.terminal.models import model_text, origin_text

    opened, registry = registry_of_project(project)
    opened.model(name)
    record = registry.record_of(name, version)
    is_champion = registry.champion_version(name) == record.version
    if as_json:
        print_json(model_data(record) | {"in_office": is_champion})
    else:
        say_lines(model_text(record), "", origin_text(record, is_champion=is_champion))


@models_app.add("card")
def models_card(
    name: NameArgument,
    version: Annotated[str | None, typer.Option(help="Its version.", show_default="champion, else newest")] = None,
    project: ProjectOption = HERE,
) -> None:
    """The card of one version, as Markdown: what it is, how good, for whom, and how to disagree with it."""
    from churnml.pages.card import card

    opened, registry = registry_of_project(project)
    opened.model(name)
    say_lines(card(registry.record_of(name, version)).rstrip())


@models_app.add("history")
def models_history(
    name: NameArgument,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Who was champion from when to when and why, and which challengers were refused."""
    from churnml.pages.terminal.models import history_text

    opened, registry = registry_of_project(project)
    opened.model(name)
    history = registry.history(name)
    if as_json:
        print_json(history.as_data())
    else:
        say_lines(history_text(history))


@models_app.add("compare")
def models_compare(
    name: NameArgument,
    first: Annotated[str, typer.Argument(metavar="V1", help="A version.")],
    second: Annotated[str, typer.Argument(metavar="V2", help="Another.")],
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Two versions measured on the same rows: the newest cutoff whose outcomes are known."""
    from churnml.jobs.models import compare
    from churnml.pages.terminal.models import comparison_text

    opened, registry = registry_of_project(project)
    comparison = compare(registry, opened.model(name), first, second, data_of(project))
    if as_json:
        print_json(comparison.as_data())
    else:
        say_lines(comparison_text(comparison))


@models_app.add("promote")
def models_promote(
    name: NameArgument,
    because: Annotated[str, typer.Option("--because", help="Why; kept in the history.")],
    version: Annotated[str | None, typer.Option(help="Its version.", show_default="newest")] = None,
    by: ByOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Make a version champion by hand, whatever the verdict said."""
    from churnml.jobs.models import promote_by_hand

    opened, registry = registry_of_project(project)
    opened.model(name)
    _show_appointed(promote_by_hand(registry, name, version, because, by, data_of(project)), as_json)


@models_app.add("rollback")
def models_rollback(
    name: NameArgument,
    to: Annotated[str | None, typer.Option(help="A version.", show_default="the champion before")] = None,
    because: Annotated[str | None, typer.Option("--because", help="Why; kept in the history.")] = None,
    by: ByOption = None,
    rescore: Annotated[bool, typer.Option("--rescore", help="Score the newest date again with it.")] = False,
    project: ProjectOption = HERE,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the champion before the present one champion again."""
    from churnml.jobs.models import roll_back

    opened, registry = registry_of_project(project)
    opened.model(name)
    appointed = roll_back(registry, name, to, because, by, data_of(project))
    if not rescore:
        _show_appointed(appointed, as_json)
        return
    if not as_json:
        _show_appointed(appointed, as_json)
    choose_engine(no_prefect)
    from pipelines.score import score as flow

    tell_run(project, flow(project=str(project)), as_json)


def _show_appointed(appointed: Appointed, as_json: bool) -> None:
    from dataclasses import asdict

    from churnml.pages.terminal.models import appointed_text

    if as_json:
        print_json(asdict(appointed))
    else:
        say_lines(appointed_text(appointed))
