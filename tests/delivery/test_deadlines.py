"""A receiver that sends a byte now and then has so long for a message, not so long for each byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.conftest import Shop
from tests.delivery.servers import DRIPPING_BODY, DRIPPING_HEADERS, Response, Server, serving

# What a whole message may take, as declared for each wait: twice that; and room for a busy machine.
TIMEOUT = 0.5
LONGEST = 8.0
RECEIVERS: Mapping[str, Mapping[str, Any]] = {
    "webhook": {"kind": "webhook", "secret": "${KEY}"},
    "slack": {"kind": "slack", "url": "${PLACE}", "sends": ["work"]},
    "salesforce": {"kind": "salesforce", "token": "${KEY}"},
    "hubspot": {"kind": "hubspot", "token": "${KEY}"},
}


@pytest.fixture
def server(certificate: Path) -> Iterator[Server]:
    with serving(lambda _: Response(500), certificate) as found:
        yield found


def declare(shop: Shop, server: Server, kind: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "whsec-canary-7f3a9d")
    monkeypatch.setenv("PLACE", f"{server.url}/services/T0/B0/canary")
    place = {"webhook": "url", "hubspot": "url", "salesforce": "instance_url"}.get(kind)
    address = {place: server.url} if place else {}
    slow = {**RECEIVERS[kind], **address, "ca_file": str(certificate), "timeout_seconds": TIMEOUT}
    shop.declare(slow=slow, files={"kind": "drop", "path": "out"})


@pytest.mark.parametrize("trouble", [DRIPPING_HEADERS, DRIPPING_BODY])
@pytest.mark.parametrize("kind", list(RECEIVERS))
def test_a_receiver_that_answers_byte_by_byte_is_given_up_in_time_and_those_behind_it_are_sent_to(
    shop: Shop, server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch, kind: str, trouble: str
) -> None:
    declare(shop, server, kind, certificate, monkeypatch)
    shop.score("03-01", "a", opened=["a"])
    server.after.extend([trouble] * 10)
    before = time.monotonic()
    report = shop.send()
    assert time.monotonic() - before < LONGEST
    slow, files = report.receivers
    assert server.seen, "nobody asked the slow one"
    assert [slow.sent, slow.died] == [0, 0]
    assert slow.failed >= 1
    # a status that has come says more than the time it took
    errors = {one.last_error for one in shop.store.outbox.all(receiver="slow")} - {None}
    assert all("no answer in time" in (error or "") or "HTTP 500" in (error or "") for error in errors), errors
    assert files.sent == 2
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer) and one.is_alive()]


def test_an_answer_that_is_slow_but_in_time_arrives(
    shop: Shop, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(_: Any) -> Response:
        time.sleep(TIMEOUT * 0.8)
        return Response(200, {"ok": True})

    with serving(slowly, certificate) as server:
        declare(shop, server, "webhook", certificate, monkeypatch)
        shop.score("03-01", "a")
        assert shop.send().receivers[0].sent == 1
