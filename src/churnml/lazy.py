"""Ibis, imported when it is first used: whoever only reads what was stored should not wait for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis
else:

    class _Ibis:
        def __getattr__(self, name: str) -> object:
            return getattr(import_module("ibis"), name)

    ibis = _Ibis()

__all__ = ["ibis"]
