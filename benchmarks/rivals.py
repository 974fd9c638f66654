"""The features of the speed benchmark, made by hand: what somebody would write without churnml.

At each cutoff ``c`` and for each lookback of ``n`` days a row counts when ``known_at < c`` and
``c - n days <= occurred_at < c``. From those rows every rival makes, an account and a cutoff,

- ``events_{n}d``: how many rows,
- ``active_days_{n}d``, ``active_users_{n}d``, ``distinct_events_{n}d``: how many different dates, users (a missing
  user is nobody) and event names,
- ``quantity_{n}d``: the sum of the quantities there are; 0 when there are none.

Accounts without a row in the longest lookback are left out. ``python -m benchmarks.rivals NAME FOLDER --out FILE``
runs one of them over ``FOLDER/events.parquet`` in a process of its own, which imports nothing the rival does not use.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl

LOOKBACKS = (7, 28, 90)
MEASURES = ("events", "active_days", "active_users", "distinct_events", "quantity")
FEATURES = [f"{measure}_{n}d" for n in LOOKBACKS for measure in MEASURES]
SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("as_of", pa.date32()),
        *((name, pa.float64() if name.startswith("quantity") else pa.int64()) for name in FEATURES),
    ]
)
KEYS = ("as_of", "account_id")
RELATIVE = 1e-9
# featuretools 1.31.0 fails with pandas 3, so it lives in an environment of its own
FEATURETOOLS_PINS = ("featuretools==1.31.0", "woodwork==0.31.0", "pandas==2.3.3", "numpy==2.2.6", "pyarrow==20.0.0")
FEATURETOOLS_HOME = Path(tempfile.gettempdir()) / "churnml-bench-featuretools"


def as_result(table: pa.Table) -> pa.Table:
    """The columns, types and order that all rivals share."""
    return table.select(SCHEMA.names).cast(SCHEMA).sort_by([(key, "ascending") for key in KEYS])


def newest_event(folder: Path) -> datetime:
    """The last ``occurred_at``, read from the file's footer."""
    footer = pq.ParquetFile(folder / "events.parquet").metadata
    at = footer.schema.names.index("occurred_at")
    return max(footer.row_group(group).column(at).statistics.max for group in range(footer.num_row_groups))


def default_cutoffs(folder: Path, count: int = 12) -> list[date]:
    """The last firsts of a month inside the data, oldest first."""
    newest = newest_event(folder)
    months = newest.year * 12 + newest.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(months - count + 1, months + 1)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def events_of(folder: Path) -> str:
    """The events as DuckDB reads them."""
    return f"read_parquet('{folder / 'events.parquet'}')"


def connection() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect()


def floor(folder: Path, cutoffs: Sequence[date]) -> pa.Table:
    """One pass by account and day: it cannot answer the question, and nothing that answers it can do less."""
    con = connection()
    con.execute(
        "CREATE TABLE days AS SELECT account_id, occurred_at::DATE AS day, count(*) AS events, "
        f"sum(quantity) AS quantity FROM {events_of(folder)} GROUP BY ALL"
    )
    return con.sql("SELECT count(*) AS account_days FROM days").to_arrow_table()


NAIVE = """
WITH windows AS (SELECT c.as_of, n.n FROM (VALUES {cutoffs}) AS c(as_of), (VALUES {lookbacks}) AS n(n)),
long AS (
    SELECT e.account_id, w.as_of, w.n, count(*) AS events, count(DISTINCT e.occurred_at::DATE) AS active_days,
        count(DISTINCT e.user_id) AS active_users, count(DISTINCT e.event) AS distinct_events,
        coalesce(sum(e.quantity), 0) AS quantity
    FROM {events} AS e
    JOIN windows AS w ON e.known_at < w.as_of AND e.occurred_at < w.as_of
        AND e.occurred_at >= w.as_of - to_days(w.n)
    GROUP BY e.account_id, w.as_of, w.n
)
SELECT account_id, as_of, {columns} FROM long GROUP BY account_id, as_of
"""


def naive_duckdb(folder: Path, cutoffs: Sequence[date]) -> pa.Table:
    """The question as one says it: events joined with every window they fall into."""
    columns = (f"coalesce(max({m}) FILTER (n = {n}), 0) AS {m}_{n}d" for n in LOOKBACKS for m in MEASURES)
    sql = NAIVE.format(
        cutoffs=", ".join(f"(DATE '{c}')" for c in cutoffs),
        lookbacks=", ".join(f"({n})" for n in LOOKBACKS),
        events=events_of(folder),
        columns=", ".join(columns),
    )
    return as_result(connection().sql(sql).to_arrow_table())


