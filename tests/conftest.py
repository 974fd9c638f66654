"""Fixtures shared by all tests."""

from __future__ import annotations

import os

# no test opens a window, asks a network or reports anything
os.environ.setdefault("TZ", "UTC")
