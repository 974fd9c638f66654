"""Worked examples of every rule of the health score: they are tests, and they are docs/health.md.

Unless an example says otherwise its ``health.yaml`` is :data:`SMALLEST`: one dimension, ``use``, and the risk, of equal
weight, no margin, no dwell. Features whose name ends in ``_bad`` are riskier, all others healthier; on their scales
a healthier 80 scores 80 and a riskier 80 scores 20, so that a table can be followed in the head. ``risk`` is the
score of the churn probability itself, empty where no probability is known. An empty cell is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SMALLEST = """
dimensions:
  use: {weight: 1, means: how it is used, inputs: [{feature: use}]}
risk: {weight: 1, points: [[0, 100], [10, 0]]}
bands: [{name: healthy, at_least: 70}, {name: watch, at_least: 45}, {name: at_risk, at_least: 0}]
settling: {margin: 0, dwell_days: 0}
"""
TWO = """
dimensions:
  use: {weight: 1, means: how it is used, inputs: [{feature: use}, {feature: people}]}
  support: {weight: 1, means: how support is felt, inputs: [{feature: tickets_bad}]}
"""
STAGES = """
stages:
  - {name: onboarding, tenure_days: {at_most: 89}}
  - {name: renewing, days_to_renewal: {at_least: 0, at_most: 90}}
  - {name: steady}
"""

Rule = Literal["score", "band", "events", "flaps", "change", "preview", "weights", "override", "judging", "family"]


@dataclass(frozen=True)
class HealthExample:
    """One worked example.

    Args:
        rule: what kind of table it is.
        title: the rule it shows, as a sentence.
        expect: what comes out.
        given: name → table that goes in; ``accounts`` for a score.
        said: what ``health.yaml`` says beyond :data:`SMALLEST`, or instead of it.
    """

    rule: Rule
    title: str
    expect: str
    given: Mapping[str, str] = field(default_factory=dict)
    said: str = ""


SCORES: tuple[HealthExample, ...] = (
    HealthExample(
        "score",
        "the score is the weighted mean of the dimensions and of the risk, and the risk stays visible beside it",
        """
        account | use | risk | score | band    | coverage
        a       | 80  | 90   | 85    | healthy | 100 %
        b       | 80  | 30   | 55    | watch   | 100 %
        c       | 20  | 30   | 25    | at_risk | 100 %
        """,
        {
            "accounts": """
            account | use | risk
            a       | 80  | 90
            b       | 80  | 30
            c       | 20  | 30
            """
        },
    ),
    HealthExample(
        "score",
        "more of a riskier feature scores less, more of a healthier one more",
        """
        account | use | support | risk | score
        quiet   | 60  | 100     | 50   | 70
        noisy   | 60  | 20      | 50   | 43.33
        """,
        {
            "accounts": """
            account | use | people | tickets_bad | risk
            quiet   | 60  | 60     | 0           | 50
            noisy   | 60  | 60     | 80          | 50
            """
        },
        TWO,
    ),
    HealthExample(
        "score",
        "the risk is the probability beside the usual one, on straight lines between the declared points",
        """
        account  | risk | score
        half     | 90   | 90
        usual    | 70   | 70
        1.5 fold | 55   | 55
        twice    | 40   | 40
        tenfold  | 0    | 0
        """,
        {
            "accounts": """
            account  | use | times_usual
            half     |     | 0.5
            usual    |     | 1
            1.5 fold |     | 1.5
            twice    |     | 2
            tenfold  |     | 10
            """
        },
        "risk: {weight: 1, points: [[0.5, 90], [1, 70], [2, 40], [10, 0]]}",
    ),
    # ------------------------------------------------------------ missing
    HealthExample(
        "score",
        "missing: ignore, the default, leaves an unknown input out and shares its weight among the rest",
        """
        account     | use | support | risk | score | coverage | band
        all known   | 80  | 60      | 40   | 60    | 100 %    | watch
        no people   | 90  | 60      | 40   | 63.33 | 83 %     | watch
        no tickets  | 80  |         | 40   | 60    | 67 %     | watch
        only people | 70  |         |      | 70    | 17 %     | insufficient_data
        nothing     |     |         |      |       | 0 %      | insufficient_data
        """,
        {
            "accounts": """
            account     | use | people | tickets_bad | risk
            all known   | 90  | 70     | 40          | 40
            no people   | 90  |        | 40          | 40
            no tickets  | 90  | 70     |             | 40
            only people |     | 70     |             |
            nothing     |     |        |             |
            """
        },
        TWO,
    ),
    HealthExample(
        "score",
        "missing: neutral counts an unknown input as 50, missing: worst as 0; neither makes it known",
        """
        account    | use | support | score | coverage
        all known  | 80  | 60      | 60    | 100 %
        no people  | 70  | 60      | 56.67 | 83 %
        no tickets | 80  | 0       | 40    | 67 %
        """,
        {
            "accounts": """
            account    | use | people | tickets_bad | risk
            all known  | 90  | 70     | 40          | 40
            no people  | 90  |        | 40          | 40
            no tickets | 90  | 70     |             | 40
            """
        },
        """
