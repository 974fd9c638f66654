"""What stands on a run's page in Prefect: small tables of what the run did; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churnml.pages.feeds import ACTIONS, break_text
from churnml.pages.presenter import MAIN_FIGURES, by_who, figure_name, interval, money, number, who_name, words

if TYPE_CHECKING:
    from churnml.ledger import WorkEvent
    from churnml.modelling.record import ModelRecord
    from churnml.pages.summary import RunSummary
    from churnml.watch.breaks import DataBreak

Cells = Mapping[str, str]


@dataclass(frozen=True)
class RunTable:
    """A table on a run's page.

    Args:
        key: under which its newest version is found; the project is in it.
        description: what it shows, as Markdown.
        rows: column → text, the same columns in each.
    """

    key: str
    description: str
    rows: tuple[Cells, ...]


def key_of(project: str, what: str) -> str:
    """Prefect's keys have small letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", f"{project}-{what}".lower()).strip("-")


def day_table(
    summary: RunSummary, events: Sequence[WorkEvent], outbox: Mapping[str, Mapping[str, int]], currency: str = ""
) -> RunTable:
    """What a scored day did.

    Args:
        summary: the day in numbers.
        events: what happened to the team's work that day.
        outbox: receiver → state → messages, as they now stand.
        currency: of the project.
    """
    return RunTable(
        key_of(summary.project, "day"),
        f"**{summary.project}**, {summary.as_of}, with data through {summary.data_through}",
        tuple({"what": what, "number": shown} for what, shown in _day_rows(summary, events, outbox, currency)),
    )


def _day_rows(
    summary: RunSummary, events: Sequence[WorkEvent], outbox: Mapping[str, Mapping[str, int]], currency: str
) -> Iterator[tuple[str, str]]:
    yield "accounts scored", number(summary.accounts_scored)
    for band, accounts in sorted(summary.bands.items()):
        yield f"accounts in band {words(band)}", number(accounts)
    if summary.knows_money:
        yield "MRR", money(summary.mrr, currency)
        if summary.mrr_at_risk is not None:
            yield "expected MRR at risk", money(summary.mrr_at_risk, currency)
    for what, many in sorted(Counter(event.what for event in events).items()):
        yield f"work items {words(what)}", number(many)
    for playbook, listed in sorted(summary.decisions.items()):
        yield f"on the list for {words(playbook)}", number(listed)
    for kind, many in sorted(summary.health_events.items()):
        yield f"health: {words(kind)}", number(many)
    set_aside = sum(rows for reasons in summary.quarantined.values() for rows in reasons.values())
    yield "rows set aside", number(set_aside)
    for receiver, states in sorted(outbox.items()):
        for state, many in sorted(states.items()):
            yield f"messages to {receiver}: {words(state)}", number(many)


def model_table(project: str, record: ModelRecord, where: str) -> RunTable:
    """A model's figures beside its rivals; ``where`` says where its MLflow run is, as Markdown."""
    verdict = "promoted" if record.promoted else "not promoted"
    description = (
        f"**{record.name}**, version {record.version}: {verdict}, because {record.because}. "
        f"Judged at {record.cutoff} on {number(record.rows)} accounts, {number(record.positives)} of them positive; "
        f"95 % intervals. {where}"
    )
    rows = [
        {"who": who_name(who), **{figure_name(name): interval(record.figures[who].get(name)) for name in MAIN_FIGURES}}
        for who in by_who(record.figures)
    ]
    return RunTable(key_of(project, record.name), description, tuple(rows))


def feeds_table(project: str, breaks: Sequence[DataBreak]) -> RunTable:
    """The feeds that do not come as they used to, and what is done about each."""
    rows = tuple(
        {"feed": one.table, "what": break_text(one), "done": ACTIONS[one.action], "name": one.break_id}
        for one in breaks
    )
    return RunTable(key_of(project, "feeds"), f"**{project}**: {len(rows)} breaks in the data", rows)


def deliveries_table(project: str, outbox: Mapping[str, Mapping[str, int]]) -> RunTable:
    """What each receiver was sent and is still to be sent."""
    states = sorted({state for counts in outbox.values() for state in counts})
    rows = [
        {"receiver": receiver, **{words(state): number(counts.get(state, 0)) for state in states}}
        for receiver, counts in sorted(outbox.items())
    ]
    return RunTable(key_of(project, "deliveries"), f"**{project}**: messages by receiver and state", tuple(rows))
