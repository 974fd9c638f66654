"""Revenue against its slow version, to the cent: random companies in three currencies and two fiscal years."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.revenue.calendar import periods_between
from churnml.revenue.contracts import paid_contracts
from churnml.revenue.movements import AMOUNTS
from churnml.revenue.report import reckon
from churnml.specs.metrics import MetricsSpec
from tests.oracle.revenue_day_by_day import revenue_of, totals_of
from tests.support import clean, day, quick_facts

BEGIN = pd.Timestamp("2023-01-01")
RATES = pd.DataFrame(
    [
        ("EUR", 1.0837, "2023-01-01", "2023-01-01"), ("EUR", 1.105, "2023-09-15", "2023-09-15"),
        ("EUR", 1.1049, "2023-09-15", "2024-02-01"), ("EUR", 0.9995, "2024-04-01", "2024-05-20"),
        ("JPY", 0.0067, "2023-06-01", "2023-06-01"), ("JPY", 0.00715, "2024-01-31", "2024-01-31"),
    ],
    columns=["currency", "rate", "starts_at", "known_at"],
).astype({"starts_at": "datetime64[us]", "known_at": "datetime64[us]"})  # fmt: skip
FIRST = {"USD": 1.0, "EUR": 1.0837, "JPY": 0.0067}


def contracts_of(rng: np.random.Generator, accounts: int) -> list[dict]:
    """Contracts with changes of terms, gaps, free periods, several at once, notices and rows that arrive late."""
    rows = []
    for account in range(accounts):
        for contract in range(rng.integers(1, 4)):
            currency = str(rng.choice(list(FIRST)))
            at = BEGIN + pd.Timedelta(hours=int(rng.integers(0, 24 * 400)) // int(rng.choice([1, 24])))
            for _ in range(rng.integers(1, 5)):
                length = pd.Timedelta(days=int(rng.choice([20, 31, 60, 200])), hours=int(rng.choice([0, 0, 9])))
                amount = float(rng.choice([0, 50, 99.99, 120.05, 333.33])) * (100 if currency == "JPY" else 1)
                ends = rng.random() < 0.7
                notice = at + length - pd.Timedelta(days=int(rng.integers(0, 40)))
                rows.append({
                    "account_id": f"a{account}", "subscription_id": f"a{account} {contract}", "starts_at": at,
                    "ends_at": at + length if ends else None, "plan": str(rng.choice(["crm", "mail"])),
                    "cancelled_at": notice if ends and rng.random() < 0.3 else None,
                    "known_at": at + pd.Timedelta(days=int(rng.choice([0, 0, 0, 45]))) if rng.random() < 0.5 else at,
                    "billing_period": rng.choice([None, "weekly", "monthly", "quarterly", "annual"]),
                    "renews_at": at + length if rng.random() < 0.4 else None,
                    "amount_as_written": amount, "currency_as_written": currency, "currency": "USD",
                    "mrr": round(amount * FIRST[currency], 2),
                })  # fmt: skip
                if rng.random() < 0.2:  # corrected later
                    late = rows[-1]["known_at"] + pd.Timedelta(days=int(rng.integers(1, 90)))
                    rows.append(rows[-1] | {"known_at": late, "mrr": 10.01, "amount_as_written": 10.01})
                at += length + pd.Timedelta(days=int(rng.choice([0, 0, 5, 28, 29, 60])))
    return rows


def month_by_month(rng: np.random.Generator, accounts: int) -> list[dict]:
    """Monthly subscriptions as a billing system writes them: a row a month, some months missing, prices that change."""
    rows = []
    for account in range(accounts):
        price = 9.99
        for month in pd.date_range("2023-01-01", periods=18, freq="MS") + pd.Timedelta(days=int(rng.integers(0, 28))):
            if rng.random() < 0.15:
                continue
            price = float(rng.choice([price, price, 9.99, 14.99]))
            rows.append({"account_id": f"m{account}", "subscription_id": f"m{account}", "starts_at": month,
                         "ends_at": month + pd.DateOffset(months=1), "mrr": price, "billing_period": "monthly",
                         "cancelled_at": None, "renews_at": None, "known_at": month, "plan": None,
                         "amount_as_written": price, "currency_as_written": "USD"})  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def company():
    rng = np.random.default_rng(17)
    rows = contracts_of(rng, 40) + month_by_month(rng, 12)
    accounts = [{"account_id": name, "created_at": "2020-01-01"} for name in {row["account_id"] for row in rows}]
    facts = quick_facts({"accounts": accounts, "subscriptions": rows}, day("2024-12-31"), rates=RATES)
    frame = clean("subscriptions", rows).astype({"starts_at": object, "ends_at": object})
    # as the engine is given them: a missing time of arrival is the start
    return facts, frame.astype(object).where(frame.notna(), None).to_dict("records")


@pytest.mark.parametrize(
    ("grain", "fiscal", "as_of", "declared"),
    [
        ("month", 1, "2025-01-01", {}),
        ("month", 1, "2024-05-01", {"exchange_rates": "dated", "denominator": "renewals_due"}),
        ("quarter", 4, "2025-01-01", {"exchange_rates": "dated", "cross_sell_by": "plan", "returns_within": 5}),
        ("quarter", 1, "2024-07-01", {"exchange_rates": "constant", "returns_within": 0}),
        ("year", 4, "2024-04-01", {"exchange_rates": "dated", "denominator": "renewals_due"}),
        ("year", 1, "2025-01-01", {"exchange_rates": "constant"}),
    ],
)
def test_every_account_and_every_figure_is_that_of_the_slow_version(company, grain, fiscal, as_of, declared):
    facts, rows = company
    spec, known = MetricsSpec.model_validate(declared), day(as_of)
    periods = [p for p in periods_between(day("2022-12-01"), known, grain, fiscal) if p.end <= known]
    contracts = paid_contracts(facts, known, spec.returns_within, spec.cross_sell_by)
    report = reckon(facts, contracts, spec, periods, as_of=known, grain=grain, fiscal_year_starts=fiscal)
    slow = revenue_of(
        rows, [(p.start, p.last) for p in periods], pd.Timestamp(known), returns_within=spec.returns_within,
        how=spec.exchange_rates, rates=RATES.to_dict("records"), due_only=spec.denominator == "renewals_due",
        line="plan" if spec.cross_sell_by == "plan" else "subscription_id",
    )  # fmt: skip
    starts = {p.name: p.start for p in periods}
    fast = {
        (row["account_id"], starts[row["period"]]): {name: row[name] for name in AMOUNTS}
        for row in report.moved.rows.to_dict("records")
    }
    assert fast == {key: {name: row[name] for name in AMOUNTS} for key, row in slow.items()}
    for one in report.figures:
        expect = totals_of(slow, one.period.start)
        assert {name: getattr(one, name) for name in expect} == {
            name: value if value is None or isinstance(value, int) else float(value) for name, value in expect.items()
        }
    moves = report.moved.rows[["new", "reactivation", "upsell", "cross_sell", "contraction", "churn"]]
    assert (moves != 0).any().sum() >= 5, "a company in which nothing happens would prove nothing"
