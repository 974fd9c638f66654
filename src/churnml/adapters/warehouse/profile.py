"""The profile of a load, counted in the pass that checks it: what came each day, and how the tables stand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import TypeAdapter

from churnml.adapters.warehouse.contracts import STANDING
from churnml.adapters.warehouse.reading import Reading, files_of, identifier, parquet, quoted, write_parquet
from churnml.adapters.warehouse.versions import last_versions
from churnml.tables import SUPPORT_TICKETS, TABLES, Table
from churnml.timeline import plus_days
from churnml.watch.profile import DAYS_KEPT, RECENT_DAYS, SAMPLED, Feeds, IdSample, LoadProfile, TableProfile

if TYPE_CHECKING:
    import duckdb

# The checked events of a reading, counted in the pass that checks them.
TALLY = "_usage_tally"
# Of usage, beside its roll-ups, so that what grows is counted once.
USAGE_FEED, USAGE_REPEATS = "usage_feed", "usage_repeats"
# Of the load as a whole.
PROFILE, FEEDS, REPEATS = "profile.parquet", "feeds.parquet", "repeats.parquet"
# What names a row where it lives on from load to load.
SAMPLED_IDS = {
    "accounts": "account_id",
    "subscriptions": "concat_ws('|', subscription_id, starts_at)",
    "support_tickets": "ticket_id",
}
# Columns of usage that each day counts; a load's shares of nulls are summed up from them.
COUNTED = {"user_id": "users", "quantity": "quantities"}
EPOCH = "DATE '1970-01-01'"


def write_usage_feed(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    """What came each day of every event, as the tally has it, as ``usage_feed.parquet``."""
    counted = (
        "SELECT event, day, delay, sum(rows)::BIGINT AS rows, sum(users)::BIGINT AS users, "
        f"sum(quantities)::BIGINT AS quantities FROM {TALLY} WHERE problem IS NULL GROUP BY event, day, delay"
    )
    write_parquet(
        con,
        f"WITH counted AS ({counted}) SELECT * FROM counted "
        "UNION ALL SELECT '', day, delay, sum(rows)::BIGINT, sum(users)::BIGINT, sum(quantities)::BIGINT FROM counted "
        "GROUP BY day, delay ORDER BY ALL",
        out / f"{USAGE_FEED}.parquet",
    )


def write_profile(reading: Reading, usage: Sequence[Path], end: dt.date) -> None:
    """The profile of the load: ``profile.parquet``, and each day's in ``feeds.parquet`` and ``repeats.parquet``.

    Args:
        reading: under way; the checked tables other than usage are there as ``_kept_<table>``.
        usage: the folders with the roll-ups of usage.
        end: the first date after the data.
    """
    con, out = reading.con, reading.out
    _write_feeds(reading, usage, out)
    tables = {name: _table(reading, TABLES[name], end) for name in reading.counts.given}
    subscriptions, mrr = 0, 0.0
    if "subscriptions" in tables:
        at = f"TIMESTAMP {quoted(str(end))}"
        subscriptions, mrr = con.execute(
            f"SELECT count(*), coalesce(sum(mrr), 0) FROM {STANDING} "
            f"WHERE starts_at < {at} AND coalesce(ends_at > {at}, true) AND mrr > 0"
        ).fetchall()[0]
    declared = reading.project.spec.data_through is not None
    profile = LoadProfile(plus_days(end, -1), reading.today, declared, tables, int(subscriptions), float(mrr))
    # a Parquet file like the others, so that its damage is seen like theirs
    text = TypeAdapter(LoadProfile).dump_json(profile).decode("utf-8")
    write_parquet(con, f"SELECT {quoted(text)} AS profile", out / PROFILE)


def _write_feeds(reading: Reading, usage: Sequence[Path], out: Path) -> None:
    parts, con = [], reading.con
    if files := files_of(usage, USAGE_FEED):
        parts.append(
            "SELECT 'usage_events' AS contract_table, event, day, delay, sum(rows)::BIGINT AS rows, "
            "sum(users)::BIGINT AS users, sum(quantities)::BIGINT AS quantities "
            f"FROM {parquet(files)} GROUP BY ALL"
        )
    if "support_tickets" in reading.counts.given:
        parts.append(
            f"SELECT 'support_tickets', '', (opened_at::DATE - {EPOCH})::INTEGER, 0, count(*), NULL, NULL "
            f"FROM {last_versions(SUPPORT_TICKETS)} GROUP BY ALL"
        )
    none = (
        "SELECT NULL::VARCHAR AS contract_table, NULL::VARCHAR AS event, 0 AS day, 0 AS delay, 0::BIGINT AS rows, "
        "0::BIGINT AS users, 0::BIGINT AS quantities WHERE false"
    )
    write_parquet(con, f"{' UNION ALL '.join([none, *parts])} ORDER BY ALL", out / FEEDS)
    repeats = (
        "SELECT NULL::VARCHAR AS contract_table, 0 AS day, 0::BIGINT AS rows, 0::BIGINT AS different, "
        "0::BIGINT AS single, 0::BIGINT AS least WHERE false"
    )
    if files := files_of(usage, USAGE_REPEATS):
        # the same day with the same content in two files: one file that came twice
        repeats = (
            "SELECT 'usage_events' AS contract_table, day, sum(n * rows)::BIGINT AS rows, "
            "sum(different)::BIGINT AS different, (sum(single) FILTER (n = 1))::BIGINT AS single, "
            "min(n * least)::BIGINT AS least FROM (SELECT day, content, count(*) AS n, any_value(rows) AS rows, "
            "any_value(different) AS different, any_value(single) AS single, any_value(least) AS least "
            f"FROM {parquet(files)} GROUP BY day, content) GROUP BY day ORDER BY day"
        )
    write_parquet(con, repeats, out / REPEATS)


def _table(reading: Reading, table: Table, end: dt.date) -> TableProfile:
    counts, con, name = reading.counts, reading.con, table.name
    given = tuple(counts.given[name])
    recent = plus_days(end, -RECENT_DAYS)
    shares = _usage_nulls if name == "usage_events" else _nulls
    recent_rows, nulls, recent_nulls = shares(reading, table, recent)
    kept_from = plus_days(end, -DAYS_KEPT)
    by_day: dict[str, int] = {}
    if name in ("usage_events", "support_tickets"):
        rows = con.execute(
            f"SELECT ({EPOCH} + day)::VARCHAR, sum(rows)::BIGINT FROM {parquet([reading.out / FEEDS])} "
            f"WHERE contract_table = ? AND event = '' AND {EPOCH} + day >= ? GROUP BY day ORDER BY day",
            [name, kept_from],
        ).fetchall()
        by_day = dict(rows)
    return TableProfile(
        rows=counts.rows.get(name, 0),
        given=given,
        aside=dict(counts.quarantined.get(name, {})),
        recent_rows=recent_rows,
        nulls=nulls,
        recent_nulls=recent_nulls,
        ids=_sample(reading, table),
        by_day=by_day,
    )


def _nulls(reading: Reading, table: Table, recent: dt.date) -> tuple[int, dict[str, float], dict[str, float | None]]:
    """Recent rows, and column → its share of nulls among all rows and among the recent ones."""
    given = set(reading.counts.given[table.name])
    names = [c.name for c in table.columns if c.name in given and not c.required and c.name not in ("subject", "body")]
    is_recent = f"{table.dated_by} >= TIMESTAMP {quoted(str(recent))}"
    counted = [f"count(*), count(*) FILTER ({is_recent})"]
    counted += [f"count({identifier(n)}), count({identifier(n)}) FILTER ({is_recent})" for n in names]
    query = f"SELECT {', '.join(counted)} FROM {last_versions(table)}"
    rows, recent_rows, *given_rows = reading.con.execute(query).fetchall()[0]
    both = zip(given_rows[::2], given_rows[1::2], strict=True)
    return _shares(dict(zip(names, both, strict=True)), rows, recent_rows)


def _usage_nulls(
    reading: Reading, table: Table, recent: dt.date
) -> tuple[int, dict[str, float], dict[str, float | None]]:
    given = set(reading.counts.given[table.name])
    names = [name for name in COUNTED if name in given]
    is_recent = f"{EPOCH} + day >= DATE {quoted(str(recent))}"
    sums = ["rows", *(COUNTED[name] for name in names)]
    counted = ", ".join(f"coalesce(sum({s}), 0), coalesce(sum({s}) FILTER ({is_recent}), 0)" for s in sums)
    query = (
        f"SELECT {counted} FROM {parquet([reading.out / FEEDS])} WHERE contract_table = 'usage_events' AND event = ''"
    )
    rows, recent_rows, *given_rows = reading.con.execute(query).fetchall()[0]
    both = zip(given_rows[::2], given_rows[1::2], strict=True)
    return _shares(dict(zip(names, both, strict=True)), rows, recent_rows)


def _shares(
    given: dict[str, tuple[int, int]], rows: int, recent_rows: int
) -> tuple[int, dict[str, float], dict[str, float | None]]:
    nulls = {name: 1 - int(all_) / int(rows) for name, (all_, _) in given.items() if rows}
    recent = {name: 1 - int(new) / int(recent_rows) if recent_rows else None for name, (_, new) in given.items()}
    return int(recent_rows), nulls, recent


def _sample(reading: Reading, table: Table) -> IdSample:
    if table.name not in SAMPLED_IDS:
        return IdSample()
    # the newest word on a subscription where it stands there twice
    values = "max(mrr), max(seats)" if table.name == "subscriptions" else "NULL, NULL"
    rows = reading.con.execute(
        f"SELECT md5_number_upper({SAMPLED_IDS[table.name]}) AS h, {values} FROM {identifier('_kept_' + table.name)} "
        f"GROUP BY h ORDER BY h LIMIT {SAMPLED + 1}"
    ).fetchall()
    kept = rows[:SAMPLED]
    hashes = tuple(int(row[0]) for row in kept)
    if table.name != "subscriptions":
        return IdSample(hashes, len(rows) <= SAMPLED)
    seats = tuple(None if row[2] is None else float(row[2]) for row in kept)
    return IdSample(hashes, len(rows) <= SAMPLED, tuple(float(row[1]) for row in kept), seats)


def event_names(store: Path) -> list[str]:
    """Every name of an event in a store of checked tables, sorted."""
    cells = pd.read_parquet(store / FEEDS)
    names = cells["event"][(cells["contract_table"] == "usage_events") & (cells["event"] != "")]
    return sorted({str(name) for name in names})


def read_profile(store: Path) -> tuple[LoadProfile, Feeds]:
    """The profile of a store of checked tables, and what came each day."""
    profile = TypeAdapter(LoadProfile).validate_json(pd.read_parquet(store / PROFILE)["profile"].iloc[0])
    return profile, Feeds(pd.read_parquet(store / FEEDS), pd.read_parquet(store / REPEATS))
