"""Running a whole command and reading what it cost.

A process inherits the peak memory of whoever started it, so a command is started by a small process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# its own peak, some ten MiB, is the least that can be read
_LAUNCH = """
import json, os, sys, time
started = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
kibi = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
told = {"seconds": time.perf_counter() - started, "mebibytes": kibi / 1024, "code": os.waitstatus_to_exitcode(status)}
told["cpu"] = usage.ru_utime + usage.ru_stime
open(sys.argv[1], "w").write(json.dumps(told))
"""


@dataclass(frozen=True)
class Spent:
    """A finished process: wall seconds, seconds of all its processors, peak memory, exit code and what it printed."""

    seconds: float
    cpu: float
    mebibytes: float
    code: int
    out: str
    err: str


def spent(command: Sequence[str], scratch: Path, cwd: Path | None = None) -> Spent:
    """Runs a command to its end; ``scratch`` is a folder to take notes in."""
    told = scratch / "spent.json"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCH, str(told), *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return Spent(**json.loads(told.read_text("utf-8")), out=done.stdout, err=done.stderr)
