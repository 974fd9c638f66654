"""Runs that were due while nothing could start them: which is made up, and which are taken back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from pipelines.missed import CAUGHT_UP, STOPPED, Settled, end_what_was_left, settle_missed, stand_for_others

NOON = dt.datetime(2026, 1, 10, 12, tzinfo=dt.UTC)
DUE = NOON.replace(hour=5)
DEPLOYMENT, FLOW = uuid4(), uuid4()


def run(due: dt.datetime, state: StateType, *, by_hand: bool = False, message: str | None = None) -> FlowRun:
    return FlowRun(
        id=uuid4(),
        flow_id=FLOW,
        deployment_id=DEPLOYMENT,
        name=f"due {due}",
        state=State(type=state, message=message),
        expected_start_time=due,
        auto_scheduled=not by_hand,
    )


@dataclass
class Server:
    """The few answers of Prefect's client that are asked for, over runs in memory; a real one is in tests/serving."""

    runs: list[FlowRun]
    made: dict[str, list[str]] = field(default_factory=dict)

    def read_flow_runs(self, *, flow_run_filter: Any, offset: int, limit: int, **_: Any) -> list[FlowRun]:
        span, states = flow_run_filter.expected_start_time, flow_run_filter.state
        wanted = [
            one
            for one in self.runs
            if (states is None or one.state.type in states.type.any_)
            and (span.after_ is None or one.expected_start_time >= span.after_)
            and (span.before_ is None or one.expected_start_time <= span.before_)
        ]
        return sorted(wanted, key=lambda one: one.expected_start_time, reverse=True)[offset : offset + limit]

    def set_flow_run_state(self, run_id: UUID, state: State, force: bool) -> None:
        next(one for one in self.runs if one.id == run_id).state = state

    def create_flow_run_from_deployment(self, deployment: UUID, *, idempotency_key: str, tags: list[str]) -> None:
        self.made.setdefault(idempotency_key, tags)

    def settled(self, *, catch_up: bool = True, since: dt.datetime = DUE - dt.timedelta(days=30)) -> Settled:
        return settle_missed(self, DEPLOYMENT, "a-score", DUE, NOON, catch_up=catch_up, since=since)  # type: ignore[arg-type]

    def states(self) -> list[str]:
        ordered = sorted(self.runs, key=lambda one: one.expected_start_time)
        return [one.state.type.value for one in ordered]


def days_before(many: int) -> dt.datetime:
    return DUE - dt.timedelta(days=many)


def test_of_days_of_missed_runs_the_newest_is_left_to_run_and_the_others_are_taken_back() -> None:
    server = Server([run(days_before(n), StateType.SCHEDULED) for n in range(5)])
    assert server.settled() == Settled(taken_back=4, made_up_for=DUE)
    assert server.states() == ["CANCELLED"] * 4 + ["SCHEDULED"]
    assert server.made == {}


def test_where_the_server_had_planned_no_run_one_is_made_and_however_often_it_is_asked_only_one() -> None:
    server = Server([run(days_before(3), StateType.COMPLETED)])
    assert server.settled().made_up_for == DUE
    server.settled()
    assert list(server.made.values()) == [[CAUGHT_UP]]


@pytest.mark.parametrize(
    ("state", "message", "again"),
    [
        (StateType.COMPLETED, None, False),
        (StateType.FAILED, None, False),
        (StateType.CANCELLED, "by a person", False),
        (StateType.CANCELLED, STOPPED, True),
        (StateType.CRASHED, None, True),
    ],
)
def test_a_run_that_had_its_turn_is_not_made_up_and_one_that_was_cut_off_is(
    state: StateType, message: str | None, again: bool
) -> None:
    server = Server([run(DUE, state, message=message)])
    assert (server.settled().made_up_for == DUE) is again
    assert bool(server.made) is again


def test_what_was_due_before_there_was_a_deployment_was_not_missed() -> None:
    server = Server([])
    assert server.settled(since=NOON) == Settled()
    assert server.made == {}


def test_with_catch_up_off_everything_late_is_taken_back_and_nothing_made() -> None:
    server = Server([run(days_before(n), StateType.SCHEDULED) for n in range(3)])
    assert server.settled(catch_up=False) == Settled(taken_back=3)
    assert (server.states(), server.made) == (["CANCELLED"] * 3, {})


def test_runs_that_a_person_asked_for_are_left_alone() -> None:
    server = Server([run(days_before(2), StateType.SCHEDULED, by_hand=True), run(DUE, StateType.COMPLETED)])
    assert server.settled() == Settled()
    assert server.states() == ["SCHEDULED", "COMPLETED"]


def test_a_run_that_begins_stands_for_all_of_its_schedule_that_are_due_and_for_none_to_come() -> None:
    began = run(days_before(2), StateType.RUNNING)
    others = [run(days_before(1), StateType.SCHEDULED), run(DUE, StateType.SCHEDULED)]
    to_come = run(NOON + dt.timedelta(hours=17), StateType.SCHEDULED)
    server = Server([began, *others, to_come])
    assert stand_for_others(server, began, NOON) == 2  # type: ignore[arg-type]
    assert server.states() == ["RUNNING", "CANCELLED", "CANCELLED", "SCHEDULED"]


def test_more_runs_than_a_page_holds_are_all_seen() -> None:
    server = Server([run(DUE - dt.timedelta(minutes=n), StateType.SCHEDULED) for n in range(450)])
    assert server.settled().taken_back == 449


def test_what_was_under_way_when_the_runner_went_is_told_to_have_crashed() -> None:
    server = Server([run(DUE, state) for state in (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)])
    server.runs.append(run(DUE, StateType.COMPLETED))
    assert end_what_was_left(server, DEPLOYMENT) == 3  # type: ignore[arg-type]
    assert sorted(server.states()) == ["COMPLETED", "CRASHED", "CRASHED", "CRASHED"]
