"""Usage judged in one pass: the same whether it fits into memory or is looked at in stretches of days."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churnml.adapters.warehouse import columns, usage_checking
from churnml.remarks import RemarkKind
from tests.support import ingest_tables, set_aside

ACCOUNTS = "account_id | created_at\na | 2023-01-01\nb | 2024-02-01"
QUARANTINE_REPEATS = {"usage_events": {"repeated_row": "quarantine"}}


def dirty_events(*, named: bool) -> pd.DataFrame:
    """Sound rows, rows of every fault, and rows that repeat others, in no order of time."""
    rng = np.random.default_rng(11)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 120 * 24, 400), unit="h")
    rows = pd.DataFrame(
        {
            "account_id": rng.choice(["a", "b", "who", ""], 400, p=[0.6, 0.3, 0.05, 0.05]),
            "occurred_at": when.astype(str).where(rng.random(400) > 0.03, "no time"),
            "event": rng.choice(["x", "y", " z "], 400),
            "quantity": rng.choice(["1", "-2", ""], 400),
        }
    )
    if named:
        rows["event_id"] = [f"e{i}" for i in range(400)]
    return pd.concat([rows, rows.iloc[:40], rows.iloc[:10]], ignore_index=True)


def outcome(folder: Path, *, named: bool, checks: dict[str, dict[str, str]]) -> tuple[object, ...]:
    ingested = ingest_tables(folder, {"accounts": ACCOUNTS, "usage_events": dirty_events(named=named)}, checks=checks)
    repeats = pd.read_parquet(ingested.path / "repeats.parquet")
    feeds = pd.read_parquet(ingested.path / "feeds.parquet")
    aside = pd.read_parquet(ingested.path / "quarantine.parquet")
    frames = tuple(frame.to_csv(index=False) for frame in (repeats, feeds, aside))
    return (ingested.fingerprint, ingested.rows, ingested.warned, sorted(set_aside(ingested)), *frames)


@pytest.mark.parametrize(
    ("named", "checks"),
    [(False, {}), (True, {}), (False, QUARANTINE_REPEATS), (True, {"all": {"duplicate": "warn"}})],
)
def test_stretches_of_days_come_to_what_all_days_together_come_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, checks: dict[str, dict[str, str]]
) -> None:
    together = outcome(tmp_path / "1", named=named, checks=checks)
    monkeypatch.setattr(usage_checking, "AT_ONCE", 60)
    assert outcome(tmp_path / "2", named=named, checks=checks) == together


def test_what_is_set_aside_is_the_row_as_the_source_gives_it(tmp_path: Path) -> None:
    rows = "account_id | occurred_at | event | colour\nwho | 2024-03-01 | x | red\na | 2024-03-01 | x | blue"
    ingested = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": rows})
    (row,) = pd.read_parquet(ingested.path / "quarantine.parquet").to_dict("records")
    assert (row["reason"], row["source_row"]) == ("unknown_account", 1)
    assert '"colour":"red"' in row["row"]
    assert '"account_id":"who"' in row["row"]


def test_of_repeats_of_a_named_event_the_first_is_kept_and_a_pair_alone_is_no_repeat(tmp_path: Path) -> None:
    rows = """
        account_id | occurred_at      | event | event_id
        a          | 2024-03-01 10:00 | x     | e1
        a          | 2024-03-01 09:00 | x     | e1
        a          | 2024-03-01 09:00 | x     | e2
        who        | 2024-03-01 08:00 | x     | e2
    """
    ingested = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": rows})
    assert set_aside(ingested) == [("usage_events", "duplicate", 1), ("usage_events", "unknown_account", 4)]
    assert ingested.rows["usage_events"] == 2


def test_looking_at_features_imports_nothing_that_fits_a_model() -> None:
    program = """
import sys
import churnml.cli.project, churnml.jobs.features, churnml.jobs.opening, pipelines.clock, pipelines.progress
heavy = {"lightgbm", "sklearn", "scipy", "mlflow", "matplotlib", "prefect", "sqlalchemy"}
loaded = {name.split(".")[0] for name in sys.modules} & heavy
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


USER_IDS = ("u1", "u2", '="u1"', "u\u200b2", "nan", "u3", "7", "7.0", "v1.0")


@pytest.mark.parametrize(
    ("looked_at", "told"),
    [
        (2, [("late_spelling", 4, ("7.0", '="u1"', "nan"))]),
        (100, [("doubtful_name", 1, ("nan",)), ("spelling", 2, ('="u1"', "u\u200b2"))]),
    ],
)
def test_an_odd_user_id_is_told_wherever_it_first_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked_at: int, told: list[tuple[str, int, tuple[str, ...]]]
) -> None:
    monkeypatch.setattr(columns, "SAMPLED_ROWS", looked_at)
    events = pd.DataFrame({"account_id": "a", "occurred_at": "2024-03-01", "event": "x", "user_id": USER_IDS})
    ingested = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": events})
    # that "nan" is nobody is told as well, whatever its spelling
    remarks = [one for one in ingested.remarks if one.column == "user_id" and one.kind is not RemarkKind.SHARED_USER]
    assert sorted((one.kind.value, one.rows, one.samples) for one in remarks) == told
