"""What the two CRMs share: what is written of a work item, and one refused record not holding up the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from churnml.adapters.delivery.answers import FAILURES_IN_A_ROW, Answer
from churnml.adapters.delivery.payload import Payload
from churnml.jsontypes import Json
from churnml.pages.presenter import money

if TYPE_CHECKING:
    from churnml.adapters.store import Delivery

REASONS_LENGTH = 1_000
SUBJECT_LENGTH = 250
BODY_LENGTH = 8_000
# Both keep a share as a number; more digits only make every day a change.
DIGITS = 4


def account_values(payload: Payload) -> dict[str, Json]:
    """What is written onto an account, by our own names."""
    health = payload.get("health")
    probability = payload.get("churn_probability")
    return {
        "health": health["score"] if health else None,
        "band": health["band"] if health else None,
        "reasons": "\n".join(payload.get("reasons") or ())[:REASONS_LENGTH],
        "churn_probability": None if probability is None else round(probability, DIGITS),
        "as_of": payload["as_of"],
    }


def task_subject(payload: Payload) -> str:
    """What a task is called."""
    work = payload["work"]
    return " ".join(str(work.get("title") or work["playbook"]).split())[:SUBJECT_LENGTH]


def task_lines(payload: Payload) -> list[str]:
    """What stands in a task: why, what to do, and what became of it."""
    work = payload["work"]
    lines = [*(payload.get("reasons") or ())]
    lines += [f"{number}. {step}" for number, step in enumerate(work.get("steps") or (), 1)]
    value = work.get("value")
    if value is not None:
        lines.append(f"Worth {money(value)} a month.")
    lines.append(f"{str(work['what']).replace('_', ' ').capitalize()} on {work['on']} by {work['who']}: {work['why']}")
    return lines


def halving(
    deliveries: Sequence[Delivery], send: Callable[[Sequence[Delivery]], Sequence[Answer | None]]
) -> list[Answer | None]:
    """Sends together; where the call as a whole is refused, in halves, until the record that is refused is alone.

    When single records are refused one after the other it is the way of asking that is wrong, not they: the rest is
    left for later.
    """
    refused = 0

    def part(some: Sequence[Delivery]) -> list[Answer | None]:
        nonlocal refused
        if refused >= FAILURES_IN_A_ROW:
            return [None] * len(some)
        answers = list(send(some))
        whole = len({id(answer) for answer in answers}) == 1 and answers[0] is not None and answers[0].final
        if not whole:
            refused = 0
            return answers
        if len(some) > 1:
            middle = len(some) // 2
            return part(some[:middle]) + part(some[middle:])
        refused += 1
        first = answers[0]
        return [first if first is None or refused < FAILURES_IN_A_ROW else replace(first, pause=True)]

    return part(deliveries)
