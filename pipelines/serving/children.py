"""A process that is started, watched, started again when it dies, and ended with all that it started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

log = logging.getLogger("churnml.serve")

# seconds after which a process that had died is trusted again, and the longest wait before it is started again
TRUSTED = 300.0
LONGEST_WAIT = 60.0
# a log larger than this (bytes) is put aside when its process starts
LARGE_LOG = 5_000_000
TAIL_LINES = 8


class Child:
    """A module of Python in a process group of its own, which ends when this process does.

    Args:
        name: what people call it.
        module: what is run, with its arguments.
        environment: all of it.
        log_file: where its output goes; None for our own standard error.
    """

    def __init__(
        self, name: str, module: Sequence[str], environment: Mapping[str, str], folder: Path, log_file: Path | None
    ) -> None:
        self.name, self.log_file, self._folder = name, log_file, folder
        self._command = [sys.executable, "-m", "pipelines.serving.leash", *module]
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started, self._deaths, self._again_at = 0.0, 0, 0.0

    def start(self) -> None:
        """Starts it."""
        output = self._opened_log() if self.log_file else None
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            self._command,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=output or sys.stderr.fileno(),
            stderr=output or sys.stderr.fileno(),
            start_new_session=True,
        )
        self._started = time.monotonic()
        if output is not None:
            os.close(output)
        log.info("%(child)s started as process %(pid)d", {"child": self.name, "pid": self._process.pid})

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def childless(self) -> bool:
        """Whether it lives, and no process that it started does."""
        if self._process is None or not self.alive:
            return False
        with contextlib.suppress(psutil.Error):
            started = psutil.Process(self._process.pid).children()
            return all(child.status() == psutil.STATUS_ZOMBIE for child in started)
        return False

    def died(self) -> float:
        """Ends what it left running, and says after how many seconds it is to be started again."""
        self._end_group(signal.SIGKILL)
        self._let_go()
        self._process = None
        lived = time.monotonic() - self._started
        self._deaths = 1 if lived > TRUSTED else self._deaths + 1
        wait = min(LONGEST_WAIT, 2.0 ** (self._deaths - 1))
        self._again_at = time.monotonic() + wait
        return wait

    @property
    def due(self) -> bool:
        """Whether it is down, and the wait is over."""
        return self._process is None and time.monotonic() >= self._again_at

    def stop(self, grace: float) -> None:
        """Asks it to end, waits at most ``grace`` seconds, and ends what is left of it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            log.warning("%(child)s did not stop in %(seconds)d s", {"child": self.name, "seconds": int(grace)})
        self._end_group(signal.SIGKILL)
        self._process.wait()
        self._let_go()

    def kill(self) -> None:
        """Ends it at once."""
        self._end_group(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._let_go()

    def tail(self) -> str:
        """The last lines of its log."""
        if self.log_file is None or not self.log_file.is_file():
            return ""
        lines = self.log_file.read_text("utf-8", errors="replace").splitlines()
        return "\n".join([line for line in lines if line.strip()][-TAIL_LINES:])

    def _end_group(self, how: signal.Signals) -> None:
        if self._process is not None:
            # its own id is its group's, and stays so for what it started when it is gone itself
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, how)

    def _let_go(self) -> None:
        """Closes our end of the leash."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _opened_log(self) -> int:
        assert self.log_file is not None  # noqa: S101 - only called with one
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LARGE_LOG:
            self.log_file.replace(self.log_file.with_suffix(".1.log"))
        return os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
