"""Usage that was judged before, made readable once more: its views stand as they were, and nothing is judged anew.

A reading that only judges keeps no roll-ups. Whoever needs them later finds how the events were read and which were
kept, as the views of the reading that judged them: looking at every column and judging every row comes once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from churnml.adapters.warehouse.reading import identifier, parquet

if TYPE_CHECKING:
    import duckdb

# The source over its inputs, and the accounts that rows were judged by.
RAW, JUDGED_BY = "_raw_usage_events", "_kept_accounts"


class EventsView(NamedTuple):
    """A view of a reading's connection: its name, and its SELECT."""

    name: str
    select: str


def views_of(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> tuple[EventsView, ...]:
    """The views of those names, in an order they can be made in; none if they rest on anything that does not last."""
    views, lasting = [], {RAW, JUDGED_BY, *names}
    # names that begin with an underscore are ours: an input's name cannot
    made = "SELECT view_name FROM duckdb_views() WHERE NOT internal UNION SELECT table_name FROM duckdb_tables()"
    passing = [name for (name,) in con.execute(made).fetchall() if name.startswith("_") and name not in lasting]
    for name in (RAW, *names):
        rows = con.execute("SELECT sql FROM duckdb_views() WHERE view_name = ? AND NOT internal", [name]).fetchall()
        if len(rows) != 1:
            return ()
        # CREATE [TEMP] VIEW name [(columns)] AS SELECT …;
        select = str(rows[0][0]).partition(" AS ")[2].rstrip().rstrip(";")
        if any(re.search(rf"(?<!\w){re.escape(other)}(?!\w)", select) for other in passing):
            return ()
        views.append(EventsView(name, select))
    return tuple(views)


def make_views(con: duckdb.DuckDBPyConnection, accounts: Path | None, views: Sequence[EventsView]) -> None:
    """Makes the views again, over the inputs as they are registered.

    Args:
        con: with the inputs; none of the views is there.
        accounts: the Parquet file with the accounts that the rows were judged by (``created_at`` is null for one that
            was not there); None where those are the ones that were kept just now.
        views: those of :func:`views_of`.
    """
    if accounts is not None:
        known = f"SELECT account_id, created_at FROM {parquet([accounts])} WHERE created_at IS NOT NULL"
        con.execute(f"CREATE TEMP VIEW {identifier(JUDGED_BY)} AS {known}")
    for view in views:
        con.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(view.name)} AS {view.select}")
