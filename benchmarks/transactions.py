"""A public feature benchmark's task, written afresh: SemyonSinchenko/feature-generation-benchmark on GitHub.

**The data.** A bank's card transactions: ``customer_id`` (int64 from 0), ``card_type`` (DC in 75 % of rows, CC),
``trx_type`` (13 names, all as frequent), ``channel`` (mobile in 25 %, web), ``trx_amnt`` (double, uniform from 100 to
10,000) and ``t_minus`` (int64, how many days before the reference date). A customer makes about as many transactions
every day as a draw from Binomial(100, 0.25) said once, between 90 and 110 % of it: 17,300 rows a customer in
720 days. There are no nulls in the data. That benchmark's sizes are 1,000 customers (17 million rows, its "tiny"),
10,000 and 100,000.

**The task.** One row a customer; for each of 2 groupings, (card_type, trx_type) and (channel, trx_type), each of the
grouping's 26 combinations and each of 8 lookbacks, ``t_minus <= 7, 14, 21, 30, 90, 180, 360, 720``: count, mean, sum,
min and max of ``trx_amnt``. That is 2 × 26 × 8 × 5 = 2,080 columns beside ``customer_id``, named like
``DC_home_30d_mean`` and ``mobile_home_30d_mean``. The lookbacks are nested: a row of yesterday counts in all eight.

**Nulls.** Where a customer has no such transaction the count is 0 and mean, sum, min and max are null, as in that
benchmark's CASE WHEN query. (Its pivots leave the count null in Pandas and Polars; here it is 0 everywhere.)

**Where this departs from it.** Its generator gives all rows of a partition the partition's first ``t_minus``, so that
its lookbacks differ in a few days only; here every day has its own. Here ``t_minus`` runs from 1 to 720 and not from
0 to 719, so that ``t_minus <= n`` is a lookback of n days before the reference date. Its later programs, "DuckDB pivot
known values" and "Polars pivot-lazy", give each row to the shortest lookback only, which is another task; its
"DuckDB pivot", "DuckDB case-when" and "Polars pivot" answer the one described, and are the ones followed here.

``python -m benchmarks.transactions write FOLDER --customers N`` writes ``FOLDER/transactions/*.parquet`` in six
partitions; ``... contract FOLDER`` writes the same rows as contract tables; ``... NAME FOLDER --out FILE`` runs one
of ``WAYS``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import duckdb
    import polars as pl

CARD_TYPES = ("DC", "CC")
CHANNELS = ("mobile", "web")
TRX_TYPES = (
    "food-and-household", "home", "uncategorized", "leisure-and-lifestyle", "health-and-beauty",
    "shopping-and-services", "children", "vacation-and-travel", "education", "insurance",
    "investments-and-savings", "expenses-and-other", "cars-and-transportation",
)  # fmt: skip
GROUPINGS = {"card_type": CARD_TYPES, "channel": CHANNELS}
LOOKBACKS = (7, 14, 21, 30, 90, 180, 360, 720)
MEASURES = ("count", "mean", "sum", "min", "max")
CELLS = [(column, value, trx) for column, values in GROUPINGS.items() for value, trx in product(values, TRX_TYPES)]
FEATURES = [f"{value}_{trx}_{n}d_{m}" for n in LOOKBACKS for _, value, trx in CELLS for m in MEASURES]
SCHEMA = pa.schema(
    [
        ("customer_id", pa.int64()),
        *((name, pa.int64() if name.endswith("_count") else pa.float64()) for name in FEATURES),
    ]
)
TRANSACTIONS = pa.schema(
    [
        ("customer_id", pa.int64()),
        *((name, pa.string()) for name in ("card_type", "trx_type", "channel")),
        ("trx_amnt", pa.float64()),
        ("t_minus", pa.int64()),
    ]
)
DAYS = 720
PARTITIONS = 6
ROW_GROUP = 250_000
# the day the features are asked for: the newest transactions are of the day before
REFERENCE = date(2026, 1, 1)


def draw_days(days: Sequence[int], per_day: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """All customers' transactions of some days."""
    expected = np.tile(per_day, len(days))
    counts = rng.integers(expected * 90 // 100, np.maximum(expected * 110 // 100, expected * 90 // 100 + 1))
    total = int(counts.sum())
    customer = np.repeat(np.tile(np.arange(len(per_day)), len(days)), counts)
    t_minus = np.repeat(np.repeat(np.asarray(days), len(per_day)), counts)
    return pa.table(
        {
            "customer_id": customer,
            "card_type": pa.array(CARD_TYPES).take(pa.array((rng.random(total) >= 0.75).astype(np.int8))),
            "trx_type": pa.array(TRX_TYPES).take(pa.array(rng.integers(0, len(TRX_TYPES), total))),
            "channel": pa.array(CHANNELS).take(pa.array((rng.random(total) >= 0.25).astype(np.int8))),
            "trx_amnt": np.round(rng.uniform(100, 10_000, total), 2),
            "t_minus": t_minus,
        },
        schema=TRANSACTIONS,
    )


def write_transactions(folder: Path, customers: int, seed: int = 42) -> Path:
    """Writes the transactions, the newest partition first; returns their folder."""
    target = folder / "transactions"
    target.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    per_day = rng.binomial(100, 0.25, customers)
    # as many days at once as make about a million rows
    step = max(1, 1_000_000 // (25 * customers))
    for number, days in enumerate(np.array_split(np.arange(1, DAYS + 1), PARTITIONS)):
        path = target / f"partition_{number}.parquet"
        with pq.ParquetWriter(path, TRANSACTIONS, compression="zstd") as writer:
            for start in range(0, len(days), step):
                table = draw_days(days[start : start + step].tolist(), per_day, rng)
                writer.write_table(table, row_group_size=ROW_GROUP)
    return target


def transactions_of(folder: Path) -> str:
    """The transactions as DuckDB reads them."""
    return f"read_parquet('{folder / 'transactions' / '*.parquet'}')"


def connection() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect()


def contract_tables(folder: Path) -> Path:
    """The same transactions as a contract's tables, in ``FOLDER/contract``; returns that folder.

    ``usage_events``: account_id (the customer's number as text), occurred_at (midnight of the transaction's day),
    event (``DC_mobile_home``: card type, channel and transaction type, none of which contains an underscore),
    quantity (the amount), and card_type, channel and trx_type of their own. ``accounts``: account_id, created_at.
    """
    target = folder / "contract"
    target.mkdir(parents=True, exist_ok=True)
    con = connection()
    events = (
        f"SELECT customer_id::VARCHAR AS account_id, (DATE '{REFERENCE}' - t_minus::INT)::TIMESTAMP AS occurred_at, "
        "card_type || '_' || channel || '_' || trx_type AS event, trx_amnt AS quantity, card_type, channel, trx_type "
        f"FROM {transactions_of(folder)}"
    )
    accounts = (
        f"SELECT DISTINCT customer_id::VARCHAR AS account_id, (DATE '{REFERENCE}' - {DAYS + 1})::TIMESTAMP "
        f"AS created_at FROM {transactions_of(folder)} ORDER BY account_id"
    )
    for name, sql in (("usage_events", events), ("accounts", accounts)):
        con.execute(f"COPY ({sql}) TO '{target / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    return target


def as_result(table: pa.Table) -> pa.Table:
    """The columns, types and order that all ways share; a count that a pivot left out is 0."""
    columns = [table[name].fill_null(0) if name.endswith("_count") else table[name] for name in SCHEMA.names]
    return pa.table(columns, names=SCHEMA.names).cast(SCHEMA).sort_by("customer_id")


def quoted(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def windows_sql(source: str, day: str) -> str:
    """Every row of a source once for each lookback it falls into."""
    return " UNION ALL ".join(f"SELECT *, '{n}d' AS days FROM {source} WHERE {day} <= {n}" for n in LOOKBACKS)


def pivots_sql(sources: Mapping[str, str], measures: Sequence[str]) -> str:
    """A pivot for each grouping over the source named for it, side by side."""
    pivots = (
        f"by_{column} AS (PIVOT {sources[column]} ON {column} IN ({quoted(values)}), trx_type IN ({quoted(TRX_TYPES)}),"
        f" days IN ({quoted([f'{n}d' for n in LOOKBACKS])}) USING {', '.join(measures)} GROUP BY customer_id)"
        for column, values in GROUPINGS.items()
    )
    return f"{', '.join(pivots)} SELECT * FROM by_card_type FULL JOIN by_channel USING (customer_id)"


def duckdb_way(folder: Path) -> pa.Table:
    """As that benchmark's "DuckDB pivot": every row once a lookback it falls into, then a pivot a grouping."""
    measures = [f"{m}(trx_amnt) AS {m}" for m in MEASURES]
    windows = windows_sql(transactions_of(folder), "t_minus")
    sql = f"WITH windows AS ({windows}), {pivots_sql(dict.fromkeys(GROUPINGS, 'windows'), measures)}"
    return as_result(connection().sql(sql).to_arrow_table())


def measures_sql(condition: str, name: str) -> str:
    chosen = f"CASE WHEN {condition} THEN trx_amnt END"
    rest = ", ".join(f'{m}({chosen}) AS "{name}_{m}"' for m in MEASURES[1:])
    return f'sum(CASE WHEN {condition} THEN 1 ELSE 0 END) AS "{name}_count", {rest}'


def duckdb_case_when_way(folder: Path) -> pa.Table:
    """As its "DuckDB case-when": one group-by with a CASE WHEN for every column."""
    columns = (
        measures_sql(f"t_minus <= {n} AND {column} = '{value}' AND trx_type = '{trx}'", f"{value}_{trx}_{n}d")
        for n in LOOKBACKS
        for column, value, trx in CELLS
    )
    sql = f"SELECT customer_id, {', '.join(columns)} FROM {transactions_of(folder)} GROUP BY customer_id"
    return as_result(connection().sql(sql).to_arrow_table())


def duckdb_rolled_up_way(folder: Path) -> pa.Table:
    """Not in that benchmark, but what a careful person writes: the rows rolled up first, then the same pivots."""
    shortest = " ".join(f"WHEN t_minus <= {n} THEN {n}" for n in LOOKBACKS)
    con = connection()
    con.execute(
        f"CREATE TABLE rolled_up AS SELECT customer_id, card_type, channel, trx_type, CASE {shortest} END AS shortest, "
        "count(*) AS rows, sum(trx_amnt) AS amount, min(trx_amnt) AS least, max(trx_amnt) AS most "
        f"FROM {transactions_of(folder)} WHERE t_minus <= {max(LOOKBACKS)} GROUP BY ALL"
    )
    long = (
        f"long_{column} AS (SELECT customer_id, {column}, trx_type, days, sum(rows)::BIGINT AS rows, "
        "sum(amount) / sum(rows) AS average, sum(amount) AS amount, min(least) AS least, max(most) AS most "
        "FROM windows GROUP BY ALL)"
        for column in GROUPINGS
    )
    # one row is left of each cell: the pivot only moves it to its column
    names = zip(("rows", "average", "amount", "least", "most"), MEASURES, strict=True)
    pivots = pivots_sql(
        {column: f"long_{column}" for column in GROUPINGS}, [f"any_value({o}) AS {m}" for o, m in names]
    )
    sql = f"WITH windows AS ({windows_sql('rolled_up', 'shortest')}), {', '.join(long)}, {pivots}"
    return as_result(con.sql(sql).to_arrow_table())


def polars_pivot(data: pl.DataFrame, column: str, n: int) -> pl.DataFrame:
    import polars as pl

    amount = pl.col("trx_amnt")
    long = (
        data.filter(pl.col("t_minus") <= n)
        .group_by("customer_id", column, "trx_type")
        .agg(getattr(amount, m)().alias(m) for m in MEASURES)
        .with_columns(cell=pl.format(f"{{}}_{{}}_{n}d", column, "trx_type"))
    )
    wide = long.pivot(on="cell", index="customer_id", values=list(MEASURES))
    # Polars puts the measure first, "mean_DC_home_30d"
    return wide.rename(lambda name: name if name == "customer_id" else "_".join(name.split("_", 1)[::-1]))


def polars_way(folder: Path) -> pa.Table:
    """As its "Polars pivot": everything read once, a group-by and a pivot for each lookback and grouping."""
    import polars as pl

    data = pl.read_parquet(folder / "transactions" / "*.parquet")
    wide = data.select("customer_id").unique()
    for n, column in product(LOOKBACKS, GROUPINGS):
        wide = wide.join(polars_pivot(data, column, n), on="customer_id", how="left")
    # a combination that nobody has in a lookback leaves no column behind
    missing = [name for name in FEATURES if name not in set(wide.columns)]
    wide = wide.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in missing)
    return as_result(wide.to_arrow())


WAYS: dict[str, Callable[[Path], pa.Table]] = {
    "duckdb": duckdb_way,
    "duckdb_case_when": duckdb_case_when_way,
    "duckdb_rolled_up": duckdb_rolled_up_way,
    "polars": polars_way,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The public transactions task.")
    parser.add_argument("what", choices=["write", "contract", *WAYS])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--out", type=Path, help="where the features go; without it they are made and dropped")
    asked = parser.parse_args()
    if asked.what == "write":
        write_transactions(asked.folder, asked.customers, asked.seed)
    elif asked.what == "contract":
        contract_tables(asked.folder)
    else:
        table = WAYS[asked.what](asked.folder)
        if asked.out:
            pq.write_table(table, asked.out, compression="zstd")


if __name__ == "__main__":
    main()
