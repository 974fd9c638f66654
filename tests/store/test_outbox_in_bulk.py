"""What is asked of the outbox for many messages at once."""

from __future__ import annotations

from churnml.adapters.store import Store
from churnml.adapters.store.outbox import put
from churnml.ledger import Message
from tests.store.days import NOW


def written(store: Store, *subjects: str, receiver: str = "crm", kind: str = "health") -> list[int]:
    """Writes a message of each subject, in order; their numbers."""
    before = {one.delivery_id for one in store.outbox.all()}
    messages = [
        Message(receiver, kind, f"{kind}/{subject}/{len(before)}/{place}", subject, {})  # type: ignore[arg-type]
        for place, subject in enumerate(subjects)
    ]
    with store._connections.writing() as connection:
        put(connection, messages, NOW)
    return [one.delivery_id for one in store.outbox.all() if one.delivery_id not in before]


def test_what_arrived_together_is_noted_together_and_once(store: Store) -> None:
    first, second, third = written(store, "a", "b", "c")
    store.outbox.claim(NOW)
    store.outbox.failed(third, NOW, "no", None)
    assert store.outbox.all_sent({first: "one", second: "two", third: "late", 999: "never was"}, NOW) == 2
    assert store.outbox.all_sent({first: "again"}, NOW) == 0
    assert [(one.state, one.sent_at) for one in store.outbox.all()] == [("sent", NOW), ("sent", NOW), ("dead", None)]
    assert [one.note for one in store.outbox.attempts(first)] == ["one"]
    assert store.outbox.all_sent({}, NOW) == 0


def test_the_newest_of_each_subject_leaves_out_the_dead_and_other_receivers(store: Store) -> None:
    _, second = written(store, "a", "a")
    (dead,) = written(store, "a")
    (other,) = written(store, "b")
    written(store, "a", receiver="hook")
    written(store, "a", kind="work")
    store.outbox.failed(dead, NOW, "no", None)
    assert store.outbox.newest("crm", "health") == {"a": second, "b": other}
