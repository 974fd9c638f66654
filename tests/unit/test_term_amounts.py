"""A year's price in the column of monthly ones is told, where monthly contracts of the same plan show it."""

from __future__ import annotations

import pytest

from churnml.remarks import RemarkKind
from tests.support import ingest_tables

HEADER = "account_id | subscription_id | starts_at | mrr | plan | seats | billing_period\n"
PRICES = {"team": 12.0, "firm": 31.0}


def company(*, times, term="annual", seats=True, contracts=4, larger=1.0):
    """Contracts of two plans by the month and by the term, which cost ``times`` as much a seat."""
    rows = []
    for plan, price in PRICES.items():
        for n in range(contracts):
            size = 5 + n
            of = f"| {plan} | {size if seats else ''}"
            rows.append(f"| 2024-01-01 | {price * size} {of} | monthly")
            large = int(size * larger)
            of = f"| {plan} | {large if seats else ''}"
            rows.append(f"| 2024-01-01 | {price * large * times} {of} | {term}")
    accounts = "account_id | created_at\n" + "\n".join(f"c{k} | 2023-01-01" for k in range(len(rows)))
    return {
        "accounts": accounts,
        "subscriptions": HEADER + "\n".join(f"c{k} | p{k} {row}" for k, row in enumerate(rows)),
    }


def told(root, tables):
    return [one for one in ingest_tables(root, tables).remarks if one.kind is RemarkKind.AMOUNTS_OF_TERMS]


@pytest.mark.parametrize(
    ("times", "term", "seats"),
    [(12, "annual", True), (10, "annual", True), (11, "year", False), (3, "quarterly", True), (24, "P2Y", True)],
)
def test_what_costs_as_many_times_a_month_as_it_has_months_is_told(times, term, seats, tmp_path):
    (one,) = told(tmp_path, company(times=times, term=term, seats=seats))
    assert (one.table, one.column, one.rows) == ("subscriptions", "mrr", 8)
    assert f"{times} × a monthly contract" in one.samples[0]
    assert "select mrr / " in one.detail


@pytest.mark.parametrize(
    "given",
    [
        {"times": 1.0},
        {"times": 0.8},
        {"times": 1.0, "larger": 12.0},
        {"times": 3.0, "term": "quarterly", "seats": False},
        {"times": 12.0, "contracts": 2},
        {"times": 5.0},
    ],
)
def test_monthly_amounts_and_larger_customers_are_not(given, tmp_path):
    assert not told(tmp_path, company(**given))


def test_where_plans_disagree_nothing_is_told(tmp_path):
    tables = company(times=12.0)
    lines = tables["subscriptions"].splitlines()
    halved = [line.replace("| annual", "| monthly") if "| firm" in line else line for line in lines]
    halved += [f"c{k} | q{k} | 2024-01-01 | {31.0 * (5 + k)} | firm | {5 + k} | annual" for k in range(4)]
    assert not told(tmp_path, {**tables, "subscriptions": "\n".join(halved)})
