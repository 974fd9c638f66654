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
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
from pydantic import TypeAdapter

import churnml
from churnml import checks
from churnml.adapters.project import Project
from churnml.adapters.warehouse import leases
from churnml.adapters.warehouse.arrival_columns import note_arrival_columns
from churnml.adapters.warehouse.asked import ever_asked
from churnml.adapters.warehouse.checked_tables import QUARANTINE, Ingested, bounded_duckdb
from churnml.adapters.warehouse.checking import check_and_write, make_quarantine
from churnml.adapters.warehouse.content import content_of
from churnml.adapters.warehouse.engines import Engine
from churnml.adapters.warehouse.extent import data_end
from churnml.adapters.warehouse.forgotten import flag_forgotten
from churnml.adapters.warehouse.increments import (
    MANIFEST,
    GrowingUsage,
    Increment,
    check_increment,
    growing_usage,
    in_use,
    judged_of,
    kept_increments,
    linked,
    stats_of,
)
from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.inputs import register, shut_out_other_files
from churnml.adapters.warehouse.money import make_rates, write_rates
from churnml.adapters.warehouse.profile import write_profile
from churnml.adapters.warehouse.reading import (
    ALL_DAYS,
    Progress,
    Reading,
    ReadingCounts,
    files_of,
    parquet,
    write_parquet,
)
from churnml.adapters.warehouse.seals import DamagedError, check_sums, sealed, sums_of, unsealed
from churnml.adapters.warehouse.shared_users import tell_shared_users
from churnml.adapters.warehouse.typed import make_typed_view
from churnml.adapters.warehouse.unmapped_currencies import must_map_currencies
from churnml.adapters.warehouse.usage import (
    JudgedUsage,
    StaleIncrementsError,
    grown_usage,
    rolled_again,
    whole_usage,
)
from churnml.adapters.warehouse.usage_remarks import tell_usage
from churnml.adapters.warehouse.versions import number_rows
from churnml.adapters.warehouse.watermarks import (
    INPUTS,
    KeptRows,
    refreshed_tables,
    register_kept,
    watermarked_inputs,
)
from churnml.rollups import PARTS, TONE
from churnml.tables import EXCHANGE_RATES, TABLES
from churnml.timeline import plus_days

log = logging.getLogger("churnml.warehouse")

# Stores of earlier data that are kept beside the present one, for whoever still reads them.
STORES_KEPT = 2
# What runs that were killed leave; those that are at work hold theirs.
LEFT_BEHIND = (".making-*", ".spill*", f"{leases.GONE}*", "usage/*/.making-*", f"usage/*/{leases.GONE}*")
# Raised whenever the stored form changes, so that an old store is not mistaken for a new one.
STORE_FORMAT = 6
MANIFEST_FILE = "manifest.json"


def ingest(
    project: Project,
    today: dt.date,
    progress: Progress = lambda _: None,
    parts: frozenset[str] = PARTS,
    since: dt.date | None = ALL_DAYS,
) -> Ingested:
    """Reads, checks and rolls up the project's tables, unless that is already done.

    ``parts`` is what the features ask of the usage roll-ups (:data:`churnml.rollups.PARTS`); what was ever asked
    stays, so that a model registered earlier can still be scored. Days before ``since`` may be left out of the
    roll-ups; None asks for none of them, only for the tables to be judged.

    Raises:
        SourceError, ContractError, ProjectError: an input, a source or a table cannot be used.
    """
    project.check_sources()
    stores = project.work / "warehouse"
    stores.mkdir(parents=True, exist_ok=True)
    parts = ever_asked(project.work, parts, progress)
    watermarked = watermarked_inputs(project)
    if not watermarked:  # what those hold is known only once they are asked
        ready = _kept_store(stores, _store_name(project, today, parts, since, {}), since, progress)
        if ready is not None:
            return ready
    with leases.one_maker(stores, lambda: progress("another run is reading the tables; waiting for it")):
        tables = refreshed_tables(project, stores, watermarked, today, progress)
        name = _store_name(project, today, parts, since, tables)
        ready = _kept_store(stores, name, since, progress if watermarked else silent)
        if ready is not None:
            return ready
        wanted = StoreWanted(project, today, name, parts, since, tables)
        made = _made_store(wanted, stores, progress)
        _forget_old(stores, made, growing_usage(project, (), None, _versions()))
    return made


