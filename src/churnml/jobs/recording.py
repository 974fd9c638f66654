"""Recording a challenger: everything known of it, registered with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

import churnml
from churnml.adapters.registry.registered import RunDataset, RunDetails
from churnml.jobs.judging import Judgement, Recalibrated, importance, stakes_of
from churnml.jobs.opening import OpenedProject
from churnml.jobs.training import Collected, training_fingerprint, unheard_by
from churnml.ledger.erasure import JUDGED_FILE
from churnml.modelling.anew import folds_used
from churnml.modelling.ranking import gains
from churnml.modelling.record import (
    ContactPlan,
    FamilyImportance,
    GainsPoint,
    HazardRecord,
    JudgedCutoff,
    LaterPeriod,
    ModelRecord,
    PooledCutoffs,
    RecordedAnew,
    RecordedCalibration,
    RecordedFold,
    ReliabilityBin,
    TrainingRecord,
    UnheardInput,
    recorded,
    recorded_by_who,
)
from churnml.modelling.reliability import error_by_chance, reliability
from churnml.modelling.slices import slices
from churnml.modelling.survival_figures import evaluate_curves, evenly
from churnml.modelling.training import FittedModel, at_cutoffs
from churnml.pages.card import card
from churnml.specs.models import ModelSpec

if TYPE_CHECKING:
    from churnml.adapters.registry import Registry

EXAMPLE_ROWS = 5


def record_challenger(
    opened: OpenedProject,
    registry: Registry,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    judged: Judgement,
    against: str | None,
) -> ModelRecord:
    """Registers the challenger with everything known of it; moves the alias when the verdict says so.

    ``against`` is the version of the champion it was judged against, None where there was none.
    """
    record = record_of(opened, spec, collected, fitted, judged, against)
    fitted = judged.judged_model(fitted)
    parameters = {
        **{f"estimator.{key}": value for key, value in spec.estimator.model_dump().items()},
        **{f"label.{key}": value for key, value in spec.label.model_dump().items()},
        "trees": fitted.chosen.trees,
        "features": len(collected.features),
        "data_fingerprint": opened.facts.fingerprint,
        "data_through": str(opened.facts.data_through),
        "judged_cutoff": str(record.cutoff),
        "train_cutoffs": f"{collected.split.train[0]} to {collected.split.train[-1]}",
        "seed": spec.seed,
        "churnml": churnml.__version__,
    }
    example = judged.rows[fitted.predictor.feature_names].head(EXAMPLE_ROWS)
    version = registry.record(
        opened.project.name,
        fitted.predictor,
        example,
        record,
        parameters,
        _metrics(record),
        _files(record, judged),
        _details(opened, record, fitted),
    )
    return record.registered_as(version)


def _metrics(record: ModelRecord) -> dict[str, float]:
    """Every figure with its ends, as MLflow shows them."""
    curves = record.judged_curves
    figures = {
        **record.figures,
        **({"when": curves.figures["curve"]} if curves else {}),
        **({"pooled": record.pooled.figures["model"]} if record.pooled else {}),
    }
    ends = {
        f"{who}.{name}{suffix}": end
        for who, named in figures.items()
        for name, figure in named.items()
        for end, suffix in ((figure.value, ""), (figure.low, ".low"), (figure.high, ".high"))
    }
    return {name: end for name, end in ends.items() if end is not None}


def _details(opened: OpenedProject, record: ModelRecord, fitted: FittedModel) -> RunDetails:
    """What MLflow shows of the training beside its figures."""
    training, at = record.training, {"project": opened.project.name, "data_through": str(record.data_through)}
    datasets = (
        ("training", training.rows, training.positives, f"{training.cutoffs[0]} to {training.cutoffs[-1]}"),
        ("judging", record.rows, record.positives, str(record.cutoff)),
    )
    return RunDetails(
        means=record.means,
        text=f"{record.means}. {'Promoted' if record.promoted else 'Not promoted'}: {record.because}.",
        datasets=tuple(
            RunDataset(
                name=f"{opened.project.name}: {context} snapshots",
                context=context,
                digest=record.data_fingerprint[:36],
                about=at | {"cutoffs": cutoffs, "rows": str(rows), "positives": str(positives)},
            )
            for context, rows, positives, cutoffs in datasets
        ),
        losses=fitted.chosen.curve,
    )


def _files(record: ModelRecord, judged: Judgement) -> dict[str, str | bytes]:
    """What a person may want to open beside the model."""
    from churnml.pages.charts import gains_chart, png, reliability_chart

    # an artifact that may be opened in a spreadsheet: an account id must not run there
    ids = judged.rows["account_id"].astype(str)
    table = judged.rows[["as_of", "label"]].assign(**judged.predictions)
    table = table.assign(account_id=ids.where(~ids.str.match(r"^[=+\-@\t\r]"), "'" + ids))
    return {
        **({"reliability.png": png(reliability_chart(record.reliability))} if record.reliability else {}),
        **({"lift.png": png(gains_chart(record.gains))} if record.gains else {}),
        JUDGED_FILE: table.to_csv(index=False),
        "card.md": card(record),
    }


def record_of(
    opened: OpenedProject,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    judged: Judgement,
    against: str | None = None,
) -> ModelRecord:
    """The record of a challenger that is not registered yet."""
    fitted = judged.judged_model(fitted)
    evaluation, y = judged.evaluation, judged.rows["label"].to_numpy(dtype="float64")
    p = judged.predictions.get("model")
    train = at_cutoffs(collected.rows, collected.split.train)
    train = train[train["label"].notna()]
    present = at_cutoffs(collected.rows, [collected.split.judged])
    return ModelRecord(
        name=spec.name,
        means=spec.means,
        fingerprint=training_fingerprint(opened, spec, collected.marks),
        promoted=judged.verdict.promoted,
        because=judged.verdict.because,
        against=against,
        cutoff=collected.split.judged,
        left_in_gap=int(present["label"].isna().sum()),
        rows=len(y),
        positives=int(y.sum()),
        figures=recorded_by_who(evaluation.figures) if evaluation else {"model": {}},
        ahead=recorded_by_who(evaluation.ahead) if evaluation else {},
        shift=recorded(evaluation.shift) if evaluation else {},
        calibration_error_by_chance=None if p is None else error_by_chance(p),
        reliability=() if p is None else ReliabilityBin.rows_of(reliability(p, y)),
        gains=() if p is None else GainsPoint.rows_of(gains(judged.predictions, y)),
        slices=() if p is None else tuple(slices(train, judged.rows, p, spec.seed)),
        decision=_decision(spec, judged.rows) if evaluation else None,
        later=_later(collected, judged),
        pooled=_pooled(judged),
        leaks=judged.leaks,
        importance=tuple(
            FamilyImportance(family=family, log_odds=log_odds)
            for family, log_odds in (importance(fitted, judged.rows) if evaluation else {}).items()
        ),
        training=_training(spec, collected, fitted, train, judged.anew),
        hazard=_hazard(spec, collected, fitted),
        label=spec.label,
        spec=spec.model_dump(mode="json"),
        data_through=opened.facts.data_through,
        data_fingerprint=opened.facts.fingerprint,
        made_with=fitted.predictor.manifest.made_with,
        unheard=tuple(UnheardInput(**vars(one)) for one in unheard_by(opened.project, spec, collected)),
    )


def _decision(spec: ModelSpec, judged: pd.DataFrame) -> ContactPlan:
    share = stakes_of(spec, judged).share
    return ContactPlan(**spec.decision.model_dump(), share=share, contacted=share * len(judged))


def _later(collected: Collected, judged: Judgement) -> LaterPeriod | None:
    later, cutoff = judged.later, collected.split.later
    if later is None or cutoff is None:
        return None
    return LaterPeriod(
        cutoff=cutoff,
        figures=recorded_by_who(later.figures),
        ahead=recorded_by_who(later.ahead),
        rows=later.rows,
        positives=later.positives,
        shift=recorded(later.shift),
    )


def _pooled(judged: Judgement) -> PooledCutoffs | None:
    pooled = judged.pooled
    if pooled is None:
        return None
    return PooledCutoffs(
        figures=recorded_by_who(pooled.evaluation.figures),
        ahead=recorded_by_who(pooled.evaluation.ahead),
        rows=pooled.evaluation.rows,
        positives=pooled.evaluation.positives,
        positive_accounts=pooled.evaluation.leavers,
        shift=recorded(pooled.evaluation.shift),
        sure=pooled.evaluation.sure,
        champion_at=pooled.champion_at,
        by_cutoff=tuple(
            JudgedCutoff(
                cutoff=cutoff,
                taught_to=pooled.taught[cutoff],
                rows=one.rows,
                positives=one.positives,
                figures=recorded_by_who(one.figures),
            )
            for cutoff, one in pooled.by_cutoff.items()
        ),
    )


def _training(
    spec: ModelSpec, collected: Collected, fitted: FittedModel, train: pd.DataFrame, anew: Recalibrated | None
) -> TrainingRecord:
    split, calibration = collected.split, fitted.predictor.calibration
    newer = anew.anew.taught if anew and anew.holds else None
    folds = folds_used(split, anew.anew) if anew and anew.holds else split.folds
    is_sigmoid = calibration.kind == "sigmoid"
    return TrainingRecord(
        cutoffs=split.train,
        purged=split.purged,
        folds=tuple(RecordedFold(train=fold.train, validate=fold.validate) for fold in folds),
        searched_at=tuple(fold.validate for fold in split.search),
        calibrated_at=newer or tuple(fold.validate for fold in split.calibrate),
        later=split.later,
        fold_losses=fitted.fold_losses,
        search=fitted.chosen.tried,
        calibration_losses=fitted.calibration_losses,
        seeds=spec.estimator.seeds,
        touched=collected.touched,
        young=collected.young,
        rows=len(train),
        positives=int(train["label"].sum()),
        base_rate=fitted.predictor.base_rate,
        trees=fitted.chosen.trees,
        features=len(collected.features),
        calibration=RecordedCalibration(
            kind=calibration.kind,
            slope=calibration.slope if is_sigmoid else None,
            intercept=calibration.intercept if is_sigmoid else None,
            # a table of hundreds of points is known by its size
            points=len(calibration.x) or None,
        ),
        anew=_recorded_anew(anew),
    )


def _recorded_anew(anew: Recalibrated | None) -> RecordedAnew | None:
    if anew is None:
        return None
    return RecordedAnew(
        how=anew.anew.kind.words,
        taught_at=anew.anew.taught,
        losses=anew.anew.losses,
        before=recorded(anew.before),
        after=recorded(anew.after),
        held=anew.holds,
        problem=anew.problem,
    )


def _hazard(spec: ModelSpec, collected: Collected, fitted: FittedModel) -> HazardRecord | None:
    """How the curves were fitted, and their figures at the judged cutoff beside the classifier's spread evenly."""
    # everybody there at the cutoff, also who left in the gap and has no label
    judged = at_cutoffs(collected.rows, [collected.split.judged])
    hazard, curves = fitted.predictor.hazard, fitted.predictor.curves(judged)
    if hazard is None or curves is None:
        return None
    leaving = {
        "curve": curves.leaves_before,
        "classifier": evenly(fitted.predictor.predict(judged), hazard.anchor[1] - hazard.anchor[0]),
    }
    account, left_after, seen_for = (judged[name].to_numpy() for name in ("account_id", "left_after", "seen_for"))
    figures = evaluate_curves(account, left_after, seen_for, leaving, hazard.edges[-1], spec.seed)
    return HazardRecord.model_validate({**hazard.as_data(), "judged": figures})
