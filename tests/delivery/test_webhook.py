"""A signed webhook against a server that fails, stalls, repeats and cuts off: each fact is there once."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

from churnml.adapters.delivery import signature, verify
from churnml.ledger import HealthEvent
from tests.delivery.conftest import Shop
from tests.delivery.servers import CUT, CUT_IN_THE_BODY, STALL, Request, Response, Server, serving
from tests.store.days import day

SECRET = "whsec-canary-7f3a9d"  # noqa: S105


class Table:
    """A receiver that keeps each fact once, as its key says, and counts what it was told again."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.again: list[str] = []
        self.clock: Any = None

    def __call__(self, request: Request) -> Response:
        now = self.clock().replace(tzinfo=dt.UTC).timestamp()
        if not verify(request.body, request.headers, SECRET, now):
            return Response(401, {"error": "who are you"})
        key = request.headers["Idempotency-Key"]
        assert request.data["key"] == key
        if key in self.rows:
            self.again.append(key)
        self.rows.setdefault(key, request.data)
        return Response(200, {"ok": True})


@pytest.fixture
def table(shop: Shop) -> Table:
    found = Table()
    found.clock = shop.clock
    return found


@pytest.fixture
def server(table: Table, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with serving(table) as found:
        shop.declare(hook={"kind": "webhook", "url": f"{found.url}/churn", "secret": "${HOOK_SECRET}"})
        yield found


def test_each_message_arrives_signed_and_once(shop: Shop, server: Server, table: Table) -> None:
    told = shop.score("03-01", "a", "b", opened=["a"], events=[HealthEvent("b", day("03-01"), "drop", "70", "40")])
    found = shop.send()
    assert [len(told), found.receivers[0].sent, found.receivers[0].waiting] == [4, 4, 0]
    assert {key: row["kind"] for key, row in table.rows.items()} == {one.key: one.kind for one in told}
    assert shop.send().receivers[0].sent == 0
    assert len(server.seen) == 4


def test_what_is_sent_is_what_was_written(shop: Shop, server: Server, table: Table) -> None:
    (message,) = shop.score("03-01", "a")
    shop.send()
    assert table.rows[message.key] == json.loads(json.dumps(dict(message.payload)))


@pytest.mark.parametrize("trouble", [STALL, CUT, CUT_IN_THE_BODY, Response(500, b"broken"), Response(502)])
def test_a_lost_answer_sends_the_same_key_again_and_the_fact_stands_once(
    shop: Shop, server: Server, table: Table, trouble: Any
) -> None:
    told = shop.score("03-01", "a", "b", "c")
    if trouble == STALL:
        shop.hurry()
    server.after.append(trouble)
    first = shop.send()
    assert [first.receivers[0].sent, first.receivers[0].failed] == [2, 1]
    shop.until_quiet()
    assert sorted(table.rows) == sorted(one.key for one in told)
    assert len(table.again) == 1
    assert [request.headers["Idempotency-Key"] for request in server.seen].count(table.again[0]) == 2


def test_a_server_that_is_down_loses_nothing_and_is_not_asked_over_and_over(
    shop: Shop, server: Server, table: Table
) -> None:
    told = shop.score("03-01", *"abcdefgh")
    server.before.extend([Response(500)] * 3)
    found = shop.send()
    assert len(server.seen) == 3
    assert found.receivers[0].trouble is not None
    # what was not tried has lost no attempt
    assert sorted(one.attempts for one in shop.store.outbox.all()) == [0] * 5 + [1] * 3
    shop.until_quiet()
    assert sorted(table.rows) == sorted(one.key for one in told)


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_time_gets_it(shop: Shop, server: Server, table: Table, status: int) -> None:
    shop.score("03-01", "a", "b")
    server.before.append(Response(status, {"error": "slow down"}, {"Retry-After": "7200"}))
    shop.send()
    assert len(server.seen) == 1
    waits = [one for one in shop.store.outbox.all() if one.attempts]
    assert waits[0].next_attempt_at == shop.clock() + dt.timedelta(seconds=7200)
    shop.clock.later(minutes=119)
    assert shop.send().receivers[0].sent == 1
    shop.clock.later(minutes=2)
    assert shop.send().receivers[0].sent == 1
    assert len(table.rows) == 2


def test_a_message_refused_for_good_is_dead_at_once_and_shown_with_its_reason(
    shop: Shop, server: Server, table: Table
) -> None:
    shop.score("03-01", "a", "b")
    server.before.append(Response(422, {"error": "account a is not ours"}))
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].died] == [1, 1]
    (dead,) = found.dead
    assert dead.subject == "a"
    assert "HTTP 422" in dead.last_error
    assert "account a is not ours" in dead.last_error
    assert any("account a is not ours" in line for line in found.lines())
    shop.store.outbox.revive(dead.delivery_id, shop.clock(), who="rita", why="made it theirs")
    assert shop.send().receivers[0].sent == 1
    assert len(table.rows) == 2


