"""docs/believe.md: a page whose tables are written by several commands, each between its own marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "believe.md"


def replace_block(name: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Puts ``lines`` between ``<!-- name -->`` and ``<!-- /name -->``, and leaves the rest of the page alone.

    Raises:
        ValueError: the page has no such marks, or more than once.
    """
    text = page.read_text("utf-8")
    between = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    if len(between.findall(text)) != 1:
        raise ValueError(f"{page} must hold <!-- {name} --> and <!-- /{name} --> once")
    block = "\n".join(lines).strip("\n") + "\n"
    page.write_text(between.sub(lambda marks: marks[1] + block + marks[2], text), "utf-8")
