"""Checked tables as they lie in their store, and back to relations of an engine."""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.warehouse import leases
from churnml.adapters.warehouse.engines import Engine, open_engine
from churnml.adapters.warehouse.reading import files_of, parquet, quoted
from churnml.arrivals import ArrivalColumn
from churnml.checks import QuarantinedRow
from churnml.remarks import Remark
from churnml.rollups import RELATIONS
from churnml.tables import EXCHANGE_RATES, TABLES, Facts, MaybeRelation

# What is around it needs some more: the whole process stays under 4 GiB, with 20 million events under 2 GiB.
MEMORY_LIMIT = "2GB"
QUARANTINE = "quarantine.parquet"


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
        usage: the folders with the roll-ups of usage; without roll-ups where the tables were only judged.
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


def facts_of(ingested: Ingested, static: tuple[str, ...], engine: Engine | None = None) -> Facts:
    """The checked tables as relations of an engine: DuckDB on a connection of its own unless another is given."""
    engine = engine or bounded_duckdb(*_spill(ingested.path.parent))
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
        exchange_rates=relation(EXCHANGE_RATES.name),
    )


def _spill(stores: Path) -> tuple[Path, leases.Lease | None]:
    """A folder of this connection's own for what does not fit into memory, held: two would name their files alike."""
    folder = stores / f".spill-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError:  # a folder that may only be read: what does not fit is then told by the engine
        return folder, None
    return folder, leases.alone(folder)


def bounded_duckdb(spill: Path, lease: leases.Lease | None = None) -> Engine:
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
