"""The views that others build on: a documented, versioned schema of outputs.

They hold nothing, so the last step that changes them makes them all anew (r6): this one only has their place.
"""

from __future__ import annotations

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Nothing: views of columns that come later cannot be made here."""
