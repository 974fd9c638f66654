"""A table of a database read by a watermark: what is read again, what is kept, and that it is what the database has."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from churnml.adapters.project import Project
from churnml.adapters.warehouse import databases, watermarks
from churnml.adapters.warehouse.watermarks import KeptRows, day_like, days_before, forget_kept_rows, refreshed
from churnml.errors import ChurnmlError, SourceError
from churnml.specs.inputs import Input
from churnml.specs.project import ProjectSpec

TODAY = dt.date(2024, 6, 1)


class Shop:
    """A company's database with a table of tickets, and a project that reads it."""

    def __init__(self, root: Path, **declared: Any) -> None:
        self.root = root
        self.db = sqlite3.connect(root / "shop.db", isolation_level=None)
        self.db.execute("CREATE TABLE tickets (id INTEGER, state TEXT, changed TEXT)")
        self.stores = root / "stores"
        self.stores.mkdir()
        self.declared = Input(
            **{"database": "sqlite:///shop.db", "table": "tickets", "watermark": "changed", "look_back_days": 2}
            | declared
        )
        self.told: list[str] = []

    def write(self, *rows: tuple[int, str, str | None]) -> None:
        self.db.executemany("INSERT INTO tickets VALUES (?, ?, ?)", rows)

    def read(self) -> KeptRows:
        project = Project(self.root, ProjectSpec(name="x", inputs={"t": self.declared}))
        return refreshed(project, self.stores, "t", self.declared, TODAY, self.told.append)

    def of_the_database(self) -> list[tuple[str | None, ...]]:
        rows = self.db.execute("SELECT CAST(id AS TEXT), state, changed FROM tickets").fetchall()
        return sorted(rows, key=str)


