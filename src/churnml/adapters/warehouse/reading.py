"""A reading of a project's tables under way: its connection, its counts, and the SQL all of it is written in."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.project import Project
from churnml.arrivals import ArrivalColumn
from churnml.remarks import Remark, RemarkKind, remark

if TYPE_CHECKING:
    import duckdb
    from ibis.backends.duckdb import Backend

Progress = Callable[[str], None]
# Of ``Reading.since``: every day's usage is rolled up.
ALL_DAYS = dt.date.min


@dataclass
class ReadingCounts:
    """What is counted on the way: rows kept, and rows set aside or warned about by reason, table by table.

    ``given`` are the columns each source gave that the contract knows, ``unmapped`` those it does not know. ``remarks``
    are told by ``check`` and the report: whoever leaves something out or takes it for something else adds one.
    ``hourless`` are the columns of times that hold dates.
    ``arrival_columns`` are those that look as if they said when rows arrived and are not mapped.
    """

    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, dict[str, int]] = field(default_factory=dict)
    warned: dict[str, dict[str, int]] = field(default_factory=dict)
    given: dict[str, list[str]] = field(default_factory=dict)
    unmapped: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    hourless: dict[str, list[str]] = field(default_factory=dict)
    arrival_columns: dict[str, list[ArrivalColumn]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """A reading under way.

    Args:
        backend: DuckDB, as Ibis sees it.
        project: whose tables are read.
        today: the day of the reading.
        out: the folder of the store in the making.
        parts: what is asked of the roll-ups (:data:`churnml.rollups.PARTS`).
        counts: what was counted so far.
        since: the first day whose usage is rolled up; None where the tables are only judged.
    """

    backend: Backend
    project: Project
    today: dt.date
    out: Path
    parts: frozenset[str]
    counts: ReadingCounts
    since: dt.date | None = ALL_DAYS

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection itself."""
        con: duckdb.DuckDBPyConnection = self.backend.con
        return con

    def tell(
        self, kind: RemarkKind, table: str, column: str, rows: int, samples: Iterable[object] = (), detail: str = ""
    ) -> None:
        """Adds a remark to what is told."""
        self.counts.remarks.append(remark(kind, table, column, rows, samples, detail))

    def remarks(self) -> list[Remark]:
        """What was told so far, without samples that name somebody who was forgotten."""
        stands_in = self.project.suppression.stands_in
        return [
            replace(one, samples=tuple(s for s in one.samples if not any(map(stands_in, _names_in(s)))))
            for one in self.counts.remarks
        ]


def _names_in(sample: str) -> Iterator[str]:
    """What may be an id in a sample: itself, its words, and these without what exports put on ids."""
    for part in (sample, *sample.split()):
        yield part
        bare = re.sub(r"[^\w@.+-]", "", part)
        yield bare
        yield re.sub(r"\.0+$", "", bare)


def write_parquet(con: duckdb.DuckDBPyConnection, query: str, path: Path, compression: str = "zstd") -> None:
    """Writes what ``query`` gives."""
    con.execute(f"COPY ({query}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION {compression})")


def parquet(paths: Sequence[Path]) -> str:
    """The rows of some Parquet files, as a table of SQL."""
    return f"read_parquet([{', '.join(quoted(only(path)) for path in paths)}], union_by_name = true)"


def only(path: Path) -> str:
    """The path as the engine takes it for this file and no other: what it reads is a pattern."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))


def files_of(folders: Sequence[Path], name: str) -> list[Path]:
    """The Parquet files of a relation in several folders."""
    return [path for folder in folders if (path := folder / f"{name}.parquet").is_file()]


def identifier(name: str) -> str:
    """A name of a table or a column, as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str) -> str:
    """Text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def first_line(problem: BaseException) -> str:
    """An engine's message without its advice and its echo of the query."""
    return " ".join(str(problem).split("\n\n")[0].split())[:300]
