"""What a day's facts say of every account and playbook: whom its rules take in, whom they let go, and for how much."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.jsontypes import Json
from churnml.rules.checking import PlaybookRules, Rules
from churnml.rules.parsing import Rule, names_reason
from churnml.specs.playbooks import Playbook
from churnml.work.worth import Worth, worth

# what a decision keeps of an account whatever its rule reads
ALWAYS = ("churn_probability", "upsell_probability", "mrr", "health", "band")
Mask = NDArray[np.bool_]


class AccountFacts:
    """A day's facts by account, in the order of their ids, so that the order they come in changes nothing.

    Args:
        frame: a row an account, ``account_id`` among its columns.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame.sort_values("account_id", kind="stable", ignore_index=True)
        self.accounts: list[str] = self.frame["account_id"].tolist()
        self.place: dict[str, int] = {account: i for i, account in enumerate(self.accounts)}
        self._columns: dict[str, list[Json]] = {}
        if len(self.place) < len(self.accounts):
            raise ValueError("An account has more than one row of facts.")

    def value(self, name: str, i: int) -> Json:
        """A fact of the account in place ``i``; None where it is missing or there is no such fact."""
        if name not in self._columns:
            known = name in self.frame
            self._columns[name] = [_plain(value) for value in self.frame[name].tolist()] if known else []
        column = self._columns[name]
        return column[i] if column else None

    def number(self, name: str, i: int) -> float | None:
        """A fact that is a number."""
        value = self.value(name, i)
        return value if isinstance(value, int | float) else None

    def text(self, name: str, i: int) -> str | None:
        """A fact that is a text."""
        value = self.value(name, i)
        return value if isinstance(value, str) else None

    def codes(self, name: str, i: int) -> Sequence[str]:
        """A fact that is made of codes; empty where it is missing."""
        value = self.value(name, i)
        return [str(code) for code in value] if isinstance(value, list) else []

    def values(self, names: Iterable[str], i: int) -> dict[str, Json]:
        """Several facts of one account, by name."""
        return {name: self.value(name, i) for name in names}


@dataclass(frozen=True)
class PlaybookMatches:
    """Whom a playbook takes of a day's accounts; every array has an element an account.

    Args:
        playbook: which.
        precedence: 0 is declared first.
        rule, exit: its rules; no exit rule is None.
        enters: the entry rule holds, and where it asks for a reason the account has one.
        leaves: the exit rule holds.
        takes: who is a candidate: ``enters`` and not ``leaves``.
        worth: what it is worth for each.
        reasons: place → the reason code it is about, of those who enter; empty where none is asked for.
    """

    playbook: Playbook
    precedence: int
    rule: Rule
    exit: Rule | None
    enters: Mask
    leaves: Mask
    takes: Mask
    worth: Worth
    reasons: Mapping[int, str]

    def names(self) -> list[str]:
        """The facts a decision of this playbook keeps."""
        return sorted({*self.rule.names, *ALWAYS})


def match_playbooks(
    rules: Rules, facts: AccountFacts, lines: Mapping[str, tuple[float, float]]
) -> tuple[PlaybookMatches, ...]:
    """Every playbook against the facts; ``lines`` are the measured effects that the list goes by."""
    return tuple(
        _matches(one, precedence, facts, lines.get(one.playbook.name)) for precedence, one in enumerate(rules.playbooks)
    )


def _matches(
    rules: PlaybookRules, precedence: int, facts: AccountFacts, line: tuple[float, float] | None
) -> PlaybookMatches:
    playbook, rows = rules.playbook, len(facts.accounts)
    enters = rules.enter.holds(facts.frame)
    reasons = dict.fromkeys(np.flatnonzero(enters).tolist(), "")
    if playbook.reasons:
        # what speaks for growth where growth is the goal, else what is wrong with the account
        codes = "growth_reasons" if playbook.goal == "grow" else "reasons"
        matching = {i: _first_match(facts.codes(codes, i), playbook.reasons) for i in reasons}
        reasons = {i: code for i, code in matching.items() if code is not None}
        enters = np.zeros(rows, dtype=bool)
        enters[list(reasons)] = True
    leaves = np.zeros(rows, dtype=bool) if rules.exit is None else rules.exit.holds(facts.frame)
    return PlaybookMatches(
        playbook=playbook,
        precedence=precedence,
        rule=rules.enter,
        exit=rules.exit,
        enters=enters,
        leaves=leaves,
        takes=enters & ~leaves,
        worth=worth(playbook, facts.frame, line),
        reasons=reasons,
    )


def _first_match(codes: Sequence[str], patterns: Sequence[str]) -> str | None:
    return next((code for code in codes if any(names_reason(pattern, code) for pattern in patterns)), None)


def _plain(value: object) -> Json:
    """A cell as plain data."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    return str(value)
