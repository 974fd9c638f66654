"""Tokens of the HTTP API, as printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from churnml.ledger.api import ApiToken
from churnml.pages.presenter import printable
from churnml.pages.terminal.layout import table


def tokens_text(tokens: Sequence[ApiToken], now: dt.datetime) -> str:
    """What ``churnml web token list`` prints.

    Args:
        tokens: every token there ever was.
        now: the moment at which they are in force or not.
    """
    if not tokens:
        return "There are no tokens: 'churnml web token new' makes one."
    cells = [
        [
            one.name,
            one.role.replace("_", " "),
            printable("all" if one.owners is None else ", ".join(one.owners)),
            ", ".join(one.scopes),
            f"{one.made_at:%Y-%m-%d} by {printable(one.made_by)}",
            _state(one, now),
        ]
        for one in tokens
    ]
    return "\n".join(table(["name", "role", "accounts of", "scopes", "made", ""], cells))


def _state(token: ApiToken, now: dt.datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    if token.expires_at is None:
        return "in force"
    return f"{'in force until' if token.holds_at(now) else 'ended'} {token.expires_at:%Y-%m-%d}"
