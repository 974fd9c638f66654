"""The simulated past: contracts live one step a week, the only place where accounts decide, and it is written down.

A *unit* is one contract of one account. Every account has two: its first, and the one it may come back
with. The simulation and the Monte-Carlo check of the true probabilities both run :func:`advance`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnml.simulate import world
from churnml.simulate.clock import NEVER, WEEK_DAYS, Clock, Flags, Floats, Ints
from churnml.simulate.population import Accounts

NOTICE_MARGIN_WEEKS = 9  # the schedule reaches this much past any window: the longest lead and one week
CUM_CALM: Floats = np.cumsum(world.CALM_HEALTH, axis=2)
CUM_PRESSURE: Floats = np.cumsum(world.PRESSURE, axis=2)


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
class Care:
    """What interventions add to the logits of giving notice and of an upgrade; arrays of one shape, (units, weeks)
    or that of some of them."""

    leave: Floats
    up: Floats

    def at(self, unit: Ints | slice, week: Ints | int) -> Care:
        return Care(self.leave[unit, week], self.up[unit, week])


@dataclass(frozen=True)
class Week:
    """What happened in one week: indices of units, except ``hit`` (a flag for each unit)."""

    failed: Ints
    gave_notice: Ints
    upgraded: Ints
    downgraded: Ints
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
    z_mean = world.OWN_HEALTH[own_health] - 0.1 + 0.9 * rng.standard_normal(2 * n)
    # old contracts have had time to outgrow their terms, new ones have not
    u_mean = np.where(start_week < 0, 0.6 * world.OWN_GROWTH[accounts.growth[account]], -0.6)
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
        fixed_until=np.where(first, start_week + world.TERMS_FIXED_WEEKS, 0),
        prepaid_until=np.where(first, start_week, 0),
        z=np.abs(z_mean[:, None] - world.Z_VALUES).argmin(axis=1).astype(np.int64),
        u=np.abs(u_mean[:, None] - world.U_VALUES).argmin(axis=1).astype(np.int64),
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

    failed = open_ & (week >= states.prepaid_until) & (draws[0] < world.HAZARDS.payment_fails)
    open_ &= ~failed
    due = open_ & (states.renewals[:, week] >= 0)
    tenure = (week - states.start_week()).astype(np.float64)
    logit = (
        world.leave_logit(states.monthly.astype(np.float64), states.price, tenure)
        + world.HAZARDS.leave_z * world.Z_VALUES[states.z]
    )
    if care is not None:
        logit = logit + care.leave
    gave_notice = due & (draws[1] < world.logistic(logit))
    open_ &= ~gave_notice
    may_change = open_ & (week >= states.fixed_until)
    logit = world.up_logit(states.budget, (week - states.fixed_until).astype(np.float64))
    if care is not None:
        logit = logit + care.up
    odds = np.exp(logit) * world.UP_ODDS[states.z, states.u]
    upgraded = may_change & (draws[2] < odds / (1.0 + odds))
    downgraded = may_change & ~upgraded & (draws[3] < world.DOWN[states.z, states.u])

    states.notice |= gave_notice
    states.end_day[gave_notice] = states.renewals[gave_notice, week]
    # a failed payment ends the contract on a working day of this week
    states.end_day[failed] = week * WEEK_DAYS + (draws[4][failed] * 5).astype(np.int64)
    changed = upgraded | downgraded
    states.fixed_until[changed] = week + world.TERMS_FIXED_WEEKS

    ended = states.active & (states.notice | failed) & (states.end_day // WEEK_DAYS == week)
    states.active &= ~ended
    _schedule_returns(states, ended, failed, draws[5:7], clock)
    states.active |= (states.start_week() == week) & (states.end_day == NEVER)
    hit = _step_chains(states, upgraded, downgraded, draws[7:9], rng)
    return Week(
        failed=np.flatnonzero(failed),
        gave_notice=np.flatnonzero(gave_notice),
        upgraded=np.flatnonzero(upgraded),
        downgraded=np.flatnonzero(downgraded),
        hit=hit,
    )


def _schedule_returns(states: ContractStates, ended: Flags, failed: Flags, draws: Floats, clock: Clock) -> None:
    """Gives some of the ended first contracts a second.

    A return in week k after the end falls 1 to 6 days short of 7 k days, so that "within a grace of 7 k
    days" and "in week k or before" are the same thing.
    """
    half = len(states.account) // 2
    left = np.flatnonzero(ended[:half])
    back = left[draws[0][left] < world.RETURNS[failed[left].astype(np.int64)]]
    weeks: Ints = 1 + np.searchsorted(np.cumsum(world.RETURN_WEEK)[:-1], draws[1][back])
    units = back + half
    # the same draw places the day, from digits the choice of the week did not use
    short = 1 + (draws[1][back] * 1e6).astype(np.int64) % 6
    states.start_day[units] = states.end_day[back] + weeks * WEEK_DAYS - short
    states.fixed_until[units] = states.prepaid_until[units] = states.start_week()[units] + world.WON_BACK_WEEKS
    states.renewals[units] = renewal_schedule(
        states.start_day[units], states.monthly[units], states.lead[units], clock, states.renewals.shape[1]
    )
    states.z[units], states.u[units] = world.AFTER_WIN_BACK_Z, world.AFTER_WIN_BACK_U


def _step_chains(
    states: ContractStates, upgraded: Flags, downgraded: Flags, draws: Floats, rng: np.random.Generator
) -> Flags:
    """Moves z and u of the active units one week on; returns which units an incident hit."""
    n = len(states.account)
    calm = world.stepped(CUM_CALM[states.own_health, states.z], draws[0])
    champion_left = rng.random(n) < world.CHAMPION_LEAVES[states.sponsor]
    incident = rng.random() < world.INCIDENT_WEEKS
    hit = (rng.random(n) < world.INCIDENT_HITS) & incident
    z = np.maximum(calm - world.CHAMPION_DROP * champion_left, 0)
    z = np.maximum(z - world.INCIDENT_DROP * hit, 0)
    u = world.stepped(CUM_PRESSURE[states.growth, states.u], draws[1])
    u = np.clip(u - world.UPGRADE_RELIEF * upgraded + world.DOWNGRADE_PRESSURE * downgraded, 0, len(world.U_VALUES) - 1)
    states.z = np.where(states.active, z, states.z)
    states.u = np.where(states.active, u, states.u)
    struck: Flags = hit & states.active
    return struck


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
