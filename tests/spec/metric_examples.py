"""Worked examples of revenue: a few contracts, and what becomes of their MRR by period.

Columns of ``expect`` are those of :class:`churnml.revenue.figures.RevenueFigures`; ``expansion`` is upsell and
cross-sell together. What an example does not show it does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class MetricExample:
    """One worked example.

    Args:
        title: the rule it shows, as a sentence.
        subscriptions: the contracts.
        expect: a row a period (and group).
        by: month, quarter or year.
        spec: what models/metrics.yaml says otherwise than by default.
        project: what project.yaml says.
        per: what groups are.
        as_of: what is known was known before; else before 2026-01-01.
        segments: account → segment.
        rates: the table exchange_rates.
        checked: whether the rows go through the checks, as those of a project do.
    """

    title: str
    subscriptions: str
    expect: str
    by: str = "month"
    spec: Mapping[str, object] = field(default_factory=dict)
    project: Mapping[str, object] = field(default_factory=dict)
    per: str | None = None
    as_of: str = "2026-01-01"
    segments: Mapping[str, str] = field(default_factory=dict)
    rates: str | None = None
    checked: bool = False


EXAMPLES: tuple[MetricExample, ...] = (
    MetricExample(
        "what was paid at the opening and all that moved add up to what is paid at the close",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        steady     | s1              | 2024-01-01 |            | 100
        grows      | s2              | 2024-01-10 | 2024-02-15 | 200
        grows      | s2              | 2024-02-15 |            | 250
        shrinks    | s3              | 2024-01-05 | 2024-03-10 | 300
        shrinks    | s3              | 2024-03-10 |            | 240
        leaves     | s4              | 2024-01-01 | 2024-03-01 | 50
        late       | s5              | 2024-02-20 |            | 80
        """,
        """
        period  | opening | new | upsell | contraction | churn | closing | gross_retention | net_retention | logo_churn | quick_ratio
        2024-01 | 0       | 650 | 0      | 0           | 0     | 650     | –               | –             | –          | –
        2024-02 | 650     | 80  | 50     | 0           | 0     | 780     | 100.0 %         | 107.7 %       | 0.0 %      | –
        2024-03 | 780     | 0   | 0      | -60         | -50   | 670     | 85.9 %          | 85.9 %        | 20.0 %     | 0.00
        """,
    ),
    MetricExample(
        "a contract that ends on the first of a month has paid for the month before it, and leaves in that month",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 | 2024-03-01 | 100
        b          | s2              | 2024-01-01 | 2024-02-29 | 10
        """,
        """
        period  | opening | new | churn | closing | churned_accounts
        2024-01 | 0       | 110 | 0     | 110     | 0
        2024-02 | 110     | 0   | -10   | 100     | 1
        2024-03 | 100     | 0   | -100  | 0       | 1
        """,
    ),
    MetricExample(
        "a quarter compares its own two ends: what went up and down again within it did not move",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2023-12-01 | 2024-01-15 | 100
        a          | s1              | 2024-01-15 | 2024-03-10 | 150
        a          | s1              | 2024-03-10 |            | 120
        brief      | s2              | 2024-01-20 | 2024-03-20 | 70
        """,
        """
        period  | opening | new | expansion | contraction | churn | closing
        2023 Q4 | 0       | 100 | 0         | 0           | 0     | 100
        2024 Q1 | 100     | 0   | 20        | 0           | 0     | 120
        """,
        by="quarter",
    ),
    MetricExample(
        "of a month too: a change in the middle of it counts from that day on, whole and not by days",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 | 2024-02-10 | 100
        a          | s1              | 2024-02-10 | 2024-02-20 | 160
        a          | s1              | 2024-02-20 |            | 130
        """,
        """
        period  | opening | new | expansion | contraction | closing
        2024-01 | 0       | 100 | 0         | 0           | 100
        2024-02 | 100     | 0   | 30        | 0           | 130
        """,
    ),
    MetricExample(
        "a fiscal year that begins in April is called by both its years, and its quarters are its own",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2023-05-01 |            | 100
        b          | s2              | 2024-02-01 | 2024-05-10 | 40
        c          | s3              | 2024-04-01 |            | 60
        """,
        """
        period    | opening | new | churn | closing | net_retention | logo_churn
        FY2023/24 | 0       | 140 | 0     | 140     | –             | –
        FY2024/25 | 140     | 60  | -40   | 160     | 71.4 %        | 50.0 %
        """,
        by="year",
        project={"fiscal_year_starts": 4},
    ),
    MetricExample(
        "who pays again within returns_within days never left; who pays again later has left and come back",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        short      | s1              | 2024-01-01 | 2024-02-20 | 100
        short      | s2              | 2024-03-19 |            | 130
        long       | s3              | 2024-01-01 | 2024-02-20 | 10
        long       | s4              | 2024-03-20 |            | 20
        """,
        """
        period  | opening | new | reactivation | upsell | churn | closing | reactivated_accounts | net_retention
        2024-01 | 0       | 110 | 0            | 0      | 0     | 110     | 0                    | –
        2024-02 | 110     | 0   | 0            | 0      | -10   | 100     | 0                    | 90.9 %
        2024-03 | 100     | 0   | 20           | 30     | 0     | 150     | 1                    | 130.0 %
        """,
    ),
    MetricExample(
        "who is still away leaves on the day of its contract's end; once it is known to be back in time it has not left",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr | known_at
        a          | s1              | 2024-01-01 | 2024-02-20 | 100 |
        a          | s2              | 2024-03-10 |            | 100 |
        b          | s3              | 2024-01-01 |            | 50  |
        """,
        """
        period  | opening | churn | closing
        2024-02 | 150     | -100  | 50
        """,
        as_of="2024-03-10",
    ),
    MetricExample(
        "an account is one customer however many contracts it has: ending one of them is contraction, not churn",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | crm             | 2024-01-01 |            | 100
        a          | mail            | 2024-01-01 | 2024-02-10 | 30
        """,
        """
        period  | opening | new | contraction | churn | closing | opening_accounts | churned_accounts
        2024-01 | 0       | 130 | 0           | 0     | 130     | 0                | 0
        2024-02 | 130     | 0   | -30         | 0     | 100     | 1                | 0
        """,
    ),
    MetricExample(
        "another contract beside those that stay is cross-sell; one that takes the place of one that went is upsell",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        beside     | crm             | 2024-01-01 | 2024-02-05 | 100
        beside     | crm             | 2024-02-05 |            | 110
        beside     | mail            | 2024-02-10 |            | 40
        instead    | old             | 2024-01-01 | 2024-02-10 | 100
        instead    | new             | 2024-02-10 |            | 125
        """,
        """
        period  | opening | new | upsell | cross_sell | expansion | closing
        2024-01 | 0       | 200 | 0      | 0          | 0         | 200
        2024-02 | 200     | 0   | 35     | 40         | 75        | 275
        """,
    ),
    MetricExample(
        "where plans are the products, cross-sell is another plan",
        """
        account_id | subscription_id | plan | starts_at  | ends_at    | mrr
        a          | s1              | crm  | 2024-01-01 |            | 100
        a          | s2              | crm  | 2024-02-01 |            | 50
        a          | s3              | mail | 2024-02-01 |            | 20
        """,
        """
        period  | opening | new | upsell | cross_sell | closing
        2024-01 | 0       | 100 | 0      | 0          | 100
        2024-02 | 100     | 0   | 50     | 20         | 170
        """,
        spec={"cross_sell_by": "plan"},
    ),
    MetricExample(
        "free accounts and free trials are no customers: the first payment is new, going free is churn",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        free       | s1              | 2024-01-01 |            | 0
        trial      | s2              | 2024-01-10 | 2024-02-09 | 0
        trial      | s2              | 2024-02-09 |            | 90
        goes_free  | s3              | 2024-01-01 | 2024-03-05 | 60
        goes_free  | s3              | 2024-03-05 |            | 0
        """,
        """
        period  | opening | new | churn | closing | opening_accounts | closing_accounts
        2024-01 | 0       | 60  | 0     | 60      | 0                | 1
        2024-02 | 60      | 90  | 0     | 150     | 1                | 2
        2024-03 | 150     | 0   | -60   | 90      | 2                | 1
        """,
    ),
    MetricExample(
        "a pause is a gap: a short one is none, a long one is churn and reactivation",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 | 2024-01-25 | 100
        a          | s1              | 2024-01-25 | 2024-02-10 | 0
        a          | s1              | 2024-02-10 |            | 100
        b          | s2              | 2024-01-01 | 2024-01-25 | 40
        b          | s2              | 2024-01-25 | 2024-03-15 | 0
        b          | s2              | 2024-03-15 |            | 40
        c          | s3              | 2023-12-01 |            | 1
        """,
        """
        period  | opening | new | reactivation | churn | closing
        2023-12 | 0       | 1   | 0            | 0     | 1
        2024-01 | 1       | 100 | 0            | 0     | 101
        2024-02 | 101     | 0   | 0            | 0     | 101
        2024-03 | 101     | 0   | 40           | 0     | 141
        """,
    ),
    MetricExample(
        "a year that is paid up front is a twelfth of it in every month",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr | billing_period | renews_at
        a          | s1              | 2024-01-15 | 2025-01-15 | 100 | annual         | 2025-01-15
        """,
        """
        period  | opening | new | churn | closing
        2024 Q1 | 0       | 100 | 0     | 100
        2024 Q2 | 100     | 0   | 0     | 100
        2024 Q3 | 100     | 0   | 0     | 100
        2024 Q4 | 100     | 0   | 0     | 100
        2025 Q1 | 100     | 0   | -100  | 0
        """,
        by="quarter",
    ),
    MetricExample(
        "refunds and credit notes are payments, and move no MRR",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 |            | 100
        a          | s1              | 2024-02-10 | 2024-02-11 | -40
        """,
        """
        period  | opening | new | contraction | closing
        2024-01 | 0       | 100 | 0           | 100
        2024-02 | 100     | 0   | 0           | 100
        """,
        checked=True,
    ),
    MetricExample(
        "by renewals due, retention is of those who had one: as agreed, or rolled on by the term",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr | billing_period | renews_at
        renews     | s1              | 2023-02-10 |            | 100 | annual         | 2024-02-10
        rolls_on   | s2              | 2022-02-20 |            | 50  | annual         | 2023-02-20
        leaves     | s3              | 2023-02-15 | 2024-02-15 | 40  | annual         | 2024-02-15
        not_due    | s4              | 2023-06-01 |            | 500 | annual         | 2024-06-01
        early      | s5              | 2023-06-01 | 2024-02-03 | 70  | annual         | 2024-06-01
        by_start   | s6              | 2023-11-12 |            | 10  | quarterly      |
        unknown    | s7              | 2023-11-12 |            | 5   |                |
        """,
        """
        period  | opening | churn | closing | base_accounts | base | gross_retention | logo_churn | revenue_churn
        2024-02 | 775     | -110  | 665     | 4             | 200  | 80.0 %          | 25.0 %     | 20.0 %
        """,
        spec={"denominator": "renewals_due"},
    ),
    MetricExample(
        "what was not known yet is not there: neither a contract entered late nor a notice given later",
        """
        account_id | subscription_id | starts_at  | ends_at    | cancelled_at | mrr | known_at
        a          | s1              | 2024-01-01 | 2024-02-10 | 2024-02-01   | 100 | 2024-01-01
        b          | s2              | 2024-01-05 |            |              | 60  | 2024-04-02
        c          | s3              | 2024-01-01 |            |              | 10  | 2024-01-01
        c          | s3              | 2024-01-01 |            |              | 15  | 2024-04-01
        """,
        """
        period  | opening | new | churn | closing
        2024-01 | 0       | 110 | 0     | 110
        2024-02 | 110     | 0   | -100  | 10
        2024-03 | 10      | 0   | 0     | 10
        """,
        as_of="2024-04-01",
    ),
    MetricExample(
        "a cohort is those who first paid in the same period",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 |            | 100
        b          | s2              | 2024-02-01 | 2024-03-15 | 30
        c          | s3              | 2024-02-10 | 2024-03-10 | 50
        c          | s3              | 2024-03-10 |            | 70
        """,
        """
        period  | group   | opening | new | upsell | churn | closing | gross_retention | net_retention
        2024-01 | 2024-01 | 0       | 100 | 0      | 0     | 100     | –               | –
        2024-02 | 2024-01 | 100     | 0   | 0      | 0     | 100     | 100.0 %         | 100.0 %
        2024-02 | 2024-02 | 0       | 80  | 0      | 0     | 80      | –               | –
        2024-03 | 2024-01 | 100     | 0   | 0      | 0     | 100     | 100.0 %         | 100.0 %
        2024-03 | 2024-02 | 80      | 0   | 20     | -30   | 70      | 62.5 %          | 87.5 %
        """,
        per="cohort",
    ),
    MetricExample(
        "a segment is that of today, in every period; where none is given, that is a group too",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-01-01 |            | 100
        b          | s2              | 2024-01-01 |            | 30
        c          | s3              | 2024-01-01 |            | 7
        """,
        """
        period  | group       | new | closing
        2024-01 | (not given) | 7   | 7
        2024-01 | large       | 100 | 100
        2024-01 | small       | 30  | 30
        """,
        per="segment",
        segments={"a": "large", "b": "small"},
    ),
    MetricExample(
        "by default a contract keeps the rate of its beginning, and rates move nothing",
        """
        account_id | subscription_id | starts_at  | mrr | currency
        euros      | s1              | 2024-01-01 | 100 | EUR
        dollars    | s2              | 2024-01-01 | 50  | USD
        """,
        """
        period  | opening | new | exchange | closing
        2024-01 | 0       | 160 | 0        | 160
        2024-02 | 160     | 0   | 0        | 160
        """,
        project={"currency": "USD"},
        rates="""
        currency | rate | starts_at
        EUR      | 1.10 | 2024-01-01
        EUR      | 1.20 | 2024-02-15
        """,
    ),
    MetricExample(
        "at dated rates, what rates alone did is a movement of its own, and retention is free of it",
        """
        account_id | subscription_id | starts_at  | ends_at    | mrr   | currency
        euros      | s1              | 2024-01-01 | 2024-02-20 | 100   | EUR
        euros      | s1              | 2024-02-20 |            | 130   | EUR
        yen        | s3              | 2024-01-01 |            | 10001 | JPY
        dollars    | s2              | 2024-01-01 |            | 50    | USD
        """,
        """
        period  | opening | new    | upsell | exchange | closing | net_retention
        2024-01 | 0       | 230.01 | 0      | 0        | 230.01  | –
        2024-02 | 230.01  | 0      | 36     | 10       | 276.01  | 115.0 %
        """,
        spec={"exchange_rates": "dated"},
        project={"currency": "USD"},
        rates="""
        currency | rate  | starts_at
        EUR      | 1.10  | 2024-01-01
        EUR      | 1.20  | 2024-02-15
        JPY      | 0.007 | 2024-01-01
        """,
        checked=True,
    ),
    MetricExample(
        "at constant rates all amounts are at those of the end of the last period",
        """
        account_id | subscription_id | starts_at  | mrr | currency
        euros      | s1              | 2024-01-01 | 100 | EUR
        dollars    | s2              | 2024-01-01 | 50  | USD
        """,
        """
        period  | opening | new | exchange | closing
        2024-01 | 0       | 170 | 0        | 170
        2024-02 | 170     | 0   | 0        | 170
        """,
        spec={"exchange_rates": "constant"},
        project={"currency": "USD"},
        rates="""
        currency | rate | starts_at
        EUR      | 1.10 | 2024-01-01
        EUR      | 1.20 | 2024-02-15
        """,
    ),
)
