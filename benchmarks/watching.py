"""Alarms of the watcher on simulated companies: ``python -m benchmarks.watching [--seeds 51,52]``.

Twelve companies of 300 to 1,500 accounts over 24 months, of seeds that nothing was tuned on (those were 1 to 4 and 21
to 26; what 31 to 42 missed led to the watcher as it is). All keep Christmas; four keep Golden Week, two of them without
saying so; three grow by a tenth a month. Each is judged on every second day of two quarters with nothing planted, on
the two days after one break of every kind was planted into its files, and after three were; where the reading of the
files stops for it, it was told. Everything goes through the functions that the product itself runs. Writes its table
into docs/watching.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import pickle
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.believe import replace_block
from churnml.adapters.project import open_project
from churnml.adapters.warehouse import ingest, read_profile
from churnml.errors import ContractError
from churnml.simulate import simulate
from churnml.specs.watching import BreakKind
from churnml.timeline import plus_days
from churnml.watch.breaks import DataBreak
from churnml.watch.judging import Watching, judge
from churnml.watch.profile import Feeds, LoadProfile

SEEDS = tuple(range(51, 63))
TODAY = dt.date(2025, 1, 31)
SIZES = (300, 900, 1500)
EVENTS_AN_ACCOUNT = 300
START = dt.date(2023, 1, 30)
# The quarters that are judged day by day: one with Golden Week, one with Christmas.
QUARTERS = (dt.date(2024, 4, 1), dt.date(2024, 11, 1))
DAYS = 91
WITHIN_DAYS = 2
LASTS_DAYS = 21
APART_DAYS = 60
PAGE = Path("docs/watching.md")
Rows = pd.DataFrame


@dataclass(frozen=True)
class SimulatedFeeds:
    """A company's files, and what is kept quiet of in them."""

    folder: Path
    seed: int
    accounts: int
    region: str | None
    golden_week: bool
    grows: bool


@dataclass(frozen=True)
class Planted:
    """A break that was planted: what it should be called, where, and from when on."""

    kinds: tuple[BreakKind, ...]
    table: str
    on: dt.date
    spoil: Callable[[dict[str, Rows], dt.date], None]
    of_the_load: bool = False


# ---------------------------------------------------------------- the companies


def company_of(seed: int, place: int, folder: Path) -> SimulatedFeeds:
    """A company with its holidays and its growth written into its events."""
    accounts = SIZES[place % len(SIZES)]
    simulate(folder, accounts=accounts, months=24, seed=seed, events=accounts * EVENTS_AN_ACCOUNT, start=START)
    golden = place % 3 == 1
    company = SimulatedFeeds(folder, seed, accounts, "JP" if golden and place % 2 else None, golden, place % 4 == 2)
    path = folder / "data" / "product_events.parquet"
    events = pd.read_parquet(path)
    kept = np.random.default_rng(seed).random(len(events)) < _share_left(events, company)
    events[kept].to_parquet(path, index=False)
    declared = yaml.safe_load((folder / "project.yaml").read_text())
    declared |= {"region": company.region} if company.region else {}
    (folder / "project.yaml").write_text(yaml.safe_dump(declared))
    return company


def _share_left(events: Rows, company: SimulatedFeeds) -> np.ndarray:
    """The share of each row's day that is left: holidays are quiet, and a growing company was smaller once."""
    at = events["event_time"]
    month_day = at.dt.month * 100 + at.dt.day
    left = np.where((month_day >= 1223) | (month_day <= 102), 0.25, 1.0)
    if company.golden_week:
        left = np.where((month_day >= 429) & (month_day <= 506), 0.2, left)
    if company.grows:
        months = (at.max() - at).dt.days / 30.4
        left = left * 1.1 ** -months.to_numpy()
    return left


# ---------------------------------------------------------------- what is planted


def _since(rows: Rows, column: str, day: dt.date) -> pd.Series:
    """Whether a row is of the three weeks from ``day`` on."""
    at = pd.to_datetime(rows[column], errors="coerce")
    return (at >= pd.Timestamp(day)) & (at < pd.Timestamp(plus_days(day, LASTS_DAYS)))


def _events(change: Callable[[Rows, pd.Series], Rows]) -> Callable[[dict[str, Rows], dt.date], None]:
    def spoil(tables: dict[str, Rows], day: dt.date) -> None:
        events = tables["product_events"]
        tables["product_events"] = change(events, _since(events, "event_time", day))

    return spoil


