"""churnml's own way to the features of the benchmarks, through the functions the product itself runs.

The rivals read a clean Parquet file, so the engine does too: rolling up and cutting, without the checks that a
project's tables go through. ``project_of`` makes a whole project of the same events, for the command line.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churnml.adapters.warehouse import Ingested, facts_of, frequent_names, write_rollups
from churnml.adapters.warehouse.checked_tables import MEMORY_LIMIT
from churnml.adapters.warehouse.engines import Engine, open_engine
from churnml.adapters.warehouse.once import facts_once
from churnml.adapters.warehouse.usage_checking import KEPT_USAGE
from churnml.features import FAMILIES, Feature, Wish
from churnml.features.declared import DeclaredFamily, family_of
from churnml.snapshots import build_snapshots
from churnml.tables import Facts

FAMILIES_OF_THE_TASK = {
    "usage.events": "events",
    "usage.active_days": "active_days",
    "usage.active_users": "active_users",
    "usage.breadth": "distinct_events",
    "usage.quantity": "quantity",
}
DATA_THROUGH = dt.date(2025, 12, 30)


def wanted(lookbacks: Sequence[int]) -> list[Feature]:
    """The features of the task."""
    return [f for name in FAMILIES_OF_THE_TASK for f in FAMILIES[name].features(Wish(tuple(lookbacks), (), ()))]


def opened(events: Path, out: Path) -> Engine:
    """DuckDB as the product bounds it, with a file of events as the checked ones; ``out`` is for what spills."""
    out.mkdir(parents=True, exist_ok=True)
    engine = open_engine("duckdb", None, project="", store="")
    engine.backend.raw_sql(f"SET memory_limit = '{MEMORY_LIMIT}'")
    engine.backend.raw_sql(f"SET temp_directory = '{out / 'spill'}'")
    # as the contract has it: what has no time of arrival was known when it happened
    given = pq.read_schema(events).names
    known = "" if "known_at" in given else ", occurred_at AS known_at"
    users = "" if "user_id" in given else ", NULL::VARCHAR AS user_id"
    view = f"CREATE VIEW {KEPT_USAGE} AS SELECT *{known}{users} FROM read_parquet('{events}')"
    engine.backend.raw_sql(view)
    return engine


def rolled(events: Path, out: Path, features: Sequence[Feature], names: Sequence[str] | None = None) -> list[str]:
    """Rolls a file of events up into the folder ``out``; returns the event names that have a bit."""
    engine = opened(events, out)
    names = list(names) if names is not None else frequent_names(engine.backend.con)
    parts = frozenset[str]().union(*(feature.parts for feature in features))
    write_rollups(engine.backend, out, parts, names)
    engine.close()
    return names


def facts(folder: Path, increments: Sequence[Path]) -> Facts:
    """The roll-ups in ``increments`` and the accounts, as the product reads them."""
    store = increments[0] / "store"
    store.mkdir(exist_ok=True)
    shutil.copy(folder / "accounts.parquet", store / "accounts.parquet")
    return facts_of(Ingested(store, {}, {}, {}, {}, DATA_THROUGH, "bench", tuple(increments)), ())


def features_at(known: Facts, features: Sequence[Feature], cutoffs: Sequence[dt.date]) -> pd.DataFrame:
    """The features of every account at every cutoff."""
    accounts = known.accounts.select("account_id").to_pandas().sort_values("account_id", ignore_index=True)
    spine = pd.concat([accounts.assign(as_of=pd.Timestamp(day)) for day in cutoffs], ignore_index=True)
    spine["as_of"] = spine["as_of"].astype("datetime64[us]")
    return build_snapshots(known, features, spine)


def as_rivals_say(rows: pd.DataFrame, lookbacks: Sequence[int]) -> pa.Table:
    """The columns as the rivals name them, without accounts that had no event in the longest lookback."""
    longest = max(lookbacks)
    rows = rows[rows[f"usage_events_{longest}d"] > 0]
    columns = {"account_id": rows["account_id"].astype(str), "as_of": rows["as_of"].dt.date}
    for n in lookbacks:
        for name in FAMILIES_OF_THE_TASK.values():
            values = rows[f"usage_{name}_{n}d"]
            columns[f"{name}_{n}d"] = values if name == "quantity" else values.astype("int64")
    return pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)


def cold(folder: Path, cutoffs: Sequence[dt.date], lookbacks: Sequence[int] = (7, 28, 90)) -> pa.Table:
    """From raw events to features, nothing rolled up before."""
    features = wanted(lookbacks)
    increment = folder / "rolled"
    shutil.rmtree(increment, ignore_errors=True)
    names = rolled(folder / "events.parquet", increment, features)
    (folder / "names.json").write_text(json.dumps(names), "utf-8")
    return as_rivals_say(features_at(facts(folder, [increment]), features, cutoffs), lookbacks)


def from_rollups(folder: Path, cutoffs: Sequence[dt.date], lookbacks: Sequence[int] = (7, 28, 90)) -> pa.Table:
    """Features of any cutoffs out of roll-ups that are there already."""
    features = wanted(lookbacks)
    return as_rivals_say(features_at(facts(folder, [folder / "rolled"]), features, cutoffs), lookbacks)


def once(folder: Path, cutoffs: Sequence[dt.date], lookbacks: Sequence[int] = (7, 28, 90)) -> pa.Table:
    """From raw events to features, cut straight from the events: no roll-up is made or kept."""
    features = wanted(lookbacks)
    parts = frozenset[str]().union(*(feature.parts for feature in features))
    engine = opened(folder / "events.parquet", folder / "once")
    accounts = engine.backend.read_parquet(folder / "accounts.parquet", table_name="accounts")
    known = facts_once(accounts, engine.backend.table(KEPT_USAGE), parts, DATA_THROUGH)
    return as_rivals_say(features_at(known, features, cutoffs), lookbacks)


def next_day(folder: Path, _cutoffs: Sequence[dt.date]) -> pa.Table:
    """A day later: the new day's events are rolled up, and one new cutoff is cut, the day after it."""
    features = wanted((7, 28, 90))
    names = json.loads((folder / "names.json").read_text("utf-8"))
    rolled(folder / "next.parquet", folder / "rolled_next", features, names)
    known = facts(folder, [folder / "rolled", folder / "rolled_next"])
    return as_rivals_say(features_at(known, features, [DATA_THROUGH + dt.timedelta(days=2)]), (7, 28, 90))


