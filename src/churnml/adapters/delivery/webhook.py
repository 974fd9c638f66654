"""A signed webhook: one POST a message, and how its receiver makes sure that it came from us."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from churnml.adapters.delivery.answers import Answer, one_at_a_time
from churnml.adapters.delivery.hidden import Secrets
from churnml.adapters.delivery.posting import PostClient
from churnml.ledger import Delivery
from churnml.specs.delivery import Webhook
from churnml.work.messages import canonical

TIMESTAMP = "Churnml-Timestamp"
SIGNATURE = "Churnml-Signature"
KEY = "Idempotency-Key"
SCHEME = "v1"
# How far the receiver's clock may be from ours, in seconds.
TOLERANCE = 300.0


def signature(body: bytes, timestamp: str, secret: str) -> str:
    """``v1=`` and the HMAC-SHA256 of ``timestamp.body`` in hexadecimal (RFC 2104)."""
    signed = timestamp.encode("ascii") + b"." + body
    return f"{SCHEME}={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify(body: bytes, headers: Mapping[str, str], secret: str, now: float, tolerance: float = TOLERANCE) -> bool:
    """Whether a request came from whoever knows ``secret``, unchanged and lately; for receivers to use.

    Args:
        body: as it arrived, byte by byte: before it is read as JSON.
        headers: of the request; upper and lower case are the same.
        secret: the shared one.
        now: seconds since 1970.
        tolerance: seconds the timestamp may be off, either way. Within it a request can be played again: the
            ``Idempotency-Key``, which the body repeats as ``key``, says that it is the same.
    """
    given = {name.lower(): value for name, value in headers.items()}
    timestamp = given.get(TIMESTAMP.lower(), "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    expected = signature(body, timestamp, secret).encode()
    # several while a secret is being changed; all are compared, so that the time taken tells nothing
    signatures = [one.strip() for one in given.get(SIGNATURE.lower(), "").split(",")]
    same = [hmac.compare_digest(expected, one.encode("utf-8", "replace")) for one in signatures]
    return any(same) and abs(now - int(timestamp)) <= tolerance


class WebhookSender:
    """Sends to a webhook.

    Args:
        declared: the receiver.
        secrets: what its variables are read with.
        ca_file: its certificate authority's file, if it has its own.
    """

    batch = 20

    def __init__(self, declared: Webhook, secrets: Secrets, ca_file: str | None) -> None:
        self._secret = secrets.read(declared.secret)
        self._client = PostClient(secrets.address(declared.url), declared, secrets, ca_file)

    def send(self, deliveries: Sequence[Delivery], now: dt.datetime) -> list[Answer | None]:
        return one_at_a_time(deliveries, lambda delivery: self._send(delivery, now))

    def _send(self, delivery: Delivery, now: dt.datetime) -> Answer:
        body = canonical(delivery.payload)
        timestamp = str(int(now.replace(tzinfo=dt.UTC).timestamp()))
        headers = {
            KEY: delivery.key,
            TIMESTAMP: timestamp,
            SIGNATURE: signature(body, timestamp, self._secret),
        }
        return self._client.post(body, headers, now)

    def close(self) -> None:
        self._client.close()
