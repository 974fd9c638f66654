"""Rows that repeat others, told by their hashes: equal rows have equal ones, and numbers sort faster than rows.

Of 10⁹ different rows, some three per cent of loads would see one pair alike: what is only counted rests on the hash,
what is set aside is compared itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Hashes that are sorted at once: some 250 MiB of memory.
AT_ONCE = 16_000_000


class DayRepeats:
    """How often rows stand there to the letter, day by day."""

    def __init__(self) -> None:
        self._days: dict[int, tuple[int, int, int, int, int]] = {}

    def add(self, groups: pa.Table) -> None:
        """Counts groups of rows, all that there are of their days: ``day`` (null for rows that do not count) and
        ``hashes``, a list of the rows' hashes."""
        by_day: dict[int, list[np.ndarray]] = {}
        for batch in groups.select(["day", "hashes"]).to_batches():
            lists = batch.column("hashes")
            hashes, bounds = lists.values.to_numpy(), lists.offsets.to_pylist()
            for day, first, last in zip(batch.column("day").to_pylist(), bounds[:-1], bounds[1:], strict=True):
                if last > first:
                    by_day.setdefault(day, []).append(hashes[first:last])
        for day, parts in by_day.items():
            self._days[day] = _counted(np.concatenate(parts))

    @property
    def repeats(self) -> int:
        """The rows that repeat others."""
        return sum(rows - different for rows, different, *_ in self._days.values())

    def as_table(self) -> pa.Table:
        """Each day's rows, different rows, rows that stand there once, the least times one stands there, and
        ``content``, the same for the same different rows."""
        columns = [sorted(self._days), *zip(*(self._days[day] for day in sorted(self._days)), strict=True)]
        types = [pa.int32(), *[pa.int64()] * 4, pa.uint64()]
        names = ["day", "rows", "different", "single", "least", "content"]
        columns = columns if self._days else [[] for _ in names]
        return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def _counted(hashes: np.ndarray) -> tuple[int, int, int, int, int]:
    hashes.sort()
    first = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    if len(first) == len(hashes):
        return len(hashes), len(hashes), len(hashes), 1, int(np.bitwise_xor.reduce(hashes))
    times = np.diff(first, append=len(hashes))
    content = int(np.bitwise_xor.reduce(hashes[first]))
    return len(hashes), len(first), int((times == 1).sum()), int(times.min()), content


def repeated(path: Path) -> pa.Table:
    """The hashes (``id``) that a Parquet file of them holds more than once; in parts, if there are many."""
    parts = -(-pq.read_metadata(path).num_rows // AT_ONCE)
    twice = [_repeated(pq.ParquetFile(path).iter_batches(columns=["id"]), part, parts) for part in range(parts)]
    return pa.table({"id": pa.array(np.concatenate(twice) if twice else [], pa.uint64())})


def _repeated(batches: Iterable[pa.RecordBatch], part: int, parts: int) -> np.ndarray:
    ids = (batch.column(0).to_numpy() for batch in batches)
    hashes = np.concatenate([some[some % parts == part] if parts > 1 else some for some in ids])
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
