"""What a run started by its schedule keeps to: it stands for those that are due too, ends in time, and has a name.

Only imported where the flows run under Prefect.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.states import Cancelled
from prefect.utilities.timeout import timeout

from churnml.adapters.project import Project, open_project
from churnml.errors import ChurnmlError
from pipelines.clock import day, moment
from pipelines.missed import CAUGHT_UP, TOO_LATE, stand_for_others
from pipelines.names import PREFIX
from pipelines.progress import say
from pipelines.serving.told import show_warnings

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

Step = TypeVar("Step", bound=Callable[..., Any])


def run_name() -> str:
    """Names a run by its project, its flow and the date it is for: ``demo score 2026-01-31``."""
    context = FlowRunContext.get()
    asked = context.parameters or {}
    kind = context.flow.name.removeprefix(PREFIX)
    try:
        project = open_project(Path(asked["project"]))
        name, today = project.name, project.today(day(asked.get("today")))
    except (ChurnmlError, KeyError):
        # what is wrong with it is told by the run itself
        name, today = Path(str(asked.get("project", ""))).name, day()
    if kind == "backfill":
        return f"{name} {kind} {asked.get('first')} to {asked.get('last')}"
    return f"{name} {kind} {asked.get('as_of') or today}"


def as_scheduled(function: Step) -> Step:
    """``function``, as a run of a deployment: it stands for others that are due by now, and is given up in time.

    Called by hand, or from another flow, it is as it was.
    """

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        context = FlowRunContext.get()
        run: FlowRun | None = context.flow_run if context else None
        if run is None or run.deployment_id is None:
            return function(*args, **kwargs)
        show_warnings()
        project = open_project(Path(context.parameters["project"]))
        now = moment().replace(tzinfo=dt.UTC)
        why = why_not(run, project, now)
        if why is not None:
            say(why)
            return Cancelled(message=why)
        if run.auto_scheduled or CAUGHT_UP in run.tags:
            with get_client(sync_client=True) as client:
                if others := stand_for_others(client, run, now):
                    say(f"{others} other runs of the schedule were due by now; this one stands for them")
        minutes = minutes_for(project, context.flow.name.removeprefix(PREFIX))
        try:
            with timeout(seconds=minutes * 60):
                return function(*args, **kwargs)
        except BaseException as problem:
            let_go(problem)
            raise

    # Prefect reads types where the wrapper stands, which is here, so they are resolved where they were written
    called.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    called.__annotations__ = inspect.get_annotations(function, eval_str=True)
    return called  # type: ignore[return-value] # of the same shape


def let_go(problem: BaseException | None) -> None:
    """Lets go of what the failed steps held: Prefect keeps the error to the end, and with it a database that would
    complain then about being held. The lines of its traceback stay."""
    while problem is not None:
        traceback.clear_frames(problem.__traceback__)
        problem = problem.__cause__ or problem.__context__


def why_not(run: FlowRun, project: Project, now: dt.datetime) -> str | None:
    """Why a run that has begun is not to go on, or None."""
    late = now - (run.expected_start_time or now)
    if not run.auto_scheduled or project.spec.schedules.catch_up or late <= TOO_LATE:
        return None
    due = f"{run.expected_start_time:%Y-%m-%d %H:%M:%S %Z}"
    return f"it was due at {due} and could not be started then; catch_up is off, so nothing is made up"


def minutes_for(project: Project, kind: str) -> float:
    """How long a run of a flow may take; the whole job and a backfill as long as a training."""
    declared = project.spec.schedules
    return {
        "score": declared.score,
        "impact": declared.impact,
        "deliver": declared.deliver,
    }.get(kind, declared.train).timeout_minutes
