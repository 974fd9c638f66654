"""Who is calling: the token, what it may be used for, and how much it may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from churnml.jobs.tokens import token_of
from churnml.ledger.api import ApiToken
from churnml.ledger.cockpit import Owners
from churnml.rights import Scope
from churnml.web.api.limits import RateLimit
from churnml.web.api.problems import ApiError
from churnml.web.cockpit import Cockpit, ScoredFacts
from churnml.web.people import NotAllowedError, People, Visitor

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token that 'churnml web token new' made, as Authorization: Bearer …",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Caller:
    """A request whose token is known.

    Args:
        cockpit: what it works with.
        visitor: whoever has the token, as the pages would know them.
        token: theirs.
    """

    cockpit: Cockpit
    visitor: Visitor
    token: ApiToken

    @property
    def owners(self) -> Owners:
        """Whose accounts they may see."""
        return self.visitor.owners

    @cached_property
    def newest(self) -> ScoredFacts:
        """The newest scored date, the same for all of the request; raises TooLittleDataError."""
        return self.cockpit.newest()


def visitor_of(token: ApiToken) -> Visitor:
    """Whoever has a token, as the pages would know them."""
    return Visitor(token.author, token.role, token.owners)


def caller_with(scope: Scope | None) -> Callable[[Request, Credentials], Caller]:
    """Tells who is calling, for an address that needs a scope.

    The dependency raises ApiError where the token is missing, not in force or asks too much, and NotAllowedError where
    it is not good for that.
    """

    def known_caller(request: Request, credentials: Credentials) -> Caller:
        cockpit: Cockpit = request.app.state.cockpit
        people: People = request.app.state.people
        limit: RateLimit = request.app.state.limit
        people.check_peer(request.client.host if request.client else None)
        cockpit.check_store()
        now = cockpit.clock.now()
        token = token_of(cockpit.store, credentials.credentials, now) if credentials else None
        if token is None:
            raise ApiError(
                401,
                "No token in force was shown.",
                remedy="Send one as 'Authorization: Bearer …'; 'churnml web token new' makes it.",
                headers=CHALLENGE,
            )
        allowance = limit.ask(token.token_id, now)
        request.state.allowance = allowance
        if allowance.wait:
            remedy = f"Wait {allowance.wait} seconds."
            raise ApiError(429, "Too many requests within a minute.", remedy=remedy, headers=allowance.headers)
        if scope is not None and scope not in token.scopes:
            raise NotAllowedError(f"The token is not good for this: it lacks the scope {scope}.")
        return Caller(cockpit, visitor_of(token), token)

    return known_caller


AnyCaller = Annotated[Caller, Depends(caller_with(None))]
AccountReader = Annotated[Caller, Depends(caller_with("accounts:read"))]
WorkReader = Annotated[Caller, Depends(caller_with("work:read"))]
WorkWriter = Annotated[Caller, Depends(caller_with("work:write"))]
