"""From the user's inputs to checked contract tables and roll-ups: the only room that knows DuckDB."""

from __future__ import annotations

from churnml.adapters.warehouse.checked_tables import Ingested, engine_of, facts_of, quarantine_rows
from churnml.adapters.warehouse.profile import event_names, read_profile
from churnml.adapters.warehouse.reading import ALL_DAYS
from churnml.adapters.warehouse.store import ingest
from churnml.adapters.warehouse.usage import write_rollups
from churnml.adapters.warehouse.usage_checking import frequent_names
from churnml.adapters.warehouse.watermarks import forget_kept_rows

__all__ = [
    "ALL_DAYS",
    "Ingested",
    "engine_of",
    "event_names",
    "facts_of",
    "forget_kept_rows",
    "frequent_names",
    "ingest",
    "quarantine_rows",
    "read_profile",
    "write_rollups",
]
