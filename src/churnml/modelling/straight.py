"""A logistic regression as trees: one a column, each a straight line cut into steps.

Where the outcome follows a straight line, trees need many rows to say so; the mean of both is seldom far behind the
better one. LightGBM's own linear trees cannot be used: it cannot split what they say among
the features (no TreeSHAP), and keeps no monotone constraint inside their leaves. As steps the line is an ordinary
LightGBM model: reasons, files and scoring are those of any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

# Steps of a column; a straight line in thirty-two of them is off by next to nothing.
STEPS = 32
# The prior variance of the log-odds, shared out among the standardised columns: many of them together may say no more
# than few. It does not depend on the rows; what they know outweighs it as they become more.
VARIANCE = 2.0
# A name of fewer rows than this has no weight of its own.
ROWS_OF_A_NAME = 20
# Rows whose column is missing go right here, everything else goes left.
ABOVE_EVERYTHING = 1e300
# LightGBM's decision: a number, missing is nan, and goes right.
MISSING_GOES_RIGHT = 8


@dataclass(frozen=True)
class _Column:
    """What a column gives: the value of each step, its upper ends, and the value where it is missing."""

    place: int
    ends: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    missing: float
    missing_rows: int


@dataclass
class _Design:
    """The standardised columns of a regression, shape (rows, weights), and what each weight is of."""

    parts: list[np.ndarray] = field(default_factory=list)
    signs: list[int] = field(default_factory=list)

    def add(self, part: np.ndarray, sign: int = 0) -> int:
        """Adds a column whose weight may have one sign only (0: any); its place."""
        self.parts.append(part)
        self.signs.append(sign)
        return len(self.parts) - 1


def straight_trees(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    categorical: Sequence[int],
    monotone: Sequence[int] | None,
) -> list[str]:
    """The trees of a penalised logistic regression, as LightGBM writes them.

    Args:
        x: numbers, missing is nan, shape (rows, columns).
        y: 0 or 1, shape (rows,).
        weight: of each row, shape (rows,); None is one each.
        categorical: the columns that hold codes of names.
        monotone: -1, 0 or 1 a column: which way the outcome may go with it; None is 0 for all.

    Returns:
        One text a column that has a weight, at least one; their sum is the log-odds.
    """
    weight = np.ones(len(y)) if weight is None else weight
    design, columns = _Design(), []
    for place in range(x.shape[1]):
        if place in categorical:
            columns.append(_names(design, x[:, place]))
        else:
            columns.append(_numbers(design, x[:, place], monotone[place] if monotone is not None else 0))
    intercept, weights = _fitted(design, y, weight)
    drawn = [
        _drawn(place, x[:, place], one, weights) for place, one in enumerate(columns) if any(weights[one.weights] != 0)
    ] or [_Column(0, np.empty(0), np.zeros(1), np.array([len(y)]), 0.0, 1)]
    return [_tree(column, intercept if place == 0 else 0.0) for place, column in enumerate(drawn)]


@dataclass(frozen=True)
class _Terms:
    """How a column enters the regression: its weights' places, and how a value becomes their factors.

    ``codes`` are those of names with a weight; a number's transformed ``middle`` stands for missing.
    """

    weights: list[int]
    codes: tuple[int, ...] | None = None
    centre: float = 0.0
    spread: float = 1.0
    middle: float = 0.0


def _numbers(design: _Design, column: np.ndarray, sign: int) -> _Terms:
    missing = np.isnan(column)
    if missing.all():
        return _Terms([])
    # counts and money are skewed; their logarithms are what a careful analyst would use
    logged = _signed_log(column)
    middle = float(np.median(logged[~missing]))
    filled = np.where(missing, middle, logged)
    centre, spread = float(filled.mean()), float(filled.std())
    if spread <= 1e-9 * max(1.0, abs(centre)):
        spread = 0.0
    weights = [design.add((filled - centre) / spread, sign)] if spread else []
    if missing.any():
        share = missing.mean()
        weights.append(design.add((missing - share) / np.sqrt(share * (1 - share))))
    return _Terms(weights, None, centre, spread, middle)


def _names(design: _Design, column: np.ndarray) -> _Terms:
    codes, rows = np.unique(column[~np.isnan(column)], return_counts=True)
    told = tuple(int(code) for code, count in zip(codes, rows, strict=True) if count >= ROWS_OF_A_NAME)
    return _Terms([design.add((column == code).astype("float64")) for code in told], told)


def _signed_log(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)))


def _fitted(design: _Design, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Intercept and weights with the least penalised loss, each weight on its own side of zero."""
    x = np.column_stack([np.ones(len(y)), *design.parts])
    strength = VARIANCE / max(len(design.parts), 1)

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        log_odds = x @ beta
        p = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -500, 500)))
        value = float(weight @ (np.logaddexp(0.0, log_odds) - y * log_odds)) + float(beta[1:] @ beta[1:]) / (
            2 * strength
        )
        slope = x.T @ (weight * (p - y))
        slope[1:] += beta[1:] / strength
        return value, slope

    rate = float(np.clip(np.average(y, weights=weight), 1e-6, 1 - 1e-6))
    start = np.zeros(x.shape[1])
    start[0] = np.log(rate / (1 - rate))
    bounds = [(None, None), *({0: (None, None), 1: (0.0, None), -1: (None, 0.0)}[sign] for sign in design.signs)]
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    return float(best.x[0]), np.asarray(best.x[1:])


