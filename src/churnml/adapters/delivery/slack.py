"""A Slack-compatible incoming webhook: a post an item, or one an owner with what is new on their list.

An incoming webhook takes no key, so a post whose answer was lost may appear twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

from churnml.adapters.delivery.answers import FAILURES_IN_A_ROW, Answer, one_at_a_time
from churnml.adapters.delivery.hidden import Secrets
from churnml.adapters.delivery.payload import Payload, payload_of
from churnml.adapters.delivery.posting import PostClient
from churnml.adapters.delivery.webhook import KEY
from churnml.jsontypes import Json
from churnml.ledger import Delivery
from churnml.pages.presenter import called, cut, money, number, plural, words
from churnml.specs.delivery import Slack
from churnml.work.messages import canonical

# Slack takes 50 blocks, 3,000 characters in one, and refuses some 13,000 in all.
BLOCK_LENGTH = 1_200
ITEMS_A_POST = 8
PHRASES = {
    "opened": "New on the list",
    "reassigned": "Now on this list",
    "escalated": "Overdue",
    "woken": "Back on the list",
    "snoozed": "Put off",
    "done": "Done",
    "dismissed": "Dismissed",
    "closed": "Closed",
    "due_moved": "Another due date",
    "undone": "Taken back",
}


def escaped(text: object) -> str:
    """A user's text as Slack's markup shows it: without it ``<!channel>`` would ring at everybody's."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def block_of(payload: Payload) -> dict[str, Json]:
    """What is shown of one message."""
    lines = [_headline(payload), *(f"• {escaped(cut(reason, 200))}" for reason in payload.get("reasons", [])[:3])]
    work = payload.get("work")
    if work:
        lines += [f"{place}. {escaped(cut(step, 200))}" for place, step in enumerate(work.get("steps", [])[:3], 1)]
    # what does not fit is left out as whole lines, so that no escape is cut in two
    shown = [lines[0]]
    for line in lines[1:]:
        if len("\n".join([*shown, line])) > BLOCK_LENGTH:
            break
        shown.append(line)
    text = "\n".join(shown)
    # verbatim: nothing in a user's text becomes a link or a mention
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _headline(payload: Payload) -> str:
    account = f"*{escaped(_account(payload))}*"
    health = payload.get("health")
    stands = "health not known"
    if health and health["score"] is not None:
        stands = f"health {number(health['score'])}, {escaped(words(health['band']))}"
    work, event = payload.get("work"), payload.get("event")
    if work:
        title = escaped(cut(work.get("title") or work["playbook"], 100))
        value = work.get("value")
        worth = "" if value is None else f", worth {money(value)} a month"
        return f"{PHRASES.get(work['what'], 'Changed')}: {account} – {title}, due {work['due']}{worth} ({stands})"
    if event:
        what = "dropped" if event.get("kind") == "drop" else "changed its band"
        moved = f" from {_end(event.get('from'))} to {_end(event.get('to'))}" if "from" in event else ""
        return f"{account} {what}{moved} ({stands})"
    return f"{account}: {stands}"


def _account(payload: Payload) -> str:
    """The account's name with its id, neither so long that it leaves no room for what is told of it."""
    account_id, name = payload["account_id"], payload.get("account_name")
    return called(cut(account_id, 40), cut(name, 40)) if name else cut(account_id, 80)


def _end(value: Json) -> str:
    """Where a change of health began or ended: a band's name, or a score."""
    return escaped(words(value) if isinstance(value, str) else value)


def owner_of(payload: Payload) -> str:
    """Whose list a message is about."""
    work = payload.get("work")
    return str((work["owner"] if work else payload.get("owner")) or "nobody")


def post_of(payloads: Sequence[Payload]) -> dict[str, Json]:
    """One post for one owner."""
    owner = cut(owner_of(payloads[0]), 100)
    title = f"{owner}: {plural(len(payloads), 'change')}"
    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": " ".join(title.split()), "emoji": False}},
        *(block_of(payload) for payload in payloads),
    ]
    return {"text": escaped(title), "blocks": blocks}


class SlackSender:
    """Sends to an incoming webhook.

    Args:
        declared: the receiver.
        secrets: what its variables are read with.
        ca_file: its certificate authority's file, if it has its own.
    """

    batch = 100

    def __init__(self, declared: Slack, secrets: Secrets, ca_file: str | None) -> None:
        self._together = ITEMS_A_POST if declared.style == "digest" else 1
        self._client = PostClient(secrets.address(declared.url), declared, secrets, ca_file)
        if declared.style == "piece":
            self.batch = 20

    def send(self, deliveries: Sequence[Delivery], now: dt.datetime) -> list[Answer | None]:
        if self._together == 1:
            return one_at_a_time(deliveries, lambda delivery: self._send([delivery], now))
        answers: dict[int, Answer] = {}
        failed = 0
        for posted in self._grouped(deliveries):
            answer = self._send(posted, now)
            if answer.final and len(posted) > 1:
                # one of them may be what is refused: each by itself
                one_by_one = one_at_a_time(posted, lambda delivery: self._send([delivery], now))
                newest = {d.delivery_id: a for d, a in zip(posted, one_by_one, strict=True) if a is not None}
            else:
                newest = {delivery.delivery_id: answer for delivery in posted}
            answers |= newest
            failed = 0 if any(each.arrived for each in newest.values()) else failed + 1
            if failed >= FAILURES_IN_A_ROW or any(each.pause for each in newest.values()):
                last = posted[0].delivery_id
                answers[last] = Answer(**(vars(answers[last]) | {"pause": True}))
                break
        return [answers.get(delivery.delivery_id) for delivery in deliveries]

    def _grouped(self, deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
        by_owner: dict[str, list[Delivery]] = {}
        for delivery in deliveries:
            by_owner.setdefault(owner_of(payload_of(delivery)), []).append(delivery)
        return [
            mine[start : start + self._together]
            for _, mine in sorted(by_owner.items())
            for start in range(0, len(mine), self._together)
        ]

    def _send(self, deliveries: Sequence[Delivery], now: dt.datetime) -> Answer:
        body = canonical(post_of([payload_of(delivery) for delivery in deliveries]))
        keys = " ".join(sorted(delivery.key for delivery in deliveries))
        key = deliveries[0].key if len(deliveries) == 1 else f"digest-{hashlib.sha256(keys.encode()).hexdigest()[:40]}"
        return self._client.post(body, {KEY: key}, now)

    def close(self) -> None:
        self._client.close()
