"""Tables of databases read by a watermark: what was read before is kept, and only what was written since is asked for.

Rows whose watermark lies before the newest by more than the look-back are the older ones: they are read once. All
others, and those without a watermark, are the window, which is read again each time and replaces itself, so that a row
that was deleted or changed there is seen. Where a ``key`` is declared, a row that comes in again takes the place of the
older one. After each reading the database is asked how many older rows it has: when that is not how many are kept, a
row came late, changed or went beyond the look-back, and the table is read whole.

The kept rows lie under ``warehouse/inputs`` in the work folder, as the database gave them. A list of them is written
last and moved into place, so a run that ends before leaves what was there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from churnml.adapters.environment import PROJECT_FILE, with_environment
from churnml.adapters.project import Project
from churnml.adapters.warehouse import leases
from churnml.adapters.warehouse.databases import OpenTable, open_table
from churnml.adapters.warehouse.input_tables import InputTable, columns_of
from churnml.adapters.warehouse.reading import Progress, identifier, only, parquet, quoted, write_parquet
from churnml.adapters.warehouse.seals import DamagedError, check_sums, sealed, sums_of, unsealed
from churnml.errors import SourceError, did_you_mean
from churnml.specs.inputs import Input

if TYPE_CHECKING:
    import sqlalchemy as sa

log = logging.getLogger("churnml.warehouse")

INPUTS = "inputs"
STATE = "state.json"
# Raised when what is kept changes its form.
FORMAT = 1
# With more files than this, they are put into one.
MANY = 24
LOOK_BACK_DAYS = 3
WATERMARK_TEXT = re.compile(r"\d{4}-\d\d-\d\d([ T].*)?")
# A number as large as this is the time of a day after 1973 in seconds; a thousand times, in milliseconds.
SECONDS = 100_000_000

Time = dt.datetime | dt.date | str | int


@dataclass(frozen=True)
class KeptFile:
    """A file of rows: its name, how many, and hashes that do not depend on their order."""

    name: str
    rows: int
    added: int
    mixed: int


@dataclass(frozen=True)
class KeptRows:
    """The rows of a table as they are kept.

    Args:
        folder: where.
        declared: names the declaration they were read by.
        columns: the table's columns.
        before: the older rows are those whose watermark lies before this; as the database has it, or None.
        older: the files of the older rows.
        window: the file of all others.
    """

    folder: Path
    declared: str
    columns: tuple[str, ...]
    before: Time | None
    older: tuple[KeptFile, ...]
    window: KeptFile

    @property
    def paths(self) -> list[Path]:
        return [self.folder / file.name for file in (*self.older, self.window)]

    @property
    def older_rows(self) -> int:
        return sum(file.rows for file in self.older)

    @property
    def content(self) -> str:
        """Names the rows, whatever their order and in which file they are."""
        files = (*self.older, self.window)
        mixed = 0
        for file in files:
            mixed ^= file.mixed
        text = json.dumps([self.columns, sum(f.rows for f in files), str(sum(f.added for f in files)), mixed])
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def watermarked_inputs(project: Project) -> list[str]:
    """The inputs that are read by a watermark: none where anybody was forgotten, whose rows would be kept with it."""
    if project.suppression:
        return []
    return [name for name, declared in project.spec.inputs.items() if declared.watermark is not None]


def refreshed_tables(
    project: Project, stores: Path, names: Sequence[str], today: dt.date, progress: Progress
) -> dict[str, KeptRows]:
    """What is kept of each table, after what was written since was read; of others, nothing stays.

    Raises:
        SourceError, UnavailableError: a table cannot be read, or not by its watermark.
    """
    if not names:
        take_kept_rows_away(stores)
    return {name: refreshed(project, stores, name, project.spec.inputs[name], today, progress) for name in names}


def refreshed(
    project: Project, stores: Path, name: str, declared: Input, today: dt.date, progress: Progress
) -> KeptRows:
    """What is kept of a table, after what was written since was read; only one run at a time is in here.

    Raises:
        SourceError, UnavailableError: the table cannot be read, or not by that watermark.
    """
    folder = stores / INPUTS / name
    folder.mkdir(parents=True, exist_ok=True)
    key = _declared(project, name, declared)
    kept = _kept(folder, key, progress)
    where = f"{project.root / PROJECT_FILE}, inputs: {name}"
    with open_table(project, name, declared) as table:
        reading = _Reading(table, declared, folder, key, where, today)
        reading.must_have_columns()
        now = reading.since(kept) if kept is not None and kept.columns == tuple(table.columns()) else None
        if now is None:
            if kept is not None and kept.before is not None:
                progress(f"{name} changed before its look-back: it is read whole")
                log.warning("input %(input)s changed before its look-back: it is read whole", {"input": name})
            now = reading.whole()
    return _written(now, kept)


def register_kept(con: duckdb.DuckDBPyConnection, name: str, kept: KeptRows) -> InputTable:
    """The kept rows as the view ``name``, each with its place among all of them."""
    selects, before = [], 0
    for file in (*kept.older, kept.window):
        rows = f"read_parquet({quoted(only(kept.folder / file.name))}, file_row_number = true)"
        selects.append(f"SELECT * EXCLUDE (file_row_number), file_row_number + {before + 1} AS source_row FROM {rows}")
        before += file.rows
    con.execute(f"CREATE VIEW {identifier(name)} AS {' UNION ALL '.join(selects)}")
    return InputTable(name, columns_of(con, name), {}, ())


def forget_kept_rows(stores: Path) -> None:
    """Removes what is kept, so that every table is read whole."""
    if (stores / INPUTS).is_dir():
        with leases.one_maker(stores, lambda: log.info("another run is reading the tables; waiting for it")):
            take_kept_rows_away(stores)


def take_kept_rows_away(stores: Path) -> None:
    """Removes what is kept; only one run at a time is in here."""
    shutil.rmtree(stores / INPUTS, ignore_errors=True)


@dataclass(frozen=True)
class _Reading:
    """A table being read by its watermark."""

    table: OpenTable
    declared: Input
    folder: Path
    key: str
    where: str
    today: dt.date

    def must_have_columns(self) -> None:
        columns = self.table.columns()
        for column in (self.declared.watermark or "", *self.declared.key):
            if column not in columns:
                raise SourceError(
                    f"Table '{self.declared.table}' has no column '{column}'.",
                    where=self.where,
                    remedy=did_you_mean(column, columns),
                )

    def whole(self) -> KeptRows:
        before = self._before()
        older = [] if before is None else [self._copied(self._watermark < before)]
        window = self._copied(None if before is None else self._in_window(before))
        return self._rows(before, [file for file in older if file.rows], window)

    def since(self, kept: KeptRows) -> KeptRows | None:
        """The kept rows with what was written since; None where the older ones are no longer the database's."""
        before = self._before()
        if kept.before is None or before is None or type(before) is not type(kept.before):
            return None
        before = max(before, kept.before)
        older = list(kept.older)
        new = []
        if before != kept.before:
            new = [self._copied((self._watermark >= kept.before) & (self._watermark < before))]
        window = self._copied(self._in_window(before))
        if self.declared.key:
            older = [self._without(file, [*new, window]) for file in older]
        older = self._together([file for file in (*older, *new) if file.rows])
        now = self._rows(before, older, window)
        import sqlalchemy as sa

        there = self.table.one(sa.func.count(), where=self._watermark < before)[0]
        return now if there == now.older_rows else None

    @property
    def _watermark(self) -> sa.ColumnElement[Any]:
        import sqlalchemy as sa

        return sa.column(self.declared.watermark or "")

    def _in_window(self, before: Time) -> sa.ColumnElement[bool]:
        return (self._watermark >= before) | self._watermark.is_(None)

    def _before(self) -> Time | None:
        """The watermark that the look-back begins at; None where no row has one."""
        import sqlalchemy as sa

        newest = self.table.one(sa.func.max(self._watermark))[0]
        if newest is None:
            return None
        # a row that says it was written in a year to come must not keep those that are written now from being read
        tomorrow = day_like(newest, self.today + dt.timedelta(days=1))
        if tomorrow is None:
            raise SourceError(
                f"Column '{self.declared.watermark}' of table '{self.declared.table}' is no time, so it cannot be "
                "a watermark.",
                where=self.where,
                remedy="Name a column with the time a row was last written: a time, a date, text as ISO writes them, "
                "or seconds or milliseconds since 1970. Without a watermark the table is read whole each time.",
            )
        if newest >= tomorrow:
            newest = self.table.one(sa.func.max(self._watermark), where=self._watermark < tomorrow)[0]
        return None if newest is None else days_before(newest, self.declared.look_back_days or LOOK_BACK_DAYS)

    def _copied(self, where: sa.ColumnElement[bool] | None) -> KeptFile:
        target = self.folder / f"{uuid.uuid4().hex[:12]}.parquet"
        self.table.copy(target, where)
        return _described(target)

    def _without(self, file: KeptFile, newer: Sequence[KeptFile]) -> KeptFile:
        """A file without the rows whose key came in again."""
        same = " AND ".join(f"was.{identifier(c)} IS NOT DISTINCT FROM now.{identifier(c)}" for c in self.declared.key)
        again = parquet([self.folder / one.name for one in newer])
        old = parquet([self.folder / file.name])
        with duckdb.connect() as con:
            query = f"SELECT was.* FROM {old} AS was ANTI JOIN {again} AS now ON {same}"
            left = con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
            if left == file.rows:
                return file
            target = self.folder / f"{uuid.uuid4().hex[:12]}.parquet"
            write_parquet(con, query, target)
        return _described(target)

    def _together(self, files: list[KeptFile]) -> list[KeptFile]:
        if len(files) <= MANY:
            return files
        target = self.folder / f"{uuid.uuid4().hex[:12]}.parquet"
        with duckdb.connect() as con:
            rows = parquet([self.folder / file.name for file in files])
            write_parquet(con, f"SELECT * FROM {rows}", target)
        return [_described(target)]

    def _rows(self, before: Time | None, older: Sequence[KeptFile], window: KeptFile) -> KeptRows:
        return KeptRows(self.folder, self.key, tuple(self.table.columns()), before, tuple(older), window)


