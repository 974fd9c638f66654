"""The one place that asks what day it is, and what time."""

from __future__ import annotations

import datetime as dt


def day(today: dt.date | None = None) -> dt.date:
    """The day taken for today: as given, else the machine's own."""
    return today or dt.date.today()  # noqa: DTZ011 - the day as people here have it


def moment() -> dt.datetime:
    """Now, in UTC without saying so, as the store keeps it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
