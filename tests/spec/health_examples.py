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

Rule = Literal[
    "score", "band", "events", "flaps", "change", "preview", "movers", "weights", "override", "refused", "judging",
    "family", "problems", "directions",
]  # fmt: skip


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


MEANS: tuple[HealthExample, ...] = (
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
)
DIRECTIONS: tuple[HealthExample, ...] = (
    HealthExample(
        "directions",
        "an input that surely ran against its declaration, or is mostly unknown, has no say",
        """
        input       | has a say | why
        use         | no        | runs against its declaration (healthier)
        people      | yes       |
        tickets_bad | no        | is known of 40 % of the accounts only
        """,
        {
            "training": """
            accounts | left | use | people | tickets_bad
            24       | yes  | 80  | 20     |
            36       | no   | 20  | 80     |
            16       | yes  | 70  | 30     | 5
            24       | no   | 30  | 70     | 1
            """
        },
        TWO,
    ),
    HealthExample(
        "directions",
        "what the project insists on is heard all the same, and told; what is the same for all says nothing",
        """
        input       | has a say    | why
        use         | it is wanted | runs against its declaration (healthier)
        people      | yes          |
        tickets_bad | no           | is the same for every account
        """,
        {
            "training": """
            accounts | left | use | people | tickets_bad
            40       | yes  | 80  | 20     | 1
            60       | no   | 20  | 80     | 1
            """
        },
        TWO.replace("{feature: use}", "{feature: use, insist: true}"),
    ),
    HealthExample(
        "directions",
        "with fewer than ten accounts of either outcome nobody can be sure of a direction",
        """
        input  | has a say | why
        use    | yes       |
        """,
        {
            "training": """
            accounts | left | use
            9        | yes  | 80
            60       | no   | 20
            """
        },
    ),
    HealthExample(
        "score",
        "the weight of an input without a say goes to the others of its dimension, a dimension without any is not there",
        """
        account | use | score | coverage
        acme    | 90  | 60    | 100 %
        bolt    | 10  | 30    | 100 %
        """,
        {
            "training": """
            accounts | left | use | people | tickets_bad
            40       | yes  | 80  | 20     | 1
            60       | no   | 20  | 80     | 1
            """,
            "accounts": """
            account | use | people | tickets_bad | risk
            acme    | 10  | 90     | 50          | 30
            bolt    | 90  | 10     | 50          | 50
            """,
        },
        TWO,
    ),
)
MISSING: tuple[HealthExample, ...] = (
    HealthExample(
        "score",
        "an unknown input with missing: ignore, the default, is left out and its weight shared among the rest",
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
        "an unknown input with missing: neutral counts as 50, with missing: worst as 0; neither makes it known",
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
)
CARDS: tuple[HealthExample, ...] = (
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
)
EXCEPTIONS: tuple[HealthExample, ...] = (
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
        "a dimension the account is not judged by is never its worst",
        """
        account | scorecard  | use | support | risk | exceptions     | score
        new     | onboarding | 30  | 10      | 50   | worst 40 → 30  | 30
        old     | default    | 30  | 10      | 50   | worst 30 → 10  | 10
        """,
        {
            "accounts": """
            account | use | people | tickets_bad | risk | tenure
            new     | 30  | 30     | 90          | 50   | 30
            old     | 30  | 30     | 90          | 50   | 300
            """
        },
        STAGES
        + TWO
        + """
scorecards:
  - {name: onboarding, when: {stage: [onboarding]}, weights: {support: 0}}
exceptions:
  - {name: worst, worst_dimension: true}
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
        unknown |        |                                              |
        """,
        {
            "accounts": """
            account | use | risk | escalated_bad | segment
            a       | 80  | 90   | 1             | strategic
            b       | 20  | 20   | 1             | strategic
            c       | 80  | 90   | 1             | smb
            unknown |     |      | 1             | strategic
            """
        },
        """
exceptions:
  - {name: escalation, when: {features: {escalated_bad: {at_least: 1}}}, cap: 40}
  - {name: promised, when: {segment: [strategic]}, floor: 55}
""",
    ),
)

