"""Families that say nearly the same of an account, so that one reason speaks for all of them.

Which of two such families the trees split on is an accident of the seed and of a few accounts: their
contributions rise and fall against each other while the sum stays (docs/reasons.md measures it). A family
that stands in no theme is one by itself, and so is a project's own.
"""

from __future__ import annotations

from collections.abc import Mapping

THEMES: Mapping[str, tuple[str, ...]] = {
    "how much it is used, and for what": (
        "usage.events",
        "usage.active_days",
        "usage.quantity",
        "usage.by_event",
        "usage.share_by_event",
        "usage.core",
        "usage.breadth",
        "usage.mix",
        "usage.recency",
        "usage.depth",
        "usage.streak",
        "usage.gaps",
        "usage.daily",
        "usage.against_segment",
        "usage.level",
        "usage.core_level",
        "calendar.use",
    ),
    "whether use is fading": (
        "usage.trend",
        "usage.days_trend",
        "usage.core_trend",
        "usage.slope",
        "usage.acceleration",
        "usage.own_past",
        "usage.level_change",
    ),
    "by how many people": (
        "usage.active_users",
        "usage.users_trend",
        "usage.seat_utilisation",
        "usage.key_users",
        "usage.users_level",
    ),
    "how much support it needs": (
        "tickets.opened",
        "tickets.trend",
        "tickets.backlog",
        "tickets.priority",
        "tickets.reopened",
        "tickets.escalated",
    ),
    "how fast support is": ("tickets.response", "tickets.resolution"),
    "how support feels": ("tickets.csat", "tickets.tone"),
    "how long a customer": ("subscriptions.tenure", "subscriptions.returned", "account.age"),
    "how large a customer": ("subscriptions.mrr", "subscriptions.seats"),
    "the time of year": ("calendar.season", "calendar.fiscal_year"),
    "its terms": ("subscriptions.plan", "subscriptions.renewal"),
}

# Families that say what no other says, so that nobody forgets to think of it when one is added.
ALONE = ("usage.rhythm", "subscriptions.changes", "account.attributes", "calendar.working_days")

_OF: Mapping[str, str] = {family: theme for theme, families in THEMES.items() for family in families}


def theme_of(family: str) -> str:
    """The theme a family shares its reason with; by itself, the family's own name."""
    return _OF.get(family, family)