def test_a_message_that_fails_as_often_as_declared_is_dead(shop: Shop, server: Server) -> None:
    shop.score("03-01", "a")
    server.before.extend([Response(500)] * 10)
    for _ in range(6):
        shop.send()
        shop.clock.later(hours=2)
    assert len(server.seen) == 4
    assert [one.attempts for one in shop.store.outbox.dead()] == [4]


def test_refused_credentials_keep_the_messages(shop: Shop, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.score("03-01", "a", "b")
    monkeypatch.setenv("HOOK_SECRET", "another")
    found = shop.send()
    assert [found.receivers[0].failed, found.receivers[0].died, found.receivers[0].waiting] == [1, 0, 2]
    assert len(server.seen) == 1
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    shop.until_quiet()


def test_a_redirect_is_not_followed(shop: Shop, server: Server) -> None:
    shop.score("03-01", "a")
    server.before.append(Response(307, None, {"Location": f"{server.url}/elsewhere"}))
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].failed, found.receivers[0].died] == [0, 1, 0]
    assert [request.path for request in server.seen] == ["/churn"]
    shop.until_quiet()
    assert [request.path for request in server.seen] == ["/churn"] * 2


@pytest.mark.parametrize(("status", "passing"), [(302, True), (307, True), (301, False), (308, False)])
def test_a_redirect_is_told_by_its_host_alone(shop: Shop, server: Server, status: int, passing: bool) -> None:
    shop.score("03-01", "a")
    elsewhere = "https://maintenance.example.com/t0ken-of-theirs?key=s3cret"
    server.before.append(Response(status, b"moved", {"Location": elsewhere}))
    found = shop.send()
    assert "a redirect to maintenance.example.com, which is not followed" in (found.receivers[0].trouble or "")
    assert "t0ken" not in str(found.as_data())
    assert "s3cret" not in str(shop.store.outbox.all())
    assert found.may_pass is passing


PAGE = Response(200, b"<!DOCTYPE html>\n<html><body>Back on Monday</body></html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize("trouble", [Response(302, None, {"Location": "/"}), PAGE])
def test_an_outage_of_days_does_not_empty_the_outbox(
    shop: Shop, server: Server, table: Table, trouble: Response
) -> None:
    told = shop.score("03-01", *"abc")
    server.before.extend([trouble] * 40)
    for _ in range(18):
        found = shop.send()
        assert [found.receivers[0].sent, found.dead] == [0, ()]
        shop.clock.later(hours=2)
    assert max(one.attempts for one in shop.store.outbox.all()) > 4
    server.before.clear()
    shop.clock.later(hours=2)
    shop.until_quiet()
    assert sorted(table.rows) == sorted(one.key for one in told)


def test_a_page_for_people_is_no_acknowledgement_and_an_answer_called_html_is_one(shop: Shop, server: Server) -> None:
    shop.score("03-01", "a", "b")
    server.before.extend([PAGE])
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].waiting] == [0, 2]
    assert "a page for people" in (found.receivers[0].trouble or "")
    server.before.append(Response(200, b"ok", {"Content-Type": "text/html; charset=utf-8"}))
    assert shop.send().receivers[0].sent == 1


