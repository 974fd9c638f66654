"""Kills scoring, routing and delivering with ``kill -9`` at twenty random moments, on SQLite and on PostgreSQL.

``python -m benchmarks.kill_acting``. A company is scored, routed and delivered for several Mondays; every kill strikes
one of the two commands somewhere, the command is then run again, and at the end the store and what the receiver got
are held against those of a company that nobody disturbed. Two scorings started at once are tried as well. Writes its
table into ``docs/store.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.believe import replace_block
from tests.engines.servers import own_postgres

PAGE = Path(__file__).parents[1] / "docs" / "store.md"
BLOCK = "python -m benchmarks.kill_acting"
COMPANY = ("--accounts", "300", "--events", "30000", "--seed", "5")
MONDAYS = [f"2024-{month:02d}-{day:02d}" for month, day in ((11, 4), (11, 11), (11, 18), (11, 25), (12, 2), (12, 9))]
KILLS = 20
# What two companies lived through alike must agree in; times of writing and the numbers of rows may differ.
TABLES = {
    "scorings": ("as_of", "revision", "fingerprint"),
    "scores": ("scoring_id", "account_id", "health", "band", "churn_probability"),
    "decisions": ("scoring_id", "account_id", "playbook", "outcome", "owner", "value", "arm", "work_id"),
    "work": ("work_id", "account_id", "playbook", "reason", "owner", "state", "opened_on", "due"),
    "work_events": ("work_id", "on", "what", "who"),
    "assignments": ("account_id", "playbook", "arm", "propensity", "assigned_on"),
    "deliveries": ("receiver", "kind", "key", "subject", "state"),
}


@dataclass(frozen=True)
class Company:
    """A project whose store is at ``url`` and whose messages go to a folder."""

    root: Path
    url: str

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "churnml.cli", *words, "--project", str(self.root)]

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"STORE": self.url, "CHURNML_ENGINE": "plain"}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*words), stdout=subprocess.DEVNULL, start_new_session=True, env=self.environment
        )

    def run(self, *words: str) -> float:
        started = time.perf_counter()
        process = self.start(*words)
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)
        return time.perf_counter() - started

    def killed(self, after: float, *words: str) -> bool:
        """Starts the command and kills it; False when it was done before."""
        process = self.start(*words)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        return False


def steps() -> Iterator[tuple[str, ...]]:
    """What a day is made of, Monday after Monday."""
    for monday in MONDAYS:
        yield ("score", "--no-prefect", "--as-of", monday)
        yield ("deliver", "--send")


def contents(company: Company) -> dict[str, list[Any]]:
    """What the store holds, without times and row numbers, sorted."""
    url = company.url.replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url)
    rows_of: dict[str, list[Any]] = {}
    with engine.connect() as connection:
        for table, columns in TABLES.items():
            names = ", ".join(f'"{column}"' for column in columns)
            rows = connection.execute(sa.text(f"SELECT {names} FROM {table}")).all()
            rows_of[table] = sorted(json.dumps([str(value) for value in row]) for row in rows)
    engine.dispose()
    return rows_of


def received(company: Company) -> Counter[str]:
    """Idempotency key → how often the receiver's folder holds it."""
    keys: Counter[str] = Counter()
    for path in sorted((company.root / "drop").rglob("*.jsonl")):
        keys.update(json.loads(line)["key"] for line in path.read_text("utf-8").splitlines())
    return keys


@contextmanager
def store_urls(scratch: Path) -> Iterator[dict[str, list[str]]]:
    """Three stores of each kind: for the undisturbed company, the killed one, and the one scored twice at once."""
    with own_postgres() as postgres:
        import psycopg

        names = ("calm", "killed", "twice")
        with psycopg.connect(postgres, autocommit=True) as connection:
            for name in names:
                connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        yield {
            "SQLite": [f"sqlite:///{scratch / name}.db" for name in names],
            "PostgreSQL": [postgres.replace("/postgres?", f"/{name}?") for name in names],
        }


