"""The views that others build on: a documented, versioned schema of outputs."""

from __future__ import annotations

revision = "5"
down_revision = "4"


def upgrade() -> None:
    pass
