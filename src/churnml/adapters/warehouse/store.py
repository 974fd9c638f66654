"""The store of checked tables: from the user's inputs to Parquet, and back to relations.

Parquet under the project's work folder is the truth; every connection is made anew and thrown away.
A store of checked tables is named after what it was made from, written aside and renamed into place,
so a run that is killed leaves nothing half-made and an unchanged project is not read twice. Whoever reads one holds it
(:mod:`churnml.adapters.warehouse.leases`); one that was damaged is made anew (docs/decisions/0027).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
from pydantic import TypeAdapter

import churnml
from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.warehouse import leases
from churnml.adapters.warehouse.arrival_columns import note_arrival_columns
from churnml.adapters.warehouse.asked import ever_asked
from churnml.adapters.warehouse.checking import check_and_write, make_quarantine
from churnml.adapters.warehouse.content import content_of
from churnml.adapters.warehouse.engines import Engine, open_engine
from churnml.adapters.warehouse.extent import data_end
from churnml.adapters.warehouse.forgotten import flag_forgotten
from churnml.adapters.warehouse.increments import (
    MANIFEST,
    GrowingUsage,
    Increment,
    check_increment,
    growing_usage,
    kept_increments,
    stats_of,
)
from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.inputs import register, shut_out_other_files
from churnml.adapters.warehouse.money import make_rates
from churnml.adapters.warehouse.profile import write_profile
from churnml.adapters.warehouse.reading import (
    Progress,
    Reading,
    ReadingCounts,
    files_of,
    parquet,
    quoted,
    write_parquet,
)
from churnml.adapters.warehouse.seals import DamagedError, check_sums, sealed, sums_of, unsealed
from churnml.adapters.warehouse.typed import make_typed_view
from churnml.adapters.warehouse.unmapped_currencies import must_map_currencies
from churnml.adapters.warehouse.usage import RolledUsage, StaleIncrementsError, roll_up_growing, roll_up_whole
from churnml.adapters.warehouse.versions import number_rows
from churnml.adapters.warehouse.watermarks import (
    INPUTS,
    KeptRows,
    refreshed_tables,
    register_kept,
    watermarked_inputs,
)
from churnml.arrivals import ArrivalColumn
from churnml.checks import QuarantinedRow
from churnml.remarks import Remark
from churnml.rollups import PARTS, RELATIONS
from churnml.tables import EXCHANGE_RATES, TABLES, Facts, MaybeRelation
from churnml.timeline import plus_days

log = logging.getLogger("churnml.warehouse")

# Stores of earlier data that are kept beside the present one, for whoever still reads them.
STORES_KEPT = 2
# What runs that were killed leave; those that are at work hold theirs.
LEFT_BEHIND = (".making-*", ".spill*", f"{leases.GONE}*", "usage/*/.making-*", f"usage/*/{leases.GONE}*")
# What is around it needs some more: the whole process stays under 4 GiB, with 20 million events under 2 GiB.
MEMORY_LIMIT = "2GB"
# Raised whenever the stored form changes, so that an old store is not mistaken for a new one.
STORE_FORMAT = 6
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Ingested:
    """What reading the project's tables came to.

    Args:
        path: the folder with the checked tables.
        rows: contract table → rows kept.
        quarantined: contract table → reason → rows set aside.
        warned: contract table or input → reason → rows kept with a warning.
        given: contract table → columns the project's data have.
        unmapped: contract table → columns its SELECT gives that the contract does not know.
        remarks: what was left out, taken for something else or could not be read.
        data_through: the last full day in the data.
        fingerprint: names the content.
        usage: the folders with the roll-ups of usage.
        arrival_columns: contract table → columns that look as if they said when its rows arrived and are not mapped.
    """

    path: Path
    rows: Mapping[str, int]
    quarantined: Mapping[str, Mapping[str, int]]
    warned: Mapping[str, Mapping[str, int]]
    given: Mapping[str, tuple[str, ...]]
    data_through: dt.date
    fingerprint: str
    usage: tuple[Path, ...] = ()
    unmapped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    arrival_columns: Mapping[str, tuple[ArrivalColumn, ...]] = field(default_factory=dict)

    def files(self, name: str) -> list[Path]:
        """The Parquet files of a relation; none when the project does not have it."""
        return files_of(self.usage if name in RELATIONS else [self.path], name)

    def is_empty(self, name: str) -> bool:
        """Whether a relation has no rows."""
        import pyarrow.parquet as pq

        return not any(pq.read_metadata(path).num_rows for path in self.files(name))


def ingest(
    project: Project, today: dt.date, progress: Progress = lambda _: None, parts: frozenset[str] = PARTS
) -> Ingested:
    """Reads, checks and rolls up the project's tables, unless that is already done.

    ``parts`` is what the features ask of the usage roll-ups (:data:`churnml.rollups.PARTS`); what was ever asked
    stays, so that a model registered earlier can still be scored.

    Raises:
        SourceError, ContractError, ProjectError: an input, a source or a table cannot be used.
    """
    project.check_sources()
    stores = project.work / "warehouse"
    stores.mkdir(parents=True, exist_ok=True)
    parts = ever_asked(project.work, parts, progress)
    watermarked = watermarked_inputs(project)
    if not watermarked:  # what those hold is known only once they are asked
        ready = _kept_store(stores, _store_name(project, today, parts, {}), progress)
        if ready is not None:
            return ready
    with leases.one_maker(stores, lambda: progress("another run is reading the tables; waiting for it")):
        tables = refreshed_tables(project, stores, watermarked, today, progress)
        name = _store_name(project, today, parts, tables)
        ready = _kept_store(stores, name, progress if watermarked else silent)
        if ready is not None:
            return ready
        made = _made_store(project, today, stores, name, parts, tables, progress)
        _forget_old(stores, made)
    return made


def silent(_: str) -> None:
    return None


def _made_store(
    project: Project,
    today: dt.date,
    stores: Path,
    name: str,
    parts: frozenset[str],
    tables: Mapping[str, KeptRows],
    progress: Progress,
) -> Ingested:
    """Makes a store aside and moves it into place, held."""
    growing = growing_usage(project, parts, _versions())
    stale: set[Path] = set()
    while True:
        aside = Path(tempfile.mkdtemp(prefix=".making-", dir=stores))
        try:
            kept = kept_increments(growing, stale, progress) if growing else []
            _make_store(project, today, aside, parts, tables, growing, kept, progress)
            # never in the place of another: somebody may be reading that
            target = stores / name
            if target.exists():
                target = stores / f"{name}-{uuid.uuid4().hex[:8]}"
            aside.rename(target)
            return _held(target)
        except StaleIncrementsError as problem:
            stale |= problem.folders
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _kept_store(stores: Path, name: str, progress: Progress) -> Ingested | None:
    """The store of that name, held and whole; None when it has to be made, or made anew."""
    made = [path for path in (stores / name, *stores.glob(f"{name}-*")) if path.is_dir()]
    for path in sorted(made, key=_age, reverse=True):
        try:
            ingested = _held(path)
            log.info("inputs and declarations are as they were: the checked tables are used again")
        except DamagedError as problem:
            if path.is_dir():
                where = {"path": problem.path, "how": problem.how}
                log.warning("%(path)s %(how)s: the checked tables are made anew", where)
                progress(f"checked tables damaged ({problem}): they are made anew")
            continue
        return ingested
    return None


def _held(target: Path) -> Ingested:
    """The store in a folder, which nobody takes away as long as what is returned is there; raises DamagedError."""
    lease = leases.reading([target])
    if lease is None:
        raise DamagedError(target, "is gone")
    manifest = unsealed(target / MANIFEST_FILE)
    sums = manifest.pop("sums")
    check_sums(target, sums)
    # increments lie beside the stores: ../usage/…
    usage = [Path(os.path.normpath(target / folder)) for folder in manifest["usage"]]
    ingested = TypeAdapter(Ingested).validate_python(manifest | {"path": target, "usage": usage})
    lease.lives_with(ingested)
    elsewhere = [folder for folder in usage if not folder.is_relative_to(target)]
    rolled = leases.reading(elsewhere)
    if rolled is None:
        raise DamagedError(target, "has lost increments of its usage")
    for folder in elsewhere:
        check_increment(folder)
    rolled.lives_with(ingested)
    return ingested


def _versions() -> dict[str, str | int]:
    return {"churnml": churnml.__version__, "duckdb": str(duckdb.__version__), "format": STORE_FORMAT}


def _store_name(project: Project, today: dt.date, parts: frozenset[str], tables: Mapping[str, KeptRows]) -> str:
    """Named after all that decides the content: versions, declarations, the inputs' size and time, or their rows."""
    files: dict[str, object] = {}
    for name, declared in project.spec.inputs.items():
        if declared.path is not None:
            files[name] = stats_of(project, name)
        elif name in tables:
            files[name] = tables[name].content
        else:
            files[name] = os.urandom(8).hex()  # a database's content cannot be told from outside
    made_of = {
        **_versions(),
        "parts": sorted(parts),
        "project": project.spec.model_dump(mode="json", exclude={"models", "stores", "watch", "region", "schedules"}),
        # without a declared end the data end today
        "today": None if project.spec.data_through else today.isoformat(),
        "sources": {
            name: path.read_text("utf-8-sig")
            for name in [*TABLES, EXCHANGE_RATES.name]
            if (path := project.source(name))
        },
        "files": files,
        "forgotten": project.suppression.fingerprint(),
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:20]


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another run took it away
        return 0.0


