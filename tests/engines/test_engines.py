"""Each engine by itself: what goes in comes out, stores stay apart, and mistakes are told."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnml.adapters.warehouse.engines import Engine, _must_have_java, open_engine
from churnml.errors import ProjectError, UnavailableError, UnknownNameError
from churnml.rollups import any_bit, popcount, shifted_one
from churnml.tables import cents
from tests.engines.servers import not_here

Opened = Callable[[str], Engine]

# PySpark does not close the sockets it reads results from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")

ODD = pa.table(
    {
        "n": pa.array(range(8), pa.int32()),
        "text": ["", None, "a\tb\nc\r\n", "\\N", "\"quoted\", and 'so'", "back\\", "顧客", "NULL"],
        "small": pa.array([1, -128, -1, 0, 127, 2, 3, 4], pa.int8()),
        "whole": pa.array([2**60, 2**53 + 1, -(2**60), 0, 1, 2, 3, 4], pa.int64()),
        "missing": pa.array([1, None, *range(6)], pa.int64()),
        "number": pa.array([0.1, None, 1e-300, 1e300, -0.0, 1 / 3, 2.5, 4.0]),
        "flag": [True, None, False, True, True, True, True, True],
        "at": pa.array([1709164800000000, None, 1711852200000007, -1, *[0] * 4], pa.timestamp("us")),
        "day": pa.array([dt.date(2024, 2, 29), None, *[dt.date(1969, 12, 31)] * 6]),
    }
)


def written(folder: Path, table: pa.Table, name: str = "things") -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{name}.parquet")
    return [folder / f"{name}.parquet"]


def assert_to_the_letter(found: pd.DataFrame) -> None:
    expect = ODD.to_pandas(date_as_object=False)
    found = found.sort_values("n", ignore_index=True)
    assert list(found.columns) == list(expect.columns)
    for name in expect.columns:
        assert list(found[name].isna()) == list(expect[name].isna()), name
        assert list(found[name].dropna()) == list(expect[name].dropna()), name


# ---------------------------------------------------------------- what goes in comes out


def test_a_file_comes_back_to_the_letter(opened: Opened, tmp_path: Path) -> None:
    things = opened("letter").relation("things", written(tmp_path, ODD))
    assert_to_the_letter(things.to_pandas())


def test_what_is_given_from_memory_comes_back_to_the_letter(opened: Opened) -> None:
    engine = opened("memory")
    assert_to_the_letter(engine.backend.execute(ibis.memtable(ODD)))


def test_several_files_are_one_relation(opened: Opened, tmp_path: Path) -> None:
    files = [*written(tmp_path / "one", ODD.slice(0, 3)), *written(tmp_path / "two", ODD.slice(3))]
    assert_to_the_letter(opened("several").relation("things", files).to_pandas())


def test_nothing_comes_back_as_nothing(opened: Opened, tmp_path: Path) -> None:
    things = opened("nothing").relation("things", written(tmp_path, ODD.slice(0, 0)))
    found = things.to_pandas()
    assert found.empty
    assert list(found.columns) == ODD.column_names
    assert things.filter(things["n"] < 0).count().to_pandas() == 0


def test_texts_are_joined_and_ordered_by_their_bytes(opened: Opened, tmp_path: Path) -> None:
    engine = opened("bytes")
    words = ["b", "A", "a", "Z", "ä", "顧", "a b", "a-b"]
    things = engine.relation("things", written(tmp_path, pa.table({"word": words})))
    found = things.order_by("word").to_pandas()["word"].tolist()
    assert found == sorted(words, key=lambda word: word.encode())
    asked = ibis.memtable(pd.DataFrame({"word": ["ä", "a-b"], "place": [1, 2]}))
    joined = things.join(asked, "word").order_by("place").to_pandas()
    assert joined["word"].tolist() == ["ä", "a-b"]


# ---------------------------------------------------------------- arithmetic


def test_halves_are_rounded_alike(opened: Opened) -> None:
    # each of them is exact in binary
    amounts = ibis.memtable(pd.DataFrame({"n": range(4), "mrr": [10.125, 10.375, 0.625, 0.0]}))
    found = opened("halves").backend.execute(amounts.mutate(cents=cents(amounts["mrr"])))
    assert found.sort_values("n")["cents"].tolist() == [1013, 1038, 63, 0]


def test_bits_are_set_merged_and_counted_alike(opened: Opened) -> None:
    places = [0, 1, 31, 32, 58, 59, 59]
    rows = ibis.memtable(pd.DataFrame({"place": pd.Series(places, dtype="int32")}))
    rows = rows.mutate(bit=shifted_one(rows["place"]))
    merged = rows.aggregate(every=any_bit(rows["bit"]), some=any_bit(rows["bit"], where=rows["place"] > 31))
    found = opened("bits").backend.execute(merged.mutate(n=popcount(merged["every"]), m=popcount(merged["some"])))
    assert found["every"][0] == sum(1 << place for place in set(places))
    assert found["n"][0] == 6
    assert found["m"][0] == 3


# ---------------------------------------------------------------- stores stay apart


def test_two_stores_that_are_open_at_once_do_not_mix(opened: Opened, tmp_path: Path) -> None:
    one = opened("one").relation("things", written(tmp_path / "one", ODD.slice(0, 2)))
    two = opened("two").relation("things", written(tmp_path / "two", ODD.slice(2)))
    assert one.count().to_pandas() == 2
    assert two.count().to_pandas() == 6


def place_of(things: ibis.Table) -> str:
    return f'"{things.op().namespace.database}"."things"'


def test_postgres_keeps_a_store_and_makes_its_tables_once(postgres_url: str, tmp_path: Path) -> None:
    files = written(tmp_path, ODD)

    def made() -> tuple[int, int]:
        engine = open_engine("postgres", postgres_url, project="kept", store="s1")
        things = engine.relation("things", files)
        found = engine.backend.con.execute(
            f"SELECT '{place_of(things)}'::regclass::oid, (SELECT count(*) FROM {place_of(things)})"
        ).fetchall()[0]
        engine.close()
        return found

    first = made()
    assert made() == first
    written(tmp_path, ODD.slice(0, 5))
    second = made()
    assert second[0] != first[0]
    assert second[1] == 5


def test_postgres_drops_what_this_project_no_longer_uses_and_nothing_else(postgres_url: str) -> None:
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as con:

        def opens(project: str, store: str) -> None:
            open_engine("postgres", postgres_url, project=project, store=store).close()

        def stores_of(project: str) -> list[str]:
            return [name.rsplit("_", 1)[1] for name in schemas_of(project)]

        def schemas_of(project: str) -> list[str]:
            rows = con.execute(
                "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s) ORDER BY 1", [f"churnml_{project}_"]
            )
            return [row[0] for row in rows.fetchall()]

        def last_used(days_ago: dict[str, int]) -> None:
            now = con.execute("SELECT extract(epoch FROM now())::bigint").fetchall()[0][0]
            for name in schemas_of("old"):
                con.execute(f"COMMENT ON SCHEMA {name} IS '{now - 86_400 * days_ago[name.rsplit('_', 1)[1]]}'")

        for store in ("a", "b", "c"):
            opens("old", store)
        opens("older", "x")
        assert stores_of("old") == ["a", "b", "c"], "somebody may still read what was used today"
        last_used({"a": 9, "b": 8, "c": 2})
        opens("old", "d")
        assert stores_of("old") == ["c", "d"], "the newest of the old ones stays beside the present one"
        assert stores_of("older") == ["x"]


# ---------------------------------------------------------------- mistakes


def test_an_unknown_engine_comes_with_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'postgres'"):
        open_engine("postgresql", None, project="p", store="s")


def test_no_password_is_ever_told() -> None:
    url = "postgresql://someone:hunter2@127.0.0.1:1/none?connect_timeout=2"
    with pytest.raises(UnavailableError) as told:
        open_engine("postgres", url, project="p", store="s", where="project.yaml")
    assert "project.yaml" in str(told.value)
    assert "hunter2" not in str(told.value)
    assert told.value.__suppress_context__


@pytest.mark.parametrize("url", [None, "", "mysql://host/database"])
def test_postgres_without_its_url_says_how_it_is_written(url: str | None) -> None:
    with pytest.raises(ProjectError, match=r"postgresql://user:\$\{PASSWORD\}@host"):
        open_engine("postgres", url, project="p", store="s")


@pytest.mark.parametrize(
    ("engine", "package", "extra"), [("spark", "pyspark", "spark"), ("postgres", "psycopg", "postgres")]
)
def test_a_missing_package_is_told_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, engine: str, package: str, extra: str
) -> None:
    for name in [name for name in sys.modules if name.startswith(f"ibis.backends.{'py' if engine == 'spark' else ''}")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ProjectError, match=rf"pip install 'churnml\[{extra}\]'"):
        open_engine(engine, "postgresql://", project="p", store="s")


def no_spark_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    pyspark = pytest.importorskip("pyspark")
    monkeypatch.setattr(pyspark.SparkContext, "_active_spark_context", None)


def test_spark_without_java_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_spark_yet(monkeypatch)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProjectError, match=r"needs Java, and there is none(.|\n)*Install Java 17 or 21"):
        open_engine("spark", None, project="p", store="s")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ProjectError, match="JAVA_HOME names a folder without bin/java"):
        open_engine("spark", None, project="p", store="s")


@pytest.mark.parametrize(("said", "told"), [("1.8.0_352", "8 or older"), ("11.0.2", "11"), ("25", "25")])
def test_spark_on_a_java_it_does_not_run_on_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, told: str
) -> None:
    no_spark_yet(monkeypatch)
    monkeypatch.setattr("pyspark.__version__", "4.0.5")
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{said}\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ProjectError, match=f"does not run on Java {told}"):
        open_engine("spark", None, project="p", store="s")
    monkeypatch.setattr("pyspark.__version__", "4.3.0")
    if told == "25":
        _must_have_java("")


def test_a_spark_that_cannot_be_reached_tells_no_token() -> None:
    if importlib.util.find_spec("pyspark") is None:
        not_here("the package pyspark is not installed")
    with pytest.raises(UnavailableError, match="The Spark server does not answer") as told:
        open_engine("spark", "sc://127.0.0.1:1/;token=hunter2", project="p", store="s")
    assert "hunter2" not in str(told.value)


@pytest.mark.usefixtures("spark")
def test_a_folder_that_spark_does_not_see_is_named() -> None:
    engine = open_engine("spark", None, project="p", store="s")
    with pytest.raises(ProjectError, match="Spark does not see the folder /nowhere"):
        engine.relation("things", [Path("/nowhere/things.parquet")])
    engine.close()


def test_postgres_says_which_column_it_cannot_keep(postgres_url: str, tmp_path: Path) -> None:
    engine = open_engine("postgres", postgres_url, project="nul", store="s")
    files = written(tmp_path, pa.table({"fine": ["a"], "name": ["a\0b"]}))
    with pytest.raises(ProjectError, match="Column 'name'"):
        engine.relation("things", files)
    # and leaves nothing half-made
    assert engine.backend.list_tables(database=f"{engine.backend.current_database}") == []
    engine.close()
