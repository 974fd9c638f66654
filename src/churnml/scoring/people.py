"""Which features speak of people, and which accounts have one person only: of those nothing is said about people."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration
from churnml.features import Grain

# Families of ours; a project's own, and models of before features named their grain, are told by it.
FAMILIES_OF_PEOPLE = (
    "usage.active_users",
    "usage.users_trend",
    "usage.seat_utilisation",
    "usage.key_users",
    "usage.depth",
    "usage.users_level",
)
SEATS = "subscription_seats"
_GRAINS = (Grain.USER.value, Grain.ACTIVITY.value, Grain.WEEK_USERS.value)
_SEEN = re.compile(r"usage_active_users_(\d+)d")
_LEVEL = re.compile(r"usage_users_level_\d+d")


def about_people(feature: FeatureDeclaration) -> bool:
    """Whether it counts or compares the people of an account."""
    if feature.family in FAMILIES_OF_PEOPLE or feature.grain in _GRAINS:
        return True
    return any(_SEEN.fullmatch(name) or _LEVEL.fullmatch(name) for name in feature.made_of)


def of_one_person(frame: pd.DataFrame) -> np.ndarray:
    """Which rows are accounts of one person, shape (rows,).

    At most one seat is paid for and at most one person was seen in the longest lookback, as far as either is known;
    where neither is, nobody says so.
    """
    alone, known = np.ones(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    seen = {int(match[1]): str(name) for name in frame.columns if (match := _SEEN.fullmatch(str(name)))}
    for column in (SEATS, seen.get(max(seen, default=0), "")):
        if column in frame.columns:
            many = frame[column].to_numpy(dtype="float64", na_value=np.nan)
            known |= ~np.isnan(many)
            alone &= ~(many > 1)
    return alone & known
