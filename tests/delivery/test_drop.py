"""Files: whole or not at all, each fact in one of them, and nothing in a cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from churnml.adapters.delivery import drop
from churnml.ledger import HealthEvent, Reason
from churnml.pages.cells import neutral
from tests.delivery.conftest import Shop
from tests.store.days import account, day

FORMULA = '=HYPERLINK("http://evil.example")'


def rows_of(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".jsonl":
            found += [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        elif path.suffix == ".parquet":
            import pyarrow.parquet as pq

            found += pq.read_table(path).to_pylist()
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                found += list(csv.DictReader(file))
    return found


@pytest.mark.parametrize("written", ["csv", "parquet", "jsonl"])
def test_each_kind_and_date_is_a_file_of_its_own_and_each_fact_stands_once(shop: Shop, written: str) -> None:
    shop.declare(files={"kind": "drop", "path": "out", "format": written})
    drop_event = HealthEvent("b", day("03-01"), "drop", "70", "40", ("fell", "hard"))
    told = shop.score("03-01", "a", "b", opened=["a"], events=[drop_event])
    told += shop.score("03-02", account("a", health=41.0))
    assert shop.send().receivers[0].sent == 5
    names = sorted(path.name.rsplit("-", 1)[0] for path in (shop.root / "out").iterdir())
    assert names == [
        "files-event-2024-03-01",
        "files-health-2024-03-01",
        "files-health-2024-03-02",
        "files-work-2024-03-01",
    ]
    assert sorted(row["key"] for row in rows_of(shop.root / "out")) == sorted(one.key for one in told)


@pytest.mark.parametrize("written", ["csv", "parquet", "jsonl"])
def test_a_sender_that_dies_before_it_says_so_writes_no_fact_twice(
    shop: Shop, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.declare(files={"kind": "drop", "path": "out", "format": written})
    told = shop.score("03-01", "a", "b")
    with monkeypatch.context() as patch:

        def dies(*_: Any) -> bool:
            raise KeyboardInterrupt

        patch.setattr(shop.store.outbox, "all_sent", dies)
        with pytest.raises(KeyboardInterrupt):
            shop.send()
    assert len(rows_of(shop.root / "out")) == 2
    shop.clock.later(minutes=6 * 60 * 24)  # however long the lease
    told += shop.messages("03-01", ["c"])
    from churnml.adapters.store.outbox import put

    with shop.store._connections.writing() as connection:
        put(connection, told[-1:], shop.clock())
    assert shop.send().receivers[0].sent == 3
    assert sorted(row["key"] for row in rows_of(shop.root / "out")) == sorted(one.key for one in told)


def test_a_file_that_could_not_be_written_whole_is_not_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.declare(files={"kind": "drop", "path": "out"})
    shop.score("03-01", "a")
    with monkeypatch.context() as patch:

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(drop.os, "fsync", full)
        found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].failed] == [0, 1]
    assert "No space left on device" in (found.receivers[0].trouble or "")
    assert [path for path in (shop.root / "out").iterdir() if not path.name.startswith(".")] == []
    shop.until_quiet()
    assert len(list((shop.root / "out").glob("*.csv"))) == 1


def test_a_files_name_is_the_same_for_the_same_messages(shop: Shop) -> None:
    shop.declare(one={"kind": "drop", "path": "one"}, two={"kind": "drop", "path": "two"})
    shop.score("03-01", "a", "b")
    shop.send()
    (first,) = (shop.root / "one").iterdir()
    content = first.read_bytes()
    first.unlink()
    declared = drop.DropSender("one", drop.Drop(kind="drop", path="one"), shop.root / "one")
    declared.send(shop.store.outbox.all(receiver="one"), shop.clock())
    assert first.read_bytes() == content


def test_no_account_leads_out_of_the_folder(shop: Shop) -> None:
    shop.declare(files={"kind": "drop", "path": "out"})
    shop.score("03-01", "../../escaped", "/etc/passwd", opened=["../../escaped"])
    shop.send()
    assert {path.name for path in shop.root.iterdir()} >= {"out"}
    assert not list(shop.root.parent.glob("*escaped*"))
    assert all(path.parent == shop.root / "out" for path in shop.root.rglob("files-*"))


def test_numbers_stay_numbers_and_text_is_no_formula(shop: Shop) -> None:
    shop.declare(files={"kind": "drop", "path": "out", "sends": ["health"]})
    reasons = (Reason("usage", "x", "-40 % against last month", 1.0),)
    shop.score("03-01", account(FORMULA, mrr=-12.5, health=0.5, reasons=reasons))
    shop.send()
    (row,) = rows_of(shop.root / "out")
    assert row["account_id"] == f"'{FORMULA}"
    assert row["reason_1"] == "'-40 % against last month"
    assert [row["mrr"], row["score"]] == ["-12.5", "0.5"]
    text = next((shop.root / "out").iterdir()).read_text("utf-8-sig")
    assert ",-12.5,0.5," in text  # as numbers, without quotes


def test_parquet_keeps_text_as_it_is(shop: Shop) -> None:
    shop.declare(files={"kind": "drop", "path": "out", "format": "parquet", "sends": ["health"]})
    shop.score("03-01", account(FORMULA, mrr=None))
    shop.send()
    (row,) = rows_of(shop.root / "out")
    assert [row["account_id"], row["mrr"], row["score"]] == [FORMULA, None, 40.0]


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\tword",
        "\rword",
        "  =1+1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "\x00=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(A1)",
        "﹦1",
        "﹢1",
        "﹣1",
        "﹫A1",
        "−1",
        "a;=1",
        "a; =1",
        "a\t=1",
        "line\n=1",
        "a|=cmd",
    ],
)
def test_what_a_spreadsheet_would_run_is_quoted(cell: str) -> None:
    safe = neutral(cell)
    assert safe != cell
    assert safe.replace("'", "") == cell


@pytest.mark.parametrize(
    "cell", ["", "word", "a=b", "1 - 2", "user@example.com", "fell, then +5", "東京", "'=1", "a;b"]
)
def test_ordinary_text_is_left_alone(cell: str) -> None:
    assert neutral(cell) == cell
