"""Capacity by its worked examples."""

from __future__ import annotations

import pytest

from churnml.work.capacity import Offer, Room, fit
from tests.spec.capacity_examples import EXAMPLES, CapacityExample
from tests.support import table


def offers_of(example: CapacityExample) -> list[Offer]:
    return [
        Offer(
            account_id=row["account"],
            playbook=row.get("playbook", "call"),
            reason="",
            value=float(row["value"]) if row["value"] else None,
            minutes=int(row.get("minutes", 60)),
            cost=float(row.get("cost", 0)),
            owners=tuple(row["owners"].split()),
            precedence=int(row.get("precedence", 0)),
        )
        for row in table(example.offers).to_dict("records")
    ]


def rooms_of(example: CapacityExample) -> dict[str, Room]:
    def limit(cell: str) -> int | None:
        return int(cell) if cell else None

    rows = table(example.rooms).to_dict("records")
    return {row["owner"]: Room(row["owner"], limit(row["minutes"]), limit(row["items"])) for row in rows}


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.title for e in EXAMPLES])
def test_what_is_taken_is_what_the_worked_example_shows(example: CapacityExample):
    budgets = {row["playbook"]: float(row["money"]) for row in table(example.budgets).to_dict("records")}
    offers = offers_of(example)
    found = fit(offers, rooms_of(example), budgets)
    taken = {(one.offer.account_id, one.offer.playbook): one.owner for one in found.taken}
    expect = {
        (row["account"], row.get("playbook", "call")): row["taken by"]
        for row in table(example.expect).to_dict("records")
    }
    assert {
        (offer.account_id, offer.playbook): taken.get((offer.account_id, offer.playbook), "") for offer in offers
    } == (expect)
    assert found.bound == pytest.approx(found.value)
