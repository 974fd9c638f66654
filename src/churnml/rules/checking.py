"""What is wrong with the declared playbooks before any account is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from churnml.errors import SpecError
from churnml.language.facts import Fact
from churnml.language.truth import names_reason
from churnml.rules.cases import can_hold, idle_parts, implies
from churnml.rules.facts import FACTS
from churnml.rules.parsing import Rule, parse_rule
from churnml.specs.playbooks import Playbook, PlaybooksSpec

TROUBLE_KEY = "trouble"


@dataclass(frozen=True)
class RuleFinding:
    """Something about the playbooks that can be used, but is hardly meant; what cannot is raised as SpecError.

    Args:
        playbook: which; ``trouble`` for the rule of that name.
        what: one sentence.
        remedy: what to do about it.
    """

    playbook: str
    what: str
    remedy: str


@dataclass(frozen=True)
class PlaybookRules:
    """A playbook with its rules read; where it declares no exit rule that is None."""

    playbook: Playbook
    enter: Rule
    exit: Rule | None


@dataclass(frozen=True)
class Rules:
    """The playbooks of a project, as declared, with all their rules read; ``trouble`` keeps from those that grow."""

    spec: PlaybooksSpec
    playbooks: tuple[PlaybookRules, ...]
    trouble: Rule

    @property
    def names(self) -> tuple[str, ...]:
        """The facts that any of its rules asks for, sorted."""
        rules = [self.trouble, *(rule for one in self.playbooks for rule in (one.enter, one.exit) if rule)]
        return tuple(sorted({name for rule in rules for name in rule.names}))


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
        PlaybookRules(p, rule(p.enter, p, "enter"), rule(p.exit, p, "exit") if p.exit is not None else None)
        for p in spec.playbooks
    )
    if TROUBLE_KEY not in spec.model_fields_set:
        # the rule that stands where none is declared names a band of the default health.yaml
        known = {**known, "band": replace(known["band"], values=())}
    rules = Rules(spec, read, parse_rule(spec.trouble, f"{where}, {TROUBLE_KEY}", known))
    _refuse_contradictions(rules, where)
    return rules


def _refuse_contradictions(rules: Rules, where: str) -> None:
    keys = [(f"playbook '{one.playbook.name}', enter", (one.enter, *_reasons(one))) for one in rules.playbooks]
    keys += [(f"playbook '{one.playbook.name}', exit", (one.exit,)) for one in rules.playbooks if one.exit]
    for key, parts in [*keys, (TROUBLE_KEY, (rules.trouble,))]:
        if not can_hold(*parts):
            raise SpecError(
                f"The rule can never hold: {' '.join(parts[0].text.split())}",
                where=f"{where}, {key}",
                remedy="Its conditions exclude each other"
                + (", or what reasons: asks for." if parts[1:] else ". Correct the one that is not meant."),
            )


def _reasons(one: PlaybookRules) -> tuple[Rule, ...]:
    """What ``reasons`` asks for beside the entry rule, as a rule."""
    if not one.playbook.reasons:
        return ()
    text = " or ".join(f"reasons has '{pattern}'" for pattern in one.playbook.reasons)
    return (parse_rule(text, "reasons", {**FACTS, **one.enter.facts}),)


def findings(rules: Rules, known: Mapping[str, Fact]) -> tuple[RuleFinding, ...]:
    """What is hardly meant, in the order of the playbooks: work that is closed as it opens, plays that reach nobody.

    Each is proved from the rules alone; no finding is no promise that all is well.
    """
    warnings = [
        RuleFinding(one.playbook.name, *doubt)
        for place, one in enumerate(rules.playbooks)
        for doubt in (*_doubts_of(rules, one), *_taken_before(one, rules.playbooks[:place]))
    ]
    bands = known["band"].values
    if TROUBLE_KEY not in rules.spec.model_fields_set and bands and "at_risk" not in bands:
        what = "No rule says who is in trouble, and health.yaml has no band 'at_risk', so only churn_rank tells."
        warnings.append(RuleFinding(TROUBLE_KEY, what, f"Add trouble: band == '{bands[-2]}' or churn_rank <= 0.15"))
    return tuple(warnings)


def _doubts_of(rules: Rules, one: PlaybookRules) -> Iterator[tuple[str, str]]:
    """What is doubtful about a playbook by itself, and what to do about it."""
    if one.exit is not None and implies(one.enter, one.exit):
        what = "Its exit rule holds whenever its entry rule does, so it takes nobody."
        yield what, "Let exit: say when the reason is gone."
    if one.playbook.goal == "grow" and not rules.spec.grow_in_trouble and implies(one.enter, rules.trouble):
        what = "It wants to grow only accounts that are in trouble, and those are left alone."
        yield what, "Correct enter:, or say grow_in_trouble: true."
    for key, rule in (("enter", one.enter), ("exit", one.exit)):
        if rule is not None and (idle := idle_parts(rule)):
            parts = "One of its alternatives" if idle == 1 else f"{idle} of its alternatives"
            yield f"{parts} in {key}: can never hold.", "Correct what stands between 'or', or drop it."


def _taken_before(one: PlaybookRules, earlier: tuple[PlaybookRules, ...]) -> Iterator[tuple[str, str]]:
    """That a playbook takes whomever this one takes, and is never worth less nor takes longer."""
    for other in earlier:
        if _at_least_as_good(other.playbook, one.playbook) and implies(one.enter, other.enter):
            name = other.playbook.name
            yield (
                f"Whomever it takes, '{name}' takes too, for at least as much and in no more time: "
                "what is left for it is whom that one leaves while it cools down.",
                f"Ask for more in '{name}', declare another effect, or drop one of the two.",
            )
            return


def _at_least_as_good(one: Playbook, other: Playbook) -> bool:
    covered = all(any(names_reason(a, b.removesuffix("*")) or a == b for a in one.reasons) for b in other.reasons)
    takes = not one.reasons or (bool(other.reasons) and covered)
    stake = (one.goal == "grow") == (other.goal == "grow")
    exits = one.exit is None or one.exit == other.exit
    cheap = one.minutes <= other.minutes and one.cost <= other.cost
    return takes and stake and exits and cheap and one.effect.likely >= other.effect.likely
