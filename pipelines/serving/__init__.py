"""``churnml serve``: a project kept on its schedules on one machine, until it is stopped.

Two processes are watched: a Prefect server with its scheduler (unless ``PREFECT_API_URL`` names one), and the runner
that starts what is due. What dies is started again; at the end nothing of it is left running.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import logging
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from churnml.adapters.project import Project, open_project
from churnml.errors import ProjectError, UnavailableError
from pipelines.clock import moment
from pipelines.names import deployment_name, limit_name
from pipelines.serving.api import FlowRunLine, PrefectApi, RunUnderWay
from pipelines.serving.children import Child
from pipelines.serving.told import OWN_SERVER

log = logging.getLogger("churnml.serve")

# seconds: for a server to answer on a slow disk, for its scheduler to make the first runs, between two looks
STARTING = 180.0
SCHEDULING = 90.0
LOOK = 5.0
# looks in a row at which a server that runs may be silent, or may answer what it is asked with errors
SILENT = 8
REFUSED = 12
# looks in a row at which a run may be under way while the runner has no process of one
PROCESSLESS = 6
# looks in a row at which the project's only place may be taken by nobody
UNCLAIMED = 6
# looks in a row at which a run that is due may stand untouched, and an active schedule may have no run to come
UNTOUCHED = 12
UNSCHEDULED = 24
# a runner that is well takes a run within seconds of when it is due
OVERDUE = dt.timedelta(seconds=60)
# a run's process says that it has begun within seconds
NOT_BEGUN = dt.timedelta(minutes=5)
RUNNER_GRACE, SERVER_GRACE = 60.0, 30.0


@dataclass(frozen=True)
class Ports:
    """Loopback ports: of the Prefect server, any free one when None; of the probes, none at all when None."""

    server: int | None = None
    probes: int | None = None


class InARow:
    """Looks in a row at which something was wrong; ``allowed`` of them are borne."""

    def __init__(self, allowed: int) -> None:
        self.allowed, self._looks = allowed, 0

    def at_last(self, wrong: bool) -> bool:
        """Whether this look is the one at which it is borne no longer; they are then counted anew."""
        self._looks = self._looks + 1 if wrong else 0
        if self._looks < self.allowed:
            return False
        self._looks = 0
        return True

    @property
    def seconds(self) -> int:
        """How long they take."""
        return int(self.allowed * LOOK)


class Serving:
    """A project under watch.

    Args:
        project: whose schedules.
        api: the server.
        server: the server's process; None where somebody else runs it.
        runner: the process that starts runs.
    """

    def __init__(self, project: Project, api: PrefectApi, server: Child | None, runner: Child) -> None:
        self.project, self.api, self.server, self.runner = project, api, server, runner
        self.stopping = threading.Event()
        self._told_until = moment().replace(tzinfo=dt.UTC)
        self._silent, self._refused, self._unclaimed = InARow(SILENT), InARow(REFUSED), InARow(UNCLAIMED)
        self._untouched, self._unscheduled = InARow(UNTOUCHED), InARow(UNSCHEDULED)
        self._processless = InARow(PROCESSLESS)

    def start(self) -> None:
        """Starts both and proves that runs are scheduled.

        Raises:
            UnavailableError: the server does not answer.
            ProjectError: the runner cannot work, or the server schedules nothing.
        """
        if self.server is not None:
            self.server.start()
            self._wait_for_server(self.server)
        if not self.stopping.is_set():
            self.runner.start()
            self._wait_for_schedules()

    def watch(self) -> None:
        """Watches both until it is told to stop."""
        while not self.stopping.wait(LOOK):
            self._look_after_server()
            self._look_after_runner()
            self._ask_the_server()

    def stop(self) -> None:
        """Ends both, and all they started."""
        log.info("stopping: runs under way are cancelled, and made up when churnml serve is started again")
        self.runner.stop(RUNNER_GRACE)
        with contextlib.suppress(httpx.HTTPError):
            self._tell_news()
        if self.server is not None:
            self.server.stop(SERVER_GRACE)
        self.api.close()
        log.info("stopped; nothing is left running")

    # ---------------------------------------------------------------- at the start

    def _wait_for_server(self, server: Child) -> None:
        until = time.monotonic() + STARTING
        while not self.stopping.wait(0.5):
            if self.api.answers():
                return
            if not server.alive or time.monotonic() > until:
                raise UnavailableError(
                    "The Prefect server does not start.",
                    where=str(server.log_file),
                    remedy=f"Its last lines:\n{server.tail()}",
                )

    def _wait_for_schedules(self) -> None:
        """Nothing is believed of a scheduler that is not seen to work: one that fails says so in its own log only."""
        until = time.monotonic() + SCHEDULING
        while not self.stopping.wait(1.0):
            if self.runner.code is not None:
                raise ProjectError(
                    f"The runner of the project ended at once, with exit code {self.runner.code}.",
                    where=f"project {self.project.name}",
                    remedy="See above for why.",
                )
            missing = self._not_scheduled()
            if not missing:
                return
            if time.monotonic() > until:
                raise ProjectError(
                    f"The Prefect server schedules no runs of {', '.join(sorted(missing))}.",
                    where=self.api.url,
                    remedy="Its scheduler is off or fails: see the server's own log; "
                    "'prefect server start' runs one unless told --no-services.",
                )

    def _to_schedule(self) -> set[str]:
        """The names of the deployments with an active schedule, as declared."""
        declared = self.project.spec.schedules
        kinds = {"score": declared.score, "train": declared.train, "impact": declared.impact}
        return {deployment_name(self.project.name, kind) for kind, schedule in kinds.items() if schedule.active}

    def _not_scheduled(self) -> set[str]:
        """The deployments with an active schedule that have no run to come; all while they are being put there."""
        try:
            there = self.api.deployments()
            return (self._to_schedule() - set(there.values())) | self._without_a_run_to_come(there)
        except httpx.HTTPError:
            return self._to_schedule()

    def _without_a_run_to_come(self, deployments: Mapping[str, str]) -> set[str]:
        """The names of those deployments (id → name) that are to be scheduled and of which no run is."""
        wanted = self._to_schedule()
        return {name for id_, name in deployments.items() if name in wanted and not self.api.count("SCHEDULED", id_)}

    # ---------------------------------------------------------------- later

    def _look_after_server(self) -> None:
        server = self.server
        if server is None:
            return
        if server.code is not None:
            code, tail = server.code, server.tail()
            wait = server.died()
            told = {"code": code, "wait": wait, "tail": tail}
            log.warning("the Prefect server ended (%(code)s); started again in %(wait).0f s. %(tail)s", told)
        if server.due:
            server.start()
        if self._silent.at_last(server.alive and not self.api.answers()):
            log.warning("the Prefect server has not answered for %(seconds)d s", {"seconds": self._silent.seconds})
            server.kill()

    def _look_after_runner(self) -> None:
        if self.runner.code is not None:
            code = self.runner.code
            wait = self.runner.died()
            log.warning("the runner ended (%(code)s); started again in %(wait).0f s", {"code": code, "wait": wait})
        if self.runner.due and self.api.answers():
            self.runner.start()

    def _ask_the_server(self) -> None:
        """All that is seen through the server's API; one that is up and can answer nothing is told, and started anew.

        Its health says only that its process lives: after a full disk its database may fail at every question.
        """
        problem = None
        try:
            self._look_after_place()
            self._look_for_standstill()
            self._tell_news()
        except httpx.HTTPStatusError as error:
            problem = f"{error.response.status_code} at {error.request.url.path}"
        except httpx.HTTPError:
            # it is silent, or down: that is looked after elsewhere
            return
        if self._refused.at_last(problem is not None):
            told = {"seconds": self._refused.seconds, "problem": problem}
            log.warning("the Prefect server has answered with errors for %(seconds)d s (%(problem)s)", told)
            if self.server is not None:
                self.server.kill()

    def _look_after_place(self) -> None:
        """Gives the project's one place back where it is lost: else nothing of the project ever runs again.

        A full disk, or a server that is killed, loses the word of a process that it has ended, or the note of who
        holds the place. Only on our own server, whose runs are all ours.
        """
        if self.server is None:
            return
        limit = limit_name(self.project.name)
        under_way = self.api.under_way()
        self._end_lost(under_way)
        if self._unclaimed.at_last(not under_way and self.api.taken(limit) > 0):
            self.api.give_back(limit)
            told = {"seconds": self._unclaimed.seconds}
            log.warning("a run that is over kept the project's place for %(seconds)d s; it is given back", told)

    def _look_for_standstill(self) -> None:
        """Starts anew what lives and does not do its work: seen by its work, since a process can live on idle.

        A runner takes every run that is due, even one that then has to wait for its place; a server always has the
        next run of an active schedule ready. While a run is under way its runner is left alone.
        """
        overdue = self.api.overdue(moment().replace(tzinfo=dt.UTC) - OVERDUE)
        if self._untouched.at_last(overdue > 0 and self.runner.alive and not self.api.under_way()):
            told = {"runs": overdue, "seconds": int(OVERDUE.total_seconds())}
            log.warning("%(runs)d runs are over %(seconds)d s late: the runner lives and starts nothing", told)
            self.runner.kill()
        missing = self._without_a_run_to_come(self.api.switched_on())
        if self._unscheduled.at_last(bool(missing)):
            unscheduled = {"names": ", ".join(sorted(missing)), "seconds": self._unscheduled.seconds}
            log.warning("the Prefect server has scheduled no run of %(names)s for %(seconds)d s", unscheduled)
            if self.server is not None:
                self.server.kill()

    def _end_lost(self, under_way: Sequence[RunUnderWay]) -> None:
        """Ends runs whose process is gone: none is there, or it has not begun, or is past the time it is given."""
        now, names = moment().replace(tzinfo=dt.UTC), self.api.deployments() if under_way else {}
        at_work = [run for run in under_way if run.state != "PAUSED"]
        gone = self._processless.at_last(bool(at_work) and self.runner.childless)
        for run in under_way:
            given = NOT_BEGUN if run.state == "PENDING" else self._given(names.get(run.deployment or "", ""))
            since = now - run.since
            if gone and run in at_work and since.total_seconds() > self._processless.seconds:
                why = "Its process is gone, and how it ended was lost."
            elif since > given:
                why = f"Nothing was heard of it for {int(since.total_seconds() // 60)} minutes."
            else:
                continue
            self.api.end(run.run_id, why)
            log.warning("%(run)s is given up. %(why)s", {"run": run.name, "why": why})

    def _given(self, deployment: str) -> dt.timedelta:
        """How long a run of a deployment (its name) may be under way, and a little more."""
        declared = self.project.spec.schedules
        kinds = {"score": declared.score, "impact": declared.impact, "deliver": declared.deliver}
        schedule = kinds.get(deployment.removeprefix(deployment_name(self.project.name, "")), declared.train)
        return dt.timedelta(minutes=schedule.timeout_minutes) + NOT_BEGUN

    def _tell_news(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            ended = self.api.ended_since(self._told_until)
            self._told_until = max([self._told_until, *(run.ended for run in ended if run.ended)])
            # those that never began have no name of their own and share a reason
            never = Counter(run.message for run in ended if run.state == "CANCELLED" and not run.began)
            for why, many in never.items():
                log.info("%(runs)d that were due never began. %(why)s", {"runs": many, "why": why})
            for run in ended:
                if run.state != "CANCELLED" or run.began:
                    tell_run_ended(run)


def tell_run_ended(run: FlowRunLine) -> None:
    """A line for a run that ended."""
    line = {"run": run.name, "state": run.state_name.lower(), "seconds": run.seconds, "why": run.message}
    if run.state == "COMPLETED":
        log.info("%(run)s: %(state)s in %(seconds).0f s", line)
    else:
        log.warning("%(run)s: %(state)s after %(seconds).0f s. %(why)s", line)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds the folder of a project's schedules; raises ProjectError while another process does."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise ProjectError(
                f"Another churnml serve keeps this project on its schedules (process {lock.read().strip()}).",
                where=str(folder),
                remedy="Stop it first, or leave it to it.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def free_port() -> int:
    """A port on the loopback that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def own_environment(folder: Path, url: str) -> dict[str, str]:
    """What a Prefect server of ours and its runner are told: all of it stays in ``folder`` and on this machine."""
    return os.environ | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        OWN_SERVER: "1",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "DO_NOT_TRACK": "true",
        # who holds the project's slot is known after the server died, too
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10",
    }


