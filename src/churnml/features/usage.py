"""What the product's own log says: how much, how often, by how many, of what, and whether it is fading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from churnml.features.declare import Family, Feature, Grain, Polarity, Unit, Wish
from churnml.features.measured import RECENCY_CAP, USAGE, USER, MeasuredFeatures, column_safe, ratio, trend
from churnml.features.measures import DailyQuantile, KeyUsersQuiet
from churnml.features.ratios import PeriodRatio, Ratio, placed
from churnml.rollups import OFFICE_HOURS

KEY_USERS = 3

Features = Callable[[Wish], tuple[Feature, ...]]
Lookbacks = Callable[[tuple[int, ...]], tuple[int, ...]]

# ---------------------------------------------------------------- how much, how often, by how many

EVENTS = MeasuredFeatures(
    USAGE["count"],
    "usage.events",
    "usage_events_{days}d",
    means="events in the last {days} days",
    when_low="Only {value:event|events} in the last {days} days; {usual} is usual{own}.",
    when_high="{value:event|events} in the last {days} days; {usual} is usual{own}.",
    when_absent="Not used at all in the last {days} days; {usual:event is|events are} usual{own}.",
)
ACTIVE_DAYS = MeasuredFeatures(
    USAGE["active_days"],
    "usage.active_days",
    "usage_active_days_{days}d",
    means="days with at least one event in the last {days} days",
    when_low="Active on only {value} of the last {days} days; {usual} is usual{own}.",
    when_high="Active on {value} of the last {days} days; {usual} is usual{own}.",
    when_absent="Not active on any of the last {days} days; {usual} is usual{own}.",
)
ACTIVE_USERS = MeasuredFeatures(
    USAGE["users"],
    "usage.active_users",
    "usage_active_users_{days}d",
    means="different users seen in the last {days} days",
    when_low="People who used it in the last {days} days: only {value}; {usual} is usual.",
    when_high="People who used it in the last {days} days: {value}; {usual} is usual.",
    when_absent="Nobody used it in the last {days} days; {usual:person is|people are} usual.",
)
BREADTH = MeasuredFeatures(
    USAGE["event_names"],
    "usage.breadth",
    "usage_distinct_events_{days}d",
    means="different event names seen in the last {days} days",
    when_low="Used only {value:kind|kinds} of function in the last {days} days; {usual} is usual.",
    when_high="Used {value:kind|kinds} of function in the last {days} days; {usual} is usual.",
    when_absent="Used none of its functions in the last {days} days; {usual} is usual.",
)
QUANTITY = MeasuredFeatures(
    USAGE["sum"],
    "usage.quantity",
    "usage_quantity_{days}d",
    means="sum of the events' quantities in the last {days} days",
    when_low="Volume in the last {days} days: only {value}; {usual} is usual{own}.",
    when_high="Volume in the last {days} days: {value}; {usual} is usual{own}.",
    when_absent="No volume at all in the last {days} days; {usual} is usual{own}.",
)
BY_EVENT = MeasuredFeatures(
    # what was usual of one function for the account itself is not told
    replace(USAGE["count"], adds_up=False),
    "usage.by_event",
    "usage_{event}_{days}d",
    means="events of this name in the last {days} days",
    when_low="'{subject}' in the last {days} days: only {value}; {usual} is usual.",
    when_high="'{subject}' in the last {days} days: {value}; {usual} is usual.",
    when_absent="'{subject}' not once in the last {days} days; {usual} is usual.",
)
CORE = MeasuredFeatures(
    USAGE["count"],
    "usage.core",
    "usage_core_{days}d",
    means="core events in the last {days} days",
    when_low="Core functions used only {value:time|times} in the last {days} days; {usual} is usual{own}.",
    when_high="Core functions used {value:time|times} in the last {days} days; {usual} is usual{own}.",
    when_absent="No core function used in the last {days} days; {usual:time is|times are} usual{own}.",
)
SINCE_LAST = MeasuredFeatures(
    USAGE["days_since_last"],
    "usage.recency",
    "usage_days_since_last",
    means=f"days since the last event, at most {RECENCY_CAP}",
    when_low="Last seen {value} ago; {usual} is usual.",
    when_high="Not seen for {value}; {usual} is usual.",
    when_absent=f"Not seen in the last {RECENCY_CAP} days; {{usual}} is usual.",
    polarity=Polarity.RISKIER,
)
SINCE_FIRST = MeasuredFeatures(
    USAGE["days_since_first"],
    "usage.recency",
    "usage_days_since_first",
    means="days since the first event ever known",
    when_low="First used only {value} ago.",
    when_high="In use for {value}.",
    polarity=Polarity.NEITHER,
    actionable=False,
    only_low=True,
)

# ---------------------------------------------------------------- trajectories

SLOPE = MeasuredFeatures(
    USAGE["slope"],
    "usage.slope",
    "usage_slope_{days}d",
    means="rise or fall of use over the last {days} days along its straight line, as a share of its mean",
    when_low="Use over the last {days} days: {value:course}; {usual:course} is usual.",
)
ACCELERATION = MeasuredFeatures(
    USAGE["acceleration"],
    "usage.acceleration",
    "usage_acceleration_{days}d",
    means="newest {days} days less twice the {days} before them plus the {days} before those, ÷ their mean",
    when_low="Its use falls faster, or rises more slowly, than {days} days ago.",
    when_high="Its use rises faster, or falls more slowly, than {days} days ago.",
    polarity=Polarity.NEITHER,
)
OWN_PAST = MeasuredFeatures(
    USAGE["own_past"],
    "usage.own_past",
    "usage_own_past_{weeks}w",
    means="events of the newest week against its own {weeks} weeks before, in standard deviations",
    when_low="The last week was far below its own {weeks} weeks before.",
    when_high="The last week was far above its own {weeks} weeks before.",
)

# ---------------------------------------------------------------- habits

LONGEST_STREAK = MeasuredFeatures(
    USAGE["streak"],
    "usage.streak",
    "usage_longest_streak_{days}d",
    means="most days in a row with usage, in the last {days} days",
    when_low="At most {value:day|days} in a row with use, in the last {days} days; {usual} is usual.",
    when_high="Up to {value:day|days} in a row with use, in the last {days} days; {usual} is usual.",
)
CURRENT_STREAK = MeasuredFeatures(
    USAGE["current_streak"],
    "usage.streak",
    "usage_current_streak_{days}d",
    means="days in a row with usage up to yesterday, at most {days}",
    when_low="Days in a row with use, up to yesterday: {value}; {usual} is usual.",
)
MEAN_GAP = MeasuredFeatures(
    USAGE["gap_mean"],
    "usage.gaps",
    "usage_gap_mean_{days}d",
    means="mean days from one day with usage to the next, in the last {days} days",
    when_low="It comes back every {value}; {usual} is usual.",
    when_high="It comes back only every {value}; {usual} is usual.",
    polarity=Polarity.RISKIER,
)
LONGEST_GAP = MeasuredFeatures(
    USAGE["gap_longest"],
    "usage.gaps",
    "usage_gap_longest_{days}d",
    means="longest time from one day with usage to the next, in the last {days} days",
    when_low="Its longest pause in the last {days} days was {value}; {usual} is usual.",
    when_high="It paused for {value} in the last {days} days; {usual} is usual.",
    polarity=Polarity.RISKIER,
)
DAILY = tuple(
    MeasuredFeatures(
        replace(USAGE["quantile"], of=partial(DailyQuantile, share=share)),
        "usage.daily",
        f"usage_daily_p{round(share * 100)}_{{days}}d",
        means=f"{words} of the last {{days}} days' days with usage: its number of events",
        when_low=f"Only {{value:event|events}} on {words} with use; {{usual}} is usual.",
        when_high=f"{{value:event|events}} on {words} with use; {{usual}} is usual.",
    )
    for share, words in ((0.5, "the middle day"), (0.9, "a busy day (nine tenths of them had no more)"))
)
RHYTHM = tuple(
    MeasuredFeatures(
        USAGE[f"{name}_share"],
        "usage.rhythm",
        f"usage_{name}_share_{{days}}d",
        means=f"share of the last {{days}} days' events {words}",
        when_low=f"Only {{value}} of its use falls {words}; {{usual}} is usual.",
        when_high=f"{{value}} of its use falls {words}; {{usual}} is usual.",
        polarity=Polarity.NEITHER,
        actionable=False,
    )
    for name, words in (
        ("weekend", "on Saturdays and Sundays"),
        ("office", f"on weekdays between {OFFICE_HOURS[0]} and {OFFICE_HOURS[1]} o'clock"),
    )
)
MIX = MeasuredFeatures(
    USAGE["entropy"],
    "usage.mix",
    "usage_entropy_{days}d",
    means="how evenly the last {days} days' events are spread over event names (entropy in nats)",
    when_low="In the last {days} days it used little besides one function.",
    when_high="In the last {days} days its use was spread over many functions.",
)


def _each(*several: MeasuredFeatures, of: Lookbacks = lambda all_of_them: all_of_them) -> Features:
    """A feature a lookback, or for the lookbacks that ``of`` picks."""
    return lambda wish: tuple(f for measured in several for f in measured.features(of(wish.lookbacks)))


def _longest(lookbacks: tuple[int, ...]) -> tuple[int, ...]:
    return lookbacks[-1:]


def _three_weeks(lookbacks: tuple[int, ...]) -> tuple[int, ...]:
    """The longest lookback where it holds the newest week and two before it."""
    return tuple(days for days in lookbacks[-1:] if days >= 21)


def _middle(lookbacks: tuple[int, ...]) -> tuple[int, ...]:
    """The second lookback, in which single functions are looked at; all where there is but one."""
    return lookbacks[1:2] or lookbacks


def _by_event(wish: Wish) -> tuple[Feature, ...]:
    named = (
        replace(BY_EVENT, subject=event, only=(event,), words={"event": column_safe(event)})
        for event in wish.event_names
    )
    return _each(*named, of=_middle)(wish)


def _share_by_event(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        ratio(
            f"usage_{column_safe(event)}_share_{n}d",
            family="usage.share_by_event",
            means=f"events of this name ÷ all events in the last {n} days",
            measure=Ratio(f"usage_{column_safe(event)}_{n}d", f"usage_events_{n}d"),
            when_low=f"'{{subject}}' was {{value}} of activity in the last {n} days; {{usual}} is usual.",
            when_absent=f"'{{subject}}' was not used in the last {n} days; {{usual}} of activity is usual.",
            lookback=n,
            polarity=Polarity.NEITHER,
            subject=event,
        )
        for event in wish.event_names
        for n in _middle(wish.lookbacks)
    )


def _core(wish: Wish) -> tuple[Feature, ...]:
    if not wish.core_events:
        return ()
    core = replace(CORE, only=wish.core_events)
    return tuple(
        f for n in wish.lookbacks for f in (core.feature(n, wish.lookbacks[-1]), _core_share(n, wish.lookbacks[-1]))
    )


def _core_share(n: int, longest: int) -> Feature:
    return ratio(
        f"usage_core_share_{n}d",
        family="usage.core",
        means=f"core events ÷ all events in the last {n} days",
        measure=Ratio(f"usage_core_{n}d", f"usage_events_{n}d"),
        when_low=f"Core functions were {{value}} of activity in the last {n} days; {{usual}} is usual{{own}}.",
        when_absent=f"No core function was used in the last {n} days; {{usual}} of activity is usual{{own}}.",
        lookback=n,
        before=(f"usage_core_{longest}d", longest) if longest > n else None,
        before_over=f"usage_events_{longest}d" if longest > n else "",
    )


def _core_trend(wish: Wish) -> tuple[Feature, ...]:
    return _trend("usage_core", "usage.core_trend", "core events")(wish) if wish.core_events else ()


def _recency(wish: Wish) -> tuple[Feature, ...]:
    last, first = _each(SINCE_LAST, SINCE_FIRST, of=_longest)(wish)
    return last, replace(first, lookback=None)


def _trend(stem: str, family: str, subject: str) -> Features:
    return lambda wish: tuple(trend(stem, family, subject, short, long) for short, long in wish.spans)


def _users_trend(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        ratio(
            f"usage_users_kept_{short}d_{long}d",
            family="usage.users_trend",
            means=f"users seen in the last {short} days ÷ users seen in the last {long} days",
            measure=PeriodRatio(f"usage_active_users_{short}d", f"usage_active_users_{long}d", lived=long),
            when_low=f"Only {{value}} of the people seen in {long} days came in the last {short}; {{usual}} is usual.",
            when_high=f"{{value}} of the people seen in {long} days came in the last {short}; {{usual}} is usual.",
            lookback=long,
            needs_columns=USER,
        )
        for short, long in wish.spans
    )


def _seat_utilisation(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        ratio(
            f"usage_seat_utilisation_{n}d",
            family="usage.seat_utilisation",
            means=f"users seen in the last {n} days ÷ seats paid for",
            measure=Ratio(f"usage_active_users_{n}d", "subscription_seats"),
            when_low=f"Only {{value}} of the seats were used in the last {n} days; {{usual}} is usual.",
            when_high=f"{{value}} of the seats were used in the last {n} days; {{usual}} is usual.",
            lookback=n,
            needs_columns=(*USER, ("subscriptions", "seats")),
        )
        for n in wish.lookbacks
    )


def _events_per_user(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        ratio(
            f"usage_events_per_user_{n}d",
            family="usage.depth",
            means=f"events ÷ users seen in the last {n} days",
            measure=Ratio(f"usage_events_{n}d", f"usage_active_users_{n}d"),
            when_low=f"Only {{value:event|events}} a person in the last {n} days; {{usual}} is usual.",
            when_high=f"{{value:event|events}} a person in the last {n} days; {{usual}} is usual.",
            lookback=n,
            unit=Unit.COUNT,
            needs_columns=USER,
        )
        for n in wish.lookbacks
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
            lookback=long,
            needs_columns=USER,
        )
        for short, long in wish.spans[-1:]
    )


def _against_segment(wish: Wish) -> tuple[Feature, ...]:
    if "segment" not in wish.static:
        return ()
    n = _middle(wish.lookbacks)[0]
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


def _of_usage(name: str, means: str, features: Features) -> Family:
    return Family(name, "usage_events", means, features)


FAMILIES = (
    _of_usage("usage.events", "how much the product is used", _each(EVENTS)),
    _of_usage("usage.active_days", "on how many days", _each(ACTIVE_DAYS)),
    _of_usage("usage.active_users", "by how many people", _each(ACTIVE_USERS)),
    _of_usage("usage.breadth", "how many of its functions", _each(BREADTH)),
    _of_usage("usage.quantity", "how large the volumes", _each(QUANTITY)),
    _of_usage("usage.by_event", "single functions, the most frequent ones", _by_event),
    _of_usage("usage.share_by_event", "what it is used for", _share_by_event),
    _of_usage("usage.core", "what the product is bought for", _core),
    _of_usage("usage.core_trend", "whether that is fading", _core_trend),
    _of_usage("usage.recency", "how long since anybody was seen", _recency),
    _of_usage("usage.trend", "whether use is fading", _trend("usage_events", "usage.trend", "events")),
    _of_usage(
        "usage.days_trend",
        "whether active days are fading",
        _trend("usage_active_days", "usage.days_trend", "active days"),
    ),
    _of_usage("usage.users_trend", "whether people stop coming", _users_trend),
    _of_usage("usage.seat_utilisation", "how many of the seats paid for are used", _seat_utilisation),
    _of_usage("usage.depth", "how much each person does", _events_per_user),
    _of_usage("usage.slope", "whether use rises or falls", _each(SLOPE, of=lambda n: n[1:] or n)),
    _of_usage(
        "usage.acceleration",
        "whether that speeds up",
        _each(ACCELERATION, of=lambda n: tuple(x for x in n if 3 * x <= n[-1])),
    ),
    _of_usage("usage.own_past", "how the last week compares with its own past", _each(OWN_PAST, of=_three_weeks)),
    _of_usage("usage.streak", "how many days in a row", _each(LONGEST_STREAK, CURRENT_STREAK, of=_longest)),
    _of_usage("usage.gaps", "how long it stays away between visits", _each(MEAN_GAP, LONGEST_GAP, of=_longest)),
    _of_usage("usage.daily", "how much happens on a day with use", _each(*DAILY, of=_longest)),
    _of_usage("usage.rhythm", "when in the week it is used", _each(*RHYTHM, of=_longest)),
    _of_usage("usage.mix", "how evenly its functions are used", _each(MIX, of=lambda n: n[-2:])),
    _of_usage("usage.key_users", "whether the most active people went quiet", _key_users),
    _of_usage("usage.against_segment", "its place among its segment in training", _against_segment),
)
