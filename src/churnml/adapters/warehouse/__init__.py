"""From the user's inputs to checked contract tables and roll-ups: the only room that knows DuckDB.

Parquet under the project's work folder is the truth; every connection is made anew and thrown away.
A store of checked tables is named after what it was made from, written aside and renamed into place,
so a run that is killed leaves nothing half-made and an unchanged project is not read twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis

import churnml
from churnml import checks
from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.warehouse.engines import Engine, open_engine
from churnml.adapters.warehouse.inputs import InputTable, first_line, quoted, register
from churnml.adapters.warehouse.segments import (
    ACCOUNTS,
    IDS,
    MANIFEST,
    Growing,
    Segment,
    files_of,
    growing_usage,
    keep_names,
    kept_segments,
    merged_if_many,
    names_of,
    publish,
    still_true,
    totals,
)
from churnml.adapters.warehouse.tone import write_tone
from churnml.checks import QuarantinedRow
from churnml.errors import ContractError, SourceError, did_you_mean
from churnml.rollups import BITS, NAMED, PARTS, RELATIONS, TONE, days_from_named, roll_up
from churnml.tables import TABLES, ColumnKind, Facts, Table
from churnml.timeline import end_of_data, midnight, plus_days

Progress = Callable[[str], None]
# Stores of earlier data that are kept beside the present one, for whoever still reads them.
STORES_KEPT = 2
A_DAY = 86_400.0
MEMORY_LIMIT = "3GB"
# Raised whenever the stored form changes, so that an old store is not mistaken for a new one.
STORE_FORMAT = 2
# The checked events of a reading, as a table of its connection.
KEPT_USAGE = "_kept_usage_events"


@dataclass(frozen=True)
class Ingested:
    """What reading the project's tables came to.

    Args:
        path: the folder with the checked tables.
        rows: contract table → rows kept.
        quarantined: contract table → reason → rows set aside.
        warned: contract table or input → reason → rows kept with a warning.
        given: contract table → columns the project's data have.
        data_through: the last full day in the data.
        fingerprint: names the content.
        usage: the folders with the roll-ups of usage.
    """

    path: Path
    rows: Mapping[str, int]
    quarantined: Mapping[str, Mapping[str, int]]
    warned: Mapping[str, Mapping[str, int]]
    given: Mapping[str, tuple[str, ...]]
    data_through: dt.date
    fingerprint: str
    usage: tuple[Path, ...] = ()

    def files(self, name: str) -> list[Path]:
        """The Parquet files of a relation; none when the project does not have it."""
        folders = self.usage if name in RELATIONS else (self.path,)
        return [path for folder in folders if (path := folder / f"{name}.parquet").is_file()]

    def is_empty(self, name: str) -> bool:
        """Whether a relation has no rows."""
        import pyarrow.parquet as pq

        return not any(pq.read_metadata(path).num_rows for path in self.files(name))


def ingest(
    project: Project, today: dt.date, progress: Progress = lambda _: None, parts: frozenset[str] = PARTS
) -> Ingested:
    """Reads, checks and rolls up the project's tables, or finds that already done.

    ``parts`` is what the features ask of the usage roll-ups (:data:`churnml.rollups.PARTS`); what was ever asked
    stays, so that a model registered earlier can still be scored.

    Raises:
        SourceError, ContractError, ProjectError: an input, a source or a table cannot be used.
    """
    project.check_sources()
    stores = project.work / "warehouse"
    stores.mkdir(parents=True, exist_ok=True)
    parts = _ever_asked(project.work, parts)
    target = stores / _store_name(project, today, parts)
    if (target / "manifest.json").is_file():
        return _read_manifest(target)
    growing = growing_usage(project, parts, _versions())
    without: set[Path] = set()
    while True:
        aside = Path(tempfile.mkdtemp(prefix=".making-", dir=stores))
        try:
            _make_store(_Making(project, today, aside, parts, growing, frozenset(without)), progress)
            if target.exists():
                shutil.rmtree(target)
            aside.rename(target)
            break
        except _ReopenError as found:
            without |= found.segments
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    _forget_old(stores, target)
    return _read_manifest(target)


class _ReopenError(Exception):
    """Segments that would come out otherwise now: their files are to be read anew."""

    def __init__(self, segments: set[Path]) -> None:
        super().__init__()
        self.segments = segments


def _ever_asked(work: Path, parts: frozenset[str]) -> frozenset[str]:
    path = work / "rollups.json"
    before = frozenset(json.loads(path.read_text("utf-8"))) if path.is_file() else frozenset()
    asked = (before | parts) & PARTS
    if asked != before:
        aside = work / f".rollups-{os.getpid()}.json"
        aside.write_text(json.dumps(sorted(asked)), "utf-8")
        aside.replace(path)
    return asked


def _versions() -> dict[str, Any]:
    return {"churnml": churnml.__version__, "duckdb": duckdb.__version__, "format": STORE_FORMAT}


def _store_name(project: Project, today: dt.date, parts: frozenset[str]) -> str:
    """Named after all that decides the content: versions, declarations, and the inputs' size and time."""
    said = {
        **_versions(),
        "parts": sorted(parts),
        "project": project.spec.model_dump(mode="json", exclude={"models", "stores"}),
        # without a declared end the data end today
        "today": None if project.spec.data_through else today.isoformat(),
        "sources": {name: path.read_text("utf-8-sig") for name in TABLES if (path := project.source(name))},
        "files": {},
    }
    for name, declared in project.spec.inputs.items():
        if declared.path is not None:
            stats = [(str(path), path.stat()) for path in project.input_paths(name, declared)]
            said["files"][name] = [[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats]
        else:
            said["files"][name] = os.urandom(8).hex()  # a database's content cannot be told from outside
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:20]


