"""Messages that were given up, summed by reason: hundreds of them have a handful of causes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from churnml.ledger.readings import Delivery

# What names one record and no cause: long numbers, and ids of letters and digits.
OF_ONE = re.compile(r"\b(?=\w*\d)\w{8,}\b|\b\d{4,}\b")
UNNAMED = "…"


@dataclass(frozen=True)
class DeadReason:
    """Why some messages to a receiver were given up.

    Args:
        receiver: whose they are.
        reason: in its own words, without what names one message or record.
        deliveries: the messages, oldest first.
    """

    receiver: str
    reason: str
    deliveries: tuple[Delivery, ...]


def reason_of(delivery: Delivery) -> str:
    """Why a message was given up, without what names it or a record of the receiver's."""
    text = delivery.last_error or "no reason was kept"
    for own in (delivery.key, delivery.subject):
        if len(own) > 1:
            text = re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", UNNAMED, text)
    return OF_ONE.sub(UNNAMED, text)


def by_reason(dead: Iterable[Delivery]) -> tuple[DeadReason, ...]:
    """The messages by receiver and reason; what most were given up for comes first."""
    together: dict[tuple[str, str], list[Delivery]] = {}
    for delivery in dead:
        together.setdefault((delivery.receiver, reason_of(delivery)), []).append(delivery)
    reasons = [DeadReason(receiver, reason, tuple(each)) for (receiver, reason), each in together.items()]
    return tuple(sorted(reasons, key=lambda one: (-len(one.deliveries), one.receiver, one.reason)))


def given_up_for(dead: Sequence[Delivery], text: str) -> tuple[Delivery, ...]:
    """Those whose reason, whole or as summed up, has ``text`` in it, upper and lower case alike."""
    wanted = text.casefold()
    return tuple(
        delivery
        for delivery in dead
        if wanted in (delivery.last_error or "").casefold() or wanted in reason_of(delivery).casefold()
    )
