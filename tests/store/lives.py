"""A small company that is scored, worked and told of day after day, by processes that may die at any moment.

Every day two accounts get a work item; a day later it is done. Each item is told of when it is opened and when
it is done, to a receiver that is a file: a line a message.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store import StaleError, Store, open_store, schema
from churnml.adapters.store.connections import Connections
from churnml.adapters.store.outbox import LEASE
from churnml.ledger import DayPlan, Message, PriorState, WorkItem
from tests.store.days import account, arm, decision, event, item, record, scores

BEGIN = dt.date(2024, 1, 1)
OPENED_A_DAY = 2
ACCOUNTS = tuple(f"account {n}" for n in range(12))
# When something was written is nobody's matter here, nor which number a row got.
UNIMPORTANT = {"at", "scored_at", "created_at", "sent_at", "next_attempt_at", "first_seen_at", "attempts"}
NUMBERS = {"delivery_id", "event_id", "attempt_id", "audit_id"}


def day(n: int) -> dt.date:
    return BEGIN + dt.timedelta(days=n)


def told(what: str, one: WorkItem) -> Message:
    return Message("file", "work", f"{what} {one.work_id}", one.account_id, {"owner": one.owner})


def plan_of(n: int, prior: PriorState) -> tuple[DayPlan, list[Message]]:
    """What lives stays, and the next two accounts that have nothing get something."""
    living = [one for one in prior.work if one.state == "open"]
    busy = {one.account_id for one in living}
    free = [name for name in (*ACCOUNTS[n % 12 :], *ACCOUNTS[: n % 12]) if name not in busy]
    new = [item(name, day(n)) for name in free[:OPENED_A_DAY]] if not any(p.opened_on == day(n) for p in living) else []
    drawn = [one for one in new if (one.account_id, one.playbook) not in prior.assignments]
    plan = DayPlan(
        decisions=(
            *(decision(one, one.account_id, "opened") for one in new),
            *(decision(one, one.account_id, "kept") for one in living),
        ),
        work=tuple(new),
        events=tuple(event(one.work_id, day(n), "opened") for one in new),
        assignments=tuple(arm(one.account_id, day(n)) for one in drawn),
    )
    return plan, [told("opened", one) for one in new]


def score(store: Store, n: int, now: dt.datetime, fingerprint: str) -> bool:
    """Plans and writes a day, again when somebody else was faster; whether it was new."""
    while True:
        prior = store.prior_state(day(n), 30)
        plan, messages = plan_of(n, prior)
        rows = [account(name, health=float(n), band="at_risk") for name in ACCOUNTS]
        try:
            return record(store, scores(day(n), *rows), fingerprint, now, plan, messages=messages, stamp=prior.stamp)
        except StaleError:
            continue


def finish(store: Store, n: int, now: dt.datetime) -> None:
    """Does what was opened on the days before."""
    for was in store.work.items(living=True):
        if was.opened_on < day(n):
            done = WorkItem(**(vars(was) | {"state": "done", "ended_on": day(n), "ended_because": "done"}))
            try:
                store.work.change(
                    was, done, event(was.work_id, day(n), "done", "olga", "done"), now, [told("done", done)]
                )
            except StaleError:
                continue


def send(store: Store, receiver: Path, now: dt.datetime) -> None:
    """Sends everything that is due, some at a time."""
    while claimed := store.outbox.claim(now, 3):
        for delivery in claimed:
            with receiver.open("a", encoding="utf-8") as file:
                file.write(f"{delivery.key}\n")
            store.outbox.sent(delivery.delivery_id, now)


def live(url: str, receiver: Path, until: int | None, at_work: Any = None, life: int = 0) -> None:
    """Goes on from the newest day on record, up to ``until`` or for ever.

    The clock stands still while it lives, so that no lease ends meanwhile; the next life begins when those of the last
    are over. ``at_work`` is set when a day is done: from then on it is quick.
    """
    now = dt.datetime(2024, 1, 1) + LEASE * life  # noqa: DTZ001 - the store keeps UTC without a zone
    with open_store(url) as store:
        dates = store.dates()
        n = (dates[-1] - BEGIN).days if dates else 0
        while until is None or n <= until:
            score(store, n, now, f"day {n}")
            finish(store, n, now)
            send(store, receiver, now)
            n += 1
            if at_work is not None:
                at_work.set()


def score_all(url: str, together: Any, days: int, mark: str) -> None:
    """Scores days while somebody else does the same."""
    now = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - as above
    with open_store(url) as store:
        for n in range(days):
            together.wait(60)
            score(store, n, now, f"day {n}{mark}")
            together.wait(60)
            finish(store, n, now)


def send_all(url: str, together: Any, receiver: Path) -> None:
    with open_store(url) as store:
        together.wait(60)
        # what another is just taking on PostgreSQL is passed over, and due until it is sent
        while store.outbox.all(state="pending"):
            send(store, receiver, dt.datetime(2024, 1, 2))  # noqa: DTZ001 - as above


def lines(receiver: Path) -> list[str]:
    return receiver.read_text("utf-8").splitlines() if receiver.exists() else []


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but its times and its number, sorted; of a scoring, its date and revision for its number."""
    connections = Connections(url)
    found = {}
    with connections.reading() as connection:
        of_scoring = {
            row.scoring_id: (row.as_of, row.revision) for row in connection.execute(sa.select(schema.scorings))
        }
        for name, table in schema.metadata.tables.items():
            if name in ("stamps", "delivery_attempts"):
                continue
            columns = [column for column in table.c if column.name not in UNIMPORTANT | NUMBERS]
            rows = connection.execute(sa.select(*columns)).mappings()
            plain = [dict(row) | {"scoring_id": of_scoring.get(row.get("scoring_id"))} for row in rows]
            found[name] = sorted(tuple(map(str, row.values())) for row in plain)
    connections.close()
    return found


def half_visible(url: str) -> list[str]:
    """What contradicts itself: written in part, or twice."""
    wrong = []
    with open_store(url) as store:
        work = {one.work_id: one for one in store.work.items()}
        events = Counter((one.work_id, one.what) for one in store.work.events())
        keys = Counter(one.key for one in store.outbox.all())
        arms = {(one.account_id, one.playbook) for one in store.outcomes.assignments()}
        audited = Counter(entry.subject for entry in store.audit.entries())
        for on in store.dates():
            if len(store.scored(on)) != len(ACCOUNTS):
                wrong.append(f"{on} is scored in part")
            if not audited[str(on)]:
                wrong.append(f"{on} is not in the audit log")
            opened = store.decided(on, ["opened"])
            if len(opened) != OPENED_A_DAY:
                wrong.append(f"{on} opened {len(opened)}")
            listed = Counter(one.decision.account_id for one in store.decided(on, ["opened", "kept"]))
            wrong += [f"{name} is on the list of {on} twice" for name, many in listed.items() if many > 1]
            wrong += [f"{one.decision.work_id} is no work" for one in opened if one.decision.work_id not in work]
    for name, one in work.items():
        expected = {(name, "opened"): 1, (name, "done"): int(one.state == "done")}
        wrong += [f"{key} is there {events[key]} times" for key, many in expected.items() if events[key] != many]
        said = {f"opened {name}": 1, f"done {name}": int(one.state == "done")}
        wrong += [f"'{key}' is told {keys[key]} times" for key, many in said.items() if keys[key] != many]
        if (one.account_id, one.playbook) not in arms:
            wrong.append(f"{one.account_id} has no arm")
    return wrong
