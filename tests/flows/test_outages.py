"""What is away, locked, full or not to be written: told in seconds, by the exit code that says whether to try again."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from churnml import cli
from churnml.adapters.delivery import signature
from churnml.adapters.project import open_project
from churnml.adapters.registry import client, registry_of
from churnml.adapters.store import open_store, sqlite_file
from churnml.errors import UnavailableError
from tests.delivery.conftest import Shop, certificate
from tests.delivery.conftest import shop as shop_without_sources
from tests.delivery.salesforce_server import SalesforceServer
from tests.delivery.servers import Request, Response, serving
from tests.flows.conftest import churnml

__all__ = ["certificate", "shop_without_sources"]

MENDING, OUTAGE = 1, 75
# Linux's prctl(PR_CAPBSET_DROP, …): what lets root write where nobody may.
DROP, MAY_WRITE_ANYWHERE, MAY_READ_ANYWHERE = 24, 1, 2


def store_at(project: Path, **stores: str) -> None:
    """Declares stores in project.yaml."""
    with (project / "project.yaml").open("a", encoding="utf-8") as file:
        file.write(f"stores: {json.dumps(stores)}\n")


@contextlib.contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """A full disk as far as it can be had without one: what would make a file longer fails to be written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def mute_server() -> Iterator[int]:
    """The port of a server that lets everybody in and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def run(program: str, *words: str, **how: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **how.pop("env", {})}
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(
        command, env=environment, stderr=subprocess.PIPE, text=True, check=False, timeout=300, **({"stdout": -1} | how)
    )


ONE_COMMAND = "from churnml.cli import main; main()"
SEVERAL_COMMANDS = """
import sys
from churnml.cli import main
codes = []
for words in sys.argv[1:]:
    sys.argv = ["churnml", *words.split(" ")]
    try:
        main()
    except SystemExit as ended:
        codes.append(ended.code)