@dataclass(frozen=True)
class StoreWanted:
    """A store of checked tables that is to be made.

    Args:
        project, today, parts, since: as for :func:`ingest`.
        name: what it is called.
        tables: input → the rows kept of it, where it is read by a watermark.
    """

    project: Project
    today: dt.date
    name: str
    parts: frozenset[str]
    since: dt.date | None
    tables: Mapping[str, KeptRows]

    def growing(self, *, rolled: bool) -> GrowingUsage | None:
        """How its usage grows, if it does: rolled up as it is wanted, or only judged."""
        return growing_usage(self.project, self.parts, self.since if rolled else None, _versions())

    def reading(self, engine: Engine, out: Path) -> Reading:
        """A reading that makes it, in the folder ``out``."""
        return Reading(engine.backend, self.project, self.today, out, self.parts, ReadingCounts(), self.since)


def silent(_: str) -> None:
    return None


def _made_store(wanted: StoreWanted, stores: Path, progress: Progress) -> Ingested:
    """Makes a store aside and moves it into place, held."""
    growing = wanted.growing(rolled=True)
    stale: set[Path] = set()
    while True:
        aside = Path(tempfile.mkdtemp(prefix=".making-", dir=stores))
        try:
            kept = kept_increments(growing, stale, progress) if growing else []
            if growing is not None and wanted.since is not None:
                kept += _rolled_again(wanted, growing, kept, stale, aside, progress)
            judged = None if growing else _judged_before(stores, wanted, aside)
            _make_store(wanted, aside, growing, kept, judged, progress)
            # never in the place of another: somebody may be reading that
            target = stores / wanted.name
            if target.exists():
                target = stores / f"{wanted.name}-{uuid.uuid4().hex[:8]}"
            aside.rename(target)
            return _held(target)
        except StaleIncrementsError as problem:
            stale |= problem.folders
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _rolled_again(
    wanted: StoreWanted,
    growing: GrowingUsage,
    kept: Sequence[Increment],
    stale: set[Path],
    aside: Path,
    progress: Progress,
) -> list[Increment]:
    """Increments that an earlier reading judged and nobody rolled up yet as it is wanted, rolled up."""
    base, unread = wanted.growing(rolled=False), growing.unread(kept)
    if base is None or not unread or stale:
        return []
    rolled: list[Increment] = []
    for judged in judged_of(base, unread, progress):
        progress(f"rolling up {len(judged.files)} {'file' if len(judged.files) == 1 else 'files'} judged before")
        scratch = aside / "again"
        scratch.mkdir()
        with closing(bounded_duckdb(scratch / "spill")) as engine:
            reading = wanted.reading(engine, scratch)
            rest = [one for one in growing.files if one not in judged.files]
            _registered(reading, wanted.tables, growing, rest, silent)
            shut_out_other_files(reading.con, wanted.project, scratch)
            names = next((one.names for one in (*kept, *rolled)), None)
            rolled.append(rolled_again(reading, growing, judged, names))
        shutil.rmtree(scratch)
    return rolled


def _judged_before(stores: Path, wanted: StoreWanted, aside: Path) -> Increment | None:
    """Whole usage as an earlier reading of the same judged it, where its roll-ups can be made without judging anew: its
    files are then in ``aside``."""
    for path in sorted(stores.glob(f"{_same_content(wanted.name)}.*")):
        try:
            judged = check_increment(path / "usage")
        except DamagedError:
            continue
        # lines that are no rows are told of whichever table reads their file first
        if judged.views and checks.MALFORMED not in judged.quarantined:
            return linked(judged, aside / "usage")
    return None


def _same_content(name: str) -> str:
    """What the names of all stores of the same content begin with."""
    return name.partition(".")[0]


def _kept_store(stores: Path, name: str, since: dt.date | None, progress: Progress) -> Ingested | None:
    """The store of that name, held and whole; None when it has to be made, or made anew."""
    made = [path for path in (stores / name, *stores.glob(f"{name}-*")) if path.is_dir()]
    if since is None:  # judged they all are
        made = [path for path in stores.glob(f"{_same_content(name)}.*") if path.is_dir()]
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


def _store_name(
    project: Project, today: dt.date, parts: frozenset[str], since: dt.date | None, tables: Mapping[str, KeptRows]
) -> str:
    """Named after all that decides the content (versions, declarations, the inputs' size and time, or their rows), then
    after what is rolled up of it."""
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
        "tone": TONE in parts,
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
    content = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:20]
    if since is None:
        return f"{content}.judged"
    return f"{content}.{hashlib.sha256(json.dumps([sorted(parts), str(since)]).encode()).hexdigest()[:8]}"


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another run took it away
        return 0.0


