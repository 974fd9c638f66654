"""Usage that grows: files of events that are only ever added are read once and kept rolled up, an increment a reading.

An increment holds the roll-ups of some files, what was counted and set aside on the way, and what that rested on:
the accounts as they stood, and the end of the data. It is used again as long as its files are unchanged and it
would come out the same; else its files are read anew, and no others. Roll-ups of several increments are read
together: they are sums, so late rows are simply further rows of their days.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from churnml.adapters.input_files import input_files
from churnml.adapters.project import Project
from churnml.adapters.warehouse import leases
from churnml.adapters.warehouse.again import EventsView
from churnml.adapters.warehouse.content import Content, content_together
from churnml.adapters.warehouse.inputs import file_name
from churnml.adapters.warehouse.profile import USAGE_FEED, USAGE_REPEATS
from churnml.adapters.warehouse.reading import Progress, files_of, parquet, write_parquet
from churnml.adapters.warehouse.seals import DamagedError, check_sums, sealed, sums_of, unsealed
from churnml.adapters.warehouse.typed import reads
from churnml.adapters.warehouse.usage_checking import IDS
from churnml.arrivals import ArrivalColumn
from churnml.jsontypes import JsonObject
from churnml.remarks import Remark, together
from churnml.rollups import RELATIONS
from churnml.tables import TABLES

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger("churnml.warehouse")

# The name an increment's manifest has had on disk from the first.
MANIFEST = "segment.json"
# With more increments than this, all but the largest are put into one.
MANY = 24
# The accounts an increment's rows were judged by; created_at is null for one that was not there.
ACCOUNTS = "usage_accounts"


@dataclass(frozen=True)
class GrowingUsage:
    """The usage of a project whose files are only ever added.

    Args:
        input: the input of usage_events that grows.
        files: its files, each with size and time of change, by path relative to the project.
        folder: where its increments are.
    """

    input: str
    files: Mapping[str, tuple[int, int]]
    folder: Path

    def unread(self, kept: Sequence[Increment]) -> list[str]:
        """The files that no kept increment holds."""
        held = {file for increment in kept for file in increment.files}
        return [file for file in self.files if file not in held]


@dataclass(frozen=True)
class Increment:
    """An increment on disk.

    Args:
        path: its folder.
        files: the files it was read from, as in :class:`GrowingUsage`.
        rows: events kept.
        quarantined, warned: reason → rows.
        given: the columns its source gave.
        unmapped: those it gave that the contract does not know.
        remarks: what was told of its columns.
        newest: the day of the newest event kept, or None.
        end: the first date after the data when it was read.
        future: whether rows were set aside as lying after that.
        today: the day it was read.
        names: the event names that have a bit of their own, in the order of the bits.
        arrival_columns: columns that look as if they said when the rows arrived and are not mapped.
        content: table → what its events hold, so that nobody need read them again to name it.
        hours: whether its events' times have hours.
        rare: whether it has events by other names.
        views: what gives its events once more without judging anew; see :mod:`churnml.adapters.warehouse.again`.
    """

    path: Path
    files: Mapping[str, tuple[int, int]]
    rows: int
    quarantined: Mapping[str, int]
    warned: Mapping[str, int]
    given: tuple[str, ...]
    unmapped: tuple[str, ...]
    remarks: tuple[Remark, ...]
    newest: str | None
    end: str
    future: bool
    today: str
    names: tuple[str, ...]
    content: Mapping[str, Content]
    arrival_columns: tuple[ArrivalColumn, ...] = ()
    hours: bool = True
    rare: bool = True
    views: tuple[EventsView, ...] = ()

    @property
    def newest_day(self) -> dt.date | None:
        """The day of its newest event."""
        return None if self.newest is None else dt.date.fromisoformat(self.newest)

    def manifest(self) -> str:
        """The manifest's text, with the checksums of the files beside it."""
        written = {name: value for name, value in asdict(self).items() if name != "path"}
        return sealed(written | {"sums": sums_of(self.path)})


def growing_usage(
    project: Project, parts: Iterable[str], since: dt.date | None, versions: JsonObject
) -> GrowingUsage | None:
    """How the project's usage grows; None when its source is to be read whole every time.

    Increments are kept by what is rolled up of them: ``parts`` of the days from ``since`` on, or nothing (None).

    Its SELECT must look at each row for itself, which is what ``grows: by_file`` declares. Whatever else it is
    made of (its text, other inputs it joins, the checks, ``versions``) is part of the folder's name.
    """
    source = project.source("usage_events")
    declared = {n: i for n, i in project.spec.inputs.items() if i.grows}
    if source is None or not declared:
        return None
    texts = {table: path.read_text("utf-8-sig") for table in TABLES if (path := project.source(table))}
    read = [name for name in declared if reads(texts["usage_events"], name)]
    others = [table for table, text in texts.items() if table != "usage_events" and any(reads(text, n) for n in read)]
    if len(read) != 1 or others:
        return None
    name = read[0]
    joined = [n for n in project.spec.inputs if n != name and reads(texts["usage_events"], n)]
    if any(project.spec.inputs[n].database for n in joined):
        return None  # what a database holds cannot be told from outside
    spec = project.spec
    made_of = {
        **versions,
        "source": texts["usage_events"],
        "input": spec.inputs[name].model_dump(mode="json"),
        "joined": {n: stats_of(project, n) for n in joined},
        "time": [spec.timezone, spec.time_formats, spec.zone_words],
        "values": [spec.decimal_mark, spec.extra.get("usage_events", ())],
        "renamed": spec.renamed_events,
        "checks": {scope: spec.checks.get(scope, {}) for scope in ("all", "usage_events")},
        "parts": sorted(parts) if since else [],
        "since": since,
        "forgotten": project.suppression.fingerprint(),
    }
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()[:20]
    return GrowingUsage(name, stats_of(project, name), project.work / "warehouse" / "usage" / key)