def _forget_old(stores: Path, present: Path) -> None:
    for aside in stores.glob(".making-*"):
        # left by a run that was killed; one that is at work now is younger
        if aside.stat().st_mtime < present.stat().st_mtime - A_DAY:
            shutil.rmtree(aside, ignore_errors=True)
    made = [p for p in stores.iterdir() if (p / "manifest.json").is_file() and p != present]
    ordered = sorted(made, key=lambda p: p.stat().st_mtime, reverse=True)
    for path in ordered[STORES_KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
    # segments that none of the stores left reads
    read = {folder for store in [present, *ordered[: STORES_KEPT - 1]] for folder in _read_manifest(store).usage}
    for manifest in stores.glob(f"usage/*/*/{MANIFEST}"):
        if manifest.parent not in read and manifest.stat().st_mtime < present.stat().st_mtime - A_DAY:
            shutil.rmtree(manifest.parent, ignore_errors=True)


def _read_manifest(target: Path) -> Ingested:
    said = json.loads((target / "manifest.json").read_text("utf-8"))
    return Ingested(
        path=target,
        rows=said["rows"],
        quarantined=said["quarantined"],
        warned=said["warned"],
        given={name: tuple(columns) for name, columns in said["given"].items()},
        data_through=dt.date.fromisoformat(said["data_through"]),
        fingerprint=said["fingerprint"],
        # stores of an earlier form have none; they are read only to be forgotten
        usage=tuple(target / folder for folder in said.get("usage", [])),
    )


# ---------------------------------------------------------------- connections


@contextmanager
def _connection(scratch: Path) -> Iterator[Any]:
    engine = open_engine("duckdb", None, project="", store="")
    backend, con = engine.backend, engine.backend.con
    # what does not fit goes to disk: a long history must not take the machine
    con.execute(f"SET temp_directory = {quoted(str(scratch))}")
    con.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    try:
        yield backend
    finally:
        engine.close()


def facts_of(ingested: Ingested, static: tuple[str, ...], engine: Engine | None = None) -> Facts:
    """The checked tables as relations of an engine: DuckDB on a connection of its own unless another is given."""
    engine = engine or _bounded(ingested)

    def relation(name: str) -> Any:
        paths = ingested.files(name)
        return engine.relation(name, paths) if paths else None

    return Facts(
        accounts=relation("accounts"),
        subscriptions=relation("subscriptions"),
        support_tickets=relation("support_tickets"),
        churn_events=relation("churn_events"),
        usage_days=relation("usage_days"),
        usage_users=relation("usage_users"),
        usage_rare=None if ingested.is_empty("usage_rare") else relation("usage_rare"),
        usage_named=relation("usage_named"),
        data_through=ingested.data_through,
        static=static,
        fingerprint=ingested.fingerprint,
        given={name: frozenset(columns) for name, columns in ingested.given.items()},
    )


def _bounded(ingested: Ingested) -> Engine:
    """DuckDB held to its memory: what does not fit is spilled beside the store."""
    engine = open_engine("duckdb", None, project="", store=ingested.fingerprint)
    engine.backend.raw_sql(f"SET memory_limit = '{MEMORY_LIMIT}'")
    engine.backend.raw_sql(f"SET temp_directory = {quoted(str(ingested.path.parent / '.spill'))}")
    return engine


def engine_of(project: Project, ingested: Ingested, name: str | None = None) -> Engine | None:
    """The engine a project's snapshots are computed on, ``name`` before what it declares; None is DuckDB."""
    chosen = name or project.spec.engine
    if chosen == "duckdb":
        return None
    where = f"{project.root / PROJECT_FILE}, stores: warehouse"
    return open_engine(chosen, project.engine_url, project=project.name, store=ingested.path.name, where=where)


def quarantine_rows(ingested: Ingested, limit: int = 50) -> list[QuarantinedRow]:
    """Rows set aside, at most ``limit`` a reason."""
    con = duckdb.connect()
    try:
        rows = con.execute(
            "SELECT contract_table, reason, detail, source_row, row "
            f"FROM read_parquet({quoted(str(ingested.path / 'quarantine.parquet'))}) "
            f"QUALIFY row_number() OVER (PARTITION BY contract_table, reason ORDER BY source_row) <= {int(limit)} "
            "ORDER BY contract_table, reason, source_row"
        ).fetchall()
        return [QuarantinedRow(*row) for row in rows]
    finally:
        con.close()


# ---------------------------------------------------------------- making a store


@dataclass(frozen=True)
class _Making:
    """A store in the making: what of, where, and which segments not to use again."""

    project: Project
    today: dt.date
    out: Path
    parts: frozenset[str]
    growing: Growing | None
    without: frozenset[Path]


def _make_store(making: _Making, progress: Progress) -> None:
    project, out, growing = making.project, making.out, making.growing
    kept = kept_segments(growing, making.without) if growing else []
    unread = _unread(growing, kept)
    with _connection(out / "spill") as backend:
        con = backend.con
        registered = {}
        for name, declared in project.spec.inputs.items():
            progress(f"reading {name}")
            only = [project.root / file for file in unread] if growing and name == growing.input else None
            if only == []:
                continue  # every file of it was read before
            registered[name] = register(con, project, name, declared, out, only)
        _shut_the_door(con, project, out)
        books = _Counts()
        for name, table in TABLES.items():
            source = project.source(name)
            if source is not None and not (name == "usage_events" and growing and not unread):
                progress(f"checking {name}")
                _stage(con, table, source, registered, project, books)
        end = _end_of_data(con, making, books, kept)
        con.execute(
            "CREATE TABLE _quarantine (contract_table VARCHAR, reason VARCHAR, detail VARCHAR, "
            'source_row BIGINT, "row" VARCHAR)'
        )
        _set_aside_malformed(con, registered, project, books)
        for name in [name for name in books.given if name != "usage_events"]:
            _check_and_write(backend, TABLES[name], project, midnight(end), out, books, tone=TONE in making.parts)
        usage = _roll_up_usage(backend, making, books, kept, unread, end, progress)
        _write_quarantine(con, out, [] if growing is None else usage)
        progress("naming the content")
        fingerprint = _content_fingerprint(con, out, books, usage)
    shutil.rmtree(out / "spill", ignore_errors=True)
    for leftover in out.glob("input-*"):
        leftover.unlink()
    relative = [os.path.relpath(path, out) for path in usage]
    said = {"data_through": str(plus_days(end, -1)), "fingerprint": fingerprint, "usage": relative}
    (out / "manifest.json").write_text(json.dumps(asdict(books) | said, indent=1, sort_keys=True), "utf-8")


def _write_quarantine(con: Any, out: Path, segments: Sequence[Path]) -> None:
    """Every row set aside, those of segments among them, as ``quarantine.parquet``."""
    query = "SELECT * FROM _quarantine"
    if segments:
        listed = ", ".join(quoted(str(path / "quarantine.parquet")) for path in segments)
        query += f" WHERE contract_table <> 'usage_events' UNION ALL SELECT * FROM read_parquet([{listed}])"
    _write(con, f"SELECT * FROM ({query}) ORDER BY ALL", out / "quarantine.parquet")


def _unread(growing: Growing | None, kept: Sequence[Segment]) -> list[str]:
    """The files of growing usage that no kept segment holds."""
    held = {file for segment in kept for file in segment.files}
    return [file for file in growing.files if file not in held] if growing else []


def _roll_up_usage(
    backend: Any,
    making: _Making,
    books: _Counts,
    kept: list[Segment],
    unread: Sequence[str],
    end: dt.date,
    progress: Progress,
) -> list[Path]:
    """The folders that hold the roll-ups of usage; new events are checked and rolled up first."""
    con, growing, table = backend.con, making.growing, TABLES["usage_events"]
    if growing is None:
        if table.name not in books.given:
            return []
        folder = making.out / "usage"
        folder.mkdir()
        _check_and_write(backend, table, making.project, midnight(end), folder, books)
        progress("rolling up usage")
        write_rollups(backend, folder, making.parts, frequent_names(con))
        return [folder]
    changed = {s.path for s in kept if not still_true(con, s, end, making.today)}
    if changed:
        raise _ReopenError(changed)
    segments = [*kept, *([_new_segment(backend, making, books, kept, unread, end, progress)] if unread else [])]
    segments = merged_if_many(con, growing, segments)
    books.rows[table.name], quarantined, warned = totals(segments)
    books.given[table.name] = list(segments[0].given)
    books.quarantined = {k: v for k, v in books.quarantined.items() if k != table.name}
    books.warned = {k: v for k, v in books.warned.items() if k != table.name}
    books.quarantined |= {table.name: quarantined} if quarantined else {}
    books.warned |= {table.name: warned} if warned else {}
    return [segment.path for segment in segments]


def _new_segment(
    backend: Any,
    making: _Making,
    books: _Counts,
    kept: Sequence[Segment],
    unread: Sequence[str],
    end: dt.date,
    progress: Progress,
) -> Segment:
    """Checks and rolls up the files that were not read before."""
    con, growing, table = backend.con, making.growing, TABLES["usage_events"]
    assert growing is not None  # noqa: S101 - for the type checker
    folder = making.out / "segment"
    folder.mkdir()
    named = "event_id" in books.given[table.name]
    _check_and_write(backend, table, making.project, midnight(end), folder, books, files_of(kept, IDS))
    progress(f"rolling up {len(unread)} new {'file' if len(unread) == 1 else 'files'} of usage")
    names = names_of(growing)
    if names is None:
        names = frequent_names(con)
        keep_names(growing, names)
    write_rollups(backend, folder, making.parts, names)
    if named:
        _write(
            con,
            "SELECT hash(event_id) AS id FROM _kept_usage_events WHERE event_id IS NOT NULL",
            folder / f"{IDS}.parquet",
        )
    seen = "SELECT DISTINCT account_id FROM _typed_usage_events WHERE account_id IS NOT NULL"
    accounts = f"SELECT account_id, created_at FROM ({seen}) LEFT JOIN _kept_accounts USING (account_id)"
    _write(con, accounts, folder / f"{ACCOUNTS}.parquet")
    _write(
        con,
        f"SELECT * FROM _quarantine WHERE contract_table = '{table.name}' ORDER BY ALL",
        folder / "quarantine.parquet",
    )
    newest = con.execute("SELECT max(occurred_at)::VARCHAR FROM _kept_usage_events").fetchall()[0][0]
    quarantined = books.quarantined.get(table.name, {})
    segment = Segment(
        path=folder,
        files={file: growing.files[file] for file in unread},
        rows=books.rows[table.name],
        quarantined=quarantined,
        warned=books.warned.get(table.name, {}),
        given=tuple(books.given[table.name]),
        newest=newest,
        end=end.isoformat(),
        future="future" in quarantined,
        today=making.today.isoformat(),
    )
    return publish(growing, segment)


@dataclass
class _Counts:
    """What is counted on the way; becomes the manifest."""

    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, dict[str, int]] = field(default_factory=dict)
    warned: dict[str, dict[str, int]] = field(default_factory=dict)
    given: dict[str, list[str]] = field(default_factory=dict)


