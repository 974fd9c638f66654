"""Random companies written out in random dialects: the features of the plain dialect to the bit, or a stop.

What a dialect does not tell (the history of tickets, where only their present state is written) the plain company is
written without as well. A difference is *told* where a remark or a row set aside names what is missing, and nothing
else differs once both are compared without it (:mod:`benchmarks.dialect_losses`).

``python -m benchmarks.dialects`` writes the table of docs/believe.md; ``--show SEED`` says what becomes of one company,
with the fewest departures that still do it. With ``--kept FILE`` each verdict is written there, and what is there
already is not compared again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.believe import replace_block
from benchmarks.dialect_choices import CHOICES, Dialect, random_dialect, simpler
from benchmarks.dialect_company import CUTOFFS, DATA_THROUGH, Company, random_company
from benchmarks.dialect_losses import Losses, losses_of, without
from benchmarks.dialect_writing import STATIC, write_company, write_project
from churnml.adapters.project import open_project
from churnml.adapters.warehouse import Ingested, ingest
from churnml.errors import ChurnmlError
from churnml.features import Wish, choose
from churnml.rollups import RELATIONS
from churnml.snapshots import build_snapshots
from churnml.tables import CLOCK_SHIFTS, TABLES, Facts
from churnml.timeline import midnight

COMPANIES, BATCH = 2_000, 100
TODAY = pd.Timestamp("2025-02-01").date()
FAMILIES = ("usage.*", "tickets.*", "subscriptions.*", "account.*")
EVENTS = ("login", "export")
# So often what was told is taken out, and what is left read again: it may be told of more.
ROUNDS = 3
EQUAL, STOPPED, TOLD, DIFFERENT, CRASHED = OUTCOMES = ("equal", "stopped", "told", "different", "crashed")


@dataclass(frozen=True)
class Read:
    """A company as it was read from a dialect.

    Args:
        company, dialect: which, in which.
        ingested: its checked tables; None where reading stopped.
        stop: why it did.
        crashed: it stopped with an error of the program's own.
    """

    company: Company
    dialect: Dialect
    ingested: Ingested | None
    stop: str = ""
    crashed: bool = False


@dataclass(frozen=True)
class Verdict:
    """What became of a company in a dialect.

    Args:
        company, dialect: which, in which.
        outcome: one of OUTCOMES; ``told`` differs by nothing but what remarks and rows set aside name.
        detail: the message of the stop, what was told, or the features that differ.
    """

    company: Company
    dialect: Dialect
    outcome: str
    detail: str = ""


def read(root: Path, company: Company, dialect: Dialect) -> Read:
    """Writes a company into the new folder ``root``, and reads it."""
    write_company(root, company, dialect)
    try:
        return Read(company, dialect, ingest(open_project(root), TODAY))
    except ChurnmlError as problem:
        return Read(company, dialect, None, str(problem))
    except Exception as problem:  # a finding, which must not hide those of other companies
        return Read(company, dialect, None, repr(problem), crashed=True)


@dataclass(frozen=True)
class Compared:
    """A reading beside that of the plain dialect.

    Args:
        read: as it was read.
        differences: the features that differ, in words.
        losses: what was told to be missing.
    """

    read: Read
    differences: tuple[str, ...] = ()
    losses: Losses = field(default_factory=Losses)

    @property
    def without_losses(self) -> tuple[Company, Dialect]:
        return without(self.read.company, self.losses), self.read.dialect


def judged(root: Path, given: Sequence[tuple[Company, Dialect]]) -> list[Verdict]:
    """What becomes of each company in its dialect; the folder ``root`` takes what is written."""
    first = compared(root / "whole", given)
    verdicts = [_verdict(one) for one in first]
    rest = {n: one for n, one in enumerate(first) if one.differences and one.losses}
    for number in range(ROUNDS):
        if not rest:
            break
        again = compared(root / f"without-{number}", [one.without_losses for one in rest.values()])
        for n, left in zip(rest, again, strict=True):
            verdicts[n] = _beyond(first[n], rest[n].losses, left)
        rest = {n: left for n, left in zip(rest, again, strict=True) if left.differences and left.losses}
    return verdicts


def compared(root: Path, given: Sequence[tuple[Company, Dialect]]) -> list[Compared]:
    """Each company in its dialect beside itself in the plain one."""
    readings = [read(root / f"dialect-{n}", company, dialect) for n, (company, dialect) in enumerate(given)]
    if all(one.ingested is None for one in readings):
        return [Compared(one) for one in readings]
    stores = [(f"{n}/", one.ingested) for n, one in enumerate(readings) if one.ingested is not None]
    features, plain = features_of(stores), features_of(_plain_stores(root, given))
    return [_compared(f"{n}/", one, features, plain) for n, one in enumerate(readings)]


def _compared(prefix: str, one: Read, features: pd.DataFrame, plain: pd.DataFrame) -> Compared:
    if one.ingested is None:
        return Compared(one)
    differences = different(of_company(prefix, plain), of_company(prefix, features))
    losses = losses_of(one.ingested, one.company, one.dialect) if differences else Losses()
    return Compared(one, tuple(differences), losses)


def features_of(stores: Sequence[tuple[str, Ingested]]) -> pd.DataFrame:
    """Every feature of every account of the stores at the cutoffs, a row each, by ``as_of`` and ``account_id``.

    What Ibis compiles costs more than a small company's rows, so the stores' tables are put together, the ids of
    each behind its prefix. No feature of an account reads another account's rows.
    """
    facts = _joined(stores)
    wish = Wish((7, 28, 90), EVENTS, facts.static, EVENTS[:1])
    accounts = facts.accounts.select("account_id", "created_at").to_pandas()
    known = [
        accounts.loc[accounts["created_at"] < midnight(cutoff), ["account_id"]].assign(as_of=pd.Timestamp(cutoff))
        for cutoff in CUTOFFS
    ]
    spine = pd.concat(known, ignore_index=True)
    spine["as_of"] = spine["as_of"].astype("datetime64[us]")
    built = build_snapshots(facts, choose(FAMILIES, (), wish, facts), spine)
    return built.set_index(["as_of", "account_id"]).sort_index()


def _plain_stores(root: Path, given: Sequence[tuple[Company, Dialect]]) -> list[tuple[str, Ingested]]:
    """The companies in the plain dialect, without what their dialects do not tell.

    Those of one zone are one project, apart from those without a history of tickets, whose tables lack a column.
    """
    alike: dict[tuple[str, bool], list[tuple[str, Company]]] = {}
    for n, (company, dialect) in enumerate(given):
        as_told = company if dialect.has_ticket_history else company.without_ticket_history()
        alike.setdefault((company.zone, dialect.has_ticket_history), []).append((f"{n}/", as_told))
    stores = []
    for n, companies in enumerate(alike.values()):
        write_project(root / f"plain-{n}", companies, Dialect())
        stores.append(("", ingest(open_project(root / f"plain-{n}"), TODAY)))
    return stores


def _joined(stores: Sequence[tuple[str, Ingested]]) -> Facts:
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    relations = {}
    for name in [*TABLES, *RELATIONS]:
        parts = [_behind(prefix, name, path) for prefix, store in stores for path in store.files(name)]
        if name == "usage_events" or not parts:
            continue
        table = pa.concat_tables(parts, promote_options="permissive")
        if name != "usage_rare" or table.num_rows:
            relations[name] = backend.create_table(name, table)
    given = {
        name: frozenset.intersection(*(frozenset(store.given[name]) for _, store in stores if name in store.given))
        for name in TABLES
        if any(name in store.given for _, store in stores)
    }
    every = {name: relations.get(name) for name in [*TABLES, *RELATIONS] if name != "usage_events"}
    return Facts(**every, data_through=DATA_THROUGH, static=STATIC, fingerprint="joined", given=given)


def _behind(prefix: str, name: str, path: Path) -> pa.Table:
    """A checked table, its ids behind the prefix: two companies may have the same account, contract or ticket."""
    table = pq.read_table(path, partitioning=None)
    for column in ("account_id", "subscription_id", "ticket_id"):
        if (place := table.schema.get_field_index(column)) >= 0:
            ids = pc.binary_join_element_wise(pa.scalar(prefix), table[column].cast(pa.string()), "")
            table = table.set_column(place, column, ids)
    if name == "support_tickets":
        for shift in CLOCK_SHIFTS.values():  # a store without the column is one where no clock was moved
            if shift not in table.column_names:
                table = table.append_column(shift, pa.array([0] * table.num_rows, pa.int64()))
    return table


def _verdict(one: Compared) -> Verdict:
    company, dialect = one.read.company, one.read.dialect
    if one.read.ingested is None:
        return Verdict(company, dialect, CRASHED if one.read.crashed else STOPPED, one.read.stop)
    if one.differences:
        return Verdict(company, dialect, DIFFERENT, "; ".join(one.differences))
    return Verdict(company, dialect, EQUAL)


def _beyond(whole: Compared, losses: Losses, left: Compared) -> Verdict:
    """The verdict on a company that differs, out of what is left without the losses that were told."""
    company, dialect = whole.read.company, whole.read.dialect
    verdict = _verdict(left)
    if verdict.outcome == EQUAL:
        return Verdict(company, dialect, TOLD, losses.named())
    return Verdict(company, dialect, DIFFERENT, f"beyond {losses.named()}: {verdict.outcome} {verdict.detail}")


def of_company(prefix: str, features: pd.DataFrame) -> pd.DataFrame:
    """The rows of the accounts behind a prefix, without it."""
    rows = features[features.index.get_level_values("account_id").str.startswith(prefix)]
    return rows.rename(index=lambda name: name.removeprefix(prefix), level="account_id")


def different(plain: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """Where two tables of features are not the same to the bit, in words: at most three places."""
    if not plain.index.equals(other.index):
        missing, more = plain.index.difference(other.index), other.index.difference(plain.index)
        return [f"{len(missing)} rows are missing, {len(more)} are more: {[*missing[:2], *more[:2]]}"]
    columns = [f"without {name}" for name in plain.columns.symmetric_difference(other.columns)]
    for name in plain.columns.intersection(other.columns):
        left, right = plain[name], other[name]
        same = (left == right) | (left.isna() & right.isna())
        if not same.fillna(False).all():
            at = same[~same.fillna(False)].index[0]
            columns.append(f"{name} at {at[0].date()} of {at[1]}: {left[at]} became {right[at]}")
    return columns[:3]


def smallest(company: Company, dialect: Dialect, outcome: str) -> Verdict:
    """The fewest departures of the dialect with which the company still comes to the outcome."""
    while True:
        for fewer in simpler(company, dialect):
            verdict = _alone(company, fewer)
            if verdict.outcome == outcome:
                dialect = fewer
                break
        else:
            return _alone(company, dialect)


def _alone(company: Company, dialect: Dialect) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        return judged(Path(folder), [(company, dialect)])[0]


def drawn(seeds: Iterable[int]) -> list[tuple[Company, Dialect]]:
    """The company and the dialect of each seed."""
    companies = [(random_company(seed), seed) for seed in seeds]
    return [(company, random_dialect(company, seed)) for company, seed in companies]


def verdicts(seeds: Sequence[int]) -> Iterator[Verdict]:
    """What becomes of the companies of some seeds, batch by batch."""
    for start in range(0, len(seeds), BATCH):
        with tempfile.TemporaryDirectory() as folder:
            yield from judged(Path(folder), drawn(seeds[start : start + BATCH]))


def kept_verdicts(file: Path | None) -> dict[int, Verdict]:
    """Seed → the verdict that was written to the file."""
    lines = file.read_text("utf-8").splitlines() if file is not None and file.is_file() else []
    kept = {}
    for seed, outcome, detail in map(json.loads, lines):
        ((company, dialect),) = drawn([seed])
        kept[seed] = Verdict(company, dialect, outcome, detail)
    return kept


def _keep(file: Path | None, one: Verdict) -> None:
    if file is not None:
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps([one.company.seed, one.outcome, one.detail], ensure_ascii=False) + "\n")


def section(every: Sequence[Verdict]) -> list[str]:
    """The table: choice by choice, what became of the companies written so."""
    counts: Mapping[tuple[str, str], Counter[str]] = {
        (name, value): Counter() for name, values in CHOICES.items() for value in values
    }
    for one in every:
        for name in CHOICES:
            counts[name, getattr(one.dialect, name)][one.outcome] += 1
    total = Counter(one.outcome for one in every)
    stops = [one for one in every if one.outcome == STOPPED]
    return [
        f"{len(every):,} companies, each in a dialect of its own: "
        + ", ".join(f"{total[outcome]:,} {outcome}" for outcome in OUTCOMES)
        + ". A stop counts for every choice of its dialect; *told* differs by what a remark or a row set aside names, "
        "and by nothing else.",
        "",
        f"| choice | | {' | '.join(OUTCOMES)} |",
        "|---|---|" + "---:|" * len(OUTCOMES),
        *(
            f"| {name.replace('_', ' ')} | `{value.replace('|', chr(92) + '|')}` | "
            f"{' | '.join(f'{count[outcome]:,}' for outcome in OUTCOMES)} |"
            for (name, value), count in counts.items()
            if count
        ),
        "",
        *_stops(stops),
    ]


def _stops(stops: Sequence[Verdict]) -> list[str]:
    """The first sentences of the stops, most frequent first."""
    # what stands behind a colon are samples
    sentences = Counter(one.detail.splitlines()[0].split(":")[0] for one in stops if one.detail)
    return [f"- {count:,} × {sentence}" for sentence, count in sentences.most_common(12)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write random companies in random dialects, and compare features.")
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kept", type=Path, help="a file of verdicts to begin from, and to add to")
    parser.add_argument("--show", type=int, help="the seed of one company: shrink it, and say what becomes of it")
    parser.add_argument("--dry", action="store_true", help="print, and leave docs/believe.md alone")
    asked = parser.parse_args()
    if asked.show is not None:
        ((company, dialect),) = drawn([asked.show])
        whole = _alone(company, dialect)
        least = whole if whole.outcome == EQUAL else smallest(company, dialect, whole.outcome)
        sys.stdout.write(f"{dialect.named()}\n{whole.outcome}\n{least.dialect.named()}\n{least.detail}\n")
        return
    kept = kept_verdicts(asked.kept)
    seeds = range(asked.first, asked.first + asked.companies)
    for one in verdicts([seed for seed in seeds if seed not in kept]):
        _keep(asked.kept, one)
        kept[one.company.seed] = one
        if one.outcome not in (EQUAL, STOPPED):
            sys.stdout.write(f"{one.outcome} {one.company.seed}: {one.dialect.named()}: {one.detail}\n")
            sys.stdout.flush()
    every = [kept[seed] for seed in sorted(kept)]
    lines = section(every)
    if not asked.dry:
        replace_block("dialects", lines)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