def _drawn(place: int, column: np.ndarray, terms: _Terms, weights: np.ndarray) -> _Column:
    """A column's part of the log-odds, in steps."""
    known = column[~np.isnan(column)]
    absent = len(column) - len(known)
    if terms.codes is not None:
        by_code = dict(zip(terms.codes, weights[terms.weights], strict=True))
        rows = np.bincount(known.astype("int64"))
        values = np.array([by_code.get(code, 0.0) for code in range(len(rows))])
        return _Column(place, np.arange(len(rows) - 1) + 0.5, values, rows, 0.0, absent)
    slope = float(weights[terms.weights[0]]) if terms.spread else 0.0
    missing = 0.0
    if len(terms.weights) > bool(terms.spread):
        share = absent / len(column)
        step = float(weights[terms.weights[-1]]) / np.sqrt(share * (1 - share))
        missing, known_shift = step * (1 - share), -step * share
    else:
        known_shift = 0.0
    ends = _ends(known)
    which = np.searchsorted(ends, known, side="left")
    rows = np.bincount(which, minlength=len(ends) + 1)
    middle = np.bincount(which, weights=_signed_log(known), minlength=len(ends) + 1) / np.maximum(rows, 1)
    spread = terms.spread or 1.0
    values = slope * (middle - terms.centre) / spread + known_shift
    return _Column(place, ends, values, rows, missing + slope * (terms.middle - terms.centre) / spread, absent)


def _ends(known: np.ndarray) -> np.ndarray:
    """Where a column's steps end, each with rows on both of its sides."""
    values = np.unique(known)
    if len(values) > STEPS:
        values = np.unique(np.quantile(known, np.linspace(0, 1, STEPS + 1), method="inverted_cdf"))
    return np.asarray((values[:-1] + values[1:]) / 2)


def _tree(column: _Column, intercept: float) -> str:
    """A tree over one column: missing first, then halving its steps."""
    nodes: list[tuple[float, int, int, int]] = []  # threshold, left and right child, rows
    leaves: list[tuple[float, int]] = []

    def leaf(value: float, rows: int) -> tuple[int, int]:
        # no leaf may be empty: TreeSHAP would divide by its rows
        leaves.append((float(value) + intercept, max(int(rows), 1)))
        return -len(leaves), leaves[-1][1]

    def node(threshold: float, left: tuple[int, int], right: tuple[int, int], at: int) -> tuple[int, int]:
        nodes[at] = (threshold, left[0], right[0], left[1] + right[1])
        return at, left[1] + right[1]

    def grown(first: int, last: int) -> tuple[int, int]:
        if first == last:
            return leaf(float(column.values[first]), column.rows[first])
        at, half = len(nodes), (first + last) // 2
        nodes.append((0.0, 0, 0, 0))
        return node(float(column.ends[half]), grown(first, half), grown(half + 1, last), at)

    nodes.append((0.0, 0, 0, 0))
    node(ABOVE_EVERYTHING, grown(0, len(column.values) - 1), leaf(column.missing, column.missing_rows), 0)
    lines: dict[str, Sequence[object]] = {
        "Tree": [0],
        "num_leaves": [len(leaves)],
        "num_cat": [0],
        "split_feature": [column.place] * len(nodes),
        "split_gain": [0] * len(nodes),
        "threshold": [repr(threshold) for threshold, *_ in nodes],
        "decision_type": [MISSING_GOES_RIGHT] * len(nodes),
        "left_child": [left for _, left, _, _ in nodes],
        "right_child": [right for _, _, right, _ in nodes],
        "leaf_value": [repr(value) for value, _ in leaves],
        "leaf_weight": [rows for _, rows in leaves],
        "leaf_count": [rows for _, rows in leaves],
        "internal_value": [0] * len(nodes),
        "internal_weight": [rows for *_, rows in nodes],
        "internal_count": [rows for *_, rows in nodes],
        "is_linear": [0],
        "shrinkage": [1],
    }
    return "".join(f"{name}={' '.join(map(str, values))}\n" for name, values in lines.items()) + "\n\n"
