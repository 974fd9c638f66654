"""What ``models/features.yaml`` and ``models/<name>/spec.yaml`` may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from churnml import features as catalogue
from churnml.features.declared import DeclaredFamily
from churnml.features.levels import FEWEST_WEEKS, weeks_in
from churnml.features.usage_levels import LEVEL_FAMILIES
from churnml.labels import Label, ModelPart, check_keys_of_kind, part_played
from churnml.specs.base import (
    LARGEST,
    DaysOrNone,
    Money,
    Name,
    NotNegative,
    Positive,
    PositiveDays,
    Share,
    Spec,
    known_families,
)


class FeaturesSpec(Spec):
    """What ``models/features.yaml`` may say: the project's own families, beside those of the catalogue."""

    families: tuple[DeclaredFamily, ...] = Field(min_length=1)

    @field_validator("families")
    @classmethod
    def _new_names(cls, value: tuple[DeclaredFamily, ...]) -> tuple[DeclaredFamily, ...]:
        names = [family.name for family in value]
        for name in names:
            if name in catalogue.FAMILIES:
                raise ValueError(f"there is a family '{name}' in the catalogue already; give yours another name")
            if names.count(name) > 1:
                raise ValueError(f"two families are named '{name}'")
        return value


class Cutoffs(Spec):
    """Which cutoffs train and judge: ``every`` days back from the newest mature one."""

    every: PositiveDays = 28
    at_most: Annotated[int, Field(ge=2, le=LARGEST)] = 30


class FeatureChoice(Spec):
    """Which families of features, over which lookbacks."""

    families: tuple[str, ...] = Field(min_length=1)
    exclude: tuple[str, ...] = ()
    lookbacks: tuple[Annotated[int, Field(gt=0, le=730)], ...] = Field(default=(7, 28, 90), min_length=1, max_length=20)
    half_lives: tuple[Annotated[int, Field(gt=0, le=730)], ...] = Field(default=(), max_length=5)
    event_names: NotNegative | tuple[str, ...] = 8

    @field_validator("lookbacks", "half_lives")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    check_families = field_validator("families", "exclude")(known_families)

    @model_validator(mode="after")
    def _levels_need_half_lives(self) -> FeatureChoice:
        named = [family for family in self.families if family in LEVEL_FAMILIES]
        if named and not self.half_lives:
            raise ValueError(
                f"'{named[0]}' needs half_lives: the days after which a week counts half, as half_lives: [14, 42]"
            )
        if "usage.level_change" in named and len(self.half_lives) < 2:
            raise ValueError("'usage.level_change' compares two half_lives, and there is one")
        if self.half_lives and weeks_in(self.lookbacks[-1]) < FEWEST_WEEKS:
            raise ValueError(
                f"half_lives: a level needs a lookback of {FEWEST_WEEKS} weeks, and the longest is "
                f"{self.lookbacks[-1]} days"
            )
        return self


class Tuning(Spec):
    """A bounded search of the estimator's settings (Optuna) on folds older than what calibrates and judges.

    What it finds is taken only where the folds are sure that it beats what is declared.
    """

    trials: Annotated[int, Field(ge=0, le=500)] = 0


class Estimator(Spec):
    """How LightGBM is fitted. The number of trees is found on rows of their own, never on the judged.

    ``monotone``: whether the outcome may only fall with what is declared healthier and only rise with what is
    riskier; ``auto`` lets go of that where the folds show that it hurts. ``half_life``: days after which a row
    counts half as much; ``auto`` tries half a year. ``linear``: the share of the log-odds that a logistic regression
    over the same features gives instead of trees, from 0 to 1; ``auto`` tries half and all of it. ``seeds``: how many
    fits are averaged. Of ``folds``, every third chooses settings and trees, the others calibrate.
    """

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.04
    num_leaves: Annotated[int, Field(ge=2, le=131_072)] = 8
    min_data_in_leaf: Positive = 60
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    lambda_l2: Annotated[float, Field(ge=0, le=LARGEST)] = 10.0
    max_trees: Positive = 600
    monotone: Literal["auto"] | bool = "auto"
    half_life: Literal["auto"] | PositiveDays | None = "auto"
    linear: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = "auto"
    seeds: Annotated[int, Field(ge=1, le=50)] = 3
    folds: Annotated[int, Field(ge=1, le=24)] = 9
    tuning: Tuning = Tuning()