def day_like(watermark: Any, day: dt.date) -> Time | None:
    """The beginning of a day as a value of the kind a watermark is of; None where that is no time."""
    if isinstance(watermark, dt.datetime):
        return dt.datetime.combine(day, dt.time(), watermark.tzinfo)
    if isinstance(watermark, dt.date):
        return day
    if isinstance(watermark, str):
        return day.isoformat() if WATERMARK_TEXT.fullmatch(watermark) else None
    if isinstance(watermark, int | float | Decimal) and watermark >= SECONDS:
        return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()) * _a_second(watermark)
    return None


def days_before(watermark: Any, days: int) -> Time | None:
    """A watermark so many days earlier; None where it is no time."""
    back = dt.timedelta(days=days)
    if isinstance(watermark, dt.date):  # or a time
        return watermark - back
    if isinstance(watermark, str):
        try:
            return (dt.date.fromisoformat(watermark[:10]) - back).isoformat() + watermark[10:]
        except ValueError:
            return None
    return int(watermark) - int(back.total_seconds()) * _a_second(watermark)


def _a_second(watermark: float | Decimal) -> int:
    """How many units of a number since 1970 are a second."""
    return next((unit for unit in (1_000_000_000, 1_000_000, 1_000) if watermark >= SECONDS * unit), 1)