def _forget_old(stores: Path, present: Ingested) -> None:
    """Takes away what nobody needs and nobody holds; only one run at a time is in here."""
    for left in LEFT_BEHIND:
        for aside in stores.glob(left):
            leases.take_away(aside)
    usage: dict[Path, list[Path]] = {}
    for path in stores.iterdir():
        if path == present.path or path.name in ("usage", INPUTS) or path.name.startswith(".") or not path.is_dir():
            continue
        try:
            manifest = unsealed(path / MANIFEST_FILE)
            check_sums(path, manifest["sums"])
            usage[path] = [Path(os.path.normpath(path / folder)) for folder in manifest["usage"]]
        except DamagedError:  # or of an earlier form
            leases.take_away(path)
    ordered = sorted(usage, key=_age, reverse=True)
    gone = {path for path in ordered[STORES_KEPT - 1 :] if leases.take_away(path)}
    # increments that none of the stores left reads
    read = {folder for path, folders in usage.items() if path not in gone for folder in folders} | {*present.usage}
    for increment in [path.parent for path in stores.glob(f"usage/*/*/{MANIFEST}")]:
        if increment not in read and _age(increment / MANIFEST) < _age(present.path) - leases.A_DAY:
            leases.take_away(increment)


# ---------------------------------------------------------------- read back


