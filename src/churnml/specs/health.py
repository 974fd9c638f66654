"""What ``models/health.yaml`` may say."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from churnml.errors import did_you_mean
from churnml.specs.base import LARGEST, DaysOrNone, Name, PositiveDays, Share, Spec, Weight, twice

INSUFFICIENT = "insufficient_data"
RISK = "risk"
Points = Annotated[float, Field(ge=0, le=100)]


class Between(Spec):
    """A condition on a number; both ends belong to it. What is not known never fulfils it."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Between:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is above at_most, so nothing can match")
        return self


class HealthInput(Spec):
    """A feature that counts towards a dimension; its direction is the feature's own polarity.

    ``missing`` says what an account without a value gets: ``ignore`` (the weight goes to the other inputs), ``neutral``
    (50) or ``worst`` (0). ``age`` names a feature that gives the days since the value was last known; older than
    ``stale_after`` days it counts as missing, at once or, with ``half_life``, by half every so many days more.
    ``insist`` keeps an input that training found to run against its direction, or to say nothing (docs/health.md).
    """

    feature: str
    weight: Weight = 1.0
    missing: Literal["ignore", "neutral", "worst"] = "ignore"
    age: str | None = None
    stale_after: DaysOrNone | None = None
    half_life: PositiveDays | None = None
    insist: bool = False

    @model_validator(mode="after")
    def _age_has_a_limit(self) -> HealthInput:
        if (self.age is None) != (self.stale_after is None):
            raise ValueError("age and stale_after go together")
        if self.half_life is not None and self.age is None:
            raise ValueError("half_life needs age and stale_after")
        return self


class Dimension(Spec):
    """A part of the health score: the weighted mean of its inputs on their reference scales."""

    weight: Weight
    means: str
    inputs: tuple[HealthInput, ...] = Field(min_length=1)


