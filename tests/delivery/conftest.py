"""A small project with an outbox, and a clock that is moved by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from churnml.adapters.delivery import DeliveryReport, deliver
from churnml.adapters.project import Project, open_project
from churnml.adapters.store import Store, open_store
from churnml.ledger import BandState, DayPlan, HealthEvent, Message
from churnml.work.messages import messages_for
from tests.delivery.servers import certificate_in
from tests.store.days import NOW, account, day, decision, event, item, record, scores

# Long enough for a machine that has other things to do; where a server stalls, hurry() is called.
QUICK = {"timeout_seconds": 5.0, "retry": {"attempts": 4, "first_seconds": 30, "longest_seconds": 3600}}


NOTHING = DayPlan()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def later(self, **how: float) -> None:
        self.now += dt.timedelta(**how)


class Shop:
    """A project, its store and its clock."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root, self.store, self.clock = root, store, Clock()

    @property
    def project(self) -> Project:
        return open_project(self.root)

    def declare(self, **receivers: Mapping[str, Any]) -> None:
        """Writes models/delivery.yaml."""
        (self.root / "models").mkdir(exist_ok=True)
        said = {"receivers": {name: {**QUICK, **receiver} for name, receiver in receivers.items()}}
        (self.root / "models" / "delivery.yaml").write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")

    def hurry(self) -> None:
        """Waits only a little for an answer."""
        path = self.root / "models" / "delivery.yaml"
        path.write_text(path.read_text("utf-8").replace("timeout_seconds: 5.0", "timeout_seconds: 1.0"), "utf-8")

    def messages(
        self,
        as_of: str,
        accounts: Sequence[str | Any],
        plan: DayPlan = NOTHING,
        events: Sequence[HealthEvent] = (),
    ) -> tuple[Message, ...]:
        scored = replace(scores(day(as_of), *accounts), plan=plan, events=tuple(events))
        return messages_for(self.project.delivery, scored, project="shop")

    def score(
        self, as_of: str, *accounts: str | Any, opened: Sequence[str] = (), events: Sequence[HealthEvent] = ()
    ) -> tuple[Message, ...]:
        """A scored date, written as the flows write it; a work item is opened for each of ``opened``."""
        plan, scored = opening(as_of, *opened), scores(day(as_of), *accounts)
        messages = self.messages(as_of, accounts, plan, events)
        bands = [BandState(one.account_id, scored.as_of, one.health, one.band, scored.as_of) for one in scored.accounts]
        fingerprint = f"of {as_of}"
        assert record(
            self.store, scored, fingerprint, self.clock(), plan, bands=bands, events=events, messages=messages
        )
        return messages

    def send(self) -> DeliveryReport:
        return deliver(self.project, self.store, True, self.clock)

    def look(self) -> DeliveryReport:
        return deliver(self.project, self.store, False, self.clock)

    def until_quiet(self, runs: int = 20) -> DeliveryReport:
        """Runs as a scheduler would, an hour apart, until nothing waits."""
        for _ in range(runs):
            found = self.send()
            if not any(receiver.waiting for receiver in found.receivers):
                return found
            self.clock.later(hours=1)
        raise AssertionError(f"messages still wait: {found.as_data()}")


def opening(as_of: str, *accounts: str) -> DayPlan:
    """A plan that opens a work item for each account."""
    items = tuple(item(one, day(as_of)) for one in accounts)
    return DayPlan(
        decisions=tuple(decision(one, one.account_id) for one in items),
        work=items,
        events=tuple(event(one.work_id, day(as_of), "opened") for one in items),
    )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    (tmp_path / "project.yaml").write_text(
        "name: shop\nmodels: [churn]\ninputs:\n  accounts: {path: accounts.csv}\n", encoding="utf-8"
    )
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield Shop(tmp_path, store)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_in(tmp_path_factory.mktemp("certificate"))


__all__ = ["Shop", "account"]
