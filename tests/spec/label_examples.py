"""Worked examples of the labels and of who they speak of.

Every example has the cutoff 2024-06-01. In ``expect``, ``label`` is 1, 0, ``missing`` (it left too
early to count either way) or ``not eligible`` (outside the population: never scored). Unless an example
says otherwise the window is [2024-06-08, 2024-07-08) and the grace period 14 days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

AS_OF = dt.date(2024, 6, 1)
CONTRACT = {"kind": "contract", "gap": 7, "horizon": 30, "grace": 14}
LAPSE = {"kind": "lapse", "gap": 7, "horizon": 30, "active_within": 28}
EVENT = {"kind": "event", "gap": 7, "horizon": 30}
UPSELL = {"kind": "upsell", "gap": 7, "horizon": 30}


@dataclass(frozen=True)
class LabelExample:
    """One worked example.

    Args:
        title: the rule it shows, as a sentence.
        label: the label as a spec.yaml declares it.
        tables: contract table → its rows; accounts default to those of ``expect``, created in 2022.
        expect: account → its label.
        static: the attributes of accounts that are declared static.
    """

    title: str
    label: Mapping[str, Any]
    tables: Mapping[str, str]
    expect: str
    as_of: dt.date = field(default=AS_OF)
    static: tuple[str, ...] = ()


EXAMPLES: tuple[LabelExample, ...] = (
    # ------------------------------------------------------------ contract
    LabelExample(
        "contract churn: the last paying period ends inside the window",
        CONTRACT,
        {
            "subscriptions": """
            account_id   | subscription_id | starts_at  | ends_at          | mrr
            stays        | s1              | 2024-01-01 |                  | 100
            gap first    | s2              | 2024-01-01 | 2024-06-01 00:00 | 100
            gap last     | s3              | 2024-01-01 | 2024-06-07 23:30 | 100
            window first | s4              | 2024-01-01 | 2024-06-08 00:00 | 100
            window last  | s5              | 2024-01-01 | 2024-07-07 23:30 | 100
            after        | s6              | 2024-01-01 | 2024-07-08 00:00 | 100
            """
        },
        """
        account_id   | label
        stays        | 0
        gap first    | missing
        gap last     | missing
        window first | 1
        window last  | 1
        after        | 0
        """,
    ),
    LabelExample(
        "contract churn: who comes back within the grace period has not churned",
        CONTRACT,
        {
            "subscriptions": """
            account_id     | subscription_id | starts_at  | ends_at    | mrr
            back in time   | s1              | 2024-01-01 | 2024-06-20 | 100
            back in time   | s2              | 2024-07-03 |            | 10
            back too late  | s3              | 2024-01-01 | 2024-06-20 | 100
            back too late  | s4              | 2024-07-04 |            | 100
            back and gone  | s5              | 2024-01-01 | 2024-06-10 | 100
            back and gone  | s6              | 2024-06-20 | 2024-07-01 | 100
            back for free  | s7              | 2024-01-01 | 2024-06-20 | 100
            back for free  | s8              | 2024-06-21 |            | 0
            gap, then back | s9              | 2024-01-01 | 2024-06-03 | 100
            gap, then back | s10             | 2024-06-10 |            | 100
            """
        },
        """
        account_id     | label
        back in time   | 0
        back too late  | 1
        back and gone  | 1
        back for free  | 1
        gap, then back | 0
        """,
    ),
    LabelExample(
        "contract churn: without a grace period only who carries on at once stays",
        CONTRACT | {"grace": 0},
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at          | mrr
            at once    | s1              | 2024-01-01 | 2024-06-20       | 100
            at once    | s2              | 2024-06-20 |                  | 100
            an hour    | s3              | 2024-01-01 | 2024-06-20 00:00 | 100
            an hour    | s4              | 2024-06-20 01:00 |            | 100
            """
        },
        """
        account_id | label
        at once    | 0
        an hour    | 1
        """,
    ),
    LabelExample(
        "contract churn: a change of terms, a renewal and another contract are no leaving",
        CONTRACT,
        {
            "subscriptions": """
            account_id    | subscription_id | starts_at  | ends_at    | mrr | plan
            plan change   | s1              | 2024-01-01 | 2024-06-20 | 100 | team
            plan change   | s1              | 2024-06-20 |            | 10  | starter
            to a free one | s2              | 2024-01-01 | 2024-06-20 | 100 | team
            to a free one | s2              | 2024-06-20 |            | 0   | free
            renews        | s3              | 2023-06-15 | 2024-06-15 | 100 | team
            renews        | s3              | 2024-06-15 | 2025-06-15 | 100 | team
            never renews  | s4              | 2023-06-15 | 2024-06-15 | 100 | team
            second stays  | s5              | 2024-01-01 | 2024-06-20 | 100 | team
            second stays  | s6              | 2023-01-01 |            | 10  | team
            both go       | s7              | 2024-01-01 | 2024-06-10 | 100 | team
            both go       | s8              | 2024-01-01 | 2024-06-30 | 100 | team
            one goes late | s9              | 2024-01-01 | 2024-06-10 | 100 | team
            one goes late | s10             | 2024-01-01 | 2024-08-30 | 100 | team
            free one ends | s11             | 2024-01-01 |            | 100 | team
            free one ends | s12             | 2024-01-01 | 2024-06-20 | 0   | team
            """
        },
        """
        account_id    | label
        plan change   | 0
        to a free one | 1
        renews        | 0
        never renews  | 1
        second stays  | 0
        both go       | 1
        one goes late | 0
        free one ends | 0
        """,
    ),
    LabelExample(
        "contract population: paying at the cutoff, as it was known then",
        CONTRACT,
        {
            "accounts": """
            account_id        | created_at
            customer          | 2022-01-01
            created too late  | 2024-06-01
            created just now  | 2024-05-31
            trial             | 2022-01-01
            never signed      | 2022-01-01
            gone before       | 2022-01-01
            starts today      | 2022-01-01
            signed, to start  | 2022-01-01
            back-filled       | 2022-01-01
            """,
            "subscriptions": """
            account_id       | subscription_id | starts_at  | ends_at    | mrr | known_at
            customer         | s1              | 2024-01-01 |            | 100 |
            created too late | s2              | 2024-06-01 |            | 100 |
            created just now | s3              | 2024-05-31 |            | 100 |
            trial            | s4              | 2024-01-01 |            | 0   |
            gone before      | s5              | 2023-01-01 | 2024-05-31 | 100 |
            starts today     | s6              | 2024-06-01 |            | 100 | 2024-05-20
            signed, to start | s7              | 2024-06-02 |            | 100 | 2024-05-20
            back-filled      | s8              | 2024-01-01 |            | 100 | 2024-06-05
            """,
        },
        """
        account_id       | label
        customer         | 0
        created too late | not eligible
        created just now | 0
        trial            | not eligible
        never signed     | not eligible
        gone before      | not eligible
        starts today     | 0
        signed, to start | not eligible
        back-filled      | not eligible
        """,
    ),
    LabelExample(
        "contract population: whose notice was already known cannot be kept any more",
        CONTRACT,
        {
            "subscriptions": """
            account_id      | subscription_id | starts_at  | ends_at    | mrr | cancelled_at     | known_at
            notice known    | s1              | 2024-01-01 | 2024-06-20 | 100 | 2024-05-31 23:59 |
            notice later    | s2              | 2024-01-01 | 2024-06-20 | 100 | 2024-06-01 00:00 |
            no notice       | s3              | 2024-01-01 | 2024-06-20 | 100 |                  |
            one of two      | s4              | 2024-01-01 | 2024-06-20 | 100 | 2024-05-01       |
            one of two      | s5              | 2024-01-01 | 2024-06-25 | 100 |                  |
            successor known | s6              | 2024-01-01 | 2024-06-20 | 100 | 2024-05-01       |
            successor known | s7              | 2024-06-20 |            | 100 |                  | 2024-05-15
            """
        },
        """
        account_id      | label
        notice known    | not eligible
        notice later    | 1
        no notice       | 1
        one of two      | 1
        successor known | 0
        """,
    ),
    LabelExample(
        "contract population: include_notice_given keeps them",
        CONTRACT | {"include_notice_given": True},
        {
            "subscriptions": """
            account_id   | subscription_id | starts_at  | ends_at    | mrr | cancelled_at
            notice known | s1              | 2024-01-01 | 2024-06-20 | 100 | 2024-05-01
            gone         | s2              | 2024-01-01 | 2024-05-20 | 100 | 2024-05-01
            """
        },
        """
        account_id   | label
        notice known | 1
        gone         | not eligible
        """,
    ),
    LabelExample(
        "contract churn: who had left before the cutoff, though nobody knew, did not stay",
        CONTRACT,
        {
            "subscriptions": """
            account_id        | subscription_id | starts_at  | ends_at    | mrr | cancelled_at
            stays             | s1              | 2024-01-01 |            | 100 |
            left, told later  | s2              | 2024-01-01 | 2024-05-20 | 100 | 2024-06-10
            """
        },
        """
        account_id       | label
        stays            | 0
        left, told later | missing
        """,
    ),
    # ------------------------------------------------------------ lapse
    LabelExample(
        "lapse: no usage in the window, among those active before the cutoff",
        LAPSE,
        {
            "usage_events": """
            account_id      | occurred_at      | event | known_at
            carries on      | 2024-05-20       | login |
            carries on      | 2024-06-08 00:00 | login |
            to the last     | 2024-05-20       | login |
            to the last     | 2024-07-07 23:59 | login |
            falls silent    | 2024-05-20       | login |
            in gap only     | 2024-05-20       | login |
            in gap only     | 2024-06-07 23:59 | login |
            back after      | 2024-05-04       | login |
            back after      | 2024-07-08 00:00 | login |
            silent already  | 2024-05-03 23:59 | login |
            silent already  | 2024-06-20       | login |
            known too late  | 2024-05-20       | login | 2024-06-01
            arrives late    | 2024-05-20       | login |
            arrives late    | 2024-06-20       | login | 2024-09-01
            """
        },
        """
        account_id     | label
        carries on     | 0
        to the last    | 0
        falls silent   | 1
        in gap only    | 1
        back after     | 1
        silent already | not eligible
        known too late | not eligible
        arrives late   | 0
        """,
    ),
    # ------------------------------------------------------------ event
    LabelExample(
        "event churn: a recorded leaving in the window, known early or late",
        EVENT,
        {
            "churn_events": """
            account_id   | churned_at       | known_at
            gap          | 2024-06-07 23:59 |
            window first | 2024-06-08 00:00 |
            window last  | 2024-07-07 23:59 |
            told later   | 2024-06-20       | 2024-09-01
            after        | 2024-07-08 00:00 |
            gap and more | 2024-06-02       |
            gap and more | 2024-06-20       |
            """,
            "accounts": """
            account_id   | created_at
            stays        | 2022-01-01
            gap          | 2022-01-01
            window first | 2022-01-01
            window last  | 2022-01-01
            told later   | 2022-01-01
            after        | 2022-01-01
            gap and more | 2022-01-01
            """,
        },
        """
        account_id   | label
        stays        | 0
        gap          | missing
        window first | 1
        window last  | 1
        told later   | 1
        after        | 0
        gap and more | missing
        """,
    ),
    LabelExample(
        "event churn: who has left is gone, as far as it was known",
        EVENT,
        {
            "churn_events": """
            account_id | churned_at | known_at
            gone       | 2024-03-01 |
            twice      | 2024-03-01 |
            twice      | 2024-06-20 |
            """,
            "accounts": """
            account_id | created_at
            stays      | 2022-01-01
            gone       | 2022-01-01
            twice      | 2022-01-01
            """,
        },
        """
        account_id | label
        stays      | 0
        gone       | not eligible
        twice      | not eligible
        """,
    ),
    LabelExample(
        "event churn: where leaving is recurring, nobody is gone for good",
        EVENT | {"recurring": True},
        {
            "churn_events": """
            account_id | churned_at
            once       | 2024-03-01
            twice      | 2024-03-01
            twice      | 2024-06-20
            """,
        },
        """
        account_id | label
        once       | 0
        twice      | 1
        """,
    ),
    LabelExample(
        "event churn: who came back with a new subscription can leave again",
        EVENT,
        {
            "churn_events": """
            account_id  | churned_at
            came back   | 2024-03-01
            back, left  | 2024-03-01
            back, left  | 2024-06-20
            still open  | 2024-03-01
            not paying  | 2024-06-20
            """,
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr
            came back  | s1              | 2023-01-01 | 2024-03-01 | 100
            came back  | s2              | 2024-04-01 |            | 100
            back, left | s3              | 2024-04-01 |            | 100
            still open | s4              | 2023-01-01 |            | 100
            not paying | s5              | 2023-01-01 |            | 0
            """,
        },
        """
        account_id | label
        came back  | 0
        back, left | 1
        still open | not eligible
        not paying | not eligible
        """,
    ),
    LabelExample(
        "event churn: with voluntary_only who is made to leave neither left nor stayed, and is gone afterwards",
        EVENT | {"voluntary_only": True},
        {
            "churn_events": """
            account_id   | churned_at | voluntary
            chose to     | 2024-06-20 | true
            bankrupt     | 2024-06-20 | no
            not said     | 2024-06-20 |
            was bankrupt | 2024-03-01 | false
            """,
        },
        """
        account_id   | label
        chose to     | 1
        bankrupt     | missing
        not said     | 1
        was bankrupt | not eligible
        """,
    ),
    LabelExample(
        "event churn: who had left before the cutoff, though nobody knew, did not stay",
        EVENT,
        {
            "churn_events": """
            account_id       | churned_at | known_at
            left, told later | 2024-05-20 | 2024-06-10
            """,
            "accounts": """
            account_id       | created_at
            stays            | 2022-01-01
            left, told later | 2022-01-01
            """,
        },
        """
        account_id       | label
        stays            | 0
        left, told later | missing
        """,
    ),
    # ------------------------------------------------------------ upsell
    LabelExample(
        "upsell: MRR at the window's end is up by the declared share, of all contracts together",
        UPSELL | {"mrr_up_by": 0.1},
        {
            "subscriptions": """
            account_id     | subscription_id | starts_at  | ends_at    | mrr
            exactly        | s1              | 2024-01-01 | 2024-06-20 | 33.30
            exactly        | s1              | 2024-06-20 |            | 36.63
            not quite      | s2              | 2024-01-01 | 2024-06-20 | 100
            not quite      | s2              | 2024-06-20 |            | 109.98
            same           | s3              | 2024-01-01 |            | 100
            on last day    | s4              | 2024-01-01 | 2024-07-07 | 100
            on last day    | s4              | 2024-07-07 |            | 200
            a day too late | s5              | 2024-01-01 | 2024-07-08 | 100
            a day too late | s5              | 2024-07-08 |            | 200
            up and down    | s6              | 2024-01-01 | 2024-06-10 | 100
            up and down    | s6              | 2024-06-10 | 2024-07-01 | 200
            up and down    | s6              | 2024-07-01 |            | 100
            up in the gap  | s7              | 2024-01-01 | 2024-06-03 | 100
            up in the gap  | s7              | 2024-06-03 |            | 200
            second bought  | s8              | 2024-01-01 |            | 100
            second bought  | s9              | 2024-06-20 |            | 10
            one for other  | s10             | 2024-01-01 |            | 100
            one for other  | s11             | 2024-01-01 | 2024-06-20 | 50
            one for other  | s12             | 2024-06-20 |            | 60
            churned        | s13             | 2024-01-01 | 2024-06-20 | 100
            was up before  | s14             | 2024-01-01 | 2024-05-01 | 100
            was up before  | s14             | 2024-05-01 |            | 200
            trial          | s15             | 2024-01-01 | 2024-06-20 | 0
            trial          | s15             | 2024-06-20 |            | 100
            """
        },
        """
        account_id     | label
        exactly        | 1
        not quite      | 0
        same           | 0
        on last day    | 1
        a day too late | 0
        up and down    | 0
        up in the gap  | 1
        second bought  | 1
        one for other  | 0
        churned        | 0
        was up before  | 0
        trial          | not eligible
        """,
    ),
    LabelExample(
        "upsell: seats up by the declared share; without seats there is no share",
        UPSELL | {"seats_up_by": 0.5},
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | seats
            half more  | s1              | 2024-01-01 | 2024-06-20 | 100 | 10
            half more  | s1              | 2024-06-20 |            | 100 | 15
            a few more | s2              | 2024-01-01 | 2024-06-20 | 100 | 10
            a few more | s2              | 2024-06-20 |            | 900 | 14
            unknown    | s3              | 2024-01-01 | 2024-06-20 | 100 |
            unknown    | s3              | 2024-06-20 |            | 100 | 15
            fewer      | s4              | 2024-01-01 | 2024-06-20 | 100 | 10
            fewer      | s4              | 2024-06-20 |            | 100 | 5
            """
        },
        """
        account_id | label
        half more  | 1
        a few more | 0
        unknown    | 0
        fewer      | 0
        """,
    ),
    LabelExample(
        "upsell: a larger plan in the declared order",
        UPSELL | {"plans": ["starter", "team", "scale"]},
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | plan
            up         | s1              | 2024-01-01 | 2024-06-20 | 100 | starter
            up         | s1              | 2024-06-20 |            | 100 | scale
            down       | s2              | 2024-01-01 | 2024-06-20 | 100 | scale
            down       | s2              | 2024-06-20 |            | 900 | team
            same       | s3              | 2024-01-01 |            | 100 | team
            unlisted   | s4              | 2024-01-01 | 2024-06-20 | 100 | legacy
            unlisted   | s4              | 2024-06-20 |            | 100 | scale
            churned    | s5              | 2024-01-01 | 2024-06-20 | 100 | team
            """
        },
        """
        account_id | label
        up         | 1
        down       | 0
        same       | 0
        unlisted   | 0
        churned    | 0
        """,
    ),
    LabelExample(
        "upsell: with several contracts a plan is up only if something changed",
        UPSELL | {"plans": ["starter", "team", "scale"]},
        {
            "subscriptions": """
            account_id     | subscription_id | starts_at  | ends_at    | mrr | plan
            nothing new    | s1              | 2024-01-01 |            | 300 | team
            nothing new    | s2              | 2024-01-01 |            | 100 | scale
            one grew       | s3              | 2024-01-01 |            | 300 | team
            one grew       | s4              | 2024-01-01 | 2024-06-20 | 100 | starter
            one grew       | s4              | 2024-06-20 |            | 100 | scale
            """
        },
        """
        account_id  | label
        nothing new | 0
        one grew    | 1
        """,
    ),
    LabelExample(
        "upsell: any one of the declared ways suffices",
        UPSELL | {"mrr_up_by": 0.1, "seats_up_by": 0.1, "plans": ["team", "scale"]},
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | seats | plan
            money      | s1              | 2024-01-01 | 2024-06-20 | 100 | 10    | team
            money      | s1              | 2024-06-20 |            | 110 | 10    | team
            seats      | s2              | 2024-01-01 | 2024-06-20 | 100 | 10    | team
            seats      | s2              | 2024-06-20 |            | 100 | 11    | team
            plan       | s3              | 2024-01-01 | 2024-06-20 | 100 | 10    | team
            plan       | s3              | 2024-06-20 |            | 100 | 10    | scale
            none       | s4              | 2024-01-01 | 2024-06-20 | 100 | 10    | team
            none       | s4              | 2024-06-20 |            | 101 | 10    | team
            """
        },
        """
        account_id | label
        money      | 1
        seats      | 1
        plan       | 1
        none       | 0
        """,
    ),
)
