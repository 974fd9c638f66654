"""Whether a challenger becomes champion: a pure verdict on paired evidence, closed unless proven."""

from __future__ import annotations

from dataclasses import dataclass

from churnml.modelling.evaluation import Evaluation, Figure
from churnml.specs import PromoteIf

SPOKEN = {
    "base_rate": "the base rate",
    "recency": "recency",
    "logistic_regression": "logistic regression",
    "champion": "the present champion",
}
FIGURE_SPOKEN = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "the Brier score",
    "log_loss": "log loss",
}


@dataclass(frozen=True)
class Verdict:
    """Promoted or not, and why, in words."""

    promoted: bool
    because: str


def judge(evaluation: Evaluation, promote_if: PromoteIf, has_champion: bool) -> Verdict:
    """Promote only when every declared rival is beaten on every declared figure, intervals and all.

    Args:
        evaluation: the judged figures; holds ``champion`` when there is one.
        promote_if: the declared rule.
        has_champion: whether a champion is in office, so that a missing comparison closes the door.
    """
    if evaluation.positives < promote_if.min_positives:
        return Verdict(
            False,
            f"only {evaluation.positives} positives at the judged cutoff; "
            f"{promote_if.min_positives} are declared as the least to judge by",
        )
    for rival in promote_if.beats:
        if rival == "champion" and not has_champion:
            continue
        if rival not in evaluation.ahead:
            return Verdict(False, f"there are no figures of {SPOKEN[rival]} to compare with")
        for figure in promote_if.figures:
            ahead = evaluation.ahead[rival][figure]
            if not ahead.clear_above(0.0):
                return Verdict(False, _not_proven(rival, figure, ahead))
    rivals = [SPOKEN[rival] for rival in promote_if.beats if rival != "champion" or has_champion]
    figures = [FIGURE_SPOKEN[figure] for figure in promote_if.figures]
    first = "" if has_champion else "; there was no champion before"
    return Verdict(
        True, f"it beats {_listed(rivals)} on {_listed(figures)}, each paired 95 % interval above zero{first}"
    )


def _not_proven(rival: str, figure: str, ahead: Figure) -> str:
    return (
        f"not shown to beat {SPOKEN[rival]} on {FIGURE_SPOKEN[figure]}: "
        f"ahead by {ahead.value:+.4f}, 95 % interval {ahead.low:+.4f} to {ahead.high:+.4f}"
    )


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
