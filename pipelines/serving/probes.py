"""``/healthz``, ``/readyz`` and ``/metrics`` of ``churnml serve``, on a loopback port; no customer's data in any."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from churnml.adapters.project import Project
from churnml.adapters.store import Store, open_store
from churnml.errors import ChurnmlError, UnavailableError
from churnml.timeline import days
from pipelines.clock import day, moment
from pipelines.serving.api import ENDED, PrefectApi

# seconds for which what was seen is told again, so that whoever asks often costs nothing
KEPT = 15.0
STATES = ("SCHEDULED", "PENDING", "RUNNING", "CANCELLING", *ENDED)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class StoreView:
    """What the store says of the newest scored date.

    Args:
        as_of: the date; None where nothing was scored.
        scored_at: when it was written, in UTC without a zone.
        bands: band → accounts.
        messages: state → messages in the outbox.
    """

    as_of: dt.date | None = None
    scored_at: dt.datetime | None = None
    bands: dict[str, int] = field(default_factory=dict)
    messages: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """A project under ``churnml serve``, as seen at a moment.

    Args:
        server, runner: whether they are up.
        runs: (flow, state) → runs the server knows.
        succeeded: flow → when it last succeeded.
        store: what the store says; None where it cannot be asked.
    """

    server: bool
    runner: bool
    runs: dict[tuple[str, str], int] = field(default_factory=dict)
    succeeded: dict[str, dt.datetime] = field(default_factory=dict)
    store: StoreView | None = None

    def scored_last(self) -> dt.datetime | None:
        """When a scoring last succeeded: under the server, or by hand."""
        known = [self.succeeded["score"]] if "score" in self.succeeded else []
        if self.store and self.store.scored_at:
            known.append(self.store.scored_at.replace(tzinfo=dt.UTC))
        return max(known, default=None)


class Watcher(Collector):
    """Looks at a project when it is asked, at most every few seconds.

    Args:
        project: which.
        api: its server.
        runner_alive: whether its runner is.
    """

    def __init__(self, project: Project, api: PrefectApi, runner_alive: Callable[[], bool]) -> None:
        self.project, self._api, self._runner_alive = project, api, runner_alive
        self._seen: tuple[float, View] | None = None
        self._one_at_a_time = threading.Lock()

    def view(self) -> View:
        with self._one_at_a_time:
            if self._seen is None or time.monotonic() - self._seen[0] > KEPT:
                self._seen = time.monotonic(), self._look()
            return self._seen[1]

    def why_not_ready(self) -> list[str]:
        """What keeps the project from being ready; nothing when it is."""
        view = self.view()
        reasons = [] if view.server else ["the Prefect server does not answer"]
        if not view.runner:
            reasons.append("the runner is not running")
        if view.store is None:
            reasons.append("the store cannot be read")
        last, hours = view.scored_last(), self.project.spec.schedules.score.fresh_hours
        if last is None:
            reasons.append("nothing was scored yet")
        elif (age := moment().replace(tzinfo=dt.UTC) - last) > dt.timedelta(hours=hours):
            reasons.append(
                f"the newest scoring is {age.total_seconds() / 3600:.0f} hours old; {hours} are declared "
                "(schedules: score: fresh_hours)"
            )
        return reasons

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: else it would be asked when it is registered, before anything is up."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics, as Prometheus' client asks for them."""
        view = self.view()
        yield GaugeMetricFamily("churnml_server_up", "Whether the Prefect server answers.", value=view.server)
        yield GaugeMetricFamily("churnml_runner_up", "Whether the runner runs.", value=view.runner)
        yield GaugeMetricFamily("churnml_store_up", "Whether the store can be read.", value=view.store is not None)
        runs = GaugeMetricFamily("churnml_flow_runs", "Runs the server knows.", labels=["flow", "state"])
        for (flow, state), many in sorted(view.runs.items()):
            runs.add_metric([flow, state.lower()], many)
        yield runs
        success = GaugeMetricFamily(
            "churnml_last_success_timestamp_seconds", "When a flow last succeeded.", labels=["flow"]
        )
        for flow, when in sorted(view.succeeded.items()):
            success.add_metric([flow], when.timestamp())
        yield success
        if view.store is not None:
            yield from _of_the_store(view.store, self.project)

    def _look(self) -> View:
        server = self._api.answers()
        runs: dict[tuple[str, str], int] = {}
        succeeded: dict[str, dt.datetime] = {}
        try:
            for id_, name in self._api.deployments().items() if server else ():
                flow = name.removeprefix(f"{self.project.name}-")
                runs |= {(flow, state): self._api.count(state, id_) for state in STATES}
                if when := self._api.last_success(id_):
                    succeeded[flow] = when
        except httpx.HTTPError:
            server = False
        return View(server, self._runner_alive(), runs, succeeded, self._ask_store())

    def _ask_store(self) -> StoreView | None:
        try:
            with open_store(self.project.operational_url) as store:
                return _store_view(store)
        except (ChurnmlError, OSError):
            return None


def _store_view(store: Store) -> StoreView:
    messages: Counter[str] = Counter()
    for states in store.outbox.counts().values():
        messages.update(states)
    dates = store.dates()
    if not dates:
        return StoreView(messages=dict(messages))
    bands = Counter(one.band for one in store.bands(dates[-1], dates[-1]))
    scored_at = store.scored_at(dates[-1])
    return StoreView(dates[-1], scored_at, dict(bands), dict(messages))


def _of_the_store(view: StoreView, project: Project) -> Iterator[GaugeMetricFamily]:
    bands = GaugeMetricFamily("churnml_accounts", "Accounts of the newest scored date, by band.", labels=["band"])
    for band, many in sorted(view.bands.items()):
        bands.add_metric([band], many)
    yield bands
    messages = GaugeMetricFamily("churnml_outbox_messages", "Messages of the outbox, by state.", labels=["state"])
    for state, many in sorted(view.messages.items()):
        messages.add_metric([state], many)
    yield messages
    if view.as_of is not None:
        age = (project.today(day()) - view.as_of) // days(1)
        yield GaugeMetricFamily(
            "churnml_data_age_days", "Days from the newest scored date to the day it is.", value=age
        )


def probe_server(watcher: Watcher, port: int) -> ThreadingHTTPServer:
    """A server of the three on 127.0.0.1; raises UnavailableError when the port is taken. It is still to be run."""
    registry = CollectorRegistry()
    registry.register(watcher)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is http.server's
            path = self.path.split("?", 1)[0]
            if path == "/healthz":
                self._answer(HTTPStatus.OK, "application/json", json.dumps({"alive": True}).encode())
            elif path == "/readyz":
                reasons = watcher.why_not_ready()
                status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
                body = json.dumps({"ready": not reasons, "reasons": reasons})
                self._answer(status, "application/json", body.encode())
            elif path == "/metrics":
                self._answer(HTTPStatus.OK, TEXT, generate_latest(registry))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/healthz, /readyz or /metrics\n")

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """Whoever asks every few seconds fills no log."""

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as problem:
        raise UnavailableError(
            f"The port {port} cannot be listened on ({problem.strerror}).",
            where="--port",
            remedy="Choose another, or stop what listens there.",
        ) from None
