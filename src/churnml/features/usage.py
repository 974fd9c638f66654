"""What the product's own log says: how much, how often, by how many, of what, and whether it is fading."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import ibis

from churnml.features.declare import (
    Family,
    Feature,
    Grain,
    Measure,
    Polarity,
    Unit,
    Wish,
    count_within,
    ratio,
    sum_within,
)

# Recency stops here: whoever was last seen longer ago counts as seen this long ago.
RECENCY_CAP = 365


def _names_within(days: int) -> Measure:
    return lambda rows: rows["event"].nunique(where=rows["age"] <= days)


def _event_within(event: str, days: int) -> Measure:
    return lambda rows: rows["events"].sum(where=(rows["age"] <= days) & (rows["event"] == event))


def _quantity_within(days: int) -> Measure:
    million = ibis.literal(1e6, "float64")
    return lambda rows: rows["quantity_micro"].sum(where=rows["age"] <= days).cast("float64") / million


def _events(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_events_{n}d",
            family="usage.events",
            means=f"events in the last {n} days",
            grain=Grain.DAY,
            measure=sum_within("events", n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Only {{value}} events in the last {n} days; {{usual}} is usual.",
            when_high=f"{{value}} events in the last {n} days; {{usual}} is usual.",
            when_absent=f"Not used at all in the last {n} days; {{usual}} events are usual.",
            absent=0.0,
            lookback=n,
        )
        for n in wish.lookbacks
    )


def _active_days(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_active_days_{n}d",
            family="usage.active_days",
            means=f"days with at least one event in the last {n} days",
            grain=Grain.DAY,
            measure=count_within(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Active on only {{value}} of the last {n} days; {{usual}} is usual.",
            when_high=f"Active on {{value}} of the last {n} days; {{usual}} is usual.",
            when_absent=f"Not active on any of the last {n} days; {{usual}} is usual.",
            absent=0.0,
            lookback=n,
        )
        for n in wish.lookbacks
    )


def _active_users(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_active_users_{n}d",
            family="usage.active_users",
            means=f"different users seen in the last {n} days",
            grain=Grain.USER,
            measure=count_within(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"People who used it in the last {n} days: only {{value}}; {{usual}} is usual.",
            when_high=f"People who used it in the last {n} days: {{value}}; {{usual}} is usual.",
            when_absent=f"Nobody used it in the last {n} days; {{usual}} people are usual.",
            absent=0.0,
            lookback=n,
            needs_columns=(("usage_events", "user_id"),),
        )
        for n in wish.lookbacks
    )


def _distinct_events(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_distinct_events_{n}d",
            family="usage.breadth",
            means=f"different event names seen in the last {n} days",
            grain=Grain.EVENT,
            measure=_names_within(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Used only {{value}} kinds of function in the last {n} days; {{usual}} is usual.",
            when_high=f"Used {{value}} kinds of function in the last {n} days; {{usual}} is usual.",
            when_absent=f"Used none of its functions in the last {n} days; {{usual}} is usual.",
            absent=0.0,
            lookback=n,
        )
        for n in wish.lookbacks
    )


def _quantity(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_quantity_{n}d",
            family="usage.quantity",
            means=f"sum of the events' quantities in the last {n} days",
            grain=Grain.DAY,
            measure=_quantity_within(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Volume in the last {n} days: only {{value}}; {{usual}} is usual.",
            when_high=f"Volume in the last {n} days: {{value}}; {{usual}} is usual.",
            absent=0.0,
            lookback=n,
            needs_columns=(("usage_events", "quantity"),),
        )
        for n in wish.lookbacks
    )


def _by_event(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_{column_safe(event)}_{n}d",
            family="usage.by_event",
            means=f"events of this name in the last {n} days",
            grain=Grain.EVENT,
            measure=_event_within(event, n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"'{{subject}}' in the last {n} days: only {{value}}; {{usual}} is usual.",
            when_high=f"'{{subject}}' in the last {n} days: {{value}}; {{usual}} is usual.",
            when_absent=f"'{{subject}}' not once in the last {n} days; {{usual}} is usual.",
            absent=0.0,
            lookback=n,
            subject=event,
        )
        for event in wish.event_names
        for n in wish.lookbacks[1:2] or wish.lookbacks
    )


def _recency(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="usage_days_since_last",
            family="usage.recency",
            means=f"days since the last event, at most {RECENCY_CAP}",
            grain=Grain.DAY,
            measure=lambda d: d["age"].min(),
            polarity=Polarity.RISKIER,
            unit=Unit.DAYS,
            when_low="Last seen {value} ago; {usual} is usual.",
            when_high="Not seen for {value}; {usual} is usual.",
            when_absent=f"Not seen in the last {RECENCY_CAP} days; {{usual}} is usual.",
            absent=float(RECENCY_CAP),
            lookback=RECENCY_CAP,
        ),
    )


def _trend(name: str, family: str, subject: str) -> Callable[[Wish], tuple[Feature, ...]]:
    def features(wish: Wish) -> tuple[Feature, ...]:
        return tuple(
            Feature(
                name=f"{name}_trend_{short}d_{long}d",
                family=family,
                means=f"{subject} a day in the last {short} days ÷ the same in the last {long} days",
                grain=Grain.MADE,
                measure=ratio(f"{name}_{short}d", f"{name}_{long}d", long / short),
                polarity=Polarity.HEALTHIER,
                unit=Unit.RATIO,
                when_low=f"{subject.capitalize()} in the last {short} days, against its {long}-day level: {{change}}.",
                when_high=f"{subject.capitalize()} in the last {short} days, against its {long}-day level: {{change}}.",
                lookback=long,
                made_of=(f"{name}_{short}d", f"{name}_{long}d"),
            )
            for short, long in wish.spans
        )

    return features


def _users_trend(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_users_kept_{short}d_{long}d",
            family="usage.users_trend",
            means=f"users seen in the last {short} days ÷ users seen in the last {long} days",
            grain=Grain.MADE,
            measure=ratio(f"usage_active_users_{short}d", f"usage_active_users_{long}d", 1.0),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SHARE,
            when_low=f"Only {{value}} of the people seen in {long} days came in the last {short}; {{usual}} is usual.",
            when_high=f"{{value}} of the people seen in {long} days came in the last {short}; {{usual}} is usual.",
            lookback=long,
            made_of=(f"usage_active_users_{short}d", f"usage_active_users_{long}d"),
            needs_columns=(("usage_events", "user_id"),),
        )
        for short, long in wish.spans
    )


def _seat_utilisation(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_seat_utilisation_{n}d",
            family="usage.seat_utilisation",
            means=f"users seen in the last {n} days ÷ seats paid for",
            grain=Grain.MADE,
            measure=ratio(f"usage_active_users_{n}d", "subscription_seats", 1.0),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SHARE,
            when_low=f"Only {{value}} of the seats were used in the last {n} days; {{usual}} is usual.",
            when_high=f"{{value}} of the seats were used in the last {n} days; {{usual}} is usual.",
            lookback=n,
            made_of=(f"usage_active_users_{n}d", "subscription_seats"),
            needs_columns=(("usage_events", "user_id"), ("subscriptions", "seats")),
        )
        for n in wish.lookbacks
    )


def _events_per_user(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_events_per_user_{n}d",
            family="usage.depth",
            means=f"events ÷ users seen in the last {n} days",
            grain=Grain.MADE,
            measure=ratio(f"usage_events_{n}d", f"usage_active_users_{n}d", 1.0),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Only {{value}} events a person in the last {n} days; {{usual}} is usual.",
            when_high=f"{{value}} events a person in the last {n} days; {{usual}} is usual.",
            lookback=n,
            made_of=(f"usage_events_{n}d", f"usage_active_users_{n}d"),
            needs_columns=(("usage_events", "user_id"),),
        )
        for n in wish.lookbacks
    )


def column_safe(event: str) -> str:
    """A column name for an event name, whatever characters that has; different names stay different."""
    plain = re.sub(r"[^a-z0-9]+", "_", event.lower()).strip("_")
    if plain == event:
        return f"event_{plain}"
    return f"event_{plain[:40]}_{hashlib.sha256(event.encode()).hexdigest()[:8]}".replace("__", "_")


FAMILIES = (
    Family("usage.events", "usage_events", "how much the product is used", _events),
    Family("usage.active_days", "usage_events", "on how many days", _active_days),
    Family("usage.active_users", "usage_events", "by how many people", _active_users),
    Family("usage.breadth", "usage_events", "how many of its functions", _distinct_events),
    Family("usage.quantity", "usage_events", "how large the volumes", _quantity),
    Family("usage.by_event", "usage_events", "single functions, the most frequent ones", _by_event),
    Family("usage.recency", "usage_events", "how long since anybody was seen", _recency),
    Family(
        "usage.trend",
        "usage_events",
        "whether use is fading",
        _trend("usage_events", "usage.trend", "events"),
    ),
    Family(
        "usage.days_trend",
        "usage_events",
        "whether active days are fading",
        _trend("usage_active_days", "usage.days_trend", "active days"),
    ),
    Family("usage.users_trend", "usage_events", "whether people stop coming", _users_trend),
    Family("usage.seat_utilisation", "usage_events", "how many of the seats paid for are used", _seat_utilisation),
    Family("usage.depth", "usage_events", "how much each person does", _events_per_user),
)
