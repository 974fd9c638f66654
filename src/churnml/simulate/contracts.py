"""Contract periods out of their history: plans, seats, discounts, and when each fact was known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.simulate.clock import DAY_SECONDS, NEVER, WEEK_DAYS, Clock, Dates, Flags, Floats, Ints, joined, taken
from churnml.simulate.history import History
from churnml.simulate.population import PLAN_PRICE, PLANS, SEATS_MOST, Accounts

HOUR = 3_600
OPEN_HOURS = (8, 17)  # people sign, change and cancel contracts in working hours
PLAN_CHANGES = 0.22  # share of changes that are of the plan, the rest are of seats
UP_SEATS = (1.15, 1.60)  # factor on seats of an upgrade; 12 % is the least an upgrade may add to MRR
DOWN_SEATS = (0.55, 0.88)  # of a downgrade; 10 % is the least it may take away
CONCESSION = 0.85  # price factor where there is nothing left to give back, and for customers won back


@dataclass(frozen=True)
class Periods:
    """Contract periods, one element each, by unit and start.

    Attributes:
        unit: the contract.
        start, end, cancelled: seconds since the start; NEVER where there is none.
        seats, plan, discount: the terms.
    """

    unit: Ints
    start: Ints
    end: Ints
    cancelled: Ints
    seats: Ints
    plan: Ints
    discount: Floats

    @property
    def mrr(self) -> Floats:
        """Monthly recurring revenue in currency units, to the hundredth."""
        return np.round(PLAN_PRICE[self.plan] * self.seats * (1.0 - self.discount), 2)


def working_seconds(day: Ints, rng: np.random.Generator) -> Ints:
    """A random working-hours second of each day."""
    return day * DAY_SECONDS + rng.integers(OPEN_HOURS[0] * HOUR, OPEN_HOURS[1] * HOUR, len(day))


class ChangeDraws:
    """The chance in changes of terms: draws taken one after another, so a change more shifts all that come after it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def times(self, unit: Ints, week: Ints) -> Ints:
        """A working-hours second in each change's week."""
        return working_seconds(week * WEEK_DAYS + self._rng.integers(0, 5, len(week)), self._rng)

    def terms(self, unit: Ints, week: Ints) -> tuple[Floats, Floats]:
        """Two uniform draws a change: whether by plan or by seats, and how far."""
        return self._rng.random(len(unit)), self._rng.random(len(unit))


def contract_periods(
    accounts: Accounts,
    history: History,
    clock: Clock,
    rng: np.random.Generator,
    changes: ChangeDraws | None = None,
) -> Periods:
    """All periods of all contracts that began before the end of the data.

    ``changes`` draws the changes of terms, by default out of ``rng``.
    """
    changes = changes or ChangeDraws(rng)
    states, half = history.states, len(accounts)
    units = np.flatnonzero((states.start_day != NEVER) & (states.start_day < clock.weeks * WEEK_DAYS))
    first, back = units[units < half], units[units >= half]
    starts = working_seconds(np.where(states.start_day == NEVER, 0, states.start_day), rng)
    ends, notices = _ends(history, rng)
    opening = Periods(
        first, starts[first], ends[first], notices[first], accounts.seats, accounts.plan, accounts.discount
    )
    firsts = _with_changes(opening, history, changes)
    seconds = _won_back(firsts, back, half, starts, ends, notices)
    # a second contract may change too, once its first year is over
    periods = joined([firsts, _with_changes(seconds, history, changes)])
    return taken(periods, np.lexsort((periods.start, periods.unit)))


