"""Worked examples of the measurement of playbooks: from a dozen accounts to the numbers, by hand.

In every example the interval may be looked at as often as one likes and is wrong in 5 % of companies; no fewer than
two outcomes an arm are asked for, where a project asks for 25, so that a table fits on a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ImpactExample:
    """Enrolled accounts, and what is said of them.

    Args:
        title: the rule it shows, as a sentence.
        why: how the numbers come about.
        enrolled: the accounts; see :func:`churnml.impact.effects.impact`. Playbook ``rescue``, enrolled on 2024-01-01
            with a propensity of 0.5, counted, unless said otherwise; an empty cell is not known.
        expect: measure → its arms, means, effect and interval.
        terms: what is declared.
    """

    title: str
    why: str
    enrolled: str
    expect: str
    terms: Mapping[str, Any] = field(default_factory=lambda: {"least_an_arm": 2, "expected": 12})


@dataclass(frozen=True)
class CountExample:
    """Enrolled accounts, and how each is counted."""

    title: str
    enrolled: str
    expect: str


EFFECTS: tuple[ImpactExample, ...] = (
    ImpactExample(
        "the effect is the mean of the accounts' scores: outcome less guess, over the probability of the arm",
        "Nothing is known of these accounts beforehand, and they were enrolled on one day, so the guess is nought for "
        "each. A treated account that left scores 1 / 0.5 = 2, a held-out one −1 / 0.5 = −2, one that stayed 0. The mean "
        "is (1 × 2 − 5 × 2) / 12 = −0.667: two thirds fewer left. The variance is the larger of the one seen, 1.697, and "
        "that of 6 leavers in 12 whatever their arm, 6 × 4 / 12 = 2. At 12 accounts, declared as expected, ρ² = "
        "(5.991 + log 6.991) / 12 = 0.6613; half the width is √(2 × 2 × 8.936 / (12 × 7.936) × log(√8.936 / 0.05)) = "
        "1.239. Whoever looked once and never again: 1.96 × √(2 / 12) = 0.800.",
        """
        account_id | arm     | left
        a1         | treated | 1
        a2         | treated | 0
        a3         | treated | 0
        a4         | treated | 0
        a5         | treated | 0
        a6         | treated | 0
        b1         | holdout | 1
        b2         | holdout | 1
        b3         | holdout | 1
        b4         | holdout | 1
        b5         | holdout | 1
        b6         | holdout | 0
        """,
        """
        measure | treated | holdout | treated mean | holdout mean | effect | low    | high  | once low | once high
        left    | 6       | 6       | 0.167        | 0.833        | -0.667 | -1.906 | 0.573 | -1.467   | 0.134
        """,
    ),
    ImpactExample(
        "what was known beforehand is taken off, so a difference in risk is not taken for an effect",
        "The guess is the churn probability at enrolment. The treated happen to be the safer ones: 0.1 each, the held "
        "out 0.9. Plain shares that left, 1 of 6 and 5 of 6, look like a rescue. Scores: treated (1 − 0.1) / 0.5 = 1.8 "
        "and five times (0 − 0.1) / 0.5 = −0.2; held out five times −(1 − 0.9) / 0.5 = −0.2 and −(0 − 0.9) / 0.5 = 1.8. "
        "Their mean is (2 × 1.8 − 10 × 0.2) / 12 = 0.133: no rescue at all. They scatter less, too: the variance "
        "is 4 × (2 × 0.81 + 10 × 0.01) / 12 = 0.573 or, as seen, 0.606; √(0.606 / 2) of the width above is 0.682.",
        """
        account_id | arm     | left | risk
        a1         | treated | 1    | 0.1
        a2         | treated | 0    | 0.1
        a3         | treated | 0    | 0.1
        a4         | treated | 0    | 0.1
        a5         | treated | 0    | 0.1
        a6         | treated | 0    | 0.1
        b1         | holdout | 1    | 0.9
        b2         | holdout | 1    | 0.9
        b3         | holdout | 1    | 0.9
        b4         | holdout | 1    | 0.9
        b5         | holdout | 1    | 0.9
        b6         | holdout | 0    | 0.9
        """,
        """
        measure | treated | holdout | treated mean | holdout mean | effect | low    | high  | once low | once high
        left    | 6       | 6       | 0.167        | 0.833        | 0.133  | -0.549 | 0.816 | -0.307   | 0.574
        """,
    ),
    ImpactExample(
        "a held-out account weighs as much as it is rare",
        "Three of four are treated. A treated leaver scores 1 / 0.75 = 1.333, a held-out one −1 / 0.25 = −4: "
        "(3 × 1.333 − 3 × 4) / 12 = −0.667. The variance seen, (3 × 1.778 + 3 × 16 − 12 × 0.444) / 11 = 4.364, is larger "
        "than 6 / (0.75 × 0.25) / 12 = 2.667, so it counts.",
        """
        account_id | arm     | propensity | left
        a1         | treated | 0.75       | 1
        a2         | treated | 0.75       | 1
        a3         | treated | 0.75       | 1
        a4         | treated | 0.75       | 0
        a5         | treated | 0.75       | 0
        a6         | treated | 0.75       | 0
        a7         | treated | 0.75       | 0
        a8         | treated | 0.75       | 0
        a9         | treated | 0.75       | 0
        b1         | holdout | 0.75       | 1
        b2         | holdout | 0.75       | 1
        b3         | holdout | 0.75       | 1
        """,
        """
        measure | treated | holdout | treated mean | holdout mean | effect | low    | high  | once low | once high
        left    | 9       | 3       | 0.333        | 1.000        | -0.667 | -2.497 | 1.164 | -1.849   | 0.515
        """,
        {"least_an_arm": 2, "expected": 12, "least_expected": 1},
    ),
    ImpactExample(
        "MRR kept is a share of the account's own, up to twice of it; money is that share of what it paid",
        "The guess for each is 1: all is kept. a1 grew ninefold and counts as 2: its score is (2 − 1) / 0.5 = 2. b1 kept "
        "half: −(0.5 − 1) / 0.5 = 1. The others kept all: 0. Mean share kept more: 3 / 4 = 0.75. In money a1's score is 2 "
        "× 100, b1's 1 × 300: 500 / 4 = 125 an account and month. An account without MRR at enrolment has no share.",
        """
        account_id | arm     | left | mrr | kept
        a1         | treated | 0    | 100 | 9
        a2         | treated | 0    | 200 | 1
        a3         | treated | 0    |     |
        b1         | holdout | 0    | 300 | 0.5
        b2         | holdout | 0    | 400 | 1
        """,
        """
        measure    | treated | holdout | treated mean | holdout mean | effect  | low | high | once low | once high
        kept       | 2       | 2       | 1.500        | 0.750        | 0.750   |     |      |          |
        kept_money | 2       | 2       | 200.000      | 275.000      | 125.000 |     |      |          |
        """,
        {"least_an_arm": 1, "expected": 12},
    ),
)

COUNTS: tuple[CountExample, ...] = (
    CountExample(
        "an account counts in the arm it was given, once, when its window is over and its outcome is known",
        """
        account_id | arm     | assigned_on | state    | worked | elsewhere | left
        a1         | treated | 2024-01-01  | counted  | yes    | no        | 1
        a1         | holdout | 2024-03-01  | counted  | no     | no        | 0
        a2         | treated | 2024-01-01  | counted  | no     | no        | 0
        a3         | treated | 2024-05-01  | waiting  | yes    | no        |
        a4         | treated | 2024-01-01  | gone     | yes    | no        |
        b1         | holdout | 2024-01-01  | counted  | no     | yes       | 1
        b2         | holdout | 2024-01-01  | counted  | yes    | yes       | 0
        b3         | holdout | 2024-01-01  | vanished | no     | no        |
        b4         | holdout | 2024-05-01  | waiting  | no     | no        |
        """,
        """
        arm     | enrolled | counted | waiting | gone | vanished | worked | elsewhere
        treated | 4        | 2       | 1       | 1    | 0        | 3      | 0
        holdout | 4        | 2       | 1       | 0    | 1        | 1      | 2
        """,
    ),
)

# Counts of accounts in each arm and of those that left (for goal grow: that grew; nobody leaves).
VERDICTS = """
case                                              | goal | propensity | treated | of them | held out | of these | worth | verdict
far fewer left                                    | keep | 0.5        | 1000    | 50      | 1000     | 150     | 0.02  | works
far more left                                     | keep | 0.5        | 1000    | 150     | 1000     | 50      | 0.02  | harms
no fewer left, and many were seen                 | keep | 0.5        | 5000    | 250     | 5000     | 250     | 0.02  | no_sign
the same with few seen                            | keep | 0.5        | 300     | 15      | 300      | 15      | 0.02  | not_yet
the same with little to find worth it             | keep | 0.5        | 5000    | 250     | 5000     | 250     | 0.005 | not_yet
the same with only a great effect worth it        | keep | 0.5        | 300     | 15      | 300      | 15      | 0.10  | no_sign
fewer outcomes than are asked for                 | keep | 0.9        | 216     | 20      | 24       | 20      | 0.02  | not_yet
too rare to be seen in the smaller arm            | keep | 0.9        | 900     | 9       | 100      | 0       | 0.02  | not_yet
a little is better than nothing, and is found     | keep | 0.5        | 40000   | 1600    | 40000    | 2000    | 0.05  | works
nobody held out                                   | keep | 1.0        | 1000    | 50      | 0        | 0       | 0.02  | not_measured
half of the held-out accounts are missing         | keep | 0.9        | 1800    | 90      | 100      | 15      | 0.02  | unsound
far more grew                                     | grow | 0.5        | 1000    | 150     | 1000     | 50      | 0.02  | works
far fewer grew                                    | grow | 0.5        | 1000    | 50      | 1000     | 150     | 0.02  | harms
too few to say it harms, enough to say it does not help | keep | 0.5   | 1000    | 90      | 1000     | 60      | 0.02  | no_sign
no more grew                                      | grow | 0.5        | 5000    | 250     | 5000     | 250     | 0.02  | no_sign
"""  # fmt: skip
