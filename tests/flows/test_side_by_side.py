"""Runs of one project side by side, and checked tables that are damaged or gone: nobody loses what is being read."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from churnml.adapters.project import open_project
from churnml.adapters.warehouse import facts_of, ingest, leases
from churnml.adapters.warehouse.store import MANIFEST_FILE
from churnml.rollups import PARTS
from tests.flows.test_growing_usage import growing, some_events
from tests.support import TODAY, make_project

HOLDS = """
import sys
from pathlib import Path
from churnml.adapters.warehouse import leases
lease = leases.reading([Path(sys.argv[1])])
print("held", flush=True)
sys.stdin.read()
"""


def small(root: Path, accounts: int = 3):
    rows = "\n".join(f"| a{i} | 2023-01-01 |" for i in range(accounts))
    return make_project(root, {"accounts": f"| account_id | created_at |\n{rows}"})


def stores(root: Path) -> list[Path]:
    return sorted(path.parent for path in (root / ".churnml" / "warehouse").glob(f"[!.]*/{MANIFEST_FILE}"))


def another_reader(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a lease; its standard input closed, or killed, it lets go."""
    reader = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "held\n"
    return reader


def closed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


# ---------------------------------------------------------------- leases


def test_what_another_process_reads_is_not_taken_away_until_it_ends_however_it_ends(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    reader = another_reader(folder)
    assert not leases.take_away(folder)
    assert folder.is_dir()
    closed(reader)  # by kill -9
    assert leases.take_away(folder)
    assert not folder.exists()


def test_readers_share_and_what_is_being_taken_away_cannot_be_read(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    one, other = leases.reading([folder]), leases.reading([folder])
    assert one is not None
    assert other is not None
    one.release()
    assert leases.alone(folder) is None
    other.release()
    taking = leases.alone(folder)
    assert taking is not None
    assert leases.reading([folder]) is None


def test_tables_that_are_read_outlive_any_number_of_newer_ones(tmp_path):
    read = ingest(small(tmp_path), TODAY)
    facts = facts_of(read, ())
    first = read.path
    del read  # the relations alone hold the tables
    for accounts in range(4, 8):
        ingest(small(tmp_path, accounts), TODAY)
    assert first in stores(tmp_path)
    assert len(facts.accounts.to_pandas()) == 3
    del facts
    gc.collect()
    ingest(small(tmp_path, 9), TODAY)
    assert first not in stores(tmp_path), "nobody reads them any more: else this proves nothing"
    assert len(stores(tmp_path)) == 2


def test_two_runs_that_need_the_same_tables_make_them_once(tmp_path):
    project = small(tmp_path)
    lines: list[str] = []
    results = []
    with leases.one_maker(project.work / "warehouse", lambda: None) if stores(tmp_path) else _made_folder(project):
        runs = [threading.Thread(target=lambda: results.append(ingest(project, TODAY, lines.append))) for _ in range(2)]
        for run in runs:
            run.start()
        while lines.count("another run is reading the tables; waiting for it") < 2:
            runs[0].join(0.05)
    for run in runs:
        run.join()
    assert results[0].path == results[1].path
    assert lines.count("checking accounts") == 1


def _made_folder(project):
    folder = project.work / "warehouse"
    folder.mkdir()
    return leases.one_maker(folder, lambda: None)


def test_what_a_killed_run_left_is_cleared_away_and_what_one_at_work_has_is_not(tmp_path):
    project = small(tmp_path)
    left, held = (project.work / "warehouse" / name for name in (".making-left", ".spill-held"))
    for folder in (left, held):
        folder.mkdir(parents=True)
    reader = another_reader(held)
    ingest(project, TODAY)
    assert not left.exists()
    assert held.exists()
    closed(reader)


# ---------------------------------------------------------------- damage


def flip(path: Path, at: int = -1) -> None:
    """Changes one bit, and leaves size and time as they were."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2 if at < 0 else at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


DAMAGE = {
    "a byte of a table": ("*/accounts.parquet", flip),
    "a table gone": ("*/accounts.parquet", Path.unlink),
    "a byte of the manifest": (f"*/{MANIFEST_FILE}", flip),
    "the manifest gone": (f"*/{MANIFEST_FILE}", Path.unlink),
    "a manifest that is no JSON": (f"*/{MANIFEST_FILE}", lambda path: path.write_bytes(b"\xff{")),
    "a table added": ("*/accounts.parquet", lambda path: path.with_name("invoices.parquet").write_bytes(b"PAR1")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_checked_tables_that_are_damaged_are_made_anew_and_it_is_told(damage, tmp_path, caplog):
    project = small(tmp_path)
    before = ingest(project, TODAY)
    fingerprint, rows = before.fingerprint, before.rows
    del before
    where, harm = DAMAGE[damage]
    (path,) = (project.work / "warehouse").glob(where)
    harm(path)
    lines: list[str] = []
    after = ingest(project, TODAY, lines.append)
    assert (after.fingerprint, after.rows) == (fingerprint, rows)
    assert any("made anew" in line for line in lines)
    assert any("made anew" in record.message for record in caplog.records)
    lines.clear()
    ingest(project, TODAY, lines.append)
    assert lines == [], "mended once, they are used again"
    assert len(stores(tmp_path)) == 1


def test_damaged_tables_that_somebody_reads_are_made_anew_beside_them(tmp_path):
    project = small(tmp_path)
    read = ingest(project, TODAY)
    flip(read.path / "quarantine.parquet")
    after = ingest(project, TODAY)
    assert after.path != read.path
    assert (read.path / "accounts.parquet").is_file()


@pytest.mark.parametrize("damage", ["a byte of a roll-up", "a byte of its manifest", "its manifest gone"])
def test_of_usage_that_grows_only_the_damaged_increment_is_read_anew(damage, tmp_path):
    grown = growing(tmp_path, {"1": some_events(1, "2023-12-01", 60)})
    ingest(grown, TODAY)
    grown = growing(tmp_path, {"2": some_events(2, "2024-02-05", 40)})
    before = ingest(grown, TODAY)
    fingerprint, rows = before.fingerprint, before.rows
    (hurt,) = [p for p in before.usage if "2.parquet" in (p / "segment.json").read_text("utf-8")]
    whole = [p for p in before.usage if p != hurt]
    del before
    gc.collect()
    {
        "a byte of a roll-up": lambda: flip(hurt / "usage_days.parquet"),
        "a byte of its manifest": lambda: flip(hurt / "segment.json"),
        "its manifest gone": (hurt / "segment.json").unlink,
    }[damage]()
    lines: list[str] = []
    after = ingest(grown, TODAY, lines.append)
    assert (after.fingerprint, after.rows) == (fingerprint, rows)
    assert hurt not in after.usage
    assert set(whole) < set(after.usage)
    assert "rolling up 1 file judged before" in lines


@pytest.mark.parametrize("text", [b'["named', b"[]", b'{"parts": ["named"], "crc32": "00000000"}', b"\xff"])
def test_a_list_of_roll_ups_that_is_damaged_is_told_and_no_roll_up_is_missing(text, tmp_path):
    project = small(tmp_path)
    path = project.work / "rollups.json"
    path.write_bytes(text)
    lines: list[str] = []
    ingest(project, TODAY, lines.append, frozenset({"named"}))
    assert any("rollups.json" in line for line in lines)
    assert set(json.loads(path.read_text("utf-8"))["parts"]) == PARTS


def test_a_list_of_roll_ups_of_an_earlier_version_is_read(tmp_path):
    project = small(tmp_path)
    (project.work / "rollups.json").write_text('["named", "users"]', "utf-8")
    lines: list[str] = []
    ingest(project, TODAY, lines.append, frozenset({"office"}))
    assert not any("rollups.json" in line for line in lines)
    assert json.loads((project.work / "rollups.json").read_text("utf-8"))["parts"] == ["named", "office", "users"]


# ---------------------------------------------------------------- one project, however it is named


def test_a_project_is_one_whichever_path_leads_to_it(tmp_path, monkeypatch):
    root = small(tmp_path / "demo").root
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    paths = ["demo", "demo/", "./demo", str(root), "link", "demo/project.yaml", "demo/../link"]
    assert len({ingest(open_project(Path(path)), TODAY).path for path in paths}) == 1
    assert len(stores(root)) == 1


def test_an_input_inside_the_project_that_is_declared_absolute_makes_one_store_too(tmp_path, monkeypatch):
    project = small(tmp_path / "demo")
    text = (project.root / "project.yaml").read_text("utf-8")
    (file,) = (path for path in project.root.rglob("*.csv"))
    declared = str(file.relative_to(project.root))
    assert declared in text
    (project.root / "project.yaml").write_text(text.replace(declared, str(file)), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert len({ingest(open_project(path), TODAY).fingerprint for path in (Path("demo"), project.root)}) == 1
    assert len(stores(project.root)) == 1
