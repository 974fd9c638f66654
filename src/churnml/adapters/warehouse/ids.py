"""Ids as exports write them: read as what they name where that is sure, near misses named, ruined ones refused.

An id is compared as text, to the letter. What a program on the way put on it (a double's ``.0``, blanks, ``="…"``, the
three letters that make fifteen of Salesforce's eighteen) is taken off a whole column or not at all, so that two ids
never become one by chance (docs/decisions/0030).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from churnml.adapters.warehouse.near_names import tell_blanks, tell_near_names
from churnml.adapters.warehouse.reading import Reading, identifier, quoted
from churnml.adapters.warehouse.values import DOUBTFUL_WORDS, MACHINE_WORDS, cleaned, is_doubtful
from churnml.errors import ContractError
from churnml.remarks import RemarkKind
from churnml.tables import ColumnKind

# A double holds whole numbers exactly up to here.
WHOLE = 2**53
# The ids of accounts, as a table of the reading.
KNOWN = "_account_ids"
USER = "user_id"
# The different user ids of usage, each with its rows, as a table of the reading.
DIFFERENT_USERS = "_different_users"
OF_ACCOUNTS = ("account_id", "parent_account_id")
_DECIMAL = r"^([0-9]+)\.0+$"
# Excel writes so what has more than eleven digits; the rest of them is gone
_EXCEL = r"^[0-9]([.,][0-9]+)?[eE]\+[0-9]{2,}$"
_SALESFORCE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FIRST, _BOTH = "\\1", "\\1\\2"
# Each sign of ASCII stands among the full-width forms too, in the same order
_FULL_WIDTH = r"[\x{FF01}-\x{FF5E}]"
_ORDINARY = "".join(map(chr, range(0x21, 0x7F)))
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F)))
NEAR_SHOWN = 3
NEAR_REMEDY = "Bring both to one spelling in the SELECT"


@dataclass(frozen=True)
class Rewriting:
    """A way to bring ids of one table to the spelling of another.

    Args:
        applies: SQL that says whether an id has the spelling.
        rewritten: SQL that gives it the other.
        detail: a sentence on why.
    """

    applies: Callable[[str], str]
    rewritten: Callable[[str], str]
    detail: str


@dataclass(frozen=True)
class IdColumn:
    """A column of ids in a source.

    Args:
        table, name: which.
        raw: the relation it stands in.
        sql_type: its type there.
        where: the source's file.
        sampled: how many rows are looked at to tell its spelling; None is all.
    """

    table: str
    name: str
    raw: str
    sql_type: str
    where: str
    sampled: int | None = None


def id_value(reading: Reading, column: IdColumn) -> str:
    """SQL that reads the column as ids; what is taken off them is told.

    Raises:
        ContractError: the ids were ruined on the way, by Excel or by a type that does not hold them.
    """
    value = _of_its_type(reading, column)
    of_accounts, names_them = column.name in OF_ACCOUNTS, (column.table, column.name) == ("accounts", "account_id")
    if column.sql_type == "VARCHAR" or of_accounts:
        _make_spelled(reading, column, value)
    if column.sql_type == "VARCHAR":
        _must_not_be_excels(reading, column)
        if _is_bare(reading, column):
            value = identifier(column.name)
        else:
            tell_blanks(reading, column.table, column.name, "_spelled")
        nothing = _words_for_nothing(reading, column)
        word = f"trim(raw) IN ({nothing})"
        words = _tell(reading, column, word, kind=RemarkKind.NO_VALUE)
        if words:
            reading.con.execute(f"DELETE FROM _spelled WHERE {word}")
        _tell(reading, column, is_doubtful("raw"), kind=RemarkKind.DOUBTFUL_NAME)
        if _tell(reading, column, "id IS DISTINCT FROM plain"):
            value = cleaned(identifier(column.name), ColumnKind.ID)
        if column.table == "accounts" and column.name != "parent_account_id":
            counted = "(SELECT id AS name, sum(n)::BIGINT AS rows FROM _spelled GROUP BY 1)"
            tell_near_names(reading, column.table, column.name, ColumnKind.ID, counted)
        if words:
            value = f"CASE WHEN trim({identifier(column.name)}) NOT IN ({nothing}) THEN {value} END"
    if of_accounts and not names_them:
        return _as_the_accounts_write_it(reading, column, value)
    if column.sql_type == "VARCHAR":
        value = _of_one_spelling(reading, column, value)
    if names_them:
        reading.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {KNOWN} AS "
            f"SELECT DISTINCT {value} AS id FROM {column.raw} WHERE {value} <> ''"
        )
    return value


def _words_for_nothing(reading: Reading, column: IdColumn) -> str:
    """The words for nothing in the column, as a list of SQL: of a parent, also those that no account has for a name."""
    words = set(MACHINE_WORDS)
    if column.name == "parent_account_id":
        known = {row[0] for row in reading.con.execute(f"SELECT id FROM {KNOWN} WHERE {is_doubtful('id')}").fetchall()}
        words |= {*DOUBTFUL_WORDS} - known
    return ", ".join(quoted(word) for word in sorted(words))


def _of_its_type(reading: Reading, column: IdColumn) -> str:
    name = identifier(column.name)
    if column.sql_type in ("DOUBLE", "FLOAT") or column.sql_type.startswith("DECIMAL"):
        return _id_of_number(reading, column)
    return f"nullif(trim({name}), '')" if column.sql_type == "VARCHAR" else f"{name}::VARCHAR"


def _make_spelled(reading: Reading, column: IdColumn, value: str) -> None:
    """The table ``_spelled``: the different texts of the column, each with its rows, and as an id."""
    name = identifier(column.name)
    rows = column.raw if column.sampled is None else f"(SELECT {name} FROM {column.raw} LIMIT {column.sampled})"
    id_of = cleaned(name, ColumnKind.ID) if column.sql_type == "VARCHAR" else value
    reading.con.execute(
        f"CREATE OR REPLACE TEMP TABLE _spelled AS SELECT {name}::VARCHAR AS raw, n, {value} AS plain, {id_of} AS id "
        f"FROM (SELECT {name}, count(*) AS n FROM {rows} WHERE {name} IS NOT NULL GROUP BY 1)"
    )


def _is_bare(reading: Reading, column: IdColumn) -> bool:
    """Whether no id has blanks around it: then none need be taken off.

    A look at all of them pays: texts as they stand in the file are grouped twice as fast as texts made of them.
    """
    name = identifier(column.name)
    # lengths are compared sooner than texts
    blank = f"{column.raw} WHERE {name} = '' OR strlen({name}) <> strlen(trim({name}))"
    if column.sampled is None:
        blank = "_spelled WHERE raw IS DISTINCT FROM plain"
    elif column.name == USER:
        # many rows have the same: each different one is looked at, and later once more (late_spellings.py)
        reading.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {DIFFERENT_USERS} AS "
            f"SELECT {name}, count(*) AS n FROM {column.raw} GROUP BY 1"
        )
        blank = blank.replace(column.raw, DIFFERENT_USERS, 1)
    return not reading.con.execute(f"SELECT 1 FROM {blank} LIMIT 1").fetchall()


def _of_one_spelling(reading: Reading, column: IdColumn, value: str) -> str:
    """SQL that reads ids without what all of a column have: a double's decimals, Salesforce's two lengths."""
    if _all_are(reading, f"{has_decimals('id')} OR regexp_full_match(id, '[0-9]+')"):
        if _tell(reading, column, has_decimals("id")):
            return without_decimals(value)
    elif column.table == "accounts" and _of_both_lengths(reading):
        _tell(reading, column, "length(id) = 15", "Ids of Salesforce with 15 letters are read as those with 18")
        return f"CASE WHEN length({value}) = 15 THEN {with_checksum(value)} ELSE {value} END"
    return value


def has_decimals(value: str) -> str:
    """SQL: whether an id is a whole number that a program wrote with decimals."""
    return f"regexp_matches({value}, {quoted(_DECIMAL)})"


def without_decimals(value: str) -> str:
    """SQL: ``1000.0`` as ``1000``."""
    return f"regexp_replace({value}, {quoted(_DECIMAL)}, {quoted(_FIRST)})"


def _of_15_letters(value: str) -> str:
    return f"regexp_full_match({value}, '[a-zA-Z0-9]{{15}}')"


def _first_15(value: str) -> str:
    return f"substr({value}, 1, 15)"


def with_checksum(value: str) -> str:
    """SQL: the 18 letters of a Salesforce id that is given by its first 15.

    Each of the three letters at the end says which of five letters are capitals, so that the id can be told apart
    where case is not (help.salesforce.com, "Salesforce ID formats").
    """

    def letter(first: int) -> str:
        capitals = " + ".join(
            f"CASE WHEN regexp_matches(substr({value}, {first + bit}, 1), '[A-Z]') THEN {2**bit} ELSE 0 END"
            for bit in range(5)
        )
        return f"substr('{_SALESFORCE}', 1 + {capitals}, 1)"

    return f"substr({value}, 1, 15) || {letter(1)} || {letter(6)} || {letter(11)}"


def of_salesforce(value: str) -> str:
    """SQL: whether a text is a Salesforce id of 18 letters, by its checksum."""
    return f"(regexp_full_match({value}, '[a-zA-Z0-9]{{15}}[A-Z0-5]{{3}}') AND {value} = {with_checksum(value)})"


def is_full_width(value: str) -> str:
    """SQL: whether a text has letters or digits as wide as those of East Asia."""
    return f"regexp_matches({value}, {quoted(_FULL_WIDTH)})"


def half_width(value: str) -> str:
    """SQL: a text with ordinary letters and digits for full-width ones."""
    return f"translate({value}, {quoted(_WIDE)}, {quoted(_ORDINARY)})"


_RULES = (
    Rewriting(is_full_width, half_width, "The accounts are written with ordinary letters and digits"),
    Rewriting(has_decimals, without_decimals, "The accounts are written without decimals"),
    Rewriting(of_salesforce, _first_15, "The accounts are Salesforce's ids of 15 letters"),
    Rewriting(_of_15_letters, with_checksum, "The accounts are Salesforce's ids of 18 letters"),
)


def _id_of_number(reading: Reading, column: IdColumn) -> str:
    name = identifier(column.name)
    if not column.sql_type.startswith("DECIMAL"):
        exact = WHOLE if column.sql_type == "DOUBLE" else 2**24
        too_large = f"SELECT {name} FROM {column.raw} WHERE abs({name}) >= {exact} AND isfinite({name}) LIMIT 1"
        if row := reading.con.execute(too_large).fetchone():
            raise ContractError(
                f"Column '{column.name}' of table {column.table} holds ids as decimal numbers (for instance "
                f"{row[0]:.6g}): those above {exact:,} have lost their last digits.",
                where=column.where,
                remedy="Export the column as text or as whole numbers.",
            )
    whole = f"{name} = floor({name})"
    # of many rows, the different ones are not gathered to show three of them
    few = f"list(DISTINCT {name}::VARCHAR)[:3]" if column.sampled is None else f"[min({name}), max({name})]::VARCHAR[]"
    telling = f"SELECT count(*), {few} FROM {column.raw} WHERE {name} IS NOT NULL"
    rows, samples = reading.con.execute(telling).fetchall()[0]
    if rows:
        detail = f"Its type is {column.sql_type}: whole numbers are read without decimals"
        reading.tell(RemarkKind.SPELLING, column.table, column.name, int(rows), sorted(samples), detail)
    nothing = "" if column.sql_type.startswith("DECIMAL") else f"WHEN NOT isfinite({name}) THEN NULL "
    return f"CASE {nothing}WHEN {whole} THEN {name}::HUGEINT::VARCHAR ELSE {name}::VARCHAR END"


def _must_not_be_excels(reading: Reading, column: IdColumn) -> None:
    ruined = reading.con.execute(
        f"SELECT id, sum(n) OVER () FROM _spelled WHERE regexp_matches(id, {quoted(_EXCEL)}) ORDER BY id LIMIT 1"
    ).fetchone()
    if ruined:
        raise ContractError(
            f"Column '{column.name}' of table {column.table} holds {ruined[0]} in {int(ruined[1]):,} rows: Excel wrote "
            "its ids as rounded numbers, and their digits are gone.",
            where=column.where,
            remedy="Export it again without opening it in Excel, or have Excel read the column as text before saving.",
        )


def _tell(
    reading: Reading, column: IdColumn, condition: str, detail: str = "", kind: RemarkKind = RemarkKind.SPELLING
) -> bool:
    """Whether any id of ``_spelled`` is so; if so, that is told."""
    rows, samples = reading.con.execute(
        f"SELECT sum(n), list(raw ORDER BY n DESC, raw)[:3] FROM _spelled WHERE {condition}"
    ).fetchall()[0]
    if rows:
        reading.tell(kind, column.table, column.name, int(rows), samples, detail)
    return bool(rows)


def _all_are(reading: Reading, condition: str) -> bool:
    """Whether every id of ``_spelled`` is so; false where there is none."""
    every = reading.con.execute(f"SELECT bool_and({condition}) FROM _spelled WHERE id IS NOT NULL").fetchall()[0][0]
    return bool(every)


def _of_both_lengths(reading: Reading) -> bool:
    """Whether the ids of ``_spelled`` are Salesforce's, some with 15 and some with 18 letters."""
    short = _of_15_letters("id")
    if not _all_are(reading, f"{short} OR {of_salesforce('id')}"):
        return False
    few, every = reading.con.execute(
        f"SELECT count(*) FILTER (WHERE {short}), count(*) FROM _spelled WHERE id IS NOT NULL"
    ).fetchall()[0]
    return 0 < int(few) < int(every)


