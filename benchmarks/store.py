"""What the operational store takes for a large book, on SQLite and on PostgreSQL.

``python -m benchmarks.store [--accounts 100000]``. A date with health inputs, curves and reasons of every account is
written, a tenth of the accounts with work and another tenth as overflow, each with a message; then the next date; then
the store is asked what people and programs ask it. Writes its table into ``docs/store.md``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.believe import replace_block
from churnml.adapters.store import Store, open_store
from churnml.ledger import (
    DayPlan,
    HealthTrace,
    LeavingCurve,
    LikelyPeriod,
    Provenance,
    ScoredDay,
    Timing,
    WorkItem,
)
from tests.engines.servers import own_postgres
from tests.store.days import MODELS, NOW, account, decision, event, kept_open, message, opening

PAGE = Path(__file__).parents[1] / "docs" / "store.md"
BLOCK = "python -m benchmarks.store"
FIRST, SECOND, THIRD = dt.date(2024, 3, 4), dt.date(2024, 3, 5), dt.date(2024, 3, 6)


class Watch:
    """Seconds of each step, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, name: str, does: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = does()
        self.seconds[name] = time.perf_counter() - started
        return result


def steps(store: Store, many: int) -> dict[str, float]:
    """What each step took, in seconds."""
    curve = LeavingCurve(tuple(range(10)), tuple([0.1] * 10))
    timing = Timing({"30": 0.1}, LikelyPeriod(FIRST, SECOND, 0.1), curve)
    trace = HealthTrace(raw_health=41.0, inputs={f"feature_{n}": float(n) for n in range(20)})
    rows = tuple(account(f"account {n:06d}", timing=timing, trace=trace, band_since=FIRST) for n in range(many))
    opened = opening(FIRST, *(row.account_id for row in rows[: many // 10]))
    over = tuple(decision(None, row.account_id, "overflow") for row in rows[many // 10 : many // 5])
    plan = DayPlan((*opened.decisions, *over), opened.work, opened.events, opened.assignments)
    messages = [message(f"message {row.account_id}", row.account_id) for row in rows]
    next_day = kept_open(SECOND, *opened.work)
    was = opened.work[0]
    done = WorkItem(**(vars(was) | {"state": "done", "ended_on": SECOND, "ended_because": "spoke to them"}))
    watch = Watch()
    watch.time(
        "a date, with work and messages",
        lambda: store.record(ScoredDay(FIRST, rows, MODELS, plan), Provenance("1"), NOW, messages),
    )
    watch.time(
        "the next date, its messages told before",
        lambda: store.record(ScoredDay(SECOND, rows, MODELS, next_day), Provenance("2"), NOW, messages),
    )
    watch.time("what is on record when a day begins", lambda: store.prior_state(THIRD, 90))
    watch.time("the whole list of a date", lambda: store.queue(SECOND))
    watch.time("an owner's first 50 lines", lambda: store.queue(SECOND, owner="olga", limit=50))
    watch.time("an account with its past", lambda: store.account(rows[7].account_id, SECOND))
    handled = event(was.work_id, SECOND, "done", "olga", "spoke to them")
    watch.time("a piece of work done", lambda: store.work.change(was, done, handled, NOW))
    claimed = watch.time("500 messages claimed", lambda: store.outbox.claim(NOW, 500))
    watch.time("500 messages marked as sent", lambda: [store.outbox.sent(one.delivery_id, NOW) for one in claimed])
    return watch.seconds


@contextmanager
def on_sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/store.db"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    many = parser.parse_args().accounts
    taken = {}
    for name, place in (("SQLite", on_sqlite), ("PostgreSQL", own_postgres)):
        with place() as url, open_store(url) as store:
            taken[name] = steps(store, many)
    lines = [f"{many:,} accounts, seconds:", "", f"| | {' | '.join(taken)} |", f"|---|{'---:|' * len(taken)}"]
    for step in taken["SQLite"]:
        lines.append(f"| {step} | {' | '.join(f'{seconds[step]:.2f}' for seconds in taken.values())} |")
    replace_block(BLOCK, lines, PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
