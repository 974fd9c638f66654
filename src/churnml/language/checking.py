"""Whether what a rule asks can be asked: a rule is checked against the facts there are before anybody is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from churnml.errors import SpecError, UnknownNameError
from churnml.language.expressions import Compare, Constant, Has, Leaf, Named, Tree, Within, place, read
from churnml.language.facts import YES_NO, Fact, FactKind
from churnml.language.truth import leaves, names_reason


def read_checked(text: str, where: str, known: Mapping[str, Fact]) -> tuple[Tree, Mapping[str, Fact]]:
    """The tree of the rule ``text``, and name → fact of all it asks for.

    Args:
        text: the rule.
        where: the file and key it stands in, for errors.
        known: name → fact, of all there are.

    Raises:
        SpecError: it is no rule, or asks of a fact what cannot be asked.
        UnknownNameError: a fact, or a value of one, that is not there.
    """
    tree = read(text, where, frozenset(name for name, fact in known.items() if fact.values == YES_NO))
    check = _Check(text, where, known, {})
    for leaf in leaves(tree):
        check(leaf)
    return tree, check.asked


@dataclass(frozen=True)
class _Check:
    """Refuses conditions that ask for what is not there or make no sense; notes the facts that are asked for."""

    text: str
    where: str
    known: Mapping[str, Fact]
    asked: dict[str, Fact]

    def __call__(self, leaf: Leaf) -> None:
        if isinstance(leaf, Compare):
            self._comparison(leaf)
            return
        fact = self._fact(leaf.fact)
        if isinstance(leaf, Within):
            for value in leaf.values:
                self._fits(fact, leaf.fact, value)
        elif isinstance(leaf, Has):
            self._pattern(fact, leaf)

    def _place(self, at: int) -> str:
        return place(self.where, self.text, at)

    def _wrong(self, what: str, at: int, remedy: str) -> NoReturn:
        raise SpecError(what, where=self._place(at), remedy=remedy)

    def _fact(self, named: Named, *, beside_text: bool = False) -> Fact:
        fact = self.known.get(named.name)
        if fact is None:
            self._unknown(named, beside_text)
        if fact.lacks:
            self._wrong(f"The rule asks for {named.name}, which this project does not have.", named.at, fact.lacks)
        self.asked[named.name] = fact
        return fact

    def _unknown(self, named: Named, beside_text: bool) -> NoReturn:
        group, dot, _ = named.name.partition(".")
        alike = [name for name in self.known if (name.startswith(f"{group}.") if dot else "." not in name)]
        if beside_text and not dot:
            remedy = f"If it is a text, put it in quotes: '{named.name}'."
            self._wrong(f"There is no fact named '{named.name}'.", named.at, remedy)
        raise UnknownNameError("fact", named.name, alike or self.known, where=self._place(named.at))

    def _comparison(self, leaf: Compare) -> None:
        if isinstance(leaf.other, Constant):
            fact = self._fact(leaf.fact)
            self._fits(fact, leaf.fact, leaf.other)
        else:
            if leaf.fact.name == leaf.other.name:
                what = f"The rule compares {leaf.fact.name} with itself."
                self._wrong(what, leaf.at, "Compare it with something else.")
            one, other = self._two_facts(leaf.fact, leaf.other)
            if one.kind != other.kind:
                kinds = f"{one.name}, which is {_article(one.kind)}, with {other.name}, which is {_article(other.kind)}"
                self._wrong(f"The rule compares {kinds}.", leaf.at, "Compare like with like.")
            fact = one
        self._one_value(fact, leaf.at)
        if fact.kind == "text" and leaf.op not in ("==", "!="):
            self._wrong(f"{fact.name} is a text and has no order.", leaf.at, "Use '==', '!=' or 'in [...]'.")

    def _one_value(self, fact: Fact, at: int) -> None:
        if fact.kind == "words":
            remedy = f"Write {fact.name} has 'usage.*', or not {fact.name} has 'usage.*'."
            self._wrong(f"{fact.name} holds several codes and cannot be compared.", at, remedy)

    def _two_facts(self, left: Named, right: Named) -> tuple[Fact, Fact]:
        """Both facts; where one is unknown and the other a text, quotes were probably forgotten."""
        facts = [self.known.get(named.name) for named in (left, right)]
        beside_text = any(fact is not None and fact.kind == "text" for fact in facts)
        return self._fact(left, beside_text=beside_text), self._fact(right, beside_text=beside_text)

    def _fits(self, fact: Fact, named: Named, value: Constant) -> None:
        self._one_value(fact, named.at)
        if fact.kind != _kind(value):
            remedy = "Leave the quotes out." if fact.kind == "number" else "Put the text in quotes."
            what = f"{fact.name} is {_article(fact.kind)}, and is compared with {_article(_kind(value))}."
            self._wrong(what, value.at, remedy)
        if fact.values and value.value not in fact.values:
            raise UnknownNameError(fact.name, str(value.value), fact.values, where=self._place(value.at))

    def _pattern(self, fact: Fact, leaf: Has) -> None:
        if fact.kind != "words":
            what = f"{fact.name} is {_article(fact.kind)}; only reasons and growth_reasons have codes."
            remedy = f"Compare it: {fact.name} {'>= 1' if fact.kind == 'number' else '== ...'}"
            self._wrong(what, leaf.fact.at, remedy)
        pattern = str(leaf.pattern.value)
        groups = sorted({code.partition(".")[0] + ".*" for code in fact.values})
        if fact.values and not any(names_reason(pattern, code) for code in fact.values):
            raise UnknownNameError("reason code", pattern, [*fact.values, *groups], where=self._place(leaf.pattern.at))


def _kind(value: Constant) -> FactKind:
    return "text" if isinstance(value.value, str) else "number"


def _article(kind: FactKind) -> str:
    return "several texts" if kind == "words" else f"a {kind}"
