"""Deployments put on a Prefect server: made, changed where they differ, left alone where they do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.exceptions import ObjectNotFound

from churnml.errors import ProjectError
from pipelines.deployments import PlannedDeployment, last_due
from pipelines.missed import Settled, end_what_was_left, settle_missed
from pipelines.names import PREFIX, limit_name

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# key of the payload → what a person calls it
WORDS = {
    "version": "version",
    "description": "description",
    "tags": "tags",
    "parameters": "parameters",
    "parameter_openapi_schema": "kinds of parameters",
    "enforce_parameter_schema": "checking of parameters",
    "entrypoint": "entrypoint",
    "schedules": "schedule",
    "work_pool_name": "work pool",
    "job_variables": "environment of runs",
    "pull_steps": "pull steps",
    "collision": "collision strategy",
}


@dataclass(frozen=True)
class PutDeployment:
    """A deployment on the server.

    Args:
        planned: what it is.
        deployment_id: its id there.
        created: whether it was not there before.
        changed: what of it was changed, in words.
        settled: what was done about its missed runs.
    """

    planned: PlannedDeployment
    deployment_id: UUID
    created: bool
    changed: tuple[str, ...]
    settled: Settled

    @property
    def line(self) -> str:
        """What was done, for people."""
        done = "created" if self.created else f"changed ({', '.join(self.changed)})" if self.changed else "unchanged"
        return f"{self.planned.full_name}: {done}"


@dataclass(frozen=True)
class Takeover:
    """What may be done to deployments that are already there.

    Args:
        pool: the work pool whose workers run them; None where ``churnml serve`` does.
        replace: take over those of another folder of the same name, or of another way of running them.
        alone: nothing else starts runs of this project now, so what is under way there is dead.
    """

    pool: str | None = None
    replace: bool = False
    alone: bool = False


def put_all(
    client: SyncPrefectClient,
    planned: Sequence[PlannedDeployment],
    how: Takeover,
    now: dt.datetime,
    *,
    catch_up: bool,
) -> list[PutDeployment]:
    """Puts the deployments of a project on a server; raises ProjectError when they are somebody else's there."""
    there = {one.name: _read(client, one) for one in planned}
    for one in planned:
        _refuse_anothers(one, there[one.name], how)
    limit = _limit_of(client, planned[0].project)
    return [_put(client, one, there[one.name], how, limit, now, catch_up) for one in planned]


def _put(
    client: SyncPrefectClient,
    planned: PlannedDeployment,
    there: Mapping[str, Any] | None,
    how: Takeover,
    limit: UUID,
    now: dt.datetime,
    catch_up: bool,
) -> PutDeployment:
    payload = planned.payload(how.pool)
    shared = _shared(planned, limit)
    if there is None:
        flow_id = client.create_flow_from_name(f"{PREFIX}{planned.kind}")
        body = {**payload, "name": planned.name, "flow_id": str(flow_id)}
        made = client.request("POST", "/deployments/", json=body)
        deployment = UUID(made.json()["id"])
        client.request("PATCH", "/deployments/{id}", path_params={"id": deployment}, json=shared)
        return PutDeployment(planned, deployment, True, (), Settled())
    deployment = UUID(there["id"])
    # before it is changed: a change takes back the runs that are to come
    settled = _settle(client, planned, there, how, now, catch_up)
    changed = [key for key, value in payload.items() if not _same(key, value, there)]
    other_limit = (there.get("global_concurrency_limit") or {}).get("id") != shared["global_concurrency_limit_id"]
    strategy = (there.get("concurrency_options") or {}).get("collision_strategy")
    if other_limit or (planned.limited and strategy != planned.collision):
        changed.append("collision")
    if changed:
        patch = {key: payload[key] for key in changed if key in payload}
        if "collision" in changed:
            patch |= shared
        client.request("PATCH", "/deployments/{id}", path_params={"id": deployment}, json=patch)
    return PutDeployment(planned, deployment, False, tuple(WORDS[key] for key in changed), settled)


def _settle(
    client: SyncPrefectClient,
    planned: PlannedDeployment,
    there: Mapping[str, Any],
    how: Takeover,
    now: dt.datetime,
    catch_up: bool,
) -> Settled:
    deployment = UUID(there["id"])
    ended = end_what_was_left(client, deployment) if how.alone else 0
    due = last_due(planned, now)
    if due is None or there.get("paused"):
        return Settled(ended)
    since = dt.datetime.fromisoformat(there["created"])
    settled = settle_missed(client, deployment, planned.name, due, now, catch_up=catch_up, since=since)
    return Settled(ended, settled.taken_back, settled.made_up_for)


def _shared(planned: PlannedDeployment, limit: UUID) -> dict[str, Any]:
    """The limit it shares with the project's other flows, and what becomes of a run beyond it."""
    if not planned.limited:
        return {"global_concurrency_limit_id": None}
    return {
        "global_concurrency_limit_id": str(limit),
        "concurrency_options": {"collision_strategy": planned.collision},
    }


def _limit_of(client: SyncPrefectClient, project: str) -> UUID:
    name = limit_name(project)
    client.upsert_global_concurrency_limit_by_name(name, 1)
    limit: UUID = client.read_global_concurrency_limit_by_name(name).id
    return limit


def _read(client: SyncPrefectClient, planned: PlannedDeployment) -> dict[str, Any] | None:
    try:
        known = client.read_deployment_by_name(planned.full_name)
    except ObjectNotFound:
        return None
    answer: dict[str, Any] = client.request("GET", "/deployments/{id}", path_params={"id": known.id}).json()
    return answer


def _refuse_anothers(planned: PlannedDeployment, there: Mapping[str, Any] | None, how: Takeover) -> None:
    if there is None or how.replace:
        return
    folder = (there.get("parameters") or {}).get("project")
    if folder != planned.parameters["project"]:
        raise ProjectError(
            f"The server has '{planned.full_name}' for another folder: {folder}.",
            where=f"project {planned.project}",
            remedy="Give one of the projects another name in its project.yaml; where the project was moved, "
            "say --replace.",
        )
    pool = there.get("work_pool_name")
    if pool != how.pool:
        now = f"by the workers of '{pool}'" if pool else "by churnml serve"
        raise ProjectError(
            f"'{planned.full_name}' is run {now} on this server.",
            where=f"project {planned.project}",
            remedy="Stop it there and say --replace to take it over; two of them would do every day's work twice.",
        )


def _same(key: str, value: object, there: Mapping[str, Any]) -> bool:
    present = there.get(key)
    if key == "schedules":
        keys = ("active", "slug")
        return value == [{"schedule": s["schedule"], **{k: s[k] for k in keys}} for s in present or []]
    if key == "tags":
        return set(value) == set(present or ())  # type: ignore[call-overload, no-any-return] # a list, as its key says
    if key == "pull_steps":
        return not present
    return value == present
