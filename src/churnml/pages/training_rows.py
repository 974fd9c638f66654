"""What is told of the rows a model learned from: accounts in their first weeks, and those the team worked."""

from __future__ import annotations

from churnml.modelling.record import TrainingRecord, TreatedRows, YoungAccounts
from churnml.pages.presenter import number, percent


def training_sentences(training: TrainingRecord) -> list[str]:
    """What there is to tell, each without its full stop; empty where there is nothing."""
    told = [young_sentence(training.young, training.rows)] if training.young else []
    if training.touched:
        told.append(treated_sentence(training.touched))
    return [sentence for sentence in told if sentence]


def young_sentence(young: YoungAccounts, trained: int) -> str:
    """How many rows are of accounts in their first weeks; empty where there is nothing to tell.

    Args:
        young: the counts.
        trained: how many rows trained, for records of before young accounts were counted among all.
    """
    parts, of = [], young.of or trained
    if young.rows:
        parts.append(
            f"{number(young.rows)} of {number(of)} training rows ({percent(young.rows / max(of, 1), 0)}, "
            f"{number(young.positives)} of them positive) are of accounts that had not yet lived {young.longest} days: "
            "they train by what they have, and what compares periods they have not lived is not known of them"
        )
    if young.left_out:
        parts.append(
            f"{number(young.left_out)} rows of the earliest cutoffs did not train, because the data do not reach back "
            "over what their accounts had lived"
        )
    return "; ".join(parts)


def treated_sentence(touched: TreatedRows) -> str:
    """How many rows the team worked before their outcome was known, and how they differ from the others."""
    if not touched.treated:
        return "no training row was worked by the team before its outcome was known"
    others = touched.rows - touched.treated
    return (
        f"{number(touched.treated)} of {number(touched.rows)} training rows were worked by the team before their "
        f"outcome was known and were {'left out' if touched.dropped else 'kept'}: "
        f"{percent(touched.treated_positives / touched.treated)} of them were positive, of the others "
        f"{percent((touched.positives - touched.treated_positives) / others if others else None)}"
    )
