"""What is watched of the data: profiles of every load, breaks, what was accepted, and the days that were held."""

from __future__ import annotations

from alembic import op

from churnml.adapters.store.migrations.versions.r2_baseline import guard
from churnml.adapters.store.schema import metadata

revision = "3"
down_revision = "2"

TABLES = ("loads", "data_breaks", "data_acceptances", "held_days")
NEVER_CHANGED = ("data_acceptances", "held_days")
NEVER_GOES = ("loads", "data_breaks")


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=[metadata.tables[name] for name in TABLES], checkfirst=False)
    for table in NEVER_CHANGED:
        guard(table, "UPDATE", "DELETE")
    for table in NEVER_GOES:
        guard(table, "DELETE")
