"""What was forgotten, what could not be, and what the company still has to do, as printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from churnml.ledger.erasure import AgedRows, ForgetReport, Traces
from churnml.pages.presenter import printable
from churnml.pages.terminal.layout import table

FILES_SHOWN = 20


def forget_text(report: ForgetReport) -> str:
    """What ``churnml forget`` prints."""
    done = report.after is not None
    lines = [f"The {report.kind} was forgotten." if done else f"Nothing was removed. With --yes, the {report.kind} is:"]
    if report.before.suppressed:
        lines = [f"This {report.kind} was forgotten before; its rows are set aside at every reading."]
    rows = [[printable(where), what, f"{many:,}"] for where, what, many in _places(report.before)]
    if rows:
        lines += ["", *table(["where", "removed" if done else "to be removed", "how many"], rows, right=(2,))]
    else:
        lines += ["", f"  No row that churnml keeps names this {report.kind}."]
    lines += ["", "WHERE IT STAYS, AND WHAT IS YOURS TO DO", "", *(f"  · {printable(one)}" for one in _stays(report))]
    return "\n".join([*lines, *_remains(report)])


def aged_text(aged: AgedRows, today: dt.date, *, done: bool) -> str:
    """What ``churnml forget --old`` prints."""
    if not aged.rows:
        lines = [f"On {today} nothing is older than retention: in project.yaml keeps."]
    else:
        lines = ["Removed:" if done else "Nothing was removed. With --yes, this is:", ""]
        lines += table(["store", "rows"], [[name, f"{many:,}"] for name, many in aged.rows.items()], right=(1,))
    if aged.dates:
        number, first, last = aged.dates
        lines += ["", f"  {number:,} scored dates from {first} to {last}"]
    lines += [f"  kept: {sentence}" for sentence in aged.kept]
    return "\n".join(lines)


def _places(before: Traces) -> Iterator[tuple[str, str, int]]:
    store = before.store
    yield from ((f"store: {name}", "rows", many) for name, many in store.rows.items())
    yield from ((f"store: {name}", "its name in others' rows", many) for name, many in store.mentions.items())
    yield from ((f"checked tables: {name}", "rows", many) for name, many in before.checked.items())
    if before.runs:
        yield "registry: judged.csv", "its line in runs", before.runs
    if before.made_again:
        yield "report.html", "the page; the next run writes it", before.made_again


def _stays(report: ForgetReport) -> Iterator[str]:
    """Where churnml cannot remove it, in whole sentences."""
    store, kind = report.before.store, report.kind
    where = ", ".join(f"{name} ({place})" for name, place in report.inputs.items())
    yield (
        f"Your own tables may still hold it: {where}. Take it out there. Until then its rows are set aside as "
        "'forgotten' whenever they are read, by forgotten.yaml in the project folder, which every copy of it needs."
    )
    if store.sent:
        yield f"Messages about it were sent and cannot be taken back: {_counted(store.sent)}. Ask the receivers."
    if store.unsent:
        yield f"{store.unsent:,} messages about it were not sent and will not be: a task in a CRM stays open."
    if store.arms:
        yield (
            f"It was drawn for {store.arms:,} playbook arm(s). 'churnml impact' measures without it from now on, so "
            "figures change a little."
        )
    if store.left:
        yield f"Rows of the store that hold the same text and stay as they are: {_counted(store.left)}. " + (
            "They are names of people of yours (owners, authors), or declarations."
            if kind == "user"
            else "They are declarations as somebody wrote them."
        )
    if report.fitted:
        versions = ", ".join(f"{many} of {name}" for name, many in report.fitted.items())
        yield (
            f"Models hold no row of it, but may have been fitted with its rows: {versions} version(s). "
            "'churnml train --again' fits without it."
        )
    yield from _beyond(report)


def _beyond(report: ForgetReport) -> Iterator[str]:
    """What lies where churnml does not look."""
    if report.engine:
        yield f"The engine '{report.engine}' keeps copies of the checked tables until newer ones are a day old."
    if report.on_server:
        yield "The database server's write-ahead log and replicas let go of it in their own time."
    if report.kind == "account" and not report.before.checked:
        yield (
            "Profiles of earlier loads may hold hashes of its contracts' and tickets' ids, which are only known from "
            "checked tables, and there are none; each goes when enough newer loads were read."
        )
    if not report.compacted:
        yield "Somebody reads the store just now, so its files could not be written anew: run this again."
    yield "Backups, logs, Prefect's records of runs, and files that were exported elsewhere were not looked into."
    if not report.telling:
        yield "Its id is too short, or a plain number, to be looked for in files: look through your exports yourself."
    files = report.before.files_of_others
    if files and report.after is None:
        yield f"Files of the project that name it and are left to you: {_some(files)}."


def _remains(report: ForgetReport) -> Iterator[str]:
    if report.after is None:
        return
    after = report.after
    own = {**after.store.rows, **after.store.mentions, **after.checked}
    if own or after.runs:
        yield f"\nchurnml still names it: {_counted(own)}{', runs' if after.runs else ''}. Run this again."
    elif after.files:
        yield f"\nchurnml's own tables were looked into again and do not name it. Files that do: {_some(after.files)}."
    else:
        yield "\nchurnml's own tables and the project's files were looked into again: none names it."


def _counted(many: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in many.items())


def _some(files: tuple[str, ...]) -> str:
    more = f" and {len(files) - FILES_SHOWN:,} more" if len(files) > FILES_SHOWN else ""
    return ", ".join(files[:FILES_SHOWN]) + more
