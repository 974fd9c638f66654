"""What the two CRMs share: what is written of a work item, and one refused record not holding up the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from churnml.adapters.delivery.answers import FAILURES_IN_A_ROW, Answer
from churnml.adapters.delivery.deadline import LateError
from churnml.adapters.delivery.payload import Payload
from churnml.adapters.outages import kind_of_outage
from churnml.jsontypes import Json
from churnml.ledger import Delivery
from churnml.pages.presenter import money

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


Write = Callable[[Sequence[Delivery]], Sequence[Answer | None]]


def health_then_work(deliveries: Sequence[Delivery], health: Write, work: Write) -> list[Answer | None]:
    """Sends what is told of accounts and then the tasks, these only where the receiver asked for no pause before."""
    answers: dict[int, Answer | None] = {}
    for kind, write in (("health", health), ("work", work)):
        mine = [delivery for delivery in deliveries if delivery.kind == kind]
        if mine and not any(answer is not None and answer.pause for answer in answers.values()):
            answers |= {delivery.delivery_id: answer for delivery, answer in zip(mine, write(mine), strict=True)}
    return [answers.get(delivery.delivery_id) for delivery in deliveries]


def no_answer(problem: Exception) -> Answer:
    """What a call that failed on its way means; the problem's own words may hold the address."""
    late = isinstance(problem, LateError) or "Timeout" in type(problem).__name__
    note = "no answer in time" if late else f"no answer: {type(problem).__name__}"
    return Answer(False, note, pause=True, passing=late or kind_of_outage(problem) is not None)


def whole_refused(answer: Answer, status: int, of_setup: bool) -> Answer:
    """What the refusal of a whole call means, by its status alone: records are at fault only of a bad request.

    Args:
        answer: what :func:`churnml.adapters.delivery.answers.by_status` says.
        status: that was answered.
        of_setup: whether its words say that the declaration or the set-up is wrong.
    """
    if answer.final and (status != 400 or of_setup):
        return Answer(False, answer.note, pause=True)
    return replace(answer, arrived=False, pause=answer.pause or not answer.final)


def halving(deliveries: Sequence[Delivery], send: Write) -> list[Answer | None]:
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
