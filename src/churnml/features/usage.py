"""What the product's own log says: how much, how often, by how many, of what, and whether it is fading."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from churnml.features.declare import Family, Feature, Grain, Polarity, Unit, Wish, longest
from churnml.features.measures import (
    Acceleration,
    Count,
    DailyQuantile,
    DistinctNames,
    Entropy,
    Gap,
    KeyUsersQuiet,
    OwnPast,
    Quantity,
    Ratio,
    Share,
    SinceFirst,
    SinceLast,
    Slope,
    Streak,
    Sum,
    placed,
)
from churnml.rollups import OFFICE_HOURS

# Recency stops here: whoever was last seen longer ago counts as seen this long ago.
RECENCY_CAP = 365
KEY_USERS = 3


def _events(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_events_{n}d",
            family="usage.events",
            means=f"events in the last {n} days",
            grain=Grain.STRETCH,
            measure=Sum("events", n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Only {{value}} events in the last {n} days; {{usual}} is usual{{own}}.",
            when_high=f"{{value}} events in the last {n} days; {{usual}} is usual{{own}}.",
            when_absent=f"Not used at all in the last {n} days; {{usual}} events are usual{{own}}.",
            absent=0.0,
            lookback=n,
            before=longest("usage_events", n, wish.lookbacks),
        )
        for n in wish.lookbacks
    )


def _active_days(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_active_days_{n}d",
            family="usage.active_days",
            means=f"days with at least one event in the last {n} days",
            grain=Grain.STRETCH,
            measure=Sum("active_days", n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Active on only {{value}} of the last {n} days; {{usual}} is usual{{own}}.",
            when_high=f"Active on {{value}} of the last {n} days; {{usual}} is usual{{own}}.",
            when_absent=f"Not active on any of the last {n} days; {{usual}} is usual{{own}}.",
            absent=0.0,
            lookback=n,
            before=longest("usage_active_days", n, wish.lookbacks),
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
            measure=Count(n),
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
            grain=Grain.STRETCH,
            measure=DistinctNames(n),
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
            grain=Grain.STRETCH,
            measure=Quantity(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Volume in the last {n} days: only {{value}}; {{usual}} is usual{{own}}.",
            when_high=f"Volume in the last {n} days: {{value}}; {{usual}} is usual{{own}}.",
            when_absent=f"No volume at all in the last {n} days; {{usual}} is usual{{own}}.",
            absent=0.0,
            lookback=n,
            before=longest("usage_quantity", n, wish.lookbacks),
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
            grain=Grain.STRETCH,
            measure=Sum("events", n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"'{{subject}}' in the last {n} days: only {{value}}; {{usual}} is usual.",
            when_high=f"'{{subject}}' in the last {n} days: {{value}}; {{usual}} is usual.",
            when_absent=f"'{{subject}}' not once in the last {n} days; {{usual}} is usual.",
            absent=0.0,
            lookback=n,
            subject=event,
            only=(event,),
        )
        for event in wish.event_names
        for n in wish.lookbacks[1:2] or wish.lookbacks
    )


def _share_by_event(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_{column_safe(event)}_share_{n}d",
            family="usage.share_by_event",
            means=f"events of this name ÷ all events in the last {n} days",
            grain=Grain.MADE,
            measure=Ratio(f"usage_{column_safe(event)}_{n}d", f"usage_events_{n}d", 1.0),
            polarity=Polarity.NEITHER,
            unit=Unit.SHARE,
            when_low=f"'{{subject}}' is only {{value}} of what was done in the last {n} days; {{usual}} is usual.",
            when_high=f"'{{subject}}' is {{value}} of what was done in the last {n} days; {{usual}} is usual.",
            lookback=n,
            made_of=(f"usage_{column_safe(event)}_{n}d", f"usage_events_{n}d"),
            subject=event,
        )
        for event in wish.event_names
        for n in wish.lookbacks[1:2] or wish.lookbacks
    )


def _core(wish: Wish) -> tuple[Feature, ...]:
    if not wish.core_events:
        return ()
    return tuple(feature for n in wish.lookbacks for feature in (_core_count(n, wish), _core_share(n)))


def _core_count(n: int, wish: Wish) -> Feature:
    return Feature(
        name=f"usage_core_{n}d",
        family="usage.core",
        means=f"core events in the last {n} days",
        grain=Grain.STRETCH,
        measure=Sum("events", n),
        polarity=Polarity.HEALTHIER,
        unit=Unit.COUNT,
        when_low=f"Core functions used only {{value}} times in the last {n} days; {{usual}} is usual{{own}}.",
        when_high=f"Core functions used {{value}} times in the last {n} days; {{usual}} is usual{{own}}.",
        when_absent=f"No core function used in the last {n} days; {{usual}} times is usual{{own}}.",
        absent=0.0,
        lookback=n,
        only=wish.core_events,
        before=longest("usage_core", n, wish.lookbacks),
    )


def _core_share(n: int) -> Feature:
    return Feature(
        name=f"usage_core_share_{n}d",
        family="usage.core",
        means=f"core events ÷ all events in the last {n} days",
        grain=Grain.MADE,
        measure=Ratio(f"usage_core_{n}d", f"usage_events_{n}d", 1.0),
        polarity=Polarity.HEALTHIER,
        unit=Unit.SHARE,
        when_low=f"Core functions are only {{value}} of what was done in the last {n} days; {{usual}} is usual.",
        when_high=f"Core functions are {{value}} of what was done in the last {n} days; {{usual}} is usual.",
        when_absent=f"Of what was done in the last {n} days nothing was a core function; {{usual}} is usual.",
        lookback=n,
        made_of=(f"usage_core_{n}d", f"usage_events_{n}d"),
    )


def _core_trend(wish: Wish) -> tuple[Feature, ...]:
    return _trend("usage_core", "usage.core_trend", "core events")(wish) if wish.core_events else ()


def _recency(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="usage_days_since_last",
            family="usage.recency",
            means=f"days since the last event, at most {RECENCY_CAP}",
            grain=Grain.LIFE,
            measure=SinceLast(RECENCY_CAP),
            polarity=Polarity.RISKIER,
            unit=Unit.DAYS,
            when_low="Last seen {value} ago; {usual} is usual.",
            when_high="Not seen for {value}; {usual} is usual.",
            when_absent=f"Not seen in the last {RECENCY_CAP} days; {{usual}} is usual.",
            absent=float(RECENCY_CAP),
            lookback=RECENCY_CAP,
        ),
        Feature(
            name="usage_days_since_first",
            family="usage.recency",
            means="days since the first event ever known",
            grain=Grain.LIFE,
            measure=SinceFirst(),
            polarity=Polarity.NEITHER,
            unit=Unit.DAYS,
            when_low="First used only {value} ago.",
            when_high="In use for {value}.",
            actionable=False,
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
                measure=Ratio(f"{name}_{short}d", f"{name}_{long}d", long / short),
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
            measure=Ratio(f"usage_active_users_{short}d", f"usage_active_users_{long}d", 1.0),
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
            measure=Ratio(f"usage_active_users_{n}d", "subscription_seats", 1.0),
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
            measure=Ratio(f"usage_events_{n}d", f"usage_active_users_{n}d", 1.0),
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


# ---------------------------------------------------------------- trajectories


def _slope(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_slope_{n}d",
            family="usage.slope",
            means=f"rise or fall of use over the last {n} days along its straight line, as a share of its mean",
            grain=Grain.STRETCH,
            measure=Slope(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SHARE,
            when_low=f"Over the last {n} days use has fallen: {{value}} of its mean; {{usual}} is usual.",
            when_high=f"Over the last {n} days use has risen: {{value}} of its mean; {{usual}} is usual.",
            lookback=n,
        )
        for n in wish.lookbacks[1:] or wish.lookbacks
    )


def _acceleration(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_acceleration_{n}d",
            family="usage.acceleration",
            means=f"newest {n} days less twice the {n} before them plus the {n} before those, ÷ their mean",
            grain=Grain.STRETCH,
            measure=Acceleration(n),
            polarity=Polarity.NEITHER,
            unit=Unit.SHARE,
            when_low=f"Its use falls faster, or rises more slowly, than {n} days ago.",
            when_high=f"Its use rises faster, or falls more slowly, than {n} days ago.",
            lookback=3 * n,
        )
        for n in wish.lookbacks
        if 3 * n <= wish.lookbacks[-1]
    )


def _own_past(wish: Wish) -> tuple[Feature, ...]:
    weeks = wish.lookbacks[-1] // 7 - 1
    if weeks < 2:
        return ()
    return (
        Feature(
            name=f"usage_own_past_{weeks}w",
            family="usage.own_past",
            means=f"events of the newest week against its own {weeks} weeks before, in standard deviations",
            grain=Grain.DAY,
            measure=OwnPast(weeks),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SCORE,
            when_low=f"The last week was far below its own {weeks} weeks before.",
            when_high=f"The last week was far above its own {weeks} weeks before.",
            lookback=7 * (weeks + 1),
            absent=0.0,
        ),
    )


# ---------------------------------------------------------------- habits


def _streak(wish: Wish) -> tuple[Feature, ...]:
    n = wish.lookbacks[-1]
    return (
        Feature(
            name=f"usage_longest_streak_{n}d",
            family="usage.streak",
            means=f"most days in a row with usage, in the last {n} days",
            grain=Grain.DAY,
            measure=Streak(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"At most {{value}} days in a row with use, in the last {n} days; {{usual}} is usual.",
            when_high=f"Up to {{value}} days in a row with use, in the last {n} days; {{usual}} is usual.",
            absent=0.0,
            lookback=n,
        ),
        Feature(
            name=f"usage_current_streak_{n}d",
            family="usage.streak",
            means=f"days in a row with usage up to yesterday, at most {n}",
            grain=Grain.DAY,
            measure=Streak(n, current=True),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low="Days in a row with use, up to yesterday: {value}; {usual} is usual.",
            when_high="Days in a row with use, up to yesterday: {value}; {usual} is usual.",
            absent=0.0,
            lookback=n,
        ),
    )


def _gaps(wish: Wish) -> tuple[Feature, ...]:
    n = wish.lookbacks[-1]
    return (
        Feature(
            name=f"usage_gap_mean_{n}d",
            family="usage.gaps",
            means=f"mean days from one day with usage to the next, in the last {n} days",
            grain=Grain.DAY,
            measure=Gap(n, longest=False),
            polarity=Polarity.RISKIER,
            unit=Unit.DAYS,
            when_low="It comes back every {value}; {usual} is usual.",
            when_high="It comes back only every {value}; {usual} is usual.",
            lookback=n,
        ),
        Feature(
            name=f"usage_gap_longest_{n}d",
            family="usage.gaps",
            means=f"longest time from one day with usage to the next, in the last {n} days",
            grain=Grain.DAY,
            measure=Gap(n, longest=True),
            polarity=Polarity.RISKIER,
            unit=Unit.DAYS,
            when_low=f"Its longest pause in the last {n} days was {{value}}; {{usual}} is usual.",
            when_high=f"It paused for {{value}} in the last {n} days; {{usual}} is usual.",
            lookback=n,
        ),
    )


def _daily(wish: Wish) -> tuple[Feature, ...]:
    n = wish.lookbacks[-1]
    return tuple(
        Feature(
            name=f"usage_daily_p{round(share * 100)}_{n}d",
            family="usage.daily",
            means=f"{words} of the last {n} days' days with usage: its number of events",
            grain=Grain.DAY,
            measure=DailyQuantile(n, share),
            polarity=Polarity.HEALTHIER,
            unit=Unit.COUNT,
            when_low=f"Only {{value}} events on {words} with use; {{usual}} is usual.",
            when_high=f"{{value}} events on {words} with use; {{usual}} is usual.",
            absent=0.0,
            lookback=n,
        )
        for share, words in ((0.5, "the middle day"), (0.9, "a busy day (nine tenths of them had no more)"))
    )


def _rhythm(wish: Wish) -> tuple[Feature, ...]:
    n = wish.lookbacks[-1]
    return tuple(
        Feature(
            name=f"usage_{name}_share_{n}d",
            family="usage.rhythm",
            means=f"share of the last {n} days' events {words}",
            grain=Grain.STRETCH,
            measure=Share(f"{name}_events", n),
            polarity=Polarity.NEITHER,
            unit=Unit.SHARE,
            when_low=f"Only {{value}} of its use falls {words}; {{usual}} is usual.",
            when_high=f"{{value}} of its use falls {words}; {{usual}} is usual.",
            lookback=n,
            actionable=False,
        )
        for name, words in (
            ("weekend", "on Saturdays and Sundays"),
            ("office", f"on weekdays between {OFFICE_HOURS[0]} and {OFFICE_HOURS[1]} o'clock"),
        )
    )


def _mix(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_entropy_{n}d",
            family="usage.mix",
            means=f"how evenly the last {n} days' events are spread over event names (entropy in nats)",
            grain=Grain.NAME,
            measure=Entropy(n),
            polarity=Polarity.HEALTHIER,
            unit=Unit.SCORE,
            when_low=f"In the last {n} days it used little besides one function.",
            when_high=f"In the last {n} days its use was spread over many functions.",
            lookback=n,
        )
        for n in wish.lookbacks[-2:]
    )


def _key_users(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"usage_key_users_quiet_{short}d_{long}d",
            family="usage.key_users",
            means=f"of the {KEY_USERS} users most active {long} to {short} days ago, the share not seen since",
            grain=Grain.ACTIVITY,
            measure=KeyUsersQuiet(short, long, KEY_USERS),
            polarity=Polarity.RISKIER,
            unit=Unit.SHARE,
            when_low=f"Of its most active people, {{value}} have gone quiet for {short} days; {{usual}} is usual.",
            when_high=f"Of its most active people, {{value}} have gone quiet for {short} days; {{usual}} is usual.",
            lookback=long,
            needs_columns=(("usage_events", "user_id"),),
        )
        for short, long in wish.spans[-1:]
    )


def _against_segment(wish: Wish) -> tuple[Feature, ...]:
    if "segment" not in wish.static:
        return ()
    n = wish.lookbacks[min(1, len(wish.lookbacks) - 1)]
    return tuple(
        Feature(
            name=f"{name}_{n}d_in_segment",
            family="usage.against_segment",
            means=f"share of its segment's accounts in training whose {words} in {n} days were no more than its own",
            grain=Grain.PLACED,
            measure=placed,
            polarity=Polarity.HEALTHIER,
            unit=Unit.SHARE,
            when_low=f"Of its segment, only {{value}} of the accounts had no more {words} in {n} days.",
            when_high=f"Of its segment, {{value}} of the accounts had no more {words} in {n} days.",
            lookback=n,
            made_of=(f"{name}_{n}d", "account_segment"),
            placed=(f"{name}_{n}d", "account_segment"),
        )
        for name, words in (("usage_events", "events"), ("usage_active_days", "active days"))
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
    Family("usage.share_by_event", "usage_events", "what it is used for", _share_by_event),
    Family("usage.core", "usage_events", "what the product is bought for (`core_events` of project.yaml)", _core),
    Family("usage.core_trend", "usage_events", "whether that is fading", _core_trend),
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
    Family("usage.slope", "usage_events", "whether use rises or falls", _slope),
    Family("usage.acceleration", "usage_events", "whether that speeds up", _acceleration),
    Family("usage.own_past", "usage_events", "how the last week compares with its own past", _own_past),
    Family("usage.streak", "usage_events", "how many days in a row", _streak),
    Family("usage.gaps", "usage_events", "how long it stays away between visits", _gaps),
    Family("usage.daily", "usage_events", "how much happens on a day with use", _daily),
    Family("usage.rhythm", "usage_events", "when in the week it is used", _rhythm),
    Family("usage.mix", "usage_events", "how evenly its functions are used", _mix),
    Family("usage.key_users", "usage_events", "whether the most active people went quiet", _key_users),
    Family("usage.against_segment", "usage_events", "its place among its segment in training", _against_segment),
)