def _shut_the_door(con: Any, project: Project, out: Path) -> None:
    """From here on no SQL, ours or the project's, reads any file but the declared inputs."""
    files = [p for n, i in project.spec.inputs.items() if i.path is not None for p in project.input_paths(n, i)]
    paths = dict.fromkeys(str(path) for file in files for path in (file, file.resolve()))
    con.execute(f"SET allowed_paths = [{', '.join(quoted(path) for path in paths)}]")
    own = [str(out), str(project.work / "warehouse" / "usage")]
    con.execute(f"SET allowed_directories = [{', '.join(quoted(path) for path in own)}]")
    con.execute("SET enable_external_access = false")


def _stage(
    con: Any,
    table: Table,
    source: Path,
    registered: Mapping[str, InputTable],
    project: Project,
    books: _Counts,
) -> None:
    """A source with its columns read into types, as the view ``_typed_<name>``: rows are read when judged."""
    said = source.read_text("utf-8-sig").strip().rstrip(";")
    # names that begin with an underscore are ours: an input's name cannot
    raw, view = _name(f"_raw_{table.name}"), _name(f"_typed_{table.name}")
    _must_be_one_select(said, con, source)
    try:
        con.execute(f"CREATE TEMP VIEW {raw} AS {said}")
    except duckdb.Error as problem:
        raise _source_error(problem, source, registered) from None
    types = {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE {raw}").fetchall()}
    _must_have_columns(table, types, source, registered, said)
    columns = _columns_of(table, types, project, source)
    typed = [f"{_typed(name, kind, types[name], project)} AS {_name(name)}" for name, kind in columns.items()]
    # when a fact was known, where the data do not say
    filled = ["coalesce(known_at, " + table.dated_by + ") AS known_at"] if "known_at" in table.column_names else []
    if table.name == "support_tickets":
        filled.append("CASE WHEN csat IS NOT NULL THEN coalesce(csat_at, resolved_at) ELSE csat_at END AS csat_at")
    replaced = f" REPLACE ({', '.join(filled)})" if filled else ""
    absent = [f"NULL::{SQL_TYPES[c.kind]} AS {_name(c.name)}" for c in table.columns if c.name not in columns]
    trouble = ", ".join(
        f"CASE WHEN {_said(name, types[name])} AND {_typed(name, kind, types[name], project)} IS NULL THEN '{name}' END"
        for name, kind in columns.items()
    )
    number = "source_row::BIGINT" if "source_row" in types else "row_number() OVER ()"
    con.execute(
        f"CREATE TEMP VIEW {view} AS SELECT *{replaced} FROM ("
        f"SELECT {', '.join(typed + absent)}, {number} AS source_row, "
        f"nullif(concat_ws(', ', {trouble}), '') AS unreadable, to_json(r)::VARCHAR AS source FROM {raw} AS r)"
    )
    books.given[table.name] = list(columns)
    try:
        empty = not con.execute(f"SELECT 1 FROM {raw} LIMIT 1").fetchall()
    except duckdb.Error as problem:
        raise _source_error(problem, source, registered) from None
    if empty:
        _must_not_be_empty(table, source, books)


LARGEST = 9_000_000_000_000
SQL_TYPES = {
    ColumnKind.ID: "VARCHAR",
    ColumnKind.TIME: "TIMESTAMP",
    ColumnKind.MONEY: "DOUBLE",
    ColumnKind.NUMBER: "DOUBLE",
    ColumnKind.COUNT: "BIGINT",
    ColumnKind.FLAG: "BOOLEAN",
    ColumnKind.CATEGORY: "VARCHAR",
    ColumnKind.TEXT: "VARCHAR",
}


def _must_be_one_select(said: str, con: Any, source: Path) -> None:
    try:
        statements = con.extract_statements(said)
    except duckdb.Error as problem:
        raise SourceError("This is not valid SQL.", where=str(source), remedy=first_line(problem)) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise SourceError(
            "A source must be one SELECT.",
            where=str(source),
            remedy="Write a single SELECT over the declared inputs.",
        )


def _source_error(problem: duckdb.Error, source: Path, registered: Mapping[str, InputTable]) -> SourceError:
    message = first_line(problem)
    if found := re.search(r"Table with name (.+?) does not exist", message):
        return SourceError(
            f"There is no input named '{found.group(1)}'.",
            where=str(source),
            remedy=f"{did_you_mean(found.group(1), registered)} Inputs are declared in {PROJECT_FILE}.",
        )
    if found := re.search(r'column "(.+?)" not found', message):
        text = source.read_text("utf-8-sig")
        used = [r for name, r in registered.items() if re.search(rf"\b{re.escape(name)}\b", text)]
        columns = [column for r in used for column in r.columns]
        return SourceError(
            f"The inputs have no column '{found.group(1)}'.",
            where=str(source),
            remedy=did_you_mean(found.group(1), columns) + _delimiter_hint(used),
        )
    return SourceError("The source cannot be run.", where=str(source), remedy=message)


def _delimiter_hint(used: list[InputTable]) -> str:
    for registered in used:
        only = registered.columns[0] if len(registered.columns) == 1 else ""
        for mark, spoken in ((";", ";"), ("\t", "\\t"), ("|", "|"), (",", ",")):
            if mark in only and mark != registered.delimiter:
                return (
                    f" Input '{registered.name}' has a single column with '{spoken}' in its name: "
                    f"set its delimiter to '{spoken}' in {PROJECT_FILE}."
                )
    return ""


def _must_have_columns(
    table: Table, types: Mapping[str, str], source: Path, registered: Mapping[str, InputTable], said: str
) -> None:
    for name in table.required:
        if name not in types:
            have = [column for column in types if column not in table.column_names] or list(types)
            used = [r for n, r in registered.items() if re.search(rf"\b{re.escape(n)}\b", said)]
            raise ContractError(
                f"Table {table.name} lacks its required column '{name}' ({table.column(name).means}).",
                where=str(source),
                remedy=f"Select it, for instance as '… AS {name}'. {did_you_mean(name, have)}{_delimiter_hint(used)}",
            )


def _columns_of(table: Table, types: Mapping[str, str], project: Project, source: Path) -> dict[str, ColumnKind]:
    """The columns of the source that are taken: the contract's, and on accounts the declared static ones."""
    columns = {column.name: column.kind for column in table.columns if column.name in types}
    if table.name == "accounts":
        for name in project.spec.static:
            if name not in types:
                raise ContractError(
                    f"The project declares '{name}' static, but table accounts has no such column.",
                    where=f"{project.root / PROJECT_FILE}, static:",
                    remedy=did_you_mean(
                        name, [c for c in types if c not in ("account_id", "created_at", "source_row")]
                    ),
                )
            columns[name] = ColumnKind.CATEGORY
    for name, kind in columns.items():
        if kind is ColumnKind.TIME and types[name].startswith(
            ("TINY", "SMALL", "INT", "BIG", "HUGE", "U", "DOUBLE", "FLOAT")
        ):
            raise ContractError(
                f"Column '{name}' of table {table.name} must be a time, but it holds numbers ({types[name]}).",
                where=str(source),
                remedy=f"Convert it in the SELECT, for instance make_timestamp_ms({name}) AS {name}.",
            )
    return columns


def _said(name: str, sql_type: str) -> str:
    column = _name(name)
    return f"{column} IS NOT NULL AND trim({column}) <> ''" if sql_type == "VARCHAR" else f"{column} IS NOT NULL"


def _typed(name: str, kind: ColumnKind, sql_type: str, project: Project) -> str:
    """SQL that reads a column of the source as ``kind``; null where it cannot be read."""
    column = _name(name)
    zone = quoted(project.spec.timezone)
    if kind is ColumnKind.TIME:
        if sql_type == "TIMESTAMP WITH TIME ZONE":
            return f"timezone({zone}, {column})"
        if sql_type != "VARCHAR":
            return f"TRY_CAST({column} AS TIMESTAMP)"
        formats = ", ".join(quoted(f) for f in project.spec.time_formats)
        own = f"TRY_STRPTIME(trim({column}), [{formats}])::TIMESTAMP, " if formats else ""
        # a time with an offset is an instant; one without is the project's wall clock
        has_offset = f"regexp_matches(trim({column}), '\\d\\d:\\d\\d.*([zZ]|[+-]\\d\\d(:?\\d\\d)?)$')"
        iso = f"TRY_CAST(trim({column}) AS TIMESTAMP)"
        instant = f"timezone({zone}, TRY_CAST(trim({column}) AS TIMESTAMPTZ))"
        return f"coalesce({own}CASE WHEN {has_offset} THEN {instant} ELSE {iso} END)"
    if kind in (ColumnKind.MONEY, ColumnKind.NUMBER):
        number = f"TRY_CAST({column} AS DOUBLE)"
        # larger numbers than this cannot be kept to six decimals, and are no quantity of anything
        return f"CASE WHEN abs({number}) < {LARGEST} THEN {number} END"
    if kind is ColumnKind.COUNT:
        number = f"TRY_CAST({column} AS DOUBLE)"
        return f"CASE WHEN {number} = floor({number}) AND abs({number}) < {LARGEST} THEN {number}::BIGINT END"
    if kind is ColumnKind.FLAG:
        text = f"lower(trim({column}::VARCHAR))"
        spoken = f"CASE {text} WHEN 'yes' THEN true WHEN 'y' THEN true WHEN 'no' THEN false WHEN 'n' THEN false"
        return f"{spoken} ELSE TRY_CAST({text} AS BOOLEAN) END"
    # names are compared to the letter, but blanks around them are an export's, not a name's
    return (
        f"nullif(trim({column}::VARCHAR), '')" if kind in (ColumnKind.ID, ColumnKind.CATEGORY) else f"{column}::VARCHAR"
    )


def _must_not_be_empty(table: Table, source: Path, books: _Counts) -> None:
    if table.name in ("accounts", "subscriptions"):
        raise ContractError(
            f"Table {table.name} has no rows.",
            where=str(source),
            remedy="Check the input file and the SELECT's WHERE.",
        )
    books.warned.setdefault(table.name, {})["empty_table"] = 1


def _end_of_data(con: Any, making: _Making, books: _Counts, kept: Sequence[Segment]) -> dt.date:
    """The first date after the data: as declared, else after the newest usage that is not in the future."""
    project, today = making.project, making.today
    if project.spec.data_through is not None:
        return end_of_data(project.spec.data_through)
    dated = [t for t in ("usage_events", "support_tickets", "subscriptions") if t in books.given]
    if kept and "usage_events" not in dated:
        return end_of_data(max(dt.date.fromisoformat(s.newest[:10]) for s in kept if s.newest is not None))
    for name in dated:
        newest = con.execute(
            f"SELECT max({TABLES[name].dated_by})::DATE FROM {_name('_typed_' + name)} "
            f"WHERE {TABLES[name].dated_by} < {quoted(str(end_of_data(today)))}::TIMESTAMP"
        ).fetchall()[0][0]
        if name == "usage_events":
            read_before = [dt.date.fromisoformat(s.newest[:10]) for s in kept if s.newest is not None]
            newest = max([*read_before, *([newest] if newest is not None else [])], default=None)
        if newest is not None:
            return end_of_data(newest)
    return end_of_data(today)


def _set_aside_malformed(con: Any, registered: Mapping[str, InputTable], project: Project, books: _Counts) -> None:
    """Lines of a CSV that are no rows, booked to the first table that reads the file."""
    for name, found in registered.items():
        for reason, count in found.warned.items():
            books.warned.setdefault(name, {})[reason] = count
        readers = [
            table
            for table in books.given
            if re.search(rf"\b{re.escape(name)}\b", (project.source(table) or Path()).read_text("utf-8-sig"))
        ]
        if found.rejects and readers:
            con.executemany(
                "INSERT INTO _quarantine VALUES (?, ?, ?, ?, ?)",
                [(readers[0], checks.MALFORMED, why, line, json.dumps(text)) for line, text, why in found.rejects],
            )
            books.quarantined.setdefault(readers[0], {})[checks.MALFORMED] = len(found.rejects)


def _check_and_write(
    backend: Any,
    table: Table,
    project: Project,
    end: dt.datetime,
    out: Path,
    books: _Counts,
    seen_ids: Sequence[str] = (),
    *,
    tone: bool = False,
) -> None:
    """Judges every row, sets the bad ones aside, writes the rest as ``<table>.parquet``.

    ``seen_ids`` are files with the hashed ids of events read before: whoever repeats one is a duplicate.
    """
    con = backend.con
    accounts = None if table.name == "accounts" else backend.table("_kept_accounts")
    declared = {scope: {k: v.value for k, v in said.items()} for scope, said in project.spec.checks.items()}
    judged = checks.verdicts(backend.table("_typed_" + table.name), table, accounts, end, declared)
    warnings = [column for column in judged.columns if column.startswith("warns_")]
    # a view, judged once for the bad rows and once for the rest, so that the good ones are never copied whole
    query = str(ibis.to_sql(judged, dialect="duckdb"))
    if seen_ids and checks.severities(table, declared)[checks.DUPLICATE] is checks.CheckAction.QUARANTINE:
        seen = f"SELECT id FROM read_parquet([{', '.join(quoted(path) for path in seen_ids)}])"
        repeated = f"CASE WHEN event_id IS NOT NULL AND hash(event_id) IN ({seen}) THEN '{checks.DUPLICATE}' END"
        query = f"SELECT * REPLACE (coalesce(problem, {repeated}) AS problem) FROM ({query})"
    con.execute(f"CREATE OR REPLACE TEMP VIEW _judged AS {query}")
    try:
        con.execute(
            "INSERT INTO _quarantine "
            "SELECT ?, problem, unreadable, source_row, source FROM _judged WHERE problem IS NOT NULL",
            [table.name],
        )
        _keep(con, table, project, warnings)
        _count_repeats(con, table, declared, books)
    except duckdb.Error as problem:
        where = str(project.source(table.name))
        raise SourceError("The source cannot be run.", where=where, remedy=first_line(problem)) from None
    aside = con.execute(
        "SELECT reason, count(*) FROM _quarantine WHERE contract_table = ? AND reason <> ? GROUP BY ALL ORDER BY 1",
        [table.name, checks.MALFORMED],
    ).fetchall()
    for reason, count in aside:
        books.quarantined.setdefault(table.name, {})[reason] = int(count)
    kept = _name("_kept_" + table.name)
    for column in warnings:
        count = con.execute(f"SELECT count(*) FROM {kept} WHERE {_name(column)}").fetchall()[0][0]
        if count:
            books.warned.setdefault(table.name, {})[column.removeprefix("warns_")] = int(count)
        con.execute(f"ALTER TABLE {kept} DROP COLUMN {_name(column)}")
    books.rows[table.name] = con.execute(f"SELECT count(*) FROM {kept}").fetchall()[0][0]
    if table.name in ("accounts", "subscriptions") and books.rows[table.name] == 0:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in aside)
        raise ContractError(
            f"Every row of table {table.name} was set aside ({reasons}).",
            where=str(project.source(table.name)),
            remedy="Mend the rows, declare time_formats: if dates cannot be read, or let a check warn under checks:.",
        )
    if tone and table.name == "support_tickets" and {"subject", "body"} & set(books.given[table.name]):
        write_tone(con, kept)
    if table.name != "usage_events":  # of usage, the roll-ups are kept
        _write(con, f"SELECT * FROM {kept} ORDER BY ALL", out / f"{table.name}.parquet")


