"""The benchmark's features by featuretools: a script of its own, because it needs an older pandas.

``PYTHON featuretools_rival.py FOLDER --cutoffs DATE,DATE --out FILE``, where PYTHON is the interpreter that
``benchmarks.rivals.featuretools_python()`` makes. The definitions are in ``benchmarks/rivals.py``.
"""

import argparse
import warnings
from pathlib import Path

import featuretools as ft
import pandas as pd

LOOKBACKS = (7, 28, 90)
# featuretools' own name of each measure
NAMES = {
    "SUM(events.one)": "events",
    "NUM_UNIQUE(events.day)": "active_days",
    "NUM_UNIQUE(events.user_id)": "active_users",
    "NUM_UNIQUE(events.event)": "distinct_events",
    "SUM(events.quantity)": "quantity",
}
# What is blanked until it is known. COUNT would count the blanked rows too, so the rows are counted by a sum of ones.
MASKED = ["day", "user_id", "event", "quantity", "one"]


def entities(folder: Path) -> ft.EntitySet:
    """Accounts and their events; ``known_at`` is the time before which an event's columns are hidden."""
    events = pd.read_parquet(folder / "events.parquet").assign(one=1.0)
    events["day"] = events["occurred_at"].dt.strftime("%Y-%m-%d")
    events["event_id"] = range(len(events))
    accounts = events[["account_id"]].drop_duplicates()
    es = ft.EntitySet("company")
    es.add_dataframe(accounts, "accounts", index="account_id", logical_types={"account_id": "Categorical"})
    es.add_dataframe(
        events,
        "events",
        index="event_id",
        time_index="occurred_at",
        secondary_time_index={"known_at": MASKED},
        logical_types=dict.fromkeys(("account_id", "user_id", "event", "day"), "Categorical"),
    )
    es.add_relationship("accounts", "account_id", "events", "account_id")
    es.add_last_time_indexes()
    return es


def features(es: ft.EntitySet, cutoffs: list[pd.Timestamp], n: int) -> pd.DataFrame:
    """One lookback at every cutoff of every account."""
    times = pd.MultiIndex.from_product([es["accounts"]["account_id"], cutoffs], names=["account_id", "time"])
    matrix, _ = ft.dfs(
        entityset=es,
        target_dataframe_name="accounts",
        cutoff_time=times.to_frame(index=False),
        cutoff_time_in_index=True,
        include_cutoff_time=False,
        training_window=f"{n} days",
        agg_primitives=["sum", "num_unique"],
        trans_primitives=[],
        max_depth=1,
        verbose=False,
    )
    return matrix[list(NAMES)].rename(columns={old: f"{new}_{n}d" for old, new in NAMES.items()})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the benchmark's features with featuretools.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cutoffs", required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cutoffs = [pd.Timestamp(cutoff) for cutoff in asked.cutoffs.split(",")]
    es = entities(asked.folder)
    wide = pd.concat([features(es, cutoffs, n) for n in LOOKBACKS], axis=1).astype("float64").fillna(0)
    wide = wide[wide["events_90d"] > 0]
    wide = wide.astype({name: "int64" for name in wide.columns if not name.startswith("quantity")})
    wide.index.names = ["account_id", "as_of"]
    wide = wide.reset_index().astype({"account_id": str})
    wide["as_of"] = wide["as_of"].dt.date
    wide.to_parquet(asked.out)


if __name__ == "__main__":
    main()
