"""What models/delivery.yaml may say, and what is said when it says something else; and when sending is tried again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from churnml.adapters.delivery.answers import Answer, asked_wait, next_attempt
from churnml.errors import ChurnmlError
from churnml.specs.delivery import DeliverySpec, Retry
from tests.delivery.conftest import Shop
from tests.store.days import NOW

FAILED = Answer(False)
HOOK = {"kind": "webhook", "url": "https://hooks.example.com", "secret": "${S}"}


def test_without_the_file_there_are_no_receivers_and_it_is_said(shop: Shop) -> None:
    assert shop.project.delivery == DeliverySpec()
    assert shop.score("03-01", "a", opened=["a"]) == ()
    assert "No receivers are declared" in shop.send().lines()[0]


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ({**HOOK, "kind": "webhok"}, "Did you mean 'webhook'?"),
        ({**HOOK, "timeout_second": 1}, "Did you mean 'timeout_seconds'?"),
        ({**HOOK, "path": "out"}, "'path' is not a key of receiver 'it'"),
        ({**HOOK, "when": {"band": ["healthy"]}}, "Did you mean 'bands'?"),
        ({**HOOK, "when": {"bands": ["heathy"]}}, "Did you mean 'healthy'?"),
        ({**HOOK, "when": {"playbooks": ["in_troubel"]}}, "Did you mean 'in_trouble'?"),
        ({**HOOK, "sends": []}, "at least one"),
        ({**HOOK, "sends": ["health", "health"]}, "once"),
        ({**HOOK, "retry": {"attempts": 0}}, "greater than 0"),
        ({**HOOK, "retry": {"first_seconds": 60, "longest_seconds": 1}}, "longer at first"),
        ({"kind": "hubspot", "token": "${T}", "sends": ["event"]}, "'work' or 'health'"),
        ({"kind": "hubspot", "token": "${T}", "task_id_property": "../x"}, "pattern"),
        ({"kind": "hubspot", "token": "${T}", "when": {"bands": ["healthy"]}}, "bands"),
        ({"kind": "salesforce", "token": "${T}"}, "instance_url and token, or domain"),
        (
            {"kind": "salesforce", "domain": "evil.example/x", "consumer_key": "${T}", "consumer_secret": "${T}"},
            "pattern",
        ),
        ("hooks", "must be a mapping"),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(shop: Shop, receiver: Any, said: str) -> None:
    if isinstance(receiver, dict):
        shop.declare(it=receiver)
    else:
        (shop.root / "models").mkdir(exist_ok=True)
        (shop.root / "models" / "delivery.yaml").write_text(f"receivers:\n  it: {receiver}\n", encoding="utf-8")
    with pytest.raises(ChurnmlError) as refused:
        _ = shop.project.delivery
    assert said in str(refused.value)
    assert "delivery.yaml" in str(refused.value)


def test_a_receiver_that_is_declared_no_more_is_not_forgotten(shop: Shop) -> None:
    shop.declare(files={"kind": "drop", "path": "out"})
    shop.score("03-01", "a")
    shop.declare(others={"kind": "drop", "path": "out"})
    found = shop.send()
    assert [one.name for one in found.receivers] == ["others", "files"]
    assert "is not in models/delivery.yaml any more" in (found.receivers[1].trouble or "")


def test_the_file_may_say_that_sending_needs_no_asking(shop: Shop) -> None:
    (shop.root / "models").mkdir(exist_ok=True)
    said = "dry_run: false\nreceivers:\n  files: {kind: drop, path: out}\n"
    (shop.root / "models" / "delivery.yaml").write_text(said, encoding="utf-8")
    shop.score("03-01", "a")
    assert shop.look().sending
    assert len(list((shop.root / "out").iterdir())) == 1


def test_each_wait_is_twice_the_one_before_a_quarter_more_or_less_and_no_longer_than_declared() -> None:
    retry = Retry(attempts=10, first_seconds=30, longest_seconds=300)
    found = [next_attempt(retry, "key", attempts, NOW, FAILED) for attempts in range(1, 11)]
    waits = [(at - NOW).total_seconds() for at in found if at is not None]
    for wait, expected in zip(waits, (30, 60, 120, 240, 300, 300, 300, 300, 300), strict=True):
        assert 0.75 * expected <= wait <= 1.25 * expected
    assert found[9] is None


def test_waits_of_different_messages_differ_and_those_of_one_never() -> None:
    retry = Retry()
    waits = [next_attempt(retry, f"key{number}", 1, NOW, FAILED) for number in range(50)]
    assert len(set(waits)) == 50
    assert waits == [next_attempt(retry, f"key{number}", 1, NOW, FAILED) for number in range(50)]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("99999999999", 86_400.0),
        ("-5", None),
        ("²", None),
        ("soon", None),
        ("Fri, 01 Mar 2024 08:01:00 GMT", 60.0),
        ("Fri, 01 Mar 2024 09:01:00 +0100", 60.0),
        ("Fri, 01 Mar 2024 07:00:00 GMT", 0.0),
        ("Fri, 01 Mar 2034 07:00:00 GMT", 86_400.0),
    ],
)
def test_a_wait_that_is_asked_for_is_read_as_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert asked_wait(header, NOW) == seconds


def test_never_less_is_waited_than_was_asked_for() -> None:
    assert next_attempt(Retry(), "key", 1, NOW, Answer(False, wait=7200.0)) == NOW + dt.timedelta(seconds=7200)


def test_a_message_that_cannot_be_made_holds_up_no_other(shop: Shop) -> None:
    from churnml.adapters.store.outbox import put
    from churnml.ledger import Message

    shop.declare(files={"kind": "drop", "path": "out"})
    shop.score("03-01", "a")
    with shop.store._connections.writing() as connection:
        put(connection, [Message("files", "health", "key", "b", {"nothing": "in it"})], shop.clock())
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].failed] == [1, 1]
    assert "KeyError" in (shop.store.outbox.all()[1].last_error or "")


def test_a_report_is_plain_data_and_steers_no_terminal(shop: Shop) -> None:
    import json

    shop.declare(files={"kind": "drop", "path": "out"})
    shop.score("03-01", "a\x1b[2J")
    found = shop.look()
    assert json.loads(json.dumps(found.as_data()))["receivers"][0]["waiting"] == 1
    assert "\x1b" not in "\n".join(found.lines())
