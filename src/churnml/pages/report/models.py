"""The models in the report: their figures beside their rivals', what drives them, and how they were judged."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.features import words_for
from churnml.modelling.record import ModelRecord, RecordedCalibration, RecordedFigure, TrainingRecord
from churnml.pages.presenter import (
    CAPACITY_FIGURES,
    FIGURE_MEANINGS,
    MAIN_FIGURES,
    NOTHING,
    RIVAL_MEANINGS,
    WHO_NAMES,
    capitalised,
    figure_name,
    interval,
    money_column,
    number,
    outcome_name,
    percent_interval,
    who_name,
)
from churnml.pages.report.model_charts import forest_of, gains_of, reliability_of, split_of
from churnml.pages.report.parts import ReportChart, share
from churnml.scoring.reasons import LEAST_CONTRIBUTION
from churnml.timeline import Window

FAMILIES_SHOWN = 8
# Less than this on the log-odds moves next to nothing.
LEAST_LOG_ODDS = 0.0005
FIGURE_DIGITS = {"roc_auc": 3, "average_precision": 3, "brier": 4, "log_loss": 4, "calibration_error": 4}


@dataclass(frozen=True)
class WhoRow:
    """One figure of the model or of a rival, and how far the model is ahead of it."""

    who: str
    is_model: bool
    value: str
    ahead: str
    verdict: str | None


@dataclass(frozen=True)
class FigureRows:
    title: str
    means: str
    rows: Sequence[WhoRow]


@dataclass(frozen=True)
class CapacityRow:
    """What the model or a rival catches among the accounts it puts first."""

    who: str
    is_model: bool
    cells: Sequence[str]
    verdict: str | None


@dataclass(frozen=True)
class Capacity:
    """Who catches what among the first accounts of the list, as many as the team can contact."""

    contacted: float
    share: float
    saved_share: float
    months: int
    contact_cost: float
    names: Sequence[str]
    rows: Sequence[CapacityRow]


@dataclass(frozen=True)
class Holding:
    """Whether the probabilities hold, and what the Brier score is made of."""

    seen_over_said: str
    slope: str
    intercept: str
    error: str
    by_chance: str
    reliability: str
    resolution: str
    uncertainty: str


@dataclass(frozen=True)
class SliceRow:
    part: str
    rows: int
    positives: int
    mean_probability: float
    seen: str
    roc_auc: str
    too_small: bool


@dataclass(frozen=True)
class SliceGroup:
    """The judged accounts, part by part of one kind."""

    by: str
    parts: Sequence[SliceRow]


@dataclass(frozen=True)
class FamilyRow:
    """How far a family of features moves the odds; ``width`` is the bar's, in percent."""

    family: str
    means: str
    odds: float
    width: float


@dataclass(frozen=True)
class Drivers:
    """Feature families, strongest first; ``still`` of them move next to nothing."""

    first: Sequence[FamilyRow]
    rest: Sequence[FamilyRow]
    still: int


@dataclass(frozen=True)
class FoldRow:
    validates: dt.date
    cutoffs: int
    last_cutoff: dt.date
    loss: float | None


@dataclass(frozen=True)
class TrainingFacts:
    cutoffs: Sequence[dt.date]
    purged: Sequence[dt.date]
    rows: int
    positives: int
    base_rate: float | None
    trees: int
    features: int
    calibration: str | None
    folds: Sequence[FoldRow]


@dataclass(frozen=True)
class ModelSection:
    """All that the page shows of one trained version."""

    name: str
    means: str
    version: str
    promoted: bool
    because: str
    in_use: bool
    cutoff: dt.date
    window: Window
    gap: int
    horizon: int
    settle: int
    outcome: str
    rows: int
    positives: int
    share: float | None
    left_in_gap: int
    figures: Sequence[FigureRows]
    rivals: Sequence[tuple[str, str]]
    training: TrainingFacts
    drivers: Drivers
    capacity: Capacity | None
    holding: Holding | None
    slices: Sequence[SliceGroup]
    forest: ReportChart | None
    reliability: ReportChart | None
    gains: ReportChart | None
    split: ReportChart


def model_section(name: str, record: ModelRecord, version_used: str | None) -> ModelSection:
    reach = record.label.reach
    return ModelSection(
        name=name,
        means=record.means,
        version=record.version or NOTHING,
        promoted=record.promoted,
        because=record.because,
        in_use=version_used is not None and record.version == version_used,
        cutoff=record.cutoff,
        window=reach.window(record.cutoff),
        gap=reach.gap,
        horizon=reach.horizon,
        settle=reach.settle,
        outcome=outcome_name(record.label.kind),
        rows=record.rows,
        positives=record.positives,
        share=share(record.positives, record.rows),
        left_in_gap=record.left_in_gap or 0,
        figures=_figure_rows(record),
        rivals=[(who_name(who), means) for who, means in RIVAL_MEANINGS.items() if who in record.figures],
        training=_training_facts(record.training),
        drivers=_drivers(record),
        capacity=_capacity(record),
        holding=_holding(record),
        slices=_slice_groups(record),
        forest=forest_of(record),
        reliability=reliability_of(record),
        gains=gains_of(record),
        split=split_of(record),
    )


