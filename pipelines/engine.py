"""What the flows are decorated with: Prefect's own ``flow`` and ``task``, or nothing at all.

With ``CHURNML_ENGINE=plain`` the flows run as the plain functions they are: the same steps and the
same results, some ten seconds sooner, without a record in Prefect.
"""

from __future__ import annotations

import contextvars
import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from pipelines.lineage import with_lineage
from pipelines.parameters import checked

Step = TypeVar("Step", bound=Callable[..., Any])

PLAIN = "plain"
# How often a step is tried again that an outage ended, after 5, 10 … seconds: what is written twice is written once.
RETRIES = 2
FIRST_WAIT_SECONDS = 5

if os.environ.get("CHURNML_ENGINE") == PLAIN:

    def flow(name: str) -> Callable[[Step], Step]:
        """A flow that is just its function, with its parameters checked all the same."""
        return lambda function: with_lineage(name, checked(name, function))  # type: ignore[return-value] # it wraps it

    def task(name: str) -> Callable[[Step], Step]:
        """A task that is just its function."""
        return lambda function: function

else:
    # before Prefect is imported: no server to start, nothing phones home, its own log kept off the screen, and
    # what we log shown with the run
    for _name, _value in {
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "churnml",
        "DO_NOT_TRACK": "true",
    }.items():
        os.environ.setdefault(_name, _value)
    logging.getLogger("churnml").setLevel(logging.INFO)

    # by name: Prefect loads these lazily, and with them sets up its loggers
    from prefect import flow as prefect_flow
    from prefect import task as prefect_task
    from prefect.cache_policies import NO_CACHE
    from prefect.context import FlowRunContext
    from prefect.logging.handlers import APILogHandler, APILogWorker
    from prefect.tasks import exponential_backoff

    from churnml.adapters.outages import may_pass
    from churnml.errors import ChurnmlError
    from pipelines.progress import say
    from pipelines.scheduled import as_scheduled, run_name

    def of_a_run(_record: logging.LogRecord) -> bool:
        """Whether a line belongs to a run, on whose page it is then shown."""
        if FlowRunContext.get() is None:
            return False
        # the sender keeps the context it was started in: started in a task's, it would hold the tables until the exit
        contextvars.Context().run(APILogWorker.instance)
        return True

    for _handler in logging.getLogger("churnml").handlers:
        if isinstance(_handler, APILogHandler):
            _handler.addFilter(of_a_run)

    def worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
        """Whether trying again can help: an outage may pass; a user's mistake and a bug of ours stay what they are."""
        try:
            state.result()
        except Exception as problem:
            if not may_pass(problem):
                return False
            what = problem.what if isinstance(problem, ChurnmlError) else type(problem).__name__
            say(f"{what} It is tried again in some seconds.")
        return True

    def flow(name: str) -> Callable[[Step], Step]:
        """A Prefect flow whose results stay in this process; runs by a schedule keep to what the project declares."""

        def decorated(function: Step) -> Step:
            kept: Step = prefect_flow(name=name, flow_run_name=run_name, persist_result=False)(
                as_scheduled(with_lineage(name, function))
            )
            return kept

        return decorated

    def task(name: str) -> Callable[[Step], Step]:
        """A Prefect task; its arguments are tables and models, so nothing is hashed or stored."""
        decorated: Callable[[Step], Step] = prefect_task(
            name=name,
            retries=RETRIES,
            retry_delay_seconds=exponential_backoff(FIRST_WAIT_SECONDS),
            retry_condition_fn=worth_retrying,
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        return decorated
