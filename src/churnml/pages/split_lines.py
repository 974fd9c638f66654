"""The cutoffs of a training, drawn in characters: who trained and who judged."""

from __future__ import annotations

import datetime as dt
import math

from churnml.modelling.record import ModelRecord
from churnml.timeline import end_of_data

# Widest row, in characters.
CHART_WIDTH = 66


def roles_of(record: ModelRecord) -> list[tuple[dt.date, str]]:
    """Every cutoff with what it did, oldest first."""
    training = record.training
    roles = dict.fromkeys(training.cutoffs, "trains")
    folds = (("search", training.searched_at), ("calibration", training.calibrated_at))
    for fold in training.folds:
        uses = [use for use, cutoffs in folds if fold.validated in cutoffs]
        roles[fold.validated] = f"trains; a fold for {' and '.join(uses) or 'validation'}"
    roles |= dict.fromkeys(training.purged, "left out")
    if record.pooled:
        roles |= {one.cutoff: f"judges what was taught to {one.taught_to}" for one in record.pooled.by_cutoff}
    roles[record.cutoff] = "judges"
    if training.later:
        roles[training.later] = "checks, later"
    return sorted(roles.items())


def drawn_splits(record: ModelRecord) -> tuple[list[str], int]:
    """A line a cutoff with its label window, and how many days a character stands for."""
    reach, end = record.label.reach, end_of_data(record.data_through)
    roles = roles_of(record)
    first = roles[0][0]
    days = max(math.ceil((end - first).days / CHART_WIDTH), 1)

    def at(day: dt.date) -> int:
        return (min(day, end) - first).days // days

    lines = []
    for cutoff, role in roles:
        window = reach.window(cutoff)
        row = [" "] * (at(end) + 1)
        for start, stop, mark in (
            (cutoff, window.start, "·"),
            (window.start, window.end, "#"),
            (window.end, reach.settled_on(cutoff), "-"),
        ):
            row[at(start) : at(stop)] = mark * (at(stop) - at(start))
        row[at(cutoff)] = "o"
        row[at(end)] = "|"
        lines.append(f"{cutoff}  {''.join(row)}  {role}")
    return lines, days