class PromoteIf(Spec):
    """When a challenger becomes champion: each named rival must be beaten on each named figure,
    the whole paired interval above zero."""

    # recency is not asked where there is no usage data
    beats: tuple[Literal["base_rate", "recency", "logistic_regression", "health", "champion"], ...] = (
        "base_rate",
        "recency",
        "champion",
    )
    figures: tuple[Literal["roc_auc", "average_precision", "brier", "log_loss"], ...] = Field(
        default=("roc_auc", "log_loss"), min_length=1
    )
    min_positives: Positive = 20

    @model_validator(mode="after")
    def _always(self) -> PromoteIf:
        if "base_rate" not in self.beats or "champion" not in self.beats:
            raise ValueError("'beats' must name at least base_rate and champion")
        return self


class HazardPeriods(Spec):
    """When, not only whether: the coming periods an account may leave in, ``every`` days long.

    The first period is the label's gap; the others follow it, and further ones where the label's window ends later.
    Leave ``hazard:`` out, and no curve is made.
    """

    every: Annotated[int, Field(gt=0, le=366)] = 7
    periods: Annotated[int, Field(gt=0, le=120)] = 26

    def edges(self, label: Label) -> tuple[int, ...]:
        """Days from the cutoff at which the periods begin, with the last one's end."""
        # a lapse counts from the day the window opens; other leavings in the gap are a period of their own
        opens = label.leaves_in[1] if label.kind == "lapse" else label.gap
        needed = -(-(label.leaves_in[1] - opens) // self.every)
        later = [opens + self.every * n for n in range(max(self.periods, needed) + 1)]
        return tuple(sorted({0, *later}))


class ContactTerms(Spec):
    """What the team can do with the list, and what that is worth; figures at capacity are reckoned by it.

    A contact costs ``contact_cost``; where the outcome was coming it keeps (for upsell: wins) ``saved_share`` of the
    account's MRR for ``months``.
    """

    # below 1 a share of the judged accounts, else a number of accounts
    capacity: Annotated[float, Field(gt=0, lt=1)] | Positive = 0.1
    # in the currency of mrr
    contact_cost: Money = 0.0
    # three leavers in ten take what they are offered: the mean that Verbraken, Verbeke and Baesens reckon with
    # (IEEE Transactions on Knowledge and Data Engineering 25, 2013)
    saved_share: Share = 0.3
    months: Positive = 12


class ModelSpec(Spec):
    """What ``models/<name>/spec.yaml`` may say."""

    name: Name
    means: str
    seed: NotNegative = 7
    label: Label
    # what its probability is in a scored date: the risk, the chance to grow, or none (it is trained and judged alone);
    # left out, upsell is the chance to grow and every other kind the risk
    part: ModelPart | None = None
    cutoffs: Cutoffs = Cutoffs()
    embargo: DaysOrNone = 0
    features: FeatureChoice
    estimator: Estimator = Estimator()
    calibration: Literal["auto", "none", "shift", "sigmoid", "isotonic", "venn_abers"] = "auto"
    hazard: HazardPeriods | None = None
    # training rows whose outcome the team may have changed: an account that was saved looks like one never in danger
    treated_rows: Literal["keep", "drop"] = "keep"
    promote_if: PromoteIf = PromoteIf()
    decision: ContactTerms = ContactTerms()

    @field_validator("label")
    @classmethod
    def _says_what_its_kind_reads(cls, value: Label) -> Label:
        # here rather than in the label, which a model's record gives back with every key
        check_keys_of_kind(value)
        return value

    @model_validator(mode="after")
    def _curve_fits_label(self) -> ModelSpec:
        if self.hazard is not None and not self.label.tells_when:
            raise ValueError(f"'hazard' is for labels of leaving, not for {self.label.kind}")
        if self.hazard is not None and self.plays == "grows":
            raise ValueError("'hazard' says when an account may leave: it is not for the chance to grow (part: grows)")
        return self

    @property
    def plays(self) -> ModelPart:
        """What its probability is in a scored date."""
        return part_played(self.label.kind, self.part)
