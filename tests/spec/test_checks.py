"""Nothing is dropped in silence: what is wrong with a row, where it is counted, and what is only data."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from churnml import checks
from churnml.adapters.warehouse import facts_of, ingest, quarantine_rows, store, usage
from churnml.checks import reasons
from churnml.errors import ChurnmlError, ContractError, ProjectError, SourceError, UnknownNameError
from tests.spec.check_examples import ACCOUNTS, EXAMPLES, CheckExample
from tests.support import TODAY, day, features_at, ingest_tables, kept, make_project, set_aside, table

SUBSCRIPTIONS = "account_id | subscription_id | starts_at | mrr\na | s | 2024-01-01 | 100"


# ---------------------------------------------------------------- every check by its examples


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.reason}: {e.title}" for e in EXAMPLES])
def test_a_bad_row_is_set_aside_or_warned_about_and_its_neighbours_are_kept(example: CheckExample, tmp_path):
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS} | {example.table: example.rows})
    total = len(table(example.rows))
    if example.severity == "warn":
        assert found.warned[example.table] == {example.reason: len(example.bad)}
        assert set_aside(found) == []
        assert found.rows[example.table] == total
    else:
        aside = [row for row in set_aside(found) if row[1] == example.reason]
        assert aside == [(example.table, example.reason, number) for number in example.bad]
        assert found.quarantined[example.table][example.reason] == len(example.bad)
        assert found.rows[example.table] == total - sum(found.quarantined[example.table].values())


def test_repeated_rows_are_set_aside_where_the_project_says_so(tmp_path):
    rows = """
        account_id | occurred_at      | event | user_id
        a          | 2024-05-01 10:00 | login | ann
        a          | 2024-05-01 10:00 | login |
        a          | 2024-05-01 10:00 | login | ann
        a          | 2024-05-01 10:00 | login |
    """
    declared = {"usage_events": {"repeated_row": "quarantine"}}
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": rows}, checks=declared)
    assert set_aside(found) == [("usage_events", "repeated_row", 3), ("usage_events", "repeated_row", 4)]
    assert found.rows["usage_events"] == 2


def test_every_reason_has_a_worked_example():
    shown = {example.reason for example in EXAMPLES} | {"malformed_line"}  # which has a test of its own below
    assert shown == set(reasons()) | set(checks.OF_CONTRACTS)


def test_every_check_of_every_table_reads_columns_that_the_table_has():
    for check in checks.CHECKS:
        for name in check.tables:
            assert set(check.needs) <= set(checks.TABLES[name].column_names), (check.name, name)


def test_a_row_set_aside_is_kept_as_it_was_read_with_what_is_wrong(tmp_path):
    rows = "account_id | occurred_at | event\na | 31st of May | login"
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": rows})
    (row,) = quarantine_rows(found)
    assert (row.contract_table, row.reason, row.detail, row.source_row) == (
        "usage_events",
        "unreadable",
        "occurred_at",
        1,
    )
    assert json.loads(row.row) | {"source_row": 1} == {
        "account_id": "a",
        "occurred_at": "31st of May",
        "event": "login",
        "source_row": 1,
    }


def test_a_row_with_several_faults_is_counted_once(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 |            | 100
        nobody     | s2              | 2024-01-01 | 2023-01-01 | -5
    """
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "subscriptions": rows})
    assert found.quarantined["subscriptions"] == {"unknown_account": 1}


def test_rows_of_an_account_that_was_set_aside_are_set_aside_too(tmp_path):
    accounts = ACCOUNTS + "b | no date"
    rows = "account_id | occurred_at | event\na | 2024-05-01 | login\nb | 2024-05-01 | login"
    found = ingest_tables(tmp_path, {"accounts": accounts, "usage_events": rows})
    assert set_aside(found) == [("accounts", "unreadable", 2), ("usage_events", "unknown_account", 2)]


def test_known_at_of_an_event_that_arrived_before_it_happened_is_when_it_happened(tmp_path):
    rows = "account_id | churned_at | known_at\na | 2024-05-10 | 2024-05-01"
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "churn_events": rows})
    assert list(kept(found, "churn_events")["known_at"]) == [pd.Timestamp("2024-05-10")]


def test_a_table_whose_every_row_is_bad_is_an_error_that_names_the_reasons(tmp_path):
    with pytest.raises(ContractError, match="2 × unreadable"):
        ingest_tables(tmp_path, {"accounts": "account_id | created_at\na | one day\nb | another"})


