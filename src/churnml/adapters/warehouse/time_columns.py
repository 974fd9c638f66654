"""A source's columns of times, looked over once before they are read: how they are spelt, and what is told of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse.midnights import might_be_dates, tell_day_before, tell_midnights_elsewhere
from churnml.adapters.warehouse.reading import Reading, first_line, identifier, quoted
from churnml.adapters.warehouse.time_remedies import (
    both_orders,
    formats_of,
    full_width,
    units_of,
    units_sentence,
    unknown_word,
)
from churnml.adapters.warehouse.times import (
    EARLIEST,
    LATEST,
    Spelling,
    TimeReading,
    clock_as_written,
    declared_spellings,
    irregular_tail,
    layered,
    no_reading,
    spellings_of,
    text_column,
    text_reading,
    time_of,
    typed_reading,
    utc_of,
)
from churnml.adapters.warehouse.zones import (
    AMBIGUOUS,
    ClockChange,
    MeantZones,
    Offset,
    clock_changes,
    never_of,
    own_words,
    signed,
    suggested_zones,
    zone_word_in,
)
from churnml.errors import ContractError, ProjectError
from churnml.remarks import SAMPLES, RemarkKind
from churnml.tables import CLOCK_SHIFTS, ColumnKind, Table

SAMPLED = 1_000
# Different things behind a time; a column with more has none that are zones.
TAILS = 500
# So many times that all stand at midnight are dates; a few may happen to.
MIDNIGHTS = 20
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "DOUBLE", "FLOAT", "DECIMAL")
# Where the hour of the day, or hours in between, become a feature.
HOURS_MATTER = {
    "usage_events": ("occurred_at",),
    "support_tickets": ("opened_at", *CLOCK_SHIFTS),
}
# Of events, hours are known, and to look at each of so many again would cost.
SELDOM_DATES = ("usage_events",)
MICROSECONDS_OF_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class TimeColumn:
    """A column of times, looked over.

    Args:
        reading: how it is read.
        has_hours: whether its times have hours of the day; a column of dates has none.
    """

    reading: TimeReading
    has_hours: bool = True


@dataclass(frozen=True)
class Look:
    """What one look at a column gave.

    Args:
        given: values that are there.
        irregular: those that none of its usual spellings reads.
        moving: those that stand at another hour than midnight.
        first, last: the span of what was read; None where nothing was.
        skipped: those at hours that the zone's clocks skip.
    """

    given: int
    irregular: int
    moving: int
    first: dt.datetime | None
    last: dt.datetime | None
    skipped: int

    @property
    def lies_far(self) -> bool:
        """Whether some lie outside what can be a company's data."""
        return self.first is not None and self.last is not None and (self.first < EARLIEST or self.last >= LATEST)


def time_columns(reading: Reading, table: Table, types: Mapping[str, str], source: Path) -> dict[str, TimeColumn]:
    """How each column of times is read that a source gives; what is odd about them is added to the remarks.

    Args:
        reading: under way; the view ``_raw_<table>`` is there.
        table: its declaration.
        types: the source's columns, with the engine's types.
        source: the source's file.

    Raises:
        ContractError: a column holds numbers, or text that no reading but a declared one can be sure of.
        ProjectError: ``time_formats`` cannot be used.
    """
    names = [c.name for c in table.columns if c.kind is ColumnKind.TIME and c.name in types]
    if not names:
        return {}
    return _Looking(reading, table, types, source).columns(names)


