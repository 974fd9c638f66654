"""What a population and a label may see of the newer kinds, each with the control without which it proves nothing.

A fact that is known, or happens, on the first day that may not be looked at changes nothing; a day earlier it does.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from churnml.labels import Label
from churnml.snapshots import attach_label, population
from tests.support import quick_facts

AS_OF = dt.date(2024, 6, 1)
USE = {"account_id": "a", "event": "order", "user_id": "u"}
PERIOD = {
    "account_id": "a",
    "subscription_id": "s",
    "starts_at": "2024-01-01",
    "mrr": 100.0,
    "seats": 10,
    "plan": "pro",
}
FREE = PERIOD | {"mrr": 0.0, "plan": "free", "subscription_id": "f"}
LESS = PERIOD | {"mrr": 50.0, "seats": 5, "subscription_id": "s"}
TWO_USES = [USE | {"occurred_at": "2024-03-01"}, USE | {"occurred_at": "2024-04-30"}]
TWO_USERS = [USE | {"occurred_at": "2024-05-20"}, USE | {"occurred_at": "2024-05-20", "user_id": "v"}]
DUE = Label(kind="lapse", gap=7, horizon=30, due_within=(0, 30))
NOT_PAYING = Label(kind="lapse", gap=7, horizon=30, active_within=90, population="not paying")
ON_FREE = Label(kind="upsell", gap=7, horizon=30, starts_paying=True, population="plan == 'free'")
BEGINS = Label(kind="upsell", gap=7, horizon=30, starts_paying=True)
MONEY = Label(kind="contraction", gap=7, horizon=30, mrr_down_by=0.1)
SEATS = Label(kind="contraction", gap=7, horizon=30, seats_down_by=0.5)
USERS = Label(kind="contraction", gap=7, horizon=30, users_down_by=0.5, users_within=28)


def facts_with(tables, table, row):
    accounts = [{"account_id": "a", "created_at": "2023-01-01"}]
    tables = {"usage_events": [USE | {"occurred_at": "2024-05-01"}], "subscriptions": [FREE]} | tables
    return quick_facts({"accounts": accounts} | tables | {table: [*tables[table], row]})


@pytest.mark.parametrize(
    ("label", "tables", "table", "row", "column"),
    [
        (DUE, {"usage_events": TWO_USES}, "usage_events", USE | {"occurred_at": "2024-05-30"}, "known_at"),
        (NOT_PAYING, {}, "subscriptions", PERIOD, "known_at"),
        (NOT_PAYING, {}, "subscriptions", PERIOD, "starts_at"),
        (ON_FREE, {"subscriptions": []}, "subscriptions", FREE, "known_at"),
        (BEGINS, {}, "subscriptions", PERIOD, "known_at"),
    ],
    ids=["due", "not paying", "not paying yet", "plan", "begins to pay"],
)
def test_who_is_asked_about_is_as_it_was_known_a_day_before_the_cutoff(label, tables, table, row, column):
    def asked(day):
        known = facts_with(tables, table, row | {column: pd.Timestamp(day) + pd.Timedelta(hours=12)})
        return set(population(label, known, [AS_OF])["account_id"])

    assert asked("2024-06-01") == asked("2024-06-30")
    assert asked("2024-05-31") != asked("2024-06-01"), "the control: known a day earlier, it counts"


@pytest.mark.parametrize(
    ("label", "tables", "table", "row", "column"),
    [
        (MONEY, {"subscriptions": [PERIOD]}, "subscriptions", LESS, "starts_at"),
        (SEATS, {"subscriptions": [PERIOD]}, "subscriptions", LESS, "starts_at"),
        (BEGINS, {}, "subscriptions", PERIOD, "starts_at"),
        (
            USERS,
            {"usage_events": [*TWO_USERS, USE | {"occurred_at": "2024-06-20"}], "subscriptions": [PERIOD]},
            "usage_events",
            USE | {"user_id": "v"},
            "occurred_at",
        ),
    ],
    ids=["MRR", "seats", "begins to pay", "users"],
)
def test_a_label_of_two_ends_looks_no_further_than_the_last_day_of_its_window(label, tables, table, row, column):
    def outcome(day):
        facts = facts_with(tables, table, row | {column: pd.Timestamp(day) + pd.Timedelta(hours=12)})
        return attach_label(label, facts, population(label, facts, [AS_OF])).set_index("account_id")["label"]["a"]

    assert outcome("2024-07-08") == outcome("2024-08-30")
    assert {outcome("2024-07-07"), outcome("2024-07-08")} == {0.0, 1.0}, "the control: on the last day, it counts"
