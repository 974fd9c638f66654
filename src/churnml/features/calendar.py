"""The working calendar as rows that an engine can join."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd

from churnml.lazy import ibis
from churnml.tables import Relation
from churnml.timeline import day_number_of
from churnml.workdays import workdays


def working_days(regions: Iterable[str], first: dt.date, last: dt.date) -> Relation:
    """A row a region and day from ``first`` to ``last``, both included.

    Returns:
        ``region, day`` (days since 1970-01-01), ``working`` (1 on a working day, else 0), ``usual_tenths`` and
        ``worked_tenths``: the tenths of a full working day's use that its weekday brings, and that it brings as it
        is (whole numbers, so that sums do not depend on their order).
    """
    span = (last - first).days + 1
    parts = []
    for region in sorted(set(regions)):
        days = workdays(region, first, span)
        day = day_number_of(first) + np.arange(span, dtype="int32")
        tenths = {f"{name}_tenths": np.rint(getattr(days, name) * 10).astype("int64") for name in ("usual", "worked")}
        parts.append(pd.DataFrame({"region": region, "day": day, "working": days.working.astype("int64"), **tenths}))
    nothing = {"region": "str", "day": "int32", "working": "int64", "usual_tenths": "int64", "worked_tenths": "int64"}
    return ibis.memtable(pd.concat(parts) if parts else pd.DataFrame(columns=[*nothing]).astype(nothing))
