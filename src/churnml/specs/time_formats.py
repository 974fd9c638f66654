"""What ``time_formats:`` may say: how the company's exports write times, in strptime's letters."""

from __future__ import annotations

import re

from churnml.specs.base import each_once

# What DuckDB's strptime knows; a minus before some stands for numbers without a leading zero.
LETTERS = frozenset("aAbBcdfgGhHIjmMnpSTuUVwWxXyYzZ%")
WITH_MINUS = frozenset("dHIjmMSy")
YEARS = frozenset("yYcxGg")


def known_formats(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what no time can be read by: an unknown letter, or no year."""
    for declared in value:
        letters = [_letter(declared, *written) for written in re.findall(r"%(-?)(.?)", declared, re.DOTALL)]
        if not YEARS & set(letters):
            raise ValueError(f"'{declared}' names no year; write a format such as %d/%m/%Y or %Y-%m-%d %H:%M")
    return each_once(value)


def _letter(declared: str, minus: str, letter: str) -> str:
    if not letter:
        raise ValueError(f"'{declared}' ends in '%'; a letter must follow, as in %d/%m/%Y")
    if letter not in (WITH_MINUS if minus else LETTERS):
        raise ValueError(f"'{declared}' holds '%{minus}{letter}', which stands for no part of a time")
    return letter