def _count_repeats(con: Any, table: Table, declared: Mapping[str, Mapping[str, str]], books: _Counts) -> None:
    """Counts rows that repeat others to the letter, where rows have no key to tell; setting them aside is declared."""
    severity = checks.severities(table, declared)[checks.REPEATED]
    if set(table.key) & set(table.required) or severity is not checks.CheckAction.WARN:
        return
    columns = ", ".join(_name(name) for name in books.given[table.name])
    kept = "FROM _judged WHERE problem IS NULL"
    # a named event is no repeat of another: its own check speaks of it
    unnamed = " ".join(f"AND {_name(name)} IS NULL" for name in table.key)
    different = f"SELECT DISTINCT {columns} {kept} {unnamed}"
    found = con.execute(f"SELECT (SELECT count(*) {kept} {unnamed}) - (SELECT count(*) FROM ({different}))").fetchall()[
        0
    ][0]
    if found:
        books.warned.setdefault(table.name, {})[checks.REPEATED] = int(found)


# Of usage, what the roll-ups need.
USAGE_COLUMNS = ("account_id", "occurred_at", "event", "user_id", "quantity", "known_at")


def _keep(con: Any, table: Table, project: Project, warnings: Sequence[str]) -> None:
    """The rows of ``_judged`` that nothing is wrong with, as the table ``_kept_<name>``."""
    names = [c.name for c in table.columns]
    if table.name == "usage_events":
        grows = any(declared.grows for declared in project.spec.inputs.values())
        names = [name for name in names if name in USAGE_COLUMNS or (grows and name == "event_id")]
    if table.name == "accounts":
        names += [name for name in project.spec.static if name not in names]
    columns = [_name(name) for name in [*names, *warnings]]
    if "known_at" in names and table.name != "subscriptions":
        # nothing is known before it happened, whatever a clock says
        columns[names.index("known_at")] = f'greatest("known_at", {_name(table.dated_by)}) AS "known_at"'
    con.execute(
        f"CREATE TEMP TABLE {_name('_kept_' + table.name)} AS "
        f"SELECT {', '.join(columns)} FROM _judged WHERE problem IS NULL"
    )


