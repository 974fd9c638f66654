"""Runs a module for as long as the process that started it lives: ``python -m pipelines.serving.leash MODULE …``.

Standard input is a pipe that the starter holds open. However it ends, killed without a word too, the pipe closes, and
then everything in this process group ends with it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

# seconds in which what runs may end by itself
GRACE = 15.0


def _end_when_alone() -> None:
    # not through sys.stdin, whose lock a thread would hold while the interpreter ends
    while os.read(0, 1024):
        pass
    group = os.getpgrp()
    os.killpg(group, signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(group, signal.SIGKILL)


def main() -> None:
    """The module named first, with the rest as its arguments."""
    threading.Thread(target=_end_when_alone, daemon=True, name="leash").start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