# ---------------------------------------------------------------- severities


def test_a_project_can_let_a_check_warn_or_set_aside(tmp_path):
    rows = """
        account_id | ticket_id | opened_at  | resolved_at | csat
        a          | t1        | 2024-05-02 | 2024-05-01  |
        a          | t2        | 2024-05-02 |             | 0
        a          | t3        | 2024-05-02 |             | 3
    """
    found = ingest_tables(
        tmp_path,
        {"accounts": ACCOUNTS, "support_tickets": rows},
        checks={"support_tickets": {"resolved_before_opened": "warn"}, "all": {"csat_out_of_range": "quarantine"}},
    )
    assert found.warned["support_tickets"] == {"resolved_before_opened": 1}
    assert set_aside(found) == [("support_tickets", "csat_out_of_range", 2)]


def test_what_a_project_says_of_one_table_goes_before_what_it_says_of_all(tmp_path):
    rows = "account_id | occurred_at | event\na | 2024-05-01 | login\nz | 2024-05-01 | login"
    tickets = "account_id | ticket_id | opened_at\na | t | 2024-05-01\nz | u | 2024-05-01"
    found = ingest_tables(
        tmp_path,
        {"accounts": ACCOUNTS, "usage_events": rows, "support_tickets": tickets},
        checks={"all": {"unknown_account": "warn"}, "usage_events": {"unknown_account": "quarantine"}},
    )
    assert found.warned == {"support_tickets": {"unknown_account": 1}}
    assert set_aside(found) == [("usage_events", "unknown_account", 2)]