def prepared(scratch: Path) -> Path:
    """A company with champions, whose store is named by the environment."""
    root = scratch / "company"
    plain = [sys.executable, "-m", "churnml.cli"]
    subprocess.run([*plain, "simulate", "--out", str(root), *COMPANY], check=True, stdout=subprocess.DEVNULL)
    defaults = Path(__file__).parents[1] / "models"
    for model in ("churn", "upsell"):
        spec = root / "models" / model / "spec.yaml"
        spec.parent.mkdir(parents=True)
        # so small a company proves little; what is tried here is dying, so the least is asked of the verdict
        declared = (defaults / model / "spec.yaml").read_text("utf-8").replace("min_positives: 20", "min_positives: 1")
        spec.write_text(declared.replace("figures: [roc_auc, log_loss]", "figures: [roc_auc]"), "utf-8")
    (root / "models" / "delivery.yaml").write_text(
        "dry_run: false\nreceivers:\n  files: {kind: drop, path: drop, format: jsonl, sends: [work, health, event]}\n"
    )
    with (root / "project.yaml").open("a") as said_more:
        said_more.write("stores: {operational: '${STORE}'}\n")
    environment = os.environ | {"STORE": f"sqlite:///{scratch / 'training.db'}"}
    train = [*plain, "train", "--no-prefect", "--project", str(root)]
    subprocess.run(train, check=True, stdout=subprocess.DEVNULL, env=environment)
    return root


def copied(company: Path, root: Path, url: str) -> Company:
    shutil.copytree(company, root)
    return Company(root, url)


def struck(company: Company, lasting: dict[str, float], rng: random.Random) -> Counter[str]:
    """Lives through all steps under kills: which command was killed how often. Each is run again to its end."""
    killed: Counter[str] = Counter()
    todo = list(steps())
    each = -(-KILLS // len(todo))
    for words in todo:
        for _ in range(each):
            if sum(killed.values()) < KILLS and company.killed(rng.random() * lasting[words[0]], *words):
                killed[words[0]] += 1
        company.run(*words)
    # what a killed sender had claimed is free again after its lease
    deadline = time.monotonic() + 120
    while any('"pending"' in row for row in contents(company)["deliveries"]) and time.monotonic() < deadline:
        time.sleep(2)
        company.run("deliver", "--send")
    return killed


def twice_at_once(company: Company) -> None:
    """Every step by two processes at the same moment; both must end well."""
    for words in steps():
        both = [company.start(*words) for _ in range(2)]
        codes = [process.wait() for process in both]
        assert codes == [0, 0], (words, codes)


def main() -> None:
    """Kills, compares, and writes the table."""
    parser = argparse.ArgumentParser(description="Kills scoring, routing and delivering at random moments.")
    parser.add_argument("--seed", type=int, default=1)
    rng = random.Random(parser.parse_args().seed)  # noqa: S311 - moments, not secrets
    lines = [
        "| store | kills in score | kills in deliver | tables that differ | facts lost | facts told twice "
        "| two at once: tables that differ |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder, store_urls(Path(folder)) as urls:
        scratch = Path(folder)
        company = prepared(scratch)
        for kind, (calm_url, killed_url, twice_url) in urls.items():
            calm = copied(company, scratch / f"{kind}-calm", calm_url)
            lasting: dict[str, float] = {}
            for words in steps():
                lasting[words[0]] = max(lasting.get(words[0], 0.0), calm.run(*words))
            expected, facts = contents(calm), received(calm)
            assert facts, "nothing was delivered, so nothing could be lost"
            disturbed = copied(company, scratch / f"{kind}-killed", killed_url)
            killed = struck(disturbed, lasting, rng)
            rows, keys = contents(disturbed), received(disturbed)
            twin = copied(company, scratch / f"{kind}-twice", twice_url)
            twice_at_once(twin)
            differ = sum(rows[table] != expected[table] for table in TABLES)
            differ_twice = sum(contents(twin)[table] != expected[table] for table in TABLES)
            lost, doubled = len(facts - keys), sum((keys - facts).values())
            lines.append(
                f"| {kind} | {killed['score']} | {killed['deliver']} | {differ} | {lost} | {doubled} | {differ_twice} |"
            )
            sys.stderr.write(f"{lines[-1]}\n")
    replace_block(BLOCK, lines, PAGE)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