def filtered_sql(cutoff: date, n: int) -> str:
    inside = f"FILTER (occurred_at >= DATE '{cutoff}' - {n})"
    return (
        f"count(*) {inside} AS events_{n}d, count(DISTINCT occurred_at::DATE) {inside} AS active_days_{n}d, "
        f"count(DISTINCT user_id) {inside} AS active_users_{n}d, "
        f"count(DISTINCT event) {inside} AS distinct_events_{n}d, "
        f"coalesce(sum(quantity) {inside}, 0) AS quantity_{n}d"
    )


def duckdb_per_cutoff(folder: Path, cutoffs: Sequence[date]) -> pa.Table:
    """One query a cutoff, which reads the longest lookback only and filters the shorter ones out of it."""
    con = connection()
    parts = []
    for cutoff in cutoffs:
        sql = (
            f"SELECT account_id, DATE '{cutoff}' AS as_of, {', '.join(filtered_sql(cutoff, n) for n in LOOKBACKS)} "
            f"FROM {events_of(folder)} WHERE occurred_at >= DATE '{cutoff}' - {max(LOOKBACKS)} "
            f"AND occurred_at < DATE '{cutoff}' AND known_at < DATE '{cutoff}' GROUP BY account_id"
        )
        parts.append(as_result(con.sql(sql).to_arrow_table()))
    return as_result(pa.concat_tables(parts))


def polars_measures(cutoff: date, n: int) -> list[pl.Expr]:
    import polars as pl

    inside = pl.col("occurred_at") >= midnight(cutoff) - timedelta(days=n)

    def kept(column: str) -> pl.Expr:
        return pl.col(column) if n == max(LOOKBACKS) else pl.col(column).filter(inside)

    return [
        inside.sum().alias(f"events_{n}d"),
        kept("day").n_unique().alias(f"active_days_{n}d"),
        kept("user_id").drop_nulls().n_unique().alias(f"active_users_{n}d"),
        kept("event").n_unique().alias(f"distinct_events_{n}d"),
        kept("quantity").sum().alias(f"quantity_{n}d"),
    ]


def polars_at(folder: Path, cutoff: date) -> pl.LazyFrame:
    import polars as pl

    end = midnight(cutoff)
    occurred, known = pl.col("occurred_at"), pl.col("known_at")
    return (
        pl.scan_parquet(folder / "events.parquet")
        .filter(occurred >= end - timedelta(days=max(LOOKBACKS)), occurred < end, known < end)
        .with_columns(day=occurred.dt.date())
        .group_by("account_id")
        .agg(chain.from_iterable(polars_measures(cutoff, n) for n in LOOKBACKS))
        .with_columns(as_of=pl.lit(cutoff))
    )


def polars(folder: Path, cutoffs: Sequence[date], engine: str = "in-memory") -> pa.Table:
    """One lazy query a cutoff, its filter pushed down into the scan.

    Tried and slower, or no faster, on 2 and 20 million events: the streaming engine, all cutoffs in one
    ``collect_all``, and counting distinct values by their last appearance.
    """
    import polars as pl

    return as_result(pl.concat([polars_at(folder, c).collect(engine=engine) for c in cutoffs]).to_arrow())


def polars_streaming(folder: Path, cutoffs: Sequence[date]) -> pa.Table:
    """The same queries with Polars' streaming engine."""
    return polars(folder, cutoffs, "streaming")


