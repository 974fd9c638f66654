"""Measures made of other features of the same account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Ratio:
    """One feature ÷ another × ``scale``; missing where there is nothing to divide by (MADE)."""

    top: str
    bottom: str
    scale: float = 1.0

    @property
    def made_of(self) -> tuple[str, str]:
        """Both features."""
        return (self.top, self.bottom)

    def __call__(self, features: Mapping[str, pd.Series]) -> np.ndarray:
        over = np.asarray(features[self.bottom], dtype="float64")
        shares = np.full(over.shape, np.nan)
        np.divide(np.asarray(features[self.top], dtype="float64") * self.scale, over, out=shares, where=over > 0)
        return shares


@dataclass(frozen=True)
class PeriodRatio(Ratio):
    """One feature ÷ the same over a longer time: nothing is known before that has been lived (MADE)."""

    lived: int = 0


def placed(_features: Mapping[str, pd.Series]) -> np.ndarray:
    """The measure of a PLACED feature has no rows of its own: :mod:`churnml.modelling.reference` places it."""
    raise AssertionError("a PLACED feature is placed, not measured")
