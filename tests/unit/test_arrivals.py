"""When facts are known: declared for every column of the contract, and columns that look as if they told."""

from __future__ import annotations

import pytest

from churnml.arrivals import ARRIVALS, ArrivalColumn, assumptions, looks_like_arrival, says_last_change, would_tell
from churnml.tables import TABLES


def test_of_every_column_of_the_contract_it_is_declared_once_how_it_is_known():
    for table in TABLES.values():
        declared = [name for one in ARRIVALS if one.table is table for name in dict.fromkeys(one.columns)]
        # what names a row stands beside every fact; known_at says when, and is none
        facts = [name for name in table.column_names if name != "known_at"]
        assert sorted(declared) == sorted(facts), table.name


def test_what_tells_is_a_column_of_the_contract_and_where_nothing_is_assumed_nothing_is_risked():
    for one in ARRIVALS:
        assert not one.told_by or one.told_by in one.table.column_names
        assert bool(one.risk) == bool(one.otherwise)


@pytest.mark.parametrize(
    ("given", "static", "assumed"),
    [
        ({"support_tickets": ["ticket_id", "resolved_at"]}, (), [("support_tickets", "known_at")]),
        ({"support_tickets": ["ticket_id", "resolved_at", "known_at"]}, (), []),
        ({"support_tickets": ["ticket_id", "csat"]}, (), [("support_tickets", "known_at"), ("support_tickets", "csat_at")]),
        ({"support_tickets": ["ticket_id", "csat", "known_at"]}, (), []),
        ({"subscriptions": ["mrr", "known_at", "ends_at"]}, (), [("subscriptions", "cancelled_at")]),
        ({"subscriptions": ["mrr", "known_at"]}, (), []),
        ({"usage_events": ["event"], "churn_events": ["churned_at"]}, (), [
            ("usage_events", "known_at"), ("churn_events", "known_at"),
        ]),
        ({"accounts": ["account_id", "created_at", "segment"]}, (), []),
        ({"accounts": ["account_id", "created_at", "segment"]}, ("segment",), [("accounts", "")]),
        ({"accounts": ["account_id", "created_at", "tier"]}, ("tier",), [("accounts", "")]),
        ({"accounts": ["account_id", "created_at", "owner_id"]}, (), [("accounts", "")]),
    ],
)  # fmt: skip
def test_arrival_is_assumed_where_the_column_that_tells_is_not_given(given, static, assumed):
    found = assumptions(given, static)
    assert [(one.table, one.told_by) for one in found] == assumed
    assert all(not one.told_by or f"has no {one.told_by}." in one.sentence for one in found)
    assert all("count as known" in one.sentence for one in found)


def test_of_accounts_it_is_named_which_facts_count_as_they_are_today():
    (assumed,) = assumptions({"accounts": ["created_at", "tier", "owner_id", "plan", "segment"]}, ("tier", "plan"))
    assert "Attributes declared static (tier, plan) count as known as they are today" in assumed.sentence
    assert "Owners and parents count as known as they are today, at every date: work and families" in assumed.sentence


LANDED = """
    _fivetran_synced _airbyte_extracted_at _airbyte_emitted_at _sdc_batched_at _dlt_load_time created_in_warehouse
    dw_insert_ts dwh_created etl_timestamp load_date loaded _loaded_at ingested_at ingestion_time synced lastSynced
    received_at exported_at snapshot_date syncedat
"""
CHANGED = (
    "updated updated_at updatedAt UPDATEDAT modified_on last_update LastModifiedDate hs_lastmodifieddate SystemModstamp"
)
NEITHER = """
    created_at created opened_at closed first_reply occurred_at due_date valid_from last_login_at date updated_by is_synced
    load_factor sync_count landing_page export_count import_id update_count exchange_rate_date time_zone uploaded_files
    source_row source_file
"""


@pytest.mark.parametrize("name", [*LANDED.split(), *CHANGED.split()])
def test_a_name_that_says_when_a_row_landed_or_last_changed_looks_like_its_arrival(name):
    assert looks_like_arrival(name)
    assert says_last_change(name) is (name in CHANGED.split())


@pytest.mark.parametrize("name", NEITHER.split())
def test_any_other_name_does_not(name):
    assert not looks_like_arrival(name)


def test_a_column_that_says_the_last_change_is_proposed_with_its_condition():
    landed, changed = ArrivalColumn("desk", "_synced"), ArrivalColumn("sources/support_tickets.sql", "updated_at")
    assert "'_synced' of desk, 'updated_at' of sources/" in would_tell("support_tickets", [landed, changed])
    assert "overwrites" not in would_tell("support_tickets", [landed, changed])
    assert "overwrites" in would_tell("support_tickets", [changed])
    assert "'updated_at AS known_at' in sources/support_tickets.sql" in would_tell("support_tickets", [changed])