def _as_the_accounts_write_it(reading: Reading, column: IdColumn, value: str) -> str:
    """SQL that reads ids of accounts as table accounts writes them, where one rule brings them there."""
    con = reading.con
    for rule in _RULES:
        # where accounts are so themselves, rewriting would part what belongs together
        if con.execute(f"SELECT count(*) FROM {KNOWN} WHERE {rule.applies('id')}").fetchall()[0][0]:
            continue
        brought = (
            f"{rule.applies('id')} AND id NOT IN (SELECT id FROM {KNOWN}) "
            f"AND {rule.rewritten('id')} IN (SELECT id FROM {KNOWN})"
        )
        if _tell(reading, column, brought, rule.detail):
            value = f"CASE WHEN {rule.applies(value)} THEN {rule.rewritten(value)} ELSE {value} END"
            con.execute(f"UPDATE _spelled SET id = {rule.rewritten('id')} WHERE {rule.applies('id')}")
    _tell_near_misses(reading, column)
    return value


def _tell_near_misses(reading: Reading, column: IdColumn) -> None:
    """Tells ids that are in no row of accounts but look like one that is."""
    unknown = f"SELECT id, sum(n) AS n FROM _spelled WHERE id NOT IN (SELECT id FROM {KNOWN}) GROUP BY 1"
    like = f"SELECT min(id) AS id, {_gist('id')} AS gist FROM {KNOWN} WHERE {_gist('id')} <> '' GROUP BY 2"
    rows, samples = reading.con.execute(
        f"SELECT sum(n), list(u.id || ' looks like ' || k.id ORDER BY n DESC, u.id)[:{NEAR_SHOWN}] "
        f"FROM ({unknown}) AS u JOIN ({like}) AS k ON {_gist('u.id')} = k.gist"
    ).fetchall()[0]
    if rows:
        reading.tell(RemarkKind.NEAR_ID, column.table, column.name, int(rows), samples, NEAR_REMEDY)


def _gist(value: str) -> str:
    """SQL: what two spellings of an id have in common: no case, no signs, no zeros in front, no width, no checksum."""
    text = f"CASE WHEN {of_salesforce(value)} THEN substr({value}, 1, 15) ELSE {half_width(value)} END"
    text = f"lower(regexp_replace({without_decimals(text)}, '[^0-9a-zA-Z]', '', 'g'))"
    return f"regexp_replace({text}, '(^|[a-z])0+([0-9])', {quoted(_BOTH)}, 'g')"
