"""Amounts of several currencies become amounts of one by rates that were declared, or the run stops."""

from __future__ import annotations

import pandas as pd
import pytest

from churnml.adapters.warehouse import facts_of, ingest
from churnml.errors import ContractError, ProjectError
from churnml.labels import Label
from churnml.remarks import RemarkKind
from churnml.snapshots import attach_label, population
from tests.support import TODAY, day, features_at, kept, make_project

UPSELL = Label(kind="upsell", gap=0, horizon=60, mrr_up_by=0.05)


def accounts_of(*names):
    return "account_id | created_at\n" + "\n".join(f"{name} | 2020-01-01" for name in names)


def amounts_in(*currencies, mrr=100):
    """An account a currency, each with a contract of 2024."""
    header = "account_id | subscription_id | starts_at | mrr | currency\n"
    rows = "\n".join(f"a{n} | s{n} | 2024-01-01 | {mrr} | {currency}" for n, currency in enumerate(currencies))
    return {"accounts": accounts_of(*(f"a{n}" for n in range(len(currencies)))), "subscriptions": header + rows}


def read(root, tables, **given):
    return ingest(make_project(root, tables, **given), TODAY)


def paid(ingested):
    return kept(ingested, "subscriptions").sort_values("account_id")["mrr"].tolist()


def test_several_currencies_without_rates_stop_the_run_and_are_named_with_their_rows(tmp_path):
    with pytest.raises(ContractError) as stopped:
        read(tmp_path, amounts_in("USD", "USD", "EUR", "JPY"), currency="USD")
    assert "2 × USD, 1 × EUR, 1 × JPY" in stopped.value.what
    assert stopped.value.where.endswith("subscriptions.sql, column currency")
    assert "exchange_rates: {EUR: …, JPY: …}" in stopped.value.remedy


def test_another_currency_than_the_projects_stops_the_run_too(tmp_path):
    with pytest.raises(ContractError, match="no rate is known for EUR"):
        read(tmp_path, amounts_in("EUR", "EUR"), currency="USD")


def test_several_currencies_need_one_to_be_shown_in(tmp_path):
    with pytest.raises(ContractError) as stopped:
        read(tmp_path, amounts_in("CHF", "EUR"))
    assert "Set currency:" in stopped.value.remedy


def test_a_rate_written_under_a_near_name_is_pointed_out(tmp_path):
    with pytest.raises(ContractError, match="Did you mean 'EUR'"):
        read(tmp_path, amounts_in("USD", "EURO2"), currency="USD", exchange_rates={"EUR": 1.1})


@pytest.mark.parametrize("currencies", [("EUR", "EUR"), ("", ""), ("eur", " EUR "), ("€", "EUR"), ("Euro", "EUR")])
def test_one_currency_however_it_is_written_needs_no_rate(currencies, tmp_path):
    assert paid(read(tmp_path, amounts_in(*currencies))) == [100.0, 100.0]


def test_amounts_are_converted_and_told_and_yen_are_no_dollars(tmp_path):
    tables = amounts_in("USD", "JPY", "EUR", mrr=15000)
    found = read(tmp_path, tables, currency="USD", exchange_rates={"JPY": 0.0068, "EUR": 1.25})
    assert paid(found) == [15000.0, pytest.approx(102.0), 18750.0]
    (one,) = [one for one in found.remarks if one.kind is RemarkKind.CONVERTED]
    assert (one.column, one.rows) == ("mrr", 2)
    assert one.samples == ("EUR 15000 = 18750.00 USD", "JPY 15000 = 102.00 USD")
    assert set(kept(found, "subscriptions")["currency"]) == {"USD"}


