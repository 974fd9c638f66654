"""A rule as a sentence, for whoever reads what a playbook does and never its file."""

from __future__ import annotations

from collections.abc import Mapping

from churnml.features import Unit, words_for
from churnml.language.expressions import Both, Compare, Constant, Either, Has, Missing, Named, Not, Tree, Within
from churnml.language.facts import Fact
from churnml.rules.facts import TIMES
from churnml.rules.parsing import RANKED, Rule, called_fact, short, written_as
from churnml.scoring.wording import written

# How a number stands to a limit, and how it stands where that is known not to hold.
LIMITS: Mapping[str, str] = {
    "<": "less than",
    "<=": "at most",
    ">": "more than",
    ">=": "at least",
    "==": "exactly",
    "!=": "other than",
}
OPPOSITE: Mapping[str, str] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
BELOW = ("<", "<=")


def rule_words(rule: Rule) -> str:
    """What a rule asks, as a clause without a full stop. Texts in it are the user's own: escape them."""
    return _words(rule.tree, rule.facts, asked=True)


def _words(tree: Tree, facts: Mapping[str, Fact], *, asked: bool) -> str:
    """A tree in words, or that it is known not to hold where it is not ``asked``."""
    if isinstance(tree, Not):
        return _words(tree.part, facts, asked=not asked)
    if isinstance(tree, Both | Either):
        # that not all hold is that one does not
        joint = "and" if isinstance(tree, Both) == asked else "or"
        *first, last = (_part(part, facts, asked=asked) for part in tree.parts)
        return f"{', '.join(first)}, {joint} {last}" if first else last
    fact = facts[tree.fact.name]
    if isinstance(tree, Has):
        return _has(tree, asked=asked)
    if isinstance(tree, Missing):
        return f"{_its(fact)} is {'not ' if asked else ''}known"
    if isinstance(tree, Within):
        return f"{_its(fact)} is {'' if asked else 'not '}{_either(fact, tree)}"
    return _compared(tree, fact, facts, tree.op if asked else OPPOSITE[tree.op])


def _its(fact: Fact) -> str:
    """What a person calls a fact of an account of which was spoken before."""
    called = called_fact(fact)
    of_its_own = fact.unit == TIMES or fact.name.startswith("feature.") or called.startswith("its ")
    return called if of_its_own else f"its {called}"


def _part(part: Tree, facts: Mapping[str, Fact], *, asked: bool) -> str:
    words = _words(part, facts, asked=asked)
    inner = part
    while isinstance(inner, Not):
        inner = inner.part
    return f"({words})" if isinstance(inner, Both | Either) else words


def _has(tree: Has, *, asked: bool) -> str:
    pattern = str(tree.pattern.value)
    about = pattern.removesuffix(".*").replace("_", " ") if "*" in pattern else words_for(pattern)
    kind = "reason to grow" if tree.fact.name == "growth_reasons" else "reason"
    return f"{'a' if asked else 'no'} {kind} is about {about}"


def _either(fact: Fact, tree: Within) -> str:
    values = [_value(fact, one) for one in tree.values]
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def _value(fact: Fact, value: Constant) -> str:
    """A constant as it stands beside a fact."""
    if isinstance(value.value, str):
        return value.value.replace("_", " ") if fact.name in ("band", "stage", "scorecard") else f"“{value.value}”"
    return written_as(value.value, fact.unit)


def _compared(tree: Compare, fact: Fact, facts: Mapping[str, Fact], op: str) -> str:
    if isinstance(tree.other, Named):
        return f"{_its(fact)} is {LIMITS[op]} {_its(facts[tree.other.name])}"
    value = tree.other.value
    if isinstance(value, str):
        return f"{_its(fact)} is {'' if op == '==' else 'not '}{_value(fact, tree.other)}"
    return _number(fact, op, value)


def _number(fact: Fact, op: str, value: float) -> str:
    name = fact.name
    if name in RANKED and op not in ("==", "!="):
        share = f"the {short(value * 100)} % of accounts likeliest to {RANKED[name]}"
        return f"it is {'' if op in BELOW else 'not '}among {share}"
    if fact.unit == TIMES:
        if value == 1 and op in ("<", ">"):
            return f"{_its(fact)} is {'less' if op == '<' else 'more'} likely than usual"
        return f"{_its(fact)} is {LIMITS[op]} {short(value)} times as likely as usual"
    if name == "days_to_renewal" and value >= 0 and op not in ("==", "!="):
        days = written(value, Unit.DAYS)
        return f"it renews {'within' if op in BELOW else 'in more than'} {days}"
    if name == "tenure_days":
        return f"it has been a customer for {LIMITS[op]} {written(value, Unit.DAYS)}"
    return f"{_its(fact)} is {LIMITS[op]} {written_as(value, fact.unit).replace('-', '−')}"
