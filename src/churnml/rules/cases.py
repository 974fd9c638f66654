"""What a rule can and cannot hold of, found without looking at any account.

A rule is taken apart into cases: each says of every fact what it would have to be, and the rule holds where one of its
cases does. A case that asks for the impossible (health over 80 and under 20) is dropped. One rule implies another if
nothing is left of "this holds, and that does not". "Cannot hold" and "implies" are certain. The other answer may
also mean that it was not shown: there are too many cases, or it takes more than one fact at a time to see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from churnml.language.expressions import Both, Compare, Either, Has, Missing, Named, Not, Tree, Within
from churnml.language.facts import Fact
from churnml.language.truth import names_reason
from churnml.rules.parsing import Rule

# Rules that people write take some hundreds of joined cases; the bound keeps a strange one to about a second.
MOST = 50_000
# holds; is known not to hold; does not hold (or is unknown); is not known not to hold
OPPOSITE = {"holds": "fails", "fails": "holds", "not holds": "not fails", "not fails": "not holds"}
NEGATED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
# Two facts compared are one relation of three.
RELATIONS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
RELATION = Fact("", "text", "", values=("<", "=", ">"))
Values: TypeAlias = frozenset[float | str]


@dataclass(frozen=True)
class Must:
    """What a fact would have to be.

    Args:
        known: known, missing, or (None) either.
        low, high: between what a number lies; ``above`` and ``below`` leave that end itself out.
        one_of: what it is one of; None anything.
        none_of: what it is not.
        has, lacks: patterns that its words match, and do not match.
    """

    known: bool | None = None
    low: float = -math.inf
    above: bool = False
    high: float = math.inf
    below: bool = False
    one_of: Values | None = None
    none_of: Values = frozenset()
    has: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()

    def also(self, other: Must) -> Must:
        """Both at once; ``known`` of the two must not contradict each other."""
        low, above = max((self.low, self.above), (other.low, other.above))
        high, below = min((self.high, not self.below), (other.high, not other.below))
        known = self.known if other.known is None else other.known
        sets = [one_of for one_of in (self.one_of, other.one_of) if one_of is not None]
        one_of = frozenset.intersection(*sets) if sets else None
        rest = self.none_of | other.none_of, self.has | other.has, self.lacks | other.lacks
        return Must(known, low, above, high, not below, one_of, *rest)

    def can_be(self, fact: Fact) -> bool:
        """Whether a fact can be that."""
        if self.known is False:
            return not fact.always
        if fact.kind == "words":
            return all(any(self._allows(code) for code in _codes(pattern, fact)) for pattern in self.has)
        if fact.kind == "text":
            possible = self.one_of
            if fact.values:
                possible = frozenset(fact.values) if possible is None else possible & frozenset(fact.values)
            return possible is None or bool(possible - self.none_of)
        low, high = (-math.inf if fact.low is None else fact.low), (math.inf if fact.high is None else fact.high)
        return self.also(Must(low=low, high=high))._has_a_number()

    def _allows(self, code: str) -> bool:
        return not any(names_reason(pattern, code) for pattern in self.lacks)

    def _has_a_number(self) -> bool:
        if self.one_of is not None:
            return any(self._lets(value) for value in self.one_of if isinstance(value, float))
        return self.low < self.high or self._lets(self.low)

    def _lets(self, value: float) -> bool:
        over = value > self.low or (value == self.low and not self.above)
        under = value < self.high or (value == self.high and not self.below)
        return over and under and value not in self.none_of


def _codes(pattern: str, fact: Fact) -> list[str]:
    """The codes a pattern can match."""
    return [code for code in fact.values if names_reason(pattern, code)] if fact.values else [pattern]


MISSING, KNOWN = Must(known=False), Must(known=True)
Case: TypeAlias = frozenset[tuple[str, Must]]
EVERYTHING: Case = frozenset()


class TooManyCasesError(Exception):
    """The rule falls into more cases than are looked at; caught here, never seen outside."""


def can_hold(*rules: Rule) -> bool:
    """False if it is certain that the rules never hold at once."""
    search = _Search(_facts(rules))
    try:
        return bool(search.all(search.cases(rule.tree, "holds") for rule in rules))
    except TooManyCasesError:
        return True


def implies(rule: Rule, other: Rule) -> bool:
    """True if it is certain that ``other`` holds wherever ``rule`` does."""
    search = _Search(_facts((rule, other)))
    try:
        return not search.all((search.cases(rule.tree, "holds"), search.cases(other.tree, "not holds")))
    except TooManyCasesError:
        return False


def idle_parts(rule: Rule) -> int:
    """How many of the alternatives joined by ``or`` at the top of a rule can never hold."""
    parts = rule.tree.parts if isinstance(rule.tree, Either) else ()
    return sum(not can_hold(replace(rule, tree=part)) for part in parts)


def _facts(rules: Iterable[Rule]) -> Mapping[str, Fact]:
    return {name: fact for rule in rules for name, fact in rule.facts.items()}


class _Search:
    """Takes rules apart into cases, as far as :data:`MOST` goes; a name that is no fact is a relation of two facts."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = facts
        self.joined = 0

    def cases(self, tree: Tree, asked: str) -> set[Case]:
        """The cases in which a tree does what is asked of it."""
        if isinstance(tree, Not):
            return self.cases(tree.part, OPPOSITE[asked])
        if isinstance(tree, Both | Either):
            parts = (self.cases(part, asked) for part in tree.parts)
            # all must: "and" for what holds, "or" for what does not
            every = isinstance(tree, Both) == (asked in ("holds", "not fails"))
            return self.all(parts) if every else {case for part in parts for case in part}
        if isinstance(tree, Missing):
            return self._possible([{tree.fact.name: MISSING if asked in ("holds", "not fails") else KNOWN}])
        known = _known(tree, negated=asked in ("fails", "not holds"))
        missing = [{name: MISSING} for name in known if name in self.facts] if asked.startswith("not ") else []
        return self._possible([known, *missing])

    def all(self, parts: Iterable[set[Case]]) -> set[Case]:
        """The cases in which every part has one; raises TooManyCasesError."""
        joint = {EVERYTHING}
        for part in parts:
            self.joined += len(joint) * len(part)
            if self.joined > MOST:
                raise TooManyCasesError
            joined = (self._join(dict(one), other) for one in joint for other in part)
            joint = {frozenset(case.items()) for case in joined if case is not None}
        return joint

    def _possible(self, cases: Iterable[Mapping[str, Must]]) -> set[Case]:
        possible = (case for case in cases if all(self._can_be(name, must) for name, must in case.items()))
        return {frozenset(case.items()) for case in possible}

    def _can_be(self, name: str, must: Must) -> bool:
        return must.can_be(self.facts.get(name, RELATION))

    def _join(self, case: dict[str, Must], other: Case) -> dict[str, Must] | None:
        """Two cases at once; None where that is impossible."""
        for name, must in other:
            known = case.get(name, Must())
            if known.known is not None and must.known is not None and known.known != must.known:
                return None
            case[name] = known.also(must)
            if not self._can_be(name, case[name]):
                return None
        return case


