"""Of which rows a rule holds, of which it is known not to, and of which nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.language.expressions import Both, Compare, Either, Leaf, Missing, Named, Not, Tree, Within
from churnml.language.facts import Fact

Mask = NDArray[np.bool_]
Truth = tuple[Mask, Mask]
ORDERING: Mapping[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


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


@dataclass(frozen=True)
class OneRow:
    """A column of one row, read as a frame's; a frame made for every account would take most of the time."""

    value: object

    def to_numpy(self, dtype: str | type, na_value: float | None = None) -> np.ndarray:
        column = np.empty(1, dtype=dtype)
        column[0] = na_value if self.value is None or self.value is pd.NA else self.value
        return column


class Columns:
    """Facts as arrays of so many rows, each made once."""

    def __init__(self, columns: pd.DataFrame | Mapping[str, OneRow], rows: int, facts: Mapping[str, Fact]) -> None:
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


def truth(tree: Tree, columns: Columns) -> Truth:
    """Where it holds and where it is known not to; where neither, it is unknown."""
    if isinstance(tree, Not):
        holds, fails = truth(tree.part, columns)
        return fails, holds
    if isinstance(tree, Both | Either):
        parts = [truth(part, columns) for part in tree.parts]
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
