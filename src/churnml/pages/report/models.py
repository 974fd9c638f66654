"""The models in the report: their figures beside their rivals', what drives them, and how they were judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from churnml.features import words_for
from churnml.modelling.record import ModelRecord, RecordedCalibration, RecordedFigure, Slice
from churnml.pages import charts
from churnml.pages.presenter import (
    MAIN_FIGURES,
    by_who,
    capacity_figures,
    interval,
    money_column,
    number,
    percent_interval,
    who_name,
)
from churnml.pages.report.parts import ReportChart, report_chart
from churnml.scoring.reasons import LEAST_CONTRIBUTION

# Less than this on the log-odds moves next to nothing.
LEAST_LOG_ODDS = 0.0005
FIGURE_DIGITS = {"roc_auc": 3, "average_precision": 3, "brier": 4, "log_loss": 4, "calibration_error": 4}


@dataclass(frozen=True)
class WhoRow:
    """Figures of the model or of a rival, and whether the model is ahead of it, behind, or neither is shown."""

    who: str
    is_model: bool
    cells: Sequence[str]
    verdict: str | None


@dataclass(frozen=True)
class FamilyRow:
    """How far a family of features moves the odds; ``width`` is the bar's, in percent."""

    family: str
    means: str
    odds: float
    width: float


@dataclass(frozen=True)
class ModelSection:
    """What the page shows of one trained version.

    Args:
        record: its record.
        in_use: whether it gave the probabilities on the page.
        figures: figure → everybody's value, and how far the model is ahead of it.
        capacity: what everybody catches among the accounts put first; empty where no capacity is declared.
        capacity_shown: the figures that its cells are of.
        slices: the judged accounts part by part, by what they are parted.
        calibration: in words.
        drivers: feature families, strongest first, but for the ``still`` ones that move next to nothing.
        forest, reliability, gains, split: the charts.
    """

    record: ModelRecord
    in_use: bool
    figures: Mapping[str, Sequence[WhoRow]]
    capacity: Sequence[WhoRow]
    capacity_shown: Sequence[str]
    slices: Mapping[str, Sequence[Slice]]
    calibration: str | None
    drivers: Sequence[FamilyRow]
    still: int
    forest: ReportChart | None
    reliability: ReportChart | None
    gains: ReportChart | None
    split: ReportChart


def model_section(record: ModelRecord, version_used: str | None) -> ModelSection:
    drivers = _drivers(record)
    return ModelSection(
        record=record,
        in_use=version_used is not None and record.version == version_used,
        figures={figure: _figure_rows(record, figure) for figure in MAIN_FIGURES},
        capacity=_capacity_rows(record),
        capacity_shown=capacity_figures(record.figures),
        slices={by: tuple(parts) for by, parts in groupby(record.slices, key=lambda part: part.by)},
        calibration=_calibration_words(record.training.calibration),
        drivers=drivers,
        still=sum(row.log_odds is not None for row in record.importance) - len(drivers),
        forest=_forest(record),
        reliability=_reliability(record),
        gains=_gains(record),
        split=_split(record),
    )


# ---------------------------------------------------------------- figures


def _figure_rows(record: ModelRecord, figure: str) -> list[WhoRow]:
    """Everybody's value of a figure, and how far the model is ahead, paired."""
    rows = []
    for who in by_who(record.figures):
        value = interval(record.figures[who].get(figure), FIGURE_DIGITS[figure])
        ahead = record.ahead.get(who, {}).get(figure)
        lead = "" if who == "model" else interval(ahead, FIGURE_DIGITS[figure], signed=True)
        rows.append(WhoRow(who_name(who), who == "model", [value, lead], _verdict_of(ahead)))
    return rows


def _verdict_of(ahead: RecordedFigure | None) -> str | None:
    """What a paired interval shows of the model: ahead, behind, or neither."""
    if ahead is None or ahead.low is None or ahead.high is None:
        return None
    if ahead.low > 0:
        return "ahead"
    return "behind" if ahead.high < 0 else "not shown"


def _capacity_rows(record: ModelRecord) -> list[WhoRow]:
    figures = record.figures
    if record.decision is None or "precision_at_capacity" not in figures["model"]:
        return []
    everybody = by_who(figures)
    columns = [
        _capacity_column(name, [figures[who].get(name) for who in everybody]) for name in capacity_figures(figures)
    ]
    verdicts = [_verdict_of(record.ahead.get(who, {}).get("caught_at_capacity")) for who in everybody]
    return [
        WhoRow(who_name(who), who == "model", cells, verdict)
        for who, verdict, *cells in zip(everybody, verdicts, *columns, strict=True)
    ]


def _capacity_column(name: str, figures: Sequence[RecordedFigure | None]) -> list[str]:
    if name == "profit_at_capacity":
        return money_column(figures)
    if name == "lift_at_capacity":
        return [interval(figure, 1) for figure in figures]
    return [percent_interval(figure, 0) for figure in figures]


# ---------------------------------------------------------------- what it is made of


def _calibration_words(calibration: RecordedCalibration | None) -> str | None:
    if calibration is None:
        return None
    if calibration.kind == "sigmoid":
        return f"a sigmoid (slope {number(calibration.slope, 2)}, intercept {number(calibration.intercept, 2)})"
    return {"isotonic": "an isotonic curve", "venn_abers": "Venn–Abers prediction"}.get(calibration.kind)


def _drivers(record: ModelRecord) -> list[FamilyRow]:
    """Feature families by how much they move the log-odds, but for those that move nothing."""
    moving = [
        (row.family, row.log_odds)
        for row in record.importance
        if row.log_odds is not None and row.log_odds >= LEAST_LOG_ODDS
    ]
    # a model that has learned next to nothing must not look as if it had
    largest = max([LEAST_CONTRIBUTION, *(log_odds for _, log_odds in moving)])
    return [
        FamilyRow(family, words_for(family), math.exp(log_odds), 100 * log_odds / largest)
        for family, log_odds in moving
    ]


# ---------------------------------------------------------------- charts


def _forest(record: ModelRecord) -> ReportChart | None:
    measured = [figures["roc_auc"].value for figures in record.figures.values() if "roc_auc" in figures]
    if all(value is None for value in measured):
        return None
    return report_chart(
        charts.forest_chart(record.figures, "roc_auc"),
        "ROC AUC beside the rivals",
        "Dots are what was measured, lines the 95 % interval. Overlapping lines decide nothing: "
        "the paired column of the table does.",
    )


def _reliability(record: ModelRecord) -> ReportChart | None:
    if not record.reliability:
        return None
    return report_chart(
        charts.reliability_chart(record.reliability),
        "Do the probabilities hold?",
        "Accounts in groups of like probability: what was said of them against the share seen. "
        "On the dashed line both agree; lines are 95 % intervals.",
    )


def _gains(record: ModelRecord) -> ReportChart | None:
    if not record.gains:
        return None
    return report_chart(
        charts.gains_chart(record.gains),
        "What the top of the list catches",
        "If the accounts with the highest probability are contacted first: how many of all outcomes are among them.",
    )


def _split(record: ModelRecord) -> ReportChart:
    return report_chart(
        charts.split_chart(
            record.label.reach, record.training.cutoffs, record.training.purged, record.cutoff, record.data_through
        ),
        "How the cutoffs were split",
        "Each line is one cutoff (the dot) with its label window (the bar) and, dotted, the days until the outcome "
        "is final. A cutoff may train only if that was over when the judged cutoff came; the others are purged. "
        "The dashed lines are the judged cutoff and the end of the data.",
    )
