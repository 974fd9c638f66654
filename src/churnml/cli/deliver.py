"""Telling others: what waits to be sent, what was sent, what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from churnml.cli.app import app, deliveries_app
from churnml.cli.shell import (
    HERE,
    MOST,
    OUTAGE,
    JsonOption,
    PlainOption,
    ProjectOption,
    json_text,
    project_and_store,
    ready,
    say_lines,
)
from churnml.errors import ProjectError, UnknownNameError

if TYPE_CHECKING:
    from churnml.ledger import Delivery


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
        raise typer.Exit(OUTAGE if report.may_pass else 1)


@deliveries_app.add("list")
def deliveries_list(
    project: ProjectOption = HERE,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """What was or is to be delivered: to whom, how often it was tried, and what went wrong."""
    from churnml.ledger.dead_letters import by_reason
    from churnml.pages.terminal.deliveries import deliveries_text

    with project_and_store(project) as (_, store):
        given_up = store.outbox.dead()
        deliveries = given_up if dead else store.outbox.all()
        counts = store.outbox.counts()
    newest = sorted(deliveries, key=lambda one: -one.delivery_id)[:limit]
    data = {"counts": counts, "deliveries": [asdict(delivery) for delivery in newest]}
    say_lines(json_text(data) if as_json else deliveries_text(counts, newest, by_reason(given_up)))


@deliveries_app.add("show")
def deliveries_show(
    delivery: Annotated[int, typer.Argument(help="Its number.")], project: ProjectOption = HERE
) -> None:
    """Every attempt at one delivery."""
    with project_and_store(project) as (_, store):
        say_lines(json_text([asdict(attempt) for attempt in store.outbox.attempts(delivery)]))


@deliveries_app.add("revive")
def deliveries_revive(
    because: Annotated[str, typer.Option("--because", help="What was mended.")],
    by: Annotated[str, typer.Option("--by", help="Who you are.")],
    delivery: Annotated[int | None, typer.Argument(help="Its number.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="All that were given up for a reason with this text in it.")
    ] = None,
    receiver: Annotated[str | None, typer.Option("--receiver", help="With --reason: only this receiver's.")] = None,
    project: ProjectOption = HERE,
) -> None:
    """Try again what was given up: one, or all of a reason."""
    from pipelines.clock import moment

    if (delivery is None) == (reason is None) or (receiver is not None and reason is None):
        raise ProjectError(
            "What is to be tried again?",
            where="churnml deliveries revive",
            remedy="Give a number, or --reason TEXT (and --receiver NAME); churnml deliveries list --dead shows them.",
        )
    with project_and_store(project) as (_, store):
        if delivery is not None:
            store.outbox.revive(delivery, moment(), who=by, why=because)
            what = f"Delivery {delivery}"
        else:
            chosen = _given_up_for(store.outbox.dead(receiver), reason or "")
            revived = store.outbox.revive_all([one.delivery_id for one in chosen], moment(), who=by, why=because)
            what = f"{revived:,} deliveries" if revived != 1 else "1 delivery"
    say_lines(f"{what} will be tried again by the next 'churnml deliver --send'.")


def _given_up_for(dead: Sequence[Delivery], reason: str) -> Sequence[Delivery]:
    """The dead deliveries of a reason; raises UnknownNameError where there is none."""
    from churnml.ledger.dead_letters import by_reason, given_up_for

    chosen = given_up_for(dead, reason)
    if not chosen:
        known = {each.reason for each in by_reason(dead)}
        raise UnknownNameError("reason of what was given up", reason, known, where="--reason")
    return chosen
