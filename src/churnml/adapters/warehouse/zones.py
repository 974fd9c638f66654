"""Time zones as exports write them: words and offsets behind a time, and the hours a zone's clocks skip or repeat."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from churnml.timeline import days, midnight

HOUR = 60
# Words that mean one offset from UTC wherever they are written, in minutes (RFC 5322, 4.3, and the tz database).
WORDS: Mapping[str, int] = {
    **dict.fromkeys(("Z", "ZULU", "UTC", "GMT", "UCT", "WET"), 0),
    **dict.fromkeys(("CET", "WEST", "MEZ", "WAT"), HOUR),
    **dict.fromkeys(("CEST", "MESZ", "EET", "CAT", "SAST"), 2 * HOUR),
    **dict.fromkeys(("EEST", "MSK", "EAT"), 3 * HOUR),
    **dict.fromkeys(("PKT",), 5 * HOUR),
    **dict.fromkeys(("WIB", "ICT"), 7 * HOUR),
    **dict.fromkeys(("AWST", "HKT", "SGT", "MYT", "PHT"), 8 * HOUR),
    **dict.fromkeys(("JST", "KST"), 9 * HOUR),
    "ACST": 9 * HOUR + 30,
    "AEST": 10 * HOUR,
    "ACDT": 10 * HOUR + 30,
    "AEDT": 11 * HOUR,
    "NZST": 12 * HOUR,
    "NZDT": 13 * HOUR,
    "NST": -(3 * HOUR + 30),
    "NDT": -(2 * HOUR + 30),
    **dict.fromkeys(("BRT", "ART"), -3 * HOUR),
    "EDT": -4 * HOUR,
    **dict.fromkeys(("EST", "CDT"), -5 * HOUR),
    "MDT": -6 * HOUR,
    **dict.fromkeys(("MST", "PDT"), -7 * HOUR),
    **dict.fromkeys(("PST", "AKDT"), -8 * HOUR),
    "AKST": -9 * HOUR,
    "HST": -10 * HOUR,
}
# Words for a zone in summer and winter alike, which mean one wherever they are written.
ZONES_OF_WORDS: Mapping[str, str] = {"ET": "America/New_York", "PT": "America/Los_Angeles"}
# Words that mean different offsets in different countries: read only where the project says which it means.
AMBIGUOUS: Mapping[str, str] = {
    "CST": "Chicago, Shanghai or Havana",
    "IST": "Kolkata, Dublin or Jerusalem",
    "BST": "London or Dhaka",
    "AST": "Halifax or Riyadh",
    "ADT": "Halifax or Baghdad",
    "SST": "Pago Pago or Singapore",
    "GST": "Dubai or South Georgia",
    "AMT": "Manaus or Yerevan",
    "ECT": "Guayaquil or the Caribbean",
    "CT": "Chicago or Shanghai",
    "MT": "Denver or Phoenix",
}
# Zones that are proposed where times carry offsets that the project's own zone never has, the most usual first.
PROPOSED = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Halifax",
    "America/Sao_Paulo",
    "America/Bogota",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Asia/Jakarta",
    "Asia/Karachi",
    "Asia/Jerusalem",
    "Europe/Istanbul",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Australia/Sydney",
    "Australia/Brisbane",
    "Australia/Perth",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "America/Anchorage",
    "Asia/Kathmandu",
    "America/St_Johns",
)
PROPOSED_AT_MOST = 3
_NUMERIC = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?")
# With a zone in brackets behind the offset, as Java writes it.
_BRACKETED = re.compile(r"([^\[\]]*)\[([^\[\]]+)\]")
# In parentheses, as mail and browsers name the zone of an offset, or alone.
_COMMENTED = re.compile(r"([^()]*)\(([^()]+)\)")


@dataclass(frozen=True)
class Offset:
    """A place on the clock: minutes east of UTC, or a zone whose clocks are moved."""

    minutes: int = 0
    zone: str | None = None


@dataclass(frozen=True)
class MeantZones:
    """What the zone words of a project's times mean.

    Args:
        zone: the project's own.
        declared: word → zone, as ``zone_words:`` says.
    """

    zone: str
    declared: Mapping[str, str]

    def offset(self, tail: str) -> Offset | None:
        """What stands behind a time, as an offset from UTC; None where it is unknown, or means several things."""
        word = tail.strip()
        if match := _BRACKETED.fullmatch(word):
            named = self.offset(match[2])
            # the offset decides; the zone beside it must be one
            return named if not match[1].strip() or named is None else self.offset(match[1])
        if match := _COMMENTED.fullmatch(word):
            return self._commented(match[1], match[2])
        if word.upper() in {declared.upper() for declared in self.declared}:
            return Offset(zone=next(zone for name, zone in self.declared.items() if name.upper() == word.upper()))
        if match := _NUMERIC.fullmatch(word.upper()):
            minutes = int(match[2]) * HOUR + int(match[3] or 0)
            return Offset(minutes if match[1] == "+" else -minutes) if minutes <= 18 * HOUR else None
        own = own_words(self.zone)
        if word.upper() in AMBIGUOUS:
            return Offset(own[word.upper()]) if word.upper() in own else None
        if word.upper() in WORDS:
            return Offset(WORDS[word.upper()])
        if word.upper() in ZONES_OF_WORDS:
            return Offset(zone=ZONES_OF_WORDS[word.upper()])
        if word.casefold() in _zone_names():
            return Offset(zone=_zone_names()[word.casefold()])
        return Offset(own[word.upper()]) if word.upper() in own else None

    def _commented(self, before: str, comment: str) -> Offset | None:
        """What stands before a comment decides; a comment that means another offset leaves nothing sure."""
        named = self.offset(comment)
        if not before.strip():
            return named
        decided = self.offset(before)
        differ = decided and named and not decided.zone and not named.zone and decided != named
        return None if differ else decided


def zone_word_in(tail: str) -> str:
    """The word behind a time, in capitals and without what stands around it."""
    return tail.strip().strip("()[]").strip().upper()


@cache
def _zone_names() -> dict[str, str]:
    # names without a slash are old abbreviations; those that are plain stand in WORDS
    return {name.casefold(): name for name in sorted(available_timezones()) if "/" in name}


@cache
def own_words(zone: str) -> dict[str, int]:
    """The abbreviations a zone goes by in winter and summer, with their minutes east of UTC."""
    words = {}
    for month in (1, 7):
        at = dt.datetime(2024, month, 1, tzinfo=ZoneInfo(zone))
        name = at.tzname() or ""
        if name.isalpha():
            words[name.upper()] = offset_at(zone, at)
    return words


def offset_at(zone: str, at: dt.datetime) -> int:
    """Minutes east of UTC in a zone at an instant (without a zone of its own: of UTC)."""
    aware = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    shift = aware.astimezone(ZoneInfo(zone)).utcoffset() or dt.timedelta()
    return round(shift.total_seconds() / 60)


def signed(minutes: int) -> str:
    """An offset as it is written behind a time: +05:30."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // HOUR:02d}:{abs(minutes) % HOUR:02d}"


