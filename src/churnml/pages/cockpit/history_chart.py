"""Health over time as a picture: drawn here, as SVG that needs no script, no library and no style of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from churnml.ledger import HistoryPoint
from churnml.pages.colours import band_colours
from churnml.pages.presenter import date, score, words

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 30
# From a date to its place from left to right.
_Place = Callable[[dt.date], float]
SYMBOLS: Mapping[str, str] = {"model": "M", "configuration": "C", "override": "O", "held": "H"}


@dataclass(frozen=True)
class Mark:
    """Something that is marked on the line of dates, of a kind of :data:`SYMBOLS`."""

    on: dt.date
    kind: str
    text: str


@dataclass(frozen=True)
class PlacedBand:
    """A band as a stripe: its name, colour, upper edge and height."""

    name: str
    colour: str
    top: float
    height: float


@dataclass(frozen=True)
class PlacedPoint:
    """A score in its place, and what it says."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class PlacedMark:
    """The marks of one date in their place: their letters, and what they say."""

    x: float
    letters: str
    text: str


@dataclass(frozen=True)
class PlacedTick:
    """A date below the line."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class HistoryChart:
    """Everything in its place; lengths in units of a picture of :data:`WIDTH` × :data:`HEIGHT`.

    Args:
        bands: the declared ones, best first.
        lines: paths of points without a gap.
        points: the scores.
        marks: what changed beside the data.
        ticks: the first and the last date.
        points_of: what the picture is made of, for the table beside it; newest first.
        description: the picture in a sentence.
    """

    bands: Sequence[PlacedBand]
    lines: Sequence[str]
    points: Sequence[PlacedPoint]
    marks: Sequence[PlacedMark]
    ticks: Sequence[PlacedTick]
    points_of: Sequence[HistoryPoint]
    description: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    base: int = HEIGHT - BOTTOM


def history_chart(history: Sequence[HistoryPoint], bands: Mapping[str, float], marks: Sequence[Mark]) -> HistoryChart:
    """The picture of an account's health.

    Args:
        history: scoring by scoring, ascending.
        bands: band → the lowest score in it, best first.
        marks: what is marked.
    """
    days = [point.as_of for point in history]
    first, last = (days[0], days[-1]) if days else (None, None)
    within = [mark for mark in marks if first is not None and last is not None and first <= mark.on <= last]

    def x(day: dt.date) -> float:
        span = (last - first).days if first and last else 0
        share = (day - first).days / span if first and span else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    known = [(point.as_of, point.health) for point in history]
    lines = []
    for is_known, stretch in groupby(known, key=lambda one: one[1] is not None):
        if is_known:
            lines.append(" ".join(f"{x(day)},{_y(health)}" for day, health in stretch if health is not None))
    return HistoryChart(
        bands=_bands(bands),
        lines=[line for line in lines if " " in line],
        points=[
            PlacedPoint(x(point.as_of), _y(point.health), f"{point.as_of}: {score(point.health)}, {words(point.band)}")
            for point in history
            if point.health is not None
        ],
        marks=_marks(within, x),
        ticks=_ticks(first, last, x),
        points_of=list(reversed(history)),
        description=_description(history, within),
    )


def _y(health: float) -> float:
    return round(TOP + (100 - health) / 100 * (HEIGHT - TOP - BOTTOM), 1)


def _bands(bands: Mapping[str, float]) -> list[PlacedBand]:
    colours = band_colours(list(bands))
    placed, upper = [], 100.0
    for name, lower in bands.items():
        placed.append(PlacedBand(name, colours[name], _y(upper), round(_y(lower) - _y(upper), 1)))
        upper = lower
    return placed


def _marks(marks: Sequence[Mark], x: _Place) -> list[PlacedMark]:
    placed = []
    for day, together in groupby(sorted(marks, key=lambda mark: mark.on), key=lambda mark: mark.on):
        ones = list(together)
        letters = "".join(dict.fromkeys(SYMBOLS.get(one.kind, "•") for one in ones))
        placed.append(PlacedMark(x(day), letters, f"{day}: {'; '.join(one.text for one in ones)}"))
    return placed


def _ticks(first: dt.date | None, last: dt.date | None, x: _Place) -> list[PlacedTick]:
    if first is None or last is None:
        return []
    if first == last:
        return [PlacedTick(x(first), date(first), "middle")]
    return [PlacedTick(x(first), date(first), "start"), PlacedTick(x(last), date(last), "end")]


def _description(history: Sequence[HistoryPoint], marks: Sequence[Mark]) -> str:
    known = [point for point in history if point.health is not None]
    if not known:
        return "No score is known."
    values = [point.health for point in known if point.health is not None]
    changed = f"; {len(marks)} changes of model, configuration or override are marked" if marks else ""
    if len(known) == 1:
        return f"Health was {score(values[0])} on {date(known[0].as_of)}, the only date that was scored{changed}."
    return (
        f"Health from {score(values[0])} on {date(known[0].as_of)} to {score(values[-1])} on {date(known[-1].as_of)}, "
        f"lowest {score(min(values))}, highest {score(max(values))}{changed}."
    )