def write_rollups(backend: Any, out: Path, parts: frozenset[str], names: Sequence[str]) -> None:
    """Writes the roll-ups of ``_kept_usage_events`` as Parquet files."""
    con = backend.con
    events = backend.table(KEPT_USAGE)
    rolled = roll_up(events, names, parts)
    if NAMED in parts:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE _usage_named AS {ibis.to_sql(rolled['usage_named'], dialect='duckdb')}"
        )
        rolled["usage_named"] = backend.table("_usage_named")
        rolled["usage_days"] = days_from_named(rolled["usage_named"], names, parts)
    for name, relation in rolled.items():
        _write(con, ibis.to_sql(relation, dialect="duckdb"), out / f"{name}.parquet", "snappy")
    con.execute("DROP TABLE IF EXISTS _usage_named")


def frequent_names(con: Any) -> list[str]:
    """The event names that get a bit of their own, most frequent first."""
    found = con.execute(
        f"SELECT event FROM _kept_usage_events GROUP BY event ORDER BY count(*) DESC, event LIMIT {BITS}"
    ).fetchall()
    return [row[0] for row in found]


def _content_fingerprint(con: Any, out: Path, books: _Counts, usage: Sequence[Path]) -> str:
    """Names the checked content whatever the order of its rows."""
    digest = hashlib.sha256()
    for name in [*TABLES, *RELATIONS]:
        folders = usage if name in RELATIONS else [out]
        paths = [quoted(str(path)) for folder in folders if (path := folder / f"{name}.parquet").is_file()]
        if paths:
            found = con.execute(
                "SELECT count(*), bit_xor(hash(t)), sum(hash(t)::HUGEINT) "
                f"FROM read_parquet([{', '.join(paths)}], union_by_name = true) AS t"
            ).fetchall()
            digest.update(f"{name}:{found[0]}".encode())
    digest.update(json.dumps(books.given, sort_keys=True).encode())
    return digest.hexdigest()[:20]


def _write(con: Any, query: str, path: Path, compression: str = "zstd") -> None:
    con.execute(f"COPY ({query}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION {compression})")


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
