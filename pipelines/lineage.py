"""OpenLineage events of every run, where ``OPENLINEAGE_URL`` says who is told (https://openlineage.io, RunEvent).

A run starts, and is completed, failed or aborted; its inputs are the project's declared inputs, its outputs what it
writes. That nobody can be told fails no run: it is logged once.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import churnml
from churnml.adapters.project import open_project
from churnml.errors import ChurnmlError
from pipelines.artifacts import under_prefect
from pipelines.clock import moment

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import Run

log = logging.getLogger("churnml.lineage")

Step = TypeVar("Step", bound=Callable[..., Any])

ADDRESS = "OPENLINEAGE_URL"
PRODUCER = f"urn:churnml:{churnml.__version__}"
# flow → what it writes
OUTPUTS = {
    "score": ("scores", "work", "outbox"),
    "run": ("models", "scores", "work", "outbox", "report"),
    "backfill": ("scores",),
    "train": ("models",),
    "impact": ("outcomes", "effects"),
    "deliver": ("deliveries",),
}
# seconds a lineage server may take
PATIENCE = 3.0


def with_lineage(name: str, function: Step) -> Step:
    """``function``, a flow named ``name``, with events of its runs where somebody is to be told."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not os.environ.get(ADDRESS):
            return function(*args, **kwargs)
        project = Path(inspect.signature(function).bind(*args, **kwargs).arguments["project"])
        story = RunStory(name.removeprefix("churnml "), project)
        story.tell("START")
        try:
            result = function(*args, **kwargs)
        except Exception as problem:
            story.tell("FAIL", problem)
            raise
        except BaseException:
            story.tell("ABORT")
            raise
        story.tell("COMPLETE")
        return result

    return called  # type: ignore[return-value] # of the same shape


class RunStory:
    """The events of one run.

    Args:
        kind: the flow, as the command line calls it.
        root: the project's folder.
    """

    def __init__(self, kind: str, root: Path) -> None:
        self.kind, self.silent = kind, False
        try:
            project = open_project(root)
            self.project, self.inputs = project.name, tuple(project.spec.inputs)
        except ChurnmlError:
            # what is wrong with it is told by the flow
            self.project, self.inputs = root.name, ()
        self.run_id = _run_id()
        self.client: OpenLineageClient | None = None

    def tell(self, state: str, problem: Exception | None = None) -> None:
        """Tells what became of the run. After a failure to tell, no more is tried."""
        if self.silent:
            return
        try:
            from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, RunEvent, RunState

            namespace = f"churnml/{self.project}"
            event = RunEvent(
                eventTime=moment().replace(tzinfo=dt.UTC).isoformat(),
                producer=PRODUCER,
                run=self._run(problem),
                job=Job(namespace="churnml", name=f"{self.project}.{self.kind}"),
                eventType=RunState[state],
                inputs=[InputDataset(namespace=namespace, name=one) for one in self.inputs],
                outputs=[OutputDataset(namespace=namespace, name=one) for one in OUTPUTS.get(self.kind, ())],
            )
            self.client = self.client or _client()
            self.client.emit(event)
        except ImportError:
            self._give_up("openlineage-python is not installed: pip install 'churnml[lineage]'")
        except Exception as trouble:
            self._give_up(type(trouble).__name__)

    def _run(self, problem: Exception | None) -> Run:
        from openlineage.client.event_v2 import Run
        from openlineage.client.facet_v2 import error_message_run

        if problem is None:
            return Run(runId=self.run_id)
        # of anything but a mistake told by us, only the class: a driver's message may repeat a password
        message = problem.what if isinstance(problem, ChurnmlError) else type(problem).__name__
        facet = error_message_run.ErrorMessageRunFacet(message=message, programmingLanguage="python")
        return Run(runId=self.run_id, facets={"errorMessage": facet})

    def _give_up(self, why: str) -> None:
        self.silent = True
        log.warning("%(address)s is set, but lineage events cannot be sent (%(why)s)", {"address": ADDRESS, "why": why})


def _client() -> OpenLineageClient:
    from openlineage.client import OpenLineageClient

    transport: dict[str, Any] = {
        "type": "http",
        "url": os.environ[ADDRESS],
        "endpoint": os.environ.get("OPENLINEAGE_ENDPOINT", "api/v1/lineage"),
        "timeout": PATIENCE,
        "retry": {"total": 0},
    }
    if key := os.environ.get("OPENLINEAGE_API_KEY"):
        transport["auth"] = {"type": "api_key", "apiKey": key}
    return OpenLineageClient(config={"transport": transport})


def _run_id() -> str:
    """Prefect's id of the run where it has one, so that both speak of the same."""
    if under_prefect():
        from prefect.context import FlowRunContext

        return str(FlowRunContext.get().flow_run.id)
    import uuid

    return str(uuid.uuid4())
