"""Usage, judged and rolled up: whole where it is read anew every time, an increment a reading where it grows.

A reading that only judges makes no roll-ups. Who needs them later has them made of what was judged then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from churnml.adapters.warehouse.again import make_views
from churnml.adapters.warehouse.content import Content
from churnml.adapters.warehouse.increments import (
    ACCOUNTS,
    MANIFEST,
    GrowingUsage,
    Increment,
    contents,
    linked,
    merged_if_many,
    publish,
    put_together_if_many,
    still_true,
    totals,
)
from churnml.adapters.warehouse.losses import must_not_lose
from churnml.adapters.warehouse.profile import write_usage_feed
from churnml.adapters.warehouse.reading import ALL_DAYS, Progress, Reading, write_parquet
from churnml.adapters.warehouse.usage_checking import EVENTS, IDS, KEPT_USAGE, CheckedUsage, check_usage, has_rare
from churnml.remarks import together
from churnml.rollups import NAMED, days_from_named, roll_up, without_hours
from churnml.timeline import midnight

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


class StaleIncrementsError(Exception):
    """Increments that would come out otherwise now: their files are to be read anew."""

    def __init__(self, folders: set[Path]) -> None:
        super().__init__()
        self.folders = folders


@dataclass(frozen=True)
class JudgedUsage:
    """The usage of a reading, judged, and rolled up as far as that was asked for: its folders, and table → what the
    events of all of them hold."""

    folders: tuple[Path, ...] = ()
    content: Mapping[str, Content] = field(default_factory=dict)


def whole_usage(reading: Reading, end: dt.date, judged: Increment | None, progress: Progress) -> JudgedUsage:
    """All usage, in one go; nothing where the project has none.

    ``judged`` is the same usage as an earlier reading judged it, its files where they go: then it is only rolled up.
    """
    folder = reading.out / "usage"
    if judged is not None:
        progress("rolling up usage that was judged before")
        increment = judged
        make_views(reading.con, None, increment.views)
        _roll_up(reading, increment, increment.names)
    elif EVENTS.name in reading.counts.given:
        folder.mkdir()
        increment = _judged(reading, end, folder, {}, [])
        if reading.since is not None:
            progress("rolling up usage")
            _roll_up(reading, increment, increment.names)
    else:
        return JudgedUsage()
    (folder / f"{IDS}.parquet").unlink(missing_ok=True)  # nobody comes after them
    (folder / MANIFEST).write_text(increment.manifest(), "utf-8")
    return _together(reading, [increment])


def _count(reading: Reading, checked: CheckedUsage) -> None:
    counts, name = reading.counts, EVENTS.name
    counts.rows[name] = checked.rows
    for counted, here in ((counts.quarantined, checked.quarantined), (counts.warned, checked.warned)):
        if here:
            counted.setdefault(name, {}).update(here)


def grown_usage(
    reading: Reading,
    growing: GrowingUsage,
    base: GrowingUsage,
    kept: list[Increment],
    end: dt.date,
    progress: Progress,
) -> JudgedUsage:
    """Usage that grows; new events are judged and rolled up first, and kept in ``base`` as they were judged.

    Raises:
        StaleIncrementsError: some of ``kept`` would come out otherwise now.
    """
    stale = {i.path for i in kept if not still_true(reading.con, i, end, reading.today)}
    if stale:
        raise StaleIncrementsError(stale)
    new = [_new_increment(reading, growing, base, kept, end, progress)] if growing.unread(kept) else []
    return _together(reading, merged_if_many(reading.con, growing, [*kept, *new]))


def _together(reading: Reading, increments: Sequence[Increment]) -> JudgedUsage:
    """Increments as the usage of a reading, whose counts they come to."""
    counts, name = reading.counts, EVENTS.name
    counts.rows[name], quarantined, warned = totals(increments)
    counts.given[name] = list(increments[0].given)
    counts.unmapped[name] = list(increments[0].unmapped)
    others = [one for one in counts.remarks if one.table != name]
    counts.remarks[:] = [*others, *together(one for increment in increments for one in increment.remarks)]
    if columns := increments[0].arrival_columns:
        counts.arrival_columns[name] = list(columns)
    for counted, total in ((counts.quarantined, quarantined), (counts.warned, warned)):
        counted.pop(name, None)
        if total:
            counted[name] = total
    must_not_lose(reading, EVENTS)
    return JudgedUsage(tuple(increment.path for increment in increments), contents(increments))


def _new_increment(
    reading: Reading,
    growing: GrowingUsage,
    base: GrowingUsage,
    kept: Sequence[Increment],
    end: dt.date,
    progress: Progress,
) -> Increment:
    """Checks and rolls up the files that were not read before."""
    con, unread = reading.con, growing.unread(kept)
    folder = reading.out / "increment"
    folder.mkdir()
    files = {file: growing.files[file] for file in unread}
    increment = _judged(reading, end, folder, files, [i.path for i in kept])
    if reading.since is None:
        return publish(growing, increment)
    publish(base, linked(increment, reading.out / "judged"))
    put_together_if_many(con, base, lambda one: still_true(con, one, end, reading.today))
    progress(f"rolling up {len(unread)} new {'file' if len(unread) == 1 else 'files'} of usage")
    # the names that have a bit have it in every increment that is read together
    names = kept[0].names if kept else increment.names
    _roll_up(reading, increment, names)
    return publish(growing, replace(increment, names=names))


def _judged(
    reading: Reading, end: dt.date, folder: Path, files: Mapping[str, tuple[int, int]], earlier: Sequence[Path]
) -> Increment:
    """The events of a reading, judged; its files but for roll-ups are in ``folder``."""
    con, counts = reading.con, reading.counts
    checked = check_usage(reading, end, folder, earlier)
    _count(reading, checked)
    write_usage_feed(con, folder)
    seen = "SELECT DISTINCT account_id FROM _typed_usage_events WHERE account_id IS NOT NULL"
    accounts = f"SELECT account_id, created_at FROM ({seen}) LEFT JOIN _kept_accounts USING (account_id)"
    write_parquet(con, accounts, folder / f"{ACCOUNTS}.parquet")
    aside = f"SELECT * FROM _quarantine WHERE contract_table = '{EVENTS.name}' ORDER BY ALL"
    write_parquet(con, aside, folder / "quarantine.parquet")
    quarantined = counts.quarantined.get(EVENTS.name, {})
    return Increment(
        path=folder,
        files=files,
        rows=counts.rows[EVENTS.name],
        quarantined=quarantined,
        warned=counts.warned.get(EVENTS.name, {}),
        given=tuple(counts.given[EVENTS.name]),
        unmapped=tuple(counts.unmapped.get(EVENTS.name, ())),
        remarks=tuple(one for one in reading.remarks() if one.table == EVENTS.name),
        newest=checked.newest,
        end=end.isoformat(),
        future="future" in quarantined,
        today=reading.today.isoformat(),
        names=checked.names,
        content={EVENTS.name: checked.content},
        arrival_columns=tuple(counts.arrival_columns.get(EVENTS.name, ())),
        hours=_has_hours(reading),
        rare=has_rare(con, checked.names),
        views=checked.views,
    )


# ---------------------------------------------------------------- roll-ups


def _roll_up(reading: Reading, increment: Increment, names: Sequence[str]) -> None:
    """Writes the roll-ups of ``_kept_usage_events`` beside what else the increment has."""
    write_rollups(
        reading.backend,
        increment.path,
        reading.parts,
        names,
        hours=increment.hours,
        rare=increment.rare or tuple(names) != increment.names,
        since=reading.since,
    )


def rolled_again(reading: Reading, growing: GrowingUsage, judged: Increment, names: Sequence[str] | None) -> Increment:
    """An increment that was only judged, rolled up: ``reading`` is one of its files and nothing else."""
    increment = linked(judged, reading.out / f"again-{judged.path.name}")
    names = increment.names if names is None else names
    make_views(reading.con, increment.path / f"{ACCOUNTS}.parquet", increment.views)
    _roll_up(reading, increment, names)
    return publish(growing, replace(increment, names=tuple(names)))


def write_rollups(
    backend: Backend,
    out: Path,
    parts: frozenset[str],
    names: Sequence[str],
    *,
    hours: bool = True,
    rare: bool = True,
    since: dt.date | None = None,
) -> None:
    """Writes the roll-ups of ``_kept_usage_events`` as Parquet files.

    Without ``hours``, nobody knows them; without ``rare``, every event has one of the ``names``. ``since`` leaves out
    the days before it.
    """
    con, events = backend.con, backend.table(KEPT_USAGE)
    if since is not None and since > ALL_DAYS:
        events = events.filter(events["occurred_at"] >= ibis.timestamp(midnight(since)))
    rolled = roll_up(events, names, parts)
    if NAMED in parts:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE _usage_named AS {ibis.to_sql(rolled['usage_named'], dialect='duckdb')}"
        )
        rolled["usage_named"] = backend.table("_usage_named")
        rolled["usage_days"] = days_from_named(rolled["usage_named"], names, parts)
    if not rare:
        rolled["usage_rare"] = rolled["usage_rare"].limit(0)
    if not hours:
        rolled = {name: without_hours(relation) for name, relation in rolled.items()}
    for name, relation in rolled.items():
        write_parquet(con, ibis.to_sql(relation, dialect="duckdb"), out / f"{name}.parquet", "snappy")
    con.execute("DROP TABLE IF EXISTS _usage_named")


def _has_hours(reading: Reading) -> bool:
    return EVENTS.dated_by not in reading.counts.hourless.get(EVENTS.name, ())