@pytest.mark.parametrize(
    ("currencies", "own", "rates", "expect"),
    [
        (("$", "USD"), "USD", {}, [100, 100]),
        (("$", "EUR"), "EUR", {"USD": 0.5}, [50, 100]),
        (("$", "CAD"), "CAD", {}, [100, 100]),
        (("US$", "CA$"), "USD", {"CAD": 0.5}, [100, 50]),
        (("¥", "EUR"), "EUR", {"JPY": 0.01}, [1, 100]),
        (("kr", "EUR"), "EUR", {"SEK": 0.1}, [10, 100]),
        (("£", "GBP"), "GBP", {}, [100, 100]),
    ],
)
def test_a_sign_is_the_one_currency_that_is_about(currencies, own, rates, expect, tmp_path):
    assert paid(read(tmp_path, amounts_in(*currencies), currency=own, exchange_rates=rates)) == expect


@pytest.mark.parametrize(
    ("currencies", "rates"),
    [(("$", "USD", "CAD"), {"CAD": 0.7}), (("¥", "EUR"), {}), (("¥", "EUR"), {"JPY": 0.01, "CNY": 0.1})],
)
def test_a_sign_that_may_be_several_currencies_stops_the_run(currencies, rates, tmp_path):
    own = "USD" if "USD" in currencies else "EUR"
    with pytest.raises(ContractError, match="may be"):
        read(tmp_path, amounts_in(*currencies), currency=own, exchange_rates=rates)


def test_pence_are_no_pounds(tmp_path):
    with pytest.raises(ContractError, match="GBX"):
        read(tmp_path, amounts_in("GBP", "GBp"), currency="GBP")


def test_amounts_without_a_currency_are_told_among_one_and_stop_the_run_among_several(tmp_path):
    found = read(tmp_path / "one", amounts_in("EUR", "EUR", ""), currency="EUR")
    assert paid(found) == [100.0, 100.0, 100.0]
    (one,) = found.remarks
    assert (one.kind, one.rows, one.detail) == (RemarkKind.NO_CURRENCY, 1, "Those amounts are taken for EUR.")
    with pytest.raises(ContractError, match=r"some name none .*1 × \(empty\)"):
        read(tmp_path / "several", amounts_in("EUR", "USD", ""), currency="EUR", exchange_rates={"USD": 0.9})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"exchange_rates": {"EUR": 1.1}}, "needs currency"),
        ({"currency": "USD", "exchange_rates": {"EUR": 0}}, "greater than 0"),
        ({"currency": "USD", "exchange_rates": {"EUR": float("inf")}}, "finite"),
        ({"currency": "USD", "exchange_rates": {"euro": 1.1}}, "pattern"),
        ({"currency": "USD", "exchange_rates": {"USD": 1.1}}, "needs no rate"),
        ({"currency": "USD", "exchange_rates": {"EUR": {}}}, "no rate"),
    ],
)
def test_a_declared_rate_that_cannot_be_one_is_refused(given, told, tmp_path):
    with pytest.raises(ProjectError, match=told):
        make_project(tmp_path, amounts_in("USD"), **given)


# ---------------------------------------------------------------- rates by date

RATES = """
currency | rate | starts_at
EUR      | 1.00 | 2022-01-01
EUR      | 1.50 | 2023-01-01
eur      | 2.00 | 2024-06-01
"""
IN_EUROS = """
account_id | subscription_id | starts_at  | ends_at    | mrr | currency
old        | s1              | 2022-05-01 | 2023-05-01 | 100 | EUR
old        | s1              | 2023-05-01 | 2024-07-01 | 100 | EUR
old        | s1              | 2024-07-01 |            | 100 | EUR
new        | s2              | 2024-05-31 |            | 100 | EUR
newest     | s3              | 2024-06-01 |            | 100 | EUR
older      | s4              | 2021-01-01 |            | 100 | EUR
"""
NAMES = ("old", "new", "newest", "older")


def dated(root, rates=RATES, subscriptions=IN_EUROS):
    tables = {"accounts": accounts_of(*NAMES), "subscriptions": subscriptions, "exchange_rates": rates}
    return read(root, tables, currency="USD")


