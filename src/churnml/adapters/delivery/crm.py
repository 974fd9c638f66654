"""What the two CRMs share: what is written of a work item, and one refused record not holding up the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from churnml.adapters.delivery.answers import FAILURES_IN_A_ROW, Answer, Delivery

REASONS_LENGTH = 1_000
SUBJECT_LENGTH = 250
BODY_LENGTH = 8_000
# Both keep a share as a number; more digits only make every day a change.
DIGITS = 4


def account_values(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What is written onto an account, by our own names."""
    health = payload.get("health") or {}
    probability = payload.get("churn_probability")
    return {
        "health": health.get("score"),
        "band": health.get("band"),
        "reasons": "\n".join(map(str, payload.get("reasons") or ()))[:REASONS_LENGTH],
        "churn_probability": None if probability is None else round(probability, DIGITS),
        "as_of": payload["as_of"],
    }


def task_subject(payload: Mapping[str, Any]) -> str:
    """What a task is called."""
    work = payload["work"]
    return " ".join(str(work.get("title") or work["playbook"]).split())[:SUBJECT_LENGTH]


def task_lines(payload: Mapping[str, Any]) -> list[str]:
    """What stands in a task: why, what to do, and what became of it."""
    work = payload["work"]
    lines = [*map(str, payload.get("reasons") or ())]
    lines += [f"{number}. {step}" for number, step in enumerate(work.get("steps") or (), 1)]
    if work.get("value") is not None:
        lines.append(f"Worth {work['value']:,.0f} a month.")
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
