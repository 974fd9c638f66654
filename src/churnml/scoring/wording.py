"""A feature's value as a person writes it, and its sentence with the account's own number in it.

In a sentence's braces stands what is filled in: ``{value}`` and ``{usual}``, and behind a colon how. Two words parted
by a bar follow the number in the singular or the plural (``{value:event|events}``, ``{usual:person is|people are}``);
``ahead`` says days to come as a person does ("today", "tomorrow", "in 9 days"), ``course`` a slope ("a fall of 40 %").
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration, Unit

# Since when an account could have had a past: the first of these that is known.
KNOWN_FOR = ("subscription_tenure_days", "account_age_days")
# A value of no name has no direction; what the model makes of it is said instead.
LEAVE, GROW = "leave", "grow"
# A straight line that falls by twice its mean over a lookback has reached nothing at its end.
TO_NOTHING = -2.0
# What is less is not written as nothing.
LEAST_SHARE_WRITTEN = 0.005
_ONLY = re.compile(r"\bonly ", re.IGNORECASE)
_ONE_DAY = re.compile(r"\b1 days\b")


def written(value: Any, unit: str, currency: str = "") -> str:
    """A value as a person writes it."""
    if not _is_known(value):
        return "unknown"
    if unit == Unit.NAME:
        return str(value)
    if unit == Unit.SHARE:
        if 0 < value < LEAST_SHARE_WRITTEN:
            return "under 1 %"
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


def course(slope: float) -> str:
    """A slope, as a share of the mean, from one end of its line to the other: −0.5 as "a fall of 40 %".

    The line runs from 1 − slope ÷ 2 to 1 + slope ÷ 2 times the mean. Where one of its ends lies under nothing, no
    percentage says how far it came.
    """
    if slope <= TO_NOTHING:
        return "a fall to nothing"
    if slope >= -TO_NOTHING:
        return "a rise from nothing"
    start, end = 1 - slope / 2, 1 + slope / 2
    share = round(abs(end - start) / start * 100)
    if share == 0:
        return "no change"
    return f"a fall of {share} %" if slope < 0 else f"a rise of {share:,} %"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}".removesuffix(".0")


def _is_known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


@dataclass(frozen=True)
class Amount:
    """A value in a sentence, and the words that follow it.

    Args:
        value: the value; None or NaN is not known.
        unit: see :func:`written`.
        currency: behind money.
    """

    value: Any
    unit: str
    currency: str = ""

    def __format__(self, how: str) -> str:
        """The value; with ``one|many`` that word behind it; with ``ahead`` as days to come, with ``course`` a slope."""
        if how == "course" and _is_known(self.value):
            return course(self.value)
        text = written(self.value, self.unit, self.currency)
        if how == "ahead" and _is_known(self.value):
            return {0: "today", 1: "tomorrow"}.get(round(self.value), f"in {text}")
        one, bar, many = how.partition("|")
        return f"{text} {one if text == '1' else many}" if bar else text


def sentence(
    feature: FeatureDeclaration,
    value: Any,
    usual: Any,
    currency: str = "",
    own: float | None = None,
    *,
    outcome: str = LEAVE,
) -> str:
    """The feature's own sentence with the account's number, the usual one and, where given, its ``own`` usual.

    What is no less than the account's own usual is not called "only" so much. Of a name it is said what it speaks
    for: the ``outcome``.
    """
    if not _is_known(value):
        return f"Not known: {feature.means}."
    low = feature.unit != Unit.NAME and usual is not None and value < usual
    template = feature.when_low if low else feature.when_high
    nothing = 0.0 if feature.absent is None else feature.absent
    if feature.when_absent and value == nothing:
        template = feature.when_absent
    if own is not None and feature.unit != Unit.NAME and value >= own:
        template = _ONLY.sub("", template, count=1)
    text = _ONE_DAY.sub("1 day", template).format(
        value=Amount(value, feature.unit, currency),
        usual=Amount(usual, feature.unit, currency),
        own="" if own is None else f", {written(own, feature.unit, currency)} for this account",
        change=written(value, Unit.RATIO) if feature.unit == Unit.RATIO else "",
        subject=feature.subject.replace("_", " "),
    )
    if feature.unit == Unit.NAME:
        text = f"{text.removesuffix('.')}; such accounts {outcome} more often than others."
    return str(text[:1].upper() + text[1:])


def own_usual(feature: FeatureDeclaration, frame: pd.DataFrame) -> np.ndarray:
    """What was usual of each account itself, shape (rows,): its days before this lookback, at their daily rate.

    Of a share of two features, their share in those days. Missing where the feature does not add up over days, where
    ``frame`` lacks the longer lookback, and where the account was not there for all of it.
    """
    nothing = np.full(len(frame), np.nan)
    since = next((name for name in KNOWN_FOR if name in frame.columns), None)
    before, lookback = feature.before, feature.lookback
    if not before or not lookback or since is None or before[0] not in frame.columns:
        return nothing
    lived = frame[since].to_numpy(dtype="float64") >= before[1]
    if feature.before_over:
        return np.where(lived, _share_before(feature, frame), np.nan)
    rest = _beyond(frame, before[0], feature.name)
    return np.where(lived, rest / (before[1] - lookback) * lookback, np.nan)


def _share_before(feature: FeatureDeclaration, frame: pd.DataFrame) -> np.ndarray:
    """A share of two features that add up, in the days before its lookback; missing where nothing happened then."""
    top, bottom = feature.made_of
    if not {top, bottom, feature.before_over} <= set(frame.columns) or feature.before is None:
        return np.full(len(frame), np.nan)
    over = _beyond(frame, feature.before_over, bottom)
    part, nothing = _beyond(frame, feature.before[0], top), np.full(len(frame), np.nan)
    return np.asarray(np.divide(part, over, out=nothing, where=over > 0))


def _beyond(frame: pd.DataFrame, longer: str, shorter: str) -> np.ndarray:
    """What the longer lookback holds and the shorter does not."""
    return np.asarray(frame[longer].to_numpy(dtype="float64") - frame[shorter].to_numpy(dtype="float64"))
