"""What is wrong with the declared playbooks before any account is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from churnml.errors import SpecError
from churnml.rules.cases import can_hold, idle_parts, implies
from churnml.rules.facts import FACTS, Fact
from churnml.rules.parsing import Rule, names_reason, parse_rule
from churnml.specs.playbooks import Playbook, PlaybooksSpec

TROUBLE_KEY = "trouble"


@dataclass(frozen=True)
class RuleFinding:
    """Something about the playbooks that can be used, but is hardly meant.

    Args:
        severity: always a warning; what cannot be used at all is raised as SpecError.
        playbook: which; ``trouble`` for the rule of that name.
        what: one sentence.
        remedy: what to do about it.
    """

    severity: Literal["warning"]
    playbook: str
    what: str
    remedy: str


@dataclass(frozen=True)
class PlaybookRules:
    """A playbook with its rules read.

    Args:
        playbook: which.
        enter, exit: its rules; no exit rule is None.
    """

    playbook: Playbook
    enter: Rule
    exit: Rule | None


@dataclass(frozen=True)
class Rules:
    """The playbooks of a project with all their rules read.

    Args:
        spec: as declared.
        playbooks: in the order declared.
        trouble: who is left alone by playbooks that want to grow.
    """

    spec: PlaybooksSpec
    playbooks: tuple[PlaybookRules, ...]
    trouble: Rule

    @property
    def all(self) -> tuple[Rule, ...]:
        """Every one of them."""
        enters = [rules.enter for rules in self.playbooks]
        return (*enters, *(rules.exit for rules in self.playbooks if rules.exit is not None), self.trouble)

    @property
    def names(self) -> tuple[str, ...]:
        """The facts that any of them asks for, sorted."""
        return tuple(sorted({name for rule in self.all for name in rule.names}))


def read_rules(spec: PlaybooksSpec, where: str, known: Mapping[str, Fact]) -> Rules:
    """The rules of ``spec``; raises SpecError or UnknownNameError (see :func:`churnml.rules.parsing.parse_rule`).

    Args:
        spec: the declared playbooks.
        where: their file, for errors.
        known: name → fact, of all there are.
    """

    def rule(text: str, playbook: Playbook, key: str) -> Rule:
        return parse_rule(text, f"{where}, playbook '{playbook.name}', {key}", known)

    read = tuple(
        PlaybookRules(
            playbook,
            rule(playbook.enter, playbook, "enter"),
            None if playbook.exit is None else rule(playbook.exit, playbook, "exit"),
        )
        for playbook in spec.playbooks
    )
    if TROUBLE_KEY not in spec.model_fields_set:
        # the rule that stands where none is declared names a band of the default health.yaml
        known = {**known, "band": replace(known["band"], values=())}
    rules = Rules(spec, read, parse_rule(spec.trouble, f"{where}, {TROUBLE_KEY}", known))
    _refuse_contradictions(rules, where)
    return rules


def _refuse_contradictions(rules: Rules, where: str) -> None:
    keys = [(f"playbook '{one.playbook.name}', enter", _entry(one)) for one in rules.playbooks]
    keys += [(f"playbook '{one.playbook.name}', exit", (one.exit,)) for one in rules.playbooks if one.exit]
    for key, parts in [*keys, (TROUBLE_KEY, (rules.trouble,))]:
        if not can_hold(*parts):
            raise SpecError(
                f"The rule can never hold: {' '.join(parts[0].text.split())}",
                where=f"{where}, {key}",
                remedy="Its conditions exclude each other"
                + (", or what reasons: asks for." if parts[1:] else ". Correct the one that is not meant."),
            )


def _entry(one: PlaybookRules) -> tuple[Rule, ...]:
    """The entry rule, and what ``reasons`` asks for beside it."""
    return (one.enter, *_reasons(one.playbook, one.enter))


def _reasons(playbook: Playbook, enter: Rule) -> tuple[Rule, ...]:
    if not playbook.reasons:
        return ()
    text = " or ".join(f"reasons has '{pattern}'" for pattern in playbook.reasons)
    return (parse_rule(text, "reasons", {**FACTS, **enter.facts}),)


def findings(rules: Rules, known: Mapping[str, Fact]) -> tuple[RuleFinding, ...]:
    """What is hardly meant, in the order of the playbooks: work that is closed as it opens, plays that reach nobody.

    Each is proved from the rules alone; no finding is no promise that all is well.
    """
    warnings: list[RuleFinding] = []
    for place, one in enumerate(rules.playbooks):
        warnings += _doubts_of(rules, one)
        warnings += _taken_before(one, rules.playbooks[:place])
    bands = known["band"].values
    if TROUBLE_KEY not in rules.spec.model_fields_set and bands and "at_risk" not in bands:
        warnings.append(
            RuleFinding(
                "warning",
                TROUBLE_KEY,
                "No rule says who is in trouble, and health.yaml has no band 'at_risk', so only churn_lift tells.",
                f"Add trouble: band == '{bands[-2]}' or churn_lift >= 2",
            )
        )
    return tuple(warnings)


def never_known(rules: Rules, facts: pd.DataFrame) -> tuple[RuleFinding, ...]:
    """What rules ask for and is known of no account, so that nothing that is asked of it holds.

    Args:
        rules: the rules.
        facts: a day's facts (:func:`churnml.rules.facts.facts_table`).
    """
    warnings: list[RuleFinding] = []
    asked = [(one.playbook.name, rule) for one in rules.playbooks for rule in (one.enter, one.exit) if rule]
    for playbook, rule in [*asked, (TROUBLE_KEY, rules.trouble)]:
        for name in sorted(rule.names):
            if len(facts) and (name not in facts or facts[name].isna().all()):
                warnings.append(
                    RuleFinding(
                        "warning",
                        playbook,
                        f"It asks for {name}, which is known of no account.",
                        "Give the project the data it is made of, or ask for something else.",
                    )
                )
    return tuple(dict.fromkeys(warnings))


def _doubts_of(rules: Rules, one: PlaybookRules) -> list[RuleFinding]:
    doubts: list[tuple[str, str]] = []
    if one.exit is not None and implies(one.enter, one.exit):
        doubts.append(
            (
                "Its exit rule holds whenever its entry rule does, so it takes nobody.",
                "Let exit: say when the reason is gone.",
            )
        )
    if one.playbook.goal == "grow" and not rules.spec.grow_in_trouble and implies(one.enter, rules.trouble):
        doubts.append(
            (
                "It wants to grow only accounts that are in trouble, and those are left alone.",
                "Correct enter:, or say grow_in_trouble: true.",
            )
        )
    for key, rule in (("enter", one.enter), ("exit", one.exit)):
        if rule is not None and (idle := idle_parts(rule)):
            parts = "One of its alternatives" if idle == 1 else f"{idle} of its alternatives"
            doubts.append((f"{parts} in {key}: can never hold.", "Correct what stands between 'or', or drop it."))
    return [RuleFinding("warning", one.playbook.name, what, remedy) for what, remedy in doubts]


def _taken_before(one: PlaybookRules, earlier: tuple[PlaybookRules, ...]) -> list[RuleFinding]:
    """The first playbook that takes whomever this one takes, and is never worth less nor takes longer."""
    for other in earlier:
        if _at_least_as_good(other.playbook, one.playbook) and implies(one.enter, other.enter):
            return [
                RuleFinding(
                    "warning",
                    one.playbook.name,
                    f"Whomever it takes, '{other.playbook.name}' takes too, for at least as much and in no more time: "
                    "what is left for it is whom that one leaves while it cools down.",
                    f"Ask for more in '{other.playbook.name}', declare another effect, or drop one of the two.",
                )
            ]
    return []


def _at_least_as_good(one: Playbook, other: Playbook) -> bool:
    covered = all(any(names_reason(a, b.removesuffix("*")) or a == b for a in one.reasons) for b in other.reasons)
    takes = not one.reasons or (bool(other.reasons) and covered)
    stake = (one.goal == "grow") == (other.goal == "grow")
    exits = one.exit is None or one.exit == other.exit
    cheap = one.minutes <= other.minutes and one.cost <= other.cost
    return takes and stake and exits and cheap and one.effect.likely >= other.effect.likely
