"""What is watched of the data: profiles of every load, breaks, and what was accepted."""

from __future__ import annotations

revision = "3"
down_revision = "2"


def upgrade() -> None:
    pass
