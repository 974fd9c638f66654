"""What is watched of the models: drift, expected and realised performance."""

from __future__ import annotations

from alembic import op

from churnml.adapters.store.migrations.versions.r2_baseline import guard
from churnml.adapters.store.schema import metadata

revision = "4"
down_revision = "3"

TABLES = ("model_watches", "model_figures")


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=[metadata.tables[name] for name in TABLES], checkfirst=False)
    for table in TABLES:
        guard(table, "UPDATE", "DELETE")
