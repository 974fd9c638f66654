"""Where a long step says what it is doing: the terminal, and only when somebody looks at it."""

from __future__ import annotations

import sys
import time

_started = time.monotonic()


def say(message: str) -> None:
    """One line of progress on standard error, with the seconds since the start."""
    if sys.stderr.isatty():
        sys.stderr.write(f"  {time.monotonic() - _started:6.1f} s  {message}\n")
        sys.stderr.flush()
