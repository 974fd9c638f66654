"""Why a score is what it is, in sentences a customer success manager can use, with the numbers in them.

Contributions are exact TreeSHAP values in log-odds (Lundberg, Erion and Lee, 2018), summed by feature
family, because a manager acts on "active days" and not on its three lookbacks. Families of one theme say
nearly the same of an account, and which of them the trees took is an accident of the seed: they compete for
one reason, whose weight is their sum. See docs/reasons.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration
from churnml.features import Polarity, Unit, theme_of
from churnml.ledger import Reason

# A theme that moves the log-odds by less does not stand out: 0.25 turns 10 % into 12.5 %. It is also several
# times what another seed changes (docs/reasons.md).
LEAST_CONTRIBUTION = 0.25
REASONS_SHOWN = 3
# Since when an account could have had a past: the first of these that is known.
KNOWN_FOR = ("subscription_tenure_days", "account_age_days")
# On the reference scale, a health input at or under this is a reason of its own.
POOR = 25.0


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


def sentence(feature: FeatureDeclaration, value: Any, usual: Any, currency: str = "", own: float | None = None) -> str:
    """The feature's own sentence with the account's number, the usual one and, where given, its ``own`` usual."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return f"Not known: {feature.means}."
    low = feature.unit != Unit.NAME and usual is not None and value < usual
    template = feature.when_low if low else feature.when_high
    nothing = 0.0 if feature.absent is None else feature.absent
    if feature.when_absent and value == nothing:
        template = feature.when_absent
    text = template.format(
        value=written(value, feature.unit, currency),
        usual=written(usual, feature.unit, currency),
        own="" if own is None else f", {written(own, feature.unit, currency)} for this account",
        change=written(value, Unit.RATIO) if feature.unit == Unit.RATIO else "",
        subject=feature.subject,
    )
    return str(text[:1].upper() + text[1:])


def own_usual(feature: FeatureDeclaration, frame: pd.DataFrame) -> np.ndarray:
    """What was usual of each account itself, shape (rows,): its days before this lookback, at their daily rate.

    Missing where the feature does not add up over days, where ``frame`` lacks the longer lookback, and where the
    account was not there for all of it.
    """
    nothing = np.full(len(frame), np.nan)
    since = next((name for name in KNOWN_FOR if name in frame.columns), None)
    before, lookback = feature.before, feature.lookback
    if not before or not lookback or since is None or before[0] not in frame.columns:
        return nothing
    longer, days = frame[before[0]].to_numpy(dtype="float64"), before[1]
    rest = longer - frame[feature.name].to_numpy(dtype="float64")
    return np.where(frame[since].to_numpy(dtype="float64") >= days, rest / (days - lookback) * lookback, np.nan)


@dataclass(frozen=True)
class Picked:
    """Reasons to be told: parallel arrays, by row and then by place.

    Args:
        row: the row of the frame.
        feature: place of the feature that speaks in the list of features.
        weight: see :class:`Reason`.
    """

    row: np.ndarray
    feature: np.ndarray
    weight: np.ndarray


def pick(weights: np.ndarray, speakers: np.ndarray, passive: np.ndarray, eligible: np.ndarray) -> Picked:
    """The first :data:`REASONS_SHOWN` eligible themes of every row, heaviest first; what is passive comes last.

    Args:
        weights: of each theme, shape (rows, themes).
        speakers: the feature that speaks for it, the same shape.
        passive: whether that is something nobody can act on.
        eligible: whether it is a reason at all.
    """
    # equal weights: the theme that is declared first
    order = np.lexsort((-weights, passive, ~eligible), axis=1)[:, :REASONS_SHOWN]
    row, place = np.nonzero(np.take_along_axis(eligible, order, axis=1))
    theme = order[row, place]
    return Picked(row, speakers[row, theme], weights[row, theme])


def tell(
    picked: Picked,
    frame: pd.DataFrame,
    features: Sequence[FeatureDeclaration],
    usual: Mapping[str, float],
    currency: str = "",
) -> list[tuple[Reason, ...]]:
    """The picked reasons of every row of ``frame``, in words."""
    told: list[list[Reason]] = [[] for _ in range(len(frame))]
    columns: dict[int, tuple[list[Any], list[float]]] = {}
    for i in np.unique(picked.feature):
        mine = frame.iloc[picked.row[picked.feature == i]]
        columns[int(i)] = (mine[features[i].name].tolist(), own_usual(features[i], mine).tolist())
    taken = dict.fromkeys(columns, 0)
    for row, i, weight in zip(picked.row.tolist(), picked.feature.tolist(), picked.weight.tolist(), strict=True):
        feature, at = features[i], taken[i]
        taken[i] += 1
        value, own = columns[i][0][at], columns[i][1][at]
        text = sentence(feature, value, usual.get(feature.name), currency, None if math.isnan(own) else own)
        told[row].append(Reason(feature.family, feature.name, text, round(weight, 6)))
    return [tuple(reasons) for reasons in told]


def model_reasons(
    frame: pd.DataFrame,
    features: Sequence[FeatureDeclaration],
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
    # what is not known is a reason of the model's, but nothing a manager could be told or could check
    known = np.column_stack([frame[feature.name].notna() for feature in features])
    may_speak = (contributions > 0) & known
    if towards_risk:
        may_speak &= np.column_stack([_on_bad_side(f, frame[f.name], usual.get(f.name)) for f in features])
    family, families = numbered([feature.family for feature in features])
    theme, _ = numbered([theme_of(name) for name in families])
    by_family = _summed(contributions, family)
    # within a family its strongest feature speaks, within a theme its strongest family
    feature_of, may_speak = strongest(contributions, may_speak, family)
    family_of, may_speak = strongest(by_family, may_speak & (by_family > 0), theme)
    speakers = np.take_along_axis(feature_of, family_of, axis=1)
    weights = _summed(by_family, theme)
    passive = ~np.array([feature.actionable for feature in features])
    picked = pick(weights, speakers, passive[speakers], may_speak & (weights >= LEAST_CONTRIBUTION))
    return tell(picked, frame, features, usual, currency)


def numbered(names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Each name's number, and the names by number, in order of appearance."""
    distinct = list(dict.fromkeys(names))
    return np.array([distinct.index(name) for name in names], dtype=int), distinct


def _summed(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums of columns by group, shape (rows, groups)."""
    return np.asarray(values @ np.eye(group.max() + 1)[group])


def strongest(values: np.ndarray, allowed: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each group the allowed column with the largest value, and whether there is one, shape (rows, groups)."""
    best = np.empty((len(values), group.max() + 1), dtype=int)
    is_one = np.empty(best.shape, dtype=bool)
    for number in range(best.shape[1]):
        inside = np.flatnonzero(group == number)
        best[:, number] = inside[np.where(allowed[:, inside], values[:, inside], -np.inf).argmax(axis=1)]
        is_one[:, number] = allowed[:, inside].any(axis=1)
    return best, is_one


def _on_bad_side(feature: FeatureDeclaration, values: pd.Series, usual: float | None) -> np.ndarray:
    """Whether each value lies on the risky side of what is usual; a feature without a direction always does."""
    if feature.polarity == Polarity.NEITHER:
        return np.ones(len(values), dtype=bool)
    if usual is None:
        return np.zeros(len(values), dtype=bool)
    numbers = values.to_numpy(dtype="float64")
    return numbers < usual if feature.polarity == Polarity.HEALTHIER else numbers > usual
