"""How text becomes a time: ISO and what exports put behind it, read whole or not at all.

Every expression here is SQL over a column of a source. A time with an offset, or a zone word, is an instant and
becomes the project's wall clock; one without is that wall clock already (docs/decisions/0002-time.md and
0029-reading-times.md). The spellings a column mostly has are read by ``strptime``, which is strict and fast; whatever
else it holds goes through a pattern that leaves nothing over. The engine's own cast is never asked about a whole text:
it drops what it does not know.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from churnml.adapters.warehouse.reading import identifier, quoted
from churnml.adapters.warehouse.values import is_word
from churnml.adapters.warehouse.zones import (
    AMBIGUOUS,
    WORDS,
    ZONES_OF_WORDS,
    MeantZones,
    Offset,
    moves_clocks,
    offset_at,
    own_words,
    signed,
)
from churnml.tables import ColumnKind

# Times outside are no times of a company's data: nought seconds since 1970 is how programs write "none".
EARLIEST, LATEST = dt.datetime.fromisoformat("1970-01-02"), dt.datetime.fromisoformat("2101-01-01")
# Years that stand for "never" or "none" (SQL Server, .NET, MySQL, billing systems), and PostgreSQL's own words.
NOTHING = r"(?:0000|0001|9999)-\d{1,2}-\d{1,2}.*|[+-]?infinity"
# Blanks, tabs, and what cannot be seen.
OUTER = " \t\r\n\v\f\u0085\u00a0\u200b\u2028\u2029\ufeff"
# More spellings than this of one column are left to the pattern.
SPELLINGS = 8

_DATE = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_CLOCK = r"[Tt ]\s*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
# head: the date and its clock; half: AM or PM; tail: what says where that clock stands
_WHOLE = rf"^({_DATE}(?:{_CLOCK})?)(?:\s*([AaPp])(?:[Mm]\b|\.[Mm]\.))?(?:\s*([A-Za-z+\-\[(].*))?$"
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:([T ])\d\d:\d\d(:\d\d)?(\.\d{1,6})?(\D.*|[+-]\d.*)?)?")
_HALVES = [f"%Y-%m-%d %I:%M{seconds} %p" for seconds in ("", ":%S", ":%S.%f")]


@dataclass(frozen=True)
class Spelling:
    """A way in which a column writes times.

    Args:
        formats: for ``strptime``; several that differ in nothing but detail.
        offset: where the clock stands; None is the project's own wall clock.
        instant: whether ``strptime`` reads the offset itself and gives an instant.
        words: of a format with ``%Z``: zone word → what it is written as instead: an offset, a zone's name, or nothing
            where it may mean several zones. The engine's own table of words is an old one of Java's.
    """

    formats: tuple[str, ...]
    offset: Offset | None = None
    instant: bool = False
    words: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TimeReading:
    """How a column is read as times: SQL, a layer of named expressions upon the other (:func:`layered`).

    Args:
        name: the column.
        steps: the layers; the last holds ``time_of(name)``, the project's wall clock as a TIMESTAMP, null where it
            cannot be read.
        has_utc: whether some rows are instants: then ``utc_of(name)`` is there, in UTC, null for the others.
        is_nothing: whether a value that could not be read stands for no value.
    """

    name: str
    steps: tuple[Mapping[str, str], ...]
    has_utc: bool
    is_nothing: str


def time_of(name: str) -> str:
    """The column of a layered relation that holds a column's times."""
    return f"_time {name}"


def utc_of(name: str) -> str:
    """The column of a layered relation that holds a column's instants."""
    return f"_utc {name}"


def layered(relation: str, *columns: Sequence[Mapping[str, str]]) -> str:
    """A relation with the steps of some columns, layer upon layer, as a SELECT.

    Each expression is written once, however many build on it: the engine takes long over texts that repeat themselves.
    """
    select = f"SELECT * FROM {relation}"
    for place in range(max((len(steps) for steps in columns), default=0)):
        added = {name: value for steps in columns if place < len(steps) for name, value in steps[place].items()}
        written = ", ".join(f"{value} AS {identifier(name)}" for name, value in added.items())
        select = f"SELECT *, {written} FROM ({select})"
    return select


def text_column(name: str) -> str:
    """A column's text without what stands around it."""
    return f"trim({identifier(name)}, {quoted(OUTER)})"


