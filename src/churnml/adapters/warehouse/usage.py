"""Usage, checked and rolled up: whole where it is read anew every time, an increment a reading where it grows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from churnml.adapters.warehouse.checking import check_and_write
from churnml.adapters.warehouse.increments import (
    ACCOUNTS,
    IDS,
    GrowingUsage,
    Increment,
    merged_if_many,
    publish,
    still_true,
    totals,
)
from churnml.adapters.warehouse.losses import must_not_lose
from churnml.adapters.warehouse.profile import write_usage_feed
from churnml.adapters.warehouse.reading import Progress, Reading, files_of, write_parquet
from churnml.remarks import together
from churnml.rollups import BITS, NAMED, days_from_named, roll_up
from churnml.tables import TABLES

if TYPE_CHECKING:
    import duckdb
    from ibis.backends.duckdb import Backend

# The checked events of a reading, as a table of its connection.
KEPT_USAGE = "_kept_usage_events"
EVENTS = TABLES["usage_events"]


class StaleIncrementsError(Exception):
    """Increments that would come out otherwise now: their files are to be read anew."""

    def __init__(self, folders: set[Path]) -> None:
        super().__init__()
        self.folders = folders


def roll_up_whole(reading: Reading, end: dt.date, progress: Progress) -> list[Path]:
    """The folder with the roll-ups of all usage; none where the project has no usage."""
    if EVENTS.name not in reading.counts.given:
        return []
    folder = reading.out / "usage"
    folder.mkdir()
    check_and_write(reading, EVENTS, end, folder)
    must_not_lose(reading, EVENTS)
    progress("rolling up usage")
    write_rollups(reading.backend, folder, reading.parts, frequent_names(reading.con))
    write_usage_feed(reading.con, KEPT_USAGE, folder)
    return [folder]


def roll_up_growing(
    reading: Reading, growing: GrowingUsage, kept: list[Increment], end: dt.date, progress: Progress
) -> list[Path]:
    """The folders with the roll-ups of usage that grows; new events are checked and rolled up first.

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
    for counted, total in ((counts.quarantined, quarantined), (counts.warned, warned)):
        counted.pop(name, None)
        if total:
            counted[name] = total
    must_not_lose(reading, EVENTS)
    return [increment.path for increment in increments]


def _new_increment(
    reading: Reading, growing: GrowingUsage, kept: Sequence[Increment], end: dt.date, progress: Progress
) -> Increment:
    """Checks and rolls up the files that were not read before."""
    con, counts, unread = reading.con, reading.counts, growing.unread(kept)
    folder = reading.out / "increment"
    folder.mkdir()
    named = "event_id" in counts.given[EVENTS.name]
    check_and_write(reading, EVENTS, end, folder, files_of([i.path for i in kept], IDS))
    progress(f"rolling up {len(unread)} new {'file' if len(unread) == 1 else 'files'} of usage")
    # the names that have a bit have it in every increment that is read together
    names = list(kept[0].names) if kept else frequent_names(con)
    write_rollups(reading.backend, folder, reading.parts, names)
    write_usage_feed(con, KEPT_USAGE, folder)
    if named:
        ids = f"SELECT hash(event_id) AS id FROM {KEPT_USAGE} WHERE event_id IS NOT NULL"
        write_parquet(con, ids, folder / f"{IDS}.parquet")
    seen = "SELECT DISTINCT account_id FROM _typed_usage_events WHERE account_id IS NOT NULL"
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
        newest=con.execute(f"SELECT max(occurred_at)::VARCHAR FROM {KEPT_USAGE}").fetchall()[0][0],
        end=end.isoformat(),
        future="future" in quarantined,
        today=reading.today.isoformat(),
        names=tuple(names),
    )
    return publish(growing, increment)


def write_rollups(backend: Backend, out: Path, parts: frozenset[str], names: Sequence[str]) -> None:
    """Writes the roll-ups of ``_kept_usage_events`` as Parquet files."""
    con = backend.con
    rolled = roll_up(backend.table(KEPT_USAGE), names, parts)
    if NAMED in parts:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE _usage_named AS {ibis.to_sql(rolled['usage_named'], dialect='duckdb')}"
        )
        rolled["usage_named"] = backend.table("_usage_named")
        rolled["usage_days"] = days_from_named(rolled["usage_named"], names, parts)
    for name, relation in rolled.items():
        write_parquet(con, ibis.to_sql(relation, dialect="duckdb"), out / f"{name}.parquet", "snappy")
    con.execute("DROP TABLE IF EXISTS _usage_named")


def frequent_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The event names that get a bit of their own, most frequent first."""
    frequent = con.execute(
        f"SELECT event FROM {KEPT_USAGE} GROUP BY event ORDER BY count(*) DESC, event LIMIT {BITS}"
    ).fetchall()
    return [row[0] for row in frequent]
