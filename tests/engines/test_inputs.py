"""Inputs that need a server or a package of their own: PostgreSQL, Delta, Iceberg."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from churnml.adapters.input_files import input_files
from churnml.adapters.project import Project
from churnml.adapters.warehouse.databases import copy_table
from churnml.adapters.warehouse.lakes import copy_lake
from churnml.adapters.warehouse.watermarks import refreshed
from churnml.errors import SourceError
from churnml.specs.inputs import Input
from churnml.specs.project import ProjectSpec

ROWS = pa.table({"id": ["a", "b"], "mrr": [1.5, 2.5], "day": ["2024-01-01", "2024-01-02"]})


@pytest.fixture
def postgres(postgres_url: str):
    engine = sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS crm CASCADE; CREATE SCHEMA crm")
    yield engine
    engine.dispose()


def project_of(root: Path, declared: Input) -> Project:
    return Project(root, ProjectSpec(name="x", inputs={"t": declared}))


def test_what_postgresql_copies_is_what_it_holds_to_the_letter(postgres, postgres_url: str, tmp_path: Path) -> None:
    with postgres.begin() as connection:
        connection.exec_driver_sql("SET timezone TO 'Asia/Tokyo'")
        connection.exec_driver_sql(
            """CREATE TABLE crm."Odd %%" AS SELECT * FROM (VALUES
            (1, 'plain', 0.1::float8, timestamptz '2024-03-01 00:00+00', true, 12.50::numeric, date '2024-03-01'),
            (2, E'a"b\\r\\nc,\\t', 1e300, NULL, false, NULL, NULL),
            (3, '\\N', 'NaN', NULL, NULL, NULL, NULL),
            (4, '', NULL, NULL, NULL, NULL, NULL),
            (NULL, NULL, NULL, NULL, NULL, NULL, NULL)) AS t(id, name, size, at, flag, money, day)"""
        )
    declared = Input(database=postgres_url, table="crm.Odd %")
    copy_table(project_of(tmp_path, declared), "t", declared, tmp_path / "odd.parquet")
    rows = pq.read_table(tmp_path / "odd.parquet").to_pydict()
    assert rows["id"] == ["1", "2", "3", "4", None]
    assert rows["name"] == ["plain", 'a"b\r\nc,\t', "\\N", "", None]
    assert rows["size"] == ["0.1", "1e+300", "NaN", None, None]
    assert rows["at"] == ["2024-03-01 00:00:00+00", *4 * [None]]
    assert (rows["flag"][:2], rows["money"][0], rows["day"][0]) == (["t", "f"], "12.50", "2024-03-01")
    assert [path.name for path in tmp_path.iterdir()] == ["odd.parquet"]


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_a_watermark_of_postgresql_reads_what_is_new(kind: str, postgres, postgres_url: str, tmp_path: Path) -> None:
    declared = Input(database=postgres_url, table="crm.t", watermark="at", look_back_days=2, key=("id",))
    told: list[str] = []

    def read() -> tuple[list[tuple[str, ...]], int]:
        kept = refreshed(
            project_of(tmp_path, declared), tmp_path / "stores", "t", declared, dt.date(2025, 1, 1), told.append
        )
        rows = [tuple(row.values())[:2] for path in kept.paths for row in pq.read_table(path).to_pylist()]
        return sorted(rows), len(kept.older)

    with postgres.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE crm.t AS SELECT i AS id, 'new' AS state, "
            f"('2024-05-01'::timestamptz + i * interval '1 day')::{kind} AS at FROM generate_series(1, 9) i"
        )
    assert len(read()[0]) == 9
    with postgres.begin() as connection:
        connection.exec_driver_sql("UPDATE crm.t SET state = 'old', at = '2024-05-11' WHERE id = 2")
        connection.exec_driver_sql("DELETE FROM crm.t WHERE id = 9")
        connection.exec_driver_sql("INSERT INTO crm.t VALUES (10, 'new', '2024-05-13')")
    rows, _ = read()
    assert rows == sorted([("2", "old"), *((str(n), "new") for n in (1, 3, 4, 5, 6, 7, 8, 10))])
    with postgres.begin() as connection:
        connection.exec_driver_sql("INSERT INTO crm.t VALUES (11, 'late', '2024-05-02')")
    assert ("11", "late") in read()[0]
    # the row that was deleted lay in the look-back, the late one before it
    assert told == ["t changed before its look-back: it is read whole"]


def read_lake(root: Path, path: str) -> list[tuple[object, ...]]:
    copy_lake("t", input_files(root, "t", Input(path=path)), root / "rows.parquet")
    return sorted(tuple(row.values()) for row in pq.read_table(root / "rows.parquet").to_pylist())


def test_a_delta_table_is_read_as_it_stands_now(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    table = str(tmp_path / "lake")
    deltalake.write_deltalake(table, ROWS, partition_by=["day"])
    deltalake.write_deltalake(table, pa.table({"id": ["c"], "mrr": [3.5], "day": ["2024-01-02"]}), mode="append")
    deltalake.DeltaTable(table).delete("id = 'a'")
    expected = [("b", 2.5, "2024-01-02"), ("c", 3.5, "2024-01-02")]
    assert read_lake(tmp_path, "lake") == expected
    shutil.move(table, tmp_path / "moved")
    assert read_lake(tmp_path, "moved") == expected


def test_an_iceberg_table_is_read_as_it_stands_now_wherever_it_was_moved_and_nothing_outside(tmp_path: Path) -> None:
    pytest.importorskip("pyiceberg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the library says of itself
        from pyiceberg.catalog.memory import InMemoryCatalog

        catalog = InMemoryCatalog("c", warehouse=f"file://{tmp_path}/warehouse")
        catalog.create_namespace("n")
        table = catalog.create_table("n.t", schema=ROWS.schema)
        table.append(ROWS)
        table.append(ROWS.slice(0, 1))
        table.delete("id = 'b'")
        expected = [("a", 1.5, "2024-01-01")] * 2
        assert read_lake(tmp_path, "warehouse/n/t") == expected
        shutil.move(tmp_path / "warehouse" / "n" / "t", tmp_path / "moved")
        assert read_lake(tmp_path, "moved") == expected
        newest = max((tmp_path / "moved" / "metadata").glob("*.metadata.json"))
        metadata = json.loads(newest.read_text())
        newest.write_text(json.dumps(metadata | {"location": "s3://elsewhere/t"}))
        with pytest.raises(SourceError, match="outside its folder"):
            read_lake(tmp_path, "moved")
