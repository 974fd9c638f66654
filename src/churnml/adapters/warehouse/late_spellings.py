"""User ids of usage that are spelled oddly, but first after the rows that told how user ids are written.

To look at each of 10⁸ texts with patterns costs more than reading them. There are fewer different ones, so what the
first rows did not show is found among those, and told: it stands as it is, a user of its own.
"""

from __future__ import annotations

from churnml.adapters.warehouse.ids import DIFFERENT_USERS, USER, has_decimals, without_decimals
from churnml.adapters.warehouse.reading import Reading, quoted
from churnml.adapters.warehouse.values import DOUBTFUL_WORDS, MACHINE_WORDS, cleaned
from churnml.remarks import SAMPLES, RemarkKind
from churnml.tables import ColumnKind

# An id of nothing else has nothing around it.
_PLAIN = "[^0-9A-Za-z@._-]"
DETAIL = (
    "Counted are ids. The first {sampled:,} rows tell how they are written: bring them to one spelling in the SELECT"
)


def tell_late_spellings(reading: Reading, table: str, value: str, sampled: int) -> None:
    """Tells odd user ids among all; nothing where the rows ``sampled`` are all there are. Drops their table.

    ``value`` is SQL that reads the column as ids.
    """
    con = reading.con
    rows = con.execute(f"SELECT sum(n) FROM {DIFFERENT_USERS}").fetchall()[0][0] or 0
    if rows > sampled:
        # what the first rows showed was told with them
        told = any(one.kind is RemarkKind.DOUBTFUL_NAME and one.column == USER for one in reading.counts.remarks)
        words = ", ".join(quoted(word) for word in (*MACHINE_WORDS, *(() if told else DOUBTFUL_WORDS)))
        count, samples = con.execute(
            f"WITH users AS (SELECT DISTINCT {value} AS id FROM {DIFFERENT_USERS}) "
            f"SELECT count(*), list(id ORDER BY id)[:{SAMPLES}] FROM users "
            f"WHERE (regexp_matches(id, {quoted(_PLAIN)}) AND {cleaned('id', ColumnKind.ID)} IS DISTINCT FROM id) "
            f"OR id IN ({words}) OR ({has_decimals('id')} AND {without_decimals('id')} IN (SELECT id FROM users))"
        ).fetchall()[0]
        if count:
            detail = DETAIL.format(sampled=sampled)
            reading.tell(RemarkKind.LATE_SPELLING, table, USER, int(count), samples, detail)
    con.execute(f"DROP TABLE {DIFFERENT_USERS}")