def pandas_window(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    groups = rows.groupby("account_id", observed=True, sort=False)
    return groups.agg(
        **{
            f"events_{n}d": ("day", "size"),
            f"active_days_{n}d": ("day", "nunique"),
            f"active_users_{n}d": ("user_id", "nunique"),
            f"distinct_events_{n}d": ("event", "nunique"),
            f"quantity_{n}d": ("quantity", "sum"),
        }
    )


def pandas_at(events: pd.DataFrame, cutoff: date) -> pd.DataFrame:
    import pandas as pd

    end = pd.Timestamp(cutoff)
    rows, parts = events[(events["known_at"] < end) & (events["occurred_at"] < end)], []
    for n in sorted(LOOKBACKS, reverse=True):
        rows = rows[rows["occurred_at"] >= end - pd.Timedelta(days=n)]
        parts.append(pandas_window(rows, n))
    # the longest window comes first and holds every account of the shorter ones
    wide = parts[0].join(parts[1:]).fillna(0).reset_index()
    return wide.assign(as_of=cutoff, account_id=wide["account_id"].astype(str))


def pandas(folder: Path, cutoffs: Sequence[date]) -> pa.Table:
    """Everything read once, texts as categories; then a filter and a group-by a window."""
    import pandas as pd

    texts = ["account_id", "user_id", "event"]
    events = pq.read_table(folder / "events.parquet", read_dictionary=texts).to_pandas(
        self_destruct=True, split_blocks=True
    )
    events["day"] = events["occurred_at"].dt.normalize()
    wide = pd.concat([pandas_at(events, cutoff) for cutoff in cutoffs], ignore_index=True)
    counts = {name: "int64" for name in FEATURES if not name.startswith("quantity")}
    return as_result(pa.Table.from_pandas(wide.astype(counts), preserve_index=False))


def featuretools_python(home: Path = FEATURETOOLS_HOME) -> Path | None:
    """An interpreter that can run featuretools, made when there is none yet; None where it cannot be had."""
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    check = [str(python), "-c", "import featuretools, pyarrow"]
    if python.exists() and subprocess.run(check, capture_output=True).returncode == 0:
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True, capture_output=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *FEATURETOOLS_PINS], check=True, capture_output=True)
        subprocess.run(check, check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return None
    return python


def featuretools_command(python: Path, folder: Path, cutoffs: Sequence[date], out: Path) -> list[str]:
    """The command that runs featuretools over a slice."""
    script = Path(__file__).with_name("featuretools_rival.py")
    asked = ["--cutoffs", ",".join(map(str, cutoffs)), "--out", str(out)]
    return [str(python), str(script), str(folder), *asked]


def featuretools(folder: Path, cutoffs: Sequence[date]) -> pa.Table:
    """Deep feature synthesis with cutoff times, in featuretools' own environment; all of it in memory."""
    python = featuretools_python()
    if python is None:
        raise SystemExit("featuretools cannot be installed here")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "features.parquet"
        subprocess.run(featuretools_command(python, folder, cutoffs, out), check=True)
        return as_result(pq.read_table(out).select(SCHEMA.names))


RIVALS: dict[str, Callable[[Path, Sequence[date]], pa.Table]] = {
    rival.__name__: rival
    for rival in (floor, polars, polars_streaming, pandas, naive_duckdb, duckdb_per_cutoff, featuretools)
}


def write_slice(folder: Path, target: Path, accounts: int) -> Path:
    """Copies the first accounts that have events into a folder of their own; returns it."""
    target.mkdir(parents=True, exist_ok=True)
    con = connection()
    chosen = f"(SELECT DISTINCT account_id FROM {events_of(folder)} ORDER BY account_id LIMIT {accounts})"
    for name in ("accounts", "events"):
        source = f"read_parquet('{folder / name}.parquet')"
        con.execute(
            f"COPY (SELECT * FROM {source} WHERE account_id IN {chosen}) TO '{target / name}.parquet' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
    return target


def check_equal(a: pa.Table, b: pa.Table, relative: float = RELATIVE, keys: Sequence[str] = KEYS) -> None:
    """Raises ValueError with the first difference: whole numbers alike, fractions to ``relative``.

    Both tables must be in the order of ``keys``.
    """
    if a.column_names != b.column_names:
        odd = sorted(set(a.column_names) ^ set(b.column_names)) or "their order"
        raise ValueError(f"the columns differ: {odd}")
    if a.num_rows != b.num_rows:
        raise ValueError(f"{a.num_rows} rows and {b.num_rows} rows")
    for name in (*keys, *(c for c in a.column_names if c not in keys)):
        row = first_difference(a[name], b[name], relative)
        if row is not None:
            where = ", ".join(f"{key}={a[key][row].as_py()}" for key in keys)
            raise ValueError(f"{name} at {where}: {a[name][row].as_py()!r} and {b[name][row].as_py()!r}")


def first_difference(a: pa.ChunkedArray, b: pa.ChunkedArray, relative: float) -> int | None:
    """The first row where two columns differ; a null equals a null only."""
    if a.type != b.type:
        raise ValueError(f"{a.type} and {b.type}")
    far = pc.not_equal(a, b)
    if pa.types.is_floating(a.type):
        larger = pc.max_element_wise(pc.abs(a), pc.abs(b))
        far = pc.greater(pc.abs(pc.subtract(a, b)), pc.multiply(larger, relative))
        far = pc.or_(far, pc.xor(pc.is_nan(a), pc.is_nan(b)))
    far = pc.or_kleene(pc.xor(a.is_null(), b.is_null()), pc.fill_null(far, False))
    row = pc.index(far, True).as_py()
    return None if row < 0 else row


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the benchmark's features by hand.")
    parser.add_argument("name", choices=RIVALS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="where the features go; without it they are made and dropped")
    parser.add_argument("--cutoffs", help="dates divided by commas; otherwise twelve firsts of a month")
    asked = parser.parse_args()
    given = asked.cutoffs.split(",") if asked.cutoffs else []
    cutoffs = [date.fromisoformat(c) for c in given] or default_cutoffs(asked.folder)
    table = RIVALS[asked.name](asked.folder, cutoffs)
    if asked.out:
        pq.write_table(table, asked.out)


if __name__ == "__main__":
    main()
