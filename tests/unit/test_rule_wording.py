"""A rule in words: what a success manager reads of a playbook."""

from __future__ import annotations

import re

import pytest

from churnml.rules.parsing import parse_rule
from churnml.rules.wording import rule_words
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.reading import read_spec
from tests.support import KNOWN, default_models, rules_of


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("band == 'at_risk'", "its band is at risk"),
        ("band in ['at_risk', 'watch']", "its band is at risk or watch"),
        ("not band in ['at_risk', 'watch', 'healthy']", "its band is not at risk, watch or healthy"),
        ("segment != 'smb'", "its segment is not “smb”"),
        ("churn_rank <= 0.15", "it is among the 15 % of accounts likeliest to leave"),
        ("upsell_rank > 0.025", "it is not among the 2.5 % of accounts likeliest to grow"),
        ("churn_lift > 1", "churn is more likely than usual"),
        ("churn_lift >= 2", "churn is at least 2 times as likely as usual"),
        ("days_to_renewal <= 90", "it renews within 90 days"),
        ("days_to_renewal > 90", "it renews in more than 90 days"),
        ("tenure_days < 30", "it has been a customer for less than 30 days"),
        ("churn_probability >= 0.2", "its churn probability is at least 20 %"),
        ("mrr_at_risk > mrr", "its MRR at risk is more than its MRR"),
        ("mrr is missing", "its MRR is not known"),
        ("reasons has 'tickets.*'", "a reason is about tickets"),
        ("not reasons has 'tickets.*'", "no reason is about tickets"),
        ("growth_reasons has 'usage.*'", "a reason to grow is about usage"),
        ("health < 40 and health_change < -5", "its health is less than 40, and its health change is less than −5"),
        # what is known not to hold, as Kleene has it
        (
            "not (health < 40 and band == 'watch')",
            "its health is at least 40, or its band is not watch",
        ),
        (
            "mrr > 10 and (health < 40 or band == 'watch')",
            "its MRR is more than 10, and (its health is less than 40, or its band is watch)",
        ),
    ],
)
def test_a_rule_is_a_clause(rule: str, words: str) -> None:
    assert rule_words(parse_rule(rule, "here", KNOWN)) == words


def test_the_rules_that_ship_read_without_a_word_of_the_configuration() -> None:
    rules = rules_of(read_spec(PlaybooksSpec, default_models() / "playbooks.yaml"))
    for rule in (rules.trouble, *(each for one in rules.playbooks for each in (one.enter, one.exit) if each)):
        assert not re.search(r"[_<>=\'\[\]]", rule_words(rule))
