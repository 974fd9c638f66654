"""What was seen of a model at a date: its figures, what was alarming about them, and what is to be done."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

FigureKind = Literal["drift", "expected", "realised", "rolling", "leavers"]


@dataclass(frozen=True)
class WatchedFigure:
    """A figure of a model at a date.

    Args:
        kind: how it was come by.
        as_of: the scored date it is of; of ``rolling`` the newest of several, of ``leavers`` the last day of leaving.
        version: of the model, that scored it.
        figure, part: which, and of what: a feature, a part of the accounts, a band; empty is all.
        value, low, high: with its 95 % interval; None where it is not known.
        rows, positives: what it was measured on; positives None where no outcome is known.
    """

    kind: FigureKind
    as_of: dt.date
    version: str
    figure: str
    part: str
    value: float | None
    low: float | None
    high: float | None
    rows: int
    positives: int | None


@dataclass(frozen=True)
class WatchAlarm:
    """A trigger that fired.

    Args:
        figure: its name in ``models/monitoring.yaml``.
        action: the action that is due; another than the declared one where that cannot be taken.
        sentence: what a person reads.
    """

    figure: str
    action: str
    sentence: str


@dataclass(frozen=True)
class ModelWatch:
    """A look at one model.

    Args:
        model, version: the champion that was looked at.
        as_of: the scored date.
        known_through: the last day whose outcomes were known.
        action: the strongest that is due; None where nothing is alarming.
        alarms: the triggers that fired, the strongest first.
        figures: all that was measured.
        left_out: what could not be looked at, in words.
    """

    model: str
    version: str
    as_of: dt.date
    known_through: dt.date
    action: str | None
    alarms: tuple[WatchAlarm, ...]
    figures: tuple[WatchedFigure, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class WatchedModels:
    """A look at all models of a project.

    Args:
        as_of: the scored date.
        watches: one a model with a champion.
        unwatched: the others, each with the reason.
    """

    as_of: dt.date
    watches: tuple[ModelWatch, ...]
    unwatched: tuple[str, ...]


@dataclass(frozen=True)
class PastScoring:
    """A scoring of a date, and the version of a model that made it."""

    as_of: dt.date
    revision: int
    version: str
