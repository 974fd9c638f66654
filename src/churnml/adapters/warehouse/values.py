"""Values as exports write them: words for nothing, numbers written for people, flags, satisfaction on other scales.

Everything here is SQL of the engine over one column of text. What a column holds is looked at first, all of it: the
mark of its decimals is a property of the column, not of a value (docs/decisions/0030).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churnml.adapters.warehouse.reading import identifier, quoted
from churnml.tables import ColumnKind

if TYPE_CHECKING:
    import duckdb

# Larger numbers than this cannot be kept to six decimals, and are no quantity of anything.
LARGEST = 9_000_000_000_000

# What programs write for "no value" that nobody has for a name; compared to the letter.
MACHINE_WORDS = ("\\N", "(null)", "<null>", "[null]", "<NA>", "#N/A")
# Words for it that may be a name all the same (people are called Null): of names and ids they are told, and kept.
DOUBTFUL_WORDS = ("NULL", "null", "NaN", "nan", "NaT", "None", "none", "N/A", "n/a", "-")
# Words for it that can be no number, time or flag; in small letters.
HUMAN_WORDS = (
    *dict.fromkeys(word.lower() for word in (*MACHINE_WORDS, *DOUBTFUL_WORDS)),
    *("na", "n.a.", "nil", "--", "–", "—", "?", ".", "unknown", "undefined", "not set", "not available"),
    *("#value!", "#ref!", "#div/0!", "#name?", "#null!", "#num!", "empty", "missing"),
)
UNLIMITED = ("unlimited", "unlim", "infinite", "infinity", "inf", "∞", "no limit", "-1", "-1.0")
NUMERIC = (ColumnKind.MONEY, ColumnKind.NUMBER, ColumnKind.COUNT)
WORDS: dict[ColumnKind, tuple[str, ...]] = {
    ColumnKind.ID: MACHINE_WORDS,
    ColumnKind.CATEGORY: MACHINE_WORDS,
    **dict.fromkeys((*NUMERIC, ColumnKind.TIME, ColumnKind.FLAG), HUMAN_WORDS),
}
FLAGS = {
    True: ("yes", "y", "on", "ja", "oui", "si", "sí", "wahr", "vrai"),
    False: ("no", "n", "off", "nein", "non", "falsch", "faux"),
}

# Tabs, and what breaks a line, on mainframes and in Unicode too.
_BREAKS = r"\t\n\x0B\f\r\x{0085}\x{2028}\x{2029}"
BLANK = _BREAKS + r"\s\x{00A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}"
# What no eye sees: controls, zero-width blanks, marks of direction, soft hyphens, the mark at a file's beginning.
_CONTROLS = r"\x00-\x08\x0E-\x1F\x7F-\x{0084}\x{0086}-\x{009F}"
UNSEEN = _CONTROLS + r"\x{00AD}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}"
# The digits of East Asian keyboards; ids and times of other programs have ours.
FULL_WIDTH = "".join(map(chr, range(0xFF10, 0xFF1A)))
_JOINERS = r"\x{200C}\x{200D}"
_ENDS = f"^[{BLANK}]+|[{BLANK}]+$"
_UNBROKEN = rf"\r\n|[{_BREAKS}\x{{00A0}}\x{{2007}}\x{{202F}}]"
# how spreadsheets are kept from reading digits as a number
_AS_FORMULA, _AS_TEXT, _FIRST = '^="(.*)"$', "^'([0-9].*)$", "\\1"
# a name may begin with an apostrophe ('t Hooft); an id does not
_ID_AS_TEXT = "^'([0-9A-Za-z].*)$"
_APOSTROPHES_AND_BLANKS = rf"['’{BLANK}]"
_CODES = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|INR|CNY|RMB|HKD|SGD|KRW|TWD|THB|MYR|IDR|PHP|"
    "VND|BRL|MXN|ARS|CLP|COP|PEN|ZAR|ILS|AED|SAR|EGP|NGN|KES|UAH|RUB|ISK|KWD|BHD|OMR|JOD|TND"
)
_SIGN = rf"(?:(?:US|CA?|AU?|NZ|HK|SG?|MX|R)?\$|[€£¥￥₹₩₽₺₫₱₪฿₴]|{_CODES}|kr\.?|zł|Kč|Ft|Fr\.?)"
_MINUS = r"[+\-−–]?"
_GAP = rf"[{BLANK}]*"
_DIGITS = rf"(?:\d[\d.,'’{BLANK}]*|[.,]\d+)"
_PARTS = ("bracket", "before", "sign", "inner", "digits", "exponent", "unit", "behind")
_SHAPE = (
    rf"^(?i)(\()?{_GAP}({_MINUS}){_GAP}({_SIGN})?{_GAP}({_MINUS}){_GAP}({_DIGITS})(e[+\-]?\d{{1,3}})?{_GAP}"
    rf"({_SIGN}|%)?{_GAP}([\-−]?){_GAP}\)?$"
)
# No cents, as German and Swiss price lists have it: 1250,- or 1'250.--
_DASHED, _CENTS = r"(\d)([.,])[-−–—]{1,2}(\D*)$", r"\1\200\3"
_GROUPED = rf"^\d{{1,3}}(?:['’{BLANK}]\d{{3}})+(?:[.,]\d+)?$"

# How digits may be put down, by what tells the decimal mark; the first shape that fits is taken.
_DOT_TELLING = (r"^\d{1,3}(?:,\d{2,3})*,\d{3}\.\d*$", r"^\d{1,3}(?:,\d{2,3})+,\d{3}$")
_COMMA_TELLING = (r"^\d{1,3}(?:\.\d{3})+,\d*$", r"^\d{1,3}(?:\.\d{3}){2,}$")
_THREE_AFTER_COMMA = r"^[1-9]\d{0,2},\d{3}$"
_THREE_AFTER_DOT = r"^[1-9]\d{0,2}\.\d{3}$"
_ONE_COMMA, _ONE_DOT = r"^\d*,\d*$", r"^\d*\.\d*$"
# Signs of currencies whose countries write a dot before decimals, or no decimals.
_DOT_SIGNS = r"[$£¥￥₹₩₱]|USD|GBP|JPY|INR|KRW"


@dataclass(frozen=True)
class Marks:
    """What a column's values tell of their decimal mark: how many different values tell what.

    Args:
        dot, comma: a decimal dot, a decimal comma.
        after_comma, after_dot: one comma (dot) and three digits behind it, so that it can be either.
        signed: of those with a comma, the ones with a currency's sign that tells it.
    """

    dot: int
    comma: int
    after_comma: int
    after_dot: int
    signed: int

    @property
    def told(self) -> str | None:
        """The decimal mark that values tell by themselves; None where none does, or they contradict each other."""
        if bool(self.dot) == bool(self.comma):
            return None
        return "." if self.dot else ","

    def mark(self, kind: ColumnKind) -> str | None:
        """The decimal mark that the column bears out; None where it can be either."""
        if self.dot or self.comma:
            return self.told
        if self.after_comma and not self.after_dot:
            # whole things have no decimals and money has no third: behind a comma these are thousands
            told = kind is ColumnKind.COUNT or (kind is ColumnKind.MONEY and (self.signed or self.after_comma > 1))
            return "." if told else None
        if self.after_dot and not self.after_comma:
            return "." if kind is ColumnKind.NUMBER else None
        return "." if not self.after_comma else None


def cleaned(column: str, kind: ColumnKind = ColumnKind.CATEGORY) -> str:
    """SQL: the text without what an export or a spreadsheet put around it, null where nothing is left.

    Blanks and tabs at the ends, signs nobody sees, ``="…"`` and a leading apostrophe before digits, of an id before
    letters too, go; a blank that does not break a line becomes a blank, and so do tabs and breaks of lines.
    """
    # joiners belong to names in Persian or Hindi, never to an id
    unseen = f"[{UNSEEN}{_JOINERS if kind is ColumnKind.ID else ''}]"
    text = f"regexp_replace({column}, {quoted(unseen)}, '', 'g')"
    text = f"regexp_replace({text}, {quoted(_ENDS)}, '', 'g')"
    text = f"regexp_replace({text}, {quoted(_AS_FORMULA)}, {quoted(_FIRST)})"
    as_text = _ID_AS_TEXT if kind is ColumnKind.ID else _AS_TEXT
    text = f"regexp_replace({text}, {quoted(as_text)}, {quoted(_FIRST)})"
    text = f"regexp_replace({text}, {quoted(_UNBROKEN)}, ' ', 'g')"
    return f"nullif(trim({text}), '')"


def is_word(column: str, kind: ColumnKind) -> str:
    """SQL: whether the text is a word for nothing in a column of that kind."""
    words = WORDS.get(kind)
    if words is None:
        return "false"
    text = f"lower(trim({column}))" if words is HUMAN_WORDS else f"trim({column})"
    return f"{text} IN ({', '.join(quoted(word) for word in words)})"


def is_doubtful(column: str) -> str:
    """SQL: whether a name or an id is a word that may mean no value."""
    return f"trim({column}) IN ({', '.join(quoted(word) for word in DOUBTFUL_WORDS)})"


def is_unlimited(column: str) -> str:
    """SQL: whether the text means no limit."""
    return f"lower(trim({column})) IN ({', '.join(quoted(word) for word in UNLIMITED)})"


def plain_number(column: str, kind: ColumnKind) -> str:
    """SQL that reads a number as programs write it; null for what is none, or none of its kind."""
    number = f"TRY_CAST({column} AS DOUBLE)"
    return as_kind(number, kind)


def as_kind(number: str, kind: ColumnKind) -> str:
    """SQL: a DOUBLE that is null where it is too large or, of a count, not whole, or −1 (no limit)."""
    if kind is ColumnKind.COUNT:
        whole = f"{number} = floor({number}) AND {number} <> -1 AND abs({number}) < {LARGEST}"
        return f"CASE WHEN {whole} THEN {number}::BIGINT END"
    return f"CASE WHEN abs({number}) < {LARGEST} THEN {number} END"


def could_be_thousands(column: str) -> str:
    """SQL: whether a number that programs can read may be meant otherwise: ``1.250``."""
    return f"regexp_matches(trim({column}), {quoted(_THREE_AFTER_DOT)})"


def _parts(column: str) -> str:
    """SQL: a number written for people, taken apart, as a struct; its digits are empty where it is none."""
    names = ", ".join(quoted(name) for name in _PARTS)
    whole = f"regexp_replace({column}, {quoted(_DASHED)}, {quoted(_CENTS)})"
    return f"regexp_extract({whole}, {quoted(_SHAPE)}, [{names}])"


def _with(name: str, bound: str, expression: str) -> str:
    """SQL of ``expression``, in which ``name`` stands for ``bound``, computed once."""
    return f"list_transform([{bound}], lambda {name}: {expression})[1]"


def _ungrouped(digits: str) -> str:
    """SQL: digits without apostrophes and blanks between groups of three; empty where the groups are others."""
    ungrouped = f"regexp_replace({digits}, {quoted(_APOSTROPHES_AND_BLANKS)}, '', 'g')"
    whole = f"regexp_full_match({digits}, '[0-9.,]*') OR regexp_matches({digits}, {quoted(_GROUPED)})"
    return f"CASE WHEN {whole} THEN {ungrouped} ELSE '' END"


def _digits(column: str) -> str:
    """SQL: the digits of a number written for people, with their marks; empty where it is none."""
    return _with("g", f"trim({_parts(column)}.digits)", _ungrouped("g"))


def _fits(digits: str, shapes: Sequence[str]) -> str:
    return "(" + " OR ".join(f"regexp_matches({digits}, {quoted(shape)})" for shape in shapes) + ")"


def written_number(column: str, kind: ColumnKind, mark: str | None, *, declared: bool) -> str:
    """SQL that reads a number written for people, its decimals behind ``mark``; null for what is none.

    A value that both marks tell (``1.250,00``) is read by itself, unless a mark was declared that it is against.
    """
    d = "d"
    without_comma, without_dot = f"replace({d}, ',', '')", f"replace({d}, '.', '')"
    comma_to_dot = f"replace({without_dot}, ',', '.')"
    by_dot = declared and mark == "."
    by_comma = declared and mark == ","
    cases = [f"WHEN regexp_full_match({d}, '[0-9]+') THEN {d}"]
    if not by_comma:
        cases.append(f"WHEN {_fits(d, _DOT_TELLING)} THEN {without_comma}")
    if not by_dot:
        cases.append(f"WHEN {_fits(d, _COMMA_TELLING)} THEN {comma_to_dot}")
    either = {".": (without_comma, d), ",": (comma_to_dot, without_dot)}.get(mark or "", ("NULL", "NULL"))
    cases.append(f"WHEN {_fits(d, [_THREE_AFTER_COMMA])} THEN {either[0]}")
    cases.append(f"WHEN {_fits(d, [_THREE_AFTER_DOT])} THEN {either[1]}")
    if not by_dot:
        cases.append(f"WHEN {_fits(d, [_ONE_COMMA])} THEN {comma_to_dot}")
    if not by_comma:
        cases.append(f"WHEN {_fits(d, [_ONE_DOT])} THEN {d}")
    text = f"CASE {' '.join(cases)} END"

    number = f"TRY_CAST(({text}) || p.exponent AS DOUBLE)"
    minus = " + ".join(f"(p.{part} IN ('-', '−', '–'))::INT" for part in ("before", "inner", "behind"))
    minus = f"({minus} + (p.bracket = '(')::INT)"
    # one bracket alone is a slip, and so are two signs
    sound = f"(p.bracket = '(') = ends_with(trim({column}), ')') AND {minus} <= 1"
    hundredths = "CASE WHEN '%' IN (p.sign, p.unit) THEN 100 ELSE 1 END"
    signed = f"CASE WHEN {sound} THEN {number} * CASE {minus} WHEN 1 THEN -1 ELSE 1 END / {hundredths} END"
    read = _with("p", _parts(column), _with("d", _with("g", "trim(p.digits)", _ungrouped("g")), signed))
    return _with("v", read, as_kind("v", kind))


def is_ambiguous(column: str) -> str:
    """SQL: whether a number could be read in two ways."""
    return _with("d", _digits(column), _fits("d", [_THREE_AFTER_COMMA, _THREE_AFTER_DOT]))


def currency_sign(column: str) -> str:
    """SQL: the sign or code of a currency beside a number; empty where there is none."""
    return _with("p", _parts(column), "upper(coalesce(nullif(p.sign, ''), nullif(p.unit, '%'), ''))")


def marks_of(con: duckdb.DuckDBPyConnection, relation: str, name: str) -> Marks:
    """What the column ``name`` of a relation with different texts tells of its decimal mark."""
    column = identifier(name)
    d = "d"
    row = con.execute(
        f"""
        SELECT
            count(*) FILTER (WHERE {_fits(d, _DOT_TELLING)} OR ({_fits(d, [_ONE_DOT])}
                             AND NOT {_fits(d, [_THREE_AFTER_DOT])})),
            count(*) FILTER (WHERE {_fits(d, _COMMA_TELLING)} OR ({_fits(d, [_ONE_COMMA])}
                             AND NOT {_fits(d, [_THREE_AFTER_COMMA])})),
            count(*) FILTER (WHERE {_fits(d, [_THREE_AFTER_COMMA])}),
            count(*) FILTER (WHERE {_fits(d, [_THREE_AFTER_DOT])}),
            count(*) FILTER (WHERE {_fits(d, [_THREE_AFTER_COMMA])} AND regexp_matches(text, {quoted(_DOT_SIGNS)}))
        FROM (SELECT {_digits(column)} AS d, upper({column}) AS text FROM {relation})
        """
    ).fetchall()[0]
    return Marks(*(int(count) for count in row))


def flag(column: str) -> str:
    """SQL that reads yes and no."""
    text = f"lower(trim({column}::VARCHAR))"
    cases = " ".join(f"WHEN '{word}' THEN {str(value).lower()}" for value, words in FLAGS.items() for word in words)
    return f"CASE {text} {cases} ELSE TRY_CAST({text} AS BOOLEAN) END"
