"""The work itself: look at it, end it, put it off, hand it on; and a person's word against a score."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from churnml.cli.app import work_app
from churnml.cli.shell import (
    HERE,
    MOST,
    AsOfOption,
    JsonOption,
    ProjectOption,
    date_of,
    day_or_newest,
    json_text,
    project_and_store,
    say_lines,
)

if TYPE_CHECKING:
    from churnml.adapters.project import Project
    from churnml.ledger import WorkItem
    from churnml.work.life import Changed

WorkArgument = Annotated[str, typer.Argument(metavar="WORK", help="The work's id, or its account's.")]
AccountArgument = Annotated[str, typer.Argument(help="The account's id.")]
WhoOption = Annotated[str, typer.Option("--by", help="Who you are; kept with what you did.")]
WhyOption = Annotated[str, typer.Option("--because", help="Why; kept with what you did.")]
OnOption = Annotated[str | None, typer.Option("--on", help="The date it counts for.", show_default="today")]


@work_app.add("list")
def work_list(
    project: ProjectOption = HERE,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="What has ended, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Every work item as it stands now, snoozed ones too."""
    from churnml.pages.terminal.work import work_list_text

    with project_and_store(project) as (_, store):
        items = store.work.items(owner=owner, living=not everything)
        names = store.account_names(item.account_id for item in items)
    say_lines(json_text([asdict(item) for item in items]) if as_json else work_list_text(items, names))


@work_app.add("show")
def work_show(work: WorkArgument, project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """One work item and all that happened to it."""
    from churnml.pages import data
    from churnml.pages.terminal.work import item_text

    with project_and_store(project) as (_, store):
        item = store.work.item(work)
        events = store.work.events(item.work_id)
        name = store.account_names([item.account_id]).get(item.account_id)
    say_lines(json_text(data.item_data(item, events)) if as_json else item_text(item, events, name))


@work_app.add("done")
def work_done(
    work: WorkArgument,
    by: WhoOption,
    because: Annotated[str, typer.Option("--because", help="What came of it.")] = "",
    on: OnOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """It has been done."""
    from churnml.work.life import done

    _change(project, work, on, as_json, lambda item, day: done(item, who=by, why=because, on=day))


@work_app.add("snooze")
def work_snooze(
    work: WorkArgument,
    until: Annotated[str, typer.Option("--until", help="On this date it is on the list again, YYYY-MM-DD.")],
    because: WhyOption,
    by: WhoOption,
    on: OnOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Off the list until a date."""
    from churnml.work.life import snooze

    again = date_of(until, "--until")
    _change(project, work, on, as_json, lambda item, day: snooze(item, until=again, who=by, why=because, on=day))


@work_app.add("dismiss")
def work_dismiss(
    work: WorkArgument,
    because: WhyOption,
    by: WhoOption,
    on: OnOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """It will not be done."""
    from churnml.work.life import dismiss

    _change(project, work, on, as_json, lambda item, day: dismiss(item, who=by, why=because, on=day))


@work_app.add("reassign")
def work_reassign(
    work: WorkArgument,
    to: Annotated[str, typer.Option("--to", help="Who has it from now on.")],
    because: WhyOption,
    by: WhoOption,
    on: OnOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Somebody else has it from now on."""
    from churnml.work.life import reassign

    _change(project, work, on, as_json, lambda item, day: reassign(item, to=to, who=by, why=because, on=day))


@work_app.add("overflow")
def work_overflow(project: ProjectOption = HERE, as_of: AsOfOption = None, as_json: JsonOption = False) -> None:
    """What did not fit into the day, for whom, with the value left lying."""
    from churnml.pages import data
    from churnml.pages.terminal.work import overflow_text

    with project_and_store(project) as (_, store):
        day = day_or_newest(store, as_of)
        rows = store.overflow(day)
    say_lines(json_text(data.overflow_data(day, rows)) if as_json else overflow_text(day, rows))


@work_app.add("log")
def work_log(
    subject: Annotated[str | None, typer.Argument(help="An account or a date.", show_default="all")] = None,
    project: ProjectOption = HERE,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The audit log: who did what, when and why."""
    from churnml.pages.terminal.work import log_text

    with project_and_store(project) as (_, store):
        entries = store.audit.entries(subject=subject, limit=limit)
    say_lines(json_text([asdict(entry) for entry in entries]) if as_json else log_text(entries))


@work_app.add("override")
def work_override(
    account: AccountArgument,
    score: Annotated[float, typer.Option("--score", min=0, max=100, help="What you say its health is.")],
    because: WhyOption,
    by: WhoOption,
    days: Annotated[int | None, typer.Option(min=1, help="For how long.", show_default="health.yaml's")] = None,
    on: OnOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Your word against the score, until it expires; it counts from the next scoring, and is judged later."""
    from churnml.health.overrides import make_override
    from pipelines.clock import moment

    with project_and_store(project) as (opened, store):
        store.account(account, day_or_newest(store, None))  # an unknown account is refused by name
        made = make_override(opened.health, account, score, by, because, _on(opened, on), days)
        new = store.overrides.add(made, moment())
    text = (
        f"{made.override_id}: the health of {account} is {made.score:g} by {made.author} "
        f"until {made.expires_on}, from the next scoring on" + ("" if new else " (that was said before)")
    )
    say_lines(json_text(asdict(made) | {"new": new}) if as_json else text)


@work_app.add("withdraw")
def work_withdraw(
    override: Annotated[str, typer.Argument(help="The override's id.")],
    because: WhyOption,
    by: WhoOption,
    on: OnOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Takes an override back before it expires."""
    from pipelines.clock import moment

    with project_and_store(project) as (opened, store):
        day = _on(opened, on)
        new = store.overrides.withdraw(override, day, moment(), who=by, why=because)
    data = {"override_id": override, "withdrawn_on": day, "new": new}
    text = f"{override} was taken back on {day}" if new else f"{override} had been taken back before"
    say_lines(json_text(data) if as_json else text)


def _on(project: Project, on: str | None) -> dt.date:
    """The date given, or today as the project lives: the day after its data where they are declared to end."""
    from pipelines.clock import day

    return project.today(day()) if on is None else date_of(on, "--on")


def _change(
    project: Path, name: str, on: str | None, as_json: bool, change: Callable[[WorkItem, dt.date], Changed]
) -> None:
    """Reads an item, changes it, writes it; when somebody else was faster, all of it again."""
    from churnml.jobs.work import change_item
    from churnml.pages.terminal.work import changed_text
    from pipelines.clock import moment

    with project_and_store(project) as (opened, store):
        day = _on(opened, on)
        item, event = change_item(opened, store, name, lambda before: change(before, day), moment())
    say_lines(json_text(asdict(item) | {"event": asdict(event)}) if as_json else changed_text(item, event))
