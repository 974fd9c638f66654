"""What would read a column of times that cannot be read as it is: a function for numbers, formats for text.

Nothing here reads a time. Whether 03/04 is in March or in April only the company knows, so it is asked, with the
formats that read every value of the column.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churnml.adapters.warehouse.reading import quoted
from churnml.adapters.warehouse.times import within_bounds
from churnml.adapters.warehouse.values import FULL_WIDTH

if TYPE_CHECKING:
    import duckdb

# 1990 and 2100 in seconds since 1970: numbers between are told from counts of other units by their size.
FIRST_SECOND, LAST_SECOND = 631_152_000, 4_102_444_800
# Days since 1899-12-30, as spreadsheets count: 1954 to 2119.
FIRST_SERIAL, LAST_SERIAL = 20_000, 80_000
LOOKED_AT = 60
# Day and month in either order, before a year.
_NUMERIC_DATE = r"^(\d{1,2})[/.\-](\d{1,2})[/.\-]\d{2,4}(?:\D|$)"
_LAST_WORD = re.compile(r"[A-Za-z]+(/[A-Za-z_]+)*$")
DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%m.%d.%Y", "%Y.%m.%d", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y",
    "%a, %d %b %Y", "%a %d %b %Y", "%A, %B %d, %Y", "%a %b %d %Y", "%Y年%m月%d日",
)  # fmt: skip
CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p", ", %H:%M", ", %H:%M:%S",
    ", %I:%M %p", ", %I:%M:%S %p", "T%H:%M:%S", "%H", "%H%M", "%H%M%S", "T%H%M%S", "T%H%M%S%Z", " %H.%M", " %H.%M.%S",
    " %H:%M:%S %z", " %H:%M:%S%z", " %H:%M:%S %Z", " %H:%M %Z", " %I:%M:%S %p %Z", " %I:%M %p %Z",
)  # fmt: skip


@dataclass(frozen=True)
class NumberUnit:
    """What numbers of a size may count.

    Args:
        name: as people say it.
        low, high: the numbers, from and up to.
        function: SQL that makes a time of ``{}``; where it counts from UTC, a time with a zone.
    """

    name: str
    low: float
    high: float
    function: str


UNITS = (
    NumberUnit("seconds since 1970", FIRST_SECOND, LAST_SECOND, "to_timestamp({}::DOUBLE)"),
    NumberUnit(
        "milliseconds since 1970",
        FIRST_SECOND * 1e3,
        LAST_SECOND * 1e3,
        "timezone('UTC', make_timestamp_ms({}::BIGINT))",
    ),
    NumberUnit(
        "microseconds since 1970", FIRST_SECOND * 1e6, LAST_SECOND * 1e6, "timezone('UTC', make_timestamp({}::BIGINT))"
    ),
    NumberUnit(
        "nanoseconds since 1970",
        FIRST_SECOND * 1e9,
        LAST_SECOND * 1e9,
        "timezone('UTC', make_timestamp_ns({}::BIGINT)::TIMESTAMP)",
    ),
    NumberUnit(
        "days of a spreadsheet",
        FIRST_SERIAL,
        LAST_SERIAL,
        "TIMESTAMP '1899-12-30' + to_microseconds(round({}::DOUBLE * 86400)::BIGINT * 1000000)",
    ),
)


@dataclass(frozen=True)
class Formats:
    """``time_formats`` that read every value of a column that could not be read.

    Args:
        choices: one or more; where there are several, each reads all of them, and differently.
    """

    choices: tuple[tuple[str, ...], ...]

    @property
    def sentence(self) -> str:
        """What to declare."""
        declared = [f"time_formats: [{', '.join(repr(form) for form in formats)}]" for formats in self.choices]
        if len(declared) == 1:
            return f"Declare {declared[0]}, which reads all of them."
        return f"Declare what they mean: {' or '.join(declared)} would each read all of them, as different days."


def units_of(con: duckdb.DuckDBPyConnection, values: str) -> list[tuple[NumberUnit, int, str]] | None:
    """What the numbers ``x`` of a relation count: each unit with its rows and an example.

    None where some value is no number of any unit's size, or, of text, may be a date written without marks.
    """
    number = "TRY_CAST(x AS DOUBLE)"
    places = " ".join(f"WHEN {number} >= {u.low!r} AND {number} < {u.high!r} THEN {n}" for n, u in enumerate(UNITS))
    # 2024120113 is an hour rather than a second of 2034
    hours = f"bool_and(TRY_STRPTIME(x::VARCHAR, '%Y%m%d%H') IS NOT NULL AND {number} < 2100000000)"
    rows = con.execute(
        f"SELECT CASE {places} END AS unit, count(*), min(x)::VARCHAR, {hours} FROM {values} "
        "GROUP BY unit ORDER BY unit"
    ).fetchall()
    if not rows or any(unit is None for unit, *_ in rows):
        return None
    if len(rows) == 1 and rows[0][3] and UNITS[rows[0][0]].name.startswith("seconds"):
        return None
    return [(UNITS[unit], int(count), str(example)) for unit, count, example, _ in rows]


def units_sentence(units: Sequence[tuple[NumberUnit, int, str]], name: str) -> str:
    """What to write into the SELECT for a column of numbers."""
    if len(units) == 1:
        unit, _, example = units[0]
        what = "a day" if unit is UNITS[-1] else unit.name
        return f"{example} looks like {what}: write {unit.function.format(name)} AS {name} in the SELECT."
    several = "; ".join(f"{example} looks like {u.name}: {u.function.format(name)}" for u, _, example in units)
    return f"Its numbers have different units, to be told apart in the SELECT by their size: {several}."


def formats_of(con: duckdb.DuckDBPyConnection, values: str) -> Formats | None:
    """The formats that read every text ``x`` of a relation; None where there are none."""
    sample = [text for (text,) in con.execute(f"SELECT DISTINCT x FROM {values} LIMIT {LOOKED_AT}").fetchall()]
    choices: list[tuple[str, ...]] = []
    readings: set[str] = set()
    for date in DATES:
        forms = _needed(date, sample)
        if not forms:
            continue
        # a few fitted: now all of them
        read = within_bounds(f"coalesce({', '.join(f'TRY_STRPTIME(x, {quoted(form)})::TIMESTAMP' for form in forms)})")
        missed, as_read = con.execute(
            f"SELECT count(*) FILTER ({read} IS NULL), bit_xor(hash(x, {read}))::VARCHAR FROM {values}"
        ).fetchall()[0]
        if not missed and as_read not in readings:
            readings.add(as_read)
            choices.append(forms)
    return Formats(tuple(choices)) if choices else None


@dataclass(frozen=True)
class Orders:
    """What the dates of a column tell of their order, by days after the 12th.

    Args:
        day_first, month_first: values that prove the one and the other.
        examples: the first value that does, of each; empty where none does.
    """

    day_first: int
    month_first: int
    examples: tuple[str, str]


def both_orders(con: duckdb.DuckDBPyConnection, values: str, declared: Sequence[str] = ()) -> str:
    """That some texts ``x`` of a relation prove the day first and others the month; empty where they do not.

    What ``time_formats`` declares to come first counts as proven, by the rows that are not in the relation.
    """
    orders = _orders(con, values)
    day, month = orders.examples
    if day and month:
        return (
            f"{orders.day_first:,} of them can only have the day first ('{day}'), {orders.month_first:,} only the "
            f"month ('{month}'): no format reads both. Export the column with one, or tell the two apart in the SELECT."
        )
    day_form = next((form for form in declared if _comes_first(form, "%d", "%m")), "")
    month_form = next((form for form in declared if _comes_first(form, "%m", "%d")), "")
    if (month and day_form and not month_form) or (day and month_form and not day_form):
        form, other = (day_form, f"the month first ('{month}')") if month else (month_form, f"the day first ('{day}')")
        return (
            f"time_formats: ['{form}'] reads the others, but these can only have {other}. Declared beside it, a second "
            "format would read what only it can: export the column with one, or tell the two apart in the SELECT."
        )
    return ""


def _comes_first(form: str, first: str, second: str) -> bool:
    """Whether a format has the one directive before the other, and both before the year."""
    return re.search(rf"{first}.*{second}.*%[yY]", form) is not None


def _orders(con: duckdb.DuckDBPyConnection, values: str) -> Orders:
    parts = f"regexp_extract(x, {quoted(_NUMERIC_DATE)}, ['one', 'two'])"
    row = con.execute(
        f"SELECT count(*) FILTER (day), count(*) FILTER (month), coalesce(min(x) FILTER (day), ''), "
        "coalesce(min(x) FILTER (month), '') FROM (SELECT x, a > 12 AND a <= 31 AND b <= 12 AS day, "
        "b > 12 AND b <= 31 AND a <= 12 AS month FROM (SELECT x, TRY_CAST(p.one AS INTEGER) AS a, "
        f"TRY_CAST(p.two AS INTEGER) AS b FROM (SELECT x, {parts} AS p FROM {values})))"
    ).fetchall()[0]
    return Orders(int(row[0]), int(row[1]), (str(row[2]), str(row[3])))


def unknown_word(word: str) -> str:
    """What to do about a word behind a time that is no zone we know."""
    if re.fullmatch("[A-Z]{1,10}", word):
        return f"{word} is no zone word that is known: declare it, for instance zone_words: {{{word}: Europe/Berlin}}."
    return f"What '{word}' means behind a time is not known: take it off, or read it, in the SELECT."


def full_width(con: duckdb.DuckDBPyConnection, values: str, name: str) -> str:
    """What to write into the SELECT where texts ``x`` have full-width digits; empty where none has."""
    if not con.execute(f"SELECT 1 FROM {values} WHERE regexp_matches(x, '[{FULL_WIDTH}]') LIMIT 1").fetchall():
        return ""
    return f"Its digits are full-width: write translate({name}, '{FULL_WIDTH}', '0123456789') AS {name} in the SELECT."


def _needed(date: str, sample: Sequence[str]) -> tuple[str, ...]:
    """The formats with this date that read all of some values, none too many; none where they do not."""
    needed: list[str] = []
    left = list(sample)
    for clock in CLOCKS:
        if clock and clock[0] not in " ,T" and date != "%Y%m%d":
            continue
        missed = [text for text in left if not _fits(date + clock, text)]
        if len(missed) < len(left):
            needed.append(date + clock)
            left = missed
    return () if left else tuple(needed)


def _fits(form: str, text: str) -> bool:
    if form.endswith("%Z"):  # zones are the engine's to know
        word = _LAST_WORD.search(text)
        return word is not None and _fits(form.removesuffix("%Z").rstrip(), text[: word.start()].rstrip())
    try:
        dt.datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return False
    return True
