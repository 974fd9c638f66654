"""What people call an account, beside its scores; and the views that show it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from churnml.adapters.store.outputs import drop_output_views, make_output_views
from churnml.adapters.store.schema import scores

revision = "6"
down_revision = "5"


def upgrade() -> None:
    connection = op.get_bind()
    # a store that is new has the column from its first table on
    if scores.c.name.name not in {column["name"] for column in sa.inspect(connection).get_columns(scores.name)}:
        drop_output_views(connection)
        op.add_column(scores.name, sa.Column(scores.c.name.name, sa.String))
    make_output_views(connection)