def test_a_row_without_a_readable_required_value_is_of_no_use_whatever_a_project_says(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | mrr | seats
        a          | s1              | 2024-01-01 | 100 | many
        a          | s2              | one day    | 100 | 3
    """
    found = ingest_tables(
        tmp_path, {"accounts": ACCOUNTS, "subscriptions": rows}, checks={"all": {"unreadable": "warn"}}
    )
    assert set_aside(found) == [("subscriptions", "missing", 2)]
    assert kept(found, "subscriptions")["seats"].isna().all()
    assert [(one.kind, one.column, one.samples) for one in found.remarks] == [
        ("unreadable_value", "seats", ("many",)),
        ("unreadable_time", "starts_at", ("one day",)),
    ]


def test_a_duplicate_account_that_only_warns_does_not_multiply_what_belongs_to_it(tmp_path):
    tables = {
        "accounts": ACCOUNTS + "a | 2023-02-01",
        "usage_events": "account_id | occurred_at | event\na | 2024-05-30 | login",
    }
    try:
        project = make_project(tmp_path, tables, checks={"accounts": {"duplicate": "warn"}})
        found = ingest(project, TODAY)
    except ChurnmlError:
        return  # to refuse it is as good
    snapshots = features_at(facts_of(found, ()), day("2024-06-01"), lookbacks=(7,), families=("usage.events",))
    assert found.rows["usage_events"] == 1
    assert list(snapshots["usage_events_7d"]) == [1.0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"all": {"duplicat": "warn"}}, "duplicate"),
        ({"usage_event": {"duplicate": "warn"}}, "usage_events"),
        ({"all": {"duplicate": "ignore"}}, "quarantine"),
    ],
    ids=["check", "table", "severity"],
)
def test_an_unknown_check_table_or_severity_is_told_with_the_nearest(said, told, tmp_path):
    with pytest.raises(ProjectError, match=told):
        make_project(tmp_path, {"accounts": ACCOUNTS}, checks=said)


# ---------------------------------------------------------------- files as people export them

ROWS = "account_id,created_at,industry\na,2023-01-01,Büro\nb,2023-01-02,Käse\n"


def accounts_of(root, content: bytes, **given):
    (root / "data").mkdir(parents=True)
    (root / "data" / "crm.csv").write_bytes(content)
    given.setdefault("static", ["industry"])
    given.setdefault("sources", {"accounts": "SELECT * FROM crm"})
    declared = {"path": "data/crm.csv"} | given.pop("declared", {})
    return ingest(make_project(root, inputs={"crm": declared}, **given), TODAY)


@pytest.mark.parametrize(
    ("content", "warned"),
    [
        (ROWS.encode("utf-8"), {}),
        (ROWS.encode("utf-8-sig"), {}),
        (ROWS.encode("latin-1"), {"crm": {"read_as_windows_1252": 2}}),
        (ROWS.encode("utf-16"), {}),
        (b"\xfe\xff" + ROWS.encode("utf-16-be"), {}),
        (ROWS.replace(",", ";").encode(), {}),
        (ROWS.replace(",", "\t").encode(), {}),
        (ROWS.replace(",", "|").encode(), {}),
        (ROWS.replace("\n", "\r\n").encode(), {}),
        (ROWS.replace("\n", "\r\n").encode("utf-8-sig"), {}),
        (ROWS.removesuffix("\n").encode(), {}),
        (ROWS.replace("Büro", '"Büro"').encode(), {}),
    ],
    ids=[
        "UTF-8",
        "with a BOM",
        "Latin-1",
        "UTF-16",
        "UTF-16 big-endian",
        "semicolons",
        "tabs",
        "bars",
        "CRLF",
        "CRLF and a BOM",
        "no last line end",
        "quotes",
    ],
)
def test_a_csv_is_read_as_meant_however_it_was_exported(content, warned, tmp_path):
    found = accounts_of(tmp_path, content)
    assert list(kept(found, "accounts")["account_id"]) == ["a", "b"]
    assert list(kept(found, "accounts")["industry"]) == ["Büro", "Käse"]
    assert found.quarantined == {}
    assert found.warned == warned


@pytest.mark.parametrize(
    "wrong",
    ["b,2023-01-02,Käse,too,many", "b,2023-01-02", 'b,2023-01-02,"5" pipe', 'b,2023-01-02,"never closed'],
    ids=["too many fields", "too few fields", "a bare quote inside quotes", "an unclosed quote"],
)
def test_a_line_that_is_no_row_is_set_aside_with_its_line_and_the_others_are_kept(wrong, tmp_path):
    content = f"account_id,created_at,industry\na,2023-01-01,Büro\n{wrong}\n"
    if "closed" not in wrong:
        content += "c,2023-01-03,Café\n"
    found = accounts_of(tmp_path, content.encode())
    assert set_aside(found) == [("accounts", "malformed_line", 2)]  # the second row below the header
    assert found.quarantined["accounts"] == {"malformed_line": 1}
    assert list(kept(found, "accounts")["account_id"]) == (["a"] if "closed" in wrong else ["a", "c"])


def test_a_field_that_begins_like_a_comment_is_no_comment(tmp_path):
    content = "account_id,created_at,industry\n#1,2023-01-01,x\n2,2023-01-02,y # z\n"
    found = accounts_of(tmp_path, content.encode())
    assert list(kept(found, "accounts")["account_id"]) == ["#1", "2"]
    assert list(kept(found, "accounts")["industry"]) == ["x", "y # z"]


def test_the_row_named_is_the_row_in_the_file_even_after_a_malformed_line(tmp_path):
    content = "account_id,created_at,industry\na,2023-01-01,x\nb,2023-01-02,x,y\nc,2023-01-03,x\nd,no date,x\n"
    found = accounts_of(tmp_path, content.encode())
    # rows are counted from 1 below the header
    assert ("accounts", "unreadable", 4) in set_aside(found)


def test_mixed_formats_of_dates_are_read_by_iso_and_the_declared_formats(tmp_path):
    rows = """
        account_id | created_at
        iso        | 2024-03-04
        iso_time   | 2024-03-04 05:06:07
        iso_t      | 2024-03-04T05:06:07.890
        german     | 04.03.2024
        us_time    | 03/04/2024 05:06 PM
        nonsense   | 2024-04-31
        german_us  | 31.02.2024
    """
    found = ingest_tables(tmp_path, {"accounts": rows}, time_formats=["%d.%m.%Y", "%m/%d/%Y %I:%M %p"])
    created = kept(found, "accounts").set_index("account_id")["created_at"]
    assert {name: str(at) for name, at in created.items()} == {
        "iso": "2024-03-04 00:00:00",
        "iso_time": "2024-03-04 05:06:07",
        "iso_t": "2024-03-04 05:06:07.890000",
        "german": "2024-03-04 00:00:00",
        "us_time": "2024-03-04 17:06:00",
    }
    assert found.quarantined["accounts"] == {"unreadable": 2}


def test_a_declared_format_with_the_time_before_the_date_is_not_taken_for_an_offset(tmp_path):
    rows = "account_id | created_at\na | 05:06 04-03-2024"
    found = ingest_tables(tmp_path, {"accounts": rows}, time_formats=["%H:%M %d-%m-%Y"])
    assert str(kept(found, "accounts")["created_at"].iloc[0]) == "2024-03-04 05:06:00"


def test_a_time_with_an_offset_is_an_instant_and_one_without_is_the_projects_wall_clock(tmp_path):
    rows = """
        account_id | created_at
        wall       | 2024-03-04 00:30
        tokyo      | 2024-03-04 00:30:00+09:00
        utc        | 2024-03-03T15:30:00Z
        new_york   | 2024-03-03 10:30:00-05
        next_day   | 2024-03-04T16:00:00+0000
    """
    found = ingest_tables(tmp_path, {"accounts": rows}, timezone="Asia/Tokyo")
    created = kept(found, "accounts").set_index("account_id")["created_at"].astype(str).to_dict()
    assert created.pop("next_day") == "2024-03-05 01:00:00"
    assert set(created.values()) == {"2024-03-04 00:30:00"}


def test_times_of_a_parquet_file_are_read_by_the_same_rule(tmp_path):
    (tmp_path / "data").mkdir()
    frame = pd.DataFrame(
        {"account_id": [1, 2], "created_at": pd.to_datetime(["2024-03-03 15:30", "2024-03-03 16:30"], utc=True)}
    )
    frame.to_parquet(tmp_path / "data" / "crm.parquet")
    project = make_project(
        tmp_path,
        inputs={"crm": {"path": "data/crm.parquet"}},
        sources={"accounts": "SELECT * FROM crm"},
        timezone="Asia/Tokyo",
    )
    stored = kept(ingest(project, TODAY), "accounts")
    assert list(stored["account_id"]) == ["1", "2"]
    assert list(stored["created_at"].astype(str)) == ["2024-03-04 00:30:00", "2024-03-04 01:30:00"]


def test_an_end_at_infinity_or_in_the_year_9999_is_no_crash(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 | 9999-12-31 | 100
        a          | s2              | 2024-01-01 | infinity   | 100
    """
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "subscriptions": rows})
    assert found.rows["subscriptions"] + sum(found.quarantined.get("subscriptions", {}).values()) == 2
    snapshots = features_at(facts_of(found, ()), day("2024-06-01"))
    assert snapshots.loc[0, "subscription_mrr"] in (100.0, 200.0)


