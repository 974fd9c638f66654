"""User ids of usage that are spelled oddly, but first after the rows that told how user ids are written.

To look at each of 10⁸ texts before they are read costs as much as reading them. Once they are judged each different id
is looked at once, so what the first rows did not show is found there, and told: it stands as it is, a user of its own.
"""

from __future__ import annotations

from churnml.adapters.warehouse import columns
from churnml.adapters.warehouse.ids import has_decimals, without_decimals
from churnml.adapters.warehouse.reading import Reading, quoted
from churnml.adapters.warehouse.values import DOUBTFUL_WORDS, MACHINE_WORDS, cleaned
from churnml.remarks import SAMPLES, RemarkKind
from churnml.tables import ColumnKind

TABLE, COLUMN = "usage_events", "user_id"
# An id of nothing else has nothing around it.
_PLAIN = "[^0-9A-Za-z@._-]"
DETAIL = (
    f"Counted are ids. The first {columns.SAMPLED_ROWS:,} rows tell how they are written: bring them to one spelling "
    "in the SELECT"
)


def tell_late_spellings(reading: Reading) -> None:
    """Tells odd user ids of the events just judged; nothing where all rows were looked at before they were read."""
    rows = reading.counts.rows[TABLE] + sum(reading.counts.quarantined.get(TABLE, {}).values())
    if COLUMN not in reading.counts.given[TABLE] or rows <= columns.SAMPLED_ROWS:
        return
    # what the first rows showed was told with them
    told = any(one.kind is RemarkKind.DOUBTFUL_NAME and one.column == COLUMN for one in reading.counts.remarks)
    words = ", ".join(quoted(word) for word in (*MACHINE_WORDS, *(() if told else DOUBTFUL_WORDS)))
    count, samples = reading.con.execute(
        f"WITH users AS (SELECT DISTINCT {COLUMN} AS id FROM _typed_{TABLE}) "
        f"SELECT count(*), list(id ORDER BY id)[:{SAMPLES}] FROM users "
        f"WHERE (regexp_matches(id, {quoted(_PLAIN)}) AND {cleaned('id', ColumnKind.ID)} IS DISTINCT FROM id) "
        f"OR id IN ({words}) OR ({has_decimals('id')} AND {without_decimals('id')} IN (SELECT id FROM users))"
    ).fetchall()[0]
    if count:
        reading.tell(RemarkKind.LATE_SPELLING, TABLE, COLUMN, int(count), samples, DETAIL)
