"""The terms that contracts are billed and renewed by, and how billing systems spell them.

A term is so many calendar months or so many days. What a system writes (``month``, ``P1M``, ``12 months``,
``jährlich``) is read as the term it means and goes on under that term's one name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MEAN_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Term:
    """A billing period.

    Args:
        name: how it is called from reading on.
        months: its length in calendar months; 0 for one of days.
        days: its length in days; 0 for one of months.
        spellings: other words for it, as :func:`_folded` leaves them.
    """

    name: str
    months: int = 0
    days: int = 0
    spellings: tuple[str, ...] = ()

    @property
    def mean_days(self) -> float:
        """Its length in days, of months on average: for curves over many contracts, never for a date."""
        return self.days + self.months * MEAN_MONTH


TERMS: tuple[Term, ...] = (
    Term("daily", days=1, spellings=("day",)),
    Term("weekly", days=7, spellings=("week", "wöchentlich", "hebdomadaire", "semanal")),
    Term("every 2 weeks", days=14, spellings=("biweekly", "fortnightly", "fortnight")),
    Term("every 28 days", days=28),
    Term("every 30 days", days=30),
    Term("every 60 days", days=60),
    Term("every 90 days", days=90),
    Term("every 180 days", days=180),
    Term("every 365 days", days=365),
    Term("monthly", 1, spellings=("month", "mo", "mth", "monatlich", "monat", "mensuel", "mensuelle", "mensual")),
    # twice a month would be no renewal that anybody sells: every second month is what billing systems mean
    Term("every 2 months", 2, spellings=("bimonthly", "zweimonatlich", "bimestriel", "bimestral")),
    Term("quarterly", 3, spellings=("quarter", "qtr", "vierteljährlich", "quartal", "trimestriel", "trimestral")),
    Term("every 4 months", 4),
    Term("every 5 months", 5),
    # by the dictionary biannual is twice a year and biennial every two years
    Term(
        "semiannual",
        6,
        spellings=(
            *("semiannually", "semiyearly", "halfyear", "halfyearly", "biannual", "biannually", "halbjährlich"),
            *("semestriel", "semestral"),
        ),
    ),
    *(Term(f"every {months} months", months) for months in (7, 8, 9, 10, 11)),
    Term(
        "annual",
        12,
        spellings=(
            *("annually", "yearly", "year", "yr", "annum", "perannum", "peryear", "jährlich", "jahr"),
            *("annuel", "annuelle", "anual"),
        ),
    ),
    *(Term(f"every {months} months", months) for months in (15, 18)),
    Term("biennial", 24, spellings=("biennially", "twoyearly", "twoyears", "zweijährlich")),
    Term("triennial", 36, spellings=("triennially", "threeyears", "threeyearly", "dreijährlich")),
    *(Term(f"every {months} months", months) for months in (48, 60)),
)
_BY_LENGTH = {(term.months, term.days): term for term in TERMS}


def _folded(text: str) -> str:
    """Small letters, without blanks and hyphens: 'Half-Yearly' is 'halfyearly'."""
    return re.sub(r"[\s_\-./]+", "", text.casefold())


_BY_SPELLING = {_folded(word): term for term in TERMS for word in (term.name, *term.spellings)}

# ISO 8601 durations, and a number with a unit: P1Y, P3M, 12 months, every 2 weeks, 1-year, 6mo.
_ISO = re.compile(r"p(?:(?P<years>\d+)y)?(?:(?P<months>\d+)m)?(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?")
_COUNTED = re.compile(
    r"(?:every|each|per|alle)?(?P<count>\d+|one|two|three|six|twelve)?"
    r"(?P<unit>years?|yrs?|y|annual|annually|yearly|jahre?|months?|mos?|mths?|monthly|m|monate?|quarters?|qtrs?"
    r"|quarterly|weeks?|wks?|weekly|w|wochen?|days?|daily|d|tage?)"
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "six": 6, "twelve": 12}
_DAYS_OF = {"w": 7, "d": 1, "t": 1}
_MONTHS_OF = {"y": 12, "a": 12, "j": 12, "m": 1, "q": 3}


def term_of(text: str) -> Term | None:
    """The term that ``text`` means, or None when it is none that is known."""
    folded = _folded(text)
    if folded in _BY_SPELLING:
        return _BY_SPELLING[folded]
    if (iso := _ISO.fullmatch(folded)) and any(iso.groups()):
        years, months, weeks, days = (int(part or 0) for part in iso.groups())
        return _of_length(12 * years + months, 7 * weeks + days)
    if counted := _COUNTED.fullmatch(folded):
        number, unit = counted["count"] or "1", counted["unit"]
        count = _NUMBERS.get(number) or int(number)
        days = _DAYS_OF.get(unit[0], 0)
        return _of_length(0, count * days) if days else _of_length(count * _MONTHS_OF[unit[0]], 0)
    return None


def _of_length(months: int, days: int) -> Term | None:
    return _BY_LENGTH.get((months, days))
