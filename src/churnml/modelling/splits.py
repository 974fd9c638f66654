"""Who searches, who calibrates, who judges: one splitter for all of it.

Rows are split by cutoff, never by chance, and purged: a row trains only if its own label was final
before the cutoff it helps to predict (López de Prado, Advances in Financial Machine Learning, 2018,
ch. 7). An account that repeats across cutoffs is no leak then: at the judged cutoff everything the
model learned from was history. Three stretches of time are kept apart: what chooses settings and calibrates was final
before the oldest cutoff that judges; what trains, before the cutoff it is judged at.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnml.errors import TooLittleDataError
from churnml.timeline import Reach

# A second later period is held out where so many cutoffs are left to train on. With two years of history it would
# cost the model more than it tells (measured on simulated companies: 0.01 to 0.03 of upsell's AUC).
TRAIN_BESIDE_LATER = 16
# One cutoff is one draw of the times, and its neighbours share most of its outcomes. Four that cover about as much time
# as a label window hold some twice the leavings of one; more would push what chooses and calibrates too far back.
MOST_JUDGES = 4
# One that searches and two that calibrate must be left before the oldest judge, with positives enough for two numbers.
LEAST_FOLDS = 3
LEAST_POSITIVES = 20


@dataclass(frozen=True)
class Fold:
    """Cutoffs that train, and one later cutoff that is predicted by what they taught."""

    train: tuple[dt.date, ...]
    validate: dt.date


@dataclass(frozen=True)
class Split:
    """How the cutoffs of one training run are used.

    Args:
        train: cutoffs the final model is fitted on.
        search: rolling origins inside ``train`` that choose settings and the number of trees.
        calibrate: others that only calibrate: their rows have chosen nothing. Both kinds are spread over the whole
            history before the oldest cutoff that judges, by which their labels were final. Where it allows but a
            single fold, that does both.
        purged: cutoffs whose labels were not final before ``judged``; they do not train the model.
        judged: the newest cutoff that judges; it judges the model itself.
        earlier: cutoffs before it that judge too, each a model fitted as it would have been at the time, on what was
            final by then; oldest first.
        later: a newer cutoff whose label window begins after that of ``judged`` was final: a second, later period
            that checks ranking and calibration; None where the history is too short for it.
        newer: folds at training cutoffs after those that choose and calibrate, which do not judge: they calibrate too
            where the calibration has to be made anew, each judge's by what was final before it.
    """

    train: tuple[dt.date, ...]
    search: tuple[Fold, ...]
    calibrate: tuple[Fold, ...]
    purged: tuple[dt.date, ...]
    judged: dt.date
    later: dt.date | None = None
    earlier: tuple[Fold, ...] = ()
    newer: tuple[Fold, ...] = ()

    @property
    def judges(self) -> tuple[dt.date, ...]:
        """Every cutoff that judges, oldest first."""
        return (*(fold.validate for fold in self.earlier), self.judged)

    @property
    def folds(self) -> tuple[Fold, ...]:
        """All folds, oldest first, each once."""
        return tuple(sorted({*self.search, *self.calibrate}, key=lambda fold: fold.validate))


class PurgedRollingOrigin:
    """Rolling-origin folds over cutoffs as a scikit-learn splitter, purged and embargoed by calendar time.

    Pass each row's cutoff as ``groups``; every fold is validated on one cutoff and trained on all rows whose label
    was final ``embargo`` days before it.

    Args:
        reach: how far past a cutoff the label looks.
        embargo: further days between a training label's end and the validated cutoff.
        at_most: how many folds, the newest ones.
    """

    def __init__(self, reach: Reach, embargo: int = 0, at_most: int = 5) -> None:
        self.reach, self.embargo, self.at_most = reach, embargo, at_most

    def split(
        self,
        X: object,  # noqa: N803
        y: object = None,
        groups: npt.ArrayLike | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs of row positions (train, validate), oldest fold first; raises ValueError without ``groups``."""
        cutoffs = self._cutoffs(groups)
        for fold in rolling_origin(sorted(set(cutoffs)), self.reach, self.embargo, self.at_most):
            train = set(fold.train)
            yield (
                np.array([place for place, cutoff in enumerate(cutoffs) if cutoff in train], dtype="int64"),
                np.array([place for place, cutoff in enumerate(cutoffs) if cutoff == fold.validate], dtype="int64"),
            )

    def get_n_splits(self, X: object = None, y: object = None, groups: npt.ArrayLike | None = None) -> int:  # noqa: N803
        """How many folds :meth:`split` gives."""
        return len(rolling_origin(sorted(set(self._cutoffs(groups))), self.reach, self.embargo, self.at_most))

    @staticmethod
    def _cutoffs(groups: npt.ArrayLike | None) -> list[dt.date]:
        if groups is None:
            raise ValueError("The 'groups' parameter must hold each row's cutoff (as_of).")
        return [pd.Timestamp(cutoff).date() for cutoff in np.asarray(groups)]


