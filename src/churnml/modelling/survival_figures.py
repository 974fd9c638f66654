"""Figures of curves: how well they tell who leaves when, with intervals.

All at one cutoff whose leavings were seen to a last day, so nothing has to be made up for rows that were cut off.
Intervals are those of :mod:`churnml.modelling.evaluation`: accounts are resampled, the same for everybody.

- ``roc_auc_30`` … : who has left within 30 days above who has not (cumulative cases, dynamic controls: Heagerty
  and Zheng, Biometrics 61, 2005).
- ``brier_30`` … : mean squared error of P(left within 30 days); ``integrated_brier`` its mean over all days to the
  last (Graf and others, Statistics in Medicine 18, 1999).
- ``concordance``: of two accounts of which one left on a day on which the other was still there, the share in
  which the curves say so of that day (Antolini and others, Statistics in Medicine 24, 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from churnml.modelling.curves import MARKS
from churnml.modelling.evaluation import RESAMPLES, accelerated, interval, resampled_weights
from churnml.modelling.record import CurveMark, JudgedCurves, recorded_by_who

# Days from the cutoff → P(left before then) of each row, shape (rows,).
LeftBefore = Callable[[float], np.ndarray]
# How often each row was drawn, shape (resamples, rows) → the figure of each resample, shape (resamples,).
Measure = Callable[[np.ndarray], np.ndarray]
MOST_CASES = 300  # leavings that concordance compares with everybody; more are drawn from
GRID_DAYS = 7  # the integral of the Brier score has a point a week


def evenly(probability: np.ndarray, over: float) -> LeftBefore:
    """The plain classifier's word on time: its probability over so many days, spread evenly.

    It knows whether, not when; an even force of leaving is the least that can be added to it.
    """
    return lambda day: np.asarray(1.0 - (1.0 - probability) ** (day / over))


def evaluate_curves(
    account: np.ndarray,
    left_after: np.ndarray,
    seen_for: np.ndarray,
    curves: Mapping[str, LeftBefore],
    until: int,
    seed: int,
    resamples: int = RESAMPLES,
) -> JudgedCurves | None:
    """Measures everybody in ``curves`` on the same rows and the same resamples.

    Args:
        account: account of each row, shape (rows,).
        left_after: day of leaving, nan where none was seen, shape (rows,).
        seen_for: days each row was seen; those seen for less than the longest, without a leaving, are left out
            (they left in a way that does not count, or had left before).
        curves: who → curve; must contain ``curve``.
        until: the day on which the curves end; what happens from then on is not looked at.
        seed, resamples: of the bootstrap: its seed, and how many.

    Returns:
        The figures; None where nobody left, or no day of :data:`~churnml.modelling.curves.MARKS` was seen.
    """
    seen_for = np.minimum(seen_for, until)
    last = int(seen_for.max(initial=0))
    inside = left_after < seen_for
    kept = np.flatnonzero((seen_for == last) | inside)
    gone = np.where(inside, left_after, np.inf)[kept]
    days = [mark for mark in MARKS if mark <= last]
    if not days or not np.isfinite(gone).any():
        return None
    measures = {who: _measures(gone, _only(p, kept), days, last, seed) for who, p in curves.items()}
    points, samples = _measured(measures, account[kept], seed, resamples)
    own = {w: {n: accelerated(points[w][n], samples[w][n]) for n in named} for w, named in points.items()}
    ahead = {
        who: {
            name: interval(
                _sign(name) * (points["curve"][name] - value),
                _sign(name) * (samples["curve"][name] - samples[who][name]),
            )
            for name, value in named.items()
        }
        for who, named in points.items()
        if who != "curve"
    }
    return JudgedCurves(
        figures=recorded_by_who(own),
        ahead=recorded_by_who(ahead),
        marks=tuple(
            CurveMark(
                day=day,
                seen=float((gone < day).mean()),
                said={who: float(p(day)[kept].mean()) for who, p in curves.items()},
            )
            for day in days
        ),
        rows=len(kept),
        leavings=int(np.isfinite(gone).sum()),
        last=last,
    )


def _sign(name: str) -> int:
    """Of a Brier score less is better."""
    return -1 if "brier" in name else 1


def _measured(
    measures: Mapping[str, Mapping[str, Measure]], account: np.ndarray, seed: int, resamples: int
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, np.ndarray]]]:
    """Who → figure → its value on all rows, and its values on the resamples."""
    once = np.ones((1, len(account)))
    points = {who: {name: float(m(once)[0]) for name, m in named.items()} for who, named in measures.items()}
    drawn: dict[str, dict[str, list[np.ndarray]]] = {who: {name: [] for name in named} for who, named in points.items()}
    for w in resampled_weights(account, seed, resamples):
        for who, named in measures.items():
            for name, measured in named.items():
                drawn[who][name].append(measured(w))
    return points, {who: {n: np.concatenate(parts) for n, parts in named.items()} for who, named in drawn.items()}


def _only(p: LeftBefore, rows: np.ndarray) -> LeftBefore:
    return lambda day: np.asarray(p(day)[rows])


def _measures(gone: np.ndarray, p: LeftBefore, days: list[int], last: int, seed: int) -> dict[str, Measure]:
    measures: dict[str, Measure] = {}
    for day in days:
        measures[f"roc_auc_{day}"] = _roc_auc(p(day), (gone < day).astype("float64"))
        measures[f"brier_{day}"] = _mean((p(day) - (gone < day)) ** 2)
    grid = np.unique([*np.arange(0, last, GRID_DAYS), last])
    loss = np.array([(p(float(day)) - (gone < day)) ** 2 for day in grid])
    measures["integrated_brier"] = _mean(np.trapezoid(loss, grid, axis=0) / last)
    measures["concordance"] = _concordance(gone, p, seed)
    return measures


def _mean(values: np.ndarray) -> Measure:
    return lambda w: np.asarray(w @ values / w.sum(axis=1))


def _roc_auc(p: np.ndarray, y: np.ndarray) -> Measure:
    order = np.argsort(p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) != 0, True])  # equal probabilities count as half

    def measured(w: np.ndarray) -> np.ndarray:
        zero = np.zeros((len(w), 1))
        cases = np.diff(np.c_[zero, np.cumsum(w[:, order] * y[order], axis=1)[:, ends]])
        below = np.c_[zero, np.cumsum(w[:, order] * (1 - y[order]), axis=1)[:, ends]]
        with np.errstate(invalid="ignore"):
            pairs = cases.sum(axis=1) * below[:, -1]
            return np.asarray((cases * (below[:, :-1] + below[:, 1:]) / 2).sum(axis=1) / pairs)

    return measured


def _concordance(gone: np.ndarray, p: LeftBefore, seed: int) -> Measure:
    cases = np.flatnonzero(np.isfinite(gone))
    if len(cases) > MOST_CASES:
        cases = np.sort(np.random.default_rng(seed).choice(cases, MOST_CASES, replace=False))
    later = gone[cases][:, None] < gone[None, :]
    above = np.empty(later.shape)
    for row, case in enumerate(cases):
        at = p(gone[case] + 1)  # a leaving on a day is one before the next
        above[row] = (at[case] > at) + 0.5 * (at[case] == at)
    above *= later

    def measured(w: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.asarray(
                (w[:, cases] * (w @ above.T)).sum(axis=1) / (w[:, cases] * (w @ later.T.astype("float64"))).sum(axis=1)
            )

    return measured