# One account scored date by date; ``override`` is a score a person gave for that date alone.
SETTLING = "settling: {margin: 3, dwell_days: 14}"
BANDS: tuple[HealthExample, ...] = (
    HealthExample(
        "band",
        "the first scoring takes the band the score lies in; an edge belongs to the band above it",
        """
        date       | band    | since
        2024-03-04 | healthy | 2024-03-04
        2024-04-01 | watch   | 2024-04-01
        """,
        {
            "scorings": """
            date       | score
            2024-03-04 | 70
            2024-04-01 | 66.99
            """
        },
        SETTLING,
    ),
    HealthExample(
        "band",
        "a band is left only when the score is past its edge by the margin, either way",
        """
        date       | band    | since
        2024-03-04 | healthy | 2024-03-04
        2024-04-01 | healthy | 2024-03-04
        2024-05-06 | watch   | 2024-05-06
        2024-06-03 | watch   | 2024-05-06
        2024-07-01 | healthy | 2024-07-01
        """,
        {
            "scorings": """
            date       | score
            2024-03-04 | 72
            2024-04-01 | 67
            2024-05-06 | 66.9
            2024-06-03 | 72.9
            2024-07-01 | 73
            """
        },
        SETTLING,
    ),
    HealthExample(
        "band",
        "a fall through several bands ends where the score is past the margin of each edge on the way",
        """
        date       | band    | since
        2024-03-04 | healthy | 2024-03-04
        2024-04-01 | watch   | 2024-04-01
        2024-05-06 | at_risk | 2024-05-06
        2024-06-03 | watch   | 2024-06-03
        """,
        {
            "scorings": """
            date       | score
            2024-03-04 | 90
            2024-04-01 | 43
            2024-05-06 | 41
            2024-06-03 | 71
            """
        },
        SETTLING,
    ),
    HealthExample(
        "band",
        "a band is kept for dwell_days; what the score points to meanwhile is written down with its first date",
        """
        date       | band    | since      | points to | first
        2024-03-04 | healthy | 2024-03-04 |           |
        2024-03-11 | healthy | 2024-03-04 | watch     | 2024-03-11
        2024-03-17 | healthy | 2024-03-04 | watch     | 2024-03-11
        2024-03-18 | watch   | 2024-03-18 |           |
        2024-03-25 | watch   | 2024-03-18 | healthy   | 2024-03-25
        2024-04-01 | watch   | 2024-03-18 |           |
        """,
        {
            "scorings": """
            date       | score
            2024-03-04 | 80
            2024-03-11 | 60
            2024-03-17 | 60
            2024-03-18 | 60
            2024-03-25 | 80
            2024-04-01 | 60
            """
        },
        SETTLING,
    ),
    HealthExample(
        "band",
        "too little data is said at once, and left at once: without a band before it there is nothing to hold on to",
        """
        date       | band              | since
        2024-03-04 | healthy           | 2024-03-04
        2024-03-05 | insufficient_data | 2024-03-05
        2024-03-06 | insufficient_data | 2024-03-05
        2024-03-07 | watch             | 2024-03-07
        """,
        {
            "scorings": """
            date       | score | coverage
            2024-03-04 | 71    | 100 %
            2024-03-05 | 71    | 49 %
            2024-03-06 |       | 0 %
            2024-03-07 | 69    | 100 %
            """
        },
        SETTLING,
    ),
    HealthExample(
        "band",
        "an override changes the band at once, also where too little is known; without it margin and dwell hold again",
        """
        date       | band    | since      | points to
        2024-03-04 | healthy | 2024-03-04 |
        2024-03-05 | at_risk | 2024-03-05 |
        2024-03-06 | at_risk | 2024-03-05 |
        2024-03-07 | at_risk | 2024-03-05 | healthy
        2024-03-19 | healthy | 2024-03-19 |
        """,
        {
            "scorings": """
            date       | score | coverage | override
            2024-03-04 | 80    | 100 %    |
            2024-03-05 | 80    | 100 %    | 20
            2024-03-06 | 80    | 20 %     | 44
            2024-03-07 | 80    | 100 %    |
            2024-03-19 | 80    | 100 %    |
            """
        },
        SETTLING,
    ),
)
EVENTS: tuple[HealthExample, ...] = (
    HealthExample(
        "events",
        "a change of band and a drop are told apart: each can come without the other",
        """
        date       | event | from    | to    | because
        2024-03-18 | band  | healthy | watch | a score of 66 is under 70, by the margin of 3 or more
        2024-04-15 | drop  | 66      | 50    | fell 16 points in 28 days, from 66 on 2024-03-18
        """,
        {
            "scorings": """
            date       | score
            2024-03-04 | 71
            2024-03-18 | 66
            2024-04-15 | 50
            """
        },
        SETTLING,
    ),
    HealthExample(
        "events",
        "a slow fall is a drop too, measured from the highest score within within_days, and told once",
        """
        date       | event | from | to | because
        2024-03-25 | drop  | 95   | 79 | fell 16 points in 21 days, from 95 on 2024-03-04
        2024-04-15 | drop  | 79   | 64 | fell 15 points in 21 days, from 79 on 2024-03-25
        """,
        {
            "scorings": """
            date       | score
            2024-03-04 | 95
            2024-03-11 | 90
            2024-03-18 | 85
            2024-03-25 | 79
            2024-04-01 | 78
            2024-04-08 | 76
            2024-04-15 | 64
            """
        },
        "bands: [{name: fine, at_least: 30}, {name: at_risk, at_least: 0}]",
    ),
    HealthExample(
        "events",
        "what a fall took longer for than within_days, and the first scoring of an account, are no events",
        """
        date | event | from | to | because
        """,
        {
            "scorings": """
            date       | score
            2024-03-04 | 95
            2024-04-04 | 80
            """
        },
        "bands: [{name: fine, at_least: 30}, {name: at_risk, at_least: 0}]",
    ),
    HealthExample(
        "events",
        "an event of an overridden score says who said so and why",
        """
        date       | event | from    | to      | because
        2024-03-05 | drop  | 80      | 20      | fell 60 points in 1 day, from 80 on 2024-03-04; overridden by kim until 2024-03-06: the sponsor left
        2024-03-05 | band  | healthy | at_risk | overridden by kim until 2024-03-06: the sponsor left
        """,
        {
            "scorings": """
            date       | score | override
            2024-03-04 | 80    |
            2024-03-05 | 80    | 20
            """
        },
        SETTLING,
    ),
)
FLAPS: tuple[HealthExample, ...] = (
    HealthExample(
        "flaps",
        "a flap is a change of band that is taken back within 60 days; margin and dwell avoid it",
        """
        bands     | changes | flaps | account-years | flaps a year
        settled   | 1       | 0     | 0.5           | 0
        unsettled | 7       | 5     | 0.5           | 10.03
        """,
        {
            "scorings": """
            account | date       | score
            wavers  | 2024-01-01 | 71
            wavers  | 2024-01-08 | 69
            wavers  | 2024-01-15 | 71
            wavers  | 2024-02-05 | 69
            wavers  | 2024-03-04 | 71
            wavers  | 2024-03-11 | 68
            wavers  | 2024-04-01 | 71
            fell    | 2024-01-01 | 71
            fell    | 2024-04-01 | 50
            """
        },
        SETTLING,
    ),
)

