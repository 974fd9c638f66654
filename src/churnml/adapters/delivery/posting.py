"""One POST: bounded in time and in what is read of the answer, never redirected, TLS verified."""

from __future__ import annotations

import datetime as dt
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

import churnml
from churnml.adapters.delivery.answers import Answer, asked_wait, by_status
from churnml.adapters.delivery.hidden import Secrets, is_here
from churnml.errors import ProjectError

ANSWER_READ = 64 * 1024


def client_for(url: str, timeout: float, ca_file: str | None) -> httpx.Client:
    """A client for one receiver. On this machine no proxy is asked."""
    return httpx.Client(
        timeout=timeout,
        follow_redirects=False,
        verify=ssl_context(ca_file),
        trust_env=not is_here(urlsplit(url).hostname or ""),
        headers={"User-Agent": f"churnml/{churnml.__version__}"},
    )


def ssl_context(ca_file: str | None) -> ssl.SSLContext | bool:
    """What verifies the receiver's certificate: the receiver's own authority, or the usual ones."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise ProjectError(
            "The certificate authority's file cannot be read.",
            where=ca_file,
            remedy="Correct ca_file: in models/delivery.yaml.",
        ) from None


def post(
    client: httpx.Client, url: str, body: bytes, headers: Mapping[str, str], secrets: Secrets, now: dt.datetime
) -> Answer:
    """Sends ``body`` and says what became of it. A wait that is too long may mean that it arrived: it is sent again."""
    sent = {"Content-Type": "application/json", **headers}
    try:
        with client.stream("POST", url, content=body, headers=sent) as response:
            wait = asked_wait(response.headers.get("retry-after"), now)
            beginning = "" if response.is_success else _read(response, client.timeout.read)
            return by_status(response.status_code, wait, secrets.hide(f"HTTP {response.status_code} {beginning}"))
    except httpx.TimeoutException:
        return Answer(False, "no answer in time")
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        # its words may hold the address
        return Answer(False, f"no answer: {type(problem).__name__}")


def _read(response: httpx.Response, seconds: float | None) -> str:
    """The beginning of an answer, as much as comes in time."""
    ends, read = time.monotonic() + (seconds or 10.0), b""
    try:
        for item in response.iter_raw(8192):
            read += item
            if len(read) >= ANSWER_READ or time.monotonic() > ends:
                break
    except httpx.HTTPError:
        pass  # the status is known, and that is what counts
    return read[:ANSWER_READ].decode("utf-8", "replace")
