"""Values of the environment that must not be seen, and hiding them in whatever is kept or shown."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit

from churnml.adapters.project import with_environment
from churnml.errors import ProjectError
from churnml.specs.delivery import FROM_ENVIRONMENT

HIDDEN = "•••"
# Anything shorter is found in ordinary words.
LEAST_LENGTH = 4
NOTE_LENGTH = 300
# The loggers of the clients; a filter is not handed down to those below, so each is named.
TALKATIVE = (
    "httpx",
    *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")),
    "urllib3.connectionpool",
    "urllib3.util.retry",
    "simple_salesforce.api",
    *(f"hubspot.crm.{name}.rest" for name in ("companies", "objects.tasks", "associations.v4")),
)


class Secrets:
    """What was read from the environment for one receiver.

    Args:
        where: the file and receiver, told when a variable is not set.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._known: set[str] = set()

    def read(self, declared: str) -> str:
        """``declared`` with its ``${NAME}`` filled in, which is secret from then on; raises ProjectError."""
        value = with_environment(declared, self._where).strip()
        if value != declared:
            self._keep(value)
            for name in FROM_ENVIRONMENT.findall(declared):
                self._keep(with_environment(name, self._where).strip())
        return value

    def address(self, declared: str) -> str:
        """A URL, https or on this machine; what stands behind its host is secret; raises ProjectError."""
        url = self.read(declared)
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if not host or parts.scheme not in ("https", "http") or parts.username or parts.password:
            raise ProjectError(
                "The receiver's address is not one of the web.",
                where=self._where,
                remedy="Give https://, a host and a path, and no user name or password.",
            )
        if parts.scheme == "http" and not is_here(host):
            raise ProjectError(
                "The receiver's address is not encrypted.", where=self._where, remedy="Give an https:// address."
            )
        behind = url.split(parts.netloc, 1)[1]
        for part in (behind, behind.strip("/"), *parts.path.split("/"), *parts.query.split("&"), parts.fragment):
            if len(part) >= 12:
                self._keep(part)
        return url

    def _keep(self, value: str) -> None:
        forms = {
            value,
            quote(value, safe=""),
            quote(value),
            quote_plus(value),
            unquote(value),
            json.dumps(value)[1:-1],
            repr(value)[1:-1],
        }
        forms.add(base64.b64encode(value.encode()).decode())
        self._known |= {form for form in forms if len(form) >= LEAST_LENGTH}

    def without(self, text: str) -> str:
        """A text without any of them."""
        for form in sorted(self._known, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text

    @contextlib.contextmanager
    def out_of_the_logs(self) -> Iterator[None]:
        """While it lasts, none of them gets into what the clients log: httpx tells every address it asks."""

        def hide(record: logging.LogRecord) -> bool:
            record.msg, record.args = self.without(record.getMessage()), ()
            return True

        loggers = [logging.getLogger(name) for name in TALKATIVE]
        for logger in loggers:
            logger.addFilter(hide)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(hide)

    def hide(self, text: str) -> str:
        """A text without any of them, on one line, short enough to keep."""
        text = self.without(text)
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:NOTE_LENGTH]


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    return host in ("localhost", "127.0.0.1", "::1")


def shown_address(declared: str) -> str:
    """Where a receiver is, as it may be shown: the host, or the variable's name."""
    if FROM_ENVIRONMENT.search(declared.split("/", 3)[2] if declared.count("/") >= 2 else declared):
        return " ".join(FROM_ENVIRONMENT.findall(declared))
    return urlsplit(declared).hostname or "somewhere"
