"""What people write down about an account."""

from __future__ import annotations

from alembic import op

from churnml.adapters.store.migrations.versions.r2_baseline import guard
from churnml.adapters.store.schema import account_notes

revision = "8"
down_revision = "7"


def upgrade() -> None:
    account_notes.create(op.get_bind())
    guard(account_notes.name, "UPDATE", "DELETE")
