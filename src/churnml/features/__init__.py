"""What we know about an account at a cutoff: each feature declared once.

A feature says its name, what it means, where it comes from, how far back it looks, what its absence
means, whether more of it is healthier or riskier, and the sentence a customer success manager reads.
The query, the monotone constraint, the health dimension's direction, the reason code and the
catalogue in ``docs/features.md`` all come from that one declaration.
"""

from __future__ import annotations

from churnml.errors import SpecError, UnknownNameError
from churnml.features import account, subscriptions, tickets, usage
from churnml.features.declare import Family as Family
from churnml.features.declare import Feature, Grain, Polarity, Unit, Wish
from churnml.tables import Facts

__all__ = [
    "FAMILIES",
    "Family",
    "Feature",
    "Grain",
    "Polarity",
    "Unit",
    "Wish",
    "check_family",
    "choose",
    "expand",
]

FAMILIES: dict[str, Family] = {
    family.name: family for family in (*usage.FAMILIES, *tickets.FAMILIES, *subscriptions.FAMILIES, *account.FAMILIES)
}


def check_family(pattern: str) -> None:
    """Raises UnknownNameError unless ``pattern`` is a family or ``<group>.*``."""
    groups = {name.split(".")[0] + ".*" for name in FAMILIES}
    if pattern not in FAMILIES and pattern not in groups:
        raise UnknownNameError("feature family", pattern, [*FAMILIES, *groups])


def expand(patterns: tuple[str, ...]) -> tuple[Family, ...]:
    """The families that ``patterns`` name, in catalogue order."""
    for pattern in patterns:
        check_family(pattern)
    return tuple(
        family for name, family in FAMILIES.items() if name in patterns or name.split(".")[0] + ".*" in patterns
    )


def choose(families: tuple[str, ...], exclude: tuple[str, ...], wish: Wish, facts: Facts) -> tuple[Feature, ...]:
    """The features of ``families`` that this project's data can answer, in catalogue order.

    Families whose table the project lacks, and features whose columns it does not give, are left
    out: a feature that is always empty teaches nothing.

    Args:
        families: family names or ``<group>.*``.
        exclude: the same, to leave out.
        wish: lookbacks, event names and static attributes to expand them over.
        facts: the project's tables.
    """
    left_out = {family.name for family in expand(exclude)}
    chosen = [
        feature
        for family in expand(families)
        if family.name not in left_out and facts.has(family.source)
        for feature in family.features(wish)
        if all(column in facts.given.get(source, ()) for source, column in feature.needs_columns)
    ]
    available = {feature.name for feature in chosen}
    # a feature made of others needs them all
    chosen = [feature for feature in chosen if set(feature.made_of) <= available]
    if not chosen:
        raise SpecError(
            "None of the declared feature families can be built from this project's tables.",
            where="features: families",
            remedy="Give the project usage_events, subscriptions or support_tickets, or name other families.",
        )
    return tuple(chosen)
