"""Markdown that says what it was given and does nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence


def plain(text: object) -> str:
    """A text of the user's as Markdown that reads as itself: no markup, no HTML, no link, one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*\[\]|~$])", r"\\\1", line)
    # an underscore inside a word marks nothing, and a heading, a list or a rule begins a line
    line = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", line)
    line = re.sub(r"^([#+=\-])", r"\\\1", re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", line))
    # what looks like an address, a mail or a mention would become a link by itself
    line = line.replace("://", "&#58;//").replace("@", "&#64;")
    return re.sub(r"\bwww\.", "www&#46;", line, flags=re.IGNORECASE)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; cells are written already, the first column is words and the others are figures."""
    rule = "|---|" + "---:|" * (len(header) - 1)
    return [f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)]
