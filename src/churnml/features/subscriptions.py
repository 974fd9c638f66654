"""What the contract says: how long, how much, which plan, when it renews, how it has changed.

Periods are masked: at a cutoff, one whose notice is not yet known has no end.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from churnml.features.declare import Family, Feature, Grain, Polarity, Unit
from churnml.lazy import ibis
from churnml.tables import Relation

if TYPE_CHECKING:
    import ibis.expr.types as ir

CHANGE_DAYS = 365
# So long without a paying contract, and what begins then is a return; shorter gaps are paperwork.
AWAY_DAYS = 7

_family = partial(Family.fixed, source="subscriptions")
_period = partial(Feature, family="", grain=Grain.PERIOD, polarity=Polarity.NEITHER)


def _paying(p: Relation) -> ir.BooleanValue:
    return p["is_open"] & (p["mrr_cents"] > 0)


FAMILIES = (
    _family(
        "subscriptions.tenure",
        "how long a customer",
        _period(
            "subscription_tenure_days",
            means="days since the first paying period began",
            measure=lambda p: p["start_age"].max(where=p["mrr_cents"] > 0),
            unit=Unit.DAYS,
            when_low="A customer for only {value}.",
            when_high="A customer for {value}.",
            actionable=False,
            only_low=True,
        ),
    ),
    _family(
        "subscriptions.mrr",
        "how much is paid",
        _period(
            "subscription_mrr",
            means="monthly recurring revenue at the cutoff",
            measure=lambda p: p["mrr_cents"].sum(where=p["is_open"]).cast("float64") / ibis.literal(100.0, "float64"),
            unit=Unit.MONEY,
            when_low="A small contract: {value} a month.",
            when_high="A large contract: {value} a month.",
            actionable=False,
            absent=0.0,
        ),
        _period(
            "subscription_contracts",
            means="contracts open at the cutoff",
            measure=lambda p: _paying(p).sum(),
            unit=Unit.COUNT,
            when_low="Open contracts: {value}; {usual} is usual.",
            absent=0.0,
        ),
    ),
    _family(
        "subscriptions.plan",
        "which plan, billed how",
        _period(
            "subscription_plan",
            means="plan of the largest contract open at the cutoff",
            measure=lambda p: p["plan"].argmax(p["size_order"], where=_paying(p)),
            unit=Unit.NAME,
            when_low="Its plan is '{value}'.",
            needs_columns=(("subscriptions", "plan"),),
        ),
        _period(
            "subscription_billing_period",
            means="billing period of the largest contract open at the cutoff",
            measure=lambda p: p["billing_period"].argmax(p["size_order"], where=_paying(p)),
            unit=Unit.NAME,
            when_low="Its billing period is '{value}'.",
            actionable=False,
            needs_columns=(("subscriptions", "billing_period"),),
        ),
    ),
    _family(
        "subscriptions.seats",
        "how many seats",
        _period(
            "subscription_seats",
            means="seats paid for at the cutoff",
            measure=lambda p: p["seats"].sum(where=p["is_open"]),
            unit=Unit.COUNT,
            when_low="Seats paid for: {value}; {usual} is usual.",
            needs_columns=(("subscriptions", "seats"),),
        ),
    ),
    _family(
        "subscriptions.renewal",
        "when it renews",
        _period(
            "subscription_days_to_renewal",
            means="days to the next renewal; past dates are rolled on by the billing period, in calendar months",
            measure=lambda p: p["days_to_renewal"].min(where=_paying(p)),
            unit=Unit.DAYS,
            when_low="The contract renews {value:ahead}.",
            # an occasion rather than a lever: the date stands where it stands
            actionable=False,
            only_low=True,
            needs_columns=(("subscriptions", "renews_at"),),
        ),
    ),
    _family(
        "subscriptions.changes",
        "how it has grown and shrunk",
        _period(
            f"subscription_expansions_{CHANGE_DAYS}d",
            means=f"changes of a contract to a higher MRR in the last {CHANGE_DAYS} days",
            measure=lambda p: ((p["start_age"] <= CHANGE_DAYS) & (p["mrr_cents"] > p["previous_cents"])).sum(),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Expansions in the last {CHANGE_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=CHANGE_DAYS,
        ),
        _period(
            f"subscription_contractions_{CHANGE_DAYS}d",
            means=f"changes of a contract to a lower MRR in the last {CHANGE_DAYS} days",
            measure=lambda p: ((p["start_age"] <= CHANGE_DAYS) & (p["mrr_cents"] < p["previous_cents"])).sum(),
            polarity=Polarity.RISKIER,
            unit=Unit.COUNT,
            when_low=f"Reductions of the contract in the last {CHANGE_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=CHANGE_DAYS,
        ),
        _period(
            "subscription_days_since_change",
            means="days since a contract began or its terms changed; going on as before is no change",
            measure=lambda p: p["change_age"].min(),
            unit=Unit.DAYS,
            when_low="The contract last changed {value} ago.",
            when_high="The contract has not changed for {value}.",
        ),
    ),
    _family(
        "subscriptions.returned",
        "whether it has left and come back",
        _period(
            "subscription_days_since_return",
            means=f"days since it last came back, after {AWAY_DAYS} days or more without a paying contract",
            measure=lambda p: p["start_age"].min(where=p["returns"]),
            unit=Unit.DAYS,
            when_low="It had left, and came back only {value} ago.",
            when_high="It had left, and came back {value} ago.",
            actionable=False,
            only_low=True,
        ),
    ),
)
