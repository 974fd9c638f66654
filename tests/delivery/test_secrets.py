"""A secret is in nothing that is kept, logged, raised or shown; and where it may stand."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from churnml.errors import ChurnmlError
from tests.delivery.conftest import Shop
from tests.delivery.servers import CUT, STALL, Request, Response, serving

CANARY = "canary-4f/9e+1b c8"
IN_A_URL = "canary-4f%2F9e%2B1b%20c8"


def echo(request: Request) -> Response:
    """A receiver that repeats, in every form, what it was told."""
    known = {
        **request.headers,
        "path": request.path,
        "token": CANARY,
        "b64": base64.b64encode(CANARY.encode()).decode(),
    }
    return Response(400, {"message": json.dumps(known), "category": "VALIDATION_ERROR"})


@pytest.mark.parametrize(
    "handle", [echo, lambda _: Response(500, echo(_).body), lambda _: Response(307, None, {"Location": f"/{IN_A_URL}"})]
)
@pytest.mark.parametrize("kind", ["webhook", "slack", "salesforce", "hubspot"])
def test_no_secret_is_kept_logged_or_shown(
    shop: Shop,
    kind: str,
    handle: Callable[[Request], Response],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    token = CANARY.replace(" ", "")
    monkeypatch.setenv("CANARY", token)
    with serving(handle, certificate) as server:
        monkeypatch.setenv("CANARY_URL", f"{server.url}/hook/{IN_A_URL}?token={IN_A_URL}")
        monkeypatch.setenv("HOST_URL", server.url)
        declared: dict[str, Any] = {
            "webhook": {"kind": "webhook", "url": "${CANARY_URL}", "secret": "${CANARY}"},
            "slack": {"kind": "slack", "url": "${CANARY_URL}", "style": "piece"},
            "salesforce": {"kind": "salesforce", "instance_url": server.url, "token": "${CANARY}"},
            "hubspot": {"kind": "hubspot", "url": "${HOST_URL}", "token": "${CANARY}"},
        }[kind]
        shop.declare(it={**declared, "ca_file": str(certificate), "timeout_seconds": 0.4})
        shop.score("03-01", "a", "b", "c", opened=["a", "b", "c"])
        server.after.extend([None, STALL, CUT])
        found = shop.send()
        shop.clock.later(hours=2)
        shop.send()
        assert server.seen, "nothing was tried, so nothing is proved"
    shown = [json.dumps(found.as_data()), *found.lines(), caplog.text, *capfd.readouterr()]
    with sqlite3.connect(shop.root / "store.db") as store:
        shown += list(store.iterdump())
    store.close()
    assert any("HTTP" in text or "no answer" in text for text in shown)
    for text in shown:
        assert "canary" not in text
        assert base64.b64encode(token.encode()).decode() not in text


@pytest.mark.parametrize(
    "receiver",
    [
        {"kind": "webhook", "url": "https://hooks.example.com", "secret": "canary"},
        {"kind": "slack", "url": "https://hooks.slack.com/services/canary"},
        {"kind": "hubspot", "token": "canary"},
        {"kind": "salesforce", "instance_url": "https://acme.my.salesforce.com", "token": "canary"},
        {"kind": "salesforce", "domain": "acme.my", "consumer_key": "k", "consumer_secret": "canary"},
        {"kind": "webhook", "url": "https://me:canary@hooks.example.com", "secret": "${S}"},
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(shop: Shop, receiver: dict[str, Any]) -> None:
    shop.declare(it=receiver)
    with pytest.raises(ChurnmlError) as refused:
        _ = shop.project.delivery
    assert "receiver 'it'" in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/canary-in-the-path",
        "ftp://127.0.0.1/canary-in-the-path",
        "canary-in-the-path",
        "https://[canary-in-the-path",
    ],
)
def test_an_address_that_is_not_encrypted_or_none_at_all_is_not_used(
    shop: Shop, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", url)
    monkeypatch.setenv("S", "secret")
    shop.declare(it={"kind": "webhook", "url": "${HOOK}", "secret": "${S}"})
    shop.score("03-01", "a")
    found = shop.send()
    assert "https://" in (found.receivers[0].trouble or "")
    assert "canary" not in json.dumps(found.as_data())
    assert found.receivers[0].waiting == 1


def test_a_variable_that_is_not_set_is_named_and_the_others_are_sent_to(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    shop.declare(
        it={"kind": "webhook", "url": "https://hooks.example.com", "secret": "${NOT_SET}"},
        files={"kind": "drop", "path": "out"},
    )
    shop.score("03-01", "a")
    found = shop.send()
    assert "NOT_SET" in (found.receivers[0].trouble or "")
    assert found.receivers[1].sent == 1
