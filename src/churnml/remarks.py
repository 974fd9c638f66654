"""What is told of a table's columns: what was left out, taken for something else, or could not be read.

A check (:mod:`churnml.checks`) speaks of whole rows; a remark speaks of a column, and nothing it speaks of loses a row.
``docs/contract.md`` is generated from these declarations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

SAMPLES = 3
LONGEST_SAMPLE = 60


class RemarkKind(StrEnum):
    """What a remark is about."""

    UNKNOWN_COLUMN = "unknown_column"
    UNREADABLE_VALUE = "unreadable_value"
    NO_VALUE = "no_value"
    DOUBTFUL_NAME = "doubtful_name"
    NO_LIMIT = "no_limit"
    NUMBER_FORMAT = "number_format"
    AMBIGUOUS_NUMBER = "ambiguous_number"
    OTHER_SCALE = "other_scale"
    UNKNOWN_PRIORITY = "unknown_priority"
    SPELLING = "spelling"
    LATE_SPELLING = "late_spelling"
    NEAR_ID = "near_id"
    NEAR_NAME = "near_name"
    SHARED_USER = "shared_user"
    UNREADABLE_TIME = "unreadable_time"
    ZONE_WORD = "zone_word"
    OTHER_OFFSET = "other_offset"
    DAY_BEFORE = "day_before"
    SKIPPED_HOUR = "skipped_hour"
    NO_HOURS = "no_hours"
    STANDS_ALONE = "stands_alone"
    LOAD_TIME = "load_time"
    FURTHER_VERSION = "further_version"
    MOVED = "moved"
    LAST_SECOND = "last_second"
    LAST_DAY = "last_day"
    OVERLAP = "overlap"
    VERSIONS = "versions"
    NOTICE_WITHOUT_END = "notice_without_end"
    TERM_SPELLING = "term_spelling"
    UNKNOWN_TERM = "unknown_term"
    CURRENCY_SPELLING = "currency_spelling"
    NO_CURRENCY = "no_currency"
    CONVERTED = "converted"
    UNMAPPED_CURRENCY = "unmapped_currency"
    AMOUNTS_OF_TERMS = "amounts_of_terms"
    NO_REGION = "no_region"
    UNKNOWN_REGION = "unknown_region"
    REGION_SPELLING = "region_spelling"


# Kind → what it says of the rows counted, for people and for docs/contract.md.
MEANINGS: dict[RemarkKind, str] = {
    RemarkKind.UNKNOWN_COLUMN: "the SELECT gives a column that the contract does not know: it is not read",
    RemarkKind.UNREADABLE_VALUE: "an optional value cannot be read: it is missing, the row is kept",
    RemarkKind.NO_VALUE: "a word for nothing (n/a, NULL, …) is read as no value",
    RemarkKind.DOUBTFUL_NAME: "a word that may mean nothing is read as the name it may be",
    RemarkKind.NO_LIMIT: "no limit is no number of seats: it is missing",
    RemarkKind.NUMBER_FORMAT: "numbers written for people (1,250.00, $1,250, …) are read as numbers",
    RemarkKind.AMBIGUOUS_NUMBER: "a number that could be read in two ways is not read",
    RemarkKind.OTHER_SCALE: "a satisfaction that is not on the scale of 1 to 5 is missing",
    RemarkKind.UNKNOWN_PRIORITY: "a priority is no word that is known: its tickets do not count as serious",
    RemarkKind.SPELLING: "an id or a name is read without what an export put on it",
    RemarkKind.LATE_SPELLING: "a user id has something around it that the first rows did not show: it stands as it is",
    RemarkKind.NEAR_ID: "an id is in no row of accounts, but looks like one that is",
    RemarkKind.NEAR_NAME: "names or ids differ only in capitals, blanks or hyphens: they count as different ones",
    RemarkKind.SHARED_USER: "one user id has a large share of the events and is hardly one person: it counts as one",
    RemarkKind.UNREADABLE_TIME: "a time cannot be read",
    RemarkKind.ZONE_WORD: "a zone word that several countries use is read as the project's own",
    RemarkKind.OTHER_OFFSET: "every time has an offset from UTC that the project's time zone never has",
    RemarkKind.DAY_BEFORE: "times are midnights of another clock than the project's: they are read as the day before",
    RemarkKind.SKIPPED_HOUR: "a time lies in an hour that the clocks skipped: it is read as the hour after",
    RemarkKind.NO_HOURS: "its times are dates without hours: features of hours are missing",
    RemarkKind.STANDS_ALONE: "rows lie long after all others",
    RemarkKind.LOAD_TIME: "rows became known all at one time, long after they happened: nothing of them counts before",
    RemarkKind.FURTHER_VERSION: "a row is a further version of the same ticket: the last one known then stands",
    RemarkKind.MOVED: "a row belongs to another account than the one before it of the same ticket",
    RemarkKind.LAST_SECOND: "ends are written as the last second of a period: they are read as the moment after it",
    RemarkKind.LAST_DAY: "ends are written as the last day of a period: they are read as the day after it",
    RemarkKind.OVERLAP: "periods of one contract overlap: the terms that began later stand",
    RemarkKind.VERSIONS: "an earlier version of a period: it stands until the next was known",
    RemarkKind.NOTICE_WITHOUT_END: "notice was given and no end is written: the contract runs, its account is leaving",
    RemarkKind.TERM_SPELLING: "a billing period is read as the term it means",
    RemarkKind.UNKNOWN_TERM: "a billing period is no term that is known: past renewals of it are not rolled on",
    RemarkKind.CURRENCY_SPELLING: "a currency is read by its code",
    RemarkKind.NO_CURRENCY: "an amount names no currency",
    RemarkKind.CONVERTED: "an amount is converted by the rate of its contract's beginning",
    RemarkKind.UNMAPPED_CURRENCY: "an input names another currency beside its rows, and the SELECT reads no currency: "
    "amounts stand as they are",
    RemarkKind.AMOUNTS_OF_TERMS: "contracts of a longer term cost as many times a monthly one as they have months: "
    "their mrr looks like the amount of the whole term",
    RemarkKind.NO_REGION: "an account names no region: it keeps the holidays of the project's",
    RemarkKind.UNKNOWN_REGION: "a region is none whose holidays are known: its account keeps those of the project's",
    RemarkKind.REGION_SPELLING: "a region is read by its code",
}


@dataclass(frozen=True)
class Remark:
    """Something told of a column of a contract table.

    Args:
        kind: what it is about.
        table, column: of what; ``column`` is empty where it is about whole rows.
        rows: how many rows it concerns.
        samples: up to three of the values, shortened; customers' data, shown by ``check`` and the report, never logged.
        detail: what else helps, one sentence: the nearest match, what to declare.
    """

    kind: RemarkKind
    table: str
    column: str
    rows: int
    samples: tuple[str, ...] = ()
    detail: str = ""


def remark(
    kind: RemarkKind, table: str, column: str, rows: int, samples: Iterable[object] = (), detail: str = ""
) -> Remark:
    """A remark whose samples are few and short."""
    different = dict.fromkeys(short(str(sample)) for sample in samples if sample is not None)
    return Remark(kind, table, column, rows, tuple(different)[:SAMPLES], detail)


def column_of(one: Remark) -> str:
    """``table.column``, or the table alone where whole rows are meant; holds the user's own names."""
    return f"{one.table}.{one.column}" if one.column else one.table


def visible(text: str) -> str:
    """A text with its signs that nobody sees written out."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def together(remarks: Iterable[Remark]) -> list[Remark]:
    """Remarks of several readings of the same table as one each: rows summed, the first samples kept."""
    summed: dict[tuple[str, str, str], Remark] = {}
    for one in remarks:
        key = (one.table, one.column, one.kind)
        if before := summed.get(key):
            samples = tuple(dict.fromkeys([*before.samples, *one.samples]))[:SAMPLES]
            summed[key] = replace(before, rows=before.rows + one.rows, samples=samples)
        else:
            summed[key] = one
    return list(summed.values())


def short(text: str) -> str:
    """A text as a sample shows it."""
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"
