"""A draft held against the facts: every number, date and name in it that these do not bear out.

It judges no sentence and no meaning. A number that is some other fact's passes, so a draft without doubts is not
right; one with doubts says something that is not on record.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

DoubtKind = Literal["number", "date", "name"]
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
# "one" is a pronoun more often than a number
COUNTED = [
    "zero",
    "",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]
MANY = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b"),
    re.compile(
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?:of\s+)?(?P<name>{_MONTH})(?:,?\s+(?P<year>\d{{4}}))?\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?P<name>{_MONTH})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{{4}}))?\b", re.IGNORECASE
    ),
    re.compile(r"\b(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>\d{4})\b"),
)
_NUMBER = re.compile(
    r"(?P<before>[$€£¥]\s?)?(?<![\w.,])(?P<figure>\d{1,3}(?:[,\u202f\u00a0 ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s?(?P<many>k|m|thousand|million)\b)?(?P<share>\s?(?:%|per\s?cent\b))?",
    re.IGNORECASE,
)
_WORD_NUMBER = re.compile(rf"\b({'|'.join(filter(None, COUNTED))})\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_][\w'’.@-]*|\w*\d\w*[\w.@-]*", re.UNICODE)
_SALUTATION = re.compile(r"(?:^|\n)\s*(?:dear|hi|hello|hey)\s+$", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?:^|[.!?:\n•–*-])[\s\"'“(]*$")
# Capitals that name nobody.
ORDINARY = frozenset(
    [
        "i",
        "mrr",
        "arr",
        "crm",
        "csm",
        "qbr",
        "api",
        "usd",
        "eur",
        "gbp",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "regards",
        "thanks",
        "best",
        "kind",
        "sincerely",
        "cheers",
    ]
) | frozenset(MONTHS)


@dataclass(frozen=True)
class Doubt:
    """Something in a draft that is not on record.

    Args:
        kind: what it is.
        text: as it stands in the draft.
        start: the place of its first letter, from 0.
    """

    kind: DoubtKind
    text: str
    start: int


@dataclass(frozen=True)
class BorneOut:
    """What is on record.

    Args:
        numbers: plain ones: counts, scores, days.
        shares: probabilities and the like, 0 to 1; in a draft they stand as they are or in per cent.
        amounts: of money; in a draft they stand with or without a currency.
        dates: days.
        names: of accounts, people, playbooks, bands; whatever may be written with a capital.
        texts: sentences of record, whose numbers, dates and names are borne out by them.
    """

    numbers: Sequence[float] = ()
    shares: Sequence[float] = ()
    amounts: Sequence[float] = ()
    dates: Sequence[dt.date] = ()
    names: Sequence[str] = ()
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class _Figure:
    """A number as it is written: its value, the size of its last digit, and what it is of."""

    value: float
    step: float
    share: bool
    text: str
    start: int


def doubts(draft: str, record: BorneOut) -> list[Doubt]:
    """Every number, date and name of a draft that the record does not bear out, in their order.

    Args:
        draft: what is to be sent or said.
        record: what is known.
    """
    rest = _without_names(draft, record.names)
    dated, without_dates = _dates_of(rest)
    known_dates = [*record.dates, *(day for text in record.texts for day in _whole_dates(text))]
    doubted = [Doubt("date", text, start) for text, start, day in dated if not _is_dated(day, known_dates)]
    of_texts = [one for text in record.texts for one in _figures(_dates_of(text)[1])]
    words_alone = without_dates
    for one in _figures(without_dates):
        words_alone = _blank(words_alone, one.start, one.start + len(one.text))
        if not _is_known(one, record, of_texts):
            doubted.append(Doubt("number", one.text, one.start))
    doubted += _strange_names(words_alone, record)
    return sorted(doubted, key=lambda doubt: doubt.start)


def _blank(text: str, start: int, end: int) -> str:
    """Takes a stretch out, so that what follows keeps its place."""
    return f"{text[:start]}{' ' * (end - start)}{text[end:]}"


def _without_names(draft: str, names: Iterable[str]) -> str:
    """The draft without the names on record, which may hold digits of their own; their places stay words."""
    for name in sorted({name for name in names if len(name) > 1}, key=len, reverse=True):
        draft = re.sub(
            rf"(?<!\w){re.escape(name)}(?!\w)", lambda match: "_" * len(match[0]), draft, flags=re.IGNORECASE
        )
    return draft


# ---------------------------------------------------------------- dates

PartialDate = tuple[int | None, int, int]


def _dates_of(text: str) -> tuple[list[tuple[str, int, PartialDate]], str]:
    """The dates of a text, with their places, and the text without them."""
    dated = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            given = match.groupdict()
            name = given.get("name")
            month = _month(name) if name else int(given["month"])
            year = int(given["year"]) if given.get("year") else None
            dated.append((match[0], match.start(), (year, month, int(given["day"]))))
            text = _blank(text, match.start(), match.end())
    return dated, text


def _month(name: str) -> int:
    return next(place for place, month in enumerate(MONTHS, 1) if month.startswith(name[:3].casefold()))


def _whole_dates(text: str) -> list[dt.date]:
    whole = []
    for _, _, (year, month, day) in _dates_of(text)[0]:
        try:
            whole.append(dt.date(year or 0, month, day))
        except ValueError:
            continue
    return whole


def _is_dated(given: PartialDate, known: Sequence[dt.date]) -> bool:
    year, month, day = given
    return any((one.month, one.day) == (month, day) and year in (None, one.year) for one in known)


# ---------------------------------------------------------------- numbers


def _figures(text: str) -> list[_Figure]:
    figures = []
    for match in _NUMBER.finditer(text):
        digits = re.sub(r"[,\s\u202f\u00a0]", "", match["figure"])
        times = MANY.get((match["many"] or "").casefold(), 1.0)
        step = times * 10.0 ** -len(digits.partition(".")[2])
        figures.append(_Figure(float(digits) * times, step, bool(match["share"]), match[0].strip(), match.start()))
    for match in _WORD_NUMBER.finditer(text):
        figures.append(_Figure(float(COUNTED.index(match[1].casefold())), 1.0, False, match[0], match.start()))
    return figures


def _is_known(figure: _Figure, record: BorneOut, of_texts: Sequence[_Figure]) -> bool:
    """Whether a value on record is written so, rounded as the draft rounds."""
    if any(one.share == figure.share and _rounds_to(one.value, figure) for one in of_texts):
        return True
    if figure.share:
        return any(_rounds_to(share * 100, figure) for share in record.shares)
    if figure.text[0] in "$€£¥":
        return any(_rounds_to(amount, figure) for amount in record.amounts)
    # a share as a plain number has decimals: 0.62, but not 1
    plain = [*record.numbers, *record.amounts, *(record.shares if figure.step < 1 else ())]
    return any(_rounds_to(value, figure) for value in plain)


def _rounds_to(value: float, figure: _Figure) -> bool:
    return abs(value - figure.value) <= figure.step / 2 + 1e-9 * max(1.0, abs(value))


# ---------------------------------------------------------------- names


def _strange_names(text: str, record: BorneOut) -> list[Doubt]:
    """Words with a capital within a sentence or after a salutation, and words with digits, that are not on record."""
    known = {word.casefold() for one in (*record.names, *record.texts) for word in _words(one)} | ORDINARY
    strange = []
    for match in _WORD.finditer(text):
        word = _plain(match[0])
        if not word or word.casefold() in known or word.strip("_") == "":
            continue
        has_digits = any(letter.isdigit() for letter in word) and any(letter.isalpha() for letter in word)
        if has_digits and not re.fullmatch(r"\d+(?:st|nd|rd|th|k|m|x|h|d)", word, re.IGNORECASE):
            strange.append(Doubt("name", word, match.start()))
            continue
        if not word[0].isupper():
            continue
        before = text[: match.start()]
        begins = _SENTENCE_END.search(before) is not None and not _SALUTATION.search(before)
        if not begins:
            strange.append(Doubt("name", word, match.start()))
    return strange


def _words(text: str) -> list[str]:
    return [_plain(word) for word in _WORD.findall(text)]


def _plain(word: str) -> str:
    """A word without what only stands at its end."""
    return re.sub(r"['’]s$", "", word.rstrip(".'’-@"))
