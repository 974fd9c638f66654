"""What we know about an account at a cutoff: each feature declared once.

A feature says its name, what it means, where it comes from, how far back it looks, what its absence
means, whether more of it is healthier or riskier, and the sentence a customer success manager reads.
The query, the monotone constraint, the health dimension's direction, the reason code and the
catalogue in ``docs/features.md`` all come from that one declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from churnml.errors import SpecError, UnknownNameError
from churnml.features import account, calendar, subscriptions, tickets, usage, usage_levels
from churnml.features.declare import Family as Family
from churnml.features.declare import Feature, Grain, Polarity, Unit, Wish
from churnml.features.evened import even_out as even_out
from churnml.features.themes import theme_of
from churnml.tables import Facts

__all__ = [
    "FAMILIES",
    "RECENCY",
    "Catalogue",
    "Family",
    "Feature",
    "Grain",
    "Polarity",
    "Unit",
    "Wish",
    "check_family",
    "choose",
    "even_out",
    "expand",
    "theme_of",
    "wanted_parts",
    "words_for",
]

# How long ago an account was last active: the rival every model is held against.
RECENCY = "usage_days_since_last"

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *map(even_out, usage.FAMILIES),
        *usage_levels.FAMILIES,
        *tickets.FAMILIES,
        *subscriptions.FAMILIES,
        *account.FAMILIES,
        *calendar.FAMILIES,
    )
}


Catalogue: TypeAlias = Mapping[str, Family]


def check_family(pattern: str, catalogue: Catalogue = FAMILIES) -> None:
    """Raises UnknownNameError unless ``pattern`` is a family or ``<group>.*``."""
    groups = {name.split(".")[0] + ".*" for name in catalogue}
    if pattern not in catalogue and pattern not in groups:
        raise UnknownNameError("feature family", pattern, [*catalogue, *groups])


def expand(
    patterns: tuple[str, ...], catalogue: Catalogue = FAMILIES, exclude: tuple[str, ...] = ()
) -> tuple[Family, ...]:
    """The families that ``patterns`` name and ``exclude`` does not, in catalogue order."""
    for pattern in (*patterns, *exclude):
        check_family(pattern, catalogue)

    def named(family: str, by: tuple[str, ...]) -> bool:
        return family in by or family.split(".")[0] + ".*" in by

    return tuple(f for name, f in catalogue.items() if named(name, patterns) and not named(name, exclude))


def words_for(family: str) -> str:
    """What a family is about, in words; of a project's own family, its name."""
    return FAMILIES[family].means if family in FAMILIES else family.split(".")[-1].replace("_", " ")


def wanted_parts(
    families: tuple[str, ...], exclude: tuple[str, ...], wish: Wish, catalogue: Catalogue = FAMILIES
) -> frozenset[str]:
    """What the features of ``families`` ask of the usage roll-ups (:data:`churnml.rollups.PARTS`)."""
    asked = expand(families, catalogue, exclude)
    return frozenset(part for family in asked for feature in family.features(wish) for part in feature.parts)


def choose(
    families: tuple[str, ...], exclude: tuple[str, ...], wish: Wish, facts: Facts, catalogue: Catalogue = FAMILIES
) -> tuple[Feature, ...]:
    """The features of ``families`` that this project's data can answer, in catalogue order.

    Families whose table the project lacks, and features whose columns it does not give, are left
    out: a feature that is always empty teaches nothing.

    Args:
        families: family names or ``<group>.*``.
        exclude: the same, to leave out.
        wish: lookbacks, event names and static attributes to expand them over.
        facts: the project's tables.
        catalogue: the families there are: ours and the project's own.

    Raises:
        SpecError: nothing can be built, or a family that is named is made of one that is not.
    """
    asked = expand(families, catalogue, exclude)
    chosen = [
        feature
        for family in asked
        if facts.has(family.source)
        for feature in family.features(wish)
        if all(column in facts.given.get(source, ()) for source, column in feature.needs_columns)
    ]
    while True:  # a feature made of others needs them all
        available = {feature.name for feature in chosen}
        complete = [feature for feature in chosen if set(feature.made_of) <= available]
        if len(complete) == len(chosen):
            break
        chosen = complete
    built = {feature.family for feature in chosen}
    named = (family for family in asked if family.name in families and family.name not in built)
    _check_parts([family for family in named if facts.has(family.source)], asked, wish, catalogue)
    if not chosen:
        raise SpecError(
            "None of the declared feature families can be built from this project's tables.",
            where="features: families",
            remedy="Give the project usage_events, subscriptions or support_tickets, or name other families.",
        )
    return tuple(chosen)


def _check_parts(nothing: Sequence[Family], asked: Sequence[Family], wish: Wish, catalogue: Catalogue) -> None:
    """Raises SpecError for a family that gives nothing since nobody asked for the families it is made of."""
    for family in nothing:
        parts = {part for feature in family.features(wish) for part in feature.made_of}
        others = [other for other in catalogue.values() if other not in asked]
        owners = [other.name for other in others if parts & {feature.name for feature in other.features(wish)}]
        if owners:
            raise SpecError(
                f"The feature family '{family.name}' is made of others that are not asked for.",
                where="features: families",
                remedy=f"Name {', '.join(owners)} too, or leave {family.name} out.",
            )
