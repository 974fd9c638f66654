"""When a project under ``churnml serve`` is ready, and what its metrics say."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import httpx
import pytest

from pipelines.clock import moment
from pipelines.serving.probes import StoreView, Watcher, probe_server
from tests.support import make_project


class Api:
    """A server as it would answer; what a real one answers is asked in tests/serving."""

    def __init__(self, up: bool = True, hours_since: float | None = None) -> None:
        self.up, self.hours_since = up, hours_since

    def answers(self) -> bool:
        return self.up

    def deployments(self) -> dict[str, str]:
        return {"1": "tiny-score"}

    def count(self, state: str, deployment: str) -> int:
        return 3 if state == "FAILED" else 0

    def last_success(self, deployment: str) -> dt.datetime | None:
        # asked for anew: a parameter is made when tests are collected, long before it is used
        return None if self.hours_since is None else hours_ago(self.hours_since)


def watcher(folder: Path, api: Api, alive: bool = True, store: StoreView | None = None) -> Watcher:
    project = make_project(folder, {"accounts": "account_id | created_at\na | 2024-01-01"})
    watching = Watcher(project, api, lambda: alive)  # type: ignore[arg-type]
    if store is not None:
        watching._ask_store = lambda: store  # type: ignore[method-assign]
    return watching


def hours_ago(hours: float) -> dt.datetime:
    return moment().replace(tzinfo=dt.UTC) - dt.timedelta(hours=hours)


def test_a_project_is_ready_while_its_newest_scoring_is_fresh(tmp_path: Path) -> None:
    assert watcher(tmp_path, Api(hours_since=35)).why_not_ready() == []


@pytest.mark.parametrize(
    ("api", "alive", "reason"),
    [
        (Api(up=False), True, "the Prefect server does not answer"),
        (Api(hours_since=1), False, "the runner is not running"),
        (Api(), True, "nothing was scored yet"),
        (Api(hours_since=40), True, "the newest scoring is 40 hours old; 36 are declared"),
    ],
)
def test_a_project_that_is_not_ready_says_why(tmp_path: Path, api: Api, alive: bool, reason: str) -> None:
    assert any(told.startswith(reason) for told in watcher(tmp_path, api, alive).why_not_ready())


def test_a_scoring_by_hand_counts_as_one(tmp_path: Path) -> None:
    by_hand = StoreView(dt.date(2024, 12, 1), hours_ago(2).replace(tzinfo=None))
    assert watcher(tmp_path, Api(), store=by_hand).why_not_ready() == []


def test_metrics_and_probes_are_answered_on_the_loopback(tmp_path: Path) -> None:
    stored = StoreView(dt.date(2024, 12, 30), hours_ago(2).replace(tzinfo=None), {"at_risk": 4}, {"dead": 2, "due": 1})
    server = probe_server(watcher(tmp_path, Api(hours_since=1), store=stored), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        text = httpx.get(f"{address}/metrics").text
        for line in (
            'churnml_accounts{band="at_risk"} 4.0',
            'churnml_outbox_messages{state="dead"} 2.0',
            'churnml_flow_runs{flow="score",state="failed"} 3.0',
            # the project's data are declared to end on 31 December, so it is the first of January
            "churnml_data_age_days 2.0",
        ):
            assert line in text, text
        assert httpx.get(f"{address}/readyz").json() == {"ready": True, "reasons": []}
        assert httpx.get(f"{address}/other").status_code == 404
    finally:
        server.shutdown()
        server.server_close()
