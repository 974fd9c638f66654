"""What support knows: how many tickets, how many still open, how fast they were answered, how it felt.

Tickets are masked: at a cutoff, one that is resolved later is open, and its csat is not there yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from churnml.features.declare import Family, Feature, Grain, Polarity, Unit, Wish
from churnml.features.measured import TICKETS, MeasuredFeatures, ratio
from churnml.features.measures import Annoyed, Count, Tone
from churnml.lazy import ibis
from churnml.tables import Relation

if TYPE_CHECKING:
    import ibis.expr.types as ir

SERIOUS = ("high", "urgent", "critical", "p1")
ANNOYED = -300  # thousandths of VADER's compound score, well below its own line for negative, -50
LONG_DAYS = 180  # tickets are rare: what is judged on single tickets looks half a year back


def _mean_hours(seconds: ir.IntegerColumn, where: ir.BooleanValue) -> ir.FloatingValue:
    # whole seconds are summed, so the result does not depend on the order of the rows
    counted = seconds.count(where=where).nullif(0).cast("float64")
    return seconds.sum(where=where).cast("float64") / counted / ibis.literal(3600.0, "float64")


def _serious_share(tickets: Relation) -> ir.FloatingValue:
    recent = tickets["age"] <= LONG_DAYS
    serious = (recent & tickets["is_serious"]).sum().cast("float64")
    return serious / recent.sum().nullif(0).cast("float64")


OPENED = MeasuredFeatures(
    TICKETS["count"],
    "tickets.opened",
    "tickets_opened_{days}d",
    means="tickets opened in the last {days} days",
    when_low="Tickets in the last {days} days: {value}; {usual} is usual{own}.",
    when_high="Tickets in the last {days} days: {value}; {usual} is usual{own}.",
    polarity=Polarity.NEITHER,
)


def _opened(wish: Wish) -> tuple[Feature, ...]:
    return OPENED.features(wish.lookbacks)


def _backlog(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="tickets_open",
            family="tickets.backlog",
            means="tickets open at the cutoff",
            grain=Grain.TICKET,
            measure=lambda t: t["is_open"].sum(),
            polarity=Polarity.RISKIER,
            unit=Unit.COUNT,
            when_low="Tickets open: {value}; {usual} is usual.",
            when_high="Tickets still open: {value}; {usual} is usual.",
            absent=0.0,
        ),
        Feature(
            name="tickets_oldest_open_days",
            family="tickets.backlog",
            means="age of the oldest open ticket; 0 when none is open",
            grain=Grain.TICKET,
            measure=lambda t: t["age"].max(where=t["is_open"]),
            polarity=Polarity.RISKIER,
            unit=Unit.DAYS,
            when_low="The oldest open ticket is {value} old.",
            when_high="A ticket has been open for {value}.",
            absent=0.0,
        ),
    )


def _response(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"tickets_first_response_hours_{LONG_DAYS}d",
            family="tickets.response",
            means=f"mean hours to the first answer, tickets opened in the last {LONG_DAYS} days and answered",
            grain=Grain.TICKET,
            measure=lambda t: _mean_hours(t["response_seconds"], t["age"] <= LONG_DAYS),
            polarity=Polarity.RISKIER,
            unit=Unit.HOURS,
            when_low="First answers took {value} on average; {usual} is usual.",
            when_high="First answers took {value} on average; {usual} is usual.",
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "first_response_at"),),
        ),
    )


def _resolution(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"tickets_resolution_hours_{LONG_DAYS}d",
            family="tickets.resolution",
            means=f"mean hours to resolution, tickets opened in the last {LONG_DAYS} days and resolved",
            grain=Grain.TICKET,
            measure=lambda t: _mean_hours(t["resolution_seconds"], t["age"] <= LONG_DAYS),
            polarity=Polarity.RISKIER,
            unit=Unit.HOURS,
            when_low="Tickets took {value} to resolve on average; {usual} is usual.",
            when_high="Tickets took {value} to resolve on average; {usual} is usual.",
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "resolved_at"),),
        ),
    )


def _priority(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"tickets_serious_{LONG_DAYS}d",
            family="tickets.priority",
            means=f"tickets of priority {', '.join(SERIOUS)} opened in the last {LONG_DAYS} days",
            grain=Grain.TICKET,
            measure=lambda t: ((t["age"] <= LONG_DAYS) & t["is_serious"]).sum(),
            polarity=Polarity.RISKIER,
            unit=Unit.COUNT,
            when_low=f"Serious tickets in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            when_high=f"Serious tickets in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "priority"),),
        ),
        Feature(
            name=f"tickets_serious_share_{LONG_DAYS}d",
            family="tickets.priority",
            means=f"share of the tickets opened in the last {LONG_DAYS} days that were serious",
            grain=Grain.TICKET,
            measure=_serious_share,
            polarity=Polarity.RISKIER,
            unit=Unit.SHARE,
            when_low=f"{{value}} of the tickets in the last {LONG_DAYS} days were serious; {{usual}} is usual.",
            when_high=f"{{value}} of the tickets in the last {LONG_DAYS} days were serious; {{usual}} is usual.",
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "priority"),),
        ),
    )


def _reopened(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"tickets_reopened_{LONG_DAYS}d",
            family="tickets.reopened",
            means=f"tickets reopened in the last {LONG_DAYS} days",
            grain=Grain.TICKET,
            measure=Count(LONG_DAYS, "reopened_age"),
            polarity=Polarity.RISKIER,
            unit=Unit.COUNT,
            when_low=f"Tickets reopened in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            when_high=f"Tickets reopened in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "reopened_at"),),
        ),
    )


def _escalated(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"tickets_escalated_{LONG_DAYS}d",
            family="tickets.escalated",
            means=f"tickets escalated in the last {LONG_DAYS} days",
            grain=Grain.TICKET,
            measure=Count(LONG_DAYS, "escalated_age"),
            polarity=Polarity.RISKIER,
            unit=Unit.COUNT,
            when_low=f"Tickets escalated in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            when_high=f"Tickets escalated in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "escalated_at"),),
        ),
    )


def _csat(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"tickets_csat_{LONG_DAYS}d",
            family="tickets.csat",
            means=f"mean satisfaction given in the last {LONG_DAYS} days",
            grain=Grain.TICKET,
            measure=lambda t: (
                t["csat_milli"].sum(where=t["csat_age"] <= LONG_DAYS).cast("float64")
                / t["csat_milli"].count(where=t["csat_age"] <= LONG_DAYS).nullif(0).cast("float64")
                / ibis.literal(1000.0, "float64")
            ),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SCORE,
            when_low="Support was rated {value} on average; {usual} is usual.",
            when_high="Support was rated {value} on average; {usual} is usual.",
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "csat"),),
        ),
    )


def _trend(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        ratio(
            f"tickets_trend_{short}d_{long}d",
            "tickets.trend",
            f"tickets_opened_{short}d",
            f"tickets_opened_{long}d",
            means=f"tickets opened a day in the last {short} days ÷ the same in the last {long} days",
            when_low=f"Tickets in the last {short} days, against its own {long}-day level: {{change}}.",
            when_high=f"Tickets in the last {short} days, against its own {long}-day level: {{change}}.",
            lookback=long,
            scale=long / short,
            polarity=Polarity.NEITHER,
            unit=Unit.RATIO,
        )
        for short, long in wish.spans[-1:]
    )


def _tone(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name=f"tickets_tone_{LONG_DAYS}d",
            family="tickets.tone",
            means=f"mean tone of what was written in tickets of the last {LONG_DAYS} days, -1 to 1 (English)",
            grain=Grain.TICKET,
            measure=Tone(LONG_DAYS),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SCORE,
            when_low=f"The tone of its tickets in the last {LONG_DAYS} days is unhappy.",
            when_high=f"The tone of its tickets in the last {LONG_DAYS} days is friendly.",
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "subject"),),
        ),
        Feature(
            name=f"tickets_annoyed_{LONG_DAYS}d",
            family="tickets.tone",
            means=f"tickets of the last {LONG_DAYS} days written in a clearly unhappy tone (English)",
            grain=Grain.TICKET,
            measure=Annoyed(LONG_DAYS, ANNOYED),
            polarity=Polarity.RISKIER,
            unit=Unit.COUNT,
            when_low=f"Unhappy tickets in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            when_high=f"Unhappy tickets in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=LONG_DAYS,
            needs_columns=(("support_tickets", "subject"),),
        ),
    )


FAMILIES = (
    Family("tickets.opened", "support_tickets", "how many tickets", _opened),
    Family("tickets.backlog", "support_tickets", "what is still open, and how old it is", _backlog),
    Family("tickets.response", "support_tickets", "how fast the first answer came", _response),
    Family("tickets.resolution", "support_tickets", "how fast they were resolved", _resolution),
    Family("tickets.priority", "support_tickets", "how serious they were", _priority),
    Family("tickets.reopened", "support_tickets", "whether they came back", _reopened),
    Family("tickets.escalated", "support_tickets", "whether they were escalated", _escalated),
    Family("tickets.csat", "support_tickets", "how satisfied the customer was", _csat),
    Family("tickets.tone", "support_tickets", "how unhappy what was written sounds", _tone),
    Family("tickets.trend", "support_tickets", "whether there are more of them", _trend),
)
