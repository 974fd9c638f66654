"""How a table, a number and a user's text are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows as aligned text."""
    widths = [max(_width(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            " " * (widths[i] - _width(cell)) + cell if i in right else cell + " " * (widths[i] - _width(cell))
            for i, cell in enumerate(row)
        ]
        return ("  " + "  ".join(cells)).rstrip()

    return [line(header), "  " + "  ".join("-" * width for width in widths), *(line(row) for row in rows)]


def _width(text: str) -> int:
    """Columns a text takes on a terminal; Japanese letters take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def printable(text: Any) -> str:
    """A user's text without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(text))


def figure(found: Mapping[str, float | None] | None) -> str:
    """0.812 [0.780, 0.842]"""
    if not found or found["value"] is None:
        return "–"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f} %"


def money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