def _third_event(events: Rows) -> str:
    return str(events["event_name"].value_counts().index[2])


def _renamed(events: Rows, late: pd.Series) -> Rows:
    third = _third_event(events)
    events = events.copy()
    events.loc[late & (events["event_name"] == third), "event_name"] = f"{third}_v2"
    return events


def _table(name: str, change: Callable[[Rows], Rows]) -> Callable[[dict[str, Rows], dt.date], None]:
    def spoil(tables: dict[str, Rows], day: dt.date) -> None:
        tables[name] = change(tables[name])

    return spoil


def _odd(rows: Rows, column: str) -> pd.Series:
    return rows[column].astype(str).str.extract(r"(\d)\D*$")[0].isin(list("13579"))


def _cents(rows: Rows) -> Rows:
    amounts = pd.to_numeric(rows["monthly_amount"], errors="coerce")
    return rows.assign(monthly_amount=np.where(amounts.notna(), (amounts * 100).astype(str), rows["monthly_amount"]))


def _sample(events: Rows, late: pd.Series, share: float) -> Rows:
    keep = np.random.default_rng(0).random(len(events)) < share
    return events[~late | keep]


def planted_kinds(day: dt.date) -> dict[str, Planted]:
    """A break of every kind that begins on ``day``."""
    usage, k = "usage_events", BreakKind
    day_kinds = {
        "feed dead": ((k.DEAD,), usage, _events(lambda e, late: e[~late])),
        "three fifths of the feed lost": ((k.FALL,), usage, _events(lambda e, late: _sample(e, late, 0.4))),
        "loaded twice": ((k.DUPLICATES,), usage, _events(lambda e, late: pd.concat([e, e[late]]))),
        "volume tripled": ((k.RISE,), usage, _events(_tripled)),
        "event renamed": ((k.RENAMED,), usage, _events(_renamed)),
        "event stopped": (
            (k.STOPPED,),
            usage,
            _events(lambda e, late: e[~(late & (e["event_name"] == _third_event(e)))]),
        ),
        "users not named": ((k.NULLS,), usage, _events(lambda e, late: e.assign(person=e["person"].mask(late)))),
    }
    tickets, contracts, accounts = "helpdesk_tickets", "contracts", "crm_accounts"
    load_kinds = {
        "tickets empty": ((k.EMPTIED,), "support_tickets", _table(tickets, lambda t: t[:0])),
        "usage empty": ((k.EMPTIED,), usage, _events(lambda e, late: e[:0])),
        "half of the contracts gone": (
            (k.SHRUNK,),
            "subscriptions",
            _table(contracts, lambda c: c[_odd(c, "account_no")]),
        ),
        "MRR in cents": ((k.VALUES,), "subscriptions", _table(contracts, _cents)),
        "all loaded ten times": ((k.DUPLICATES,), usage, _events(lambda e, late: pd.concat([e] * 10))),
        "ids of accounts and contracts changed": ((k.IDS,), "subscriptions", _other_ids),
        "times unreadable": (
            (k.ASIDE, k.SHRUNK),
            "support_tickets",
            _table(tickets, lambda t: t.assign(created=t["created"].mask(_odd(t, "ticket_no"), "soon"))),
        ),
        "owners not named": ((k.NULLS,), "accounts", _table(accounts, lambda a: a.assign(csm=""))),
    }
    named = {name: Planted(kinds, table, day, spoil) for name, (kinds, table, spoil) in day_kinds.items()}
    return named | {
        name: Planted(kinds, table, day, spoil, of_the_load=True) for name, (kinds, table, spoil) in load_kinds.items()
    }


def _other_ids(tables: dict[str, Rows], day: dt.date) -> None:
    accounts, contracts = tables["crm_accounts"], tables["contracts"]
    tables["crm_accounts"] = accounts.assign(account_no="X" + accounts["account_no"])
    tables["contracts"] = contracts.assign(
        account_no="X" + contracts["account_no"], contract_no="X" + contracts["contract_no"]
    )


def _tripled(events: Rows, late: pd.Series) -> Rows:
    """Different rows, so that they are no repeats."""
    more = [events[late].assign(event_time=events.loc[late, "event_time"] + pd.Timedelta(seconds=n)) for n in (1, 2)]
    return pd.concat([events, *more])