@pytest.mark.parametrize("when", ["infinity", "-infinity", "epoch"])
def test_an_event_that_happened_at_no_real_time_is_unreadable(when, tmp_path):
    rows = f"account_id | occurred_at | event\na | 2024-05-01 | login\na | {when} | login"
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": rows})
    assert found.rows["usage_events"] == 1


def test_a_quantity_too_large_to_count_in_millionths_does_not_stop_the_reading(tmp_path):
    rows = "account_id | occurred_at | event | quantity\na | 2024-05-01 | store | 1e13\na | 2024-05-01 | store | 1"
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": rows})
    assert found.rows["usage_events"] + sum(found.quarantined.get("usage_events", {}).values()) == 2


# ---------------------------------------------------------------- what stands in a file is data

ODD = [
    "=1+1",
    "@SUM(A1)",
    "a'; DROP TABLE accounts; --",
    '"quoted", with a comma',
    "two words",
    "株式会社テスト",
    "Ärger & Söhne",
    "${HOME}",
    "%s %(x)s {value}",
    "<script>alert(1)</script>",
    "NULL",
    "nan",
    "../../etc/passwd",
    "back\\slash",
    "007",
    "1e3",
]


def test_values_that_look_like_code_formulas_or_numbers_stay_what_they_are(tmp_path):
    accounts = pd.DataFrame({"account_id": ODD, "created_at": "2023-01-01", "industry": ODD})
    events = pd.DataFrame({"account_id": ODD, "occurred_at": "2024-05-30", "event": ODD, "user_id": ODD})
    project = make_project(tmp_path, {"accounts": accounts, "usage_events": events}, static=["industry"])
    found = ingest(project, TODAY)
    assert found.quarantined == {}
    assert set(kept(found, "accounts")["account_id"]) == set(ODD)
    facts = facts_of(found, ("industry",))
    snapshots = features_at(
        facts, day("2024-06-01"), families=("usage.by_event", "account.attributes"), event_names=ODD
    )
    assert list(snapshots["account_industry"]) == list(snapshots["account_id"])
    counted = [c for c in snapshots.columns if c.startswith("usage_event_")]
    assert len(counted) == len(ODD)
    assert (snapshots[counted].sum(axis=1) == 1).all()
    assert (snapshots[counted].sum(axis=0) == 1).all()


