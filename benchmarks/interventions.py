"""What a customer success team does to accounts: shifts of their decisions, for some weeks.

An intervention moves the logit of giving notice, of an upgrade, or of both, from the Monday it is made on for as
long as it lasts. Several add up. Health, pressure and what can be seen of them stay as they are: an intervention
works on the decision, so the true probabilities stay computable by :mod:`churnml.simulate.truth`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnml.errors import ProjectError
from churnml.simulate.clock import Ints
from churnml.simulate.history import Care


@dataclass(frozen=True)
class InterventionEffect:
    """What one intervention does.

    Args:
        leave: added to the logit of giving notice where notice is due; below zero keeps accounts.
        up: added to the logit of an upgrade in a week in which terms may change.
        weeks: how long, from the week it is made in.
    """

    leave: float = 0.0
    up: float = 0.0
    weeks: int = 14

    def __post_init__(self) -> None:
        if self.weeks < 1:
            raise ProjectError("An intervention lasts a week or more.", where=f"weeks: {self.weeks}", remedy="Use 1.")


class Interventions(Care):
    """Everything done, week by week; arrays of shape (units, weeks)."""

    @classmethod
    def none(cls, units: int, weeks: int) -> Interventions:
        return cls(np.zeros((units, weeks)), np.zeros((units, weeks)))

    def and_also(self, unit: Ints, week: int, effects: list[InterventionEffect]) -> Interventions:
        """These, and one more on each of ``unit`` from ``week`` on."""
        leave, up = self.leave.copy(), self.up.copy()
        for one, effect in zip(unit, effects, strict=True):
            span = slice(week, week + effect.weeks)
            leave[one, span] += effect.leave
            up[one, span] += effect.up
        return Interventions(leave, up)