CHANGES: tuple[HealthExample, ...] = (
    HealthExample(
        "change",
        "the data's part is told by dimension, and the parts add up to the difference",
        """
        part          | points
        data          | -22.5
        – use         | -15
        – support     | 0
        – risk        | -7.5
        model         | 0
        configuration | 0
        override      | 0
        total         | -22.5
        """,
        {
            "scores": """
            what        | before | after
            use         | 80     | 20
            people      | 80     | 20
            tickets_bad | 40     | 40
            risk        | 60     | 45
            model       | 1      | 1
            """
        },
        TWO.replace("use: {weight: 1", "use: {weight: 0.5").replace("support: {weight: 1", "support: {weight: 0.5"),
    ),
    HealthExample(
        "change",
        "data first, then the model with its scales, then health.yaml: all three at once still add up",
        """
        part          | points
        data          | -20
        – use         | -20
        – risk        | 0
        model         | -10
        configuration | -7.5
        override      | 0
        total         | -37.5
        """,
        {
            "scores": """
            what                | before | after
            use                 | 80     | 40
            top of use's scale  | 100    | 200
            risk                | 65     | 65
            says earlier model  |        | 65
            model               | 1      | 2
            weight of use       | 1      | 2
            """
        },
    ),
    HealthExample(
        "change",
        "an override is worth what it adds to the score there would be without it: it hides no fall",
        """
        part          | points
        data          | -40
        – use         | -20
        – risk        | -20
        model         | 0
        configuration | 0
        override      | 55
        total         | 15
        """,
        {
            "scores": """
            what     | before | after
            use      | 60     | 20
            risk     | 60     | 20
            model    | 1      | 1
            override |        | 75
            """
        },
    ),
    HealthExample(
        "change",
        "an exception that begins to hold counts where the data that made it hold count",
        """
        part          | points
        data          | -40
        – use         | 5
        – exceptions  | -45
        – risk        | 0
        model         | 0
        configuration | 0
        override      | 0
        total         | -40
        """,
        {
            "scores": """
            what          | before | after
            use           | 80     | 90
            risk          | 80     | 80
            escalated_bad | 0      | 1
            model         | 1      | 1
            """
        },
        "exceptions: [{name: escalation, when: {features: {escalated_bad: {at_least: 1}}}, cap: 40}]",
    ),
    HealthExample(
        "change",
        "what the earlier model says of the later data is not known: then the risk's change counts as the model's",
        """
        part          | points
        data          | 5
        – use         | 5
        – risk        | 0
        model         | -15
        configuration | 0
        override      | 0
        total         | -10
        """,
        {
            "scores": """
            what  | before | after
            use   | 80     | 90
            risk  | 80     | 50
            model | 1      | 2
            """
        },
    ),
)

