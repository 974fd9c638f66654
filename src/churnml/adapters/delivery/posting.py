"""One POST: bounded in time and in what is read of the answer, never redirected, TLS verified."""

from __future__ import annotations

import datetime as dt
import re
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

import churnml
from churnml.adapters.delivery.answers import Answer, asked_wait, by_status
from churnml.adapters.delivery.deadline import Deadline, LateError
from churnml.adapters.delivery.hidden import Secrets, is_here
from churnml.adapters.outages import kind_of_outage
from churnml.errors import ProjectError
from churnml.specs.delivery import Receiver

ANSWER_READ = 64 * 1024
MOVED_FOR_GOOD = (301, 308)
# A program's answer may be called HTML by the framework it is written in; a whole page is none.
PAGE = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)


class PostClient:
    """What posts to one receiver. On this machine no proxy is asked.

    Args:
        url: where to.
        declared: the receiver.
        secrets: what its variables were read with.
        ca_file: its certificate authority's file, if it has its own.
    """

    def __init__(self, url: str, declared: Receiver, secrets: Secrets, ca_file: str | None) -> None:
        self._url, self._secrets = url, secrets
        self._deadline = Deadline(declared.timeout_seconds)
        self._client = httpx.Client(
            timeout=declared.timeout_seconds,
            follow_redirects=False,
            verify=ssl_context(ca_file),
            trust_env=not is_here(urlsplit(url).hostname or ""),
            headers={"User-Agent": f"churnml/{churnml.__version__}"},
        )

    def post(self, body: bytes, headers: Mapping[str, str], now: dt.datetime) -> Answer:
        """Sends ``body`` and says what became of it. What came too late may have arrived: it is sent again."""
        sent = {"Content-Type": "application/json", **headers}
        extensions = {"trace": self._deadline.trace}
        try:
            with (
                self._deadline.within(),
                self._client.stream("POST", self._url, content=body, headers=sent, extensions=extensions) as response,
            ):
                return self._answer(response, now)
        except (httpx.TimeoutException, LateError):
            return Answer(False, "no answer in time", passing=True)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            # its words may hold the address
            return Answer(False, f"no answer: {type(problem).__name__}", passing=kind_of_outage(problem) is not None)

    def _answer(self, response: httpx.Response, now: dt.datetime) -> Answer:
        status = response.status_code
        wait = asked_wait(response.headers.get("retry-after"), now)
        if 300 <= status < 400:
            return _redirected(response, wait, self._secrets)
        of_people = "html" in response.headers.get("content-type", "")
        beginning = "" if response.is_success and not of_people else _read(response)
        if response.is_success and PAGE.search(beginning):
            note = f"HTTP {status} with a page for people, as of maintenance or a sign-in: taken for no answer"
            return Answer(False, note, wait=wait, pause=True, passing=True)
        return by_status(status, wait, self._secrets.hide(f"HTTP {status} {'' if response.is_success else beginning}"))

    def close(self) -> None:
        self._client.close()


def _redirected(response: httpx.Response, wait: float | None, secrets: Secrets) -> Answer:
    """A redirect is no answer, and not followed: a body signed for one address goes to no other.

    Whoever can answer in the receiver's place could else have our data sent anywhere, also inside our own network.
    """
    try:
        host = urlsplit(response.headers.get("location", "")).hostname
    except ValueError:
        host = None
    to = f" to {secrets.hide(host)}" if host else ""
    note = f"HTTP {response.status_code}, a redirect{to}, which is not followed"
    moved = response.status_code in MOVED_FOR_GOOD
    return Answer(False, f"{note}; correct its url" if moved else note, wait=wait, pause=True, passing=not moved)


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


def _read(response: httpx.Response) -> str:
    """The beginning of an answer, as much as comes in time."""
    read = b""
    try:
        for item in response.iter_raw(8192):
            read += item
            if len(read) >= ANSWER_READ:
                break
    except httpx.HTTPError:
        pass  # the status is known, and that is what counts
    return read[:ANSWER_READ].decode("utf-8", "replace")
