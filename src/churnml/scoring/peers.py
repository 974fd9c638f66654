"""What is particular to an account: how far it stands from its peers, and from its own past; in bits.

Peers are the accounts of the day in the same segment and of a like age. One bit is what half of them share, three
bits what an eighth does. See docs/reasons.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration, Polarity, Unit
from churnml.scoring.wording import KNOWN_FOR, own_usual

SEGMENT = "account_segment"
# An account in its first half year is compared with such.
YOUNG_DAYS = 180.0
# Fewer peers say too little: then all of the segment, and then everybody.
LEAST_PEERS = 30
# Half of its own usual is one bit; no fall says more than this.
MOST_OF_PAST = 3.0
# What has no past to compare with is neither put ahead of what has fallen to a half nor behind it.
WITHOUT_PAST = 1.0


@dataclass(frozen=True)
class Peers:
    """All accounts of a day, and who is compared with whom.

    Args:
        frame: features, one row an account.
        labels: of everybody, of the segment, of the segment and age: whose label is alike are peers, shape (3, rows).
        level: which of these each row is compared by, shape (rows,).
    """

    frame: pd.DataFrame
    labels: np.ndarray
    level: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Peers:
        """The peers among the rows of ``frame``."""
        labels = _labels(frame)
        return cls(frame, labels, _levels(labels))

    def apart(self, rows: np.ndarray, feature: FeatureDeclaration, usual: float | None) -> np.ndarray:
        """How rare it is among the peers of ``rows`` to stand where they do, or worse; in bits, same shape.

        As if one more peer stood there and one did not. On which side of what is usual an account stands says what
        is worse; a name is as rare as the accounts that have it.
        """
        column = self.frame[feature.name]
        if feature.unit == Unit.NAME:
            values, known = pd.factorize(column)[0].astype("float64"), column.notna().to_numpy()
        else:
            values = column.to_numpy(dtype="float64", na_value=np.nan)
            known = ~np.isnan(values)
        bits = np.zeros(len(rows))
        for level, label in np.unique(np.stack([self.level[rows], self.labels[self.level[rows], rows]]), axis=1).T:
            mine = (self.level[rows] == level) & (self.labels[level, rows] == label)
            among, asked = np.sort(values[known & (self.labels[level] == label)]), values[rows[mine]]
            low = np.searchsorted(among, asked, "right")
            high = len(among) - np.searchsorted(among, asked, "left")
            if feature.unit == Unit.NAME:
                there = low + high - len(among)
            else:
                there = np.where(asked < (np.nan if usual is None else usual), low, high)
            bits[mine] = np.log2((len(among) + 2) / (there + 1))
        return bits

    def fallen(self, rows: np.ndarray, feature: FeatureDeclaration) -> np.ndarray:
        """How far each of ``rows`` has come from its own usual, the bad way; in bits, same shape."""
        mine = self.frame.iloc[rows]
        own = own_usual(feature, mine)
        if np.isnan(own).all():
            return np.full(len(rows), WITHOUT_PAST)
        # as if a little of it had always been there: from one to none is no great fall
        some = 0.05 if feature.unit == Unit.SHARE else 1.0
        value = np.maximum(mine[feature.name].to_numpy(dtype="float64"), 0.0) + some
        bits = np.log2((np.maximum(own, 0.0) + some) / value)
        if feature.polarity == Polarity.RISKIER:
            bits = -bits
        elif feature.polarity == Polarity.NEITHER:
            bits = np.abs(bits)
        return np.where(np.isnan(bits), WITHOUT_PAST, np.clip(bits, 0.0, MOST_OF_PAST))


def _labels(frame: pd.DataFrame) -> np.ndarray:
    """Everybody alike, then by segment, then by segment and age: shape (3, rows)."""
    rows = len(frame)
    segment = pd.factorize(frame[SEGMENT])[0] + 1 if SEGMENT in frame.columns else np.zeros(rows, dtype=int)
    age = next((frame[name].to_numpy("float64", na_value=np.nan) for name in KNOWN_FOR if name in frame.columns), None)
    young = np.zeros(rows, dtype=int) if age is None else (age < YOUNG_DAYS).astype(int)
    return np.stack([np.zeros(rows, dtype=int), segment, 2 * segment + young])


def _levels(labels: np.ndarray) -> np.ndarray:
    """The finest labels by which each row has peers enough, shape (rows,)."""
    level = np.zeros(labels.shape[1], dtype=int)
    for number in range(1, len(labels)):
        finer = labels[number]
        level[np.bincount(finer, minlength=1)[finer] >= LEAST_PEERS] = number
    return level
