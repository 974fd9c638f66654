"""``kill -9`` in the middle of sending: whatever the moment, each fact is there once in the end, and none is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from churnml.work.messages import canonical
from tests.delivery.conftest import Shop
from tests.delivery.hubspot_server import HubspotServer
from tests.delivery.servers import Request, Response, serving
from tests.delivery.test_drop import rows_of

ROOT = Path(__file__).parents[2]
ACCOUNTS = [f"a{number:02}" for number in range(30)]


class Worker:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.running: int | None = None

    def start(self) -> None:
        """With the variables as they now are."""
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.delivery.killed_worker",
                str(self._root),
                f"sqlite:///{self._root / 'store.db'}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
        )

    def begin(self, moment: str) -> int:
        told, said = self._pipes()
        told.write(f"{moment}\n")
        told.flush()
        self.running = int(said.readline())
        return self.running

    def over(self) -> None:
        assert self._pipes()[1].readline() == "over\n"

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def close(self) -> None:
        for pipe in self._pipes():
            pipe.close()
        self._process.wait(10)


@pytest.fixture
def worker(shop: Shop) -> Iterator[Worker]:
    found = Worker(shop.root)
    yield found
    found.close()


def test_killed_at_any_moment_nothing_is_lost_and_nothing_stands_twice(
    shop: Shop, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "key")
    table = HubspotServer("key", *ACCOUNTS)
    hooks: dict[str, bytes] = {}
    again = 0
    drawn = random.Random(7)
    kill_at = 0  # the request, counted from the beginning of a run, at which the sender is killed

    def hook(request: Request) -> Response:
        nonlocal again
        assert request.data["key"] == request.headers["Idempotency-Key"]
        again += request.headers["Idempotency-Key"] in hooks
        hooks[request.headers["Idempotency-Key"]] = canonical(request.data)
        return Response(200)

    def handle(request: Request) -> Response:
        nonlocal kill_at
        before = drawn.random() < 0.5
        kill_at -= 1
        if kill_at == 0 and before:
            _kill(worker)
            return Response(500)
        response = hook(request) if request.path == "/hook" else table(request)
        if kill_at == 0:
            _kill(worker)
        return response

    with serving(handle) as server:
        monkeypatch.setenv("HOOK", f"{server.url}/hook")
        shop.declare(
            files={"kind": "drop", "path": "out", "format": "jsonl"},
            crm={"kind": "hubspot", "url": server.url, "token": "${KEY}"},
            hook={"kind": "webhook", "url": "${HOOK}", "secret": "${KEY}"},
        )
        worker.start()
        told = shop.score("03-01", *ACCOUNTS, opened=ACCOUNTS[:10])
        killed = 0
        for round_ in range(20):
            if round_ % 4 == 3:
                told += shop.score(f"03-{round_:02}", *ACCOUNTS)
            kill_at = drawn.choice([0, *range(1, 14)])
            at_once = kill_at == 0
            worker.begin(shop.clock().isoformat())
            if at_once:
                time.sleep(drawn.random() * 0.05)
                _kill(worker)
            worker.over()
            killed += worker.running is None
            shop.clock.later(hours=1)
        kill_at = 0
        for _ in range(6):
            worker.begin(shop.clock().isoformat())
            worker.over()
            shop.clock.later(hours=1)
    assert killed >= 10, "hardly anything was killed, so hardly anything is proved"
    assert {one["state"] for one in map(vars, shop.store.outbox.all())} == {"sent"}
    keys = {name: sorted(one.key for one in told if one.receiver == name) for name in ("files", "hook")}
    assert sorted(row["key"] for row in rows_of(shop.root / "out")) == keys["files"]
    assert sorted(hooks) == keys["hook"]
    assert {row["churnml_health"] for row in table.companies.values()} == {"40.0"}
    assert sorted(row["churnml_work_id"][:3] for row in table.tasks.values()) == ACCOUNTS[:10]
    assert len(table.pairs) == 10
    assert again > 0, "no answer was lost, so no repetition was tried"


def _kill(worker: Worker) -> None:
    if worker.running is not None:
        try:
            os.kill(worker.running, signal.SIGKILL)
        except ProcessLookupError:
            return
        worker.running = None
