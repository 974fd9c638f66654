"""What the contract says: how long, how much, which plan, when it renews, how it has changed.

Periods are masked: at a cutoff, one whose notice is not yet known has no end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from churnml.features.declare import Family, Feature, Grain, Polarity, Unit, Wish
from churnml.lazy import ibis
from churnml.tables import Relation

if TYPE_CHECKING:
    import ibis.expr.types as ir

CHANGE_DAYS = 365
# So long without a paying contract, and what begins then is a return; shorter gaps are paperwork.
AWAY_DAYS = 7


def _paying(p: Relation) -> ir.BooleanValue:
    return p["is_open"] & (p["mrr_cents"] > 0)


def _tenure(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="subscription_tenure_days",
            family="subscriptions.tenure",
            means="days since the first paying period began",
            grain=Grain.PERIOD,
            measure=lambda p: p["start_age"].max(where=p["mrr_cents"] > 0),
            polarity=Polarity.NEITHER,
            unit=Unit.DAYS,
            when_low="A customer for only {value}.",
            when_high="A customer for {value}.",
            actionable=False,
        ),
    )


def _mrr(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="subscription_mrr",
            family="subscriptions.mrr",
            means="monthly recurring revenue at the cutoff",
            grain=Grain.PERIOD,
            measure=lambda p: p["mrr_cents"].sum(where=p["is_open"]).cast("float64") / ibis.literal(100.0, "float64"),
            polarity=Polarity.NEITHER,
            unit=Unit.MONEY,
            when_low="A small contract: {value} a month.",
            when_high="A large contract: {value} a month.",
            actionable=False,
            absent=0.0,
        ),
        Feature(
            name="subscription_contracts",
            family="subscriptions.mrr",
            means="contracts open at the cutoff",
            grain=Grain.PERIOD,
            measure=lambda p: _paying(p).sum(),
            polarity=Polarity.NEITHER,
            unit=Unit.COUNT,
            when_low="Open contracts: {value}; {usual} is usual.",
            when_high="Open contracts: {value}; {usual} is usual.",
            absent=0.0,
        ),
    )


def _plan(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="subscription_plan",
            family="subscriptions.plan",
            means="plan of the largest contract open at the cutoff",
            grain=Grain.PERIOD,
            measure=lambda p: p["plan"].argmax(p["size_order"], where=_paying(p)),
            polarity=Polarity.NEITHER,
            unit=Unit.NAME,
            when_low="On the plan '{value}'.",
            when_high="On the plan '{value}'.",
            needs_columns=(("subscriptions", "plan"),),
        ),
        Feature(
            name="subscription_billing_period",
            family="subscriptions.plan",
            means="billing period of the largest contract open at the cutoff",
            grain=Grain.PERIOD,
            measure=lambda p: p["billing_period"].argmax(p["size_order"], where=_paying(p)),
            polarity=Polarity.NEITHER,
            unit=Unit.NAME,
            when_low="Billed '{value}'.",
            when_high="Billed '{value}'.",
            actionable=False,
            needs_columns=(("subscriptions", "billing_period"),),
        ),
    )


def _seats(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="subscription_seats",
            family="subscriptions.seats",
            means="seats paid for at the cutoff",
            grain=Grain.PERIOD,
            measure=lambda p: p["seats"].sum(where=p["is_open"]),
            polarity=Polarity.NEITHER,
            unit=Unit.COUNT,
            when_low="Seats paid for: {value}; {usual} is usual.",
            when_high="Seats paid for: {value}; {usual} is usual.",
            needs_columns=(("subscriptions", "seats"),),
        ),
    )


def _renewal(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="subscription_days_to_renewal",
            family="subscriptions.renewal",
            means="days to the next renewal; past dates are rolled on by the billing period",
            grain=Grain.PERIOD,
            measure=lambda p: p["days_to_renewal"].min(where=_paying(p)),
            polarity=Polarity.NEITHER,
            unit=Unit.DAYS,
            when_low="The contract renews in {value}.",
            when_high="The contract renews in {value}.",
            # an occasion rather than a lever: the date stands where it stands
            actionable=False,
            needs_columns=(("subscriptions", "renews_at"),),
        ),
    )


def _changes(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"subscription_expansions_{CHANGE_DAYS}d",
            family="subscriptions.changes",
            means=f"changes of a contract to a higher MRR in the last {CHANGE_DAYS} days",
            grain=Grain.PERIOD,
            measure=lambda p: ((p["start_age"] <= CHANGE_DAYS) & (p["mrr_cents"] > p["previous_cents"])).sum(),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Expansions in the last {CHANGE_DAYS} days: {{value}}; {{usual}} is usual.",
            when_high=f"Expansions in the last {CHANGE_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=CHANGE_DAYS,
        ),
        Feature(
            name=f"subscription_contractions_{CHANGE_DAYS}d",
            family="subscriptions.changes",
            means=f"changes of a contract to a lower MRR in the last {CHANGE_DAYS} days",
            grain=Grain.PERIOD,
            measure=lambda p: ((p["start_age"] <= CHANGE_DAYS) & (p["mrr_cents"] < p["previous_cents"])).sum(),
            polarity=Polarity.RISKIER,
            unit=Unit.COUNT,
            when_low=f"Reductions of the contract in the last {CHANGE_DAYS} days: {{value}}; {{usual}} is usual.",
            when_high=f"Reductions of the contract in the last {CHANGE_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=CHANGE_DAYS,
        ),
        Feature(
            name="subscription_days_since_change",
            family="subscriptions.changes",
            means="days since the newest period began (a new contract or a change of terms)",
            grain=Grain.PERIOD,
            measure=lambda p: p["start_age"].min(),
            polarity=Polarity.NEITHER,
            unit=Unit.DAYS,
            when_low="The contract last changed {value} ago.",
            when_high="The contract has not changed for {value}.",
        ),
    )


def _returned(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="subscription_days_since_return",
            family="subscriptions.returned",
            means=f"days since it last came back, after {AWAY_DAYS} days or more without a paying contract",
            grain=Grain.PERIOD,
            measure=lambda p: p["start_age"].min(where=p["returns"]),
            polarity=Polarity.NEITHER,
            unit=Unit.DAYS,
            when_low="It had left, and came back only {value} ago.",
            when_high="It had left, and came back {value} ago.",
            actionable=False,
        ),
    )


FAMILIES = (
    Family("subscriptions.tenure", "subscriptions", "how long a customer", _tenure),
    Family("subscriptions.mrr", "subscriptions", "how much is paid", _mrr),
    Family("subscriptions.plan", "subscriptions", "which plan, billed how", _plan),
    Family("subscriptions.seats", "subscriptions", "how many seats", _seats),
    Family("subscriptions.renewal", "subscriptions", "when it renews", _renewal),
    Family("subscriptions.changes", "subscriptions", "how it has grown and shrunk", _changes),
    Family("subscriptions.returned", "subscriptions", "whether it has left and come back", _returned),
)
