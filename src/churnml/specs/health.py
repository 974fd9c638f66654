"""What ``models/health.yaml`` may say."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator

from churnml.specs.base import Declared, Name, Share


class HealthInput(Declared):
    """A feature that counts towards a dimension; its direction is the feature's own polarity."""

    feature: str
    weight: Annotated[float, Field(gt=0)] = 1.0


class Dimension(Declared):
    """A part of the health score: the weighted mean of its inputs on their reference scales."""

    weight: Annotated[float, Field(gt=0)]
    means: str
    inputs: tuple[HealthInput, ...] = Field(min_length=1)


class RiskDimension(Declared):
    """The calibrated churn probability as a dimension.

    ``points`` maps probability ÷ base rate to a score, straight lines between: RevOps reads them as
    "an account at twice the usual risk scores 35".
    """

    weight: Annotated[float, Field(gt=0)]
    model: Name = "churn"
    means: str = "the calibrated probability of churn beside the usual one"
    points: tuple[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0, le=100)]], ...] = Field(
        min_length=2
    )

    @field_validator("points")
    @classmethod
    def _falling(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(a[0] >= b[0] or a[1] < b[1] for a, b in pairwise(value)):
            raise ValueError("points must go from low to high risk, their scores never rising")
        return value


class Band(Declared):
    """A stretch of the health score: from ``at_least`` up to the next band."""

    name: Name
    at_least: Annotated[float, Field(ge=0, le=100)]


class HealthSpec(Declared):
    """What ``models/health.yaml`` may say."""

    dimensions: dict[Name, Dimension] = Field(min_length=1)
    risk: RiskDimension
    bands: tuple[Band, ...] = Field(min_length=2)
    min_coverage: Share = 0.5

    @field_validator("bands")
    @classmethod
    def _whole_scale(cls, value: tuple[Band, ...]) -> tuple[Band, ...]:
        lows = [band.at_least for band in value]
        if lows != sorted(lows, reverse=True) or len(set(lows)) != len(lows) or lows[-1] != 0:
            raise ValueError("bands go from best to worst, and the last starts at 0")
        if len({band.name for band in value}) != len(value):
            raise ValueError("two bands have the same name")
        return value