def _figure_rows(record: ModelRecord) -> list[FigureRows]:
    """Figure by figure, everybody's value and how far the model is ahead, paired."""
    groups = []
    for figure in MAIN_FIGURES:
        rows = []
        for who in _everybody(record):
            ahead = record.ahead.get(who, {}).get(figure) if who != "model" else None
            rows.append(
                WhoRow(
                    who=who_name(who),
                    is_model=who == "model",
                    value=interval(record.figures[who].get(figure), FIGURE_DIGITS[figure]),
                    ahead=interval(ahead, FIGURE_DIGITS[figure], signed=True),
                    verdict=_verdict_of(ahead),
                )
            )
        groups.append(FigureRows(capitalised(figure_name(figure)), FIGURE_MEANINGS[figure], rows))
    return groups


def _everybody(record: ModelRecord) -> list[str]:
    """Whoever has figures, in the order they are always shown in."""
    return [who for who in WHO_NAMES if who in record.figures]


def _verdict_of(ahead: RecordedFigure | None) -> str | None:
    """What a paired interval shows of the model: ahead, behind, or neither."""
    if ahead is None or ahead.low is None or ahead.high is None:
        return None
    if ahead.low > 0:
        return "ahead"
    return "behind" if ahead.high < 0 else "not shown"


# ---------------------------------------------------------------- what it is worth, and whether it holds


def _capacity(record: ModelRecord) -> Capacity | None:
    decision, figures = record.decision, record.figures
    if decision is None or "precision_at_capacity" not in figures.get("model", {}):
        return None
    everybody = _everybody(record)
    columns = [_capacity_column(name, [figures[who].get(name) for who in everybody]) for name in CAPACITY_FIGURES]
    return Capacity(
        contacted=decision.contacted,
        share=decision.share,
        saved_share=decision.saved_share,
        months=decision.months,
        contact_cost=decision.contact_cost,
        names=[capitalised(figure_name(name)) for name in CAPACITY_FIGURES],
        rows=[
            CapacityRow(
                who=who_name(who),
                is_model=who == "model",
                cells=cells,
                verdict=_verdict_of(record.ahead.get(who, {}).get("caught_at_capacity")),
            )
            for who, *cells in zip(everybody, *columns, strict=True)
        ],
    )


def _capacity_column(name: str, figures: Sequence[RecordedFigure | None]) -> list[str]:
    if name == "profit_at_capacity":
        return money_column(figures)
    if name == "lift_at_capacity":
        return [interval(figure, 1) for figure in figures]
    return [percent_interval(figure, 0) for figure in figures]


def _holding(record: ModelRecord) -> Holding | None:
    figures = record.figures.get("model", {})
    if "seen_over_said" not in figures:
        return None
    return Holding(
        seen_over_said=interval(figures["seen_over_said"], 2),
        slope=interval(figures.get("calibration_slope"), 2),
        intercept=interval(figures.get("calibration_intercept"), 2),
        error=interval(figures["calibration_error"], 3),
        by_chance=number(record.calibration_error_by_chance, 3),
        reliability=interval(figures.get("brier_reliability"), 4),
        resolution=interval(figures.get("brier_resolution"), 4),
        uncertainty=interval(figures.get("brier_uncertainty"), 4),
    )


def _slice_groups(record: ModelRecord) -> list[SliceGroup]:
    groups: dict[str, list[SliceRow]] = {}
    for part in record.slices:
        groups.setdefault(part.by, []).append(
            SliceRow(
                part=part.part,
                rows=part.rows,
                positives=part.positives,
                mean_probability=part.predicted,
                seen=percent_interval(RecordedFigure(value=part.seen, low=part.low, high=part.high)),
                roc_auc=interval(part.roc_auc, 2),
                too_small=part.too_small,
            )
        )
    return [SliceGroup(by, parts) for by, parts in groups.items()]


# ---------------------------------------------------------------- what it is made of


def _training_facts(training: TrainingRecord) -> TrainingFacts:
    return TrainingFacts(
        cutoffs=training.cutoffs,
        purged=training.purged,
        rows=training.rows,
        positives=training.positives,
        base_rate=training.base_rate,
        trees=training.trees,
        features=training.features,
        calibration=_calibration_words(training.calibration),
        folds=[
            FoldRow(
                validates=fold.validated,
                cutoffs=len(fold.train),
                last_cutoff=fold.train[-1],
                loss=training.fold_losses.get(str(fold.validated)),
            )
            for fold in training.folds
        ],
    )


def _calibration_words(calibration: RecordedCalibration | None) -> str | None:
    if calibration is None:
        return None
    if calibration.kind == "sigmoid":
        return f"a sigmoid (slope {number(calibration.slope, 2)}, intercept {number(calibration.intercept, 2)})"
    return {"isotonic": "an isotonic curve", "venn_abers": "Venn–Abers prediction"}.get(calibration.kind)


def _drivers(record: ModelRecord) -> Drivers:
    """Feature families by how much they move the log-odds; those that move nothing are only counted."""
    measured = [(row.family, row.log_odds) for row in record.importance if row.log_odds is not None]
    moving = [(family, log_odds) for family, log_odds in measured if log_odds >= LEAST_LOG_ODDS]
    # a model that has learned next to nothing must not look as if it had
    largest = max([LEAST_CONTRIBUTION, *(log_odds for _, log_odds in moving)])
    rows = [
        FamilyRow(
            family=family,
            means=words_for(family),
            odds=math.exp(log_odds),
            width=100 * log_odds / largest,
        )
        for family, log_odds in moving
    ]
    return Drivers(rows[:FAMILIES_SHOWN], rows[FAMILIES_SHOWN:], len(measured) - len(moving))
