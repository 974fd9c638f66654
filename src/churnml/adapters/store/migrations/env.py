"""What Alembic runs: the steps, on the connection and in the transaction it is given."""

from __future__ import annotations

from alembic import context

from churnml.adapters.store.schema import metadata
from churnml.adapters.store.upgrade import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
