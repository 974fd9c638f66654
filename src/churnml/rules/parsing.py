"""Rules over the named facts of an account: what they may ask, whom they hold for, and why.

A fact that is not known makes nothing hold: neither ``mrr >= 3`` nor ``not mrr >= 3``, neither ``segment == 'smb'`` nor
``segment != 'smb'``. A condition holds, does not hold, or is unknown; ``and``, ``or`` and ``not`` join the three as
Kleene's logic does, so ``band == 'at_risk' or churn_lift >= 2`` holds of an account at risk without a known lift. Only
what holds counts. ``mrr is missing`` asks for what is not known. The grammar is in :mod:`churnml.language.expressions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from churnml.features import Unit, words_for
from churnml.language.checking import read_checked
from churnml.language.expressions import Both, Compare, Either, Has, Named, Not, Tree
from churnml.language.facts import Fact
from churnml.language.truth import Columns, Mask, OneRow, names_reason, truth
from churnml.rules.facts import POINTS, TIMES
from churnml.scoring.wording import written

# Places among the accounts of a day, and what for.
RANKED: Mapping[str, str] = {"churn_rank": "leave", "upsell_rank": "grow"}


@dataclass(frozen=True)
class Rule:
    """A rule that was read and checked: its text as declared, and name → fact of all it asks for."""

    text: str
    names: frozenset[str]
    tree: Tree = field(repr=False)
    facts: Mapping[str, Fact] = field(repr=False)

    def holds(self, facts: pd.DataFrame) -> Mask:
        """Of which rows it holds, shape (rows,). A column that is not there is a fact that is missing."""
        return truth(self.tree, Columns(facts, len(facts), self.facts))[0]

    def because(self, row: Mapping[str, object]) -> tuple[str, ...]:
        """The conditions that make it hold of one account, in words; empty where it does not hold.

        Texts and reason codes in it are the user's own data: escape them where they are shown.
        """
        columns = Columns({name: OneRow(row.get(name)) for name in self.names}, 1, self.facts)
        if not truth(self.tree, columns)[0][0]:
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
    tree, asked = read_checked(text, where, known)
    return Rule(text, frozenset(asked), tree, asked)


# ---------------------------------------------------------------- why, in words


def _conditions(tree: Tree, wanted: bool, columns: Columns) -> Iterator[str]:
    """The conditions by which a tree is ``wanted``, in words; nothing where it is not."""
    if isinstance(tree, Not):
        yield from _conditions(tree.part, not wanted, columns)
    elif not truth(tree, columns)[0 if wanted else 1][0]:
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
        return f"{called_fact(fact)} is not known"
    if name == "days_to_renewal":
        days = written(abs(value), Unit.DAYS)
        return f"it renews in {days}" if value >= 0 else f"its renewal was due {days} ago"
    if name == "tenure_days":
        return f"it has been a customer for {written(value, Unit.DAYS)}"
    if name == "health_change":
        return f"health is {'down' if value < 0 else 'up'} {short(abs(value))} points since it was last scored"
    if name in RANKED:
        return f"it is among the {short(max(value * 100, 0.1))} % of accounts likeliest to {RANKED[name]}"
    if fact.unit == TIMES:
        return f"{called_fact(fact)} is {value:.1f} times as likely as usual"
    if fact.kind == "words":
        return f"{called_fact(fact)} are {', '.join(value) or 'none'}"
    if fact.kind == "text":
        words = str(value).replace("_", " ") if name in ("band", "stage", "scorecard") else str(value)
        return f"{called_fact(fact)} is {words}"
    words = written_as(value, fact.unit)
    return f"{called_fact(fact)}: {words}" if name.startswith("feature.") else f"{called_fact(fact)} is {words}"


def written_as(value: float, unit: str) -> str:
    """A number with its unit, as a person reads it."""
    if unit == Unit.SHARE:
        return f"{short(value * 100)} %"
    return short(value) if unit in (POINTS, Unit.COUNT) else written(value, unit)


def called_fact(fact: Fact) -> str:
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


def short(value: float) -> str:
    """A number with at most one decimal."""
    return f"{value:,.1f}".removesuffix(".0")
