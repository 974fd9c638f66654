"""The help desk: tickets out of incidents and low health, and how they went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.simulate.clock import DAY_SECONDS, NEVER, WEEK_DAYS, Clock, Flags, Floats, Ints, Texts
from churnml.simulate.contracts import HOUR, working_seconds
from churnml.simulate.history import History
from churnml.simulate.population import Accounts
from churnml.simulate.world import Z_VALUES

WEEKLY = 0.055  # tickets a week of an account of ten seats at z = 0
SIZE_POWER = 0.45
Z_ON_TICKETS = -0.38
NEW_ON_TICKETS = 1.0  # beginners ask more; fades by exp(−weeks / 6)
INCIDENT_TICKETS = 0.55  # expected extra tickets of an account of ten seats an incident hits

PRIORITIES = ("low", "normal", "high", "urgent")
PRIORITY_SHARE: Floats = np.array([0.24, 0.52, 0.18, 0.06])
INCIDENT_PRIORITY_SHARE: Floats = np.array([0.04, 0.30, 0.43, 0.23])
ANSWER_HOURS: Floats = np.array([16.0, 8.0, 3.0, 1.2])  # median to the first answer, by priority
SOLVE_HOURS: Floats = np.array([70.0, 48.0, 30.0, 14.0])  # median from there to the solution
CATEGORIES = ("how_to", "bug", "billing", "integration", "performance", "outage", "feature_request")
CATEGORY_SHARE = (0.31, 0.24, 0.12, 0.15, 0.08, 0.0, 0.10)
SUBJECTS = {
    "how_to": (
        "How do I set up a shared view?",
        "Question about permissions",
        "Where can I find the export?",
    ),
    "bug": ("Report shows wrong totals", "Error when saving a record", "Filter does not apply"),
    "billing": ("Question about our invoice", "Please change the billing address", "Seats on the invoice"),
    "integration": ("Sync stopped last night", "API returns 401", "Webhook is not called"),
    "performance": ("Dashboard is very slow", "Search takes a minute", "Time-outs in the morning"),
    "outage": ("We cannot log in", "Everything is down", "Error 503 for all of us"),
    "feature_request": ("Could you add dark mode?", "Request: bulk edit", "Wish: weekly summary"),
}
CSAT_GIVEN = 0.38
REOPENED = 0.07


@dataclass(frozen=True)
class Lives:
    """What becomes of tickets, one element each, by time of opening; seconds since the start, NEVER where not.

    Args:
        account: whose.
        z: the account's health when it was opened.
        priority, category: codes.
        opened, answered, resolved: as it went at first.
        reopened, again: the second round; ``again`` is its solution, where there is one.
        escalated: it would have been, had it still been open.
        mood: chance in the satisfaction, in standard deviations.
        given: satisfaction is told ``waits`` seconds after the solution.
        subject: in words.
    """

    account: Ints
    z: Floats
    priority: Ints
    category: Ints
    opened: Ints
    answered: Ints
    resolved: Ints
    reopened: Ints
    again: Ints
    escalated: Ints
    mood: Floats
    given: Flags
    waits: Ints
    subject: Texts


def ticket_lives(history: History, seats: Ints, clock: Clock, begin: int, rng: np.random.Generator) -> Lives:
    """The tickets opened from week ``begin`` to the end of the data, with all that will become of them."""
    unit, week, incident = _opened(history, seats, clock, begin, rng)
    day = week * WEEK_DAYS + rng.choice(7, len(unit), p=(0.21, 0.20, 0.19, 0.18, 0.16, 0.03, 0.03))
    opened = working_seconds(day, rng)
    states = history.states
    # no tickets before the first or after the last day of the contract
    ends = np.where(states.end_day == NEVER, clock.weeks * WEEK_DAYS, states.end_day)[unit]
    kept = (day > states.start_day[unit]) & (day < ends)
    order = np.flatnonzero(kept)[np.argsort(opened[kept], kind="stable")]
    unit, week, incident, opened = unit[order], week[order], incident[order], opened[order]
    return _lives(states.account[unit], Z_VALUES[history.z[unit, week]], incident, opened, rng)


def _opened(
    history: History, seats: Ints, clock: Clock, begin: int, rng: np.random.Generator
) -> tuple[Ints, Ints, Flags]:
    """Unit, week and whether an incident is the cause, one element a ticket."""
    z = Z_VALUES[history.z[:, begin : clock.weeks]]
    seats = seats[:, begin : clock.weeks]
    size = (seats / 10.0) ** SIZE_POWER * (seats > 0)
    age = np.arange(begin, clock.weeks)[None, :] - history.states.start_week()[:, None]
    new = 1.0 + NEW_ON_TICKETS * np.exp(-np.maximum(age, 0) / 6.0)
    usual = rng.poisson(WEEKLY * size * new * np.exp(Z_ON_TICKETS * z))
    # an incident strikes during a week and moves the state of the next Monday
    struck = rng.poisson(INCIDENT_TICKETS * size * history.hit[:, begin + 1 : clock.weeks + 1])
    places = [np.nonzero(usual), np.nonzero(struck)]
    counts = [usual[places[0]], struck[places[1]]]
    unit = np.concatenate([np.repeat(at[0], n) for at, n in zip(places, counts, strict=True)])
    week = np.concatenate([np.repeat(at[1], n) for at, n in zip(places, counts, strict=True)])
    return unit, begin + week, np.arange(len(unit)) >= counts[0].sum()


def _lives(account: Ints, z: Floats, incident: Flags, opened: Ints, rng: np.random.Generator) -> Lives:
    n = len(opened)
    priority = _priorities(z, incident, rng)
    category = np.where(incident, CATEGORIES.index("outage"), rng.choice(len(CATEGORIES), n, p=CATEGORY_SHARE))
    answered = opened + _hours(ANSWER_HOURS[priority], 0.9, rng)
    slow = 1.0 + 0.8 * incident
    resolved = answered + _hours(SOLVE_HOURS[priority] * slow, 1.0, rng)
    reopened = np.where(
        rng.random(n) < REOPENED * np.exp(-0.25 * z), resolved + _hours(np.full(n, 30.0), 0.8, rng), NEVER
    )
    again = resolved + _hours(np.full(n, 60.0), 0.8, rng) + _hours(np.full(n, 30.0), 0.8, rng)
    escalate = np.array([0.01, 0.03, 0.12, 0.25])[priority] * np.exp(-0.3 * z)
    escalated = np.where(rng.random(n) < escalate, answered + _hours(np.full(n, 10.0), 0.7, rng), NEVER)
    return Lives(
        account=account,
        z=z,
        priority=priority,
        category=category,
        opened=opened,
        answered=answered,
        resolved=resolved,
        reopened=reopened,
        again=np.where((reopened != NEVER) & (again > reopened), again, NEVER),
        escalated=escalated,
        mood=rng.standard_normal(n),
        given=rng.random(n) < CSAT_GIVEN,
        waits=_hours(np.full(n, 12.0), 1.0, rng),
        subject=np.array(_subjects(category, rng), dtype=object),
    )


def exported(lives: Lives, accounts: Accounts, clock: Clock) -> pd.DataFrame:
    """The help desk's export, by time of opening; what is not known by the end of the data is empty."""
    n, opened = len(lives.opened), lives.opened
    # the second solution overwrites the first in the export, unless it is still to come
    solved_again = (lives.again != NEVER) & (lives.again < clock.end_second)
    resolved = np.where(solved_again, lives.again, lives.resolved)
    escalated = np.where(lives.escalated < resolved, lives.escalated, NEVER)
    csat = _csat(lives.z, (resolved - opened) / DAY_SECONDS, lives.mood)
    csat_at = np.where(lives.given, resolved + lives.waits, NEVER)

    def until_end(seconds: Ints) -> Ints:
        return np.where(seconds < clock.end_second, seconds, NEVER)

    csat_at = until_end(csat_at)
    return pd.DataFrame(
        {
            "ticket_no": [f"T-{number:07d}" for number in range(1, n + 1)],
            "account_no": accounts.ids[lives.account],
            "created": clock.times(opened),
            "first_reply": clock.times(until_end(lives.answered)),
            "closed": clock.times(until_end(resolved)),
            "reopened": clock.times(until_end(lives.reopened)),
            "prio": np.array(PRIORITIES, dtype=object)[lives.priority],
            "topic": np.array(CATEGORIES, dtype=object)[lives.category],
            "satisfaction": pd.array(np.where(csat_at == NEVER, -1, csat), dtype="Int64"),
            "satisfaction_at": clock.times(csat_at),
            "escalated": clock.times(until_end(escalated)),
            "subject": lives.subject,
        }
    ).assign(satisfaction=lambda frame: frame["satisfaction"].mask(frame["satisfaction"] < 0))


