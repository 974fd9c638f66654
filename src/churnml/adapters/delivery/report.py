"""What a run of ``churnml deliver`` says: what was or would be sent, what waits, and what was given up and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from churnml.jsontypes import JsonObject
from churnml.ledger import Delivery
from churnml.ledger.dead_letters import by_reason
from churnml.pages.presenter import plural, printable

# Of what was given up: so many reasons, and of each so many messages.
REASONS_SHOWN = 20
DEAD_SHOWN = 3
# What is printed of one, beside why.
DEAD_FIELDS = ("delivery_id", "receiver", "kind", "subject", "key", "attempts")


@dataclass(frozen=True)
class ReceiverReport:
    """What became of one receiver's messages.

    Args:
        name, kind, address: who it is; the address without what is secret in it.
        sent, failed, died: messages that arrived, that are tried again later, that were given up, in this run.
        overtaken: of those sent, what a newer message made needless.
        waiting, dead: what is in the outbox now: to be sent, and given up.
        trouble: why the run with it ended early, or never began.
        passing: the trouble is an outage, which may pass without anybody mending something.
        examples: of a dry run, the first that would be sent: kind, subject, key.
    """

    name: str
    kind: str
    address: str
    sent: int = 0
    failed: int = 0
    died: int = 0
    overtaken: int = 0
    waiting: int = 0
    dead: int = 0
    trouble: str | None = None
    passing: bool = False
    examples: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class DeliveryReport:
    """A run of delivery.

    Args:
        sending: False for a dry run.
        receivers: in declared order; then those that have messages and are not declared any more.
        dead: what was given up, by its number; ``churnml deliveries revive`` with it makes it due again.
    """

    sending: bool
    receivers: tuple[ReceiverReport, ...]
    dead: tuple[Delivery, ...]

    @property
    def troubled(self) -> bool:
        """Whether somebody should look at it."""
        return any(receiver.trouble for receiver in self.receivers) or bool(self.dead)

    @property
    def may_pass(self) -> bool:
        """Whether all there is to look at are outages: trying again later may help, and nobody has to mend anything."""
        return not self.dead and all(each.passing for each in self.receivers if each.trouble)

    def as_data(self) -> JsonObject:
        """Plain JSON data."""
        return {
            "sending": self.sending,
            "receivers": [asdict(receiver) for receiver in self.receivers],
            "dead_by_reason": [
                {"receiver": each.receiver, "reason": each.reason, "messages": len(each.deliveries)}
                for each in by_reason(self.dead)
            ],
            "dead": [
                {name: getattr(each, name) for name in DEAD_FIELDS} | {"reason": each.last_error or ""}
                for each in self.dead
            ],
        }

    def lines(self) -> list[str]:
        """Lines for a person."""
        if not self.receivers:
            return ["No receivers are declared in models/delivery.yaml, so there is nothing to deliver."]
        lines = [line for receiver in self.receivers for line in self._receiver_lines(receiver)]
        lines += _dead_lines(self.dead)
        if not self.sending:
            lines += ["", "Nothing was sent: this was a dry run. churnml deliver --send sends."]
        return lines

    def _receiver_lines(self, receiver: ReceiverReport) -> list[str]:
        head = f"{receiver.name} ({receiver.kind}, {printable(receiver.address)})"
        if self.sending:
            overtaken = f" ({receiver.overtaken:,} of them overtaken by newer ones)" if receiver.overtaken else ""
            counts = f"{receiver.sent:,} sent{overtaken}, {receiver.failed:,} failed, {receiver.died:,} given up"
            lines = [f"{head}: {counts}, {receiver.waiting:,} waiting"]
        else:
            lines = [f"{head}: {receiver.waiting:,} to send"]
            lines += [f"  {example['kind']:<7} {printable(example['subject'])}" for example in receiver.examples]
            more = receiver.waiting - len(receiver.examples)
            lines += [f"  and {more:,} more, now or later"] if receiver.examples and more > 0 else []
        return lines + ([f"  {printable(receiver.trouble)}"] if receiver.trouble else [])


def _dead_lines(dead: Sequence[Delivery]) -> list[str]:
    if not dead:
        return []
    reasons = by_reason(dead)
    lines = ["", f"Given up ({len(dead):,}), by reason:"]
    for each in reasons[:REASONS_SHOWN]:
        lines.append(f"  {each.receiver}, {plural(len(each.deliveries), 'message')}: {printable(each.reason)}")
        lines += [f"    {_one_line(letter)}" for letter in each.deliveries[:DEAD_SHOWN]]
        more = len(each.deliveries) - DEAD_SHOWN
        lines += [f"    and {more:,} more"] if more > 0 else []
    left = len(reasons) - REASONS_SHOWN
    lines += [f"  and {left:,} reasons more: churnml deliveries list --dead"] if left > 0 else []
    return [
        *lines,
        "  Once it is mended: churnml deliveries revive NUMBER, or all of a reason with --reason TEXT; and --by WHO "
        "--because WHY",
    ]


def _one_line(letter: Delivery) -> str:
    tried = "once" if letter.attempts == 1 else f"{letter.attempts} times"
    return f"{letter.delivery_id}: {letter.kind} of {printable(letter.subject)}, tried {tried}"
