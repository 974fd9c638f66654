"""What relations hold, in three numbers that add up: parts that were looked at once need not be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import xor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from churnml.adapters.warehouse.reading import parquet

if TYPE_CHECKING:
    import duckdb


class Content(NamedTuple):
    """The rows of a relation whatever their order: their number, and all their hashes, mixed and summed up."""

    rows: int
    mixed: int | None
    summed: int | None


def content_of(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Content:
    """The content of some Parquet files of one relation."""
    query = f"SELECT count(*), bit_xor(hash(t)), sum(hash(t)::HUGEINT) FROM {parquet(files)} AS t"
    return Content(*con.execute(query).fetchall()[0])


def content_together(parts: Iterable[Content]) -> Content:
    """The content of several parts of a relation, as if they were read together."""
    held = [part for part in parts if part.rows]
    if not held:
        return Content(0, None, None)
    return Content(
        sum(part.rows for part in held),
        reduce(xor, (part.mixed or 0 for part in held)),
        sum(part.summed or 0 for part in held),
    )
