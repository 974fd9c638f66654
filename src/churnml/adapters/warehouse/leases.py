"""Folders held against other runs: a reader keeps what it reads, and one run at a time makes.

A lease is a lock on the folder itself (``flock``, advisory): the kernel lets go of it when its process ends, however
it ends, nothing is left behind, and a folder that may only be read can be held too.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("churnml.warehouse")

# What a file system without such locks says.
WITHOUT_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF})
# There, nothing younger is taken away.
A_DAY = 86_400.0
GONE = ".gone-"


class Lease:
    """Folders that no run takes away while this lives; let go of when nothing refers to it any more."""

    def __init__(self, descriptors: Iterable[int]) -> None:
        self._held = tuple(descriptors)
        self._closing = weakref.finalize(self, _close, self._held)

    def release(self) -> None:
        """Lets go now."""
        self._closing()

    def lives_with(self, reader: object) -> None:
        """Holds on as long as ``reader`` is there."""
        # the finaliser refers to the lease, and with it keeps it
        weakref.finalize(reader, self.release).atexit = False


def reading(folders: Iterable[Path]) -> Lease | None:
    """A lease on folders that are to be read, shared with other readers; None when one of them is being taken away."""
    held: list[int] = []
    for folder in folders:
        descriptor = _locked(folder, fcntl.LOCK_SH)
        if descriptor is None:
            _close(held)
            return None
        held.append(descriptor)
    return Lease(held)


def alone(folder: Path) -> Lease | None:
    """A lease that nobody shares; None when the folder is held or gone."""
    descriptor = _locked(folder, fcntl.LOCK_EX)
    return None if descriptor is None else Lease([descriptor])


@contextmanager
def one_maker(folder: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Only one run at a time is in here, for one ``folder``; ``waits`` is called once before another is waited for."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(descriptor, fcntl.LOCK_EX):
            waits()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def take_away(folder: Path) -> bool:
    """Deletes a folder unless somebody holds it; whether it is gone."""
    lease = alone(folder)
    if lease is None:
        return not folder.exists()
    try:
        # out of everybody's sight at once, then file by file
        aside = folder.with_name(f"{GONE}{uuid.uuid4().hex[:8]}")
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as problem:
        log.warning("%(folder)s cannot be deleted (%(why)s)", {"folder": folder, "why": problem.strerror})
        return False
    finally:
        lease.release()
    return True


def _locked(folder: Path, kind: int) -> int | None:
    """A descriptor that holds the folder; None when it is gone, or held by others in a way that does not go with it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # what was renamed between the opening and the lock is no longer the folder of that name
        held = _lock(descriptor, kind) and os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        held = False
    except OSError as problem:
        if problem.errno not in WITHOUT_LOCKS:
            os.close(descriptor)
            raise
        log.info("the file system of %(folder)s has no locks", {"folder": folder})
        held = kind == fcntl.LOCK_SH or folder.stat().st_mtime < time.time() - A_DAY
    if not held:
        os.close(descriptor)
        return None
    return descriptor


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
