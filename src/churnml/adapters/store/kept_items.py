"""Work items as they are kept in the JSON of what happened to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from churnml.ledger import WorkItem

DATES = ("opened_on", "due", "snoozed_until", "escalated_on", "ended_on")


def item_of(kept: Mapping[str, Any]) -> WorkItem:
    """An item from the JSON it was kept as."""
    dates = {name: dt.date.fromisoformat(kept[name]) for name in DATES if kept.get(name) is not None}
    return WorkItem(**(dict(kept) | dates))