def write_next_day(folder: Path) -> Path:
    """One more day of events: a copy of the last day's, a day later."""
    import duckdb

    target = folder / "next.parquet"
    duckdb.execute(
        f"COPY (SELECT * REPLACE (occurred_at + INTERVAL 1 DAY AS occurred_at, known_at + INTERVAL 1 DAY AS known_at) "
        f"FROM '{folder / 'events.parquet'}' WHERE occurred_at::DATE = (SELECT max(occurred_at)::DATE FROM "
        f"'{folder / 'events.parquet'}')) TO '{target}' (FORMAT parquet)"
    )
    return target


def project_of(folder: Path, root: Path) -> Path:
    """A whole project over the events, whose usage grows by files."""
    (root / "sources").mkdir(parents=True, exist_ok=True)
    (root / "data").mkdir(exist_ok=True)
    (root / "models" / "churn").mkdir(parents=True, exist_ok=True)
    (root / "data" / "events-1.parquet").hardlink_to(folder / "events.parquet")
    shutil.copy(folder / "accounts.parquet", root / "data" / "accounts.parquet")
    (root / "project.yaml").write_text(
        f"name: bench\ndata_through: {DATA_THROUGH + dt.timedelta(days=1)}\nmodels: [churn]\ninputs:\n"
        "  accounts: {path: data/accounts.parquet}\n  events: {path: data/events-*.parquet, grows: by_file}\n",
        "utf-8",
    )
    (root / "sources" / "accounts.sql").write_text("SELECT * FROM accounts", "utf-8")
    (root / "sources" / "usage_events.sql").write_text("SELECT * FROM events", "utf-8")
    (root / "models" / "churn" / "spec.yaml").write_text(
        "name: churn\nmeans: no use for a quarter\nlabel: {kind: lapse, gap: 7, horizon: 91}\n"
        f"features:\n  families: [{', '.join(FAMILIES_OF_THE_TASK)}]\n  lookbacks: [7, 28, 90]\n  event_names: 0\n",
        "utf-8",
    )
    return root


# ---------------------------------------------------------------- the public task

TASK_LOOKBACKS = (7, 14, 21, 30, 90, 180, 360, 720)
TASK_MEASURES = ("count", "mean", "sum", "min", "max")


def task_families(events: Sequence[str]) -> list[DeclaredFamily]:
    """The 2,080 features of the public task, in the words a project writes into ``models/features.yaml``.

    ``events`` are the names in the data, ``<card>_<channel>_<kind>``; the two groupings are areas over them.
    """
    areas: dict[str, list[str]] = {}
    for event in events:
        card, channel, kind = event.split("_", 2)
        for area in (f"{card}_{kind}", f"{channel}_{kind}"):
            areas.setdefault(area, []).append(event)
    by = {area: tuple(sorted(names)) for area, names in areas.items()}
    return [
        DeclaredFamily(
            name=f"transactions.{measure}",
            means=f"{measure} of amounts",
            measure=measure,
            by=by,
            lookbacks=TASK_LOOKBACKS,
            absent=0.0 if measure == "count" else "missing",
        )
        for measure in TASK_MEASURES
    ]


def task_features(events: Sequence[str]) -> dict[str, Feature]:
    """The task's own column names → features."""
    features = {}
    for family in task_families(events):
        for feature in family_of(family).features(Wish(TASK_LOOKBACKS, (), ())):
            features[f"{feature.subject}_{feature.lookback}d_{family.measure}"] = feature
    return features


def transactions(folder: Path) -> pa.Table:
    """The public task, from raw transactions to one row a customer."""
    contract = folder / "contract"
    names = sorted(
        set(pq.read_table(contract / "usage_events.parquet", columns=["event"])["event"].unique().to_pylist())
    )
    asked = task_features(names)
    increment = contract / "rolled"
    shutil.rmtree(increment, ignore_errors=True)
    rolled(contract / "usage_events.parquet", increment, list(asked.values()))
    rows = features_at(facts(contract, [increment]), list(asked.values()), [dt.date(2026, 1, 1)])
    columns: dict[str, object] = {"customer_id": rows["account_id"].astype("int64")}
    for column, feature in asked.items():
        values = rows[feature.name]
        columns[column] = values.astype("int64") if column.endswith("_count") else values
    return pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False).sort_by("customer_id")