def rows_of(kept: KeptRows) -> list[tuple[str | None, ...]]:
    return sorted((tuple(row.values()) for path in kept.paths for row in pq.read_table(path).to_pylist()), key=str)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each question to the database gave."""
    counts: list[int] = []
    was = databases.OpenTable.copy

    def copy(self, target, where=None):
        was(self, target, where)
        counts.append(pq.read_metadata(target).num_rows)

    monkeypatch.setattr(databases.OpenTable, "copy", copy)
    return counts


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.write(*[(day, "open", f"2024-05-{day:02} 08:00:00") for day in range(1, 21)])
    yield made
    made.db.close()


def test_rows_before_the_look_back_are_read_once(shop: Shop, asked: list[int]) -> None:
    assert rows_of(shop.read()) == shop.of_the_database()
    assert asked == [17, 3]  # older, and the look-back with the newest row
    asked.clear()
    shop.write((21, "open", "2024-05-21 08:00:00"))
    assert rows_of(shop.read()) == shop.of_the_database()
    assert asked == [1, 3]
    assert shop.told == []


def test_an_unchanged_table_has_an_unchanged_name_and_its_rows_stay_where_they_are(shop: Shop) -> None:
    first = shop.read()
    state = (first.folder / "state.json").read_bytes()
    second = shop.read()
    assert (first.content, first.paths) == (second.content, second.paths)
    assert (first.folder / "state.json").read_bytes() == state
    assert len(list(first.folder.glob("*.parquet"))) == len(first.paths)


def test_the_content_is_named_alike_however_it_came_together(shop: Shop, tmp_path: Path) -> None:
    shop.read()
    for day in range(21, 29):
        shop.write((day, "open", f"2024-05-{day:02} 08:00:00"))
        grown = shop.read()
    assert len(grown.older) > 1
    forget_kept_rows(shop.stores)
    assert shop.read().content == grown.content
    shop.db.execute("UPDATE tickets SET state = 'done' WHERE id = 28")
    assert shop.read().content != grown.content, "a changed row must change it, else this proves nothing"


def test_a_row_that_is_deleted_or_changed_in_the_look_back_is_seen(shop: Shop, asked: list[int]) -> None:
    shop.read()
    shop.db.execute("DELETE FROM tickets WHERE id = 19")
    shop.db.execute("UPDATE tickets SET state = 'done' WHERE id = 20")
    asked.clear()
    assert rows_of(shop.read()) == shop.of_the_database()
    assert sum(asked) < 5


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO tickets VALUES (99, 'late', '2024-05-03 08:00:00')",
        "DELETE FROM tickets WHERE id = 4",
        "UPDATE tickets SET state = 'done', changed = '2024-05-20 09:00:00' WHERE id = 5",
    ],
    ids=["late row", "deletion", "change without a key"],
)
def test_what_happens_beyond_the_look_back_makes_the_table_be_read_whole_and_is_told(change: str, shop: Shop) -> None:
    shop.read()
    shop.db.execute(change)
    assert rows_of(shop.read()) == shop.of_the_database()
    assert shop.told == ["t changed before its look-back: it is read whole"]


def test_with_a_key_a_changed_row_takes_the_place_of_the_kept_one(tmp_path: Path, asked: list[int]) -> None:
    shop = Shop(tmp_path, key=("id",))
    shop.write(*[(day, "open", f"2024-05-{day:02} 08:00:00") for day in range(1, 21)])
    shop.read()
    asked.clear()
    shop.db.execute("UPDATE tickets SET state = 'done', changed = '2024-05-20 09:00:00' WHERE id = 5")
    assert rows_of(shop.read()) == shop.of_the_database()
    assert (sum(asked), shop.told) == (4, [])
    shop.db.close()


def test_rows_without_a_watermark_are_read_every_time(shop: Shop) -> None:
    shop.write((50, "odd", None), (51, "odd", None))
    assert rows_of(shop.read()) == shop.of_the_database()
    shop.db.execute("UPDATE tickets SET state = 'even' WHERE id = 50")
    assert rows_of(shop.read()) == shop.of_the_database()


def test_a_watermark_in_years_to_come_hides_nothing(shop: Shop, asked: list[int]) -> None:
    shop.write((60, "stray", "2999-01-01 00:00:00"))
    shop.read()
    asked.clear()
    shop.write((21, "open", "2024-05-21 08:00:00"))
    assert rows_of(shop.read()) == shop.of_the_database()
    assert sum(asked) < 6
    assert shop.told == []


def test_many_small_readings_become_few_files(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermarks, "MANY", 2)
    for day in range(21, 30):
        shop.write((day, "open", f"2024-05-{day:02} 08:00:00"))
        kept = shop.read()
    assert len(kept.older) <= 2
    assert rows_of(kept) == shop.of_the_database()


def test_a_run_that_ends_before_it_is_done_leaves_what_was_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop.read()
    rows = rows_of(before)
    shop.write((21, "open", "2024-05-23 08:00:00"))
    with monkeypatch.context() as broken:
        broken.setattr(watermarks, "sealed", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            shop.read()
    assert rows_of(before) == rows
    assert rows_of(shop.read()) == shop.of_the_database()
    assert shop.told == []


@pytest.mark.parametrize("file", ["state.json", "*.parquet"])
def test_damaged_rows_are_read_anew_and_it_is_told(file: str, shop: Shop) -> None:
    kept = shop.read()
    path = next(kept.folder.glob(file))
    path.write_bytes(path.read_bytes()[:-7] + b"\0" * 7)
    assert rows_of(shop.read()) == shop.of_the_database()
    assert "damaged" in shop.told[0]


def test_another_declaration_or_new_columns_are_read_whole(shop: Shop, asked: list[int]) -> None:
    shop.read()
    asked.clear()
    shop.db.execute("ALTER TABLE tickets ADD COLUMN mood TEXT")
    assert shop.read().columns == ("id", "state", "changed", "mood")
    assert sum(asked) >= 20
    asked.clear()
    shop.declared = shop.declared.model_copy(update={"look_back_days": 5})
    shop.read()
    assert sum(asked) == 20


def test_an_empty_table_is_no_trouble(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert rows_of(shop.read()) == []
    shop.write((1, "open", "2024-05-01 08:00:00"))
    assert rows_of(shop.read()) == shop.of_the_database()
    assert shop.told == []
    shop.db.close()


@pytest.mark.parametrize(
    ("watermark", "day", "before"),
    [
        ("2024-05-20 08:00:00", "2024-06-02", "2024-05-18 08:00:00"),
        ("2024-05-20T08:00:00Z", "2024-06-02", "2024-05-18T08:00:00Z"),
        (dt.date(2024, 5, 20), dt.date(2024, 6, 2), dt.date(2024, 5, 18)),
        (dt.datetime(2024, 5, 20, 8, tzinfo=dt.UTC), dt.datetime(2024, 6, 2, tzinfo=dt.UTC), dt.datetime(2024, 5, 18, 8, tzinfo=dt.UTC)),
        (1_716_192_000, 1_717_286_400, 1_716_019_200),
        (1_716_192_000_123, 1_717_286_400_000, 1_716_019_200_123),
        (1_716_192_000_123_456, 1_717_286_400_000_000, 1_716_019_200_123_456),
    ],
)  # fmt: skip
def test_a_look_back_is_counted_in_the_watermarks_own_kind(watermark: Any, day: Any, before: Any) -> None:
    assert day_like(watermark, dt.date(2024, 6, 2)) == day
    assert days_before(watermark, 2) == before


@pytest.mark.parametrize("column", ["id", "state", "chnged"])
def test_a_column_that_is_no_time_is_no_watermark(column: str, shop: Shop) -> None:
    shop.declared = shop.declared.model_copy(update={"watermark": column})
    with pytest.raises(SourceError, match=r"no time|Did you mean 'changed'"):
        shop.read()


# ---------------------------------------------------------------- databases


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"database": "sqlite:///nowhere.db"}, "is not there"),
        ({"database": "sqlite://"}, "is not there"),
        ({"database": "u:SECRET@h/d"}, "not declared as a URL"),
        ({"database": "oddbase://u:SECRET@h/d"}, "not known here"),
        ({"database": "postgresql://u:SECRET@127.0.0.1:1/d"}, "does not answer|not installed"),
        ({"database": "${NO_SUCH_URL}"}, "NO_SUCH_URL is not set"),
        ({"database": "sqlite:///text.db"}, "cannot be opened"),
        ({"table": "ticket"}, "Did you mean 'tickets'"),
    ],
)
def test_a_database_that_cannot_be_read_is_told_without_a_secret_and_nothing_is_made(
    declared: dict[str, str], told: str, shop: Shop
) -> None:
    (shop.root / "text.db").write_text("no database " * 100)
    before = sorted(os.listdir(shop.root))
    shop.declared = shop.declared.model_copy(update=declared)
    with pytest.raises(ChurnmlError, match=told) as refused:
        shop.read()
    assert "SECRET" not in str(refused.value)
    assert sorted(os.listdir(shop.root)) == before


def test_every_value_of_a_database_arrives_as_text_whatever_its_type(shop: Shop, tmp_path: Path) -> None:
    shop.db.execute("CREATE TABLE odd (a, b REAL, c BLOB)")
    rows = [(1, 0.1, b"x"), ("one", 1e20, None), (None, 2.0, None), (2.5, None, b"")]
    shop.db.executemany("INSERT INTO odd VALUES (?, ?, ?)", rows)
    declared = Input(database="sqlite:///shop.db", table="odd")
    project = Project(shop.root, ProjectSpec(name="x", inputs={"t": declared}))
    databases.copy_table(project, "t", declared, tmp_path / "odd.parquet")
    table = pq.read_table(tmp_path / "odd.parquet").to_pydict()
    assert table["a"] == ["1", "one", None, "2.5"]
    assert [None if text is None else float(text) for text in table["b"]] == [0.1, 1e20, 2.0, None]


@pytest.mark.parametrize(
    "declared",
    [
        {"path": "x.csv", "watermark": "changed"},
        {"database": "sqlite:///x.db", "table": "t", "key": ("id",)},
        {"database": "sqlite:///x.db", "table": "t", "look_back_days": 3},
        {"database": "sqlite:///x.db", "table": "t", "watermark": "changed", "look_back_days": 0},
        {"path": "x", "format": "delta", "grows": "by_file"},
        {"path": ""},
    ],
)
def test_keys_that_do_not_go_together_are_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"watermark|look_back_days|delta|path"):
        Input(**declared)