def _known(leaf: Compare | Within | Has, *, negated: bool) -> dict[str, Must]:
    """The case in which a condition holds, or is known not to."""
    name = leaf.fact.name
    if isinstance(leaf, Has):
        pattern = frozenset({str(leaf.pattern.value)})
        return {name: Must(True, lacks=pattern) if negated else Must(True, has=pattern)}
    if isinstance(leaf, Within):
        values = frozenset(value.value for value in leaf.values)
        return {name: Must(True, none_of=values) if negated else Must(True, one_of=values)}
    op = NEGATED[leaf.op] if negated else leaf.op
    if isinstance(leaf.other, Named):
        first, second = sorted((name, leaf.other.name))
        relation = RELATIONS[op] if first == name else RELATIONS[op].translate(str.maketrans("<>", "><"))
        return {first: KNOWN, second: KNOWN, f"{first} {second}": Must(True, one_of=frozenset(relation))}
    value = leaf.other.value
    if op == "==":
        return {name: Must(True, one_of=frozenset({value}))}
    if op == "!=" or isinstance(value, str):
        return {name: Must(True, none_of=frozenset({value}))}
    leaves_out = op in ("<", ">")
    if op in ("<", "<="):
        return {name: Must(True, high=value, below=leaves_out)}
    return {name: Must(True, low=value, above=leaves_out)}