# ---------------------------------------------------------------- clocks that are moved


@dataclass(frozen=True)
class ClockChange:
    """A moment at which a zone's clocks are moved.

    Args:
        at: the moment in UTC.
        before, after: minutes east of UTC.
    """

    at: dt.datetime
    before: int
    after: int

    @property
    def skipped(self) -> tuple[dt.datetime, dt.datetime]:
        """The wall-clock times from, and up to, that there are not; empty where clocks go back."""
        return self.at + dt.timedelta(minutes=self.before), self.at + dt.timedelta(minutes=self.after)


@cache
def clock_changes(zone: str, first: int, last: int) -> tuple[ClockChange, ...]:
    """The moments in the years ``first`` to ``last`` at which clocks are moved, to the minute."""
    changes, at = [], midnight(dt.date(first, 1, 1))
    while at.year <= last:
        # nowhere do clocks stand for less than four weeks
        later = at + days(14)
        before, after = offset_at(zone, at), offset_at(zone, later)
        if before != after:
            low, high = 0, 14 * 24 * HOUR
            while high - low > 1:
                middle = (low + high) // 2
                same = offset_at(zone, at + dt.timedelta(minutes=middle)) == before
                low, high = (middle, high) if same else (low, middle)
            changes.append(ClockChange(at + dt.timedelta(minutes=high), before, after))
        at = later
    return tuple(changes)


@cache
def moves_clocks(zone: str) -> bool:
    """Whether a zone's clocks were moved since 1995, or will be."""
    if zone in ("UTC", "Etc/UTC", "GMT", "Etc/GMT"):
        return False
    firsts = (midnight(dt.date(y, m, 1)) for y in range(1995, 2038) for m in range(1, 13))
    return len({offset_at(zone, at) for at in firsts}) > 1


@cache
def set_back_by(zone: str) -> tuple[int, ...]:
    """By how many minutes a zone's clocks are set back when they are, since 1990."""
    return tuple(sorted({c.before - c.after for c in clock_changes(zone, 1990, 2037) if c.after < c.before}))


# ---------------------------------------------------------------- zones that times suggest


def suggested_zones(seen: Sequence[tuple[int, dt.datetime]]) -> list[str]:
    """Zones in which all of ``seen`` (minutes east of UTC, instant in UTC) are the wall clock, the most usual first."""
    fitting = [zone for zone in PROPOSED if all(offset_at(zone, at) == minutes for minutes, at in seen)]
    return fitting[:PROPOSED_AT_MOST]


def never_of(zone: str, offsets: Iterable[int], first: dt.datetime, last: dt.datetime) -> bool:
    """Whether a zone has none of these offsets from UTC (in minutes) in the years from ``first`` to ``last``."""
    own = {offset_at(zone, first), offset_at(zone, last)}
    own |= {minutes for c in clock_changes(zone, first.year, last.year) for minutes in (c.before, c.after)}
    return not own & set(offsets)
