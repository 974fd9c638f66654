"""Who was champion from when to when, and why: read out of events that are only ever added.

The registry keeps the events; here they are only understood.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from churnml.jsontypes import JsonObject

What = Literal["promoted", "rolled back", "refused"]
# What may be missing from the events: an alias that something else moved.
FOUND = "found as champion"
BY_VERDICT = "verdict"
BY_HAND = "by hand"
BY_WATCH = "by what was watched"


@dataclass(frozen=True)
class Event:
    """Something that was decided about a version.

    Args:
        at: when, UTC, ISO 8601; events are kept in this order.
        what: ``promoted``, ``rolled back`` (to this version), or ``refused``.
        version: the version it speaks of.
        why: the reason, in words.
        how: ``verdict``, ``by hand``, or ``by what was watched``.
        by: who did it by hand, where they said so.
        before: the champion until then, or None.
    """

    at: str
    what: What
    version: str
    why: str
    how: str
    by: str | None = None
    before: str | None = None

    def as_data(self) -> JsonObject:
        """As plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Tenure:
    """One version's time as champion; ``since`` and ``until`` (UTC) are None where nobody wrote them down."""

    version: str
    since: str | None
    until: str | None
    why: str
    how: str
    by: str | None = None
    is_champion: bool = True

    def as_data(self) -> JsonObject:
        """As plain data for JSON."""
        data = asdict(self)
        return data | {"in_office": data.pop("is_champion")}


@dataclass(frozen=True)
class ChampionHistory:
    """Who was champion of a model, and which challengers were refused, oldest first."""

    model: str
    champions: tuple[Tenure, ...]
    refused: tuple[Event, ...]

    def as_data(self) -> JsonObject:
        """As plain data for JSON."""
        return {
            "model": self.model,
            "champions": [tenure.as_data() for tenure in self.champions],
            "refused": [event.as_data() for event in self.refused],
        }


@dataclass(frozen=True)
class Appointed:
    """A version made champion by hand.

    Args:
        model: its name.
        version: the champion now.
        before: the champion until then, or None; the same version when nothing had to be changed.
        verdict: what the verdict on it was.
        unchecked: why its features could not be held against the project's; empty when they could.
    """

    model: str
    version: str
    before: str | None
    verdict: str
    unchecked: str


@dataclass(frozen=True)
class RegisteredVersion:
    """A line of the list of versions; ``created`` is in UTC."""

    version: str
    champion: bool
    challenger: bool
    verdict: str
    created: dt.datetime

    def as_data(self) -> JsonObject:
        """As plain data for JSON."""
        return asdict(self) | {"created": self.created.isoformat(timespec="seconds")}


def tenures(events: Sequence[Event], champion: str | None) -> list[Tenure]:
    """Who was champion, oldest first; at most the last one still is.

    Args:
        events: oldest first.
        champion: the version the registry's alias names now. Where the events do not lead to it, something
            other than churnml moved the alias; that is shown, with the times nobody wrote down left open.
    """
    line: list[Tenure] = []
    present: str | None = None
    for event in events:
        if event.what == "refused":
            continue
        if event.before != present:
            line = _ended(line, None)
            if event.before is not None:
                line.append(_unexplained(event.before))
        line = _ended(line, event.at)
        line.append(Tenure(event.version, event.at, None, event.why, event.how, event.by))
        present = event.version
    if champion != present:
        line = _ended(line, None)
        if champion is not None:
            line.append(_unexplained(champion))
    return line


def _ended(line: list[Tenure], at: str | None) -> list[Tenure]:
    if not line or not line[-1].is_champion:
        return line
    return [*line[:-1], replace(line[-1], until=at, is_champion=False)]


def _unexplained(version: str) -> Tenure:
    return Tenure(version, None, None, "the alias was moved by something other than churnml", FOUND)


def ever_champion(events: Sequence[Event], champion: str | None) -> set[str]:
    """Every version that was champion at some time."""
    return {tenure.version for tenure in tenures(events, champion)}


def previous(events: Sequence[Event], champion: str | None) -> str | None:
    """The champion to go back to, or None.

    Going back twice goes back two champions: a rollback takes its place from the line rather than lengthening it.
    """
    line: list[str] = []
    rolled = {(event.at, event.version) for event in events if event.what == "rolled back"}
    for tenure in tenures(events, champion):
        if (tenure.since, tenure.version) in rolled and tenure.version in line:
            line = line[: line.index(tenure.version) + 1]
        elif not line or line[-1] != tenure.version:
            line.append(tenure.version)
    return line[-2] if len(line) > 1 else None
