"""What holds of every request and every answer: under which name it came, how long it may be, what a browser may do."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from churnml.web.api.problems import problem_response

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# What lies below answers programs.
PLACE = "/api/v1"
# Customers' data stay in no cache; the assets have their version in their address.
PAGE_CACHE, ASSET_CACHE = "no-store", "public, max-age=31536000, immutable"
ASSETS = "/static/"


class Guard:
    """Stands before the application.

    Args:
        app: what answers.
        hosts: the names a request may be for, in small letters.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answered.setdefault(name, value)
                is_asset = scope["path"].startswith(ASSETS) and message["status"] in (200, 304)
                answered["Cache-Control"] = ASSET_CACHE if is_asset else PAGE_CACHE
            await send(message)

        refusal = self._refusal(scope["path"], scope["method"], headers) or _names_nothing(scope)
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, path: str, method: str, headers: Headers) -> Response | None:
        """The answer to a request that is not for us, or that another page sends; None where it is in order."""
        refused = problem_response if path.startswith(f"{PLACE}/") else _in_plain_text
        if host_name(headers.get("host", "")) not in self._hosts:
            return refused(421, "This name is not one under which the cockpit is reached.")
        if method in ("GET", "HEAD"):
            return None
        if method != "POST":
            return refused(405, "Only GET and POST are answered.", headers={"Allow": "GET, HEAD, POST"})
        site = headers.get("sec-fetch-site", "same-origin")
        origin = headers.get("origin")
        elsewhere = origin is not None and urlsplit(origin).netloc.casefold() != headers.get("host", "").casefold()
        if site not in ("same-origin", "none") or elsewhere:
            return refused(403, "Forms of other pages are not taken.")
        return None


def _names_nothing(scope: Scope) -> Response | None:
    """The answer to the address of a page that has a NUL in it, which PostgreSQL takes in no text."""
    if scope["path"].startswith(f"{PLACE}/") or not ("\0" in scope["path"] or b"%00" in scope["query_string"]):
        return None
    return _in_plain_text(404, "There is no such page.")


def _in_plain_text(status: int, what: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(what, status, headers=headers)


def host_name(host: str) -> str:
    """The name in a Host header, without its port, in small letters."""
    if host.startswith("["):
        return host.partition("]")[0].casefold() + "]"
    return host.partition(":")[0].casefold()