dimensions:
  use: {weight: 1, means: how it is used, inputs: [{feature: use}, {feature: people, missing: neutral}]}
  support: {weight: 1, means: how support is felt, inputs: [{feature: tickets_bad, missing: worst}]}
""",
    ),
    HealthExample(
        "score",
        "a stale value that is ignored loses weight by half every half_life, and its dimension with it",
        """
        account  | survey | risk | weight of survey | score | coverage
        fresh    | 90     | 30   | 50 %             | 60    | 100 %
        at 90    | 90     | 30   | 50 %             | 60    | 100 %
        at 120   | 90     | 30   | 33 %             | 50    | 75 %
        at 150   | 90     | 30   | 20 %             | 42    | 63 %
        whenever |        | 30   | 0 %              | 30    | 50 %
        """,
        {
            "accounts": """
            account  | nps | nps_age | risk
            fresh    | 90  | 3       | 30
            at 90    | 90  | 90      | 30
            at 120   | 90  | 120     | 30
            at 150   | 90  | 150     | 30
            whenever | 90  |         | 30
            """
        },
        """
dimensions:
  survey:
    weight: 1
    means: what they say
    inputs: [{feature: nps, age: nps_age, stale_after: 90, half_life: 30}]
""",
    ),
    HealthExample(
        "score",
        "a stale value with missing: neutral decays towards 50, and without a half_life it is gone at once",
        """
        account | survey | training | score
        fresh   | 90     | 80       | 66.67
        at 120  | 70     | 80       | 60
        at 150  | 60     | 80       | 56.67
        at 400  | 50.03  |          | 40.02
        """,
        {
            "accounts": """
            account | nps | nps_age | course | course_age | risk
            fresh   | 90  | 90      | 80     | 365        | 30
            at 120  | 90  | 120     | 80     | 365        | 30
            at 150  | 90  | 150     | 80     | 365        | 30
            at 400  | 90  | 400     | 80     | 366        | 30
            """
        },
        """
dimensions:
  survey:
    weight: 1
    means: what they say
    inputs: [{feature: nps, missing: neutral, age: nps_age, stale_after: 90, half_life: 30}]
  training:
    weight: 1
    means: who was trained
    inputs: [{feature: course, age: course_age, stale_after: 365}]
""",
    ),
    HealthExample(
        "score",
        "less known than min_coverage and the band says insufficient_data, whatever the score",
        """
        account | score | coverage | band
        half    | 90    | 50 %     | healthy
        third   | 90    | 33 %     | insufficient_data
        """,
        {
            "accounts": """
            account | use | people | tickets_bad | risk
            half    | 90  |        | 10          |
            third   | 90  | 90     |             |
            """
        },
        TWO,
    ),
    # ------------------------------------------------------------ stages and scorecards
    HealthExample(
        "score",
        "the first stage that matches is an account's; the last takes the rest, also what is not known",
        """
        account        | stage
        day 89         | onboarding
        day 90         | steady
        new, renewing  | onboarding
        renews in 90   | renewing
        renews in 91   | steady
        overdue        | steady
        nothing known  | steady
        """,
        {
            "accounts": """
            account        | use | risk | tenure | renewal
            day 89         | 50  | 50   | 89     |
            day 90         | 50  | 50   | 90     |
            new, renewing  | 50  | 50   | 10     | 20
            renews in 90   | 50  | 50   | 400    | 90
            renews in 91   | 50  | 50   | 400    | 91
            overdue        | 50  | 50   | 400    | -1
            nothing known  | 50  | 50   |        |
            """
        },
        STAGES,
    ),
    HealthExample(
        "score",
        "a new account is not judged by a dimension of weight 0: neither its score nor its coverage",
        """
        account | stage      | scorecard  | use | contract | risk | score | coverage
        new     | onboarding | onboarding | 80  | 10       | 60   | 70    | 100 %
        new too | onboarding | onboarding | 80  |          | 60   | 70    | 100 %
        old     | steady     | default    | 80  | 10       | 60   | 50    | 100 %
        old too | steady     | default    | 80  |          | 60   | 70    | 67 %
        """,
        {
            "accounts": """
            account | use | growth | risk | tenure
            new     | 80  | 10     | 60   | 30
            new too | 80  |        | 60   | 30
            old     | 80  | 10     | 60   | 300
            old too | 80  |        | 60   | 300
            """
        },
        STAGES
        + """
