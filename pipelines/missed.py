"""Runs that were due while nothing could start them: one stands for all, the others are taken back and told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Crashed

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

# with catch_up off: from when on a run that begins was missed, and is not merely waiting its turn
TOO_LATE = dt.timedelta(hours=1)
UNDER_WAY = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
# the tag of a run that stands for those that were missed
CAUGHT_UP = "caught up"
# what Prefect's runner says of the runs it cancels when it is stopped
STOPPED = "Runner is shutting down."
# as many as the server hands out at once
PAGE = 200


@dataclass(frozen=True)
class Settled:
    """What was done about the past of a deployment when its runner came back.

    Args:
        ended: runs that were under way when the runner went.
        taken_back: runs that were due meanwhile and are not made up.
        made_up_for: when the run was due that is made up; None where none was missed.
    """

    ended: int = 0
    taken_back: int = 0
    made_up_for: dt.datetime | None = None


def runs_of(
    client: SyncPrefectClient,
    deployment: UUID,
    states: Sequence[StateType] | None = None,
    *,
    after: dt.datetime | None = None,
    before: dt.datetime | None = None,
) -> list[FlowRun]:
    """The runs of a deployment in one of ``states``, due within a span of time; newest first."""
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))) if states else None
    span = FlowRunFilterExpectedStartTime(after_=after, before_=before)
    wanted = FlowRunFilter(state=state, expected_start_time=span)
    of = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    runs: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            flow_run_filter=wanted,
            deployment_filter=of,
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=PAGE,
            offset=len(runs),
        )
        runs += page
        if len(page) < PAGE:
            return runs


def stand_for_others(client: SyncPrefectClient, run: FlowRun, now: dt.datetime) -> int:
    """Takes back the other runs of the same schedule that are due and have not begun; returns how many.

    What has begun does the work of the newest date, so it stands for all that were due until now: with a runner that
    was away for days, or a run that takes longer than from one to the next, one is made and none piles up.
    """
    others = runs_of(client, run.deployment_id, [StateType.SCHEDULED], before=now)
    taken_back = [other for other in others if other.auto_scheduled and other.id != run.id]
    for other in taken_back:
        why = f"The run due at {run.expected_start_time:%Y-%m-%d %H:%M:%S %Z} began later and stands for it."
        client.set_flow_run_state(other.id, Cancelled(message=why), force=True)
    return len(taken_back)


def end_what_was_left(client: SyncPrefectClient, deployment: UUID) -> int:
    """Runs whose process ended with the runner that started them are told to have crashed; returns how many.

    Only for a deployment of which no other runner starts runs.
    """
    left = runs_of(client, deployment, UNDER_WAY)
    for run in left:
        message = "The process that ran it ended with churnml serve; what it had not written whole is not there."
        client.set_flow_run_state(run.id, Crashed(message=message), force=True)
    return len(left)


def settle_missed(
    client: SyncPrefectClient,
    deployment: UUID,
    name: str,
    due: dt.datetime,
    now: dt.datetime,
    *,
    catch_up: bool,
    since: dt.datetime,
) -> Settled:
    """Makes one run of all that were due and could not be started.

    Args:
        client: of the server.
        deployment: whose runs.
        name: the deployment's name; with the moment it was due it names the run that is made up, so that it is made
            up once even if this is done twice.
        due: the newest moment at or before ``now`` at which a run was due.
        now: the moment.
        catch_up: whether any is made up.
        since: when the deployment was made; what was due before was never missed.
    """
    late = [run for run in runs_of(client, deployment, [StateType.SCHEDULED], before=now) if run.auto_scheduled]
    kept = [run for run in late if catch_up and run.expected_start_time >= due][:1]
    dropped = [run for run in late if run not in kept]
    why = f"a run due at {due:%Y-%m-%d %H:%M:%S %Z} stands for it" if catch_up else "catch_up is off"
    for run in dropped:
        client.set_flow_run_state(run.id, Cancelled(message=f"Missed: nothing could start it; {why}."), force=True)
    if not catch_up or since > due:
        return Settled(taken_back=len(dropped))
    if kept:
        return Settled(taken_back=len(dropped), made_up_for=due)
    if any(_had_its_turn(run) for run in runs_of(client, deployment, after=due, before=now)):
        return Settled(taken_back=len(dropped))
    key = f"{name} due {due.astimezone(dt.UTC).isoformat()}"
    client.create_flow_run_from_deployment(deployment, idempotency_key=key, tags=[CAUGHT_UP])
    return Settled(taken_back=len(dropped), made_up_for=due)


def _had_its_turn(run: FlowRun) -> bool:
    """Whether a run was started and not merely cut off."""
    state = run.state
    if state is None or state.type in (StateType.SCHEDULED, StateType.CRASHED):
        return False
    return not (state.type == StateType.CANCELLED and state.message == STOPPED)
