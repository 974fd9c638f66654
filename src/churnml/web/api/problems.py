"""What goes wrong, as RFC 9457 has it: every error of the API is a ``problem+json``."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from churnml.errors import ChurnmlError
from churnml.web.refusals import remedy_of, status_of

log = logging.getLogger("churnml.web")

PROBLEM = "application/problem+json"
PREFIX = "urn:churnml:problem:"
# What the problem is called where the answer's status is all there is to say.
NAMES: Mapping[int, str] = {
    400: "not-understood",
    401: "no-token",
    403: "not-allowed",
    404: "not-here",
    405: "no-such-method",
    409: "not-done",
    410: "cursor-too-old",
    412: "has-changed",
    413: "too-long",
    415: "not-json",
    421: "other-host",
    422: "not-understood",
    428: "say-what-you-saw",
    429: "too-many",
    500: "bug",
    503: "not-now",
}
MOST_MISTAKES = 20


class Mistake(BaseModel):
    """What is wrong with one part of a request."""

    where: str = Field(description="The part of the request, as in query.limit or body.until.")
    what: str = Field(description="What is wrong with it.")


class ApiProblem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="A name of the kind of problem, for programs: urn:churnml:problem:…")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The status of the answer.")
    detail: str = Field(description="What is wrong, for people.")
    remedy: str | None = Field(default=None, description="What to do about it.")
    mistakes: list[Mistake] | None = Field(default=None, description="What is wrong with which part of the request.")


class ApiError(ChurnmlError):
    """An answer of the API that is none of the store's doing.

    Args:
        status: of the answer.
        what, remedy: as for :class:`ChurnmlError`.
        headers: of the answer.
    """

    def __init__(self, status: int, what: str, *, remedy: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(what, remedy=remedy)
        self.status, self.headers = status, dict(headers or {})


def problem_response(
    status: int,
    what: str,
    remedy: str = "",
    *,
    mistakes: Sequence[Mistake] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as the answer to a request."""
    problem = ApiProblem(
        type=PREFIX + NAMES.get(status, "refused"),
        title=HTTPStatus(status).phrase,
        status=status,
        detail=what,
        remedy=remedy or None,
        mistakes=list(mistakes) or None,
    )
    body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=True)
    return Response(body, status, headers=dict(headers or {}), media_type=PROBLEM)


async def refused(request: Request, problem: Exception) -> Response:
    """A mistake of the caller's, or an outage; never where a file lies or what else there is."""
    if isinstance(problem, ApiError):
        return problem_response(problem.status, problem.what, problem.remedy, headers=problem.headers)
    status = status_of(problem, request.method)
    headers = {"Retry-After": "5"} if status == 503 else {}
    return problem_response(status, getattr(problem, "what", ""), remedy_of(problem), headers=headers)


async def not_valid(_: Request, problem: Exception) -> Response:
    """A request that is not as the description of the API has it."""
    errors = problem.errors() if isinstance(problem, RequestValidationError) else []
    mistakes = [Mistake(where=".".join(map(str, one["loc"]))[:200], what=str(one["msg"])[:200]) for one in errors]
    return problem_response(
        422,
        "The request is not as the API's description has it.",
        "See /api/v1/openapi.json.",
        mistakes=mistakes[:MOST_MISTAKES],
    )


async def not_here(_: Request, problem: Exception) -> Response:
    """An address or a method that there is none of."""
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    headers = problem.headers if isinstance(problem, HTTPException) else None
    what = {404: "There is no such address.", 405: "This address does not take this method."}.get(
        status, "The request cannot be read."
    )
    if status == 413:
        what = "The request is too long."
    return problem_response(status, what, headers=headers)


async def failed(_: Request, problem: Exception) -> Response:
    """A bug of ours: told in the log by its class and place, and to nobody else."""
    log.error("a bug of churnml: %(kind)s", {"kind": type(problem).__name__})  # the server logs where
    return problem_response(500, "This is a bug of churnml. Nothing was half-written.")
