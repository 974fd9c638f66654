"""Feeds broken as they were seen broken before anybody watched: ``python -m benchmarks.broken_feeds``.

A simulated company of 800 accounts is trained and scored on one good date; 28 days later each copy of it is scored from
a feed that is broken in its own way, through the command line. Writes its table into docs/watching.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.believe import replace_block
from churnml.simulate import simulate

PAGE = Path("docs/watching.md")
ACCOUNTS, SEED = 800, 7
GOOD, LAST = "2024-12-01", "2024-12-29"
Spoil = Callable[[Path], None]


def churnml(project: Path, *words: str) -> Any:
    """What a command prints as JSON, or its message where it ends with exit code 1."""
    command = [sys.executable, "-m", "churnml.cli", *words, "--project", str(project), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CHURNML_ENGINE": "plain"})
    if done.returncode > 1:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.rsplit("churnml: ", 1)[-1].splitlines()[0]


def through(project: Path, day: str) -> None:
    path = project / "project.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"data_through": day}))


def usage(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Spoil:
    def spoil(project: Path) -> None:
        path = project / "data" / "product_events.parquet"
        change(pd.read_parquet(path)).to_parquet(path, index=False)

    return spoil


def table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Spoil:
    def spoil(project: Path) -> None:
        path = project / "data" / f"{name}.csv"
        change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)

    return spoil


def without_days(days: int) -> Spoil:
    end = pd.Timestamp(LAST) + pd.Timedelta(days=1)
    return usage(lambda rows: rows[rows["event_time"] < end - pd.Timedelta(days=days)])


def renamed(*names: str, since: str) -> Spoil:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        late = rows["event_time"] >= since
        late &= rows["event_name"].isin(names) if names else True
        return rows.assign(event_name=rows["event_name"].mask(late, rows["event_name"] + "_v2"))

    return usage(change)


def in_cents(rows: pd.DataFrame) -> pd.DataFrame:
    amounts = pd.to_numeric(rows["monthly_amount"], errors="coerce")
    return rows.assign(monthly_amount=(amounts * 100).astype(str).where(amounts.notna(), rows["monthly_amount"]))


SPOILT: Mapping[str, Spoil] = {
    "healthy": lambda project: None,
    "3 days missing": without_days(3),
    "7 days missing": without_days(7),
    "14 days missing": without_days(14),
    "usage empty": usage(lambda rows: rows[:0]),
    "all events renamed, 14 days": renamed(since="2024-12-16"),
    "one event renamed, 44 days": renamed("report_viewed", since="2024-11-16"),
    "all loaded 10 times": usage(lambda rows: pd.concat([rows] * 10)),
    "tickets empty": table("helpdesk_tickets", lambda rows: rows[:0]),
    "MRR × 100 (cents for euros)": table("contracts", in_cents),
    "half of the contracts gone": table("contracts", lambda r: r[r["account_no"].str[-1].isin(list("13579"))]),
}


def line_of(name: str, day: Any) -> str:
    if isinstance(day, str):
        return f"| {name} | {day} | not scored | – | – | – |"
    bands, breaks = day["bands"], sorted(day["breaks"], key=lambda one: one["action"])
    more = f" (and {len(breaks) - 1} more)" if breaks[1:] else ""
    told = breaks[0]["sentence"] + more if breaks else "nothing"
    held = f"since {day['held']['stale_since']}" if day["held"] else "no"
    shown = " / ".join(str(bands.get(band, 0)) for band in ("at_risk", "watch", "healthy"))
    opened = day["outcomes"].get("opened", 0)
    return f"| {name} | {told} | {held} | {shown} | {day['health_events'].get('drop', 0)} | {opened} |"


def main() -> None:
    """Breaks every copy and writes what was told, held and opened."""
    lines = ["| feed | told | held | at risk / watch / healthy | drops | new work |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        company = Path(folder) / "company"
        simulate(company, accounts=ACCOUNTS, months=24, seed=SEED)
        through(company, GOOD)
        churnml(company, "run", "--no-prefect")
        through(company, LAST)
        for name, spoil in SPOILT.items():
            copy = Path(folder) / "copy"
            shutil.copytree(company, copy)
            spoil(copy)
            lines.append(line_of(name, churnml(copy, "score", "--no-prefect")))
            print(lines[-1], flush=True)
            shutil.rmtree(copy)
    replace_block("broken-feeds", lines, PAGE)


if __name__ == "__main__":
    main()
