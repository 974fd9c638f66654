"""From the user's inputs to checked contract tables and roll-ups: the only room that knows DuckDB."""

from __future__ import annotations

from churnml.adapters.warehouse.profile import read_profile
from churnml.adapters.warehouse.store import Ingested, engine_of, facts_of, ingest, quarantine_rows
from churnml.adapters.warehouse.usage import write_rollups
from churnml.adapters.warehouse.usage_checking import frequent_names
from churnml.adapters.warehouse.watermarks import forget_kept_rows

__all__ = [
    "Ingested",
    "engine_of",
    "facts_of",
    "forget_kept_rows",
    "frequent_names",
    "ingest",
    "quarantine_rows",
    "read_profile",
    "write_rollups",
]
