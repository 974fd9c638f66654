"""From the outbox to the receivers: claim, send, say how it went.

A message is sent at least once: between its arrival and the note of it this process may die, and then it is sent
again with the same key. One receiver's trouble is no other's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.delivery.answers import Answer, Sender, next_attempt
from churnml.adapters.delivery.drop import DropSender
from churnml.adapters.delivery.hidden import Secrets, shown_address
from churnml.adapters.delivery.hubspot import HubspotSender
from churnml.adapters.delivery.payload import payload_of
from churnml.adapters.delivery.report import DeliveryReport, ReceiverReport
from churnml.adapters.delivery.salesforce import SalesforceSender
from churnml.adapters.delivery.slack import SlackSender
from churnml.adapters.delivery.webhook import WebhookSender
from churnml.adapters.project import Project
from churnml.errors import ChurnmlError, UnavailableError
from churnml.specs.delivery import AnyReceiver, DeliverySpec, Drop, Hubspot, Salesforce, Slack, Webhook

if TYPE_CHECKING:
    from churnml.adapters.store import Delivery, Outbox, Store

log = logging.getLogger("churnml.delivery")

EXAMPLES_SHOWN = 10
LEAST_LEASE = dt.timedelta(minutes=5)
FILE = "delivery.yaml"
# What of it a CRM keeps one of: a later one makes an earlier one needless.
KEPT_ONCE = "health"


@dataclass
class _Tally:
    sent: int = 0
    failed: int = 0
    died: int = 0
    overtaken: int = 0
    trouble: str | None = None
    passing: bool = False


def deliver(
    project: Project,
    store: Store,
    send: bool,
    now: Callable[[], dt.datetime],
    progress: Callable[[str], None] = lambda _: None,
) -> DeliveryReport:
    """Sends what is due, or says what would be sent.

    Args:
        project: whose ``models/delivery.yaml`` is read.
        store: whose outbox is emptied.
        send: send; else only where the file says ``dry_run: false``.
        now: the moment, UTC without a zone, asked again as time goes by.
        progress: one line at a time.

    Raises:
        SpecError, UnknownNameError: the file cannot be used. What is wrong with one receiver (a variable that is not
            set, a client that is not installed) is in the report, and the others are sent to.
    """
    spec = project.delivery
    sending = send or not spec.dry_run
    tallies = {name: _Tally() for name in spec.receivers}
    if sending:
        for name, declared in spec.receivers.items():
            progress(f"sending to {name}")
            _send_to(name, declared, project.root, store.outbox, now, tallies[name])
    log.info("%(receivers)d receivers, sending: %(sending)s", {"receivers": len(tallies), "sending": sending})
    return _report(spec, store.outbox, tallies, sending, now())


def _send_to(
    name: str, declared: AnyReceiver, root: Path, outbox: Outbox, now: Callable[[], dt.datetime], tally: _Tally
) -> None:
    if not outbox.due(now(), 1, receiver=name):
        return
    secrets = Secrets(f"models/{FILE}, receivers: {name}:")
    with secrets.out_of_the_logs():
        try:
            sender = sender_for(name, declared, root, secrets)
        except ChurnmlError as problem:
            log.warning("receiver %(receiver)s cannot be sent to", {"receiver": name})
            tally.trouble = secrets.hide(" ".join(str(problem).split()))
            tally.passing = isinstance(problem, UnavailableError)
            return
        with contextlib.closing(sender):
            _empty(name, declared, sender, outbox, now, tally, secrets)


def sender_for(name: str, declared: AnyReceiver, root: Path, secrets: Secrets) -> Sender:
    """What sends to a receiver; raises ProjectError where its declaration cannot be used."""
    ca_file = str(root / declared.ca_file) if declared.ca_file else None
    match declared:
        case Webhook():
            return WebhookSender(declared, secrets, ca_file)
        case Slack():
            return SlackSender(declared, secrets, ca_file)
        case Salesforce():
            return SalesforceSender(declared, secrets, ca_file)
        case Hubspot():
            return HubspotSender(declared, secrets, ca_file)
        case Drop():
            return DropSender(name, declared, root / declared.path)


def _empty(
    name: str,
    declared: AnyReceiver,
    sender: Sender,
    outbox: Outbox,
    now: Callable[[], dt.datetime],
    tally: _Tally,
    secrets: Secrets,
) -> None:
    """Sends until nothing is due, or the receiver asks to be left alone."""
    lease = max(LEAST_LEASE, dt.timedelta(seconds=2.0 * declared.timeout_seconds * sender.batch))
    keeps_one = isinstance(declared, Salesforce | Hubspot)
    newest = outbox.newest(name, KEPT_ONCE) if keeps_one else {}
    while claimed := outbox.claim(now(), sender.batch, receiver=name, lease=lease):
        overtaken = [one for one in claimed if keeps_one and _overtaken(one, newest, name, outbox)]
        if overtaken:
            outbox.all_sent({one.delivery_id: "not sent: a later one says it anew" for one in overtaken}, now())
        tally.sent, tally.overtaken = tally.sent + len(overtaken), tally.overtaken + len(overtaken)
        needless = {one.delivery_id for one in overtaken}
        wanted = [one for one in claimed if one.delivery_id not in needless]
        if not wanted:
            continue
        answers = _answers(sender, wanted, now())
        arrived = {
            delivery.delivery_id: answer.note
            for delivery, answer in zip(wanted, answers, strict=True)
            if answer is not None and answer.arrived
        }
        if arrived:
            outbox.all_sent(arrived, now())
        tally.sent += len(arrived)
        for delivery, answer in zip(wanted, answers, strict=True):
            if delivery.delivery_id not in arrived:
                _put_back(outbox, declared, delivery, answer, now(), tally)
        paused = [answer for answer in answers if answer is not None and answer.pause]
        if paused:
            tally.trouble = f"left alone until the next run: {secrets.hide(paused[-1].note)}"
            tally.passing = paused[-1].passing
            return


def _answers(sender: Sender, deliveries: Sequence[Delivery], now: dt.datetime) -> Sequence[Answer | None]:
    try:
        return sender.send(deliveries, now)
    except Exception as problem:
        # a message that cannot be made must not keep those behind it, or another receiver's, from going; only the
        # kind of the problem is told, since its words may hold the message or a secret
        if len(deliveries) > 1:
            middle = len(deliveries) // 2
            return [*_answers(sender, deliveries[:middle], now), *_answers(sender, deliveries[middle:], now)]
        return [Answer(False, f"it could not be sent: {type(problem).__name__}")]


def _put_back(
    outbox: Outbox, declared: AnyReceiver, delivery: Delivery, answer: Answer | None, now: dt.datetime, tally: _Tally
) -> None:
    if answer is None:
        outbox.released(delivery.delivery_id, now)
    else:
        again = next_attempt(declared.retry, delivery.key, delivery.attempts, now, answer)
        outbox.failed(delivery.delivery_id, now, answer.note, again)
        tally.died += again is None
        tally.failed += again is not None


def _overtaken(delivery: Delivery, newest: Mapping[str, int], receiver: str, outbox: Outbox) -> bool:
    """Whether what a message says has been, or is about to be, said anew: sending it would turn back the clock."""
    if delivery.kind == KEPT_ONCE:
        return newest.get(delivery.subject, 0) > delivery.delivery_id
    if delivery.last_error is None:
        return False  # first in the order it was written
    work_id = payload_of(delivery)["work"]["work_id"]
    return any(
        other.delivery_id > delivery.delivery_id
        and other.kind == delivery.kind
        and payload_of(other)["work"]["work_id"] == work_id
        for other in outbox.all(state="sent", receiver=receiver, subject=delivery.subject)
    )


def _report(
    spec: DeliverySpec, outbox: Outbox, tallies: Mapping[str, _Tally], sending: bool, now: dt.datetime
) -> DeliveryReport:
    counts = outbox.counts()
    receivers = []
    for name, declared in spec.receivers.items():
        by_state = counts.get(name, {})
        due = () if sending else outbox.due(now, EXAMPLES_SHOWN, receiver=name)
        receivers.append(
            ReceiverReport(
                name,
                declared.kind,
                _address(declared),
                **vars(tallies[name]),
                waiting=by_state.get("pending", 0),
                dead=by_state.get("dead", 0),
                examples=tuple({"kind": each.kind, "subject": each.subject, "key": each.key} for each in due),
            )
        )
    for name in sorted(set(counts) - set(spec.receivers)):
        waiting, dead = counts[name].get("pending", 0), counts[name].get("dead", 0)
        if waiting or dead:
            trouble = f"is not in models/{FILE} any more, and {waiting:,} messages wait for it"
            receivers.append(ReceiverReport(name, "unknown", "nowhere", waiting=waiting, dead=dead, trouble=trouble))
    return DeliveryReport(sending, tuple(receivers), tuple(outbox.dead()))


def _address(declared: AnyReceiver) -> str:
    match declared:
        case Drop():
            return declared.path
        case Salesforce():
            return shown_address(declared.instance_url or f"https://{declared.domain}.salesforce.com")
        case _:
            return shown_address(declared.url)