def facts_of(ingested: Ingested, static: tuple[str, ...], engine: Engine | None = None) -> Facts:
    """The checked tables as relations of an engine: DuckDB on a connection of its own unless another is given."""
    engine = engine or _bounded_duckdb(*_spill(ingested.path.parent))
    lease = leases.reading([ingested.path, *ingested.usage])
    if lease is not None:  # ``ingested`` holds them, so it is there
        lease.lives_with(engine.backend)

    def relation(name: str) -> MaybeRelation:
        paths = ingested.files(name)
        return None if not paths or (name == "usage_rare" and ingested.is_empty(name)) else engine.relation(name, paths)

    return Facts(
        **{name: relation(name) for name in [*TABLES, *RELATIONS] if name != "usage_events"},
        data_through=ingested.data_through,
        static=static,
        fingerprint=ingested.fingerprint,
        given={name: frozenset(columns) for name, columns in ingested.given.items()},
    )


def _spill(stores: Path) -> tuple[Path, leases.Lease | None]:
    """A folder of this connection's own for what does not fit into memory, held: two would name their files alike."""
    folder = stores / f".spill-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError:  # a folder that may only be read: what does not fit is then told by the engine
        return folder, None
    return folder, leases.alone(folder)


def _bounded_duckdb(spill: Path, lease: leases.Lease | None = None) -> Engine:
    """DuckDB held to its memory: what does not fit goes to disk, and a long history does not take the machine."""
    engine = open_engine("duckdb", None, project="", store="")
    if lease is not None:
        lease.lives_with(engine.backend)
        weakref.finalize(engine.backend, shutil.rmtree, spill, ignore_errors=True)
    engine.backend.raw_sql(f"SET memory_limit = '{MEMORY_LIMIT}'")
    engine.backend.raw_sql(f"SET temp_directory = {quoted(str(spill))}")
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
    with duckdb.connect() as con:
        rows = con.execute(
            f'SELECT contract_table, reason, detail, source_row, "row" FROM {parquet([ingested.path / QUARANTINE])} '
            f"QUALIFY row_number() OVER (PARTITION BY contract_table, reason ORDER BY source_row) <= {int(limit)} "
            "ORDER BY contract_table, reason, source_row"
        ).fetchall()
    return [QuarantinedRow(*row) for row in rows]


