"""The process that starts a project's runs when they are due: ``python -m pipelines.serving.runner PROJECT``.

It puts the project's deployments on the server, settles what was missed while it was away, and then waits for runs.
Each run is a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

# the flows' engine sets Prefect up, so it comes before anything of Prefect's
import pipelines.engine  # isort: skip # noqa: F401

from prefect.client.orchestration import get_client
from prefect.runner import Runner

from churnml.adapters.project import open_project
from churnml.errors import ChurnmlError
from pipelines.clock import moment
from pipelines.deployments import planned_deployments
from pipelines.putting import PutDeployment, Takeover, put_all
from pipelines.serving.told import OWN_SERVER, set_up_child_log

log = logging.getLogger("churnml.serve")

# how often the server is asked for runs that are due
POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Registered:
    """A deployment that is on the server already, as Prefect's runner takes one."""

    deployment_id: UUID
    name: str
    storage: None = None

    async def aapply(self) -> UUID:
        return self.deployment_id


def put_deployments(root: Path, *, own_server: bool) -> list[PutDeployment]:
    """Puts the project's deployments on the server, and settles what was missed; says what was done."""
    project = open_project(root)
    now = moment().replace(tzinfo=dt.UTC)
    # on a server of our own the project is alone; elsewhere another folder of the same name is to be told
    how = Takeover(alone=True, replace=own_server)
    with get_client(sync_client=True) as client:
        put = put_all(client, planned_deployments(project), how, now, catch_up=project.spec.schedules.catch_up)
    for one in put:
        tell(one)
    return put


def tell(put: PutDeployment) -> None:
    """A line for what was done to a deployment, and one for each thing done about its past."""
    log.info("%(line)s", {"line": put.line})
    name, settled = put.planned.name, put.settled
    if settled.ended:
        log.warning(
            "%(name)s: %(runs)d runs had been cut off; they are marked as crashed",
            {"name": name, "runs": settled.ended},
        )
    if settled.taken_back:
        log.warning(
            "%(name)s: %(runs)d missed runs are not made up one by one", {"name": name, "runs": settled.taken_back}
        )
    if settled.made_up_for:
        log.warning(
            "%(name)s: the run due at %(due)s was missed and is made up now",
            {"name": name, "due": f"{settled.made_up_for:%Y-%m-%d %H:%M:%S %Z}"},
        )


async def run_until_stopped(name: str, deployments: Sequence[PutDeployment]) -> None:
    """Starts runs as they are due, until SIGTERM; runs under way are then cancelled."""
    # what runs together is limited by the server; schedules stay, so that what is due meanwhile is made up
    runner = Runner(name=name, pause_on_shutdown=False, limit=None, query_seconds=POLL_SECONDS)
    loop, waiting = asyncio.get_running_loop(), asyncio.current_task()
    stopping: list[asyncio.Task[None]] = []

    def end() -> None:
        if runner.started:
            stopping.append(asyncio.ensure_future(runner.astop()))
        elif waiting is not None:
            # it has not begun, or an error ended it and it waits for what never comes
            waiting.cancel()

    # Prefect's own answer to SIGTERM waits for the loop it interrupts
    runner.handle_sigterm = lambda *_: loop.call_soon_threadsafe(end)
    for one in deployments:
        await runner.aadd_deployment(Registered(one.deployment_id, one.planned.name))
    with contextlib.suppress(asyncio.CancelledError):
        await runner.start()
    await asyncio.gather(*stopping)


def main() -> None:
    """The process: exit code 1 is a mistake to mend, told on standard error."""
    set_up_child_log()
    try:
        put = put_deployments(Path(sys.argv[1]), own_server=OWN_SERVER in os.environ)
    except ChurnmlError as mistake:
        sys.stderr.write(f"churnml: {mistake}\n")
        sys.exit(1)
    asyncio.run(run_until_stopped(f"churnml-{put[0].planned.project}", put))


if __name__ == "__main__":
    main()
