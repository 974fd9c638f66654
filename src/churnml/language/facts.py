"""What a rule may name: a fact of an account, with all that it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from churnml.features import Unit

FactKind = Literal["number", "text", "words"]
# what a fact that holds or not can be; such a one is a condition by itself
YES_NO = ("yes", "no")


@dataclass(frozen=True)
class Fact:
    """Something that is known, or not, of an account.

    Args:
        name: what a rule calls it.
        kind: number, text, or words (several texts).
        means: in words.
        unit: how a number is written for a person: one of ``churnml.features.Unit``, ``times`` or ``points``.
        low, high: between what a number always lies, ends included; None no limit.
        values: all that a text can be, or the codes that words are made of; empty anything.
        always: whether it is known of every account.
        lacks: why this project does not have it and what to do about that; empty where it does.
    """

    name: str
    kind: FactKind
    means: str
    unit: str = Unit.COUNT.value
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    always: bool = False
    lacks: str = ""
