"""Signs and columns that name another currency than amounts are taken for: a stop, or told."""

from __future__ import annotations

import pytest

from churnml.errors import ContractError
from churnml.remarks import RemarkKind
from tests.support import ingest_tables, kept

ACCOUNTS = "account_id | created_at\n" + "\n".join(f"a{n} | 2020-01-01" for n in range(3))


def tables(*amounts, column="", currencies=()):
    """A contract an amount, with a column that names their currencies."""
    header = "account_id | subscription_id | starts_at | mrr" + (f" | {column}" if column else "")
    more = [f" | {one}" for one in currencies] or [""] * len(amounts)
    rows = [f"a{n} | s{n} | 2024-01-01 | {amount}{more[n]}" for n, amount in enumerate(amounts)]
    return {"accounts": ACCOUNTS, "subscriptions": "\n".join([header, *rows])}


@pytest.mark.parametrize(
    ("amounts", "own", "shown"),
    [
        (("£70", "£80"), "USD", "GBP (£ in 2 rows)"),
        (("¥7,000", "¥8,000.5"), "EUR", "¥"),
        (("70 CHF", "80"), "EUR", "CHF (CHF in 1 row)"),
    ],
)
def test_a_sign_of_another_currency_than_the_projects_stops_the_run(amounts, own, shown, tmp_path):
    with pytest.raises(ContractError) as stopped:
        ingest_tables(tmp_path, tables(*amounts), currency=own)
    assert f"holds amounts in {shown}" in stopped.value.what
    assert stopped.value.what.endswith(f"the project's currency is {own}.")
    assert "Set currency:" in stopped.value.remedy


@pytest.mark.parametrize(
    ("amounts", "own"),
    [
        (("$70", "US$80"), ""),
        (("$70", "USD 80"), "USD"),
        (("$70", "A$80"), "AUD"),
        (("$70", "80"), "CLP"),
        (("¥70", "80"), "CNY"),
        (("70 kr", "80"), "NOK"),
        (("70 Kč", "80"), "CZK"),
        (("£70", "£80"), ""),
    ],
)
def test_signs_that_may_be_the_projects_currency_are(amounts, own, tmp_path):
    assert sorted(kept(ingest_tables(tmp_path, tables(*amounts), currency=own), "subscriptions")["mrr"]) == [70, 80]


@pytest.mark.parametrize("amounts", [("$70", "A$80"), ("$70", "€80"), ("USD 70", "EUR 80")])
def test_signs_of_several_currencies_stop_the_run(amounts, tmp_path):
    with pytest.raises(ContractError, match="in several currencies"):
        ingest_tables(tmp_path, tables(*amounts))


def test_a_sign_that_the_column_of_currencies_contradicts_stops_the_run(tmp_path):
    wrong = tables("€70", "$80", "90", column="currency", currencies=("USD", "USD", "USD"))
    with pytest.raises(ContractError, match=r"€ beside USD in 1 row\)"):
        ingest_tables(tmp_path / "wrong", wrong)
    blank = tables("€70", "$80", "90", column="currency", currencies=("", "USD", "USD"))
    with pytest.raises(ContractError, match=r"€ beside USD in 1 row\)"):
        ingest_tables(tmp_path / "blank", blank, currency="USD")
    right = tables("€70", "$80", "90", column="currency", currencies=("EUR", "CAD", "USD"))
    found = ingest_tables(tmp_path / "right", right, currency="USD", exchange_rates={"EUR": 2.0, "CAD": 0.5})
    assert sorted(kept(found, "subscriptions")["mrr"]) == [40, 90, 140]


@pytest.mark.parametrize("column", ["currency_code", "CCY", "mrr_currency", "Währung"])
def test_currencies_under_another_name_stop_the_run_until_they_are_declared_extra(column, tmp_path):
    mixed = tables("70", "8000", column=column, currencies=("USD", "JPY"))
    with pytest.raises(ContractError) as stopped:
        ingest_tables(tmp_path / "mixed", mixed)
    assert f"Column '{column}' names currencies (1 × JPY, 1 × USD)" in stopped.value.what
    assert "AS currency" in stopped.value.remedy
    assert f"[{column}]" in stopped.value.remedy
    ingest_tables(tmp_path / "extra", mixed, extra={"subscriptions": [column]})


def test_one_currency_under_another_name_is_no_matter_unless_it_is_not_the_projects(tmp_path):
    one = tables("70", "80", column="currency_code", currencies=("usd", "USD"))
    ingest_tables(tmp_path / "unsaid", one)
    ingest_tables(tmp_path / "own", one, currency="USD")
    with pytest.raises(ContractError, match="2 × USD"):
        ingest_tables(tmp_path / "other", one, currency="EUR")


def test_a_column_that_names_anything_else_is_no_column_of_currencies(tmp_path):
    recurrent = tables("70", "80", column="concurrency", currencies=("one", "two"))
    assert ingest_tables(tmp_path / "a", recurrent).rows["subscriptions"] == 2
    currents = tables("70", "80", column="is_currency", currencies=("yes", "12"))
    assert ingest_tables(tmp_path / "b", currents).rows["subscriptions"] == 2


SELECTED = "SELECT account_id, subscription_id, starts_at, {} FROM {}"


@pytest.mark.parametrize(
    ("mrr", "told"),
    [("mrr", True), ("CASE currency WHEN 'JPY' THEN '50' ELSE mrr END AS mrr", False)],
)
def test_an_inputs_column_of_currencies_that_the_select_leaves_aside_is_told(mrr, told, tmp_path):
    mixed = tables("70", "8000", column="currency", currencies=("USD", "JPY"))
    place = "raw_subscriptions"
    found = ingest_tables(tmp_path, mixed, sources={"subscriptions": SELECTED.format(mrr, place)})
    remarks = [one for one in found.remarks if one.kind is RemarkKind.UNMAPPED_CURRENCY]
    assert bool(remarks) == told
    if told:
        (one,) = remarks
        assert (one.rows, one.samples) == (2, ("1 × JPY", "1 × USD"))
        assert f"Column 'currency' of input '{place}'" in one.detail
