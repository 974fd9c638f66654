"""What became of sending, and when to try again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Protocol

from churnml.ledger import Delivery
from churnml.specs.delivery import Retry

# A receiver that asks for more is asked again the next day.
LONGEST_ASKED = 86_400.0
# After so many in a row it is the receiver that fails, not the messages: it is left alone until the next run.
FAILURES_IN_A_ROW = 3


@dataclass(frozen=True)
class Answer:
    """What became of one message.

    Args:
        arrived: it is there.
        note: what was answered, or why not. It is kept and shown: no secret in it.
        final: it can never arrive as it is.
        wait: seconds the receiver asked to be left alone for.
        pause: nothing more is sent to this receiver in this run; the message is not to blame and never given up for it.
        passing: it is an outage, which may pass without anybody mending something.
    """

    arrived: bool
    note: str = ""
    final: bool = False
    wait: float | None = None
    pause: bool = False
    passing: bool = False


class Sender(Protocol):
    """What sends to one receiver.

    ``batch`` messages are claimed at once. ``send`` answers for each, in order; None means it was not tried.
    """

    @property
    def batch(self) -> int: ...
    def send(self, deliveries: Sequence[Delivery], now: dt.datetime) -> Sequence[Answer | None]: ...
    def close(self) -> None: ...


def one_at_a_time(deliveries: Sequence[Delivery], send: Callable[[Delivery], Answer]) -> list[Answer | None]:
    """Sends one after the other, until the receiver asks for a pause or keeps failing."""
    answers: list[Answer | None] = [None] * len(deliveries)
    failed = 0
    for place, delivery in enumerate(deliveries):
        answer = send(delivery)
        failed = 0 if answer.arrived else failed + 1
        answers[place] = answer = replace(answer, pause=answer.pause or failed >= FAILURES_IN_A_ROW)
        if answer.pause:
            break
    return answers


def by_status(status: int, wait: float | None, note: str) -> Answer:
    """What an HTTP status means for the message that was sent.

    Credentials that are refused are not the message's fault, so it is kept and the receiver left alone. A conflict is
    most often the same key still being worked on.
    """
    if 200 <= status < 300:
        return Answer(True, note)
    if status in (401, 403):
        return Answer(False, note, wait=wait, pause=True)
    if status in (429, 503):
        return Answer(False, note, wait=wait, pause=True, passing=True)
    if status in (408, 409, 425) or status >= 500:
        return Answer(False, note, wait=wait, passing=True)
    return Answer(False, note, final=True)


def asked_wait(header: str | None, now: dt.datetime) -> float | None:
    """Seconds of a Retry-After header, which may be a date; None where it cannot be read (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_ASKED)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo is None else at.astimezone(dt.UTC).replace(tzinfo=None)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_ASKED)


def next_attempt(retry: Retry, key: str, attempts: int, now: dt.datetime, answer: Answer) -> dt.datetime | None:
    """When a message that did not arrive is tried again, or None when it is given up.

    Args:
        retry: as declared.
        key: the message's; what is added or taken off at random is drawn from it, so it is the same each time.
        attempts: how often it was tried, the last time included.
        now: UTC, without a zone.
        answer: what became of it; never less is waited than the receiver asked for. Where the receiver is at fault and
            not the message, it is never given up: an outage of days would else empty the outbox.
    """
    if answer.final or (attempts >= retry.attempts and not answer.pause):
        return None
    drawn = int.from_bytes(hashlib.sha256(f"{key}:{attempts}".encode()).digest()[:8], "big") / 2**64
    wait = min(retry.longest_seconds, retry.first_seconds * 2.0 ** min(attempts - 1, 40)) * (0.75 + drawn / 2)
    return now + dt.timedelta(seconds=max(wait, answer.wait or 0.0))
