"""Usage that grows: files of events that are only ever added are read once and kept rolled up, a segment a reading.

A segment holds the roll-ups of some files, what was counted and set aside on the way, and what that rested on:
the accounts as they stood, and the end of the data. It is used again as long as its files are unchanged and it
would come out the same; else its files are read anew, and no others. Roll-ups of several segments are read
together: they are sums, so late rows are simply further rows of their days.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churnml.adapters.project import Project
from churnml.adapters.warehouse.inputs import quoted
from churnml.rollups import RELATIONS
from churnml.tables import TABLES

MANIFEST = "segment.json"
NAMES = "names.json"
# With more segments than this, all but the largest are put into one.
MANY = 24
# Event ids are kept by their hash: of 10⁹ ids, one in 37 billion new ones is taken for a repeat.
IDS = "usage_ids"
# The accounts a segment's rows were judged by; created_at is null for one that was not there.
ACCOUNTS = "usage_accounts"


@dataclass(frozen=True)
class Growing:
    """The usage of a project whose files are only ever added.

    Args:
        input: the input of usage_events that grows.
        files: its files, each with size and time of change, by path relative to the project.
        folder: where its segments are.
    """

    input: str
    files: Mapping[str, tuple[int, int]]
    folder: Path


@dataclass(frozen=True)
class Segment:
    """A segment on disk.

    Args:
        path: its folder.
        files: the files it was read from, as in :class:`Growing`.
        rows: events kept.
        quarantined, warned: reason → rows.
        given: the columns its source gave.
        newest: the newest event kept, or None.
        end: the first date after the data when it was read.
        future: whether rows were set aside as lying after that.
        today: the day it was read.
    """

    path: Path
    files: Mapping[str, tuple[int, int]]
    rows: int
    quarantined: Mapping[str, int]
    warned: Mapping[str, int]
    given: tuple[str, ...]
    newest: str | None
    end: str
    future: bool
    today: str

    def written(self) -> str:
        """The manifest's text."""
        said = {name: value for name, value in self.__dict__.items() if name != "path"}
        return json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False)


def growing_usage(project: Project, parts: Iterable[str], about: Mapping[str, Any]) -> Growing | None:
    """How the project's usage grows; None when its source is to be read whole every time.

    Its SELECT must look at each row for itself, which is what ``grows: by_file`` declares. Whatever else it is
    made of (its text, other inputs it joins, the checks, ``about``) is part of the folder's name.
    """
    source = project.source("usage_events")
    declared = {n: i for n, i in project.spec.inputs.items() if i.grows}
    if source is None or not declared:
        return None
    texts = {table: path.read_text("utf-8-sig") for table in TABLES if (path := project.source(table))}
    read = [name for name in declared if _reads(texts["usage_events"], name)]
    others = [table for table, text in texts.items() if table != "usage_events" and any(_reads(text, n) for n in read)]
    if len(read) != 1 or others:
        return None
    name = read[0]
    joined = [n for n in project.spec.inputs if n != name and _reads(texts["usage_events"], n)]
    if any(project.spec.inputs[n].database for n in joined):
        return None  # what a database holds cannot be told from outside
    spec = project.spec
    said = {
        **about,
        "source": texts["usage_events"],
        "input": spec.inputs[name].model_dump(mode="json"),
        "joined": {n: _stats(project, n) for n in joined},
        "time": [spec.timezone, spec.time_formats],
        "checks": {scope: spec.checks.get(scope, {}) for scope in ("all", "usage_events")},
        "parts": sorted(parts),
    }
    key = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:20]
    return Growing(name, _stats(project, name), project.work / "warehouse" / "usage" / key)


