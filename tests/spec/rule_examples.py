"""Worked examples of the language of rules: they are tests, and they are part of docs/playbooks.md.

In a table of accounts an empty cell is not known; reason codes are parted by commas, and ``none`` is an account without
any. Names are those of the ``health.yaml`` that ships with churnml, of a project whose ``segment`` is static.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import TypeAlias


@dataclass(frozen=True)
class RuleExample:
    """Of whom a rule holds.

    Args:
        topic: the heading it stands under.
        title: what it shows, as a sentence.
        rule: the rule.
        accounts: an ASCII table: account, the facts, whether it ``holds``, and what is said ``because``.
    """

    topic: str
    title: str
    rule: str
    accounts: str

    def as_lines(self) -> list[str]:
        """The example as lines of a page."""
        return [_headline(self.title), "", "```", *_lines(self.rule), "", *_lines(self.accounts), "```"]


@dataclass(frozen=True)
class RefusedExample:
    """A rule that is refused when it is loaded.

    Args:
        topic: the heading it stands under.
        title: what it shows, as a sentence.
        refused: an ASCII table of rules, of what is told, and of the remedy; ``…`` stands for more words.
    """

    topic: str
    title: str
    refused: str

    def as_lines(self) -> list[str]:
        """The example as lines of a page."""
        return [_headline(self.title), "", "```", *_lines(self.refused), "```"]


@dataclass(frozen=True)
class FindingExample:
    """What ``churnml check`` says of playbooks that can be loaded.

    Args:
        topic: the heading it stands under.
        title: what it shows, as a sentence.
        playbooks: YAML, name → what it declares.
        found: an ASCII table: playbook and what is said of it; no rows where nothing is.
    """

    topic: str
    title: str
    playbooks: str
    found: str

    def as_lines(self) -> list[str]:
        """The example as lines of a page."""
        return [_headline(self.title), "", "```", *_lines(self.playbooks), "", *_lines(self.found), "```"]


Example: TypeAlias = RuleExample | RefusedExample | FindingExample


def _headline(title: str) -> str:
    return f"*{title[:1].upper()}{title[1:]}.*"


def _lines(block: str) -> list[str]:
    return [line.rstrip() for line in dedent(block).strip("\n").splitlines()]


NUMBERS, TEXTS, REASONS = "Numbers", "Texts", "Reasons"
JOINED, UNKNOWN, WORDS = "And, or, not", "What is not known", "What is said"
REFUSED, CONTRADICTIONS, FINDINGS = "What is refused", "Rules that can never hold", "What is hardly meant"

EXAMPLES: tuple[Example, ...] = (
    RuleExample(
        NUMBERS,
        "a number is compared by ==, !=, <, <=, > and >=; the ends belong to what has '='",
        "health <= 40",
        """
        account | health | holds
        a       | 39.99  | yes
        b       | 40     | yes
        c       | 40.01  | no
        """,
    ),
    RuleExample(
        NUMBERS,
        "comparisons may be chained, so that a number lies between two",
        "0 <= days_to_renewal < 90",
        """
        account | days_to_renewal | holds
        a       | -1              | no
        b       | 0               | yes
        c       | 89              | yes
        d       | 90              | no
        """,
    ),
    RuleExample(
        NUMBERS,
        "numbers may be negative, have a fraction, and group their digits by an underscore",
        "health_change <= -12.5 or mrr > 10_000",
        """
        account | health_change | mrr   | holds
        a       | -12.5         | 10    | yes
        b       | -12           | 10    | no
        c       | 3             | 10001 | yes
        d       | 3             | 10000 | no
        """,
    ),
    RuleExample(
        NUMBERS,
        "two facts may be compared with each other",
        "dimension.support < dimension.adoption",
        """
        account | dimension.support | dimension.adoption | holds
        a       | 20                | 60                 | yes
        b       | 60                | 60                 | no
        c       |                   | 60                 | no
        """,
    ),
    RuleExample(
        NUMBERS,
        "one of several numbers is asked for by 'in'",
        "feature.tickets_open in [1, 2]",
        """
        account | feature.tickets_open | holds
        a       | 1                    | yes
        b       | 3                    | no
        """,
    ),
    RuleExample(
        TEXTS,
        "a text stands in quotes, single or double, and is compared whole; large letters are others than small ones",
        "segment == 'smb'",
        """
        account | segment | holds
        a       | smb     | yes
        b       | SMB     | no
        c       | smb eu  | no
        """,
    ),
    RuleExample(
        TEXTS,
        "one of several texts is asked for by 'in', none of them by 'not in'",
        "band in ['at_risk', 'watch'] and segment not in ['smb']",
        """
        account | band    | segment | holds
        a       | at_risk | mid     | yes
        b       | watch   | smb     | no
        c       | healthy | mid     | no
        """,
    ),
    RuleExample(
        REASONS,
        "a reason code is asked for by 'has', a whole group of them by a star",
        "reasons has 'tickets.*' or reasons has 'usage.active_days'",
        """
        account | reasons                             | holds
        a       | tickets.backlog                     | yes
        b       | usage.recency, tickets.satisfaction | yes
        c       | usage.active_days                   | yes
        d       | usage.recency                       | no
        e       | none                                | no
        """,
    ),
    RuleExample(
        REASONS,
        "that a reason is gone is asked for by 'not'; an account without reasons has none of them",
        "not reasons has 'usage.*'",
        """
        account | reasons         | holds
        a       | usage.recency   | no
        b       | tickets.backlog | yes
        c       | none            | yes
        """,
    ),
    RuleExample(
        JOINED,
        "'and' binds more closely than 'or'",
        "band == 'at_risk' or churn_lift >= 2 and mrr >= 500",
        """
        account | band    | churn_lift | mrr | holds
        a       | at_risk | 1          | 10  | yes
        b       | healthy | 2          | 500 | yes
        c       | healthy | 2          | 10  | no
        """,
    ),
    RuleExample(
        JOINED,
        "brackets bind first",
        "(band == 'at_risk' or churn_lift >= 2) and mrr >= 500",
        """
        account | band    | churn_lift | mrr | holds
        a       | at_risk | 1          | 10  | no
        b       | healthy | 2          | 500 | yes
        c       | at_risk | 1          | 500 | yes
        """,
    ),
    RuleExample(
        JOINED,
        "'not' speaks of the one condition or bracket behind it",
        "not health < 40 and not (stage == 'onboarding' or mrr < 100)",
        """
        account | health | stage      | mrr | holds
        a       | 40     | steady     | 100 | yes
        b       | 39     | steady     | 100 | no
        c       | 40     | onboarding | 100 | no
        d       | 40     | steady     | 99  | no
        """,
    ),
    RuleExample(
        UNKNOWN,
        "what is not known makes no rule hold",
        "mrr >= 100",
        """
        account | mrr | holds
        a       | 100 | yes
        b       |     | no
        """,
    ),
    RuleExample(
        UNKNOWN,
        "and neither does it make its opposite hold",
        "not mrr >= 100",
        """
        account | mrr | holds
        a       | 99  | yes
        b       |     | no
        """,
    ),
    RuleExample(
        UNKNOWN,
        "so an unknown text is not unequal to another",
        "segment != 'smb'",
        """
        account | segment | holds
        a       | mid     | yes
        b       | smb     | no
        c       |         | no
        """,
    ),
    RuleExample(
        UNKNOWN,
        "where one side of 'or' holds, the other need not be known",
        "band == 'at_risk' or churn_lift >= 2",
        """
        account | band    | churn_lift | holds
        a       | at_risk |            | yes
        b       | healthy |            | no
        c       | healthy | 2          | yes
        """,
    ),
    RuleExample(
        UNKNOWN,
        "where one side of 'and' is known to fail, the opposite holds without the other",
        "not (band == 'at_risk' and churn_lift >= 2)",
        """
        account | band    | churn_lift | holds
        a       | healthy |            | yes
        b       | at_risk |            | no
        c       | at_risk | 1          | yes
        """,
    ),
    RuleExample(
        UNKNOWN,
        "even what is true of every number is not true of one that is not known",
        "health < 50 or health >= 50",
        """
        account | health | holds
        a       | 50     | yes
        b       |        | no
        """,
    ),
    RuleExample(
        UNKNOWN,
        "whether something is known is asked for by 'is missing' and 'is not missing'",
        "days_to_renewal is missing and mrr is not missing",
        """
        account | days_to_renewal | mrr | holds
        a       |                 | 100 | yes
        b       | 30              | 100 | no
        c       |                 |     | no
        """,
    ),
    RuleExample(
        WORDS,
        "what made a rule hold is said with the account's own numbers, and what did not hold is not said",
        "churn_lift >= 3 and days_to_renewal <= 90 and (health < 40 or mrr_at_risk > 1000)",
        """
        account | churn_lift | days_to_renewal | health | mrr_at_risk | holds | because
        a       | 3.41       | 40              | 61.5   | 1200        | yes   | churn is 3.4 times as likely as usual; it renews in 40 days; MRR at risk is 1,200
        b       | 3          | -5              | 35.25  |             | yes   | churn is 3.0 times as likely as usual; its renewal was due 5 days ago; health is 35.2
        c       | 3          | 91              | 35     | 1200        | no    |
        """,
    ),
    RuleExample(
        WORDS,
        "a feature is called by what it means, a reason by its code, a band by its name",
        "feature.tickets_open >= 1 and reasons has 'tickets.*' and band != 'healthy' and mrr is missing",
        """
        account | feature.tickets_open | reasons                        | band    | mrr | holds | because
        a       | 2                    | usage.recency, tickets.backlog | at_risk |     | yes   | tickets open at the cutoff: 2; a reason is what is still open, and how old it is; band is at risk; MRR is not known
        """,
    ),
    RuleExample(
        WORDS,
        "a share is written as one, and a feature that is not known is called by what it means too",
        "feature.usage_seat_utilisation_28d < 0.4 or feature.usage_seat_utilisation_28d is missing",
        """
        account | feature.usage_seat_utilisation_28d | holds | because
        a       | 0.31                               | yes   | users seen in the last 28 days ÷ seats paid for: 31 %
        b       |                                    | yes   | users seen in the last 28 days ÷ seats paid for is not known
        c       | 0.5                                | no    |
        """,
    ),
    RuleExample(
        WORDS,
        "health that fell or rose is said as such",
        "health_change < -10 or health_change > 10",
        """
        account | health_change | holds | because
        a       | -12.5         | yes   | health is down 12.5 points since it was last scored
        b       | 20            | yes   | health is up 20 points since it was last scored
        """,
    ),
    RefusedExample(
        REFUSED,
        "a name that is not there is told with the nearest that is",
        """
        rule                       | told                                         | remedy
        helth < 40                 | There is no fact named 'helth'.              | Did you mean 'health'?
        band == 'at_rsk'           | There is no band named 'at_rsk'.             | Did you mean 'at_risk'?
        stage in ['steadi']        | There is no stage named 'steadi'.            | Did you mean 'steady'?
        scorecard == 'onbording'   | There is no scorecard named 'onbording'.     | Did you mean 'onboarding'?
        dimension.adaption < 30    | There is no fact named 'dimension.adaption'. | Did you mean 'dimension.adoption'?
        feature.tickets_opn > 1    | There is no fact named 'feature.tickets_opn'. | Did you mean 'feature.tickets_open'?
        attribute.segmnt == 'smb'  | There is no fact named 'attribute.segmnt'.   | Did you mean 'attribute.segment'?
        reasons has 'ticket.*'     | There is no reason code named 'ticket.*'.    | Did you mean 'tickets.*'?
        band == at_risk            | There is no fact named 'at_risk'.            | If it is a text, put it in quotes: 'at_risk'.
        """,
    ),
    RefusedExample(
        REFUSED,
        "a fact is asked only what it can answer",
        """
        rule                      | told                                                      | remedy
        health < 'low'            | health is a number, and is compared with a text.          | Leave the quotes out.
        segment == 3              | segment is a text, and is compared with a number.         | Put the text in quotes.
        band < 'watch'            | band is a text and has no order.                          | Use '==', '!=' or 'in [...]'.
        reasons == 'usage.*'      | reasons holds several codes and cannot be compared.       | Write reasons has …
        health has 'usage.*'      | health is a number; only reasons and growth_reasons have codes. | Compare it: …
        health < band             | The rule compares health, which is a number, with band, which is a text. | Compare like with like.
        health < health           | The rule compares health with itself.                     | Compare it with something else.
        """,
    ),
    RefusedExample(
        REFUSED,
        "what is not the language is pointed at",
        """
        rule                      | told                                                             | remedy
        health = 40               | The rule cannot be read: = cannot stand here.                    | Compare with '=='.
        health < 40 && mrr > 3    | The rule cannot be read: & cannot stand here.                    | Write 'and'.
        health < 40 AND mrr > 3   | The rule cannot be read: here should be 'and', 'or' or the end, not AND. | Did you mean 'and'?
        churn_probability > 20 %  | The rule cannot be read: % cannot stand here.                    | Write a share as a number from 0 to 1: 0.2 for 20 %.
        mrr / 12 > 3              | The rule cannot be read: / cannot stand here.                    | There is no arithmetic in rules; write the number.
        3 < 4                     | The rule cannot be read: it compares two constants.              | Compare a fact with one of them.
        (health < 40              | The rule cannot be read: ')' is missing at the end.              | …
        health <                  | The rule cannot be read: a fact, a number or a text is missing at the end. | …
        """,
    ),
    RefusedExample(
        REFUSED,
        "a rule is never run as a program: there is nothing in the language that could do anything",
        """
        rule                          | told                                                                                          | remedy
        __import__('os')              | The rule cannot be read: here should be a comparison, 'in', 'has' or 'is missing', not (.      | Rules call no functions; …
        health.__class__ == 'x'       | There is no fact named 'health.__class__'. | …
        lambda: 3                     | The rule cannot be read: : cannot stand here. | …
        (health := 3)                 | The rule cannot be read: : cannot stand here. | …
        f'{health}' == 'x'            | The rule cannot be read: here should be a comparison, 'in', 'has' or 'is missing', not '{health}'. | …
        [x for x in [1]] == 1         | The rule cannot be read: here should be a fact, a number or a text, not [. | …
        """,
    ),
    RefusedExample(
        CONTRADICTIONS,
        "conditions that exclude each other are refused",
        """
        rule                                                       | told                                   | remedy
        health > 80 and health < 20                                | The rule can never hold: health > 80 … | Its conditions exclude each other. …
        band == 'healthy' and band == 'at_risk'                    | The rule can never hold: …             | …
        band not in ['healthy', 'watch', 'at_risk', 'insufficient_data'] | The rule can never hold: …       | …
        reasons has 'usage.recency' and not reasons has 'usage.*'  | The rule can never hold: …             | …
        mrr is missing and mrr > 3                                 | The rule can never hold: …             | …
        band is missing                                            | The rule can never hold: …             | …
        mrr < mrr_at_risk and mrr >= mrr_at_risk                   | The rule can never hold: …             | …
        """,
    ),
    RefusedExample(
        CONTRADICTIONS,
        "so is what lies outside of what a number can be",
        """
        rule                       | told                       | remedy
        churn_probability > 1      | The rule can never hold: … | …
        health < 0                 | The rule can never hold: … | …
        dimension.adoption >= 101  | The rule can never hold: … | …
        not coverage <= 1          | The rule can never hold: … | …
        """,
    ),
    FindingExample(
        FINDINGS,
        "work that would be closed the day it opens",
        """
        call: {enter: churn_lift >= 3, exit: churn_lift > 1}
        write: {enter: churn_lift >= 3, exit: churn_lift < 1}
        """,
        """
        playbook | what
        call     | Its exit rule holds whenever its entry rule does, so it takes nobody.
        """,
    ),
    FindingExample(
        FINDINGS,
        "a play to grow that asks for accounts in trouble, who are left alone",
        """
        grow: {goal: grow, enter: upsell_lift >= 3 and churn_rank <= 0.1}
        show: {goal: grow, enter: upsell_lift >= 3}
        """,
        """
        playbook | what
        grow     | It wants to grow only accounts that are in trouble, and those are left alone.
        """,
    ),
    FindingExample(
        FINDINGS,
        "a play to which an earlier one leaves nobody; one that promises more, or takes less time, is left its own",
        """
        call: {enter: "band in ['at_risk', 'watch']"}
        same: {enter: "band == 'watch' and mrr > 100"}
        better: {enter: "band == 'watch' and mrr > 100", effect: {likely: 0.2}}
        shorter: {enter: "band == 'watch' and mrr > 100", minutes: 30}
        other: {enter: "band == 'watch' or mrr > 100"}
        """,
        """
        playbook | what
        same     | Whomever it takes, 'call' takes too, for at least as much and in no more time: what is left for it is whom that one leaves while it cools down.
        """,
    ),
    FindingExample(
        FINDINGS,
        "a play about one reason leaves those with other reasons; one about all of a group takes each of them",
        """
        fading: {enter: "band == 'watch'", reasons: [usage.*]}
        anything: {enter: "band == 'watch'"}
        silent: {enter: "band == 'watch'", reasons: [usage.recency]}
        """,
        """
        playbook | what
        silent   | Whomever it takes, 'fading' takes too, …
        """,
    ),
    FindingExample(
        FINDINGS,
        "a play with another exit, or with another goal, is left its own",
        """
        short: {enter: "band == 'watch'", exit: health > 60}
        long: {enter: "band == 'watch'"}
        grow: {goal: grow, enter: "health > 80 and upsell_lift > 2"}
        thank: {goal: care, enter: "health > 80 and upsell_lift > 2"}
        """,
        """
        playbook | what
        """,
    ),
    FindingExample(
        FINDINGS,
        "an alternative that can never hold",
        """
        call: {enter: "health < 40 or (health > 80 and health < 20)"}
        """,
        """
        playbook | what
        call     | One of its alternatives in enter: can never hold.
        """,
    ),
)