# ---------------------------------------------------------------- judged


TABLES = {"product_events": "parquet", "contracts": "csv", "crm_accounts": "csv", "helpdesk_tickets": "csv"}


def read_tables(folder: Path) -> dict[str, Rows]:
    data = folder / "data"
    return {
        name: pd.read_parquet(data / f"{name}.parquet")
        if ending == "parquet"
        else pd.read_csv(data / f"{name}.csv", dtype=str, keep_default_na=False)
        for name, ending in TABLES.items()
    }


def write_tables(folder: Path, tables: dict[str, Rows], before: dict[str, Rows]) -> None:
    """Writes those that are not the same as before."""
    for name, ending in TABLES.items():
        if tables[name] is not before[name]:
            path = folder / "data" / f"{name}.{ending}"
            if ending == "parquet":
                tables[name].to_parquet(path, index=False)
            else:
                tables[name].to_csv(path, index=False)


def load(folder: Path, data_through: dt.date | None = None) -> tuple[LoadProfile, Feeds]:
    """The folder read as the product reads it."""
    if data_through is not None:
        path = folder / "project.yaml"
        # the simulator's bad rows are as many for a small company as for a large one
        changed = {"data_through": data_through, "may_lose": 0.5}
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed))
    return read_profile(ingest(open_project(folder), TODAY, parts=frozenset({"named"})).path)


@dataclass(frozen=True)
class Alarms:
    """What one company came to.

    Args:
        company: which.
        false_ones: what was told with nothing planted, over two quarters and the loads of each month.
        one, three: name of what was planted → days until it was told; None where it was not within two.
    """

    company: SimulatedFeeds
    false_ones: list[DataBreak]
    one: list[tuple[str, int | None]]
    three: list[tuple[str, int | None]]


def measured(company: SimulatedFeeds) -> Alarms:
    """Judges a company in order, with one break, and with three."""
    folder, rng = company.folder, np.random.default_rng(company.seed)
    whole = load(folder)
    end = plus_days(whole[0].data_through, 1)
    tables = read_tables(folder)
    false_ones = _false_alarms(folder, whole, company, end)
    reference, _ = load(folder, plus_days(end, -2))
    load(folder, plus_days(end, -1))
    one: list[tuple[str, int | None]] = []
    for name in planted_kinds(end):
        day = plus_days(end, -int(rng.integers(LASTS_DAYS, 280)))
        one += _planted(folder, tables, [(name, day)], company, reference, end)
    three: list[tuple[str, int | None]] = []
    day_kinds = [name for name, kind in planted_kinds(end).items() if not kind.of_the_load]
    for _ in range(1):
        names = [str(name) for name in rng.choice(day_kinds, 3, replace=False)]
        first = plus_days(end, -int(rng.integers(2 * APART_DAYS + LASTS_DAYS, 2 * APART_DAYS + 160)))
        plan = [(name, plus_days(first, n * APART_DAYS)) for n, name in enumerate(names)]
        three += _planted(folder, tables, plan, company, reference, end)
    return Alarms(company, false_ones, one, three)


def _planted(
    folder: Path,
    tables: dict[str, Rows],
    plan: Sequence[tuple[str, dt.date]],
    company: SimulatedFeeds,
    reference: LoadProfile,
    end: dt.date,
) -> list[tuple[str, int | None]]:
    """Plants what is planned, reads the files, and looks when each is told."""
    spoilt = dict(tables)
    for name, day in plan:
        planted_kinds(day)[name].spoil(spoilt, day)
    write_tables(folder, spoilt, tables)
    try:
        profile, feeds = load(folder)
    except ContractError as problem:  # so broken that nothing is read of it: the run stops, and says why
        if not all(planted_kinds(day)[name].of_the_load for name, day in plan):
            raise
        print(f"seed {company.seed}: stopped: {problem.args[0]}", flush=True)
        write_tables(folder, tables, spoilt)
        return [(name, 1) for name, _ in plan]
    told: list[tuple[str, int | None]] = []
    for name, day in plan:
        kind = planted_kinds(day)[name]
        days = [end] if kind.of_the_load else [plus_days(day, n) for n in range(1, WITHIN_DAYS + 1)]
        by = Watching(reference if kind.of_the_load else None, region=company.region)
        seen = (n for n, as_of in enumerate(days, 1) if _told(judge(profile, feeds, as_of, by), kind))
        told.append((name, next(seen, None)))
    write_tables(folder, tables, spoilt)
    return told


