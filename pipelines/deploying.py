"""``churnml deploy``: a project's deployments on somebody else's Prefect server, for the workers of a pool."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from prefect.client.orchestration import get_client

from churnml.adapters.project import open_project
from churnml.errors import ProjectError, UnavailableError, UnknownNameError
from pipelines.clock import moment
from pipelines.deployments import planned_deployments, prefect_yaml
from pipelines.putting import PutDeployment, Takeover, put_all

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# the pool that a prefect.yaml names where none is given
USUAL_POOL = "churnml"


def deploy(root: Path, pool: str | None, *, replace: bool) -> list[PutDeployment]:
    """Puts the deployments there, again and again the same; says what was made and what was changed.

    Args:
        root: the project's folder, as the workers see it.
        pool: whose workers run it; None for the only pool there is.
        replace: take over deployments of another folder, or those that ``churnml serve`` runs.

    Raises:
        ProjectError: no server is named, there is no pool to choose, or the deployments are somebody else's.
        UnavailableError: the server does not answer.
        UnknownNameError: it has no such pool.
    """
    if not os.environ.get("PREFECT_API_URL"):
        raise ProjectError(
            "No Prefect server is named; the one that Prefect makes up for a while has no scheduler.",
            where="PREFECT_API_URL in the environment",
            remedy="Name the server's API: export PREFECT_API_URL=http://HOST:4200/api; for one machine there is "
            "'churnml serve'.",
        )
    project = open_project(root)
    planned = planned_deployments(project)
    now = moment().replace(tzinfo=dt.UTC)
    try:
        with get_client(sync_client=True) as client:
            how = Takeover(pool=_pool(client, pool), replace=replace)
            return put_all(client, planned, how, now, catch_up=project.spec.schedules.catch_up)
    except httpx.TransportError as problem:
        raise UnavailableError(
            f"The Prefect server does not answer ({type(problem).__name__}).",
            where="PREFECT_API_URL in the environment",
            remedy="Start it, or correct the address, and try again.",
        ) from None


def yaml_of(root: Path, pool: str | None) -> str:
    """The same deployments as a ``prefect.yaml``."""
    return prefect_yaml(planned_deployments(open_project(root)), pool or USUAL_POOL).rstrip()


def _pool(client: SyncPrefectClient, wanted: str | None) -> str:
    pools = [pool.name for pool in client.read_work_pools()]
    if wanted is None and len(pools) == 1:
        return str(pools[0])
    if wanted is None:
        raise ProjectError(
            f"The server has {len(pools)} work pools, so one is to be named.",
            where="--pool",
            remedy=f"Name one of {', '.join(pools)}."
            if pools
            else f"Make one: prefect work-pool create {USUAL_POOL} --type process; and start a worker: "
            f"prefect worker start --pool {USUAL_POOL}.",
        )
    if wanted not in pools:
        raise UnknownNameError("work pool", wanted, pools, where="--pool")
    return wanted