def _reads(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _stats(project: Project, name: str) -> dict[str, tuple[int, int]]:
    found = {}
    for path in project.input_paths(name, project.spec.inputs[name]):
        stat = path.stat()
        found[str(path.relative_to(project.root))] = (stat.st_size, stat.st_mtime_ns)
    return found


def kept_segments(growing: Growing, without: Iterable[Path]) -> list[Segment]:
    """The segments whose files are all there and unchanged, each file at most once."""
    found: list[Segment] = []
    taken: set[str] = set()
    left_out = set(without)
    made = [path.parent for path in growing.folder.glob("*/" + MANIFEST)]
    made = [path for path in made if path not in left_out and not path.name.startswith(".")]
    # a merged segment holds what smaller ones hold, so the larger come first; of two readings, the newer
    made.sort(key=lambda path: (path / MANIFEST).stat().st_mtime_ns, reverse=True)
    for segment in sorted((read_segment(path) for path in made), key=lambda s: -len(s.files)):
        there = all(growing.files.get(name) == tuple(stat) for name, stat in segment.files.items())
        if there and not taken & set(segment.files):
            found.append(segment)
            taken |= set(segment.files)
    return found


def read_segment(path: Path) -> Segment:
    """The segment in a folder."""
    said = json.loads((path / MANIFEST).read_text("utf-8"))
    files = {name: (int(stat[0]), int(stat[1])) for name, stat in said.pop("files").items()}
    return Segment(path=path, files=files, **said | {"given": tuple(said["given"])})


def still_true(con: Any, segment: Segment, end: dt.date, today: dt.date) -> bool:
    """Whether reading the segment's files now would give the same: by the end of the data and the accounts."""
    if segment.newest is not None and segment.newest[:10] >= end.isoformat():
        return False
    if segment.future and (segment.end, segment.today) != (end.isoformat(), today.isoformat()):
        return False
    # on which day an account was created decides whether an event came before it
    changed = con.execute(
        f"SELECT count(*) FROM read_parquet({quoted(str(segment.path / f'{ACCOUNTS}.parquet'))}) AS was "
        "LEFT JOIN _kept_accounts AS now USING (account_id) "
        "WHERE was.created_at::DATE IS DISTINCT FROM now.created_at::DATE"
    ).fetchall()[0][0]
    return not changed


def files_of(segments: Sequence[Segment], name: str) -> list[str]:
    """The Parquet files of a relation in several segments."""
    return [str(path) for s in segments if (path := s.path / f"{name}.parquet").is_file()]


def merged_if_many(con: Any, growing: Growing, segments: list[Segment]) -> list[Segment]:
    """``segments``, all but the largest put into one when they have become many."""
    if len(segments) <= MANY:
        return segments
    ordered = sorted(segments, key=lambda s: s.rows)
    small, largest = ordered[:-1], ordered[-1]
    files = {name: stat for s in small for name, stat in s.files.items()}
    aside = growing.folder / f".making-{uuid.uuid4().hex[:8]}"
    aside.mkdir(parents=True)
    for name in (*RELATIONS, IDS, ACCOUNTS, "quarantine"):
        if found := files_of(small, name):
            listed = ", ".join(quoted(path) for path in found)
            con.execute(
                f"COPY (SELECT * FROM read_parquet([{listed}], union_by_name = true)) "
                f"TO {quoted(str(aside / f'{name}.parquet'))} (FORMAT parquet, COMPRESSION zstd)"
            )
    newest = [s.newest for s in small if s.newest is not None]
    merged = Segment(
        path=aside,
        files=files,
        rows=sum(s.rows for s in small),
        quarantined=_added(s.quarantined for s in small),
        warned=_added(s.warned for s in small),
        given=small[0].given,
        newest=max(newest, default=None),
        end=max(s.end for s in small),
        future=any(s.future for s in small),
        today=max(s.today for s in small),
    )
    return [largest, publish(growing, merged)]


def publish(growing: Growing, segment: Segment) -> Segment:
    """Moves a finished segment from its folder aside into place."""
    (segment.path / MANIFEST).write_text(segment.written(), "utf-8")
    growing.folder.mkdir(parents=True, exist_ok=True)
    # never in the place of another: somebody may be reading that
    target = growing.folder / f"{_name_of(segment.files)}-{uuid.uuid4().hex[:8]}"
    segment.path.rename(target)
    return read_segment(target)


def _name_of(files: Mapping[str, tuple[int, int]]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counted in counts:
        total.update(counted)
    return dict(total)


def totals(segments: Sequence[Segment]) -> tuple[int, dict[str, int], dict[str, int]]:
    """Rows kept, rows set aside by reason, rows warned about by reason."""
    return (
        sum(s.rows for s in segments),
        _added(s.quarantined for s in segments),
        _added(s.warned for s in segments),
    )


def names_of(growing: Growing) -> list[str] | None:
    """The event names that have a bit of their own in every segment; None before the first."""
    path = growing.folder / NAMES
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def keep_names(growing: Growing, names: Sequence[str]) -> None:
    """Fixes the event names that have a bit, for this segment and all to come."""
    growing.folder.mkdir(parents=True, exist_ok=True)
    aside = growing.folder / f".{NAMES}"
    aside.write_text(json.dumps(list(names), ensure_ascii=False), "utf-8")
    aside.replace(growing.folder / NAMES)
