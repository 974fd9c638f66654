"""Where a long step says what it is doing: a log line that the command line shows."""

from __future__ import annotations

import logging

LOGGER = "churnml.progress"


def say(message: str) -> None:
    """One line of progress."""
    logging.getLogger(LOGGER).info(message)
