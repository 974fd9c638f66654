"""Who may call the HTTP API, and which changes its calls made."""

from __future__ import annotations

from alembic import op

from churnml.adapters.store.migrations.versions.r2_baseline import guard
from churnml.adapters.store.schema import metadata

revision = "9"
down_revision = "8"

TABLES = ("api_tokens", "api_token_revocations", "api_calls")


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=[metadata.tables[name] for name in TABLES], checkfirst=False)
    for table in TABLES:
        guard(table, "UPDATE", "DELETE")