def _told(breaks: Sequence[DataBreak], planted: Planted) -> bool:
    return any(one.kind in planted.kinds and one.table == planted.table for one in breaks)


def _false_alarms(
    folder: Path, whole: tuple[LoadProfile, Feeds], company: SimulatedFeeds, end: dt.date
) -> list[DataBreak]:
    told: dict[tuple[str, str, str], DataBreak] = {}
    for first in QUARTERS:
        for n in range(0, DAYS, 2):
            as_of = plus_days(first, n)
            if as_of <= end:
                for one in judge(*whole, as_of, Watching(region=company.region)):
                    told.setdefault((*one.about[:2], one.about[2]), one)
    before: LoadProfile | None = None
    for month in range(6, -1, -1):
        profile, feeds = load(folder, plus_days(end, -1 - 28 * month))
        by = Watching(before, region=company.region)
        for one in judge(profile, feeds, plus_days(profile.data_through, 1), by):
            told.setdefault((*one.about[:2], one.about[2]), one)
        before = profile
    return list(told.values())


# ---------------------------------------------------------------- told


def lines_of(alarms: Sequence[Alarms]) -> list[str]:
    """The table of docs/watching.md."""
    lines = [
        "| company | false alarms, two quarters | one break: told within two days | three breaks |",
        "|---|---|---|---|",
    ]
    for of in alarms:
        company = of.company
        traits = ["Christmas"]
        if company.golden_week:
            traits.append("Golden Week" + ("" if company.region else ", no region declared"))
        if company.grows:
            traits.append("grows by a tenth a month")
        false_ones = ", ".join(sorted({f"{one.kind.value} of {one.subject or one.table}" for one in of.false_ones}))
        shown = f"{len(of.false_ones)}" + (f" ({false_ones})" if false_ones else "")
        who = f"seed {company.seed}, {company.accounts} accounts: {', '.join(traits)}"
        lines.append(f"| {who} | {shown} | {_share(of.one)} | {_share(of.three)} |")
    one = [told for of in alarms for told in of.one]
    three = [told for of in alarms for told in of.three]
    false_ones = [len(of.false_ones) / len(QUARTERS) for of in alarms]
    total = f"{np.mean(false_ones):.2f} a quarter, at most {max(false_ones):.1f}"
    lines += [f"| **all** | {total} | {_share(one)} | {_share(three)} |", ""]
    lines += ["| what was planted | told within two days |", "|---|---|"]
    for name in dict.fromkeys(name for name, _ in [*one, *three]):
        lines.append(f"| {name} | {_share([told for told in [*one, *three] if told[0] == name])} |")
    return lines


def _share(told: Sequence[tuple[str, int | None]]) -> str:
    seen = sum(days is not None for _, days in told)
    missed = sorted({name for name, days in told if days is None})
    return f"{seen} of {len(told)}" + (f" (not: {', '.join(missed)})" if missed and len(told) < 30 else "")


def _of_seed(place: int, kept: Path | None) -> Alarms:
    seed = SEEDS[place]
    file = kept and kept / f"{seed}.pickle"
    if file and file.exists():
        alarms: Alarms = pickle.loads(file.read_bytes())  # noqa: S301 - our own
    else:
        with tempfile.TemporaryDirectory() as folder:
            alarms = measured(company_of(seed, place, Path(folder) / "company"))
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pickle.dumps(alarms))
    print(lines_of([alarms])[2], flush=True)
    return alarms


def main(arguments: Sequence[str]) -> None:
    """Measures the companies and writes what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="some of them; then nothing is written")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder of what each came to: read where it is there, else written")
    given = parser.parse_args(arguments)
    places = [SEEDS.index(int(seed)) for seed in given.seeds.split(",")]
    with ProcessPoolExecutor(given.at_once) as processes:
        alarms = list(processes.map(functools.partial(_of_seed, kept=given.keep), places))
    lines = lines_of(alarms)
    print("\n".join(lines))
    if len(places) == len(SEEDS):
        replace_block("watching", lines, PAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
