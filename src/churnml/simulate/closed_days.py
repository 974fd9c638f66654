"""Days on which the customers of a region hardly work: their use thins out, and nothing else about them changes.

Health, contracts and tickets know nothing of holidays, so a quiet week says nothing of who will leave.
"""

from __future__ import annotations

import numpy as np

from churnml.errors import ProjectError
from churnml.simulate.clock import WEEK_DAYS, Clock, Floats
from churnml.workdays import DAY_OFF, read_region, workdays

# What use is left on a public holiday, and on a day that bridges some where the account is closed then: about half of
# them are, the others work as ever.
LEFT = 0.12
CLOSED_ON_BRIDGES = 0.5


def known_region(region: str | None) -> str | None:
    """The region's code, None of none; raises ProjectError with the nearest where it is not known."""
    try:
        return None if region is None else read_region(region)
    except ValueError as problem:
        told = f"The region cannot be used: {problem}"
        raise ProjectError(told, where=f"region: {region}", remedy="Correct it.") from None


def use_left(region: str | None, accounts: int, clock: Clock, rng: np.random.Generator) -> Floats | None:
    """The share of its use that is left to each account on each day, shape (accounts, days); None is all of it."""
    if region is None:
        return None
    days = workdays(region, clock.start, clock.weeks * WEEK_DAYS)
    # of a weekend as much is left as ever, holiday or not
    closed = (days.usual > DAY_OFF) & (days.worked <= DAY_OFF)
    bridge = (days.worked > DAY_OFF) & (days.worked < 1)
    closes = rng.random(accounts) < CLOSED_ON_BRIDGES
    left: Floats = np.where(closed | (closes[:, None] & bridge), LEFT, 1.0)
    return left