# ---------------------------------------------------------------- sources


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE x AS SELECT 1",
        "SELECT * FROM crm; SELECT * FROM crm",
        "SELECT * FROM crm; DROP TABLE crm",
        "COPY crm TO 'out.csv'",
        "ATTACH 'other.db'",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "INSERT INTO crm SELECT * FROM crm",
        "",
        "-- nothing",
    ],
)
def test_a_source_that_is_not_one_select_is_refused(sql, tmp_path):
    with pytest.raises(SourceError, match=r"one SELECT|not valid SQL") as refused:
        accounts_of(tmp_path, ROWS.encode(), sources={"accounts": sql})
    assert "accounts.sql" in refused.value.where
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "read",
    [
        "read_csv('{secret}')",
        "read_text('{secret}')",
        "read_blob('{secret}')",
        "'{secret}'",
        "read_csv('data/../secret.csv')",
        "read_csv('{folder}/*.csv')",
        "glob('{folder}/*')",
        "read_csv('/etc/hostname')",
        "read_csv('https://example.com/x.csv')",
        "query('SELECT * FROM read_csv(''{secret}'')')",
    ],
)
def test_a_source_reads_no_file_but_the_declared_inputs(read, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("account_id,created_at\nsecret,2023-01-01\n")
    sql = f"SELECT account_id, created_at FROM {read.format(secret=secret, folder=tmp_path)}"
    with pytest.raises(SourceError) as refused:
        accounts_of(tmp_path, ROWS.encode(), sources={"accounts": sql}, static=[])
    assert "accounts.sql" in refused.value.where
    assert "secret,2023" not in str(refused.value)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT * FROM crn", "'crm'"),
        ("SELECT account_id, creatd_at AS created_at FROM crm", "'created_at'"),
        ("SELECT account_id, created_at FROM project", "no input named 'project'"),
        ("SELECT account_id, created_at FROM registered", "no input named 'registered'"),
        ("SELECT account_id, created_at FROM source", "no input named 'source'"),
    ],
    ids=["input", "column", "a word of ours", "another", "and another"],
)
def test_an_unknown_input_or_column_is_told_with_the_nearest(sql, told, tmp_path):
    with pytest.raises(SourceError) as refused:
        accounts_of(tmp_path, ROWS.encode(), sources={"accounts": sql}, static=[])
    assert told in str(refused.value)


def test_a_missing_required_column_is_named_with_what_it_means_and_the_nearest(tmp_path):
    with pytest.raises(ContractError) as refused:
        accounts_of(
            tmp_path, ROWS.encode(), sources={"accounts": "SELECT account_id, created_at AS creatd_at FROM crm"}
        )
    assert "'created_at'" in refused.value.what
    assert "'creatd_at'" in refused.value.remedy


def test_a_wrong_delimiter_is_guessed_at_in_the_remedy(tmp_path):
    with pytest.raises(ContractError) as refused:
        accounts_of(tmp_path, ROWS.replace(",", ";").encode(), declared={"delimiter": ","}, static=[])
    assert "set its delimiter to ';'" in refused.value.remedy


def test_a_number_where_a_time_must_be_is_refused_with_the_conversion(tmp_path):
    with pytest.raises(ContractError, match="to_timestamp"):
        accounts_of(
            tmp_path,
            ROWS.encode(),
            sources={"accounts": "SELECT account_id, 1704067200 AS created_at FROM crm"},
            static=[],
        )
    with pytest.raises(ChurnmlError):
        accounts_of(
            tmp_path / "x",
            ROWS.encode(),
            sources={"accounts": "SELECT account_id, 1704067200.5 AS created_at FROM crm"},
            static=[],
        )


def test_a_static_attribute_the_accounts_lack_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ContractError, match="'industry'"):
        accounts_of(tmp_path, ROWS.encode(), static=["indutry"])


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", SourceError), (b"account_id,created_at,industry\n", ContractError)],
    ids=["nothing at all", "a header alone"],
)
def test_an_empty_file_is_told(content, error, tmp_path):
    with pytest.raises(error):
        accounts_of(tmp_path, content)


