"""What ``models/monitoring.yaml`` may say: when a model is no longer what it was, and what is done then."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from churnml.specs.base import DaysOrNone, Name, PositiveDays, Spec

# Drift has no outcome to wait for; ``expected_`` is by the model's own confidence, ``realised_`` by outcomes.
WatchedName = Literal[
    "score_drift",
    "feature_drift",
    "expected_roc_auc",
    "expected_average_precision",
    "expected_precision_at_capacity",
    "realised_roc_auc",
    "realised_average_precision",
    "realised_brier",
    "realised_log_loss",
    "realised_calibration_error",
    "realised_seen_over_said",
    "realised_calibration_slope",
    "realised_precision_at_capacity",
    "leavers_missed",
]
# From the mildest to the strongest.
WatchAction = Literal["warn", "recalibrate", "train_now", "fall_back"]


class WatchTrigger(Spec):
    """A figure beyond a bound, and what is done then.

    It counts only where the figure's whole 95 % interval lies beyond the bound. `warn` says so. `recalibrate` fits the
    champion's calibration anew on outcomes that are known by now, as a new version that is promoted if it is proven
    better. `train_now` asks for a training, promoted or not as ever. `fall_back` makes the champion before the present
    one champion again. Without `models` it holds for all.
    """

    figure: WatchedName
    above: float | None = None
    below: float | None = None
    then: WatchAction = "warn"
    models: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_bound(self) -> WatchTrigger:
        if (self.above is None) == (self.below is None):
            raise ValueError("give either 'above' or 'below'")
        return self


class MonitoringSpec(Spec):
    """How models are watched.

    A column has moved when its population stability index is surely above `moved_from`, and above what any training
    cutoff showed. Scores are judged by their outcomes once in every `every` days, and together over the newest
    `rolling` days of them. For `rest_days` after a training none is asked for again.
    """

    moved_from: Annotated[float, Field(gt=0, le=10)] = 0.25
    every: PositiveDays = 28
    rolling: PositiveDays = 91
    rest_days: DaysOrNone = 28
    triggers: tuple[WatchTrigger, ...] = ()
