"""The step that watches the data of a date: whether they can be believed, and what is done where they cannot."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.store import Store, open_store
from churnml.adapters.store.watching import Condition
from churnml.adapters.warehouse import read_profile
from churnml.errors import DataBreakError
from churnml.jobs.opening import CheckedProject, OpenedProject
from churnml.pages.feeds import DataStatus, FeedLine, break_text, printable_break
from churnml.specs.watching import BreakAction, BreakKind
from churnml.timeline import end_of_data, plus_days
from churnml.watch.breaks import DataBreak, as_recorded
from churnml.watch.judging import Watching, judge

log = logging.getLogger("churnml.watch")

# What a load is not compared with afterwards, where it has one of these.
OF_THE_LOAD = frozenset(
    {
        BreakKind.EMPTIED,
        BreakKind.SHRUNK,
        BreakKind.VALUES,
        BreakKind.NULLS,
        BreakKind.COLUMNS,
        BreakKind.IDS,
        BreakKind.ASIDE,
        BreakKind.DUPLICATES,
    }
)


@dataclass(frozen=True)
class WatchedData:
    """What is known of the data of a date.

    Args:
        as_of: the date.
        breaks: those that last and that nobody has called meant.
    """

    as_of: dt.date
    breaks: tuple[DataBreak, ...]

    @property
    def holding(self) -> tuple[DataBreak, ...]:
        """The breaks for which scores are to stand as they were."""
        return tuple(one for one in self.breaks if one.action is BreakAction.HOLD)

    @property
    def held(self) -> frozenset[str]:
        """The contract tables that cannot be believed."""
        return frozenset(one.table for one in self.holding)


def watch_data(opened: OpenedProject, as_of: dt.date | None, now: dt.datetime) -> WatchedData:
    """Judges the data of a date, writes down what it comes to, and says it.

    Args:
        opened: the project.
        as_of: the date; None the newest.
        now: the moment.

    Raises:
        DataBreakError: a break for which the project declares ``stop``.
    """
    as_of = as_of or end_of_data(opened.facts.data_through)
    with open_store(opened.project.operational_url) as store:
        breaks = record_load(opened, store, as_of, now)
    for one in breaks:
        log.warning("%(break)s", {"break": printable_break(one), "kind": one.kind.value, "table": one.table})
    watched = WatchedData(as_of, tuple(breaks))
    if stops := [one for one in breaks if one.action is BreakAction.STOP]:
        more = f" ({len(stops) - 1} more: churnml data status)" if stops[1:] else ""
        raise DataBreakError(
            f"{break_text(stops[0])}{more}",
            where=f"{opened.project.root / PROJECT_FILE}, watch: {stops[0].kind.value}: stop",
            remedy=f"Mend the feed and run again, or say that it is meant: churnml data accept '{stops[0].break_id}'.",
        )
    return watched


def record_load(opened: OpenedProject, store: Store, as_of: dt.date, now: dt.datetime) -> list[DataBreak]:
    """Judges the data of a date and, where it is the newest, writes the load down with its breaks."""
    breaks = _judged(opened, store, as_of)
    profile, _ = read_profile(opened.ingested.path)
    if as_of != end_of_data(profile.data_through):
        return breaks
    return store.watched.record(profile, opened.facts.fingerprint, _condition(breaks), as_of, breaks, now)


def look_at_data(opened: OpenedProject | CheckedProject, as_of: dt.date | None = None) -> WatchedData:
    """Judges the data of a date and writes nothing down."""
    as_of = as_of or end_of_data(opened.ingested.data_through)
    with open_store(opened.project.operational_url) as store:
        return WatchedData(as_of, tuple(_judged(opened, store, as_of)))


def untrainable(opened: OpenedProject) -> tuple[DataBreak, ...]:
    """The breaks of the whole load, rather than of its newest days, for which nothing is to be trained from it."""
    return tuple(
        one for one in look_at_data(opened).breaks if one.kind in OF_THE_LOAD and one.action is not BreakAction.WARN
    )


def not_trained(model: str, broken: Sequence[DataBreak]) -> DataBreakError:
    """What is said where there is nothing to train from, and no model yet that could stand."""
    return DataBreakError(
        f"'{model}' was not trained: {break_text(broken[0])}",
        where="churnml data status",
        remedy=f"Mend the data, or say that it is meant: churnml data accept '{broken[0].break_id}'.",
    )


def status_of_data(opened: OpenedProject | CheckedProject, as_of: dt.date | None = None) -> DataStatus:
    """Every table as it comes, the breaks that last and those that were; nothing is written down."""
    as_of = as_of or end_of_data(opened.ingested.data_through)
    profile, feeds = read_profile(opened.ingested.path)
    days = feeds.cells[feeds.cells["event"] == ""].groupby("contract_table")["day"].max()
    newest = {str(table): plus_days(dt.date(1970, 1, 1), int(day)) for table, day in days.items()}
    with open_store(opened.project.operational_url) as store:
        breaks = _judged(opened, store, as_of)
        lasting = {one.break_id for one in breaks}
        history = [one for one in store.watched.breaks() if one.break_id not in lasting]
        scored = next((day for day in reversed(store.dates()) if day <= as_of), None)
        return DataStatus(
            project=opened.project.name,
            as_of=as_of,
            feeds=[
                FeedLine(name, table.rows, newest.get(name), table.share_aside)
                for name, table in profile.tables.items()
            ],
            breaks=breaks,
            history=history,
            held=None if scored is None else store.held(scored),
            scored=scored,
        )


def _judged(opened: OpenedProject | CheckedProject, store: Store, as_of: dt.date) -> list[DataBreak]:
    profile, feeds = read_profile(opened.ingested.path)
    by = Watching(
        reference=store.watched.reference(profile.data_through, opened.ingested.fingerprint),
        accepted=store.watched.accepted(),
        region=opened.project.spec.region,
        actions=opened.project.spec.watch,
    )
    return as_recorded(judge(profile, feeds, as_of, by), store.watched.breaks(lasting=True))


def _condition(breaks: Sequence[DataBreak]) -> Condition:
    of_load = [one for one in breaks if one.kind in OF_THE_LOAD]
    if any(one.action is not BreakAction.WARN for one in of_load):
        return "broken"
    return "warned" if of_load else "fine"
