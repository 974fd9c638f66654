"""A user's text in a cell, so that no spreadsheet runs it as a formula.

A cell that begins with what begins a formula gets an apostrophe in front, which spreadsheets show as text (OWASP, "CSV
injection"). Letters that look or fold the same count too: full-width and small forms, superscripts, the minus sign.
White space before them does not help; nor does a separator inside the text, which a spreadsheet set to semicolons
would split at.
"""

from __future__ import annotations

import re
import unicodedata

BEGINS_A_FORMULA = "=+-@"
# Not folded to "-" by Unicode, and typed as one all the same.
MINUS = "\u2010\u2012\u2013\u2212"
NOT_SEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]*")
SPLIT_BY_A_SPREADSHEET = re.compile(r"([;\t\r\n|])")


def neutral(text: str) -> str:
    """``text`` as it may stand in a cell."""
    parts = SPLIT_BY_A_SPREADSHEET.split(text)
    # every second one is the separator itself
    safe = [_quoted(part) if place % 2 == 0 else part for place, part in enumerate(parts)]
    whole = "".join(safe)
    # a cell that begins with a tab or a carriage return is itself read on as a formula
    return "'" + whole if whole[:1] in ("\t", "\r", "\n") else whole


def _quoted(part: str) -> str:
    seen = part[NOT_SEEN.match(part).end() :]  # type: ignore[union-attr]
    if not seen:
        return part
    folded = unicodedata.normalize("NFKC", seen[0])[:1]
    return "'" + part if folded in BEGINS_A_FORMULA or seen[0] in MINUS else part
