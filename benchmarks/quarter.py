"""A quarter of a simulated company under the scheduler, undisturbed and disturbed: does it run by itself?

``python -m benchmarks.quarter`` trains on two years, then hands over one day of data after the other to a project that
``churnml serve`` keeps on a schedule of seconds. It is lived twice: once undisturbed, and once with everything going
wrong that goes wrong in a quarter. Then both stores are held beside each other, date by date. The table is written into
``docs/operations.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import sqlalchemy as sa

from benchmarks.believe import replace_block
from benchmarks.quarter_company import DailyExports, put
from churnml.simulate import simulate
from pipelines.serving import free_port

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"
CHURNML = [sys.executable, "-m", "churnml.cli"]
DAYS = 91
# how long a day may take before the harness gives up on it
PATIENCE = 420.0
LOOK = 0.5
EVERY = 12
# the disturbed life's own disk, which one fault fills
DISK = "size=2500m"
SCHEDULES = f"""
schedules:
  score: {{every_seconds: {EVERY}}}
  train: {{active: false}}
  impact: {{active: false}}
  deliver: {{active: false, after_score: false}}
"""


def tell(sentence: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"quarter {time.strftime('%H:%M:%S')}: {sentence}\n")
    sys.stderr.flush()


def churnml(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [*CHURNML, *map(str, arguments)], capture_output=True, text=True, env=environment or dict(os.environ)
    )


@dataclass
class Life:
    """A project that is lived through day by day under ``churnml serve``.

    Args:
        exports: what its systems hand over.
        project: its folder.
        server: the process of ``churnml serve``.
        log: where what it says goes.
        port: of its Prefect server.
    """

    exports: DailyExports
    project: Path
    log: Path
    port: int
    server: subprocess.Popen[bytes] | None = None
    notes: dict[dt.date, list[str]] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.project / ".churnml" / "churnml.db"

    def start(self) -> None:
        """Starts ``churnml serve`` and leaves it to itself."""
        with open(self.log, "ab") as log:
            command = [*CHURNML, "serve", "--project", str(self.project), "--prefect-port", str(self.port)]
            self.server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def stop(self) -> None:
        """Ends it as an operator does."""
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(180)

    def kill(self) -> None:
        """Ends it and all it started as a power cut does."""
        assert self.server is not None
        for pid in [self.server.pid, *descendants(self.server.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.wait(30)

    def wait_for(self, as_of: dt.date) -> bool:
        """Waits until a date stands in the store; whether it does in time."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if as_of in self.dates():
                return True
            if self.server is not None and self.server.poll() is not None:
                raise RuntimeError(f"churnml serve ended: see {self.log}")
            time.sleep(LOOK)
        return False

    def dates(self) -> set[dt.date]:
        """The dates that were scored, held ones among them."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as connection:
                rows = connection.execute("SELECT DISTINCT as_of FROM scorings").fetchall()
        except sqlite3.Error:
            return set()
        return {dt.date.fromisoformat(day) for (day,) in rows}

    def asked(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the Prefect server answers; asked again while it is busy, as Prefect's own client does."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                answer = httpx.post(f"http://127.0.0.1:{self.port}/api{path}", json=body, timeout=30)
                answer.raise_for_status()
                return answer.json()
            except (httpx.TransportError, httpx.HTTPStatusError) as problem:
                asked_wrongly = isinstance(problem, httpx.HTTPStatusError) and problem.response.status_code < 500
                if asked_wrongly or time.monotonic() > until:
                    raise
            time.sleep(5 * LOOK)

    def runs(self, kind: str | None = None) -> dict[str, int]:
        """State → runs of a flow (of all) that the server knows as ended."""
        name = {"flows": {"name": {"any_": [f"churnml {kind}"]}}} if kind else {}
        ended = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        counts = {
            state: self.asked("/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": [state]}}}, **name})
            for state in ended
        }
        return {state: many for state, many in counts.items() if many}

    def start_run(self, kind: str) -> None:
        """Starts a run of a flow, as its button on the server's page does."""
        there = self.asked("/deployments/filter", {"flows": {"name": {"any_": [f"churnml {kind}"]}}})
        # the key keeps a question that is asked again from starting a second run
        run = {"name": "by hand", "idempotency_key": str(uuid.uuid4())}
        self.asked(f"/deployments/{there[0]['id']}/create_flow_run", run)

    def note(self, day: dt.date, sentence: str) -> None:
        """Writes down what was done to it."""
        self.notes.setdefault(day, []).append(sentence)
        tell(f"{self.project.name} {day}: {sentence}")


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    children: dict[int, list[int]] = {}
    for child, parent in zip(listed[::2], listed[1::2], strict=True):
        children.setdefault(int(parent), []).append(int(child))
    below, ahead = [], [pid]
    while ahead:
        ahead += children.get(ahead[0], [])
        below += children.get(ahead.pop(0), [])
    return below


