"""A program with a token, and what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import httpx
from starlette.testclient import TestClient

from churnml.jobs.tokens import make_token
from churnml.ledger.cockpit import Owners
from churnml.rights import Role, Scope
from tests.web.conftest import Company

ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass
class Program:
    """Somebody who calls the API."""

    client: TestClient
    shown: str
    keys: int = 0

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.shown}", **more}

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(f"/api/v1{path}", headers=self.headers(**headers))

    def post(self, path: str, asked: Any, *, etag: str = "", key: str | None = None) -> httpx.Response:
        self.keys += 1
        given = {"Idempotency-Key": f"key {self.keys}" if key is None else key, "If-Match": etag}
        headers = self.headers(**{name: value for name, value in given.items() if value})
        return self.client.post(f"/api/v1{path}", json=asked, headers=headers)

    def act(
        self, work_id: str, action: str, asked: Any, *, etag: str | None = None, key: str | None = None
    ) -> httpx.Response:
        seen = self.etag(work_id) if etag is None else etag
        return self.post(f"/work/{work_id}/{action}", asked, etag=seen, key=key)

    def etag(self, work_id: str) -> str:
        return self.get(f"/work/{work_id}").headers["etag"]


def program(
    company: Company,
    name: str,
    *,
    role: Role = "revops",
    owners: Owners = None,
    scopes: Sequence[Scope] = ALL_SCOPES,
    days: int | None = None,
    web: str = "",
    peer: str = "10.0.0.5",
) -> Program:
    """A program with a token of its own."""
    now = company.clock.now
    _, shown = make_token(company.store, name, role=role, owners=owners, scopes=scopes, who="olga", now=now, days=days)
    return Program(company.open(web, peer=peer).client, shown)