BOOK = """
account | use | risk | mrr
a       | 80  | 80   | 100
b       | 60  | 90   | 900
c       | 90  | 40   | 50
d       | 30  | 50   | 200
unknown |     |      | 70
"""
PREVIEWS: tuple[HealthExample, ...] = (
    HealthExample(
        "preview",
        "a preview shows which bands a changed health.yaml would move how many accounts and how much MRR between",
        """
        now               | then              | accounts | mrr
        healthy           | healthy           | 1        | 100
        healthy           | watch             | 1        | 900
        watch             | healthy           | 1        | 50
        at_risk           | at_risk           | 1        | 200
        insufficient_data | insufficient_data | 1        | 70
        """,
        {"accounts": BOOK, "then": "risk: {weight: 0.25, points: [[0, 100], [10, 0]]}"},
    ),
    HealthExample(
        "movers",
        "and which accounts move most: of equal moves first the one that pays more",
        """
        account | now     | then    | score now | score then | moved
        c       | watch   | healthy | 65        | 80         | 15
        b       | healthy | watch   | 75        | 66         | -9
        d       | at_risk | at_risk | 40        | 34         | -6
        """,
        {"accounts": BOOK, "then": "risk: {weight: 0.25, points: [[0, 100], [10, 0]]}"},
    ),
)
WEIGHTS: tuple[HealthExample, ...] = (
    HealthExample(
        "weights",
        "weights that the past proposes stand beside the hand-set ones, with a word on how far they can be trusted",
        """
        weight of | by hand | from the past | enough to go by
        use       | 1       | 1.52          | no
        support   | 1       | 0.48          | no
        """,
        {
            "renewals": """
            account | use | support | left
            a       | 90  | 60      | 0
            b       | 85  | 30      | 0
            c       | 80  | 80      | 0
            d       | 70  | 40      | 0
            e       | 60  | 70      | 0
            f       | 40  | 20      | 1
            g       | 30  | 60      | 1
            h       | 20  | 40      | 1
            """
        },
        TWO,
    ),
)

