"""Small companies for tests: ASCII tables become a project folder that goes through the product's own door.

``make_project`` writes project.yaml, one CSV and one source a table; ``facts_for`` ingests it and hands
out the facts. ``quick_facts`` is the same from frames that are already clean, with the warehouse's own
roll-up, for tests that need hundreds of companies.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import yaml

from churnml.adapters import warehouse
from churnml.adapters.project import Project, default_models, open_project
from churnml.adapters.warehouse import Ingested, facts_of, ingest, quarantine_rows
from churnml.adapters.warehouse.tone import write_tone
from churnml.adapters.warehouse.versions import PLACE, settled
from churnml.declarations import FeatureDeclaration, Polarity, Unit
from churnml.features import FAMILIES, Wish, choose
from churnml.features.declare import CalendarWish
from churnml.language.facts import Fact
from churnml.modelling.stored import ModelManifest
from churnml.rollups import PARTS, RELATIONS
from churnml.rules.checking import Rules, read_rules
from churnml.rules.facts import facts_table, known_facts
from churnml.snapshots import build_snapshots
from churnml.specs.health import HealthSpec
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.reading import read_spec
from churnml.tables import AMOUNT_AS_WRITTEN, CURRENCY_AS_WRITTEN, TABLES, ColumnKind, Facts
from churnml.timeline import midnight

# ``today`` of every test; it only matters to projects that do not declare data_through.
TODAY = dt.date(2024, 12, 31)


def examples(usual: int) -> int:
    """How many random examples a property is tried on: ten times as many under ``make test-thorough``."""
    return 10 * usual if os.environ.get("CHURNML_THOROUGH") else usual


def _known() -> dict[str, Fact]:
    health, static = read_spec(HealthSpec, default_models() / "health.yaml"), ("segment",)
    wish = Wish((28, 90), (), static)
    features = {feature.name: feature for family in FAMILIES.values() for feature in family.features(wish)}
    return known_facts(health, features, static)


# The facts that rules may name in a project with the declarations that ship with the program.
KNOWN = _known()


def rules_of(spec: PlaybooksSpec) -> Rules:
    """The rules of playbooks, read as those of a project are."""
    return read_rules(spec, "playbooks.yaml", KNOWN)


def facts_of_rows(rows: Sequence[Mapping[str, Any]], asked: Sequence[str] = ()) -> pd.DataFrame:
    """A day's facts from a mapping an account; a key that is not there is a fact that is missing."""
    names = dict.fromkeys(name for row in rows for name in row if name != "account_id")
    return facts_table([row["account_id"] for row in rows], {n: [row.get(n) for row in rows] for n in names}, asked)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def declaration(name: str, polarity: str = "healthier", **more: Any) -> FeatureDeclaration:
    """What a model carries of a feature of which little matters."""
    return FeatureDeclaration(
        name, "usage.events", name, Polarity(polarity), more.pop("unit", Unit.COUNT), "", "", **more
    )


def manifest(name: str = "churn", **more: Any) -> ModelManifest:
    """Where a model comes from of which little matters."""
    plain = {"means": "", "label": {"kind": "contract"}, "spec": {}, "wish": Wish((28,), (), ()), "trained_on": ()}
    return ModelManifest(name, **{**plain, "judged_at": TODAY, "data_fingerprint": "", **more})


# ---------------------------------------------------------------- ASCII tables


def table(text: str) -> pd.DataFrame:
    """An ASCII table as text columns: cells parted by ``|``, rulers of dashes skipped, an empty cell is empty."""
    lines = [line for line in text.strip().splitlines() if set(line.strip()) - set("-|+ ")]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    header, *body = cells
    for row in body:
        assert len(row) == len(header), f"{len(row)} cells under {len(header)} names: {row}"
    return pd.DataFrame(body, columns=header, dtype="object")


# ---------------------------------------------------------------- project folders


