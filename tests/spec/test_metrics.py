"""Revenue by its worked examples."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from churnml.pages.presenter import number, percent
from churnml.revenue.calendar import period_of
from churnml.revenue.contracts import paid_contracts
from churnml.revenue.figures import RATES
from churnml.revenue.movements import AMOUNTS, MOVEMENTS
from churnml.revenue.report import RevenueReport, reckon
from churnml.specs.metrics import MetricsSpec
from tests.spec.metric_examples import EXAMPLES, MetricExample
from tests.support import day, facts_for, quick_facts, table

THROUGH = day("2025-12-31")


def rates_of(text: str) -> pd.DataFrame:
    rates = table(text)
    dates = pd.to_datetime(rates["starts_at"]).astype("datetime64[us]")
    return rates.assign(rate=rates["rate"].astype(float), starts_at=dates, known_at=dates)


def converted(rows: pd.DataFrame, rates: pd.DataFrame, own: str) -> pd.DataFrame:
    """Contracts of one row each, at the rate of their beginning."""
    first = rates.drop_duplicates("currency").set_index("currency")["rate"] if len(rates) else {}
    worth = [
        mrr * (1 if currency == own else first[currency])
        for mrr, currency in zip(rows["mrr"], rows["currency"], strict=True)
    ]
    return rows.assign(amount_as_written=rows["mrr"], currency_as_written=rows["currency"], mrr=worth, currency=own)


def facts_of_example(example: MetricExample, folder):
    contracts = table(example.subscriptions)
    accounts = [
        {"account_id": name, "created_at": "2020-01-01", "segment": example.segments.get(name)}
        for name in dict.fromkeys(contracts["account_id"])
    ]
    if not example.checked:
        rows = contracts.replace("", None).assign(mrr=contracts["mrr"].astype(float))
        rates = None if example.rates is None else rates_of(example.rates)
        rows = rows if rates is None else converted(rows, rates, example.project["currency"])
        return quick_facts({"accounts": accounts, "subscriptions": rows.to_dict("records")}, THROUGH, rates=rates)
    header = "account_id | created_at\n" + "\n".join(f"{one['account_id']} | 2020-01-01" for one in accounts)
    tables = {"accounts": header, "subscriptions": example.subscriptions}
    tables |= {"exchange_rates": example.rates} if example.rates else {}
    return facts_for(folder, tables, data_through=str(THROUGH), **example.project)


def report_of_example(example: MetricExample, folder) -> RevenueReport:
    facts = facts_of_example(example, folder)
    spec, as_of = MetricsSpec.model_validate(example.spec), day(example.as_of)
    starts = example.project.get("fiscal_year_starts", 1)
    names = list(dict.fromkeys(table(example.expect)["period"]))
    known = [
        period_of(day(f"{year}-{month:02}-01"), example.by, starts)
        for year in (2022, 2023, 2024, 2025)
        for month in range(1, 13)
    ]
    periods = [period for period in dict.fromkeys(known) if period.name in names]
    assert [period.name for period in periods] == names
    contracts = paid_contracts(facts, as_of, spec.returns_within, spec.cross_sell_by)
    return reckon(
        facts, contracts, spec, periods, as_of=as_of, grain=example.by, per=example.per, fiscal_year_starts=starts
    )


def shown(value, column):
    if column in RATES:
        return number(value, 2) if column == "quick_ratio" else percent(value)
    return value


def expected(cell, column):
    money = column in AMOUNTS or column in ("expansion", "base")
    return cell if column in RATES else int(Decimal(cell) * 100) if money else int(cell)


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.title for e in EXAMPLES])
def test_revenue_is_what_the_worked_example_shows(example: MetricExample, tmp_path):
    report = report_of_example(example, tmp_path)
    expect = table(example.expect).to_dict("records")
    columns = [name for name in expect[0] if name not in ("period", "group")]
    assert [
        {"period": one.period.name, **{c: shown(getattr(one, c), c) for c in columns}} for one in report.figures
    ] == [{"period": row["period"], **{c: expected(row[c], c) for c in columns}} for row in expect]
    if example.per is not None:
        assert [one.group for one in report.figures] == [row["group"] for row in expect]
    for one in report.figures:
        assert one.opening + sum(getattr(one, name) for name in MOVEMENTS) == one.closing