class _Looking:
    """The look at one source."""

    def __init__(self, reading: Reading, table: Table, types: Mapping[str, str], source: Path) -> None:
        self.reading, self.table, self.types, self.source = reading, table, types, source
        self.con, spec = reading.con, reading.project.spec
        self.zone = spec.timezone
        self.meant = MeantZones(spec.timezone, spec.zone_words)
        self.raw = identifier(f"_raw_{table.name}")
        self.skipped = [c for c in clock_changes(self.zone, 1990, 2037) if c.after > c.before]
        self.own = self._own_spellings() if "VARCHAR" in types.values() else []

    def columns(self, names: Sequence[str]) -> dict[str, TimeColumn]:
        numbers = [name for name in names if self.types[name].startswith(NUMBERS)]
        for name in numbers:
            self._must_be_empty(name)
        names = [name for name in names if name not in numbers]
        texts = [name for name in names if self.types[name] == "VARCHAR"]
        usual = self._usual_spellings(texts)
        looks = self._looked_at(names, usual)
        empty = {name: TimeColumn(no_reading(name)) for name in numbers}
        return empty | {name: self._column(name, looks[name], usual.get(name)) for name in names}

    # ------------------------------------------------------------ spellings

    def _own_spellings(self) -> list[Spelling]:
        """The project's ``time_formats``, tried on the engine."""
        project = self.reading.project
        for form in project.spec.time_formats:
            try:
                self.con.execute(f"SELECT TRY_STRPTIME('', {quoted(form)})")
            except duckdb.Error as problem:
                raise ProjectError(
                    f"time_formats: '{form}' is no format of times ({first_line(problem).split(': ')[-1]}).",
                    where=f"{project.root / PROJECT_FILE}, time_formats",
                    remedy="Write it as for strptime, for instance '%d.%m.%Y' or '%m/%d/%Y %I:%M %p'.",
                ) from None
        return declared_spellings(project.spec.time_formats, self.meant)

    def _usual_spellings(self, texts: Sequence[str]) -> dict[str, list[Spelling]]:
        if not texts:
            return {}
        columns = ", ".join(identifier(name) for name in texts)
        rows = self.con.execute(f"SELECT {columns} FROM {self.raw} LIMIT {SAMPLED}").fetchall()
        by_column = zip(*rows, strict=True) if rows else [()] * len(texts)
        return {
            name: spellings_of([value for value in values if value is not None], self.meant)
            for name, values in zip(texts, by_column, strict=True)
        }

    def _looked_at(self, names: Sequence[str], usual: Mapping[str, Sequence[Spelling]]) -> dict[str, Look]:
        looks = self._at_its_ends([name for name in names if name not in usual])
        read, counted = [], []
        names = [name for name in names if name not in looks]
        for name in names:
            clock, column = identifier(f"clock of {name}"), identifier(name)
            as_written = self._clock(name, usual.get(name))
            if name in usual:
                all_local = all(s.offset is None and not s.instant for s in [*self.own, *usual[name]])
                irregular = f"count(*) FILTER ({column} IS NOT NULL AND {clock} IS NULL)"
            else:
                all_local = not typed_reading(name, self.types[name], self.zone).has_utc
                irregular = f"count(*) FILTER ({column} IS NOT NULL AND NOT coalesce(isfinite({clock}), false))"
            read.append(f"{column}, {as_written} AS {clock}")
            counted += [
                f"count(*) FILTER ({column} <> '')" if name in usual else f"count({column})",
                irregular,
                f"count(*) FILTER (epoch_us({clock}) % {MICROSECONDS_OF_A_DAY} <> 0)",
                f"min({clock}) FILTER (isfinite({clock}))",
                f"max({clock}) FILTER (isfinite({clock}))",
                f"count(*) FILTER ({self._is_skipped(clock)})" if all_local else "0",
            ]
        if not names:
            return looks
        query = f"SELECT {', '.join(counted)} FROM (SELECT {', '.join(read)} FROM {self.raw})"
        row = self.con.execute(query).fetchall()[0]
        return looks | {name: Look(*row[n * 6 : n * 6 + 6]) for n, name in enumerate(names)}

    def _at_its_ends(self, names: Sequence[str]) -> dict[str, Look]:
        """Columns of which the first and the last time tell all: plain times in a zone whose clocks stand.

        A file may have these written down, so that none of its rows is read for them.
        """
        names = [name for name in names if self.types[name] == "TIMESTAMP" and not self.skipped]
        looks = {}
        for name in names:
            at = identifier(name)
            given, first, last, finite = self.con.execute(
                f"SELECT n, a, z, isfinite(a) AND isfinite(z) FROM "
                f"(SELECT count({at}) AS n, min({at}) AS a, max({at}) AS z FROM {self.raw})"
            ).fetchall()[0]
            if not given or finite:
                moving = f"SELECT 1 FROM {self.raw} WHERE epoch_us({at}) % {MICROSECONDS_OF_A_DAY} <> 0 LIMIT 1"
                # whether any does is all that is asked of a plain time
                looks[name] = Look(given, 0, len(self.con.execute(moving).fetchall()), first, last, 0)
        return looks

    def _clock(self, name: str, usual: Sequence[Spelling] | None) -> str:
        """SQL: the time as it stands there; of what has no spelling, because it is no text, the clock of UTC."""
        if usual is not None:
            return clock_as_written(name, self.own, usual)
        reading = typed_reading(name, self.types[name], self.zone)
        return reading.steps[0][utc_of(name) if reading.has_utc else f"_any {name}"]

    def _is_skipped(self, clock: str) -> str:
        """SQL: whether a wall-clock time is one that there was not, because the clocks were put forward."""
        if not self.skipped:
            return "false"
        hours = sorted({change.skipped[0].hour for change in self.skipped})
        among = ", ".join(str(hour) for hour in hours)
        return f"CASE WHEN hour({clock}) IN ({among}) THEN {_within_any(clock, self.skipped)} ELSE false END"

    # ------------------------------------------------------------ a column

    def _column(self, name: str, look: Look, usual: Sequence[Spelling] | None) -> TimeColumn:
        tails: dict[str, int] = {}
        if usual is None:
            reading = typed_reading(name, self.types[name], self.zone)
        else:
            tails = self._tails(name, usual) if look.irregular else {}
            meant = {tail: self.meant.offset(tail) if tail else None for tail in tails}
            reading = text_reading(name, self.own, usual, meant, self.zone)
            self._tell_ambiguous(name, {**tails, **self._usual_tails(name, usual)}, meant)
        # an instant's own clock may reach past what can be a company's data where the zone's does not
        if look.irregular or look.lies_far or (usual is None and reading.has_utc and look.given):
            self._tell_unread(name, reading, look, tails)
        if look.skipped:
            self._tell(
                RemarkKind.SKIPPED_HOUR, name, look.skipped, detail=f"The clocks of {self.zone} were put forward then."
            )
        if usual is not None and look.first and look.last:
            self._tell_other_offset(name, usual, tails, look)
        if reading.has_utc and might_be_dates(look.given, look.moving):
            clock = self._clock(name, usual)
            tell_day_before(self.reading, self.table, reading, self.types[name], clock)
        elif reading.has_utc and self.table.name not in SELDOM_DATES:
            tell_midnights_elsewhere(self.reading, self.table, reading)
        has_hours = bool(look.moving) or not look.given or self._has_hours(name, look, reading)
        if not has_hours and name in HOURS_MATTER.get(self.table.name, ()):
            self._tell(RemarkKind.NO_HOURS, name, look.given)
        return TimeColumn(reading, has_hours)

    def _has_hours(self, name: str, look: Look, reading: TimeReading) -> bool:
        if (
            look.irregular
            and self.con.execute(
                f"SELECT 1 FROM ({layered(self.raw, reading.steps)}) "
                f"WHERE epoch_us({identifier(time_of(name))}) % {MICROSECONDS_OF_A_DAY} <> 0 LIMIT 1"
            ).fetchall()
        ):
            return True
        if self.types[name] == "DATE" or look.given >= MIDNIGHTS:
            return False
        if self.types[name] != "VARCHAR":
            return True
        clocks = f"SELECT 1 FROM {self.raw} WHERE contains({identifier(name)}, ':') LIMIT 1"
        return bool(self.con.execute(clocks).fetchall())

    def _tails(self, name: str, usual: Sequence[Spelling]) -> dict[str, int]:
        clock = clock_as_written(name, self.own, usual)
        rows = self.con.execute(
            f"SELECT tail, count(*) AS n FROM (SELECT {irregular_tail(name)} AS tail FROM {self.raw} "
            f"WHERE {identifier(name)} IS NOT NULL AND {clock} IS NULL) WHERE tail IS NOT NULL "
            f"GROUP BY tail ORDER BY n DESC, tail LIMIT {TAILS}"
        ).fetchall()
        return {str(tail): int(count) for tail, count in rows}

    def _usual_tails(self, name: str, usual: Sequence[Spelling]) -> dict[str, int]:
        """Rows with a zone word that several countries use, among the usual spellings."""
        counted = {}
        for spelling in usual:
            word = zone_word_in(re.split(r"%\w", spelling.formats[0])[-1])
            if word in AMBIGUOUS:
                counted[word] = self._count(f"{_any_of(name, spelling)} IS NOT NULL")
        return counted

    # ------------------------------------------------------------ what is told

    def _tell(self, kind: RemarkKind, name: str, rows: int, samples: Sequence[object] = (), detail: str = "") -> None:
        self.reading.tell(kind, self.table.name, name, rows, samples, detail)

    def _tell_ambiguous(self, name: str, tails: Mapping[str, int], meant: Mapping[str, Offset | None]) -> None:
        for tail, rows in tails.items():
            word = zone_word_in(tail)
            declared = {word.upper() for word in self.meant.declared}
            if word in own_words(self.zone).keys() & AMBIGUOUS.keys() - declared:
                minutes = own_words(self.zone)[word]
                detail = f"{word} ({AMBIGUOUS[word]}) is read as that of {self.zone}, UTC{signed(minutes)}."
                self._tell(RemarkKind.ZONE_WORD, name, rows, [tail], detail)

    def _tell_unread(self, name: str, reading: TimeReading, look: Look, tails: Mapping[str, int]) -> None:
        """Tells, or stops at, what could not be read; counts what stands for no value."""
        column = identifier(name)
        text = text_column(name) if self.types[name] == "VARCHAR" else column
        given = f"{column} IS NOT NULL" + (f" AND {text} <> ''" if self.types[name] == "VARCHAR" else "")
        unread = (
            f"(SELECT {text} AS x, coalesce({reading.is_nothing}, false) AS nothing "
            f"FROM ({layered(self.raw, reading.steps)}) WHERE {given} AND {identifier(time_of(name))} IS NULL)"
        )
        rows = self.con.execute(
            f"SELECT nothing, count(*), min(DISTINCT x::VARCHAR, {SAMPLES}) FROM {unread} "
            "GROUP BY nothing ORDER BY nothing"
        ).fetchall()
        nothings = sum(int(count) for nothing, count, _ in rows if nothing)
        for nothing, count, samples in rows:
            if nothing:
                self._tell(RemarkKind.NO_VALUE, name, int(count), samples)
            elif self.types[name] == "VARCHAR":
                values = f"(SELECT x FROM {unread} WHERE NOT nothing)"
                remedy = self._remedy(name, values, tails)
                if int(count) + nothings >= look.given and remedy:
                    raise ContractError(
                        f"No time of column '{name}' of table {self.table.name} can be read: {_some(samples)}.",
                        where=str(self.source),
                        remedy=remedy,
                    )
                self._tell(RemarkKind.UNREADABLE_TIME, name, int(count), samples, remedy)
            else:
                self._tell(RemarkKind.UNREADABLE_TIME, name, int(count), samples)

    def _remedy(self, name: str, values: str, tails: Mapping[str, int]) -> str:
        unknown = [zone_word_in(tail) for tail in tails if tail and self.meant.offset(tail) is None]
        if word := next((word for word in unknown if word in AMBIGUOUS), None):
            return f"{word} may be that of {AMBIGUOUS[word]}: declare it, for instance zone_words: {{{word}: …}}."
        if units := units_of(self.con, values):
            return units_sentence(units, name)
        if contradiction := both_orders(self.con, values, self.reading.project.spec.time_formats):
            return contradiction
        if formats := formats_of(self.con, values):
            return formats.sentence
        if unknown:
            return unknown_word(unknown[0])
        return full_width(self.con, values, name)

    def _tell_other_offset(self, name: str, usual: Sequence[Spelling], tails: Mapping[str, int], look: Look) -> None:
        """Tells that every time of a column has an offset that the project's zone never has."""
        if self.own or "" in tails or any(spelling.offset is None for spelling in usual):
            return
        placed = [s.offset for s in usual] + [self.meant.offset(tail) for tail in tails]
        known = [offset for offset in placed if offset is not None]
        minutes = {offset.minutes for offset in known if offset.zone is None}
        first, last = look.first, look.last
        if not known or any(offset.zone for offset in known) or minutes == {0} or first is None or last is None:
            return
        if not never_of(self.zone, minutes, first, last):
            return
        zones = suggested_zones([seen for spelling in usual for seen in self._instants(name, spelling)])
        meant = f" They are the wall clock of {' or '.join(zones)}: is timezone: {zones[0]} meant?" if zones else ""
        offsets = " and ".join(f"UTC{signed(offset)}" for offset in sorted(minutes))
        detail = f"All stand at {offsets}, where {self.zone} never is.{meant}"
        self._tell(RemarkKind.OTHER_OFFSET, name, look.given, detail=detail)

    def _instants(self, name: str, spelling: Spelling) -> list[tuple[int, dt.datetime]]:
        """The first and last instant of each month, with the offset they were written with, in minutes."""
        minutes = spelling.offset.minutes if spelling.offset else 0
        utc = f"{_any_of(name, spelling)} - INTERVAL '{minutes} minutes'"
        rows = self.con.execute(
            f"SELECT min(u), max(u) FROM (SELECT {utc} AS u FROM {self.raw}) WHERE u IS NOT NULL "
            "GROUP BY date_trunc('month', u)"
        ).fetchall()
        return [(minutes, at) for row in rows for at in row]

    def _must_be_empty(self, name: str) -> None:
        """Refuses numbers as times; a column of nothing has whatever type its writer chose."""
        column, kind = identifier(name), self.types[name]
        values = f"(SELECT {column} AS x FROM {self.raw} WHERE {column} IS NOT NULL)"
        if not self.con.execute(f"SELECT 1 FROM {values} LIMIT 1").fetchall():
            return
        units = units_of(self.con, values)
        dates = formats_of(self.con, f"(SELECT x::BIGINT::VARCHAR AS x FROM {values})") if units is None else None
        if units is not None:
            remedy = units_sentence(units, name)
        elif dates is not None:
            remedy = f"Write strptime({name}::BIGINT::VARCHAR, '{dates.choices[0][0]}') AS {name} in the SELECT."
        else:
            remedy = f"Convert it in the SELECT, for instance to_timestamp({name}) AS {name} if it counts seconds."
        raise ContractError(
            f"Column '{name}' of table {self.table.name} must be a time, but it holds numbers ({kind}).",
            where=str(self.source),
            remedy=remedy,
        )

    def _count(self, condition: str) -> int:
        return int(self.con.execute(f"SELECT count(*) FROM {self.raw} WHERE {condition}").fetchall()[0][0])


def _within_any(clock: str, changes: Sequence[ClockChange]) -> str:
    return " OR ".join(
        f"({clock} >= TIMESTAMP {quoted(str(start))} AND {clock} < TIMESTAMP {quoted(str(end))})"
        for start, end in (change.skipped for change in changes)
    )


def _any_of(name: str, spelling: Spelling) -> str:
    formats = ", ".join(quoted(form) for form in spelling.formats)
    return f"TRY_STRPTIME({identifier(name)}, [{formats}])"


def _some(samples: Sequence[str]) -> str:
    return ", ".join(f"'{sample[:40]}'" for sample in samples)