print("codes", codes)
"""


# ---------------------------------------------------------------- the store


def test_a_store_at_a_port_where_nobody_listens_is_an_outage_and_a_driver_nobody_knows_a_mistake(
    tmp_path: Path, simulated: Path
) -> None:
    for url, code in {f"postgresql://u:hunter2@127.0.0.1:{closed_port()}/d": OUTAGE, "oracle://u@h/d": MENDING}.items():
        (tmp_path / "project.yaml").write_text((simulated / "project.yaml").read_text("utf-8"), "utf-8")
        store_at(tmp_path, operational=url)
        said = churnml("queue", "--project", tmp_path)
        assert said.code == code, said.err
        assert "operational store" in said.err
        assert "hunter2" not in said.err


def test_a_store_that_is_locked_is_an_outage_for_who_writes_and_none_for_who_reads(
    after_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "PATIENCE_SECONDS", 0.2)
    work = json.loads(churnml("work", "list", "--project", after_run, "--json").out)
    done = ("work", "done", work[0]["work_id"], "--by", "rita", "--because", "called", "--project", after_run)
    with contextlib.closing(sqlite3.connect(after_run / ".churnml" / "churnml.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = churnml(*done)
        assert said.code == OUTAGE
        assert "The operational store is locked by somebody else." in said.err
        assert churnml("queue", "--project", after_run).code == 0
        other.execute("ROLLBACK")
    assert churnml(*done).code == 0


def test_lists_and_explanations_need_no_right_to_write(after_run: Path) -> None:
    account = json.loads(churnml("queue", "--project", after_run, "--json").out)["decisions"][0]["account_id"]
    asked = ("queue", f"explain {account}", "work list", "models list", "deliveries list", "work log")
    refused = (f"work done {account} --by rita --because called", "check")
    project = f" --project {after_run}"
    shutil.rmtree(after_run / ".churnml" / "warehouse")  # so that check has something to write
    (after_run / ".churnml" / "warehouse").mkdir()
    folders = [after_run, *(path for path in after_run.rglob("*"))]
    modes = {path: path.stat().st_mode for path in folders}
    libc = ctypes.CDLL(None)

    def as_anybody() -> None:  # root could write all the same
        libc.prctl(DROP, MAY_WRITE_ANYWHERE, 0, 0, 0)
        libc.prctl(DROP, MAY_READ_ANYWHERE, 0, 0, 0)

    words = [command + project for command in (*asked, *refused)]
    try:
        for path in folders:
            path.chmod(0o555 if path.is_dir() else 0o444)
        said = run(SEVERAL_COMMANDS, *words, preexec_fn=as_anybody)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert said.stdout.splitlines()[-1] == f"codes {[0] * len(asked) + [MENDING] * len(refused)}", said.stderr
    assert said.stderr.count("permission denied, or read-only") == len(refused), said.stderr
    assert "Traceback" not in said.stderr
    # with the right to write, both go through
    assert churnml(*f"{refused[0]}{project}".split(" ")).code == 0


# ---------------------------------------------------------------- the disk


def test_a_full_disk_is_an_outage_wherever_it_is_met(company: Path) -> None:
    with no_file_longer_than(60_000):
        said = churnml("check", "--project", company)
    assert said.code == OUTAGE, said.err
    assert "finds no room left on its disk" in said.err
    assert not list((company / ".churnml" / "warehouse").glob("*/manifest.json")), "half a store was kept"
    assert churnml("check", "--project", company).code == 0


def test_a_full_disk_under_the_store_and_the_registry_is_an_outage_and_nothing_is_half_written(after_run: Path) -> None:
    work = json.loads(churnml("work", "list", "--project", after_run, "--json").out)
    done = ("work", "done", work[0]["work_id"], "--by", "rita", "--because", "called", "--project", after_run)
    with no_file_longer_than(1_000):
        said = churnml(*done)
    assert said.code == OUTAGE, said.err
    assert "operational store" in said.err
    assert "disk" in said.err
    assert json.loads(churnml("work", "list", "--project", after_run, "--json").out) == work
    assert churnml(*done).code == 0
    registry = registry_of(open_project(after_run))
    history = registry.history("churn")
    with no_file_longer_than(1_000), pytest.raises(UnavailableError, match="The model registry") as full:
        registry.appoint("churn", "1", "promoted", "we want it", "rita")
    assert "disk" in str(full.value)
    assert registry.history("churn") == history
    registry.appoint("churn", "1", "promoted", "we want it", "rita")
    assert registry.history("churn") != history


def test_output_that_cannot_be_written_is_told_where_it_still_can(after_run: Path) -> None:
    words = ("queue", "--project", str(after_run))
    with Path("/dev/full").open("w") as full:
        said = run(ONE_COMMAND, *words, stdout=full)
    assert said.returncode == OUTAGE
    assert "where:  standard output" in said.stderr
    assert "Traceback" not in said.stderr
    assert "Exception ignored" not in said.stderr
    whole = run(ONE_COMMAND, *words)
    assert whole.returncode == 0
    assert "decisions" in whole.stdout


def test_output_nobody_wants_is_no_trouble(after_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["churnml", "queue", "--project", str(after_run)])
    with contextlib.redirect_stdout(None), pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0


def test_a_limit_no_list_is_as_long_as_is_a_mistake(after_run: Path) -> None:
    said = churnml("queue", "--project", after_run, "--limit", "9" * 23)
    assert said.code == MENDING
    assert "--limit" in said.err
    assert churnml("queue", "--project", after_run, "--limit", "1000000000").code == 0


# ---------------------------------------------------------------- the registry


def test_a_registry_that_is_away_or_mute_is_told_in_seconds(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(client.PROBE, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    project = (company / "project.yaml").read_text("utf-8")
    with mute_server() as mute:
        for port in (closed_port(), mute):
            (company / "project.yaml").write_text(project, "utf-8")
            store_at(company, registry=f"http://127.0.0.1:{port}")
            before = time.monotonic()
            said = churnml("models", "list", "--project", company)
            assert said.code == OUTAGE, said.err
            assert "The model registry does not answer." in said.err
            assert time.monotonic() - before < 20


def test_a_users_own_patience_with_the_registry_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = dict(client.OURS)
    for name, value in client.PROBE.items():
        monkeypatch.setenv(name, ours[name])
        with client.impatiently():
            assert os.environ[name] == value
        assert os.environ[name] == ours[name]
        monkeypatch.setenv(name, "9")
        with client.impatiently():
            assert os.environ[name] == "9"


def test_a_champion_that_is_gone_is_told_as_that_and_not_as_none_being_good_enough(after_run: Path) -> None:
    score = ("score", "--no-prefect", "--project", after_run)
    alias = "INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES ('default', 'churn', ?, 99)"
    mlflow = after_run / ".churnml" / "mlflow.db"
    with contextlib.closing(sqlite3.connect(mlflow)) as connection, connection:
        connection.execute("DELETE FROM registered_model_aliases WHERE name = 'churn' AND alias = 'champion'")
        connection.execute(alias, ("champion",))
    said = churnml(*score)
    assert said.code == MENDING
    assert "Version 99 of model 'churn' is not in the registry any more" in said.err
    assert "base rate" not in said.out + said.err
    assert churnml("models", "list", "--project", after_run).code == 0
    promote = ("models", "promote", "churn", "--because", "the other is gone", "--project", after_run)
    assert churnml(*promote).code == 0
    assert registry_of(open_project(after_run)).champion("churn") is not None


# ---------------------------------------------------------------- an input


def test_a_database_input_that_is_locked_is_an_outage_and_one_that_is_not_there_a_mistake(company: Path) -> None:
    path = company / "project.yaml"
    declared = "crm_accounts: {path: data/crm_accounts.csv}"
    text = path.read_text("utf-8")
    assert declared in text
    crm = company / "crm.db"
    with contextlib.closing(sqlite3.connect(crm, isolation_level=None)) as other:
        other.execute("CREATE TABLE customers (account_no TEXT)")
        for table, url, code in (
            ("customers", f"sqlite:///{crm}?timeout=0.1", OUTAGE),
            ("customers", f"postgresql+psycopg://u:hunter2@127.0.0.1:{closed_port()}/d", OUTAGE),
            ("customers", "postgresql+nothing://u:hunter2@127.0.0.1/d", MENDING),
        ):
            other.execute("BEGIN EXCLUSIVE")
            path.write_text(text.replace(declared, f'crm_accounts: {{database: "{url}", table: {table}}}'), "utf-8")
            said = churnml("check", "--project", company)
            other.execute("ROLLBACK")
            assert said.code == code, said.err
            assert "input 'crm_accounts'" in said.err
            assert "hunter2" not in said.err


# ---------------------------------------------------------------- receivers


@pytest.fixture
def shop(shop_without_sources: Shop) -> Shop:
    """A shop as the command line opens it."""
    sources = shop_without_sources.root / "sources"
    sources.mkdir()
    (sources / "accounts.sql").write_text("SELECT * FROM accounts\n", "utf-8")
    return shop_without_sources


@pytest.fixture
def waiting(shop: Shop) -> Path:
    """A project with messages in its outbox."""
    shop.declare(hook={"kind": "webhook", "url": "http://127.0.0.1:1/", "secret": "${HOOK_SECRET}"})
    with open_store(shop.project.operational_url) as store:
        Shop(shop.root, store).score("03-01", "a", "b")
    return shop.root


def test_deliver_ends_as_an_outage_where_a_receiver_is_away_and_as_a_mistake_where_it_lets_nobody_in(
    waiting: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec-canary-7f3a9d")
    status = 503
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response(status)

    def deliver() -> int:
        return churnml("deliver", "--send", "--no-prefect", "--project", waiting).code

    with serving(answer) as server:
        url = f"{server.url}/hook"
        quick = {"attempts": 9, "first_seconds": 0.01, "longest_seconds": 0.01}
        hook = {"kind": "webhook", "url": url, "secret": "${HOOK_SECRET}", "retry": quick}
        shop.declare(hook=hook)
        assert deliver() == OUTAGE
        status = 401
        assert deliver() == MENDING
        status = 200
        assert deliver() == 0
    assert seen[-1].headers["Churnml-Signature"] == signature(
        seen[-1].body, seen[-1].headers["Churnml-Timestamp"], "whsec-canary-7f3a9d"
    )


def test_dead_letters_are_summed_by_reason_and_a_reason_is_revived_at_once(
    shop: Shop, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SF_TOKEN", "00D-canary-token-5c1")
    accounts = [f"A{number:06}" for number in range(30)]
    table = SalesforceServer("00D-canary-token-5c1", *accounts)
    table.alike, table.refused = set(accounts[::3]), set(accounts[1::3])
    crm = {"kind": "salesforce", "token": "${SF_TOKEN}", "ca_file": str(certificate), "sends": ["health"]}
    deliver = ("deliver", "--send", "--no-prefect", "--project", shop.root)
    revive = ("deliveries", "revive", "--by", "rita", "--because", "declared", "--project", shop.root)
    with serving(table, certificate) as server:
        crm["instance_url"] = server.url
        shop.declare(crm=crm)
        with open_store(shop.project.operational_url) as store:
            Shop(shop.root, store).score("03-01", *accounts)
        said = churnml(*deliver)
        assert said.code == MENDING
        assert "crm, 10 messages: DUPLICATES_DETECTED Use one of these records?" in said.out
        assert "allow_duplicates: true" in said.out
        assert "crm, 10 messages: FIELD_CUSTOM_VALIDATION_EXCEPTION" in said.out
        assert len(said.out.splitlines()) < 20
        assert churnml(*revive).code == MENDING
        wrong = churnml(*revive, "--reason", "DUPLICATE_DETECTED")
        assert wrong.code == MENDING
        assert "Did you mean" in wrong.err or "What exists" in wrong.err
        assert "10 deliveries" in churnml(*revive, "--reason", "duplicates_detected").out
        # revived without the key they are refused again; with it they arrive
        assert "crm, 10 messages: DUPLICATES_DETECTED" in churnml(*deliver).out
        shop.declare(crm={**crm, "allow_duplicates": True})
        churnml(*revive, "--reason", "DUPLICATES_DETECTED")
        last = churnml(*deliver).out
    assert "DUPLICATES_DETECTED" not in last
    assert "10 sent" in last
    assert server.seen[-1].headers["Sforce-Duplicate-Rule-Header"] == "allowSave=true"
    assert "Sforce-Duplicate-Rule-Header" not in server.seen[0].headers


# ---------------------------------------------------------------- under Prefect

LOCKED_AT_FIRST = """
import sqlite3, sys, threading
from churnml.adapters.store import sqlite_file
sqlite_file.PATIENCE_SECONDS = 0.3
other = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False)
other.execute("BEGIN IMMEDIATE")
import logging
class Release(logging.Handler):
    def emit(self, record):
        if "tried again" in record.getMessage():
            other.execute("ROLLBACK")
