"""What a command logs: progress for who looks on, every room's lines with ``--verbose``, JSON for machines.

Rooms log what they opened, read, decided and wrote to ``churnml.<room>``, with what is counted as named arguments:
``log.info("%(rows)d rows read", {"rows": 5})``. The message holds them for people, JSON holds them as fields too.
"""

from __future__ import annotations

import logging
import sys

from pipelines.lines import as_json, line_formatter
from pipelines.progress import LOGGER as PROGRESS

ROOT = "churnml"


class ProgressFormatter(logging.Formatter):
    """A step of long work, with the seconds since the start."""

    def format(self, record: logging.LogRecord) -> str:
        return f"  {record.relativeCreated / 1000:6.1f} s  {record.getMessage()}"


def set_up_logs(*, verbose: bool, also: tuple[str, ...] = ()) -> None:
    """Sends what is logged to standard error; called again, it replaces what it had set up.

    Progress is always shown: as it is on a terminal, as log lines where none looks on. The other lines are shown
    when ``verbose``, or when ``CHURNML_LOG=json`` asks for all of them as JSON; those of the loggers in ``also``
    whenever a command is about nothing else.
    """
    handler = logging.StreamHandler(sys.stderr)
    plain = as_json() or verbose or not sys.stderr.isatty()
    handler.setFormatter(line_formatter() if plain else ProgressFormatter())
    if not verbose and not as_json():
        shown = (PROGRESS, *also)
        handler.addFilter(lambda record: record.name in shown or record.levelno >= logging.WARNING)
    handler.set_name(ROOT)
    logger = logging.getLogger(ROOT)
    for former in [former for former in logger.handlers if former.get_name() == ROOT]:
        logger.removeHandler(former)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