class RiskDimension(Spec):
    """The calibrated churn probability as a dimension.

    ``points`` maps probability ÷ base rate to a score, straight lines between: RevOps reads them as
    "an account at twice the usual risk scores 35".
    """

    weight: Weight
    model: Name = "churn"
    means: str = "the calibrated probability of churn beside the usual one"
    points: tuple[tuple[Annotated[float, Field(ge=0, le=LARGEST)], Points], ...] = Field(min_length=2)

    @field_validator("points")
    @classmethod
    def _falling(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(a[0] >= b[0] or a[1] < b[1] for a, b in pairwise(value)):
            raise ValueError("points must go from low to high risk, their scores never rising")
        return value


class Band(Spec):
    """A stretch of the health score: from ``at_least`` up to the next band."""

    name: Name
    at_least: Points


class Stage(Spec):
    """A part of a customer's life, by how long it pays and when it renews; the first that matches is an account's."""

    name: Name
    tenure_days: Between | None = None
    days_to_renewal: Between | None = None


class Who(Spec):
    """Which accounts: all that is given must hold. Nothing given is everybody."""

    segment: tuple[str, ...] = ()
    stage: tuple[Name, ...] = ()
    tenure_days: Between | None = None
    days_to_renewal: Between | None = None


class Scorecard(Spec):
    """Other weights for some accounts: of the dimensions it names, and of risk; 0 is not judged by.

    The first scorecard whose ``when`` holds is an account's; the rest are judged by the dimensions' own weights.
    """

    name: Name
    when: Who
    weights: dict[Name, Weight | Literal[0]] = Field(min_length=1)


class ExceptionWhen(Who):
    """When an exception holds: as for a scorecard, and by features' values and dimensions' scores."""

    features: dict[str, Between] = Field(default_factory=dict)
    dimensions: dict[Name, Between] = Field(default_factory=dict)


class HealthException(Spec):
    """What the weighted mean must not say: a ceiling, a floor, or the worst dimension instead of the mean."""

    name: Name
    when: ExceptionWhen = ExceptionWhen()
    cap: Points | None = None
    floor: Points | None = None
    worst_dimension: bool = False

    @model_validator(mode="after")
    def _one_effect(self) -> HealthException:
        if (self.cap is not None) + (self.floor is not None) + self.worst_dimension != 1:
            raise ValueError("give exactly one of cap, floor and worst_dimension")
        return self


class Settling(Spec):
    """What keeps a band from flapping.

    The score must be ``margin`` points past the edge of a band before the band changes, and the account must have been
    in its band for ``dwell_days``.
    """

    margin: Annotated[float, Field(ge=0, lt=50)] = 3.0
    dwell_days: DaysOrNone = 14


class Events(Spec):
    """Which change is told apart from a change of band: a fall of ``drop`` points or more within ``within_days``."""

    drop: Annotated[float, Field(gt=0, le=100)] = 15.0
    within_days: PositiveDays = 30


class HealthSpec(Spec):
    """What ``models/health.yaml`` may say."""

    dimensions: dict[Name, Dimension] = Field(min_length=1)
    risk: RiskDimension
    stages: tuple[Stage, ...] = ()
    scorecards: tuple[Scorecard, ...] = ()
    exceptions: tuple[HealthException, ...] = ()
    bands: tuple[Band, ...] = Field(min_length=2)
    min_coverage: Share = 0.5
    settling: Settling = Settling()
    events: Events = Events()
    override_days: PositiveDays = 30
    rollup: Literal["none", "mrr", "mean", "worst"] = "none"

    @property
    def inputs(self) -> tuple[HealthInput, ...]:
        """Those of all dimensions, as declared."""
        return tuple(given for dimension in self.dimensions.values() for given in dimension.inputs)

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature it reads: inputs, their ages, and what exceptions ask; each once."""
        ages = [given.age for given in self.inputs if given.age]
        asked = [name for exception in self.exceptions for name in exception.when.features]
        return tuple(dict.fromkeys([*(given.feature for given in self.inputs), *ages, *asked]))

    @property
    def weights(self) -> dict[str, float]:
        """The dimensions' own weights, and that of risk, by name."""
        return {name: dimension.weight for name, dimension in self.dimensions.items()} | {RISK: self.risk.weight}

    @field_validator("dimensions")
    @classmethod
    def _risk_is_taken(cls, value: dict[str, Dimension]) -> dict[str, Dimension]:
        if RISK in value:
            raise ValueError(f"a dimension may not be named '{RISK}': that is the churn probability's own")
        return value

    @field_validator("bands")
    @classmethod
    def _whole_scale(cls, value: tuple[Band, ...]) -> tuple[Band, ...]:
        lows = [band.at_least for band in value]
        if lows != sorted(lows, reverse=True) or len(set(lows)) != len(lows) or lows[-1] != 0:
            raise ValueError("bands go from best to worst, and the last starts at 0")
        if len({band.name for band in value}) != len(value):
            raise ValueError("two bands have the same name")
        if INSUFFICIENT in {band.name for band in value}:
            raise ValueError(f"bands may not be named '{INSUFFICIENT}': that is where too little is known")
        return value

    @field_validator("stages", "scorecards", "exceptions")
    @classmethod
    def _each_name_once(cls, value: tuple[Stage, ...], info: ValidationInfo) -> tuple[Stage, ...]:
        if again := twice([declared.name for declared in value]):
            raise ValueError(f"two {info.field_name} have the name '{again}'")
        return value

    @field_validator("stages")
    @classmethod
    def _last_takes_the_rest(cls, value: tuple[Stage, ...]) -> tuple[Stage, ...]:
        open_ended = [stage.tenure_days is None and stage.days_to_renewal is None for stage in value]
        if value and open_ended != [False] * (len(value) - 1) + [True]:
            raise ValueError("the last stage, and only that, has no condition: it takes whom no other takes")
        return value

    @model_validator(mode="after")
    def _names_fit(self) -> HealthSpec:
        for kind, declared in (("scorecard", self.scorecards), ("exception", self.exceptions)):
            for one in declared:
                _known("stage", one.when.stage, [stage.name for stage in self.stages], f"{kind} '{one.name}'")
        for card in self.scorecards:
            _known("dimension", card.weights, self.weights, f"scorecard '{card.name}'")
            if not any((self.weights | card.weights).values()):
                raise ValueError(f"scorecard '{card.name}' judges by nothing: every weight is 0")
        for exception in self.exceptions:
            _known("dimension", exception.when.dimensions, self.weights, f"exception '{exception.name}'")
        return self

    @model_validator(mode="after")
    def _every_band_can_be_entered(self) -> HealthSpec:
        if self.bands[0].at_least + self.settling.margin > 100 or self.bands[-2].at_least <= self.settling.margin:
            raise ValueError("settling.margin is so wide that the best or the worst band could never be entered")
        return self


def _known(kind: str, names: Iterable[str], known: Iterable[str], where: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            raise ValueError(f"there is no {kind} named '{name}' ({where}). {did_you_mean(name, known)}")
