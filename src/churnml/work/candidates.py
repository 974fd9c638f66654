"""What a day's facts say of every account and playbook: whom its rules take in, whom they let go, and for how much."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.jsontypes import Json
from churnml.language.truth import names_reason
from churnml.rules.checking import PlaybookRules, Rules
from churnml.specs.playbooks import Playbook

# what a decision keeps of an account whatever its rule reads
ALWAYS = ("churn_probability", "upsell_probability", "mrr", "health", "band")
PROBABILITY_DIGITS = 6
Mask = NDArray[np.bool_]
Values = NDArray[np.float64]


class AccountFacts:
    """A day's facts, a row an account, in the order of their ids: the order they come in changes nothing."""

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
class Worth:
    """What acting on each account is expected to be worth, in MRR a month: probability × MRR × effect; NaN unknown.

    The effect is the declared share of what is at stake that acting keeps or wins. It is a belief until ``churnml
    impact`` has measured it, so it comes as three numbers. Where the measured effect was shown to order the list better
    (:mod:`churnml.impact.targeting`), ``likely`` is by that, and what the declaration says stands beside it.

    ``accounts`` counts accounts instead: probability × effect, by which a list is ordered where no MRR is known.
    """

    low: Values
    likely: Values
    high: Values
    accounts: Values

    def to_order_by(self, i: int, *, money: bool) -> float | None:
        """What the account in place ``i`` is worth, in MRR where the day knows any ``money``, else in accounts."""
        worth = float((self.likely if money else self.accounts)[i])
        return None if math.isnan(worth) else worth


@dataclass(frozen=True)
class PlaybookMatches:
    """Whom a playbook takes of a day's accounts; every array has an element an account.

    Args:
        rules: of the playbook.
        precedence: 0 is declared first.
        leaves: the exit rule holds.
        takes: who is a candidate: the entry rule holds, the exit rule does not, and where the playbook asks for a
            reason the account has one.
        worth: what it is worth for each.
        reasons: place → the reason code it is about, of those who enter; empty where none is asked for.
    """

    rules: PlaybookRules
    precedence: int
    leaves: Mask
    takes: Mask
    worth: Worth
    reasons: Mapping[int, str]

    @property
    def playbook(self) -> Playbook:
        return self.rules.playbook


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
        rules, precedence, leaves, takes=enters & ~leaves, worth=worth(playbook, facts.frame, line), reasons=reasons
    )


def held_back(matches: PlaybookMatches, unknown: Collection[str]) -> PlaybookMatches:
    """The same, taking and letting go of nobody by a fact that is not known of the date.

    Args:
        matches: of a playbook.
        unknown: facts that stand as they were on an earlier date.
    """
    rules, nobody = matches.rules, np.zeros_like(matches.takes)
    leaves_by = set(rules.exit.names) if rules.exit is not None else set()
    asks_reason = (
        {"growth_reasons" if rules.playbook.goal == "grow" else "reasons"} if rules.playbook.reasons else set()
    )
    takes_by = {*rules.enter.names, *leaves_by, *asks_reason}
    return replace(
        matches,
        takes=nobody if takes_by & set(unknown) else matches.takes,
        leaves=nobody if leaves_by & set(unknown) else matches.leaves,
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


def worth(playbook: Playbook, facts: pd.DataFrame, line: tuple[float, float] | None = None) -> Worth:
    """What ``playbook`` is worth for each row of ``facts``, to the cent.

    Args:
        playbook: which.
        facts: a row an account.
        line: share of MRR that acting was measured to keep at a churn probability of 0, and what is added for one of 1.
            A negative worth says that acting is expected to do harm: such an account is left alone.
    """
    goal, effect, money = playbook.goal, playbook.effect, knows_money(facts)
    mrr = _numbers(facts, "mrr") if money else np.full(len(facts), np.nan)
    probability = _numbers(facts, "upsell_probability" if goal == "grow" else "churn_probability")
    stake = probability * mrr
    if goal == "grow":  # only the declared share of growth is to be won, not the whole contract
        stake *= np.nan_to_num(_numbers(facts, "upsell_share"), nan=1.0)
    low, likely, high = (np.round(stake * share, 2) for share in (effect.low, effect.likely, effect.high))
    declared = Worth(low, likely, high, np.round(probability * effect.likely, PROBABILITY_DIGITS))
    if line is None or goal == "grow":
        return declared
    measured = (line[0] + line[1] * _numbers(facts, "churn_probability")) * mrr
    return replace(declared, likely=np.round(measured, 2))


def knows_money(facts: pd.DataFrame) -> bool:
    """Whether any account of a day is known to pay anything."""
    return bool((_numbers(facts, "mrr") > 0).any())


def _numbers(facts: pd.DataFrame, name: str) -> Values:
    if name not in facts:
        return np.full(len(facts), np.nan)
    return facts[name].to_numpy(dtype=np.float64, na_value=np.nan)
