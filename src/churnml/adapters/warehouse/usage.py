"""Usage, checked and rolled up: whole where it is read anew every time, an increment a reading where it grows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from churnml.adapters.warehouse.content import Content, content_of
from churnml.adapters.warehouse.increments import (
    ACCOUNTS,
    GrowingUsage,
    Increment,
    contents,
    merged_if_many,
    publish,
    still_true,
    totals,
)
from churnml.adapters.warehouse.late_spellings import tell_late_spellings
from churnml.adapters.warehouse.losses import must_not_lose
from churnml.adapters.warehouse.profile import write_usage_feed
from churnml.adapters.warehouse.reading import Progress, Reading, files_of, parquet, write_parquet
from churnml.adapters.warehouse.usage_checking import EVENTS, IDS, KEPT_USAGE, CheckedUsage, check_usage, has_rare
from churnml.remarks import together
from churnml.rollups import NAMED, RELATIONS, days_from_named, roll_up, without_hours

if TYPE_CHECKING:
    import duckdb
    from ibis.backends.duckdb import Backend


class StaleIncrementsError(Exception):
    """Increments that would come out otherwise now: their files are to be read anew."""

    def __init__(self, folders: set[Path]) -> None:
        super().__init__()
        self.folders = folders


@dataclass(frozen=True)
class RolledUsage:
    """The roll-ups of usage: their folders, and relation → what all of them together hold."""

    folders: tuple[Path, ...] = ()
    content: Mapping[str, Content] = field(default_factory=dict)


def roll_up_whole(reading: Reading, end: dt.date, progress: Progress) -> RolledUsage:
    """The roll-ups of all usage; none where the project has no usage."""
    if EVENTS.name not in reading.counts.given:
        return RolledUsage()
    folder = reading.out / "usage"
    folder.mkdir()
    checked = check_usage(reading, end, folder)
    _count(reading, checked)
    must_not_lose(reading, EVENTS)
    progress("rolling up usage")
    write_rollups(
        reading.backend,
        folder,
        reading.parts,
        checked.names,
        hours=_has_hours(reading),
        rare=has_rare(reading.con, checked.names),
    )
    tell_late_spellings(reading, folder)
    write_usage_feed(reading.con, folder)
    (folder / f"{IDS}.parquet").unlink(missing_ok=True)  # nobody comes after them
    return RolledUsage((folder,), rolled_content(reading.con, [folder]))


def _count(reading: Reading, checked: CheckedUsage) -> None:
    counts, name = reading.counts, EVENTS.name
    counts.rows[name] = checked.rows
    for counted, here in ((counts.quarantined, checked.quarantined), (counts.warned, checked.warned)):
        if here:
            counted.setdefault(name, {}).update(here)


def roll_up_growing(
    reading: Reading, growing: GrowingUsage, kept: list[Increment], end: dt.date, progress: Progress
) -> RolledUsage:
    """The roll-ups of usage that grows; new events are checked and rolled up first.

    Raises:
        StaleIncrementsError: some of ``kept`` would come out otherwise now.
    """
    counts, name = reading.counts, EVENTS.name
    stale = {i.path for i in kept if not still_true(reading.con, i, end, reading.today)}
    if stale:
        raise StaleIncrementsError(stale)
    new = [_new_increment(reading, growing, kept, end, progress)] if growing.unread(kept) else []
    increments = merged_if_many(reading.con, growing, [*kept, *new])
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
    return RolledUsage(tuple(increment.path for increment in increments), contents(increments))


def _new_increment(
    reading: Reading, growing: GrowingUsage, kept: Sequence[Increment], end: dt.date, progress: Progress
) -> Increment:
    """Checks and rolls up the files that were not read before."""
    con, counts, unread = reading.con, reading.counts, growing.unread(kept)
    folder = reading.out / "increment"
    folder.mkdir()
    checked = check_usage(reading, end, folder, [i.path for i in kept])
    _count(reading, checked)
    progress(f"rolling up {len(unread)} new {'file' if len(unread) == 1 else 'files'} of usage")
    # the names that have a bit have it in every increment that is read together
    names = kept[0].names if kept else checked.names
    write_rollups(reading.backend, folder, reading.parts, names, hours=_has_hours(reading), rare=has_rare(con, names))
    tell_late_spellings(reading, folder)
    write_usage_feed(con, folder)
    # where nothing was set aside, the roll-up has every account
    judged = "_typed_usage_events" if checked.quarantined else parquet([folder / "usage_days.parquet"])
    seen = f"SELECT DISTINCT account_id FROM {judged} WHERE account_id IS NOT NULL"
    accounts = f"SELECT account_id, created_at FROM ({seen}) LEFT JOIN _kept_accounts USING (account_id)"
    write_parquet(con, accounts, folder / f"{ACCOUNTS}.parquet")
    aside = f"SELECT * FROM _quarantine WHERE contract_table = '{EVENTS.name}' ORDER BY ALL"
    write_parquet(con, aside, folder / "quarantine.parquet")
    quarantined = counts.quarantined.get(EVENTS.name, {})
    increment = Increment(
        path=folder,
        files={file: growing.files[file] for file in unread},
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
        names=names,
        content=rolled_content(con, [folder]),
        arrival_columns=tuple(counts.arrival_columns.get(EVENTS.name, ())),
    )
    return publish(growing, increment)


def rolled_content(con: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> dict[str, Content]:
    """Relation → what the roll-ups in some folders hold."""
    return {name: content_of(con, files) for name in RELATIONS if (files := files_of(folders, name))}


def write_rollups(
    backend: Backend, out: Path, parts: frozenset[str], names: Sequence[str], *, hours: bool = True, rare: bool = True
) -> None:
    """Writes the roll-ups of ``_kept_usage_events`` as Parquet files.

    Without ``hours``, nobody knows them; without ``rare``, every event has one of the ``names``.
    """
    con = backend.con
    rolled = roll_up(backend.table(KEPT_USAGE), names, parts)
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
