"""The true probabilities of churn and upsell, computed from the full state by dynamic programming.

A *case* is a unit at a Monday at which it pays and no notice was given before. From its exact state
(z, u, hidden traits, calendar) the distribution over the chains is carried forward week by week, mass
being taken out where the contract ends or the terms change. No draws are made.

Exact up to rounding, because
- every decision reads only (z, u) at that Monday, fixed traits and the calendar, as :mod:`history` plays it;
- at most one change of terms falls into a window, so an upgrade (12 % or more) decides the upsell label
  by itself, and a customer won back in the window pays less than before and cannot leave again in it;
- incidents strike many accounts at once, which correlates outcomes but leaves each account's own law alone.

The one thing to know: probabilities are marginal, so sums over accounts vary more than independent draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from churnml.simulate import world
from churnml.simulate.clock import Floats, Ints, Weeks, taken
from churnml.simulate.history import Care, ContractStates, History

BATCH_CASES = 8_000  # bounds memory: a batch holds a few (cases, 15, 9) arrays of floats
DIGITS = 10  # kept of a probability: beyond any use, and short of the rounding that depends on the machine


@dataclass(frozen=True)
class Cases:
    """Units at Mondays with their chain levels; arrays of shape (cases,)."""

    unit: Ints
    week: Ints
    z: Ints
    u: Ints
    fixed_until: Ints

    def __len__(self) -> int:
        return len(self.unit)


def cases_of(history: History) -> Cases:
    """Every unit at every Monday at which it pays and has given no notice, by week."""
    week, unit = np.nonzero(history.undecided.T)
    at = (unit, week)
    return Cases(unit, week, history.z[at], history.u[at], history.fixed_until[at])


def true_probabilities(
    states: ContractStates, cases: Cases, churn: Weeks, upsell: Weeks, done: Care | None = None
) -> tuple[Floats, Floats]:
    """Churn and upsell probability of each case, each of shape (cases,), under the interventions ``done``."""
    churn_probability, upsell_probability = np.zeros(len(cases)), np.zeros(len(cases))
    for rows in _groups(states, cases):
        group = taken(cases, rows)
        churn_probability[rows] = churn_of(states, group, churn, done)
        upsell_probability[rows] = upsell_of(states, group, upsell, done)
    return np.round(churn_probability, DIGITS), np.round(upsell_probability, DIGITS)


def _groups(states: ContractStates, cases: Cases) -> Iterator[Ints]:
    """Row numbers of cases that share their transition matrices, in batches."""
    growths = len(world.PRESSURE)
    key = (states.own_health[cases.unit] * 2 + states.sponsor[cases.unit]) * growths + states.growth[cases.unit]
    order = np.argsort(key, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        for start in range(0, len(group), BATCH_CASES):
            if len(batch := group[start : start + BATCH_CASES]):
                yield batch


def _matrices(states: ContractStates, cases: Cases) -> tuple[Floats, Floats]:
    one = cases.unit[0]
    return world.HEALTH[states.own_health[one], states.sponsor[one]], world.PRESSURE[states.growth[one]]


def _notice(states: ContractStates, cases: Cases, done: Care | None) -> Callable[[Ints, Ints], Floats]:
    """A function of case rows and their weeks that gives P(notice | decision due), shape (rows, z)."""
    monthly = states.monthly[cases.unit].astype(np.float64)
    price, began = states.price[cases.unit], states.start_week()[cases.unit]

    def probability(rows: Ints, week: Ints) -> Floats:
        tenure = (week - began[rows]).astype(np.float64)
        logit = world.leave_logit(monthly[rows], price[rows], tenure)
        if done is not None:
            logit = logit + done.at(cases.unit[rows], week).leave
        return world.logistic(logit[:, None] + world.HAZARDS.leave_z * world.Z_VALUES[None, :])

    return probability


def _payment_fails(states: ContractStates, cases: Cases, week: Ints) -> Floats:
    """P(a payment fails in ``week``), shape (cases, 1)."""
    return np.where(week >= states.prepaid_until[cases.unit], world.HAZARDS.payment_fails, 0.0)[:, None]


def churn_of(states: ContractStates, cases: Cases, reach: Weeks, done: Care | None = None) -> Floats:
    """P(leaves in the window | does not leave in the gap) of cases that share their matrices.

    Leaving: the contract ends and the account does not come back within the grace period.
    """
    z_step, _ = _matrices(states, cases)
    stays_away = 1.0 - world.returns_within(reach.grace)
    notice = _notice(states, cases, done)
    here = np.zeros((len(cases), len(world.Z_VALUES)))
    here[np.arange(len(cases)), cases.z] = 1.0
    in_gap, in_window = np.zeros(len(cases)), np.zeros(len(cases))
    for ahead in range(reach.end):
        week = cases.week + ahead
        fails = _payment_fails(states, cases, week)
        left = stays_away[1] * (here * fails).sum(axis=1)
        (in_gap if ahead < reach.gap else in_window)[:] += left
        here *= 1.0 - fails
        end_day = states.renewals[cases.unit, week]
        due = np.flatnonzero(end_day >= 0)
        leaves = here[due] * notice(due, week[due])
        here[due] -= leaves
        after = end_day[due] // 7 - cases.week[due]
        left = stays_away[0] * leaves.sum(axis=1)
        in_gap[due] += np.where(after < reach.gap, left, 0.0)
        in_window[due] += np.where((after >= reach.gap) & (after < reach.end), left, 0.0)
        here = here @ z_step
    return np.asarray(in_window / (1.0 - in_gap))


def upsell_of(states: ContractStates, cases: Cases, reach: Weeks, done: Care | None = None) -> Floats:
    """P(still paying at the window's end, after an upgrade) of cases that share their matrices.

    Like the label, it does not condition on staying through the gap: who leaves has not grown.
    """
    z_step, u_step = _matrices(states, cases)
    notice = _notice(states, cases, done)
    n, levels = len(cases), (len(world.Z_VALUES), len(world.U_VALUES))
    same = np.zeros((n, *levels))  # paying on unchanged terms, by (z, u)
    same[np.arange(n), cases.z, cases.u] = 1.0
    grown = np.zeros((n, levels[0]))  # paying and upgraded, by z; the terms are fixed past the window
    for ahead in range(reach.end):
        week = cases.week + ahead
        stays = 1.0 - _payment_fails(states, cases, week)
        same *= stays[:, :, None]
        grown *= stays
        end_day = states.renewals[cases.unit, week]
        due = np.flatnonzero(end_day >= 0)
        remains = 1.0 - notice(due, week[due])
        # whoever gave notice changes no terms any more, even if the contract outlasts the window
        same[due] *= remains[:, :, None]
        ends_inside = end_day[due] // 7 - cases.week[due] < reach.end
        grown[due] *= np.where(ends_inside[:, None], remains, 1.0)
        free = np.flatnonzero(week >= cases.fixed_until)
        upgrade = same[free] * _upgrades(states, cases, free, week, done)
        grown[free] += upgrade.sum(axis=2)
        same[free] = (same[free] - upgrade) * (1.0 - world.DOWN)
        grown = grown @ z_step
        same = _both_step(same, z_step, u_step)
    probabilities: Floats = grown.sum(axis=1)
    return probabilities


def _upgrades(states: ContractStates, cases: Cases, free: Ints, week: Ints, done: Care | None) -> Floats:
    """P(upgrade in ``week``) of the case rows ``free``, shape (free, z, u)."""
    ripe = (week - cases.fixed_until)[free].astype(np.float64)
    logit = world.up_logit(states.budget[cases.unit[free]], ripe)
    if done is not None:
        logit = logit + done.at(cases.unit[free], week[free]).up
    odds = np.exp(logit)[:, None, None] * world.UP_ODDS
    upgrades: Floats = odds / (1.0 + odds)
    return upgrades


def _both_step(mass: Floats, z_step: Floats, u_step: Floats) -> Floats:
    """Moves mass over (z, u) one week on; the two chains are independent given no change of terms."""
    n, zs, us = mass.shape
    moved = (mass.reshape(n * zs, us) @ u_step).reshape(n, zs, us)
    moved = np.ascontiguousarray(moved.swapaxes(1, 2)).reshape(n * us, zs) @ z_step
    return np.ascontiguousarray(moved.reshape(n, us, zs).swapaxes(1, 2))
