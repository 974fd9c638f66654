"""Worked examples of contraction, of who begins to pay, of a population by a rule, and of a lapse by own rhythm.

As in :mod:`tests.spec.label_examples`: the cutoff is 2024-06-01 and the window [2024-06-08, 2024-07-08).
"""

from __future__ import annotations

from tests.spec.label_examples import CONTRACT, LAPSE, UPSELL, LabelExample

CONTRACTION = {"kind": "contraction", "gap": 7, "horizon": 30}

EXAMPLES: tuple[LabelExample, ...] = (
    # ------------------------------------------------------------ contraction
    LabelExample(
        "contraction: MRR at the window's end is down by the declared share; whoever left has nothing left",
        CONTRACTION | {"mrr_down_by": 0.1},
        {
            "subscriptions": """
            account_id      | subscription_id | starts_at  | ends_at    | mrr
            exactly         | s1              | 2024-01-01 | 2024-06-20 | 33.30
            exactly         | s1              | 2024-06-20 |            | 29.97
            not quite       | s2              | 2024-01-01 | 2024-06-20 | 100
            not quite       | s2              | 2024-06-20 |            | 90.02
            same            | s3              | 2024-01-01 |            | 100
            on last day     | s4              | 2024-01-01 | 2024-07-07 | 100
            on last day     | s4              | 2024-07-07 |            | 50
            a day too late  | s5              | 2024-01-01 | 2024-07-08 | 100
            a day too late  | s5              | 2024-07-08 |            | 50
            down and up     | s6              | 2024-01-01 | 2024-06-10 | 100
            down and up     | s6              | 2024-06-10 | 2024-07-01 | 50
            down and up     | s6              | 2024-07-01 |            | 100
            one of two ends | s7              | 2024-01-01 |            | 100
            one of two ends | s8              | 2024-01-01 | 2024-06-20 | 50
            moved over      | s9              | 2024-01-01 | 2024-06-20 | 100
            moved over      | s10             | 2024-06-20 |            | 100
            left            | s11             | 2024-01-01 | 2024-06-20 | 100
            never paid      | s12             | 2024-01-01 |            | 0
            """
        },
        """
        account_id      | label
        exactly         | 1
        not quite       | 0
        same            | 0
        on last day     | 1
        a day too late  | 0
        down and up     | 0
        one of two ends | 1
        moved over      | 0
        left            | 1
        never paid      | not eligible
        """,
    ),
    LabelExample(
        "contraction without leaving: whoever left counts neither way; whoever was down before and nobody knew, neither",
        CONTRACTION | {"mrr_down_by": 0.1, "leaving_counts": False},
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | known_at
            left       | s1              | 2024-01-01 | 2024-06-20 | 100 |
            less       | s2              | 2024-01-01 | 2024-06-20 | 100 |
            less       | s2              | 2024-06-20 |            | 50  |
            known late | s3              | 2024-01-01 |            | 100 |
            known late | s3              | 2024-05-20 |            | 50  | 2024-06-05
            same       | s4              | 2024-01-01 |            | 100 |
            """
        },
        """
        account_id | label
        left       | missing
        less       | 1
        known late | missing
        same       | 0
        """,
    ),
    LabelExample(
        "contraction: seats down by the declared share; seats that are not given are not none",
        CONTRACTION | {"seats_down_by": 0.5},
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr | seats
            half       | s1              | 2024-01-01 | 2024-06-20 | 100 | 10
            half       | s1              | 2024-06-20 |            | 100 | 5
            a few less | s2              | 2024-01-01 | 2024-06-20 | 100 | 10
            a few less | s2              | 2024-06-20 |            | 10  | 6
            not given  | s3              | 2024-01-01 | 2024-06-20 | 100 | 10
            not given  | s3              | 2024-06-20 |            | 100 |
            no seats   | s4              | 2024-01-01 | 2024-06-20 | 100 |
            no seats   | s4              | 2024-06-20 |            | 10  |
            left       | s5              | 2024-01-01 | 2024-06-20 | 100 | 10
            """
        },
        """
        account_id | label
        half       | 1
        a few less | 0
        not given  | 0
        no seats   | 0
        left       | 1
        """,
    ),
    LabelExample(
        "contraction of users: fewer people were seen before the window's end than before the cutoff",
        CONTRACTION | {"users_down_by": 0.5, "users_within": 28},
        {
            "usage_events": """
            account_id | occurred_at | event | user_id
            halved     | 2024-05-10  | login | u1
            halved     | 2024-05-31  | login | u2
            halved     | 2024-06-10  | login | u1
            others     | 2024-05-10  | login | u1
            others     | 2024-06-10  | login | u2
            fewer      | 2024-05-10  | login | u1
            fewer      | 2024-05-11  | login | u2
            fewer      | 2024-05-12  | login | u3
            fewer      | 2024-07-07  | login | u2
            fewer      | 2024-07-07  | login | u3
            too early  | 2024-05-10  | login | u1
            too early  | 2024-06-09  | login | u1
            too late   | 2024-05-10  | login | u1
            too late   | 2024-07-08  | login | u1
            was silent | 2024-05-03  | login | u1
            was silent | 2024-06-20  | login | u1
            """
        },
        """
        account_id | label
        halved     | 1
        others     | 0
        fewer      | 0
        too early  | 1
        too late   | 1
        was silent | not eligible
        """,
    ),
    # ------------------------------------------------------------ who begins to pay
    LabelExample(
        "upsell from free and from trial: whoever does not pay at the cutoff and pays at the window's end",
        UPSELL | {"starts_paying": True},
        {
            "subscriptions": """
            account_id   | subscription_id | starts_at  | ends_at    | mrr | plan  | known_at
            from free    | s1              | 2024-01-01 | 2024-06-20 | 0   | free  |
            from free    | s1              | 2024-06-20 |            | 20  | basic |
            from trial   | s2              | 2024-05-25 | 2024-06-10 | 0   | trial |
            from trial   | s3              | 2024-06-10 |            | 50  | pro   |
            stays free   | s4              | 2024-01-01 |            | 0   | free  |
            trial ends   | s5              | 2024-05-25 | 2024-06-10 | 0   | trial |
            and stops    | s6              | 2024-06-10 | 2024-06-30 | 20  | basic |
            a day late   | s7              | 2024-07-08 |            | 20  | basic |
            pays already | s8              | 2024-01-01 |            | 20  | basic |
            nobody knew  | s9              | 2024-05-01 |            | 20  | basic | 2024-06-05
            came back    | s10             | 2023-01-01 | 2023-06-01 | 20  | basic |
            came back    | s11             | 2024-06-20 |            | 20  | basic |
            """
        },
        """
        account_id   | label
        from free    | 1
        from trial   | 1
        stays free   | 0
        trial ends   | 0
        and stops    | 0
        a day late   | 0
        pays already | not eligible
        nobody knew  | missing
        came back    | 1
        no contract  | 0
        """,
    ),
    LabelExample(
        "population by a rule that says who pays: from the free plan to a larger one",
        UPSELL | {"plans": ["free", "basic", "pro"], "population": "plan == 'free' and age_days >= 30"},
        {
            "accounts": """
            account_id   | created_at
            free to pro  | 2024-01-01
            stays free   | 2024-01-01
            on basic     | 2024-01-01
            thirty days  | 2024-05-02
            twenty-nine  | 2024-05-03
            """,
            "subscriptions": """
            account_id   | subscription_id | starts_at  | ends_at    | mrr | plan
            free to pro  | s1              | 2024-01-01 | 2024-06-20 | 0   | free
            free to pro  | s1              | 2024-06-20 |            | 50  | pro
            stays free   | s2              | 2024-01-01 |            | 0   | free
            on basic     | s3              | 2024-01-01 | 2024-06-20 | 20  | basic
            on basic     | s3              | 2024-06-20 |            | 50  | pro
            thirty days  | s4              | 2024-05-02 | 2024-06-20 | 0   | free
            thirty days  | s4              | 2024-06-20 |            | 20  | basic
            twenty-nine  | s5              | 2024-05-03 |            | 0   | free
            """,
        },
        """
        account_id   | label
        free to pro  | 1
        stays free   | 0
        on basic     | not eligible
        thirty days  | 1
        twenty-nine  | not eligible
        """,
    ),
    # ------------------------------------------------------------ a population by a rule
    LabelExample(
        "population by a rule over segment and region: only whom it holds of, and of churn still only whoever pays",
        CONTRACT | {"population": "segment == 'smb' and (region in ['north', 'east'] or attribute.region is missing)"},
        {
            "accounts": """
            account_id  | created_at | segment | region
            small north | 2022-01-01 | smb     | north
            small south | 2022-01-01 | smb     | south
            small       | 2022-01-01 | smb     |
            large north | 2022-01-01 | large   | north
            not known   | 2022-01-01 |         | north
            free north  | 2022-01-01 | smb     | north
            """,
            "subscriptions": """
            account_id  | subscription_id | starts_at  | ends_at    | mrr
            small north | s1              | 2024-01-01 | 2024-06-20 | 100
            small south | s2              | 2024-01-01 | 2024-06-20 | 100
            small       | s3              | 2024-01-01 |            | 100
            large north | s4              | 2024-01-01 | 2024-06-20 | 100
            not known   | s5              | 2024-01-01 | 2024-06-20 | 100
            free north  | s6              | 2024-01-01 | 2024-06-20 | 0
            """,
        },
        """
        account_id  | label
        small north | 1
        small south | not eligible
        small       | 0
        large north | not eligible
        not known   | not eligible
        free north  | not eligible
        """,
        static=("segment", "region"),
    ),
    LabelExample(
        "population by paying or not: a lapse of free accounts alone",
        LAPSE | {"population": "not paying"},
        {
            "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr
            free       | s1              | 2024-01-01 |            | 0
            pays       | s2              | 2024-01-01 |            | 10
            ended      | s3              | 2024-01-01 | 2024-05-01 | 10
            """,
            "usage_events": """
            account_id | occurred_at | event
            free       | 2024-05-20  | login
            pays       | 2024-05-20  | login
            ended      | 2024-05-20  | login
            ended      | 2024-06-20  | login
            guest      | 2024-05-20  | login
            """,
        },
        """
        account_id | label
        free       | 1
        pays       | not eligible
        ended      | 0
        guest      | 1
        """,
    ),
    # ------------------------------------------------------------ by its own rhythm
    LabelExample(
        "lapse by own rhythm: who is due, by the mean gap between the days of use, between two days from the cutoff",
        {"kind": "lapse", "gap": 7, "horizon": 30, "due_within": [-10, 20]},
        {
            "usage_events": """
            account_id     | occurred_at      | event | known_at
            due at once    | 2024-03-03 08:00 | order |
            due at once    | 2024-04-02 08:00 | order |
            due at once    | 2024-05-02 08:00 | order |
            due at once    | 2024-06-20 08:00 | order |
            twice a day    | 2024-04-02 08:00 | order |
            twice a day    | 2024-05-02 08:00 | order |
            twice a day    | 2024-05-02 20:00 | order |
            ten days over  | 2024-04-22 08:00 | order |
            ten days over  | 2024-05-07 08:00 | order |
            eleven over    | 2024-04-21 08:00 | order |
            eleven over    | 2024-05-06 08:00 | order |
            due in twenty  | 2024-03-13 08:00 | order |
            due in twenty  | 2024-05-02 08:00 | order |
            due later      | 2024-03-12 08:00 | order |
            due later      | 2024-05-02 08:00 | order |
            one day only   | 2024-05-20 08:00 | order |
            known too late | 2024-04-02 08:00 | order |
            known too late | 2024-05-02 08:00 | order | 2024-06-01
            uneven         | 2024-01-02 08:00 | order |
            uneven         | 2024-01-03 08:00 | order |
            uneven         | 2024-04-02 08:00 | order |
            """
        },
        """
        account_id     | label
        due at once    | 0
        twice a day    | 1
        ten days over  | 1
        eleven over    | not eligible
        due in twenty  | 1
        due later      | not eligible
        one day only   | not eligible
        known too late | not eligible
        uneven         | not eligible
        """,
    ),
)