def spellings_of(samples: Iterable[str], meant: MeantZones) -> list[Spelling]:
    """The spellings of some values, the most usual first: what is read fast."""
    counted: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        if match := _PLAIN.fullmatch(sample.strip(OUTER)):
            between, seconds, fraction, tail = match.groups()
            clock = f"{between}%H:%M{':%S' if seconds else ''}{'.%f' if fraction else ''}" if between else ""
            counted[f"%Y-%m-%d{clock}", tail or ""] += 1
    by_tail: dict[str, list[str]] = {}
    for (form, tail), _ in counted.most_common(SPELLINGS):
        by_tail.setdefault(tail, []).append(form + tail.replace("%", "%%"))
    read = {tail: meant.offset(tail) for tail in by_tail if tail}
    return [
        Spelling(tuple(formats), read.get(tail))
        for tail, formats in by_tail.items()
        if not tail or read[tail] is not None
    ]


def declared_spellings(time_formats: Sequence[str], meant: MeantZones) -> list[Spelling]:
    """A project's ``time_formats`` as spellings; those with a zone give instants."""
    plain = tuple(form for form in time_formats if "%z" not in form and "%Z" not in form)
    words = []
    for word in dict.fromkeys([*WORDS, *ZONES_OF_WORDS, *AMBIGUOUS, *meant.declared, *own_words(meant.zone)]):
        offset = meant.offset(word)
        written = "" if offset is None else offset.zone or signed(offset.minutes)
        words.append((word.upper(), written))
    zoned = [
        Spelling((form,), instant=True, words=tuple(words) if "%Z" in form else ())
        for form in time_formats
        if form not in plain
    ]
    return [*([Spelling(plain)] if plain else []), *zoned]


def clock_as_written(name: str, own: Sequence[Spelling], usual: Sequence[Spelling]) -> str:
    """SQL: the time as it stands there, wherever its clock is; null where no usual spelling reads it."""
    column = identifier(name)
    # zone words are looked for once the column is read, not while it is looked over
    read = [_strptime(text_column(name), spelling) for spelling in own if not spelling.words]
    formats = [form for spelling in usual for form in spelling.formats]
    if formats:
        read.append(f"TRY_STRPTIME({column}, [{', '.join(quoted(form) for form in formats)}])")
    return _first_of(read)


def text_reading(
    name: str, own: Sequence[Spelling], usual: Sequence[Spelling], tails: Mapping[str, Offset | None], zone: str
) -> TimeReading:
    """How a column of text is read.

    Args:
        name: the column.
        own: the project's ``time_formats``, which come first.
        usual: the column's usual spellings.
        tails: what stands behind the times that none of those reads → the offset; None cannot be read. Empty where
            they read all.
        zone: the project's.
    """
    text, column = text_column(name), identifier(name)
    parts, clock = identifier(f"_parts {name}"), identifier(f"_clock {name}")
    steps: list[dict[str, str]] = []
    walls: list[str] = []
    instants: list[str] = []
    for spelling, source in [(s, text) for s in own] + [(s, column) for s in usual]:
        read = _strptime(source, spelling)
        if spelling.words:
            steps[:1] = [{f"_word {name}": _zone_word(text, spelling.words)}]
            instants.append(_by_words(text, identifier(f"_word {name}"), spelling))
        elif spelling.instant:
            instants.append(read)
        elif spelling.offset is not None:
            instants.append(as_utc(read, spelling.offset))
        else:
            walls.append(read)
    if tails:
        steps += [
            {f"_parts {name}": f"regexp_extract({text}, {quoted(_WHOLE)}, ['head', 'half', 'tail'])"},
            {f"_clock {name}": _clock_of(parts)},
        ]
        walls.append(f"CASE WHEN {parts}.tail = '' THEN {clock} END")
        known = [(tail, offset) for tail, offset in tails.items() if tail and offset is not None]
        if known:
            cases = " ".join(f"WHEN {quoted(tail)} THEN {as_utc(clock, offset)}" for tail, offset in known)
            instants.append(f"CASE rtrim({parts}.tail) {cases} END")
    if instants:
        steps.append({utc_of(name): _first_of(instants)})
        walls.append(as_wall(identifier(utc_of(name)), zone))
    steps += _bounded(name, _first_of(walls))
    nothing = f"(regexp_full_match({text}, {quoted(NOTHING)}, 'i') OR {is_word(text, ColumnKind.TIME)})"
    return TimeReading(name, tuple(steps), bool(instants), nothing)


def typed_reading(name: str, sql_type: str, zone: str) -> TimeReading:
    """How a column that arrives as dates or times is read."""
    column = identifier(name)
    if sql_type in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        utc = f"timezone('UTC', {column}::TIMESTAMPTZ)"
        steps = [{utc_of(name): utc}, *_bounded(name, as_wall(identifier(utc_of(name)), zone))]
        return TimeReading(name, tuple(steps), has_utc=True, is_nothing=_stands_for_nothing(utc))
    value = f"TRY_CAST({column} AS TIMESTAMP)"
    return TimeReading(name, tuple(_bounded(name, value)), has_utc=False, is_nothing=_stands_for_nothing(value))