OVERRIDES: tuple[HealthExample, ...] = (
    HealthExample(
        "override",
        "an override replaces the score from its date up to its end, and shows what the score would have been",
        """
        account     | without it | score | band    | said by
        holds       | 80         | 30    | at_risk | kim: the sponsor left
        last day    | 80         | 30    | at_risk | kim: the sponsor left
        over        | 80         | 80    | healthy |
        tomorrow    | 80         | 80    | healthy |
        withdrawn   | 80         | 80    | healthy |
        two of them | 80         | 90    | healthy | lee: renewed by hand
        no data     |            | 60    | watch   | kim: they moved to the new product
        """,
        {
            "accounts": """
            account     | use | risk
            holds       | 80  | 80
            last day    | 80  | 80
            over        | 80  | 80
            tomorrow    | 80  | 80
            withdrawn   | 80  | 80
            two of them | 80  | 80
            no data     |     |
            """,
            "overrides on 2024-06-30": """
            account     | score | author | reason                       | made       | days | withdrawn
            holds       | 30    | kim    | the sponsor left             | 2024-06-30 |      |
            last day    | 30    | kim    | the sponsor left             | 2024-06-01 |      |
            over        | 30    | kim    | the sponsor left             | 2024-05-31 |      |
            tomorrow    | 30    | kim    | the sponsor left             | 2024-07-01 |      |
            withdrawn   | 30    | kim    | the sponsor left             | 2024-06-20 | 60   | 2024-06-30
            two of them | 30    | kim    | the sponsor left             | 2024-06-20 | 60   |
            two of them | 90    | lee    | renewed by hand              | 2024-06-21 | 60   |
            no data     | 60    | kim    | they moved to the new product | 2024-06-29 |      |
            """,
        },
    ),
    HealthExample(
        "refused",
        "an override without an author or a reason, off the scale or without an end is refused",
        """
        score | author | reason | days | answer
        30    | kim    | left   | 365  | holds until 2025-06-01
        30    |        | left   |      | An override needs an author.
        30    | kim    |        |      | An override needs a reason.
        101   | kim    | left   |      | 101.0 is no health score.
        30    | kim    | left   | 366  | An override cannot hold for 366 days.
        30    | kim    | left   | 0    | An override cannot hold for 0 days.
        """,
    ),
)
JUDGING: tuple[HealthExample, ...] = (
    HealthExample(
        "judging",
        "who raises is right when the account stays; as most stay, that is held against what the model expected",
        """
        author | direction | judged | came out so | interval    | the model expected | verdict
        all    | raised    | 40     | 38          | 83 to 99 %  | 80 %               | people knew more than the model
        all    | lowered   | 20     | 1           | 1 to 24 %   | 30 %               | the model knew more than people
        kim    | raised    | 40     | 38          | 83 to 99 %  | 80 %               | people knew more than the model
        lee    | lowered   | 20     | 1           | 1 to 24 %   | 30 %               | the model knew more than people
        """,
        {
            "overrides": """
            times | author | said | model's score | churn probability | left
            38    | kim    | 80   | 40            | 20 %              | no
            2     | kim    | 80   | 40            | 20 %              | yes
            19    | lee    | 30   | 60            | 30 %              | no
            1     | lee    | 30   | 60            | 30 %              | yes
            """
        },
    ),
    HealthExample(
        "judging",
        "a few overrides say nothing yet",
        """
        author | direction | judged | came out so | interval    | the model expected | verdict
        all    | raised    | 7      | 7           | 65 to 100 % | 80 %               | too few to say: 3 more needed
        kim    | raised    | 7      | 7           | 65 to 100 % | 80 %               | too few to say: 3 more needed
        """,
        {
            "overrides": """
            times | author | said | model's score | churn probability | left
            7     | kim    | 80   | 40            | 20 %              | no
            """
        },
    ),
)

HOLDING = """
account | parent  | score | mrr
holding |         | 90    | 100
north   | holding | 60    | 300
south   | holding | 20    | 100
port    | south   |       | 50
"""
FAMILIES: tuple[HealthExample, ...] = (
    HealthExample(
        "family",
        "by rollup: mrr the members of a family, the parent among them, weigh what they pay",
        """
        parent  | members                     | score | known | mrr | worst
        holding | holding, north, port, south | 58    | 3     | 550 | south
        south   | port, south                 | 20    | 1     | 150 | south
        """,
        {"accounts": HOLDING},
        "rollup: mrr",
    ),
    HealthExample(
        "family",
        "by rollup: mean every member that is known counts alike",
        """
        parent  | members                     | score | known | mrr | worst
        holding | holding, north, port, south | 56.67 | 3     | 550 | south
        south   | port, south                 | 20    | 1     | 150 | south
        """,
        {"accounts": HOLDING},
        "rollup: mean",
    ),
    HealthExample(
        "family",
        "by rollup: worst the worst member speaks for all; each account's own health stays as it is",
        """
        parent  | members                     | score | known | mrr | worst
        holding | holding, north, port, south | 20    | 3     | 550 | south
        south   | port, south                 | 20    | 1     | 150 | south
        """,
        {"accounts": HOLDING},
        "rollup: worst",
    ),
    HealthExample(
        "family",
        "by rollup: none there are no families",
        """
        parent | members | score | known | mrr | worst
        """,
        {"accounts": HOLDING},
        "rollup: none",
    ),
    HealthExample(
        "problems",
        "a parent that is no account, and parents in a circle, are left out and told",
        """
        told
        Account 'lost' is under a parent that is no account ('nobody').
        Accounts 'a', 'b', 'self' are in a circle of parents: their links are not followed.
        """,
        {
            "accounts": """
            account | parent | score | mrr
            a       | b      | 50    | 1
            b       | a      | 50    | 1
            self    | self   | 50    | 1
            lost    | nobody | 50    | 1
            """
        },
        "rollup: mrr",
    ),
)

EXAMPLES = (
    *DIRECTIONS,
    *(*MEANS, *MISSING, *CARDS, *EXCEPTIONS),
    *(*BANDS, *EVENTS, *FLAPS, *CHANGES, *PREVIEWS, *WEIGHTS),
    *(*OVERRIDES, *JUDGING, *FAMILIES),
)
