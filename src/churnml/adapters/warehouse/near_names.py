"""Names and ids that look like one another: capitals, blanks or hyphens part what is meant to be one.

Names are compared to the letter, so ``Report_Viewed`` is another event than ``report_viewed``: no feature adds them up.
Which of them is meant only the company knows; they are told, and stay as they are.
"""

from __future__ import annotations

from churnml.adapters.warehouse.reading import Reading, quoted
from churnml.remarks import SAMPLES, RemarkKind
from churnml.tables import ColumnKind

REMEDY = "Bring them to one spelling in the SELECT, as lower({name}) AS {name}, unless they are different"
# Names whose capitals do not matter or that are told of already; and two accounts may be called alike.
SPELT_FREELY = ("priority", "billing_period", "currency", "name")
# Salesforce's ids of 15 letters differ in their capitals.
_BY_CAPITALS = "[a-zA-Z0-9]{15}"
_BETWEEN = r"[\s_\-]+"


def alike(name: str, kind: ColumnKind) -> str:
    """SQL: what names have in common that differ only in capitals or blanks, of names also hyphens and underscores."""
    between = r"\s+" if kind is ColumnKind.ID else _BETWEEN
    return f"lower(nfc_normalize(regexp_replace({name}, {quoted(between)}, '_', 'g')))"


def tell_near_names(reading: Reading, table: str, column: str, kind: ColumnKind, counted: str) -> None:
    """Tells the names of a column that look like another of its names.

    Args:
        reading: under way.
        table, column, kind: which, and what it holds.
        counted: a relation of SQL with each name once, as ``name``, and its rows, as ``rows``.
    """
    if column in SPELT_FREELY:
        return
    different = f"NOT regexp_full_match(name, {quoted(_BY_CAPITALS)})" if kind is ColumnKind.ID else "true"
    rows, samples = reading.con.execute(
        # the most usual spelling of each is not counted
        "SELECT sum(every - most)::BIGINT, list(shown ORDER BY every DESC, shown)"
        f"[:{SAMPLES}] FROM (SELECT sum(rows) AS every, max(rows) AS most, "
        "array_to_string(list(name || ' (' || rows || ')' ORDER BY rows DESC, name)[:3], ' and ') AS shown "
        f"FROM {counted} WHERE name IS NOT NULL AND {different} GROUP BY {alike('name', kind)} HAVING count(*) > 1)"
    ).fetchall()[0]
    if rows:
        reading.tell(RemarkKind.NEAR_NAME, table, column, int(rows), samples, REMEDY.format(name=column))


def tell_blanks(reading: Reading, table: str, column: str, different: str) -> None:
    """Tells names that stand in a column both with blanks around them and without: they are read as one.

    Args:
        reading: under way.
        table, column: which.
        different: a relation of SQL with the different texts, as ``raw``, and their rows, as ``n``.
    """
    blanks = "raw <> trim(raw) AND trim(raw) <> ''"
    rows, samples = reading.con.execute(
        f"SELECT sum(n)::BIGINT, list(raw ORDER BY n DESC, raw)[:{SAMPLES}] FROM (SELECT *, "
        f"count(*) OVER (PARTITION BY trim(raw)) > 1 AS twice FROM {different}) WHERE twice AND {blanks}"
    ).fetchall()[0]
    if rows:
        reading.tell(RemarkKind.SPELLING, table, column, int(rows), [f"'{text}'" for text in samples])
