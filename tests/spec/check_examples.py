"""Worked examples of the checks: a table with one bad row among good neighbours."""

from __future__ import annotations

from dataclasses import dataclass

# The accounts of every example: a from 2023 on. The data go through 2024-12-31.
ACCOUNTS = """
account_id | created_at
a          | 2023-01-01 09:00
"""


@dataclass(frozen=True)
class CheckExample:
    """One worked example.

    Args:
        reason: the check it explains.
        title: the rule it shows, as a sentence.
        table: the contract table.
        rows: its rows, as text.
        bad: the numbers of the bad rows, counted from 1.
        severity: what the check does unless the project says otherwise.
    """

    reason: str
    title: str
    table: str
    rows: str
    bad: tuple[int, ...]
    severity: str = "quarantine"


EXAMPLES: tuple[CheckExample, ...] = (
    CheckExample(
        "unreadable",
        "a date that is no date",
        "usage_events",
        """
        account_id | occurred_at | event
        a          | 2024-05-01  | login
        a          | 2024-02-30  | login
        a          | soon        | login
        a          | 2024-05-02  | login
        """,
        (2, 3),
    ),
    CheckExample(
        "unreadable",
        "a number that is no number, nor is infinity one",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | mrr
        a          | s1              | 2024-01-01 | 100
        a          | s2              | 2024-01-01 | 1,200
        a          | s3              | 2024-01-01 | free
        a          | s4              | 2024-01-01 | inf
        a          | s5              | 2024-01-01 | 12 34
        a          | s6              | 2024-01-01 | 1e2
        """,
        (2, 3, 4, 5),
    ),
    CheckExample(
        "missing",
        "a required column is empty, or blank",
        "usage_events",
        """
        account_id | occurred_at | event
        a          | 2024-05-01  | login
                   | 2024-05-01  | login
        a          |             | login
        a          | 2024-05-01  |
        a          | 2024-05-01  | login
        """,
        (2, 3, 4),
    ),
    CheckExample(
        "duplicate",
        "an account named twice: the first counts",
        "accounts",
        """
        account_id | created_at
        a          | 2023-01-01
        b          | 2023-01-01
        a          | 2023-02-01
        """,
        (3,),
    ),
    CheckExample(
        "duplicate",
        "the same period of the same contract again; a later period of it is none, nor is a version with news",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | mrr | known_at
        a          | s1              | 2024-01-01 | 100 | 2024-01-01
        a          | s1              | 2024-01-01 | 100 | 2024-01-01
        a          | s1              | 2024-02-01 | 120 | 2024-02-01
        a          | s1              | 2024-02-01 | 120 | 2024-02-09
        a          | s1              | 2024-02-01 | 140 | 2024-02-12
        """,
        (2, 4),
    ),
    CheckExample(
        "no_length",
        "terms that end at the moment they begin",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 | 2024-03-05 | 100
        a          | s1              | 2024-03-05 | 2024-03-05 | 150
        a          | s1              | 2024-03-05 |            | 300
        """,
        (2,),
    ),
    CheckExample(
        "credit_note",
        "a refund beside the terms it belongs to",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 |            | 100
        a          | s1              | 2024-02-10 | 2024-02-20 | -40
        """,
        (2,),
    ),
    CheckExample(
        "replaced",
        "of several changes in one day the last stands",
        "subscriptions",
        """
        account_id | subscription_id | starts_at        | ends_at          | mrr
        a          | s1              | 2024-01-01 00:00 | 2024-03-05 09:00 | 100
        a          | s1              | 2024-03-05 09:00 | 2024-03-05 14:00 | 150
        a          | s1              | 2024-03-05 14:00 |                  | 300
        a          | s2              | 2024-06-01 00:00 |                  | 40
        a          | s2              | 2024-06-01 00:00 |                  | 50
        """,
        (2, 4),
    ),
    CheckExample(
        "duplicate",
        "an event delivered twice under one name; events without a name are never repeats",
        "usage_events",
        """
        account_id | occurred_at | event | event_id
        a          | 2024-05-01  | login | e1
        a          | 2024-05-01  | login | e1
        a          | 2024-05-01  | login |
        a          | 2024-05-01  | login |
        """,
        (2,),
    ),
    CheckExample(
        "repeated_row",
        "an event without a name that is the same to the letter as an earlier one may be two, so it only warns",
        "usage_events",
        """
        account_id | occurred_at      | event  | user_id
        a          | 2024-05-01 10:00 | login  | ann
        a          | 2024-05-01 10:00 | login  | bob
        a          | 2024-05-01 10:00 | login  | ann
        a          | 2024-05-01 10:00 | logout | ann
        a          | 2024-05-01 10:00 | login  | ann
        """,
        (3, 5),
        severity="warn",
    ),
    CheckExample(
        "duplicate",
        "a bad row does not make its good repeat a duplicate",
        "support_tickets",
        """
        account_id | ticket_id | opened_at
        a          | t1        | never
        a          | t1        | 2024-05-01
        a          | t1        | 2024-05-01
        """,
        (3,),
    ),
    CheckExample(
        "unknown_account",
        "an account that accounts does not know; names are compared to the letter, blanks around them aside",
        "usage_events",
        """
        account_id | occurred_at | event
        a          | 2024-05-01  | login
        A          | 2024-05-01  | login
        z          | 2024-05-01  | login
        """,
        (2, 3),
    ),
    CheckExample(
        "future",
        "an event dated after the last day of the data",
        "usage_events",
        """
        account_id | occurred_at      | event
        a          | 2024-12-31 23:59 | login
        a          | 2025-01-01 00:00 | login
        """,
        (2,),
    ),
    CheckExample(
        "future",
        "an account created after the last day of the data",
        "accounts",
        """
        account_id | created_at
        a          | 2023-01-01
        b          | 2025-01-01
        """,
        (2,),
    ),
    CheckExample(
        "future",
        "a contract that became known after the data; one signed before and starting after is none",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | mrr | known_at
        a          | s1              | 2025-02-01 | 100 | 2024-12-01
        a          | s2              | 2025-02-01 | 100 |
        a          | s3              | 2024-02-01 | 100 | 2025-01-01
        """,
        (2, 3),
    ),
    CheckExample(
        "before_account_created",
        "dated on a day before its account; earlier on the same day is none",
        "support_tickets",
        """
        account_id | ticket_id | opened_at
        a          | t1        | 2023-01-01 00:00
        a          | t2        | 2022-12-31 23:59
        """,
        (2,),
    ),
    CheckExample(
        "end_before_start",
        "a period that ends before it starts",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-02 | 2024-01-03 | 100
        a          | s2              | 2024-01-02 | 2024-01-01 | 100
        """,
        (2,),
    ),
    CheckExample(
        "negative_mrr",
        "revenue below zero; zero is not paying",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | mrr
        a          | s1              | 2024-01-01 | 0
        a          | s2              | 2024-01-01 | -0.01
        """,
        (2,),
    ),
    CheckExample(
        "negative_seats",
        "seats below zero; −1 means no limit and is no mistake",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | mrr | seats
        a          | s1              | 2024-01-01 | 100 | 0
        a          | s2              | 2024-01-01 | 100 | -2
        a          | s3              | 2024-01-01 | 100 | -1
        """,
        (2,),
        "warn",
    ),
    CheckExample(
        "cancelled_before_start",
        "notice given before it started",
        "subscriptions",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr | cancelled_at
        a          | s1              | 2024-01-01 | 2024-03-01 | 100 | 2024-01-01
        a          | s2              | 2024-01-01 | 2024-03-01 | 100 | 2023-12-31
        """,
        (2,),
        "warn",
    ),
    CheckExample(
        "known_before_occurred",
        "an event that arrived before it happened",
        "usage_events",
        """
        account_id | occurred_at      | event | known_at
        a          | 2024-05-01 10:00 | login | 2024-05-01 10:00
        a          | 2024-05-01 10:00 | login | 2024-05-01 09:59
        """,
        (2,),
        "warn",
    ),
    CheckExample(
        "known_before_occurred",
        "a leaving that was known before it happened",
        "churn_events",
        """
        account_id | churned_at | known_at
        a          | 2024-05-01 | 2024-05-01
        a          | 2024-06-01 | 2024-05-01
        """,
        (2,),
        "warn",
    ),
    CheckExample(
        "negative_quantity",
        "less than nothing was done",
        "usage_events",
        """
        account_id | occurred_at | event | quantity
        a          | 2024-05-01  | send  | 0
        a          | 2024-05-01  | send  | -1
        """,
        (2,),
        "warn",
    ),
    CheckExample(
        "resolved_before_opened",
        "a ticket resolved before it was opened",
        "support_tickets",
        """
        account_id | ticket_id | opened_at        | resolved_at
        a          | t1        | 2024-05-01 10:00 | 2024-05-01 10:00
        a          | t2        | 2024-05-01 10:00 | 2024-05-01 09:59
        """,
        (2,),
    ),
    CheckExample(
        "answered_before_opened",
        "a ticket answered before it was opened",
        "support_tickets",
        """
        account_id | ticket_id | opened_at        | first_response_at
        a          | t1        | 2024-05-01 10:00 | 2024-05-01 10:00
        a          | t2        | 2024-05-01 10:00 | 2024-05-01 09:59
        """,
        (2,),
    ),
    CheckExample(
        "csat_out_of_range",
        "a satisfaction that is not between 1 and 5",
        "support_tickets",
        """
        account_id | ticket_id | opened_at  | csat
        a          | t1        | 2024-05-01 | 1
        a          | t2        | 2024-05-01 | 0
        a          | t3        | 2024-05-01 | 5
        a          | t4        | 2024-05-01 | -3
        """,
        (2, 4),
        "warn",
    ),
)
