"""A load beside the last one that was in order: what is gone, what is multiplied, what is empty."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from churnml.specs.watching import BreakKind
from churnml.timeline import end_of_data, plus_days
from churnml.watch.breaks import DataBreak
from churnml.watch.profile import LoadProfile, TableProfile

LEFT = 0.9  # of the ids of the load before, below which some are gone
ALL_OTHER = 0.3  # below which they are other ids
FEWEST_IDS = 20
PAST_LEFT, PAST_ROWS = 0.8, 100  # of the rows of the same days, where there were so many
STILL_PAID = 0.75  # of open subscriptions, or of MRR
WITHIN_DAYS = 60  # between two loads, for what changes by itself to be compared
# An amount that is multiplied: the median of its ratios outside these, or a tenth of them far outside.
SAME_AMOUNT = (0.6, 1.6)
FAR_OFF, FAR_SHARE = 5.0, 0.1
FEWEST_AMOUNTS = 5
EMPTIER = 0.3  # by how much a share of nulls is up
RECENT_ROWS = 20
ASIDE_UP, ASIDE_TIMES = 0.05, 3.0
ASIDE_AT_FIRST, ASIDE_ROWS = 0.3, 50


def compared(load: LoadProfile, before: LoadProfile | None) -> Iterator[DataBreak]:
    """The breaks of ``load`` beside ``before``; without one, only what no load should be."""
    began = load.data_through if before is None else min(end_of_data(before.data_through), load.data_through)
    for name, table in load.tables.items():
        old = None if before is None else before.tables.get(name)
        if table.rows == 0:
            yield DataBreak(BreakKind.EMPTIED, name, "", began, float(old.rows) if old else None, 0.0)
            continue
        yield from _aside(name, table, old, began)
        if before is not None and old is not None and old.rows:
            yield from _columns(name, table, old, began)
            yield from _gone(name, table, old, began, before)
            yield from _amounts(name, table, old, began)
            yield from _nulls(name, table, old, began)
    if before is not None:
        yield from _tables_gone(load, before, began)
        yield from _unpaid(load, before, began)


def _tables_gone(load: LoadProfile, before: LoadProfile, began: dt.date) -> Iterator[DataBreak]:
    for name, old in before.tables.items():
        if name not in load.tables and old.rows:
            yield DataBreak(BreakKind.EMPTIED, name, "", began, float(old.rows), 0.0, instead="no source")


def _aside(name: str, table: TableProfile, old: TableProfile | None, began: dt.date) -> Iterator[DataBreak]:
    now = table.share_aside
    if table.rows + sum(table.aside.values()) < ASIDE_ROWS:
        return
    usual = 0.0 if old is None else old.share_aside
    up = now >= usual + ASIDE_UP and now >= ASIDE_TIMES * (usual + 0.01)
    if up if old is not None else now >= ASIDE_AT_FIRST:
        yield DataBreak(BreakKind.ASIDE, name, "", began, usual if old is not None else None, now)


def _columns(name: str, table: TableProfile, old: TableProfile, began: dt.date) -> Iterator[DataBreak]:
    for column in sorted(set(old.given) - set(table.given)):
        yield DataBreak(BreakKind.COLUMNS, name, column, began, instead="vanished")
    for column in sorted(set(table.given) - set(old.given)):
        yield DataBreak(BreakKind.COLUMNS, name, column, began, instead="new")


def _gone(
    name: str, table: TableProfile, old: TableProfile, began: dt.date, before: LoadProfile
) -> Iterator[DataBreak]:
    """Ids, or rows of days that are over, that the load before had."""
    still, asked = old.ids.still_in(table.ids)
    if asked >= FEWEST_IDS and still < LEFT * asked:
        other = still < ALL_OTHER * asked and table.rows >= old.rows / 2
        kind = BreakKind.IDS if other else BreakKind.SHRUNK
        yield DataBreak(kind, name, "", began, float(old.rows), float(table.rows), share=1 - still / asked)
        return
    # the newest days of the load before may not have been whole, and its oldest are not kept any more
    settled, kept_from = str(plus_days(before.data_through, -7)), min(table.by_day, default="9")
    days = [day for day in old.by_day if kept_from <= day < settled]
    was, now = (float(sum(one.by_day.get(day, 0) for day in days)) for one in (old, table))
    if was >= PAST_ROWS and now < PAST_LEFT * was:
        yield DataBreak(BreakKind.SHRUNK, name, "", began, was, now, share=1 - now / was)


def _amounts(name: str, table: TableProfile, old: TableProfile, began: dt.date) -> Iterator[DataBreak]:
    for column, of in (("mrr", "amounts"), ("seats", "seats")):
        ratios = old.ids.ratios(table.ids, of)
        if len(ratios) < FEWEST_AMOUNTS:
            continue
        middle = float(np.median(ratios))
        far = ratios[(ratios > FAR_OFF) | (ratios < 1 / FAR_OFF)]
        if not SAME_AMOUNT[0] <= middle <= SAME_AMOUNT[1]:
            yield DataBreak(BreakKind.VALUES, name, column, began, 1.0, middle, share=1.0)
        elif len(far) >= max(FEWEST_AMOUNTS, FAR_SHARE * len(ratios)):
            share = len(far) / len(ratios)
            yield DataBreak(BreakKind.VALUES, name, column, began, 1.0, float(np.median(far)), share=share)


def _nulls(name: str, table: TableProfile, old: TableProfile, began: dt.date) -> Iterator[DataBreak]:
    """Columns emptier than before, in all rows or in the recent ones; what each day of usage counts is judged there."""
    if name == "usage_events":
        return
    for column in sorted(set(table.nulls) & set(old.nulls)):
        pairs = [(old.nulls[column], table.nulls[column])]
        was, now = old.recent_nulls.get(column), table.recent_nulls.get(column)
        if was is not None and now is not None and min(table.recent_rows, old.recent_rows) >= RECENT_ROWS:
            pairs.append((was, now))
        usual, now = max(pairs, key=lambda pair: pair[1] - pair[0])
        if now - usual >= EMPTIER:
            yield DataBreak(BreakKind.NULLS, name, column, began, usual, now)


def _unpaid(load: LoadProfile, before: LoadProfile, began: dt.date) -> Iterator[DataBreak]:
    """Far fewer subscriptions open than there were a short while ago, though their rows are there."""
    close = (load.data_through - before.data_through).days <= WITHIN_DAYS
    was, now = before.open_subscriptions, load.open_subscriptions
    if close and was >= FEWEST_IDS and now < STILL_PAID * was:
        yield DataBreak(BreakKind.SHRUNK, "subscriptions", "open", began, float(was), float(now), share=1 - now / was)
