"""What is told of usage as a whole, out of what came of it each day: no event is read again for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from churnml.adapters.warehouse.load_times import tell_load_time
from churnml.adapters.warehouse.near_names import tell_near_names
from churnml.adapters.warehouse.profile import EPOCH, USAGE_FEED
from churnml.adapters.warehouse.reading import Reading, files_of, parquet
from churnml.tables import USAGE_EVENTS, ColumnKind


def tell_usage(reading: Reading, folders: Sequence[Path]) -> None:
    """Adds what all of usage shows to the remarks.

    Args:
        reading: under way; usage is checked and rolled up.
        folders: where it is, what was read before too.
    """
    files = files_of(folders, USAGE_FEED)
    if not files:
        return
    feed = parquet(files)
    days = (
        f"SELECT ({EPOCH} + day)::TIMESTAMP AS happened, ({EPOCH} + day + delay)::TIMESTAMP AS known, rows "
        f"FROM {feed} WHERE event = ''"
    )
    tell_load_time(reading, USAGE_EVENTS, days)
    names = f"(SELECT event AS name, sum(rows)::BIGINT AS rows FROM {feed} WHERE event <> '' GROUP BY event)"
    tell_near_names(reading, USAGE_EVENTS.name, "event", ColumnKind.CATEGORY, names)
