"""The steps of scoring past dates: which of them are missing, and the models' part of them, in several processes.

What the models see of a date depends on no other date, so it can be had at the same time; what is settled from it
(bands, drops) depends on the dates before, so it is written one after the other, in order. A backfill that was killed
goes on where it was: what it had written stands, and is told.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path

from churnml.adapters.project import open_project
from churnml.adapters.registry import registry_of
from churnml.adapters.store import open_store
from churnml.adapters.warehouse import Ingested
from churnml.errors import ChurnmlError
from churnml.jobs.opening import OpenedProject, open_ingested
from churnml.jobs.scoring import Champions, champions_of, fingerprints_of, read_date
from churnml.scoring.predictions import Predictions

# How many dates a process may be ahead of what is written: predictions of a large company take some hundred megabytes.
AHEAD = 1


def standing_dates(opened: OpenedProject, champions: Champions, dates: Sequence[dt.date]) -> dict[dt.date, int]:
    """Those dates that were scored from the same inputs before → how many accounts."""
    with open_store(opened.project.operational_url) as store:
        recorded = {date: store.fingerprint(date) for date in {*store.dates()} & {*dates}}
        # nobody gets work for a day that is over
        return {
            date: store.accounts_scored(date)
            for date in dates
            if date in recorded
            and recorded[date] in fingerprints_of(opened, champions, date, store.prior_inputs(date), route=False)
        }


@dataclass(frozen=True)
class SameProject:
    """What a further process opens, so that it computes what the first one would.

    Args:
        root: the project's folder.
        ingested: its checked tables; the first process holds them.
        engine: what snapshots are computed on.
        declared: names the declarations.
        versions: model → version of its champion.
    """

    root: Path
    ingested: Ingested
    engine: str | None
    declared: str
    versions: tuple[tuple[str, str | None], ...]


def predictions_in_order(
    opened: OpenedProject, champions: Champions, dates: Sequence[dt.date], *, workers: int, engine: str | None
) -> Iterator[Predictions]:
    """What the champions see of each date, in order, computed in ``workers`` processes beside this one.

    Raises:
        ChurnmlError: a date cannot be scored, or the project was changed meanwhile.
    """
    same = SameProject(
        opened.project.root.absolute(),
        opened.ingested,
        engine,
        opened.project.declared,
        _versions(champions),
    )
    # a fork would take the threads' locks along with it
    spawning = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawning, initializer=_open_once, initargs=(same,))
    ahead: deque[Future[Predictions]] = deque()
    left = iter(dates)
    try:
        for _ in dates:
            while len(ahead) < workers + AHEAD and (date := next(left, None)) is not None:
                ahead.append(pool.submit(_read, date))
            yield ahead.popleft().result()
    except BrokenProcessPool:
        raise ChurnmlError(
            "A process of the backfill ended before its work was done.",
            remedy="Was it killed, or the memory full? Run it again, with fewer --workers: what is written stands.",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _versions(champions: Champions) -> tuple[tuple[str, str | None], ...]:
    return tuple((name, one.version if one else None) for name, one in sorted(champions.by_model.items()))


# ---------------------------------------------------------------- in a process of its own

_OPENED: list[tuple[OpenedProject, Champions] | ChurnmlError] = []


def _open_once(same: SameProject) -> None:
    # an interrupt is for the first process, which waits for what is under way
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    try:
        _OPENED.append(_opened(same))
    except ChurnmlError as problem:  # told with the first date, as its own
        _OPENED.append(problem)


def _end_with_the_first() -> None:
    """A process whose parent was killed would wait for work for ever."""
    first = parent_process()
    if first is not None:
        first.join()
        os._exit(1)


def _opened(same: SameProject) -> tuple[OpenedProject, Champions]:
    project = open_project(same.root)
    opened = open_ingested(project, same.ingested, same.engine)
    champions = champions_of(opened, registry_of(project))
    if (project.declared, _versions(champions)) != (same.declared, same.versions):
        raise ChurnmlError("The project was changed while its past was scored.", remedy="Run it again.")
    return opened, champions


def _read(date: dt.date) -> Predictions:
    (ready,) = _OPENED
    if isinstance(ready, ChurnmlError):
        raise ready
    return read_date(*ready, date)
