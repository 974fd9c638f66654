"""Telling others: what waits to be sent, what was sent, what was given up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from churnml.cli.app import app, deliveries_app
from churnml.cli.shell import (
    HERE,
    MOST,
    JsonOption,
    PlainOption,
    ProjectOption,
    json_text,
    project_and_store,
    ready,
    say_lines,
)


@app.add()
def deliver(
    project: ProjectOption = HERE,
    send: Annotated[
        bool,
        typer.Option("--send", help="Send it. Without, it is only shown, unless delivery.yaml says dry_run: false."),
    ] = False,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send what waits in the outbox to the receivers of delivery.yaml; shows it only, unless told to --send."""
    ready(project, no_prefect)
    from pipelines.deliver import deliver as flow

    report = flow(project=project, send=send)
    say_lines(json_text(report.as_data()) if as_json else "\n".join(report.lines()))
    if report.troubled:
        raise typer.Exit(1)


@deliveries_app.add("list")
def deliveries_list(
    project: ProjectOption = HERE,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """What was or is to be delivered: to whom, how often it was tried, and what went wrong."""
    from churnml.pages.terminal.deliveries import deliveries_text

    with project_and_store(project) as (_, store):
        deliveries = store.outbox.dead() if dead else store.outbox.all()
        counts = store.outbox.counts()
    newest = sorted(deliveries, key=lambda one: -one.delivery_id)[:limit]
    data = {"counts": counts, "deliveries": [asdict(delivery) for delivery in newest]}
    say_lines(json_text(data) if as_json else deliveries_text(counts, newest))


@deliveries_app.add("show")
def deliveries_show(
    delivery: Annotated[int, typer.Argument(help="Its number.")], project: ProjectOption = HERE
) -> None:
    """Every attempt at one delivery."""
    with project_and_store(project) as (_, store):
        say_lines(json_text([asdict(attempt) for attempt in store.outbox.attempts(delivery)]))


@deliveries_app.add("revive")
def deliveries_revive(
    delivery: Annotated[int, typer.Argument(help="Its number.")],
    because: Annotated[str, typer.Option("--because", help="What was mended.")],
    by: Annotated[str, typer.Option("--by", help="Who you are.")],
    project: ProjectOption = HERE,
) -> None:
    """Try again what was given up."""
    from pipelines.clock import moment

    with project_and_store(project) as (_, store):
        store.outbox.revive(delivery, moment(), who=by, why=because)
    say_lines(f"Delivery {delivery} will be tried again by the next 'churnml deliver --send'.")
