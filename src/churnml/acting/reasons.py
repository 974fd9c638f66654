"""Why a score is what it is, in sentences a customer success manager can use, with the numbers in them.

Contributions are exact TreeSHAP values in log-odds (Lundberg, Erion and Lee, 2018), summed by feature
family, because a manager acts on "active days" and not on its three lookbacks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.features import Polarity, Unit

# A family that moves the log-odds by less says nothing: 0.1 turns 10 % into 10.9 %.
LEAST_CONTRIBUTION = 0.1
REASONS_SHOWN = 3
# On the reference scale, a health input at or under this is a reason of its own.
POOR = 25.0


@dataclass(frozen=True)
class Reason:
    """One reason.

    Args:
        code: the feature family.
        feature: the feature the sentence speaks of.
        sentence: what a person reads. Holds the user's own data: escape it where it is shown.
        weight: log-odds it adds, or points of health it costs.
    """

    code: str
    feature: str
    sentence: str
    weight: float


def written(value: Any, unit: str, currency: str = "") -> str:
    """A value as a person writes it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "unknown"
    if unit == Unit.NAME:
        return str(value)
    if unit == Unit.SHARE:
        return f"{value * 100:.0f} %"
    if unit == Unit.RATIO:
        return change(value)
    if unit == Unit.MONEY:
        return f"{value:,.0f} {currency}".strip()
    if unit == Unit.HOURS:
        return f"{_short(value)} {'hour' if _short(value) == '1' else 'hours'}"
    if unit == Unit.DAYS:
        return f"{value:,.0f} {'day' if round(value) == 1 else 'days'}"
    return _short(value)


def change(ratio: float) -> str:
    """0.6 as "down 40 %", 1.25 as "up 25 %"."""
    if math.isnan(ratio):
        return "unknown"
    share = round((ratio - 1) * 100)
    if ratio == 0:
        return "none left"
    if share == 0:
        return "level"
    return f"down {-share} %" if share < 0 else f"up {share:,} %"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"


def sentence(feature: Mapping[str, Any], value: Any, usual: Any, currency: str = "") -> str:
    """The feature's own sentence with the account's number and the usual one in it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return f"Not known: {feature['means']}."
    low = feature["unit"] != Unit.NAME and usual is not None and value < usual
    template = feature["when_low"] if low else feature["when_high"]
    if feature["when_absent"] and value == feature["absent"]:
        template = feature["when_absent"]
    text = template.format(
        value=written(value, feature["unit"], currency),
        usual=written(usual, feature["unit"], currency),
        change=written(value, Unit.RATIO) if feature["unit"] == Unit.RATIO else "",
        subject=feature["subject"],
    )
    return str(text[:1].upper() + text[1:])


def model_reasons(
    frame: pd.DataFrame,
    features: Sequence[Mapping[str, Any]],
    contributions: np.ndarray,
    usual: Mapping[str, float],
    *,
    towards_risk: bool,
    currency: str = "",
) -> list[tuple[Reason, ...]]:
    """The strongest reasons that push each account the way the message goes; none where nothing stands out.

    Args:
        frame: features, one row an account.
        features: their declarations, in the order of the contributions' columns.
        contributions: log-odds, shape (rows, features).
        usual: feature → its median in training.
        towards_risk: for churn, a feature with a declared polarity is a reason only on its bad side.
        currency: shown behind money.
    """
    families = list(dict.fromkeys(feature["family"] for feature in features))
    member = np.array([[feature["family"] == family for family in families] for feature in features], dtype="float64")
    by_family = contributions @ member
    # what somebody can act on comes first, whatever its weight; what an account simply is comes last
    passive = np.array([not any(f["actionable"] for f in features if f["family"] == family) for family in families])
    order = np.lexsort((-by_family, np.broadcast_to(passive, by_family.shape)), axis=1)
    columns = [frame[feature["name"]].to_numpy(dtype=object) for feature in features]
    of_family = {family: np.flatnonzero(member[:, i]) for i, family in enumerate(families)}
    found = []
    for row in range(len(frame)):
        reasons: list[Reason] = []
        for place in order[row]:
            weight = float(by_family[row, place])
            if len(reasons) == REASONS_SHOWN:
                break
            if weight < LEAST_CONTRIBUTION:
                continue
            inside = of_family[families[place]]
            for i in inside[np.argsort(-contributions[row, inside], kind="stable")]:
                value = columns[i][row]
                if contributions[row, i] <= 0:
                    break
                if not towards_risk or _is_bad_side(features[i], value, usual.get(features[i]["name"])):
                    text = sentence(features[i], value, usual.get(features[i]["name"]), currency)
                    reasons.append(Reason(families[place], features[i]["name"], text, round(weight, 6)))
                    break
        found.append(tuple(reasons))
    return found


def _is_bad_side(feature: Mapping[str, Any], value: Any, usual: float | None) -> bool:
    if feature["polarity"] == Polarity.NEITHER:
        return True
    if value is None or usual is None or math.isnan(value):
        return False
    return bool(value < usual if feature["polarity"] == Polarity.HEALTHIER else value > usual)
