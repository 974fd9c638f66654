"""Sources that churnml writes over the tables of known systems: what each says of a small company of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from churnml.adapters.connectors.declared import SYSTEMS, Shape, system
from churnml.adapters.connectors.events import usage_in
from churnml.adapters.project import open_project
from churnml.adapters.warehouse.looking import look_at_inputs
from churnml.errors import ProjectError, UnknownNameError
from churnml.jobs.init import Began, write_connected
from churnml.tables import TABLES
from tests.flows.conftest import churnml
from tests.support import table

VERSIONED_TICKETS = "known_at" in TABLES["support_tickets"].column_names


def begun(root: Path, tables: Mapping[str, str | pd.DataFrame], *systems: str, shape: str | None = None) -> Began:
    """A project over ``tables``: path below data/ without its ending → ASCII table or frame."""
    for name, content in tables.items():
        path = root / "data" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        (table(content) if isinstance(content, str) else content).to_csv(path, index=False)
    return write_connected(root, None, systems, shape, None)


def rows(root: Path, contract_table: str, *columns: str) -> list[tuple[str, ...]]:
    """What a source gives, in order of its columns: times in UTC, an empty text for nothing."""
    select = (root / "sources" / f"{contract_table}.sql").read_text("utf-8")
    with look_at_inputs(open_project(root)) as seen:
        described = dict(tuple(row[:2]) for row in seen.rows(f"DESCRIBE {select}"))
        plain = [_plain(name, str(described[name])) for name in columns]
        return sorted(
            tuple(value or "" for value in row) for row in seen.rows(f"SELECT {', '.join(plain)} FROM ({select})")
        )


def _plain(name: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime(timezone('UTC', {name}), '%Y-%m-%d %H:%M')"
    return f"CAST({name} AS BIGINT)" if kind == "DOUBLE" and name != "mrr" else name


CUSTOMERS = """
    id    | created             | email         | metadata | _fivetran_synced
    cus_a | 2023-01-01 08:00:00 | it@acme.com   |          | 2024-06-01 00:00:00
    cus_b | 2023-01-01 08:00:00 | it@bolt.io    |          | 2024-06-01 00:00:00
    """
PRICES = """
    id     | currency | unit_amount | recurring_interval | recurring_interval_count | recurring_usage_type | nickname
    p_pro  | usd      | 1000        | month              | 1                        | licensed             | Pro
    p_year | usd      | 120000      | year               | 1                        | licensed             | Year
    p_half | eur      | 60000       | month              | 6                        | licensed             | Half
    p_yen  | jpy      | 9000        | month              | 3                        | licensed             | Yen
    p_dinar| kwd      | 5000        | month              | 1                        | licensed             | Dinar
    p_used | usd      | 1           | month              | 1                        | metered              | Used
    p_tier | usd      |             | month              | 1                        | licensed             | Tiers
    """


def stripe(subscriptions: str, items: str, **more: str) -> dict[str, str]:
    named = {f"stripe/{name}": text for name, text in more.items()}
    return {
        "stripe/customer": CUSTOMERS,
        "stripe/price": PRICES,
        "stripe/subscription_history": subscriptions,
        "stripe/subscription_item": items,
        **named,
    }


ITEMS = """
    id | subscription_id | price_id | quantity
    i1 | s1              | {price}  | {quantity}
    """
ONE = """
    id | customer_id | status | created             | start_date          | quantity | canceled_at | ended_at | _fivetran_start
    s1 | cus_a       | active | 2024-01-31 10:00:00 | 2024-01-31 10:00:00 | {quantity} |           |          | 2024-01-31 10:00:00
    """


@pytest.mark.parametrize(
    ("price", "mrr", "billing", "renews", "currency"),
    [
        ("p_pro", "30.0", "monthly", "2024-02-29", "USD"),
        ("p_year", "300.0", "annual", "2025-01-31", "USD"),
        ("p_half", "300.0", "semiannual", "2024-07-31", "EUR"),
        ("p_yen", "9000.0", "quarterly", "2024-04-30", "JPY"),
        ("p_dinar", "15.0", "monthly", "2024-02-29", "KWD"),
        ("p_tier", "", "monthly", "2024-02-29", "USD"),
        ("p_used", "0.0", "", "", ""),
    ],
)
def test_an_amount_is_brought_to_a_month_in_whole_units_of_its_currency(
    tmp_path: Path, price: str, mrr: str, billing: str, renews: str, currency: str
) -> None:
    begun(tmp_path, stripe(ONE.format(quantity=3), ITEMS.format(price=price, quantity=3)), "stripe")
    given = rows(tmp_path, "subscriptions", "mrr", "billing_period", "renews_at", "currency")
    assert given == [(mrr, billing, renews, currency)]


def test_every_version_of_a_subscription_is_a_period_known_when_it_began(tmp_path: Path) -> None:
    history = """
        id | customer_id | status | created             | start_date          | quantity | pause_collection_behavior | cancel_at_period_end | current_period_end  | canceled_at         | ended_at | _fivetran_start     | _fivetran_active
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 2        |      | false | 2024-02-10 10:00:00 |                     |  | 2024-01-10 10:00:00 | false
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 5        |      | false | 2024-03-10 10:00:00 |                     |  | 2024-03-01 09:00:00 | false
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 5        | void | false | 2024-04-10 10:00:00 |                     |  | 2024-04-02 09:00:00 | false
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 5        |      | true  | 2024-06-10 10:00:00 | 2024-05-20 12:00:00 |  | 2024-05-20 12:00:00 | true
        """
    begun(tmp_path, stripe(history, ITEMS.format(price="p_pro", quantity=5)), "stripe")
    given = rows(tmp_path, "subscriptions", "starts_at", "ends_at", "cancelled_at", "known_at", "mrr", "seats")
    assert given == [
        ("2024-01-10 10:00", "2024-03-01 09:00", "", "2024-01-10 10:00", "20.0", "2"),
        ("2024-03-01 09:00", "2024-04-02 09:00", "", "2024-03-01 09:00", "50.0", "5"),
        ("2024-04-02 09:00", "2024-05-20 12:00", "", "2024-04-02 09:00", "0.0", "5"),
        ("2024-05-20 12:00", "2024-06-10 10:00", "2024-05-20 12:00", "2024-05-20 12:00", "50.0", "5"),
    ]


WITHDRAWN = """
    id | customer_id | status | created             | start_date          | quantity | cancel_at_period_end | current_period_end  | canceled_at         | _fivetran_start     | _fivetran_active
    s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 2        | false                | 2024-02-10 10:00:00 |                     | 2024-01-10 10:00:00 | false
    s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 2        | true                 | 2024-04-10 10:00:00 | 2024-03-15 12:00:00 | 2024-03-15 12:00:00 | false
    """


def test_a_notice_that_was_taken_back_stands_from_when_it_was_given_until_then(tmp_path: Path) -> None:
    back = """
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 2        | false                | 2024-04-10 10:00:00 |                     | 2024-04-02 09:00:00 | false
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 2        | true                 | 2024-08-10 10:00:00 | 2024-07-20 12:00:00 | 2024-07-20 12:00:00 | true
        """
    begun(tmp_path, stripe(WITHDRAWN.rstrip() + back, ITEMS.format(price="p_pro", quantity=2)), "stripe")
    given = rows(tmp_path, "subscriptions", "starts_at", "known_at", "cancelled_at", "ends_at")
    assert given == [
        ("2024-01-10 10:00", "2024-01-10 10:00", "2024-07-20 12:00", "2024-08-10 10:00"),
        ("2024-01-10 10:00", "2024-03-15 12:00", "2024-03-15 12:00", "2024-04-10 10:00"),
        ("2024-01-10 10:00", "2024-04-02 09:00", "2024-07-20 12:00", "2024-08-10 10:00"),
    ]


def test_terms_that_change_under_a_notice_that_is_taken_back_later_begin_under_it(tmp_path: Path) -> None:
    back = """
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 3        | true                 | 2024-04-10 10:00:00 | 2024-03-15 12:00:00 | 2024-03-20 09:00:00 | false
        s1 | cus_a       | active | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | 3        | false                | 2024-04-10 10:00:00 |                     | 2024-04-02 09:00:00 | true
        """
    begun(tmp_path, stripe(WITHDRAWN.rstrip() + back, ITEMS.format(price="p_pro", quantity=3)), "stripe")
    given = rows(tmp_path, "subscriptions", "starts_at", "known_at", "cancelled_at", "ends_at", "seats")
    assert given == [
        ("2024-01-10 10:00", "2024-01-10 10:00", "", "2024-03-20 09:00", "2"),
        ("2024-01-10 10:00", "2024-03-15 12:00", "2024-03-15 12:00", "2024-04-10 10:00", "2"),
        ("2024-01-10 10:00", "2024-03-20 09:00", "", "2024-03-20 09:00", "2"),
        ("2024-03-20 09:00", "2024-03-20 09:00", "2024-03-20 09:00", "2024-04-10 10:00", "3"),
        ("2024-03-20 09:00", "2024-04-02 09:00", "", "", "3"),
    ]


def test_a_trial_pays_nothing_and_a_discount_counts_while_it_runs(tmp_path: Path) -> None:
    trial = """
        id | customer_id | status | created             | start_date          | quantity | trial_end           | _fivetran_start
        s1 | cus_a       | active | 2024-01-01 10:00:00 | 2024-01-01 10:00:00 | 10       | 2024-01-15 10:00:00 | 2024-01-01 10:00:00
        """
    discount = """
        id | coupon_id | customer_id | subscription_id | start               | end
        d1 | half      | cus_a       |                 | 2024-02-01 00:00:00 | 2024-03-01 00:00:00
        d2 | once      | cus_a       |                 | 2024-01-20 00:00:00 |
        """
    coupon = """
        id   | percent_off | amount_off | duration
        half | 50          |            | repeating
        once | 90          |            | once
        """
    items = ITEMS.format(price="p_pro", quantity=10)
    begun(tmp_path, stripe(trial, items, discount=discount, coupon=coupon), "stripe")
    assert rows(tmp_path, "subscriptions", "starts_at", "mrr") == [
        ("2024-01-01 10:00", "0.0"),
        ("2024-01-15 10:00", "100.0"),
        ("2024-02-01 00:00", "50.0"),
        ("2024-03-01 00:00", "100.0"),
    ]


def test_several_prices_make_one_mrr_and_a_metered_one_adds_nothing(tmp_path: Path) -> None:
    items = """
        id | subscription_id | price_id | quantity
        i1 | s1              | p_pro    | 4
        i2 | s1              | p_year   | 1
        i3 | s1              | p_used   |
        """
    begun(tmp_path, stripe(ONE.format(quantity=""), items), "stripe")
    assert rows(tmp_path, "subscriptions", "mrr", "seats", "plan") == [("140.0", "5", "Year")]


def test_terms_between_two_bills_are_those_of_the_bill_before_never_todays(tmp_path: Path) -> None:
    lines = """
        id | subscription_id | subscription_item_id | price_id | quantity | amount | proration | period_start        | period_end
        l1 | s1              | i1                   | p_pro    | 2        | 2000   | false     | 2024-01-31 10:00:00 | 2024-02-29 10:00:00
        l2 | s1              | i1                   | p_pro    | 9        | 9000   | false     | 2024-04-30 10:00:00 | 2024-05-31 10:00:00
        """
    tables = stripe(ONE.format(quantity=9), ITEMS.format(price="p_pro", quantity=9), invoice_line_item=lines)
    begun(tmp_path, tables, "stripe")
    given = rows(tmp_path, "subscriptions", "starts_at", "seats", "mrr")
    assert given == [("2024-01-31 10:00", "2", "20.0"), ("2024-04-30 10:00", "9", "90.0")]


def test_stripes_own_export_is_read_with_its_own_names(tmp_path: Path) -> None:
    tables = {
        "customers": """
            id    | Name | Email     | Created (UTC)    | account_id (metadata)
            cus_a | Acme | it@a.com  | 2023-01-01 08:00 | 17
            """,
        "subscriptions": """
            id | Customer ID | Plan | Quantity | Currency | Interval | Amount | Status   | Created (UTC)    | Start Date (UTC) | Canceled At (UTC) | Ended At (UTC)
            s1 | cus_a       | gold | 5        | eur      | month    | 250.00 | canceled | 2023-02-01 08:00 | 2023-02-01 08:00 | 2023-05-20 10:00  | 2023-06-01 08:00
            """,
        "usage_events": """
            account_id | event_time       | event
            17         | 2023-03-01 10:00 | report
            """,
    }
    began = begun(tmp_path, tables, "stripe")
    assert rows(tmp_path, "accounts", "account_id", "created_at") == [("17", "2023-01-01 08:00")]
    assert rows(
        tmp_path, "subscriptions", "account_id", "starts_at", "ends_at", "cancelled_at", "mrr", "seats", "currency"
    ) == [("17", "2023-02-01 08:00", "2023-06-01 08:00", "2023-05-20 10:00", "250.0", "5", "EUR")]
    assert rows(tmp_path, "churn_events", "account_id", "churned_at") == [("17", "2023-06-01 08:00")]
    assert "Stripe (csv)" in (tmp_path / "project.yaml").read_text("utf-8")
    assert any("account_id (metadata)" in line for line in began.told)


ZENDESK = {
    "zendesk/organization": """
        id | external_id | domain_names | name | created_at          | _fivetran_synced
        71 |             | acme.com     | Acme | 2023-01-01 00:00:00 | 2024-06-01 00:00:00
        72 |             | else.org     | Else | 2023-01-01 00:00:00 | 2024-06-01 00:00:00
        """,
    "zendesk/user": """
        id | role     | organization_id
        1  | agent    |
        2  | end-user | 71
        """,
    "zendesk/ticket": """
        id | created_at          | organization_id | requester_id | priority | type     | subject | description | status
        t1 | 2024-02-01 10:00:00 | 71              | 2            | low      | question | Help    |             | closed
        t2 | 2024-02-02 10:00:00 |                 | 2            | low      | question | Again   |             | open
        t3 | 2024-02-03 10:00:00 | 72              | 9            | low      | question | Who     |             | open
        """,
    "zendesk/ticket_field_history": """
        ticket_id | field_name         | value             | updated
        t1        | status             | new               | 2024-02-01 10:00:00
        t1        | priority           | urgent            | 2024-02-01 10:00:00
        t1        | priority           | low               | 2024-02-03 10:00:00
        t1        | status             | solved            | 2024-02-05 10:00:00
        t1        | status             | open              | 2024-02-06 10:00:00
        t1        | tags               | ["escalated_now"] | 2024-02-06 11:00:00
        t1        | status             | solved            | 2024-02-08 10:00:00
        t1        | status             | closed            | 2024-02-12 10:00:00
        t1        | satisfaction_score | offered           | 2024-02-08 10:00:00
        t1        | satisfaction_score | bad               | 2024-02-09 10:00:00
        """,
    "zendesk/ticket_comment": """
        id | ticket_id | user_id | public | created
        1  | t1        | 2       | true   | 2024-02-01 10:00:00
        2  | t1        | 1       | false  | 2024-02-01 11:00:00
        3  | t1        | 2       | true   | 2024-02-01 11:30:00
        4  | t1        | 1       | true   | 2024-02-01 12:00:00
        """,
}


def test_a_ticket_is_told_from_its_history_as_it_stood_at_each_turn(tmp_path: Path) -> None:
    begun(tmp_path, {"stripe/customer": CUSTOMERS, **ZENDESK}, "stripe", "zendesk")
    ticket = rows(
        tmp_path, "support_tickets", "ticket_id", "first_response_at", "priority", "escalated_at", "csat", "csat_at"
    )
    assert set(ticket) >= {("t1", "2024-02-01 12:00", "urgent", "2024-02-06 11:00", "1", "2024-02-09 10:00")}
    at = ["known_at"] if VERSIONED_TICKETS else []
    turns = [
        row
        for row in rows(tmp_path, "support_tickets", "ticket_id", *at, "resolved_at", "reopened_at")
        if row[0] == "t1"
    ]
    last = ("2024-02-08 10:00", "2024-02-06 10:00")
    if not VERSIONED_TICKETS:
        assert turns == [("t1", *last)]
        return
    assert turns == [
        ("t1", "2024-02-01 10:00", "2024-02-05 10:00", ""),
        ("t1", "2024-02-06 10:00", "2024-02-05 10:00", "2024-02-06 10:00"),
        ("t1", "2024-02-08 10:00", *last),
    ]


def test_tickets_go_to_accounts_by_whatever_the_systems_have_in_common_and_the_rest_is_listed(tmp_path: Path) -> None:
    began = begun(tmp_path, {"stripe/customer": CUSTOMERS, **ZENDESK}, "stripe", "zendesk")
    accounts = set(rows(tmp_path, "support_tickets", "ticket_id", "account_id"))
    assert accounts == {("t1", "cus_a"), ("t2", "cus_a"), ("t3", "zendesk 72")}
    assert any("by the domain in domain = the domain in email of stripe (1 of 2 ids)" in line for line in began.told)
    listed = tmp_path / "data" / "account_map.csv"
    assert listed.read_text("utf-8") == "system,id,name,account_id\nzendesk,72,Else,\n"
    listed.write_text("system,id,name,account_id\nzendesk,72,Else,cus_b\n", encoding="utf-8")
    assert ("t3", "cus_b") in rows(tmp_path, "support_tickets", "ticket_id", "account_id")


def test_a_domain_that_two_accounts_share_names_neither(tmp_path: Path) -> None:
    shared = CUSTOMERS + "    cus_c | 2023-01-01 08:00:00 | me@acme.com | | 2024-06-01 00:00:00\n"
    begun(tmp_path, {"stripe/customer": shared, **ZENDESK}, "stripe", "zendesk")
    assert ("t1", "zendesk 71") in rows(tmp_path, "support_tickets", "ticket_id", "account_id")


def test_zendesks_own_export_is_read_with_its_own_names(tmp_path: Path) -> None:
    tickets = """
        Summation column | Id | Requester domain | Organization | Subject | Priority | Ticket type | Created at       | Solved at        | Satisfaction Score | First reply time in minutes
        1                | 5  | acme.com         | Acme         | Help    | High     | Incident    | 2024-02-01 10:00 | 2024-02-02 10:00 | Good               | 90
        1                | 6  | acme.com         | Acme         | Wish    | Low      | Question    | 2024-02-03 10:00 |                  | Not Offered        |
        """
    begun(tmp_path, {"stripe/customer": CUSTOMERS, "zendesk/tickets": tickets}, "stripe", "zendesk")
    given = rows(tmp_path, "support_tickets", "ticket_id", "account_id", "first_response_at", "resolved_at", "csat")
    assert given == [
        ("5", "cus_a", "2024-02-01 11:30", "2024-02-02 10:00", "5"),
        ("6", "cus_a", "", "", ""),
    ]


def test_a_deal_that_was_won_is_a_contract_known_when_it_was_won(tmp_path: Path) -> None:
    tables = {
        "hubspot/company_data": """
            id | property_name | property_domain | property_createdate | property_industry | _fivetran_synced
            11 | Acme          | acme.com        | 2023-01-05 8:00:00  | retail            | 2024-06-01 00:00:00
            """,
        "hubspot/deal_data": """
            deal_id | property_amount | property_closedate  | deal_pipeline_stage_id | _fivetran_synced
            21      | 1200            | 2023-03-01 00:00:00 | 9                      | 2024-06-01 00:00:00
            22      | 500             | 2023-04-01 00:00:00 | 8                      | 2024-06-01 00:00:00
            """,
        "hubspot/deal_company_data": "deal_id | company_id\n21 | 11\n22 | 11",
        "hubspot/deal_pipeline_stage": "stage_id | label | closed_won\n9 | Signed | true\n8 | Talks | false",
        "hubspot/deal_stage_data": "deal_id | value | date_entered | _fivetran_synced\n21 | 9 | 2023-02-27 9:30:00 | 2024-06-01 00:00:00",
        "hubspot/ticket_data": """
            id | property_createdate | property_closed_date | property_first_agent_reply_date | property_hs_ticket_priority | property_subject | _fivetran_synced
            31 | 2023-05-01 10:00:00 | 2023-05-02 10:00:00  | 2023-05-01 11:00:00             | HIGH                        | Broken           | 2024-06-01 00:00:00
            """,
        "hubspot/ticket_company_data": "ticket_id | company_id\n31 | 11",
    }
    begun(tmp_path, tables, "hubspot")
    assert rows(
        tmp_path, "subscriptions", "account_id", "subscription_id", "starts_at", "ends_at", "known_at", "mrr"
    ) == [("11", "21", "2023-03-01 00:00", "2024-03-01 00:00", "2023-02-27 09:30", "100.0")]
    assert rows(
        tmp_path, "support_tickets", "account_id", "opened_at", "first_response_at", "resolved_at", "priority"
    ) == [("11", "2023-05-01 10:00", "2023-05-01 11:00", "2023-05-02 10:00", "high")]


def test_salesforce_ids_of_15_and_18_letters_are_one_and_an_end_is_the_last_day(tmp_path: Path) -> None:
    tables = {
        "sf_account_data": "id | name | industry | created_date | _fivetran_synced\n0015500000Xyy06AAB | Acme | retail | 2019-01-01 10:00:00 | 2024-06-01 00:00:00",
        "sf_opportunity_data": "id | account_id | amount | close_date | is_won | contract_id | _fivetran_synced\n006q000000HddohAAB | 0015500000Xyy06 | 2400 | 2023-01-10 | true | 8005500000AaaaaAAA | 2024-06-01 00:00:00",
        "sf_opportunity_history_data": """
            id                 | is_won | _fivetran_start     | _fivetran_active | _fivetran_synced
            006q000000HddohAAB | false  | 2022-11-01 08:00:00 | false            | 2024-06-01 00:00:00
            006q000000HddohAAB | true   | 2023-01-12 08:00:00 | true             | 2024-06-01 00:00:00
            """,
        "sf_contract": "id | start_date | end_date | contract_term | _fivetran_synced\n8005500000Aaaaa | 2023-02-01 | 2025-01-31 | 24 | 2024-06-01 00:00:00",
        "sf_case": "id | account_id | created_date | closed_date | priority | subject | _fivetran_synced\n5005500000BbbbbAAA | 0015500000Xyy06AAB | 2023-05-01 10:00:00 | 2023-05-03 10:00:00 | High | Broken | 2024-06-01 00:00:00",
        "sf_case_history": """
            case_id         | field       | old_value | new_value | created_date        | _fivetran_synced
            5005500000Bbbbb | Status      | Closed    | Working   | 2023-05-02 10:00:00 | 2024-06-01 00:00:00
            5005500000Bbbbb | IsEscalated | false     | true      | 2023-05-02 11:00:00 | 2024-06-01 00:00:00
            """,
    }
    begun(tmp_path, tables, "salesforce")
    assert rows(tmp_path, "subscriptions", "account_id", "starts_at", "ends_at", "known_at", "mrr") == [
        ("0015500000Xyy06", "2023-02-01", "2025-02-01", "2023-01-12 08:00", "100.0")
    ]
    assert rows(tmp_path, "support_tickets", "account_id", "reopened_at", "escalated_at", "priority") == [
        ("0015500000Xyy06", "2023-05-02 10:00", "2023-05-02 11:00", "high")
    ]


def test_a_conversation_is_a_ticket_by_its_parts_in_either_shape(tmp_path: Path) -> None:
    fivetran = {
        "intercom/company_history": "id | company_id | name | created_at | updated_at | _fivetran_synced\nx1 | 17 | Acme | 2023-01-01 00:00:00 | 2023-01-01 00:00:00 | 2024-06-01 00:00:00",
        "intercom/contact_company_history": "contact_id | company_id | _fivetran_synced\nc1 | x1 | 2024-06-01 00:00:00",
        "intercom/conversation_history": "id | created_at | updated_at | source_author_id | conversation_rating_value | conversation_rating_created_at | _fivetran_synced\nv1 | 2024-02-01 10:00:00 | 2024-02-02 10:00:00 | c1 | 4 | 2024-02-03 10:00:00 | 2024-06-01 00:00:00",
        "intercom/conversation_part_history": """
            id | conversation_id | created_at          | part_type | author_type | _fivetran_synced
            1  | v1              | 2024-02-01 10:01:00 | comment   | bot         | 2024-06-01 00:00:00
            2  | v1              | 2024-02-01 10:30:00 | comment   | admin       | 2024-06-01 00:00:00
            3  | v1              | 2024-02-01 12:00:00 | close     | admin       | 2024-06-01 00:00:00
            4  | v1              | 2024-02-02 09:00:00 | open      | user        | 2024-06-01 00:00:00
            5  | v1              | 2024-02-02 10:00:00 | close     | admin       | 2024-06-01 00:00:00
            """,
    }
    day = 1706781600  # 2024-02-01 10:00 UTC
    parts = [
        (60, "comment", "bot"),
        (1800, "comment", "admin"),
        (7200, "close", "admin"),
        (82800, "open", "user"),
        (86400, "close", "admin"),
    ]
    airbyte = {
        "intercom/companies": pd.DataFrame(
            [{"id": "x1", "company_id": "17", "name": "Acme", "created_at": 1672531200}]
        ),
        "intercom/contacts": pd.DataFrame([{"id": "c1", "companies": json.dumps({"data": [{"id": "x1"}]})}]),
        "intercom/conversations": pd.DataFrame(
            [
                {
                    "id": "v1",
                    "created_at": day,
                    "source": json.dumps({"author": {"id": "c1"}}),
                    "conversation_rating": json.dumps({"rating": 4, "created_at": day + 172800}),
                }
            ]
        ),
        "intercom/conversation_parts": pd.DataFrame(
            [
                {
                    "id": k,
                    "conversation_id": "v1",
                    "created_at": day + at,
                    "part_type": what,
                    "author": json.dumps({"type": who}),
                }
                for k, (at, what, who) in enumerate(parts)
            ]
        ),
    }
    asked = ("account_id", "opened_at", "first_response_at", "resolved_at", "reopened_at", "csat", "csat_at")
    right = (
        "x1",
        "2024-02-01 10:00",
        "2024-02-01 10:30",
        "2024-02-02 10:00",
        "2024-02-02 09:00",
        "4",
        "2024-02-03 10:00",
    )
    for shape, tables in (("fivetran", fivetran), ("airbyte", airbyte)):
        root = tmp_path / shape
        landed = {
            k: v.assign(_airbyte_extracted_at="2024-06-01T00:00:00Z") if isinstance(v, pd.DataFrame) else v
            for k, v in tables.items()
        }
        begun(root, landed, "intercom")
        assert rows(root, "support_tickets", *asked) == [right]


def test_chargebees_subscription_counts_its_items_its_trial_and_its_notice(tmp_path: Path) -> None:
    tables = {
        "chargebee/customer": "id | company | email | created_at | _fivetran_synced\nk1 | Acme | it@acme.com | 2023-01-01 00:00:00 | 2024-06-01 00:00:00",
        "chargebee/subscription": """
            id | customer_id | status       | currency_code | billing_period | billing_period_unit | created_at          | started_at          | activated_at        | trial_end           | current_term_end    | cancelled_at | cancel_schedule_created_at | _fivetran_synced
            b1 | k1          | non_renewing | EUR           | 1              | year                | 2023-01-10 00:00:00 | 2023-01-10 00:00:00 | 2023-01-24 00:00:00 | 2023-01-24 00:00:00 | 2024-01-24 00:00:00 |              | 2023-10-01 00:00:00        | 2023-12-01 00:00:00
            """,
        "chargebee/subscription_item": """
            subscription_id | item_price_id | item_type | quantity | unit_price | amount
            b1              | gold-eur      | plan      | 5        | 24000      | 120000
            b1              | support-eur   | addon     | 1        | 12000      | 12000
            """,
    }
    begun(tmp_path, tables, "chargebee")
    asked = (
        "account_id",
        "starts_at",
        "ends_at",
        "cancelled_at",
        "mrr",
        "seats",
        "plan",
        "billing_period",
        "renews_at",
    )
    assert rows(tmp_path, "subscriptions", *asked) == [
        ("k1", "2023-01-10 00:00", "2023-01-24 00:00", "", "0.0", "5", "gold-eur", "annual", "2024-01-24"),
        (
            "k1",
            "2023-01-24 00:00",
            "2024-01-24 00:00",
            "2023-10-01 00:00",
            "110.0",
            "5",
            "gold-eur",
            "annual",
            "2024-01-24",
        ),
    ]


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("name", SYSTEMS)
def test_without_tables_the_sources_stand_over_the_documented_ones_and_run(
    tmp_path: Path, name: str, shape: Shape
) -> None:
    began = write_connected(tmp_path, None, [name], shape.value, None)
    assert not began.there
    inputs = yaml.safe_load((tmp_path / "project.yaml").read_text("utf-8"))["inputs"]
    with duckdb.connect() as con:
        for table_name, declared in system(name).tables.items():
            if declared.names[shape]:
                places = {o.column.casefold(): o.column for c in declared.columns for o in c.origins[shape]}
                columns = "".join(f', "{column}" VARCHAR' for column in places.values())
                con.execute(f'CREATE TABLE "{name}_{table_name}" (source_row BIGINT{columns})')
                assert f"{name}_{table_name}" in inputs
        for path in (tmp_path / "sources").glob("*.sql"):
            given = [row[0] for row in con.execute(f"DESCRIBE {path.read_text('utf-8')}").fetchall()]
            assert set(given) <= {"source_row", *TABLES[path.stem].column_names}
            assert set(TABLES[path.stem].required) <= set(given)
            assert con.execute(path.read_text("utf-8")).fetchall() == []


def test_a_name_with_quotes_in_a_file_is_data(tmp_path: Path) -> None:
    customers = pd.DataFrame([{"id": "cus_a", "Created (UTC)": "2023-01-01 08:00", 'a"b (metadata)': "x"}])
    usage = pd.DataFrame([{"account_id": "cus_a", "event_time": "2023-03-01 10:00", "event": "x'); DROP TABLE y; --"}])
    begun(tmp_path, {"customers": customers, "events'; --": usage}, "stripe")
    assert rows(tmp_path, "usage_events", "account_id", "event") == [("cus_a", "x'); DROP TABLE y; --")]


def test_a_day_and_a_month_that_could_change_places_are_not_guessed(tmp_path: Path) -> None:
    customers = "id | Created (UTC)\ncus_a | 03/04/2023 08:00\ncus_b | 05/06/2023 08:00"
    began = begun(tmp_path, {"customers": customers}, "stripe")
    assert any("Created (UTC)" in line and "no form that is sure" in line for line in began.told)
    clear = tmp_path / "clear"
    began = begun(clear, {"customers": customers + "\ncus_c | 13/06/2023 08:00"}, "stripe")
    assert ("cus_a", "2023-04-03 08:00") in rows(clear, "accounts", "account_id", "created_at")


def test_what_is_missing_is_told_with_what_it_costs(tmp_path: Path) -> None:
    said = churnml("init", tmp_path / "p", "--from", "stripe,zendesk")
    assert said.code == 0, said.err
    assert "There is no usage: it is your product's own." in said.out
    assert "None of these tables is there yet" in said.out
    began = begun(tmp_path / "q", {"stripe/customer": CUSTOMERS, "stripe/price": PRICES}, "stripe")
    assert any("There are no subscriptions" in line for line in began.told)
    assert not (tmp_path / "q" / "sources" / "subscriptions.sql").exists()


def test_the_tables_of_a_database_are_read_where_they_are_and_a_password_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "warehouse.db") as con:
        for name, content in stripe(ONE.format(quantity=3), ITEMS.format(price="p_pro", quantity=3)).items():
            table(content).to_sql(name.replace("/", "_"), con, index=False)
    con.close()
    monkeypatch.setenv("WAREHOUSE_URL", f"sqlite:///{tmp_path / 'warehouse.db'}")
    write_connected(tmp_path / "p", None, ["stripe"], None, "${WAREHOUSE_URL}")
    declared = yaml.safe_load((tmp_path / "p" / "project.yaml").read_text("utf-8"))["inputs"]
    assert declared["stripe_customer"] == {"database": "${WAREHOUSE_URL}", "table": "stripe_customer"}
    assert rows(tmp_path / "p", "subscriptions", "account_id", "mrr") == [("cus_a", "30.0")]
    with pytest.raises(ProjectError, match="holds a password") as refused:
        write_connected(tmp_path / "q", None, ["stripe"], None, "postgresql://me:hidden@host/db")
    assert "hidden" not in str(refused.value)


def test_where_nobody_has_left_no_leavings_are_written(tmp_path: Path) -> None:
    began = begun(tmp_path, stripe(ONE.format(quantity=3), ITEMS.format(price="p_pro", quantity=3)), "stripe")
    assert not (tmp_path / "sources" / "churn_events.sql").exists()
    assert any("nobody has left yet" in line for line in began.told)


def test_mistakes_are_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'zendesk'"):
        write_connected(tmp_path / "a", None, ["zendesc"], None, None)
    with pytest.raises(ProjectError, match="The folder with the tables is not there"):
        write_connected(tmp_path / "b", None, ["stripe"], None, str(tmp_path / "nowhere"))
    with pytest.raises(ProjectError, match="None of the tables names the accounts"):
        begun(tmp_path / "c", {"stripe/price": PRICES}, "stripe")
    said = churnml("init", tmp_path / "d", "--shape", "csv")
    assert said.code == 1
    assert "--from" in said.err


@pytest.mark.parametrize(
    ("columns", "account", "event"),
    [
        (("id", "received_at", "timestamp", "event", "user_id", "context_group_id"), "context_group_id", "event"),
        (("account_no", "person", "event_name", "amount", "event_time", "received_at"), "account_no", "event_name"),
        (("org_id", "action", "created_at"), "org_id", "action"),
    ],
)
def test_usage_is_known_by_what_its_columns_are_called(columns: tuple[str, ...], account: str, event: str) -> None:
    usage = usage_in("tracks", columns)
    assert usage is not None
    assert (usage.columns["account_id"], usage.columns["event"]) == (account, event)
    assert usage_in("tracks", ["id", "name"]) is None