def no_reading(name: str) -> TimeReading:
    """How a column is read that has no values."""
    return TimeReading(name, ({time_of(name): "NULL::TIMESTAMP"},), has_utc=False, is_nothing="false")


def _bounded(name: str, value: str) -> list[dict[str, str]]:
    return [{f"_any {name}": value}, {time_of(name): within_bounds(identifier(f"_any {name}"))}]


def _stands_for_nothing(value: str) -> str:
    return f"(NOT isfinite({value}) OR year({value}) >= 9999 OR year({value}) <= 1)"


def _first_of(values: Sequence[str]) -> str:
    return f"coalesce({', '.join(values)})" if values else "NULL::TIMESTAMP"


def within_bounds(value: str) -> str:
    """SQL: a time that can be one of a company's data, else null."""
    first, end = quoted(str(EARLIEST)), quoted(str(LATEST))
    return f"CASE WHEN {value} >= TIMESTAMP {first} AND {value} < TIMESTAMP {end} THEN {value} END"


def as_utc(clock: str, offset: Offset) -> str:
    """SQL: a clock that stands somewhere, as UTC."""
    if offset.zone is not None:
        return f"timezone('UTC', timezone({quoted(offset.zone)}, {clock}))"
    return f"({clock} - INTERVAL '{offset.minutes} minutes')" if offset.minutes else clock


def as_wall(utc: str, zone: str) -> str:
    """SQL: a time of UTC as the wall clock of a zone."""
    if moves_clocks(zone):
        return f"timezone({quoted(zone)}, timezone('UTC', {utc}))"
    minutes = offset_at(zone, dt.datetime.fromisoformat("2020-01-01"))
    return f"({utc} + INTERVAL '{minutes} minutes')" if minutes else utc


def irregular_tail(name: str) -> str:
    """SQL: what stands behind a time that the pattern reads; null where it does not."""
    text = text_column(name)
    whole = quoted(_WHOLE)
    return f"CASE WHEN regexp_matches({text}, {whole}) THEN rtrim(regexp_extract({text}, {whole}, 3)) END"


def _strptime(text: str, spelling: Spelling) -> str:
    formats = ", ".join(quoted(form) for form in spelling.formats)
    read = f"TRY_STRPTIME({text}, [{formats}])"
    return f"timezone('UTC', {read})" if spelling.instant else f"{read}::TIMESTAMP"


def _zone_word(text: str, words: Sequence[tuple[str, str]]) -> str:
    """SQL: the zone word in a text, in capitals; empty where there is none."""
    among = "|".join(re.escape(word) for word, _ in words)
    pattern = rf"(?:\b|[0-9])({among})\b"
    return f"upper(regexp_extract({text}, {quoted(pattern)}, 1, 'i'))"


def _by_words(text: str, word: str, spelling: Spelling) -> str:
    """SQL: an instant by a format with ``%Z``, the zone ``word`` replaced by what it means."""
    form = spelling.formats[0]
    cases = []
    for directive in ("%z", "%Z"):  # offsets, and names of zones
        some = [(w, written) for w, written in spelling.words if ("/" in written) == (directive == "%Z")]
        if some:
            to = " ".join(f"WHEN {quoted(w)} THEN {quoted(written) if written else 'NULL'}" for w, written in some)
            places = ", ".join(quoted(w) for w, _ in some)
            replaced = f"regexp_replace({text}, {word} || '\\b', CASE {word} {to} END, 'i')"
            read = f"TRY_STRPTIME({replaced}, {quoted(form.replace('%Z', directive))})"
            cases.append(f"WHEN {word} IN ({places}) THEN {read}")
    return f"timezone('UTC', CASE {' '.join(cases)} ELSE TRY_STRPTIME({text}, {quoted(form)}) END)"


def _clock_of(parts: str) -> str:
    """SQL: the date and clock of a time, its AM or PM with it."""
    head = f"regexp_replace(translate(upper({parts}.head), '/,', '-.'), '[T ]\\s*', ' ')"
    formats = ", ".join(quoted(form) for form in _HALVES)
    halved = f"TRY_STRPTIME({head} || ' ' || upper({parts}.half) || 'M', [{formats}])"
    return f"(CASE WHEN {parts}.half = '' THEN TRY_CAST({head} AS TIMESTAMP) ELSE {halved} END)"
