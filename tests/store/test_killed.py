"""``kill -9`` at random moments, and two at once: nothing is lost, doubled or half visible.

``CHURNML_KILLS=200`` kills more often than the usual twenty times an engine.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from churnml.adapters.store import open_store, schema
from churnml.adapters.store.connections import Connections
from tests.store.at_once import CONTEXT, barrier_of, in_processes, started
from tests.store.days import NOW
from tests.store.lives import BEGIN, OPENED_A_DAY, contents, half_visible, lines, live, score_all, send_all

KILLS = int(os.environ.get("CHURNML_KILLS", "20"))


def test_killed_at_any_moment_it_goes_on_as_if_nothing_had_been(new_url: Callable[[], str], tmp_path: Path) -> None:
    url, receiver = new_url(), tmp_path / "received"
    moments = random.Random(7)
    for life in range(KILLS):
        at_work = CONTEXT.Event()
        process = started(live, url, receiver, None, at_work, life)
        # most are killed when they are well at work, every fourth as it begins
        assert life % 4 == 0 or at_work.wait(60)
        time.sleep(moments.uniform(0.0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it ended by itself"
        if life % 5 == 4:
            assert half_visible(url) == []
    with open_store(url) as store:
        last = (store.dates()[-1] - BEGIN).days + 2
    # on a busy machine a life is killed before its first day is written
    assert last > KILLS / 4, "they were hardly at work"
    assert in_processes(live, [(url, receiver, last, None, KILLS)]) == [0]
    assert half_visible(url) == []

    undisturbed, control = new_url(), tmp_path / "control"
    assert in_processes(live, [(undisturbed, control, last)]) == [0]
    assert contents(url) == contents(undisturbed)
    # at least once, and never more than once without a death in between
    assert set(lines(receiver)) == set(lines(control))
    assert len(set(lines(control))) == len(lines(control)) == (last + 1) * OPENED_A_DAY * 2 - OPENED_A_DAY
    twice = Counter(lines(receiver))
    assert sum(many - 1 for many in twice.values()) <= KILLS


def test_two_that_score_the_same_days_at_once_write_each_once(new_url: Callable[[], str]) -> None:
    url, alone = new_url(), new_url()
    assert in_processes(score_all, [(url, barrier_of(2), 12, "")] * 2) == [0, 0]
    assert in_processes(score_all, [(alone, barrier_of(1), 12, "")]) == [0]
    assert half_visible(url) == []
    assert contents(url) == contents(alone)


def test_two_that_score_the_same_days_differently_at_once_double_no_work(new_url: Callable[[], str]) -> None:
    url, barrier = new_url(), barrier_of(2)
    assert in_processes(score_all, [(url, barrier, 8, " of one"), (url, barrier, 8, " of the other")]) == [0, 0]
    with open_store(url) as store:
        work = store.work.items()
        assert Counter(one.opened_on for one in work) == dict.fromkeys(store.dates(), OPENED_A_DAY)
        assert len(store.outbox.all()) == len(store.work.events()) == 2 * len(work) - OPENED_A_DAY
        assert len(store.audit.entries(str(store.dates()[-1]))) == 2  # both are on record
        for on in store.dates():
            assert [one.decision.disposition for one in store.decided(on)].count("opened") in (0, OPENED_A_DAY)


def test_two_that_send_at_once_send_each_once(new_url: Callable[[], str], tmp_path: Path) -> None:
    url, receiver = new_url(), tmp_path / "received"
    assert in_processes(score_all, [(url, barrier_of(1), 15, "")]) == [0]
    assert in_processes(send_all, [(url, barrier_of(2), receiver)] * 2) == [0, 0]
    with open_store(url) as store:
        assert sorted(lines(receiver)) == sorted(one.key for one in store.outbox.all())
        assert {one.state for one in store.outbox.all()} == {"sent"}


def test_the_look_for_what_is_half_written_does_see_it(url: str) -> None:
    assert in_processes(score_all, [(url, barrier_of(1), 3, "")]) == [0]
    assert half_visible(url) == []
    connections = Connections(url)
    with connections.writing() as connection:
        connection.execute(schema.work.update().where(schema.work.c.state == "done").values(state="dismissed"))
        columns = ("as_of", "revision", "fingerprint", "models", "scored_at")
        row = dict(zip(columns, (BEGIN.replace(year=2025), 1, "x", {}, NOW), strict=True))
        connection.execute(schema.scorings.insert().values(row))
    connections.close()
    found = half_visible(url)
    assert "2025-01-01 is scored in part" in found
    assert "2025-01-01 is not in the audit log" in found
    assert any("done' " in one or "'done')" in one for one in found)
