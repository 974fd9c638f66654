"""How a log line is written, for people and for machines; the command line and the processes it starts write alike."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from collections.abc import Mapping

LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what the message counts."""

    def format(self, record: logging.LogRecord) -> str:
        fields = record.args if isinstance(record.args, Mapping) else {}
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields,
        }
        return json.dumps(line, ensure_ascii=False, default=str)


def as_json() -> bool:
    """Whether ``CHURNML_LOG=json`` asks for lines that machines read."""
    return os.environ.get("CHURNML_LOG", "").lower() == "json"


def line_formatter() -> logging.Formatter:
    """Lines as the environment asks for them."""
    return JsonFormatter() if as_json() else logging.Formatter(LINE)
