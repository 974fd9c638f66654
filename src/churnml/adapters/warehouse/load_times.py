"""Times of arrival that are the time of one load: a full refresh stamps every row, and nothing was known before it."""

from __future__ import annotations

import datetime as dt

from churnml.adapters.warehouse.reading import Reading
from churnml.arrivals import KNOWN_AT
from churnml.remarks import RemarkKind
from churnml.tables import Table

# From this share of a table's rows on that became known in so many days, these are the days of a load.
MOST, LOAD_DAYS = 0.5, 3
# Unless they happened then: they must lie behind it, half of them by so many days, and on so many days.
LATE_DAYS = 7
FEWEST_DAYS = 3


def tell_load_time(reading: Reading, table: Table, dated: str) -> None:
    """Tells that most rows of a table became known on one day, or on a few, long after they happened.

    Args:
        reading: under way.
        table: which.
        dated: SQL of its rows, or of groups of them: when they happened and were known (``happened``, ``known``, as
            TIMESTAMP), and how many they are (``rows``).
    """
    if KNOWN_AT not in reading.counts.given.get(table.name, ()):
        return
    each = (
        "SELECT known::DATE AS day, sum(rows)::BIGINT AS rows, min(known) AS first, max(known) AS last, "
        "count(DISTINCT happened::DATE) AS days, "
        f"coalesce(sum(rows) FILTER (date_diff('day', happened, known) >= {LATE_DAYS}), 0)::BIGINT AS late "
        "FROM dated WHERE known IS NOT NULL GROUP BY day"
    )
    # of a load that took its time, the days are taken together
    several = (
        "SELECT 1 AS longer, sum(rows) OVER w, min(first) OVER w, max(last) OVER w, max(days) OVER w, sum(late) OVER w "
        f"FROM loads WINDOW w AS (ORDER BY day RANGE BETWEEN CURRENT ROW AND INTERVAL {LOAD_DAYS - 1} DAY FOLLOWING)"
    )
    loaded = reading.con.execute(
        f"WITH dated AS ({dated}), loads AS ({each}), "
        f"spans AS (SELECT 0 AS longer, rows, first, last, days, late FROM loads UNION ALL {several}) "
        "SELECT rows::BIGINT, first, last, days, late::BIGINT, every FROM spans, "
        f"(SELECT sum(rows)::BIGINT AS every FROM dated) WHERE rows >= {MOST} * every "
        "ORDER BY longer, rows DESC, first LIMIT 1"
    ).fetchone()
    if loaded is None:
        return
    rows, first, last, days, late, every = loaded
    if days < FEWEST_DAYS or 2 * late < rows:
        return
    moment = _moment(first, last)
    detail = (
        f"{rows / every:.0%} of {every:,} rows: to any cutoff up to then there were none of them. If a load stamped "
        f"them, leave {KNOWN_AT} out of sources/{table.name}.sql (rows then count as known at their {table.dated_by}), "
        "or map when each row was entered."
    )
    reading.tell(RemarkKind.LOAD_TIME, table.name, KNOWN_AT, rows, [moment], detail)


def _moment(first: dt.datetime, last: dt.datetime) -> str:
    if first == last:
        return f"{first:%Y-%m-%d}" if first == dt.datetime.combine(first.date(), dt.time()) else str(first)
    if first.date() != last.date():
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{first:%Y-%m-%d %H:%M} to {last:%H:%M}"