def runs_environment(environment: dict[str, str]) -> dict[str, str]:
    """What the runner and its runs are told: our lines on the run's page, and patience with a server that restarts."""
    # a flow without Prefect cannot be scheduled
    kept = {name: value for name, value in environment.items() if name != "CHURNML_ENGINE"}
    return kept | {
        "PREFECT_LOGGING_LEVEL": "WARNING",
        # how a run ended is told in a line of ours; its traceback stands on its page
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "churnml",
        "PREFECT_CLIENT_MAX_RETRIES": "10",
    }


def opened_serving(root: Path, ports: Ports) -> Serving:
    """A project made ready to be served; raises UnavailableError when the server it names does not answer."""
    project = open_project(root)
    project.check_declarations()
    folder = project.work / "serve"
    elsewhere = os.environ.get("PREFECT_API_URL")
    tag = f"churnml:{project.name}"
    runner = ["pipelines.serving.runner", str(project.root.resolve())]
    if elsewhere:
        api = PrefectApi(elsewhere, tag)
        if not api.answers():
            raise UnavailableError(
                "The Prefect server does not answer.",
                where="PREFECT_API_URL in the environment",
                remedy="Start it, or unset PREFECT_API_URL: churnml serve then starts one of its own.",
            )
        return Serving(
            project, api, None, Child("the runner", runner, runs_environment(dict(os.environ)), project.root, None)
        )
    port = ports.server or free_port()
    api = PrefectApi(f"http://127.0.0.1:{port}/api", tag)
    environment = own_environment(folder, api.url)
    command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = Child("the Prefect server", command, environment, project.root, folder / "server.log")
    return Serving(project, api, server, Child("the runner", runner, runs_environment(environment), project.root, None))


def answer_probes(serving: Serving, port: int) -> None:
    """Answers probes from a thread that ends with the process; raises UnavailableError when the port is taken."""
    from pipelines.serving.probes import Watcher, probe_server

    probes = probe_server(Watcher(serving.project, serving.api, lambda: serving.runner.alive), port)
    threading.Thread(target=probes.serve_forever, daemon=True, name="probes").start()
    log.info("/healthz, /readyz and /metrics are at http://127.0.0.1:%(port)d", {"port": probes.server_port})


def serve(root: Path, ports: Ports) -> None:
    """Keeps the project on its schedules until SIGTERM or SIGINT.

    Raises:
        ProjectError: another process serves the project, or no runs are scheduled.
        UnavailableError: the Prefect server does not start, or does not answer.
    """
    with alone_in(open_project(root).work / "serve"):
        serving = opened_serving(root, ports)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: serving.stopping.set())
        try:
            if ports.probes is not None:
                answer_probes(serving, ports.probes)
            serving.start()
            if not serving.stopping.is_set():
                told = {"project": serving.project.name, "url": serving.api.url.removesuffix("/api")}
                log.info("%(project)s runs by its schedules; Prefect's pages are at %(url)s", told)
            serving.watch()
        finally:
            serving.stop()
