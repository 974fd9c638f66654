"""Somebody's word that a break in the data is meant, written down; of a rename, into the project's own file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from churnml.adapters.declaring import declare_renames
from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.store import Store, open_store
from churnml.errors import ProjectError, UnknownNameError
from churnml.jobs.opening import OpenedProject
from churnml.jobs.watching import record_load
from churnml.specs.watching import BreakKind
from churnml.timeline import end_of_data
from churnml.watch.breaks import AcceptedBreak, DataBreak


def accept_breaks(
    opened: OpenedProject,
    names: Sequence[str],
    *,
    who: str,
    why: str,
    on: dt.date,
    now: dt.datetime,
    as_rename: bool = False,
) -> list[AcceptedBreak]:
    """Writes down that breaks are meant, all or none.

    Args:
        opened: the project.
        names: of the breaks, as ``churnml data status`` gives them.
        who, why: whose word, and the reason.
        on, now: the date it counts from, and the moment.
        as_rename: the event that began is the one that stopped: ``renamed_events:`` of ``project.yaml`` says so then,
            and new events are read under the old name. That the break is meant is not recorded besides: where the
            file says otherwise again, it is there again.

    Raises:
        UnknownNameError: there is no such break.
        ProjectError: nobody is named, no reason is given, or a break is no rename.
    """
    if not who.strip() or not why.strip():
        raise ProjectError("Who says so, and why, must be given.", where="--by, --why", remedy="Give both.")
    with open_store(opened.project.operational_url) as store:
        record_load(opened, store, end_of_data(opened.facts.data_through), now)
        known = {one.break_id: one.data_break for one in store.watched.breaks()}
        for name in names:
            if name not in known:
                raise UnknownNameError("break on record", name, known, where="churnml data status")
        chosen = [known[name] for name in dict.fromkeys(names)]
        if as_rename:
            return _as_renames(opened, store, chosen, who.strip(), why.strip(), now)
        return [
            AcceptedBreak(one, store.watched.accept(one.break_id, who.strip(), why.strip(), on, now)) for one in chosen
        ]


def _as_renames(
    opened: OpenedProject, store: Store, chosen: Sequence[DataBreak], who: str, why: str, now: dt.datetime
) -> list[AcceptedBreak]:
    for one in chosen:
        if one.kind is not BreakKind.RENAMED:
            raise ProjectError(
                f"{one.break_id} is no rename: nothing began when it stopped.",
                where="--as-rename",
                remedy=f"Accept it without --as-rename, or write renamed_events: into {PROJECT_FILE} yourself.",
            )
    path = opened.project.root / PROJECT_FILE
    present = opened.project.spec.renamed_events
    wanted = {one.subject: one.instead for one in chosen if present.get(one.subject) != one.instead}
    declare_renames(path, wanted)
    for one in chosen:
        details = {"old": one.subject, "new": one.instead, "file": PROJECT_FILE}
        store.audit.note(now, who, "event renamed", one.break_id, why, details)
    return [AcceptedBreak(one, one.subject in wanted, renamed=True) for one in chosen]
