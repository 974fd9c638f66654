"""Writes the usage log of an imaginary company: the data of the feature-speed benchmark.

``python -m benchmarks.company FOLDER --events N --accounts A`` writes ``FOLDER/events.parquet``, day by day in the
order of a log, and ``FOLDER/accounts.parquet``. The same arguments give the same data.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - the contract's times carry no zone
DAYS = 730
EVENTS = (
    "page_viewed", "login", "record_opened", "search_run", "record_edited", "comment_added",
    "dashboard_viewed", "file_uploaded", "report_run", "task_completed", "record_created", "notification_opened",
    "export_made", "filter_saved", "user_invited", "automation_run", "api_call", "integration_synced",
    "template_used", "settings_changed", "share_link_made", "bulk_import", "password_reset", "billing_viewed",
)  # fmt: skip
ROW_GROUP = 250_000
SECONDS = 86_400
MICRO = 1_000_000
# Monday to Sunday, and midnight to 23 h: people work
WEEKDAYS = np.array([1.0, 1.05, 1.05, 1.0, 0.85, 0.2, 0.15])
HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 8, 20, 30, 32, 30, 20, 26, 30, 28, 24, 16, 8, 5, 4, 3, 2, 1], dtype=float)
NO_USER = 0.04
NO_QUANTITY = 0.2
LATE = 0.015
LATEST_SECONDS = 10 * SECONDS
MOST_USERS = 5_000
SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("user_id", pa.string()),
        ("event", pa.string()),
        ("occurred_at", pa.timestamp("us")),
        ("quantity", pa.float64()),
        ("known_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Accounts:
    """What stays the same about every account; ``first_user`` points into ``user_names``."""

    names: pa.Array
    user_names: pa.Array
    users: np.ndarray
    first_user: np.ndarray
    weight: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def draw_accounts(accounts: int, days: int, rng: np.random.Generator) -> Accounts:
    """Accounts of very unequal size: the median has a handful of users, the largest thousands."""
    users = np.clip(np.exp(rng.normal(np.log(5), 1.9, accounts)), 1, MOST_USERS).astype(np.int64)
    starts = np.where(rng.random(accounts) < 0.6, 0, rng.integers(0, days, accounts))
    ends = np.where(rng.random(accounts) < 0.7, days, starts + 1 + (rng.random(accounts) * (days - starts)).astype(int))
    first_user = np.concatenate([[0], np.cumsum(users)[:-1]])
    owner = np.repeat(np.arange(accounts), users)
    place = np.arange(len(owner)) - first_user[owner]
    return Accounts(
        names=pa.array([f"a{i:07d}" for i in range(accounts)]),
        user_names=pa.array([f"u{o:07d}-{p}" for o, p in zip(owner.tolist(), place.tolist(), strict=True)]),
        users=users,
        first_user=first_user,
        weight=users * np.exp(rng.normal(0, 0.6, accounts)),
        starts=starts,
        ends=ends,
    )


def per_day(events: int, who: Accounts, days: int, rng: np.random.Generator) -> np.ndarray:
    """How many events fall on each day; their sum is ``events``."""
    started = np.bincount(who.starts, weights=who.weight, minlength=days + 1)
    ended = np.bincount(who.ends, weights=who.weight, minlength=days + 1)
    weekdays = WEEKDAYS[(FIRST_DAY.weekday() + np.arange(days)) % 7]
    expected = np.cumsum(started - ended)[:days].clip(0) * weekdays
    return rng.multinomial(events, expected / expected.sum())


def day_rows(day: int, count: int, who: Accounts, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A day's events in the order of the day, with accounts, users and names as positions."""
    there = (who.starts <= day) & (day < who.ends)
    # a busy day for one account is a quiet one for another
    busy = np.cumsum(who.weight * there * rng.gamma(2.0, 0.5, len(there)))
    account = np.searchsorted(busy, rng.random(count) * busy[-1], side="right")
    # some users do most of an account's work
    place = (who.users[account] * rng.random(count) ** 2).astype(np.int64)
    hour = np.searchsorted(np.cumsum(HOURS / HOURS.sum())[:-1], rng.random(count))
    second = np.sort(hour * 3600 + rng.integers(0, 3600, count))
    occurred = day * SECONDS + second
    late = np.where(rng.random(count) < LATE, rng.integers(1, LATEST_SECONDS + 1, count), 0)
    share = np.cumsum(1 / np.arange(1, len(EVENTS) + 1) ** 1.1)
    return {
        "account": account,
        "user": who.first_user[account] + place,
        "no_user": rng.random(count) < NO_USER,
        "event": np.searchsorted(share / share[-1], rng.random(count)),
        "occurred": occurred,
        "known": occurred + late,
        "quantity": np.round(np.exp(rng.normal(1.0, 1.0, count)), 2),
        "no_quantity": rng.random(count) < NO_QUANTITY,
    }


def as_table(rows: Mapping[str, np.ndarray], who: Accounts) -> pa.Table:
    """The rows with their names and times."""
    start = np.datetime64(FIRST_DAY, "us").astype(np.int64)
    columns = [
        who.names.take(pa.array(rows["account"])),
        who.user_names.take(pa.array(rows["user"], mask=rows["no_user"])),
        pa.array(EVENTS).take(pa.array(rows["event"])),
        pa.array(start + rows["occurred"] * MICRO).cast(pa.timestamp("us")),
        pa.array(rows["quantity"], mask=rows["no_quantity"]),
        pa.array(start + rows["known"] * MICRO).cast(pa.timestamp("us")),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def chunks(counts: np.ndarray, who: Accounts, rng: np.random.Generator) -> Iterator[pa.Table]:
    """Whole days, as many as it takes to fill a row group."""
    waiting: list[pa.Table] = []
    for day, count in enumerate(counts.tolist()):
        if count:
            waiting.append(as_table(day_rows(day, count, who, rng), who))
        if sum(map(len, waiting)) >= ROW_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def write_events(folder: Path, events: int, accounts: int, days: int = DAYS, seed: int = 7) -> Path:
    """Writes the two tables and returns the events' path."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    who = draw_accounts(accounts, days, rng)
    before = rng.integers(1, 1_000, accounts).astype("timedelta64[D]")
    created = pa.array(np.datetime64(FIRST_DAY, "us") - before)
    pq.write_table(pa.table({"account_id": who.names, "created_at": created}), folder / "accounts.parquet")
    target = folder / "events.parquet"
    texts = ["account_id", "user_id", "event"]
    # the next chunk is drawn while the last one is compressed
    with (
        pq.ParquetWriter(target, SCHEMA, compression="zstd", use_dictionary=texts) as writer,
        ThreadPoolExecutor(1) as pool,
    ):
        writing: Future[None] | None = None
        for table in chunks(per_day(events, who, days, rng), who, rng):
            if writing:
                writing.result()
            writing = pool.submit(writer.write_table, table, row_group_size=2 * ROW_GROUP)
        if writing:
            writing.result()
    return target


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the benchmark's company.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    write_events(asked.folder, asked.events, asked.accounts, asked.days, asked.seed)


if __name__ == "__main__":
    main()
