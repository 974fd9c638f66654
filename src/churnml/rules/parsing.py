"""Rules over the named facts of an account: what they may ask, whom they hold for, and why.

A fact that is not known makes nothing hold: neither ``mrr >= 3`` nor ``not mrr >= 3``, neither ``segment == 'smb'`` nor
``segment != 'smb'``. A condition holds, does not hold, or is unknown; ``and``, ``or`` and ``not`` join the three as
Kleene's logic does, so ``band == 'at_risk' or churn_lift >= 2`` holds of an account at risk without a known lift. Only
what holds counts. ``mrr is missing`` asks for what is not known. The grammar is in :mod:`churnml.rules.expressions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.errors import SpecError, UnknownNameError
from churnml.features import Unit, words_for
from churnml.rules.expressions import (
    Both,
    Compare,
    Constant,
    Either,
    Has,
    Leaf,
    Missing,
    Named,
    Not,
    Tree,
    Within,
    place,
    read,
)
from churnml.rules.facts import POINTS, TIMES, Fact, FactKind
from churnml.scoring.wording import written

Mask = NDArray[np.bool_]
Truth = tuple[Mask, Mask]
# Places among the accounts of a day, and what for.
RANKED: Mapping[str, str] = {"churn_rank": "leave", "upsell_rank": "grow"}
ORDERING: Mapping[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True)
class Rule:
    """A rule that was read and checked: its text as declared, and name → fact of all it asks for."""

    text: str
    names: frozenset[str]
    tree: Tree = field(repr=False)
    facts: Mapping[str, Fact] = field(repr=False)

    def holds(self, facts: pd.DataFrame) -> Mask:
        """Of which rows it holds, shape (rows,). A column that is not there is a fact that is missing."""
        return _truth(self.tree, _Columns(facts, len(facts), self.facts))[0]

    def because(self, row: Mapping[str, object]) -> tuple[str, ...]:
        """The conditions that make it hold of one account, in words; empty where it does not hold.

        Texts and reason codes in it are the user's own data: escape them where they are shown.
        """
        columns = _Columns({name: _OneRow(row.get(name)) for name in self.names}, 1, self.facts)
        if not _truth(self.tree, columns)[0][0]:
            return ()
        return tuple(dict.fromkeys(_conditions(self.tree, True, columns)))


def parse_rule(text: str, where: str, known: Mapping[str, Fact]) -> Rule:
    """The rule that ``text`` declares.

    Args:
        text: the rule.
        where: the file and key it stands in, for errors.
        known: name → fact, of all there are (:func:`churnml.rules.facts.known_facts`).

    Raises:
        SpecError: it is no rule, or asks of a fact what cannot be asked.
        UnknownNameError: a fact, or a band, stage, scorecard or reason code that is not there.
    """
    tree = read(text, where)
    check = _Check(text, where, known, {})
    for leaf in leaves(tree):
        check(leaf)
    return Rule(text, frozenset(check.asked), tree, check.asked)


def leaves(tree: Tree) -> Iterator[Leaf]:
    """Its conditions, from left to right."""
    if isinstance(tree, Both | Either):
        for part in tree.parts:
            yield from leaves(part)
    elif isinstance(tree, Not):
        yield from leaves(tree.part)
    else:
        yield tree


def names_reason(pattern: str, code: str) -> bool:
    """Whether a reason pattern names a code: ``usage.*`` names all that begins with ``usage.``."""
    return code == pattern or (pattern.endswith(".*") and code.startswith(pattern[:-1]))


# ---------------------------------------------------------------- whether what a rule asks can be asked


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


# ---------------------------------------------------------------- of whom a rule holds


@dataclass(frozen=True)
class _OneRow:
    """A column of one row, read as a frame's; a frame made for every account would take most of the time."""

    value: object

    def to_numpy(self, dtype: str | type, na_value: float | None = None) -> np.ndarray:
        column = np.empty(1, dtype=dtype)
        column[0] = na_value if self.value is None or self.value is pd.NA else self.value
        return column


class _Columns:
    """Facts as arrays of so many rows, each made once."""

    def __init__(self, columns: pd.DataFrame | Mapping[str, _OneRow], rows: int, facts: Mapping[str, Fact]) -> None:
        self.columns, self.rows, self.facts = columns, rows, facts
        self._made: dict[str, tuple[np.ndarray, Mask]] = {}

    def __call__(self, name: str) -> tuple[np.ndarray, Mask]:
        """Values, and whether each is known; both of the shape (rows,)."""
        if name not in self._made:
            self._made[name] = self._values(name)
        return self._made[name]

    def _values(self, name: str) -> tuple[np.ndarray, Mask]:
        if name not in self.columns:
            return np.full(self.rows, None, dtype=object), np.zeros(self.rows, dtype=bool)
        column, kind = self.columns[name], self.facts[name].kind
        if kind == "number":
            numbers = column.to_numpy(dtype="float64", na_value=np.nan)
            return numbers, ~np.isnan(numbers)
        values = column.to_numpy(dtype=object)
        if kind == "words":
            # what is no collection of codes is not known
            return values, np.array([isinstance(value, tuple | list | np.ndarray) for value in values], dtype=bool)
        return values, ~pd.isna(values)


