"""Values and ids as exports write them: read, missing or refused, and always told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
import yaml

from churnml.adapters.project import Project, open_project
from churnml.adapters.warehouse import ingest
from churnml.adapters.warehouse.reading import Reading, ReadingCounts
from churnml.adapters.warehouse.typed import make_typed_view
from churnml.checks import UNREADABLE
from churnml.errors import ContractError, ProjectError, SourceError
from churnml.features import Wish, choose
from churnml.remarks import MEANINGS, Remark, RemarkKind, remark, together
from churnml.specs.project import ProjectSpec
from churnml.tables import TABLES
from tests.spec.value_examples import VALUE_EXAMPLES, ValueExample
from tests.support import TODAY, facts_for, ingest_tables, make_project

# What a row of each table needs beside the column in question.
NEEDED: dict[str, dict[str, str]] = {
    "accounts": {"account_id": "a", "created_at": "2024-01-01"},
    "subscriptions": {"account_id": "a", "subscription_id": "s", "starts_at": "2024-01-01", "mrr": "1"},
    "usage_events": {"account_id": "a", "occurred_at": "2024-01-01", "event": "login"},
    "support_tickets": {"account_id": "a", "ticket_id": "t", "opened_at": "2024-01-01"},
    "churn_events": {"account_id": "a", "churned_at": "2024-01-01"},
}
EVERY = [(part, example) for part, examples in VALUE_EXAMPLES.items() for example in examples]


def project_of(root: Path, **declared: Any) -> Project:
    said = {"name": "t", "inputs": {"in_t": {"path": "t.csv"}}} | declared
    (root / "project.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return open_project(root)


def read(
    root: Path, frames: dict[str, pd.DataFrame], select: str = "SELECT * FROM {}", **declared: Any
) -> tuple[dict[str, pd.DataFrame], ReadingCounts]:
    """The typed rows of tables read in their order, and what was told."""
    project = project_of(root, **declared)
    backend = ibis.duckdb.connect()
    reading = Reading(backend, project, TODAY, root, frozenset(), ReadingCounts())
    typed = {}
    try:
        for name, frame in frames.items():
            reading.con.register(f"frame_{name}", frame)
            reading.con.execute(f"CREATE TABLE in_{name} AS SELECT * FROM frame_{name}")
            source = root / f"{name}.sql"
            source.write_text(select.format(f"in_{name}"), encoding="utf-8")
            make_typed_view(reading, TABLES[name], source, {})
            typed[name] = reading.con.execute(f"SELECT * FROM _typed_{name} ORDER BY source_row").df()
    finally:
        backend.disconnect()
    # that the rows of these tests have dates without hours is no matter of theirs
    reading.counts.remarks[:] = [one for one in reading.counts.remarks if one.kind is not RemarkKind.NO_HOURS]
    return typed, reading.counts


def rows_of(table: str, name: str, values: Any) -> pd.DataFrame:
    plain = {column: [value] * len(values) for column, value in NEEDED[table].items()}
    return pd.DataFrame(plain | {name: values, "source_row": range(1, len(values) + 1)})


def told(counts: ReadingCounts, table: str = "") -> list[tuple[str, str, int]]:
    return [(one.kind.value, one.column, one.rows) for one in counts.remarks if table in ("", one.table)]


@pytest.mark.parametrize("example", [e for _, e in EVERY], ids=[f"{part}: {e.title}" for part, e in EVERY])
def test_a_value_is_read_as_its_example_says_and_told(example: ValueExample, tmp_path):
    frame = rows_of(example.table, example.name, list(example.written))
    frames = {example.table: frame}
    if example.table != "accounts":
        frames = {"accounts": rows_of("accounts", "region", ["x"])} | frames
    typed, counts = read(tmp_path, frames, **example.declared)
    values = typed[example.table][example.name]
    assert [None if pd.isna(value) else value for value in values] == list(example.read)
    of_column = [one for one in counts.remarks if (one.table, one.column) == (example.table, example.name)]
    assert sorted(one.kind for one in of_column) == sorted(example.told)
    assert all(one.rows > 0 and one.samples for one in of_column)
    required = example.name in TABLES[example.table].required
    aside = typed[example.table][UNREADABLE].notna()
    # an optional value never costs its row, a required one does unless it is a word for nothing
    assert not aside.any() if not required else (aside == values.isna()).all()


def test_counts_of_what_is_told_are_of_rows_and_samples_are_three_different_values(tmp_path):
    seats = ["many"] * 3 + ["few", "some", "none yet", "4"]
    _, counts = read(
        tmp_path,
        {
            "accounts": rows_of("accounts", "region", ["x"]),
            "subscriptions": rows_of("subscriptions", "seats", seats),
        },
    )
    (one,) = counts.remarks
    assert (one.kind, one.rows, one.samples) == (RemarkKind.UNREADABLE_VALUE, 6, ("many", "few", "none yet"))


# ---------------------------------------------------------------- numbers that are numbers already


def test_numbers_of_parquet_are_read_by_the_same_rules(tmp_path):
    frame = rows_of("subscriptions", "seats", [5.0, -1.0, 2.5, float("nan"), float("inf")])
    typed, counts = read(tmp_path, {"accounts": rows_of("accounts", "region", ["x"]), "subscriptions": frame})
    assert [None if pd.isna(v) else v for v in typed["subscriptions"]["seats"]] == [5, None, None, None, None]
    assert told(counts) == [("no_limit", "seats", 2), ("unreadable_value", "seats", 1)]


def test_amounts_in_the_signs_of_several_currencies_stop_unless_a_column_says_which_they_are(tmp_path):
    frame = rows_of("subscriptions", "mrr", ["$100.00", "€90.00", "€80.00"])
    accounts = rows_of("accounts", "region", ["x"])
    with pytest.raises(ContractError, match=r"several currencies \(€ in 2 rows, \$ in 1 row\)"):
        read(tmp_path, {"accounts": accounts, "subscriptions": frame})
    typed, _ = read(tmp_path, {"accounts": accounts, "subscriptions": frame.assign(currency=["USD", "EUR", "EUR"])})
    assert list(typed["subscriptions"]["mrr"]) == [100, 90, 80]


@pytest.mark.parametrize(
    ("mrr", "seats", "read_as"),
    [
        (["12,50", "9"], ["1.250", "3"], [1250, 3]),
        (["12.50", "9"], ["1,250", "3"], [1250, 3]),
        (["9", "9"], ["1.250", "3"], [None, 3]),
        (["12.50", "9,75"], ["1.250", "3"], [None, 3]),
    ],
)
def test_what_a_column_does_not_tell_of_its_decimals_its_neighbour_may(mrr, seats, read_as, tmp_path):
    frame = rows_of("subscriptions", "seats", seats).assign(mrr=mrr)
    typed, _ = read(tmp_path, {"accounts": rows_of("accounts", "region", ["x"]), "subscriptions": frame})
    assert [None if pd.isna(value) else value for value in typed["subscriptions"]["seats"]] == read_as


# ---------------------------------------------------------------- ids across tables


def of_two_tables(root: Path, accounts: Any, events: Any, **declared: Any) -> tuple[list[Any], ReadingCounts]:
    frames = {
        "accounts": rows_of("accounts", "account_id", accounts),
        "usage_events": rows_of("usage_events", "account_id", events),
    }
    typed, counts = read(root, frames, **declared)
    return list(typed["usage_events"]["account_id"]), counts


@pytest.mark.parametrize(
    ("accounts", "events", "read_as"),
    [
        (["1000", "1001"], [1000.0, 1001.0], ["1000", "1001"]),
        (["1000", "1001"], ["1000.0", "1001.0"], ["1000", "1001"]),
        ([1000, 1001], ["1000.0", "A7"], ["1000", "A7"]),
        (["1000.0", "1001.0"], [1000, 1001], ["1000", "1001"]),
        (["1.0", "1.1"], ["1.0", "1.1"], ["1.0", "1.1"]),
        (["0015g00000AbCdE"], ["0015g00000AbCdEAAV"], ["0015g00000AbCdE"]),
        (["0015g00000AbCdEAAV"], ["0015g00000AbCdE"], ["0015g00000AbCdEAAV"]),
        (["a1"], ["\u200ba1\t"], ["a1"]),
        (["'a1", "'7"], ["a1", "'7"], ["a1", "7"]),
        (["A17"], ["\uff2117", "A\uff11\uff17"], ["A17", "A17"]),
    ],
)
def test_an_account_is_the_same_account_in_every_table_however_its_id_was_exported(accounts, events, read_as, tmp_path):
    assert of_two_tables(tmp_path, accounts, events)[0] == read_as


def test_what_is_taken_off_an_id_is_told(tmp_path):
    _, counts = of_two_tables(tmp_path, ["1000", "1001"], ["1000.0", "1001.0", "1001.0"])
    (one,) = counts.remarks
    assert (one.kind, one.table, one.rows, one.samples) == ("spelling", "usage_events", 3, ("1001.0", "1000.0"))


@pytest.mark.parametrize(
    ("account", "event"),
    [("00123", "123"), ("Acme-7", "ACME-7"), ("ACC-001", "acc_1"), ("00123", 123), ("A-007", "\uff21\uff17")],
)
def test_a_near_miss_is_named_and_not_taken(account, event, tmp_path):
    ids, counts = of_two_tables(tmp_path, [account, "zz"], [event, event])
    assert ids == [str(event)] * 2
    (one,) = counts.remarks
    assert (one.kind, one.rows, one.samples) == ("near_id", 2, (f"{event} looks like {account}",))


def test_eighteen_letters_with_another_checksum_are_another_id(tmp_path):
    ids, _ = of_two_tables(tmp_path, ["0015g00000AbCdE"], ["0015g00000AbCdEAAA"])
    assert ids == ["0015g00000AbCdEAAA"]


@pytest.mark.parametrize("ruined", ["1.23E+11", "1,23E+11"])
def test_ids_that_excel_rounded_stop_the_reading_and_excel_is_named(ruined, tmp_path):
    with pytest.raises(ContractError, match=r"usage_events holds 1.23E\+11 in 2 rows: Excel"):
        of_two_tables(tmp_path, ["a"], [ruined, ruined, "a"])


def test_an_id_with_an_e_in_it_is_no_number_of_excels(tmp_path):
    assert of_two_tables(tmp_path, ["1e10", "12E5"], ["1e10", "12E5"])[0] == ["1e10", "12E5"]


def test_ids_that_a_double_cannot_hold_stop_the_reading(tmp_path):
    with pytest.raises(ContractError, match="have lost their last digits"):
        of_two_tables(tmp_path, ["a"], [1.2345678901234567e17])


def test_a_parent_is_found_however_pandas_wrote_it(tmp_path):
    frame = rows_of("accounts", "account_id", [1000, 1001]).assign(parent_account_id=[float("nan"), 1000.0])
    typed, _ = read(tmp_path, {"accounts": frame})
    assert [None if pd.isna(v) else v for v in typed["accounts"]["parent_account_id"]] == [None, "1000"]


# ---------------------------------------------------------------- columns


def test_a_column_that_the_contract_does_not_know_is_told_with_what_it_may_be(tmp_path):
    frames = {
        "accounts": rows_of("accounts", "tier", ["gold"]),
        "support_tickets": rows_of("support_tickets", "resolvd_at", ["2024-01-02"]),
    }
    typed, counts = read(tmp_path, frames)
    ours = {(one.table, one.column): one.detail for one in counts.remarks if one.kind == "unknown_column"}
    assert set(ours) == {("accounts", "tier"), ("support_tickets", "resolvd_at")}
    assert "Did you mean 'resolved_at'?" in ours["support_tickets", "resolvd_at"]
    assert counts.unmapped == {"accounts": ["tier"], "support_tickets": ["resolvd_at"]}
    assert typed["support_tickets"]["resolved_at"].isna().all()


@pytest.mark.parametrize(("written", "meant"), [("seat", "seats"), ("Plan_Name", "plan"), ("renewsat", "renews_at")])
def test_the_nearest_match_of_a_misspelt_column_is_named(written, meant, tmp_path):
    frames = {
        "accounts": rows_of("accounts", "region", ["x"]),
        "subscriptions": rows_of("subscriptions", written, ["1"]),
    }
    (one,) = read(tmp_path, frames)[1].remarks
    assert one.detail.startswith(f"Did you mean '{meant}'?")


def test_a_column_declared_extra_or_static_or_that_says_where_a_row_stood_is_not_told(tmp_path):
    frame = rows_of("accounts", "tier", ["gold"]).assign(Synced_Batch=1, source_file="f.csv")
    _, counts = read(tmp_path, {"accounts": frame}, static=["tier"], extra={"accounts": ["synced_batch"]})
    assert counts.remarks == []
    # who looks for times of arrival still sees it
    assert counts.unmapped == {"accounts": ["Synced_Batch"]}


def test_a_column_in_other_letters_is_the_contracts_column(tmp_path):
    frame = rows_of("accounts", "Region", ["north"]).rename(columns={"created_at": "CREATED_AT"})
    typed, counts = read(tmp_path, {"accounts": frame})
    assert list(typed["accounts"]["region"]) == ["north"]
    assert counts.given["accounts"] == ["account_id", "created_at", "region"]
    assert counts.remarks == []


# ---------------------------------------------------------------- remarks and declarations


def test_a_remark_keeps_three_short_different_samples():
    one = remark(RemarkKind.NO_VALUE, "t", "c", 9, ["a", None, "a", "b" * 99, "c", "d"])
    assert one.samples == ("a", "b" * 59 + "…", "c")


def test_remarks_of_several_readings_add_up():
    first = remark(RemarkKind.NO_VALUE, "t", "c", 2, ["a", "b"])
    second = remark(RemarkKind.NO_VALUE, "t", "c", 3, ["b", "c", "d"])
    other = remark(RemarkKind.NO_VALUE, "t", "d", 1)
    assert together([first, other, second]) == [
        Remark(RemarkKind.NO_VALUE, "t", "c", 5, ("a", "b", "c")),
        other,
    ]


def test_every_kind_of_remark_has_a_sentence():
    assert set(MEANINGS) == set(RemarkKind)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"extra": {"ticket": ["x"]}}, "there is no contract table 'ticket'"),
        ({"decimal_mark": {"subs": ","}}, "there is no contract table 'subs'"),
        ({"decimal_mark": ";"}, "is no decimal mark"),
        ({"csat_scale": "10-1"}, "the lowest comes first"),
        ({"csat_scale": "ten"}, "is no scale"),
        ({"csat_scale": {"good": 9}}, "'good' is 9"),
        ({"may_lose": 1.5}, "may_lose"),
    ],
)
def test_a_declaration_of_values_that_cannot_be_meant_is_refused(declared, message, tmp_path):
    with pytest.raises(ProjectError, match=message):
        project_of(tmp_path, **declared)


def test_without_a_declaration_a_twentieth_may_be_lost():
    assert ProjectSpec(name="t", inputs={"a": {"path": "a.csv"}}).may_lose == 0.05


# ---------------------------------------------------------------- SQL over text


@pytest.mark.parametrize(
    ("select", "pointed_at"),
    [
        ("SELECT * FROM in_accounts WHERE size > 0", "size > 0"),
        ("SELECT *, size * 2 AS twice FROM in_accounts", "size * 2"),
        ("SELECT *, CAST(size AS INT) AS n FROM in_accounts", "CAST(size AS INT)"),
        ("SELECT * FROM in_accounts WHERE created_at >= DATE '2024-01-01'", "created_at >= DATE '2024-01-01'"),
    ],
)
def test_a_source_that_computes_with_text_is_told_to_say_what_it_is(select, pointed_at, tmp_path):
    frame = rows_of("accounts", "size", ["5", "many"])
    with pytest.raises(SourceError) as told_of:
        read(tmp_path, {"accounts": frame}, select)
    assert "what comes from a CSV file is text" in told_of.value.what
    assert pointed_at in told_of.value.what
    assert "TRY_CAST" in told_of.value.remedy
    assert "Candidate functions" not in told_of.value.remedy


# ---------------------------------------------------------------- what may be lost

ACCOUNTS = "account_id | created_at\n" + "\n".join(f"a{k} | 2023-01-01" for k in range(20))
CONTRACTS = "account_id | subscription_id | starts_at | mrr | seats\n"


def contracts(*odd: str) -> str:
    """Twenty contracts of 100 a month, the last of them with other rows in their place."""
    plain = [f"a{k} | s{k} | 2024-01-01 | 100 | 3" for k in range(20 - len(odd))]
    return CONTRACTS + "\n".join([*plain, *odd])


def test_a_twentieth_of_the_contracts_may_be_lost_and_no_more(tmp_path):
    one, two = "z | s90 | 2024-01-01 | 100 | 3", "a3 | s91 | soon | 100 | 3"
    kept = ingest_tables(tmp_path / "one", {"accounts": ACCOUNTS, "subscriptions": contracts(one)}, may_lose=None)
    assert kept.rows["subscriptions"] == 19
    with pytest.raises(ContractError) as stopped:
        ingest_tables(tmp_path / "two", {"accounts": ACCOUNTS, "subscriptions": contracts(one, two)}, may_lose=None)
    assert stopped.value.what.startswith("2 of 20 contracts lose rows (10.0%; 5.0% may)")
    assert "1 × unknown_account (row 19)" in stopped.value.what
    assert "1 × unreadable (starts_at 'soon', row 20)" in stopped.value.what
    assert "may_lose" in stopped.value.remedy
    loose = ingest_tables(
        tmp_path / "three", {"accounts": ACCOUNTS, "subscriptions": contracts(one, two)}, may_lose=0.2
    )
    assert loose.rows["subscriptions"] == 18


def test_a_contract_that_is_a_large_part_of_the_mrr_may_not_be_lost(tmp_path):
    large = "z | s90 | 2024-01-01 | 900 | 3"
    with pytest.raises(ContractError, match=r"32\.1% of the MRR of table subscriptions was set aside"):
        ingest_tables(tmp_path, {"accounts": ACCOUNTS, "subscriptions": contracts(large)}, may_lose=None)


def test_duplicates_and_what_lies_after_the_data_are_not_lost(tmp_path):
    again = [f"a{k} | s{k} | 2024-01-01 | 100 | 3" for k in range(4)]
    later = [f"a{k} | s9{k} | 2025-02-01 | 100 | 3" for k in range(4)]
    rows = contracts(*again, *later)
    kept = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "subscriptions": rows}, may_lose=None)
    assert kept.quarantined["subscriptions"] == {"duplicate": 4, "future": 4}


def test_usage_of_which_nothing_is_kept_stops_and_names_what_its_ids_look_like(tmp_path):
    usage = "account_id | occurred_at | event\nA1 | 2024-05-01 | login\nA2 | 2024-05-01 | login"
    with pytest.raises(ContractError) as stopped:
        ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": usage}, may_lose=None)
    assert stopped.value.what.startswith("No account_id of usage_events is among the accounts: 2 × unknown_account")
    assert "A1 looks like a1" in stopped.value.remedy


# ---------------------------------------------------------------- through the door


def test_what_is_told_outlives_the_reading_and_adds_up_over_files_that_grow(tmp_path):
    header = "account_id,occurred_at,event,quantity,batch\n"
    files = {"1": "a1,2024-05-01,login,n/a,x\na1,2024-05-02,login,2,x\n", "2": "a2,2024-05-03,login,n/a,x\n"}
    inputs = {"events": {"path": "data/events-*.csv", "grows": "by_file"}}
    sources = {"usage_events": "SELECT * FROM events"}
    (tmp_path / "data").mkdir()
    told_of = []
    for name, rows in files.items():
        (tmp_path / "data" / f"events-{name}.csv").write_text(header + rows, encoding="utf-8")
        project = make_project(tmp_path, {"accounts": ACCOUNTS}, inputs=inputs, sources=sources)
        ingested = ingest(project, TODAY)
        assert ingested.unmapped["usage_events"] == ("batch",)
        remarks = [one for one in ingested.remarks if one.kind is not RemarkKind.NO_HOURS]
        told_of.append([(one.kind, one.column, one.rows, one.samples) for one in remarks])
    unknown = ("unknown_column", "batch", 0, ())
    assert told_of == [
        [unknown, ("no_value", "quantity", 1, ("n/a",))],
        [unknown, ("no_value", "quantity", 2, ("n/a",))],
    ]
    assert list(ingest(project, TODAY).remarks) == list(ingested.remarks)


def test_no_sample_names_somebody_who_was_forgotten(tmp_path, monkeypatch):
    counts = ReadingCounts()
    project = project_of(tmp_path)
    gone = project.suppression.with_one_more("account", "1000")
    monkeypatch.setattr(Project, "suppression", gone)
    reading = Reading(ibis.duckdb.connect(), project, TODAY, tmp_path, frozenset(), counts)
    reading.tell(RemarkKind.SPELLING, "usage_events", "account_id", 3, ["1000.0", "\u200b1000", "1001.0"])
    reading.tell(RemarkKind.NEAR_ID, "usage_events", "account_id", 1, ["01000 looks like 1000"])
    assert [one.samples for one in reading.remarks()] == [("1001.0",), ()]
    reading.backend.disconnect()


def test_tickets_that_do_not_say_when_they_were_resolved_are_not_open_for_ever(tmp_path):
    rows = "account_id | ticket_id | opened_at\na1 | t1 | 2024-05-01"
    solved = "account_id | ticket_id | opened_at | resolved_at\na1 | t1 | 2024-05-01 | 2024-05-02"
    wish = Wish((28,), (), ())
    for name, tickets, expected in (("without", rows, set()), ("with", solved, {"tickets_open"})):
        facts = facts_for(tmp_path / name, {"accounts": ACCOUNTS, "support_tickets": tickets})
        names = {feature.name for feature in choose(("tickets.*",), (), wish, facts)}
        assert names & {"tickets_open"} == expected
        assert "tickets_opened_28d" in names
