"""The outbox: each fact once, claimed by one sender at a time, in order, and never lost."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from churnml.adapters.store import Store, open_store
from churnml.adapters.store.outbox import LEASE
from churnml.errors import UnknownNameError
from churnml.ledger import Message
from tests.store.at_once import CONTEXT, started
from tests.store.days import NOW, day, message, record, scores

LATER = NOW + dt.timedelta(hours=1)
dates = (dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(10_000))


def put(store: Store, *messages: Message) -> None:
    on = next(dates)
    assert record(store, scores(on, "a"), f"fingerprint of {on}", NOW, messages=messages)


def keys(found: Sequence[object]) -> list[str]:
    return [delivery.key for delivery in found]  # type: ignore[attr-defined]


@pytest.fixture
def two(store: Store) -> Store:
    put(store, message("1", "a", at=1), message("2", "b", at=2))
    return store


def test_a_message_is_written_with_what_it_tells_and_is_due_at_once(two: Store) -> None:
    first, second = two.outbox.due(NOW)
    assert (first.key, first.receiver, first.kind, first.subject) == ("1", "crm", "work", "a")
    assert (first.payload, first.state, first.attempts) == ({"at": 1}, "pending", 0)
    assert second.key == "2"


def test_a_fact_told_twice_is_one_delivery_of_a_receiver(store: Store) -> None:
    put(store, message("1", at=1))
    put(store, message("1", at=9), message("1", receiver="slack"))
    assert [(one.receiver, one.payload) for one in store.outbox.all()] == [
        ("crm", {"at": 1}),
        ("slack", {"text": "hello"}),
    ]


def test_what_one_sender_claimed_no_other_gets_until_the_lease_is_over(two: Store) -> None:
    assert keys(two.outbox.claim(NOW, 1)) == ["1"]
    assert keys(two.outbox.claim(NOW)) == ["2"]
    assert two.outbox.claim(NOW + LEASE - dt.timedelta(seconds=1)) == []
    again = two.outbox.claim(NOW + LEASE)
    assert keys(again) == ["1", "2"]
    assert [one.attempts for one in again] == [2, 2]


def test_looking_at_what_is_due_claims_nothing(two: Store) -> None:
    assert keys(two.outbox.due(NOW)) == keys(two.outbox.due(NOW)) == ["1", "2"]
    assert keys(two.outbox.due(NOW, 1)) == ["1"]
    assert two.outbox.due(NOW, receiver="slack") == []


def test_what_was_sent_is_not_sent_again(two: Store) -> None:
    first, second = two.outbox.claim(NOW)
    assert two.outbox.sent(first.delivery_id, NOW, "201")
    assert not two.outbox.sent(first.delivery_id, NOW, "again")
    assert not two.outbox.failed(first.delivery_id, NOW, "late", NOW)
    assert keys(two.outbox.claim(NOW + LEASE)) == [second.key]
    assert [(one.result, one.note) for one in two.outbox.attempts(first.delivery_id)] == [("sent", "201")]
    assert two.outbox.counts() == {"crm": {"pending": 1, "sent": 1}}


def test_what_failed_comes_back_when_it_was_said_to_and_not_before(two: Store) -> None:
    first = two.outbox.claim(NOW)[0]
    assert two.outbox.failed(first.delivery_id, NOW, "503", LATER)
    assert keys(two.outbox.claim(LATER - dt.timedelta(seconds=1), receiver="crm")) == ["2"]
    again = two.outbox.claim(LATER)
    assert ("1", "503", 2) in [(one.key, one.last_error, one.attempts) for one in again]


def test_what_was_given_up_is_dead_and_shown_until_it_is_revived(two: Store) -> None:
    first = two.outbox.claim(NOW)[0]
    assert two.outbox.failed(first.delivery_id, NOW, "410 gone", None)
    assert [(one.key, one.last_error) for one in two.outbox.dead()] == [("1", "410 gone")]
    assert keys(two.outbox.claim(LATER)) == ["2"]
    two.outbox.revive(first.delivery_id, LATER, who="rita", why="the hook is back")
    assert two.outbox.dead() == []
    assert [(one.key, one.attempts) for one in two.outbox.claim(LATER)] == [("1", 1)]
    assert [one.result for one in two.outbox.attempts(first.delivery_id)] == ["dead", "revived"]
    assert [(one.who, one.what, one.why) for one in two.audit.entries(str(first.delivery_id))] == [
        ("rita", "delivery revived", "the hook is back")
    ]
    with pytest.raises(UnknownNameError):
        two.outbox.revive(first.delivery_id, LATER, who="rita", why="once more")


def test_a_claim_that_was_not_tried_is_given_back(two: Store) -> None:
    first = two.outbox.claim(NOW, 1)[0]
    assert two.outbox.released(first.delivery_id, NOW)
    assert [(one.key, one.attempts) for one in two.outbox.claim(NOW, 1)] == [("1", 1)]


def test_messages_about_one_account_go_out_in_the_order_they_were_written(store: Store) -> None:
    put(store, message("1", "a"), message("2", "a"), message("3", "b"), message("4", "a", receiver="slack"))
    first = store.outbox.claim(NOW)
    assert keys(first) == ["1", "3", "4"]
    store.outbox.failed(first[0].delivery_id, NOW, "503", LATER)
    assert store.outbox.claim(NOW) == []  # the second waits for the first
    store.outbox.sent(store.outbox.claim(LATER, receiver="crm")[0].delivery_id, LATER)
    assert "2" in keys(store.outbox.claim(LATER))


def test_a_dead_message_holds_up_nobody(store: Store) -> None:
    put(store, message("1", "a"), message("2", "a"))
    store.outbox.failed(store.outbox.claim(NOW)[0].delivery_id, NOW, "400", None)
    assert keys(store.outbox.claim(NOW)) == ["2"]


def test_senders_at_once_never_get_the_same(url: str) -> None:
    with open_store(url) as store:
        put(store, *(message(str(n), f"account {n}") for n in range(60)))

    def take(mine: Store) -> list[str]:
        got: list[str] = []
        while some := mine.outbox.claim(NOW, 5):
            got += keys(some)
        return got

    with ExitStack() as open_stores, ThreadPoolExecutor(4) as senders:
        stores = [open_stores.enter_context(open_store(url)) for _ in range(4)]
        got = [key for one in senders.map(take, stores) for key in one]
    # on PostgreSQL a sender may pass over what another is just taking; nothing is given out twice
    assert len(got) == len(set(got))
    with open_store(url) as store:
        assert set(got) | set(keys(store.outbox.claim(NOW))) == {str(n) for n in range(60)}


def test_a_moment_with_a_zone_is_the_same_moment(two: Store) -> None:
    berlin = NOW.replace(tzinfo=dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=1)))
    assert keys(two.outbox.due(berlin)) == ["1", "2"]
    assert two.outbox.due(berlin - dt.timedelta(minutes=1)) == []
    assert two.dates()[-1] >= day("01-01")


def _claims_and_waits(url: str, claimed: Any) -> None:
    with open_store(url) as store:
        store.outbox.claim(NOW, 1)
        claimed.set()
        time.sleep(60)


def test_what_a_killed_sender_had_in_hand_waits_for_its_lease_and_no_longer(two: Store, url: str) -> None:
    claimed = CONTEXT.Event()
    sender = started(_claims_and_waits, url, claimed)
    assert claimed.wait(60)
    assert keys(two.outbox.claim(NOW)) == ["2"]
    os.kill(sender.pid, signal.SIGKILL)
    sender.join()
    assert two.outbox.due(NOW + LEASE - dt.timedelta(seconds=1)) == []
    assert [(one.key, one.attempts) for one in two.outbox.claim(NOW + LEASE)] == [("1", 2), ("2", 2)]


def test_a_store_in_memory_goes_by_leases_too() -> None:
    with open_store("sqlite://") as store:
        put(store, message("1"))
        assert keys(store.outbox.claim(NOW)) == ["1"]
        assert store.outbox.claim(NOW) == []
