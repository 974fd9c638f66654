"""Two versions of a model side by side."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from churnml.jsontypes import Json
from churnml.modelling.record import Figures


@dataclass(frozen=True)
class ComparedVersion:
    """A version's figures, and the rows and the cutoff they are of."""

    version: str
    cutoff: dt.date
    rows: int
    positives: int
    figures: Figures


@dataclass(frozen=True)
class Comparison:
    """Two versions.

    Args:
        model: their name.
        first, second: the versions.
        ahead: by how much the second is ahead of the first on the same rows, paired, better is positive; None where
            they could not be measured again, and their figures are those recorded when each was judged.
        why_not: why they could not.
        warnings: what makes the comparison unfair.
    """

    model: str
    first: ComparedVersion
    second: ComparedVersion
    ahead: Figures | None
    why_not: str = ""
    warnings: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Json]:
        """As plain data for JSON; what is of the same rows stands there once."""
        both = (self.first, self.second)
        rows: dict[str, dict[str, Json]] = {
            "cutoff": {side.version: str(side.cutoff) for side in both},
            "rows": {side.version: side.rows for side in both},
            "positives": {side.version: side.positives for side in both},
        }
        return {
            "model": self.model,
            "versions": [side.version for side in both],
            "measured": self.ahead is not None,
            "why_not": self.why_not,
            **(rows if self.ahead is None else {name: of[self.first.version] for name, of in rows.items()}),
            "figures": {side.version: _plain(side.figures) for side in both},
            "ahead": None if self.ahead is None else _plain(self.ahead),
            "warnings": list(self.warnings),
        }


def _plain(figures: Figures) -> dict[str, Json]:
    return {name: figure.model_dump() for name, figure in figures.items()}