def rolling_origin(cutoffs: Sequence[dt.date], reach: Reach, embargo: int, at_most: int) -> tuple[Fold, ...]:
    """The newest ``at_most`` folds over ``cutoffs``, each purged; oldest first."""
    folds = []
    for validate in sorted(cutoffs):
        train = _final_before(validate, cutoffs, reach, embargo)
        if train:
            folds.append(Fold(train, validate))
    return tuple(folds[-at_most:])


def _final_before(cutoff: dt.date, cutoffs: Sequence[dt.date], reach: Reach, embargo: int) -> tuple[dt.date, ...]:
    return tuple(c for c in sorted(cutoffs) if reach.is_purged_for(c, cutoff, embargo))


def plan(
    cutoffs: Sequence[dt.date],
    reach: Reach,
    embargo: int,
    folds: int,
    positives: Mapping[dt.date, int] | None = None,
) -> Split:
    """The plan for mature ``cutoffs``: the newest ones judge, or the newest before a second later period.

    Args:
        cutoffs: in any order.
        reach: how far past a cutoff the label looks.
        embargo: further days between what teaches and what is predicted.
        folds: how many folds choose and calibrate, at most.
        positives: how many had the outcome at each cutoff, where that is known: what chooses and calibrates must have
            some.

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
    judged, later = ordered[-1], None
    before = _final_before(judged, ordered, reach, embargo)
    if before and len(_final_before(before[-1], ordered, reach, embargo)) >= TRAIN_BESIDE_LATER:
        judged, later = before[-1], judged
    train = _final_before(judged, ordered, reach, embargo)
    within = rolling_origin(train, reach, embargo, folds)
    if not within:
        need = 2 * (reach.gap + reach.horizon + reach.settle)
        raise TooLittleDataError(
            f"The history is too short to learn and to judge: {len(ordered)} mature cutoffs, of which {len(train)} "
            f"lie far enough before the judged one ({judged}).",
            remedy=f"About {need} days between the oldest and the newest mature cutoff are needed; give a longer "
            "history, or shorten gap, horizon, grace or every in spec.yaml.",
        )
    earlier: tuple[Fold, ...] = ()
    for judge in _further_judges(judged, ordered, reach):
        taught = _final_before(judge, ordered, reach, embargo)
        left = rolling_origin(taught, reach, embargo, folds)
        known = LEAST_POSITIVES if positives is None else sum(positives[fold.validate] for fold in left)
        if len(left) < LEAST_FOLDS or known < LEAST_POSITIVES:
            break
        earlier, within = (Fold(taught, judge), *earlier), left
    # from the newest: one calibrates, one searches, one calibrates, and so on
    search = tuple(fold for place, fold in enumerate(reversed(within)) if place % 3 == 1)[::-1] or within
    calibrate = tuple(fold for fold in within if fold not in search) or within
    purged = tuple(c for c in ordered if c not in train and c not in (judged, later))
    judges = {fold.validate for fold in earlier}
    after = [fold for fold in rolling_origin(train, reach, embargo, len(train)) if fold.validate > within[-1].validate]
    newer = tuple(fold for fold in after if fold.validate not in judges)
    return Split(train, search, calibrate, purged, judged, later, earlier, newer)


def _further_judges(judged: dt.date, ordered: Sequence[dt.date], reach: Reach) -> Iterator[dt.date]:
    """Up to MOST_JUDGES − 1 cutoffs before the judged one, newest first, together about a label window long."""
    apart = reach.horizon / MOST_JUDGES
    newest, left = judged, MOST_JUDGES - 1
    for cutoff in reversed([c for c in ordered if c < judged]):
        if left and (newest - cutoff).days >= apart:
            newest, left = cutoff, left - 1
            yield cutoff
