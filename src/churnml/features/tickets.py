"""What support knows: how many tickets, how many still open, how fast they were answered, how it felt.

Tickets are masked: at a cutoff, one that is resolved later is open, and its csat is not there yet.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from churnml.features.declare import Family, Feature, Grain, Polarity, Unit, Wish
from churnml.features.measured import TICKETS, Columns, MeasuredFeatures, ratio
from churnml.features.measures import Annoyed, Count, Tone
from churnml.features.ratios import PeriodRatio
from churnml.lazy import ibis
from churnml.tables import Relation

if TYPE_CHECKING:
    import ibis.expr.types as ir

SERIOUS = ("high", "urgent", "critical", "p1")
ANNOYED = -300  # thousandths of VADER's compound score, well below its own line for negative, -50
LONG_DAYS = 180  # tickets are rare: what is judged on single tickets looks half a year back

_family = partial(Family.fixed, source="support_tickets")
_now = partial(Feature, family="", grain=Grain.TICKET, polarity=Polarity.RISKIER)
_recent = partial(_now, lookback=LONG_DAYS)


def _column(name: str) -> Columns:
    return (("support_tickets", name),)


def _mean(amounts: ir.IntegerColumn, where: ir.BooleanValue, unit: float) -> ir.FloatingValue:
    # whole numbers are summed, so the result does not depend on the order of the rows
    counted = amounts.count(where=where).nullif(0).cast("float64")
    return amounts.sum(where=where).cast("float64") / counted / ibis.literal(unit, "float64")


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
    polarity=Polarity.NEITHER,
)


def _trend(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        ratio(
            f"tickets_trend_{short}d_{long}d",
            family="tickets.trend",
            means=f"tickets opened a day in the last {short} days ÷ the same in the last {long} days",
            measure=PeriodRatio(f"tickets_opened_{short}d", f"tickets_opened_{long}d", long / short, lived=long),
            when_low=f"Tickets in the last {short} days, against its own {long}-day level: {{change}}.",
            lookback=long,
            polarity=Polarity.NEITHER,
            unit=Unit.RATIO,
        )
        for short, long in wish.spans[-1:]
    )


FAMILIES = (
    Family("tickets.opened", "support_tickets", "how many tickets", lambda wish: OPENED.features(wish.lookbacks)),
    _family(
        "tickets.backlog",
        "what is still open, and how old it is",
        _now(
            "tickets_open",
            means="tickets open at the cutoff",
            measure=lambda t: t["is_open"].sum(),
            unit=Unit.COUNT,
            when_low="Tickets open: {value}; {usual} is usual.",
            when_high="Tickets still open: {value}; {usual} is usual.",
            absent=0.0,
            # who does not say when tickets are resolved does not say that they never are
            needs_columns=_column("resolved_at"),
        ),
        _now(
            "tickets_oldest_open_days",
            means="age of the oldest open ticket; 0 when none is open",
            measure=lambda t: t["age"].max(where=t["is_open"]),
            unit=Unit.DAYS,
            when_low="The oldest open ticket is {value} old.",
            when_high="A ticket has been open for {value}.",
            absent=0.0,
            needs_columns=_column("resolved_at"),
        ),
    ),
    _family(
        "tickets.response",
        "how fast the first answer came",
        _recent(
            f"tickets_first_response_hours_{LONG_DAYS}d",
            means=f"mean hours to the first answer, tickets opened in the last {LONG_DAYS} days and answered",
            measure=lambda t: _mean(t["response_seconds"], t["age"] <= LONG_DAYS, 3600.0),
            unit=Unit.HOURS,
            when_low="First answers took {value} on average; {usual} is usual.",
            needs_columns=_column("first_response_at"),
        ),
    ),
    _family(
        "tickets.resolution",
        "how fast they were resolved",
        _recent(
            f"tickets_resolution_hours_{LONG_DAYS}d",
            means=f"mean hours to resolution, tickets opened in the last {LONG_DAYS} days and resolved",
            measure=lambda t: _mean(t["resolution_seconds"], t["age"] <= LONG_DAYS, 3600.0),
            unit=Unit.HOURS,
            when_low="Tickets took {value} to resolve on average; {usual} is usual.",
            needs_columns=_column("resolved_at"),
        ),
    ),
    _family(
        "tickets.priority",
        "how serious they were",
        _recent(
            f"tickets_serious_{LONG_DAYS}d",
            means=f"tickets of priority {', '.join(SERIOUS)} opened in the last {LONG_DAYS} days",
            measure=lambda t: ((t["age"] <= LONG_DAYS) & t["is_serious"]).sum(),
            unit=Unit.COUNT,
            when_low=f"Serious tickets in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            needs_columns=_column("priority"),
        ),
        _recent(
            f"tickets_serious_share_{LONG_DAYS}d",
            means=f"share of the tickets opened in the last {LONG_DAYS} days that were serious",
            measure=_serious_share,
            unit=Unit.SHARE,
            when_low=f"{{value}} of the tickets in the last {LONG_DAYS} days were serious; {{usual}} is usual.",
            needs_columns=_column("priority"),
        ),
    ),
    *(
        _family(
            f"tickets.{what}",
            means,
            _recent(
                f"tickets_{what}_{LONG_DAYS}d",
                means=f"tickets {what} in the last {LONG_DAYS} days",
                measure=Count(LONG_DAYS, f"{what}_age"),
                unit=Unit.COUNT,
                when_low=f"Tickets {what} in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
                absent=0.0,
                needs_columns=_column(f"{what}_at"),
            ),
        )
        for what, means in (("reopened", "whether they came back"), ("escalated", "whether they were escalated"))
    ),
    _family(
        "tickets.csat",
        "how satisfied the customer was",
        _recent(
            f"tickets_csat_{LONG_DAYS}d",
            means=f"mean satisfaction given in the last {LONG_DAYS} days",
            measure=lambda t: _mean(t["csat_milli"], t["csat_age"] <= LONG_DAYS, 1000.0),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SCORE,
            when_low="Support was rated {value} on average; {usual} is usual.",
            needs_columns=_column("csat"),
        ),
    ),
    _family(
        "tickets.tone",
        "how unhappy what was written sounds",
        _recent(
            f"tickets_tone_{LONG_DAYS}d",
            means=f"mean tone of what was written in tickets of the last {LONG_DAYS} days, -1 to 1 (English)",
            measure=Tone(LONG_DAYS),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SCORE,
            when_low=f"The tone of its tickets in the last {LONG_DAYS} days is unhappy.",
            when_high=f"The tone of its tickets in the last {LONG_DAYS} days is friendly.",
            needs_columns=_column("subject"),
        ),
        _recent(
            f"tickets_annoyed_{LONG_DAYS}d",
            means=f"tickets of the last {LONG_DAYS} days written in a clearly unhappy tone (English)",
            measure=Annoyed(LONG_DAYS, ANNOYED),
            unit=Unit.COUNT,
            when_low=f"Unhappy tickets in the last {LONG_DAYS} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            needs_columns=_column("subject"),
        ),
    ),
    Family("tickets.trend", "support_tickets", "whether there are more of them", _trend),
)
