"""The deployments of a project: which flows run by themselves, when, with what, and on whose account."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

import churnml
from churnml.adapters.project import Project
from churnml.jsontypes import Json
from churnml.specs.schedules import ANCHOR, FlowSchedule
from pipelines.names import TAG, deployment_name, full_name, limit_name

# flow → the module it stands in
MODULES = {
    "score": "pipelines.score",
    "train": "pipelines.train",
    "impact": "pipelines.impact",
    "deliver": "pipelines.deliver",
    "run": "pipelines.run",
    "backfill": "pipelines.score",
}
# what only reads the outbox waits for nobody
UNLIMITED = ("deliver",)
# a schedule is known by its slug, so that putting it again changes it and adds none
SLUG = "project-yaml"
# what a run on a work pool is told, so that what we log stands on its page
RUN_ENVIRONMENT = {"PREFECT_LOGGING_EXTRA_LOGGERS": "churnml", "DO_NOT_TRACK": "true"}
COLLISIONS = {"enqueue": "ENQUEUE", "cancel": "CANCEL_NEW"}


@dataclass(frozen=True)
class PlannedDeployment:
    """A flow of a project as a server is to know it.

    Args:
        kind: the flow, as the command line calls it.
        project: the project's name.
        parameters: what its runs are called with, unless they say otherwise.
        schedule: when it runs by itself; None where it only waits to be started.
        zone: the time zone of the schedule.
        collision: what becomes of a run while another of the project goes on.
        description: what it is for.
        schema: its parameters, as JSON schema; the server refuses what does not fit.
    """

    kind: str
    project: str
    parameters: Mapping[str, Json]
    schedule: FlowSchedule | None
    zone: str
    collision: str
    description: str
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        return deployment_name(self.project, self.kind)

    @property
    def full_name(self) -> str:
        return full_name(self.project, self.kind)

    @property
    def entrypoint(self) -> str:
        """Found wherever churnml is installed, whatever folder a worker is started in."""
        return f"{MODULES[self.kind]}.{self.kind}"

    @property
    def limited(self) -> bool:
        return self.kind not in UNLIMITED

    @property
    def tags(self) -> list[str]:
        return [TAG, f"{TAG}:{self.project}"]

    def schedules(self) -> list[dict[str, Json]]:
        """The schedule as Prefect's API takes it; none where there is none."""
        if self.schedule is None:
            return []
        return [{"schedule": clock_of(self.schedule, self.zone), "active": self.schedule.active, "slug": SLUG}]

    def payload(self, pool: str | None) -> dict[str, Any]:
        """What the server is told of it, but for the limit it shares with the project's other flows."""
        return {
            "version": churnml.__version__,
            "description": self.description,
            "tags": self.tags,
            "parameters": dict(self.parameters),
            "parameter_openapi_schema": dict(self.schema),
            "enforce_parameter_schema": True,
            "entrypoint": self.entrypoint,
            "schedules": self.schedules(),
            "work_pool_name": pool,
            "job_variables": {"env": dict(RUN_ENVIRONMENT)} if pool else {},
            "pull_steps": [],
        }


def clock_of(schedule: FlowSchedule, zone: str) -> dict[str, Json]:
    """When a schedule has runs, as Prefect writes it."""
    if schedule.every_seconds is None:
        return {"cron": schedule.cron, "timezone": zone, "day_or": True}
    anchor = ANCHOR.isoformat().replace("+00:00", "Z")
    return {"interval": schedule.every_seconds, "anchor_date": anchor, "timezone": zone}


def planned_deployments(project: Project) -> list[PlannedDeployment]:
    """Every flow of a project, as ``schedules:`` in its ``project.yaml`` has it."""
    from prefect.utilities.callables import parameter_schema

    declared = project.spec.schedules
    deliver = declared.deliver
    if not project.delivery.receivers:
        deliver = deliver.model_copy(update={"active": False})
    schedules = {"score": declared.score, "train": declared.train, "impact": declared.impact, "deliver": deliver}
    folder: dict[str, Json] = {"project": str(project.root.resolve())}
    planned = []
    for kind, module in MODULES.items():
        flow = getattr(importlib.import_module(module), kind)
        planned.append(
            PlannedDeployment(
                kind=kind,
                project=project.name,
                parameters=folder | ({"send": deliver.send} if kind == "deliver" else {}),
                schedule=schedules.get(kind),
                zone=project.spec.timezone,
                collision=COLLISIONS[declared.collision],
                description=(flow.description or "").split("\n", 1)[0],
                # a misspelt parameter is refused, too
                schema=parameter_schema(flow).model_dump(mode="json", exclude_unset=True)
                | {"additionalProperties": False},
            )
        )
    return planned


def last_due(planned: PlannedDeployment, now: dt.datetime) -> dt.datetime | None:
    """The newest moment at or before ``now`` at which its schedule has a run; None without an active one."""
    if planned.schedule is None or not planned.schedule.active:
        return None
    return planned.schedule.last_due(now, planned.zone)


def prefect_yaml(planned: list[PlannedDeployment], pool: str) -> str:
    """The deployments as the ``prefect.yaml`` of ``prefect deploy --all``.

    A limit that several deployments share cannot be written there, so each has a limit of its own, and a work queue of
    the project's whose limit is to be set by hand.
    """
    deployments = []
    for one in planned:
        declared: dict[str, Any] = {
            "name": one.name,
            "description": one.description,
            "version": churnml.__version__,
            "tags": one.tags,
            "entrypoint": one.entrypoint,
            "parameters": dict(one.parameters),
            "enforce_parameter_schema": True,
            "schedules": [{**clock_of(one.schedule, one.zone), "active": one.schedule.active, "slug": SLUG}]
            if one.schedule
            else [],
            "work_pool": {
                "name": pool,
                "work_queue_name": limit_name(one.project),
                "job_variables": {"env": dict(RUN_ENVIRONMENT)},
            },
        }
        if one.limited:
            declared["concurrency_limit"] = {"limit": 1, "collision_strategy": one.collision}
        deployments.append(declared)
    project = planned[0].project
    head = (
        f"# The deployments of {project}, for: prefect deploy --all\n"
        f"# churnml deploy puts them there by itself, with one limit over all flows of the project.\n"
        f"# Here its work queue has the limit:\n"
        f"# prefect work-queue set-concurrency-limit --pool {pool} {limit_name(project)} 1\n"
    )
    body = {"name": project, "pull": [], "deployments": deployments}
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120)
