"""Rows that repeat others, told by their hashes, and contents that add up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnml.adapters.warehouse import repeats
from churnml.adapters.warehouse.content import Content, content_of, content_together


def groups(*rows: tuple[int | None, list[int] | None]) -> pa.Table:
    days, hashes = zip(*rows, strict=True)
    return pa.table({"day": pa.array(days, pa.int32()), "hashes": pa.array(hashes, pa.list_(pa.uint64()))})


def test_of_each_day_rows_different_ones_single_ones_and_the_least_times_are_counted_over_all_groups() -> None:
    counted = repeats.DayRepeats()
    counted.add(groups((3, [7, 9]), (None, None), (3, [9, 9, 4]), (5, [1, 1])))
    expected = [(3, 5, 3, 2, 1, 7 ^ 9 ^ 4), (5, 2, 1, 0, 2, 1)]
    assert [tuple(row.values()) for row in counted.as_table().to_pylist()] == expected
    assert counted.repeats == 3


def test_nothing_to_count_is_a_table_without_rows() -> None:
    assert repeats.DayRepeats().as_table().num_rows == 0
    assert repeats.DayRepeats().repeats == 0


def test_the_slow_way_over_random_rows_counts_the_same() -> None:
    rng = np.random.default_rng(3)
    days, hashes = rng.integers(0, 9, 5_000), rng.integers(0, 700, 5_000)
    counted = repeats.DayRepeats()
    cuts = np.array_split(np.arange(5_000), 40)
    counted.add(groups(*((int(d), hashes[c][days[c] == d].tolist()) for c in cuts for d in np.unique(days[c]))))
    for row in counted.as_table().to_pylist():
        times = Counter(hashes[days == row["day"]].tolist())
        content = int(np.bitwise_xor.reduce(np.array(list(times))))
        slow = (sum(times.values()), len(times), sum(n == 1 for n in times.values()), min(times.values()), content)
        assert (row["rows"], row["different"], row["single"], row["least"], row["content"]) == slow


@pytest.mark.parametrize("at_once", [16_000_000, 3])
def test_hashes_that_stand_twice_are_told_whether_they_are_sorted_at_once_or_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(repeats, "AT_ONCE", at_once)
    path = tmp_path / "ids.parquet"
    pq.write_table(pa.table({"id": pa.array([5, 2**64 - 1, 8, 5, 2**64 - 1, 5, 11, 12], pa.uint64())}), path)
    assert sorted(repeats.repeated(path)["id"].to_pylist()) == [5, 2**64 - 1]


def test_without_hashes_none_stands_twice(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.uint64())}), tmp_path / "ids.parquet")
    assert repeats.repeated(tmp_path / "ids.parquet").num_rows == 0


def test_contents_of_parts_add_up_to_that_of_all_and_another_row_is_another_content(tmp_path: Path) -> None:
    con = duckdb.connect()
    for name, first, last in (("one", 0, 50), ("other", 50, 80), ("none", 0, 0), ("more", 50, 81)):
        con.execute(
            f"COPY (SELECT i, i::VARCHAR AS t FROM range({first}, {last}) AS r(i)) TO '{tmp_path / name}'(FORMAT parquet)"
        )
    part = {name: content_of(con, [tmp_path / name]) for name in ("one", "other", "none", "more")}
    together = content_of(con, [tmp_path / "one", tmp_path / "other", tmp_path / "none"])
    assert content_together([part["one"], part["other"], part["none"]]) == together
    assert content_together([part["one"], part["more"]]) != together
    assert content_together([part["none"]]) == part["none"] == Content(0, None, None)
