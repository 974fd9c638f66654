"""How well a model probably does on rows whose outcomes nobody knows yet, by its own confidence.

A probability that holds says how often it will be wrong, and so what any figure comes to. nannyml calls that
confidence-based performance estimation (CBPE; its documentation, "How it works: estimation of performance"). It holds
while the relation of features to outcomes does; that the probabilities hold is what it assumes, and what the interval
doubts as far as past periods gave reason to.

Our own, since nannyml 0.13.1 asks for LightGBM below 4.6. Its ROC AUC and ours are the same. Its average precision
counts a row among its own hits as a probability; given that it is a positive it is a whole hit, so ours is a little
higher, and right in the mean (``tests/unit/test_expected.py`` holds both against brute force).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from churnml.modelling.evaluation import Figure
from churnml.modelling.profile import EPSILON, CalibrationTrust

DRAWS = 400
# Of many rows fewer draws do: what sampling adds to the interval is small then.
FEWEST_DRAWS = 100
DRAWN_IN_ALL = 20_000_000
# Outcomes drawn at once: bounds memory at so many numbers a step.
AT_ONCE = 4_000_000
FIGURES = ("roc_auc", "average_precision", "brier", "log_loss", "precision_at_capacity", "positives")
# Few periods say little of how much periods differ. Rates move by a fifth from quarter to quarter (decision 9), and
# slopes about half as far; that counts as much as so many periods seen.
USUAL_BETWEEN = (0.2, 0.1)
USUAL_PERIODS = 4


def expected(p: np.ndarray, trust: CalibrationTrust | None, share: float, seed: int) -> dict[str, Figure]:
    """The figures to be expected of probabilities, with intervals in which those seen later should lie.

    Args:
        p: calibrated probabilities, shape (rows,).
        trust: how far they are to be believed; None believes them wholly, so that only sampling is in the intervals.
            The spread between periods is drawn from what was seen of it and what is usual, together.
        share: of the rows, from the top, that the team can contact.
        seed: of what is drawn.

    Returns:
        figure of ``FIGURES`` → value and 95 % interval; ``positives`` is a share of the rows.
    """
    ordered = np.sort(np.clip(np.asarray(p, dtype="float64"), EPSILON, 1 - EPSILON))[::-1]
    top = top_of(share, len(ordered))
    draws = max(FEWEST_DRAWS, min(DRAWS, DRAWN_IN_ALL // len(ordered)))
    values = in_the_mean(ordered, ordered, top)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in FIGURES}
    for outcomes in _outcomes(ordered, trust, seed, draws):
        for name, figure in _seen(ordered, outcomes, top).items():
            drawn[name].append(figure)
    figures = {}
    for name in FIGURES:
        samples = np.concatenate(drawn[name])
        low, high = np.nanpercentile(samples, [2.5, 97.5]) if np.isfinite(samples).any() else (np.nan, np.nan)
        figures[name] = Figure(values[name], float(min(low, values[name])), float(max(high, values[name])))
    return figures


def top_of(share: float, rows: int) -> int:
    """How many rows the first ``share`` of them are."""
    return min(rows, max(1, round(share * rows)))


def in_the_mean(ordered: np.ndarray, truth: np.ndarray, top: int) -> dict[str, float]:
    """Each figure of probabilities in falling order, in the mean over outcomes drawn from ``truth``, shape (rows,).

    Every row counts as a positive with its probability and as a negative with the rest.
    """
    rows = len(ordered)
    hits = np.cumsum(truth)
    before = hits - truth
    starts = np.flatnonzero(np.r_[True, np.diff(ordered) != 0])
    up, down = np.add.reduceat(truth, starts), np.add.reduceat(1 - truth, starts)
    below = down.sum() - np.cumsum(down)
    return {
        "roc_auc": float((up * (below + down / 2)).sum() / (truth.sum() * (1 - truth).sum())),
        "average_precision": float((truth * (1 + before) / np.arange(1, rows + 1)).sum() / truth.sum()),
        "brier": float((truth * (1 - ordered) ** 2 + (1 - truth) * ordered**2).mean()),
        "log_loss": float(-(truth * np.log(ordered) + (1 - truth) * np.log(1 - ordered)).mean()),
        "precision_at_capacity": float(hits[top - 1] / top),
        "positives": float(truth.mean()),
    }


def _outcomes(ordered: np.ndarray, trust: CalibrationTrust | None, seed: int, draws: int) -> Iterator[np.ndarray]:
    """Outcomes drawn from what the true probabilities may be, shape (≤ draws, rows) at a time."""
    rng = np.random.default_rng(seed)
    z = np.log(ordered / (1 - ordered))
    middle = np.average(z, weights=ordered * (1 - ordered))
    step = max(1, AT_ONCE // len(z))
    for start in range(0, draws, step):
        size = min(step, draws - start)
        a, b = _shifts(rng, trust, size)
        truth = 1 / (1 + np.exp(-(z + a + b * (z - middle))))
        yield rng.random((size, len(z))) < truth


def _shifts(rng: np.random.Generator, trust: CalibrationTrust | None, size: int) -> np.ndarray:
    """How far intercept and slope of the truth may lie from those predicted, shape (2, size, 1)."""
    if trust is None:
        return np.zeros((2, size, 1))
    errors = np.array([trust.intercept_error, trust.slope_error])
    seen, freedom = trust.periods - 1, USUAL_PERIODS + trust.periods - 1
    squares = np.array([trust.between_intercepts, trust.between_slopes]) ** 2
    between = np.sqrt((USUAL_PERIODS * np.square(USUAL_BETWEEN) + seen * squares) / freedom)
    drawn = rng.standard_normal((2, size)) * errors[:, None] + rng.standard_t(freedom, (2, size)) * between[:, None]
    return np.asarray(drawn[:, :, None])


def _seen(ordered: np.ndarray, outcomes: np.ndarray, top: int) -> Mapping[str, np.ndarray]:
    """Each figure of every draw, shape (draws,); nan where a draw has but one outcome.

    Equal probabilities count for average precision and the top in the order they stand in, which is by chance here.
    """
    y = outcomes.astype("float64")
    rows, positives = y.shape[1], y.sum(axis=1)
    hits = np.cumsum(y, axis=1)
    starts = np.flatnonzero(np.r_[True, np.diff(ordered) != 0])
    sizes = np.diff(np.r_[starts, rows])
    up = np.add.reduceat(y, starts, axis=1)
    down = sizes - up
    below = (rows - positives)[:, None] - np.cumsum(down, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = (up * (below + down / 2)).sum(axis=1) / (positives * (rows - positives))
        precision = (y * hits / np.arange(1, rows + 1)).sum(axis=1) / positives
    return {
        "roc_auc": auc,
        "average_precision": precision,
        "brier": (((1 - ordered) ** 2 - ordered**2) * y + ordered**2).mean(axis=1),
        "log_loss": -(y * (np.log(ordered) - np.log(1 - ordered)) + np.log(1 - ordered)).mean(axis=1),
        "precision_at_capacity": hits[:, top - 1] / top,
        "positives": positives / rows,
    }
