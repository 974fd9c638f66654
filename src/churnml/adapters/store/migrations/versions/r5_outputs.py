"""The views that others build on: a documented, versioned schema of outputs.

They hold nothing, so a later step that changes them makes them all anew.
"""

from __future__ import annotations

from alembic import op

from churnml.adapters.store.outputs import make_output_views

revision = "5"
down_revision = "4"


def upgrade() -> None:
    make_output_views(op.get_bind())