def stats_of(project: Project, name: str) -> dict[str, tuple[int, int]]:
    """The files of an input, as declared (relative to the project, or absolute): size and time of change."""
    files = input_files(project.root, name, project.spec.inputs[name])
    absolute = Path(files.path).is_absolute()
    stats = {}
    for path in files.paths:
        stat = path.stat()
        stats[file_name(project.root, path, absolute)] = (stat.st_size, stat.st_mtime_ns)
    return stats


def kept_increments(growing: GrowingUsage, without: Iterable[Path], progress: Progress) -> list[Increment]:
    """The increments that are whole and whose files are all there and unchanged, each file at most once."""
    kept: list[Increment] = []
    taken: set[str] = set()
    left_out = set(without)
    made = [path.parent for path in growing.folder.glob("*/" + MANIFEST)]
    made = [path for path in made if path not in left_out and not path.name.startswith(".")]
    # a merged increment holds what smaller ones hold, so the larger come first; of two readings, the newer
    made.sort(key=lambda path: (path / MANIFEST).stat().st_mtime_ns, reverse=True)
    whole = [increment for path in made if (increment := _whole(path, progress)) is not None]
    for increment in sorted(whole, key=lambda i: -len(i.files)):
        unchanged = all(growing.files.get(name) == tuple(stat) for name, stat in increment.files.items())
        if unchanged and not taken & set(increment.files):
            kept.append(increment)
            taken |= set(increment.files)
    return kept


def judged_of(base: GrowingUsage, files: Collection[str], progress: Progress) -> list[Increment]:
    """Increments of some files that were judged before and need not be judged anew, each file at most once."""
    wanted = {path for path, held in _held_files(base).items() if held.keys() <= {*files}}
    there = [path.parent for path in base.folder.glob("*/" + MANIFEST)]
    return [one for one in kept_increments(base, {*there} - wanted, progress) if one.views]


def in_use(growing: GrowingUsage) -> set[Path]:
    """The folders of those increments that :func:`kept_increments` would take, were all of them whole."""
    taken: set[str] = set()
    used = set()
    for path, held in sorted(_held_files(growing).items(), key=lambda one: -len(one[1])):
        unchanged = all(growing.files.get(name) == stat for name, stat in held.items())
        if unchanged and not taken & held.keys():
            used.add(path)
            taken |= held.keys()
    return used


def _held_files(growing: GrowingUsage) -> dict[Path, dict[str, tuple[int, int]]]:
    """The folders of increments, newest first, each with its files."""
    made = [path for path in growing.folder.glob("*/" + MANIFEST) if not path.parent.name.startswith(".")]
    made.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    held = {}
    for path in made:
        try:
            files = unsealed(path)["files"]
        except DamagedError:  # whoever reads it says so
            continue
        held[path.parent] = {name: (int(stat[0]), int(stat[1])) for name, stat in files.items()}
    return held


def _whole(path: Path, progress: Progress) -> Increment | None:
    """The increment in a folder; None, and taken away unless somebody reads it, when it was damaged."""
    try:
        return check_increment(path)
    except DamagedError as problem:
        log.warning("%(path)s %(how)s: its files are read anew", {"path": problem.path, "how": problem.how})
        progress(f"usage read earlier is damaged ({problem}): its files are read anew")
        leases.take_away(path)
        return None


def check_increment(path: Path) -> Increment:
    """The increment in a folder, every file of it held against its checksum; raises DamagedError."""
    increment, sums = _read(path)
    check_sums(path, sums)
    return increment


def _read(path: Path) -> tuple[Increment, dict[str, str]]:
    manifest = unsealed(path / MANIFEST)
    sums: dict[str, str] = manifest.pop("sums")
    files = {name: (int(stat[0]), int(stat[1])) for name, stat in manifest.pop("files").items()}
    given, unmapped, names = (tuple(manifest.pop(name)) for name in ("given", "unmapped", "names"))
    remarks = TypeAdapter(tuple[Remark, ...]).validate_python(manifest.pop("remarks"))
    columns = tuple(ArrivalColumn(**column) for column in manifest.pop("arrival_columns", ()))
    content = {name: Content(*numbers) for name, numbers in manifest.pop("content").items()}
    views = tuple(EventsView(*view) for view in manifest.pop("views"))
    increment = Increment(
        path=path,
        files=files,
        given=given,
        unmapped=unmapped,
        names=names,
        remarks=remarks,
        arrival_columns=columns,
        content=content,
        views=views,
        **manifest,
    )
    return increment, sums


