"""What the processes of ``churnml serve`` log, and how one knows that it is one of them."""

from __future__ import annotations

import logging
import sys

from pipelines.lines import line_formatter

# in the environment of a process whose server churnml serve started itself
OWN_SERVER = "CHURNML_OWN_SERVER"


def set_up_child_log() -> None:
    """Sends what churnml logs in this process to standard error, which is that of ``churnml serve``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(line_formatter())
    logger = logging.getLogger("churnml")
    # in place of Prefect's, which would tell everything twice
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)


def show_warnings() -> None:
    """Sends the warnings of a run to standard error too; everything it logs stands on its page."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(line_formatter())
    handler.setLevel(logging.WARNING)
    logging.getLogger("churnml").addHandler(handler)
