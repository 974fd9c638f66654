"""Worked examples of every feature family: rows of the contract tables, a cutoff, the values.

The examples are data, so that the tests run them and the documentation shows them. An empty cell of
``expect`` is a missing value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from churnml.features.declare import CalendarWish, HolidayRegions

AS_OF = dt.date(2024, 6, 1)
NO_CALENDAR = CalendarWish()

ACCOUNTS = """
account_id | created_at
a          | 2022-01-01
b          | 2022-01-01
c          | 2022-01-01
"""


@dataclass(frozen=True)
class Example:
    """One worked example.

    Args:
        family: the feature family it explains.
        title: the rule it shows, as a sentence.
        tables: contract table → its rows (accounts a, b and c unless it says otherwise).
        expect: account → the values at ``as_of``.
        as_of: the cutoff.
        lookbacks, event_names, static, core_events, calendar: what the families are expanded over.
    """

    family: str
    title: str
    tables: Mapping[str, str]
    expect: str
    as_of: dt.date = AS_OF
    lookbacks: tuple[int, ...] = (7, 28)
    event_names: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    core_events: tuple[str, ...] = ()
    calendar: CalendarWish = NO_CALENDAR


EXAMPLES: tuple[Example, ...] = (
    # ------------------------------------------------------------ usage
    Example(
        "usage.events",
        "the first moment of the lookback counts, the cutoff itself does not",
        {
            "usage_events": """
            account_id | occurred_at      | event
            a          | 2024-05-31 23:59 | login
            a          | 2024-05-25 00:00 | login
            a          | 2024-05-24 23:59 | login
            a          | 2024-06-01 00:00 | login
            b          | 2024-05-04 00:00 | login
            b          | 2024-05-03 23:59 | login
            """
        },
        """
        account_id | usage_events_7d | usage_events_28d
        a          | 2               | 3
        b          | 0               | 1
        c          | 0               | 0
        """,
    ),
    Example(
        "usage.events",
        "an event that arrived at or after the cutoff was not known, however long ago it happened",
        {
            "usage_events": """
            account_id | occurred_at      | event | known_at
            a          | 2024-05-30 10:00 | login | 2024-05-31 23:59
            a          | 2024-05-30 10:00 | login | 2024-06-01 00:00
            a          | 2024-05-30 10:00 | login | 2024-06-10 08:00
            b          | 2024-05-30 10:00 | login |
            c          | 2024-05-30 10:00 | login | 2024-05-01 00:00
            """
        },
        """
        account_id | usage_events_7d
        a          | 1
        b          | 1
        c          | 1
        """,
    ),
    Example(
        "usage.active_days",
        "a day counts once, however much happened on it",
        {
            "usage_events": """
            account_id | occurred_at      | event
            a          | 2024-05-31 09:00 | login
            a          | 2024-05-31 17:00 | export
            a          | 2024-05-30 09:00 | login
            a          | 2024-05-10 09:00 | login
            """
        },
        """
        account_id | usage_active_days_7d | usage_active_days_28d
        a          | 2                    | 3
        b          | 0                    | 0
        """,
    ),
    Example(
        "usage.active_users",
        "a person counts once; events without a person count for nobody",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            a          | 2024-05-31  | login | ann
            a          | 2024-05-30  | login | ann
            a          | 2024-05-10  | login | bob
            a          | 2024-05-31  | sync  |
            b          | 2024-05-31  | sync  |
            """
        },
        """
        account_id | usage_active_users_7d | usage_active_users_28d
        a          | 1                     | 2
        b          | 0                     | 0
        """,
    ),
    Example(
        "usage.active_users",
        "a person whose newest visit arrived late is as old as the newest visit that was known",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id | known_at
            a          | 2024-05-31  | login | ann     | 2024-06-02
            a          | 2024-05-10  | login | ann     |
            """
        },
        """
        account_id | usage_active_users_7d | usage_active_users_28d
        a          | 0                     | 1
        """,
    ),
    Example(
        "usage.breadth",
        "different event names, each once",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-30  | login
            a          | 2024-05-30  | export
            a          | 2024-05-10  | invite
            """
        },
        """
        account_id | usage_distinct_events_7d | usage_distinct_events_28d
        a          | 2                        | 3
        b          | 0                        | 0
        """,
    ),
    Example(
        "usage.quantity",
        "quantities are summed to the millionth; an event without one adds nothing",
        {
            "usage_events": """
            account_id | occurred_at | event | quantity
            a          | 2024-05-31  | send  | 0.1
            a          | 2024-05-30  | send  | 0.2
            a          | 2024-05-29  | send  |
            a          | 2024-05-10  | send  | 1000000
            b          | 2024-05-31  | send  | 2.5
            b          | 2024-05-31  | undo  | -1
            """
        },
        """
        account_id | usage_quantity_7d | usage_quantity_28d
        a          | 0.3               | 1000000.3
        b          | 1.5               | 1.5
        c          | 0                 | 0
        """,
    ),
    Example(
        "usage.by_event",
        "single functions over the second lookback, whatever their names are written in",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-10  | login
            a          | 2024-05-03  | login
            a          | 2024-05-31  | Export PDF
            b          | 2024-05-31  | 帳票出力
            b          | 2024-05-31  | export pdf
            """
        },
        """
        account_id | usage_event_login_28d | usage_event_export_pdf_7aad9d49_28d | usage_event_20766950_28d
        a          | 2                     | 1                                   | 0
        b          | 0                     | 0                                   | 1
        c          | 0                     | 0                                   | 0
        """,
        event_names=("login", "Export PDF", "帳票出力"),
    ),
    Example(
        "usage.share_by_event",
        "a function's share of all that was done; without any use there is no share",
        {
            "usage_events": """
            account_id | occurred_at | event  | known_at
            a          | 2024-05-31  | login  |
            a          | 2024-05-10  | report |
            a          | 2024-05-09  | report |
            a          | 2024-05-08  | login  | 2024-06-02
            a          | 2024-05-03  | login  |
            b          | 2024-05-31  | export |
            """
        },
        """
        account_id | usage_event_login_share_28d | usage_event_report_share_28d
        a          | 0.3333333333                | 0.6666666667
        b          | 0                           | 0
        c          |                             |
        """,
        event_names=("login", "report"),
    ),
    Example(
        "usage.core",
        "the declared core events together, and their share of all that was done",
        {
            "usage_events": """
            account_id | occurred_at | event  | known_at
            a          | 2024-05-31  | report |
            a          | 2024-05-30  | login  |
            a          | 2024-05-10  | export |
            a          | 2024-05-09  | login  |
            a          | 2024-05-30  | export | 2024-06-01
            b          | 2024-05-31  | login  |
            """
        },
        """
        account_id | usage_core_7d | usage_core_28d | usage_core_share_7d | usage_core_share_28d
        a          | 1             | 2              | 0.5                 | 0.5
        b          | 0             | 0              | 0                   | 0
        c          | 0             | 0              |                     |
        """,
        core_events=("report", "export"),
    ),
    Example(
        "usage.core_trend",
        "core events a day in the newest days, against the longer ones",
        {
            "usage_events": """
            account_id | occurred_at | event  | known_at
            a          | 2024-05-31  | report |
            a          | 2024-05-30  | login  |
            a          | 2024-05-10  | export |
            a          | 2024-05-30  | export | 2024-06-01
            b          | 2024-05-31  | login  |
            """
        },
        """
        account_id | usage_core_trend_7d_28d
        a          | 2
        b          |
        """,
        core_events=("report", "export"),
    ),
    Example(
        "usage.recency",
        "yesterday is one day ago; never seen, or longer than a year ago, counts as 365",
        {
            "usage_events": """
            account_id | occurred_at      | event | known_at
            a          | 2024-05-31 00:00 | login |
            b          | 2024-05-31 12:00 | login | 2024-06-01 12:00
            b          | 2024-05-22 12:00 | login |
            c          | 2022-05-31 12:00 | login |
            """,
            "accounts": ACCOUNTS + "d          | 2022-01-01",
        },
        """
        account_id | usage_days_since_last
        a          | 1
        b          | 10
        c          | 365
        d          | 365
        """,
    ),
    Example(
        "usage.recency",
        "the first event known so far; what was back-filled later was not known",
        {
            "usage_events": """
            account_id | occurred_at      | event | known_at
            a          | 2024-05-31 12:00 | login |
            a          | 2022-05-31 12:00 | login |
            b          | 2024-05-22 12:00 | login |
            b          | 2023-01-01 12:00 | login | 2024-06-01 00:00
            d          | 2024-05-22 12:00 | login |
            d          | 2023-01-01 12:00 | login | 2024-05-31 23:59
            """,
            "accounts": ACCOUNTS + "d          | 2022-01-01",
        },
        """
        account_id | usage_days_since_first
        a          | 732
        b          | 10
        c          |
        d          | 517
        """,
    ),
    Example(
        "usage.trend",
        "1 is its own usual pace, 0 is silence; without use in the long lookback there is no trend",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-23  | login
            a          | 2024-05-16  | login
            a          | 2024-05-09  | login
            b          | 2024-05-09  | login
            """
        },
        """
        account_id | usage_events_trend_7d_28d
        a          | 1
        b          | 0
        c          |
        """,
    ),
    Example(
        "usage.trend",
        "what an account has not lived whole is not compared: at 27 days the rise would be that of its age",
        {
            "accounts": """
            account_id | created_at
            a          | 2024-05-05
            b          | 2024-05-04
            """,
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-20  | login
            b          | 2024-05-31  | login
            b          | 2024-05-20  | login
            """,
        },
        """
        account_id | usage_events_trend_7d_28d
        a          |
        b          | 2
        """,
    ),
    Example(
        "usage.days_trend",
        "busy days do not hide that the days become fewer",
        {
            "usage_events": """
            account_id | occurred_at      | event
            a          | 2024-05-31 08:00 | login
            a          | 2024-05-31 09:00 | login
            a          | 2024-05-31 10:00 | login
            a          | 2024-05-11 08:00 | login
            a          | 2024-05-10 08:00 | login
            """
        },
        """
        account_id | usage_active_days_trend_7d_28d
        a          | 1.3333333333333333
        b          |
        """,
    ),
    Example(
        "usage.users_trend",
        "the share of the people of four weeks who came in the last one",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            a          | 2024-05-31  | login | ann
            a          | 2024-05-10  | login | ann
            a          | 2024-05-10  | login | bob
            a          | 2024-05-11  | login | cid
            a          | 2024-05-12  | login | dee
            b          | 2024-05-31  | sync  |
            """
        },
        """
        account_id | usage_users_kept_7d_28d
        a          | 0.25
        b          |
        """,
    ),
    Example(
        "usage.seat_utilisation",
        "people seen ÷ seats of all contracts open; without seats there is nothing to divide by",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            a          | 2024-05-31  | login | ann
            a          | 2024-05-10  | login | bob
            b          | 2024-05-31  | login | eve
            c          | 2024-05-10  | sync  |
            """,
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | seats
            a          | s1              | 2024-01-01 |            | 100 | 3
            a          | s2              | 2024-01-01 |            | 50  | 1
            a          | s0              | 2023-01-01 | 2024-01-01 | 50  | 96
            b          | s3              | 2024-01-01 |            | 100 |
            c          | s4              | 2024-01-01 |            | 100 | 5
            """,
        },
        """
        account_id | usage_seat_utilisation_7d | usage_seat_utilisation_28d
        a          | 0.25                      | 0.5
        b          |                           |
        c          | 0                         | 0
        """,
    ),
    Example(
        "usage.depth",
        "events a person; without a person there is none",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            a          | 2024-05-31  | login | ann
            a          | 2024-05-31  | save  | ann
            a          | 2024-05-30  | login | bob
            a          | 2024-05-10  | login | cid
            b          | 2024-05-31  | sync  |
            """
        },
        """
        account_id | usage_events_per_user_7d | usage_events_per_user_28d
        a          | 1.5                      | 1.3333333333333333
        b          |                          |
        """,
    ),
    Example(
        "usage.slope",
        "the line through every day, silent ones as zero, from its first day to its last ÷ the mean day",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            b          | 2024-05-04  | login
            d          | 2024-05-31  | login
            d          | 2024-05-04  | login
            d          | 2024-05-03  | login
            """,
            "accounts": ACCOUNTS + "d          | 2022-01-01",
        },
        """
        account_id | usage_slope_28d
        a          | 5.5862068965517242
        b          | -5.5862068965517242
        c          |
        d          | 0
        """,
    ),
    Example(
        "usage.slope",
        "a day that arrived late does not lift the line",
        {
            "usage_events": """
            account_id | occurred_at      | event | known_at
            a          | 2024-05-04 10:00 | login |
            a          | 2024-05-31 10:00 | login | 2024-06-01 00:00
            b          | 2024-05-04 10:00 | login |
            b          | 2024-05-31 10:00 | login | 2024-05-31 23:59
            """
        },
        """
        account_id | usage_slope_28d
        a          | -5.5862068965517242
        b          | 0
        """,
    ),
    Example(
        "usage.acceleration",
        "the newest week less twice the one before plus the one before that, ÷ their mean: a steady fall is 0",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-31  | export
            a          | 2024-05-25  | login
            a          | 2024-05-25  | export
            a          | 2024-05-24  | login
            a          | 2024-05-18  | login
            a          | 2024-05-17  | login
            b          | 2024-05-25  | login
            b          | 2024-05-18  | login
            b          | 2024-05-24  | login
            b          | 2024-05-11  | login
            b          | 2024-05-12  | login
            b          | 2024-05-17  | login
            d          | 2024-05-31  | login
            d          | 2024-05-10  | login
            """,
            "accounts": ACCOUNTS + "d          | 2022-01-01",
        },
        """
        account_id | usage_acceleration_7d
        a          | 0.42857142857142855
        b          | 0
        c          |
        d          | 3
        """,
    ),
    Example(
        "usage.acceleration",
        "a week that arrived late has not happened yet",
        {
            "usage_events": """
            account_id | occurred_at | event | known_at
            a          | 2024-05-31  | login | 2024-06-01
            a          | 2024-05-24  | login |
            a          | 2024-05-17  | login |
            b          | 2024-05-31  | login | 2024-05-31
            b          | 2024-05-24  | login |
            b          | 2024-05-17  | login |
            """
        },
        """
        account_id | usage_acceleration_7d
        a          | -1.5
        b          | 0
        """,
    ),
    Example(
        "usage.own_past",
        "the newest week less the mean of the weeks before, ÷ √(their variance + 1); no use at all is 0",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-30  | login
            a          | 2024-05-25  | login
            a          | 2024-05-24  | login
            a          | 2024-05-10  | login
            a          | 2024-05-04  | login
            a          | 2024-05-03  | login
            b          | 2024-05-24  | login
            b          | 2024-05-18  | login
            b          | 2024-05-17  | login
            b          | 2024-05-11  | login
            b          | 2024-05-10  | login
            b          | 2024-05-04  | login
            """
        },
        """
        account_id | usage_own_past_3w
        a          | 1.5491933384829668
        b          | -2
        c          | 0
        """,
    ),
    Example(
        "usage.level",
        "(Σ w √events ÷ Σ w)² over whole weeks, each half as much every half-life; only weeks the account has lived",
        {
            "accounts": """
            account_id | created_at
            a          | 2022-01-01
            b          | 2022-01-01
            c          | 2024-05-20
            """,
            "usage_events": """
            account_id | occurred_at      | event | known_at
            a          | 2024-05-31       | login |
            a          | 2024-05-25 00:00 | login |
            a          | 2024-05-24 23:59 | login |
            a          | 2024-05-18       | login |
            a          | 2024-05-17       | login |
            a          | 2024-05-11       | login |
            a          | 2024-05-10       | login |
            a          | 2024-05-04 00:00 | login |
            a          | 2024-05-03 23:59 | login |
            a          | 2024-05-30       | login | 2024-06-01
            b          | 2024-05-30       | login |
            b          | 2024-05-06       | login |
            b          | 2024-05-06       | login |
            b          | 2024-05-06       | login |
            b          | 2024-05-06       | login |
            c          | 2024-05-26       | login |
            c          | 2024-05-21       | login |
            """,
            "subscriptions": """
            account_id | subscription_id | starts_at  | mrr | seats
            a          | s               | 2022-01-01 | 10  | 4
            """,
        },
        """
        account_id | usage_level_14d     | usage_level_42d     | usage_level_14d_per_seat | usage_level_42d_per_seat
        a          | 2                   | 2                   | 0.5                      | 0.5
        b          | 0.4444444444444444  | 0.5066580704474759  |                          |
        c          | 1                   | 1                   |                          |
        """,
    ),
    Example(
        "usage.users_level",
        "a user counts once a week, in every week it is seen in",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            a          | 2024-05-31  | login | ann
            a          | 2024-05-31  | login | ann
            a          | 2024-05-26  | login | ann
            a          | 2024-05-20  | login | ann
            a          | 2024-05-12  | login | ann
            a          | 2024-05-05  | login | bob
            a          | 2024-05-05  | login |
            b          | 2024-05-30  | login | ann
            b          | 2024-05-06  | login | ann
            b          | 2024-05-06  | login | bob
            b          | 2024-05-06  | login | cid
            b          | 2024-05-10  | login | dan
            """,
            "subscriptions": """
            account_id | subscription_id | starts_at  | mrr | seats
            a          | s               | 2022-01-01 | 10  | 4
            """,
        },
        """
        account_id | usage_users_level_14d | usage_users_level_42d | usage_users_level_14d_per_seat | usage_users_level_42d_per_seat
        a          | 1                     | 1                     | 0.25                           | 0.25
        b          | 0.4444444444444444    | 0.5066580704474759    |                                |
        c          | 0                     | 0                     |                                |
        """,
    ),
    Example(
        "usage.core_level",
        "the same of core events, by seat, and ÷ the level of all events",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | report
            a          | 2024-05-31  | login
            a          | 2024-05-20  | report
            a          | 2024-05-20  | login
            a          | 2024-05-12  | report
            a          | 2024-05-12  | login
            a          | 2024-05-05  | report
            a          | 2024-05-05  | login
            b          | 2024-05-30  | login
            """,
            "subscriptions": """
            account_id | subscription_id | starts_at  | mrr | seats
            a          | s               | 2022-01-01 | 10  | 4
            """,
        },
        """
        account_id | usage_core_level_14d | usage_core_level_42d | usage_core_level_14d_per_seat | usage_core_level_42d_per_seat | usage_core_level_share_14d | usage_core_level_share_42d
        a          | 1                    | 1                    | 0.25                          | 0.25                          | 0.5                        | 0.5
        b          | 0                    | 0                    |                               |                               | 0                          | 0
        c          | 0                    | 0                    |                               |                               |                            |
        """,
        core_events=("report",),
    ),
    Example(
        "usage.level_change",
        "the level of the shorter half-life ÷ that of the longer, once the weeks of both are lived",
        {
            "accounts": """
            account_id | created_at
            a          | 2022-01-01
            b          | 2024-05-04
            c          | 2024-05-05
            """,
            "usage_events": """
            account_id | occurred_at | event  | user_id
            a          | 2024-05-31  | report | ann
            a          | 2024-05-20  | report | ann
            a          | 2024-05-12  | report | ann
            a          | 2024-05-05  | report | bob
            b          | 2024-05-30  | report | ann
            b          | 2024-05-06  | report | ann
            b          | 2024-05-06  | report | bob
            b          | 2024-05-06  | report | cid
            b          | 2024-05-10  | report | dan
            c          | 2024-05-30  | report | ann
            """,
        },
        """
        account_id | usage_level_change_14d_42d | usage_users_level_change_14d_42d | usage_core_level_change_14d_42d
        a          | 1                          | 1                                | 1
        b          | 0.8772078653596005              | 0.8772078653596005                     | 0.8772078653596005
        c          |                            |                                  |
        """,
        core_events=("report",),
    ),
    Example(
        "usage.own_past",
        "weeks that varied not at all are one event wide; an event that arrived late is in none of them",
        {
            "usage_events": """
            account_id | occurred_at | event | known_at
            a          | 2024-05-31  | login | 2024-06-05
            a          | 2024-05-20  | login |
            a          | 2024-05-13  | login |
            a          | 2024-05-06  | login |
            b          | 2024-05-31  | login | 2024-05-31
            b          | 2024-05-20  | login |
            b          | 2024-05-13  | login |
            b          | 2024-05-06  | login |
            c          | 2024-05-20  | login | 2024-06-01
            c          | 2024-05-13  | login | 2024-06-01
            """
        },
        """
        account_id | usage_own_past_3w
        a          | -1
        b          | 0
        c          | 0
        """,
    ),
    Example(
        "usage.streak",
        "most days in a row, and those up to yesterday; days before the lookback do not lengthen them",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-10  | login
            a          | 2024-05-11  | login
            a          | 2024-05-12  | login
            a          | 2024-05-13  | login
            a          | 2024-05-30  | login
            a          | 2024-05-31  | login
            a          | 2024-05-31  | login
            b          | 2024-05-02  | login
            b          | 2024-05-03  | login
            b          | 2024-05-04  | login
            b          | 2024-05-05  | login
            b          | 2024-05-06  | login
            b          | 2024-05-30  | login
            """
        },
        """
        account_id | usage_longest_streak_28d | usage_current_streak_28d
        a          | 4                        | 2
        b          | 3                        | 0
        c          | 0                        | 0
        """,
    ),
    Example(
        "usage.streak",
        "a day that arrived late breaks the run it belongs to",
        {
            "usage_events": """
            account_id | occurred_at | event | known_at
            a          | 2024-05-31  | login |
            a          | 2024-05-30  | login | 2024-06-01
            a          | 2024-05-29  | login |
            b          | 2024-05-31  | login |
            b          | 2024-05-30  | login | 2024-05-31
            b          | 2024-05-29  | login |
            """
        },
        """
        account_id | usage_longest_streak_28d | usage_current_streak_28d
        a          | 1                        | 1
        b          | 3                        | 3
        """,
    ),
    Example(
        "usage.gaps",
        "days from one day with use to the next, inside the lookback; a single day has no next",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-30  | login
            a          | 2024-05-30  | export
            a          | 2024-05-20  | login
            a          | 2024-05-03  | login
            b          | 2024-05-31  | login
            b          | 2024-05-31  | export
            """
        },
        """
        account_id | usage_gap_mean_28d | usage_gap_longest_28d
        a          | 5.5                | 10
        b          |                    |
        c          |                    |
        """,
    ),
    Example(
        "usage.gaps",
        "a visit that arrived late does not shorten the pause it fell into",
        {
            "usage_events": """
            account_id | occurred_at | event | known_at
            a          | 2024-05-10  | login |
            a          | 2024-05-20  | login | 2024-06-01
            a          | 2024-05-30  | login |
            b          | 2024-05-10  | login |
            b          | 2024-05-20  | login | 2024-05-31
            b          | 2024-05-30  | login |
            """
        },
        """
        account_id | usage_gap_mean_28d | usage_gap_longest_28d
        a          | 20                 | 20
        b          | 10                 | 10
        """,
    ),
    Example(
        "usage.daily",
        "of the days with use: as many events or fewer had at least half of them, or nine in ten",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-30  | login
            a          | 2024-05-30  | login
            a          | 2024-05-20  | login
            a          | 2024-05-20  | login
            a          | 2024-05-20  | login
            a          | 2024-05-10  | login
            a          | 2024-05-10  | login
            a          | 2024-05-10  | login
            a          | 2024-05-10  | login
            b          | 2024-05-31  | login
            b          | 2024-05-31  | login
            """
        },
        """
        account_id | usage_daily_p50_28d | usage_daily_p90_28d
        a          | 2                   | 4
        b          | 2                   | 2
        c          | 0                   | 0
        """,
    ),
    Example(
        "usage.daily",
        "what arrived late makes the day no busier",
        {
            "usage_events": """
            account_id | occurred_at | event | known_at
            a          | 2024-05-31  | login |
            a          | 2024-05-31  | login | 2024-06-01
            b          | 2024-05-30  | login |
            b          | 2024-05-30  | login | 2024-05-31
            """
        },
        """
        account_id | usage_daily_p50_28d | usage_daily_p90_28d
        a          | 1                   | 1
        b          | 2                   | 2
        """,
    ),
    Example(
        "usage.rhythm",
        "weekends are Saturday and Sunday, office hours the weekdays from 09:00 to 17:59",
        {
            "usage_events": """
            account_id | occurred_at      | event
            a          | 2024-05-31 09:00 | login
            a          | 2024-05-31 18:00 | login
            a          | 2024-05-30 08:59 | login
            a          | 2024-05-25 10:00 | login
            b          | 2024-05-27 17:59 | login
            d          | 2024-05-26 23:59 | login
            d          | 2024-05-27 00:00 | login
            """,
            "accounts": ACCOUNTS + "d          | 2022-01-01",
        },
        """
        account_id | usage_weekend_share_28d | usage_office_share_28d
        a          | 0.25                    | 0.25
        b          | 0                       | 1
        c          |                         |
        d          | 0.5                     | 0
        """,
    ),
    Example(
        "usage.rhythm",
        "a Saturday that arrived late is no part of the week yet",
        {
            "usage_events": """
            account_id | occurred_at      | event | known_at
            a          | 2024-05-31 10:00 | login |
            a          | 2024-05-25 10:00 | login | 2024-06-01 00:00
            b          | 2024-05-31 10:00 | login |
            b          | 2024-05-25 10:00 | login | 2024-05-31 23:59
            """
        },
        """
        account_id | usage_weekend_share_28d | usage_office_share_28d
        a          | 0                       | 1
        b          | 0.5                     | 0.5
        """,
    ),
    Example(
        "usage.mix",
        "0 is all of one kind; k kinds in equal parts are ln k, in unequal parts less",
        {
            "usage_events": """
            account_id | occurred_at | event
            a          | 2024-05-31  | login
            a          | 2024-05-31  | export
            a          | 2024-05-10  | invite
            a          | 2024-05-10  | sync
            b          | 2024-05-31  | login
            b          | 2024-05-31  | login
            b          | 2024-05-31  | login
            b          | 2024-05-10  | export
            """
        },
        """
        account_id | usage_entropy_7d    | usage_entropy_28d
        a          | 0.69314718055994531 | 1.3862943611198906
        b          | 0                   | 0.56233514461880829
        c          |                     |
        """,
    ),
    Example(
        "usage.mix",
        "a function whose use arrived late is not in the mix",
        {
            "usage_events": """
            account_id | occurred_at | event  | known_at
            a          | 2024-05-31  | login  |
            a          | 2024-05-31  | export | 2024-06-01
            b          | 2024-05-30  | login  |
            b          | 2024-05-30  | export | 2024-05-31
            """
        },
        """
        account_id | usage_entropy_7d    | usage_entropy_28d
        a          | 0                   | 0
        b          | 0.69314718055994531 | 0.69314718055994531
        """,
    ),
    Example(
        "usage.key_users",
        "of the three people seen on most days before the last week, the share not seen in it",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            a          | 2024-05-10  | login | ann
            a          | 2024-05-11  | login | ann
            a          | 2024-05-24  | login | ann
            a          | 2024-05-10  | login | bob
            a          | 2024-05-11  | login | bob
            a          | 2024-05-31  | login | bob
            a          | 2024-05-04  | login | cid
            a          | 2024-05-11  | login | cid
            a          | 2024-05-20  | login | dee
            a          | 2024-05-20  | login | dee
            a          | 2024-05-20  | login | dee
            a          | 2024-05-20  | login | dee
            a          | 2024-05-03  | login | dee
            a          | 2024-05-21  | sync  |
            b          | 2024-05-20  | login | eve
            b          | 2024-05-25  | login | eve
            c          | 2024-05-31  | login | flo
            c          | 2024-05-03  | login | flo
            """
        },
        """
        account_id | usage_key_users_quiet_7d_28d
        a          | 0.66666666666666663
        b          | 0
        c          |
        """,
    ),
    Example(
        "usage.key_users",
        "whoever was seen on as many days as the third counts too",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            a          | 2024-05-10  | login | ann
            a          | 2024-05-11  | login | ann
            a          | 2024-05-10  | login | bob
            a          | 2024-05-10  | login | cid
            a          | 2024-05-10  | login | dee
            a          | 2024-05-31  | login | bob
            a          | 2024-05-31  | login | cid
            """
        },
        """
        account_id | usage_key_users_quiet_7d_28d
        a          | 0.5
        """,
    ),
    Example(
        "usage.key_users",
        "a visit that arrived late does not show that somebody is still there",
        {
            "usage_events": """
            account_id | occurred_at | event | user_id | known_at
            a          | 2024-05-10  | login | ann     |
            a          | 2024-05-31  | login | ann     | 2024-06-01
            b          | 2024-05-10  | login | ann     |
            b          | 2024-05-31  | login | ann     | 2024-05-31
            c          | 2024-05-10  | login | ann     | 2024-06-01
            c          | 2024-05-31  | login | ann     |
            """
        },
        """
        account_id | usage_key_users_quiet_7d_28d
        a          | 1
        b          | 0
        c          |
        """,
    ),
    # ------------------------------------------------------------ tickets
    Example(
        "tickets.opened",
        "tickets by the day they were opened, resolved or not",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at        | resolved_at
            a          | t1        | 2024-05-25 00:00 | 2024-05-25 10:00
            a          | t2        | 2024-05-24 23:59 |
            a          | t3        | 2024-06-01 00:00 |
            """
        },
        """
        account_id | tickets_opened_7d | tickets_opened_28d
        a          | 1                 | 2
        b          | 0                 | 0
        """,
    ),
    Example(
        "tickets.backlog",
        "a ticket that is resolved later is open now; one reopened since it was resolved is open again",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at  | resolved_at      | reopened_at
            a          | t1        | 2024-05-01 | 2024-05-31 23:59 |
            a          | t2        | 2024-05-12 | 2024-06-01 00:00 |
            a          | t3        | 2024-05-30 |                  |
            b          | t4        | 2024-05-02 | 2024-05-10       | 2024-05-20
            c          | t5        | 2024-05-02 | 2024-05-20       | 2024-05-10
            c          | t6        | 2024-05-02 | 2024-05-20       | 2024-06-02
            """,
            "accounts": ACCOUNTS + "d          | 2022-01-01",
        },
        """
        account_id | tickets_open | tickets_oldest_open_days
        a          | 2            | 20
        b          | 1            | 30
        c          | 0            | 0
        d          | 0            | 0
        """,
    ),
    Example(
        "tickets.response",
        "mean hours to the first answer; a ticket not answered yet has none, and no ticket is no mean",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at        | first_response_at
            a          | t1        | 2024-05-30 10:00 | 2024-05-30 11:30
            a          | t2        | 2024-05-20 10:00 | 2024-05-20 10:30
            a          | t3        | 2024-05-31 10:00 | 2024-06-01 00:00
            a          | t4        | 2023-12-03 10:00 | 2023-12-04 10:00
            b          | t5        | 2024-05-31 10:00 |
            """
        },
        """
        account_id | tickets_first_response_hours_180d
        a          | 1
        b          |
        c          |
        """,
    ),
    Example(
        "tickets.resolution",
        "mean hours to resolution, of tickets opened in the last 180 days and resolved by now",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at        | resolved_at
            a          | t1        | 2023-12-04 00:00 | 2023-12-05 00:00
            a          | t2        | 2024-05-20 00:00 | 2024-05-22 00:00
            a          | t3        | 2023-12-03 23:00 | 2023-12-31 00:00
            a          | t4        | 2024-05-30 00:00 | 2024-06-01 00:00
            b          | t5        | 2024-05-30 00:00 |
            """
        },
        """
        account_id | tickets_resolution_hours_180d
        a          | 36
        b          |
        """,
    ),
    Example(
        "tickets.priority",
        "high, urgent, critical and P1 are serious, in capitals or not",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at  | priority
            a          | t1        | 2024-05-01 | HIGH
            a          | t2        | 2024-05-02 | urgent
            a          | t3        | 2024-05-03 | Critical
            a          | t4        | 2024-05-04 | p1
            a          | t5        | 2024-05-05 | normal
            a          | t6        | 2024-05-06 |
            a          | t7        | 2023-12-03 | urgent
            b          | t8        | 2024-05-05 | low
            """
        },
        """
        account_id | tickets_serious_180d | tickets_serious_share_180d
        a          | 4                    | 0.66666666666666663
        b          | 0                    | 0
        c          | 0                    |
        """,
    ),
    Example(
        "tickets.reopened",
        "what counts is when it was reopened, not when it was opened",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at  | reopened_at
            a          | t1        | 2023-06-01 | 2024-05-01
            a          | t2        | 2023-06-01 | 2023-12-04
            a          | t3        | 2023-06-01 | 2023-12-03
            a          | t4        | 2024-05-01 | 2024-06-01
            b          | t5        | 2024-05-01 |
            """
        },
        """
        account_id | tickets_reopened_180d
        a          | 2
        b          | 0
        c          | 0
        """,
    ),
    Example(
        "tickets.escalated",
        "what counts is when it was escalated, not when it was opened",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at  | escalated_at
            a          | t1        | 2023-06-01 | 2024-05-31 23:59
            a          | t2        | 2024-05-01 | 2024-06-01 00:00
            b          | t3        | 2023-06-01 | 2023-12-03
            """
        },
        """
        account_id | tickets_escalated_180d
        a          | 1
        b          | 0
        c          | 0
        """,
    ),
    Example(
        "tickets.csat",
        "a satisfaction counts from the day it was given, which without a date is the day of resolution",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at  | resolved_at | csat | csat_at
            a          | t1        | 2024-05-01 | 2024-05-02  | 5    | 2024-05-03
            a          | t2        | 2024-05-01 | 2024-05-02  | 2    |
            a          | t3        | 2024-05-01 | 2024-05-02  | 1    | 2024-06-01
            a          | t4        | 2023-06-01 | 2023-06-02  | 1    | 2023-12-03
            b          | t5        | 2024-05-01 | 2024-06-02  | 1    |
            c          | t6        | 2024-05-01 | 2024-05-02  |      |
            """
        },
        """
        account_id | tickets_csat_180d
        a          | 3.5
        b          |
        c          |
        """,
    ),
    Example(
        "tickets.tone",
        "the mean tone of the tickets in which English words say something; -0.3 and below is annoyed",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at  | subject                  | body
            a          | t1        | 2024-05-31 | Terrible, awful, useless |
            a          | t2        | 2024-05-01 | Login                    | Works, thank you
            a          | t3        | 2024-05-01 | Invoice                  |
            b          | t4        | 2024-05-01 | 請求書について           |
            """
        },
        """
        account_id | tickets_tone_180d | tickets_annoyed_180d
        a          | -0.2375           | 1
        b          |                   | 0
        c          |                   | 0
        """,
    ),
    Example(
        "tickets.tone",
        "what is written in a ticket is known once it is opened, and counts for 180 days",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at        | subject
            a          | t1        | 2024-05-31 23:59 | Terrible, awful, useless
            b          | t2        | 2024-06-01 00:00 | Terrible, awful, useless
            c          | t3        | 2023-12-03 23:59 | Terrible, awful, useless
            """
        },
        """
        account_id | tickets_tone_180d | tickets_annoyed_180d
        a          | -0.836            | 1
        b          |                   | 0
        c          |                   | 0
        """,
    ),
    Example(
        "tickets.trend",
        "tickets a day in the shorter of the last two lookbacks ÷ the same in the longer",
        {
            "support_tickets": """
            account_id | ticket_id | opened_at
            a          | t1        | 2024-05-31
            a          | t2        | 2024-05-30
            a          | t3        | 2024-05-10
            a          | t4        | 2024-05-09
            b          | t5        | 2024-05-09
            """
        },
        """
        account_id | tickets_trend_7d_28d
        a          | 2
        b          | 0
        c          |
        """,
    ),
    # ------------------------------------------------------------ subscriptions
    Example(
        "subscriptions.tenure",
        "a customer since the first paying period, a trial before it not counted, breaks not deducted",
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr
            a          | s1              | 2024-01-01 | 2024-02-01 | 0
            a          | s1              | 2024-02-01 | 2024-03-01 | 100
            a          | s2              | 2024-05-01 |            | 100
            b          | s3              | 2024-01-01 |            | 0
            c          | s4              | 2024-06-01 |            | 100
            """
        },
        """
        account_id | subscription_tenure_days
        a          | 121
        b          |
        c          |
        """,
    ),
    Example(
        "subscriptions.mrr",
        "contracts open at the cutoff are summed; one that ends later than its notice was known is still open",
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr    | cancelled_at
            a          | s1              | 2024-01-01 |            | 100.10 |
            a          | s2              | 2024-01-01 | 2024-07-01 | 0.20   | 2024-05-01
            a          | s3              | 2024-01-01 | 2024-05-31 | 999    |
            a          | s4              | 2024-06-02 |            | 999    |
            a          | s5              | 2024-01-01 |            | 0      |
            b          | s6              | 2024-01-01 | 2024-05-01 | 50     | 2024-06-10
            """
        },
        """
        account_id | subscription_mrr | subscription_contracts
        a          | 100.3            | 2
        b          | 50               | 1
        c          | 0                | 0
        """,
    ),
    Example(
        "subscriptions.plan",
        "plan and billing of the largest paying contract that is open",
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | plan  | billing_period
            a          | s1              | 2024-01-01 |            | 100 | team  | monthly
            a          | s2              | 2024-01-01 |            | 300 | scale | annual
            a          | s3              | 2024-01-01 | 2024-05-01 | 900 | old   | annual
            b          | s4              | 2024-01-01 |            | 0   | free  | none
            """
        },
        """
        account_id | subscription_plan | subscription_billing_period
        a          | scale             | annual
        b          |                   |
        c          |                   |
        """,
    ),
    Example(
        "subscriptions.seats",
        "seats of the contracts open at the cutoff; unknown where no contract gives them",
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | seats
            a          | s1              | 2024-01-01 | 2024-03-01 | 100 | 50
            a          | s1              | 2024-03-01 |            | 100 | 10
            a          | s2              | 2024-03-01 |            | 100 | 2
            b          | s3              | 2024-03-01 |            | 100 |
            """
        },
        """
        account_id | subscription_seats
        a          | 12
        b          |
        c          |
        """,
    ),
    Example(
        "subscriptions.renewal",
        "days to the nearest renewal; a past date is rolled on by calendar months, on the contract's own day",
        {
            "accounts": ACCOUNTS + "d          | 2022-01-01\ne          | 2022-01-01\nf          | 2022-01-01",
            "subscriptions": """
            account_id | subscription_id | starts_at  | mrr | billing_period | renews_at
            a          | s1              | 2024-01-01 | 100 | Annual         | 2024-06-11
            a          | s2              | 2024-01-01 | 100 | annual         | 2025-06-11
            b          | s3              | 2022-05-01 | 100 | annual         | 2023-06-02
            c          | s4              | 2022-05-01 | 100 | monthly        | 2024-05-22
            d          | s5              | 2022-05-01 | 100 | every Tuesday  | 2024-05-22
            e          | s6              | 2023-10-31 | 100 | P1M            | 2024-04-30
            f          | s7              | 2024-02-29 | 100 | 6 months       | 2024-02-29
            """,
        },
        """
        account_id | subscription_days_to_renewal
        a          | 10
        b          | 1
        c          | 21
        d          |
        e          | 29
        f          | 89
        """,
    ),
    Example(
        "subscriptions.changes",
        "a period beside the one before it of the same contract: up is an expansion, down a contraction",
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr
            a          | s1              | 2022-02-01 | 2023-06-01 | 50
            a          | s1              | 2023-06-01 | 2023-06-02 | 100
            a          | s1              | 2023-06-02 | 2024-05-01 | 150
            a          | s1              | 2024-05-01 |            | 120
            a          | s2              | 2024-03-01 |            | 900
            b          | s3              | 2024-01-01 | 2024-06-01 | 10
            b          | s3              | 2024-06-01 |            | 20
            """
        },
        """
        account_id | subscription_expansions_365d | subscription_contractions_365d | subscription_days_since_change
        a          | 1                            | 1                              | 31
        b          | 0                            | 0                              | 152
        c          | 0                            | 0                              |
        """,
    ),
    Example(
        "subscriptions.returned",
        "a contract after a week or more without one is a return; a gap of days, or an end not known yet, is none",
        {
            "accounts": """
            account_id | created_at
            a          | 2020-01-01
            b          | 2020-01-01
            c          | 2020-01-01
            d          | 2020-01-01
            e          | 2020-01-01
            """,
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | cancelled_at | mrr
            a          | s1              | 2022-01-01 | 2023-01-01 |              | 50
            a          | s2              | 2023-02-01 | 2023-06-01 |              | 50
            a          | s3              | 2024-05-02 |            |              | 50
            b          | s4              | 2022-01-01 | 2023-01-01 |              | 50
            b          | s5              | 2023-01-05 |            |              | 50
            c          | s6              | 2022-01-01 | 2024-04-01 | 2024-06-10   | 50
            c          | s7              | 2024-05-01 |            |              | 50
            d          | s8              | 2022-01-01 |            |              | 50
            d          | s9              | 2022-03-01 | 2022-04-01 |              | 50
            d          | s10             | 2023-01-01 |            |              | 50
            e          | s11             | 2022-01-01 | 2022-02-01 |              | 0
            e          | s12             | 2024-01-01 |            |              | 50
            """,
        },
        """
        account_id | subscription_days_since_return
        a          | 30
        b          |
        c          |
        d          |
        e          |
        """,
    ),
    # ------------------------------------------------------------ account
    Example(
        "account.age",
        "days since the account was created",
        {
            "accounts": """
            account_id | created_at
            a          | 2024-05-31 23:59
            b          | 2023-06-02 00:00
            """
        },
        """
        account_id | account_age_days
        a          | 1
        b          | 365
        """,
    ),
    Example(
        "account.attributes",
        "what the project declares static, as it is written, empty where it is empty",
        {
            "accounts": """
            account_id | created_at | industry     | company_size
            a          | 2024-01-01 | Fin-Tech, SaaS | 50
            b          | 2024-01-01 | 製造業        |
            """
        },
        """
        account_id | account_industry | account_company_size
        a          | Fin-Tech, SaaS   | 50
        b          | 製造業            |
        """,
        static=("industry", "company_size"),
    ),
    # ------------------------------------------------------------ calendar
    Example(
        "calendar.season",
        "the month and quarter in which the middle of the label window lies, whoever the account is",
        {},
        """
        account_id | calendar_window_month | calendar_window_quarter
        a          | 7                     | 3
        b          | 7                     | 3
        """,
        calendar=CalendarWish(window=(7, 98)),
    ),
    Example(
        "calendar.fiscal_year",
        "a fiscal year that begins in April has July as its fourth month",
        {},
        """
        account_id | calendar_fiscal_month
        a          | 4
        """,
        calendar=CalendarWish(window=(7, 98), fiscal_year_starts=4),
    ),
    Example(
        "calendar.working_days",
        "a public holiday of the account's own region is no working day; who names none keeps everybody's",
        {
            "accounts": """
            account_id | created_at | country
            a          | 2022-01-01 | JP
            b          | 2022-01-01 | Germany
            c          | 2022-01-01 |
            """
        },
        """
        account_id | calendar_working_days_7d | calendar_working_days_28d | calendar_working_days_window | calendar_weekdays_7d | calendar_weekdays_28d
        a          | 3                        | 17                        | 23                           | 5                    | 20
        b          | 4                        | 19                        | 21                           | 5                    | 20
        c          | 4                        | 19                        | 21                           | 5                    | 20
        """,
        as_of=dt.date(2024, 5, 7),
        static=("country",),
        calendar=CalendarWish((0, 31), HolidayRegions("DE", "country"), even_out=True),
    ),
    Example(
        "calendar.use",
        "use is shared out among the days that are worked",
        {
            "usage_events": """
            account_id | occurred_at      | event
            a          | 2024-04-30 10:00 | login
            a          | 2024-04-30 11:00 | login
            a          | 2024-05-02 10:00 | login
            """
        },
        """
        account_id | usage_per_working_day_7d | usage_per_working_day_28d
        a          | 0.75                     | 0.15789473684210525
        b          | 0                        | 0
        """,
        as_of=dt.date(2024, 5, 7),
        calendar=CalendarWish((7, 98), HolidayRegions("DE")),
    ),
)
