"""What the processes of ``churnml serve`` log, and how one knows that it is one of them."""

from __future__ import annotations

import logging
import sys

# in the environment of a process whose server churnml serve started itself
OWN_SERVER = "CHURNML_OWN_SERVER"
LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def set_up_child_log() -> None:
    """Sends what churnml logs in this process to standard error, which is that of ``churnml serve``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LINE))
    logger = logging.getLogger("churnml")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