def test_a_contract_keeps_the_rate_of_its_beginning(tmp_path):
    found = dated(tmp_path)
    rates = kept(found, "subscriptions").groupby("account_id")["mrr"].agg(["min", "max"])
    assert rates.loc[list(NAMES)].to_numpy().tolist() == [[100, 100], [150, 150], [200, 200], [100, 100]]
    (one,) = [one for one in found.remarks if one.kind is RemarkKind.CONVERTED]
    assert (one.rows, one.detail) == (6, "Some contracts are older than the first rate: that one stands for them.")


def test_a_rate_that_moves_is_no_upsell_and_no_reduction(tmp_path):
    facts = facts_of(dated(tmp_path), ())
    found = features_at(facts, day("2024-09-01"), families=("subscriptions.changes",)).set_index("account_id")
    changes = found[["subscription_expansions_365d", "subscription_contractions_365d"]]
    assert changes.to_numpy().sum() == 0
    # across the day on which the rate went up by a third
    spine = population(UPSELL, facts, [day("2024-05-15")])
    assert attach_label(UPSELL, facts, spine)["label"].tolist() == [0.0] * len(spine)


def test_a_rate_known_later_does_not_change_what_was_known_before(tmp_path):
    # the rate of 2023 came out again, higher, after the contracts of that year began: nothing of them moves
    known = "currency | rate | starts_at | known_at\nEUR | 1.5 | 2023-01-01 | 2023-01-01\n"
    late = known + "EUR | 9.0 | 2023-02-01 | {}\n"
    contract = "account_id | subscription_id | starts_at | mrr | currency\nold | s | 2023-03-01 | 100 | EUR"
    assert paid(dated(tmp_path / "without", known, contract)) == [150.0]
    assert paid(dated(tmp_path / "after", late.format("2023-03-02"), contract)) == [150.0]
    assert paid(dated(tmp_path / "before", late.format("2023-02-28"), contract)) == [900.0]


def test_rates_by_date_may_stand_in_the_declaration(tmp_path):
    tables = {"accounts": accounts_of(*NAMES), "subscriptions": IN_EUROS}
    by_date = {pd.Timestamp(f"{year}-01-01").date(): rate for year, rate in ((2022, 1.0), (2023, 1.5))}
    found = read(tmp_path, tables, currency="USD", exchange_rates={"EUR": by_date})
    assert sorted(paid(found)) == [100.0, 100.0, 100.0, 100.0, 150.0, 150.0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("EUR | -1 | 2024-01-01", "its rate cannot be used"),
        ("EUR | one | 2024-01-01", "its rate cannot be used"),
        ("EUR | 1.1 |", "its starts_at cannot be used"),
        (" | 1.1 | 2024-01-01", "its currency cannot be used"),
        ("EUR | 1.7 | 2023-01-01", "two rates of EUR from 2023-01-01"),
    ],
)
def test_a_rate_that_cannot_be_used_stops_the_run_with_its_row(row, told, tmp_path):
    with pytest.raises(ContractError, match=told) as stopped:
        dated(tmp_path, RATES + row)
    assert "exchange_rates.sql" in stopped.value.where


def test_a_rate_declared_and_written_stops_the_run(tmp_path):
    tables = {"accounts": accounts_of(*NAMES), "subscriptions": IN_EUROS, "exchange_rates": RATES}
    with pytest.raises(ContractError, match="declared twice"):
        read(tmp_path, tables, currency="USD", exchange_rates={"EUR": 1.1})


def test_an_account_may_pay_in_two_currencies(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | mrr | currency
        old        | s1              | 2024-01-01 | 100 | EUR
        old        | s2              | 2024-01-01 | 100 | USD
    """
    tables = {"accounts": accounts_of("old"), "subscriptions": rows}
    project = make_project(tmp_path, tables, currency="USD", exchange_rates={"EUR": 1.1})
    found = features_at(facts_of(ingest(project, TODAY), ()), day("2024-06-01"), families=("subscriptions.mrr",))
    assert found["subscription_mrr"].tolist() == [210.0]
