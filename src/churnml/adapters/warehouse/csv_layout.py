"""How a CSV file is laid out: its delimiter, where its header is, what stands above and below the rows.

It is told from the first lines and the last ones, and only where it is unambiguous; whatever is left out is counted.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x01", "\x1f")
# Excel writes its own delimiter above the header, so that another Excel opens the file.
SEP = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?[,;\t|]*(?:\r\n|\n|\r|$)', re.IGNORECASE)
TOTALS = re.compile(
    r"(?:grand[ -]?|sub[ -]?|overall[ -]?)?"
    r"(?:total|totals|totale|totaal|sum|summe|gesamt|gesamtsumme|somme|suma|итого|всего|合計|総計|小計|合计|总计|합계)"
    r"\s*:?(?:\s*\(.*\))?",
    re.IGNORECASE,
)
# What no column is called.
NUMBER_OR_DATE = re.compile(r"[\s\d.,:/+\-%€$£¥()T]*\d[\s\d.,:/+\-%€$£¥()TZ]*")
HEAD_BYTES, TAIL_BYTES = 1 << 18, 1 << 16
HEAD_RECORDS = 200
# A header lies among the first so many lines.
HIGHEST = 30
SEP_LINE, ABOVE, TOTALS_BELOW = "sep_line", "lines_above_header", "total_rows"


@dataclass(frozen=True)
class CsvLayout:
    """How a CSV file is laid out.

    Args:
        delimiter: what parts its fields.
        columns: the names of its columns: empty and repeated ones have a number behind them.
        unnamed: those of them that have no name in the header.
        starts_at: the byte its header begins at.
        ends_at: the byte its rows end before, where totals follow; else None.
        noted: reason → count of what was left out.
    """

    delimiter: str
    columns: tuple[str, ...]
    starts_at: int = 0
    ends_at: int | None = None
    noted: dict[str, int] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Record:
    """A record near the beginning of a file, and the lines of the file up to its end."""

    fields: tuple[str, ...]
    lines: int

    @property
    def filled(self) -> int:
        return sum(1 for value in self.fields if value.strip())


def csv_layout(path: Path, delimiter: str | None = None, skip: int | None = None) -> CsvLayout:
    """The layout of a CSV file in UTF-8; ``delimiter`` and ``skip`` where they are declared."""
    head = _head(path)
    named = SEP.match(head) if skip is None else None
    above = 1 if named else skip or 0
    if named and delimiter is None:
        delimiter = named["delimiter"]
    body = "".join(_lines(head)[above:])
    delimiter = delimiter or _delimiter(body)
    records = _records(body, delimiter)
    noted = {SEP_LINE: 1} if named else {}
    first = 0 if skip is not None else _header_at(records)
    if first:
        more = records[first - 1].lines
        noted[ABOVE] = more
        above += more
    names = _names(records[first:])
    columns = numbered(names)
    starts_at = len("".join(_lines(head)[:above]).encode()) + (_mark(path) if above else 0)
    ends_at, totals = _totals(path, delimiter, len(columns)) if len(columns) > 1 else (None, 0)
    if ends_at is not None:
        noted[TOTALS_BELOW] = totals
    unnamed = tuple(column for column, name in zip(columns, names, strict=True) if not name)
    return CsvLayout(delimiter, columns, starts_at, ends_at, noted, unnamed)


def _head(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    text = start.decode("utf-8-sig", "replace")
    # the last line may be cut off
    return text if len(start) < HEAD_BYTES else text[: text.rfind("\n") + 1] or text


def _lines(text: str) -> list[str]:
    return list(io.StringIO(text, newline="\n"))


def _mark(path: Path) -> int:
    """The length of the mark that UTF-8 may begin with."""
    with path.open("rb") as file:
        return len(codecs.BOM_UTF8) if file.read(3) == codecs.BOM_UTF8 else 0


def _records(text: str, delimiter: str) -> list[_Record]:
    """The first records; blank lines are records without a field."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    records = []
    try:
        for fields in reader:
            records.append(_Record(tuple(fields), reader.line_num))
            if len(records) == HEAD_RECORDS:
                break
    except csv.Error:  # a field longer than any the module takes
        pass
    return records


