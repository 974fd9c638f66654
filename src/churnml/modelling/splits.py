"""Who trains, who calibrates, who judges: one splitter for all of it.

Rows are split by cutoff, never by chance, and purged: a row trains only if its own label was final
before the cutoff it helps to predict (López de Prado, Advances in Financial Machine Learning, 2018,
ch. 7). An account that repeats across cutoffs is no leak then: at the judged cutoff everything the
model learned from was history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.errors import TooLittleDataError
from churnml.timeline import Reach


@dataclass(frozen=True)
class Fold:
    """Cutoffs that train, and one later cutoff that is predicted by what they taught."""

    train: tuple[dt.date, ...]
    validate: dt.date


@dataclass(frozen=True)
class Plan:
    """How the cutoffs of one training run are used.

    Args:
        train: cutoffs the final model is fitted on.
        folds: rolling origins inside ``train``; they find the number of trees and the calibration.
        purged: cutoffs left out because their labels were not final before ``judged``.
        judged: the newest mature cutoff; touched once, by the evaluation.
    """

    train: tuple[dt.date, ...]
    folds: tuple[Fold, ...]
    purged: tuple[dt.date, ...]
    judged: dt.date


def rolling_origin(cutoffs: Sequence[dt.date], reach: Reach, embargo: int, at_most: int) -> tuple[Fold, ...]:
    """The newest ``at_most`` folds over ``cutoffs``, each purged; oldest first."""
    folds = []
    for validate in sorted(cutoffs):
        train = tuple(c for c in sorted(cutoffs) if reach.is_purged_for(c, validate, embargo))
        if train:
            folds.append(Fold(train, validate))
    return tuple(folds[-at_most:])


def plan(cutoffs: Sequence[dt.date], reach: Reach, embargo: int, folds: int) -> Plan:
    """The plan for mature ``cutoffs``: the newest judges, what is purged for it trains.

    Raises:
        TooLittleDataError: there are too few cutoffs for one fold before the judged one.
    """
    ordered = tuple(sorted(cutoffs))
    if not ordered:
        raise TooLittleDataError(
            "There is no mature cutoff: no label window lies wholly inside the data.",
            remedy=f"The label needs {reach.gap + reach.horizon + reach.settle} days after a cutoff (gap, horizon "
            "and grace) and customers before it: give a longer history, or a shorter horizon in spec.yaml.",
        )
    judged = ordered[-1]
    train = tuple(c for c in ordered if reach.is_purged_for(c, judged, embargo))
    within = rolling_origin(train, reach, embargo, folds)
    if not within:
        need = 2 * (reach.gap + reach.horizon + reach.settle)
        raise TooLittleDataError(
            f"The history is too short to learn and to judge: {len(ordered)} mature cutoffs, of which {len(train)} "
            f"lie far enough before the judged one ({judged}).",
            remedy=f"About {need} days between the oldest and the newest mature cutoff are needed; give a longer "
            "history, or shorten gap, horizon, grace or every in spec.yaml.",
        )
    purged = tuple(c for c in ordered[:-1] if c not in train)
    return Plan(train, within, purged, judged)