def test_of_an_endless_answer_only_the_beginning_is_kept(shop: Shop, server: Server) -> None:
    shop.score("03-01", "a")
    server.before.append(Response(400, b"x" * 3_000_000))
    assert len(shop.send().dead[0].last_error) <= 300


def test_a_dry_run_sends_nothing_and_says_what_would_go_where(shop: Shop, server: Server) -> None:
    shop.score("03-01", "a", "b", opened=["a"])
    found = shop.look()
    assert server.seen == []
    assert not found.sending
    assert [one["subject"] for one in found.receivers[0].examples] == ["a", "b", "a"]
    assert any("127.0.0.1" in line for line in found.lines())
    assert shop.store.outbox.counts() == {"hook": {"pending": 3}}


def test_a_receiver_with_its_own_authority_is_verified(
    shop: Shop, certificate: Any, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with serving(table, certificate) as server:
        said = {"kind": "webhook", "url": f"{server.url}/churn", "secret": "${HOOK_SECRET}"}
        shop.declare(hook=said)
        shop.score("03-01", "a")
        assert shop.send().receivers[0].failed == 1  # nobody vouches for it
        assert server.seen == []
        shop.declare(hook={**said, "ca_file": str(certificate)})
        shop.until_quiet()
        assert len(table.rows) == 1


def test_two_senders_at_once_tell_each_message_once(shop: Shop, server: Server, table: Table) -> None:
    import threading

    told = shop.score("03-01", *(f"a{n:02}" for n in range(60)))
    senders = [threading.Thread(target=shop.send) for _ in range(3)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    assert sorted(table.rows) == sorted(one.key for one in told)
    assert table.again == []


def test_a_sender_that_died_with_messages_in_hand_loses_none(shop: Shop, server: Server, table: Table) -> None:
    told = shop.score("03-01", "a", "b")
    shop.store.outbox.claim(shop.clock(), 1, receiver="hook")  # and then it was killed
    assert shop.send().receivers[0].sent == 1
    shop.clock.later(minutes=6)
    assert shop.send().receivers[0].sent == 1
    assert sorted(table.rows) == sorted(one.key for one in told)


BODY = b'{"a":1}'


def headers_at(moment: int) -> dict[str, str]:
    return {"churnml-timestamp": str(moment), "CHURNML-SIGNATURE": signature(BODY, str(moment), SECRET)}


def test_a_signature_is_the_one_a_receiver_computes_by_itself() -> None:
    import hashlib
    import hmac

    expected = hmac.new(SECRET.encode(), b"1700000000." + BODY, hashlib.sha256).hexdigest()
    assert headers_at(1_700_000_000)["CHURNML-SIGNATURE"] == f"v1={expected}"


def test_a_signature_holds_for_this_body_this_secret_and_a_while() -> None:
    given = headers_at(1_700_000_000)
    assert verify(BODY, given, SECRET, 1_700_000_100)
    assert verify(BODY, given, SECRET, 1_699_999_900)
    assert not verify(BODY, given, SECRET, 1_700_000_301)
    assert not verify(BODY, given, SECRET, 1_699_999_699)
    assert verify(BODY, given, SECRET, 1_700_000_301, tolerance=600)
    assert not verify(BODY + b" ", given, SECRET, 1_700_000_000)
    assert not verify(BODY, given, "another", 1_700_000_000)
    assert not verify(BODY, {**given, "churnml-timestamp": "1700000001"}, SECRET, 1_700_000_001)


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed() -> None:
    given = headers_at(1_700_000_000)
    given["CHURNML-SIGNATURE"] = f"v1=00, {given['CHURNML-SIGNATURE']}"
    assert verify(BODY, given, SECRET, 1_700_000_000)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Churnml-Timestamp": "now"},
        {"Churnml-Timestamp": "²", "Churnml-Signature": "é"},
        {"Churnml-Timestamp": "9" * 40},
    ],
)
def test_headers_that_make_no_sense_are_no_signature(given: dict[str, str]) -> None:
    assert not verify(BODY, given, SECRET, 1_700_000_000)