logging.getLogger("churnml").addHandler(Release())
sys.argv[1:] = sys.argv[2:]
from churnml.cli import main
main()
"""


@pytest.mark.slow
def test_under_prefect_an_outage_is_tried_again_and_a_home_nobody_may_write_in_is_no_obstacle(
    shop: Shop, tmp_path: Path
) -> None:
    shop.declare(files={"kind": "drop", "path": "out"})
    with open_store(shop.project.operational_url) as store:
        Shop(shop.root, store).score("03-01", "a")
    words = ("deliver", "--send", "--project", str(shop.root))
    environment = {"HOME": "/proc/nowhere", "PREFECT_HOME": "", "CHURNML_ENGINE": "", "PREFECT_API_URL": ""}
    said = run(LOCKED_AT_FIRST, str(shop.root / ".churnml" / "churnml.db"), *words, env=environment)
    assert said.returncode == 0, said.stderr
    assert said.stderr.count("The operational store is locked by somebody else. It is tried again") == 1, said.stderr
    assert "1 sent" in said.stdout
    assert (shop.root / ".churnml" / "prefect" / "prefect.db").is_file()


def test_a_prefect_server_that_does_not_answer_is_told_by_its_name_before_anything_is_started(shop: Shop) -> None:
    shop.declare(files={"kind": "drop", "path": "out"})
    server = f"http://127.0.0.1:{closed_port()}/api"
    words = ("deliver", "--project", str(shop.root))
    said = run(ONE_COMMAND, *words, env={"PREFECT_API_URL": server, "CHURNML_ENGINE": ""})
    assert said.returncode == OUTAGE, said.stderr
    assert "The Prefect server does not answer." in said.stderr
