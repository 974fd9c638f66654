"""A batch that is refused as a whole is halved until what is refused is alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from churnml.adapters.delivery.answers import Answer
from churnml.adapters.delivery.crm import halving
from churnml.adapters.store import Delivery


@dataclass(frozen=True)
class Row:
    delivery_id: int
    kind: str = "health"
    key: str = "key"
    subject: str = "a"
    payload: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 1
    last_error: str | None = None


def batch(many: int) -> list[Row]:
    return [Row(number) for number in range(many)]


class Refusing:
    """Refuses every call that holds a bad one."""

    def __init__(self, bad: Collection[int]) -> None:
        self.bad, self.calls = bad, 0

    def __call__(self, some: Sequence[Delivery]) -> list[Answer]:
        self.calls += 1
        if any(one.delivery_id in self.bad for one in some):
            return [Answer(False, "bad", final=True)] * len(some)
        return [Answer(True) for _ in some]


@pytest.mark.parametrize("bad", [[0], [99], [37], [10, 80]])
def test_only_what_is_refused_fails_and_it_takes_few_calls(bad: list[int]) -> None:
    refusing = Refusing(bad)
    answers = halving(batch(100), refusing)
    assert [place for place, answer in enumerate(answers) if answer is None or not answer.arrived] == bad
    assert refusing.calls <= 1 + 2 * 7 * len(bad)


def test_when_everything_is_refused_it_is_not_the_records_and_the_rest_is_left_for_later() -> None:
    refusing = Refusing(range(100))
    answers = halving(batch(100), refusing)
    assert refusing.calls <= 12
    assert [answer is None for answer in answers].count(True) == 97
    assert any(answer is not None and answer.pause for answer in answers)