def still_true(con: duckdb.DuckDBPyConnection, increment: Increment, end: dt.date, today: dt.date) -> bool:
    """Whether reading the increment's files now would give the same: by the end of the data and the accounts."""
    if increment.newest is not None and increment.newest >= end.isoformat():
        return False
    if increment.future and (increment.end, increment.today) != (end.isoformat(), today.isoformat()):
        return False
    # on which day an account was created decides whether an event came before it
    changed = con.execute(
        f"SELECT count(*) FROM {parquet([increment.path / f'{ACCOUNTS}.parquet'])} AS was "
        "LEFT JOIN _kept_accounts AS now USING (account_id) "
        "WHERE was.created_at::DATE IS DISTINCT FROM now.created_at::DATE"
    ).fetchall()[0][0]
    return not changed


def merged_if_many(
    con: duckdb.DuckDBPyConnection, growing: GrowingUsage, increments: list[Increment]
) -> list[Increment]:
    """``increments``, all but the largest put into one when they have become many."""
    if len(increments) <= MANY:
        return increments
    ordered = sorted(increments, key=lambda i: i.rows)
    small, largest = ordered[:-1], ordered[-1]
    aside = growing.folder / f".making-{uuid.uuid4().hex[:8]}"
    aside.mkdir(parents=True)
    for name in (*RELATIONS, IDS, ACCOUNTS, USAGE_FEED, USAGE_REPEATS, "quarantine"):
        if files := files_of([i.path for i in small], name):
            rows_of = f"SELECT * FROM {parquet(files)}"
            if name == ACCOUNTS:  # events are joined to them: each once
                rows_of = f"SELECT account_id, min(created_at) AS created_at FROM {parquet(files)} GROUP BY account_id"
            write_parquet(con, rows_of, aside / f"{name}.parquet")
    rows, quarantined, warned = totals(small)
    merged = Increment(
        path=aside,
        files={name: stat for i in small for name, stat in i.files.items()},
        rows=rows,
        quarantined=quarantined,
        warned=warned,
        given=small[0].given,
        unmapped=small[0].unmapped,
        remarks=tuple(together(one for i in small for one in i.remarks)),
        newest=max((i.newest for i in small if i.newest is not None), default=None),
        end=max(i.end for i in small),
        future=any(i.future for i in small),
        today=max(i.today for i in small),
        names=largest.names,
        arrival_columns=small[0].arrival_columns,
        content=contents(small),
        hours=all(i.hours for i in small),
        rare=any(i.rare or i.names != largest.names for i in small),
        # read alike, they can be read together
        views=small[0].views if len({i.views for i in small}) == 1 else (),
    )
    return [largest, publish(growing, merged)]


def put_together_if_many(
    con: duckdb.DuckDBPyConnection, growing: GrowingUsage, still_holds: Callable[[Increment], bool]
) -> None:
    """Puts all but the largest of the increments that are there into one, when they have become many.

    ``still_holds`` says of which the files would come out the same now; no others are touched.
    """
    if len(in_use(growing)) > MANY:
        there = kept_increments(growing, (), lambda _: None)
        merged_if_many(con, growing, [one for one in there if still_holds(one)])


def publish(growing: GrowingUsage, increment: Increment) -> Increment:
    """Moves a finished increment from its folder aside into place."""
    (increment.path / MANIFEST).write_text(increment.manifest(), "utf-8")
    growing.folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(json.dumps(increment.files, sort_keys=True).encode()).hexdigest()[:16]
    # never in the place of another: somebody may be reading that
    target = growing.folder / f"{name}-{uuid.uuid4().hex[:8]}"
    increment.path.rename(target)
    return _read(target)[0]


def linked(increment: Increment, folder: Path) -> Increment:
    """The increment without its roll-ups, its files in another folder too, by hard links where there are any."""
    folder.mkdir(parents=True)
    for path in increment.path.glob("*.parquet"):
        if path.stem not in RELATIONS:
            try:
                (folder / path.name).hardlink_to(path)
            except OSError:  # a file system without such links
                shutil.copyfile(path, folder / path.name)
    return replace(increment, path=folder)


def contents(increments: Sequence[Increment]) -> dict[str, Content]:
    """Table → what the events of all together hold."""
    names = dict.fromkeys(name for i in increments for name in i.content)
    return {name: content_together(i.content[name] for i in increments if name in i.content) for name in names}


def totals(increments: Sequence[Increment]) -> tuple[int, dict[str, int], dict[str, int]]:
    """Rows kept, rows set aside by reason, rows warned about by reason."""
    quarantined = sum((Counter(i.quarantined) for i in increments), Counter[str]())
    warned = sum((Counter(i.warned) for i in increments), Counter[str]())
    return sum(i.rows for i in increments), dict(quarantined), dict(warned)
