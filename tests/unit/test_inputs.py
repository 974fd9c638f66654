"""Files as companies export them: encodings, layouts, compressions, JSON; what is guessed is told, what is not is refused."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import lzma
import os
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from churnml.adapters.project import Project
from churnml.adapters.warehouse.input_tables import MEANINGS
from churnml.adapters.warehouse.inputs import register
from churnml.errors import ChurnmlError, ProjectError, SourceError
from churnml.specs.inputs import Input
from churnml.specs.project import ProjectSpec

WESTERN = "kunde;ort;preis\n17;Köln – „Süd“;9 €\n18;Łódź;\n".replace("Łódź", "Málaga")
JAPANESE = "番号,名前,備考\n1,山田太郎,①優先\n2,ｶﾀｶﾅ商事,\n"
RUSSIAN = "id,город\n1,Москва\n2,Казань\n"


class Read:
    """An input as it was registered: its columns, its rows with their places, and what was told of it."""

    def __init__(self, root: Path, **declared: Any) -> None:
        scratch = root / "scratch"
        scratch.mkdir(exist_ok=True)
        given = Input(**declared)
        project = Project(root, ProjectSpec(name="x", inputs={"f": given}))
        with duckdb.connect() as con:
            table = register(con, project, "f", given, scratch)
            rows = con.execute('SELECT * FROM "f" ORDER BY source_row')
            names = [column[0] for column in rows.description]
            self.records = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        self.columns, self.warned, self.rejects = table.columns, table.warned, table.rejects
        assert MEANINGS.keys() >= self.warned.keys(), "what is told must stand in docs/contract.md"

    @property
    def values(self) -> list[tuple[Any, ...]]:
        return [tuple(record[name] for name in self.columns) for record in self.records]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return [tuple(record.values()) for record in self.records]


def read(root: Path, content: bytes | str, name: str = "f.csv", **declared: Any) -> Read:
    (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return Read(root, path=name, **declared)


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    ("text", "codec", "warned"),
    [
        (WESTERN, "utf-8", {}),
        (WESTERN, "utf-8-sig", {}),
        (WESTERN, "cp1252", {"read_as_windows_1252": 2}),
        (WESTERN, "utf-16", {}),
        (WESTERN, "utf-32", {}),
        (WESTERN, "utf-16-le", {"read_as_utf_16": 1}),
        (WESTERN, "utf-16-be", {"read_as_utf_16": 1}),
        (JAPANESE, "utf-8", {}),
        (JAPANESE, "cp932", {"read_as_shift_jis": 3}),
        (JAPANESE, "utf-16-le", {"read_as_utf_16": 1}),
        (RUSSIAN, "utf-16-be", {"read_as_utf_16": 1}),
    ],
)
def test_text_is_what_it_was_in_whichever_encoding_it_is_and_a_guess_is_told(text, codec, warned, tmp_path):
    plain, other = read(tmp_path, text), read(tmp_path, text.encode(codec))
    assert (other.columns, other.rows, other.warned) == (plain.columns, plain.rows, warned)


@pytest.mark.parametrize(
    ("text", "codec", "declared"),
    [
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (JAPANESE.replace("①", ""), "euc-jp", "euc-jp"),
        (JAPANESE, "cp932", "shift_jis"),
        (WESTERN, "cp1252", "windows-1252"),
        (WESTERN, "utf-16-be", "utf-16"),
        (WESTERN, "utf-8-sig", "utf-8"),
        (WESTERN.replace("–", "-").replace("„", '"').replace("“", '"').replace("€", "¤"), "latin-1", "latin-1"),
    ],
)
def test_any_encoding_that_python_knows_can_be_declared_and_is_then_no_guess(text, codec, declared, tmp_path):
    plain, other = read(tmp_path, text), read(tmp_path, text.encode(codec), encoding=declared)
    assert (other.columns, other.rows, other.warned) == (plain.columns, plain.rows, {})


def test_what_latin_1_has_no_character_for_is_read_as_windows_has_it_and_told(tmp_path):
    other = read(tmp_path, WESTERN.encode("cp1252"), encoding="latin-1")
    assert other.values == read(tmp_path, WESTERN).values
    assert other.warned == {"read_as_windows_1252": 4}  # – „ “ €


@pytest.mark.parametrize("words", ["Käse,été,señor", "GRÖßE,STRAßE,ÄÖ", "naïve,Œuvre,“x”", "5 €,½,«é»"])
def test_accents_are_not_taken_for_japanese(words, tmp_path):
    text = "a,b,c\n" + words + "\n"
    other = read(tmp_path, text.encode("cp1252"))
    assert other.values == read(tmp_path, text).values
    assert "read_as_windows_1252" in other.warned


def test_lines_of_two_encodings_in_one_file_are_each_read_in_their_own(tmp_path):
    content = b"id,n\n1," + "Jürgen".encode("cp1252") + b"\n2," + "Zoë".encode() + b"\n3,Ann\n"
    mixed = read(tmp_path, content)
    assert mixed.values == [("1", "Jürgen"), ("2", "Zoë"), ("3", "Ann")]
    assert mixed.warned == {"read_as_windows_1252": 1, "mixed_encodings": 1}


@pytest.mark.parametrize(
    ("content", "declared", "told"),
    [
        (RUSSIAN.encode("cp1251"), None, "cannot be told"),
        (JAPANESE.replace("①", "").encode("euc-jp"), None, "cannot be told"),
        (b"id,n\n1,ok\n2,K\x81se\n", None, "line 3, byte 14"),
        (b"id,n\n1," + bytes(range(5)) * 40, None, "zero bytes"),
        (WESTERN.encode(), "utf-16", "It reads as UTF-8"),
        (WESTERN.encode("cp1252"), "utf-8", "line 2, byte 21"),
        (WESTERN.encode("cp1252"), "cp932", "does not fit"),
        (b"a,b\n1,\xc3\x9d\n", "ascii", None),
    ],
)
def test_bytes_that_do_not_fit_are_refused_with_their_place(content, declared, told, tmp_path):
    if told is None:  # ASCII is meant as what goes on from it
        assert read(tmp_path, content, encoding=declared).values == [("1", "Ý")]
        return
    with pytest.raises(SourceError, match=told):
        read(tmp_path, content, encoding=declared)


def test_a_declared_encoding_that_is_hardly_meant_is_told(tmp_path):
    assert read(tmp_path, "a,b\n1,Ç\n", encoding="cp1251").warned == {"declared_encoding_doubtful": 1}


@pytest.mark.parametrize(
    ("wrong", "told"), [("utf9", "did you mean"), ("rot13", "no encoding"), ("zip", "no encoding")]
)
def test_an_encoding_that_is_none_is_refused_where_it_is_declared(wrong, told):
    with pytest.raises(ValueError, match=told):
        Input(path="x", encoding=wrong)


# ---------------------------------------------------------------- layouts

THREE = [("1", "ann", "2"), ("2", "bob", "3")]


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("sep=;\nid;n;m\n1;ann;2\n2;bob;3\n", {"sep_line": 1}),
        ("sep=;\r\nid;n;m\r\n1;ann;2\r\n2;bob;3\r\n", {"sep_line": 1}),
        ("sep=;\r\nid;n;m\n1;ann;2\n2;bob;3\n", {"sep_line": 1}),
        ('"sep=\t"\nid\tn\tm\n1\tann\t2\n2\tbob\t3\n', {"sep_line": 1}),
        ("All customers, May\n\nid,n,m\n1,ann,2\n2,bob,3\n", {"lines_above_header": 2}),
        ("All customers,,\nFrom,2024-05-01,\n,,\nid,n,m\n1,ann,2\n2,bob,3\n", {"lines_above_header": 3}),
        ("\n\nid,n,m\n1,ann,2\n2,bob,3\n", {"lines_above_header": 2}),
        ("id|n|m\n1|ann|2\n2|bob|3\n", {}),
        ("id^n^m\n1^ann^2\n2^bob^3\n", {}),
        ("id\x01n\x01m\n1\x01ann\x012\n2\x01bob\x013\n", {}),
        ("id,n,m\r1,ann,2\r2,bob,3\r", {}),
        ("id,n,m\r\n1,ann,2\n2,bob,3\r\n", {}),
        ("id,n,m,,\n1,ann,2\n2,bob,3\n", {}),
    ],
)
def test_a_csv_is_laid_out_as_programs_write_it(text, warned, tmp_path):
    for content in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
        given = read(tmp_path, content)
        assert (given.columns, given.values, given.warned) == (("id", "n", "m"), THREE, warned)


@pytest.mark.parametrize(("header", "empty"), [("id,n", 1), ("id,n,", 1), ("id,,n,,", 3)])
def test_a_column_with_neither_a_name_nor_a_value_is_left_out_and_counted(header, empty, tmp_path):
    row = "{},,{},," if header.startswith("id,,") else "{},{},"
    given = read(tmp_path, f"{header}\n{row.format(1, 'ann')}\n{row.format(2, 'bob')}\n")
    assert (given.columns, given.values) == (("id", "n"), [("1", "ann"), ("2", "bob")])
    assert given.warned == {"empty_columns": empty}


def test_a_column_without_a_name_stays_where_a_single_row_far_below_has_a_value(tmp_path):
    given = read(tmp_path, "id,n,\n" + "1,ann,\n" * 300 + "2,bob,x\n")
    assert given.columns == ("id", "n", "column2")
    assert (given.values[0], given.values[-1], given.warned) == (("1", "ann", None), ("2", "bob", "x"), {})


@pytest.mark.parametrize("word", ["Total", "Grand total:", "SUMME", "合計"])
def test_totals_below_the_rows_are_left_out_and_counted(word, tmp_path):
    given = read(tmp_path, f"id,n,m\n1,ann,2\n2,bob,3\n\n{word},,5\n")
    assert given.values == THREE
    assert (given.warned, given.rejects) == ({"total_rows": 1}, ())


def test_a_row_is_no_total_because_something_in_it_is_called_so(tmp_path):
    given = read(tmp_path, "id,n,m\nTotal,ann,2\n2,Total,3\nTotal,x,1\n")
    assert (len(given.rows), given.warned) == (3, {})


def test_lines_above_the_header_can_be_declared(tmp_path):
    given = read(tmp_path, "x,y\nexported by,ann\nid,n\n1,ann\n", skip_lines=2)
    assert (given.columns, given.values, given.warned) == (("id", "n"), [("1", "ann")], {})


def test_the_first_line_is_the_header_where_it_may_be_one(tmp_path):
    # R writes no name for the names of rows: nothing is guessed, and every row is told
    given = read(tmp_path, '"id","n"\n"1","7","ann"\n"2","8","bob"\n')
    assert given.columns == ("id", "n")
    assert [row for row, _, _ in given.rejects] == [1, 2]


def test_the_place_of_a_row_counts_from_the_header_whatever_stands_above_it(tmp_path):
    given = read(tmp_path, 'Report\n\nid,n\n1,"a\nb"\nbad\n2,c\n')
    assert [(row[0], row[-1]) for row in given.rows] == [("1", 1), ("2", 3)]
    assert [(row, text) for row, text, _ in given.rejects] == [(2, "bad")]


@pytest.mark.parametrize("text", ["id,n", "id,n\n", "id,n\r\n", "sep=,\nid,n\n"])
def test_a_file_with_a_header_alone_has_no_rows(text, tmp_path):
    given = read(tmp_path, text)
    assert (given.columns, given.rows) == (("id", "n"), [])


@pytest.mark.parametrize("written", ["\t", "\\t", "tab"])
def test_a_tab_can_be_declared(written, tmp_path):
    assert read(tmp_path, "a\tb,c\n1\t2,3\n", delimiter=written).columns == ("a", "b,c")


@pytest.mark.parametrize("wrong", ["", "||", "\n", '"'])
def test_a_delimiter_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="one character"):
        Input(path="x", delimiter=wrong)


# ---------------------------------------------------------------- compressed

COMPRESSED = {
    "f.csv.gz": gzip.compress,
    "f.csv.bz2": bz2.compress,
    "f.csv.xz": lzma.compress,
    "f.csv.zst": lambda raw: pa.compress(raw, codec="zstd", asbytes=True),
    "f.zip": lambda raw: zipped(**{"inside.csv": raw.decode("latin-1"), "__MACOSX/._inside.csv": "x"}),
    "f.csv": gzip.compress,  # the bytes say what it is, not the name
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_compressed_file_is_read_as_what_is_in_it(name, tmp_path):
    text = "id,n,m\n1,ann,2\n2,bob,3\n"
    assert read(tmp_path, COMPRESSED[name](text.encode()), name).values == THREE


@pytest.mark.parametrize("name", ["f.csv.gz", "f.csv.bz2", "f.csv.xz", "f.csv.zst"])
def test_a_compressed_file_that_was_cut_off_is_refused(name, tmp_path):
    whole = COMPRESSED[name](b"id,n,m\n" + b"".join(b"%d,ann,%d\n" % (n, n * n) for n in range(5000)))
    with pytest.raises(SourceError, match="damaged or cut off"):
        read(tmp_path, whole[: len(whole) // 2], name)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("f.zip", zipped(**{"a.csv": "x", "b.csv": "y"}), "holds 2 files: 'a.csv', 'b.csv'"),
        ("f.xlsx", zipped(**{"[Content_Types].xml": "x", "xl/workbook.xml": "y"}), "Excel workbook"),
        ("f.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel workbook"),
        ("f.csv", b"PAR1....PAR1", "Parquet"),
        ("f.csv", b"SQLite format 3\x00...", "SQLite"),
        ("f.csv.gz", gzip.compress(gzip.compress(b"a,b\n", mtime=0), mtime=0), "compressed twice"),
        ("f.csv", b"", "empty"),
        ("f.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("f.csv", b"\n\n", "no header"),
    ],
)
def test_a_file_that_is_no_table_of_text_is_named(name, content, told, tmp_path):
    with pytest.raises(SourceError, match=told):
        read(tmp_path, content, name)


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize("name", ["f.jsonl", "f.ndjson", "f.json", "f.log"])
def test_json_lines_are_rows_and_their_values_text(name, tmp_path):
    given = read(tmp_path, '{"id": 7, "on": true}\n\n{"id": "x", "p": {"plan": ["a"]}, "on": null}\n', name)
    assert given.columns == ("id", "on", "p")
    assert given.values == [("7", "true", None), ("x", None, '{"plan":["a"]}')]


def test_a_json_array_is_rows_too_and_what_is_no_object_is_told(tmp_path):
    given = read(tmp_path, '[{"id": 1, "a/b~c": "é"},\n {"id": 2, "ID": 3}, 4]', "f.json")
    assert given.columns == ("id", "a/b~c", "ID_2")
    assert given.values == [("1", "é", None), ("2", None, "3")]
    assert given.rejects == ((3, "4", "NO JSON OBJECT"),)


def test_lines_that_are_no_json_are_set_aside_with_their_place(tmp_path):
    given = read(tmp_path, gzip.compress(b'{"id": 1}\n{"id": 2\nnope\n[3]\n{"id": 4}\n'), "f.jsonl.gz")
    assert [(row[0], row[-1]) for row in given.rows] == [("1", 1), ("4", 5)]
    assert [row for row, _, _ in given.rejects] == [2, 3, 4]


@pytest.mark.parametrize("text", ["[]", "a,b\n1,2\n", '[{"id": 1}, {"id"', "\n"])
def test_a_file_that_holds_no_json_is_refused(text, tmp_path):
    with pytest.raises(SourceError):
        read(tmp_path, text, "f.json")


# ---------------------------------------------------------------- paths


def folder_of(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def test_a_folder_is_all_its_files_and_what_is_none_is_told(tmp_path):
    files = {"1.csv": "a\n1\n", "in/2.csv": "a,b\n2,x\n", "_SUCCESS": "", ".1.csv.crc": "", "README.md": "hello"}
    given = Read(folder_of(tmp_path, **files), path="data")
    assert given.columns == ("a", "source_file", "b")
    assert {record["source_file"] for record in given.records} == {"data/1.csv", "data/in/2.csv"}
    assert given.warned == {"files_not_read": 1}


def test_what_the_folders_of_hive_say_is_a_column(tmp_path):
    files = {
        "dt=2024-01-01/region=EU%2FUK/x.csv": "a\n1\n",
        "dt=2024-01-02/region=__HIVE_DEFAULT_PARTITION__/x.csv": "a\n2\n",
    }
    for path in ("data", "data/*/*/*.csv", "data/dt=*/region=*/x.csv"):
        given = Read(folder_of(tmp_path, **files), path=path)
        assert {(r["a"], r["dt"], r["region"]) for r in given.records} == {
            ("1", dt.date(2024, 1, 1), "EU/UK"),
            ("2", dt.date(2024, 1, 2), None),
        }


def test_a_column_of_the_file_goes_before_one_of_its_folder(tmp_path):
    given = Read(folder_of(tmp_path, **{"dt=2024-01-01/x.csv": "a,DT\n1,mine\n"}), path="data")
    assert given.columns == ("a", "DT", "source_file")


def test_a_pattern_may_be_absolute_and_then_names_its_files_so(tmp_path):
    folder_of(tmp_path, **{"1/x.csv": "a\n1\n", "2/x.csv": "a\n2\n"})
    given = Read(tmp_path, path=f"{tmp_path}/data/*/*.csv", grows="by_file")
    assert sorted(record["source_file"] for record in given.records) == [f"{tmp_path}/data/{n}/x.csv" for n in (1, 2)]


def test_the_environment_is_filled_into_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPORTS", str(folder_of(tmp_path, **{"x.csv": "a\n1\n"}) / "data"))
    assert Read(tmp_path, path="${EXPORTS}/x.csv").values == [("1",)]
    monkeypatch.delenv("EXPORTS")
    with pytest.raises(ProjectError, match="EXPORTS is not set"):
        Read(tmp_path, path="${EXPORTS}/x.csv")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("s3://bucket/x.csv", r"s3://.*aws s3 sync"),
        ("https://example.org/x.csv?token=SECRET", "https://"),
        ("postgresql://u:SECRET@h/d", "'database:'"),
        ("mysql+pymysql://u:SECRET@h/d", "'database:'"),
        ("data/y.csv", "Did you mean 'x.csv'"),
        ("data/*.parquet", "No file matches"),
        ("nowhere/x.csv", "is not there"),
        ("mixed", "several kinds"),
    ],
)
def test_a_path_that_is_none_is_told_with_what_to_do_and_without_a_secret(path, told, tmp_path):
    folder_of(tmp_path, **{"x.csv": "a\n1\n", "../mixed/1.csv": "a\n", "../mixed/2.jsonl": "{}"})
    with pytest.raises(ChurnmlError) as refused:
        Read(tmp_path, path=path)
    assert re.search(told, str(refused.value), re.DOTALL), str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_a_file_whose_name_is_not_utf_8_is_told(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.csv")).write_text("a\n1\n")
    except OSError:
        pytest.skip("this file system keeps names in UTF-8 only")
    with pytest.raises(ProjectError, match="not UTF-8"):
        Read(tmp_path, path="*.csv")


def test_a_table_of_a_lake_does_not_grow_by_its_files(tmp_path):
    (tmp_path / "lake" / "_delta_log").mkdir(parents=True)
    (tmp_path / "lake" / "_delta_log" / "0.json").write_text("{}")
    with pytest.raises(ProjectError, match="grows"):
        Read(tmp_path, path="lake", grows="by_file")


def test_a_lake_without_its_package_or_that_is_none_is_told(tmp_path, monkeypatch):
    (tmp_path / "lake" / "_delta_log").mkdir(parents=True)
    (tmp_path / "lake" / "_delta_log" / "0.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(SourceError, match=r"churnml\[delta\]"):
        Read(tmp_path, path="lake")
    with pytest.raises(ProjectError, match="holds no Iceberg table"):
        Read(tmp_path, path=".", format="iceberg")


@pytest.mark.parametrize(
    ("content", "told", "place"),
    [
        ("SELECT 1\n-- Größe".encode("cp1252"), "it is not UTF-8", ", line 2"),
        ("SELECT 1".encode("utf-16"), "it is UTF-16", "accounts.sql"),
    ],
)
def test_a_source_that_is_not_utf_8_is_told_with_its_place(content, told, place, tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "accounts.sql").write_bytes(content)
    project = Project(tmp_path, ProjectSpec(name="x", inputs={"f": Input(path="f.csv")}))
    with pytest.raises(SourceError, match=told) as refused:
        project.check_sources()
    assert refused.value.where.endswith(place)