def _declared(project: Project, name: str, declared: Input) -> str:
    """Names the declaration; where the table is stands in it by its hash only, for it may hold a password."""
    where = f"{project.root / PROJECT_FILE}, inputs: {name}"
    text = [FORMAT, with_environment(declared.database or "", where), with_environment(declared.table or "", where)]
    text += [declared.watermark, *declared.key, declared.look_back_days]
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()[:20]


def _described(path: Path) -> KeptFile:
    with duckdb.connect() as con:
        rows, added, mixed = con.execute(
            f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0), coalesce(bit_xor(hash(t)), 0) "
            f"FROM {parquet([path])} AS t"
        ).fetchall()[0]
    return KeptFile(path.name, int(rows), int(added), int(mixed))


def _kept(folder: Path, declared: str, progress: Progress) -> KeptRows | None:
    """What is kept; None where nothing is, it was read by another declaration, or it was damaged."""
    if not (folder / STATE).is_file():
        return None
    try:
        state = unsealed(folder / STATE)
        sums = state.pop("sums")
        for path in folder.glob("*.parquet"):
            if path.name not in sums:  # of a run that ended before it was done
                path.unlink()
        if state["declared"] != declared:
            return None
        check_sums(folder, sums)
    except DamagedError as problem:
        log.warning("%(path)s %(how)s: its table is read whole", {"path": problem.path, "how": problem.how})
        progress(f"rows kept of {folder.name} are damaged ({problem}): the table is read whole")
        return None
    files = [KeptFile(**file) for file in state["older"]]
    before = None if state["before"] is None else _time(*state["before"])
    return KeptRows(folder, declared, tuple(state["columns"]), before, tuple(files), KeptFile(**state["window"]))


def _written(now: KeptRows, kept: KeptRows | None) -> KeptRows:
    """Moves what is kept into place; where nothing changed, what was there stays."""
    if kept is not None and (kept.before, kept.content, kept.columns) == (now.before, now.content, now.columns):
        now = kept
    if now is not kept:
        names = {path.name for path in now.paths}
        sums = {file: crc for file, crc in sums_of(now.folder).items() if file in names}
        written = {**asdict(now), "before": _plain(now.before), "sums": sums}
        written.pop("folder")
        aside = now.folder / f".{STATE}"
        aside.write_text(sealed(json.loads(json.dumps(written))), "utf-8")
        aside.replace(now.folder / STATE)
    for path in now.folder.glob("*.parquet"):
        if path not in now.paths:
            path.unlink()
    return now


def _plain(before: Time | None) -> tuple[str, str | int] | None:
    if before is None:
        return None
    if isinstance(before, dt.datetime):
        return "datetime", before.isoformat()
    if isinstance(before, dt.date):
        return "date", before.isoformat()
    return type(before).__name__, before


def _time(kind: str, value: str | int) -> Time:
    if kind == "datetime":
        return dt.datetime.fromisoformat(str(value))
    return dt.date.fromisoformat(str(value)) if kind == "date" else value
