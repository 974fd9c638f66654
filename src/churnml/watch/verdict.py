"""From figures to what is to be done: a pure verdict by the declared triggers, on whole intervals only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from churnml.ledger.monitoring import WatchAlarm
from churnml.modelling.evaluation import Figure
from churnml.specs.monitoring import WatchAction, WatchTrigger

# From the mildest to the strongest.
ACTIONS: tuple[WatchAction, ...] = get_args(WatchAction)
MEANINGS: Mapping[str, str] = {
    "score_drift": "the probabilities have moved since training: population stability index",
    "feature_drift": "features have moved since training that carry this share of the model's gain:",
    "expected_roc_auc": "the ROC AUC to be expected of the newest scores is",
    "expected_average_precision": "the average precision to be expected of the newest scores is",
    "expected_precision_at_capacity": "the share of outcomes to be expected among the first accounts is",
    "realised_roc_auc": "the ROC AUC of the scores whose outcomes are known is",
    "realised_average_precision": "the average precision of the scores whose outcomes are known is",
    "realised_brier": "the Brier score of the scores whose outcomes are known is",
    "realised_log_loss": "the log loss of the scores whose outcomes are known is",
    "realised_calibration_error": "the calibration error of the scores whose outcomes are known is",
    "realised_seen_over_said": "outcomes seen for each one predicted, where nobody acted:",
    "realised_calibration_slope": "the slope of outcomes on predicted log-odds, where nobody acted, is",
    "realised_precision_at_capacity": "the share of outcomes among the first accounts was",
    "leavers_missed": "of those who left, this share stood in the best band, on no list and not held out:",
}


@dataclass(frozen=True)
class Recourse:
    """What can be done about the champion at this moment.

    Args:
        fell_back: why there is no falling back; empty where there is.
        trained: why no new version is asked for; empty where one may be.
        of_champion: whether the realised figures are of the present champion's own scores.
    """

    fell_back: str = ""
    trained: str = ""
    of_champion: bool = True


def alarms_of(
    triggers: Sequence[WatchTrigger], model: str, figures: Mapping[str, Figure], recourse: Recourse
) -> tuple[WatchAlarm, ...]:
    """The triggers that fire, the strongest action first.

    Args:
        triggers: as declared.
        model: its name.
        figures: name as in the declaration → figure; those not known are left out.
        recourse: what can be done; a stronger action that cannot be taken becomes the next milder one, and says so.
    """
    fired = [
        _alarm(trigger, figures[trigger.figure], recourse)
        for trigger in triggers
        if (not trigger.models or model in trigger.models)
        and trigger.figure in figures
        and surely_beyond(figures[trigger.figure], trigger)
    ]
    return tuple(sorted(fired, key=lambda alarm: -ACTIONS.index(alarm.action)))


def surely_beyond(figure: Figure, trigger: WatchTrigger) -> bool:
    """Whether the whole interval lies beyond the bound; one that is not known does not."""
    if not (math.isfinite(figure.low) and math.isfinite(figure.high)):
        return False
    if trigger.above is not None:
        return figure.low > trigger.above
    return trigger.below is not None and figure.high < trigger.below


def _alarm(trigger: WatchTrigger, figure: Figure, recourse: Recourse) -> WatchAlarm:
    action, why_not = _possible(trigger, recourse)
    bound = f"above {trigger.above:g}" if trigger.above is not None else f"below {trigger.below:g}"
    sentence = (
        f"{MEANINGS[trigger.figure]} {figure.value:.3f}, 95 % interval {figure.low:.3f} to {figure.high:.3f}, "
        f"{bound} as a whole"
    )
    return WatchAlarm(trigger.figure, action, "; ".join([sentence, *why_not]))


def _possible(trigger: WatchTrigger, recourse: Recourse) -> tuple[WatchAction, list[str]]:
    """The action that can be taken, and why a stronger one cannot."""
    action: WatchAction = trigger.then
    why_not: list[str] = []
    if action == "fall_back":
        others = trigger.figure.startswith("realised_") and not recourse.of_champion
        problem = "these scores are not of the present champion" if others else recourse.fell_back
        if problem:
            why_not.append(f"no falling back: {problem}")
            action = "train_now"
    if action in ("train_now", "recalibrate") and recourse.trained:
        why_not.append(f"nothing new is asked for: {recourse.trained}")
        action = "warn"
    return action, why_not
