"""Where those who left stood before they left: in which band, on a list, left alone on purpose.

A score that leaves most leavers in its best band warns nobody, whatever its ROC AUC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.modelling.evaluation import Figure
from churnml.modelling.reliability import wilson

# A leaver that no scoring saw in time.
NEVER_SCORED = "never scored"


@dataclass(frozen=True)
class Leaver:
    """An account that left.

    Args:
        account_id: whose.
        left_on: the day of leaving.
        seen_on: the newest scored date that was early enough to act; None where there was none.
        band: its band then; None where it was not scored.
        listed: whether it was on anybody's list by then.
        held_out: whether it was left alone on purpose.
    """

    account_id: str
    left_on: dt.date
    seen_on: dt.date | None
    band: str | None
    listed: bool
    held_out: bool


@dataclass(frozen=True)
class LeaverShare:
    """How many of the leavers were so: a count, and its share with Wilson's interval."""

    name: str
    count: int
    share: Figure


@dataclass(frozen=True)
class LeaversBefore:
    """Those who left in a stretch of days, and where they had stood.

    Args:
        first, last: the days of leaving looked at.
        leavers: how many.
        bands: every declared band, the worst first, then those never scored.
        listed, held_out: how many were on a list in time; how many were left alone on purpose.
        missed: in the best band, on no list and not held out: nobody was warned.
    """

    first: dt.date
    last: dt.date
    leavers: int
    bands: tuple[LeaverShare, ...]
    listed: LeaverShare
    held_out: LeaverShare
    missed: LeaverShare


def leavers_before(leavers: Sequence[Leaver], bands: Sequence[str], first: dt.date, last: dt.date) -> LeaversBefore:
    """Where leavers stood; ``bands`` are the declared ones, the worst first."""

    def share(name: str, those: Sequence[Leaver]) -> LeaverShare:
        count, rows = len(those), len(leavers)
        if not rows:
            return LeaverShare(name, 0, Figure(float("nan"), float("nan"), float("nan")))
        low, high = wilson(count / rows, float(rows))
        return LeaverShare(name, count, Figure(count / rows, float(low), float(high)))

    stood = {leaver.band or NEVER_SCORED for leaver in leavers}
    names = [*bands, *sorted(stood - {*bands, NEVER_SCORED}), NEVER_SCORED]
    best = bands[-1]
    missed = [one for one in leavers if one.band == best and not one.listed and not one.held_out]
    return LeaversBefore(
        first=first,
        last=last,
        leavers=len(leavers),
        bands=tuple(share(name, [one for one in leavers if (one.band or NEVER_SCORED) == name]) for name in names),
        listed=share("listed", [one for one in leavers if one.listed]),
        held_out=share("held out", [one for one in leavers if one.held_out]),
        missed=share("missed", missed),
    )