def _ends(history: History, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """When each unit ends and when that was known, in seconds; NEVER where open."""
    states = history.states
    ended = states.end_day != NEVER
    day = np.where(ended, states.end_day, 0)
    notice_day = history.notice_week * WEEK_DAYS + rng.integers(0, 5, len(day))
    # a renewal falls on a midnight, a failed payment on some hour, known when it happens
    ends = np.where(history.failed, working_seconds(day, rng), day * DAY_SECONDS)
    notices = np.where(history.failed, ends, working_seconds(notice_day, rng))
    return np.where(ended, ends, NEVER), np.where(ended, notices, NEVER)


def _with_changes(opening: Periods, history: History, draws: ChangeDraws) -> Periods:
    """``opening`` (one period a unit) split at every change of terms."""
    of_these = np.isin(history.change_unit, opening.unit)
    unit, week, up = history.change_unit[of_these], history.change_week[of_these], history.change_up[of_these]
    at = draws.times(unit, week)
    order = np.lexsort((week, unit))
    unit, week, at, up = unit[order], week[order], at[order], up[order]
    ordinal = np.arange(len(unit)) - np.searchsorted(unit, unit)
    done: list[Periods] = []
    current = opening
    for turn in range(int(ordinal.max(initial=-1)) + 1):
        rows = np.flatnonzero(ordinal == turn)
        place = np.searchsorted(current.unit, unit[rows])
        closed = taken(current, place, end=at[rows], cancelled=at[rows])
        done.append(closed)
        seats, plan, discount = _new_terms(closed, up[rows], *draws.terms(unit[rows], week[rows]))
        changed = Periods(closed.unit, at[rows], current.end[place], current.cancelled[place], seats, plan, discount)
        done.append(taken(current, np.setdiff1d(np.arange(len(current.unit)), place)))
        current = changed
    return joined([*done, current])


def _new_terms(old: Periods, up: Flags, by_plan_draw: Floats, share_draw: Floats) -> tuple[Ints, Ints, Floats]:
    """Terms after an upgrade (MRR up by 12 % or more) or a downgrade (down by 10 % or more)."""
    by_plan = by_plan_draw < PLAN_CHANGES
    plan_up = up & ((by_plan & (old.plan < len(PLANS) - 1)) | (old.seats >= SEATS_MOST))
    plan_up &= old.plan < len(PLANS) - 1
    plan_down = ~up & by_plan & (old.plan > 0)
    plan = old.plan + plan_up - plan_down
    share = share_draw**1.3  # small steps are more frequent
    more = np.ceil(old.seats * (UP_SEATS[0] + share * (UP_SEATS[1] - UP_SEATS[0])))
    fewer = np.floor(old.seats * (DOWN_SEATS[1] - share * (DOWN_SEATS[1] - DOWN_SEATS[0])))
    seats = np.where(up & ~plan_up, more, np.where(~up & ~plan_down, fewer, old.seats)).astype(np.int64)
    nothing_left = seats < 1
    discount = np.where(nothing_left, 1.0 - (1.0 - old.discount) * CONCESSION, old.discount)
    return np.maximum(seats, 1), plan, discount


def _won_back(firsts: Periods, back: Ints, half: int, starts: Ints, ends: Ints, notices: Ints) -> Periods:
    """The opening periods of second contracts: the smallest terms the customer had, at a lower price."""
    smallest = pd.Series(firsts.mrr).groupby(firsts.unit).idxmin()
    rows = smallest.reindex(pd.Index(back - half)).to_numpy(dtype=np.int64)
    discount = 1.0 - (1.0 - firsts.discount[rows]) * CONCESSION
    return Periods(back, starts[back], ends[back], notices[back], firsts.seats[rows], firsts.plan[rows], discount)


def seats_by_week(periods: Periods, units: int, weeks: int) -> Ints:
    """Seats paid for in each week, shape (units, weeks); 0 where there is no contract."""
    by_week = np.zeros((units, weeks), dtype=np.int64)
    week = np.arange(weeks)
    order = np.argsort(periods.start, kind="stable")
    for unit, start, seats in zip(periods.unit[order], periods.start[order], periods.seats[order], strict=True):
        # a change counts from the week after; later periods overwrite what follows
        by_week[unit, week >= start // DAY_SECONDS // WEEK_DAYS] = seats
    return by_week


def contract_rows(periods: Periods, accounts: Accounts, history: History, clock: Clock) -> pd.DataFrame:
    """The periods as the company's billing system exports them."""
    states = history.states
    unit, half = periods.unit, len(accounts)
    monthly = states.monthly[unit]
    number = np.array([f"C{u % half + 1:06d}-{u // half + 1}" for u in unit], dtype=object)
    return pd.DataFrame(
        {
            "contract_no": number,
            "account_no": accounts.ids[states.account[unit]],
            "valid_from": clock.times(periods.start),
            "valid_to": clock.times(periods.end),
            "plan_name": np.array(PLANS, dtype=object)[periods.plan],
            "seats": periods.seats,
            "discount_pct": np.round(100 * periods.discount, 1),
            "monthly_amount": periods.mrr,
            "currency": "EUR",
            "billing": np.where(monthly == 1, "monthly", "annual"),
            "renewal_date": _next_renewal(states.start_day[unit], monthly, periods.start, clock),
            "notice_received": clock.times(periods.cancelled),
        }
    )


def _next_renewal(began: Ints, monthly: Ints, at: Ints, clock: Clock) -> Dates:
    """First renewal after ``at`` (seconds) of contracts that began on day ``began``, as dates."""
    began_date, at_date = clock.dates(began), clock.dates(at // DAY_SECONDS)
    began_month = began_date.astype("datetime64[M]")
    day_of_month = (began_date - began_month.astype("datetime64[D]")).astype(np.int64)
    term = np.where(monthly == 1, 1, 12)
    age = (at_date.astype("datetime64[M]") - began_month).astype(np.int64)
    terms = np.maximum(age // term, 1)

    def renewal(count: Ints) -> Dates:
        month = began_month + (count * term).astype("timedelta64[M]")
        length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
        inside = np.minimum(day_of_month, length - 1)
        return np.asarray(month.astype("datetime64[D]") + inside.astype("timedelta64[D]"))

    renews = renewal(terms)
    return np.asarray(np.where(renews <= at_date, renewal(terms + 1), renews))
