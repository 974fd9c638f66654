"""Whether a challenger becomes champion: a pure verdict on paired evidence, closed unless proven."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from churnml.declarations import FeatureDeclaration
from churnml.modelling.evaluation import Evaluation, Figure
from churnml.specs.models import PromoteIf
from churnml.timeline import Reach

SPOKEN = {
    "base_rate": "the base rate",
    "recency": "recency",
    "logistic_regression": "logistic regression",
    "health": "the health dimensions",
    "champion": "the present champion",
}
FIGURE_SPOKEN = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "the Brier score",
    "log_loss": "log loss",
}
# Probabilities that are off by more than this, surely, are not given to anybody: who plans with 44 % where 32 % leave
# plans wrong. What is sure is the interval's matter; see docs/decisions/0042-a-door-for-the-probabilities.md.
SEEN_PER_SAID = (0.8, 1.25)
# The slope on the log-odds may be off by half: it says how far the probabilities are spread, and the order stays.
SLOPE = (1 / 1.5, 1.5)
# A single cutoff is one draw of the times. It closes the door by itself only where it is off beyond any of them.
ALONE = (1 / 1.5, 1.5)
# Whoever is surely better than the model on what is declared would serve the team better, also where nobody asked
# for it to be beaten.
MUST_NOT_BE_AHEAD = ("recency", "health", "logistic_regression")


@dataclass(frozen=True)
class Verdict:
    """Promoted or not, and why, in words."""

    promoted: bool
    because: str


def judge(
    evaluation: Evaluation,
    promote_if: PromoteIf,
    has_champion: bool,
    closed: Sequence[str] = (),
    absent: Mapping[str, str] | None = None,
) -> Verdict:
    """Promote only when no door is closed and every declared rival is beaten on every declared figure.

    Args:
        evaluation: the judged figures; holds ``champion`` when there is one.
        promote_if: the declared rule.
        has_champion: whether there is a champion, so that a missing comparison closes the door.
        closed: doors found closed before anything was measured, each as a reason.
        absent: rivals that these data cannot have, with the reason; they need not be beaten.
    """
    absent = absent or {}
    if closed:
        return Verdict(False, "; ".join(closed))
    if evaluation.leavers < promote_if.min_positives:
        return Verdict(
            False,
            f"only {evaluation.leavers} positives {evaluation.at}; "
            f"{promote_if.min_positives} are declared as the least to judge by",
        )
    problem = shifted(evaluation) or outdone(evaluation, promote_if.figures)
    if problem:
        return Verdict(False, problem)
    asked = [who for who in promote_if.beats if (has_champion or who != "champion") and who not in absent]
    for rival in asked:
        if rival not in evaluation.ahead:
            return Verdict(False, f"there are no figures of {SPOKEN[rival]} to compare with")
        for figure in promote_if.figures:
            ahead = evaluation.ahead[rival].get(figure)
            if ahead is None or not ahead.clear_above(0.0):
                return Verdict(False, _not_proven(rival, figure, ahead))
    figures = [FIGURE_SPOKEN[figure] for figure in promote_if.figures]
    first = "" if has_champion else "; there was no champion before"
    skipped = "".join(f"; {SPOKEN[who]} was not asked, as {absent[who]}" for who in promote_if.beats if who in absent)
    return Verdict(
        True,
        f"it beats {_listed([SPOKEN[who] for who in asked])} on {_listed(figures)}, "
        f"each paired 95 % interval above zero{first}{skipped}",
    )


def _not_proven(rival: str, figure: str, ahead: Figure | None) -> str:
    measured = "there is no such figure"
    if ahead is not None:
        measured = f"ahead by {ahead.value:+.4f}, 95 % interval {ahead.low:+.4f} to {ahead.high:+.4f}"
    return f"not shown to beat {SPOKEN[rival]} on {FIGURE_SPOKEN[figure]}: {measured}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


# ---------------------------------------------------------------- doors


def shifted(evaluation: Evaluation, within: tuple[float, float] = SEEN_PER_SAID) -> str | None:
    """That the probabilities did not hold where it was judged, by more than chance and a tolerance explain.

    Args:
        evaluation: the judged figures; an interval that lies wholly beyond the tolerance closes the door.
        within: how far seen per said may be off.
    """
    doors = {
        "seen_over_said": ("positives seen are {value:.2f} times what was said", within),
        "calibration_slope": ("the log-odds are {value:.2f} times as steep as was said", SLOPE),
    }
    for name, (sentence, (least, most)) in doors.items():
        figure = evaluation.shift.get(name)
        if figure is not None and (figure.low > most or figure.high < least):
            return (
                f"the calibration has shifted {evaluation.at}: {sentence.format(value=figure.value)}, "
                f"{evaluation.sure * 100:.0f} % interval {figure.low:.2f} to {figure.high:.2f}, where {least:.2f} to "
                f"{most:.2f} is tolerated"
            )
    return None


def outdone(evaluation: Evaluation, figures: Sequence[str]) -> str | None:
    """That a simpler rival is surely ahead of the model on a declared figure, paired."""
    for rival in MUST_NOT_BE_AHEAD:
        for figure in figures:
            ahead = evaluation.ahead.get(rival, {}).get(figure)
            if ahead is not None and ahead.high < 0:
                return (
                    f"{SPOKEN[rival]} is ahead of it on {FIGURE_SPOKEN[figure]}, by {-ahead.value:.4f}, 95 % interval "
                    f"{-ahead.high:.4f} to {-ahead.low:.4f}: the simpler one would serve better"
                )
    return None


def faded(later: Evaluation) -> str | None:
    """That on the second, later period the order is no longer surely better than chance, or the calibration is off."""
    order = later.figures["model"]["roc_auc"]
    if not order.clear_above(0.5):
        return (
            f"in the later period it is not shown to rank better than chance: ROC AUC {order.value:.3f}, "
            f"95 % interval {order.low:.3f} to {order.high:.3f}"
        )
    return shifted(replace(later, at="in the later period"))


def overlapping(who: str, trained_on: Sequence[dt.date], judged: dt.date, reach: Reach, embargo: int = 0) -> str | None:
    """That ``who`` has trained on rows whose labels were not yet final at the judged cutoff."""
    late = [cutoff for cutoff in trained_on if not reach.is_purged_for(cutoff, judged, embargo)]
    if not late:
        return None
    return f"{who} has trained on rows of {max(late)}, which the judged cutoff {judged} overlaps"


def misfitting(who: str, features: Sequence[FeatureDeclaration], rows: pd.DataFrame) -> str | None:
    """That the judged rows lack a column which ``who`` reads, or hold another kind of values in it."""
    for feature in features:
        name, is_name = feature.name, feature.is_category
        if name not in rows.columns:
            return f"{who} reads feature '{name}', which the judged rows do not have"
        column = rows[name]
        is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if column.notna().any() and is_number == is_name:
            kinds = ("numbers", "names") if is_name else ("names", "numbers")
            return f"{who} reads feature '{name}' as {kinds[1]}, but the judged rows hold {kinds[0]} in it"
    return None