def test_an_input_whose_file_is_not_there_is_told_by_its_name(tmp_path):
    with pytest.raises(ProjectError, match="'crm'"):
        ingest(
            make_project(tmp_path, inputs={"crm": {"path": "data/no.csv"}}, sources={"accounts": "SELECT * FROM crm"}),
            TODAY,
        )


def test_a_source_named_after_no_contract_table_is_told_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="'support_tickets'"):
        ingest_tables(tmp_path, {"accounts": ACCOUNTS}, sources={"support_ticket": "SELECT 1"})


def test_a_project_without_accounts_is_told_what_to_write(tmp_path):
    with pytest.raises(ProjectError, match=r"accounts\.sql"):
        ingest_tables(tmp_path, {"subscriptions": SUBSCRIPTIONS})


# ---------------------------------------------------------------- the store


def test_an_unchanged_project_is_not_read_twice(tmp_path, monkeypatch):
    project = make_project(tmp_path, {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS})
    first = ingest(project, TODAY)
    monkeypatch.setattr(store, "_make_store", lambda *_: pytest.fail("the store was made again"))
    assert ingest(project, TODAY) == first


def test_a_changed_input_source_or_check_makes_a_new_store(tmp_path):
    tables = {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS}
    first = ingest_tables(tmp_path, tables)
    changed = ingest_tables(tmp_path, tables | {"subscriptions": SUBSCRIPTIONS + "0"})
    source = ingest_tables(tmp_path, tables, sources={"accounts": "SELECT * FROM raw_accounts WHERE true"})
    check = ingest_tables(tmp_path, tables, checks={"all": {"future": "warn"}})
    assert len({first.path, changed.path, source.path, check.path}) == 4
    assert first.fingerprint != changed.fingerprint
    assert source.fingerprint == check.fingerprint  # they name the content, and that is equal


def test_the_fingerprint_names_the_content_not_the_order_of_its_rows(tmp_path):
    rows = table("account_id | created_at\na | 2023-01-01\nb | 2023-01-02\nc | 2023-01-03")
    one = ingest_tables(tmp_path / "1", {"accounts": rows})
    other = ingest_tables(tmp_path / "2", {"accounts": rows.iloc[::-1]})
    third = ingest_tables(tmp_path / "3", {"accounts": rows.iloc[:2]})
    assert one.fingerprint == other.fingerprint != third.fingerprint


@pytest.mark.parametrize(
    ("room", "broken"),
    [
        (store, "check_and_write"),
        (usage, "write_rollups"),
        (store, "_content_fingerprint"),
        (store, "make_typed_view"),
    ],
)
def test_a_reading_that_dies_in_the_middle_leaves_no_half_store(room, broken, tmp_path, monkeypatch):
    events = "account_id | occurred_at | event\na | 2024-05-01 | login"
    project = make_project(tmp_path, {"accounts": ACCOUNTS, "usage_events": events})

    def dies(*_given, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(room, broken, dies)
        with pytest.raises(KeyboardInterrupt):
            ingest(project, TODAY)
    assert list((project.work / "warehouse").iterdir()) == []
    assert ingest(project, TODAY).rows == {"accounts": 1, "usage_events": 1}


def test_a_store_left_half_made_by_a_killed_process_is_not_taken_for_a_whole_one(tmp_path):
    project = make_project(tmp_path, {"accounts": ACCOUNTS})
    whole = ingest(project, TODAY)
    (whole.path / "manifest.json").unlink()
    (whole.path / "accounts.parquet").write_bytes(b"half")
    assert len(kept(ingest(project, TODAY), "accounts")) == 1


def test_without_a_declared_end_the_data_end_with_their_newest_usage_that_is_not_in_the_future(tmp_path):
    events = """
        account_id | occurred_at      | event
        a          | 2024-05-01 08:00 | login
        a          | 2024-06-03 08:00 | login
        a          | 2031-01-01 08:00 | login
    """
    found = ingest_tables(tmp_path, {"accounts": ACCOUNTS, "usage_events": events}, data_through=None)
    assert found.data_through == day("2024-06-03")
    assert set_aside(found) == [("usage_events", "future", 3)]
