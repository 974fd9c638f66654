"""The language of rules: from text to a tree, by hand, so that no text can ever become code.

    rule      = all {"or" all}
    all       = term {"and" term}
    term      = "not" term | "(" rule ")" | condition
    condition = value compare value {compare value}      0 <= days_to_renewal <= 90
              | fact ["not"] "in" "[" constants "]"      segment in ['smb', 'mid']
              | fact ["not"] "has" text                  reasons has 'usage.*'
              | fact "is" ["not"] "missing"
    value     = fact | number | text
    compare   = "==" | "!=" | "<" | "<=" | ">" | ">="
    fact      = name | name "." name | name "." text     feature.usage_active_days_28d

There are no functions, no arithmetic and nothing else. What the names mean is not known here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from churnml.errors import SpecError, nearest

# Far more than anybody writes; a bound on what a text can make the program do.
LONGEST, DEEPEST = 4_000, 30
KEYWORDS = ("and", "or", "not", "in", "has", "is", "missing")
# what a fact that holds or not is, and what may follow one that stands by itself
YES, NO, AFTER = "yes", "no", ("and", "or", ")")
FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# How much of a long line is shown around a mistake.
SHOWN = 70


@dataclass(frozen=True)
class Named:
    """A fact by its name; ``at`` is where in the text it stands."""

    name: str
    at: int


@dataclass(frozen=True)
class Constant:
    """A number or a text."""

    value: float | str
    at: int


@dataclass(frozen=True)
class Compare:
    """``fact op fact`` or ``fact op constant``; a constant never stands on the left."""

    fact: Named
    op: str
    other: Named | Constant
    at: int


@dataclass(frozen=True)
class Within:
    """The fact is one of the constants."""

    fact: Named
    values: tuple[Constant, ...]


@dataclass(frozen=True)
class Has:
    """One of the fact's words is the pattern, or begins as a pattern ending in ``.*`` does."""

    fact: Named
    pattern: Constant


@dataclass(frozen=True)
class Missing:
    """The fact is not known."""

    fact: Named


@dataclass(frozen=True)
class Both:
    """All parts hold."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Either:
    """A part holds."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Not:
    """The part is known not to hold."""

    part: Tree


Leaf: TypeAlias = Compare | Within | Has | Missing
Tree: TypeAlias = Leaf | Both | Either | Not


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int


TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<number>[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<text>'[^'\n]*'|"[^"\n]*")
    |(?P<compare>==|!=|<=|>=|<(?![>=])|>)
    |(?P<mark>[\[\](),.\-])""",
    re.VERBOSE,
)
# What people write who know another language, and what it is called here.
ELSEWHERE = {
    "=": "Compare with '=='.",
    "&": "Write 'and'.",
    "|": "Write 'or'.",
    "!": "Write 'not', or '!=' for unequal.",
    "<>": "Write '!=' for unequal.",
    "%": "Write a share as a number from 0 to 1: 0.2 for 20 %.",
    **dict.fromkeys("+/", "There is no arithmetic in rules; write the number."),
    "*": "There is no arithmetic in rules; write the number. 'usage.*' goes in quotes.",
    "{": "A list stands in square brackets.",
    ":": "There is no ':' in rules; docs/playbooks.md shows all there is.",
    **dict.fromkeys("'\"", "Close the quote on the same line."),
    **dict.fromkeys("‘’“”", "Use straight quotes: '."),
    "≥": "Write '>='.",
    "≤": "Write '<='.",
    "≠": "Write '!='.",
}
ANOTHER = "docs/playbooks.md shows all that may stand in a rule."


def read(text: str, where: str, flags: frozenset[str] = frozenset()) -> Tree:
    """The rule ``text`` as a tree; raises SpecError that points at the first mistake.

    A fact among ``flags`` is a condition by itself: ``paying`` is ``paying == 'yes'``.
    """
    if len(text) > LONGEST:
        raise SpecError(
            f"The rule is {len(text):,} characters long; the most is {LONGEST:,}.",
            where=where,
            remedy="Say it shorter: 'in [...]' takes a list.",
        )
    return _Reader(text, where, flags).rule()


def place(where: str, text: str, at: int) -> str:
    """``where`` with the line of ``text`` and a caret under position ``at``."""
    start = text.rfind("\n", 0, at) + 1
    line = text[start:].split("\n", 1)[0]
    column = at - start
    cut = max(0, column - SHOWN // 2)
    shown = "".join(c if c.isprintable() else "·" for c in line[cut : cut + SHOWN])
    lead = "…" if cut else ""
    number = f"line {text.count(chr(10), 0, at) + 1}, " if "\n" in text.strip() else ""
    return f"{where}, {number}column {column + 1}\n    {lead}{shown}\n    {' ' * (column - cut + len(lead))}^"


class _Reader:
    """Reads a rule from left to right, a function a line of the grammar above."""

    def __init__(self, text: str, where: str, flags: frozenset[str]) -> None:
        self.text, self.where, self.flags = text, where, flags
        self.tokens = self._tokens()
        self.next = 0
        self.depth = 0

    def _tokens(self) -> list[Token]:
        tokens, at = [], 0
        while at < len(self.text):
            match = TOKEN.match(self.text, at)
            if match is None:
                sign = "<>" if self.text.startswith("<>", at) else self.text[at]
                shown = sign if sign.isprintable() else f"U+{ord(sign):04X}"
                raise self._wrong(f"{shown} cannot stand here.", at, ELSEWHERE.get(sign, ANOTHER))
            if match.lastgroup != "space":
                tokens.append(Token(str(match.lastgroup), match.group(), at))
            at = match.end()
        return [*tokens, Token("end", "", len(self.text.rstrip()))]

    def _wrong(self, what: str, at: int, remedy: str = ANOTHER) -> SpecError:
        return SpecError(f"The rule cannot be read: {what}", where=place(self.where, self.text, at), remedy=remedy)

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def _is(self, *words: str) -> bool:
        return self.token.kind in ("name", "mark") and self.token.text in words

    def _take(self) -> Token:
        token = self.token
        self.next += token.kind != "end"
        return token

    def _takes(self, word: str) -> bool:
        """Whether the word stands here; it is passed then."""
        there = self._is(word)
        self.next += there
        return there

    def _need(self, word: str, what: str) -> None:
        if not self._takes(word):
            raise self._unexpected(what)

    def _unexpected(self, wanted: str) -> SpecError:
        token = self.token
        if token.kind == "end":
            return self._wrong(f"{wanted} is missing at the end.", token.at)
        remedy = ANOTHER
        if token.text == "(":
            remedy = "Rules call no functions; a list stands in square brackets."
        elif token.text == "-":
            remedy = "There is no arithmetic in rules; write the number."
        elif token.kind == "name" and (near := nearest(token.text, KEYWORDS)):
            remedy = f"Did you mean '{near}'?"
        return self._wrong(f"here should be {wanted}, not {token.text}.", token.at, remedy)

    def rule(self) -> Tree:
        tree = self._any()
        if self.token.kind != "end":
            raise self._unexpected("'and', 'or' or the end")
        return tree

    def _any(self) -> Tree:
        return self._deeper(lambda: self._joined("or", lambda: self._joined("and", self._term, Both), Either))

    def _deeper(self, part: Callable[[], Tree]) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._wrong("it is nested too deeply.", self.token.at, "Say it with fewer brackets and 'not'.")
        tree = part()
        self.depth -= 1
        return tree

    def _joined(self, word: str, part: Callable[[], Tree], kind: type[Both] | type[Either]) -> Tree:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else kind(tuple(parts))

    def _term(self) -> Tree:
        if self._takes("not"):
            return Not(self._deeper(self._term))
        if self._takes("("):
            inner = self._any()
            self._need(")", "')'")
            return inner
        return self._condition()

    def _condition(self) -> Tree:
        first = self._value()
        if self.token.kind == "compare":
            return self._chain(first)
        if isinstance(first, Named) and first.name in self.flags and (self.token.kind == "end" or self._is(*AFTER)):
            return Compare(first, "==", Constant(YES, first.at), first.at)
        negated = self._takes("not")
        if negated and not self._is("in", "has"):
            raise self._unexpected("'in' or 'has'")
        if not self._is("in", "has", "is"):
            raise self._unexpected("a comparison, 'in', 'has' or 'is missing'")
        word = self._take()
        if not isinstance(first, Named):
            raise self._wrong(f"before '{word.text}' stands a fact, not a constant.", first.at)
        if word.text == "in":
            tree: Tree = Within(first, self._list())
        elif word.text == "has":
            tree = Has(first, self._pattern())
        else:
            negated = self._takes("not")
            self._need("missing", "'missing'")
            tree = Missing(first)
        return Not(tree) if negated else tree

    def _chain(self, left: Named | Constant) -> Tree:
        parts: list[Tree] = []
        while self.token.kind == "compare":
            op = self._take()
            right = self._value()
            if isinstance(left, Named):
                parts.append(Compare(left, op.text, right, op.at))
            elif isinstance(right, Named):
                parts.append(Compare(right, FLIPPED[op.text], left, op.at))
            else:
                raise self._wrong("it compares two constants.", op.at, "Compare a fact with one of them.")
            left = right
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _list(self) -> tuple[Constant, ...]:
        self._need("[", "a list in square brackets")
        values = [self._constant()]
        while self._takes(","):
            if self._is("]"):
                break
            values.append(self._constant())
        self._need("]", "']' or ','")
        return tuple(values)

    def _pattern(self) -> Constant:
        if self.token.kind != "text":
            raise self._unexpected("a reason code in quotes")
        return self._constant()

    def _constant(self) -> Constant:
        value = self._value()
        if isinstance(value, Named):
            raise self._wrong(
                f"here should be a number or a text, not the name {value.name}.",
                value.at,
                f"If it is a text, put it in quotes: '{value.name}'.",
            )
        return value

    def _value(self) -> Named | Constant:
        token = self.token
        if token.kind == "name" and token.text not in KEYWORDS:
            return self._fact()
        if token.kind == "text":
            self._take()
            return Constant(token.text[1:-1], token.at)
        negative = self._takes("-")
        if self.token.kind == "number":
            number = float(self._take().text)
            if not math.isfinite(number):
                raise self._wrong("the number is too large.", token.at)
            return Constant(-number if negative else number, token.at)
        raise self._unexpected("a number" if negative else "a fact, a number or a text")

    def _fact(self) -> Named:
        token = self._take()
        if not self._takes("."):
            return Named(token.text, token.at)
        if self.token.kind not in ("name", "text"):
            raise self._unexpected("a name after the '.'")
        last = self._take()
        return Named(f"{token.text}.{last.text[1:-1] if last.kind == 'text' else last.text}", token.at)
