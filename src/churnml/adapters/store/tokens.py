"""Who may call the API: tokens made, and revoked, and neither ever changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import api_token_revocations, api_tokens
from churnml.adapters.store.writing import hold, insert
from churnml.errors import ChurnmlError, UnknownNameError
from churnml.ledger.api import ApiToken


class Tokens:
    """The tokens of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, token: ApiToken, digest: str) -> None:
        """Writes one with its audit line.

        Args:
            token: which.
            digest: of its secret, as :func:`churnml.jobs.tokens.digest_of` makes it.

        Raises:
            ChurnmlError: another in force has its name.
        """
        row = {name: value for name, value in vars(token).items() if name != "revoked_at"} | {"digest": digest}
        with self._connections.writing() as connection:
            hold(connection)
            if any(one.name == token.name and one.holds_at(token.made_at) for one in _all(connection)):
                raise ChurnmlError(
                    f"There is a token named '{token.name}' already.",
                    remedy=f"Give another name, or revoke it first: churnml web token revoke {token.name}",
                )
            insert(connection, api_tokens, [row])
            details = {name: row[name] for name in ("token_id", "role", "owners", "scopes", "expires_at")}
            audit(connection, token.made_at, token.made_by, "api token made", token.name, "", details)

    def revoke(self, name: str, now: dt.datetime, *, who: str, why: str) -> ApiToken:
        """Ends the token in force that has a name or an id, with its audit line; raises UnknownNameError."""
        with self._connections.writing() as connection:
            hold(connection)
            living = {one.token_id: one for one in _all(connection) if one.holds_at(now)}
            token = next((one for one in living.values() if name in (one.name, one.token_id)), None)
            if token is None:
                raise UnknownNameError("token in force", name, [one.name for one in living.values()])
            row = {"token_id": token.token_id, "revoked_at": utc(now), "who": who, "why": why}
            insert(connection, api_token_revocations, [row])
            audit(connection, now, who, "api token revoked", token.name, why, {"token_id": token.token_id})
        return token

    def all(self) -> list[ApiToken]:
        """Every token there ever was, the oldest first."""
        with self._connections.reading() as connection:
            return _all(connection)

    def with_digest(self, token_id: str) -> tuple[ApiToken, str] | None:
        """A token and the digest of its secret; None where there is none of that id."""
        with self._connections.reading() as connection:
            row = connection.execute(_query().where(api_tokens.c.token_id == token_id)).mappings().one_or_none()
        return None if row is None else (_token(row), row["digest"])


def _all(connection: sa.Connection) -> list[ApiToken]:
    query = _query().order_by(api_tokens.c.made_at, api_tokens.c.token_id)
    return [_token(row) for row in connection.execute(query).mappings()]


def _query() -> sa.Select[Any]:  # a row of all columns
    return sa.select(api_tokens, api_token_revocations.c.revoked_at).select_from(
        api_tokens.outerjoin(api_token_revocations, api_token_revocations.c.token_id == api_tokens.c.token_id)
    )


def _token(row: Mapping[Any, Any]) -> ApiToken:
    kept = {name: value for name, value in row.items() if name != "digest"}
    owners = None if row["owners"] is None else tuple(row["owners"])
    return ApiToken(**(kept | {"owners": owners, "scopes": tuple(row["scopes"])}))
