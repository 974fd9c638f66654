"""Why an account is not among those a label speaks of: by what was known at the cutoff, and no later."""

from __future__ import annotations

import datetime as dt

import pytest

from churnml.labels import Label
from churnml.snapshots import population
from churnml.snapshots.eligibility import NotEligible, why_not_eligible
from tests.support import quick_facts, table

CUTOFF = dt.date(2024, 6, 1)
CONTRACT = Label(kind="contract")
ACCOUNTS = "account_id | created_at\nada | 2024-01-01\nbo | 2024-01-01"
PAYING = "bo | s2 | 2024-01-01 | | 100 | |"
HEADER = "account_id | subscription_id | starts_at | ends_at | mrr | cancelled_at | known_at"


def why(row: str, label: Label = CONTRACT, accounts: str = ACCOUNTS, **more: str) -> NotEligible | None:
    tables = {"accounts": accounts, "subscriptions": f"{HEADER}\n{row}\n{PAYING}" if row else f"{HEADER}\n{PAYING}"}
    facts = quick_facts({name: table(text) for name, text in (tables | more).items()})
    found = why_not_eligible(label, facts, "ada", CUTOFF)
    there = set(population(label, facts, [CUTOFF])["account_id"])
    assert ("ada" in there) == (found is None)
    assert "bo" in there or label.kind != "contract"
    return found


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("ada | s1 | 2024-01-01 | | 100 | |", None),
        ("", NotEligible.NOT_PAYING),
        ("ada | s1 | 2024-01-01 | | 0 | |", NotEligible.NOT_PAYING),
        ("ada | s1 | 2024-01-01 | 2024-05-31 | 100 | 2024-05-01 |", NotEligible.NOT_PAYING),
        ("ada | s1 | 2024-01-01 | 2024-09-01 | 100 | 2024-05-01 |", NotEligible.NOTICE_GIVEN),
    ],
)
def test_an_account_without_a_running_contract_is_left_out_for_it(row: str, found: NotEligible | None) -> None:
    assert why(row) == found


@pytest.mark.parametrize(("known", "found"), [("2024-06-01", NotEligible.NOT_PAYING), ("2024-05-31", None)])
def test_a_contract_counts_once_it_was_known(known: str, found: NotEligible | None) -> None:
    assert why(f"ada | s1 | 2024-01-01 | | 100 | | {known}") == found


@pytest.mark.parametrize(("notice", "found"), [("2024-06-01", None), ("2024-05-31", NotEligible.NOTICE_GIVEN)])
def test_a_notice_counts_once_it_was_known(notice: str, found: NotEligible | None) -> None:
    assert why(f"ada | s1 | 2024-01-01 | 2024-09-01 | 100 | {notice} |") == found


def test_a_notice_is_no_reason_where_the_label_keeps_those() -> None:
    label = Label(kind="contract", include_notice_given=True)
    assert why("ada | s1 | 2024-01-01 | 2024-09-01 | 100 | 2024-05-01 |", label) is None


@pytest.mark.parametrize(("created", "found"), [("2024-06-01", NotEligible.NOT_THERE_YET), ("2024-05-31", None)])
def test_an_account_counts_from_the_day_after_it_was_created(created: str, found: NotEligible | None) -> None:
    accounts = ACCOUNTS.replace("ada | 2024-01-01", f"ada | {created}")
    assert why("ada | s1 | 2024-01-01 | | 100 | |", accounts=accounts) == found


@pytest.mark.parametrize(("known", "found"), [("2024-06-01", None), ("2024-05-31", NotEligible.LEFT)])
def test_a_recorded_leaving_counts_once_it_was_known(known: str, found: NotEligible | None) -> None:
    left = f"account_id | churned_at | known_at\nada | 2024-05-20 | {known}"
    assert why("ada | s1 | 2024-01-01 | | 100 | |", Label(kind="event"), churn_events=left) == found


@pytest.mark.parametrize(("seen", "found"), [("2024-04-01", NotEligible.NOT_ACTIVE), ("2024-05-20", None)])
def test_who_was_not_active_is_left_out_of_lapse(seen: str, found: NotEligible | None) -> None:
    usage = f"account_id | occurred_at | event | user_id\nada | {seen} | open | u\nbo | 2024-05-30 | open | v"
    assert why("ada | s1 | 2024-01-01 | | 100 | |", Label(kind="lapse"), usage_events=usage) == found