def runs_under_way(life: Life) -> list[int]:
    """The processes of ``churnml serve`` that run a flow now."""
    assert life.server is not None
    pids = []
    for pid in descendants(life.server.pid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if "prefect.engine" in words or "prefect.flow_engine" in words:
                pids.append(pid)
    return pids


# ---------------------------------------------------------------- what goes wrong

DEAD = (10, 11, 12)
BACK = 13
RENAMED = range(20, 25)
ACCEPTED = 22
RETYPED, TWICE, SCORING_KILLED = 33, 37, 44
FULL, LOCKED, ABSENT, AWAY, BAD, BACKFILL, POWER = 48, 52, 56, 64, 68, 74, 80
TRAINED = (30, 60)
MENDED = TWICE + 2
OLD_NAME, NEW_NAME = "report_viewed", "report_opened"


def undisturbed(life: Life, number: int, day: dt.date) -> None:
    """A day on which nothing happens."""
    life.exports.hand_over(life.project, day, life.exports.arrivals(day, day))
    if number in TRAINED:
        train_by_hand(life, day)


def disturbed(life: Life, number: int, day: dt.date) -> None:
    """A day of the other life: the same data, and whatever goes wrong on it."""
    arrived = life.exports.arrivals(day, day)
    if number in DEAD:
        life.exports.hand_over(life.project, day, None)
        life.note(day, "the feed of usage events is dead")
        return
    if number == BACK:
        first = day - dt.timedelta(days=len(DEAD))
        arrived = life.exports.arrivals(first, day)
        life.note(day, "the feed is back, with what it owed")
    if number in RENAMED:
        arrived = arrived.assign(event_name=arrived["event_name"].replace(OLD_NAME, NEW_NAME))
    if number == RENAMED[0]:
        life.note(day, f"the event {OLD_NAME} comes as {NEW_NAME}")
    life.exports.hand_over(life.project, day, arrived)
    ON_THE_DAY.get(number, lambda *_: None)(life, day)


def rename_accepted(life: Life, day: dt.date) -> None:
    """The operator says that the new name is the old one."""
    status = churnml("data", "status", "--project", life.project, "--json")
    listed = json.loads(status.stdout)
    names = [one["break"] for one in listed["breaks"] if one["kind"] == "renamed" and one["subject"] == OLD_NAME]
    life.note(day, f"churnml data status names {len(listed['breaks'])} breaks, of the rename {names}")
    for name in names[:1]:
        why = ["--by", "ops", "--why", "renamed in the product", "--as-rename"]
        done = churnml("data", "accept", name, "--project", life.project, *why)
        life.note(day, f"churnml data accept {name} --as-rename: exit {done.returncode} {done.stderr.strip()[:300]}")


def retyped(life: Life, day: dt.date) -> None:
    """The CRM exports amounts as a person would write them."""
    rows = life.exports.table("contracts", day)
    put(life.project, "contracts", rows.assign(monthly_amount="EUR " + rows["monthly_amount"].astype(str)))
    life.note(day, "monthly_amount comes as text, with the currency before it")


def loaded_twice(life: Life, day: dt.date) -> None:
    """A day's file of events is there a second time."""
    events = life.project / "data" / "events"
    shutil.copy(events / f"{day}.parquet", events / ".again.part")
    (events / ".again.part").rename(events / f"{day}-again.parquet")
    life.note(day, "the day's events were loaded twice")


def scoring_killed(life: Life, day: dt.date) -> None:
    """Whatever scores is killed in the middle."""
    for pid in wait_for_a_run(life):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    life.note(day, "the process of a scoring was killed")


def disk_full(life: Life, day: dt.date) -> None:
    """Nothing more fits on the disk for half a minute."""
    ballast = life.project / ".churnml" / "ballast"
    free = shutil.disk_usage(ballast.parent).free
    if free > 4 << 30:
        life.note(day, "the disk could not be filled: its folder has no file system of its own")
        return
    with contextlib.suppress(OSError), open(ballast, "wb") as file:
        for _ in range(free // (1 << 16) + 16):
            file.write(b"\0" * (1 << 16))
    life.note(day, "the disk is full")
    time.sleep(30)
    ballast.unlink()


def store_locked(life: Life, day: dt.date) -> None:
    """Another program holds the store for half a minute."""
    with contextlib.closing(sqlite3.connect(life.store, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        life.note(day, "the store is locked by another program")
        time.sleep(30)
        connection.execute("ROLLBACK")


def store_absent(life: Life, day: dt.date) -> None:
    """The store cannot be opened for half a minute."""
    aside = life.project / ".churnml" / "away"
    aside.mkdir()
    files = [life.store, *(life.store.with_name(life.store.name + end) for end in ("-wal", "-shm"))]
    moved = [file for file in files if file.exists()]
    for file in moved:
        file.rename(aside / file.name)
    life.store.mkdir()
    life.note(day, "the store is not there")
    time.sleep(30)
    life.store.rmdir()
    for file in moved:
        (aside / file.name).rename(file)
    aside.rmdir()


def registry_away(life: Life, day: dt.date) -> None:
    """MLflow's database cannot be opened for half a minute."""
    database, aside = life.project / ".churnml" / "mlflow.db", life.project / ".churnml" / "mlflow.away"
    database.rename(aside)
    database.mkdir()
    life.note(day, "the registry is not there")
    time.sleep(30)
    database.rmdir()
    aside.rename(database)


def power_cut(life: Life, day: dt.date) -> None:
    """Everything that runs ends at once, and is started again later."""
    life.kill()
    life.note(day, "churnml serve, its server and its runs were killed; started again after 20 s")
    time.sleep(20)
    life.start()


def backfilled(life: Life, day: dt.date) -> None:
    """An operator scores past dates while the schedule goes on."""
    first, last = day - dt.timedelta(days=400), day - dt.timedelta(days=380)
    done = churnml("backfill", first, last, "--project", life.project, "--no-prefect")
    life.note(day, f"an operator's backfill from {first} to {last}: exit {done.returncode}")


def bad_model(life: Life, day: dt.date) -> None:
    """The champion's files are damaged, as a bad copy would leave them; later they are put back."""
    artifacts = sorted((life.project / ".churnml" / "mlartifacts").rglob("booster.txt"))
    before = {path: path.read_bytes() for path in artifacts}
    for path, content in before.items():
        path.write_bytes(content[: len(content) // 2])
    life.note(day, f"{len(before)} files of models are cut in half")
    time.sleep(40)
    for path, content in before.items():
        path.write_bytes(content)


def wait_for_a_run(life: Life, kind: str = "score") -> list[int]:
    """The processes that run a flow, as soon as there are any."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if pids := runs_under_way(life):
            # into the middle of it: past the imports
            time.sleep(4)
            return pids
        time.sleep(0.2)
    return []


def train_by_hand(life: Life, day: dt.date, *, kill: bool = False) -> None:
    """Starts the training's deployment as the server's page would, and waits for it; ``kill``: ends its first try."""
    for cut_off in [True, False] if kill else [False]:
        before = life.runs("train")
        life.start_run("train")
        if cut_off:
            for pid in wait_for_a_run(life, "train"):
                time.sleep(6)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            life.note(day, "the process of a training was killed; it is started again")
        until = time.monotonic() + 3 * PATIENCE
        while life.runs("train") == before and time.monotonic() < until:
            time.sleep(LOOK)
    life.note(day, f"a training ended: {life.runs('train')}")


def training_killed(life: Life, day: dt.date) -> None:
    """A training is killed in the middle, and started again."""
    train_by_hand(life, day, kill=True)


def second_load_removed(life: Life, day: dt.date) -> None:
    """The operator takes the second load out."""
    for again in (life.project / "data" / "events").glob("*-again.parquet"):
        again.unlink()
    life.note(day, "the second load is taken out")


ON_THE_DAY: dict[int, Callable[[Life, dt.date], None]] = {
    ACCEPTED: rename_accepted,
    TRAINED[0]: training_killed,
    TRAINED[1]: train_by_hand,
    RETYPED: retyped,
    TWICE: loaded_twice,
    MENDED: second_load_removed,
    SCORING_KILLED: scoring_killed,
    FULL: disk_full,
    LOCKED: store_locked,
    ABSENT: store_absent,
    AWAY: registry_away,
    BAD: bad_model,
    BACKFILL: backfilled,
    POWER: power_cut,
}


# ---------------------------------------------------------------- the two lives


def live(life: Life, first: dt.date, days: int, evening: Callable[[Life, int, dt.date], None]) -> list[dt.date]:
    """Lives some days; returns the dates that were not scored in time."""
    missed = []
    life.start()
    try:
        for number in range(days):
            day = first + dt.timedelta(days=number)
            try:
                evening(life, number, day)
            except Exception as problem:
                # the harness's own trouble is told in the table, and the quarter goes on
                life.note(day, f"the harness failed: {type(problem).__name__}: {problem}")
            if not life.wait_for(day + dt.timedelta(days=1)):
                missed.append(day + dt.timedelta(days=1))
                life.note(day, "not scored in time")
            if number % 10 == 9:
                tell(f"{life.project.name}: {number + 1} of {days} days")
    finally:
        life.stop()
    return missed


COMPARED = ("churn_probability", "upsell_probability", "raw_health", "health", "band", "mrr_at_risk")


def scores_of(store: Path) -> pd.DataFrame:
    """The newest revision of every scored date: as_of and account → what was scored."""
    engine = sa.create_engine(f"sqlite:///{store}")
    query = (
        "SELECT s.as_of, s.revision, x.* FROM scores x JOIN scorings s USING (scoring_id) "
        "WHERE s.revision = (SELECT max(revision) FROM scorings t WHERE t.as_of = s.as_of)"
    )
    with engine.connect() as connection:
        rows = pd.read_sql(sa.text(query), connection)
    engine.dispose()
    return rows.set_index(["as_of", "account_id"]).sort_index()


@dataclass(frozen=True)
class DayBeside:
    """A date in both lives.

    Args:
        as_of: the date.
        accounts: how many were scored undisturbed.
        different: column → accounts in which they differ.
        missing: accounts that stand in one life only.
    """

    as_of: str
    accounts: int
    different: Mapping[str, int]
    missing: int

    @property
    def same(self) -> bool:
        return not self.missing and not any(self.different.values())


def beside(one: pd.DataFrame, other: pd.DataFrame) -> list[DayBeside]:
    """Date by date, how the scores of two lives differ."""
    days = []
    for as_of in sorted({*one.index.get_level_values(0), *other.index.get_level_values(0)}):
        here = one.loc[as_of] if as_of in one.index else one.iloc[:0].droplevel(0)
        there = other.loc[as_of] if as_of in other.index else other.iloc[:0].droplevel(0)
        both = here.index.intersection(there.index)
        different = {
            name: int(
                (
                    here.loc[both, name].astype(object).fillna("") != there.loc[both, name].astype(object).fillna("")
                ).sum()
            )
            for name in COMPARED
        }
        days.append(DayBeside(as_of, len(here), different, len(here.index.symmetric_difference(there.index))))
    return days


# ---------------------------------------------------------------- the page


def work_of(store: Path) -> dict[str, int]:
    """Playbook → work items that were opened."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        return dict(connection.execute("SELECT playbook, count(*) FROM work GROUP BY playbook").fetchall())


def held_days(store: Path) -> dict[str, str]:
    """Date → since when its scores are stale."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        return dict(connection.execute("SELECT as_of, stale_since FROM held_days").fetchall())


def prepared(scratch: Path, accounts: int, days: int) -> tuple[DailyExports, Path, dt.date]:
    """The company, its project trained on all but the last ``days`` days, and the first of these."""
    simulate(scratch / "source", accounts=accounts, months=24, events=accounts * 500)
    exports = DailyExports(scratch / "source")
    first = exports.last_day - dt.timedelta(days=days - 1)
    project = scratch / "project"
    exports.begin(project, first - dt.timedelta(days=1))
    with open(project / "project.yaml", "a", encoding="utf-8") as file:
        file.write(SCHEDULES)
    tell("training")
    for command in (
        ["train"],
        ["models", "promote", "churn", "--version", "1", "--because", "a quarter of small numbers"],
    ):
        done = churnml(*command, "--project", project, *(["--no-prefect"] if command == ["train"] else []))
        if done.returncode:
            raise RuntimeError(done.stderr)
    done = churnml("score", "--project", project, "--no-prefect")
    if done.returncode:
        raise RuntimeError(done.stderr)
    return exports, project, first


def own_disk(folder: Path, stack: contextlib.ExitStack) -> None:
    """Gives a folder a small file system of its own, where the machine allows it."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode == 0:
        stack.callback(subprocess.run, ["umount", "-l", str(folder)], capture_output=True)


def lines_of(one: Life, other: Life, days: Sequence[DayBeside], missed: Mapping[str, Sequence[dt.date]]) -> list[str]:
    """The table of the page."""
    held = held_days(other.store)
    different = [day for day in days if not day.same]
    beyond = [day for day in different if day.as_of not in held]
    lines = [
        f"{len(days)} dates of {max(day.accounts for day in days):,} accounts. Scored late or not at all: undisturbed "
        f"{len(missed['undisturbed'])}, disturbed {len(missed['disturbed'])}. Held in the disturbed life: {len(held)} "
        f"({', '.join(sorted(held)) or 'none'}); held in the undisturbed one: {len(held_days(one.store))}. "
        f"Dates whose scores differ: {len(different)}, of these not held: {len(beyond)}.",
        "",
        "Undisturbed: " + "; ".join(f"{on} {note}" for on in sorted(one.notes) for note in one.notes[on]) + ".",
        "",
        "| day | what was done | date scored | held since | accounts whose probability, health, band differ |",
        "|---|---|---|---|---|",
    ]
    by_date = {day.as_of: day for day in days}
    for on in sorted(other.notes):
        as_of = str(on + dt.timedelta(days=1))
        shown = by_date.get(as_of)
        differ = (
            "–"
            if shown is None
            else ", ".join(str(shown.different[name]) for name in ("churn_probability", "health", "band"))
        )
        lines.append(f"| {on} | {'; '.join(other.notes[on])} | {as_of} | {held.get(as_of, '')} | {differ} |")
    lines += ["", "| not held, and different | accounts | what differs |", "|---|---|---|"]
    for day in beyond:
        what = ", ".join(f"{name} {many}" for name, many in day.different.items() if many)
        lines.append(f"| {day.as_of} | {day.accounts} | {what or f'{day.missing} accounts stand in one only'} |")
    works = work_of(one.store), work_of(other.store)
    lines += ["", "| work opened | undisturbed | disturbed |", "|---|---|---|"]
    lines += [
        f"| {name} | {works[0].get(name, 0)} | {works[1].get(name, 0)} |" for name in sorted({*works[0], *works[1]})
    ]
    return lines


def main() -> None:
    """Lives both lives and writes the page."""
    parser = argparse.ArgumentParser(description="A quarter under the scheduler; writes docs/operations.md.")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--scratch", type=Path, help="where to live; kept")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        scratch = asked.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        exports, project, first = prepared(scratch, asked.accounts, asked.days)
        lives = {}
        for name in ("undisturbed", "disturbed"):
            (scratch / name / ".churnml").mkdir(parents=True)
            if name == "disturbed":
                own_disk(scratch / name / ".churnml", stack)
            shutil.copytree(project, scratch / name, dirs_exist_ok=True)
            lives[name] = Life(exports, scratch / name, scratch / f"{name}.log", free_port())
        missed: dict[str, list[dt.date]] = {}
        evenings = {"undisturbed": undisturbed, "disturbed": disturbed}

        def run(name: str) -> None:
            missed[name] = live(lives[name], first, asked.days, evenings[name])

        threads = [threading.Thread(target=run, args=(name,)) for name in lives]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        one, other = lives["undisturbed"], lives["disturbed"]
        days = beside(scores_of(one.store), scores_of(other.store))
        lines = lines_of(one, other, days, missed)
    sys.stdout.write("\n".join(lines) + "\n")
    if asked.days == DAYS:
        replace_block("quarter", lines, PAGE)


if __name__ == "__main__":
    main()
