"""Rules drawn from their grammar hold of whom a slow, obvious reading says, and no text does anything but be read.

A drawn rule comes as its text and as plain Python that says True, False or None (unknown) of one row; that reading knows
nothing of tokens, trees, arrays or cases.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from churnml.errors import ChurnmlError
from churnml.features import FAMILIES
from churnml.language.expressions import DEEPEST, LONGEST
from churnml.language.facts import Fact
from churnml.rules.cases import can_hold, implies
from churnml.rules.facts import FACTS
from churnml.rules.parsing import Rule, parse_rule
from tests.support import facts_of_rows

Row = Mapping[str, Any]
BANDS, CODES = ("healthy", "watch", "at_risk"), ("usage.recency", "usage.active_days", "tickets.backlog")
KNOWN: dict[str, Fact] = {
    **FACTS,
    "band": Fact("band", "text", "", values=BANDS, always=True),
    "reasons": Fact("reasons", "words", "", values=tuple(FAMILIES), always=True),
    "feature.seats": Fact("feature.seats", "number", "seats"),
}
NUMBERS, TEXTS = ("health", "churn_lift", "mrr", "feature.seats"), {"band": BANDS, "segment": ("smb", "mid", "it's")}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
drawn = settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@dataclass(frozen=True)
class Drawn:
    """A rule as text, what it says of a row, and whether it needs brackets within another."""

    text: str
    says: Callable[[Row], bool | None]
    loose: bool = False

    @property
    def bracketed(self) -> str:
        return f"({self.text})"


def _asked(names: tuple[str, ...], says: Callable[..., bool]) -> Callable[[Row], bool | None]:
    """Unknown as soon as one of the facts is."""

    def of_row(row: Row) -> bool | None:
        values = [row.get(name) for name in names]
        return None if any(value is None for value in values) else says(*values)

    return of_row


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


@st.composite
def conditions(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(["number", "flipped", "chain", "in", "facts", "text", "texts", "has", "missing"]))
    name, op = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(list(COMPARE)))
    a, b = draw(st.integers(-1, 4)), draw(st.sampled_from([0, 1, 2.5, 4]))
    if kind == "number":
        return Drawn(f"{name} {op} {a}", _asked((name,), lambda x: COMPARE[op](x, a)))
    if kind == "flipped":
        return Drawn(f"{b}{op}{name}", _asked((name,), lambda x: COMPARE[op](b, x)))
    if kind == "chain":
        other = draw(st.sampled_from(list(COMPARE)))
        return Drawn(
            f"{a} {op} {name} {other} {b}", _asked((name,), lambda x: COMPARE[op](a, x) and COMPARE[other](x, b))
        )
    if kind == "in":
        return Drawn(f"{name} in [{a}, {b}]", _asked((name,), lambda x: x in (a, b)))
    if kind == "facts":
        second = draw(st.sampled_from([n for n in NUMBERS if n != name]))
        return Drawn(f"{name} {op} {second}", _asked((name, second), lambda x, y: COMPARE[op](x, y)))
    word = draw(st.sampled_from(list(TEXTS)))
    if kind == "text":
        value, op = draw(st.sampled_from(TEXTS[word])), draw(st.sampled_from(["==", "!="]))
        return Drawn(f"{word} {op} {quoted(value)}", _asked((word,), lambda x: COMPARE[op](x, value)))
    if kind == "texts":
        values = draw(st.lists(st.sampled_from(TEXTS[word]), min_size=1, max_size=3))
        inside = draw(st.booleans())
        listed = ", ".join(quoted(value) for value in values)
        return Drawn(
            f"{word} {'in' if inside else 'not in'} [{listed}]", _asked((word,), lambda x: (x in values) == inside)
        )
    if kind == "has":
        pattern = draw(st.sampled_from([*CODES, "usage.*", "tickets.*"]))
        begin = pattern.removesuffix("*")
        hit = (lambda code: code.startswith(begin)) if pattern.endswith("*") else (lambda code: code == pattern)
        return Drawn(f"reasons has '{pattern}'", _asked(("reasons",), lambda codes: any(hit(code) for code in codes)))
    name = draw(st.sampled_from([*NUMBERS, "segment"]))
    gone = draw(st.booleans())
    return Drawn(f"{name} is {'' if gone else 'not '}missing", lambda row: (row.get(name) is None) == gone)


def _not(part: Drawn) -> Drawn:
    def says(row: Row) -> bool | None:
        said = part.says(row)
        return None if said is None else not said

    return Drawn(f"not {part.bracketed if part.loose else part.text}", says)


def _both(parts: list[Drawn]) -> Drawn:
    def says(row: Row) -> bool | None:
        said = [part.says(row) for part in parts]
        return False if False in said else None if None in said else True

    # an "and" within an "and" is the same without brackets; only an "or" needs them
    text = " and ".join(part.bracketed if " or " in part.text else part.text for part in parts)
    return Drawn(text, says, loose=True)


def _either(parts: list[Drawn]) -> Drawn:
    def says(row: Row) -> bool | None:
        said = [part.says(row) for part in parts]
        return True if True in said else None if None in said else False

    return Drawn(" or ".join(part.text for part in parts), says, loose=True)


def joined(parts: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    several = st.lists(parts, min_size=2, max_size=3)
    return st.one_of(parts.map(_not), several.map(_both), several.map(_either))


RULES = st.recursive(conditions(), joined, max_leaves=8)


def rows(of_numbers: st.SearchStrategy[float], always: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    def perhaps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.none() | values

    given = {name: perhaps(of_numbers) for name in NUMBERS} | {"segment": perhaps(st.sampled_from(TEXTS["segment"]))}
    sure = {"band": st.sampled_from(BANDS), "reasons": st.lists(st.sampled_from(CODES), unique=True).map(tuple)}
    given |= sure if always else {name: perhaps(values) for name, values in sure.items()}
    return st.lists(st.fixed_dictionaries(given), min_size=1, max_size=12)


@drawn
@given(RULES, rows(st.sampled_from([-1.0, 0.0, 1.0, 2.0, 2.5, 4.0]), always=False))
def test_a_rule_holds_of_whom_a_slow_and_obvious_reading_says(rule: Drawn, accounts: list[dict[str, Any]]) -> None:
    frame = facts_of_rows([{"account_id": str(i)} | row for i, row in enumerate(accounts)], ["feature.seats"])
    read = parse_rule(rule.text, "drawn", KNOWN)
    wanted = [rule.says(row) is True for row in accounts]
    assert read.holds(frame).tolist() == wanted, rule.text
    assert [bool(read.because(row)) for row in accounts] == wanted, "what holds says why, and nothing else does"
    opposite = parse_rule(f"not ({rule.text})", "drawn", KNOWN)
    assert opposite.holds(frame).tolist() == [rule.says(row) is False for row in accounts]


IN_RANGE = rows(st.sampled_from([0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0]), always=True)


@drawn
@given(RULES, RULES, IN_RANGE)
def test_what_is_proved_of_rules_is_true_of_every_account(
    one: Drawn, two: Drawn, accounts: list[dict[str, Any]]
) -> None:
    first, second = parse_rule(one.text, "drawn", KNOWN), parse_rule(two.text, "drawn", KNOWN)
    for row in accounts:
        holds, also = one.says(row) is True, two.says(row) is True
        assert not holds or can_hold(first), one.text
        assert not (holds and also) or can_hold(first, second), (one.text, two.text)
        assert not holds or also or not implies(first, second), (one.text, two.text)


@pytest.mark.parametrize(
    ("one", "two", "proved"),
    [
        # the positive control of the above: these proofs are found
        ("health < 30", "health < 40", True),
        ("health <= 40", "health < 40", False),
        ("health < 40", "not health >= 40", True),
        ("band == 'watch'", "band != 'healthy'", True),
        ("band != 'healthy'", "band in ['watch', 'at_risk']", True),
        ("segment != 'smb'", "segment in ['mid']", False),
        ("health < 30 and mrr > 5", "health < 40 or churn_lift > 2", True),
        ("health < 30 or mrr > 5", "health < 40", False),
        ("reasons has 'usage.recency'", "reasons has 'usage.*'", True),
        ("reasons has 'usage.*'", "reasons has 'usage.recency'", False),
        ("mrr > 3", "mrr is not missing", True),
        # a fact that is not known makes neither hold
        ("band == 'watch'", "mrr > 3 or mrr <= 3", False),
        ("mrr is not missing", "mrr > 3 or mrr <= 3", True),
        ("mrr is missing or mrr < 3", "not mrr >= 3", False),
        ("not (health < 3 and mrr is missing)", "health >= 3 or mrr is not missing", True),
        ("health < mrr", "mrr > health", True),
        ("health < mrr", "health != mrr", True),
        ("churn_lift > 2", "churn_probability >= 0 or churn_lift >= 0", True),
    ],
)
def test_one_rule_implies_another_where_that_can_be_shown(one: str, two: str, proved: bool) -> None:
    assert implies(parse_rule(one, "a", KNOWN), parse_rule(two, "b", KNOWN)) == proved


def test_a_rule_of_very_many_cases_is_believed_rather_than_looked_through() -> None:
    names = [name for name, fact in FACTS.items() if fact.kind == "number"]
    wide = " and ".join(f"({name} < 0.1 or {name} == 0.5 or {name} > 0.7)" for name in names)
    rule = parse_rule(f"({wide}) and health > 80 and health < 20", "wide", KNOWN)
    assert can_hold(rule)
    assert not implies(parse_rule(wide, "wide", KNOWN), rule)


# ---------------------------------------------------------------- texts that are no rules

ATTACKS = (
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "exec('import os')",
    "open('/etc/passwd')",
    "(lambda: health)()",
    "f'{health}'",
    "(health := 3)",
    "[health for health in [1]] == 1",
    "health if mrr else 3",
    "health ** 9999999999 > 1",
    "9" * 3000 + " < health",
    "health < 1e999",
    "health < 0x10",
    "health < 1_",
    "health < .5",
    "health <> 3",
    "'" * 3,
    "health == 'a' 'b'",
    "health == '\\''",
    "(" * LONGEST,
    "not " * 900 + "health < 3",
    "-" * 3000 + "3 < health",
    "(" * 900 + "health < 3" + ")" * 900,
    "[" * 3000,
    "health in " + "[" * 500 + "1" + "]" * 500,
    "health < 3 and " * 250 + "health < 3",
    "health" + ".x" * 1000 + " < 3",
    "0 < " * 900 + "health",
    "health < 3\x00",
    "health\u00a0< 3",
    "hеalth < 3",
    "health < ٣",
    "health < 3 # a comment",
    "health < 3; mrr > 3",
    "\ud800 < 3",
    "",
    " \n\t ",
    "feature.'__class__' is missing",
    "attribute.'; DROP TABLE x' == '=1+1'",
)
ITEMS = ["and", "or", "not", "in", "has", "is", "missing", "(", ")", "[", "]", ",", ".", "-", "==", "<", ">=", "=", "3", "0.5",
          "1e9", "'smb'", "\"x\"", "'usage.*'", "health", "band", "reasons", "feature.seats", "feature.", "\n", "lambda", "{"]  # fmt: skip


def _read(text: str) -> Rule | ChurnmlError:
    try:
        return parse_rule(text, "anywhere", KNOWN)
    except ChurnmlError as refused:
        return refused


def _read_or_refused(text: str) -> None:
    read = _read(text)
    if isinstance(read, ChurnmlError):
        assert read.what
        assert read.where.startswith("anywhere")
    else:
        assert read.holds(pd.DataFrame({"account_id": ["a"], "health": [30.0]})).shape == (1,)
        assert can_hold(read) in (True, False)


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_an_attack_is_refused_or_is_only_a_rule(text: str) -> None:
    _read_or_refused(text)


@drawn
@example("'")
@given(st.text(max_size=60) | st.text("()[]<>=!'\".,-and ornt", max_size=60))
def test_any_text_is_read_as_a_rule_or_refused_as_a_mistake(text: str) -> None:
    _read_or_refused(text)


@drawn
@given(st.lists(st.sampled_from(ITEMS), max_size=14).map(" ".join))
def test_any_order_of_its_own_words_is_read_or_refused(text: str) -> None:
    _read_or_refused(text)


def test_a_rule_may_be_as_long_and_as_deep_as_is_said_and_no_more() -> None:
    parse_rule("(" * (DEEPEST - 1) + "health < 3" + ")" * (DEEPEST - 1), "deep", KNOWN)
    for text in ("(" * DEEPEST + "health < 3" + ")" * DEEPEST, "health < 3" + " " * LONGEST):
        with pytest.raises(ChurnmlError):
            parse_rule(text, "deep", KNOWN)
