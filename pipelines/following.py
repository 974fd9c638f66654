"""What one flow asks another to do: a run of its deployment, to be started when its turn comes."""

from __future__ import annotations

import datetime as dt
import logging

from churnml.adapters.project import Project
from pipelines.artifacts import under_prefect
from pipelines.clock import moment
from pipelines.names import full_name
from pipelines.progress import say

log = logging.getLogger("churnml.pipelines")

# where a run beside another of the project is cancelled, what is asked for is due when the one that asks is over
AFTER_THIS_RUN = dt.timedelta(minutes=5)


def of_a_deployment() -> bool:
    """Whether this is a run of a deployment, and not of somebody who calls a flow by hand."""
    if not under_prefect():
        return False
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.deployment_id)


def request_run(project: Project, kind: str, why: str) -> bool:
    """Asks the server for a run of another flow of the project, once for the run that asks; whether it was asked.

    Only where this is itself a run of a deployment: whoever calls a flow by hand decides on the next one, too. That the
    server cannot be asked fails nothing: it is told, and the flow's own schedule stays.

    Args:
        project: whose flow.
        kind: which: ``train``, ``deliver`` …
        why: for the log, and as the tag of the run.
    """
    if not of_a_deployment():
        return False
    from prefect.client.orchestration import get_client
    from prefect.context import FlowRunContext
    from prefect.states import Scheduled

    run = FlowRunContext.get().flow_run
    at = moment().replace(tzinfo=dt.UTC)
    if kind != "deliver" and project.spec.schedules.collision == "cancel":
        at += AFTER_THIS_RUN
    try:
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name(full_name(project.name, kind))
            client.create_flow_run_from_deployment(
                deployment.id, state=Scheduled(scheduled_time=at), idempotency_key=f"{run.id} {kind}", tags=[why]
            )
    except Exception as problem:
        log.warning(
            "no run of %(kind)s could be asked for (%(problem)s); its own schedule stays",
            {"kind": kind, "problem": type(problem).__name__},
        )
        return False
    say(f"a run of {kind} is asked for: {why}")
    return True


def deliver_after(project: Project) -> None:
    """Empties the outbox after a scoring, where the project has receivers and declares it."""
    if project.spec.schedules.deliver.after_score and project.delivery.receivers:
        request_run(project, "deliver", "after a scoring")
