"""Who was champion from when to when, and why: read out of events that are only ever added.

The registry keeps the events; here they are only understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from churnml.jsontypes import JsonObject

What = Literal["promoted", "rolled back", "refused"]
# What may be missing from the events: an alias that something else moved.
FOUND = "found in office"
BY_VERDICT = "verdict"
BY_HAND = "by hand"


@dataclass(frozen=True)
class Event:
    """Something that was decided about a version.

    Args:
        at: when, UTC, ISO 8601; events are kept in this order.
        what: ``promoted``, ``rolled back`` (to this version), or ``refused``.
        version: the version it speaks of.
        why: the reason, in words.
        how: ``verdict`` or ``by hand``.
        by: who did it by hand, where they said so.
        before: the champion in office until then, or None.
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
    in_office: bool = True


def tenures(events: Sequence[Event], in_office: str | None) -> list[Tenure]:
    """Who was champion, oldest first; at most the last one is in office.

    Args:
        events: oldest first.
        in_office: the version the registry's alias names now. Where the events do not lead to it, something
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
    if in_office != present:
        line = _ended(line, None)
        if in_office is not None:
            line.append(_unexplained(in_office))
    return line


def _ended(line: list[Tenure], at: str | None) -> list[Tenure]:
    if not line or not line[-1].in_office:
        return line
    return [*line[:-1], replace(line[-1], until=at, in_office=False)]


def _unexplained(version: str) -> Tenure:
    return Tenure(version, None, None, "the alias was moved by something other than churnml", FOUND)


def ever_champion(events: Sequence[Event], in_office: str | None) -> set[str]:
    """Every version that was champion at some time."""
    return {tenure.version for tenure in tenures(events, in_office)}


def previous(events: Sequence[Event], in_office: str | None) -> str | None:
    """The champion to go back to, or None.

    Going back twice goes back two champions: a rollback takes its place from the line rather than lengthening it.
    """
    line: list[str] = []
    rolled = {(event.at, event.version) for event in events if event.what == "rolled back"}
    for tenure in tenures(events, in_office):
        if (tenure.since, tenure.version) in rolled and tenure.version in line:
            line = line[: line.index(tenure.version) + 1]
        elif not line or line[-1] != tenure.version:
            line.append(tenure.version)
    return line[-2] if len(line) > 1 else None
