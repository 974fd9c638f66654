"""Worked examples of the time of leaving: how many days after the cutoff, as far as it was seen.

Every example has the cutoff 2024-06-01 and the windows of :mod:`tests.spec.label_examples`:
[2024-06-08, 2024-07-08), for contracts with 14 days of grace. ``before`` is where looking ends. In ``expect``,
``left`` is the number of days from the cutoff to the day of leaving, empty where none was seen, and ``seen`` the
days of which it is final whether the account left.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.spec.label_examples import CONTRACT, EVENT, LAPSE


@dataclass(frozen=True)
class LeavingExample:
    """One worked example: see the module."""

    title: str
    label: Mapping[str, Any]
    before: dt.date
    tables: Mapping[str, str]
    expect: str


EXAMPLES: tuple[LeavingExample, ...] = (
    LeavingExample(
        "contract: the day the last paying period ends, wherever the label's window lies",
        CONTRACT,
        dt.date(2024, 12, 1),
        {
            "subscriptions": """
            account_id     | subscription_id | starts_at  | ends_at          | mrr
            stays          | s1              | 2024-01-01 |                  | 100
            at once        | s2              | 2024-01-01 | 2024-06-01 12:00 | 100
            in the gap     | s3              | 2024-01-01 | 2024-06-07 23:30 | 100
            in the window  | s4              | 2024-01-01 | 2024-06-08 00:00 | 100
            after it       | s5              | 2024-01-01 | 2024-09-01       | 100
            both contracts | s6              | 2024-01-01 | 2024-06-11       | 100
            both contracts | s7              | 2024-01-01 | 2024-07-01       | 100
            came back      | s8              | 2024-01-01 | 2024-06-11       | 100
            came back      | s9              | 2024-06-20 | 2024-07-31       | 100
            back too late  | s10             | 2024-01-01 | 2024-06-11       | 100
            back too late  | s11             | 2024-06-25 |                  | 100
            """
        },
        """
        account_id     | left | seen
        stays          |      | 169
        at once        | 0    | 169
        in the gap     | 6    | 169
        in the window  | 7    | 169
        after it       | 92   | 169
        both contracts | 30   | 169
        came back      | 60   | 169
        back too late  | 10   | 169
        """,
    ),
    LeavingExample(
        "contract: a leaving whose grace period is not over was not seen yet, and counts neither way",
        CONTRACT,
        dt.date(2024, 7, 1),
        {
            "subscriptions": """
            account_id    | subscription_id | starts_at  | ends_at          | mrr | cancelled_at
            just final    | s1              | 2024-01-01 | 2024-06-16 23:30 | 100 |
            not yet final | s2              | 2024-01-01 | 2024-06-17 00:00 | 100 |
            stays         | s3              | 2024-01-01 |                  | 100 |
            had left      | s4              | 2024-01-01 | 2024-05-20       | 100 | 2024-06-10
            """
        },
        """
        account_id    | left | seen
        just final    | 15   | 16
        not yet final |      | 16
        stays         |      | 16
        had left      |      | 0
        """,
    ),
    LeavingExample(
        "event: the day of the first recorded leaving",
        EVENT,
        dt.date(2024, 8, 1),
        {
            "churn_events": """
            account_id   | churned_at       | known_at
            gap and more | 2024-06-02       |
            gap and more | 2024-06-20       |
            told later   | 2024-06-20       | 2024-09-01
            last day     | 2024-07-31 23:59 |
            too late     | 2024-08-01       |
            had left     | 2024-05-20       | 2024-06-10
            """,
            "accounts": """
            account_id   | created_at
            stays        | 2022-01-01
            gap and more | 2022-01-01
            told later   | 2022-01-01
            last day     | 2022-01-01
            too late     | 2022-01-01
            had left     | 2022-01-01
            """,
        },
        """
        account_id   | left | seen
        stays        |      | 61
        gap and more | 1    | 61
        told later   | 19   | 61
        last day     | 60   | 61
        too late     |      | 61
        had left     |      | 0
        """,
    ),
    LeavingExample(
        "event with voluntary_only: who is made to leave was seen no further than that",
        EVENT | {"voluntary_only": True},
        dt.date(2024, 8, 1),
        {
            "churn_events": """
            account_id    | churned_at | voluntary
            chose to      | 2024-06-20 | true
            bankrupt      | 2024-06-20 | no
            bankrupt next | 2024-06-15 | true
            bankrupt next | 2024-06-20 | no
            too late      | 2024-06-15 | no
            too late      | 2024-06-20 | true
            """,
        },
        """
        account_id    | left | seen
        chose to      | 19   | 61
        bankrupt      |      | 19
        bankrupt next | 14   | 19
        too late      |      | 14
        """,
    ),
    LeavingExample(
        "lapse: the first day, from the window's opening on, that begins a silence as long as the horizon",
        LAPSE,
        dt.date(2024, 9, 1),
        {
            "usage_events": """
            account_id      | occurred_at      | event
            silent at once  | 2024-05-31       | login
            in gap only     | 2024-05-31       | login
            in gap only     | 2024-06-07 23:59 | login
            first day only  | 2024-05-31       | login
            first day only  | 2024-06-08 00:00 | login
            until July      | 2024-05-31       | login
            until July      | 2024-06-29       | login
            until July      | 2024-07-10       | login
            back in time    | 2024-05-31       | login
            back in time    | 2024-06-10       | login
            back in time    | 2024-07-10       | login
            back in time    | 2024-08-08       | login
            back too late   | 2024-05-31       | login
            back too late   | 2024-06-10       | login
            back too late   | 2024-07-11       | login
            """,
        },
        """
        account_id     | left | seen
        silent at once | 7    | 63
        in gap only    | 7    | 63
        first day only | 8    | 63
        until July     | 40   | 63
        back in time   |      | 63
        back too late  | 10   | 63
        """,
    ),
)
