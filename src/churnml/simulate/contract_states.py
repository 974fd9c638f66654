"""Contracts as they live: one step a week, the only place where accounts decide.

A *unit* is one contract of one account. Every account has two: its first, and the one it may come back
with. The simulation and the Monte-Carlo check of the true probabilities both run :func:`advance`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnml.simulate.clock import NEVER, WEEK_DAYS, Clock, Flags, Floats, Ints
from churnml.simulate.interventions import Care
from churnml.simulate.population import Accounts
from churnml.simulate.world import (
    AFTER_WIN_BACK_U,
    AFTER_WIN_BACK_Z,
    CALM_HEALTH,
    CHAMPION_DROP,
    CHAMPION_LEAVES,
    DOWN,
    DOWNGRADE_PRESSURE,
    HAZARDS,
    HEALTH,
    INCIDENT_DROP,
    INCIDENT_HITS,
    INCIDENT_WEEKS,
    OWN_GROWTH,
    OWN_HEALTH,
    PRESSURE,
    RETURN_WEEK,
    RETURNS,
    TERMS_FIXED_WEEKS,
    U_VALUES,
    UP_ODDS,
    UPGRADE_RELIEF,
    WON_BACK_WEEKS,
    Z_VALUES,
    leave_logit,
    logistic,
    stepped,
    up_logit,
)

NOTICE_MARGIN_WEEKS = 9  # the schedule reaches this much past any window: the longest lead and one week
CUM_CALM: Floats = np.cumsum(CALM_HEALTH, axis=2)
CUM_PRESSURE: Floats = np.cumsum(PRESSURE, axis=2)


@dataclass
class ContractStates:
    """The state of all units at one Monday, and their fixed facts; arrays of shape (units,).

    Attributes:
        account: whose contract it is.
        own_health, sponsor, growth, price, budget: the account's traits.
        monthly, lead: the contract's kind and its weeks of notice.
        start_day: first day; NEVER while a return has not happened.
        end_day: last day is the day before; NEVER while open.
        renewals: shape (units, weeks); the day the contract ends if notice is given in that week, else -1.
        active: paying now.
        notice: notice has been given and the end is to come.
        fixed_until: first week in which terms may change.
        prepaid_until: first week in which a payment may fail.
        z, u: levels of the chains.
    """

    account: Ints
    own_health: Ints
    sponsor: Ints
    growth: Ints
    price: Floats
    budget: Floats
    monthly: Ints
    lead: Ints
    start_day: Ints
    end_day: Ints
    renewals: Ints
    active: Flags
    notice: Flags
    fixed_until: Ints
    prepaid_until: Ints
    z: Ints
    u: Ints

    @property
    def undecided(self) -> Flags:
        """Paying, and no notice given: those who can still decide."""
        return self.active & ~self.notice

    def start_week(self) -> Ints:
        return self.start_day // WEEK_DAYS


@dataclass(frozen=True)
class Week:
    """What happened in one week: indices of units, except ``hit`` (a flag for each unit)."""

    failed: Ints
    gave_notice: Ints
    upgraded: Ints
    downgraded: Ints
    ended: Ints
    returning: Ints
    hit: Flags


def renewal_schedule(start_day: Ints, monthly: Ints, lead: Ints, clock: Clock, weeks: int) -> Ints:
    """For each unit and week, the day the contract ends if notice is given in that week; −1 in other weeks.

    Args:
        start_day, monthly, lead: shape (n,).
        clock: the simulation's.
        weeks: how many weeks the schedule covers, from week 0.

    Returns:
        Days since the start, shape (n, weeks).
    """
    schedule = np.full((len(start_day), weeks), -1, dtype=np.int64)
    began = clock.dates(start_day)
    began_month = began.astype("datetime64[M]")
    day_of_month = (began - began_month.astype("datetime64[D]")).astype(np.int64)
    term = np.where(monthly == 1, 1, 12)
    first = np.datetime64(clock.start, "M")
    # two months past the last week hold the renewals whose notice falls into it
    for month in first + np.arange(weeks * WEEK_DAYS // 28 + 4):
        age = (month - began_month).astype(np.int64)
        length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
        day = clock.offsets(month.astype("datetime64[D]") + np.minimum(day_of_month, length - 1))
        week = day // WEEK_DAYS - lead
        due = (age > 0) & (age % term == 0) & (week > start_day // WEEK_DAYS) & (week >= 0) & (week < weeks)
        schedule[np.flatnonzero(due), week[due]] = day[due]
    return schedule


def opening_states(accounts: Accounts, clock: Clock, ahead: int, rng: np.random.Generator) -> ContractStates:
    """The contracts at the first Monday. ``ahead``: weeks past the data the true probabilities look."""
    n = len(accounts)
    account = np.tile(np.arange(n), 2)
    first = np.arange(2 * n) < n
    monthly = np.where(first, accounts.monthly[account], 0)
    lead = np.where(first, accounts.lead[account], rng.integers(3, 9, 2 * n))
    weeks = clock.weeks + ahead + NOTICE_MARGIN_WEEKS
    renewals = np.full((2 * n, weeks), -1, dtype=np.int64)
    renewals[:n] = renewal_schedule(accounts.start_day, accounts.monthly, accounts.lead, clock, weeks)
    start_day = np.where(first, accounts.start_day[account], NEVER)
    start_week = start_day // WEEK_DAYS
    own_health = accounts.own_health[account]
    z_mean = OWN_HEALTH[own_health] - 0.1 + 0.9 * rng.standard_normal(2 * n)
    # old contracts have had time to outgrow their terms, new ones have not
    u_mean = np.where(start_week < 0, 0.6 * OWN_GROWTH[accounts.growth[account]], -0.6)
    u_mean = u_mean + 0.6 * rng.standard_normal(2 * n)
    return ContractStates(
        account=account,
        own_health=own_health,
        sponsor=accounts.sponsor[account],
        growth=accounts.growth[account],
        price=accounts.price[account],
        budget=accounts.budget[account],
        monthly=monthly,
        lead=lead,
        start_day=start_day,
        end_day=np.full(2 * n, NEVER),
        renewals=renewals,
        active=first & (start_week < 0),
        notice=np.zeros(2 * n, dtype=bool),
        fixed_until=np.where(first, start_week + TERMS_FIXED_WEEKS, 0),
        prepaid_until=np.where(first, start_week, 0),
        z=np.abs(z_mean[:, None] - Z_VALUES).argmin(axis=1).astype(np.int64),
        u=np.abs(u_mean[:, None] - U_VALUES).argmin(axis=1).astype(np.int64),
    )


def advance(
    states: ContractStates, week: int, clock: Clock, rng: np.random.Generator, care: Care | None = None
) -> Week:
    """Lives through ``week`` and leaves ``states`` at the next Monday.

    The order within a week is: a payment fails; else, where notice is due, it is given or not; else terms
    may change, an upgrade before a downgrade. Then contracts end, returning customers and new ones begin,
    and the chains step. ``care`` is what interventions add in this week. As many draws are made whatever
    happens, so two lives from one seed differ only by what was done in them.
    """
    n = len(states.account)
    draws = rng.random((9, n))
    open_ = states.undecided.copy()

    failed = open_ & (week >= states.prepaid_until) & (draws[0] < HAZARDS.payment_fails)
    open_ &= ~failed
    due = open_ & (states.renewals[:, week] >= 0)
    tenure = (week - states.start_week()).astype(np.float64)
    logit = leave_logit(states.monthly.astype(np.float64), states.price, tenure) + HAZARDS.leave_z * Z_VALUES[states.z]
    if care is not None:
        logit = logit + care.leave
    gave_notice = due & (draws[1] < logistic(logit))
    open_ &= ~gave_notice
    may_change = open_ & (week >= states.fixed_until)
    logit = up_logit(states.budget, (week - states.fixed_until).astype(np.float64))
    if care is not None:
        logit = logit + care.up
    odds = np.exp(logit) * UP_ODDS[states.z, states.u]
    upgraded = may_change & (draws[2] < odds / (1.0 + odds))
    downgraded = may_change & ~upgraded & (draws[3] < DOWN[states.z, states.u])

    states.notice |= gave_notice
    states.end_day[gave_notice] = states.renewals[gave_notice, week]
    # a failed payment ends the contract on a working day of this week
    states.end_day[failed] = week * WEEK_DAYS + (draws[4][failed] * 5).astype(np.int64)
    changed = upgraded | downgraded
    states.fixed_until[changed] = week + TERMS_FIXED_WEEKS

    ended = states.active & (states.notice | failed) & (states.end_day // WEEK_DAYS == week)
    states.active &= ~ended
    returning = _schedule_returns(states, ended, failed, draws[5:7], clock)
    _begin(states, week)
    hit = _step_chains(states, upgraded, downgraded, draws[7:9], rng)
    return Week(
        failed=np.flatnonzero(failed),
        gave_notice=np.flatnonzero(gave_notice),
        upgraded=np.flatnonzero(upgraded),
        downgraded=np.flatnonzero(downgraded),
        ended=np.flatnonzero(ended),
        returning=returning,
        hit=hit,
    )


def _schedule_returns(states: ContractStates, ended: Flags, failed: Flags, draws: Floats, clock: Clock) -> Ints:
    """Gives some of the ended first contracts a second; returns the units that will begin.

    A return in week k after the end falls 1 to 6 days short of 7 k days, so that "within a grace of 7 k
    days" and "in week k or before" are the same thing.
    """
    half = len(states.account) // 2
    left = np.flatnonzero(ended[:half])
    back = left[draws[0][left] < RETURNS[failed[left].astype(np.int64)]]
    weeks: Ints = 1 + np.searchsorted(np.cumsum(RETURN_WEEK)[:-1], draws[1][back])
    units = back + half
    # the same draw places the day, from digits the choice of the week did not use
    short = 1 + (draws[1][back] * 1e6).astype(np.int64) % 6
    states.start_day[units] = states.end_day[back] + weeks * WEEK_DAYS - short
    begins = states.start_week()[units]
    states.fixed_until[units] = begins + WON_BACK_WEEKS
    states.prepaid_until[units] = begins + WON_BACK_WEEKS
    schedule = renewal_schedule(
        states.start_day[units], states.monthly[units], states.lead[units], clock, states.renewals.shape[1]
    )
    states.renewals[units] = schedule
    states.z[units], states.u[units] = AFTER_WIN_BACK_Z, AFTER_WIN_BACK_U
    return np.asarray(units)


def _begin(states: ContractStates, week: int) -> None:
    begins = (states.start_week() == week) & (states.end_day == NEVER)
    states.active |= begins


def _step_chains(
    states: ContractStates, upgraded: Flags, downgraded: Flags, draws: Floats, rng: np.random.Generator
) -> Flags:
    """Moves z and u of the active units one week on; returns which units an incident hit."""
    n = len(states.account)
    calm = stepped(CUM_CALM[states.own_health, states.z], draws[0])
    champion_left = rng.random(n) < CHAMPION_LEAVES[states.sponsor]
    incident = rng.random() < INCIDENT_WEEKS
    hit = (rng.random(n) < INCIDENT_HITS) & incident
    z = np.maximum(calm - CHAMPION_DROP * champion_left, 0)
    z = np.maximum(z - INCIDENT_DROP * hit, 0)
    u = stepped(CUM_PRESSURE[states.growth, states.u], draws[1])
    u = np.clip(u - UPGRADE_RELIEF * upgraded + DOWNGRADE_PRESSURE * downgraded, 0, len(U_VALUES) - 1)
    states.z = np.where(states.active, z, states.z)
    states.u = np.where(states.active, u, states.u)
    struck: Flags = hit & states.active
    return struck


def transition_of(own_health: int, sponsor: int) -> Floats:
    """The marginal transition matrix of z, shape (z, z)."""
    matrix: Floats = HEALTH[own_health, sponsor]
    return matrix
