"""How well the scores of the past did, once their outcomes are known.

What counts is what was said then: the probabilities as they were written down, by whatever version was champion. Labels
are those of today, and only of cutoffs that are mature: a label window that is still open would take who has not left
yet for who stays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.modelling.evaluation import Figure, evaluate
from churnml.modelling.ranking import Stakes
from churnml.timeline import Reach, day_number_of, plus_days

# Every figure is shown with an interval that covers to about a hundredth; more resamples would not be seen.
RESAMPLES = 400
ALL, TREATED, UNTOUCHED = "all", "treated", "untouched"
# Of fewer rows with the outcome, or without it, a figure says nothing.
LEAST = 5


@dataclass(frozen=True)
class PastScores:
    """One scored date whose outcomes are known.

    Args:
        as_of, version: the date, and the version that scored it.
        rows: ``account_id, as_of, probability, label, treated``; label 0.0 or 1.0.
        unlabelled: scored accounts without an outcome: they left in the gap, or had left and nobody knew.
    """

    as_of: dt.date
    version: str
    rows: pd.DataFrame
    unlabelled: int


@dataclass(frozen=True)
class Realised:
    """What came of scores.

    Args:
        as_of: the newest cutoff among them.
        cutoffs: how many cutoffs.
        versions: of the model, that made them.
        part: everybody, or who was treated or untouched until the outcome.
        figures: figure → value and 95 % interval, accounts resampled; empty where there is too little to say.
        rows, positives: what was measured.
    """

    as_of: dt.date
    cutoffs: int
    versions: tuple[str, ...]
    part: str
    figures: dict[str, Figure]
    rows: int
    positives: int


def judged_dates(dates: Sequence[dt.date], reach: Reach, data_through: dt.date, every: int) -> list[dt.date]:
    """The scored dates that are judged, ascending: the first of every ``every`` days, if its label window is over.

    They stay the same as time goes on, so each is judged once.
    """
    blocks: dict[int, dt.date] = {}
    for date in sorted(dates):
        blocks.setdefault(day_number_of(date) // every, date)
    return [date for date in blocks.values() if reach.is_mature(date, data_through)]


def rolling(dates: Sequence[dt.date], days: int) -> list[dt.date]:
    """The newest dates that lie in one stretch of ``days``."""
    return [date for date in dates if date > plus_days(max(dates), -days)]


def realised(scores: Sequence[PastScores], share: float, seed: int) -> list[Realised]:
    """The figures of one cutoff or several, in order: of everybody, and where the team acted, of both parts.

    The team changes what becomes of accounts: who was to leave, was called and stayed, looks like a false alarm. So
    whether probabilities hold is told by the untouched; the ranking is told by all.

    Args:
        scores: one or several cutoffs.
        share: of the accounts that the team can contact.
        seed: of the bootstrap.
    """
    rows = pd.concat([one.rows for one in scores], ignore_index=True)
    versions = tuple(dict.fromkeys(one.version for one in scores))
    treated = rows["treated"].to_numpy(dtype=bool)
    parts = {ALL: rows}
    if treated.any():
        parts |= {TREATED: rows[treated], UNTOUCHED: rows[~treated]}
    newest = max(one.as_of for one in scores)
    return [
        Realised(newest, len(scores), versions, part, _figures(some, share, seed), len(some), int(some["label"].sum()))
        for part, some in parts.items()
    ]


def _figures(rows: pd.DataFrame, share: float, seed: int) -> dict[str, Figure]:
    y = rows["label"].to_numpy(dtype="float64")
    if not LEAST <= y.sum() <= len(y) - LEAST:
        return {}
    stakes = Stakes(share, mrr=np.zeros(len(y)), contact_cost=0.0, kept=0.0)
    p = rows["probability"].to_numpy(dtype="float64")
    measured = evaluate(rows["account_id"].to_numpy(), y, {"model": p}, seed, RESAMPLES, stakes).figures["model"]
    # no money was given
    return {name: figure for name, figure in measured.items() if not name.startswith(("mrr_", "profit_"))}
