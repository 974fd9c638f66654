"""Tokens of the HTTP API: made once, shown once, and kept as a digest."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from churnml.errors import ChurnmlError, UnknownNameError
from churnml.ledger.api import ApiToken
from churnml.ledger.cockpit import Owners
from churnml.rights import Role, Scope

if TYPE_CHECKING:
    from churnml.adapters.store import Store

PREFIX = "churnml"
# Bytes of chance: nobody guesses them, so a plain digest keeps them, and each request is checked at once.
SECRET_BYTES = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
TOKEN = re.compile(rf"{PREFIX}_([0-9a-f]{{12}})_[A-Za-z0-9_-]{{43}}")


class TokenError(ChurnmlError):
    """A token that would allow nothing, or more than is meant."""


def make_token(
    store: Store,
    name: str,
    *,
    role: Role,
    owners: Owners,
    scopes: Sequence[Scope],
    who: str,
    now: dt.datetime,
    days: int | None = None,
) -> tuple[ApiToken, str]:
    """Makes a token; the token as it is kept, and as whoever calls sends it, which is shown this once.

    Args:
        store: keeps its digest.
        name: what it is for.
        role: what it may do at most.
        owners: whose accounts it may see; None is everybody's.
        scopes: what it may be used for.
        who: makes it.
        now: when.
        days: after how many it ends; None never.

    Raises:
        TokenError: name, role, owners and scopes do not go together.
        ChurnmlError: another in force has its name.
    """
    _check(name, role, owners, scopes)
    token_id = secrets.token_hex(6)
    shown = f"{PREFIX}_{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    expires_at = None if days is None else now + dt.timedelta(days=days)
    token = ApiToken(token_id, name, role, owners, tuple(dict.fromkeys(scopes)), who, now, expires_at)
    store.tokens.add(token, digest_of(shown))
    return token, shown


def scopes_of(names: Sequence[str]) -> list[Scope]:
    """Scopes by their names; raises UnknownNameError."""
    known: dict[str, Scope] = {scope: scope for scope in get_args(Scope)}
    for name in names:
        if name not in known:
            raise UnknownNameError("scope", name, known)
    return [known[name] for name in names]


def token_of(store: Store, shown: str, now: dt.datetime) -> ApiToken | None:
    """The token that is sent; None where it is none of the store's, or not in force."""
    matched = TOKEN.fullmatch(shown)
    kept = store.tokens.with_digest(matched[1]) if matched else None
    if kept is None:
        return None
    token, digest = kept
    if not secrets.compare_digest(digest, digest_of(shown)) or not token.holds_at(now):
        return None
    return token


def digest_of(shown: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(shown.encode()).hexdigest()


def _check(name: str, role: Role, owners: Owners, scopes: Sequence[Scope]) -> None:
    if not NAME.fullmatch(name):
        raise TokenError(
            f"'{name[:80]}' cannot be the name of a token.",
            remedy="Use up to 64 letters, digits and . _ @ -, a letter or digit first.",
        )
    if not scopes:
        raise TokenError("The token would be good for nothing.", remedy="Give --scope, once for each.")
    if role == "viewer" and "work:write" in scopes:
        raise TokenError("A viewer changes nothing.", remedy="Leave out --scope work:write, or give another --role.")
    if role == "success_manager" and not owners:
        raise TokenError(
            "It is not clear whose accounts a token of a success manager is for.",
            remedy="Give --owner or --team, once for each.",
        )
    if role in ("revops", "admin") and owners:
        raise TokenError(
            f"'{role}' sees every account.", remedy="Leave out --owner and --team, or give another --role."
        )
