"""What a run started by its schedule keeps to: it gives way to a newer one, ends in time, and has a name.

Only imported where the flows run under Prefect.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
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
from pipelines.missed import TOO_LATE, newer_one_due
from pipelines.progress import say
from pipelines.serving.told import show_warnings

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

Step = TypeVar("Step", bound=Callable[..., Any])

# "churnml score" → score
PREFIX = "churnml "


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
    """``function``, as a run of a deployment: it gives way to a newer run that is due, and is given up in time.

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
        why = why_not(run, project)
        if why is not None:
            say(why)
            return Cancelled(message=why)
        minutes = minutes_for(project, context.flow.name.removeprefix(PREFIX))
        with timeout(seconds=minutes * 60):
            return function(*args, **kwargs)

    # Prefect reads types where the wrapper stands, which is here, so they are resolved where they were written
    called.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    called.__annotations__ = inspect.get_annotations(function, eval_str=True)
    return called  # type: ignore[return-value] # of the same shape


def why_not(run: FlowRun, project: Project) -> str | None:
    """Why a run that has begun is not to go on, or None."""
    if not run.auto_scheduled or run.expected_start_time is None:
        return None
    now = moment().replace(tzinfo=dt.UTC)
    due = f"{run.expected_start_time:%Y-%m-%d %H:%M:%S %Z}"
    if not project.spec.schedules.catch_up and now - run.expected_start_time > TOO_LATE:
        return f"it was due at {due} and could not be started then; catch_up is off, so nothing is made up"
    with get_client(sync_client=True) as client:
        newer = newer_one_due(client, run, now)
    if newer is None:
        return None
    return f"it was due at {due}; the newer run due at {newer:%Y-%m-%d %H:%M:%S %Z} stands for it"


def minutes_for(project: Project, kind: str) -> int:
    """How long a run of a flow may take; the whole job and a backfill as long as a training."""
    declared = project.spec.schedules
    return {
        "score": declared.score,
        "impact": declared.impact,
        "deliver": declared.deliver,
    }.get(kind, declared.train).timeout_minutes