def make_project(
    root: Path,
    tables: Mapping[str, str | pd.DataFrame] | None = None,
    *,
    sources: Mapping[str, str] | None = None,
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
    **spec: Any,
) -> Project:
    """A project folder in ``root``.

    Args:
        root: where.
        tables: contract table → ASCII table or frame, written as a CSV and selected whole.
        sources: contract table → SQL, instead of or besides those.
        inputs: further inputs, as project.yaml declares them; their files are the caller's.
        spec: further keys of project.yaml.
    """
    (root / "data").mkdir(parents=True, exist_ok=True)
    (root / "sources").mkdir(exist_ok=True)
    # of a few rows, a bad one is a large share
    plain: dict[str, Any] = {"name": "tiny", "data_through": "2024-12-31", "may_lose": 1}
    said = plain | {"inputs": dict(inputs or {})} | spec
    said = {key: value for key, value in said.items() if value is not None}
    for name, content in (tables or {}).items():
        frame = table(content) if isinstance(content, str) else content
        frame.to_csv(root / "data" / f"{name}.csv", index=False)
        said["inputs"][f"raw_{name}"] = {"path": f"data/{name}.csv"}
        (root / "sources" / f"{name}.sql").write_text(f"SELECT * FROM raw_{name}\n", encoding="utf-8")
    for name, sql in (sources or {}).items():
        (root / "sources" / f"{name}.sql").write_text(sql, encoding="utf-8")
    (root / "project.yaml").write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return open_project(root)


def ingest_tables(root: Path, tables: Mapping[str, str | pd.DataFrame] | None = None, **given: Any) -> Ingested:
    return ingest(make_project(root, tables, **given), TODAY)


def facts_for(root: Path, tables: Mapping[str, str | pd.DataFrame], **given: Any) -> Facts:
    project = make_project(root, tables, **given)
    return facts_of(ingest(project, TODAY), project.spec.static)


def set_aside(ingested: Ingested) -> list[tuple[str, str, int]]:
    """Every quarantined row as (table, reason, source row)."""
    return [(row.contract_table, row.reason, row.source_row or 0) for row in quarantine_rows(ingested)]


def kept(ingested: Ingested, name: str) -> pd.DataFrame:
    """A checked contract table as it is stored."""
    return pd.read_parquet(ingested.path / f"{name}.parquet")


# ---------------------------------------------------------------- the quick door

_DTYPES = {
    ColumnKind.ID: "str",
    ColumnKind.TIME: "datetime64[us]",
    ColumnKind.MONEY: "float64",
    ColumnKind.NUMBER: "float64",
    ColumnKind.COUNT: "Int64",
    ColumnKind.FLAG: "boolean",
    ColumnKind.CATEGORY: "str",
    ColumnKind.TEXT: "str",
}


def clean(name: str, rows: Any, static: Sequence[str] = ()) -> pd.DataFrame:
    """Rows as a contract table with every column, typed, when they were known filled in."""
    declared = TABLES[name]
    frame = pd.DataFrame(rows)
    typed = pd.DataFrame(index=frame.index)
    for column in declared.columns:
        values = frame[column.name] if column.name in frame else pd.Series([None] * len(frame), index=frame.index)
        values = pd.to_datetime(values) if column.kind is ColumnKind.TIME else values
        typed[column.name] = values.astype(_DTYPES[column.kind])
    for name_ in static:
        if name_ not in typed:
            typed[name_] = frame[name_].astype("str")
    for name_ in (AMOUNT_AS_WRITTEN, CURRENCY_AS_WRITTEN):
        if name_ in frame:
            typed[name_] = frame[name_]
    if "known_at" in typed and not declared.versioned:
        typed["known_at"] = typed["known_at"].fillna(typed[declared.dated_by])
    if "csat_at" in typed:
        typed["csat_at"] = typed["csat_at"].where(typed["csat_at"].notna() | typed["csat"].isna(), typed["resolved_at"])
    return typed


