"""What may differ from one export to another, each as a choice out of a few; the first of each is the plain one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from benchmarks.dialect_company import Company

# How often a choice departs from the plain one: then some six of them do at once.
DEPARTS: Mapping[str, float] = {"times": 0.7, "ids": 0.5, "numbers": 0.5}
DEPARTS_ELSE = 0.3
# Ids that only look like those of the accounts: the accounts themselves are spelled plainly then.
NEAR = ("15 letters", "other case", "without zeros")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": ("csv", "csv.gz", "csv.bz2", "csv.xz", "csv.zip", "jsonl", "jsonl.gz", "json", "parquet", "folder"),
    "encoding": (
        "utf-8", "utf-8 with mark", "utf-16 with mark", "utf-16 without mark", "windows-1252", "windows-1252 declared",
        "shift-jis", "shift-jis declared",
    ),
    "delimiter": (",", ";", "tab", "|", "; declared"),
    "quotes": ("where needed", "everywhere"),
    "line_ends": ("unix", "windows"),
    "above": ("nothing", "sep=", "a title", "a blank line"),
    "edges": ("none", "an empty column"),
    "columns": ("as the contract", "shuffled", "in capitals"),
    "extra": ("none", "a column more", "a declared column more"),
    "rows": ("in order", "shuffled", "some twice"),
    "times": (
        "iso", "T", "short", "fraction", "offset", "Z", "UTC", "GMT", "compact offset", "another offset", "zone name",
        "offset and zone", "zone word", "AM/PM", "declared US", "declared German", "declared log", "undeclared US",
        "epoch seconds read by SQL", "epoch milliseconds read by SQL", "epoch seconds",
    ),
    "types": ("times", "instants", "nanoseconds", "text"),
    "numbers": (
        "plain", "short", "four decimals", "scientific", "1,250.00", "1.250,00", "1,250", "$1,250.00", "1 250,00 €",
        "1250,00 declared",
    ),
    "nothing": ("empty", "NULL", "\\N", "n/a", "-", "nan", "None"),
    "ids": (
        "plain", ".0", "=\"…\"", "blanks", "tab", "no-break space", "zero width", "apostrophe", "15 letters",
        "other case", "without zeros",
    ),
    "ids_of": ("all tables", "usage", "all but accounts"),
    "ends": ("half-open", "last second", "last millisecond", "last date"),
    "periods": ("as they are", "split", "left open", "versions", "versions again"),
    "terms": ("as the contract", "month", "ISO 8601", "in words", "capitals"),
    "currency": ("none", "USD", "spelled", "converted"),
    "tickets": ("versions", "versions again", "final", "appended"),
}  # fmt: skip
# Choices of a file of text, which the other kinds do not have.
OF_TEXT = ("encoding", "delimiter", "quotes", "line_ends", "above", "edges")
JAPANESE, WESTERN = "shift-jis", "windows-1252"
# Ids with signs that Shift-JIS does not have.
UNSEEN = ("no-break space", "zero width")


@dataclass(frozen=True)
class Dialect:
    """How a company is written out: one of :data:`CHOICES` for each field; the plain dialect is ``Dialect()``."""

    kind: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quotes: str = "where needed"
    line_ends: str = "unix"
    above: str = "nothing"
    edges: str = "none"
    columns: str = "as the contract"
    extra: str = "none"
    rows: str = "in order"
    times: str = "iso"
    types: str = "times"
    numbers: str = "plain"
    nothing: str = "empty"
    ids: str = "plain"
    ids_of: str = "all tables"
    ends: str = "half-open"
    periods: str = "as they are"
    terms: str = "as the contract"
    currency: str = "none"
    tickets: str = "versions"

    @property
    def departures(self) -> dict[str, str]:
        """The choices that are not the plain ones."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default}

    @property
    def has_ticket_history(self) -> bool:
        return self.tickets in ("versions", "versions again")

    def named(self) -> str:
        """The departures in one line."""
        return ", ".join(f"{name}: {value}" for name, value in self.departures.items()) or "plain"


