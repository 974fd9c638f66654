"""Who the accounts are: what the CRM says of them, and the traits that leave no trace in the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnml.simulate.clock import WEEK_DAYS, Clock, Floats, Ints, Texts
from churnml.simulate.world import OWN_GROWTH, OWN_HEALTH

SEGMENTS = ("smb", "mid_market", "enterprise")
SEGMENT_SHARE = (0.60, 0.29, 0.11)
INDUSTRIES = (
    "software", "retail", "manufacturing", "financial_services", "healthcare", "education", "logistics",
    "media",
)  # fmt: skip
INDUSTRY_SHARE = (0.24, 0.16, 0.14, 0.13, 0.11, 0.09, 0.07, 0.06)
REGIONS = ("emea", "americas", "apac")
REGION_SHARE = (0.45, 0.38, 0.17)
ACQUISITION = ("inbound", "outbound", "partner", "referral", "event")
ACQUISITION_SHARE = (0.38, 0.27, 0.16, 0.12, 0.07)
ACQUISITION_HEALTH: Floats = np.array([0.0, -0.25, 0.1, 0.35, -0.1])

PLANS = ("starter", "team", "business", "enterprise")
PLAN_PRICE: Floats = np.array([29.0, 49.0, 79.0, 119.0])  # a seat and month
PLAN_SHARE = ((0.55, 0.35, 0.10, 0.0), (0.10, 0.45, 0.38, 0.07), (0.0, 0.12, 0.43, 0.45))
SEATS_MEDIAN = (6.0, 32.0, 130.0)
SEATS_SPREAD = 0.65  # standard deviation of the log
SEATS_MOST = 900
MONTHLY_SHARE = (0.62, 0.30, 0.12)

ACCOUNTS_PER_OWNER = 50
TENURE_WEEKS = 70.0  # mean age of the contracts at the start of the data
OLDEST_WEEKS = 260
# Of all accounts ever, 1 / (1 + this × months / 24) are customers at the start; the others join in time
# to make up for those who leave and a little more.
JOINING = 0.56


@dataclass(frozen=True)
class Accounts:
    """All accounts ever, one element each; codes point into the tuples above.

    Attributes:
        segment, industry, region, acquisition, owner: what the CRM says.
        created_day, start_day: days since the start of the data.
        monthly: 1 for a monthly contract, 0 for an annual one.
        lead: weeks between notice and the renewal it refuses.
        seats, plan, discount: the first terms.
        own_health, sponsor, growth: classes of the chains; price, budget: in standard deviations.
        intensity: the account's own level of use, relative.
        habit: its own inclination (logit) to have many of its seats active.
    """

    segment: Ints
    industry: Ints
    region: Ints
    acquisition: Ints
    owner: Ints
    created_day: Ints
    start_day: Ints
    monthly: Ints
    lead: Ints
    seats: Ints
    plan: Ints
    discount: Floats
    own_health: Ints
    sponsor: Ints
    growth: Ints
    price: Floats
    budget: Floats
    intensity: Floats
    habit: Floats

    def __len__(self) -> int:
        return len(self.segment)

    @property
    def ids(self) -> Texts:
        return np.array([f"A{n:06d}" for n in range(1, len(self) + 1)], dtype=object)


def draw_accounts(n: int, clock: Clock, rng: np.random.Generator) -> Accounts:
    """``n`` accounts with their traits and first contracts."""
    segment = rng.choice(3, n, p=SEGMENT_SHARE)
    acquisition = rng.choice(len(ACQUISITION), n, p=ACQUISITION_SHARE)
    start_day = _start_days(n, clock, rng)
    monthly = (rng.random(n) < np.array(MONTHLY_SHARE)[segment]).astype(np.int64)
    seats = np.array(SEATS_MEDIAN)[segment] * np.exp(SEATS_SPREAD * rng.standard_normal(n))
    seats = np.clip(np.rint(seats), 2, SEATS_MOST).astype(np.int64)
    discount = np.round(rng.beta(1.3, 8.0, n) + 0.10 * (1 - monthly) * rng.random(n), 3)
    health = 0.45 + ACQUISITION_HEALTH[acquisition] + 0.12 * segment + 0.62 * rng.standard_normal(n)
    growth = 0.0 + 0.8 * rng.standard_normal(n)
    return Accounts(
        segment=segment,
        industry=rng.choice(len(INDUSTRIES), n, p=INDUSTRY_SHARE),
        region=rng.choice(len(REGIONS), n, p=REGION_SHARE),
        acquisition=acquisition,
        owner=rng.integers(0, max(1, round(n / ACCOUNTS_PER_OWNER)), n),
        created_day=start_day - rng.integers(3, 75, n),
        start_day=start_day,
        monthly=monthly,
        lead=np.where(monthly == 1, rng.integers(1, 3, n), rng.integers(3, 9, n)),
        seats=seats,
        plan=_plans(segment, rng),
        discount=np.minimum(discount, 0.4),
        own_health=_nearest(health, OWN_HEALTH),
        sponsor=(rng.random(n) < 0.35).astype(np.int64),
        growth=_nearest(growth, OWN_GROWTH),
        price=rng.standard_normal(n),
        budget=rng.standard_normal(n),
        intensity=seats**0.50 * np.exp(0.60 * rng.standard_normal(n)),
        habit=0.10 * rng.standard_normal(n),
    )


def _start_days(n: int, clock: Clock, rng: np.random.Generator) -> Ints:
    """First day of each account's first contract; already customers come first, then joiners in order."""
    already = int(np.ceil(n / (1.0 + JOINING * clock.weeks / 104)))
    age = np.minimum(rng.exponential(TENURE_WEEKS * WEEK_DAYS, already), OLDEST_WEEKS * WEEK_DAYS)
    before = -1 - np.floor(age).astype(np.int64)
    week = np.sort(rng.integers(0, clock.weeks - 1, n - already))
    return np.concatenate([before, week * WEEK_DAYS + rng.integers(0, 5, n - already)])


def _plans(segment: Ints, rng: np.random.Generator) -> Ints:
    upto = np.cumsum(np.array(PLAN_SHARE), axis=1)[segment]
    above: Ints = (rng.random(len(segment))[:, None] >= upto).sum(axis=1)
    return np.minimum(above, len(PLANS) - 1)


def _nearest(values: Floats, levels: Floats) -> Ints:
    nearest: Ints = np.abs(values[:, None] - levels[None, :]).argmin(axis=1)
    return nearest