def _delimiter(text: str) -> str:
    """The delimiter that parts most records alike; of several, the one that parts the first more; else a comma."""
    best, rank = ",", (False, 0.0, 0, 0)
    for candidate in DELIMITERS:
        records = [record for record in _records(text, candidate) if record.fields]
        if not records:
            continue
        ((width, alike),) = Counter(len(record.fields) for record in records).most_common(1)
        header = len(records[_header_at(records)].fields)
        if (mine := (width > 1 or header > 1, round(alike / len(records), 1), header, width)) > rank and header > 1:
            best, rank = candidate, mine
    return best


def _header_at(records: Sequence[_Record]) -> int:
    """Which record is the header: the first, unless what stands there is a title or blank and names stand below it."""
    rows = [record for record in records if record.fields]
    if not rows:
        return 0
    blank = next(place for place, record in enumerate(records) if record.fields)
    ((width, _),) = Counter(len(record.fields) for record in rows).most_common(1)
    used = max(record.filled for record in rows)
    if width < 2 or used < 2:
        return blank
    for place, record in enumerate(records[:HIGHEST]):
        if record.filled * 2 <= used:
            continue  # a title, or blank
        if len(record.fields) < width and not any(r.filled for r in records[place + 1 : place + 2]):
            continue  # a title that a blank line parts from the rows
        # mostly filled, the first line is the header whatever it says; below a title it must look like one
        if place == blank:
            return blank
        if _are_names(record):
            return place if len(record.fields) == width else blank
    return blank


def _are_names(record: _Record) -> bool:
    names = [value.strip().casefold() for value in record.fields if value.strip()]
    return len(set(names)) == len(names) and not any(NUMBER_OR_DATE.fullmatch(name) for name in names)


def _names(records: Sequence[_Record]) -> list[str]:
    """The names of the header, as many as the rows have fields where they differ by empty ones at the end."""
    if not records:
        return []
    names = [name.strip() for name in records[0].fields]
    rows = [record.fields for record in records[1:] if record.fields]
    if rows:
        ((width, alike),) = Counter(map(len, rows)).most_common(1)
        extra = [fields[len(names) :] for fields in rows if len(fields) == width]
        if alike * 10 >= len(rows) * 9 and width > len(names) and not any(map(any, extra)):
            names += [""] * (width - len(names))
        elif alike * 10 >= len(rows) * 9 and width < len(names) and not any(names[width:]):
            names = names[:width]
    return names


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns as they can stand side by side: empty and repeated ones get a number behind them."""
    header: list[str] = []
    taken: set[str] = set()
    for place, name in enumerate(names):
        plain = name or f"column{place}"
        header.append(f"{plain}_{place}" if plain.casefold() in taken else plain)
        taken.add(header[-1].casefold())
    return tuple(header)


def _totals(path: Path, delimiter: str, width: int) -> tuple[int | None, int]:
    """Where the rows end, and how many lines of totals are below them; (None, 0) where there are none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        lines = file.read().splitlines(keepends=True)
    if size > TAIL_BYTES:
        lines = lines[1:]
    totals, ends_at = 0, size
    for line in reversed(lines):
        text = line.decode("utf-8", "replace").strip("\r\n")
        if text.strip(f" {delimiter}"):
            if not _is_total(text, delimiter, width):
                break
            totals += 1
        ends_at -= len(line)
    return (ends_at, totals) if totals else (None, 0)


def _is_total(text: str, delimiter: str, width: int) -> bool:
    """Whether a line is called a total in its first field that has anything, and lacks others."""
    fields = [value.strip() for value in next(csv.reader([text], delimiter=delimiter), [])]
    filled = [value for value in fields if value]
    return bool(filled) and TOTALS.fullmatch(filled[0]) is not None and len(filled) < max(width, 2)