def random_dialect(company: Company, seed: int) -> Dialect:
    """A dialect of a seed that the company can be written in."""
    rng = np.random.default_rng([15, seed])
    drawn = {}
    for name, (plain, *others) in CHOICES.items():
        departs = rng.random() < DEPARTS.get(name, DEPARTS_ELSE)
        drawn[name] = str(rng.choice(others)) if departs else plain
    return possible(company, Dialect(**drawn))


def simpler(company: Company, dialect: Dialect) -> list[Dialect]:
    """The dialect with one departure fewer, in every way."""
    plain = Dialect()
    fewer = (replace(dialect, **{name: getattr(plain, name)}) for name in dialect.departures)
    return [one for one in fewer if possible(company, one) == one]


def possible(company: Company, dialect: Dialect) -> Dialect:
    """The dialect without the departures that this company or the other choices leave no room for."""
    plain, not_so = Dialect(), set[str]()
    if dialect.kind not in ("csv", "csv.gz", "csv.bz2", "csv.xz", "csv.zip", "folder"):
        not_so |= {*OF_TEXT}
    if dialect.kind != "parquet":
        not_so.add("types")
    elif dialect.types != "text":
        # typed columns: a time is one, a number is one, nothing is nothing
        not_so |= {"nothing"} | ({"times"} if "epoch" not in dialect.times else set())
        not_so |= {"numbers"}
    if dialect.encoding.split()[0] in (JAPANESE, WESTERN) and not _fits(company, dialect):
        not_so.add("encoding")
    dialect = replace(dialect, **{name: getattr(plain, name) for name in not_so})
    dialect = replace(dialect, **{name: getattr(plain, name) for name in _without_room(company, dialect)})
    near = dialect.ids in NEAR and dialect.ids_of == plain.ids_of
    return replace(dialect, ids_of="all but accounts") if near else dialect


def _fits(company: Company, dialect: Dialect) -> bool:
    encoding = dialect.encoding.split()[0]
    if encoding == JAPANESE:
        return company.script != "western" and dialect.ids not in UNSEEN and "€" not in dialect.numbers
    return company.script != "japanese" and dialect.ids != "zero width"


def _without_room(company: Company, dialect: Dialect) -> set[str]:
    """The departures that a company's values or other choices make impossible or say nothing of."""
    not_so = set[str]()
    fits_ids = {
        ".0": company.ids == "numbers",
        "15 letters": company.ids == "salesforce",
        "other case": company.ids == "words",
        "without zeros": company.ids == "leading zeros",
    }
    if not fits_ids.get(dialect.ids, True):
        not_so.add("ids")
    if dialect.ids == "plain" or "ids" in not_so:
        not_so.add("ids_of")
    # what an export appends is told by its place
    if dialect.tickets == "appended" and dialect.rows == "shuffled":
        not_so.add("rows")
    # a sign is that of the currency named beside it, or a stop
    if ("€" in dialect.numbers and dialect.currency in ("USD", "spelled")) or (
        "$" in dialect.numbers and dialect.currency == "converted"
    ):
        not_so.add("currency")
    if dialect.above == "sep=" and dialect.delimiter == "; declared":
        not_so.add("above")
    if dialect.times == "zone word" and company.zone not in ZONE_WORDS:
        not_so.add("times")
    if dialect.kind != "parquet" and dialect.times == "epoch seconds" and "json" in dialect.kind:
        not_so.add("times")
    return not_so


# Zone → the words its clocks have, in winter and in summer; those that several countries use are left out.
ZONE_WORDS = {
    "UTC": ("UTC", "UTC"),
    "America/New_York": ("EST", "EDT"),
    "Europe/Berlin": ("CET", "CEST"),
    "Asia/Tokyo": ("JST", "JST"),
}