def _priorities(z: Floats, incident: Flags, rng: np.random.Generator) -> Ints:
    draw = rng.random(len(z))
    # unhappy accounts call more urgently
    draw = np.clip(draw - 0.04 * z, 0.0, 0.999)
    calm = np.searchsorted(np.cumsum(PRIORITY_SHARE)[:-1], draw, side="right")
    struck = np.searchsorted(np.cumsum(INCIDENT_PRIORITY_SHARE)[:-1], draw, side="right")
    return np.where(incident, struck, calm).astype(np.int64)


def _hours(median: Floats, spread: float, rng: np.random.Generator) -> Ints:
    """Log-normal spans in seconds, at least a minute."""
    return np.maximum(median * np.exp(spread * rng.standard_normal(len(median))) * HOUR, 60).astype(np.int64)


def _csat(z: Floats, solved_days: Floats, mood: Floats) -> Ints:
    felt = 3.9 + 0.5 * z - 0.35 * np.log1p(solved_days) + 0.9 * mood
    return np.clip(np.rint(felt), 1, 5).astype(np.int64)


def _subjects(category: Ints, rng: np.random.Generator) -> list[str]:
    choice = rng.integers(0, 3, len(category))
    return [SUBJECTS[CATEGORIES[c]][k] for c, k in zip(category, choice, strict=True)]
