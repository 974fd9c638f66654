"""Views of accounts that people keep by name, and when contracts renew beside the scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from churnml.adapters.store.migrations.versions.r2_baseline import guard
from churnml.adapters.store.schema import saved_views, scores

revision = "7"
down_revision = "6"


def upgrade() -> None:
    connection = op.get_bind()
    # a store that is new has the column from its first table on
    if scores.c.renews_on.name not in {column["name"] for column in sa.inspect(connection).get_columns(scores.name)}:
        op.add_column(scores.name, sa.Column(scores.c.renews_on.name, sa.Date))
    saved_views.create(connection)
    guard(saved_views.name, "UPDATE", "DELETE")