dimensions:
  use: {weight: 1, means: how it is used, inputs: [{feature: use}]}
  contract: {weight: 1, means: whether it grows, inputs: [{feature: growth}]}
scorecards:
  - {name: onboarding, when: {stage: [onboarding]}, weights: {contract: 0}}
""",
    ),
    HealthExample(
        "score",
        "the first scorecard whose conditions all hold is used; what it does not name keeps its weight",
        """
        account      | scorecard | weight of use | weight of risk | score
        big renewing | large     | 75 %          | 25 %           | 70
        big          | segment   | 0 %           | 100 %          | 40
        small        | default   | 50 %          | 50 %           | 60
        unknown      | default   | 50 %          | 50 %           | 60
        """,
        {
            "accounts": """
            account      | use | risk | segment    | renewal
            big renewing | 80  | 40   | enterprise | 30
            big          | 80  | 40   | enterprise | 200
            small        | 80  | 40   | smb        | 30
            unknown      | 80  | 40   |            |
            """
        },
        STAGES
        + """
scorecards:
  - {name: large, when: {segment: [enterprise], stage: [renewing]}, weights: {use: 3}}
  - {name: segment, when: {segment: [enterprise]}, weights: {use: 0}}
""",
    ),
    # ------------------------------------------------------------ exceptions
    HealthExample(
        "score",
        "an exception caps the score, and is written down with what it did, even when it changed nothing",
        """
        account | before | exceptions                   | score | band
        a       | 85     | escalation 85 → 40           | 40    | at_risk
        b       | 35     | escalation 35 → 35           | 35    | at_risk
        c       | 85     |                              | 85    | healthy
        unknown | 85     |                              | 85    | healthy
        """,
        {
            "accounts": """
            account | use | risk | escalated_bad
            a       | 80  | 90   | 1
            b       | 40  | 30   | 2
            c       | 80  | 90   | 0
            unknown | 80  | 90   |
            """
        },
        """
exceptions:
  - {name: escalation, when: {features: {escalated_bad: {at_least: 1}}}, cap: 40}
""",
    ),
    HealthExample(
        "score",
        "worst dimension rules: where it holds, the score is the lowest dimension the account is judged by",
        """
        account | use | support | risk | before | exceptions          | score
        a       | 90  | 10      | 80   | 60     | rescue 60 → 10      | 10
        b       | 90  | 30      | 80   | 66.67  |                     | 66.67
        c       |     | 10      | 80   | 45     | rescue 45 → 10      | 10
        """,
        {
            "accounts": """
            account | use | people | tickets_bad | risk
            a       | 90  | 90     | 90          | 80
            b       | 90  | 90     | 70          | 80
            c       |     |        | 90          | 80
            """
        },
        TWO
        + """
exceptions:
  - {name: rescue, when: {dimensions: {support: {at_most: 20}}}, worst_dimension: true}
""",
    ),
    HealthExample(
        "score",
        "exceptions are applied in their declared order, each to what the one before left",
        """
        account | before | exceptions                                   | score
        a       | 85     | escalation 85 → 40, promised 40 → 55         | 55
        b       | 20     | escalation 20 → 20, promised 20 → 55         | 55
        c       | 85     | escalation 85 → 40                           | 40
        """,
        {
            "accounts": """
            account | use | risk | escalated_bad | segment
            a       | 80  | 90   | 1             | strategic
            b       | 20  | 20   | 1             | strategic
            c       | 80  | 90   | 1             | smb
            """
        },
        """
exceptions:
  - {name: escalation, when: {features: {escalated_bad: {at_least: 1}}}, cap: 40}
  - {name: promised, when: {segment: [strategic]}, floor: 55}
""",
    ),
)
