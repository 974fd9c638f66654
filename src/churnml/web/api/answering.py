"""How an answer is sent: as JSON with its fingerprint, or not at all where the caller has it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response


def etag_of(shown: BaseModel) -> str:
    """The fingerprint of an answer, as its ETag has it."""
    return f'"{hashlib.sha256(shown.model_dump_json().encode()).hexdigest()[:32]}"'


def answer(request: Request, shown: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
    """An answer; 304 without it where the caller shows that they have it."""
    etag = etag_of(shown)
    told = {"ETag": etag, **request.state.allowance.headers, **(headers or {})}
    if request.method == "GET" and names(request.headers.get("if-none-match", ""), etag, weakly=True):
        return Response(status_code=304, headers=told)
    return Response(shown.model_dump_json(), headers=told, media_type="application/json")


def names(header: str, etag: str, *, weakly: bool) -> bool:
    """Whether a list of fingerprints, as If-Match and If-None-Match have it, names this one.

    Args:
        header: what was sent.
        etag: the present one.
        weakly: whether a weak one (``W/"…"``) of the same text names it.
    """
    if header.strip() == "*":
        return True
    given = [one.strip() for one in header.split(",")]
    return etag in given or (weakly and f"W/{etag}" in given)