def _truth(tree: Tree, columns: _Columns) -> Truth:
    """Where it holds and where it is known not to; where neither, it is unknown."""
    if isinstance(tree, Not):
        holds, fails = _truth(tree.part, columns)
        return fails, holds
    if isinstance(tree, Both | Either):
        parts = [_truth(part, columns) for part in tree.parts]
        every = reduce(np.logical_and, [part[isinstance(tree, Either)] for part in parts])
        some = reduce(np.logical_or, [part[isinstance(tree, Both)] for part in parts])
        return (every, some) if isinstance(tree, Both) else (some, every)
    values, known = columns(tree.fact.name)
    if isinstance(tree, Missing):
        return ~known, known
    if isinstance(tree, Compare):
        compare, other = ORDERING[tree.op], tree.other
        if isinstance(other, Named):
            others, also = columns(other.name)
            known = known & also
            holds = _where(known, lambda: compare(values[known], others[known]))
        else:
            holds = _where(known, lambda: compare(values[known], other.value))
    elif isinstance(tree, Within):
        wanted = {one.value for one in tree.values}
        holds = _where(known, lambda: [value in wanted for value in values[known]])
    else:
        pattern = str(tree.pattern.value)
        holds = _where(known, lambda: [any(names_reason(pattern, code) for code in codes) for codes in values[known]])
    return holds, known & ~holds


def _where(known: Mask, answer: Callable[[], np.ndarray | list[bool]]) -> Mask:
    """The answer where it is known, elsewhere False."""
    holds = np.zeros(len(known), dtype=bool)
    if known.any():
        holds[known] = np.asarray(answer(), dtype=bool)
    return holds


# ---------------------------------------------------------------- why, in words


def _conditions(tree: Tree, wanted: bool, columns: _Columns) -> Iterator[str]:
    """The conditions by which a tree is ``wanted``, in words; nothing where it is not."""
    if isinstance(tree, Not):
        yield from _conditions(tree.part, not wanted, columns)
    elif not _truth(tree, columns)[0 if wanted else 1][0]:
        return
    elif isinstance(tree, Both | Either):
        for part in tree.parts:
            yield from _conditions(part, wanted, columns)
    elif isinstance(tree, Has):
        pattern = str(tree.pattern.value)
        codes = [code for code in columns(tree.fact.name)[0][0] if names_reason(pattern, code)]
        kind = "reason to grow" if tree.fact.name == "growth_reasons" else "reason"
        about = pattern.removesuffix(".*").replace("_", " ") if "*" in pattern else words_for(pattern)
        yield f"a {kind} is {words_for(codes[0])}" if wanted else f"no {kind} is about {about}"
    else:
        yield _value(columns.facts[tree.fact.name], *columns(tree.fact.name))
        if isinstance(tree, Compare) and isinstance(tree.other, Named):
            yield _value(columns.facts[tree.other.name], *columns(tree.other.name))


def _value(fact: Fact, values: np.ndarray, known: Mask) -> str:
    """A fact as it is, in words."""
    name, value = fact.name, values[0]
    if not known[0]:
        return f"{_called(fact)} is not known"
    if name == "days_to_renewal":
        days = written(abs(value), Unit.DAYS)
        return f"it renews in {days}" if value >= 0 else f"its renewal was due {days} ago"
    if name == "tenure_days":
        return f"it has been a customer for {written(value, Unit.DAYS)}"
    if name == "health_change":
        return f"health is {'down' if value < 0 else 'up'} {_short(abs(value))} points since it was last scored"
    if name in RANKED:
        return f"it is among the {_short(max(value * 100, 0.1))} % of accounts likeliest to {RANKED[name]}"
    if fact.unit == TIMES:
        return f"{_called(fact)} is {value:.1f} times as likely as usual"
    if fact.kind == "words":
        return f"{_called(fact)} are {', '.join(value) or 'none'}"
    if fact.kind == "text":
        words = str(value).replace("_", " ") if name in ("band", "stage", "scorecard") else str(value)
        return f"{_called(fact)} is {words}"
    words = _written(value, fact.unit)
    return f"{_called(fact)}: {words}" if name.startswith("feature.") else f"{_called(fact)} is {words}"


def _written(value: float, unit: str) -> str:
    if unit == Unit.SHARE:
        return f"{_short(value * 100)} %"
    return _short(value) if unit in (POINTS, Unit.COUNT) else written(value, unit)


def _called(fact: Fact) -> str:
    """What a person calls a fact."""
    group, _, last = fact.name.partition(".")
    if group == "feature":
        return fact.means
    if last:
        return f"{last.replace('_', ' ')} dimension" if group == "dimension" else last.replace("_", " ")
    if fact.unit == TIMES:
        return fact.name.removesuffix("_lift")
    return {"mrr": "MRR", "mrr_at_risk": "MRR at risk", "owner_id": "its owner"}.get(
        fact.name, fact.name.replace("_", " ")
    )


def _short(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
