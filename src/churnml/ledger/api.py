"""What the store keeps of the HTTP API: who may call it, and which changes were made by which call."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from churnml.ledger.cockpit import Owners
from churnml.ledger.work import WorkItem
from churnml.rights import Role, Scope


@dataclass(frozen=True)
class ApiToken:
    """Somebody who may call the API; the token itself is not kept.

    Args:
        token_id: its public part.
        name: what it is for; unlike that of any other token in force.
        role: what whoever has it may do at most.
        owners: whose accounts it may see; None is everybody's.
        scopes: what it may be used for.
        made_by, made_at: who made it, and when (UTC).
        expires_at: when it ends by itself; None never.
        revoked_at: when it was revoked; None while it was not.
    """

    token_id: str
    name: str
    role: Role
    owners: Owners
    scopes: tuple[Scope, ...]
    made_by: str
    made_at: dt.datetime
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None

    @property
    def author(self) -> str:
        """Under which name its changes stand: that of no person, whatever it is called."""
        return f"api:{self.name}"

    def holds_at(self, moment: dt.datetime) -> bool:
        """Whether it is in force."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


@dataclass(frozen=True)
class CallKey:
    """What names a call of the API, so that the same call twice changes something once.

    Args:
        token_id: whose.
        key: the caller's own name for it.
        request: a digest of what was asked, for the same key must not mean two things.
    """

    token_id: str
    key: str
    request: str


@dataclass(frozen=True)
class ApiCall:
    """A change that was made by a call: its key, and the item as it stood afterwards."""

    key: CallKey
    after: WorkItem