def quick_facts(
    tables: Mapping[str, Any],
    data_through: dt.date = TODAY,
    static: Sequence[str] = (),
    given: Mapping[str, frozenset[str]] | None = None,
    rates: pd.DataFrame | None = None,
) -> Facts:
    """Facts straight from clean rows, rolled up by the warehouse's own SQL, without the checks.

    ``rates`` are those amounts were converted by: currency, rate, starts_at, known_at.
    """
    backend = ibis.duckdb.connect()
    con = backend.con
    con.execute("SET TimeZone = 'UTC'")
    frames = {name: clean(name, rows, static if name == "accounts" else ()) for name, rows in tables.items()}
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in frames.items():
            con.register("frame", frame)
            kept = f"_kept_{name}"
            if TABLES[name].versioned:
                con.execute(f"CREATE TABLE _versions AS SELECT *, row_number() OVER () AS {PLACE} FROM frame")
                con.execute(f"CREATE TABLE {kept} AS {settled(TABLES[name], '_versions')}")
            else:
                con.execute(f"CREATE TABLE {kept} AS SELECT * FROM frame")
            con.unregister("frame")
        tickets = frames.get("support_tickets")
        if tickets is not None and tickets[["subject", "body"]].notna().any(axis=None):
            write_tone(con, "_kept_support_tickets")
        if "usage_events" in frames:
            warehouse.write_rollups(backend, Path(folder), PARTS, warehouse.frequent_names(con))
            for rolled in RELATIONS:
                con.execute(f"CREATE TABLE {rolled} AS SELECT * FROM read_parquet('{folder}/{rolled}.parquet')")

    def relation(name: str, source: str) -> Any:
        return backend.table(name) if source in frames else None

    return Facts(
        accounts=backend.table("_kept_accounts"),
        subscriptions=relation("_kept_subscriptions", "subscriptions"),
        support_tickets=relation("_kept_support_tickets", "support_tickets"),
        churn_events=relation("_kept_churn_events", "churn_events"),
        usage_days=relation("usage_days", "usage_events"),
        usage_users=relation("usage_users", "usage_events"),
        usage_rare=relation("usage_rare", "usage_events"),
        usage_named=relation("usage_named", "usage_events"),
        data_through=data_through,
        static=tuple(static),
        fingerprint="quick",
        given=given or {name: frozenset(TABLES[name].column_names) for name in frames},
        exchange_rates=None if rates is None else backend.create_table("exchange_rates", rates),
    )


# ---------------------------------------------------------------- snapshots

NO_CALENDAR = CalendarWish()
ALL_FAMILIES = ("usage.*", "tickets.*", "subscriptions.*", "account.*")


def everybody(facts: Facts, *cutoffs: dt.date) -> pd.DataFrame:
    """Every account known at each cutoff, paying or not: a spine for features."""
    accounts = facts.accounts.select("account_id", "created_at").to_pandas()
    parts = [
        accounts.loc[accounts["created_at"] < midnight(cutoff), ["account_id"]].assign(as_of=pd.Timestamp(cutoff))
        for cutoff in cutoffs
    ]
    spine = pd.concat(parts, ignore_index=True)
    spine["as_of"] = spine["as_of"].astype("datetime64[us]")
    return spine.sort_values(["as_of", "account_id"], ignore_index=True)


def features_at(
    facts: Facts,
    *cutoffs: dt.date,
    families: Sequence[str] = ALL_FAMILIES,
    lookbacks: Sequence[int] = (7, 28, 90),
    event_names: Sequence[str] = (),
    core_events: Sequence[str] = (),
    half_lives: Sequence[int] = (14, 42),
    calendar: CalendarWish = NO_CALENDAR,
) -> pd.DataFrame:
    """Every feature of every account at the cutoffs."""
    wish = Wish(tuple(lookbacks), tuple(event_names), facts.static, tuple(core_events), tuple(half_lives), calendar)
    chosen = choose(tuple(families), (), wish, facts)
    return build_snapshots(facts, chosen, everybody(facts, *cutoffs))


class LogLines(logging.Handler):
    """What a logger was told, whoever else listens: ``caplog`` hears nothing once the command line has set logs up."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


# Fewer trees, each a bigger step, grown once, and no settings tried but these: for tests that do not ask how well a model
# ranks. The defaults are lived from end to end by test_engine's wheel.
BRISK = {"max_trees": 200, "learning_rate": 0.1, "monotone": True, "half_life": None, "linear": 0, "seeds": 1}


def be_brisk(project: Path) -> None:
    """Gives the project the default models, fitted in a fraction of the time."""
    for spec in default_models().glob("*/spec.yaml"):
        folder = project / "models" / spec.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        text = spec.read_text("utf-8") + yaml.safe_dump({"estimator": BRISK})
        (folder / "spec.yaml").write_text(text, "utf-8")
