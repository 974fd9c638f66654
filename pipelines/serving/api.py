"""What ``churnml serve`` asks a Prefect server, over its API: nothing here imports Prefect."""

from __future__ import annotations

import base64
import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
# those that hold a place of a concurrency limit
UNDER_WAY = ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
SECONDS = 10.0


@dataclass(frozen=True)
class FlowRunLine:
    """A run, as far as it is told."""

    name: str
    deployment: str | None
    state: str
    state_name: str
    message: str
    ended: dt.datetime | None
    seconds: float
    began: bool


@dataclass(frozen=True)
class RunUnderWay:
    """A run that has not ended, since when it is in its state.

    Args:
        run_id, name: of the run.
        deployment: the id of its deployment.
        state: PENDING, RUNNING, …
        since: when it came into it.
    """

    run_id: str
    name: str
    deployment: str | None
    state: str
    since: dt.datetime


class PrefectApi:
    """A Prefect server at ``url`` (with ``/api``), seen by one project.

    Args:
        url: where it is.
        tag: what the project's deployments and runs are marked with.
    """

    def __init__(self, url: str, tag: str) -> None:
        self.url, self._tag = url.rstrip("/"), tag
        self._http = httpx.Client(timeout=SECONDS, headers=_authorization(os.environ))

    def close(self) -> None:
        self._http.close()

    def answers(self) -> bool:
        """Whether it is there and well."""
        try:
            return self._http.get(f"{self.url}/health").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def deployments(self) -> dict[str, str]:
        """Id → name of the project's deployments."""
        return {one["id"]: one["name"] for one in self._deployments()}

    def switched_on(self) -> dict[str, str]:
        """Id → name of the project's deployments with a schedule that nobody has paused."""
        return {
            one["id"]: one["name"]
            for one in self._deployments()
            if not one["paused"] and any(schedule["active"] for schedule in one["schedules"])
        }

    def overdue(self, before: dt.datetime) -> int:
        """How many of the project's runs were due before a moment and have not been touched; those paused left out."""
        untouched = {"type": {"any_": ["SCHEDULED"]}, "name": {"any_": ["Scheduled", "Late"]}}
        due = {"before_": before.isoformat()}
        wanted = {
            "flow_runs": {"tags": {"all_": [self._tag]}, "state": untouched, "next_scheduled_start_time": due},
            "deployments": {"tags": {"all_": [self._tag]}, "paused": {"eq_": False}},
        }
        return int(self._post("/flow_runs/count", wanted))

    def count(self, state: str, deployment: str) -> int:
        """How many runs of a deployment (id) are in a state."""
        wanted = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": [state]}}}
        return int(self._post("/flow_runs/count", {"flow_runs": wanted}))

    def under_way(self) -> list[RunUnderWay]:
        """The project's runs that have begun, or are about to, and have not ended."""
        wanted = {"tags": {"all_": [self._tag]}, "state": {"type": {"any_": list(UNDER_WAY)}}}
        return [
            RunUnderWay(run["id"], run["name"], run["deployment_id"], run["state_type"], since)
            for run in self._post("/flow_runs/filter", {"flow_runs": wanted})
            if (since := _moment(run["state"]["timestamp"])) is not None
        ]

    def end(self, run_id: str, why: str) -> None:
        """Tells the server that a run has crashed, whatever it thinks."""
        state = {"type": "CRASHED", "name": "Crashed", "message": why}
        self._post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})

    def taken(self, limit: str) -> int:
        """How many places of a concurrency limit are taken; none where there is no such limit."""
        answer = self._http.get(f"{self.url}/v2/concurrency_limits/{limit}")
        return int(answer.json()["active_slots"]) if answer.status_code == httpx.codes.OK else 0

    def give_back(self, limit: str) -> None:
        """Frees every place of a concurrency limit."""
        answer = self._http.patch(f"{self.url}/v2/concurrency_limits/{limit}", json={"active_slots": 0})
        answer.raise_for_status()

    def last_success(self, deployment: str) -> dt.datetime | None:
        """When the newest run of a deployment (id) that succeeded ended."""
        wanted = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["COMPLETED"]}}}
        newest = self._post("/flow_runs/filter", {"flow_runs": wanted, "sort": "END_TIME_DESC", "limit": 1})
        return _moment(newest[0]["end_time"]) if newest else None

    def ended_since(self, moment: dt.datetime) -> list[FlowRunLine]:
        """The project's runs that ended after ``moment``, oldest first."""
        wanted = {
            "tags": {"all_": [self._tag]},
            "state": {"type": {"any_": list(ENDED)}},
            "end_time": {"after_": moment.isoformat()},
        }
        runs = self._post("/flow_runs/filter", {"flow_runs": wanted, "sort": "END_TIME_DESC"})
        lines = [
            FlowRunLine(
                name=run["name"],
                deployment=run["deployment_id"],
                state=run["state_type"],
                state_name=run["state_name"],
                message=run["state"].get("message") or "",
                ended=_moment(run["end_time"]),
                seconds=float(run.get("total_run_time") or 0.0),
                began=bool(run.get("run_count")),
            )
            for run in runs
        ]
        return [line for line in reversed(lines) if line.ended is not None and line.ended > moment]

    def _deployments(self) -> Any:
        return self._post("/deployments/filter", {"deployments": {"tags": {"all_": [self._tag]}}})

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self._http.post(f"{self.url}{path}", json=body)
        answer.raise_for_status()
        return answer.json()


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _authorization(environment: Mapping[str, str]) -> dict[str, str]:
    if key := environment.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    if pair := environment.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}
