"""Rows that are versions of one thing, as an export appends them: which one stood when.

A help desk's export often writes a ticket again each time it changes. With ``known_at`` each version stands from the
moment it was known until the next one was; without it nobody can tell when, so the last row of the file stands.
docs/decisions/0032 says why.
"""

from __future__ import annotations

from churnml.adapters.warehouse.reading import Reading, identifier
from churnml.arrivals import KNOWN_AT
from churnml.remarks import SAMPLES, RemarkKind
from churnml.tables import Table

# Where a row stands in what the source gives, first to last; beside the contract's columns until versions are settled.
PLACE = "place"
LAST_ROW = "No known_at is mapped, so the last row of the file stands, for the past as well"
NOT_UNIQUE = "The ticket moved, or ticket ids are not unique: then make them so in the SELECT, account_id || ticket_id"


def number_rows(reading: Reading, table: Table) -> None:
    """Adds ``place`` to the view ``_typed_<name>`` of a table that holds versions.

    Rows stand in the order of their ``source_row``; where several have the same, because there are several files, in
    the order they are read: file by file.
    """
    if not table.versioned:
        return
    con, view, plain = reading.con, identifier(f"_typed_{table.name}"), identifier(f"_unnumbered_{table.name}")
    con.execute(f"ALTER VIEW {view} RENAME TO {plain}")
    unique = con.execute(f"SELECT count(DISTINCT source_row) = count(*) FROM {plain}").fetchall()[0][0]
    place = "source_row" if unique else "row_number() OVER ()"
    con.execute(f"CREATE TEMP VIEW {view} AS SELECT *, {place} AS {PLACE} FROM {plain}")


def settle_versions(reading: Reading, table: Table) -> None:
    """Leaves in ``_kept_<name>`` the versions that ever stood, ``known_at`` filled in, each of one key at another time.

    Further rows of a key are told, and those that belong to another account than the one before them.
    """
    con, kept = reading.con, identifier(f"_kept_{table.name}")
    (key,) = table.key
    in_order = f"OVER (PARTITION BY {key} ORDER BY known_at NULLS FIRST, {PLACE})"
    rows = (
        f"SELECT {key}, {PLACE}, row_number() {in_order} > 1 AS further, "
        f"row_number() {in_order} > 1 AND account_id IS DISTINCT FROM lag(account_id) {in_order} AS moved FROM {kept}"
    )
    for kind, of, detail in (
        (RemarkKind.FURTHER_VERSION, "further", "" if _told(reading, table) else LAST_ROW),
        (RemarkKind.MOVED, "moved", NOT_UNIQUE),
    ):
        count, samples = con.execute(
            f"SELECT count(*), list(DISTINCT {key} ORDER BY {key})[:{SAMPLES}] FROM ({rows}) WHERE {of}"
        ).fetchall()[0]
        if count:
            reading.tell(kind, table.name, key, count, samples, detail)
    con.execute(f"CREATE TEMP TABLE _settled AS {settled(table, kept)}")
    con.execute(f"DROP TABLE {kept}")
    con.execute(f"ALTER TABLE _settled RENAME TO {kept}")


def last_versions(table: Table) -> str:
    """The rows of ``_kept_<name>`` as they stand last, as a table of SQL: one a key where it holds versions."""
    kept = identifier(f"_kept_{table.name}")
    if not table.versioned:
        return kept
    last = f"row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY known_at DESC) = 1"
    return f"(SELECT * FROM {kept} QUALIFY {last})"


def counted_rows(table: Table) -> str:
    """SQL of how many rows a kept table has; versions of one key count once."""
    return f"count(DISTINCT {', '.join(table.key)})" if table.versioned else "count(*)"


def settled(table: Table, kept: str) -> str:
    """SQL of the versions that stood at some time, out of the kept rows as they came, each with its :data:`PLACE`."""
    (key,) = table.key
    order = f"PARTITION BY {key} ORDER BY asked_at NULLS FIRST, {PLACE}"
    # what a version says, but for when: a row that only says the same again is no version of its own
    content = ", ".join(identifier(c.name) for c in table.columns if c.name != "known_at")
    rated = f"min(known_at) OVER (PARTITION BY {key}, csat ORDER BY asked_at NULLS FIRST, {PLACE})"
    return (
        # nothing is known before it happened, whatever a clock says
        "WITH arrived AS (SELECT * REPLACE (greatest(known_at, opened_at) AS known_at), known_at AS asked_at "
        f"FROM {kept}), "
        # a rating whose time is not given was known with the version that first carried it
        "rated AS (SELECT * REPLACE (CASE WHEN csat IS NOT NULL AND asked_at IS NOT NULL "
        f"THEN coalesce(csat_at, {rated}) ELSE csat_at END AS csat_at) FROM arrived), "
        # a version never stood where a later row of the file was known as early; of rows that do not say when they
        # were known, only the last one counts
        f"stood AS (SELECT *, min(known_at) OVER ({order} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next, "
        f"asked_at IS NULL AND coalesce(lead(asked_at IS NULL) OVER ({order}), false) AS untold FROM rated "
        "QUALIFY NOT untold AND (next IS NULL OR next > known_at)), "
        f"compared AS (SELECT *, row({content}) IS NOT DISTINCT FROM lag(row({content})) OVER ({order}) AS again "
        f"FROM stood) SELECT * EXCLUDE ({PLACE}, asked_at, next, untold, again) FROM compared WHERE NOT again"
    )


def _told(reading: Reading, table: Table) -> bool:
    return KNOWN_AT in reading.counts.given[table.name]
