"""The whole simulated past: every Monday's state, and every decision with its time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnml.simulate.clock import Clock, Flags, Ints
from churnml.simulate.contract_states import Care, ContractStates, advance, opening_states
from churnml.simulate.population import Accounts


@dataclass(frozen=True)
class History:
    """What was, week by week. Two-dimensional arrays have shape (units, weeks + 1), a column a Monday.

    Attributes:
        states: the state after the last week; start and end days of every unit.
        z, u: levels of the chains.
        undecided: paying since before that Monday and no notice given before it.
        fixed_until: first week in which terms may change, as it stood.
        hit: an incident struck in the week before that Monday.
        change_unit, change_week, change_up: one element a change of terms, by week.
        notice_week: week notice was given, shape (units,); −1 where none.
        failed: the contract ended by a failed payment, shape (units,).
    """

    states: ContractStates
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


class Diary:
    """Contracts, and what is written down of them as they live."""

    def __init__(self, states: ContractStates, clock: Clock) -> None:
        """Begins with the state of the first Monday; ``clock`` says how many weeks there may be."""
        units, mondays = len(states.account), clock.weeks + 1
        self.states = states
        self.week = 0
        self._clock = clock
        self._z, self._u, self._fixed_until = (np.zeros((units, mondays), dtype=np.int64) for _ in range(3))
        self._undecided, self._hit = (np.zeros((units, mondays), dtype=bool) for _ in range(2))
        self._notice_week = np.full(units, -1, dtype=np.int64)
        self._failed = np.zeros(units, dtype=bool)
        self._changed: list[tuple[Ints, int, bool]] = []
        self._monday()

    def live_a_week(self, rng: np.random.Generator, care: Care | None = None) -> None:
        """Lives through one more week, with what interventions add in it."""
        week = self.week
        happened = advance(self.states, week, self._clock, rng, care)
        self._hit[:, week + 1] = happened.hit
        self._notice_week[happened.gave_notice] = week
        self._failed[happened.failed] = True
        self._changed += [(happened.upgraded, week, True), (happened.downgraded, week, False)]
        self.week += 1
        self._monday()

    def _monday(self) -> None:
        states, week = self.states, self.week
        self._z[:, week], self._u[:, week], self._fixed_until[:, week] = states.z, states.u, states.fixed_until
        self._undecided[:, week] = states.undecided

    def history(self) -> History:
        """All that was until this Monday."""
        until = self.week + 1
        return History(
            states=self.states,
            z=self._z[:, :until],
            u=self._u[:, :until],
            undecided=self._undecided[:, :until],
            fixed_until=self._fixed_until[:, :until],
            hit=self._hit[:, :until],
            change_unit=np.concatenate([units for units, _, _ in self._changed]),
            change_week=np.concatenate([np.full(len(units), week) for units, week, _ in self._changed]),
            change_up=np.concatenate([np.full(len(units), up) for units, _, up in self._changed]),
            notice_week=self._notice_week,
            failed=self._failed,
        )


def live(accounts: Accounts, clock: Clock, ahead: int, rng: np.random.Generator) -> History:
    """Lets the contracts live through all weeks of ``clock``. ``ahead``: weeks past the data the truth looks."""
    diary = Diary(opening_states(accounts, clock, ahead, rng), clock)
    for _ in range(clock.weeks):
        diary.live_a_week(rng)
    return diary.history()
