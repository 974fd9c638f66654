"""What the times of leavings teach about whether one comes: half of what the trees learn is another's probability.

A label says whether an account left in one window. When accounts left says more: of those who left later, or who were
there at cutoffs whose labels are not final yet. The hazards learn from all of it, so what they say of the label's
window is mixed into the outcomes the classifier learns. It stays one sum of trees, with exact reasons. (Distillation:
Hinton, Vinyals and Dean, 2015; from what only training knows: Lopez-Paz, Bottou, Schölkopf and Vapnik, Unifying
distillation and privileged information, 2016.)

Two teachers each speak of the accounts the other one learned from, so that nobody's own leaving is learned by heart;
what it decides is how many trees the teacher has. Nothing is learned from what was not final at the judged cutoff.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from churnml.features import Feature
from churnml.modelling.curves import Hazard, renewals
from churnml.modelling.hazard import LEAVING_TIMES, Setting, fit_until, gathered
from churnml.specs import ModelSpec
from churnml.timeline import days

# The share of the teacher in what is learned. Between 0.3 and 0.9 it makes little difference (decision 0021).
TRUST = 0.5
# a teacher is one of fourteen in a training, and need not be as fine as the hazards that are kept
HASTE = 3.0


def taught(
    spec: ModelSpec,
    features: Sequence[Feature],
    rows: pd.DataFrame,
    train: pd.DataFrame,
    before: dt.date,
    encode: Callable[[pd.DataFrame], np.ndarray],
) -> np.ndarray | None:
    """What the trees learn instead of ``train``'s labels: their mean with what a teacher says, shape (train rows,).

    None where the model declares no hazards or wants none to teach, or too few accounts left for two teachers.

    Args:
        spec: the model's declaration.
        features: its features, in column order.
        rows: snapshots with ``left_after`` and ``seen_for``, also those whose labels are not final.
        train: the labelled snapshots that train.
        before: the cutoff that judges; what was not final ``embargo`` days before it is not looked at.
        encode: from snapshots to the matrix the trees read.
    """
    if spec.hazard is None or not spec.estimator.taught or not set(LEAVING_TIMES) <= set(rows.columns):
        return None
    setting = Setting(spec, features, encode)
    known = rows[rows["as_of"] < pd.Timestamp(before)]
    half, half_of_train = _half(known["account_id"]), _half(train["account_id"])
    sides = [gathered(setting, known[half == side], before - days(spec.embargo)) for side in (0, 1)]
    if not all(side.left.any() for side in sides):
        return None
    said = np.empty(len(train))
    for side in (0, 1):
        mine = half_of_train == side
        if mine.any():
            teacher = fit_until(setting, sides[1 - side], sides[side], HASTE)
            said[mine] = _over_window(teacher, encode, train[mine])
    label = train["label"].to_numpy(dtype="float64")
    said *= label.mean() / said.mean()
    return np.asarray((1 - TRUST) * label + TRUST * np.clip(said, 0.0, 1.0))


def _half(accounts: pd.Series) -> np.ndarray:
    """0 or 1 for each account, by its name alone."""
    return np.asarray(pd.util.hash_array(accounts.astype(str).to_numpy(dtype=object)) % 2)


def _over_window(teacher: Hazard, encode: Callable[[pd.DataFrame], np.ndarray], rows: pd.DataFrame) -> np.ndarray:
    """P(leaves in the label's window | there when it opens), by the hazards alone."""
    ahead, term = renewals(rows, teacher.renewal)
    return teacher.unanchored(encode(rows), ahead, term).leaves_between(*teacher.anchor)
