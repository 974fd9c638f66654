"""The whole simulated past: every Monday's state, and every decision with its time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnml.simulate.book import Book, advance, open_book
from churnml.simulate.clock import Clock, Flags, Ints
from churnml.simulate.population import Accounts


@dataclass(frozen=True)
class History:
    """What was, week by week. Two-dimensional arrays have shape (units, weeks + 1), a column a Monday.

    Attributes:
        book: the state after the last week; start and end days of every unit.
        z, u: levels of the chains.
        undecided: paying since before that Monday and no notice given before it.
        fixed_until: first week in which terms may change, as it stood.
        hit: an incident struck in the week before that Monday.
        change_unit, change_week, change_up: one element a change of terms, by week.
        notice_week: week notice was given, shape (units,); −1 where none.
        failed: the contract ended by a failed payment, shape (units,).
    """

    book: Book
    z: Ints
    u: Ints
    undecided: Flags
    fixed_until: Ints
    hit: Flags
    change_unit: Ints
    change_week: Ints
    change_up: Flags
    notice_week: Ints
    failed: Flags


def live(accounts: Accounts, clock: Clock, ahead: int, rng: np.random.Generator) -> History:
    """Runs the book through all weeks of ``clock``. ``ahead``: weeks past the data the truth looks."""
    book = open_book(accounts, clock, ahead, rng)
    units, mondays = len(book.account), clock.weeks + 1
    z, u, fixed_until = (np.zeros((units, mondays), dtype=np.int64) for _ in range(3))
    undecided, hit = (np.zeros((units, mondays), dtype=bool) for _ in range(2))
    notice_week = np.full(units, -1, dtype=np.int64)
    failed = np.zeros(units, dtype=bool)
    changed: list[tuple[Ints, int, bool]] = []
    for week in range(mondays):
        z[:, week], u[:, week], fixed_until[:, week] = book.z, book.u, book.fixed_until
        undecided[:, week] = book.undecided
        if week == clock.weeks:
            break
        happened = advance(book, week, clock, rng)
        hit[:, week + 1] = happened.hit
        notice_week[happened.gave_notice] = week
        failed[happened.failed] = True
        changed += [(happened.upgraded, week, True), (happened.downgraded, week, False)]
    return History(
        book=book,
        z=z,
        u=u,
        undecided=undecided,
        fixed_until=fixed_until,
        hit=hit,
        change_unit=np.concatenate([units_ for units_, _, _ in changed]),
        change_week=np.concatenate([np.full(len(units_), week) for units_, week, _ in changed]),
        change_up=np.concatenate([np.full(len(units_), up) for units_, _, up in changed]),
        notice_week=notice_week,
        failed=failed,
    )
