"""What a load of the tables looks like from outside: what came each day, and how the tables stand as wholes.

A profile is made once a load, in the pass that checks the tables; whether anything is wrong with it is judged from
the profile alone (:mod:`churnml.watch.judging`), for any date, by what was known before that date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    # pandas comes with it, and the store is read by look-ups
    import pandas as pd
# Of this many ids a table is sampled: the smallest hashes, so that two loads sample the same ids.
SAMPLED = 1024
# Days a load keeps of what came each day, to see that a later load still holds them.
DAYS_KEPT = 100
# What is recent, where shares of a table's newest rows are taken.
RECENT_DAYS = 28


@dataclass(frozen=True)
class IdSample:
    """The ids of a table with the smallest hashes (Bar-Yossef et al. 2002, k minimum values), ascending.

    Args:
        hashes: 64 bits of each id's MD5: a load kept for comparison names nobody.
        whole: whether these are all the ids there are.
        amounts, seats: parallel to ``hashes``, where the table has them: what is paid a month, and for how many.
    """

    hashes: tuple[int, ...] = ()
    whole: bool = True
    amounts: tuple[float | None, ...] = ()
    seats: tuple[float | None, ...] = ()

    def still_in(self, later: IdSample) -> tuple[int, int]:
        """How many of these ids a later load still has, and how many of them can be compared."""
        reach = None if later.whole else later.hashes[-1]
        compared = [one for one in self.hashes if reach is None or one <= reach]
        return len(set(compared) & set(later.hashes)), len(compared)

    def ratios(self, later: IdSample, of: str) -> np.ndarray:
        """Later over present value of every id in both, ``of`` amounts or seats, where both are above 0."""
        before, now = (dict(zip(one.hashes, getattr(one, of), strict=False)) for one in (self, later))
        pairs = [(before[one], now[one]) for one in before if one in now]
        return np.array([new / old for old, new in pairs if old and new and old > 0 and new > 0])


@dataclass(frozen=True)
class TableProfile:
    """A contract table as a whole.

    Args:
        rows: kept.
        given: the columns the project's source gave.
        aside: reason → rows set aside.
        recent_rows: rows dated in the last :data:`RECENT_DAYS` days of the data.
        nulls: column → its share of nulls among all rows.
        recent_nulls: the same among the recent ones; None where there are none.
        ids: a sample of its ids.
        by_day: ISO date → rows dated so, of the last :data:`DAYS_KEPT` days.
    """

    rows: int
    given: tuple[str, ...] = ()
    aside: Mapping[str, int] = field(default_factory=dict)
    recent_rows: int = 0
    nulls: Mapping[str, float] = field(default_factory=dict)
    recent_nulls: Mapping[str, float | None] = field(default_factory=dict)
    ids: IdSample = IdSample()
    by_day: Mapping[str, int] = field(default_factory=dict)

    @property
    def share_aside(self) -> float:
        """The share of the rows read that was set aside, but for those after a declared end of the data."""
        aside = sum(rows for reason, rows in self.aside.items() if reason != "future")
        return aside / (aside + self.rows) if aside else 0.0


@dataclass(frozen=True)
class LoadProfile:
    """A load, small enough to be kept beside earlier ones.

    Args:
        data_through: the last full day in the data.
        read_on: the day it was read.
        end_declared: whether the project says where its data end; else they end with their newest usage.
        tables: contract table → its profile.
        open_subscriptions, mrr: paid at the end of the data.
    """

    data_through: dt.date
    read_on: dt.date
    end_declared: bool
    tables: Mapping[str, TableProfile]
    open_subscriptions: int = 0
    mrr: float = 0.0


@dataclass(frozen=True)
class Feeds:
    """What came each day.

    Args:
        cells: ``contract_table, event`` (empty: the whole table), ``day`` (days since 1970-01-01), ``delay`` (days
            until it was known), ``rows, users, quantities`` (all, those that name a user, those that have a quantity).
        repeats: ``contract_table, day, rows, different`` (rows that differ from each other), ``single`` (those that
            stand there once), ``least`` (how often every one of them stands there at least).
    """

    cells: pd.DataFrame
    repeats: pd.DataFrame
