"""What is watched of the models: drift, expected and realised performance."""

from __future__ import annotations

revision = "4"
down_revision = "3"


def upgrade() -> None:
    pass