def _forget_old(stores: Path, present: Ingested, base: GrowingUsage | None) -> None:
    """Takes away what nobody needs and nobody holds; only one run at a time is in here.

    ``base`` is how the usage that grows is kept as it was judged, whatever is rolled up of it.
    """
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
    read |= in_use(base) if base else set()
    for increment in [path.parent for path in stores.glob(f"usage/*/*/{MANIFEST}")]:
        if increment not in read and _age(increment / MANIFEST) < _age(present.path) - leases.A_DAY:
            leases.take_away(increment)


# ---------------------------------------------------------------- making a store


def _make_store(
    wanted: StoreWanted,
    out: Path,
    growing: GrowingUsage | None,
    kept: list[Increment],
    judged: Increment | None,
    progress: Progress,
) -> None:
    """Makes it in ``out``; ``kept`` are increments of usage read before, ``judged`` is all of a usage that is whole."""
    started, project = time.perf_counter(), wanted.project
    with closing(bounded_duckdb(out / "spill")) as engine:
        reading = wanted.reading(engine, out)
        con, counts = reading.con, reading.counts
        nothing_new = judged is not None or (growing is not None and not growing.unread(kept))
        read = [file for increment in kept for file in increment.files]
        registered = _registered(reading, wanted.tables, growing, read, progress)
        shut_out_other_files(con, project, out)
        for name, table in TABLES.items():
            source = project.source(name)
            if source is not None and not (name == "usage_events" and nothing_new):
                progress(f"checking {name}")
                make_typed_view(reading, table, source, registered)
                note_arrival_columns(reading, table, source, registered)
                must_map_currencies(reading, table, source, registered)
                number_rows(reading, table)
                tell_shared_users(reading, table)
                flag_forgotten(reading, table)
        make_rates(reading, registered)
        write_rates(reading, out)
        end = data_end(reading, kept if judged is None else [judged])
        make_quarantine(reading, registered)
        for name in [name for name in counts.given if name != "usage_events"]:
            check_and_write(reading, TABLES[name], end, out)
        base = wanted.growing(rolled=False)
        if growing is None or base is None:
            usage = whole_usage(reading, end, judged, progress)
        else:
            usage = grown_usage(reading, growing, base, kept, end, progress)
        tell_usage(reading, usage.folders)
        _write_quarantine(reading, usage.folders)
        write_profile(reading, usage.folders, end)
        progress("naming the content")
        fingerprint = _content_fingerprint(reading, usage)
    shutil.rmtree(out / "spill", ignore_errors=True)
    for leftover in out.glob("input-*"):
        leftover.unlink()
    counts.remarks[:] = reading.remarks()
    manifest = asdict(counts) | {
        "data_through": str(plus_days(end, -1)),
        "fingerprint": fingerprint,
        "usage": [os.path.relpath(path, out) for path in usage.folders],
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
    read: Collection[str],
    progress: Progress,
) -> dict[str, InputTable]:
    """The inputs by name; of usage that grows, without the files that were ``read`` before."""
    project = reading.project
    registered = {}
    for name, declared in project.spec.inputs.items():
        progress(f"reading {name}")
        only = None
        if growing is not None and name == growing.input:
            only = [project.root / file for file in growing.files if file not in read]
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


def _content_fingerprint(reading: Reading, usage: JudgedUsage) -> str:
    """Names the checked content whatever the order of its rows."""
    tables = {name: content_of(reading.con, files) for name in TABLES if (files := files_of([reading.out], name))}
    digest = hashlib.sha256()
    for name, content in [*tables.items(), *usage.content.items()]:
        digest.update(f"{name}:{tuple(content)}".encode())
    # of an event that is kept, a value may not be: which, the checks say
    severities = checks.severities(TABLES["usage_events"], reading.project.spec.checks) if usage.folders else {}
    emptied = checks.emptied(TABLES["usage_events"], [f"warns_{r}" for r in severities if severities[r] == "warn"])
    digest.update(json.dumps(sorted(emptied)).encode())
    digest.update(json.dumps(reading.counts.given, sort_keys=True).encode())
    return digest.hexdigest()[:20]
