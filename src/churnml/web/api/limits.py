"""How much one caller may ask: requests a minute, and how long a request may be."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 64 * 1024
# Of callers that were not heard of for longer nothing is kept: their bucket is full again.
FORGOTTEN_AFTER = dt.timedelta(minutes=2)


@dataclass
class Bucket:
    """What is left of a caller's requests, and when that was reckoned."""

    left: float
    at: dt.datetime


@dataclass(frozen=True)
class Allowance:
    """What a caller may still ask.

    Args:
        limit: requests a minute.
        left: how many can be asked at once just now.
        wait: seconds until one more can be asked; 0 where one can.
    """

    limit: int
    left: int
    wait: int

    @property
    def headers(self) -> dict[str, str]:
        """As an answer tells it."""
        told = {"RateLimit-Limit": str(self.limit), "RateLimit-Remaining": str(self.left)}
        return told | ({"Retry-After": str(self.wait)} if self.wait else {})


class RateLimit:
    """Counts the requests of each caller: a bucket that fills evenly within a minute.

    Args:
        per_minute: how many are answered; as many can come at once after a minute without any.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def ask(self, caller: str, now: dt.datetime) -> Allowance:
        """Counts a request of a caller, where it is answered."""
        with self._lock:
            bucket = self._buckets.get(caller)
            if bucket is None:
                self._forget(now)
                bucket = self._buckets[caller] = Bucket(self._per_minute, now)
            passed = max(0.0, (now - bucket.at).total_seconds())
            bucket.left = min(float(self._per_minute), bucket.left + passed * self._per_minute / 60)
            bucket.at = now
            if bucket.left < 1:
                seconds = (1 - bucket.left) * 60 / self._per_minute
                return Allowance(self._per_minute, 0, max(1, round(seconds + 0.5)))
            bucket.left -= 1
            return Allowance(self._per_minute, int(bucket.left), 0)

    def _forget(self, now: dt.datetime) -> None:
        for caller in [one for one, bucket in self._buckets.items() if now - bucket.at > FORGOTTEN_AFTER]:
            del self._buckets[caller]


class ShortBodies:
    """Stands before the API and reads no request that is too long to its end.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = 0

        async def counted() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > LONGEST_BODY:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
