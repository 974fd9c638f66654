"""The registry: models list, show, card, history, compare, promote, rollback; and watching the champions."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from churnml.cli.app import models_app
from churnml.cli.shell import (
    HERE,
    AsOfOption,
    ByOption,
    JsonOption,
    NameArgument,
    PlainOption,
    ProjectOption,
    data_of,
    date_of,
    json_text,
    project_and_store,
    ready,
    registry_of_project,
    say_lines,
    tell_run,
)

if TYPE_CHECKING:
    from pathlib import Path

    from churnml.adapters.registry import Registry
    from churnml.jobs.opening import OpenedProject
    from churnml.ledger.monitoring import WatchedModels
    from churnml.modelling.tenure import Appointed

VersionOption = Annotated[str | None, typer.Option(help="Its version.", show_default="champion, else newest")]


@models_app.add("list")
def models_list(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Every registered version, its verdict, and who is champion."""
    from churnml.adapters.project import open_project
    from churnml.adapters.registry.lookups import lookups_of
    from churnml.pages.terminal.models import versions_text

    opened = open_project(project)
    lookups = lookups_of(opened)
    versions = {name: lookups.versions(name) for name in opened.model_names}
    data = {name: [version.as_data() for version in of_model] for name, of_model in versions.items()}
    say_lines(json_text(data) if as_json else versions_text(versions))


@models_app.add("show")
def models_show(
    name: NameArgument,
    version: VersionOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """The figures of one version beside its rivals."""
    from churnml.pages.summary import model_data
    from churnml.pages.terminal.models import model_text, origin_text

    _, registry = registry_of_project(project, name)
    record = registry.record_of(name, version)
    is_champion = registry.champion_version(name) == record.version
    text = f"{model_text(record)}\n\n{origin_text(record, is_champion=is_champion)}"
    say_lines(json_text(model_data(record) | {"in_office": is_champion}) if as_json else text)


@models_app.add("card")
def models_card(name: NameArgument, version: VersionOption = None, project: ProjectOption = HERE) -> None:
    """The card of one version, as Markdown: what it is, how good, for whom, and how to disagree with it."""
    from churnml.pages.card import card

    _, registry = registry_of_project(project, name)
    say_lines(card(registry.record_of(name, version)).rstrip())


@models_app.add("history")
def models_history(name: NameArgument, project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Who was champion from when to when and why, and which challengers were refused."""
    from churnml.pages.terminal.models import history_text

    _, registry = registry_of_project(project, name)
    history = registry.history(name)
    say_lines(json_text(history.as_data()) if as_json else history_text(history))


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
    comparison = compare(registry, opened.model(name), first, second, partial(data_of, project))
    say_lines(json_text(comparison.as_data()) if as_json else comparison_text(comparison))


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

    _, registry = registry_of_project(project, name)
    _show_appointed(promote_by_hand(registry, name, version, because, by, partial(data_of, project)), as_json)


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

    _, registry = registry_of_project(project, name)
    appointed = roll_back(registry, name, to, because, by, partial(data_of, project))
    if not (rescore and as_json):
        _show_appointed(appointed, as_json)
    if not rescore:
        return
    ready(project, no_prefect)
    from pipelines.score import score as flow

    tell_run(project, flow(project=project), as_json)


def _show_appointed(appointed: Appointed, as_json: bool) -> None:
    from churnml.pages.terminal.models import appointed_text

    say_lines(json_text(asdict(appointed)) if as_json else appointed_text(appointed))


@models_app.add("watch")
def models_watch(
    names: Annotated[list[str] | None, typer.Argument(help="Which models.", show_default="all")] = None,
    as_of: AsOfOption = None,
    act: Annotated[bool, typer.Option("--act", help="Do what is due: train now, recalibrate, fall back.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure known outcomes again.")] = False,
    project: ProjectOption = HERE,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """What has moved since training, what is to be expected of the scores, what came true, and what is due."""
    from churnml.jobs.watching_models import record_watches, watch_models
    from churnml.pages.terminal.monitoring import watches_text
    from pipelines.clock import moment
    from pipelines.progress import say

    for name in names or ():
        registry_of_project(project, name)
    date = None if as_of is None else date_of(as_of)
    opened, (_, registry) = data_of(project), registry_of_project(project)
    with project_and_store(project) as (_, store):
        watched = watch_models(
            opened, registry, store, moment(), models=names or (), as_of=date, again=again, progress=say
        )
        record_watches(registry, store, watched, moment(), opened.project.name)
    done = _acted(project, opened, registry, watched, no_prefect) if act else ()
    data = asdict(watched) | {"done": list(done)}
    say_lines(json_text(data) if as_json else "\n".join([watches_text(watched), *done]))


def _acted(
    project: Path, opened: OpenedProject, registry: Registry, watched: WatchedModels, no_prefect: bool
) -> tuple[str, ...]:
    """Does what is due, and says what came of it."""
    from churnml.jobs.acting import act_on
    from churnml.pages.terminal.models import model_text

    done = [text for watch in watched.watches if (text := act_on(opened, registry, watch))]
    models = [watch.model for watch in watched.watches if watch.action == "train_now"]
    if models:
        ready(project, no_prefect)
        from pipelines.train import train

        records = train(project=project, models=models)
        done += [model_text(record) for record in records.values()]
    return tuple(done)