# ---------------------------------------------------------------- making a store

QUARANTINE = "quarantine.parquet"


def _make_store(
    project: Project,
    today: dt.date,
    out: Path,
    parts: frozenset[str],
    tables: Mapping[str, KeptRows],
    growing: GrowingUsage | None,
    kept: list[Increment],
    progress: Progress,
) -> None:
    started = time.perf_counter()
    with closing(_bounded_duckdb(out / "spill")) as engine:
        reading = Reading(engine.backend, project, today, out, parts, ReadingCounts())
        con, counts = reading.con, reading.counts
        nothing_new = growing is not None and not growing.unread(kept)
        registered = _registered(reading, tables, growing, kept, progress)
        shut_out_other_files(con, project, out)
        for name, table in TABLES.items():
            source = project.source(name)
            if source is not None and not (name == "usage_events" and nothing_new):
                progress(f"checking {name}")
                make_typed_view(reading, table, source, registered)
                note_arrival_columns(reading, table, source, registered)
                must_map_currencies(reading, table, source, registered)
                number_rows(reading, table)
                flag_forgotten(reading, table)
        make_rates(reading, registered)
        end = data_end(reading, kept)
        make_quarantine(reading, registered)
        for name in [name for name in counts.given if name != "usage_events"]:
            check_and_write(reading, TABLES[name], end, out)
        if growing is None:
            rolled = roll_up_whole(reading, end, progress)
        else:
            rolled = roll_up_growing(reading, growing, kept, end, progress)
        usage = rolled.folders
        _write_quarantine(reading, usage if growing else [])
        write_profile(reading, usage, end)
        progress("naming the content")
        fingerprint = _content_fingerprint(reading, rolled)
    shutil.rmtree(out / "spill", ignore_errors=True)
    for leftover in out.glob("input-*"):
        leftover.unlink()
    counts.remarks[:] = reading.remarks()
    manifest = asdict(counts) | {
        "data_through": str(plus_days(end, -1)),
        "fingerprint": fingerprint,
        "usage": [os.path.relpath(path, out) for path in usage],
        "sums": sums_of(out),
    }
    for checked, columns in counts.given.items():
        log.info("%(table)s: read with %(columns)d columns", {"table": checked, "columns": len(columns)})
    log.info("tables checked and written in %(seconds).1f s", {"seconds": time.perf_counter() - started})
    (out / MANIFEST_FILE).write_text(sealed(manifest), "utf-8")


def _registered(
    reading: Reading,
    tables: Mapping[str, KeptRows],
    growing: GrowingUsage | None,
    kept: Sequence[Increment],
    progress: Progress,
) -> dict[str, InputTable]:
    """The inputs by name; of usage that grows, only the files that were not read before."""
    project = reading.project
    registered = {}
    for name, declared in project.spec.inputs.items():
        progress(f"reading {name}")
        only = None
        if growing is not None and name == growing.input:
            only = [project.root / file for file in growing.unread(kept)]
            if not only:
                continue
        log.info("input %(input)s opened", {"input": name})
        if name in tables:
            registered[name] = register_kept(reading.con, name, tables[name])
        else:
            registered[name] = register(reading.con, project, name, declared, reading.out, only)
    return registered


def _write_quarantine(reading: Reading, increments: Sequence[Path]) -> None:
    """Every row set aside, those of increments among them, as ``quarantine.parquet``."""
    query = "SELECT * FROM _quarantine"
    if increments:
        earlier = parquet([path / QUARANTINE for path in increments])
        query += f" WHERE contract_table <> 'usage_events' UNION ALL SELECT * FROM {earlier}"
    write_parquet(reading.con, f"SELECT * FROM ({query}) ORDER BY ALL", reading.out / QUARANTINE)


def _content_fingerprint(reading: Reading, rolled: RolledUsage) -> str:
    """Names the checked content whatever the order of its rows."""
    tables = {name: content_of(reading.con, files) for name in TABLES if (files := files_of([reading.out], name))}
    digest = hashlib.sha256()
    for name, content in [*tables.items(), *((n, rolled.content[n]) for n in RELATIONS if n in rolled.content)]:
        digest.update(f"{name}:{tuple(content)}".encode())
    digest.update(json.dumps(reading.counts.given, sort_keys=True).encode())
    return digest.hexdigest()[:20]
