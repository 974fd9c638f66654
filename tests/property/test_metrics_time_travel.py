"""What became known on a day or later changes no revenue figure as of that day; known a day earlier, it does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.revenue.calendar import periods_between
from churnml.revenue.contracts import paid_contracts
from churnml.revenue.report import reckon
from churnml.specs.metrics import MetricsSpec
from tests.oracle.test_revenue_day_by_day import RATES, contracts_of
from tests.support import day, quick_facts

AS_OF = day("2024-03-01")
NOW = pd.Timestamp(AS_OF)
BEFORE = NOW - pd.Timedelta(days=1)
DATED = MetricsSpec(exchange_rates="dated", denominator="renewals_due")
STEADY = {
    "account_id": "a0", "subscription_id": "steady", "starts_at": "2023-05-01", "ends_at": None, "cancelled_at": None, "mrr": 70.0, "known_at": pd.Timestamp("2023-05-01"),
    "amount_as_written": 70.0, "currency_as_written": "USD", "billing_period": "monthly",
}  # fmt: skip


def figures(rows, rates=RATES):
    accounts = [{"account_id": f"a{n}", "created_at": "2020-01-01"} for n in range(12)]
    facts = quick_facts({"accounts": accounts, "subscriptions": rows}, day("2025-12-31"), rates=rates)
    periods = [p for p in periods_between(day("2023-03-01"), AS_OF, "quarter", 3) if p.end <= AS_OF]
    contracts = paid_contracts(facts, AS_OF, DATED.returns_within, DATED.cross_sell_by)
    return reckon(facts, contracts, DATED, periods, as_of=AS_OF, grain="quarter").figures


def end_known_at(row):
    return row["cancelled_at"] if row["cancelled_at"] is not None else row["ends_at"]


def otherwise(rows, rng):
    """The same with everything that was not known before the day changed, left out or added to."""
    changed = []
    for row in rows:
        new = dict(row)
        if row["known_at"] >= NOW:
            if rng.random() < 0.5:
                continue
            new |= {"mrr": 1e6, "amount_as_written": 1e6}
        if row["ends_at"] is not None and end_known_at(row) >= NOW:
            later = NOW + pd.Timedelta(days=int(rng.integers(0, 300)))
            # noticed and over later, or not at all
            new |= (
                {"ends_at": later, "cancelled_at": later}
                if rng.random() < 0.5
                else {"ends_at": None, "cancelled_at": None}
            )
        changed.append(new)
    late = {"known_at": NOW, "starts_at": "2023-08-15", "mrr": 5e5, "amount_as_written": 5e5}
    return [
        *changed,
        STEADY | late,
        STEADY | late | {"starts_at": STEADY["starts_at"]},
        STEADY | late | {"account_id": "a11"},
    ]


def late_rates(known_at):
    late = {"currency": "EUR", "rate": 7.0, "starts_at": pd.Timestamp("2023-07-01"), "known_at": known_at}
    return pd.concat([RATES, pd.DataFrame([late])], ignore_index=True).astype(RATES.dtypes.to_dict())


@pytest.fixture(scope="module")
def company():
    """Contracts, and the figures as of the day by what was known of them and of the rates."""
    rows = [*contracts_of(np.random.default_rng(1), 11), STEADY]
    return rows, figures(rows)


def test_what_is_known_later_changes_no_figure(company):
    rows, then = company
    assert figures(otherwise(rows, np.random.default_rng(2)), late_rates(NOW)) == then


def test_what_is_left_out_because_it_is_known_later_changes_no_figure(company):
    rows, then = company
    known = [row for row in rows if row["known_at"] < NOW]
    assert len(known) < len(rows)
    assert figures(known, RATES[RATES["known_at"] < NOW]) == then


@pytest.mark.parametrize("known", [{"mrr": 80.0}, {"mrr": 80.0, "starts_at": "2023-08-15"}, {"account_id": "a11"}])
def test_a_row_that_was_known_a_day_earlier_changes_figures(known, company):
    rows, then = company
    earlier = STEADY | known | {"known_at": BEFORE}
    assert figures([*rows, earlier | {"amount_as_written": earlier["mrr"]}]) != then


def test_a_notice_that_was_known_a_day_earlier_changes_figures(company):
    rows, then = company
    left = STEADY | {"ends_at": "2024-01-20", "cancelled_at": NOW}
    assert figures([*rows[:-1], left]) == then
    assert figures([*rows[:-1], left | {"cancelled_at": BEFORE}]) != then


def test_a_rate_that_was_known_a_day_earlier_changes_figures(company):
    rows, then = company
    assert figures(rows, late_rates(BEFORE)) != then
