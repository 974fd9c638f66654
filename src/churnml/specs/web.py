"""What ``project.yaml`` may say under ``web:``: how people sign in to the cockpit, and who may do what there."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from churnml.rights import Role
from churnml.specs.base import Spec, each_once
from churnml.specs.team import PersonId

# A header of HTTP; nothing that a page or a log could stumble over.
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9\-]{0,79}$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.\-]{0,250}[A-Za-z0-9])?$")]
# What every client sends, and no proxy sets to say who somebody is.
NOT_A_NAME = frozenset({"host", "cookie", "authorization", "origin", "referer", "user-agent", "content-type"})


class SignIn(Spec):
    """A reverse proxy signs people in and names them in ``header``; it is believed from ``proxies`` alone.

    ``proxies`` are addresses or networks (10.0.0.5, 10.1.0.0/16): of whoever else asks, the header is not read and
    nothing is answered. The proxy must remove the header from what its own clients send. ``https`` says that people
    reach it encrypted, so that cookies are sent no other way.
    """

    header: HeaderName
    proxies: tuple[str, ...] = Field(min_length=1)
    https: bool = True

    check_each_once = field_validator("proxies")(each_once)

    @field_validator("header")
    @classmethod
    def _a_header_of_its_own(cls, value: str) -> str:
        if value.casefold() in NOT_A_NAME:
            raise ValueError(f"'{value}' is sent by every browser: name the header that the proxy itself sets")
        return value

    @field_validator("proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                network = ip_network(proxy)
            except ValueError:
                raise ValueError(f"'{proxy}' is no address or network, as in 10.0.0.5 or 10.1.0.0/16") from None
            if network.prefixlen == 0:
                raise ValueError(f"'{proxy}' is everybody, so anybody could say who they are: name the proxy")
        return value


class Member(Spec):
    """Somebody who may open the cockpit.

    A ``viewer`` changes nothing. A ``success_manager`` sees the accounts of ``owners`` and works on them; left out,
    those of the owner with their own name. ``revops`` and ``admin`` see everybody's and work on all. A viewer with
    ``owners`` sees only theirs. ``as`` is who they are in the store: what they do stands there under that name, and a
    success manager's own list is that owner's; left out, the name they sign in with.
    """

    role: Role
    owners: tuple[PersonId, ...] = ()
    known_as: PersonId | None = Field(default=None, alias="as")

    check_each_once = field_validator("owners")(each_once)

    @model_validator(mode="after")
    def _owners_of_whom(self) -> Member:
        if self.owners and self.role in ("revops", "admin"):
            raise ValueError(f"'{self.role}' sees every account: owners: is for a viewer or a success_manager")
        return self


class WebSpec(Spec):
    """Left out, the cockpit answers on this machine alone, to one person who may do everything.

    ``hosts`` are the names under which people reach it; a request for another name is refused. ``people`` are named as
    the proxy names them; whoever is not among them sees nothing. ``api_requests_per_minute`` are answered of each token
    of the HTTP API.
    """

    sign_in: SignIn | None = None
    hosts: tuple[HostName, ...] = ()
    people: dict[PersonId, Member] = Field(default_factory=dict)
    api_requests_per_minute: int = Field(default=600, ge=1, le=100_000)

    check_each_once = field_validator("hosts")(each_once)

    @model_validator(mode="after")
    def _people_sign_in(self) -> WebSpec:
        if self.sign_in is None and (self.people or self.hosts):
            raise ValueError("people: and hosts: need sign_in:, without which nobody is told from anybody else")
        if self.sign_in is not None and not self.people:
            raise ValueError("sign_in: needs people:, else nobody may open it")
        if self.sign_in is not None and not self.hosts:
            raise ValueError("sign_in: needs hosts:, the names under which people reach it")
        return self
