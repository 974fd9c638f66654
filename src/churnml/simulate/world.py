"""The laws of the simulated world: two Markov chains on a weekly clock, and the hazards that read them.

Health ``z`` has 15 levels from −2.8 to 2.8 and is drawn towards a level of the account's own. Pressure
``u`` (how much the account outgrows what it pays for) has 9 levels from −2 to 2. Everything an account
decides in a week is a draw with a probability that depends on (z, u) at that week's Monday, its fixed
traits and the calendar alone. That is what makes the true probabilities computable.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from churnml.simulate.clock import Floats, Ints

Z_VALUES: Floats = np.linspace(-2.8, 2.8, 15)
U_VALUES: Floats = np.linspace(-2.0, 2.0, 9)

# Levels of the accounts' own health and growth: few, so that accounts share transition matrices.
OWN_HEALTH: Floats = np.array([-0.9, -0.45, 0.0, 0.45, 0.9, 1.35, 1.8])
OWN_GROWTH: Floats = np.array([-1.3, -0.5, 0.3, 1.1])

# A champion's leaving is the great unseen blow; accounts with a single sponsor suffer it more often.
CHAMPION_LEAVES: Floats = np.array([0.002, 0.009])  # a week, by sponsor trait
CHAMPION_DROP = 4  # levels of z
INCIDENT_WEEKS = 0.05  # share of weeks with an incident
INCIDENT_HITS = 0.22  # share of accounts an incident hits
INCIDENT_DROP = 2  # levels of z

# Terms stay fixed for this long after a start or a change. As the upsell window may not be longer, at most
# one change falls into it, so its sign alone decides the label and the truth stays exact.
TERMS_FIXED_WEEKS = 16
# Customers won back pay a year in advance on a locked price: they cannot leave or grow in that year.
WON_BACK_WEEKS = 52
LONGEST_CHURN_WEEKS = 40  # less than the first notice of a customer won back can come (52 − 8 weeks)
UPGRADE_RELIEF = 4  # levels of u an upgrade takes away
DOWNGRADE_PRESSURE = 3  # levels of u a downgrade adds
AFTER_WIN_BACK_Z = 9  # level of z a customer comes back with
AFTER_WIN_BACK_U = 3

RETURNS_WEEKS = 20  # a customer who comes back does so within this many weeks
RETURNS: Floats = np.array([0.07, 0.40])  # share that comes back: after notice, after a failed payment


@dataclass(frozen=True)
class Hazards:
    """The numbers the decisions depend on, all on the logit scale of one decision or one week."""

    leave_monthly: float = -4.68
    leave_annual: float = -2.48
    leave_z: float = -1.75
    leave_new: float = 0.9  # fades with tenure, by exp(−weeks / 20)
    leave_price: float = 0.25  # a standard deviation of price sensitivity
    payment_fails: float = 0.0007  # a week, a plain probability
    up: float = -6.9
    up_u: float = 1.65
    up_z: float = 0.45
    up_budget: float = 0.32  # a standard deviation of hidden budget
    up_ripens: float = 0.6  # grows with the weeks since terms could change, by 1 − exp(−weeks / 26)
    down: float = -8.0
    down_u: float = -1.0
    down_z: float = -0.6


HAZARDS = Hazards()


def drawn_to(values: Floats, target: float, persistence: float, noise: float) -> Floats:
    """Transition matrix, shape (levels, levels), of a chain drawn to ``target`` with normal noise."""
    half = (values[1] - values[0]) / 2
    normal = NormalDist()
    rows = []
    for value in values:
        mean = target + persistence * (value - target)
        upto = [normal.cdf((edge + half - mean) / noise) for edge in values[:-1]]
        rows.append(np.diff([0.0, *upto, 1.0]))
    return np.array(rows)


def dropped(levels: int, drop: int) -> Floats:
    """Matrix, shape (levels, levels), of a fall by ``drop`` levels that stops at the lowest."""
    matrix = np.zeros((levels, levels))
    matrix[np.arange(levels), np.maximum(np.arange(levels) - drop, 0)] = 1.0
    return matrix


def _health() -> Floats:
    """Marginal transition matrices of z: calm, then perhaps the champion leaves, then perhaps an incident.

    Incidents strike many accounts at once, but for one account they are independent from week to week,
    so its own law needs only the share of weeks it is hit in.
    """
    still = np.eye(len(Z_VALUES))
    hit = INCIDENT_WEEKS * INCIDENT_HITS
    incident = (1 - hit) * still + hit * dropped(len(Z_VALUES), INCIDENT_DROP)
    fall = dropped(len(Z_VALUES), CHAMPION_DROP)
    champion = [(1 - p) * still + p * fall for p in CHAMPION_LEAVES]
    return np.stack([[calm @ leaves @ incident for leaves in champion] for calm in CALM_HEALTH])


CALM_HEALTH: Floats = np.stack([drawn_to(Z_VALUES, own, 0.955, 0.30) for own in OWN_HEALTH])  # (own health, z, z)
HEALTH: Floats = _health()  # (own health, sponsor, z, z)
PRESSURE: Floats = np.stack([drawn_to(U_VALUES, own, 0.97, 0.25) for own in OWN_GROWTH])  # (growth, u, u)


def logistic(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def leave_logit(monthly: Floats, price: Floats, tenure: Floats) -> Floats:
    """Logit of giving notice at z = 0; arrays of one shape.

    Args:
        monthly: 1 for monthly contracts, 0 for annual ones.
        price: price sensitivity in standard deviations.
        tenure: weeks since the contract began.
    """
    h = HAZARDS
    base = h.leave_annual + monthly * (h.leave_monthly - h.leave_annual)
    return np.asarray(base + h.leave_price * price + h.leave_new * np.exp(-tenure / 20.0))


def up_logit(budget: Floats, ripe: Floats) -> Floats:
    """Logit of an upgrade in a week at z = u = 0; ``ripe`` is weeks since terms could change."""
    h = HAZARDS
    return np.asarray(h.up + h.up_budget * budget + h.up_ripens * (1.0 - np.exp(-np.maximum(ripe, 0.0) / 26.0)))


UP_ODDS: Floats = np.exp(HAZARDS.up_z * Z_VALUES[:, None] + HAZARDS.up_u * U_VALUES[None, :])  # (z, u)
_DOWN_LOGIT: Floats = HAZARDS.down + HAZARDS.down_z * Z_VALUES[:, None] + HAZARDS.down_u * U_VALUES[None, :]
DOWN: Floats = logistic(_DOWN_LOGIT)


_RETURNING: Floats = np.exp(-np.arange(RETURNS_WEEKS) / 6.0)
RETURN_WEEK: Floats = _RETURNING / _RETURNING.sum()  # share of returning customers by week; the first is week 1


def returns_within(grace: int) -> Floats:
    """Probability of coming back within ``grace`` weeks, shape (2,): after notice, after a failed payment."""
    return RETURNS * float(RETURN_WEEK[:grace].sum())


def stepped(cumulated: Floats, uniform: Floats) -> Ints:
    """Next levels, drawn from the cumulated rows (one row an account) with ``uniform`` draws.

    Args:
        cumulated: shape (n, levels), each row rising to 1.
        uniform: shape (n,), in [0, 1).
    """
    above: Ints = (uniform[:, None] >= cumulated).sum(axis=1)
    return np.asarray(np.minimum(above, cumulated.shape[1] - 1))
