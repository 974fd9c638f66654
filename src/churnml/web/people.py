"""Who is asking, and what they may see and do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from churnml.errors import ChurnmlError
from churnml.ledger.cockpit import Owners
from churnml.rights import Role
from churnml.specs.web import SignIn, WebSpec

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
ROLE_WORDS: Mapping[Role, str] = {
    "viewer": "viewer",
    "success_manager": "success manager",
    "revops": "RevOps",
    "admin": "administrator",
}


class NotAllowedError(ChurnmlError):
    """Somebody may not see or do what they asked for, or did not say who they are."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is known.

    Args:
        name: under which what they do is kept.
        role: what they are.
        owners: whose accounts they may see; None is everybody's.
    """

    name: str
    role: Role
    owners: Owners

    @property
    def may_act(self) -> bool:
        """Whether they may change anything at all."""
        return self.role != "viewer"

    @property
    def may_run(self) -> bool:
        """Whether they may change what is not about one account: deliveries, for instance."""
        return self.role in ("revops", "admin")


class People:
    """Tells visitors from their requests.

    Args:
        web: who may open the cockpit, and how they sign in.
        local_name: whoever opens it on this machine, where nobody signs in.
    """

    def __init__(self, web: WebSpec, local_name: str) -> None:
        self._web, self._local = web, Visitor(local_name, "admin", None)
        self._proxies = [ip_network(one) for one in web.sign_in.proxies] if web.sign_in else []

    def visitor(self, peer: str | None, headers: Mapping[str, str]) -> Visitor:
        """Who is asking; raises NotAllowedError.

        Args:
            peer: the address the request came from.
            headers: its headers, by name in small letters.
        """
        sign_in = self._web.sign_in
        if sign_in is None:
            return self._local
        self.check_peer(peer)
        return self._member(sign_in, headers)

    def check_peer(self, peer: str | None) -> None:
        """Raises NotAllowedError where people sign in at a proxy and the request does not come from it."""
        if self._web.sign_in is not None and not self._is_proxy(peer):
            raise NotAllowedError("Only the proxy that signs people in is answered.")

    def _is_proxy(self, peer: str | None) -> bool:
        try:
            address = ip_address(peer or "")
        except ValueError:
            return False
        return any(address in network for network in self._proxies)

    def _member(self, sign_in: SignIn, headers: Mapping[str, str]) -> Visitor:
        name = headers.get(sign_in.header.casefold(), "").strip()
        if not name:
            raise NotAllowedError("Nobody is signed in.", remedy="Sign in, and open the page again.")
        member = self._web.people.get(name)
        if member is None:
            raise NotAllowedError(
                f"{name} may not open this cockpit.",
                remedy="Ask whoever keeps project.yaml to add you under web: people.",
            )
        known_as = member.known_as or name
        owners: Owners = None
        if member.owners:
            owners = member.owners
        elif member.role == "success_manager":
            owners = (known_as,)
        return Visitor(known_as, member.role, owners)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def hosts_of(web: WebSpec) -> frozenset[str]:
    """The names a request may be for. Any other would let a page elsewhere speak to it under a name of its own."""
    return LOOPBACK_NAMES | {host.casefold() for host in web.hosts}
