"""Processes that begin together, each with a store of its own opening."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any

# forked from one that has everything loaded already: a process costs little then
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["pytest", "alembic.command", "psycopg", "tests.store.lives"])


def barrier_of(many: int) -> Any:
    return CONTEXT.Barrier(many)


def started(does: Callable[..., None], *given: Any) -> Any:
    """A process that has begun."""
    process = CONTEXT.Process(target=does, args=given)
    process.start()
    return process


def in_processes(does: Callable[..., None], each: Sequence[tuple[Any, ...]]) -> list[int | None]:
    """Runs all at once; how each ended, 0 for well."""
    running = [started(does, *given) for given in each]
    for process in running:
        process.join(60)
    return [process.exitcode for process in running]
